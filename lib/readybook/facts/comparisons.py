"""Comparisons of application code by ``==`` and ``!=``, each with the function it stands in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts.alone import alone
from readybook.facts.nodes import LEAVES
from readybook.facts.scopes import Scope
from readybook.facts.syntax import Node
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour
    from readybook.facts.modules import Module
    from readybook.facts.program import Program
    from readybook.place import Place


# what compares two texts in the same time always
SAME_TIME = ("secrets.compare_digest", "hmac.compare_digest")
# statements whose first fields are their kind and their place, the last line included
STATEMENTS = frozenset({"expr", "assign", "aug", "ann", "return", "if", "for", "while", "try", "with", "def", "class",
                        "raise", "assert", "match"})


@record
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


def comparisons(behaviour: Behaviour) -> tuple[Comparison, ...]:
    """Every comparison of two sides in application code, by path and place; found once, since several checks ask."""
    if comparisons not in behaviour.notes:
        behaviour.notes[comparisons] = _found(behaviour.program)
    kept: tuple[Comparison, ...] = behaviour.notes[comparisons]
    return kept


def _found(program: Program) -> tuple[Comparison, ...]:
    run = program.everything
    owners = {id(f.node): f for f in run.functions.values()}
    found: list[Comparison] = []
    for path in sorted(program.modules.by_path):
        module = program.modules.by_path[path]
        if module.role != "application":
            continue
        for node, called, function in compared(module.body, alone(module, "signs")):
            owner = owners.get(id(function)) if function is not None else None
            if function is not None and owner is None:
                continue  # a function that nothing defines: its scope is not known
            (op, right), symbol = node[4][0], owner.qualname if owner is not None else ""
            found.append(Comparison(module.place(node, symbol), node[3], right, op == "Eq", called, node,
                                    Scope(module, owner)))
    return tuple(found)


def has_line(lines: list[int], first: int, last: int) -> bool:
    """Whether one of the lines lies between two."""
    at = bisect_left(lines, first)
    return at < len(lines) and lines[at] <= last


def signed_lines(module: Module) -> list[int]:
    """The lines of one file that hold a sign of comparison, in order."""
    text = module.text
    return [n for n, line in enumerate(text.split("\n"), 1) if "==" in line or "!=" in line] if (
        "==" in text or "!=" in text) else []


def compared(body: tuple[Node, ...], lines: list[int]) -> Iterator[tuple[Node, Any, Node | None]]:
    """(comparison, names of the calls around, def around) of a body; ``lines``: where signs stand in the module."""
    stack: list[tuple[Any, tuple[str, ...], Node | None]] = [(body, (), None)]
    while stack:
        item, around, inside = stack.pop()
        kind = item[0] if len(item) > 2 and item[0].__class__ is str and item[1].__class__ is int else ""
        if kind in LEAVES or kind in STATEMENTS and isinstance(item[3], int) and not has_line(lines, item[1], item[3]):
            continue
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
        stack += [(part, around, inside) for part in reversed(item)
                  if part.__class__ is tuple and part and part[0] not in LEAVES]
