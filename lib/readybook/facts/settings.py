"""The project's configuration: settings classes and their fields, and every environment variable that is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.facts.settings_values import (
    FIELDS,
    _alias,
    env_name,
    field_default,
    implied_default,
    is_of_pydantic_1,
    is_settings,
    option,
    settings_value,
)
from readybook.facts.unparse import unparse
from readybook.facts.values import UNKNOWN, FromEnv, Unknown
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour
    from readybook.facts.interpreter import Interpreter

SECRET_TYPES = ("SecretStr", "SecretBytes")


@record
class SettingField:
    """One field of a settings class. ``default`` is Unknown when the field is required."""

    name: str
    env: str
    annotation: str
    default: Any
    place: Place

    @property
    def required(self) -> bool:
        """Whether start-up fails without the variable."""
        return isinstance(self.default, Unknown) and not self.default.reason.startswith("default")


@record
class SettingsClass:
    """A class that reads its fields from the environment; ``instances`` are module-level names, ``module:name``.

    ``parts`` are the fields of models inside it that variables of their own fill (``DATABASE__HOST``).
    ``only_base``: others inherit from it under prefixes of their own, and no module holds an instance of it.
    """

    path: str
    place: Place
    fields: tuple[SettingField, ...]
    instances: tuple[str, ...]
    env_prefix: str
    env_file: str | None
    parts: tuple[SettingField, ...] = ()
    only_base: bool = False

    @property
    def every(self) -> tuple[SettingField, ...]:
        """Its own fields and those of the models inside it."""
        return (*self.fields, *self.parts)


@record
class Variable:
    """One read of an environment variable; ``through`` is the settings class that reads it, empty for a plain read."""

    name: str
    default: Any
    place: Place
    through: str
    annotation: str = ""
    secret: bool = False

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return isinstance(self.default, Unknown) and not self.default.reason.startswith("default")


def settings_classes(run: Interpreter) -> tuple[SettingsClass, ...]:
    """Settings classes of the application code that have fields of their own or inherited."""
    classes = [c for c in run.classes if c.module.role == "application" and is_settings(c)]
    instances: dict[int, list[str]] = {}
    for module in run.loaded.values():
        for name, value in module.scope.names.items():
            if isinstance(value, Instance) and isinstance(value.cls, ClassValue) and value.module is module.module:
                instances.setdefault(id(value.cls), []).append(f"{module.module.name}:{name}")
    found = []
    for cls in classes:
        prefix, env_file = option(cls, "env_prefix"), option(cls, "env_file")
        found.append(SettingsClass(
            cls.path, cls.module.place(cls.node, cls.qualname), tuple(_fields(run, cls)),
            tuple(instances.get(id(cls), ())), prefix if isinstance(prefix, str) else "",
            env_file if isinstance(env_file, str) else None, tuple(_parts(run, cls)),
            id(cls) not in instances and any(o is not cls and cls in o.mro() and option(o, "env_prefix") != prefix
                                             for o in classes),
        ))
    return tuple(found)


def _fields(run: Interpreter, cls: ClassValue) -> list[SettingField]:
    names: dict[str, SettingField] = {}
    old = is_of_pydantic_1(cls)
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        for name in [*c.annotations, *(n for n in c.scope.names if n not in c.annotations)]:
            raw = c.scope.names.get(name, UNKNOWN)
            text = unparse(c.annotations.get(name))
            if name.startswith("_") or name == "model_config" or isinstance(raw, FunctionValue | ClassValue):
                continue
            if "ClassVar" in text or (name not in c.annotations and not _is_field(raw) and not old):
                continue
            default = field_default(run, raw) if _is_field(raw) else raw
            default = implied_default(cls, c, name, raw) if default is UNKNOWN else default
            if isinstance(raw, Unknown) and name in c.scope.names:
                default = Unknown("default: worked out when the module is imported", raw.place)
            if isinstance(raw, FromEnv) and isinstance(raw.default, Unknown):
                default = raw.default  # ``config("KEY")``: the import of the module fails without it
            env = (_alias(raw) if _is_field(raw) else None) or env_name(cls, name)
            place = c.module.place(("name", c.lines.get(name, c.node[1]), 0), c.qualname)
            names[name] = SettingField(name, env, text, default, place)
    return list(names.values())


def _parts(run: Interpreter, cls: ClassValue) -> Iterator[SettingField]:
    if not isinstance(option(cls, "env_nested_delimiter"), str):
        return
    probe = Instance(cls)
    for name in {n: None for c in cls.mro() if isinstance(c, ClassValue) for n in c.annotations}:
        value = settings_value(run, probe, name)
        if isinstance(value, Instance) and isinstance(value.cls, ClassValue) and not is_settings(value.cls):
            yield from _read_in(value)


def _read_in(model: Instance) -> Iterator[SettingField]:
    annotations = {n: a for c in reversed(model.cls.mro()) if isinstance(c, ClassValue)
                   for n, a in c.annotations.items()}
    for name, value in model.attrs.items():
        if isinstance(value, FromEnv) and value.place is not None and name in annotations:
            yield SettingField(name, value.name, unparse(annotations[name]), value.default, value.place)
        elif isinstance(value, Instance) and isinstance(value.cls, ClassValue):
            yield from _read_in(value)


def _is_field(raw: Any) -> bool:
    return isinstance(raw, Instance) and raw.is_a(*FIELDS)


def variables(classes: tuple[SettingsClass, ...], behaviour: Behaviour) -> tuple[Variable, ...]:
    """Every environment variable that application code reads, by place."""
    found: dict[tuple[str, str, int], Variable] = {}
    for cls in classes:
        for f in cls.every if not cls.only_base or behaviour.by_path.get(cls.path) else ():
            secret = any(t in f.annotation for t in SECRET_TYPES)
            key = (f.env, f.place.path, f.place.line)
            found[key] = Variable(f.env, f.default, f.place, cls.path, f.annotation, secret)
    handed = {name for name, _, _ in behaviour.run.environment_reads}
    for call in behaviour.calls:
        value = call.site.result
        if isinstance(value, FromEnv) and value.place is not None and value.place.line == call.place.line:
            if value.name in handed and call.site.node[4] and call.site.node[4][0][0] != "const":
                continue  # the name comes from somewhere else, where it counts
            if value.place.path == call.place.path:
                found.setdefault((value.name, call.place.path, call.place.line),
                                 Variable(value.name, value.default, call.place, ""))
    for name, place, default in behaviour.run.environment_reads:
        found.setdefault((name, place.path, place.line), Variable(name, default, place, ""))
    return tuple(sorted(found.values(), key=lambda v: (v.place.path, v.place.line, v.name)))
