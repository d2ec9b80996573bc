"""PER003: pools that hand out connections which the server has closed, or that ask for more than it gives."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.enginepurpose import purpose
from readybook.facts.engines import Engine
from readybook.facts.values import External, by_default, possible, truth
from readybook.finding import Answer
from readybook.intents import SetKeyword

UNPOOLED = ("NullPool", "StaticPool", "AssertionPool")
SERVERS = {"postgresql": ("PostgreSQL", 100), "mysql": ("MySQL", 151), "mariadb": ("MariaDB", 151)}  # as installed
SIZE, OVERFLOW = 5, 10  # SQLAlchemy's defaults
TITLE = "Test connections before they are used"


class PoolNotTuned(Check):
    """The pool hands out connections that the database has closed meanwhile, or holds more than it allows.

    Looked at: SQLAlchemy engines of server databases that serve requests. Without ``pool_pre_ping`` the first request
    on each connection fails after the database restarts or a proxy drops idle connections. Size and overflow are right
    as they are (5 and 10) unless workers × (pool size + overflow), where the code tells all three, is above what
    PostgreSQL (100) or MySQL (151) allows as installed. Engines without a pool are PER002's matter.

    Fix: ``pool_pre_ping=True``; the arithmetic of sizes is for a person.
    """

    id = "PER003"
    name = "pool-not-tuned"
    category = "performance"
    severity = "low"
    hours = Hours(0.25, 1, 2, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.sqlalchemy.org/en/20/core/pooling.html#disconnect-handling-pessimistic",)
    suppressed_by = ("PER002",)

    def find(self, project: Project) -> Iterator[Answer]:
        """For each pooled engine of a server, whether it tests its connections; a finding more when it has too many."""
        found = False
        for engine in project.facts.engines:
            if purpose(project.facts, engine) != "requests" or _only_sqlite(engine) or _unpooled(engine):
                continue
            found = True
            yield _tested(engine)
            yield from _many(project, engine)
        if not found:
            yield NotApplicable("no pool of a server database serves requests")


def _tested(engine: Engine) -> Answer:
    value = engine.kwargs.get("pool_pre_ping")
    if truth(by_default(value)) and value is not None:
        return Right(engine.place, "it tests connections")
    if value is not None and truth(by_default(value)) is None:
        return CannotTell("whether the pool tests its connections is decided outside the code", engine.place)
    if "**" in engine.kwargs and value is None:
        return CannotTell("the engine's arguments are decided outside the code", engine.place)
    if engine.driver is None and not engine.backends:
        return CannotTell("which database the engine connects to is decided outside the code", engine.place)
    server = SERVERS.get(engine.backend or "", ("the database", 0))[0]
    return Finding(
        engine.place, f"The pool does not test its connections (pool_pre_ping): after {server} restarts, requests fail "
        "on the ones it still holds.", confidence="high" if engine.backend else "medium", fix=_fix(engine))


def _fix(engine: Engine) -> Fix:
    if any(key is None for key, _ in engine.call.site.node[5]):
        return advice(TITLE, "further arguments of the engine come from a mapping")
    return Fix(TITLE, (SetKeyword(engine.place, engine.callee, "pool_pre_ping", "True"),), safety="review",
               reason="each checkout costs one round trip more")


def _many(project: Project, engine: Engine) -> Iterator[Finding]:
    """The engine whose pools together are above the server's limit, where workers and sizes are known."""
    server, allowed = SERVERS.get(engine.backend or "", ("", 0))
    size = by_default(engine.kwargs.get("pool_size", SIZE))
    overflow = by_default(engine.kwargs.get("max_overflow", OVERFLOW))
    workers = _workers(project)
    if not allowed or not workers or project.facts.pooler or not isinstance(size, int) or not isinstance(overflow, int):
        return
    if "**" not in engine.kwargs and overflow >= 0 and workers * (size + overflow) > allowed:
        yield Finding(
            engine.place, f"{workers} workers × ({size} + {overflow}) connections are {workers * (size + overflow)}: "
            f"{server} allows {allowed} as installed, and refuses the rest.", confidence="medium",
            fix=advice("Fit the pool to the server's limit", "how many connections the server allows, and how many "
                       "copies of the service run, is not in the code"))


def _workers(project: Project) -> int:
    """The most workers that a deployed command starts; 0 when none says."""
    found = [c.workers for c in project.facts.serve_commands if c.purpose == "deploy"]
    return max((w for w in found if isinstance(w, int)), default=0)


def _only_sqlite(engine: Engine) -> bool:
    if engine.backends:
        return set(engine.backends) == {"sqlite"}
    given = engine.kwargs.get("connect_args")
    return isinstance(given, dict) and "check_same_thread" in given  # no other driver takes it


def _unpooled(engine: Engine) -> bool:
    """Whether any pool class that the engine may take keeps no connections."""
    return any(isinstance(v, External) and v.path.rpartition(".")[2] in UNPOOLED
               for v in possible(engine.kwargs.get("poolclass")))


APP = "from fastapi import FastAPI\n\nimport db\n\napp = FastAPI()\n"
ENGINE = "from sqlalchemy import create_engine\n\nengine = create_engine({})\n"
URL = "\"postgresql+psycopg://localhost/shop\""
PoolNotTuned.examples = (
    Bad({"main.py": APP, "db.py": ENGINE.format(URL + ", pool_size=10")}, at=("db.py:3",), severity="low",
        fixed={"db.py": ENGINE.format(f"\n    {URL},\n    pool_size=10,\n    pool_pre_ping=True,\n")}),
    Bad(  # switched off, from the other constructor
        {"main.py": APP, "db.py": "from sqlalchemy.ext.asyncio import create_async_engine as make\n\n"
         "engine = make(\"postgresql+asyncpg://localhost/shop\", pool_pre_ping=False)\n"},
        at=("db.py:3",),
        fixed={"db.py": "from sqlalchemy.ext.asyncio import create_async_engine as make\n\n"
               "engine = make(\"postgresql+asyncpg://localhost/shop\", pool_pre_ping=True)\n"}),
    Bad(  # eight workers with twenty connections each
        {"main.py": APP, "db.py": ENGINE.format(URL + ", pool_size=10, pool_pre_ping=True"),
         "Dockerfile": "FROM python:3.12-slim\nCOPY . .\n"
         "CMD [\"uvicorn\", \"main:app\", \"--host\", \"0.0.0.0\", \"--workers\", \"8\"]\n"},
        at=("db.py:3",)),
    Good({"main.py": APP, "db.py": ENGINE.format(URL + ", pool_pre_ping=True")}),
    Good({"main.py": APP, "db.py": "from sqlalchemy import create_engine\n\nOPTIONS = {\"pool_pre_ping\": True}\n"
          f"engine = create_engine({URL}, **OPTIONS)\n"}),
    Good({"main.py": APP, "db.py": ENGINE.format("\"sqlite:///shop.db\"")}, outcome="not_applicable"),
    Good({"main.py": APP, "db.py": "from sqlalchemy import create_engine\nfrom sqlalchemy.pool import NullPool\n\n"
          f"engine = create_engine({URL}, poolclass=NullPool)\n"}, outcome="not_applicable"),
    Good({"main.py": APP, "db.py": "import os\n" + ENGINE.format("os.environ[\"DATABASE_URL\"]")}, outcome="unknown"),
)
