"""What requests need beside the process itself: databases, Redis, MongoDB, brokers, and how code reaches each."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import field
from typing import TYPE_CHECKING

from readybook.facts.interpreter import CACHED
from readybook.facts.known_stores import PACKAGES, client, opened
from readybook.facts.nodes import statements
from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.engines import Engine
    from readybook.facts.interpreter import Interpreter
    from readybook.facts.syntax import Node

_CACHES = ("functools.lru_cache", "functools.cache")


@record
class Access:
    """How other code reaches an object: ``expression`` begins with the module-level name ``name`` of ``path``."""

    path: str
    name: str
    expression: str


@record
class Store:
    """One dependency: ``kind`` is database, redis, mongo, broker or another of ``known_stores``; ``how`` sqlalchemy or
    the dotted client. ``backend`` is the product, empty where the code does not tell; ``access`` is None when no
    module-level name leads to it.
    """

    kind: str
    place: Place
    is_async: bool
    how: str
    backend: str = ""
    access: Access | None = None
    call: Call | None = field(default=None, repr=False, compare=False)


def all_stores(behaviour: Behaviour, engines: tuple[Engine, ...]) -> tuple[Store, ...]:
    """The stores that application code sets up, by place."""
    found = []
    for engine in engines:
        is_async = engine.is_async or _wrapped(behaviour, engine.call)
        found.append(Store("database", engine.place, is_async, "sqlalchemy", _product(engine),
                           access(behaviour, engine.call), engine.call))
    derived = {c.path for c in behaviour.run.classes if any(map(client, c.external_bases()))}
    for path, calls in behaviour.by_path.items():
        if path not in derived and path.partition(".")[0] not in PACKAGES:
            continue
        for call in calls:
            callee = call.site.callee  # a class of the project may derive from a client
            bases = callee.external_bases() if isinstance(callee, ClassValue) else (path,)
            how, what = next(((base, what) for base in bases if (what := opened(base, call))), ("", None))
            if what is not None:
                found.append(Store(what.kind, call.place, what.is_async, how, what.backend, access(behaviour, call),
                                   call))
    return tuple(sorted(found, key=lambda s: (s.place.path, s.place.line, s.place.column)))


def _product(engine: Engine) -> str:
    """The database behind an engine; where SQLite stands in for one on a branch, that one."""
    servers = [b for b in engine.backends if b != "sqlite"]
    return engine.backend or (servers[0] if len(servers) == 1 else "")


def _wrapped(behaviour: Behaviour, call: Call) -> bool:
    """Whether a plain engine is handed to ``AsyncEngine``, as SQLModel's examples do."""
    wrapping = behaviour.calls_to("sqlalchemy.ext.asyncio.AsyncEngine")
    return any(c.args and c.args[0] is call.site.result for c in wrapping)


def access(behaviour: Behaviour, call: Call) -> Access | None:
    """The module-level name through which the result of a call is reached: where it is made, first of all."""
    result = call.site.result
    found = [*behaviour.holders.get(id(result), ())] if isinstance(result, Instance) else []
    found += _factories(call)
    return min(found, default=None, key=lambda a: (a.path != call.place.path, len(a.expression), a.path, a.name))


def holders(run: Interpreter) -> dict[int, list[Access]]:
    """``id`` of an object → the module-level names of application code that are it, wrap it or have it."""
    found: dict[int, list[Access]] = defaultdict(list)
    for path, loaded in run.loaded.items():
        if loaded.module.role == "application":
            for name, value in loaded.scope.names.items():
                if isinstance(value, Instance):
                    for held, how in _holds(value).items():
                        found[held].append(Access(path, name, f"{name}{how}"))
    return found


def _holds(value: Instance) -> dict[int, str]:
    """``id`` of an object → what follows the name of ``value`` to reach it."""
    found = {}
    if isinstance(value.cls, ClassValue):
        for name, held in reversed(value.attrs.items()):
            if isinstance(held, Instance) and not name.startswith("__"):
                found[id(held)] = f".{name}"
    if value.args and value.path.endswith("AsyncEngine"):
        found |= {id(a): "" for a in value.args if isinstance(a, Instance)}
    return {**found, id(value): ""}


def _factories(call: Call) -> list[Access]:
    """The function that makes the object, when it is cached and may be called without arguments."""
    function = call.site.function
    if function is None or "." in function.qualname or function.params or function.is_async:
        return []
    if not is_cached(function) or not _returns(function, call):
        return []
    return [Access(function.module.path, function.name, f"{function.name}()")]


def _returns(function: FunctionValue, call: Call) -> bool:
    """Whether what a function returns is the result of a call itself, not what else it made of it."""
    body = tuple(statements(function.original.node[6])) if function.original.node[0] == "def" else ()
    mine = [s for s in body if s[0] in ("assign", "ann") and _is_made_by(s[-1], call)]
    names = {t[3] for s in mine for t in (s[4] if s[0] == "assign" else (s[4],)) if t[0] == "name"}
    return any(s[0] == "return" and s[4] is not None and (_is_made_by(s[4], call) or s[4][0] == "name"
                                                          and s[4][3] in names) for s in body)


def _is_made_by(node: Node | None, call: Call) -> bool:
    """Whether an expression is the call, awaited, chosen between two, or wrapped as ``AsyncEngine`` does."""
    if node is None or node[0] not in ("call", "await", "if", "bool"):
        return False
    if node[0] == "call":
        own = node[1:3] == call.site.node[1:3] and node[6:8] == call.site.node[6:8]
        return own or _last(node[3]) == "AsyncEngine" and any(_is_made_by(a, call) for a in node[4])
    parts = node[3] if node[0] == "await" else node[4] if node[0] == "bool" else node[4:6]
    return _is_made_by(parts, call) if node[0] == "await" else any(_is_made_by(p, call) for p in parts)


def _last(callee: Node) -> str:
    return callee[4] if callee[0] == "attr" else callee[3] if callee[0] == "name" else ""


def starts_empty(facts: Facts, path: str, name: str) -> bool:
    """Whether a module binds a name to None and a function of it gives it a value later."""
    loaded = facts.program.everything.loaded.get(path)
    bound = [s for s in (loaded.module.body if loaded else ()) if s[0] in ("assign", "ann") and s[-1] is not None
             and any(t[0] == "name" and t[3] == name for t in (s[4] if s[0] == "assign" else (s[4],)))]
    return bool(bound) and all(s[-1][0] == "const" and s[-1][3] is None for s in bound)


def is_kept(function: FunctionValue, line: int) -> bool:
    """Whether what stands on a line of a function runs once: its result is kept in a global and asked for before."""
    from readybook.facts.unparse import unparse

    body = tuple(statements(function.original.node[6])) if function.original.node[0] == "def" else ()
    names = {name for s in body if s[0] == "global" for name in s[4]}
    if not names:
        return False
    kept = names & {unparse(t) for s in body if s[0] == "assign" for t in s[4]}
    for s in body:
        if s[0] != "if" or s[1] > line or unparse(s[4]).partition(" is ")[0].removeprefix("not ") not in kept:
            continue
        asked = unparse(s[4])
        name = asked.partition(" is ")[0].removeprefix("not ")
        empty = asked in (f"{name} is None", f"not {name}")
        ends = any(inner[0] == "return" and inner[4] is not None and unparse(inner[4]) == name for inner in s[5])
        if empty and s[1] < line <= s[3] or not empty and ends and line > s[3]:
            return True
    return False


def is_cached(function: FunctionValue) -> bool:
    """Whether a function's result is kept by ``functools.cache`` or ``lru_cache``."""
    if CACHED in function.attrs or any(getattr(d, "path", "") in _CACHES for d in function.decorators):
        return True
    from readybook.facts.unparse import unparse

    decorators = function.original.node[7] if function.node[0] == "def" else ()
    return any(re.match(r"(?:functools\.)?(?:lru_cache|cache|cached|alru_cache)\b", unparse(d)) for d in decorators)
