"""Which functions lead to a call of some kind: those whose bodies make it, and those that call these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from readybook.facts.behaviour import Behaviour, Call
from readybook.patterns import regex

# conditions under which an error answer only hands on what another service said
PASSED_ON = regex(r"^except|status|\b(?:413|429)\b|RateLimitError")


def leading_to(behaviour: Behaviour, calls: Iterable[Call]) -> set[int]:
    """``id`` of the node of each project function that makes one of the calls, itself or through what it calls."""
    todo = [c.site.function.original.node for c in calls if c.site.function is not None]
    found: set[int] = set()
    while todo:
        node = todo.pop()
        if id(node) not in found:
            found.add(id(node))
            todo += [call.site.function.original.node for call, shift in behaviour.callers.get(id(node), ())
                     if shift == 0 and call.site.function is not None]
    return found


def of_own_accord(behaviour: Behaviour, status: int) -> Iterator[Call]:
    """Calls that make an error or a response with the status, and not because another service said so."""
    for call in behaviour.by_number.get(status, ()):
        if not any(PASSED_ON.search(c) for c in call.conditions):
            yield call
