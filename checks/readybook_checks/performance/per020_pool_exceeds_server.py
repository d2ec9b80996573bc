"""PER020: more connections than the server gives, or more threads than connections."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.facts.enginepurpose import purpose
from readybook.facts.engines import Engine
from readybook.facts.functionplatform import only_functions
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook.patterns import regex
from readybook_checks.performance.per003_pool_not_tuned import unpooled

LIMITS = {"postgresql": ("PostgreSQL", 100), "mysql": ("MySQL", 151), "mariadb": ("MariaDB", 151)}  # as installed
SIZE, OVERFLOW = 5, 10  # SQLAlchemy's defaults
THREADS = 40  # of AnyIO's limiter, which FastAPI's thread pool uses
GIVEN = regex(r"max[_-]connections\s*=\s*'?(\d{2,6})")
RAISED = regex(r"total_tokens\s*=")


class PoolExceedsServer(Check):
    """All processes together may open more connections than the server allows, or threads wait for too few of them.

    Looked at: workers × replicas × (pool size + overflow) of each engine that serves requests, against
    ``max_connections`` where a file sets it, else what PostgreSQL (100) or MySQL (151) allow as installed. And plain
    ``def`` handlers on a synchronous engine: up to 40 threads want a connection each; those beyond pool and overflow
    wait up to ``pool_timeout`` and then answer 500. A pooler outside the process takes the first question over.

    Fix: advice with the arithmetic and numbers that fit. How large the server is decides a person.
    """

    id = "PER020"
    name = "pool-exceeds-server"
    category = "performance"
    severity = "medium"
    hours = Hours(0.25, 1, 2)
    fix_kinds = ("advice",)
    references = ("https://docs.sqlalchemy.org/en/20/core/pooling.html",
                  "https://www.postgresql.org/docs/current/runtime-config-connection.html")
    suppressed_by = ("PER002",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One or two answers for each pooled engine of a server database."""
        facts = project.facts
        found = False
        for engine in facts.engines:
            if purpose(facts, engine) != "requests" or engine.only_sqlite or unpooled(engine):
                continue
            found = True
            size, overflow = (by_default(engine.kwargs.get(k, d)) for k, d in (("pool_size", SIZE),
                                                                               ("max_overflow", OVERFLOW)))
            if not isinstance(size, int) or not isinstance(overflow, int) or "**" in engine.kwargs:
                yield CannotTell("how many connections the pool holds is decided outside the code", engine.place)
                continue
            yield from _together(project, engine, size, overflow)
            yield from _threads(project, engine, size, overflow)
        if not found:
            yield NotApplicable("no pool of a server database serves requests")


def _together(project: Project, engine: Engine, size: int, overflow: int) -> Iterator[Answer]:
    """The connections of all processes against the server's limit."""
    server, allowed = LIMITS.get(engine.backend or "", ("", 0))
    if not allowed or project.facts.pooler:
        return
    set_at, given = _limit(project)
    allowed = given or allowed
    workers, replicas = _workers(project), _replicas(project)
    if overflow < 0:
        yield Finding(
            engine.place, f"max_overflow=-1 sets no limit: under load this engine opens connections until {server} "
            f"refuses them at {allowed}.", fix=advice("Give max_overflow a number", "it depends on the server's size"))
        return
    total = workers * replicas * (size + overflow)
    if total <= allowed:
        yield Right(engine.place, f"{workers} × {replicas} × ({size} + {overflow}) = {total} of {allowed} connections")
        return
    fitting = max(1, (allowed - 10) // (workers * replicas))
    of = f"{set_at} sets {allowed}" if given else f"{server} allows {allowed} as installed"
    copies = f"{workers} worker{'s' * (workers != 1)} × {replicas} replica{'s' * (replicas != 1)}"
    yield Finding(
        engine.place, f"{copies} × ({size} + {overflow}) are {total} connections, and {of}: the rest is refused, first "
        "under load.", confidence="high" if given else "medium",
        fix=advice(f"Let pool_size + max_overflow be {fitting} at most, raise max_connections, or put a pooler before "
                   "the server", "how large the server is, and what else connects to it, is not in the code"))


def _threads(project: Project, engine: Engine, size: int, overflow: int) -> Iterator[Answer]:
    """Threads of plain handlers that share the pool of a synchronous engine."""
    if engine.is_async or not 0 <= size + overflow < THREADS or overflow < 0 or only_functions(project.facts):
        return
    handlers = [e for e in project.facts.behaviour.entries if e.kind == "handler" and not e.in_loop]
    limited = any(RAISED.search(m.text) for m in project.facts.modules.by_path.values() if m.role == "application")
    if len(handlers) < 2 or limited or "pool_timeout" in engine.kwargs:
        return
    yield Finding(
        engine.place, f"{len(handlers)} plain handlers run in up to {THREADS} threads and share {size + overflow} "
        "connections: under load the others wait 30 seconds for one and then answer 500.", "low", confidence="medium",
        fix=advice(f"Let pool_size + max_overflow be {THREADS}, or give pool_timeout a few seconds so that overload "
                   "shows at once", "what load the service has to carry is not in the code"))


def _limit(project: Project) -> tuple[Place | None, int]:
    """Where a file of the target sets the server's limit, and to what; (None, 0) where none does."""
    for path, file in sorted(project.files.items()):
        if path.endswith((".yml", ".yaml", ".conf", ".sh", ".tf")) and "connections" in file.text:
            match = GIVEN.search(file.text)
            if match:
                return Place(path, file.text.count("\n", 0, match.start()) + 1), int(match[1])
    return None, 0


def _workers(project: Project) -> int:
    """The most workers that a deployed command starts; 1 when none says."""
    found = [c.workers for c in project.facts.serve_commands if c.purpose == "deploy"]
    return max((w for w in found if isinstance(w, int)), default=1) or 1


def _replicas(project: Project) -> int:
    """The most copies that compose or Kubernetes start of what serves the application; 1 when nothing says."""
    commands = {c.service for c in project.facts.serve_commands if c.service}
    counts = [s.replicas for s in project.facts.compose_services if s.name in commands and s.replicas]
    counts += [k.replicas for k in project.facts.kubernetes if k.kind == "Deployment" and k.replicas]
    return max(counts, default=1)


APP = "from fastapi import FastAPI\n\nimport db\n\napp = FastAPI()\n"
ENGINE = "from sqlalchemy.ext.asyncio import create_async_engine\n\nengine = create_async_engine({})\n"
SYNC = ("from sqlalchemy import create_engine\n\n"
        "engine = create_engine(\"postgresql+psycopg://localhost/shop\")\n")
URL = "\"postgresql+asyncpg://localhost/shop\""
IMAGE = "FROM python:3.12-slim\nCOPY . .\nCMD [\"uvicorn\", \"main:app\", \"--workers\", \"8\"]\n"
DEPLOYMENT = ("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  replicas: 5\n  template:\n"
              "    spec:\n      containers:\n        - name: api\n          image: api:1.0\n")
PLAIN = APP + "".join(f"\n\n@app.get(\"/{n}\")\ndef {n}() -> int:\n    return 1\n" for n in "ab")
PoolExceedsServer.examples = (
    Bad({"main.py": APP, "db.py": ENGINE.format(URL), "Dockerfile": IMAGE}, at=("db.py:3",), severity="medium"),
    Bad({"main.py": APP, "db.py": ENGINE.format(URL + ", pool_size=20"), "k8s.yaml": DEPLOYMENT}, at=("db.py:3",)),
    Bad({"main.py": APP, "db.py": ENGINE.format(URL + ", max_overflow=-1")}, at=("db.py:3",)),
    Bad(  # forty threads, fifteen connections
        {"main.py": PLAIN, "db.py": SYNC}, at=("db.py:3",), severity="low"),
    Good({"main.py": APP, "db.py": ENGINE.format(URL)}),
    Good(  # a function: one request at a time
        {"main.py": f"from mangum import Mangum\n{PLAIN}\n\nhandler = Mangum(app)\n", "db.py": SYNC}),
    Good({"main.py": APP, "db.py": ENGINE.format(URL), "Dockerfile": IMAGE, "compose.yml":
          "services:\n  db:\n    image: postgres:16\n    command: postgres -c max_connections=200\n"}),
    Good({"main.py": APP, "db.py": ENGINE.format(URL), "Dockerfile": IMAGE, "compose.yml":
          "services:\n  pool:\n    image: edoburu/pgbouncer:1.23\n"}, outcome="not_applicable"),
    Good({"main.py": APP, "db.py": ENGINE.format("\"sqlite+aiosqlite:///shop.db\"")}, outcome="not_applicable"),
    Good({"main.py": APP, "db.py": "import os\n" + ENGINE.format(URL + ", pool_size=int(os.environ[\"POOL\"])")},
         outcome="unknown"),
)
