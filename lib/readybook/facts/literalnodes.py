"""Nodes around a literal: which name it stands beside, and what an expression holds."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from readybook.facts.syntax import Node


def sum_of(value: str) -> int:
    """A number by which a text is recognised, nearly always it alone."""
    return crc32(value.encode("utf-8", "surrogatepass"))


def is_statement(node: object) -> bool:
    """Whether a piece of code is a statement."""
    return isinstance(node, tuple) and len(node) > 3 and isinstance(node[0], str) and all(
        isinstance(n, int) for n in node[1:4]) and node[0] != "const"


def parts(payload: tuple[object, ...]) -> Iterator[Node]:
    """The expressions in the payload of an expression."""
    for part in payload:
        if not isinstance(part, tuple) or not part:
            continue
        if isinstance(part[0], str) and len(part) > 2 and isinstance(part[1], int) and isinstance(part[2], int):
            yield part
        else:
            yield from parts(part)


def name_of(node: Node) -> str:
    """The last name of a target or callee, or the text key of a subscript."""
    if node[0] == "name":
        return str(node[3])
    if node[0] == "attr":
        return str(node[4])
    if node[0] == "sub" and node[4][0] == "const" and isinstance(node[4][3], str):
        return str(node[4][3])
    return ""
