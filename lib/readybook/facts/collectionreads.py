"""Reads of MongoDB's collections by Motor and PyMongo, which no class stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.documentfilters import document_uses
from readybook.facts.lookups import chain_of, iterated, model_called, page_of, written_on
from readybook.facts.objects import Bound, Instance
from readybook.facts.orm import OrmModel
from readybook.facts.ormcolumns import Column
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
    """Every read of a collection; its model is one that has the collection's name, and the fields that a dict asks for
    as columns, each at the first place that does."""
    following = written_on(behaviour)
    loops: dict[int, frozenset[int]] = {}
    fields: dict[tuple[str, str], Column] = {}
    return tuple(_read(call, chain_of(call, following), loops, fields) for call in behaviour.written_as(*READS)
                 if reads_collection(call) and model_called(behaviour, models, call) is None)


def _read(call: Call, chain: list[Call], loops: dict[int, frozenset[int]],
          fields: dict[tuple[str, str], Column]) -> Query:
    end = chain[-1]
    shown = end.awaited or id(end.site.node) in iterated(call, loops) or call.path.startswith("pymongo.")
    many = call.last in ("find", "aggregate")
    name = collection_of(call)
    columns = tuple(fields.setdefault((name, key), Column(
        key, key, "", None, None, key == "_id", key == "_id", False, "", call.place, "")) for key in _asked(call))
    model = OrmModel(name, f"mongo:{name}", "mongo", name, call.place, columns, (), (), None)  # type: ignore[arg-type]
    links = tuple(Link(c.last, c.args, c.site.node[4], c.site.node[5], c.site.module, c.site.node) for c in chain)
    page = page_of(chain)
    rows = {id(end.site.node): many} if call.last != "count_documents" else {}
    return Query("mongo", (model,), True, tuple(document_uses(model, call)), (), not many or bool(page), page,
                 any(c.last == "skip" for c in chain), call.last == "aggregate", (), "",
                 frozenset((end.last,) if shown else ()), many, end.function, end.in_loop, end, links, rows)


def _asked(call: Call) -> Iterator[str]:
    """The fields that a dict asks for, those of operators such as ``$or`` left out."""
    given = call.site.node[4][0] if call.site.node[4] and call.last != "aggregate" else None
    for key, _ in given[3] if given is not None and given[0] == "dict" else ():
        if key is not None and key[0] == "const" and isinstance(key[3], str) and not key[3].startswith("$"):
            yield key[3]


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
    inner = base[4] if base[0] == "sub" else base[4][0] if base[0] == "call" and base[4] else None
    if inner is not None and inner[0] == "const":
        return str(inner[3])
    return "a collection" if base[0] in ("call", "sub") else unparse(base).rpartition(".")[2]
