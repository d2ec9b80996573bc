"""The columns that a read of a Tortoise model compares and sorts by: ``filter(name="a", age__gte=3)``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.querychains import ColumnUse
from readybook.facts.unparse import unparse

if TYPE_CHECKING:
    from readybook.facts.behaviour import Call
    from readybook.facts.orm import OrmModel

FILTERING = frozenset(("filter", "get", "get_or_none", "exists", "get_or_create"))
NO_FIELDS = frozenset(("defaults", "using_db"))
_WORDS = {"in": "in", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "range": "between", "not": "!=",
          "not_in": "not in", "isnull": "is", "not_isnull": "is not", **dict.fromkeys(
              ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "iexact", "search",
               "posix_regex", "iposix_regex"), "like")}
UNSEEN = "?"  # the attribute of a use that the code does not show: whatever finds the rows


def model_uses(model: OrmModel, call: Call) -> Iterator[ColumnUse]:
    """The columns that one call of a chain compares; one that is not known where a ``Q`` or ``**`` hides some."""
    if call.last not in FILTERING:
        return
    if call.site.node[4]:
        yield ColumnUse(model, UNSEEN, "==", False, call.place)
    for key, value in call.site.node[5]:
        if key not in NO_FIELDS:
            name, operator = _read(model, key) if key else (UNSEEN, "==")
            yield ColumnUse(model, name, operator, False, call.place, unparse(value))


def _read(model: OrmModel, key: str) -> tuple[str, str]:
    """The column and the operator behind a keyword; a row of another table is one that is not known here."""
    name, _, rest = key.partition("__")
    relation = model.relationship(name)
    if relation is not None and model.column(f"{name}_id") is not None:
        name, rest = f"{name}_id", rest.removeprefix("id").removeprefix("pk").removeprefix("__")
    elif name == "pk":
        name = next((c.attribute for c in model.columns if c.primary_key), UNSEEN)
    if rest and rest not in _WORDS or model.column(name) is None:
        return UNSEEN, "=="
    return name, _WORDS[rest] if rest else "=="


def model_order(model: OrmModel, call: Call) -> Iterator[ColumnUse]:
    """The columns that one call of a chain sorts by."""
    for node in call.site.node[4] if call.last == "order_by" else ():
        text = node[3] if node[0] == "const" and isinstance(node[3], str) else UNSEEN
        name = text.lstrip("-+")
        name = f"{name}_id" if model.column(f"{name}_id") is not None and model.relationship(name) else name
        yield ColumnUse(model, name, "descending" if text.startswith("-") else "order", False, call.place)
