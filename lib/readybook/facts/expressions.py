"""What each expression is worth."""

from __future__ import annotations

from typing import Any

from readybook.facts.enums import text_of_member
from readybook.facts.frames import Condition, Suspended
from readybook.facts.interpreter import MAX_LOOP, Interpreter
from readybook.facts.objects import FunctionValue, Generated, Instance, Namespace, Subscripted
from readybook.facts.operators import WIDE, binary, compare, lift, unary
from readybook.facts.route_lists import is_route_list, routes_in
from readybook.facts.syntax import Node
from readybook.facts.targetfiles import path_text
from readybook.facts.unparse import unparse
from readybook.facts.values import (
    ABSENT,
    CONSTANTS,
    SEVERAL,
    UNKNOWN,
    Begins,
    Choice,
    External,
    FromEnv,
    Unknown,
    by_default,
    choose,
    set_of,
    truth,
)

BUILTINS = frozenset(
    "abs all any ascii bin bool bytearray bytes callable chr classmethod compile complex delattr dict dir divmod "
    "enumerate eval exec filter float format frozenset getattr globals hasattr hash hex id input int isinstance "
    "issubclass iter len list locals map max memoryview min next object oct open ord pow print property range repr "
    "reversed round set setattr slice sorted staticmethod str sum super tuple type vars zip __import__ "
    "Exception BaseException ValueError TypeError KeyError IndexError AttributeError RuntimeError OSError IOError "
    "NotImplementedError StopIteration StopAsyncIteration ImportError ModuleNotFoundError PermissionError "
    "FileNotFoundError FileExistsError ConnectionError TimeoutError LookupError ArithmeticError ZeroDivisionError "
    "OverflowError UnicodeError UnicodeDecodeError UnicodeEncodeError AssertionError KeyboardInterrupt SystemExit "
    "GeneratorExit EOFError MemoryError RecursionError NameError SyntaxError InterruptedError BrokenPipeError "
    "ConnectionRefusedError ConnectionResetError ConnectionAbortedError ExceptionGroup BaseExceptionGroup Warning "
    "UserWarning DeprecationWarning FutureWarning RuntimeWarning NotImplemented".split()
)


def evaluate(run: Interpreter, node: Node | None, scope: Namespace) -> Any:
    """The value of an expression; None for no expression."""
    if node is None:
        return None
    run.steps += 1
    return EXPRESSIONS[node[0]](run, node, scope)


def _const(run: Interpreter, n: Node, scope: Namespace) -> Any:
    return n[3]


def _name(run: Interpreter, n: Node, scope: Namespace) -> Any:
    name = n[3]
    try:
        return scope.find(name)
    except KeyError:
        pass
    if name in BUILTINS:
        return External(name)
    if name == "__debug__":
        return True
    return Unknown(f"{name} is not defined in the code read", run.place(n) if run.frames else None)


def _attr(run: Interpreter, n: Node, scope: Namespace) -> Any:
    from readybook.facts.attributes import get_attribute

    return get_attribute(run, evaluate(run, n[3], scope), n[4], n)


def _call(run: Interpreter, n: Node, scope: Namespace) -> Any:
    from readybook.facts.calls import call_expression

    return call_expression(run, n, scope)


def items_of(run: Interpreter, nodes: tuple[Node, ...], scope: Namespace) -> list[Any]:
    """The values of a display's elements, stars spread."""
    out: list[Any] = []
    for node in nodes:
        if node[0] == "star":
            spread = iterate(run, evaluate(run, node[3], scope))
            out.extend(spread if spread is not None else [UNKNOWN])
        else:
            out.append(evaluate(run, node, scope))
    return out


def _list(run: Interpreter, n: Node, scope: Namespace) -> Any:
    return items_of(run, n[3], scope)


def _tuple(run: Interpreter, n: Node, scope: Namespace) -> Any:
    return tuple(items_of(run, n[3], scope))


def _set(run: Interpreter, n: Node, scope: Namespace) -> Any:
    return set_of(items_of(run, n[3], scope))


def _dict(run: Interpreter, n: Node, scope: Namespace) -> Any:
    out: dict[Any, Any] = {}
    for key, value in n[3]:
        if key is None:
            spread = evaluate(run, value, scope)
            if isinstance(spread, dict):
                out.update(spread)
            else:
                out[Unknown("spread into the dict")] = UNKNOWN
            continue
        k, v = evaluate(run, key, scope), evaluate(run, value, scope)
        try:
            out[k] = v
        except TypeError:
            out[Unknown("key is not known")] = v
    return out


def _fstring(run: Interpreter, n: Node, scope: Namespace) -> Any:
    value: Any = ""
    for part in n[3]:
        value = binary(run, "Add", value, _text(run, evaluate(run, part, scope), formatted=True))
    return value


URLS = frozenset((
    "sqlalchemy.URL.create()", "sqlalchemy.engine.URL.create()", "sqlalchemy.engine.url.URL.create()",
    "pydantic.PostgresDsn.build()", "pydantic.MySQLDsn.build()", "pydantic.RedisDsn.build()",
    "pydantic_core.MultiHostUrl.build()", "pydantic.AnyUrl.build()", "pydantic.networks.MultiHostUrl.build()",
    "pydantic_core.Url.build()", "yarl.URL.build()",
))


def url_text(value: Instance) -> Any:
    """How the text of a URL object begins: its scheme."""
    given = value.kwargs.get("drivername", value.kwargs.get("scheme", value.args[0] if value.args else None))
    scheme = by_default(given)
    return Begins(f"{scheme}://") if isinstance(scheme, str) else Unknown("the scheme of a URL")


def _text(run: Interpreter, value: Any, *, formatted: bool = False) -> Any:
    """``str(value)``, or what a field of an f-string shows when ``formatted``."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | type(None)):
        return str(value)
    if isinstance(value, FromEnv | Choice):
        return lift(lambda v: _text(run, v, formatted=formatted), value)
    member = text_of_member(run, value, formatted=formatted)
    if member is not None:
        return member
    if isinstance(value, Unknown | Begins):
        return value
    if isinstance(value, Instance) and value.path in URLS:
        return url_text(value)
    path = path_text(value)
    if path is not None:
        return path
    return Unknown("its text is not known")


def _format(run: Interpreter, n: Node, scope: Namespace) -> Any:
    value = evaluate(run, n[3], scope)
    if n[5]:
        value = _converted(run, n[5], value)
    spec = evaluate(run, n[4], scope)
    if spec is None or spec == "":
        return value
    if isinstance(spec, str) and isinstance(value, str | int | float) and not WIDE.search(spec):
        try:
            return format(value, spec)
        except (ValueError, TypeError, OverflowError):
            return UNKNOWN
    return Unknown("formatted")


def _converted(run: Interpreter, how: str, value: Any) -> Any:
    """``!s``, ``!r`` and ``!a`` of a field."""
    if isinstance(value, FromEnv | Choice):
        return lift(lambda v: _converted(run, how, v), value)
    if how == "s":
        return _text(run, value)
    return (repr if how == "r" else ascii)(value) if isinstance(value, CONSTANTS) else Unknown("its text is not known")


def _bin(run: Interpreter, n: Node, scope: Namespace) -> Any:
    return binary(run, n[3], evaluate(run, n[4], scope), evaluate(run, n[5], scope))


def _unary(run: Interpreter, n: Node, scope: Namespace) -> Any:
    return unary(run, n[3], evaluate(run, n[4], scope))


def _bool(run: Interpreter, n: Node, scope: Namespace) -> Any:
    """``a or b``: the first whose truth decides; a value from the environment keeps its name and both defaults."""
    stop = n[3] == "or"
    values: list[tuple[Node, Any]] = []
    for node in n[4]:
        value = evaluate(run, node, scope)
        t = run.decides(value)
        if t is stop:
            values.append((node, value))
            break
        if t is None or node is n[4][-1]:
            values.append((node, value))
    if len(values) == 1:
        return values[0][1]
    return _first_deciding(values, stop)


def _first_deciding(values: list[tuple[Node, Any]], stop: bool) -> Any:
    options, default, undecided = [], None, False
    for i, (node, value) in enumerate(values):
        options.append((unparse(node), value))
        t = None if isinstance(value, Unknown) else truth(by_default(value))
        if default is None and not undecided and (t is stop or i == len(values) - 1):
            default = i
        undecided = undecided or t is None
    if all(isinstance(v, bool | FromEnv | Choice) for _, v in options) and default is not None:
        first = next((v for _, v in options if isinstance(v, FromEnv)), None)
        if first is not None:
            return FromEnv(first.name, by_default(options[default][1]), first.place)
    return choose(options, default)


def _cmp(run: Interpreter, n: Node, scope: Namespace) -> Any:
    left = evaluate(run, n[3], scope)
    results = []
    for op, right_node in n[4]:
        right = evaluate(run, right_node, scope)
        results.append(compare(run, op, left, right))
        left = right
    if len(results) == 1:
        return results[0]
    if any(r is False for r in results):
        return False
    return True if all(r is True for r in results) else UNKNOWN


def _if(run: Interpreter, n: Node, scope: Namespace) -> Any:
    test = evaluate(run, n[3], scope)
    t = run.decides(test)
    if t is not None:
        return evaluate(run, n[4] if t else n[5], scope)
    text = unparse(n[3])
    default = None if isinstance(test, Unknown) else truth(by_default(test))
    with run.under(Condition(text, default)):
        yes = evaluate(run, n[4], scope)
    with run.under(Condition(f"not ({text})", None if default is None else not default)):
        no = evaluate(run, n[5], scope)
    return choose([(text, yes), (f"not ({text})", no)], None if default is None else int(not default))


def _sub(run: Interpreter, n: Node, scope: Namespace) -> Any:
    from readybook.facts.attributes import get_item

    return get_item(run, evaluate(run, n[3], scope), evaluate(run, n[4], scope), n)


def _slice(run: Interpreter, n: Node, scope: Namespace) -> Any:
    parts = [evaluate(run, p, scope) for p in n[3:6]]
    return slice(*parts) if all(isinstance(p, int | None) for p in parts) else UNKNOWN


def _star(run: Interpreter, n: Node, scope: Namespace) -> Any:
    return evaluate(run, n[3], scope)


def _await(run: Interpreter, n: Node, scope: Namespace) -> Any:
    run.awaiting = n[3][0] == "call"
    value = evaluate(run, n[3], scope)
    run.awaiting = False
    return run.awaited(value)


def _yield(run: Interpreter, n: Node, scope: Namespace) -> Any:
    value = evaluate(run, n[3], scope)
    frame = run.frame
    if frame.suspends:
        raise Suspended
    inner = iterate(run, value) if n[0] == "yieldfrom" else [value]
    conditions = tuple(run.conditions[frame.base :])
    for item in inner if inner is not None else [UNKNOWN]:
        frame.yields.append((conditions, item))
    return UNKNOWN


def _lambda(run: Interpreter, n: Node, scope: Namespace) -> Any:
    frame = run.frame
    outer = f"{frame.owner.qualname}." if frame.owner else ""
    prefix = f"{frame.function.qualname}.<locals>." if frame.function else outer
    f = FunctionValue(frame.module, n, scope, "<lambda>", prefix + "<lambda>", None)
    run.functions.setdefault((frame.module.path, n[1], f"{f.qualname}:{n[2]}"), f)
    return f


def _comp(run: Interpreter, n: Node, scope: Namespace) -> Any:
    from readybook.facts.assignments import assign
    from readybook.facts.loops import element

    inner = Namespace({}, scope)
    out: list[Any] = []

    def rounds(generators: tuple[Any, ...]) -> bool:
        if not generators:
            out.append((evaluate(run, n[4], inner), evaluate(run, n[5], inner)))
            return True
        if run.steps > run.limit:
            return False
        target, source, ifs, _ = generators[0]
        values = evaluate(run, source, inner)
        items = None if run.symbolic else iterate(run, values)
        complete = items is not None
        for item in items if items is not None else [element(run, values)]:
            assign(run, target, item, inner)
            tests = [run.decides(evaluate(run, test, inner)) for test in ifs]
            if False in tests:
                continue
            complete = rounds(generators[1:]) and complete and None not in tests
        return complete

    run.frame.loops += 1
    try:
        complete = rounds(n[6])
    finally:
        run.frame.loops -= 1
    if n[3] == "dict":
        return {k: v for k, v in out if isinstance(k, CONSTANTS)} if complete else UNKNOWN
    values = [v for v, _ in out]
    if complete:
        return set_of(values) if n[3] == "set" else values
    return [Unknown("one of several")] if not values else [Subscripted(SEVERAL, tuple(values))]


def _walrus(run: Interpreter, n: Node, scope: Namespace) -> Any:
    from readybook.facts.assignments import assign

    value = evaluate(run, n[4], scope)
    assign(run, n[3], value, scope)
    return value


def iterate(run: Interpreter, value: Any) -> list[Any] | None:
    """The elements of a value in order, None when they are not known."""
    if isinstance(value, FromEnv | Choice):
        value = by_default(value)
    if isinstance(value, list | tuple | set | frozenset):
        if len(value) > MAX_LOOP:
            return None
        # containers in it are handed out as they are: what the loop does to them stays done
        decided = [by_default(v) if isinstance(v, FromEnv | Choice) else v for v in value]
        items = [v for v in decided if v is not ABSENT]
    elif isinstance(value, dict):
        items = list(value)
    elif isinstance(value, str):
        items = list(value)
    elif isinstance(value, Generated):
        items = value.elements
    elif is_route_list(value):
        items = routes_in(value)
    else:
        from readybook.facts.enums import enum_members

        items = enum_members(run, value)
    if items is None or len(items) > MAX_LOOP or any(isinstance(v, Unknown) for v in items):
        return None
    return items


EXPRESSIONS: dict[str, Any] = {
    "const": _const, "name": _name, "attr": _attr, "call": _call, "list": _list, "tuple": _tuple, "set": _set,
    "dict": _dict, "fstring": _fstring, "format": _format, "bin": _bin, "unary": _unary, "bool": _bool, "cmp": _cmp,
    "if": _if, "sub": _sub, "slice": _slice, "star": _star, "await": _await, "yield": _yield, "yieldfrom": _yield,
    "lambda": _lambda, "comp": _comp, "walrus": _walrus,
}
