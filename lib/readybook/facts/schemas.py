"""Pydantic models, of version 1 and 2: their fields, their configuration, and the routes that take or return them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts.application import TEMPLATE, Route
from readybook.facts.interpreter import Interpreter
from readybook.facts.objects import ClassValue, FunctionValue, Instance, Subscripted
from readybook.facts.parameters import MODELS, body_inputs
from readybook.facts.schemafields import OwnFields, SchemaField, schema_fields
from readybook.facts.settings_values import _merged, is_settings
from readybook.facts.values import UNKNOWN, by_default
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour

ROOTS = ("pydantic.RootModel", "pydantic.root_model.RootModel")
KNOWN = ("pydantic.v1.BaseModel", "pydantic.main.BaseModel", "fastapi_camelcase.CamelModel",
         "fastapi_utils.api_model.APIModel", "ninja.Schema", *(f"fastapi_users.schemas.{n}" for n in (
             "BaseUser", "BaseUserCreate", "BaseUserUpdate", "CreateUpdateDictModel")))
MAX_PARTS = 60


@record
class Config:
    """A model's own ``model_config`` or ``class Config``: what it sets, as values, and where it stands."""

    place: Place
    values: tuple[tuple[str, Any], ...]
    style: str  # "model_config" or "Config"


@record
class Schema:
    """One Pydantic model. ``path`` is its dotted name; ``fields`` are its own and the inherited ones, by inheritance.

    ``bases`` are the dotted names of its direct bases; ``config`` is what is in force, inherited options included,
    ``own_config`` the block that the class itself writes, None when it has none. ``table`` tells a SQLModel table.
    ``body_of`` are the routes with a body parameter whose annotation names the model, ``returned_by`` those whose
    response type names it (in a list, a union or another generic too); ``parts`` the paths of the models that its
    fields name. ``cls`` is a handle for other facts.
    """

    path: str
    place: Place
    fields: tuple[SchemaField, ...]
    bases: tuple[str, ...]
    config: dict[str, Any] = field(compare=False)
    own_config: Config | None
    table: bool
    root: bool
    body_of: tuple[Route, ...]
    returned_by: tuple[Route, ...]
    parts: tuple[str, ...]
    cls: ClassValue = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The class's name."""
        return self.cls.name

    @property
    def from_attributes(self) -> bool | None:
        """Whether the model reads objects: ``from_attributes``, ``orm_mode`` or SQLModel; None when it is unknown."""
        if self.cls.is_a("sqlmodel.SQLModel"):
            return True
        value = by_default(self.config.get("from_attributes", self.config.get("orm_mode", False)))
        return value if isinstance(value, bool) else None


def schemas(behaviour: Behaviour, routes: Iterable[Route]) -> tuple[Schema, ...]:
    """The models of application code, by path and line; settings classes are none."""
    run = behaviour.run
    classes = [c for c in run.classes if c.module.role == "application" and is_schema(c) and not is_settings(c)]
    taken, returned = _uses(run, routes)
    own = OwnFields(run)
    found = []
    for cls in classes:
        fields = tuple(schema_fields(own, cls))
        parts = dict.fromkeys(m.path for f in fields for m in models_in(f.kind))
        found.append(Schema(
            cls.path, cls.module.place(cls.node, cls.qualname), fields, tuple(_bases(cls)), _config(cls),
            own_config(cls), by_default(cls.keywords.get("table")) is True, cls.is_a(*ROOTS),
            tuple(taken[id(cls)]), tuple(returned[id(cls)]), tuple(parts), cls,
        ))
    return tuple(sorted(found, key=lambda s: (s.place.path, s.place.line)))


def is_schema(kind: Any) -> bool:
    """Whether a value is a Pydantic model of the project."""
    return isinstance(kind, ClassValue) and kind.is_a(*MODELS, *ROOTS, *KNOWN)


def models_in(kind: Any) -> list[ClassValue]:
    """The models that a type names, those inside lists, unions and generics too, each once."""
    found: dict[int, ClassValue] = {}
    stack, seen = [kind], 0
    while stack and seen < MAX_PARTS:
        part, seen = stack.pop(0), seen + 1
        if is_schema(part):
            found[id(part)] = part
        elif isinstance(part, Subscripted):
            stack += [part.base, *part.args]
    return list(found.values())


def within(all_schemas: Iterable[Schema], start: Iterable[Schema]) -> tuple[Schema, ...]:
    """The models of ``start`` and all that their fields name, and those fields' fields, each once."""
    by_path = {s.path: s for s in all_schemas}
    found: dict[str, Schema] = {}
    queue = [s.path for s in start]
    while queue:
        path = queue.pop()
        if path in by_path and path not in found:
            found[path] = by_path[path]
            queue += by_path[path].parts
    return tuple(found.values())


def route_bodies(run: Interpreter, route: Route) -> list[tuple[str, str, Any]]:
    """(parameter's name, where, type) of what a route and its dependencies read from the body, form or files."""
    template = frozenset(TEMPLATE.findall(route.path))
    return [(p.name, p.where, given.kind) for p, given in body_inputs(run, [*route.targets, route.handler], template)]


def _uses(run: Interpreter, routes: Iterable[Route]) -> tuple[dict[int, list[Route]], dict[int, list[Route]]]:
    taken: dict[int, list[Route]] = defaultdict(list)
    returned: dict[int, list[Route]] = defaultdict(list)
    for route in routes:
        bodies = {id(m): m for _, _, kind in route_bodies(run, route) for m in models_in(kind)}
        for key in bodies:
            taken[key].append(route)
        for model in models_in(route.response):
            returned[id(model)].append(route)
    return taken, returned


def _bases(cls: ClassValue) -> Iterable[str]:
    for base in cls.bases:
        base = base.base if isinstance(base, Subscripted) else base
        path = getattr(base, "path", "")
        if path:
            yield path


def own_config(cls: ClassValue) -> Config | None:
    """The configuration that a class itself writes."""
    value = cls.scope.names.get("model_config")
    if value is not None:
        line = next((s for s in cls.node[7] if s[0] in ("assign", "ann") and _named(s) == "model_config"), cls.node)
        return Config(cls.module.place(line, cls.qualname), tuple(_options(value).items()), "model_config")
    old = cls.scope.names.get("Config")
    if isinstance(old, ClassValue):
        values = {k: v for k, v in old.scope.names.items() if not isinstance(v, FunctionValue)}
        return Config(old.module.place(old.node, old.qualname), tuple(values.items()), "Config")
    return None


def _named(statement: Any) -> str:
    target = statement[4][0] if statement[0] == "assign" else statement[4]
    return str(target[3]) if target[0] == "name" else ""


def _config(cls: ClassValue) -> dict[str, Any]:
    """The options in force: the class's own over those of its bases."""
    merged: dict[str, Any] = {}
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        own = own_config(c)
        merged.update(dict(own.values) if own is not None else {})
        merged.update({k: v for k, v in c.keywords.items() if k not in ("table", "metaclass")})
    return merged


def _options(value: Any) -> dict[str, Any]:
    """What a ``model_config`` sets; the key ``**`` means that more may be set."""
    options: dict[str, Any] = {}
    for part in reversed(_merged(value)):
        if isinstance(part, dict):
            options.update({k: v for k, v in part.items() if isinstance(k, str)})
        elif isinstance(part, Instance):
            options.update(part.kwargs)
        else:
            options["**"] = UNKNOWN
    return options
