"""Values that come from the environment: os.environ, pydantic settings, starlette Config, decouple, environs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import ClassValue, FunctionValue, Instance, Subscripted
from readybook.facts.values import UNKNOWN, FromEnv, Unknown, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

SETTINGS = ("pydantic_settings.BaseSettings", "pydantic.BaseSettings", "fastapi_utils.api_settings.APISettings")
MODELS = ("pydantic.BaseModel", "pydantic.main.BaseModel", "sqlmodel.SQLModel")
YES_OR_NO = {**dict.fromkeys(("true", "1", "yes", "y", "on", "t"), True),
             **dict.fromkeys(("false", "0", "no", "n", "off", "f", ""), False)}
ENUMS = ("enum.Enum", "enum.StrEnum", "enum.IntEnum", "enum.Flag", "enum.IntFlag")
MAX_NESTED = 4
FIELDS = ("pydantic.Field", "sqlmodel.Field", "dataclasses.field", "attrs.field")
ENVIRONS = frozenset(
    "str int bool float list dict url json path decimal date datetime timedelta enum log_level".split()
)


def environment(run: Interpreter, name: Any, default: Any, node: Any) -> Any:
    """The value of an environment variable with a default (None: None; Unknown: required)."""
    name = by_default(name)
    place = run.place(node) if node is not None and run.frames else None
    if not isinstance(name, str):
        return Unknown("which variable is read is not known", place)
    depth, inner = 0, default
    while isinstance(inner, FromEnv) and depth < 8:
        depth, inner = depth + 1, inner.default
    if depth == 8:
        default = Unknown("defaults of defaults", place)
    return FromEnv(name, default, place, run.files.variable(name) if isinstance(default, Unknown) else UNKNOWN)


def is_settings(cls: ClassValue) -> bool:
    """Whether a class reads its fields from the environment."""
    return cls.is_a(*SETTINGS)


def field_default(run: Interpreter, field: Instance) -> Any:
    """The default that ``Field(...)`` gives, Unknown when it is required."""
    from readybook.facts.calls import call

    default = field.kwargs.get("default", field.args[0] if field.args else UNKNOWN)
    factory = field.kwargs.get("default_factory", field.kwargs.get("factory"))
    if factory is not None:
        made = call(run, factory, (), {})
        return Unknown("default: what its factory makes", made.place) if isinstance(made, Unknown) else made
    return UNKNOWN if default is ... else default


def settings_value(run: Interpreter, value: Instance, name: str) -> Any:
    """A field of a settings object: what its environment variable gives, with the default; None when no field."""
    cls = value.cls
    owner = next((c for c in cls.mro() if isinstance(c, ClassValue)
                  and (name in c.annotations or name in c.scope.names)), None)
    if owner is None:
        return None
    raw = owner.scope.names.get(name, UNKNOWN)
    if isinstance(raw, FunctionValue | ClassValue) or name == "model_config":
        return None
    if name not in owner.annotations and not isinstance(raw, Instance) and name.startswith("_"):
        return None
    if name in value.kwargs:
        return value.kwargs[name]
    default, alias = raw, None
    if isinstance(raw, Instance) and raw.is_a(*FIELDS):
        default = field_default(run, raw)
        alias = _alias(raw)
    if isinstance(default, Instance) and isinstance(default.cls, ClassValue) and not default.cls.is_a(*ENUMS):
        return _parts_of(run, cls, name, default)
    if isinstance(default, Unknown):
        from readybook.facts.symbols import attribute_symbol

        nested = attribute_symbol(run, owner, name)
        if isinstance(nested, Instance) and isinstance(nested.cls, ClassValue):
            nested = _parts_of(run, cls, name, nested)
            if is_settings(nested.cls) or any(isinstance(v, FromEnv) for v in nested.attrs.values()):
                return nested
    place = owner.module.place(("name", owner.lines.get(name, owner.node[1]), 0), owner.qualname)
    variable = alias or env_name(cls, name)
    given = run.files.variable(variable) if isinstance(default, Unknown) else UNKNOWN
    return FromEnv(variable, default, place, given)


def _parts_of(run: Interpreter, cls: ClassValue, name: str, model: Instance) -> Instance:
    """A model in a settings field: with ``env_nested_delimiter`` its fields come from variables of their own."""
    delimiter = option(cls, "env_nested_delimiter")
    if not isinstance(delimiter, str) or not delimiter or is_settings(model.cls):
        return model
    return _from_variables(run, model, f"{env_name(cls, name)}{delimiter}", delimiter)


def _from_variables(run: Interpreter, model: Instance, prefix: str, delimiter: str) -> Instance:
    if not model.is_a(*MODELS) or prefix.count(delimiter) > MAX_NESTED:
        return model
    attrs = dict(model.attrs)
    for owner in reversed([c for c in model.cls.mro() if isinstance(c, ClassValue)]):
        for name in owner.annotations:
            raw = owner.scope.names.get(name, UNKNOWN)
            default = field_default(run, raw) if isinstance(raw, Instance) and raw.is_a(*FIELDS) else raw
            default = model.attrs.get(name, default)
            variable = f"{prefix}{name}".upper()
            if isinstance(default, Instance) and isinstance(default.cls, ClassValue) and not default.cls.is_a(*ENUMS):
                attrs[name] = _from_variables(run, default, f"{variable}{delimiter}", delimiter)
                continue
            place = owner.module.place(("name", owner.lines.get(name, owner.node[1]), 0), owner.qualname)
            given = run.files.variable(variable) if isinstance(default, Unknown) else UNKNOWN
            attrs[name] = FromEnv(variable, default, place, given)
    return replace(model, attrs=attrs)


def _alias(field: Instance) -> str | None:
    for key in ("validation_alias", "alias", "env"):
        alias = by_default(field.kwargs.get(key))
        if isinstance(alias, list) and alias:
            alias = alias[0]
        if isinstance(alias, Instance) and alias.is_a("pydantic.AliasChoices") and alias.args:
            alias = alias.args[0]
        if isinstance(alias, str):
            return alias
    return None


def env_name(cls: ClassValue, name: str) -> str:
    """The environment variable of a settings field, by the class's prefix."""
    config = option(cls, "env_prefix")
    return f"{config if isinstance(config, str) else ''}{name}".upper()


def option(cls: ClassValue, key: str) -> Any:
    """An option of ``model_config`` or ``class Config`` along the bases, None when it is not set."""
    for c in cls.mro():
        if not isinstance(c, ClassValue):
            continue
        for config in _merged(c.scope.names.get("model_config")):
            if isinstance(config, dict) and key in config:
                return by_default(config[key])
            if isinstance(config, Instance) and key in config.kwargs:
                return by_default(config.kwargs[key])
        old = c.scope.names.get("Config")
        if isinstance(old, ClassValue) and key in old.scope.names:
            return by_default(old.scope.names[key])
        if key in c.keywords:
            return by_default(c.keywords[key])
    return None


def _merged(config: Any) -> list[Any]:
    """The parts of a configuration, the one that wins first: ``SHARED | SettingsConfigDict(env_prefix="A_")``."""
    if isinstance(config, Subscripted):  # what ``|`` between two objects of packages is taken for
        return [part for side in reversed(config.args) for part in _merged(side)]
    return [config]


def config_call(run: Interpreter, value: Instance, method: str, args: Any, kwargs: Any, node: Any) -> Any:
    """A read through starlette's Config, decouple's config or environs' Env; None for anything else."""
    starlette = value.path in ("starlette.config.Config", "decouple.Config", "decouple.AutoConfig")
    environs = value.path in ("environs.Env", "environs.FileAwareEnv") and method in ENVIRONS | {"__call__"}
    if not (starlette and method in ("__call__", "get") or environs) or not args:
        return None
    default = kwargs.get("default", args[1] if environs and len(args) > 1 else args[2] if len(args) > 2 else UNKNOWN)
    return environment(run, args[0], switch(kwargs.get("cast", args[1] if starlette and len(args) > 1 else None),
                                            default), node)


def switch(cast: Any, default: Any) -> Any:
    """A default as ``cast=bool`` reads it: the text "false" is no."""
    kind = getattr(cast, "path", getattr(cast, "name", ""))
    text = default.strip().lower() if isinstance(default, str) and kind in ("bool", "builtins.bool") else None
    return YES_OR_NO.get(text, default) if text is not None else default
