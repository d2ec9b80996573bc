"""How clients give a field of a Pydantic model: the name they use for it, and whether they may leave it out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import ClassValue, Instance
from readybook.facts.settings_values import option
from readybook.facts.values import External, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

MODELS = ("pydantic.BaseModel", "sqlmodel.SQLModel", "pydantic.generics.GenericModel")
REQUIRED = ("pydantic.Required", "pydantic.fields.Required", "pydantic_core.PydanticUndefined",
            "pydantic.fields.Undefined", "fastapi.params.Undefined")
GENERATORS = ("pydantic.AliasGenerator", "pydantic.aliases.AliasGenerator")


def is_model(kind: Any) -> bool:
    """Whether a type is a pydantic model of the project."""
    return isinstance(kind, ClassValue) and kind.is_a(*MODELS)


def has_default(marker: Instance) -> bool:
    """Whether a ``Field(…)``, or a marker like ``Query(…)``, lets clients leave the value out."""
    if "default_factory" in marker.kwargs:
        return True
    default = marker.kwargs.get("default", marker.args[0] if marker.args else ...)
    return default is not ... and not (isinstance(default, External) and default.path in REQUIRED)


def client_name(run: Interpreter, cls: ClassValue, name: str, marker: Any) -> str:
    """The name by which clients give a model's field: its alias, else what the model's alias generator makes of it.

    ``marker`` is the ``Field(…)`` of the field, None without one. The field's own name where the generator cannot be
    followed.
    """
    if isinstance(marker, Instance):
        for key in ("validation_alias", "alias"):
            given = by_default(marker.kwargs.get(key))
            if isinstance(given, str):
                return given
    generator = option(cls, "alias_generator")
    if isinstance(generator, Instance) and generator.path.removesuffix("()") in GENERATORS:
        given = dict(zip(("alias", "validation_alias"), generator.args, strict=False)) | generator.kwargs
        generator = by_default(given.get("validation_alias", given.get("alias")))
    return _generated(run, generator, name) if generator is not None else name


def _generated(run: Interpreter, generator: Any, name: str) -> str:
    from readybook.facts.calls import call

    known: dict[tuple[int, str], tuple[str, Any]] = run.summaries.setdefault("aliases", {})  # type: ignore[call-overload]
    key = (id(generator), name)
    if key not in known:
        if isinstance(generator, External) and generator.path in _MADE:
            alias: Any = _MADE[generator.path](name)
        else:
            alias = by_default(call(run, generator, (name,), {}))
        known[key] = (alias if isinstance(alias, str) else name, generator)  # kept, so that no id is used again
    return known[key][0]


def _pascal(name: str) -> str:
    """``flavor_code`` as ``FlavorCode``: every word begins large, and nothing stands between two that do."""
    return re.sub(r"(?<=[^\W_])_(?=[0-9A-Z])", "", name.title())


def _camel(name: str) -> str:
    """``flavor_code`` as ``flavorCode``; a name that has no underscore and begins small stays."""
    if re.fullmatch(r"[a-z][A-Za-z0-9]*", name) and not re.search(r"\d[a-z]", name):
        return name
    return re.sub(r"^_*[A-Z]", lambda first: first[0].lower(), _pascal(name))


def _kebab(name: str) -> str:
    return name.replace("_", "-")


# functions of packages that make a name of a field's, by what they do to snake case
_MADE = {
    "pydantic.alias_generators.to_camel": _camel, "pydantic.alias_generators.to_pascal": _pascal,
    "pydantic.utils.to_lower_camel": _camel, "pydantic.utils.to_camel": _pascal,
    "humps.camelize": _camel, "humps.main.camelize": _camel, "humps.pascalize": _pascal,
    "humps.kebabize": _kebab, "humps.main.kebabize": _kebab,
    "stringcase.camelcase": _camel, "stringcase.pascalcase": _pascal, "stringcase.spinalcase": _kebab,
}
