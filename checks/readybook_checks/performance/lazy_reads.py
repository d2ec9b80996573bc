"""Relationships that are read on the rows of a query and that the query did not load with them."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Project
from readybook.facts.application import Route
from readybook.facts.behaviour import functions_behind
from readybook.facts.objects import FunctionValue
from readybook.facts.orm import OrmModel
from readybook.facts.queryrows import Rows
from readybook.facts.unparse import unparse
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

SILENT = ("dynamic", "write_only", "noload", "raise", "raise_on_sql")  # read by a query of its own, or never
ON_TOUCH = ("select", "select_related")  # a query of its own at first touch
LOADS = regex(r"(?:load|load_only|contains_eager|undefer|undefer_group|defer|options)$")
UNLOADED = frozenset(("lazyload", "raiseload", "noload", "defaultload", "defer", "load_only", "undefer"))


@record
class LazyRead:
    """One relationship read on rows: in code at ``place``, or by the response model ``schema`` of ``route``.

    ``loaded``: the query, or the relationship itself, loads it eagerly. ``repeated``: for each row of a collection.
    """

    rows: Rows
    relationship: str
    many: bool | None
    place: Place
    repeated: bool
    loaded: bool
    function: FunctionValue
    route: Route | None = None
    schema: str = ""


def lazy_reads(project: Project) -> list[LazyRead]:
    """Every relationship that code or a response model reads on rows, each once for its query, first place first."""
    found: dict[tuple[int, tuple[str, ...], str, bool], LazyRead] = {}
    reads = [*_in_code(project), *_in_answers(project)]
    for read in sorted(reads, key=lambda r: (r.place.path, r.place.line, r.place.column)):
        key = (id(read.rows.query.call.site.node), read.rows.path, read.relationship, read.repeated)
        found.setdefault(key, read)
    return list(found.values())


def _in_code(project: Project) -> Iterator[LazyRead]:
    for touch in project.facts.row_flow.touches:
        loaded = _loaded(project, touch.rows, touch.rows.model, touch.relationship)
        relation = touch.rows.model.relationship(touch.relationship)
        if loaded is not None and relation is not None:
            yield LazyRead(touch.rows, touch.relationship, relation.many, touch.place, touch.repeated, loaded,
                           touch.function)


def _in_answers(project: Project) -> Iterator[LazyRead]:
    """Handlers that return rows as they are, under a response model with a field for the relationship."""
    schemas = {id(r): s for s in project.facts.schemas for r in s.returned_by if not s.table}
    for route in project.facts.routes:
        schema = schemas.get(id(route))
        if schema is None:
            continue
        for handler in functions_behind(route.handler):
            rows = project.facts.row_flow.returned_by(handler.original, 0)
            rows = None if rows is not None and rows.mixed else rows
            names = {f.name for f in schema.fields} if rows is not None else set()
            for relation in rows.model.relationships if rows is not None else ():
                loaded = _loaded(project, rows, rows.model, relation.name) if relation.name in names else None
                if loaded is not None:
                    yield LazyRead(rows, relation.name, relation.many, route.place, rows.many, loaded,
                                   handler.original, route, schema.name)


def _loaded(project: Project, rows: Rows, model: OrmModel, name: str) -> bool | None:
    """Whether the relationship is there when it is read; None where that is not shown, or reading it costs nothing."""
    relation = model.relationship(name)
    if relation is None or not relation.lazy or relation.lazy in SILENT:
        return None
    if rows.path and relation.many is not True:
        return None  # mostly the way back to an object that the session holds
    if relation.lazy not in ON_TOUCH:
        return True
    path = (*rows.path, name)
    for loading in rows.query.loadings:
        if loading.strategy not in UNLOADED and (loading.path[: len(path)] == path or "*" in loading.path):
            return True
    if _refreshed(project, rows, name):
        return True
    return None if _chosen_elsewhere(rows) else False


def _chosen_elsewhere(rows: Rows) -> bool:
    """Whether the query takes load options that are put together elsewhere: ``.options(*loads)``."""
    given = [n for link in rows.query.links if link.name == "options" for n in link.nodes]
    return any(n[0] != "call" or not LOADS.search(unparse(n[3])) for n in given)


def _refreshed(project: Project, rows: Rows, name: str) -> bool:
    """Whether the function that runs the query loads attributes by name afterwards: ``refresh(user, ["items"])``, or
    hands their names to a function of the project that does it."""
    behaviour, function = project.facts.behaviour, rows.query.call.site.function
    for call in behaviour.calls_in(function) if function is not None else ():
        if call.last == "refresh" and (len(call.site.node[4]) > 1 or "attribute_names" in call.kwargs):
            return True
        if any(isinstance(v, list | tuple) and name in v for v in (*call.args, *call.kwargs.values())) and any(
            c.last == "refresh" for f in functions_behind(call.site.callee) for c in behaviour.calls_in(f.original)
        ):
            return True
    return False
