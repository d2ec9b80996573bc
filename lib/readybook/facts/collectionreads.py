"""Reads of MongoDB's collections by Motor and PyMongo, which no class stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.lookups import chain_of, iterated, model_called, page_of, written_on
from readybook.facts.objects import Bound, Instance
from readybook.facts.orm import OrmModel
from readybook.facts.queries import Query
from readybook.facts.querychains import Link
from readybook.facts.unparse import unparse
from readybook.facts.values import External

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.orm import Models

DRIVERS = ("motor", "pymongo")
READS = frozenset(("find", "find_one", "aggregate", "count_documents"))
PLAIN = ("dict", "name")  # how a filter is written: a dict, or a name that holds one


def collection_reads(behaviour: Behaviour, models: Models) -> tuple[Query, ...]:
    """Every read of a collection; its model is one that has only the collection's name."""
    following = written_on(behaviour)
    loops: dict[int, frozenset[int]] = {}
    return tuple(q for call in behaviour.written_as(*READS) if reads_collection(call)
                 and model_called(behaviour, models, call) is None for q in _read(call, following, loops))


def _read(call: Call, following: dict[int, Call], loops: dict[int, frozenset[int]]) -> Iterator[Query]:
    chain = chain_of(call, following)
    end = chain[-1]
    shown = end.awaited or id(end.site.node) in iterated(call, loops) or call.path.startswith("pymongo.")
    many = call.last in ("find", "aggregate")
    name = collection_of(call)
    model = OrmModel(name, f"{call.place.path}:{name}", "mongo", name, call.place, (), (), (), None)  # type: ignore[arg-type]
    links = tuple(Link(c.last, c.args, c.site.node[4], c.site.node[5], c.site.module, c.site.node) for c in chain)
    page = page_of(chain)
    rows = {id(end.site.node): many} if call.last != "count_documents" else {}
    yield Query("mongo", (model,), True, (), (), not many or bool(page), page, any(c.last == "skip" for c in chain),
                call.last == "aggregate", (), "", frozenset((end.last,) if shown else ()), many, end.function,
                end.in_loop, end, links, rows)


def reads_collection(call: Call) -> bool:
    """Whether ``x.find(…)`` may be a collection's: not the text's, and given nothing, a filter or a name."""
    if call.path.startswith(("str.", "bytes.")) or "bs4" in call.path:
        return False
    on = call.site.callee.self if isinstance(call.site.callee, Bound) else None
    if isinstance(on, Instance) and isinstance(on.cls, External) and not on.path.startswith(("motor.", "pymongo.")):
        return False
    node = call.site.node
    if node[3][0] != "attr":
        return False
    return not node[4] or node[4][0][0] in PLAIN or call.last == "aggregate" and node[4][0][0] == "list"


def collection_of(call: Call) -> str:
    """What the code calls the collection."""
    base = call.site.node[3][3]
    if base[0] == "sub" and base[4][0] == "const":
        return str(base[4][3])
    return unparse(base).rpartition(".")[2] or "a collection"
