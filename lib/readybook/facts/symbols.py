"""Objects known only by their type: parameters, attributes, results of calls that are not run."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from readybook.facts.expressions import evaluate
from readybook.facts.frames import Frame
from readybook.facts.interpreter import is_generator
from readybook.facts.objects import (
    Awaitable,
    Bound,
    ClassValue,
    FunctionValue,
    Generated,
    Instance,
    Namespace,
    Subscripted,
)
from readybook.facts.values import SEVERAL, UNKNOWN, Choice, External, Unknown

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter
    from readybook.facts.syntax import Node

YIELDING = frozenset(f"{m}.{n}" for m in ("typing", "collections.abc") for n in (
    "AsyncGenerator", "AsyncIterator", "AsyncIterable", "Generator", "Iterator", "Iterable", "Awaitable", "Coroutine"))
LISTS = frozenset(("list", "set", "frozenset", "tuple", "typing.List", "typing.Sequence", "typing.Iterable",
                   "collections.abc.Sequence", "collections.abc.Iterable", "typing.Set", "typing.Tuple",
                   "typing.AsyncIterator", "typing.Iterator"))
HTTP_ERRORS = ("fastapi.exceptions.HTTPException", "starlette.exceptions.HTTPException")
UNIONS = ("typing.Optional", "typing.Union")


def annotation_value(run: Interpreter, node: Node | None, scope: Namespace) -> Any:
    """What an annotation names; text annotations are read."""
    if node is None:
        return UNKNOWN
    if node[0] == "const" and isinstance(node[3], str):
        node = parsed(node[3])
        if node is None:
            return UNKNOWN
    return evaluate(run, node, scope)


def parsed(text: str) -> Node | None:
    """An expression that is written as a text; None when it is none."""
    from readybook.facts.syntax import EXPRESSIONS

    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return EXPRESSIONS[tree.__class__](tree)


def symbol(run: Interpreter, node: Node | None, scope: Namespace) -> Any:
    """An object of the type that an annotation names."""
    return symbol_of_type(run, annotation_value(run, node, scope))


def symbol_of_type(run: Interpreter, kind: Any) -> Any:
    """An object of a type."""
    if isinstance(kind, str):
        node = parsed(kind)
        return symbol(run, node, run.loaded[run.frame.module.path].scope) if node and run.frames else UNKNOWN
    if isinstance(kind, ClassValue):
        return symbolic_instance(run, kind)
    if isinstance(kind, External):
        return UNKNOWN if kind.path in ("typing.Any", "object") else Instance(kind)
    if isinstance(kind, Subscripted):
        return _generic(run, kind)
    if isinstance(kind, Choice):
        return symbol_of_type(run, kind.options[0][1])
    return UNKNOWN


def _generic(run: Interpreter, kind: Subscripted) -> Any:
    path = kind.base.path if isinstance(kind.base, External | ClassValue) else ""
    if path == "typing.Annotated":
        found = symbol_of_type(run, kind.args[0])
        return from_markers(run, kind.args[1:]) if isinstance(found, Unknown) else as_given(run, found, kind.args[1:])
    if path in UNIONS:
        for arg in kind.args:
            if arg is not None:
                return symbol_of_type(run, arg)
        return None
    if path in YIELDING:
        return symbol_of_type(run, kind.args[2] if path.endswith(".Coroutine") and len(kind.args) > 2 else kind.args[0])
    if path in LISTS:
        return Instance(External(path), {"__element__": symbol_of_type(run, kind.args[0])})
    return symbol_of_type(run, kind.base)


def from_markers(run: Interpreter, markers: tuple[Any, ...]) -> Any:
    """What ``Depends(...)`` gives to the parameter that carries it."""
    for marker in markers:
        if isinstance(marker, Instance) and marker.is_a("fastapi.Depends", "fastapi.Security"):
            target = marker.args[0] if marker.args else marker.kwargs.get("dependency")
            return called(run, target)
    return UNKNOWN


def as_given(run: Interpreter, typed: Any, markers: tuple[Any, ...]) -> Any:
    """A session of SQLAlchemy as its dependency gives it: FastAPI does not look whether that is what the annotation
    says, and a ``Session`` may be an ``AsyncSession``."""
    if _session(typed):
        given = from_markers(run, markers)
        if _session(given) and _session(given) != _session(typed):
            return given
    return typed


def _session(value: Any) -> str:
    path = value.path if isinstance(value, Instance) and isinstance(value.cls, External) else ""
    name = path.rpartition(".")[2]
    return name if path.startswith(("sqlalchemy.", "sqlmodel.")) and name in ("Session", "AsyncSession") else ""


def called(run: Interpreter, target: Any) -> Any:
    """What a callable gives when FastAPI calls it."""
    if isinstance(target, FunctionValue):
        value = run.summary(target)
        return value.value if isinstance(value, Awaitable) else value
    if isinstance(target, Bound) and isinstance(target.function, FunctionValue):
        return called(run, target.function)
    if isinstance(target, ClassValue):
        return symbolic_instance(run, target)
    if isinstance(target, Instance) and isinstance(target.cls, ClassValue):
        try:
            return called(run, target.cls.find("__call__"))
        except KeyError:
            return UNKNOWN
    return UNKNOWN


def symbolic_instance(run: Interpreter, cls: ClassValue) -> Instance:
    """The one object that stands for all objects of a class."""
    known = run.summaries.get(id(cls))
    if known is None:
        known = run.summaries[id(cls)] = Instance(cls, arguments_known=False)
    return known


def attribute_symbol(run: Interpreter, cls: ClassValue, name: str) -> Any:
    """An attribute by its annotation in the class, or by what ``__init__`` sets; None when neither tells."""
    for c in cls.mro():
        if isinstance(c, ClassValue) and name in c.annotations:
            return _in_module(run, c, c.annotations[name])
    instance = symbolic_instance(run, cls)
    for c in cls.mro():
        if not isinstance(c, ClassValue):
            continue
        for method in ("__init__", "__post_init__", "__aenter__", "setup", "connect", "initialize", "init"):
            init = c.scope.names.get(method)
            if isinstance(init, FunctionValue):
                analyse(run, init)
                if name in instance.attrs:
                    return instance.attrs[name]
    return None


def _in_module(run: Interpreter, c: ClassValue, node: Node) -> Any:
    run.frames.append(Frame(c.module, None, c))
    try:
        return symbol(run, node, c.scope)
    finally:
        run.frames.pop()


def element_of(run: Interpreter, iterable: Any) -> Any:
    """What iterating gives, by the type of what is iterated."""
    if isinstance(iterable, Instance) and "__element__" in iterable.attrs:
        return iterable.attrs["__element__"]
    if isinstance(iterable, Subscripted) and iterable.base == SEVERAL:
        return iterable.args[0]
    return Unknown("an element of what is iterated")


def entered(run: Interpreter, value: Any, is_async: bool) -> Any:
    """What ``with value as name`` binds."""
    if isinstance(value, Awaitable):
        return run.awaited(value)
    if isinstance(value, Generated):
        return value.first
    if isinstance(value, Instance) and isinstance(value.cls, ClassValue):
        try:
            method = value.cls.find("__aenter__" if is_async else "__enter__")
        except KeyError:
            return value
        if isinstance(method, FunctionValue):
            found = run.summary(method)
            found = found.value if isinstance(found, Awaitable) else found
            return value if isinstance(found, Unknown) else found
        return value
    return value


def exception_of(run: Interpreter, kind: Node | None, scope: Namespace) -> Any:
    """The object that ``except kind as name`` binds."""
    value = evaluate(run, kind, scope) if kind is not None else External("BaseException")
    if isinstance(value, tuple):
        value = value[0] if value else UNKNOWN
    if isinstance(value, External):
        return Instance(value)
    return Instance(value) if isinstance(value, ClassValue) else Unknown("an exception")


def returned(run: Interpreter, f: FunctionValue) -> Any:
    """What a call of the function gives: by its return annotation, else by what its body returns or yields."""
    if f.node[0] == "def" and f.node[8] is not None:
        run.frames.append(Frame(f.module, f, f.owner))
        try:
            value = symbol(run, f.node[8], f.scope)
        finally:
            run.frames.pop()
        if isinstance(value, Instance) and value.is_a(*HTTP_ERRORS):
            made = analyse(run, f)  # an error with its status
            return made if isinstance(made, Instance) and made.is_a(*HTTP_ERRORS) else value
        if not isinstance(value, Unknown):
            return value
    return analyse(run, f)


def analyse(run: Interpreter, f: FunctionValue) -> Any:
    """Run the body once with parameters known by type; gives what it returns or yields. Each body runs once."""
    key = ("analysed", id(f.node))
    known = run.summaries.get(key, run)  # type: ignore[call-overload]
    if known is not run:
        return known
    run.summaries[key] = UNKNOWN  # type: ignore[index]
    symbolic, run.symbolic = run.symbolic, True
    conditions, run.conditions = run.conditions, []
    awaiting, run.awaiting = run.awaiting, False
    try:
        frame = Frame(f.module, f, f.owner, symbolic_instance(run, f.owner) if f.owner is not None else None)
        run.frames.append(frame)
        try:
            scope = Namespace(parameters(run, f), f.scope)
        finally:
            run.frames.pop()
        value = _body(run, f, frame, scope)
        run.summaries[key] = value  # type: ignore[index]
        return value
    finally:
        run.symbolic, run.conditions, run.awaiting = symbolic, conditions, awaiting


def _body(run: Interpreter, f: FunctionValue, frame: Frame, scope: Namespace) -> Any:
    if f.node[0] == "lambda":
        run.frames.append(frame)
        try:
            return evaluate(run, f.node[4], scope)
        finally:
            run.frames.pop()
    run.run_frame(frame, f.node[6], scope)
    values = [v for _, v in frame.yields] if is_generator(f.node) else [v for _, v in frame.returns]
    return next((v for v in values if v is not None and not isinstance(v, Unknown)), UNKNOWN if values else None)


def parameters(run: Interpreter, f: FunctionValue) -> dict[str, Any]:
    """The names of a function's parameters bound to objects of their types."""
    names: dict[str, Any] = {}
    for i, (name, annotation, default, kind, *_) in enumerate(f.params):
        if i == 0 and f.owner is not None and f.kind in ("function", "property", "classmethod"):
            names[name] = f.owner if f.kind == "classmethod" else symbolic_instance(run, f.owner)
            continue
        value = symbol(run, annotation, f.scope) if annotation is not None else UNKNOWN
        if kind in ("var", "keys"):
            value = UNKNOWN
        if default is not None and (isinstance(value, Unknown) or _session(value)):
            from readybook.facts.interpreter import default_of

            marker = default_of(run, f, name, default)
            if not isinstance(value, Unknown):
                value = as_given(run, value, (marker,))
            else:
                value = from_markers(run, (marker,)) if isinstance(marker, Instance) else UNKNOWN
        names[name] = value if not isinstance(value, Unknown) else Unknown(f"parameter {name}", value.place)
    return names
