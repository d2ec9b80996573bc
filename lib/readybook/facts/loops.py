"""``for`` and ``while``: round by round where the rounds are known, else once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.assignments import assign
from readybook.facts.branching import join_names
from readybook.facts.expressions import evaluate, iterate
from readybook.facts.frames import Condition
from readybook.facts.unparse import unparse
from readybook.facts.values import truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from readybook.facts.interpreter import Interpreter
    from readybook.facts.objects import Namespace
    from readybook.facts.syntax import Node

MAX_ROUNDS = 200  # of a ``while`` whose test stays known


def for_statement(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    """``for target in iterable``, with its ``else``."""
    from readybook.facts.statements import block

    iterable = evaluate(run, s[5], scope)
    items = None if s[8] or run.symbolic else iterate(run, iterable)

    def once() -> None:
        assign(run, s[4], element(run, iterable), scope)
        _under(run, f"for {unparse(s[4])} in {unparse(s[5])}", s[6], scope)

    if items is None:
        run.frame.loops += 1
        try:
            _perhaps(run, scope, once)
        finally:
            run.frame.loops -= 1
        return block(run, s[7], scope)
    left = iter(items)

    def begins() -> bool:
        for item in left:
            assign(run, s[4], item, scope)
            return True
        return False

    return _rounds(run, begins, s[6], s[7], scope)


def while_statement(run: Interpreter, s: Node, scope: Namespace) -> str | None:
    """``while test``, with its ``else``."""
    constant = s[4][0] == "const"  # ``while True``: followed once
    rounds = 0

    def once() -> None:
        _under(run, f"while {unparse(s[4])}", s[5], scope)

    def begins() -> bool | None:
        nonlocal rounds
        rounds += 1
        if rounds > MAX_ROUNDS:
            return False
        known = truth(evaluate(run, s[4], scope))
        if known is None or known and (constant or run.symbolic):
            _perhaps(run, scope, once)
            return None
        return known

    return _rounds(run, begins, s[5], s[6], scope)


def _rounds(run: Interpreter, begins: Callable[[], bool | None], body: Any, orelse: Any,
            scope: Namespace) -> str | None:
    """Rounds as long as one more ``begins``; None from it: the rest has been followed once.

    Where nothing tells whether a round was left early, the names after the loop have the values of either way.
    """
    from readybook.facts.statements import Guarded, block

    early: list[tuple[str, dict[str, Any]]] = []
    run.frame.loops += 1
    try:
        while (more := begins()) is not False:
            flow = block(run, body, scope) if more else "break"
            if flow in ("return", "raise"):
                return flow
            if isinstance(flow, Guarded) and flow.condition.default is not True:
                if flow.left == "break" and flow.condition.default is False:
                    scope.names.clear()
                    scope.names.update(flow.names)
                    flow = "break"
                elif flow.left == "continue":
                    usual = None if flow.condition.default is None else 1
                    ways = [(flow.condition.text, dict(scope.names)), ("left early", flow.names)]
                    join_names(scope, ways, usual)
                else:
                    early.append(("left early", flow.names))
            if flow == "break" or run.steps > run.limit:
                break
    finally:
        run.frame.loops -= 1
    flow = block(run, orelse, scope) if more is False else None
    if early:
        join_names(scope, [("every round", dict(scope.names)), *early], None)
    return flow


def _under(run: Interpreter, text: str, body: Any, scope: Namespace) -> None:
    from readybook.facts.statements import Guarded, block

    with run.under(Condition(text, None)):
        flow = block(run, body, scope)
    run.pending = False
    if isinstance(flow, Guarded) and flow.condition.default is not True and not run.symbolic:
        join_names(scope, [(flow.condition.text, dict(scope.names)), ("left early", flow.names)], None)


def _perhaps(run: Interpreter, scope: Namespace, once: Callable[[], None]) -> None:
    """Follow once what runs any number of times: a plain value that it changes is not known afterwards."""
    before = dict(scope.names) if not run.symbolic else {}
    once()
    changed = {n: v for n, v in before.items() if scope.names.get(n, v) is not v}
    if changed:
        join_names(scope, [("some rounds", dict(scope.names)), ("no round", {**scope.names, **changed})], None)


def element(run: Interpreter, iterable: Any) -> Any:
    """What a loop variable stands for when the loop runs once for all its rounds."""
    from readybook.facts.symbols import element_of

    items = iterate(run, iterable)
    if items:
        return items[0]
    return element_of(run, iterable)
