"""What an engine is for: requests, migrations, background workers, or something beside the application."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from readybook.facts.closure import pulled_in

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.engines import Engine

_WORKER = re.compile(r"(?:^|/)(?:celery|workers?|tasks?|jobs?|consumers?)(?:[_-]\w+)?(?:/|\.py$)"
                     r"|(?:_worker|_tasks?)\.py$")
_QUEUES = re.compile(r"^[ \t]*(?:from|import)[ \t]+(?:celery|arq|dramatiq|rq|taskiq|huey|procrastinate)\b",
                     re.MULTILINE)
_SQLITE = re.compile(r"\bsqlite(?:\+\w+)?:|[\"']sqlite[\"']")
_SETS = re.compile(r"(?:\.py|\.toml|\.ini|\.cfg|\.ya?ml|\.sh|Makefile)$|(?:^|/)\.env[^/]*$|\.env$")


def purpose(facts: Facts, engine: Engine) -> str:
    """``requests``, ``migrations``, ``worker`` or ``other`` (no served application loads its module)."""
    path = engine.place.path
    if any(e.env is not None and e.env.path == path for e in facts.alembic):
        return "migrations"
    served = {app.place.path for app in facts.apps if app.served}
    near = [pulled_in(facts.modules, p) for p in served]
    if near and not any(path in files for files in near):
        return "other"
    module = facts.modules.by_path.get(path)
    if _WORKER.search(path) and module is not None and _QUEUES.search(module.text):
        return "worker"
    return "requests"


def may_be_sqlite(facts: Facts, engine: Engine) -> bool:
    """Whether the engine's address may name SQLite: in the code, in tests or in a configuration beside them."""
    if "sqlite" in engine.backends:
        return True
    return _mentioned(facts)


@cache
def _mentioned(facts: Facts) -> bool:
    return any(_SETS.search(path) and _SQLITE.search(file.text) for path, file in facts.project.files.items()
               if facts.role(path) != "vendored")
