"""What a value is for, by the names it is given where it is made: of a variable, an argument, a key, a function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.nodes import LEAVES, statements
from readybook.facts.syntax import Node

if TYPE_CHECKING:
    from readybook.facts.behaviour import Call


# functions whose result is the text of their argument, in another form; ``jwt.encode(…)`` makes a token of its claims
SAME = frozenset({"join", "format", "hexdigest", "digest", "str", "hex", "int", "upper", "lower",
                  "strip", "zfill", "md5", "sha1", "sha256", "sha512", "new", "b64encode", "urlsafe_b64encode", "bytes",
                  "list", "map", "chr", "UUID", "rjust", "ljust", "tuple", "round", "oct", "b32encode", "shuffle"})


def purposes(call: Call) -> tuple[str, ...]:
    """The names that the value of a call, or of the text it becomes part of, is given, nearest first.

    A keyword or key around it, the variable or attribute it is assigned to, what that variable is then handed on as,
    and the function that returns it. A call that makes something else of it ends the way.
    """
    function = call.site.function
    if function is not None and function.node[0] != "def":
        return ()
    body = function.node[6] if function is not None else call.site.module.body
    for s in statements(body):
        value = _value(s)
        if value is None or not s[1] <= call.site.node[1] <= s[3]:
            continue
        inner = path_to(value, call.site.node)
        if inner is None:
            continue
        names = [n for n in inner if n]
        if len(names) < len(inner):
            return tuple(names[: inner.index("")])
        if s[0] in ("assign", "ann", "aug"):
            targets = s[4] if s[0] == "assign" else (s[4],)
            bound = [n for t in targets for n in _names(t)]
            names += bound
            names += [n for b in bound for n in _handed_on(b, body)]
        returned = s[0] == "return" or _is_returned(names, body)
        if function is not None and returned:
            names.append(function.name)
        return tuple(dict.fromkeys(names))
    return ()


def _keeps(callee: Node) -> bool:
    """Whether what a function gives back is made of its arguments' text."""
    return callee[0] in ("name", "attr") and str(callee[3 if callee[0] == "name" else 4]) in SAME


def _value(s: Node) -> Node | None:
    if s[0] == "assign":
        return s[5]
    if s[0] in ("ann", "aug"):
        return s[6]
    return s[4] if s[0] in ("expr", "return") else None


def _names(target: Node) -> Iterator[str]:
    if target[0] == "name":
        yield target[3]
    elif target[0] == "attr":
        yield target[4]
    elif target[0] == "sub" and target[4][0] == "const" and isinstance(target[4][3], str):
        yield target[4][3]
    elif target[0] in ("tuple", "list"):
        for t in target[3]:
            yield from _names(t)


def path_to(node: Any, wanted: Node) -> tuple[str, ...] | None:
    """The keywords and keys on the way from an expression to a part of it, nearest first; None when it is no part.

    An empty name stands for a call that makes something else of the part.
    """
    if node is wanted:
        return ()
    if not isinstance(node, tuple):
        return None
    if node and node[0] == "dict":
        for key, value in node[3]:
            found = path_to(value, wanted)
            if found is not None:
                named = key is not None and key[0] == "const" and isinstance(key[3], str)
                return (*found, key[3]) if named else found
        return None
    for part in node:
        if not isinstance(part, tuple):
            continue
        found = path_to(part, wanted)
        if found is not None:
            if len(node) == 2 and isinstance(node[0], str) and part is node[1]:
                return (*found, node[0])
            return (*found, "") if node[0] == "call" and part is not node[3] and not _keeps(node[3]) else found
    return None


def _handed_on(name: str, body: Any) -> Iterator[str]:
    """Keywords that a variable is handed to as it is."""
    for s in statements(body):
        value = _value(s)
        if value is not None:
            yield from _keywords(value, name)


def _keywords(part: Any, name: str) -> Iterator[str]:
    todo = [part]
    while todo:
        one = todo.pop()
        if len(one) == 2 and one[1].__class__ is tuple and one[0].__class__ is str:
            if one[1][:1] == ("name",) and one[1][3] == name:
                yield one[0]
        todo += [p for p in reversed(one) if p.__class__ is tuple and (len(p) != 4 or p[0] not in LEAVES)]


def _is_returned(names: list[str], body: Any) -> bool:
    return any(s[0] == "return" and s[4] is not None and s[4][0] == "name" and s[4][3] in names
               for s in statements(body))
