"""Values that come from the environment: os.environ, pydantic settings, starlette Config, decouple, environs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from readybook.facts.enums import ENUMS
from readybook.facts.objects import ClassValue, FunctionValue, Instance, Subscripted
from readybook.facts.settings_validators import validated
from readybook.facts.unparse import unparse
from readybook.facts.values import UNKNOWN, FromEnv, Unknown, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

SETTINGS = ("pydantic_settings.BaseSettings", "pydantic.BaseSettings", "fastapi_utils.api_settings.APISettings")
MODELS = ("pydantic.BaseModel", "pydantic.main.BaseModel", "sqlmodel.SQLModel")
YES_OR_NO = {**dict.fromkeys(("true", "1", "yes", "y", "on", "t"), True),
             **dict.fromkeys(("false", "0", "no", "n", "off", "f", ""), False)}
MAX_NESTED = 4
FIELDS = ("pydantic.Field", "sqlmodel.Field", "dataclasses.field", "attrs.field")
LISTS = ("starlette.datastructures.CommaSeparatedStrings", "decouple.Csv()", "decouple.Csv")
READERS = frozenset(("starlette.config.Config", "decouple.Config", "decouple.AutoConfig", "environs.Env",
                     "environs.FileAwareEnv"))
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
    _note_handed(run, name, default, node)
    return FromEnv(name, default, place, run.files.variable(name) if isinstance(default, Unknown) else UNKNOWN)


def _note_handed(run: Interpreter, name: str, default: Any, node: Any) -> None:
    """Note a read whose variable another piece of code names: one call then reads several, each for its own caller."""
    if run.symbolic or node is None or node[0] != "call" or not node[4] or node[4][0][0] == "const":
        return
    place = run.place(node)
    for frame in reversed(run.frames[:-1]):
        site = frame.site
        if site is not None and any(a[0] == "const" and a[3] == name for a in (*site[4], *(v for _, v in site[5]))):
            place = frame.module.place(site, frame.function.qualname if frame.function is not None else "")
            break
    run.environment_reads.append((name, place, default))


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


def is_of_pydantic_1(cls: ClassValue) -> bool:
    """Whether a settings class is one of pydantic 1, where BaseSettings stood in pydantic itself."""
    return cls.is_a("pydantic.BaseSettings")


def implied_default(cls: ClassValue, owner: ClassValue, name: str, raw: Any) -> Any:
    """What a field is by default that says nothing of it: None for an optional one of pydantic 1, else not known."""
    if not is_of_pydantic_1(cls) or name not in owner.annotations:
        return UNKNOWN
    if name in owner.scope.names and (not isinstance(raw, Instance) or ... in (*raw.args, raw.kwargs.get("default"))):
        return UNKNOWN
    node = owner.annotations[name]
    text = node[3] if node[0] == "const" and isinstance(node[3], str) else unparse(node)
    return None if re.search(r"\bOptional\[|\bNone\b", text) else UNKNOWN


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
    if default is UNKNOWN:
        default = implied_default(cls, owner, name, raw)
    if isinstance(default, Instance) and isinstance(default.cls, ClassValue) and not default.cls.is_a(*ENUMS):
        return _parts_of(run, cls, name, default)
    if isinstance(default, Unknown):
        from readybook.facts.symbols import attribute_symbol

        nested = attribute_symbol(run, owner, name)
        if isinstance(nested, Instance) and isinstance(nested.cls, ClassValue):
            nested = _parts_of(run, cls, name, nested)
            if is_settings(nested.cls) or any(isinstance(v, FromEnv) for v in nested.attrs.values()):
                return nested
    default = validated(run, cls, name, default)
    place = owner.module.place(("name", owner.lines.get(name, owner.node[1]), 0), owner.qualname)
    variable = alias or env_name(cls, name)
    given = run.files.variable(variable) if isinstance(default, Unknown) else UNKNOWN
    return FromEnv(variable, default, place, given)


def _parts_of(run: Interpreter, cls: ClassValue, name: str, model: Instance) -> Instance:
    """A model in a settings field: with ``env_nested_delimiter`` its fields come from variables of their own."""
    delimiter = option(cls, "env_nested_delimiter")
    if not isinstance(delimiter, str) or not delimiter or is_settings(model.cls):
        return model
    exact = option(cls, "case_sensitive") is True
    return _from_variables(run, model, f"{env_name(cls, name)}{delimiter}", delimiter, exact)


def _from_variables(run: Interpreter, model: Instance, prefix: str, delimiter: str, exact: bool) -> Instance:
    if not model.is_a(*MODELS) or prefix.count(delimiter) > MAX_NESTED:
        return model
    attrs = dict(model.attrs)
    for owner in reversed([c for c in model.cls.mro() if isinstance(c, ClassValue)]):
        for name in owner.annotations:
            raw = owner.scope.names.get(name, UNKNOWN)
            default = field_default(run, raw) if isinstance(raw, Instance) and raw.is_a(*FIELDS) else raw
            default = model.attrs.get(name, default)
            variable = f"{prefix}{name}" if exact else f"{prefix}{name}".upper()
            if isinstance(default, Instance) and isinstance(default.cls, ClassValue) and not default.cls.is_a(*ENUMS):
                attrs[name] = _from_variables(run, default, f"{variable}{delimiter}", delimiter, exact)
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
    """The environment variable of a settings field, by the class's prefix; in capitals unless the case counts."""
    listed = option(cls, "fields") if is_of_pydantic_1(cls) else None
    given = listed.get(name) if isinstance(listed, dict) else None
    given = given.get("env") if isinstance(given, dict) else given
    if isinstance(given, str):
        return given
    config = option(cls, "env_prefix")
    plain = f"{config if isinstance(config, str) else ''}{name}"
    return plain if option(cls, "case_sensitive") is True else plain.upper()


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
    if value.path not in READERS:
        return None
    starlette = value.path == "starlette.config.Config" and method in ("__call__", "get")
    decouple = value.path in ("decouple.Config", "decouple.AutoConfig") and method in ("__call__", "get")
    environs = value.path in ("environs.Env", "environs.FileAwareEnv") and method in ENVIRONS | {"__call__"}
    if not (starlette or decouple or environs) or not args:
        return None
    given = dict(zip(("cast", "default") if starlette else ("default", "cast"), args[1:], strict=False)) | kwargs
    default = said(given.get("default", UNKNOWN), "default" in given)
    return environment(run, args[0], default if environs else as_cast(run, given.get("cast"), default), node)


def said(default: Any, is_given: bool) -> Any:
    """A default as given; one that cannot be worked out is still one: nothing fails without the variable."""
    if is_given and isinstance(default, Unknown) and not default.reason.startswith("default"):
        return Unknown("default: worked out when the code runs", default.place)
    return default


def as_cast(run: Interpreter, cast: Any, default: Any) -> Any:
    """A text as what ``cast`` makes of it: ``bool`` reads "false" as no, starlette's and decouple's lists split it."""
    if not isinstance(default, str) or cast is None:
        return default
    kind = str(getattr(cast, "path", getattr(cast, "name", ""))).removeprefix("builtins.")
    if kind == "bool":
        return YES_OR_NO.get(default.strip().lower(), default)
    if kind in ("int", "float"):
        try:
            return int(default) if kind == "int" else float(default)
        except ValueError:
            return default
    if kind in LISTS and not getattr(cast, "args", ()) and not getattr(cast, "kwargs", {}):
        return [part.strip() for part in default.split(",")] if default.strip() else []
    if isinstance(cast, FunctionValue):
        from readybook.facts.calls import call

        made = call(run, cast, (default,), {})
        return Unknown("default: what its cast makes of it", made.place) if isinstance(made, Unknown) else made
    return default
