"""LISTEN and NOTIFY in the place of a loop's pause, where the loop does nothing but take what has come."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any

from readybook import Fix, Project, advice
from readybook.facts.behaviour import Call
from readybook.facts.engines import Engine
from readybook.facts.nodes import holds, names_in, nodes
from readybook.facts.poolers import pooler
from readybook.facts.queries import Query
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.intents import AddFile, EnsureImport, ReplaceExpression
from readybook.patterns import regex
from readybook.records import record
from readybook_checks.devops.health_router import import_name
from readybook_checks.performance.per012_no_pool_metrics import engine_name

TITLE = "Wait for PostgreSQL to tell of the change: a trigger that runs pg_notify, one listening connection"
# What becomes due by the clock is told by nobody.
TIMED = regex(r"(?i)\bnow\b|utcnow|timedelta|time\.time|today|current_timestamp|interval")
DATED = regex(r"(?i)(_at|_on|date|time|until|due|after|before|expir\w*|deadline)$")
ENDING = regex(r"(?:await )?[\w.]+\.(?:commit|rollback|close|expunge_all|expire_all)\(\)$")
LOGGED = regex(r"(?:\w+\.)*(?:logger|log|logging|LOG|_logger)\.\w+\(|print\(")


@record
class Polling:
    """A loop that asks for the rows of one table and pauses: ``reason`` says why it cannot wait instead, if so."""

    sleep: Call
    table: str
    reason: str


def polling(project: Project, sleep: Call, loop: Node, asked: Call, by_requests: bool) -> Polling:
    """What is known of a loop: the pause, and the query that it makes at ``asked``."""
    queries = [q for q in project.facts.queries if (q.place.path, q.place.line) == (asked.place.path, asked.place.line)]
    query = queries[0] if len(queries) == 1 else None
    reason = _unfit(sleep, loop, asked, query, by_requests)
    table = query.model.table if query is not None and query.model is not None else ""
    return Polling(sleep, table or "", reason)


def _unfit(sleep: Call, loop: Node, asked: Call, query: Query | None, by_requests: bool) -> str:
    """Why a loop does not just take what has come; empty when it does."""
    if by_requests:
        return "one connection has to listen for all clients of the route: who is told what is for a person to design"
    function = sleep.site.function
    if sleep.path != "asyncio.sleep" or len(sleep.site.node[4]) != 1 or sleep.site.node[5] or function is None:
        return "a loop of a thread would listen by a connection of its own"
    if query is None or query.style != "select" or len(query.models) != 1 or query.model is None:
        return "which table's changes matter is not seen in the loop itself"
    table, text = query.model.table or "", query.model.cls.module.lines_of(
        query.model.cls.node[1], query.model.cls.node[3])
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,50}", table) or "schema" in text:
        return f"the table of {query.model.name} is not plainly named"
    written = sleep.site.module.lines_of(asked.place.line, asked.site.node[6])
    if TIMED.search(written) or any(
        DATED.search(f.attribute) or TIMED.search(f.other) for f in query.filters
    ):
        return "what becomes due by the clock is told by no trigger"
    return "" if _takes(loop[5], sleep, asked, set()) else (
        "the loop does more than take the rows that it finds, and would do that more seldom")


def _takes(body: Any, sleep: Call, asked: Call, found: set[str]) -> bool:
    """Whether a body asks, works on what it found, and pauses; ``found`` collects the names of what it found."""
    return all(_fits(s, sleep, asked, found) for s in body)


def _fits(s: Node, sleep: Call, asked: Call, found: set[str]) -> bool:
    if s[0] in ("pass", "continue"):
        return True
    if s[0] == "with":
        return _takes(s[5], sleep, asked, found)
    if s[0] == "try":
        return _takes(s[4], sleep, asked, found) and not s[6] and _takes(s[7], sleep, asked, found)
    if s[0] in ("assign", "ann"):
        targets = s[4] if s[0] == "assign" else (s[4],)
        value = s[5] if s[0] == "assign" else s[6]
        if value is None or any(t[0] != "name" for t in targets):
            return False
        built = unparse(value)
        if built.startswith("select(") and not TIMED.search(built):
            return True
        derived = bool(names_in(value) & found) and all(n[0] != "await" for n in nodes(value))
        if not derived and not holds(value, asked.site.node):
            return False
        found |= {t[3] for t in targets}
        return True
    if s[0] == "for":
        return bool(names_in(s[5]) & found) and not holds(s[6], sleep.site.node) and not s[7]
    if s[0] == "if":
        return bool(names_in(s[4]) & found)
    if s[0] == "expr":
        text = unparse(s[4])
        return holds(s[4], sleep.site.node) or bool(ENDING.match(text)) or bool(LOGGED.match(text))
    return False


class Cure:
    """What all the loops that can wait share: the engine, the module, and one revision for their tables."""

    def __init__(self, project: Project, loops: Sequence[Polling]) -> None:
        self.project = project
        self.tables = tuple(sorted({p.table for p in loops if not p.reason}))
        self.engine: Engine | None = None
        self.reason = self._unready()

    def _unready(self) -> str:
        facts = self.project.facts
        engines = [e for e in facts.engines if e.is_async]
        if len(facts.engines) != 1 or len(engines) != 1 or not engine_name(self.project, engines[0]):
            return "which connection would listen is not seen: there is not one async engine of a module"
        self.engine = engines[0]
        if set(self.engine.backends) != {"postgresql"} or self.engine.driver != "asyncpg":
            return "the module is written for asyncpg"
        if (facts.release("sqlalchemy", self.engine.place.path) or (2,)) < (2,):
            return "the module is written for SQLAlchemy 2.0"
        if pooler(facts):
            return f"a pooler may take the listening connection away: {pooler(facts)}"
        homes = [e for e in facts.alembic if e.revisions and e.env is not None]
        if len(homes) != 1 or len(homes[0].heads) != 1:
            return "the trigger needs a migration, and there is not one Alembic history with one head"
        self.folder, self.head = posixpath.dirname(homes[0].revisions[-1].place.path), homes[0].heads[0]
        return "" if self._home() else "no name for a new module is free beside the engine's"

    def _home(self) -> tuple[str, str, str] | None:
        """(path of the new module, how it imports the engine's, name of the engine)."""
        app = next((a for a in self.project.facts.apps if a.served), None)
        if app is None or self.engine is None:
            return None
        folder = self.engine.place.path.rpartition("/")[0]
        path = f"{folder}/table_changes.py" if folder else "table_changes.py"
        name = import_name(self.project, app, self.engine.place.path, self.engine.place.path)
        free = path not in self.project.present and path not in self.project.files
        return (path, name, engine_name(self.project, self.engine)) if free and name else None

    def fix(self, loop: Polling, otherwise: Fix) -> Fix:
        """The fix of one loop; advice that says why there is none."""
        reason = loop.reason or self.reason
        home, call = self._home() if not reason else None, loop.sleep
        text = call.site.module.source(call.site.node)
        app = next((a for a in self.project.facts.apps if a.served), None)
        module = import_name(self.project, app, home[0], call.place.path) if home and app else ""
        if home is None or text is None or not module:
            return advice(otherwise.title, reason or "the loop's file could not import a new module")
        name = f"{loop.table}_changed"
        pause = text.partition("(")[2][:-1]
        return Fix(TITLE, (
            AddFile(home[0], self._module(home)), self._revision(),
            EnsureImport(call.place.path, module, name),
            ReplaceExpression(call.place, text, f"{name}.wait({pause})"),
        ), ("scaffold",), "review",
            "each process keeps one connection of its pool for it; until the migration has run it asks as before; what "
            "fails and leaves the table as it is, is tried again after a minute, not after the pause")

    def _module(self, home: tuple[str, str, str]) -> str:
        channels = "\n".join(f'{t}_changed = TableChanges({home[2]}, "{t}_changed")' for t in self.tables)
        return Template(_text("table_changes")).substitute(module=home[1], engine=home[2], channels=channels)

    def _revision(self) -> AddFile:
        identifier = hashlib.sha256(f"{self.head} notify {' '.join(self.tables)}".encode()).hexdigest()[:12]
        text = Template(_text("revision")).substitute(
            tables=", ".join(self.tables), revision=identifier, down=self.head,
            names=", ".join(f'"{t}"' for t in self.tables))
        return AddFile(f"{self.folder}/{identifier}_tell_of_changes.py", text)


def _text(name: str) -> str:
    return files(__package__).joinpath(f"{name}.py.tmpl").read_text(encoding="utf-8")
