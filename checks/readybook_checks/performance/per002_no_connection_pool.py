"""PER002: a database connection for each request instead of a pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.facts.behaviour import Call, Reached
from readybook.facts.reach import Reaching
from readybook.facts.enginepurpose import may_be_sqlite, purpose
from readybook.facts.engines import ASYNC, SYNC, Engine
from readybook.facts.nodes import holds, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.stores import is_cached
from readybook.facts.unparse import unparse
from readybook.facts.values import Choice, External, by_default, possible
from readybook.finding import Answer
from readybook.intents import EnsureSetting, Intent, RemoveKeyword, RemoveUnusedImport, SetKeyword

UNPOOLED = {"NullPool": "opens a connection for every checkout and closes it after",
            "StaticPool": "shares one connection between all requests",
            "AssertionPool": "allows one connection at a time and raises on the second"}
BLOCKING = ("QueuePool", "SingletonThreadPool")
CONNECTS = (
    "psycopg2.connect", "psycopg.connect", "psycopg.Connection.connect", "psycopg.AsyncConnection.connect",
    "asyncpg.connect", "aiomysql.connect", "asyncmy.connect", "pymysql.connect", "MySQLdb.connect",
    "mysql.connector.connect", "oracledb.connect", "oracledb.connect_async", "aiopg.connect", "pyodbc.connect",
    "asyncpg.create_pool", "aiomysql.create_pool",
)
REFUSED_FROM = (2, 0, 28)  # the SQLAlchemy from which create_async_engine refuses pools made for threads
SETTINGS = (
    ("pool_size", EnsureSetting("database_pool_size", "int", "5", "DATABASE_POOL_SIZE", example="5",
                                meaning="connections each process keeps open")),
    ("max_overflow", EnsureSetting("database_max_overflow", "int", "10", "DATABASE_MAX_OVERFLOW", example="10",
                                   meaning="connections beyond the pool when it is busy")),
    ("pool_timeout", EnsureSetting("database_pool_timeout", "int", "30", "DATABASE_POOL_TIMEOUT", example="30",
                                   meaning="seconds a request waits for a connection")),
)
RECYCLE = EnsureSetting("database_pool_recycle", "int", "1800", "DATABASE_POOL_RECYCLE", example="1800",
                        meaning="seconds after which a connection is replaced")


class NoConnectionPool(Check):
    """Requests open database connections of their own instead of taking them from a pool.

    Looked at: the pool class of every SQLAlchemy engine that serves requests, followed through names, settings and
    conditions, and engines or driver connections that are made while a request runs. A connection costs several round
    trips and a server process; under load they run out. A thread pool class given to ``create_async_engine`` is
    critical: SQLAlchemy 2.0.28 and later refuse it, so the process does not start.

    SQLite, migrations, workers and tests are not looked at. Beside PgBouncer, a hosted pooler or on a serverless
    platform ``NullPool`` is right.

    Fix: the pool class goes, and size, overflow, time-out and recycling come from settings. An engine that may run on
    SQLite gets what SQLite's pools take as well: recycling and pre-ping.
    """

    id = "PER002"
    name = "no-connection-pool"
    category = "performance"
    severity = "high"
    hours = Hours(0.5, 1, 8, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.sqlalchemy.org/en/20/core/pooling.html",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each engine that serves requests, one finding for each connection made by a request."""
        made, found = list(_made_by_requests(project)), False
        places = {r.call.place for r in made}
        for engine in project.facts.engines:
            if engine.place in places or purpose(project.facts, engine) != "requests":
                continue
            for answer in self._engine(project, engine):
                found = True
                yield answer
        for reached in made:
            yield _per_request(reached)
        if not found and not made:
            yield NotApplicable("no engine of a server database serves requests")

    def _engine(self, project: Project, engine: Engine) -> Iterator[Answer]:
        names = pool_names(engine)
        blocking = next((n for n in names if n in BLOCKING), None)
        if blocking and engine.is_async and by_default_name(engine) in (blocking, None):
            yield _refused(project, engine, blocking)
        elif engine.only_sqlite:
            return
        elif not names:
            if engine.kwargs.get("poolclass") is None and "**" not in engine.kwargs:
                yield Right(engine.place, "the default pool")
            elif "poolclass" in engine.kwargs or "pool_size" not in engine.kwargs:
                yield CannotTell("which pool the engine takes is decided outside the code", engine.place)
            else:
                yield Right(engine.place, "it has a pool size")
        elif by_default_name(engine) in UNPOOLED:
            if project.facts.pooler and by_default_name(engine) == "NullPool":
                yield NotApplicable(f"NullPool is right beside {project.facts.pooler}")
                return
            yield self._unpooled(project, engine, str(by_default_name(engine)))
        elif by_default_name(engine) is None and set(names) & set(UNPOOLED):
            yield CannotTell(f"whether the engine takes {' or '.join(names)} depends on the environment", engine.place)
        else:
            yield Right(engine.place, f"it takes {names[0]}")

    def _unpooled(self, project: Project, engine: Engine, name: str) -> Finding:
        database = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}.get(engine.backend or "",
                                                                                           "the database server")
        certain = engine.backend is not None
        return Finding(
            _keyword_place(engine, "poolclass"), f"{name} on an engine for {database} {UNPOOLED[name]}.",
            confidence="high" if certain else "medium", fix=_fix(project, engine, name),
        )


def pool_names(engine: Engine) -> list[str]:
    """Last names of the pool classes that the engine may take, the default pool (None) left out."""
    names = [_name(v) for v in possible(engine.kwargs.get("poolclass"))]
    return [n for n in dict.fromkeys(names) if n]


def by_default_name(engine: Engine) -> str | None:
    """The pool class by default: its last name, empty for the default pool, None when it is not known."""
    if engine.sometimes("poolclass"):
        return None
    value = by_default(engine.kwargs.get("poolclass"))
    return "" if value is None else _name(value)


def _name(value: Any) -> str | None:
    if isinstance(value, External) and value.path.startswith("sqlalchemy."):
        return value.path.rpartition(".")[2]
    return None


def _refused(project: Project, engine: Engine, name: str) -> Finding:
    version = project.facts.release("sqlalchemy", engine.place.path)
    text = f"{name} is made for threads, and create_async_engine "
    if version is not None and version < REFUSED_FROM:
        severity = "high"
        message = text + "refuses it from SQLAlchemy 2.0.28 on; before, waiting for one blocks the event loop."
    else:
        severity, message = "critical", text + "refuses it: the process stops while it starts."
    return Finding(_keyword_place(engine, "poolclass"), message, severity,
                   confidence="high" if version else "medium", fix=_fix(project, engine, name))


def _keyword(engine: Engine, name: str) -> Any:
    """The lowered value of a keyword that the call itself gives; None when it is not written there."""
    return next((value for key, value in engine.call.site.node[5] if key == name), None)


def _keyword_place(engine: Engine, name: str) -> Place:
    node = _keyword(engine, name)
    return engine.call.site.module.place(node, engine.place.symbol) if node is not None else engine.place


def _fix(project: Project, engine: Engine, name: str) -> Fix:
    title = f"Take connections from a pool instead of {name}"
    node = _keyword(engine, "poolclass")
    if node is None or node[0] not in ("name", "attr"):
        return advice(title, "the pool class comes from a mapping or an expression that other code may share")
    if any(key is None for key, _ in engine.call.site.node[5]):
        return advice(title, "further arguments of the engine come from a mapping")
    if not settings_at_hand(project.facts):
        return advice(title, "settings are handed from function to function: a person says how they come here")
    if isinstance(engine.kwargs.get("poolclass"), Choice):
        return advice(title, "the pool class depends on the environment: a person decides which branch stays")
    place, callee = engine.place, engine.callee
    intents: list[Intent] = [RemoveKeyword(place, callee, "poolclass")]
    sqlite = may_be_sqlite(project.facts, engine)
    for keyword, setting in () if sqlite else SETTINGS:
        if keyword not in engine.kwargs:
            intents += [setting, SetKeyword(place, callee, keyword, f"{{setting:{setting.name}}}")]
    if "pool_recycle" not in engine.kwargs:
        intents += [RECYCLE, SetKeyword(place, callee, "pool_recycle", f"{{setting:{RECYCLE.name}}}")]
    if "pool_pre_ping" not in engine.kwargs:
        intents.append(SetKeyword(place, callee, "pool_pre_ping", "True"))
    root = node
    while root[0] == "attr":
        root = root[3]
    intents.append(RemoveUnusedImport(place.path, root[3]))
    reason = "each process keeps connections: processes × (pool size + overflow) must stay below the server's limit"
    if sqlite:
        reason += "; sizes are left at SQLAlchemy's defaults, which SQLite's pools may refuse to be given"
    return Fix(title, tuple(intents), safety="review", reason=reason)


def _made_by_requests(project: Project) -> Iterator[Reached]:
    """Engines and connections that a request makes, each call once, with the shortest way to it."""
    seen: dict[Place, Reached] = {}
    behaviour = project.facts.behaviour
    making = Reaching(behaviour, behaviour.calls_to(*CONNECTS, *SYNC, *ASYNC))
    for entry in behaviour.entries:
        for reached in making.by(entry):
            call = reached.call
            if call.place in seen and len(seen[call.place].chain) <= len(reached.chain):
                continue
            if not _kept(reached) and not _is_sqlite(project, call.place):
                seen[call.place] = reached
    yield from sorted(seen.values(), key=lambda r: (r.call.place.path, r.call.place.line, r.call.place.column))


def _is_sqlite(project: Project, place: Place) -> bool:
    return any(e.place == place and e.only_sqlite for e in project.facts.engines)


def _kept(reached: Reached) -> bool:
    """Whether what is made is kept for the next request: by a cache, or because it is made only when it is missing."""
    for call in (*(s.call for s in reached.chain), reached.call):
        function = call.site.function
        if function is not None and (is_cached(function) or _guards(function) or _when_missing(function, call)):
            return True
        if any("None" in c or c.startswith("not ") or " not in " in c for c in call.conditions):
            return True
    return False


def _guards(function: FunctionValue) -> bool:
    """Whether a function keeps something in a global name or on a class: it is the usual lazy single instance."""
    body = function.original.node[6] if function.node[0] == "def" else ()
    return any(s[0] == "global" for s in body) or function.name == "__new__"


def _when_missing(function: FunctionValue, call: Call) -> bool:
    """Whether a call stands below an ``if`` that asks whether the thing is there yet, as the code writes it."""
    for s in statements(function.original.node[6]) if function.node[0] == "def" else ():
        if s[0] == "if" and holds(s[5], call.site.node):
            test = unparse(s[4])
            if test.endswith(" is None") or test.startswith(("not ", "None is ")) or " not in " in test:
                return True
    return False


def _per_request(reached: Reached) -> Finding:
    call, entry = reached.call, reached.entry
    what = "an engine with a pool of its own" if call.path in (*SYNC, *ASYNC) else (
        "a pool" if call.path.endswith("create_pool") else "a database connection")
    route = f"{entry.route.method} {entry.route.path}" if entry.route else entry.name
    message = f"{call.path.rpartition('.')[0]}.{call.last} makes {what} each time {route} is served."
    return Finding(
        call.place, message, confidence="medium", chain=tuple(s.place for s in reached.chain),
        fix=advice("Make one pool when the application starts and take connections from it",
                   "where the pool is opened and closed, and how the handlers reach it, is for a person to lay out"),
    )



SINGLE = """\
from sqlalchemy import create_engine


class Single(type):
    made = {}

    def __call__(cls):
        if cls not in cls.made:
            cls.made[cls] = super().__call__()
        return cls.made[cls]


class Engine(metaclass=Single):
    engine = None

    def get(self):
        if self.engine is None:
            self.engine = create_engine("postgresql://localhost/shop")
        return self.engine
"""
APP = "from fastapi import FastAPI\n\nimport db\n\napp = FastAPI()\n"
SETTINGS_FILE = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
                 "    database_url: str = \"postgresql+asyncpg://localhost/shop\"\n")
NoConnectionPool.examples = (
    Bad(
        {"main.py": APP, "config.py": SETTINGS_FILE + "\n\nsettings = Settings()\n",
         "db.py": "from sqlalchemy.ext.asyncio import create_async_engine\nfrom sqlalchemy.pool import NullPool\n\n"
         "from config import settings\n\nengine = create_async_engine(\n    settings.database_url,\n"
         "    poolclass=NullPool,\n)\n"},
        at=("db.py:8",), severity="high",
        fixed={
            "config.py": SETTINGS_FILE + "    database_pool_size: int = 5\n    database_max_overflow: int = 10\n"
            "    database_pool_timeout: int = 30\n    database_pool_recycle: int = 1800\n\n\nsettings = Settings()\n",
            "db.py": "from sqlalchemy.ext.asyncio import create_async_engine\n\n"
            "from config import settings\n\nengine = create_async_engine(\n    settings.database_url,\n"
            "    pool_size=settings.database_pool_size,\n    max_overflow=settings.database_max_overflow,\n"
            "    pool_timeout=settings.database_pool_timeout,\n    pool_recycle=settings.database_pool_recycle,\n"
            "    pool_pre_ping=True,\n)\n",
        },
    ),
    Bad(  # a thread pool in an async engine: the process does not start
        {"main.py": APP, "db.py": "from sqlalchemy import pool\n"
         "from sqlalchemy.ext.asyncio import create_async_engine as make\n\n"
         "engine = make(\"postgresql+asyncpg://localhost/shop\", poolclass=pool.QueuePool)\n"},
        at=("db.py:4",), severity="critical",
    ),
    Bad(  # tests run on SQLite, so no sizes are added
        {"main.py": APP, "config.py": SETTINGS_FILE + "\n\nsettings = Settings()\n",
         "tests/conftest.py": "import os\n\nos.environ[\"DATABASE_URL\"] = \"sqlite+aiosqlite:///test.db\"\n",
         "db.py": "from sqlalchemy import pool\nfrom sqlalchemy.ext.asyncio import create_async_engine\n\n"
         "from config import settings\n\n"
         "engine = create_async_engine(settings.database_url, poolclass=pool.NullPool)\n"},
        at=("db.py:6",), severity="high",
        fixed={
            "config.py": SETTINGS_FILE + "    database_pool_recycle: int = 1800\n\n\nsettings = Settings()\n",
            "db.py": "from sqlalchemy.ext.asyncio import create_async_engine\n\nfrom config import settings\n\n"
            "engine = create_async_engine(\n    settings.database_url,\n"
            "    pool_recycle=settings.database_pool_recycle,\n    pool_pre_ping=True,\n)\n",
        },
    ),
    Bad(  # a connection for every request, two calls away
        {"main.py": "from fastapi import FastAPI\n\nfrom db import rows\n\napp = FastAPI()\n\n\n@app.get(\"/orders\")\n"
         "async def orders() -> list[int]:\n    return await rows()\n",
         "db.py": "import asyncpg\n\n\nasync def rows() -> list[int]:\n"
         "    connection = await asyncpg.connect(\"postgresql://localhost/shop\")\n"
         "    return await connection.fetch(\"SELECT 1\")\n"},
        at=("db.py:5",), severity="high",
    ),
    Bad(  # switched on by default
        {"main.py": APP, "db.py": "import os\n\nfrom sqlalchemy import create_engine\n"
         "from sqlalchemy.pool import NullPool\n\n"
         "pooled = os.getenv(\"POOLED\", \"\")\n"
         "engine = create_engine(\"postgresql://localhost/shop\", poolclass=None if pooled else NullPool)\n"},
        at=("db.py:7",), severity="high",
    ),
    Good({"main.py": APP, "db.py": "from sqlalchemy import create_engine\n\n"
          "engine = create_engine(\"postgresql+psycopg://localhost/shop\", pool_pre_ping=True)\n"}),
    Good(  # where a setting asks for it
        {"main.py": APP, "db.py": "import os\n\nfrom sqlalchemy import NullPool, create_engine\n\noptions = {}\n"
         "if os.environ[\"POOL\"] == \"none\":\n    options[\"poolclass\"] = NullPool\nelse:\n"
         "    options[\"pool_pre_ping\"] = True\n"
         "engine = create_engine(\"postgresql://localhost/shop\", **options)\n"}, outcome="unknown"),
    Good(  # beside PgBouncer
        {"main.py": APP, "db.py": "from sqlalchemy import NullPool, create_engine\n\n"
         "engine = create_engine(\"postgresql://pgbouncer:6432/shop\", poolclass=NullPool)\n",
         "compose.yml": "services:\n  pgbouncer:\n    image: edoburu/pgbouncer:1.23\n"}, outcome="not_applicable",
    ),
    Good(  # an engine made at the first request and kept
        {"main.py": "from fastapi import FastAPI\n\nfrom db import get_engine\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/orders\")\ndef orders() -> int:\n    return get_engine().connect().scalar(\"SELECT 1\")\n",
         "db.py": "from functools import lru_cache\n\nfrom sqlalchemy import create_engine\n\n\n@lru_cache\n"
         "def get_engine():\n    return create_engine(\"postgresql://localhost/shop\")\n"},
    ),
    Good(  # kept by the one object of a class
        {"main.py": "from fastapi import FastAPI\n\nfrom db import Engine\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/orders\")\ndef orders() -> int:\n"
         "    return Engine().get().connect().scalar(\"SELECT 1\")\n", "db.py": SINGLE}),
    Good(  # for the tasks of workers, each of which runs a loop of its own
        {"main.py": APP, "db.py": "from sqlalchemy import NullPool\n"
         "from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n\n"
         "engine = create_async_engine(\"postgresql+asyncpg://localhost/shop\")\n"
         "task_engine = create_async_engine(\"postgresql+asyncpg://localhost/shop\", poolclass=NullPool)\n"
         "TaskSession = async_sessionmaker(task_engine)\n",
         "app/tasks/billing.py": "from celery import shared_task\n\nfrom db import TaskSession\n\n\n@shared_task\n"
         "def bill() -> None:\n    print(TaskSession)\n"}),
    Good(  # the same, by the name of the function that makes it
        {"main.py": APP, "db.py": "from sqlalchemy import NullPool\n"
         "from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n\n\n"
         "def celery_sessions():\n"
         "    engine = create_async_engine(\"postgresql+asyncpg://localhost/shop\", poolclass=NullPool)\n"
         "    return async_sessionmaker(engine)\n"}, outcome="not_applicable"),
    Good(  # SQLite on a branch of its own, whatever the address may be elsewhere
        {"main.py": APP, "db.py": "import os\n\nfrom sqlalchemy import StaticPool, create_engine\n\n"
         "URL = \"sqlite://\" if os.getenv(\"MEMORY\") else \"postgresql+psycopg2://localhost/shop\"\n"
         "if URL == \"sqlite://\":\n    engine = create_engine(URL, poolclass=StaticPool)\n"
         "else:\n    engine = create_engine(URL, pool_pre_ping=True)\n"}),
    Good(  # SQLite, migrations
        {"main.py": APP, "db.py": "from sqlalchemy import StaticPool, create_engine\n\n"
         "engine = create_engine(\"sqlite://\", poolclass=StaticPool)\n",
         "migrations/env.py": "from alembic import context\nfrom sqlalchemy import create_engine, pool\n\n"
         "engine = create_engine(\"postgresql://localhost/shop\", poolclass=pool.NullPool)\n"},
        outcome="not_applicable",
    ),
)
