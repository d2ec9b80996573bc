"""ARC012: start-up and shutdown by events instead of a lifespan."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.facts.behaviour import functions_behind
from readybook.facts.program import App, Handler
from readybook.finding import Answer
from readybook.intents import EventsToLifespan
from readybook.patterns import regex

# What registers events of its own on an application that it is given, or uses those that are registered: beside a
# lifespan they would never run.
OTHERS = regex(r"\b(?:register_tortoise|fastapi_sqla\.setup|add_event_handler"
               r"|router\.(?:on_startup|on_shutdown|startup|shutdown|add_event_handler|lifespan_context))\b"
               r"|\binit_app\([ \t]*app\b")


class DeprecatedStartupEvents(Check):
    """Start-up and shutdown run from deprecated event handlers instead of one lifespan.

    Looked at: ``@app.on_event``, ``add_event_handler`` and ``on_startup=``/``on_shutdown=`` of every served
    application. Low where they still work; high where they do not: beside ``lifespan=`` the application ignores
    its own events, and Starlette 1 has no ``add_event_handler`` any more, so the process stops while it starts.

    Fix: one ``@asynccontextmanager`` lifespan that calls the same functions in the same order, shutdown after the
    ``yield`` in a ``finally``.
    """

    id = "ARC012"
    name = "deprecated-startup-events"
    category = "architecture"
    severity = "low"
    hours = Hours(0.5, 1, 3, each=0.25, once=("lifespan", 0.75))
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/advanced/events/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One finding for each application that uses events: they move into one lifespan together."""
        apps = [a for a in project.facts.apps if a.served]
        if not any(a.events or "lifespan" in a.kwargs for a in apps):
            yield NotApplicable("no application runs anything when it starts or stops")
        for app in apps:
            if app.events:
                yield self._finding(project, app)
            elif "lifespan" in app.kwargs:
                yield Right(app.place, "runs a lifespan", app.spec)

    def _finding(self, project: Project, app: App) -> Finding:
        first = min(app.events, key=lambda e: (e.place.path, e.place.line))
        names = ", ".join(e.name.rpartition(".")[2] for e in app.events)
        one = len(app.events) == 1
        run = "runs from an event" if one else "run from events"
        severity, message = "low", f"{names} {run}, which FastAPI deprecates in favour of lifespan."
        starlette = project.facts.release("starlette")
        if "lifespan" in app.kwargs and any(e.via == "on_event" for e in app.events):
            severity = "high"
            message = (f"{names} never {'runs' if one else 'run'}: the application has a lifespan, and then ignores "
                       "its own events.")
        elif starlette is not None and starlette >= (1,) and any(e.via == "add_event_handler" for e in app.events):
            severity = "high"
            message = (f"{names} {'is' if one else 'are'} added by add_event_handler, which Starlette 1 does not have: "
                       "start-up fails.")
        return Finding(first.place, message, severity, fix=events_fix(project, app), app=app.spec)


def events_fix(project: Project, app: App) -> Fix:
    """The fix that moves the events of an application into a lifespan; advice where a person must."""
    title = "Run start-up and shutdown from one lifespan"
    startup, shutdown = _places(app, "startup"), _places(app, "shutdown")
    if startup is None or shutdown is None:
        return advice(title, "a handler is not a function of this code that a lifespan could call")
    if "lifespan" in app.kwargs:
        return advice(title, "the events never ran: whether they should now is for a person to decide")
    release = project.facts.release("fastapi")
    if release is not None and release < (0, 93):
        return advice(title, "the pinned release of FastAPI takes no lifespan: 0.93 does")
    if any(e.via != "on_event" for e in app.events):
        return advice(title, "handlers that are registered by a call are moved by hand")
    if any(p.path != app.place.path for p in (*startup, *shutdown)):
        return advice(title, "the handlers live in other modules than the application")
    other = _others(project)
    if other:
        return advice(title, f"{other} adds events to the application or runs them: beside a lifespan they would "
                      "never run")
    if _called_by_name(project, app.events):
        return advice(title, "other code calls the handlers by name")
    return Fix(title, (EventsToLifespan(app.place, startup, shutdown),), safety="safe",
               reason="the same functions run in the same order")


def _places(app: App, key: str) -> tuple[Place, ...] | None:
    """The ``def`` of each handler of an event in order; None when one is not a plain function of the project."""
    places = []
    for event in app.events:
        if event.key != key:
            continue
        functions = functions_behind(event.target)
        if len(functions) != 1 or functions[0].node[0] != "def" or functions[0].params:
            return None
        places.append(functions[0].module.place(functions[0].node, functions[0].qualname))
    return tuple(places)


def _others(project: Project) -> str:
    """What else in the code, its tests too, has to do with the events of an application; empty when nothing has."""
    for path in sorted(project.files):
        if path.endswith(".py"):
            match = OTHERS.search(project.text(path))
            if match is not None:
                return f"{match[0].partition('(')[0]} in {path}"
    return ""


def _called_by_name(project: Project, events: tuple[Handler, ...]) -> bool:
    return any(project.facts.behaviour.by_path.get(e.name) for e in events)


HEAD = "from fastapi import FastAPI\n\n"
DeprecatedStartupEvents.examples = (
    Bad(
        {"main.py": HEAD + "app = FastAPI()\n\n\n@app.on_event(\"startup\")\nasync def connect() -> None:\n"
         "    app.state.ready = True\n\n\n@app.on_event(\"shutdown\")\ndef disconnect() -> None:\n"
         "    app.state.ready = False\n"},
        at=("main.py:6",), severity="low",
        fixed={"main.py": "from collections.abc import AsyncIterator\nfrom contextlib import asynccontextmanager\n\n"
               + HEAD + "\n@asynccontextmanager\nasync def lifespan(app: FastAPI) -> AsyncIterator[None]:\n"
               "    \"\"\"Run what start-up needs, serve, then run what shutdown needs.\"\"\"\n    await connect()\n"
               "    try:\n        yield\n    finally:\n        disconnect()\n\n\napp = FastAPI(lifespan=lifespan)\n\n\n"
               "async def connect() -> None:\n    app.state.ready = True\n\n\ndef disconnect() -> None:\n"
               "    app.state.ready = False\n"},
    ),
    Bad(  # a factory, several handlers
        {"app/main.py": HEAD + "\ndef create_app() -> FastAPI:\n    app = FastAPI(title=\"x\")\n\n"
         "    @app.on_event(\"startup\")\n    async def one() -> None:\n        return None\n\n"
         "    app.add_event_handler(\"startup\", two)\n    return app\n\n\ndef two() -> None:\n    return None\n\n\n"
         "app = create_app()\n"},
        at=("app/main.py:7",), severity="low",
    ),
    Bad(  # a handler that lets a library add more of them
        {"main.py": HEAD + "from tortoise.contrib.fastapi import register_tortoise\n\napp = FastAPI()\n\n\n"
         "@app.on_event(\"startup\")\nasync def connect() -> None:\n    register_tortoise(app, db_url=\"sqlite://x\")\n"},
        at=("main.py:8",), fixed={},
    ),
    Bad(  # beside a lifespan: never runs
        {"main.py": "from contextlib import asynccontextmanager\n\n" + HEAD + "\n@asynccontextmanager\n"
         "async def lifespan(app: FastAPI):\n    yield\n\n\napp = FastAPI(lifespan=lifespan)\n\n\n"
         "@app.on_event(\"startup\")\nasync def connect() -> None:\n    return None\n"},
        at=("main.py:14",), severity="high",
    ),
    Bad(  # Starlette 1 has no add_event_handler
        {"main.py": HEAD + "\ndef connect() -> None:\n    return None\n\n\napp = FastAPI()\n"
         "app.add_event_handler(\"startup\", connect)\n",
         "requirements.txt": "fastapi==0.136.0\nstarlette==1.10.0\n"},
        at=("main.py:9",), severity="high",
    ),
    Good({"main.py": "from contextlib import asynccontextmanager\n\n" + HEAD + "\n@asynccontextmanager\n"
          "async def lifespan(app: FastAPI):\n    yield\n\n\napp = FastAPI(lifespan=lifespan)\n"}),
    Good({"main.py": HEAD + "app = FastAPI()\n"}, outcome="not_applicable"),
    Good(  # another library's event of the same name
        {"main.py": "from fastapi import FastAPI\nfrom bus import broker\n\napp = FastAPI()\n\n\n"
         "@broker.on_event(\"startup\")\nasync def connect() -> None:\n    return None\n"}, outcome="not_applicable",
    ),
    Bad(  # FastAPI before 0.93 takes no lifespan: it stays as it is
        {"main.py": HEAD + "app = FastAPI()\n\n\n@app.on_event(\"startup\")\ndef begin() -> None:\n    print(1)\n",
         "requirements.txt": "fastapi==0.70.0\n"}, at=("main.py:6",)),
)
