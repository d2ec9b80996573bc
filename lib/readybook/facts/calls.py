"""What a call gives, and which calls stand where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.expressions import evaluate, iterate
from readybook.facts.frames import CallSite
from readybook.facts.interpreter import CACHED, Interpreter
from readybook.facts.objects import (
    Bound,
    ClassValue,
    FunctionValue,
    Instance,
    Native,
    PartialValue,
    Subscripted,
    Super,
)
from readybook.facts.value_methods import call_builtin_method
from readybook.facts.values import ABSENT, SEVERAL, UNKNOWN, Choice, External, FromEnv, Unknown, by_default, choose

if TYPE_CHECKING:
    from readybook.facts.objects import Namespace
    from readybook.facts.syntax import Node


def call_expression(run: Interpreter, n: Node, scope: Namespace) -> Any:
    """Evaluate a call and note it."""
    awaited, run.awaiting = run.awaiting, False
    callee = evaluate(run, n[3], scope)
    args, complete = _arguments(run, n[4], scope)
    kwargs: dict[str, Any] = {}
    for name, value in n[5]:
        if name is not None:
            kwargs[name] = evaluate(run, value, scope)
            continue
        spread = evaluate(run, value, scope)
        if isinstance(spread, dict) and all(isinstance(k, str) for k in spread):
            kwargs.update({k: v for k, v in spread.items() if not (isinstance(v, Choice) and by_default(v) is ABSENT)})
        else:
            complete = False
    if not complete:
        kwargs["**"] = UNKNOWN
    frame = run.frames[-1]
    site = CallSite(callee, args, kwargs, frame.module, n, frame.function, frame.owner, tuple(run.conditions),
                    not run.symbolic, frame.loops > 0, awaited)
    key = (frame.module.path, n[1], n[2], n[6], n[7])
    known = run.calls.get(key)
    if known is None or (site.concrete and not known.concrete):
        run.calls[key] = site
    if isinstance(callee, External) and callee.path == "super":
        return _super(run, args)
    frame.site = n
    given = {k: v for k, v in kwargs.items() if k != "**"} if "**" in kwargs else kwargs.copy()
    site.result = call(run, callee, args, given, n, complete)
    return site.result


def _arguments(run: Interpreter, nodes: tuple[Node, ...], scope: Namespace) -> tuple[tuple[Any, ...], bool]:
    args: list[Any] = []
    complete = True
    for node in nodes:
        if node[0] != "star":
            args.append(evaluate(run, node, scope))
            continue
        spread = iterate(run, evaluate(run, node[3], scope))
        if spread is None:
            complete = False
        else:
            args.extend(spread)
    return tuple(args), complete


def _super(run: Interpreter, args: tuple[Any, ...]) -> Any:
    frame = run.frame
    if frame.function is None or frame.function.owner is None:
        return UNKNOWN
    receiver = frame.receiver if frame.receiver is not None else UNKNOWN
    return Super(frame.function.owner, receiver) if isinstance(receiver, Instance | ClassValue) else UNKNOWN


def call(run: Interpreter, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any], node: Node | None = None,
         complete: bool = True) -> Any:
    """The value of ``callee(*args, **kwargs)``; ``node`` is the call expression, for places."""
    handler = _HANDLERS.get(callee.__class__)
    if handler is None:
        return UNKNOWN
    return handler(run, callee, args, kwargs, node, complete)


def _function(run: Interpreter, f: FunctionValue, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    return run.call_function(f, args, kwargs)


def _bound(run: Interpreter, b: Bound, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    if isinstance(b.function, FunctionValue):
        return run.call_function(b.function, (b.self, *args), kwargs, b.self)
    if isinstance(b.function, str):
        return call_builtin_method(run, b.function, b.self, args, kwargs)
    if isinstance(b.function, External):
        from readybook.facts.externals import call_method

        return call_method(run, b, args, kwargs, node)
    return UNKNOWN


def _class(run: Interpreter, cls: ClassValue, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    from readybook.facts.construction import construct

    return construct(run, cls, args, kwargs, node, complete)


def _external(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    from readybook.facts.externals import call_external

    return call_external(run, e, args, kwargs, node, complete)


def _native(run: Interpreter, f: Native, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    return f.call(args, kwargs, node)


def _instance(run: Interpreter, i: Instance, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    from readybook.facts.externals import call_instance

    if isinstance(i.cls, ClassValue):
        try:
            method = i.cls.find("__call__")
        except KeyError:
            return UNKNOWN
        if isinstance(method, FunctionValue):
            return run.call_function(method, (i, *args), kwargs, i)
        return UNKNOWN
    return call_instance(run, i, args, kwargs, node)


def _partial(run: Interpreter, p: PartialValue, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    return call(run, p.function, (*p.args, *args), {**p.kwargs, **kwargs}, node, complete)


def _subscripted(run: Interpreter, s: Subscripted, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    if s.base == SEVERAL:
        return call(run, s.args[0], args, kwargs, node, complete) if run.symbolic else UNKNOWN
    return call(run, s.base, args, kwargs, node, complete)


def _choice(run: Interpreter, c: Choice, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    if len(c.options) > 4:
        return UNKNOWN
    from readybook.facts.frames import Condition

    results = []
    for i, (text, option) in enumerate(c.options):
        with run.under(Condition(text, None if c.default is None else i == c.default)):
            results.append((text, call(run, option, args, kwargs, node, complete)))
    return choose(results, c.default)


def _unknown(run: Interpreter, u: Unknown, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    return u


def _env(run: Interpreter, v: FromEnv, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    return UNKNOWN


_HANDLERS: dict[type, Any] = {
    FunctionValue: _function, Bound: _bound, ClassValue: _class, External: _external, Native: _native,
    Instance: _instance, PartialValue: _partial, Subscripted: _subscripted, Choice: _choice, Unknown: _unknown,
    FromEnv: _env,
}

CACHES = ("functools.lru_cache", "functools.cache")
KINDS = {
    "property": "property", "functools.cached_property": "property", "pydantic.computed_field": "property",
    "abc.abstractproperty": "property", "staticmethod": "staticmethod", "classmethod": "classmethod",
    "django.utils.functional.cached_property": "property", "sqlalchemy.ext.hybrid.hybrid_property": "property",
    "sqlalchemy.orm.declared_attr": "property", "sqlalchemy.ext.declarative.declared_attr": "property",
    "fastapi_utils.api_settings.cached_property": "property",
}


def decorate(run: Interpreter, f: FunctionValue, decorators: tuple[Node, ...], scope: Namespace) -> Any:
    """The function after its decorators, the one nearest to it first."""
    values = [evaluate(run, d, scope) for d in decorators]
    f.decorators = tuple(values)
    if any((v.path if isinstance(v, External) else getattr(v, "name", "")) in CACHES for v in values):
        f.attrs[CACHED] = {}
    result: Any = f
    for value, node in zip(reversed(values), reversed(decorators), strict=True):
        result = _decorated(run, value, result, node)
    return result


def _decorated(run: Interpreter, decorator: Any, f: Any, node: Node) -> Any:
    if isinstance(decorator, External) or (isinstance(decorator, Instance) and isinstance(decorator.cls, External)):
        kind = KINDS.get(decorator.path)
        if kind and isinstance(f, FunctionValue):
            f.kind = kind
        return _decorated_by_package(run, decorator, f, node)
    if isinstance(decorator, FunctionValue | Bound | PartialValue | ClassValue | Instance) and run.symbolic:
        return f
    if isinstance(decorator, Bound) and isinstance(decorator.function, str):
        return f
    if isinstance(decorator, Bound) and isinstance(decorator.function, External) and not _native_receiver(decorator):
        return f
    result = call(run, decorator, (f,), {}, node)
    if isinstance(result, FunctionValue) and isinstance(f, FunctionValue) and _hands_all_on(result, f):
        result.wrapped = f
    if isinstance(result, FunctionValue | Native | Instance | PartialValue | ClassValue | Bound):
        return result
    return f


def _hands_all_on(wrapper: FunctionValue, f: FunctionValue) -> bool:
    """Whether a wrapper without ``functools.wraps`` takes whatever comes, for a function that its decorator was given.

    What runs is then the function that it was made for: one body is shared by all that a decorator made.
    """
    outer = wrapper.scope.outer if wrapper.wrapped is None else None
    if wrapper is f or outer is None or [p[3] for p in wrapper.params] != ["var", "keys"]:
        return False
    return any(value is f for scope in (wrapper.scope, outer) for value in scope.names.values())


def _native_receiver(b: Bound) -> bool:
    return isinstance(b.self, Instance) and b.self.native is not None


def _decorated_by_package(run: Interpreter, decorator: Any, f: Any, node: Node) -> Any:
    if isinstance(decorator, Instance) and decorator.native is not None:
        result = call(run, decorator, (f,), {}, node)
        return f if isinstance(result, Unknown) or result is None else result
    return f


def decorate_class(run: Interpreter, cls: ClassValue, decorators: tuple[Node, ...], scope: Namespace) -> Any:
    """The class after its decorators."""
    values = [evaluate(run, d, scope) for d in decorators]
    cls.decorators = tuple(values)
    result: Any = cls
    for value in reversed(values):
        if isinstance(value, Native):
            result = value.call((result,), {}, cls.node) or result
        elif isinstance(value, FunctionValue | Bound | PartialValue | Instance) and not run.symbolic:
            made = call(run, value, (result,), {}, cls.node)
            result = made if isinstance(made, ClassValue | FunctionValue) else result
    return result
