"""Which functions ever give the event loop a turn, and which awaits of a body depend on one another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook.facts.nodes import names_in, own_nodes
from readybook.facts.syntax import Node


def gives_way(body: Any) -> bool:
    """Whether a body awaits anything, loops or enters asynchronously, or yields; functions in it do not count."""
    for node in own_nodes(body):
        if node[0] in ("await", "yield", "yieldfrom"):
            return True
        if node[0] == "for" and node[8] or node[0] == "with" and node[6]:
            return True
        if node[0] == "comp" and any(generator[3] for generator in node[6]):
            return True
    return False


def independent_awaits(body: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """Runs of statements that follow one another, each ``x = await f(…)``, none of which uses what another binds."""
    run: list[Node] = []
    bound: set[str] = set()
    for statement in (*body, None):
        name = _awaited_into(statement) if statement is not None else None
        if statement is None or name is None or names_in(statement[5]) & bound:
            if len(run) > 1:
                yield tuple(run)
            run, bound = [], set()
        if statement is not None and name is not None:
            run.append(statement)
            bound.add(name)


def _awaited_into(statement: Node) -> str | None:
    """The one name to which a statement binds what it awaits; None for any other statement."""
    if statement[0] != "assign" or len(statement[4]) != 1 or statement[4][0][0] != "name":
        return None
    value = statement[5]
    return str(statement[4][0][3]) if value[0] == "await" and value[3][0] == "call" else None
