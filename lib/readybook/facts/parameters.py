"""The inputs of a route: path, query, header, cookie, form, file and body, by FastAPI's rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from readybook.facts.dependencies import MARKERS, Input, annotated, has_fields, signature
from readybook.facts.frames import Frame
from readybook.facts.interpreter import Interpreter
from readybook.facts.modelfields import MODELS, client_name, has_default, is_model
from readybook.facts.objects import ClassValue, Instance, Subscripted
from readybook.facts.settings_values import FIELDS
from readybook.facts.symbols import annotation_value
from readybook.facts.unparse import unparse
from readybook.facts.values import SEVERAL, UNKNOWN, External, Unknown, by_default
from readybook.records import record

INJECTED = frozenset((
    "starlette.requests.Request", "starlette.websockets.WebSocket", "starlette.responses.Response",
    "fastapi.background.BackgroundTasks", "starlette.requests.HTTPConnection", "fastapi.security.oauth2.SecurityScopes",
    "fastapi.security.SecurityScopes", "starlette.background.BackgroundTask",
    *(f"starlette.responses.{n}Response" for n in ("JSON", "HTML", "PlainText", "Redirect", "Streaming", "File")),
))
SCALARS = frozenset((
    "str", "int", "float", "bool", "bytes", "complex", "uuid.UUID", "datetime.datetime", "datetime.date",
    "datetime.time", "datetime.timedelta", "decimal.Decimal", "pathlib.Path", "typing.Any", "typing.Literal",
    "pydantic.EmailStr", "pydantic.HttpUrl", "pydantic.AnyUrl", "pydantic.AnyHttpUrl", "pydantic.SecretStr",
    "pydantic.PositiveInt", "pydantic.NonNegativeInt", "pydantic.StrictStr", "pydantic.StrictInt", "pydantic.UUID4",
    "pydantic.constr", "pydantic.conint", "enum.Enum", "enum.StrEnum", "enum.IntEnum",
    "beanie.PydanticObjectId", "bson.ObjectId", "re.Pattern",
    "pydantic.NegativeInt", "pydantic.PositiveFloat", "pydantic.NonNegativeFloat", "pydantic.StrictBool",
    "pydantic.types.UUID4", "pydantic.PastDate", "pydantic.FutureDate", "pydantic.networks.EmailStr",
    "ipaddress.IPv4Address", "ipaddress.IPv6Address", "ipaddress.IPv4Network",
    "pydantic.condecimal", "pydantic.confloat", "datetime", "uuid",
))


@record
class Parameter:
    """One input of a route: ``where`` is path, query, header, cookie, form, file or body; ``annotation`` is its text.

    ``name`` is the parameter's in the code, ``alias`` the client's.
    """

    name: str
    where: str
    required: bool
    annotation: str
    alias: str = ""


MODELS_BESIDE_OTHERS = (0, 159)
COMPLEX = (*MODELS, "pydantic.RootModel", "dict", "list", "set", "tuple", "typing.TypedDict", "typing.NamedTuple")
UPLOAD = External("fastapi.datastructures.UploadFile")


def route_parameters(run: Interpreter, callables: list[Any], template: frozenset[str]) -> list[Parameter]:
    """The inputs of a route: those of its endpoint and of all it depends on, each once.

    A query, header or cookie parameter that is a model stands for the model's fields: beside others since FastAPI
    0.159, an optional one too; before only a single one.
    """
    beside_others = (run.releases.get("fastapi") or MODELS_BESIDE_OTHERS) >= MODELS_BESIDE_OTHERS
    found: dict[tuple[str, str], tuple[Parameter, Input]] = {}
    for target in callables:
        for given in signature(run, target).parameters:
            parameter = _parameter(run, given, template)
            if parameter is not None:
                found.setdefault((parameter.where, parameter.alias), (parameter, given))
    out: list[Parameter] = []
    for parameter, given in found.values():
        alone = sum(1 for p, _ in found.values() if p.where == parameter.where) == 1
        kind = plain_type(given.kind) if beside_others else given.kind
        if (alone or beside_others) and parameter.where in ("query", "header", "cookie", "path") and is_model(kind):
            fields = _model_parameters(run, given._replace(kind=kind), parameter.where)
            out += fields if kind is given.kind or parameter.required else [replace(f, required=False) for f in fields]
        else:
            out.append(parameter)
    return out


def body_inputs(run: Interpreter, callables: list[Any], template: frozenset[str]) -> list[tuple[Parameter, Input]]:
    """What a route reads from the request's body, with its type: body, form and file parameters, each once.

    Of several with one name the last callable's, the handler's, counts: each checks the same body by its own type.
    """
    found: dict[str, tuple[Parameter, Input]] = {}
    for target in callables:
        for given in signature(run, target).parameters:
            parameter = _parameter(run, given, template)
            if parameter is not None and parameter.where in ("body", "form", "file"):
                if target is callables[-1] or parameter.name not in found:
                    found[parameter.name] = parameter, given
    return list(found.values())


def _parameter(run: Interpreter, given: Input, template: frozenset[str]) -> Parameter | None:
    name, marker = given.name, given.marker
    where = _where(name, given.kind, marker, template)
    if where is None:
        return None
    required = where == "path" or not (given.optional or marker is not None and has_default(marker))
    hidden = marker is not None and by_default(marker.kwargs.get("include_in_schema")) is False
    return Parameter(name, "hidden" if hidden else where, required, given.text, _alias(name, where, marker))


def _alias(name: str, where: str, marker: Any) -> str:
    """The name that the client uses: the marker's alias, else the name, with hyphens in headers."""
    if isinstance(marker, Instance):
        for key in ("alias", "validation_alias"):
            alias = by_default(marker.kwargs.get(key))
            if isinstance(alias, str):
                return alias
    return _in_headers(name, where, marker)


def _in_headers(name: str, where: str, marker: Any) -> str:
    kept = isinstance(marker, Instance) and by_default(marker.kwargs.get("convert_underscores")) is False
    return name.replace("_", "-") if where == "header" and not kept else name


def _model_parameters(run: Interpreter, given: Input, where: str) -> list[Parameter]:
    out = []
    for name, kind, default, text in model_fields(run, given.kind):
        field = default if isinstance(default, Instance) and default.path in FIELDS else None
        marked = next((m for m in annotated(kind)[1] if isinstance(m, Instance) and m.path in FIELDS), field)
        required = default is ... or (field is not None and not has_default(field))
        alias = client_name(run, given.kind, name, marked)
        alias = alias if alias != name else _in_headers(name, where, given.marker)
        out.append(Parameter(name, where, required, text, alias))
    return out


def _where(name: str, kind: Any, marker: Any, template: frozenset[str]) -> str | None:
    if name in template:
        return "path"
    if marker is not None:
        return MARKERS[marker.path]
    core = plain_type(kind)
    outer = core.base if isinstance(core, Subscripted) else core
    if isinstance(outer, External) and (outer.path in INJECTED or outer.path.endswith(".FromDishka")):
        return None
    if isinstance(core, ClassValue) and core.is_a(*INJECTED):
        return None
    if core == UPLOAD or (isinstance(core, Subscripted) and core.args and core.args[0] == UPLOAD):
        return "file"
    return "query" if is_scalar(core) else "body"


def plain_type(kind: Any) -> Any:
    """A type without Optional and Annotated; a union of several types gives the tuple of them."""
    kind, _ = annotated(kind)
    if isinstance(kind, Subscripted) and isinstance(kind.base, External):
        if kind.base.path in ("typing.Optional", "typing.Union", "types.UnionType"):
            parts = _flat(kind)
            return parts[0] if len(parts) == 1 else tuple(parts)
    return kind


def _flat(kind: Any) -> list[Any]:
    parts: list[Any] = []
    for arg in kind.args:
        inner = plain_type(arg)
        if inner is None or inner == External("None"):
            continue
        parts.extend(inner if isinstance(inner, tuple) else [inner])
    return parts


def is_scalar(kind: Any) -> bool:
    """Whether FastAPI takes the type from the query by default."""
    if isinstance(kind, tuple):
        return all(is_scalar(k) for k in kind)
    if kind is UNKNOWN or isinstance(kind, Unknown) or kind is None:
        return True
    if isinstance(kind, External):
        return kind.path in SCALARS or kind.path.startswith(("datetime.", "ipaddress.", "pydantic_extra_types."))
    if isinstance(kind, ClassValue):
        if kind.is_a("enum.Enum", "enum.StrEnum", "enum.IntEnum", "str", "int", "float"):
            return True
        return not kind.is_a(*COMPLEX) and not has_fields(kind)
    if isinstance(kind, Instance):  # ``constr(…)``, ``Enum("Order", {…})``
        return is_scalar(External(kind.path.removesuffix("()")))
    if isinstance(kind, Subscripted):
        if isinstance(kind.base, External) and kind.base.path == "typing.Literal":
            return True
        return is_scalar(kind.base) and kind.base != SEVERAL
    return False


def field_names(cls: ClassValue) -> list[str]:
    """The names of a model's fields, inherited ones first."""
    return list(dict.fromkeys(name for c in reversed(cls.mro()) if isinstance(c, ClassValue)
                              for name, annotation in c.annotations.items() if _declares(name, unparse(annotation))))


def _declares(name: str, annotation: str) -> bool:
    """Whether what a model annotates is a field."""
    return not name.startswith("_") and name != "model_config" and "ClassVar" not in annotation


def model_fields(run: Interpreter, cls: ClassValue) -> list[tuple[str, Any, Any, str]]:
    """The fields of a model: name, type, default (``...`` for none), text of the annotation; inherited ones first."""
    fields: dict[str, tuple[str, Any, Any, str]] = {}
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        run.frames.append(Frame(c.module, None, c))
        try:
            for name, annotation in c.annotations.items():
                text = unparse(annotation)
                if _declares(name, text):
                    kind = annotation_value(run, annotation, c.scope)
                    fields[name] = (name, kind, c.scope.names.get(name, ...), text)
        finally:
            run.frames.pop()
    return list(fields.values())
