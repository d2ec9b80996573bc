"""ARC025: mounted applications whose start-up and shutdown never run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, functions_behind
from readybook.facts.fastapi_objects import Registration
from readybook.facts.objects import Instance
from readybook.facts.program import App
from readybook.facts.reach import startup_functions
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook_checks.architecture.app_module import mounted


class DeadLifespan(Check):
    """The lifespan of a mounted application never runs, so what it opens or starts is not there.

    Looked at: FastAPI and Starlette applications that are mounted in a served one and have a ``lifespan``, start-up or
    shutdown events. Only the outermost application gets the server's lifespan messages; those of mounted ones are
    dropped without a word. It is right where the outer lifespan enters the inner one. (Events that are ignored because
    the same application has a lifespan are ARC012's.)

    Fix, by hand: the outer lifespan enters the inner one, through an ``AsyncExitStack`` where there are several.
    """

    id = "ARC025"
    name = "dead-lifespan"
    category = "architecture"
    severity = "high"
    hours = Hours(0.25, 0.5, 1, each=0.25)
    fix_kinds = ("advice",)
    references = ("https://fastapi.tiangolo.com/advanced/events/#sub-applications",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each mounted application whose lifespan is dead, a Right for each one that is entered."""
        found = False
        for app in project.facts.apps:
            for event, inner in mounted(app.instance) if app.served else ():
                parts = lifecycle(inner)
                if not parts:
                    continue
                found = True
                if entered(project.facts.behaviour, inner):
                    yield Right(event.place, "the outer lifespan enters it", app.spec)
                else:
                    yield finding(project, app, event, inner, parts)
        if not found:
            yield NotApplicable("no mounted application has anything to run when it starts or stops")


def lifecycle(app: Instance) -> list[str]:
    """What an application would run when it starts or stops, in words."""
    record = app.native
    found = ["its lifespan"] if by_default(record.kwargs.get("lifespan")) is not None else []
    found += [f"its {k}" for k in ("on_startup", "on_shutdown") if by_default(record.kwargs.get(k))]
    for event in record.events:
        if event.kind == "event":
            names = [f.name for f in functions_behind(event.data.get("handler"))]
            found.append(f"{names[0]}()" if names else "an event handler")
    return found


def entered(behaviour: Behaviour, inner: Instance) -> bool:
    """Whether start-up code of another application enters the lifespan of this one."""
    own = {id(f.original.node) for f in functions_behind(by_default(inner.native.kwargs.get("lifespan")))}
    for function in startup_functions(behaviour):
        if id(function.node) in own:
            continue
        for call in behaviour.calls_in(function):
            if own & {id(f.original.node) for f in functions_behind(call.site.callee)}:
                return True
            if call.last in ("lifespan_context", "lifespan", "startup") and _about(call.site.callee, call.args, inner):
                return True
    return False


def _about(callee: Any, args: tuple[Any, ...], inner: Instance) -> bool:
    return getattr(callee, "self", None) is inner or any(a is inner for a in args)


def finding(project: Project, app: App, event: Registration, inner: Instance, parts: list[str]) -> Finding:
    """One mounted application with a dead lifespan."""
    name = next((a.spec for a in project.facts.apps if a.instance is inner), "")
    path = event.data.get("path")
    where = f" at {path}" if isinstance(path, str) else ""
    what = " and ".join(parts) if len(parts) < 3 else f"{parts[0]} and {len(parts) - 1} more"
    last = name.rpartition(":")[2] or "inner"
    never = "never runs" if len(parts) == 1 else "never run"
    return Finding(
        event.place, f"{name or 'The application'} is mounted{where}: {what} {never}, as only {app.spec} gets the "
        "server's lifespan.", app=app.spec,
        fix=advice(f"Enter it in the outer lifespan with async with {last}.router.lifespan_context({last})",
                   "what the two lifespans share, and their order, is for a person to decide"),
    )


HEAD = "from contextlib import asynccontextmanager\n\nfrom fastapi import FastAPI\n\n\n"
LIFE = "@asynccontextmanager\nasync def inner_life(app: FastAPI):\n    yield\n\n\n"
DeadLifespan.examples = (
    Bad({"main.py": HEAD + LIFE + "admin = FastAPI(lifespan=inner_life)\napp = FastAPI()\n"
         "app.mount(\"/admin\", admin)\n"},
        at=("main.py:13",), severity="high"),
    Bad(  # in another module, by an event; the outer application has a lifespan of its own
        {"app/sub.py": "from fastapi import FastAPI as Api\n\nsub = Api()\n\n\n@sub.on_event(\"startup\")\n"
         "async def connect():\n    return None\n",
         "app/main.py": HEAD + "from app import sub as inner\n\n\n" + LIFE
         + "def create():\n    app = FastAPI(lifespan=inner_life)\n    app.mount(\"/v1\", app=inner.sub)\n"
         "    return app\n\n\napp = create()\n"},
        at=("app/main.py:16",)),
    Bad(  # mounted in a mounted one
        {"main.py": HEAD + LIFE + "deep = FastAPI(lifespan=inner_life)\nmiddle = FastAPI()\n"
         "middle.mount(\"/deep\", deep)\napp = FastAPI()\napp.mount(\"/m\", middle)\n"}, at=("main.py:13",)),
    Good(  # entered by the outer lifespan
        {"main.py": HEAD + LIFE + "admin = FastAPI(lifespan=inner_life)\n\n\n@asynccontextmanager\n"
         "async def life(app: FastAPI):\n    async with admin.router.lifespan_context(admin):\n        yield\n\n\n"
         "app = FastAPI(lifespan=life)\napp.mount(\"/admin\", admin)\n"}),
    Good(  # called by its name
        {"main.py": HEAD + LIFE + "admin = FastAPI(lifespan=inner_life)\n\n\n@asynccontextmanager\n"
         "async def life(app: FastAPI):\n    async with inner_life(admin):\n        yield\n\n\n"
         "app = FastAPI(lifespan=life)\napp.mount(\"/admin\", admin)\n"}),
    Good(  # files, and an application with nothing to run
        {"main.py": HEAD + "from fastapi.staticfiles import StaticFiles\n\nsub = FastAPI()\napp = FastAPI()\n"
         "app.mount(\"/sub\", sub)\napp.mount(\"/static\", StaticFiles(directory=\"static\"))\n"},
        outcome="not_applicable"),
)
