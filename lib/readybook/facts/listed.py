"""What is known to be members of a list, all of it, once a statement lets the body go on."""

from __future__ import annotations

from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse

LEAVES = ("raise", "return")


def all_listed(s: Node) -> str:
    """The text of what holds members of a list only, once an ``if`` or ``for`` is passed; empty for all others.

    ``if not set(row.keys()).issubset(COLUMNS): raise …`` says it of ``row.keys()``, ``for part in parts: if part not in
    KNOWN: raise …`` of ``parts``.
    """
    if s[0] == "if":
        call = s[4][4] if s[4][0] == "unary" and s[4][3] == "Not" else None
        if call is None or call[0] != "call" or call[3][0] != "attr" or call[3][4] != "issubset" or not _leaves(s):
            return ""
        held = call[3][3]
        made = held[0] == "call" and held[3][0] == "name" and held[3][3] in ("set", "frozenset") and len(held[4]) == 1
        return unparse(held[4][0] if made else held)
    target, source = s[4], s[5]
    if target[0] == "name" and source[0] == "name":
        for inner in s[6]:
            test = inner[4] if inner[0] == "if" and _leaves(inner) else None
            if test is not None and test[0] == "cmp" and test[4][0][0] == "NotIn" and unparse(test[3]) == target[3]:
                return str(source[3])
    return ""


def _leaves(s: Node) -> bool:
    return bool(s[5]) and s[5][-1][0] in LEAVES
