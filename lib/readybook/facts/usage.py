"""What becomes of a call's result inside the function that makes the call: kept by somebody, or dropped."""

from __future__ import annotations

from typing import Any

from readybook.facts.frames import CallSite
from readybook.facts.nodes import is_node, statements
from readybook.facts.syntax import Node

# Methods and attributes whose use leaves nobody holding the object.
WEAK = frozenset((
    "add_done_callback", "set_name", "get_name", "start", "daemon", "name", "setDaemon", "setName", "ident",
))


def is_dropped(site: CallSite) -> bool:
    """Whether nobody holds the result of a call once its function goes on or ends.

    Dropped is a call that stands as a statement, one whose result only has a callback hung on it or is started, and
    one bound to a local name that nothing reads but for that. Whatever is awaited, returned, handed on, stored in an
    attribute or bound at module level is kept.
    """
    function = site.function
    if function is not None and function.node[0] != "def":
        return False  # a lambda gives its result to its caller
    body = function.original.node[6] if function is not None else site.module.body
    for statement in statements(body):
        value = _value(statement)
        if value is None:
            continue
        if statement[0] == "expr" and _receiver(value, site.node):
            return True
        if value is site.node and statement[0] in ("assign", "ann"):
            return _never_read(statement, body, function is None)
    return False


def _value(statement: Node) -> Node | None:
    """The expression that a statement evaluates: only of statements that can drop or name a result."""
    if statement[0] == "expr":
        return statement[4]
    if statement[0] == "assign":
        return statement[5]
    return statement[6] if statement[0] == "ann" else None


def _receiver(value: Node, node: Node) -> bool:
    """Whether a statement's value is the node, or a weak method called on it."""
    while value is not node:
        if value[0] != "call" or value[3][0] != "attr" or value[3][4] not in WEAK:
            return False
        value = value[3][3]
    return True


def _never_read(statement: Node, body: Any, module_level: bool) -> bool:
    targets = statement[4] if statement[0] == "assign" else (statement[4],)
    if module_level or any(t[0] != "name" for t in targets):
        return False
    names = {t[3] for t in targets}
    return not names & held_names(body)


def held_names(body: Any) -> frozenset[str]:
    """Names that a body reads for more than a weak use, or declares as global or nonlocal."""
    found: set[str] = set()
    bound: set[int] = set()
    todo: list[Any] = [body]
    while todo:
        part = todo.pop()
        if is_node(part):
            if part[0] in ("global", "nonlocal"):
                found.update(part[4])
                continue
            if part[0] == "attr" and part[3][0] == "name" and part[4] in WEAK:
                continue
            if part[0] == "assign":
                bound.update(id(t) for t in part[4] if t[0] == "name")
            elif part[0] in ("ann", "aug") and part[4][0] == "name":
                bound.add(id(part[4]))
            elif part[0] == "name" and id(part) not in bound:
                found.add(part[3])
        todo.extend(p for p in part if isinstance(p, tuple))
    return frozenset(found)
