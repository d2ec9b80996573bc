"""Coroutines that code waits for together, or for a time only: they run in its own event loop, as awaited ones do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.facts.nodes import nodes, statements

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.syntax import Node

# a task that nobody waits for is no part of what its starter does
_RUNNERS = tuple(f"asyncio.{module}{name}" for module in ("", "tasks.")
                 for name in ("gather", "wait_for", "shield", "wait", "as_completed"))


def run_by_loop(behaviour: Behaviour) -> frozenset[int]:
    """``id`` of the nodes of the calls whose coroutines are waited for so, there or under a name."""
    found = set[int]()
    for call in behaviour.calls_to(*_RUNNERS):
        for given in call.site.node[4]:
            handed = given[3] if given[0] == "star" else given
            values = bound_to(call, handed) if handed[0] == "name" else (handed,)
            found |= {id(n) for value in values for n in nodes(value) if n[0] == "call"}
    return frozenset(found)


def bound_to(call: Call, name: Node) -> tuple[Node, ...]:
    """What the function around a call binds to a name, and what it appends to the list of that name."""
    function = call.site.function
    body = function.original.node[6] if function is not None and function.original.node[0] == "def" else ()
    found: list[Node] = []
    for s in statements(body):
        if s[0] == "assign" and any(t[0] == "name" and t[3] == name[3] for t in s[4]):
            found.append(s[5])
        if s[0] == "expr" and s[4][0] == "call" and s[4][3][0] == "attr" and s[4][3][4] == "append" and (
                s[4][3][3][:1] == ("name",) and s[4][3][3][3] == name[3]):
            found += s[4][4]
    return tuple(found)
