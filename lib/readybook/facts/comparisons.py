"""Comparisons of application code by ``==`` and ``!=``, each with the function it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from readybook.facts.scopes import Scope
from readybook.facts.syntax import Node

if TYPE_CHECKING:
    from readybook.facts.program import Program
    from readybook.place import Place


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left == right`` (``equal``) or ``left != right``. ``called`` holds the last names of the calls that it is an
    argument of, innermost first: ``where``, ``filter``."""

    place: Place
    left: Node = field(repr=False)
    right: Node = field(repr=False)
    equal: bool
    called: tuple[str, ...]
    node: Node = field(repr=False)
    scope: Scope = field(repr=False)


def comparisons(program: Program) -> tuple[Comparison, ...]:
    """Every comparison of two sides in application code, by path and place."""
    run = program.everything
    owners = {id(f.node): f for f in run.functions.values()}
    found: list[Comparison] = []
    for path in sorted(program.modules.by_path):
        module = program.modules.by_path[path]
        if module.role != "application":
            continue
        for node, called, function in _compared(module.body, (), None):
            owner = owners.get(id(function)) if function is not None else None
            if function is not None and owner is None:
                continue  # a function that nothing defines: its scope is not known
            (op, right), symbol = node[4][0], owner.qualname if owner is not None else ""
            found.append(Comparison(module.place(node, symbol), node[3], right, op == "Eq", called, node,
                                    Scope(module, owner)))
    return tuple(found)


def _compared(part: Any, called: tuple[str, ...], function: Node | None) -> Iterator[tuple[Node, Any, Node | None]]:
    """(comparison, names of the calls around, def around) of everything inside a part of a lowered tree."""
    stack: list[tuple[Any, tuple[str, ...], Node | None]] = [(part, called, function)]
    while stack:
        item, around, inside = stack.pop()
        kind = item[0] if item and isinstance(item[0], str) and len(item) > 2 and isinstance(item[1], int) else ""
        if kind == "cmp" and len(item[4]) == 1 and item[4][0][0] in ("Eq", "NotEq"):
            yield item, around, inside
        if kind == "call":
            callee = item[3]
            name = callee[4] if callee[0] == "attr" else callee[3] if callee[0] == "name" else ""
            stack.append((callee, around, inside))
            stack.extend((p, (name, *around), inside) for p in item[4:6])
            continue
        if kind == "def":
            inside = item
        stack.extend((p, around, inside) for p in reversed(item) if isinstance(p, tuple))
