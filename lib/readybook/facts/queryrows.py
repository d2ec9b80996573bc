"""Where the rows of a query go inside the code: names that hold them, loops over them, relationships read on them."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import functions_behind
from readybook.facts.nodes import own_nodes
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.objects import FunctionValue
    from readybook.facts.orm import Models, OrmModel
    from readybook.facts.queries import Query
    from readybook.facts.syntax import Node
    from readybook.place import Place

MAX_DEPTH = 4  # functions that hand rows on
SAME = frozenset(("list", "tuple", "set", "sorted", "reversed", "enumerate", "iter", "filter"))
# what a read that its name holds goes on with, by ORM: the rows stay rows of the same model
GOES_ON = {
    "mongo": frozenset(("to_list", "sort", "limit", "skip", "batch_size", "hint", "max_time_ms")),
    "beanie": frozenset(("to_list", "sort", "limit", "skip", "find", "find_many")),
    "tortoise": frozenset(("all", "filter", "exclude", "order_by", "limit", "offset", "distinct", "prefetch_related",
                           "select_related", "using_db", "only")),
}
_WORDS = frozenset().union(*GOES_ON.values())
MAX_WORDS = 20  # calls of one chain


@record
class Rows:
    """Objects of a model that a query gave: one, or a collection (``many``). ``path`` holds the relationships that lead
    from the query's own model to them, ``through`` the calls of project functions that handed them on. ``mixed``: each
    is a tuple of several things that the query asked for, of which ``model`` is the first."""

    query: Query
    model: OrmModel
    many: bool
    path: tuple[str, ...] = ()
    through: tuple[Place, ...] = ()
    mixed: bool = False


@record
class RowLoop:
    """A loop or comprehension over rows: the calls that run for each of them, and the function it stands in."""

    rows: Rows
    place: Place
    function: FunctionValue = field(repr=False, compare=False)
    calls: tuple[Call, ...] = field(repr=False, compare=False)


@record
class Touch:
    """A relationship read on an object that a query gave. ``repeated``: for each row of a collection. ``awaited``: what
    it gives, or a call on it, is awaited or iterated asynchronously there, as objects of Tortoise and Beanie ask."""

    rows: Rows
    relationship: str
    place: Place
    repeated: bool
    function: FunctionValue = field(repr=False, compare=False)
    awaited: bool = False


class RowFlow:
    """Follows rows through the functions that run queries, and those that call them."""

    def __init__(self, behaviour: Behaviour, models: Models, queries: tuple[Query, ...]) -> None:
        self.behaviour = behaviour
        self.models = models
        self.by_node = behaviour.by_node
        self.results: dict[int, tuple[Query, bool]] = {}
        self.tuples: dict[int, Query] = {}
        for q in queries:
            if q.model is not None:
                self.results.update({node: (q, many) for node, many in q.rows.items()})
                self.tuples.update(dict.fromkeys(q.tuples, q))
        self.returned: dict[int, Rows | None] = {}
        self.loops: list[RowLoop] = []
        self.touches: list[Touch] = []
        self._relevant = self._holding(queries)
        for function in self._relevant.values():
            _Body(self, function).run()

    def _holding(self, queries: tuple[Query, ...]) -> dict[int, FunctionValue]:
        """Functions that run a query, and those that call one of them, a few steps up."""
        callers = self.behaviour.callers
        found: dict[int, FunctionValue] = {}
        todo = [q.call.site.function.original for q in queries if q.call.site.function is not None]
        for _ in range(MAX_DEPTH):
            new = [f for f in {id(f.node): f for f in todo}.values() if id(f.node) not in found and f.node[0] == "def"]
            found.update({id(f.node): f for f in new})
            todo = [call.site.function.original for f in new for call, shift in callers.get(id(f.node), ())
                    if not shift and call.site.function is not None]
        return found

    def returned_by(self, function: FunctionValue, depth: int) -> Rows | None:
        """What a function returns, when that is rows of one query."""
        key = id(function.node)
        if key not in self.returned:
            self.returned[key] = None
            if depth < MAX_DEPTH and key in self._relevant:
                body = _Body(self, function, depth, silent=True)
                self.returned[key] = body.run()
        return self.returned[key]


_LEAVES = ("comp", "lambda", "name", "const")  # nothing in them is looked at here


class _Body:
    """One function's body, followed from top to bottom."""

    def __init__(self, flow: RowFlow, function: FunctionValue, depth: int = 0, *, silent: bool = False) -> None:
        self.flow = flow
        self.function = function
        self.depth = depth
        self.silent = silent
        self.names: dict[str, tuple[Rows, bool]] = {}  # what a name holds, and whether it is one row of a loop
        self.given: Rows | None = None
        self.seen: set[tuple[int, int, str]] = set()
        self.awaited: set[int] = set()  # attributes that an await, or an asynchronous loop, reaches through calls

    def run(self) -> Rows | None:
        """Follow the body; the rows that it returns."""
        self._block(self.function.node[6])
        return self.given

    def _block(self, body: Any) -> None:
        for s in body:
            self._statement(s)

    def _statement(self, s: Node) -> None:
        kind = s[0]
        if kind in ("assign", "ann"):
            value = s[5] if kind == "assign" else s[6]
            self._reads(value)
            for target in (s[4] if kind == "assign" else (s[4],)):
                self._bind(target, self.rows(value) if value is not None else None)
        elif kind == "for":
            self._await(s[5] if s[8] else None)
            self._reads(s[5])
            found = self.rows(s[5])
            if found is not None and found[0].many:
                self._loop(found[0], s, (s[6],))
                self._each(found[0], s[4], s[5])
            else:
                self._bind(s[4], None)
            self._block(s[6])
            self._block(s[7])
        elif kind in ("if", "while"):
            self._reads(s[4])
            self._block(s[5])
            self._block(s[6])
        elif kind == "with":
            for context, _ in s[4]:
                self._reads(context)
            self._block(s[5])
        elif kind == "try":
            for block in (s[4], *(h[2] for h in s[5]), s[6], s[7]):
                self._block(block)
        elif kind == "match":
            self._reads(s[4])
            for case in s[5]:
                self._block(case[4])
        elif kind == "return":
            self._reads(s[4])
            found = self.rows(s[4]) if s[4] is not None else None
            self.given = self.given or (found[0] if found else None)
        elif kind not in ("def", "class"):
            for part in s[4:]:
                if isinstance(part, tuple):
                    self._reads(part)

    def _each(self, rows: Rows, target: Node, source: Node) -> None:
        """Bind what a loop over rows gives its body: one of them, or nothing that is known of a tuple's parts."""
        if rows.mixed:
            self._bind(target, None)
        else:
            self._bind(_target(target, source), (replace(rows, many=False), True))

    def _bind(self, target: Node, found: tuple[Rows, bool] | None) -> None:
        if target[0] == "name":
            if found is not None:
                self.names[target[3]] = found
            else:
                self.names.pop(target[3], None)
        elif target[0] in ("tuple", "list"):
            for part in target[3]:
                self._bind(part, None)

    def rows(self, node: Node | None) -> tuple[Rows, bool] | None:
        """The rows that an expression gives, and whether it is one of a collection's."""
        if node is None:
            return None
        kind = node[0]
        if kind == "await":
            return self.rows(node[3])
        if kind == "bool":
            return self.rows(node[4][0]) if node[3] == "or" else None
        if kind == "name":
            return self.names.get(node[3])
        if kind == "call":
            return self._called(node)
        if kind == "sub":
            found = self.rows(node[3])
            if found is None or not found[0].many:
                return None
            if node[4][0] == "slice":
                return found[0], False
            return None if found[0].mixed else (replace(found[0], many=False), False)
        if kind == "attr":
            return self._related(node)
        return None

    def _called(self, node: Node) -> tuple[Rows, bool] | None:
        known = self.flow.results.get(id(node))
        if known is not None and known[0].model is not None:
            return Rows(known[0], known[0].model, known[1]), False
        query = self.flow.tuples.get(id(node))
        if query is not None and query.model is not None:
            return Rows(query, query.model, True, mixed=True), False
        callee = node[3]
        if callee[0] == "name" and callee[3] in SAME and node[4]:
            return self.rows(node[4][-1] if callee[3] == "filter" else node[4][0])
        held = self._held(node)
        if held is not None:
            return held
        call = self.flow.by_node.get(id(node))
        if call is None:
            return None
        for f in functions_behind(call.site.callee):
            found = self.flow.returned_by(f.original, self.depth + 1)
            if found is not None:
                return replace(found, through=(*found.through, call.place)), False
        return None

    def _held(self, node: Node) -> tuple[Rows, bool] | None:
        """The rows of a read that a name holds and that calls on it go on with: ``query.limit(5)``."""
        words: set[str] = set()
        for _ in range(MAX_WORDS):
            if node[0] != "call" or node[3][0] != "attr" or node[3][4] not in _WORDS or id(node) in self.flow.results:
                break
            words.add(node[3][4])
            node = node[3][3]
        found = self.names.get(node[3]) if words and node[0] == "name" else None
        return found if found is not None and found[0].many and not found[0].path and (
            words <= GOES_ON.get(found[0].query.style, frozenset())) else None

    def _related(self, node: Node) -> tuple[Rows, bool] | None:
        found = self.rows(node[3])
        if found is None or found[0].many:
            return None
        rows, repeated = found
        relation = rows.model.relationship(node[4])
        target = self.flow.models.named(relation.target, rows.model.place.path) if relation is not None else None
        if relation is None or target is None:
            return None
        return replace(rows, model=target, many=relation.many is True, path=(*rows.path, relation.name)), repeated

    def _reads(self, node: Any) -> None:
        """Note the relationships that an expression reads, and the comprehensions over rows in it."""
        todo = [node] if node.__class__ is tuple and not self.silent else []
        while todo:
            one = todo.pop()
            if len(one) > 2 and one[0].__class__ is str and one[1].__class__ is int and one[2].__class__ is int:
                kind = one[0]
                if kind == "comp":
                    self._comprehension(one)
                elif kind == "await":
                    self._await(one[3])
                if kind in _LEAVES:
                    continue
                if kind == "attr":
                    base = one[3]
                    if base[0] == "name":
                        if base[3] in self.names:
                            self._touch(one)
                        continue
                    self._touch(one)
            todo += [part for part in reversed(one) if part.__class__ is tuple and part]

    def _await(self, node: Node | None) -> None:
        """Note the attributes on the way from an awaited expression to the name that it begins at."""
        while node is not None and node[0] in ("call", "attr"):
            if node[0] == "attr":
                self.awaited.add(id(node))
            node = node[3]

    def _comprehension(self, node: Node) -> None:
        outer = dict(self.names)
        for target, source, ifs, is_async in node[6]:
            self._await(source if is_async else None)
            self._reads(source)
            found = self.rows(source)
            if found is not None and found[0].many:
                self._loop(found[0], node, (node[4], node[5] or (), ifs))
                self._each(found[0], target, source)
            else:
                self._bind(target, None)
            for test in ifs:
                self._reads(test)
        self._reads(node[4])
        self._reads(node[5])
        self.names = outer

    def _touch(self, node: Node) -> None:
        found = self.rows(node[3])
        if found is None or found[0].many or self.silent:
            return
        relation = found[0].model.relationship(node[4])
        key = (node[1], node[2], node[4])
        if relation is not None and key not in self.seen:
            self.seen.add(key)
            place = self.function.module.place(node, self.function.qualname)
            self.flow.touches.append(Touch(found[0], node[4], place, found[1], self.function,
                                           id(node) in self.awaited))

    def _loop(self, rows: Rows, node: Node, parts: tuple[Any, ...]) -> None:
        if not self.silent:
            made = (self.flow.by_node.get(id(n)) for n in own_nodes(parts) if n[0] == "call")
            calls = tuple(c for c in made if c is not None)
            place = self.function.module.place(node, self.function.qualname)
            self.flow.loops.append(RowLoop(rows, place, self.function, calls))


def _target(target: Node, source: Node) -> Node:
    """The name that holds a row: of ``for i, user in enumerate(users)`` the second one."""
    counted = source[0] == "call" and source[3][0] == "name" and source[3][3] == "enumerate"
    return target[3][1] if counted and target[0] in ("tuple", "list") and len(target[3]) == 2 else target
