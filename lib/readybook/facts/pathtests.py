"""Tests of the path that is asked for: a guard that lets some paths through guards the others only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from readybook.facts.expressions import evaluate
from readybook.facts.nodes import nodes
from readybook.facts.unparse import unparse
from readybook.facts.values import by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter
    from readybook.facts.objects import FunctionValue

PATH = "path"  # the path that is asked for, as a value of a walk
PLAIN = frozenset({"const", "name", "attr", "list", "tuple", "set", "bin"})
MADE = frozenset({"set", "frozenset", "tuple", "list"})
EQUAL = {"Eq": True, "In": True, "NotEq": False, "NotIn": False}


def is_path(node: Any) -> bool:
    """Whether an expression is ``….url.path`` or ``….scope["path"]``."""
    if node[0] == "attr":
        return bool(node[4] == "path" and node[3][0] == "attr" and node[3][4] == "url")
    return bool(node[0] == "sub" and node[3][0] == "attr" and node[3][4] == "scope"
                and node[4][0] == "const" and node[4][3] == "path")


def equals(run: Interpreter, function: FunctionValue, path: str, operator: str, other: Any) -> bool | None:
    """Whether a comparison of the path with texts holds on a route; None where that cannot be told."""
    known = _texts(run, function, other)
    if known is None or operator not in EQUAL:
        return None
    if "{" in path:
        pattern = re.sub(r"\\\{[^}]*\}", "[^/]+", re.escape(path))
        if any(re.fullmatch(pattern, text) for text in known):
            return None
    return (path in known) is EQUAL[operator]


def starts(run: Interpreter, function: FunctionValue, path: str, other: Any) -> bool | None:
    """Whether a route's path starts with one of these texts; None where that cannot be told."""
    known = _texts(run, function, other)
    if known is None:
        return None
    fixed, brace, _ = path.partition("{")
    if any(fixed.startswith(text) for text in known):
        return True
    return None if brace and any(text.startswith(fixed) for text in known) else False


def any_starts(node: Any, names: dict[str, str]) -> Any:
    """``texts`` of ``any(path.startswith(text) for text in texts)``, None of what is written otherwise."""
    if unparse(node[3]) != "any" or len(node[4]) != 1 or node[4][0][0] != "comp" or len(node[4][0][6]) != 1:
        return None
    element, generator = node[4][0][4], node[4][0][6][0]
    if element[0] != "call" or element[3][0] != "attr" or element[3][4] != "startswith" or len(element[4]) != 1:
        return None
    of, target = element[3][3], generator[0]
    tested = is_path(of) or of[0] == "name" and names.get(of[3]) == PATH
    plain = not generator[2] and element[4][0][0] == "name" == target[0] and element[4][0][3] == target[3]
    return generator[1] if tested and plain else None


def _texts(run: Interpreter, function: FunctionValue, node: Any) -> tuple[str, ...] | None:
    if node[0] == "call" and unparse(node[3]) in MADE and len(node[4]) == 1:
        return _texts(run, function, node[4][0])
    if any(inner[0] not in PLAIN for inner in nodes(node)):
        return None
    value = by_default(evaluate(run, node, function.scope))
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple | set | frozenset):
        return None
    texts = [by_default(v) for v in found]
    return tuple(texts) if all(isinstance(t, str) for t in texts) else None
