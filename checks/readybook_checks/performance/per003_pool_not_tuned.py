"""PER003: pools that hand out connections which the server has closed."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.enginepurpose import purpose
from readybook.facts.engines import Engine
from readybook.facts.values import External, by_default, possible, truth
from readybook.finding import Answer
from readybook.intents import SetKeyword

UNPOOLED = ("NullPool", "StaticPool", "AssertionPool")
SERVERS = {"postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}
TITLE = "Test connections before they are used"


class PoolNotTuned(Check):
    """The pool hands out connections that the database has closed meanwhile.

    Looked at: SQLAlchemy engines of server databases that serve requests. Without ``pool_pre_ping`` the first request
    on each connection fails after the database restarts or a proxy drops idle connections. Size and overflow are right
    as they are (5 and 10) while all processes together stay within the server's limit, which is PER020's matter;
    engines without a pool are PER002's.

    Fix: ``pool_pre_ping=True``.
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
        """For each pooled engine of a server, whether it tests its connections."""
        found = False
        for engine in project.facts.engines:
            if purpose(project.facts, engine) != "requests" or engine.only_sqlite or unpooled(engine):
                continue
            found = True
            yield _tested(engine)
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
    server = SERVERS.get(engine.backend or "", "the database")
    return Finding(
        engine.place, f"The pool does not test its connections (pool_pre_ping): after {server} restarts, requests fail "
        "on the ones it still holds.", confidence="high" if engine.backend else "medium", fix=_fix(engine))


def _fix(engine: Engine) -> Fix:
    if any(key is None for key, _ in engine.call.site.node[5]):
        return advice(TITLE, "further arguments of the engine come from a mapping")
    return Fix(TITLE, (SetKeyword(engine.place, engine.callee, "pool_pre_ping", "True"),), safety="review",
               reason="each checkout costs one round trip more")


def unpooled(engine: Engine) -> bool:
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
    Bad(  # by a name of its own, in another module than the address
        {"main.py": APP, "conf.py": f"URL = {URL}\n", "db.py": "import sqlalchemy as sa\n\nfrom conf import URL\n\n"
         "engine = sa.create_engine(URL, pool_size=3)\n"},
        at=("db.py:5",)),
    Good({"main.py": APP, "db.py": ENGINE.format(URL + ", pool_pre_ping=True")}),
    Good({"main.py": APP, "db.py": "from sqlalchemy import create_engine\n\nOPTIONS = {\"pool_pre_ping\": True}\n"
          f"engine = create_engine({URL}, **OPTIONS)\n"}),
    Good({"main.py": APP, "db.py": ENGINE.format("\"sqlite:///shop.db\"")}, outcome="not_applicable"),
    Good({"main.py": APP, "db.py": "from sqlalchemy import create_engine\nfrom sqlalchemy.pool import NullPool\n\n"
          f"engine = create_engine({URL}, poolclass=NullPool)\n"}, outcome="not_applicable"),
    Good({"main.py": APP, "db.py": "import os\n" + ENGINE.format("os.environ[\"DATABASE_URL\"]")}, outcome="unknown"),
)
