"""PER008: lists that answer with every row of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.behaviour import functions_behind
from readybook.facts.nodes import holds, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.querychains import ColumnUse
from readybook.facts.queries import Query
from readybook.facts.readings import Reading
from readybook.facts.tablesizes import grows
from readybook.facts.unparse import unparse
from readybook.facts.usage import held_names
from readybook.finding import Answer
from readybook.intents import EnsureImport, EnsureParameter, Intent, ReplaceExpression
from readybook.patterns import regex
from readybook.records import record
from readybook_checks.performance.per008_unbounded_list.examples import EXAMPLES
from readybook_checks.performance.query_edit import extended, written_model

PAGING = frozenset((
    "limit", "page", "pagesize", "perpage", "size", "offset", "skip", "cursor", "take", "pagetoken", "maxresults",
    "nextcursor", "nexttoken", "pageindex", "pagenumber", "pagenum", "itemsperpage", "resultsperpage", "maxitems",
    "rowsperpage", "topk", "topn", "lastid", "startingafter", "count", "numresults", "pagination", "paginationparams",
))
EXPORT = regex(r"(?:export|download|csv|xlsx?|pdf|backup|dump|sitemap|feed|rss|stream)", re.IGNORECASE)
# words of paths whose answers are worked out from rows, not made of them
COMPUTED = regex(r"(?:report|analytic|dashboard|summar|stat(?:s|istics)\b|trend|breakdown|overview|metrics|"
                 r"totals?\b|balance|profit|analysis|results?\b|check|me$)", re.IGNORECASE)
PAGES = regex(r"[Pp]aginat|(?<![a-z])[Pp]aging(?![a-z])|Page(?:d|Data|Result|Response|Model|Schema)?\[")
MOST, FIRST = 1000, 100  # the most rows a page may have, and those of a page when none is asked for


@record
class Listing:
    """A read whose rows a route answers with; ``how``: whole, or cut in Python (slice)."""

    route: Route
    handler: FunctionValue
    reading: Reading
    how: str


class UnboundedList(Check):
    """A route answers with every row of a table, however many there are.

    Looked at: GET routes whose answer is made of the rows of a query (SQLAlchemy, SQLModel, Tortoise, Beanie, MongoDB,
    written SQL), also in functions the handler calls, and neither limited nor with parameters for pages. The answer
    grows with the table until it fills the memory of the worker and times out. Tables that do not grow with use
    (roles, settings, categories …), reads by key, reports, exports and streams are left out.

    Medium; low where the rows belong to one owner or parent. Fix, where the handler makes the query itself: ``limit``
    and ``offset`` parameters with bounds, in an order that makes pages stable. Callers that expect all rows at once
    then get the first page.
    """

    id = "PER008"
    name = "unbounded-list"
    category = "performance"
    severity = "medium"
    hours = Hours(0.5, 1, 2, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/tutorial/sql-databases/#read-heroes",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each query that a list route answers with whole; a Right for each list with pages."""
        paged, found = lists(project)
        for route in paged:
            yield Right(route.place, "it answers in pages", route.app)
        for listing in found:
            yield self._finding(project, listing)
        if not paged and not found:
            yield NotApplicable("no GET route answers with a list that grows")

    def _finding(self, project: Project, listing: Listing) -> Finding:
        reading, route = listing.reading, listing.route
        name = listing.handler.name
        where = f"GET {route.path} ({name})"
        owned = owner(reading)
        if owned == reading.what:
            owned = "another table"
        if listing.how == "slice":
            message = (f"{where} reads all rows of {reading.what} and cuts the page in Python: every call loads the "
                       "whole table.")
        elif owned:
            message = (f"{where} answers with all rows of {reading.what} that belong to one of {owned}: nothing limits "
                       "how many.")
        else:
            message = (f"{where} answers with every {'matching ' if reading.filtered else ''}row of {reading.what}: "
                       "time and memory grow with the table.")
        severity = "low" if owned or listing.how == "slice" else "medium"
        chain = (route.place,) if route.place != reading.place else ()
        return Finding(reading.place, message, severity, fix=self._fix(project, listing), app=route.app, chain=chain)

    def _fix(self, project: Project, listing: Listing) -> Fix:
        intents = paging(project, listing)
        if intents:
            return Fix("Answer in pages", intents, safety="review", unsafe=True,
                       reason=f"a caller that sends no limit gets the first {FIRST} rows, not all")
        return advice(
            f"Give {listing.handler.name} the parameters limit: int = Query({FIRST}, ge=1, le={MOST}) and "
            "offset: int = Query(0, ge=0), and end the query with .order_by(<key>).offset(offset).limit(limit)",
            "the query is not written in the handler, or not in one piece: where the limit goes is for a person to see")


def lists(project: Project) -> tuple[list[Route], list[Listing]]:
    """The GET routes that answer in pages, and the reads that other ones answer with whole, each once."""
    paged: list[Route] = []
    found: dict[int, Listing] = {}
    seen: set[int] = set()
    for route in project.facts.routes:
        handlers = [f.original for f in functions_behind(route.handler)] if route.method == "GET" else []
        for handler in handlers:
            if id(handler.node) in seen or handler.module.role != "application" or EXPORT.search(route.path):
                continue
            seen.add(id(handler.node))
            given = project.facts.readings.given(handler)
            whole = [(r, how) for r, how in given
                     if how != "stream" and not r.limited and not bounded(r, route) and not computed(route, r)]
            cut = [(r, how) for r, how in whole if how == "slice"]
            if pages(project, route, handler) or any(r.limited for r, _ in given) and not whole:
                if not cut:
                    paged.append(route)
                    continue
                whole = cut
            for reading, how in whole:
                found.setdefault(id(reading.call.site.node), Listing(route, handler, reading, how))
    return paged, sorted(found.values(), key=lambda x: (x.reading.place.path, x.reading.place.line))


def pages(project: Project, route: Route, handler: FunctionValue) -> bool:
    """Whether callers can ask for a part: by parameters of the route, or through a package that cuts pages."""
    names = {p.name for p in route.parameters if p.where == "query"} | {
        p.alias for p in route.parameters if getattr(p, "alias", None)}
    if any(n.replace("_", "").replace("-", "").lower() in PAGING for n in names if n):
        return True
    if PAGES.search(route.response_model or "") or any(PAGES.search(d) for d in route.dependencies):
        return True
    return any(PAGES.search(c.path) or PAGES.search(c.last) for c in project.facts.behaviour.calls_in(handler))


def computed(route: Route, reading: Reading) -> bool:
    """Whether the answer is worked out from the rows, as the path has it: a report, a balance, statistics."""
    last = re.sub(r"/?\{[^}]*\}", "", route.path).rpartition("/")[2].lower().replace("-", "_")
    return bool(COMPUTED.search(route.path)) and reading.what.lower().rstrip("s") not in last


def bounded(reading: Reading, route: Route) -> bool:
    """Whether the number of rows is bounded by what they are: fixed tables, rows found by their keys."""
    if not grows(reading.what):
        return True
    query = reading.query
    if query is None:
        return False
    named = "{" in route.path  # an id that the path names is always there, though the code asks whether it is
    return all(_by_keys(query, way) for way in (not named and query.ways) or (query.filters,))


def _by_keys(query: Query, filters: tuple[ColumnUse, ...]) -> bool:
    """Whether some of the conditions on one way of a query finds rows by a key, or by a list of them."""
    for use in filters:
        column = use.model.column(use.attribute)
        if column is not None and use.operator in ("==", "in") and not use.wrapped:
            if use.model == query.model and (column.primary_key or column.unique):
                return True
            if use.operator == "in" and (column.primary_key or column.unique or use.attribute.endswith("id")):
                return True
    return False


def owner(reading: Reading) -> str:
    """The table that narrows the rows to those of one parent, by a foreign key or a join; empty when none does."""
    query = reading.query
    if query is None:
        return ""
    for use in query.filters:
        column = use.model.column(use.attribute)
        if column is None or use.operator != "==":
            continue
        if column.foreign_key:
            return column.foreign_key.rpartition(".")[0].rpartition(".")[2] or "another table"
        if column.primary_key and use.model != query.model:
            return use.model.table or use.model.name
    names = [link.name for link in query.links]
    joined = any(n.endswith("join") for n in names)
    return "another table" if joined and {"filter", "where", "filter_by"} & set(names) else ""


def paging(project: Project, listing: Listing) -> tuple[Intent, ...]:
    """The intents that give the handler a limit and the query a bound; none where that is no plain edit."""
    query, handler = listing.reading.query, listing.handler
    if query is None or listing.how != "whole" or query.call.site.function is None:
        return ()
    if query.call.site.function.original.node is not handler.node or handler.node[0] != "def":
        return ()
    held = held_names(handler.node[6]) | {p[0] for p in handler.params}
    others = [r for r in project.facts.readings.given(handler) if r[0] is not listing.reading]
    edit = bound_query(project, query)
    if edit is None or held & {"limit", "offset", "Query"} or others or not _answers_with(handler, query):
        return ()
    path = handler.module.path
    place = handler.module.place(handler.node, handler.qualname)
    version = project.facts.release("fastapi", path)
    annotated = version is None or version >= (0, 95)
    intents: list[Intent] = [edit, EnsureImport(path, "fastapi", "Query")]
    for name, bounds, default in (("limit", f"ge=1, le={MOST}", FIRST), ("offset", "ge=0", 0)):
        kind, value = f"Annotated[int, Query({bounds})]", str(default)
        if not annotated:
            kind, value = "int", f"Query({default}, {bounds})"
        intents.append(EnsureParameter(place, handler.name, name, kind, value))
    if annotated:
        intents.append(EnsureImport(path, "typing", "Annotated"))
    return tuple(intents)


def _answers_with(handler: FunctionValue, query: Query) -> bool:
    """Whether a handler answers with the rows as they are read: what it picks one of, or sifts, is no page."""
    node = query.call.site.node
    for s in statements(handler.node[6]):
        if s[0] != "assign" or not holds(s, node):
            continue
        name = s[4][0][3] if len(s[4]) == 1 and s[4][0][0] == "name" else ""
        word = re.compile(rf"\b{re.escape(name)}\b")
        rest = handler.module.lines_of(s[3] + 1, handler.node[3])
        sifted = re.search(rf"\bin {re.escape(name)}\s+if\b|\bfilter\([^()]*, {re.escape(name)}\)", rest)
        used = any(word.search(unparse(r[4])) for r in statements(handler.node[6]) if r[0] == "return" and r[4])
        walked = any(word.search(unparse(f[5])) for f in statements(handler.node[6]) if f[0] == "for")
        return bool(name) and not sifted and (used or walked)
    return True


def bound_query(project: Project, query: Query) -> ReplaceExpression | None:
    """The edit that puts an order, an offset and a limit at the end of the query's chain."""
    if query.model is None:
        return None
    steps = [".offset(offset)", ".limit(limit)"]
    if not query.order and "order_by" not in {link.name for link in query.links}:
        keys = [c.attribute for c in query.model.columns if c.primary_key]
        model = written_model(query)
        if len(keys) != 1 or not model:
            return None
        steps.insert(0, f".order_by({model}.{keys[0]})")
    return extended(project, query, steps)
