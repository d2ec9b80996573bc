"""Reads of many rows, by SQLAlchemy or another way, and which of them a function hands to its caller."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING

from readybook.facts.behaviour import functions_behind
from readybook.facts.collectionreads import DRIVERS, collection_of, reads_collection
from readybook.facts.objects import Instance
from readybook.facts.handing import handed_out
from readybook.facts.lookups import model_called
from readybook.facts.queries import Queries
from readybook.facts.values import possible, text_of
from readybook.patterns import regex
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.behaviour import Call
    from readybook.facts.objects import FunctionValue
    from readybook.facts.queries import Query
    from readybook.place import Place

MAX_DEPTH = 6
DOCUMENTS = {  # methods of a model's class that begin a read of many, by ORM
    "tortoise": ("all", "filter", "exclude"), "beanie": ("find", "find_all", "find_many", "all"),
    "odmantic": (), "ormar": (), "piccolo": ("select", "objects"), "peewee": ("select",), "mongoengine": (),
}
BEGINNING = frozenset(name for names in DOCUMENTS.values() for name in names)
BOUNDS = frozenset(("limit", "first", "first_or_none", "get", "get_or_none", "count", "exists", "delete", "update",
                    "aggregate", "values_list", "paginate", "one", "find_one", "page"))
# what a read of documents goes on with, beside that
GOING_ON = frozenset(("to_list", "sort", "order_by", "offset", "skip", "filter", "exclude", "find", "all", "project",
                      "prefetch_related", "select_related", "values", "distinct", "only", "using_db", "batch_size"))
SQL_MANY = regex(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
SQL_BOUND = regex(r"\b(?:LIMIT|FETCH\s{1,9}(?:FIRST|NEXT)|TOP\s{1,9}\d|GROUP\s{1,9}BY|COUNT\s{0,9}\(|SUM\s{0,9}\(|"
                  r"MAX\s{0,9}\(|MIN\s{0,9}\(|AVG\s{0,9}\(|EXISTS|DISTINCT|PRAGMA|INFORMATION_SCHEMA|"
                  r"PG_[A-Z_]{1,60})\b", re.IGNORECASE)
SQL_TABLE = regex(r"\bFROM\s{1,20}[\"`\[]?([A-Za-z_][\w.]{0,80})", re.IGNORECASE)
SQL_WHERE = regex(r"\bWHERE\b(.{0,2000})", re.IGNORECASE | re.DOTALL)
FETCHES = frozenset(("fetchall", "fetch_all", "fetch", "all"))


@record
class Reading:
    """One read of many rows. ``kind``: sqlalchemy, sql (a literal text), mongo, or the ORM's name. ``what`` names the
    table, model or collection; ``limited``: something bounds the number of rows; ``filtered``: a condition narrows
    them. ``query`` is set for SQLAlchemy's."""

    kind: str
    what: str
    limited: bool
    filtered: bool
    call: Call = field(repr=False, compare=False)
    query: Query | None = field(repr=False, compare=False, default=None)

    @property
    def place(self) -> Place:
        """Where it is run."""
        return self.call.place


class Readings:
    """Every read of many rows in a program, and what functions return of them."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.behaviour = facts.behaviour
        self.queries = Queries(facts.behaviour, facts.orm_models)
        self._given: dict[int, tuple[tuple[Reading, str], ...]] = {}

    @cached_property
    def by_node(self) -> dict[int, Reading]:
        """Reads by the id of the call's node that gives their rows."""
        found = {id(r.call.site.node): r for r in self._documents()}
        for reading in self._texts():
            found.setdefault(id(reading.call.site.node), reading)
        for query in self.facts.queries:
            if query.many and not query.grouped and (query.entities or query.models):
                what = query.models[0].table or query.models[0].name if query.models else "its table"
                found[id(query.call.site.node)] = Reading(
                    "sqlalchemy", what, query.limited, bool(query.filters), query.call, query)
        return found

    def given(self, function: FunctionValue, depth: int = 0) -> tuple[tuple[Reading, str], ...]:
        """The reads whose rows a function returns, each with how: ``whole``, ``slice`` (cut in Python), ``stream``."""
        key = id(function.original.node)
        if key in self._given:
            return self._given[key]
        self._given[key] = ()
        found: dict[int, tuple[Reading, str]] = {}
        for call in self.behaviour.calls_in(function) if function.original.node[0] == "def" else ():
            node = id(call.site.node)
            own = self.by_node.get(node)
            inner = [(own, "whole")] if own is not None else self._of_callee(call, depth)
            if not inner:
                continue
            how = handed_out(function.original, node)
            for reading, before in inner if how else ():
                found.setdefault(id(reading), (reading, how if before == "whole" else before))
        self._given[key] = tuple(found.values())
        return self._given[key]

    def _of_callee(self, call: Call, depth: int) -> list[tuple[Reading, str]]:
        if depth >= MAX_DEPTH:
            return []
        return [r for f in functions_behind(call.site.callee) if f.original.module.role == "application"
                for r in self.given(f.original, depth + 1)]

    def _documents(self) -> Iterator[Reading]:
        """Reads through document databases and other ORMs."""
        mongo = any(r.name.lower() in DRIVERS for r in self.facts.requirements)
        for call in self.behaviour.calls:
            known = call.last in BEGINNING
            model = model_called(self.behaviour, self.facts.orm_models, call) if known else None
            if model is not None:
                if call.last in DOCUMENTS.get(model.orm, ()):
                    yield self._chained(call, model.orm, model.name)
            elif mongo and call.last == "find" and reads_collection(call):
                yield self._chained(call, "mongo", collection_of(call))

    def _chained(self, call: Call, kind: str, what: str) -> Reading:
        end, names = self._end(call)
        limited = any(_bounds(c) for c in names.values()) or self._bound_by_name(end)
        return Reading(kind, what, limited, bool(call.args or call.kwargs), end)

    def _bound_by_name(self, call: Call) -> bool:
        """Whether a later call on a name of the same function bounds a read: ``cursor = cursor.limit(10)``."""
        function = call.site.function
        later = self.behaviour.calls_in(function) if function is not None and function.original.node[0] == "def" else ()
        return any(_bounds(c) and c.site.node[3][0] == "attr" and c.site.node[3][3][0] == "name"
                   and c.place.line > call.place.line for c in later)

    @cached_property
    def _next(self) -> dict[int, Call]:
        """The call that is written on what another one gives, by the id of that other call's node."""
        found: dict[int, Call] = {}
        for call in self.behaviour.written_as(*BOUNDS, *GOING_ON):
            inner = call.site.node[3][3] if call.site.node[3][0] == "attr" else None
            if inner is not None and inner[0] == "await":
                inner = inner[3]
            if inner is not None and inner[0] == "call":
                found[id(inner)] = call
        return found

    def _end(self, call: Call) -> tuple[Call, dict[str, Call]]:
        """The last call of the chain that an expression goes on with, and all calls of it by name."""
        names = {call.last: call}
        for _ in range(20):
            after = self._next.get(id(call.site.node))
            if after is None:
                break
            call = after
            names[call.last] = call
        return call, names

    def _texts(self) -> Iterator[Reading]:
        """Reads whose SQL the code writes out."""
        for call in self.behaviour.written_as(*FETCHES):
            text = _sql(call) or self._executed(call)
            if text and SQL_MANY.match(text):
                table = SQL_TABLE.search(text)
                where = SQL_WHERE.search(text)
                bound = bool(SQL_BOUND.search(text)) or bool(where and re.search(r"\bid\s*=", where[1]))
                yield Reading("sql", table[1] if table else "its table", bound, bool(where), call)

    def _executed(self, call: Call) -> str:
        """The text that ``execute`` was given last before a ``fetchall`` of the same function."""
        if call.site.function is None or call.last not in ("fetchall", "all"):
            return ""
        before = [c for c in self.behaviour.calls_in(call.site.function) if c.last == "execute"
                  and (c.place.line, c.place.column) <= (call.place.line, call.place.column)]
        if call.last == "all":  # of what execute(text(…)) gave
            before = [c for c in before if c.args and "text" in getattr(c.args[0], "path", "")]
        return _sql(before[-1]) if before else ""


def _bounds(call: Call) -> bool:
    """Whether a call of a chain bounds the rows: by its name, or ``to_list`` by a length."""
    if call.last != "to_list":
        return call.last in BOUNDS or call.kwargs.get("limit") is not None
    return any(v is not None for v in (*call.args, call.kwargs.get("length")))


def _sql(call: Call) -> str:
    given = call.args[0] if call.args else call.kwargs.get("query")
    for option in possible(given):
        if isinstance(option, Instance) and option.path.startswith("sqlalchemy.text") and option.args:
            option = option.args[0]
        text = text_of(option)
        if text:
            return text
    return ""
