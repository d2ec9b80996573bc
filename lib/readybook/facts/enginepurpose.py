"""What an engine is for: requests, migrations, maintenance, background workers, or something beside the application."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from readybook.facts.closure import pulled_in
from readybook.facts.engineusers import engine_users
from readybook.facts.nodes import nodes, own_nodes, statements
from readybook.facts.objects import Instance
from readybook.facts.reach import first_reached
from readybook.facts.unparse import unparse
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.engines import Engine
    from readybook.facts.syntax import Node

_WORKER = regex(r"(?:^|/)(?:celery|workers?|tasks?|jobs?|consumers?)(?:[_-]\w+)?(?:/|\.py$)"
                r"|(?:_worker|_tasks?)\.py$")
_QUEUES = regex(r"^[ \t]*(?:from|import)[ \t]+(?:celery|arq|dramatiq|rq|taskiq|huey|procrastinate)\b",
                re.MULTILINE)
_FOR_WORKERS = regex(r"(?:^|_)(?:celery|dramatiq|arq|rq|workers?)(?:_|$)")
_TESTED = regex(r"(?i)(?:^|[^a-z])(?:tests?|testing|pytest)(?:$|[^a-z])")
# copies, loads and changes all of a database: its queries take as long as they take
_MAINTENANCE = regex(r"(?i)(?:^|[/_.])(?:backups?|dumps?|restor\w{0,5}|migrat\w{0,5}|alembic|seed(?:s|er|ing)?"
                     r"|export(?:er|s)?|importer|fixtures?)(?=[/_.]|$)|(?:^|\.)(?:Backup|Migrat|Seed|Restor)\w*")
# what takes an engine and keeps nothing of it once the function ends
_USING = frozenset({"create_all", "drop_all", "inspect", "Session", "AsyncSession", "sessionmaker",
                    "async_sessionmaker", "scoped_session", "has_table", "run_sync", "print", "str"})
_SQLITE = regex(r"\bsqlite(?:\+\w+)?:|[\"']sqlite[\"']")
_SETS = regex(r"(?:\.py|\.toml|\.ini|\.cfg|\.ya?ml|\.sh|Makefile)$|(?:^|/)\.env[^/]*$|\.env$")


def purpose(facts: Facts, engine: Engine) -> str:
    """``requests``, ``migrations``, ``maintenance``, ``worker`` or ``other`` (no request comes to use it, or tests
    alone do)."""
    path = engine.place.path
    if any(e.env is not None and e.env.path == path for e in facts.alembic):
        return "migrations"
    if any(_MAINTENANCE.search(name) for name in _near_names(engine)):
        return "maintenance"
    served = {app.place.path for app in facts.apps if app.served}
    near = [pulled_in(facts.modules, p) for p in served]
    if near and not any(path in files for files in near):
        return "other"
    module = facts.modules.by_path.get(path)
    if _WORKER.search(path) and module is not None and _QUEUES.search(module.text):
        return "worker"
    if any(_TESTED.search(c) and "!=" not in c and not c.startswith("not ") for c in engine.call.conditions):
        return "other"
    function = engine.call.site.function
    if function is not None and _FOR_WORKERS.search(function.name):
        return "worker"
    if function is None and _only_workers_use(facts, engine):
        return "worker"
    aside = _used_aside(facts, engine, frozenset().union(*near)) if near else ""
    if aside:
        return aside
    if function is None or not _stays_inside(engine):
        return "requests"
    if any(c.path.startswith("alembic.") for c in facts.behaviour.calls_in(function)):
        return "migrations"
    return "requests" if first_reached(facts.behaviour, [engine.call]) else "other"


def _used_aside(facts: Facts, engine: Engine, loaded: frozenset[str]) -> str:
    """``migrations`` or ``other`` where nothing that serves requests names a module's engine or what is made over it:
    Alembic alone does, tests, scripts; or nobody does, while requests have an engine beside it."""
    if _serving(facts, engine, loaded) is not False:
        return ""
    users = frozenset(engine_users(facts, engine) or ())
    if not users & _environments(facts):
        beside = (e for e in facts.engines if e is not engine and not _only_workers_use(facts, e))
        return "other" if users or any(_serving(facts, e, loaded) for e in beside) else ""
    return "migrations"


def _serving(facts: Facts, engine: Engine, loaded: frozenset[str]) -> bool | None:
    """Whether one of the files that name an engine may serve requests: no test, no part of Alembic, no script that no
    application loads; None where they are not known. Worked out once: several checks ask what an engine is for."""
    notes, key = facts.behaviour.notes, (_serving, id(engine.call), loaded)
    if key not in notes:
        users, aside = engine_users(facts, engine), _environments(facts)
        notes[key] = None if users is None else any(
            p not in aside and facts.role(p) in ("application", "generated", "vendored")
            and (p in loaded or "__main__" not in facts.modules.by_path[p].text) for p in users)
    kept: bool | None = notes[key]
    return kept


def _environments(facts: Facts) -> set[str]:
    return {e.env.path for e in facts.alembic if e.env is not None}


def _only_workers_use(facts: Facts, engine: Engine) -> bool:
    """Whether modules of background workers alone name a module's engine, or the sessions that are made over it."""
    home, made = engine.call.site.module, engine.call.site.result
    loaded = facts.behaviour.run.loaded.get(home.path)
    if loaded is None or not isinstance(made, Instance):
        return False
    names, makers = [], []
    for name, value in loaded.scope.names.items():
        if value is made:
            names.append(name)
        elif isinstance(value, Instance) and any(given is made for given in (*value.args, *value.kwargs.values())):
            makers.append(name)
    if names and all(_FOR_WORKERS.search(name) for name in names):
        return True  # engine_celery
    if not names or not makers:
        return False
    words = re.compile(rf"(?<![\"'])\b(?:{'|'.join(map(re.escape, (*names, *makers)))})\b")
    if len(words.findall(home.text)) > 2 * len(names) + len(makers):
        return False  # its own module does more with them than make them
    users = [m for m in facts.modules.by_path.values() if m is not home and m.role == "application"
             and any(n in m.text for n in (*names, *makers)) and words.search(m.text)]
    return bool(users) and all(_WORKER.search(m.path) and _QUEUES.search(m.text) for m in users)


def _near_names(engine: Engine) -> tuple[str, str]:
    """The names around an engine: of its folder and file, of its class and function."""
    folders = engine.place.path.removesuffix(".py").split("/")[-2:]
    return "/".join(folders), engine.function.removeprefix(engine.call.site.module.name)


def _stays_inside(engine: Engine) -> bool:
    """Whether the engine is gone when the function that makes it ends: nothing keeps it, hands it on or returns it."""
    function = engine.call.site.function
    if function is None or function.node[0] != "def":
        return False
    node, kept = engine.call.site.node, set[str]()
    for s in statements(function.node[6]):
        if s[0] in ("global", "nonlocal"):
            return False
        carried = [n for n in own_nodes(s) if n is node or n[0] == "name" and n[3] in kept]
        if not carried or s[0] in ("if", "for", "while", "try"):
            continue
        if s[0] == "return" or any(n[0] in ("yield", "yieldfrom") for n in own_nodes(s)):
            return False
        if any(_hands_on(n, node, kept) for n in own_nodes(s)):
            return False
        if s[0] == "assign" and _is_or_makes(s[5], node, kept):
            if any(t[0] != "name" for t in s[4]):
                return False
            kept |= {t[3] for t in s[4]}
    inner = (n for n in nodes(function.node[6]) if n[0] in ("def", "lambda", "class"))
    return not any(n[0] == "name" and n[3] in kept for one in inner for n in nodes(one))


def _is_or_makes(value: Node, node: Node, kept: set[str]) -> bool:
    """Whether a value is the engine, or an object that is given it."""
    called = value[0] == "call" and any(_carries(a, node, kept) for a in (*value[4], *(v for _, v in value[5])))
    return _carries(value, node, kept) or called


def _carries(part: Node, node: Node, kept: set[str]) -> bool:
    return part is node or part[0] == "name" and part[3] in kept


def _hands_on(call: Node, node: Node, kept: set[str]) -> bool:
    """Whether a call is given the engine and may keep it."""
    if call[0] != "call" or call is node or unparse(call[3]).rpartition(".")[2] in _USING:
        return False
    return any(_carries(a, node, kept) for a in (*call[4], *(v for _, v in call[5])))


def may_be_sqlite(facts: Facts, engine: Engine) -> bool:
    """Whether the engine's address may name SQLite: in the code, in tests or in a configuration beside them."""
    if "sqlite" in engine.backends:
        return True
    return _mentioned(facts)


@cache
def _mentioned(facts: Facts) -> bool:
    return any(_SETS.search(path) and _SQLITE.search(file.text) for path, file in facts.project.files.items()
               if facts.role(path) != "vendored")
