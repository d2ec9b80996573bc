"""Lowered code taken apart: its nodes, names, statements and blocks (``facts.syntax`` tells how nodes look)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook.facts.syntax import Node

_DEFINING = frozenset(("def", "lambda", "class"))
LEAVES = frozenset(("name", "const"))  # more than half of all nodes, and nothing is in them
_COMPOUND = frozenset(("if", "while", "for", "with", "try", "match"))


def is_node(part: Any) -> bool:
    """Whether a tuple is a lowered node (and no pair, parameter or block)."""
    return len(part) > 2 and part[0].__class__ is str and part[1].__class__ is int and part[2].__class__ is int


def nodes(part: Any) -> Iterator[Node]:
    """A node, a body or any other piece of lowered code, and every node in it, in the order of the text."""
    todo: list[Any] = [part] if isinstance(part, tuple) else []
    while todo:
        one = todo.pop()
        # is_node written out: this loop sees every piece of the code many times
        if len(one) > 2 and one[0].__class__ is str and one[1].__class__ is int and one[2].__class__ is int:
            yield one
            if one[0] in LEAVES:
                continue
        todo += [p for p in reversed(one) if p.__class__ is tuple]


def own_nodes(part: Any) -> Iterator[Node]:
    """The nodes of a piece of code, without the functions, lambdas and classes that are defined in it."""
    todo: list[Any] = [part] if isinstance(part, tuple) else []
    while todo:
        one = todo.pop()
        if len(one) > 2 and one[0].__class__ is str and one[1].__class__ is int and one[2].__class__ is int:
            if one[0] in _DEFINING:
                continue
            yield one
            if one[0] in LEAVES:
                continue
        todo += [p for p in reversed(one) if p.__class__ is tuple]


def holds(part: Any, node: Node) -> bool:
    """Whether the very node stands in a piece of code."""
    return any(one is node for one in nodes(part))


def names_in(part: Any) -> frozenset[str]:
    """Every name that an expression or statement mentions."""
    return frozenset(node[3] for node in nodes(part) if node[0] == "name")


def statements(body: Any) -> Iterator[Node]:
    """The statements of a body and of the blocks in it, not those of functions and classes defined there."""
    todo = list(reversed(body))
    while todo:
        statement = todo.pop()
        yield statement
        if statement[0] in _COMPOUND:
            for block in reversed(blocks(statement)):
                todo += reversed(block)


def blocks(statement: Node) -> tuple[Any, ...]:
    """The blocks of a compound statement; those of functions and classes are no part of the body around them."""
    kind = statement[0]
    if kind in ("if", "while"):
        return (statement[5], statement[6])
    if kind == "for":
        return (statement[6], statement[7])
    if kind == "with":
        return (statement[5],)
    if kind == "try":
        return (statement[4], *(handler[2] for handler in statement[5]), statement[6], statement[7])
    return tuple(case[4] for case in statement[5]) if kind == "match" else ()
