"""How each statement changes the names, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from readybook.errors import ReadybookError
from readybook.facts.assignments import annotated_assignment, assign, assignment, augmented_assignment, remove_item
from readybook.facts.branching import attempted, join_names, match_statement, try_statement
from readybook.facts.caughtkinds import catches
from readybook.facts.expressions import BUILTINS, evaluate
from readybook.facts.importing import import_from, import_names
from readybook.facts.frames import Condition, Frame, Suspended
from readybook.facts.interpreter import Interpreter
from readybook.facts.loops import for_statement, while_statement
from readybook.facts.objects import ClassValue, FunctionValue, Instance, Namespace
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.values import Unknown, by_default, choose, truth
from readybook.place import Place

PASSED_ON = (Suspended, ReadybookError, RecursionError, MemoryError)


class Guarded(str):
    """How an ``if`` ended that left the block on one side only: what follows runs under the other condition.

    ``left`` is how that side ended, ``names`` what they were worth where it did.
    """

    condition: Condition
    left: str
    names: dict[str, Any]


def block(run: Interpreter, body: tuple[Node, ...], scope: Namespace) -> str | None:
    """Run statements in order; None, or how they end: return, raise, break, continue."""
    pushed = 0
    first: Guarded | None = None
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
        if run.pending and flow is None:
            flow = "raise"  # in something that the statement called
        if flow is None:
            continue
        if isinstance(flow, Guarded):
            run.conditions.append(flow.condition)
            pushed += 1
            first = first or flow
            continue
        break
    guard = run.conditions[-1] if pushed and not (flow and not isinstance(flow, Guarded)) else None
    del run.conditions[len(run.conditions) - pushed :]
    if guard is not None and first is not None:
        return guarded_by(guard, first.left, first.names)
    return flow if not isinstance(flow, Guarded) else None


def guarded_by(condition: Condition, left: str, names: dict[str, Any]) -> Guarded:
    """What goes on under a condition after the other side has left the block."""
    rest = Guarded("guarded")
    rest.condition, rest.left, rest.names = condition, left, names
    return rest


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
    run.pending = False  # one way out of two
    after = dict(scope.names)
    scope.names.clear()
    scope.names.update(before)
    with run.under(no):
        second = block(run, orelse, scope)
    run.pending = False
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
    left = str(first if ended_first else second)
    return guarded_by(no if ended_first else yes, left, dict(scope.names))


def _merge(names: dict[str, Any], other: dict[str, Any], yes: Condition, no: Condition) -> None:
    default = None if yes.default is None else (0 if yes.default else 1)
    for name, value in other.items():
        if name not in names:
            names[name] = value
        elif names[name] is not value:
            names[name] = choose([(yes.text, value), (no.text, names[name])], default)


def _with(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    from readybook.facts.symbols import entered

    suppressing: list[Any] = []
    for expression, target in s[4]:
        value = evaluate(run, expression, scope)
        if target is not None:
            assign(run, target, entered(run, value, s[6]), scope)
        if isinstance(value, Instance) and value.path == "contextlib.suppress()":
            suppressing += value.args
    if not suppressing:
        return block(run, s[5], scope)
    flow, doubted = attempted(run, s[5], scope)
    if flow is None and doubted is not None:
        join_names(scope, [("no error", dict(scope.names)), ("an error", doubted)], None)
    if flow == "raise" and any(catches(run, kind) is not False for kind in suppressing):
        flow, run.pending = None, False
    return flow


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
    run.raised = value if value is not None else run.raised
    run.pending = bool(run.tries) and not run.symbolic and all(
        c.default is True for c in run.conditions[run.tries[-1].depth :])
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
        elif target[0] == "sub":
            remove_item(run, evaluate(run, target[3], scope), evaluate(run, target[4], scope))


def _global(run: Interpreter, s: Node, scope: Namespace) -> None:
    scope.globals_ = scope.globals_ | frozenset(s[4])


def _nonlocal(run: Interpreter, s: Node, scope: Namespace) -> None:
    scope.nonlocal_ = scope.nonlocal_ | frozenset(s[4])


def _type(run: Interpreter, s: Node, scope: Namespace) -> None:
    scope.names[s[4]] = evaluate(run, s[5], scope)


def _nothing(run: Interpreter, s: Node, scope: Namespace) -> None:
    return None


STATEMENTS: dict[str, Any] = {
    "expr": _expr, "assign": assignment, "ann": annotated_assignment, "aug": augmented_assignment, "return": _return,
    "if": _if, "for": for_statement, "while": while_statement, "try": try_statement, "match": match_statement,
    "with": _with, "def": _def, "class": _class, "import": import_names, "from": import_from, "raise": _raise,
    "assert": _assert, "del": _del, "global": _global, "nonlocal": _nonlocal, "type": _type, "pass": _nothing,
    "break": lambda run, s, scope: "break", "continue": lambda run, s, scope: "continue",
}
