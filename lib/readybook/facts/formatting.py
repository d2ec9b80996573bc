"""How a text is put together: its constant pieces in order, and the expressions that stand between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook.facts.scopes import Scope
from readybook.facts.syntax import Node
from readybook.facts.textflow import OF_ARGUMENTS
from readybook.patterns import regex
from readybook.records import record

PERCENT = regex(r"%(?:\((\w+)\))?[-#0 +]*\d*(?:\.\d+)?[sdrifxeg]|%%")
BRACES = regex(r"\{\{|\}\}|\{([^{}]*)\}")
SAME_TEXT = frozenset({"strip", "lower", "upper", "lstrip", "rstrip", "encode", "replace", "removesuffix", "as_string"})
MAX_PIECES = 200


@record
class Hole:
    """An expression in a text, with the scope it stands in; ``written`` tells whether it is in the text's own
    expression, not behind a name."""

    node: Node
    scope: Scope
    written: bool


Piece = str | Hole


def pieces(node: Node, scope: Scope) -> list[Piece]:
    """The pieces of a text in order; a text that is all one expression is one hole."""
    found: list[Piece] = []
    for piece in _pieces(node, scope, True, 0):
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        else:
            found.append(piece)
        if len(found) > MAX_PIECES:
            break
    return found


def _pieces(node: Node, scope: Scope, written: bool, depth: int) -> Iterator[Piece]:
    kind = node[0]
    if depth > 30:
        yield Hole(node, scope, False)
    elif kind == "const":
        yield node[3] if isinstance(node[3], str) else str(node[3])
    elif kind == "fstring":
        for part in node[3]:
            if part[0] == "format":
                yield from _inner(part[3], scope, written, depth)
            else:
                yield from _pieces(part, scope, written, depth + 1)
    elif kind == "bin" and node[3] == "Add":
        yield from _inner(node[4], scope, written, depth)
        yield from _inner(node[5], scope, written, depth)
    elif kind == "bin" and node[3] == "Mod":
        yield from _percent(node, scope, written, depth)
    elif kind == "name":
        yield from _name(node, scope, written, depth)
    elif kind == "call":
        yield from _call(node, scope, written, depth)
    elif kind == "if":
        yield from _pieces(node[4], scope, written, depth + 1)
        yield "\n"
        yield from _pieces(node[5], scope, written, depth + 1)
    elif kind in ("list", "tuple"):
        for item in node[3]:
            yield from _pieces(item, scope, written, depth + 1)
            yield "\n"
    elif kind in ("await", "walrus"):
        yield from _pieces(node[3] if kind == "await" else node[4], scope, written, depth + 1)
    else:
        yield Hole(node, scope, written)


def _inner(node: Node, scope: Scope, written: bool, depth: int) -> Iterator[Piece]:
    """A part of a text: text itself where it shows text, else the hole as it is written."""
    found = list(_pieces(node, scope, written, depth + 1))
    shows = any(isinstance(p, str) and p.strip() for p in found)
    yield from found if shows or node[0] in ("bin", "const") else [Hole(node, scope, written)]


def _name(node: Node, scope: Scope, written: bool, depth: int) -> Iterator[Piece]:
    name = node[3]
    key = (0, name)
    parameter = scope.function is not None and any(p[0] == name for p in scope.function.params)
    values = scope.bindings.bound(name, node) if key not in scope.seen and not parameter else []
    home = scope
    if not values and not parameter and scope.function is not None and key not in scope.seen:
        home = Scope(scope.module, None, seen=scope.seen)
        values = home.bindings.bound(name)
    if not values or any(v[0] in ("opaque", "keyof", "item") for v in values):
        yield Hole(node, scope, written)
        return
    inner = Scope(home.module, home.function, home.depth, home.seen | {key}, home.loops, home.conditions)
    for value in values:
        yield from _pieces(value, inner, False, depth + 1)


def _call(node: Node, scope: Scope, written: bool, depth: int) -> Iterator[Piece]:
    callee, arguments = node[3], node[4]
    method = callee[4] if callee[0] == "attr" else ""
    if method == "format":
        base = list(_pieces(callee[3], scope, written, depth + 1))
        if not any(isinstance(p, str) and p.strip() for p in base):
            yield Hole(node, scope, written)
            return
        yield from _braces(base, node, scope, written)
    elif method == "join" and arguments and callee[3][0] == "const":
        yield from _pieces(arguments[0], scope, written, depth + 1)
    elif method in SAME_TEXT:
        yield from _pieces(callee[3], scope, written, depth + 1)
    elif method == "dedent" or callee[0] == "name" and callee[3] in OF_ARGUMENTS and len(arguments) == 1:
        yield from _pieces(arguments[0], scope, written, depth + 1)
    else:
        yield Hole(node, scope, written)


def _braces(base: list[Piece], node: Node, scope: Scope, written: bool) -> Iterator[Piece]:
    """What ``.format()`` puts where the text has braces; what it gives and the text does not show comes last."""
    keywords = {k: v for k, v in node[5] if k}
    position, used = 0, 0
    for piece in base:
        if not isinstance(piece, str):
            yield piece
            continue
        end = 0
        for match in BRACES.finditer(piece):
            yield piece[end : match.start()]
            end = match.end()
            field = re.split(r"[.\[:!]", match[1], maxsplit=1)[0] if match[1] is not None else ""
            if match[1] is None:
                yield match[0][0]
                continue
            index = int(field) if field.isdecimal() and len(field) < 4 else position
            value = keywords.get(field) if field and not field.isdecimal() else (
                node[4][index] if index < len(node[4]) else None)
            position += not field
            used += 1
            if value is not None:
                yield Hole(value, scope, written)
        yield piece[end:]
    for value in (*node[4], *(v for _, v in node[5])) if not used else ():
        yield Hole(value, scope, written)


def _percent(node: Node, scope: Scope, written: bool, depth: int) -> Iterator[Piece]:
    """What ``%`` puts where the text has its marks."""
    base = list(_pieces(node[4], scope, written, depth + 1))
    if not any(isinstance(p, str) for p in base):
        yield Hole(node, scope, written)
        return
    right = node[5]
    given = list(right[3]) if right[0] == "tuple" else [right]
    by_key = {k[3]: v for k, v in right[3] if k is not None and k[0] == "const"} if right[0] == "dict" else {}
    for piece in base:
        if not isinstance(piece, str):
            yield piece
            continue
        end = 0
        for match in PERCENT.finditer(piece):
            yield piece[end : match.start()]
            end = match.end()
            if match[0] == "%%":
                yield "%"
            elif match[1]:
                yield Hole(by_key.get(match[1], right), scope, written)
            elif given:
                yield Hole(given.pop(0), scope, written)
        yield piece[end:]
