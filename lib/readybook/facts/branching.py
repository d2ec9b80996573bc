"""``try`` and ``match``: which of their blocks run, and what the names are worth after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.builtin_calls import call_builtin
from readybook.facts.caughtkinds import catching
from readybook.facts.expressions import evaluate
from readybook.facts.importing import catches_import, missing_import
from readybook.facts.frames import Attempt, Condition
from readybook.facts.operators import compare
from readybook.facts.unparse import unparse
from readybook.facts.values import UNKNOWN, Choice, FromEnv, Unknown, by_default, choose, truth

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter
    from readybook.facts.objects import Namespace
    from readybook.facts.syntax import Node


def try_statement(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    """The body runs; a handler runs when an import in the body finds nothing or something is raised, else only for
    what it calls. Where the body surely stumbles, though nothing says where, either way may be taken.
    """
    from readybook.facts.statements import block

    missing = missing_import(run, s[4]) if any(catches_import(h[0]) for h in s[5]) else None
    if missing is not None:
        handler = next(h for h in s[5] if catches_import(h[0]))
        flow = block(run, s[4][:missing], scope) or _handler(run, handler[1], handler[2], scope)
    else:
        flow, doubted = attempted(run, s[4], scope)
        handler = catching(run, s[5], scope) if flow == "raise" and not run.symbolic else None
        if handler is not None:
            run.pending = False
            flow = _handler(run, handler[1], handler[2], scope)
        elif flow is None and doubted is not None and s[5]:
            _in_doubt(run, s, scope, doubted)
        else:
            run.pending = run.pending and bool(run.tries)
            if flow is None:
                flow = block(run, s[6], scope)
            _quietly(run, s[5], scope)
    pending, run.pending = run.pending, False
    final = block(run, s[7], scope)
    run.pending = pending and final is None
    return final or flow


def attempted(run: Interpreter, body: Any, scope: Namespace) -> tuple[str | None, dict[str, Any] | None]:
    """How the body of a ``try`` ends, and the names where it first asked for what is surely not there."""
    from readybook.facts.statements import block

    run.tries.append(Attempt(scope, len(run.conditions)))
    try:
        flow = block(run, body, scope)
    finally:  # a generator may be left at its ``yield``
        attempt = run.tries.pop()
    return flow, attempt.names


def _handler(run: Interpreter, name: str | None, body: Any, scope: Namespace) -> str | None:
    from readybook.facts.statements import block

    if name:
        scope.names[name] = Unknown("an exception")
    return block(run, body, scope)


def _quietly(run: Interpreter, handlers: Any, scope: Namespace) -> None:
    """Run handlers for their calls only: names they bind anew stay, names they change keep the body's value."""
    from readybook.facts.statements import block

    pending = run.pending
    for kind, name, body, _ in handlers:
        before = dict(scope.names)
        if name:
            from readybook.facts.symbols import exception_of

            scope.names[name] = exception_of(run, kind, scope)
        with run.under(Condition(f"except {unparse(kind)}".strip(), False)):
            block(run, body, scope)
        run.pending = pending
        scope.names.update(before)


def _in_doubt(run: Interpreter, s: Node, scope: Namespace, before: dict[str, Any]) -> None:
    """What the body, its ``else`` and each handler leave, with nothing to say which of them it is."""
    from readybook.facts.statements import block

    ends = []
    with run.under(Condition("no error", None)):
        block(run, s[6], scope)
    ends.append(("no error", dict(scope.names)))
    for kind, name, body, _ in s[5]:
        scope.names.clear()
        scope.names.update(before)
        text = f"except {unparse(kind)}".strip()
        with run.under(Condition(text, None)):
            _handler(run, name, body, scope)
        run.pending = False
        ends.append((text, dict(scope.names)))
    join_names(scope, ends, None)


def join_names(scope: Namespace, ends: list[tuple[str, dict[str, Any]]], default: int | None) -> None:
    """The names after one of several ways; a name that some ways do not bind has the value of those that do."""
    joined: dict[str, Any] = {}
    for name in dict.fromkeys(name for _, names in ends for name in names):
        options = [(text, names[name]) for text, names in ends if name in names]
        usual = default if len(options) == len(ends) else None
        joined[name] = choose(options, usual)
    scope.names.clear()
    scope.names.update(joined)


def _is_value(run: Interpreter, subject: Any, expected: Any) -> bool | None:
    """Whether a subject is what a case names, None where that depends on what is not known or on a variable."""
    if isinstance(subject, Unknown | Choice | FromEnv) or isinstance(expected, Unknown | Choice | FromEnv):
        return None
    return truth(compare(run, "Eq", subject, expected))


def match_statement(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    """The case that fits; where that is not known, each that may, under its condition."""
    from readybook.facts.statements import block

    subject = evaluate(run, s[4], scope)
    usual = by_default(subject)
    taken: bool | None = None if isinstance(usual, Unknown | Choice) else False  # whether a case above is by default
    before = dict(scope.names)
    ends: list[tuple[str, dict[str, Any]]] = []
    flows: list[str | None] = []
    chosen: int | None = None
    whole = False
    for values, anything, bound, guard, body, kind in s[5]:
        scope.names.clear()
        scope.names.update(before)
        for name in bound:
            scope.names[name] = subject if anything or kind is not None else UNKNOWN
        default = None
        if kind is not None:
            fits = call_builtin(run, "isinstance", (subject, evaluate(run, kind, scope)), {})
            if fits is False:
                continue
            anything = fits is True
        sure = guard is None
        if guard is not None and (anything or values):
            met = run.decides(evaluate(run, guard, scope))
            if met is False:
                continue
            sure = met is True
        if values:
            expected = [evaluate(run, value, scope) for value in values]
            answers = [_is_value(run, subject, value) for value in expected]
            if all(a is False for a in answers):
                continue
            if True in answers:
                anything = True
            elif sure:
                by_value = [truth(compare(run, "Eq", usual, value)) for value in expected]
                default = True if True in by_value else None if None in by_value else False
        if anything and sure:
            if not ends:
                return block(run, body, scope)
            default, whole = True, True
        if taken is None or default is None:
            taken = default = None
        else:
            taken, default = taken or default, default and not taken
        text = f"{unparse(s[4])} matches {' | '.join(map(unparse, values)) or '…'}"
        with run.under(Condition(text, default)):
            flow = block(run, body, scope)
        run.pending = False
        flows.append(flow if not getattr(flow, "condition", None) else None)
        if flows[-1] is None:
            if default:
                chosen = len(ends)
            ends.append((text, dict(scope.names)))
        if whole:
            break
    if not whole or not ends:
        if taken is False:
            chosen = len(ends)
        ends.append((f"{unparse(s[4])} matches nothing else", before))
    join_names(scope, ends, chosen)
    return flows[0] if whole and flows[0] is not None and len(set(flows)) == 1 else None
