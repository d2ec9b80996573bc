"""Which files come to an engine that a module makes: by its name, or by what the module makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.nodes import nodes
from readybook.facts.unparse import unparse

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.engines import Engine
    from readybook.facts.syntax import Node

# decorators that leave a function to those who name it; any other may hand it on: to a router, a command line
_LEAVES = frozenset({"contextmanager", "asynccontextmanager", "listens_for", "lru_cache", "cache"})


def engine_users(facts: Facts, engine: Engine) -> Iterator[str] | None:
    """Paths of the other files that name a module's engine, its sessions, or a function or class over them; None
    where that is not the whole of it: a function makes the engine, or the module itself does something with it.

    One after the other: who asks whether there is one that serves requests is done with the first.
    """
    notes, key = facts.behaviour.notes, (engine_users, id(engine.call))
    if key not in notes:
        notes[key] = _names(facts, engine)
    names: frozenset[str] = notes[key]
    return _naming(facts, engine, names) if names else None


def _naming(facts: Facts, engine: Engine, names: frozenset[str]) -> Iterator[str]:
    word = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
    for module in facts.modules.by_path.values():
        if module is not engine.call.site.module and word.search(module.text) and _named(module.body, names):
            yield module.path


def _names(facts: Facts, engine: Engine) -> frozenset[str]:
    """The names of a module's engine and of what is made over it; none where that is not all that is done with it."""
    home, names = engine.call.site.module, set[str]()
    if engine.call.site.function is not None or any(app.place.path == home.path for app in facts.apps):
        return frozenset()
    before = -1
    while len(names) > before:
        before = len(names)
        for statement in home.body:
            if any(n is engine.call.site.node or n[0] == "name" and n[3] in names for n in nodes(statement)):
                made = _made(statement)
                if not made:
                    return frozenset()
                names |= made
    return frozenset(names)


def _named(body: tuple[Node, ...], names: frozenset[str]) -> bool:
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
