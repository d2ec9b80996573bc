"""How each statement changes the names, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from readybook.errors import ReadybookError
from readybook.facts.assignments import annotated_assignment, assign, assignment, augmented_assignment
from readybook.facts.expressions import BUILTINS, evaluate, iterate
from readybook.facts.importing import catches_import, import_from, import_names, missing_import
from readybook.facts.interpreter import Condition, Frame, Interpreter, Suspended
from readybook.facts.objects import ClassValue, FunctionValue, Namespace
from readybook.facts.operators import compare
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.values import UNKNOWN, Choice, Unknown, by_default, choose, truth
from readybook.place import Place

PASSED_ON = (Suspended, ReadybookError, RecursionError, MemoryError)
MAX_ROUNDS = 200  # of a ``while`` whose test stays known


class Guarded(str):
    """How an ``if`` ended that left the block on one side only: what follows runs under the other condition."""

    condition: Condition


def block(run: Interpreter, body: tuple[Node, ...], scope: Namespace) -> str | None:
    """Run statements in order; None, or how they end: return, raise, break, continue."""
    pushed = 0
    flow: str | None = None
    for statement in body:
        run.steps += 1
        if run.steps > run.limit:
            break
        depth = len(run.conditions)
        try:
            flow = STATEMENTS[statement[0]](run, statement, scope)
        except PASSED_ON:
            raise
        except Exception as error:  # a fault of ours in one statement does not take the rest of the code with it
            run.stumbled(run.place(statement), error)
            del run.conditions[depth:]
            flow = None
        if flow is None:
            continue
        if isinstance(flow, Guarded):
            run.conditions.append(flow.condition)
            pushed += 1
            continue
        break
    guard = run.conditions[-1] if pushed and not (flow and not isinstance(flow, Guarded)) else None
    del run.conditions[len(run.conditions) - pushed :]
    if guard is not None:
        rest = Guarded("guarded")
        rest.condition = guard
        return rest
    return flow if not isinstance(flow, Guarded) else None


def guarded(run: Interpreter, place: Place, work: Callable[[], object]) -> None:
    """Do what runs outside statements, such as a default or an annotation, under the same guard as they have."""
    try:
        work()
    except PASSED_ON:
        raise
    except Exception as error:
        run.stumbled(place, error)


def _expr(run: Interpreter, s: Node, scope: Namespace) -> None:
    evaluate(run, s[4], scope)


def _return(run: Interpreter, s: Node, scope: Namespace) -> str:
    value = evaluate(run, s[4], scope) if s[4] is not None else None
    frame = run.frame
    frame.returns.append((tuple(run.conditions[frame.base :]), value))
    return "return"


def _if(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    test = evaluate(run, s[4], scope)
    known = run.decides(test)
    if known is True:
        flow = block(run, s[5], scope)
        # a module that always raises when it is imported serves nothing: where it is deployed, its test is not met
        return None if flow == "raise" and run.frame.function is None and not run.symbolic else flow
    if known is False:
        return block(run, s[6], scope)
    text = unparse(s[4])
    default = truth(by_default(test)) if not isinstance(test, Unknown) else None
    yes, no = Condition(text, default), Condition(_negated(text), None if default is None else not default)
    return _both(run, yes, s[5], no, s[6], scope)


def _negated(text: str) -> str:
    return text[4:] if text.startswith("not ") and " and " not in text and " or " not in text else f"not ({text})"


def _both(run: Interpreter, yes: Condition, body: Any, no: Condition, orelse: Any, scope: Namespace) -> str | None:
    before = dict(scope.names)
    with run.under(yes):
        first = block(run, body, scope)
    after = dict(scope.names)
    scope.names.clear()
    scope.names.update(before)
    with run.under(no):
        second = block(run, orelse, scope)
    ended_first = first is not None and not isinstance(first, Guarded)
    ended_second = second is not None and not isinstance(second, Guarded)
    if ended_first and ended_second:
        return first if first == second else "return"
    if ended_second:
        scope.names.clear()
        scope.names.update(after)
    elif not ended_first:
        _merge(scope.names, after, yes, no)
    if not (ended_first or ended_second):
        return None
    if "raise" in (first, second):
        return None  # the other side is the only one that goes on
    rest = Guarded("guarded")
    rest.condition = no if ended_first else yes
    return rest


def _merge(names: dict[str, Any], other: dict[str, Any], yes: Condition, no: Condition) -> None:
    default = None if yes.default is None else (0 if yes.default else 1)
    for name, value in other.items():
        if name not in names:
            names[name] = value
        elif names[name] is not value:
            names[name] = choose([(yes.text, value), (no.text, names[name])], default)


def _for(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    iterable = evaluate(run, s[5], scope)
    items = None if s[8] or run.symbolic else iterate(run, iterable)
    run.frame.loops += 1
    try:
        if items is None:
            assign(run, s[4], element(run, iterable), scope)
            condition = Condition(f"for {unparse(s[4])} in {unparse(s[5])}", None)
            with run.under(condition):
                block(run, s[6], scope)
        else:
            for item in items:
                assign(run, s[4], item, scope)
                flow = block(run, s[6], scope)
                if flow in ("return", "raise"):
                    return flow
                if flow == "break" or run.steps > run.limit:
                    break
    finally:
        run.frame.loops -= 1
    block(run, s[7], scope)
    return None


def element(run: Interpreter, iterable: Any) -> Any:
    """What a loop variable stands for when the loop runs once for all its rounds."""
    from readybook.facts.symbols import element_of

    items = iterate(run, iterable)
    if items:
        return items[0]
    return element_of(run, iterable)


def _while(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    constant = s[4][0] == "const"  # ``while True``: followed once
    run.frame.loops += 1
    try:
        for _ in range(MAX_ROUNDS):
            known = truth(evaluate(run, s[4], scope))
            if known is False:
                break
            if known is None or constant or run.symbolic:
                with run.under(Condition(f"while {unparse(s[4])}", None)):
                    block(run, s[5], scope)
                return None
            flow = block(run, s[5], scope)
            if flow in ("return", "raise"):
                return flow
            if flow == "break" or run.steps > run.limit:
                return None
    finally:
        run.frame.loops -= 1
    return block(run, s[6], scope)


def _try(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    """The body runs; a handler runs when an import in the body finds nothing, else only for what it calls."""
    if any(catches_import(h[0]) for h in s[5]) and missing_import(run, s[4]):
        handler = next(h for h in s[5] if catches_import(h[0]))
        flow = _handler(run, handler[1], handler[2], scope)
    else:
        flow = block(run, s[4], scope)
        if flow == "raise" and s[5] and not run.symbolic:
            flow = _handler(run, s[5][0][1], s[5][0][2], scope)
        else:
            if flow is None:
                flow = block(run, s[6], scope)
            _quietly(run, s[5], scope)
    final = block(run, s[7], scope)
    return final or flow


def _handler(run: Interpreter, name: str | None, body: Any, scope: Namespace) -> str | None:
    if name:
        scope.names[name] = Unknown("an exception")
    return block(run, body, scope)


def _quietly(run: Interpreter, handlers: Any, scope: Namespace) -> None:
    """Run handlers for their calls only: names they bind anew stay, names they change keep the body's value."""
    for kind, name, body, _ in handlers:
        before = dict(scope.names)
        if name:
            from readybook.facts.symbols import exception_of

            scope.names[name] = exception_of(run, kind, scope)
        with run.under(Condition(f"except {unparse(kind)}".strip(), False)):
            block(run, body, scope)
        scope.names.update(before)


def _with(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    from readybook.facts.symbols import entered

    for expression, target in s[4]:
        value = evaluate(run, expression, scope)
        if target is not None:
            assign(run, target, entered(run, value, s[6]), scope)
    return block(run, s[5], scope)


def _def(run: Interpreter, s: Node, scope: Namespace) -> None:
    from readybook.facts.calls import decorate

    frame = run.frame
    inner = frame.function is None and frame.owner is not None
    prefix = f"{frame.function.qualname}.<locals>." if frame.function else (f"{frame.owner.qualname}." if inner else "")
    # a method does not see the names of its class body; its defaults do (interpreter.default_of)
    outer = scope.outer if inner and scope.outer is not None else scope
    f = FunctionValue(frame.module, s, outer, s[4], prefix + s[4], frame.owner if inner else None)
    run.functions.setdefault((frame.module.path, s[1], f.qualname), f)
    made = decorate(run, f, s[7], scope)
    before = scope.names.get(s[4], ...)
    again = isinstance(before, FunctionValue) and before.original.node is s
    if not again and (before is not ... or inner and (s[4] in BUILTINS or s[4] in outer.names)):
        scope.rebound = {} if scope.rebound is None else scope.rebound
        scope.rebound.setdefault(s[4], []).append((s[1], before))
    scope.names[s[4]] = made


def _class(run: Interpreter, s: Node, scope: Namespace) -> None:
    from readybook.facts.calls import decorate_class
    from readybook.facts.construction import class_made, with_given_base

    frame = run.frame
    outer = f"{frame.owner.qualname}." if frame.owner else ""
    prefix = f"{frame.function.qualname}.<locals>." if frame.function else outer
    bases = with_given_base(tuple(evaluate(run, b, scope) for b in s[5]))
    keywords = {k: evaluate(run, v, scope) for k, v in s[6] if k}
    body = Namespace({}, scope)
    cls = ClassValue(frame.module, s, s[4], prefix + s[4], bases, body, keywords)
    run.classes.append(cls)
    run.run_frame(Frame(frame.module, None, cls), s[7], body)
    class_made(run, cls)
    scope.names[s[4]] = decorate_class(run, cls, s[8], scope)


def _raise(run: Interpreter, s: Node, scope: Namespace) -> str:
    value = evaluate(run, s[4], scope) if s[4] is not None else None
    raised = run.frame.function
    if raised is not None:
        raised.attrs.setdefault("__raises__", []).append((value, s))
    return "raise"


def _assert(run: Interpreter, s: Node, scope: Namespace) -> None:
    evaluate(run, s[4], scope)


def _del(run: Interpreter, s: Node, scope: Namespace) -> None:
    for target in s[4]:
        if target[0] == "name":
            scope.names.pop(target[3], None)


def _global(run: Interpreter, s: Node, scope: Namespace) -> None:
    scope.globals_ = scope.globals_ | frozenset(s[4])


def _nonlocal(run: Interpreter, s: Node, scope: Namespace) -> None:
    scope.nonlocal_ = scope.nonlocal_ | frozenset(s[4])


def _match(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    subject = evaluate(run, s[4], scope)
    usual = by_default(subject)
    taken: bool | None = None if isinstance(usual, Unknown | Choice) else False  # whether a case above is by default
    for value, anything, bound, guard, body in s[5]:
        for name in bound:
            scope.names[name] = UNKNOWN
        default = None
        if value is not None and guard is None:
            expected = evaluate(run, value, scope)
            if truth(subject) is not None:
                if not isinstance(expected, Unknown) and subject == expected:
                    return block(run, body, scope)
                if not isinstance(expected, Unknown | Choice):
                    continue
            default = truth(compare(run, "Eq", usual, expected))
        if anything and guard is None:
            if not taken:
                return block(run, body, scope)
            default = False
        if taken is None or default is None:
            taken = default = None
        else:
            taken, default = taken or default, default and not taken
        text = f"{unparse(s[4])} matches {unparse(value) if value else '…'}"
        with run.under(Condition(text, default)):
            block(run, body, scope)
    return None


def _type(run: Interpreter, s: Node, scope: Namespace) -> None:
    scope.names[s[4]] = evaluate(run, s[5], scope)


def _nothing(run: Interpreter, s: Node, scope: Namespace) -> None:
    return None


STATEMENTS: dict[str, Any] = {
    "expr": _expr, "assign": assignment, "ann": annotated_assignment, "aug": augmented_assignment, "return": _return,
    "if": _if, "for": _for, "while": _while, "try": _try, "with": _with, "def": _def, "class": _class,
    "import": import_names, "from": import_from, "raise": _raise, "assert": _assert, "del": _del, "global": _global,
    "nonlocal": _nonlocal, "match": _match, "type": _type, "pass": _nothing, "break": lambda run, s, scope: "break",
    "continue": lambda run, s, scope: "continue",
}
