"""Reads through Tortoise models and Beanie documents: by which columns they look up, sort and are bounded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from readybook.facts.documentfilters import document_order, document_uses
from readybook.facts.modelfilters import model_order, model_uses
from readybook.facts.nodes import nodes
from readybook.facts.objects import Bound, ClassValue
from readybook.facts.queries import Query
from readybook.facts.querychains import Link
from readybook.facts.unparse import unparse
from readybook.facts.values import External, by_default

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.orm import Models, OrmModel
    from readybook.facts.querychains import ColumnUse

BEGINS = {  # methods of a model's class that begin a read, by ORM
    "tortoise": frozenset(("all", "filter", "exclude", "get", "get_or_none", "first", "exists", "get_or_create")),
    "beanie": frozenset(("find", "find_all", "find_many", "all", "find_one", "get")),
}
GOES_ON = frozenset("""
    all filter exclude order_by limit offset first get get_or_none count exists delete update values values_list only
    distinct prefetch_related select_related using_db annotate group_by select_for_update
    find find_all find_many find_one sort skip project to_list first_or_none aggregate set inc
""".split())
ONE = frozenset(("get", "get_or_none", "first", "first_or_none", "find_one", "get_or_create"))
NO_ROWS = frozenset(("count", "exists", "delete", "update", "aggregate", "set", "inc"))
SUMMED = frozenset(("annotate", "group_by", "aggregate", "distinct"))


def model_called(behaviour: Behaviour, models: Models, call: Call) -> OrmModel | None:
    """The model on whose class a method of its package is called: the class is found by the name before the dot."""
    callee, node = call.site.callee, call.site.node[3]
    if isinstance(callee, Bound) and isinstance(callee.self, ClassValue):
        return models.of_class(callee.self)
    if not isinstance(callee, External) or node[0] != "attr" or node[3][0] != "name":
        return None
    function = call.site.function
    if node[3][3] == "cls" and function is not None and function.kind == "classmethod":
        return models.of_class(function.owner)
    module = behaviour.run.loaded.get(call.site.module.path)
    return models.of_class(by_default(module.scope.names.get(node[3][3]))) if module else None


def lookups(behaviour: Behaviour, models: Models) -> tuple[Query, ...]:
    """Every read through Tortoise or Beanie that one expression writes and that is awaited or iterated there."""
    if not any(m.orm in BEGINS for m in models):
        return ()
    return tuple(_Lookups(behaviour, models).all())


class _Lookups:
    def __init__(self, behaviour: Behaviour, models: Models) -> None:
        self.behaviour = behaviour
        self.models = models

    def all(self) -> Iterator[Query]:
        """The reads, by path and line."""
        for call in self.behaviour.written_as(*frozenset().union(*BEGINS.values())):
            model = model_called(self.behaviour, self.models, call)
            if model is not None and call.last in BEGINS.get(model.orm, ()):
                chain = self._chain(call)
                if chain[-1].awaited or id(chain[-1].site.node) in self._iterated(call):
                    yield _query(model, chain)

    @cached_property
    def _next(self) -> dict[int, Call]:
        """The call that is written on what another one gives, by the id of that other call's node."""
        found: dict[int, Call] = {}
        for call in self.behaviour.written_as(*GOES_ON):
            inner = call.site.node[3][3] if call.site.node[3][0] == "attr" else None
            if inner is not None and inner[0] == "call":
                found[id(inner)] = call
        return found

    def _chain(self, call: Call) -> list[Call]:
        chain = [call]
        while len(chain) < 20 and (after := self._next.get(id(chain[-1].site.node))) is not None:
            chain.append(after)
        return chain

    def _iterated(self, call: Call) -> set[int]:
        """The nodes that loops of the call's function go over."""
        function = call.site.function
        body = function.original.node[6] if function is not None and function.original.node[0] == "def" else ()
        found: set[int] = set()
        for node in nodes(body):
            if node[0] == "for":
                found.add(id(node[5]))
            elif node[0] == "comp":
                found.update(id(source) for _, source, _, _ in node[6])
        return found


def _query(model: OrmModel, chain: list[Call]) -> Query:
    filters: list[ColumnUse] = []
    order: list[ColumnUse] = []
    uses, sorts = (model_uses, model_order) if model.orm == "tortoise" else (document_uses, document_order)
    for call in chain:
        filters += uses(model, call)
        order += sorts(model, call)
    names = {c.last for c in chain}
    page = next((c for c in chain if c.last == "limit" or "limit" in c.kwargs), None)
    one, end = bool(names & ONE), chain[-1]
    many = None if names & NO_ROWS else not one
    links = tuple(Link(c.last, c.args, c.site.node[4], c.site.node[5], c.site.module, c.site.node) for c in chain)
    return Query(
        model.orm, (model,), True, tuple(filters), tuple(order), one or page is not None, _page(page),
        bool(names & {"offset", "skip"}), bool(names & SUMMED), (), "async", frozenset((end.last,)), many, end.function,
        end.in_loop, end, links, {} if many is None else {id(end.site.node): many})


def _page(call: Call | None) -> str:
    node: Any = None
    if call is not None:
        given = dict(call.site.node[5]).get("limit")
        node = call.site.node[4][0] if call.last == "limit" and call.site.node[4] else given
    return unparse(node) if node is not None else ""
