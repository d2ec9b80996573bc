"""What FastAPI injects into a callable: its dependencies, in order, and its own parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from readybook.facts.interpreter import Frame, Interpreter, default_of, is_generator
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, PartialValue, Subscripted
from readybook.facts.symbols import annotation_value
from readybook.facts.unparse import unparse
from readybook.facts.values import UNKNOWN, Choice, External, Unknown, by_default

MARKERS = {f"fastapi.{n}": n.lower() for n in ("Query", "Path", "Body", "Header", "Cookie", "Form", "File")}
DEPENDS = ("fastapi.Depends", "fastapi.Security")
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
    "pydantic.constr", "pydantic.conint", "enum.Enum", "beanie.PydanticObjectId", "bson.ObjectId", "re.Pattern",
    "pydantic.NegativeInt", "pydantic.PositiveFloat", "pydantic.NonNegativeFloat", "pydantic.StrictBool",
    "pydantic.types.UUID4", "pydantic.PastDate", "pydantic.FutureDate", "pydantic.networks.EmailStr",
    "ipaddress.IPv4Address", "ipaddress.IPv6Address", "ipaddress.IPv4Network",
    "pydantic.condecimal", "pydantic.confloat", "datetime", "uuid",
))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One input of a route: ``where`` is path, query, header, cookie, form, file or body; ``annotation`` source text."""

    name: str
    where: str
    required: bool
    annotation: str
    alias: str = ""


@dataclass(eq=False, slots=True)
class Signature:
    """What FastAPI reads from one callable: parameters of its own, and the targets of its dependencies in order."""

    parameters: list[tuple[str, Any, Any, Any, bool]]
    dependencies: list[Any]


def signature(run: Interpreter, target: Any) -> Signature:
    """The signature of a callable as FastAPI reads it; empty when it is not the project's own."""
    function, skip = _callable(run, target)
    if function is None:
        return _class_signature(run, target) if isinstance(target, ClassValue) else Signature([], [])
    bound = target.kwargs if isinstance(target, PartialValue) else {}
    known = run.summaries.setdefault("signatures", {})  # type: ignore[call-overload]
    key = (id(function.node), id(function.owner), skip, tuple(bound))
    if key not in known:
        known[key] = _read(run, function, skip, frozenset(bound))
    return known[key]


def _callable(run: Interpreter, target: Any) -> tuple[FunctionValue | None, bool]:
    """The function behind a callable, and whether its first parameter is bound."""
    if isinstance(target, FunctionValue):
        original = target.original
        return original, original.owner is not None and original.kind == "function" and False
    if isinstance(target, Bound) and isinstance(target.function, FunctionValue):
        return target.function.original, True
    if isinstance(target, PartialValue):
        return _callable(run, target.function)
    if isinstance(target, ClassValue):
        init = _own(target, "__init__")
        return (init, True) if init is not None else (None, True)
    if isinstance(target, Instance) and isinstance(target.cls, ClassValue):
        call = _own(target.cls, "__call__")
        return (call, True) if call is not None else (None, True)
    return None, False


def _own(cls: ClassValue, name: str) -> FunctionValue | None:
    for c in cls.mro():
        if isinstance(c, ClassValue) and isinstance(c.scope.names.get(name), FunctionValue):
            return c.scope.names[name]
    return None


def _read(run: Interpreter, f: FunctionValue, skip: bool, bound: frozenset[str]) -> Signature:
    out = Signature([], [])
    run.frames.append(Frame(f.module, f, f.owner))
    try:
        for i, (name, annotation, default, kind, *_) in enumerate(f.params):
            if (i == 0 and skip) or kind in ("var", "keys") or name in bound:
                continue
            kind_value = annotation_value(run, annotation, f.owner.scope if f.owner else f.scope)
            value = default_of(run, f, name, default) if default is not None else ...
            _parameter(run, out, name, kind_value, value, unparse(annotation), default is not None)
    finally:
        run.frames.pop()
    return out


def _class_signature(run: Interpreter, cls: ClassValue) -> Signature:
    """A class without ``__init__``: the fields of a dataclass or model."""
    out = Signature([], [])
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        run.frames.append(Frame(c.module, None, c))
        try:
            for name, annotation in c.annotations.items():
                text = unparse(annotation)
                if text.startswith(("ClassVar", "typing.ClassVar")) or name.startswith("_"):
                    continue
                default = c.scope.names.get(name, ...)
                _parameter(run, out, name, annotation_value(run, annotation, c.scope), default, text, default is not ...)
        finally:
            run.frames.pop()
    return out


def _parameter(run: Interpreter, out: Signature, name: str, kind: Any, default: Any, text: str, has: bool) -> None:
    base, markers = annotated(kind)
    marker = default if isinstance(default, Instance) and (default.is_a(*DEPENDS) or default.path in MARKERS) else None
    if marker is None:
        marker = next((m for m in reversed(markers) if isinstance(m, Instance)
                       and (m.is_a(*DEPENDS) or m.path in MARKERS)), None)
    if marker is not None and marker.is_a(*DEPENDS):
        target = marker.args[0] if marker.args else marker.kwargs.get("dependency")
        out.dependencies.append((target if target is not None else base, marker))
        return
    out.parameters.append((name, base, marker, text, has and marker is not default))


def annotated(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type and the markers of an ``Annotated`` (nested ones flattened)."""
    if isinstance(kind, Subscripted) and kind.base == External("typing.Annotated") and kind.args:
        base, inner = annotated(kind.args[0])
        return base, (*inner, *kind.args[1:])
    return kind, ()


def name_of(target: Any) -> str | None:
    """The dotted name of a dependency in its defining module, ``pkg.mod.Class()`` for an object; None if unknown."""
    if isinstance(target, FunctionValue):
        return target.original.path
    if isinstance(target, Bound):
        return name_of(target.function)
    if isinstance(target, ClassValue | External):
        return target.path
    if isinstance(target, PartialValue):
        return name_of(target.function)
    if isinstance(target, Instance):
        return f"{target.path}()" if target.path != "?" else None
    if isinstance(target, Choice) and target.default is not None:
        return name_of(target.options[target.default][1])
    if isinstance(target, Subscripted):
        return name_of(target.base)
    return None


def chain(run: Interpreter, target: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """Everything a callable depends on, itself last: the order in which FastAPI evaluates."""
    seen = set() if seen is None else seen
    target = by_default(target)
    key = id(target.node) if isinstance(target, FunctionValue) else id(target)
    if key in seen or isinstance(target, Unknown):
        return
    seen.add(key)
    for sub, _ in signature(run, target).dependencies:
        yield from chain(run, sub, seen)
    yield target


def parameters_of(run: Interpreter, target: Any, template: frozenset[str]) -> Iterator[Parameter]:
    """The inputs that FastAPI takes for one callable, those of its dependencies aside."""
    for name, kind, marker, text, optional in signature(run, target).parameters:
        where = _where(run, name, kind, marker, template)
        if where is None:
            continue
        alias = marker.kwargs.get("alias") if marker is not None else None
        if not isinstance(alias, str):
            alias = name.replace("_", "-") if where == "header" else name
        if marker is not None and marker.kwargs.get("include_in_schema") is False:
            where = "hidden"
        yield Parameter(name, where, where == "path" or not (optional or _optional(marker)), text, alias)


def _optional(marker: Any) -> bool:
    if marker is None:
        return False
    if "default_factory" in marker.kwargs:
        return True
    default = marker.kwargs.get("default", marker.args[0] if marker.args else ...)
    return default is not ... and not isinstance(default, Unknown)


def _where(run: Interpreter, name: str, kind: Any, marker: Any, template: frozenset[str]) -> str | None:
    alias = marker.kwargs.get("alias") if marker is not None else None
    if name in template or alias in template:
        return "path"
    if marker is not None:
        return MARKERS[marker.path]
    core = plain_type(kind)
    if isinstance(core, External) and core.path in INJECTED:
        return None
    if isinstance(core, ClassValue) and core.is_a(*INJECTED):
        return None
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
        return kind.is_a("enum.Enum", "enum.StrEnum", "enum.IntEnum", "str", "int", "float")
    if isinstance(kind, Subscripted):
        if isinstance(kind.base, External) and kind.base.path == "typing.Literal":
            return True
        return is_scalar(kind.base) and kind.base != External("…")
    return False


def evaluated_async(target: Any) -> bool | None:
    """Whether FastAPI awaits a callable (True) or runs it in the thread pool (False); None when not known."""
    if isinstance(target, FunctionValue):
        return bool(target.node[9]) if target.node[0] == "def" else False
    if isinstance(target, Bound | PartialValue):
        return evaluated_async(target.function)
    if isinstance(target, Instance) and isinstance(target.cls, ClassValue):
        call = _own(target.cls, "__call__")
        return evaluated_async(call) if call is not None else None
    return None


def yields(target: Any) -> bool:
    """Whether a dependency is a generator: what follows its ``yield`` runs when the request is over."""
    if isinstance(target, Bound):
        return yields(target.function)
    return isinstance(target, FunctionValue) and is_generator(target.original.node)
