"""Queries that application code runs through SQLAlchemy or SQLModel: of which model, how limited, how consumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import ClassValue, Instance
from readybook.facts.querychains import (
    ColumnUse,
    Link,
    Loading,
    Names,
    chains,
    columns_in,
    loadings,
    receivers,
    written_chain,
)
from readybook.facts.values import possible
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.orm import Models, OrmModel
    from readybook.place import Place

ASYNC = ("sqlalchemy.ext.asyncio.AsyncSession", "sqlmodel.ext.asyncio.session.AsyncSession",
         "sqlalchemy.ext.asyncio.async_scoped_session", "sqlalchemy.ext.asyncio.AsyncConnection",
         "sqlmodel.ext.asyncio.AsyncSession")
SYNC = ("sqlalchemy.orm.Session", "sqlmodel.Session", "sqlmodel.orm.session.Session", "sqlalchemy.orm.scoped_session",
        "sqlalchemy.engine.Connection")
RUNS = frozenset(("execute", "exec", "scalars", "scalar", "stream", "stream_scalars", "fetch_all", "fetch_one",
                  "fetch_val", "iterate"))
GETS = frozenset(("get", "get_one"))
MANY = frozenset(("all", "fetchall", "fetchmany", "fetch_all", "iterate", "partitions", "iterated"))
ONE = frozenset(("first", "one", "one_or_none", "scalar", "scalar_one", "scalar_one_or_none", "fetchone", "fetch_one",
                 "fetch_val", "get", "get_one"))
PASSING = frozenset(("scalars", "unique", "mappings", "tuples", "columns", "yield_per", "freeze"))
ENDING = MANY | ONE | {"count", "exists", "delete", "update", "iter"}
GENERIC = ("model", "_model", "model_class")
AGGREGATES = frozenset(("count", "sum", "avg", "min", "max", "exists", "coalesce"))


@record
class Query:
    """One query that is run. ``style``: ``select``, ``query`` (``session.query``) or ``get`` (by primary key).

    ``models`` are those selected, the main one first (none: a repository's ``self.model``); ``entities``: whole
    objects are selected, not columns or aggregates alone. ``limited`` tells whether ``limit`` (or a slice) bounds it,
    ``page`` the text of the limit. ``session`` is async, sync or empty when its class is not known. ``consumed`` holds
    the names of the calls that end it (``all``, ``first`` …), empty when nothing shows them; ``many``: rows come as a
    collection, None when not shown. ``rows`` maps the id of each node that stands for its rows to whether that is a
    collection; only where whole objects of the first model come out. ``tuples`` are the ids of nodes that stand for
    rows of several things each. ``ways`` are the filters that it has on each way the code
    may have put it together; none where there is one.
    """

    style: str
    models: tuple[OrmModel, ...]
    entities: bool
    filters: tuple[ColumnUse, ...]
    order: tuple[ColumnUse, ...]
    limited: bool
    page: str
    offset: bool
    grouped: bool
    loadings: tuple[Loading, ...]
    session: str
    consumed: frozenset[str]
    many: bool | None
    function: str
    in_loop: bool
    call: Call = field(repr=False, compare=False)
    links: tuple[Link, ...] = field(repr=False, compare=False)
    rows: dict[int, bool] = field(repr=False, compare=False, default_factory=dict)
    tuples: frozenset[int] = field(repr=False, compare=False, default=frozenset())
    ways: tuple[tuple[ColumnUse, ...], ...] = field(repr=False, compare=False, default=())

    @property
    def place(self) -> Place:
        """Where it is run."""
        return self.call.place

    @property
    def model(self) -> OrmModel | None:
        """The model it reads first."""
        return self.models[0] if self.models else None


def session_kind(value: Any) -> str:
    """``async``, ``sync`` or empty: what kind of SQLAlchemy session or connection a value is."""
    for option in possible(value):
        if isinstance(option, Instance):
            if option.is_a(*ASYNC):
                return "async"
            if option.is_a(*SYNC):
                return "sync"
    return ""


class Queries:
    """The queries of a program, by the calls that run them."""

    def __init__(self, behaviour: Behaviour, models: Models) -> None:
        self.behaviour = behaviour
        self.models = models
        self.by_node = behaviour.by_node

    @cached_property
    def children(self) -> dict[int, list[Call]]:
        """Calls that hand on or take the rows of what another call gives, by the id of that call's node."""
        found: dict[int, list[Call]] = defaultdict(list)
        for call in self.behaviour.written_as(*{*PASSING, *MANY, *ONE}):
            made = {id(v.node) for v in receivers(call) if isinstance(v, Instance) and v.node is not None}
            node = call.site.node[3]
            if node[0] == "attr":
                inner = node[3][3] if node[3][0] == "await" else node[3]
                if inner[0] == "call":
                    made.add(id(inner))
            for key in made:
                found[key].append(call)
        return found

    def all(self) -> tuple[Query, ...]:
        """Every query, by path and line."""
        return tuple(q for call in self.behaviour.written_as(*{*GETS, *RUNS, *ENDING}) for q in self._of(call))

    def _of(self, call: Call) -> Iterator[Query]:
        name, found_on = call.last, receivers(call)
        on = max(found_on, key=lambda v: len(getattr(v, "path", "")), default=None)
        if name in GETS and call.args and isinstance(call.args[0], ClassValue):
            model = self.models.of_class(call.args[0])
            if model is not None and (session_kind(on) or not isinstance(on, Instance)):
                yield self._get(call, model, session_kind(on))
            return
        if name in RUNS and (call.args or "statement" in call.kwargs):
            statement = call.args[0] if call.args else call.kwargs["statement"]
            ways = tuple(chains(statement))
            found = max(ways, key=len, default=())
            if found and (isinstance(on, Instance) or not found_on):
                yield from self._built(call, found, "select", session_kind(on), ways)
        elif name in ENDING:
            ways = tuple(chains(on))
            found = max(ways, key=len, default=()) or written_chain(call, self.by_node)[:-1]
            if found and found[0].name == "query":
                on = _root(on)
                yield from self._built(call, found, "query", session_kind(on) or ("" if on is None else "sync"), ways)

    def _get(self, call: Call, model: OrmModel, session: str) -> Query:
        link = Link("get", call.args, call.site.node[4], call.site.node[5], call.site.module, call.site.node)
        names = Names(self.models, call.site.function, call.site.module, None)
        options = dict(call.site.node[5]).get("options")
        parts = options[3] if options is not None and options[0] in ("list", "tuple") else ()
        loads = tuple(loadings(replace(link, nodes=parts), names))
        return Query("get", (model,), True, (), (), True, "", False, False, loads, session, frozenset(("get",)), False,
                     call.function, call.in_loop, call, (link,), {id(call.site.node): False})

    def _built(self, call: Call, links: tuple[Link, ...], style: str, session: str,
               ways: tuple[tuple[Link, ...], ...]) -> Iterator[Query]:
        scope = self.behaviour.run.loaded.get(links[0].module.path)
        names = Names(self.models, call.site.function, links[0].module, scope.scope if scope is not None else None)
        first = links[0]
        models = _models(first, names)
        entities = any(self.models.of_class(v) is not None for v in first.args) or _generic(first)
        for link in links:
            if link.name in ("select_from", "join", "outerjoin"):
                models += tuple(m for m in _models(link, names) if m not in models)
        if not models and not entities:
            return
        order, loads = [], []
        filters = _filters(links, names, models)
        for link in links:
            if link.name == "order_by":
                order += [replace(c, operator=c.operator or "order") for n in link.nodes
                          for c in columns_in(n, names, models)]
            elif link.name == "options":
                loads += list(loadings(link, names))
        built = {link.name for link in links}
        page = next((link for link in links if link.name in ("limit", "fetch", "slice", "paginate")), None)
        grouped = bool(built & {"group_by", "distinct"})
        consumed, rows, tuples = self._consumed(call, style, entities and len(first.args) == 1,
                                                len(first.args) > 1 and (entities or not grouped))
        yield Query(
            style, models, entities, filters, tuple(order), page is not None, _text(page), "offset" in built,
            grouped, tuple(loads), session, consumed, _many(consumed, call, first),
            call.function, call.in_loop, call, links, rows, tuples,
            tuple(dict.fromkeys(_filters(way, names, models) for way in ways)) if len(ways) > 1 else ())

    def _consumed(self, call: Call, style: str, whole: bool,
                  several: bool) -> tuple[frozenset[str], dict[int, bool], frozenset[int]]:
        """The calls that end a query, the nodes that stand for its objects, and those for tuples of ``several``."""
        name = call.last
        node = id(call.site.node)
        if style == "query" or name in ("scalar", "fetch_all", "fetch_one", "fetch_val", "iterate"):
            many = name in MANY
            return (frozenset((name,)), {node: many} if whole and name in MANY | ONE else {},
                    frozenset((node,)) if several and name == "all" else frozenset())
        scalars = name in ("scalars", "exec", "stream_scalars")
        found: set[str] = set()
        rows: dict[int, bool] = {node: True} if scalars and whole else {}
        tuples = {node} if several and name in ("execute", "exec") else set()
        todo = [(c, scalars) for c in self.children.get(node, ())]
        for _ in range(50):
            if not todo:
                break
            child, plain = todo.pop()
            last = child.last
            if last in PASSING:
                inner = plain or last == "scalars"
                if inner and whole:
                    rows[id(child.site.node)] = True
                elif several and last == "scalars":
                    tuples.clear()  # the first of each tuple is taken
                    several = False
                todo += [(c, inner) for c in self.children.get(id(child.site.node), ())]
            elif last in MANY | ONE:
                found.add(last)
                if several and last in ("all", "fetchall"):
                    tuples.add(id(child.site.node))
                if whole and (plain or last in ("scalar_one", "scalar_one_or_none", "scalar")):
                    rows[id(child.site.node)] = last in MANY
        return frozenset(found), rows, frozenset(tuples)


def _filters(links: tuple[Link, ...], names: Names, models: tuple[OrmModel, ...]) -> tuple[ColumnUse, ...]:
    """The columns by which the links of a chain narrow a query."""
    found: list[ColumnUse] = []
    for link in links:
        if link.name in ("where", "filter", "having"):
            found += [c for n in link.nodes for c in columns_in(n, names, models)]
        elif link.name == "filter_by":
            found += [ColumnUse(m, k, "==", False, link.place) for m in models[:1] for k, _ in link.keywords if k]
    return tuple(found)


def _root(value: Any) -> Any:
    for _ in range(60):
        value = max(possible(value), key=lambda v: len(getattr(v, "path", "")), default=None)
        if not isinstance(value, Instance) or "__on__" not in value.attrs:
            return value
        value = value.attrs["__on__"]
    return None


def _models(link: Link, names: Names) -> tuple[OrmModel, ...]:
    found: dict[str, OrmModel] = {}
    for value, node in zip(link.args, link.nodes, strict=False):
        model = names.models.of_class(value) if isinstance(value, ClassValue) else names.model(node)
        for one in (model,) if model is not None else (c.model for c in columns_in(node, names, ())):
            found.setdefault(one.path, one)
    return tuple(found.values())


def _generic(first: Link) -> bool:
    """Whether what is selected is a class that an object of the project carries: ``select(self.model)``."""
    return len(first.nodes) == 1 and first.nodes[0][0] == "attr" and first.nodes[0][4] in GENERIC


def _text(link: Link | None) -> str:
    from readybook.facts.unparse import unparse

    return unparse(link.nodes[0]) if link is not None and link.nodes else ""


def _many(consumed: frozenset[str], call: Call, first: Link) -> bool | None:
    if any(n[0] == "call" and n[3][0] == "attr" and n[3][4] in AGGREGATES for n in first.nodes):
        return None
    if consumed & MANY:
        return True
    return False if consumed & ONE or call.last in ("scalar", "count", "exists", "delete", "update") else None


def queries(behaviour: Behaviour, models: Models) -> tuple[Query, ...]:
    """Every query of application code through SQLAlchemy or SQLModel."""
    return Queries(behaviour, models).all() if models else ()
