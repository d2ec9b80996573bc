"""Which files come to an engine that a module makes: by its name, or by what the module makes of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from readybook.facts.nodes import nodes
from readybook.facts.unparse import unparse

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.engines import Engine
    from readybook.facts.syntax import Node

# decorators that leave a function to those who name it; any other may hand it on: to a router, a command line
_LEAVES = frozenset({"contextmanager", "asynccontextmanager", "listens_for", "lru_cache", "cache"})


def engine_users(facts: Facts, engine: Engine) -> frozenset[str] | None:
    """Paths of the other files that name a module's engine, its sessions, or a function or class over them; None
    where that is not the whole of it: a function makes the engine, or the module itself does something with it."""
    home, names = engine.call.site.module, set[str]()
    if engine.call.site.function is not None or any(app.place.path == home.path for app in facts.apps):
        return None
    before = -1
    while len(names) > before:
        before = len(names)
        for statement in home.body:
            if any(n is engine.call.site.node or n[0] == "name" and n[3] in names for n in nodes(statement)):
                made = _made(statement)
                if not made:
                    return None
                names |= made
    if not names:
        return None
    word = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
    return frozenset(m.path for m in facts.modules.by_path.values()
                     if m is not home and word.search(m.text) and _named(m.body, names))


def _named(body: tuple[Node, ...], names: set[str]) -> bool:
    """Whether code names one of these, in whatever scope: a comment or a text does not."""
    return any(n[0] == "name" and n[3] in names or n[0] == "attr" and n[4] in names
               or n[0] == "from" and any(name in names or name == "*" for name, _ in n[6]) for n in nodes(body))


def _made(statement: Node) -> set[str]:
    """The names that a statement binds and does no more; empty when it does."""
    kind = statement[0]
    if kind == "assign" and all(t[0] == "name" for t in statement[4]):
        return {t[3] for t in statement[4]}
    if kind == "ann" and statement[4][0] == "name":
        return {statement[4][3]}
    if kind in ("def", "class"):
        decorators = (unparse(d[3] if d[0] == "call" else d) for d in statement[7 if kind == "def" else 8])
        return {statement[4]} if all(d.rpartition(".")[2] in _LEAVES for d in decorators) else set()
    return set()
