"""What FastAPI injects into a callable: its dependencies, in order, and its own parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from readybook.facts.carriedsignatures import EMPTY, carried, signed_as
from readybook.facts.frames import Frame
from readybook.facts.interpreter import Interpreter, default_of, is_generator
from readybook.facts.known_dependencies import DEFINED, known_dependencies, known_name
from readybook.facts.modelfields import client_name, has_default, is_model
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, PartialValue, Subscripted
from readybook.facts.settings_values import FIELDS
from readybook.facts.symbols import annotation_value
from readybook.facts.textannotations import LOST_SINCE, Unread, unread_name
from readybook.facts.unparse import unparse
from readybook.facts.values import Choice, External, Unknown, by_default, possible
from readybook.records import record

MARKERS = {f"fastapi.{n}": n.lower() for n in ("Query", "Path", "Body", "Header", "Cookie", "Form", "File")}
DEPENDS = ("fastapi.Depends", "fastapi.Security")
_LOGIN = ("grant_type", "username", "password", "scope", "client_id", "client_secret")
_FORM, _QUERY = Instance(External("fastapi.Form")), Instance(External("fastapi.Query"))
# classes of packages that are asked for as dependencies: the names of their inputs, and where these come from
INPUTS = {
    **{f"fastapi.security.oauth2.OAuth2PasswordRequestForm{end}": (_LOGIN, _FORM) for end in ("", "Strict")},
    **{f"fastapi_pagination.{m}Params": (("page", "size"), _QUERY) for m in ("", "default.", "api.")},
    **{f"fastapi_pagination.{m}LimitOffsetParams": (("limit", "offset"), _QUERY) for m in ("", "limit_offset.")},
    **{f"fastapi_pagination.{m}CursorParams": (("cursor", "size"), _QUERY) for m in ("", "cursor.")},
}
ATTRS = frozenset(("attr.s", "attr.attrs", *(f"{m}.{n}" for m in ("attr", "attrs") for n in (
    "define", "frozen", "mutable"))))
PLAIN = ("object", "abc.ABC", "typing.Generic", "typing.Protocol")


class Input(NamedTuple):
    """One parameter of a callable: its type without Annotated, its marker (``Query(...)`` …) and its annotation.

    ``optional`` when a default stands outside the marker.
    """

    name: str
    kind: Any
    marker: Any
    text: str
    optional: bool


@dataclass(eq=False, slots=True)
class Signature:
    """What FastAPI reads from one callable: parameters of its own, and its dependencies (target, marker) in order.

    ``injected`` maps the names of parameters to the dependencies that fill them; ``unread`` holds those dependencies
    that it does not run since it cannot read the annotation.
    """

    parameters: list[Input]
    dependencies: list[tuple[Any, Any]]
    injected: dict[str, Any] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)


@record
class View:
    """A class whose methods are endpoints: each request makes an object of it (fastapi-utils' ``cbv``)."""

    cls: ClassValue


def signature(run: Interpreter, target: Any) -> Signature:
    """The signature of a callable as FastAPI reads it; empty when it is not the project's own."""
    if isinstance(target, Subscripted):
        target = target.base
    if isinstance(target, View):
        return _view_signature(run, target.cls)
    if isinstance(target, External):
        names, marker = INPUTS.get(target.path, ((), None))
        return Signature([Input(n, External("str"), marker, "str", n not in ("username", "password"))
                          for n in names], [])
    shown = carried(target)
    if shown is not None:
        out = Signature([], [])
        for p in shown:
            _parameter(out, p.name, Unknown("no annotation") if p.annotation is EMPTY else p.annotation,
                       ... if p.default is EMPTY else p.default, p.text, p.default is not EMPTY)
        return out
    function, skip, given = _callable(target)
    if function is None:
        return _fields(run, target) if isinstance(target, ClassValue) and has_fields(target) else Signature([], [])
    known = run.summaries.setdefault("signatures", {})  # type: ignore[call-overload]
    key = (id(function), skip, id(target) if given else 0)
    if key not in known:
        known[key] = (_read(run, function, skip, given), function, target)  # kept, so that no id is used again
    return known[key][0]


def _callable(target: Any) -> tuple[FunctionValue | None, int, dict[str, Any]]:
    """The function behind a callable, how many first parameters are bound, and new defaults of others."""
    if isinstance(target, FunctionValue):
        return (signed_as(target) or target).original, 0, {}
    if isinstance(target, Bound) and isinstance(target.function, FunctionValue):
        return target.function.original, 1, {}
    if isinstance(target, PartialValue):
        function, skip, given = _callable(target.function)
        return function, skip + len(target.args), {**given, **target.kwargs}
    if isinstance(target, ClassValue):
        called = _of_metaclass(target, "__call__")
        return called or own_method(target, "__init__"), 1, {}
    if isinstance(target, Instance) and isinstance(target.cls, ClassValue):
        return own_method(target.cls, "__call__"), 1, {}
    return None, 0, {}


def own_method(cls: ClassValue, name: str) -> FunctionValue | None:
    """A method that a class of the project defines or inherits from another one."""
    for c in cls.mro():
        if isinstance(c, ClassValue) and isinstance(c.scope.names.get(name), FunctionValue):
            return c.scope.names[name]
    return None


def _of_metaclass(cls: ClassValue, name: str) -> FunctionValue | None:
    """A method of a class's metaclass, where that is the project's own: what calling the class runs."""
    kinds = (c.keywords.get("metaclass") for c in cls.mro() if isinstance(c, ClassValue))
    kind = next((k for k in kinds if k is not None), None)
    return own_method(kind, name) if isinstance(kind, ClassValue) else None


def has_fields(cls: ClassValue) -> bool:
    """Whether a class without ``__init__`` takes its annotated names as arguments: dataclass, model or named tuple."""
    names = [getattr(d, "path", getattr(d, "name", "")).removesuffix("()") for d in cls.decorators]
    decorated = any(n.endswith("dataclass") or n in ATTRS for n in names)
    return decorated or any(b not in PLAIN for b in cls.external_bases())


def _read(run: Interpreter, f: FunctionValue, skip: int, given: dict[str, Any]) -> Signature:
    out = Signature([], [])
    run.frames.append(Frame(f.module, f, f.owner))
    try:
        for i, (name, annotation, default, kind, line, column) in enumerate(f.params):
            if i < skip or kind in ("var", "keys"):
                continue
            value = default_of(run, f, name, default) if default is not None else ...
            value = given.get(name, value)
            scope = (f.owner.scope if f.owner else f.scope).as_of(f.node[1])
            has, said = default is not None or name in given, annotation_value(run, annotation, scope)
            lost = unread_name(f, annotation)
            if lost and not (isinstance(value, Instance) and value.is_a(*DEPENDS)):
                said = _unread(run, out, said, Unread(f.module.place(("", line, column), f.qualname), name, lost, has))
            _parameter(out, name, said, value, unparse(annotation), has)
    finally:
        run.frames.pop()
    return out


def _unread(run: Interpreter, out: Signature, kind: Any, found: Unread) -> Any:
    """What FastAPI takes an annotation for that it cannot read: nothing, from ``LOST_SINCE`` on; a dependency that is
    not known where each request is refused for it, or the release is not known."""
    since = (run.releases.get("fastapi from") or (0,)) >= LOST_SINCE
    marker = next((m for m in annotated(kind)[1] if isinstance(m, Instance) and m.is_a(*DEPENDS)), None)
    found = replace(found, served=found.served and since, depends=marker is not None)
    if marker is not None or not found.served:
        out.unread.append(found)
    if found.served or marker is None:
        return Unknown(found.reason) if since else kind
    unknown = replace(marker, args=(Unknown(found.reason, found.place),), kwargs={})
    return Subscripted(External("typing.Annotated"), (Unknown(found.reason), unknown))


def _fields(run: Interpreter, cls: ClassValue) -> Signature:
    """What the constructor of a class with annotated names takes; a Pydantic model's takes its fields by their aliases,
    where these are names that Python has."""
    out, model = Signature([], []), is_model(cls)
    names: dict[str, ClassValue | External] = {}  # of each field the class that declares it last
    for c in reversed(cls.mro()):
        own = c.annotations if isinstance(c, ClassValue) else INPUTS.get(getattr(c, "path", ""), ((), None))[0]
        names.update(dict.fromkeys(own, c))
    for name, c in names.items():
        if isinstance(c, External):
            out.parameters += [given for given in signature(run, c).parameters if given.name == name]
            continue
        run.frames.append(Frame(c.module, None, c))
        try:
            annotation = c.annotations[name]
            text = unparse(annotation)
            if text.startswith(("ClassVar", "typing.ClassVar")) or name.startswith("_"):
                continue
            default, kind = c.scope.names.get(name, ...), annotation_value(run, annotation, c.scope)
            field = default if isinstance(default, Instance) and default.path in FIELDS else None
            alias = client_name(run, cls, name, _field_of(kind) or field) if model else name
            _parameter(out, alias if alias.isidentifier() else name, kind, default, text,
                       default is not ... and (field is None or not model or has_default(field)))
        finally:
            run.frames.pop()
    return out


def _field_of(kind: Any) -> Instance | None:
    """The ``Field(…)`` inside of an ``Annotated``; the last of several."""
    found = [m for m in annotated(kind)[1] if isinstance(m, Instance) and m.path in FIELDS]
    return found[-1] if found else None


def _view_signature(run: Interpreter, cls: ClassValue) -> Signature:
    """The arguments of ``__init__`` and the annotated names of the class, as cbv puts them together."""
    init = own_method(cls, "__init__")
    first = _read(run, init, 1, {}) if init is not None else Signature([], [])
    fields = _fields(run, cls)
    return Signature([*first.parameters, *fields.parameters], [*first.dependencies, *fields.dependencies],
                     {**first.injected, **fields.injected})


def _parameter(out: Signature, name: str, kind: Any, default: Any, text: str, has: bool) -> None:
    base, markers = annotated(kind)
    marker = next((m for m in (default, *reversed(markers)) if isinstance(m, Instance)
                   and (m.is_a(*DEPENDS) or m.path in MARKERS)), None)
    if marker is not None and marker.is_a(*DEPENDS):
        target = marker.args[0] if marker.args else marker.kwargs.get("dependency")
        out.injected[name] = base if target is None else target
        out.dependencies.append((out.injected[name], marker))
        return
    given = has and default is not ... and (marker is None or marker is not default)
    out.parameters.append(Input(name, base, marker, text, given))


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
    if isinstance(target, View):
        return target.cls.path
    if isinstance(target, ClassValue):
        return target.path
    if isinstance(target, External):
        return DEFINED.get(target.path, target.path)
    if isinstance(target, PartialValue):
        return name_of(target.function)
    if isinstance(target, Instance):
        return known_name(target) or (f"{target.path.removesuffix('()')}()" if target.path != "?" else None)
    if isinstance(target, Choice):
        found = decided(target)
        return name_of(found) if not isinstance(found, Choice) else None
    if isinstance(target, Subscripted):
        return name_of(target.base)
    return None


def decided(target: Any) -> Any:
    """A dependency's value by default; of several that are closures of one function, the first."""
    target = by_default(target)
    if isinstance(target, Choice):
        options = possible(target)
        if all(isinstance(o, FunctionValue) and o.node is options[0].node for o in options):
            return options[0]
    return target


def chain(run: Interpreter, target: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """Everything a callable depends on, itself last: the order in which FastAPI evaluates."""
    seen = set() if seen is None else seen
    target = decided(target)
    key = id(target.cls if isinstance(target, View) else target)
    if key in seen or isinstance(target, Unknown):
        return
    seen.add(key)
    for sub in [*(t for t, _ in signature(run, target).dependencies), *known_dependencies(run, target)]:
        yield from chain(run, sub, seen)
    yield target


def evaluated_async(target: Any) -> bool | None:
    """Whether FastAPI awaits a callable (True) or runs it in the thread pool (False); None when not known."""
    if isinstance(target, FunctionValue):
        return bool(target.node[9]) if target.node[0] == "def" else False
    if isinstance(target, Bound | PartialValue):
        return evaluated_async(target.function)
    if isinstance(target, Instance) and isinstance(target.cls, ClassValue):
        call = own_method(target.cls, "__call__")
        return evaluated_async(call) if call is not None else None
    return None


def yields(target: Any) -> bool:
    """Whether a dependency is a generator: what follows its ``yield`` runs when the request is over."""
    if isinstance(target, Bound):
        return yields(target.function)
    return isinstance(target, FunctionValue) and is_generator(target.original.node)
