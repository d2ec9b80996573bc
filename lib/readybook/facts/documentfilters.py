"""The fields that a read of a Beanie document compares and sorts by: expressions, operators' calls and dicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.modelfilters import UNSEEN
from readybook.facts.querychains import ColumnUse
from readybook.facts.unparse import unparse

if TYPE_CHECKING:
    from readybook.facts.behaviour import Call
    from readybook.facts.orm import OrmModel
    from readybook.facts.syntax import Node

FILTERING = frozenset(("find", "find_many", "find_one", "count_documents"))
_COMPARED = {"Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">="}
_CALLED = {"Eq": "==", "In": "in", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=", "NE": "!=", "NotIn": "not in",
           "RegEx": "like"}
_SIGNS = {"$eq": "==", "$in": "in", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<=", "$ne": "!=", "$nin": "not in",
          "$regex": "like", "$exists": "is", "$options": "like"}


def document_uses(model: OrmModel, call: Call) -> Iterator[ColumnUse]:
    """The fields that one call of a chain compares; one that is not known where a name, an ``Or`` or a star hides
    some."""
    if call.last == "get" and (call.site.node[4] or "document_id" in call.kwargs):
        yield ColumnUse(model, "id", "==", False, call.place)
    for node in call.site.node[4] if call.last in FILTERING else ():
        for name, operator, other in _read(model, call, node):
            yield ColumnUse(model, name, operator, False, call.place, other)


def _read(model: OrmModel, call: Call, node: Node) -> Iterator[tuple[str, str, str]]:
    kind = node[0]
    if kind == "cmp" and len(node[4]) == 1:
        yield _field(model, call, node[3]), _COMPARED.get(node[4][0][0], ""), unparse(node[4][0][1])
    elif kind == "dict":
        for key, value in node[3]:
            yield from _pair(model, key, value)
    elif kind == "call" and _last(node) in _CALLED and len(node[4]) > 1:
        yield _field(model, call, node[4][0]), _CALLED[_last(node)], unparse(node[4][1])
    else:
        yield UNSEEN, "==", ""


def _pair(model: OrmModel, key: Node | None, value: Node) -> Iterator[tuple[str, str, str]]:
    name = key[3] if key is not None and key[0] == "const" and isinstance(key[3], str) else UNSEEN
    column = next((c for c in model.columns if c.name == name), None)
    if column is None:
        yield UNSEEN, "==", ""
    elif value[0] == "dict" and value[3]:
        for sign, inner in value[3]:
            word = sign[3] if sign is not None and sign[0] == "const" else None
            yield (column.attribute, _SIGNS[word], unparse(inner)) if word in _SIGNS else (UNSEEN, "==", "")
    else:
        yield column.attribute, "==", unparse(value)


def _last(node: Node) -> str:
    return str(node[3][4] if node[3][0] == "attr" else node[3][3] if node[3][0] == "name" else "")


def _field(model: OrmModel, call: Call, node: Node) -> str:
    """The field that ``User.email`` or ``User.team.id`` names, when the class is the one that is read."""
    names: list[str] = []
    on = call.site.node[3][3]
    while node[0] == "attr":
        names.insert(0, node[4])
        node = node[3]
    known = node[0] == "name" and node[3] in ("cls", model.name, on[3] if on[0] == "name" else model.name)
    name = ".".join(names)
    return name if known and model.column(name) is not None else UNSEEN


def document_order(model: OrmModel, call: Call) -> Iterator[ColumnUse]:
    """The fields that one call of a chain sorts by."""
    given = dict(call.site.node[5]).get("sort")
    parts = call.site.node[4] if call.last == "sort" else (given,) if given is not None else ()
    for node in parts[0][3] if len(parts) == 1 and parts[0][0] == "list" else parts:
        down = node[0] == "unary" and node[3] == "USub"
        inner = node[4] if node[0] == "unary" else node[3][0] if node[0] == "tuple" and node[3] else node
        if inner[0] == "const" and isinstance(inner[3], str):
            down, name = down or inner[3].startswith("-"), inner[3].lstrip("+-")
            name = next((c.attribute for c in model.columns if c.name == name), UNSEEN)
        else:
            name = _field(model, call, inner)
        yield ColumnUse(model, name, "descending" if down else "order", False, call.place)
