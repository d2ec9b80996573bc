"""Annotations that are text and name what only type checkers import: FastAPI cannot read them when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.nodes import blocks, nodes, own_nodes
from readybook.facts.objects import FunctionValue, Native
from readybook.facts.symbols import parsed
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.modules import Module
    from readybook.facts.syntax import Node

# From this release on what such an annotation says is lost without a word, and the parameter is one of the query;
# before it the import of the module fails (measured from 0.95 to 0.165, Pydantic 2.11 and later).
LOST_SINCE = (0, 125)


@record
class Unread:
    """A parameter whose annotation FastAPI cannot read. ``depends``: it asks for a dependency, which is not run.
    ``served``: the route answers all the same (the parameter has a default); else each request is refused, or the
    module cannot be imported, or the release is not known."""

    place: Place
    parameter: str
    name: str
    served: bool
    depends: bool = False

    @property
    def reason(self) -> str:
        """Why, in words."""
        return f"the annotation of {self.parameter} is text and names {self.name}, which only type checkers import"


def unread_name(f: FunctionValue, annotation: Node | None) -> str:
    """The first name in a text annotation that its module binds for type checkers alone; empty where there is none.

    Functions under decorators of their own are left aside: these may read the annotations themselves.
    """
    if annotation is None or "TYPE_CHECKING" not in f.module.text or any(
            not isinstance(d, Native) for d in f.decorators):
        return ""
    written, only = _told(f.module)
    node = annotation
    if node[0] == "const" and isinstance(node[3], str):
        node = parsed(node[3]) if not written else None
    elif not written:
        return ""
    return next((n[3] for n in own_nodes(node) if n[0] == "name" and n[3] in only), "") if node is not None else ""


def _told(module: Module) -> tuple[bool, frozenset[str]]:
    """Whether all annotations of a file are text, and the names that it binds for type checkers alone."""
    if "text annotations" not in module.notes:
        body = module.body
        written = any(s[0] == "from" and s[4] == "__future__" and ("annotations", None) in s[6] for s in body)
        only: set[str] = set()
        bound = set(_bound(body, only))
        bound |= {name for n in nodes(body) if n[0] == "global" for name in n[4]}
        opaque = "*" in bound or any(word in module.text for word in ("globals()", "exec(", "TYPE_CHECKING = True"))
        module.notes["text annotations"] = written, frozenset() if opaque else frozenset(only - bound)
    found: tuple[bool, frozenset[str]] = module.notes["text annotations"]
    return found


def _bound(body: Any, only: set[str]) -> Iterator[str]:
    """The names that the statements of a module bind when it runs; those for type checkers go into ``only``."""
    for s in body:
        kind = s[0]
        if kind == "if" and (s[4][4] if s[4][0] == "attr" else s[4][3]) == "TYPE_CHECKING":
            only.update(_bound(s[5], only))
            yield from _bound(s[6], only)
            continue
        if kind in ("import", "from"):
            yield from (alias or name.partition(".")[0] for name, alias in s[4 if kind == "import" else 6])
        elif kind in ("def", "class", "type"):
            yield s[4]
        else:
            targets = s[4] if kind in ("assign", "del") else s[4:5] if kind in ("ann", "aug", "for") else ()
            targets = [t for _, t in s[4] if t is not None] if kind == "with" else targets
            yield from (n[3] for t in targets for n in nodes(t) if n[0] == "name")
            yield from (n[3][3] for n in own_nodes(s[4:]) if n[0] == "walrus")
            yield from (h[1] for h in s[5] if h[1]) if kind == "try" else ()
            yield from (name for case in s[5] for name in case[2]) if kind == "match" else ()
        for block in blocks(s) if kind not in ("def", "class") else ():
            yield from _bound(block, only)
