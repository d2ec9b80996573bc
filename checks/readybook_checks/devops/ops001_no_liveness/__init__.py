"""OPS001: no route that tells whether the process lives."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.functionplatform import function_platform
from readybook.facts.health import LIBRARIES, HealthRoute
from readybook.facts.processes import deploys
from readybook.facts.program import App
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureRouter
from readybook.patterns import regex
from readybook_checks.devops.health_router import new_home, taken

NOUNS = {"database": "the database", "redis": "Redis", "mongo": "MongoDB", "broker": "the broker",
         "service": "another service"}
# the last words of routes that are there for what the service needs, and not for the process
SPECIAL = regex(r"(?i)ready|readiness|database|^db|postgres|redis|cache|detail|full|deep|startup|dependenc")
TITLE = "Add a liveness route that asks nothing else"


class NoLiveness(Check):
    """No route tells an orchestrator whether the process still answers.

    Looked at: the GET routes of each served application, resolved with their prefixes. One answers as liveness when its
    path says so, or a probe of a container asks for it, and neither it nor its dependencies ask a database or another
    service. Without one a hung process stays in service; one that asks the database shows a hung process too, but has
    every process restarted while the database is away, which helps nobody: right in part. A welcome message and a page
    of the front end are no liveness. High where this repository says how the service is deployed, medium where it does
    not: an example, or a part of something.

    Fix: a health router beside the others with ``/health/live``, included in the application.
    """

    id = "OPS001"
    name = "no-liveness"
    category = "devops"
    severity = "high"
    hours = Hours(0.25, 1, 2)
    fix_kinds = ("scaffold", "advice")
    references = ("https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each served application that has routes."""
        apps = [a for a in project.facts.apps if a.served and any(r.app == a.spec for r in project.facts.routes)]
        if not apps:
            yield NotApplicable("no route is served")
        for app in apps:
            yield from self._answers(project, app)

    def _answers(self, project: Project, app: App) -> Iterator[Answer]:
        answer = self._answer(project, app)
        if isinstance(answer, HealthRoute):
            path = answer.route.path
            if not SPECIAL.search(path.rstrip("/").rpartition("/")[2]):  # a hung process does not answer it either
                yield Right(answer.route.place, f"GET {path} tells whether the process answers", app.spec)
            answer = self._asking(project, app, answer)
        yield answer

    def _answer(self, project: Project, app: App) -> Answer | HealthRoute:
        platform = function_platform(project.facts, app)
        if platform:
            return NotApplicable(f"{platform} replaces what hangs and asks no health route")
        routes = [h for h in project.facts.health_routes if h.route.app == app.spec and h.route.by_default is not False]
        live = next((h for h in routes if h.is_liveness and not h.unclear), None)
        if live is not None:
            return Right(live.route.place, f"GET {live.route.path} asks nothing else", app.spec)
        middleware = next((m for m in project.facts.health_middleware if m.app == app.spec), None)
        if middleware is not None:
            return Right(middleware.place, f"a middleware answers {middleware.path}", app.spec)
        unclear = next((h for h in routes if h.is_liveness), None)
        if unclear is not None:
            what = f"whether GET {unclear.route.path} asks a service ({', '.join(unclear.unclear)}) is not seen"
            return CannotTell(what, unclear.route.place, app.spec)
        hidden = _hidden(project)
        if hidden is not None:
            return hidden
        routes = [h for h in routes if not h.is_of_another]
        general = sorted(routes, key=lambda h: bool(SPECIAL.search(h.route.path.rstrip("/").rpartition("/")[2])))
        return general[0] if general else self._missing(project, app)

    def _missing(self, project: Project, app: App) -> Finding:
        return Finding(
            app.place, f"{app.spec} has no health route: nothing can tell a hung process from a working one.",
            "high" if deploys(project.facts) else "medium",
            confidence="medium" if project.facts.unresolved else "high", fix=_fix(project, app), app=app.spec,
        )

    def _asking(self, project: Project, app: App, health: HealthRoute) -> Finding:
        kinds = " and ".join(NOUNS[k] for k in sorted(health.kinds)) or "something else"
        return Finding(
            health.route.place, f"GET {health.route.path} is the only health route and asks {kinds}: a probe on it "
            "restarts every process while that is away.", "medium", fix=_fix(project, app), app=app.spec,
        )


def _hidden(project: Project) -> CannotTell | None:
    """What may register a health route where the code does not show it."""
    for call in project.facts.behaviour.matching(LIBRARIES.match):
        return CannotTell(f"{call.path.partition('.')[0]} may register a health route", call.place)
    for one in project.facts.unresolved:
        lines = project.text(one.place.path).split("\n") if one.place.path in project.files else []
        if one.place.line <= len(lines) and "health" in lines[one.place.line - 1].lower():
            return CannotTell(f"a router that may hold a health route is not resolved: {one.reason}", one.place)
    return None


def _fix(project: Project, app: App) -> Fix:
    home = new_home(project, app, "live")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    before = taken(project, app, home.full_path)
    if before:
        return advice(TITLE, f"the route {before} already answers {home.full_path}")
    text = files(__package__).joinpath("health.py.tmpl").read_text(encoding="utf-8")
    return Fix(TITLE, (AddFile(home.path, text), EnsureRouter(app.place, home.module, home.router)),
               kinds=("scaffold",), safety="safe", reason="a new route; point the liveness probe at /health/live")


HEAD = "from fastapi import FastAPI\n\n"
ITEMS = ("from fastapi import APIRouter\n\nrouter = APIRouter(prefix=\"/{name}\")\n\n\n@router.get(\"/\")\n"
         "async def index() -> list[str]:\n    return []\n")
LIVE = files(__package__).joinpath("health.py.tmpl").read_text(encoding="utf-8")
NoLiveness.examples = (
    Bad(  # the router goes beside the others
        {"Procfile": "web: uvicorn app.main:app\n", "app/__init__.py": "", "app/routers/__init__.py": "",
         "app/main.py": HEAD + "from app.routers import items, users\n\napp = FastAPI()\n"
         "app.include_router(items.router)\napp.include_router(users.router)\n",
         "app/routers/items.py": ITEMS.format(name="items"), "app/routers/users.py": ITEMS.format(name="users")},
        at=("app/main.py:5",), severity="high",
        fixed={"app/routers/health.py": LIVE,
               "app/main.py": HEAD + "from app.routers import items, users\n"
               "from app.routers.health import health_router\n\napp = FastAPI()\n"
               "app.include_router(items.router)\napp.include_router(users.router)\n"
               "app.include_router(health_router)\n"},
    ),
    Bad(  # a business route, a welcome message
        {"main.py": HEAD + "app = FastAPI()\n\n\n@app.get(\"/\")\ndef root() -> dict[str, str]:\n"
         "    return {\"status\": \"ok\"}\n\n\n@app.get(\"/jobs/{job_id}/status\")\ndef job(job_id: int) -> int:\n"
         "    return job_id\n\n\n@app.get(\"/payment/stripe/status\")\ndef stripe() -> str:\n    return \"paid\"\n"},
        at=("main.py:3",), severity="medium",
    ),
    Bad(  # it asks the database, through a dependency
        {"main.py": "from fastapi import Depends, FastAPI\nfrom sqlalchemy import create_engine, text\n"
         "from sqlalchemy.orm import Session\n\nengine = create_engine(\"postgresql://localhost/shop\")\n"
         "app = FastAPI()\n\n\ndef session():\n    with Session(engine) as session:\n        yield session\n\n\n"
         "@app.get(\"/health\")\n"
         "def health(db: Session = Depends(session)) -> str:\n    db.execute(text(\"SELECT 1\"))\n    return \"ok\"\n"},
        at=("main.py:15",), severity="medium",
    ),
    Bad(  # a readiness route alone
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy import create_engine, text\n\n"
         "engine = create_engine(\"postgresql://localhost/shop\")\napp = FastAPI()\n\n\n@app.get(\"/ready\")\n"
         "def ready() -> str:\n    with engine.connect() as connection:\n"
         "        connection.execute(text(\"SELECT 1\"))\n    return \"ok\"\n"},
        at=("main.py:9",), severity="medium",
    ),
    Good({"main.py": HEAD + "app = FastAPI()\n\n\n@app.get(\"/api/v1/healthz\")\nasync def healthz() -> str:\n"
          "    return \"ok\"\n"}),
    Good(  # a name of its own, but the container asks for it
        {"main.py": HEAD + "app = FastAPI()\n\n\n@app.get(\"/internal/beat\")\nasync def beat() -> str:\n"
         "    return \"ok\"\n",
         "Dockerfile": "FROM python:3.12-slim\nHEALTHCHECK CMD curl -f http://localhost:8000/internal/beat || exit 1\n"
         "CMD [\"uvicorn\", \"main:app\"]\n"}),
    Good(  # a middleware answers
        {"main.py": "from fastapi import FastAPI, Request\nfrom fastapi.responses import JSONResponse\n\n"
         "app = FastAPI()\n\n\n@app.middleware(\"http\")\nasync def health(request: Request, call_next):\n"
         "    if request.url.path == \"/healthz\":\n        return JSONResponse({\"status\": \"ok\"})\n"
         "    return await call_next(request)\n\n\n@app.get(\"/items\")\ndef items() -> list[str]:\n    return []\n"}),
    Good({"jobs.py": "print('no application')\n"}, outcome="not_applicable"),
    Good(  # a function, to which no probe goes
        {"main.py": "from fastapi import FastAPI\nfrom mangum import Mangum\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def root() -> str:\n    return \"ok\"\n\n\ndef handler(event, context):\n"
         "    return Mangum(app, lifespan=\"off\")(event, context)\n"}, outcome="not_applicable"),
    Good(  # the container's check is a script of the project that asks for it
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/about\")\n"
         "def about() -> str:\n    return \"shop\"\n", "scripts/check.py": "import os\nimport urllib.request\n\n"
         "port = os.environ[\"PORT\"]\n"
         "urllib.request.urlopen(f\"http://127.0.0.1:{port}/about\", timeout=2)\n",
         "Dockerfile": "FROM python:3.12-slim\nCOPY . /app\nHEALTHCHECK CMD python /app/scripts/check.py || exit 1\n"
         "CMD [\"uvicorn\", \"main:app\"]\n"}),
    Good(  # the image asks for the head of the answer
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.head(\"/status\")\n"
         "async def status() -> None:\n    pass\n", "Dockerfile": "FROM python:3.12-slim\nCOPY . /app\n"
         "HEALTHCHECK CMD curl -fI http://localhost:8000/status\nCMD [\"uvicorn\", \"main:app\"]\n"}),
    Bad(  # how another service is
        {"main.py": "import httpx\n\n" + HEAD + "app = FastAPI()\n\n\n@app.get(\"/api/search/health\")\n"
         "def search() -> str:\n    return httpx.get(\"http://search:9200/_health\").text\n"},
        at=("main.py:5",), severity="medium"),
)
