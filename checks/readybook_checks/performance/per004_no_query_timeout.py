"""PER004: queries that may run for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.closure import pulled_in
from readybook.facts.enginepurpose import may_be_sqlite, purpose
from readybook.facts.engines import Engine
from readybook.facts.nodes import holds, nodes, statements
from readybook.facts.querylimits import limit_of, limits_connecting
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.unparse import unparse
from readybook.facts.values import Unknown, by_default
from readybook.finding import Answer
from readybook.intents import EnsureImport, EnsureModuleStatement, EnsureSetting, Intent, SetKeyword

CONNECT = EnsureSetting("database_connect_timeout", "int", "5", "DATABASE_CONNECT_TIMEOUT", example="5",
                        meaning="seconds to wait for a new database connection")
QUERY = EnsureSetting("database_statement_timeout", "int", "15", "DATABASE_STATEMENT_TIMEOUT", example="15",
                      meaning="seconds after which a query is cancelled")
MILLISECONDS = "{setting:database_statement_timeout} * 1000"
# The server gives up first; the client's own limit, a second later, covers a server that is gone.
ARGUMENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "asyncpg": (
        ("timeout", "{setting:database_connect_timeout}"),
        ("command_timeout", "{setting:database_statement_timeout} + 1"),
        ("server_settings", "{\n        \"statement_timeout\": str(" + MILLISECONDS + "),\n    }"),
    ),
    "psycopg": (
        ("connect_timeout", "{setting:database_connect_timeout}"),
        ("options", "f\"-c statement_timeout={" + MILLISECONDS + "}\""),
    ),
    "pymysql": (
        ("connect_timeout", "{setting:database_connect_timeout}"),
        ("read_timeout", "{setting:database_statement_timeout}"),
    ),
}
ARGUMENTS |= {"psycopg2": ARGUMENTS["psycopg"], "mysqldb": ARGUMENTS["pymysql"]}
RAW = {"asyncpg.create_pool": "asyncpg", "asyncpg.connect": "asyncpg", "psycopg.connect": "psycopg",
       "psycopg.AsyncConnection.connect": "psycopg", "psycopg2.connect": "psycopg2",
       "psycopg2.pool.SimpleConnectionPool": "psycopg2", "psycopg2.pool.ThreadedConnectionPool": "psycopg2"}
BRANCH = '''\
def connect_arguments(url: str) -> dict[str, Any]:
    """Limits on connecting and on queries; the driver of SQLite takes none of them."""
    if url.startswith("sqlite"):
        return {{}}
    return {arguments}
'''


class NoQueryTimeout(Check):
    """A slow query holds its connection, and the request that waits for it, without a limit.

    Looked at: every SQLAlchemy engine that serves requests, and asyncpg and psycopg connections made without it, but
    for those of backups, migrations and seeds, those that one function makes and no request reaches, and those of a
    module that nothing but Alembic, tests and scripts names. The limit is ``command_timeout`` or ``statement_timeout``
    by the driver's own names: connect arguments, the address, a connect event, the database role. One bad query plan
    otherwise empties the pool. A limit on connecting alone does not stop a query and counts as medium.

    Fix: connect arguments for the driver in use, from settings; an engine that may run on SQLite gets them only when
    its address is a server's.
    """

    id = "PER004"
    name = "no-query-timeout"
    category = "performance"
    severity = "high"
    hours = Hours(0.25, 1, 2, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = (
        "https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT",
        "https://magicstack.github.io/asyncpg/current/api/index.html",
    )

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each engine of a server database that serves requests, and for each plain connection."""
        facts, found = project.facts, False
        for engine in facts.engines:
            if purpose(facts, engine) == "requests" and not _only_sqlite(engine):
                found = True
                yield self._engine(project, engine)
        for call in _plain_connections(project):
            found = True
            yield self._raw(project, call)
        if not found:
            yield NotApplicable("no server database is connected to")

    def _engine(self, project: Project, engine: Engine) -> Answer:
        limit = limit_of(project.facts, engine)
        if isinstance(limit, str):
            return Right(engine.place, f"limited by {limit}")
        if limit is None:
            return CannotTell("the engine's arguments are decided outside the code", engine.place)
        if engine.driver is None and not engine.backends:
            return CannotTell("which database the engine connects to is decided outside the code", engine.place)
        server = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}.get(engine.backend or "", "")
        what = f"for {server} " if server else ""
        by = f" ({engine.driver})" if engine.driver else ""
        if limits_connecting(engine):
            severity = "medium"
            message = f"The engine {what}limits only the time to connect{by}: a query may run for ever."
        else:
            severity = "high"
            message = (f"Nothing limits how long a query of the engine {what}runs{by}: it keeps its connection, and "
                       "the request waits.")
        return Finding(engine.place, message, severity, confidence="high" if engine.backends else "medium",
                       fix=_fix(project, engine))

    def _raw(self, project: Project, call: Call) -> Answer:
        driver = RAW[call.path]
        if "**" in call.kwargs or _changed_mapping(call) or isinstance(call.kwargs.get("options"), Unknown):
            return CannotTell("the connection's arguments come from a mapping", call.place)
        settings = by_default(call.kwargs.get("server_settings"))
        texts = [str(by_default(call.kwargs.get("options"))), *(str(a) for a in call.args if isinstance(a, str)),
                 *(settings if isinstance(settings, dict) else ())]
        if call.kwargs.get("command_timeout") is not None or any("statement_timeout" in t for t in texts):
            return Right(call.place, "it limits its queries")
        return Finding(
            call.place,
            f"{call.path} sets no limit on its queries: one may run for ever.",
            confidence="high", fix=_raw_fix(project, call, driver),
        )


def _changed_mapping(call: Call) -> bool:
    """Whether a mapping that is spread into a call gets entries in the function around: ``options["x"] = …``."""
    spread = {v[3] for k, v in call.site.node[5] if k is None and v[0] == "name"}
    function = call.site.function
    body = function.node[6] if function is not None and function.node[0] == "def" else call.site.module.body
    return bool(spread) and any(s[0] in ("assign", "aug") and any(
        t[0] == "sub" and t[3][0] == "name" and t[3][3] in spread for t in (s[4] if s[0] == "assign" else (s[4],)))
        for s in statements(body))


def _plain_connections(project: Project) -> Iterator[Call]:
    """Connections without SQLAlchemy in what served applications load; one that listens waits on purpose."""
    facts = project.facts
    near = [pulled_in(facts.modules, app.place.path) for app in facts.apps if app.served]
    listening = {c.place.path for name in ("add_listener", "notifies") for c in facts.behaviour.by_last.get(name, ())}
    for call in facts.behaviour.calls_to(*RAW):
        if call.place.path not in listening and (not near or any(call.place.path in files for files in near)) and (
                not _closed_at_once(call)):
            yield call


def _closed_at_once(call: Call) -> bool:
    """Whether nothing is asked of a connection: its function closes it and does no more with it."""
    function = call.site.function
    body = function.original.node[6] if function is not None and function.original.node[0] == "def" else ()
    name = next((unparse(s[4][0]) for s in statements(body) if s[0] == "assign" and holds(s[5], call.site.node)),
                "")
    used = [n for n in nodes(body) if n[0] == "attr" and n[3][:1] == ("name",) and n[3][3] == name]
    reads = [n for n in nodes(body) if n[0] == "name" and n[3] == name]
    return bool(used) and {n[4] for n in used} <= {"close"} and len(reads) <= len(used) + 1


def _only_sqlite(engine: Engine) -> bool:
    if re.search(r"(?i)sqlite", engine.function.rpartition(".")[0].rpartition(".")[2]):
        return True  # a class of one's own for each database
    return engine.only_sqlite


def _fix(project: Project, engine: Engine) -> Fix:
    title = "Limit connecting and each query, from settings"
    if engine.driver not in ARGUMENTS:
        driver = engine.driver or "the driver, which the code does not name,"
        return advice(title, f"{driver} has no argument of its own for it that is right on every server")
    if project.facts.pooler and engine.driver != "asyncpg":
        return advice(title, f"{project.facts.pooler} may refuse statement_timeout when a connection starts: set it on "
                             "the database role")
    if any(key is None for key, _ in engine.call.site.node[5]):
        return advice(title, "further arguments of the engine come from a mapping")
    if not settings_at_hand(project.facts):
        return advice(title, "settings are handed from function to function: a person says how they come here")
    pairs = ARGUMENTS[engine.driver]
    if project.facts.pooler:
        pairs = tuple(p for p in pairs if p[0] != "server_settings")
    present = _present(engine)
    if present is None:
        return advice(title, "the connect arguments are made elsewhere, and other code may share them")
    own = {key for key, _ in present}
    if {"server_settings", "options"} & own:
        return advice(title, "the connect arguments have server settings already: the limit goes in there by hand")
    value = _dict([*present, *(p for p in pairs if p[0] not in own)])
    settings = [s for s in (CONNECT, QUERY) if f"{{setting:{s.name}}}" in value]
    reason = "queries that run longer than the setting are cancelled and raise an error"
    if may_be_sqlite(project.facts, engine):
        return _branched(engine, title, value, settings, reason)
    intents: tuple[Intent, ...] = (*settings, SetKeyword(engine.place, engine.callee, "connect_args", value))
    return Fix(title, intents, safety="review", reason=reason)


def _branched(engine: Engine, title: str, value: str, settings: list[EnsureSetting], reason: str) -> Fix:
    """The arguments from a function that asks the address first, since SQLite's driver refuses them."""
    node = engine.call.site.node
    url = node[4][0] if node[4] else next((v for k, v in node[5] if k == "url"), None)
    text = unparse(url)
    if url is None or "…" in text or "\n" in text or len(text) > 60 or _present(engine):
        return advice(title, "the engine may run on SQLite, whose driver takes none of the arguments")
    path = engine.place.path
    indented = value.replace("\n", "\n    ")
    statement = BRANCH.replace("{{}}", "{}").replace("{arguments}", indented)
    is_text = url[0] in ("const", "fstring") or isinstance(by_default(engine.url), str)
    return Fix(title, (
        *settings, EnsureImport(path, "typing", "Any"), EnsureModuleStatement(path, "connect_arguments", statement),
        SetKeyword(engine.place, engine.callee, "connect_args",
                   f"connect_arguments({text if is_text else f'str({text})'})"),
    ), safety="review", reason=reason)


def _present(engine: Engine) -> list[tuple[str, str]] | None:
    """(key, value text) of the literal ``connect_args``; empty when it is not given, None when it is no literal."""
    node = next((v for k, v in engine.call.site.node[5] if k == "connect_args"), None)
    if node is None:
        return [] if "connect_args" not in engine.kwargs else None
    if node[0] != "dict":
        return None
    pairs = [(k[3] if k is not None and k[0] == "const" else None, unparse(v)) for k, v in node[3]]
    if any(not isinstance(k, str) or "…" in v for k, v in pairs):
        return None
    return [(str(k), v) for k, v in pairs]


def _dict(pairs: Any) -> str:
    return "{\n" + "".join(f"    \"{key}\": {value},\n" for key, value in pairs) + "}"


def _raw_fix(project: Project, call: Call, driver: str) -> Fix:
    title = "Limit each query, from settings"
    if any(key is None for key, _ in call.site.node[5]) or not settings_at_hand(project.facts):
        return advice(title, "where its arguments and the settings come from is for a person to say")
    if driver != "asyncpg" and project.facts.pooler:
        return advice(title, f"{project.facts.pooler} may refuse statement_timeout when a connection starts")
    if driver != "asyncpg" and "options" in call.kwargs:
        return advice(title, "the connection has options already: the limit goes in there by hand")
    keyword, value = ("command_timeout", "{setting:database_statement_timeout}") if driver == "asyncpg" else (
        ARGUMENTS["psycopg"][1])
    return Fix(title, (QUERY, SetKeyword(call.place, call.last, keyword, value)), safety="review",
               reason="queries that run longer than the setting are cancelled and raise an error")


APP = "from fastapi import FastAPI\n\nimport db\n\napp = FastAPI()\n"
SETTINGS_FILE = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
                 "    database_url: str = \"postgresql+{driver}://localhost/shop\"\n")
END = "\n\nsettings = Settings()\n"
FIELDS = "    database_connect_timeout: int = 5\n    database_statement_timeout: int = 15\n"
IMPORTS = "from sqlalchemy.ext.asyncio import create_async_engine\n\nfrom config import settings\n\n"
NoQueryTimeout.examples = (
    Bad(
        {"main.py": APP, "config.py": SETTINGS_FILE.format(driver="asyncpg") + END,
         "db.py": IMPORTS + "engine = create_async_engine(settings.database_url, pool_pre_ping=True)\n"},
        at=("db.py:5",), severity="high",
        fixed={"config.py": SETTINGS_FILE.format(driver="asyncpg") + FIELDS + END,
               "db.py": IMPORTS + "engine = create_async_engine(\n    settings.database_url,\n    pool_pre_ping=True,\n"
               "    connect_args={\n        \"timeout\": settings.database_connect_timeout,\n"
               "        \"command_timeout\": settings.database_statement_timeout + 1,\n"
               "        \"server_settings\": {\n"
               "            \"statement_timeout\": str(settings.database_statement_timeout * 1000),\n        },\n"
               "    },\n)\n"},
    ),
    Bad(  # a limit on connecting only; merged into what is there
        {"main.py": APP, "config.py": SETTINGS_FILE.format(driver="psycopg") + END,
         "db.py": "from sqlalchemy import create_engine\n\nfrom config import settings\n\nengine = create_engine(\n"
         "    settings.database_url,\n    connect_args={\"connect_timeout\": 5},\n)\n"},
        at=("db.py:5",), severity="medium",
        fixed={"config.py": SETTINGS_FILE.format(driver="psycopg") + "    database_statement_timeout: int = 15\n" + END,
               "db.py": "from sqlalchemy import create_engine\n\nfrom config import settings\n\n"
               "engine = create_engine(\n    settings.database_url,\n    connect_args={\n"
               "        \"connect_timeout\": 5,\n"
               "        \"options\": f\"-c statement_timeout={settings.database_statement_timeout * 1000}\",\n"
               "    },\n)\n"},
    ),
    Bad(  # tests run on SQLite
        {"main.py": APP, "config.py": SETTINGS_FILE.format(driver="asyncpg") + END,
         "tests/conftest.py": "import os\n\nos.environ[\"DATABASE_URL\"] = \"sqlite+aiosqlite:///test.db\"\n",
         "db.py": IMPORTS + "engine = create_async_engine(settings.database_url)\n"},
        at=("db.py:5",),
        fixed={
            "config.py": SETTINGS_FILE.format(driver="asyncpg") + FIELDS + END,
            "db.py": "from typing import Any\n\n" + IMPORTS[:-1] +
            "\n\ndef connect_arguments(url: str) -> dict[str, Any]:\n"
            "    \"\"\"Limits on connecting and on queries; the driver of SQLite takes none of them.\"\"\"\n"
            "    if url.startswith(\"sqlite\"):\n        return {}\n    return {\n"
            "        \"timeout\": settings.database_connect_timeout,\n"
            "        \"command_timeout\": settings.database_statement_timeout + 1,\n"
            "        \"server_settings\": {\n"
            "            \"statement_timeout\": str(settings.database_statement_timeout * 1000),\n"
            "        },\n    }\n\n\n"
            "engine = create_async_engine(\n    settings.database_url,\n"
            "    connect_args=connect_arguments(settings.database_url),\n)\n",
        },
    ),
    Bad(  # asyncpg without SQLAlchemy
        {"main.py": "import asyncpg\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\nasync def connect() -> None:\n"
         "    app.state.pool = await asyncpg.create_pool(\"postgresql://localhost/shop\", min_size=1)\n"},
        at=("main.py:8",), severity="high",
    ),
    Good({"main.py": APP, "db.py": "from sqlalchemy import create_engine\n\nengine = create_engine(\n"
          "    \"postgresql+psycopg://localhost/shop\",\n"
          "    connect_args={\"options\": \"-c statement_timeout=5000\"},\n)\n"}),
    Good({"main.py": APP, "db.py": "from sqlalchemy import create_engine, event\n\n"
          "engine = create_engine(\"postgresql+psycopg2://localhost/shop\")\n\n\n"
          "@event.listens_for(engine, \"connect\")\n"
          "def limit(connection, record) -> None:\n"
          "    connection.cursor().execute(\"SET statement_timeout = 5000\")\n"}),
    Good({"main.py": APP, "db.py": "from sqlalchemy.ext.asyncio import create_async_engine\n\n"
          "limits = {\"server_settings\": {\"statement_timeout\": \"5000\"}}\n"
          "engine = create_async_engine(\"postgresql+asyncpg://localhost/shop\", connect_args=limits)\n"}),
    Good(  # the role has it
        {"main.py": APP, "db.py": "from sqlalchemy import create_engine\n\n"
         "engine = create_engine(\"postgresql+psycopg2://localhost/shop\")\n",
         "sql/roles.sql": "ALTER ROLE shop SET statement_timeout = '15s';\n"}),
    Good({"main.py": APP, "db.py": "from sqlalchemy import create_engine\n\n"
          "engine = create_engine(\"sqlite:///shop.db\")\n"},
         outcome="not_applicable"),
    Bad(  # SQLite's argument on one of the ways to the one engine
        {"main.py": APP, "db.py": "import os\n\nfrom sqlalchemy import create_engine\n\n"
         "URL = \"sqlite://\" if os.getenv(\"MEMORY\") else \"postgresql+psycopg2://localhost/shop\"\narguments = {}\n"
         "if \"sqlite\" in URL:\n    arguments[\"check_same_thread\"] = False\n"
         "engine = create_engine(URL, connect_args=arguments)\n"}, at=("db.py:9",), severity="high"),
    Bad(  # Alembic's own engine, and one that is left over from before: no request comes to them
        {"main.py": APP.replace("import db\n", "import db\nimport old\n") + "\n\n@app.get(\"/\")\n"
         "async def index() -> None:\n    async with db.Session() as session:\n        await session.close()\n",
         "alembic.ini": "[alembic]\nscript_location = migrations\n",
         "migrations/env.py": "from alembic import context\n\nfrom db import plain_engine\n\n"
         "with plain_engine.connect() as connection:\n    context.configure(connection=connection)\n",
         "db.py": "from sqlalchemy import create_engine\n"
         "from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n\n"
         "engine = create_async_engine(\"postgresql+asyncpg://localhost/shop\")\n"
         "Session = async_sessionmaker(engine)\n"
         "plain_engine = create_engine(\"postgresql+psycopg://localhost/shop\")\n",
         "old.py": "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import sessionmaker\n\n"
         "sync_engine = create_engine(\"postgresql+psycopg://localhost/shop\")\n"
         "SyncSession = sessionmaker(sync_engine)\n\n\n"
         "def sync_session():\n    with SyncSession() as session:\n        yield session\n"},
        at=("db.py:4",), severity="high",
    ),
    Bad(  # a router names the session's dependency
        {"main.py": "from fastapi import Depends, FastAPI\n\nfrom db import sync_session\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/\")\ndef index(session=Depends(sync_session)) -> None:\n    session.close()\n",
         "db.py": "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import sessionmaker\n\n"
         "engine = create_engine(\"postgresql+psycopg://localhost/shop\")\n"
         "SyncSession = sessionmaker(engine)\n\n\n"
         "def sync_session():\n    with SyncSession() as session:\n        yield session\n"},
        at=("db.py:4",), severity="high",
    ),
    Good(  # nothing is asked: whether the server answers is all
        {"main.py": APP, "db.py": "import psycopg2\n\n\ndef is_up(host: str) -> bool:\n    try:\n"
         "        conn = psycopg2.connect(host=host, connect_timeout=3)\n        conn.close()\n        return True\n"
         "    except psycopg2.OperationalError:\n        return False\n"}, outcome="not_applicable"),
    Bad(  # made in a function that a request reaches, or kept by one that does not return it
        {"main.py": APP + "\n\n@app.get(\"/\")\ndef index():\n    return db.count()\n\n\ndb.connect()\n",
         "db.py": "from sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import sessionmaker\n\n"
         "URL = \"postgresql+psycopg://localhost/shop\"\nSession = sessionmaker()\n\n\ndef count():\n"
         "    engine = create_engine(URL)\n    with engine.connect() as connection:\n"
         "        return connection.scalar(text(\"select 1\"))\n\n\ndef connect():\n    engine = create_engine(URL)\n"
         "    Session.configure(bind=engine)\n"}, at=("db.py:9", "db.py:15"), severity="high",
    ),
    Good(  # backups, migrations and a start that looks at the tables: none of them serves a request
        {"main.py": "import backups\n" + APP + "\n\n@app.post(\"/backup\")\ndef backup():\n"
         "    backups.Exporter().run()\n",
         "backups/__init__.py": "from sqlalchemy import create_engine\n\n\nclass Exporter:\n"
         "    def __init__(self):\n        self.engine = create_engine(\"postgresql+psycopg://localhost/shop\")\n\n"
         "    def run(self):\n        return self.engine\n",
         "db.py": "from alembic import migration\nfrom sqlalchemy import create_engine\n\n\n"
         "def at_head(heads):\n    engine = create_engine(\"postgresql+psycopg://localhost/shop\")\n"
         "    with engine.begin() as connection:\n"
         "        return migration.MigrationContext.configure(connection).get_current_heads() == heads\n"},
        outcome="not_applicable"),
    Good({"main.py": APP, "db.py": "import os\n\nfrom sqlalchemy import create_engine\n\n"
          "engine = create_engine(os.environ[\"DATABASE_URL\"])\n"}, outcome="unknown"),
    Good(  # what else is put into the mapping decides
        {"main.py": "import psycopg2\nfrom fastapi import FastAPI\n\napp = FastAPI()\n"
         "SERVER = {\"host\": \"db\", \"dbname\": \"shop\"}\n\n\n@app.get(\"/\")\ndef index(limit: int) -> None:\n"
         "    options = dict(SERVER)\n    if limit:\n"
         "        options[\"options\"] = f\"-c statement_timeout={limit}\"\n    psycopg2.connect(**options)\n"},
        outcome="unknown"),
    Good(  # put into the arguments where the database is a server
        {"main.py": APP.replace("import db", "from db import engine_of") + "engine = engine_of(\"postgres\", 5)\n",
         "db.py": "from sqlalchemy.ext.asyncio import create_async_engine\n\n\n"
         "def engine_of(kind: str, seconds: int):\n    arguments: dict = {}\n    if kind == \"postgres\":\n"
         "        arguments[\"server_settings\"] = {\"statement_timeout\": str(seconds * 1000)}\n"
         "    return create_async_engine(\"postgresql+asyncpg://db/shop\", connect_args=arguments)\n"}),
    Good(  # one for tests, one for workers
        {"main.py": "import os\n\nfrom fastapi import FastAPI\nfrom sqlalchemy import create_engine\n"
         "from sqlalchemy.orm import sessionmaker\n\napp = FastAPI()\n"
         "MODE = os.environ[\"MODE\"]\nURL = \"postgresql://db/shop\"\n"
         "if MODE == \"testing\":\n    engine = create_engine(URL)\nelse:\n"
         "    engine = create_engine(URL, connect_args={\"options\": \"-c statement_timeout=5000\"})\n"
         "engine_celery = create_engine(URL)\nmake = sessionmaker(engine_celery)\n"}),
    Bad(  # what is not for tests
        {"main.py": "import os\n\nfrom fastapi import FastAPI\nfrom sqlalchemy import create_engine\n"
         "\napp = FastAPI()\nif os.environ[\"MODE\"] != \"testing\":\n    engine = create_engine(\"postgresql://db/shop\")\n"},
        at=("main.py:8",), severity="high"),
)
