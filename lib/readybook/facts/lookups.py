"""Reads through Tortoise models and Beanie documents: by which columns they look up, sort and are bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.facts.documentfilters import document_order, document_uses
from readybook.facts.modelfilters import UNSEEN, model_order, model_uses
from readybook.facts.nodes import nodes
from readybook.facts.objects import Bound, ClassValue
from readybook.facts.queries import Query
from readybook.facts.querychains import ColumnUse, Link
from readybook.facts.unparse import unparse
from readybook.facts.values import External, by_default

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.orm import Models, OrmModel

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
    """Every read through Tortoise or Beanie that an expression begins. One that is neither awaited nor iterated there
    may be given more conditions elsewhere: ``consumed`` is empty, and one of its columns is not known."""
    if not any(m.orm in BEGINS for m in models):
        return ()
    following = written_on(behaviour)
    loops: dict[int, frozenset[int]] = {}
    found = []
    for call in behaviour.written_as(*frozenset().union(*BEGINS.values())):
        model = model_called(behaviour, models, call)
        if model is not None and call.last in BEGINS.get(model.orm, ()):
            chain = chain_of(call, following)
            ends = chain[-1].awaited or id(chain[-1].site.node) in iterated(call, loops)
            found.append(_query(model, chain, ends))
    return tuple(found)


def written_on(behaviour: Behaviour) -> dict[int, Call]:
    """The call that is written on what another one gives, by the id of that other call's node."""
    found: dict[int, Call] = {}
    for call in behaviour.written_as(*GOES_ON):
        inner = call.site.node[3][3] if call.site.node[3][0] == "attr" else None
        if inner is not None and inner[0] == "call":
            found[id(inner)] = call
    return found


def chain_of(call: Call, following: dict[int, Call]) -> list[Call]:
    """The calls that an expression goes on with, the first one first."""
    chain = [call]
    while len(chain) < 20 and (after := following.get(id(chain[-1].site.node))) is not None:
        chain.append(after)
    return chain


def iterated(call: Call, known: dict[int, frozenset[int]]) -> frozenset[int]:
    """The nodes that loops of the call's function go over; ``known`` keeps them by function."""
    function = call.site.function
    if function is None or function.original.node[0] != "def":
        return frozenset()
    body = function.original.node[6]
    if id(body) not in known:
        known[id(body)] = frozenset(id(n) for node in nodes(body) for n in (
            (node[5],) if node[0] == "for" else (g[1] for g in node[6]) if node[0] == "comp" else ()))
    return known[id(body)]


def _query(model: OrmModel, chain: list[Call], ends: bool) -> Query:
    filters = [] if ends else [ColumnUse(model, UNSEEN, "==", False, chain[-1].place)]
    order: list[ColumnUse] = []
    uses, sorts = (model_uses, model_order) if model.orm == "tortoise" else (document_uses, document_order)
    for call in chain:
        filters += uses(model, call)
        order += sorts(model, call)
    names = {c.last for c in chain}
    page = page_of(chain)
    one, end = bool(names & ONE), chain[-1]
    many = None if names & NO_ROWS else not one
    links = tuple(Link(c.last, c.args, c.site.node[4], c.site.node[5], c.site.module, c.site.node) for c in chain)
    return Query(
        model.orm, (model,), True, tuple(filters), tuple(order), one or bool(page), page,
        bool(names & {"offset", "skip"}), bool(names & SUMMED), (), "async", frozenset((end.last,) if ends else ()),
        many, end.function, end.in_loop, end, links, {} if many is None else {id(end.site.node): many})


def page_of(chain: list[Call]) -> str:
    """How many rows a chain of calls asks for, as it is written; empty when nothing bounds them."""
    for call in chain:
        given = dict(call.site.node[5]).get("limit")
        if call.last == "limit" and call.site.node[4]:
            return unparse(call.site.node[4][0])
        if given is not None:
            return unparse(given)
    return ""
