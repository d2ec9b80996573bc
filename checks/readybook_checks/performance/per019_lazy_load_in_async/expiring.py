"""Where sessions are made that forget their objects at commit, and where such objects are read afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import Project
from readybook.facts.behaviour import Call
from readybook.facts.nodes import blocks, holds, nodes, statements
from readybook.facts.objects import External, FunctionValue
from readybook.facts.queries import ASYNC, session_kind
from readybook.facts.querychains import receivers
from readybook.facts.unparse import unparse
from readybook.place import Place
from readybook.records import record

MAKERS = ("sqlalchemy.ext.asyncio.async_sessionmaker", "sqlalchemy.orm.sessionmaker")


@record
class LateRead:
    """An object's attribute (or the object itself, answered) read after the commit that expired it."""

    function: str
    text: str
    place: Place
    within: int  # identity of the function's body


def makers(project: Project) -> list[Call]:
    """The calls that set up asynchronous sessions: session factories, or sessions made without one."""
    found = []
    for call in project.facts.behaviour.calls_to(*MAKERS, *ASYNC):
        if call.path == "sqlalchemy.orm.sessionmaker":
            kind = call.kwargs.get("class_")
            if not isinstance(kind, External) or kind.path not in ASYNC:
                continue
        elif call.path in ASYNC and not ("bind" in call.kwargs or call.args or "expire_on_commit" in call.kwargs):
            continue
        if "AsyncConnection" not in call.path and "scoped" not in call.path:
            found.append(call)
    return found


def late_reads(project: Project) -> list[LateRead]:
    """Reads of objects after the commit of their asynchronous session, without a refresh between."""
    behaviour = project.facts.behaviour
    handlers = {id(e.function.node) for e in behaviour.entries if e.kind == "handler"}
    objects = {id(c.site.node) for m in project.facts.orm_models for c in behaviour.calls_to(m.path)}
    objects |= {node for q in project.facts.queries for node, many in q.rows.items() if not many}
    found: dict[Place, LateRead] = {}
    for call in behaviour.by_last.get("commit", ()):
        function = call.site.function
        if not call.awaited or function is None or function.node[0] != "def":
            continue
        if any(session_kind(on) == "async" for on in receivers(call)):
            for read in _after(function, call, objects, id(function.node) in handlers):
                found.setdefault(read.place, read)
    return sorted(found.values(), key=lambda r: (r.place.path, r.place.line, r.place.column))


def _after(function: FunctionValue, commit: Call, objects: set[int], handler: bool) -> Iterator[LateRead]:
    names = {t[3] for s in statements(function.node[6]) if s[0] in ("assign", "ann") for t in _targets(s)
             if id(_plain(s[5] if s[0] == "assign" else s[6])) in objects}
    block, index = (names and _block_of(function.node[6], commit.site.node)) or ((), 0)
    read = _first_read(block[index + 1:], names, handler)
    if read is not None and (gone := names & _deleted(function)):
        read = _first_read(block[index + 1:], names - gone, handler)
    if read is not None:
        place = function.module.place(read, function.qualname)
        yield LateRead(function.name, unparse(read), place, id(function.node))


def _first_read(block: Any, names: set[str], handler: bool) -> Any:
    """The first read of one of the objects in statements of a block, before it is made anew or forgotten."""
    for s in block:
        if not names:
            break
        inside = list(nodes(s))
        for node in inside:
            if node[0] == "call" and node[3][0] == "attr" and node[3][4] in ("refresh", "merge", "expunge", "delete"):
                names = names - {a[3] for a in (*node[4], *(v for _, v in node[5])) if a[0] == "name"}
        if s[0] in ("assign", "ann"):
            names = names - {t[3] for t in _targets(s)}
        read = _read(s, inside, names, handler)
        if read is not None:
            return read
    return None


def _deleted(function: FunctionValue) -> set[str]:
    """The names that are handed to ``session.delete()``: what a commit has deleted keeps its values."""
    return {a[3] for n in nodes(function.node[6]) if n[0] == "call" and n[3][0] == "attr" and n[3][4] == "delete"
            for a in n[4] if a[0] == "name"}


def own_reads(call: Call, late: list[LateRead], made: list[Call]) -> list[LateRead]:
    """The late reads of objects that the sessions of a maker hold, as far as that can be told.

    A session that a function makes for itself holds what that function reads; all others are lent by the makers
    whose sessions leave the function.
    """
    own = {id(c.site.function.node) for c in made if c.site.function is not None and stays(c)}
    if call.site.function is not None and stays(call):
        return [r for r in late if r.within == id(call.site.function.node)]
    return [r for r in late if r.within not in own]


def stays(call: Call) -> bool:
    """Whether a session is made and used up in one function, which lends it to nobody."""
    function = call.site.function
    if call.path in MAKERS or function is None or function.node[0] != "def":
        return False
    return not any(n[0] == "yield" for n in nodes(function.node[6])) and not any(
        s[0] == "return" and s[4] is not None and holds(s[4], call.site.node) for s in statements(function.node[6]))


def _read(s: Any, inside: list[Any], names: set[str], handler: bool) -> Any:
    """What a statement reads of the objects."""
    if handler and s[0] == "return" and s[4] is not None and s[4][0] == "name" and s[4][3] in names:
        return s[4]
    for node in inside:
        if node[0] == "attr" and node[3][0] == "name" and node[3][3] in names and not node[4].startswith("_"):
            return node
    return None


def _plain(node: Any) -> Any:
    while node is not None and node[0] in ("await", "bool"):
        node = node[3] if node[0] == "await" else node[4][0]
    return node


def _targets(s: Any) -> list[Any]:
    return [t for t in (s[4] if s[0] == "assign" else (s[4],)) if t[0] == "name"]


def _block_of(body: Any, node: Any) -> tuple[Any, int] | None:
    """The innermost block that holds a call, and the index of its statement there."""
    for index, s in enumerate(body):
        if s[1] <= node[1] <= s[3] and holds(s, node):
            for inner in blocks(s):
                found = _block_of(inner, node)
                if found is not None:
                    return found
            return body, index
    return None
