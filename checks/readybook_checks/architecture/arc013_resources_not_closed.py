"""ARC013: clients, pools and engines that nobody closes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import functions_behind
from readybook.facts.functionplatform import function_platform
from readybook.facts.objects import FunctionValue
from readybook.facts.program import App
from readybook.facts.reach import first_reached
from readybook.facts.resources import Resource, near, resources
from readybook.facts.stores import is_cached, starts_empty
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook.intents import CloseAtShutdown, EnsureMethod, EnsureModuleStatement, Intent
from readybook.place import Place
from readybook_checks.architecture.arc012_deprecated_startup_events import events_fix

TITLE = "Close it when the lifespan ends"


class ResourcesNotClosed(Check):
    """What the application opens for its whole life is never closed when it stops.

    Looked at: SQLAlchemy engines, Redis, MongoDB and HTTP clients that modules, classes and cached functions of a
    served application make, and whether any code closes them, enters them by ``with`` or hands them to an exit stack.
    When the process ends the system closes the sockets; until then servers keep connections of processes that drain,
    reloads and tests leave them behind, and what is buffered is lost. Low; medium where each request builds the object
    that opens a client, as each of these stays open. Local clients are PER011's question.

    Fix: the lifespan closes them last, what it did before may need them; a class that keeps its client to itself gets a
    method for it.
    """

    id = "ARC013"
    name = "resources-not-closed"
    category = "architecture"
    severity = "low"
    hours = Hours(0.5, 1.5, 3, each=0.5, once=("lifespan", 0.75))
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/advanced/events/#lifespan",
                  "https://docs.sqlalchemy.org/en/20/core/connections.html#engine-disposal")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each resource that a served application loads."""
        seen: set[int] = set()
        for app in project.facts.apps:
            if not app.served:
                continue
            found = [r for r in resources(project.facts, near(project.facts, app.place.path)) if id(r.call) not in seen]
            seen |= {id(r.call) for r in found}
            platform = function_platform(project.facts, app)
            asked = first_reached(project.facts.behaviour, [r.call for r in found if r.owner is not None])
            for resource in found:
                if resource.closed:
                    yield Right(resource.call.place, "it is closed", app.spec)
                elif platform and not _piles_up(asked.get(id(resource.call))):
                    yield NotApplicable(f"{platform} runs a lifespan around each request: what is kept stays open")
                else:
                    yield _finding(project, app, resource, asked.get(id(resource.call)))
        if not seen:
            yield NotApplicable("nothing is kept open for the life of a served application")


def _finding(project: Project, app: App, resource: Resource, reached: Any) -> Finding:
    name = f" {resource.access.expression}" if resource.access is not None else ""
    name = "" if resource.what.endswith(name) else name  # "the database engine engine"
    owner = resource.owner.name if resource.owner is not None else ""
    never = f"{owner}.{resource.closer} would close it, and is never called" if resource.closer else "nothing closes it"
    if _piles_up(reached):
        return Finding(
            resource.call.place, f"{owner} opens its own {resource.what} each time it is built, which requests do, and "
            f"{never}: connections pile up until the garbage is collected.", "medium", app=app.spec,
            chain=tuple(step.place for step in reached.chain),
            fix=advice(f"Build one {owner} in the lifespan and close its {resource.what} there, or use it by with",
                       "how long an object of the class shall live is for a person to say"))
    message = f"The {resource.what}{name} stays open when the application stops: {never}."
    return Finding(resource.call.place, message, app=app.spec, fix=_fix(project, app, resource))


def _piles_up(reached: Any) -> bool:
    """Whether requests open it anew each time; ``reached``: the shortest way by which they come to it, or None."""
    return reached is not None and not _kept(reached)


def _kept(reached: Any) -> bool:
    """Whether a function on the way is cached, so that requests share what it makes."""
    functions = [reached.entry.function, *(s.call.site.function for s in reached.chain), reached.call.site.function]
    return any(isinstance(f, FunctionValue) and is_cached(f) for f in functions)


def _fix(project: Project, app: App, resource: Resource) -> Fix:
    reached = resource.access
    if reached is None:
        return advice(TITLE, "no name at the level of a module leads to it")
    expression, made = _closing(resource, reached.expression)
    if not expression:
        return advice(TITLE, f"only {resource.owner.name if resource.owner else 'its class'} should use it")
    statement = f"await {expression}" if resource.awaited else expression
    name = reached.name
    if starts_empty(project.facts, reached.path, name):
        if reached.expression.removesuffix("()") != name:
            return advice(TITLE, f"{name} is None until somebody asks for it")
        name, statement, *added = _closing_function(project, reached.path, name, statement, resource)
        made += tuple(added)
    closing = at_shutdown(project, app, reached.path, name, statement)
    if isinstance(closing, str):
        return advice(TITLE, closing)
    return Fix(TITLE, (*made, *closing), safety="safe", reason="it is closed after all that the lifespan does")


def _closing_function(project: Project, path: str, name: str, statement: str, resource: Resource
                      ) -> tuple[str, str, EnsureModuleStatement]:
    """A function beside a name that is None until the first use: who imports the name would keep the None."""
    bare = name.strip("_").lower()
    names = project.facts.program.everything.loaded[path].scope.names
    function = next(f for f in (f"close_{bare}", f"close_shared_{bare}", f"close_{bare}_at_shutdown")
                    if f not in names or f.endswith("_at_shutdown"))
    start, wait = ("async def", "await ") if resource.awaited else ("def", "")
    code = (f'{start} {function}() -> None:\n    """Close the {resource.what}, if one was opened."""\n'
            f"    if {name} is not None:\n        {statement}")
    return function, f"{wait}{function}()", EnsureModuleStatement(path, function, code, last=True)


def at_shutdown(project: Project, app: App, path: str, name: str, statement: str) -> tuple[Intent, ...] | str:
    """What runs a statement when the application stops, its events turned into a lifespan first; why not, in words."""
    release = project.facts.release("fastapi", app.place.path)
    if release is not None and release < (0, 93):
        return "the pinned release of FastAPI has no lifespan: a shutdown handler closes it"
    before: tuple[Intent, ...] = ()
    if app.events:
        moved = events_fix(project, app)
        if not moved.intents:
            return f"the application runs from events, and {moved.reason}"
        before = moved.intents
    lifespan = _lifespan(app)
    if by_default(app.kwargs.get("lifespan")) is not None and lifespan is None:
        return "its lifespan is not a function that an edit could find"
    return (*before, CloseAtShutdown(app.place, path, name, statement, lifespan))


def _lifespan(app: App) -> Place | None:
    functions = functions_behind(by_default(app.kwargs.get("lifespan")))
    if len(functions) != 1 or functions[0].original.node[0] != "def":
        return None
    function = functions[0].original
    return function.module.place(function.node, function.qualname)


def _closing(resource: Resource, expression: str) -> tuple[str, tuple[Intent, ...]]:
    """The call that closes it, and the method that a class needs for it where its attribute is private."""
    owner, attribute = resource.owner, expression.rpartition(".")[2]
    head = expression.rpartition(".")[0]
    if owner is None or not head or expression.endswith("()"):
        return f"{expression}.{resource.close}()", ()
    if resource.closer:
        return (f"{head}.{resource.closer}()", ()) if not resource.closer.startswith("_") else ("", ())
    if not attribute.startswith("_"):
        return f"{expression}.{resource.close}()", ()
    name = "aclose" if resource.awaited else "close"
    if attribute.startswith("__") or name in owner.scope.names:
        return "", ()
    start, wait = ("async def", "await ") if resource.awaited else ("def", "")
    code = (f'{start} {name}(self) -> None:\n    """Close the {resource.what}."""\n'
            f"    {wait}self.{attribute}.{resource.close}()")
    place = owner.module.place(owner.node, owner.qualname)
    return f"{head}.{name}()", (EnsureMethod(place, owner.name, name, code),)


APP = "from fastapi import FastAPI\n\nfrom db import engine\n\napp = FastAPI()\napp.state.engine = engine\n"
DB = ("from sqlalchemy.ext.asyncio import create_async_engine\n\n"
      "engine = create_async_engine(\"postgresql+asyncpg://db/a\")\n")
LIFE = ("from contextlib import asynccontextmanager\n\nimport httpx\nfrom fastapi import FastAPI\n\n"
        "client = httpx.AsyncClient()\n\n\n@asynccontextmanager\nasync def lifespan(app: FastAPI):\n")
RUN = "\n\napp = FastAPI(lifespan=lifespan)\n"
SERVICE = ("import httpx\n\n\nclass Weather:\n    def __init__(self) -> None:\n"
           "        self._client = httpx.AsyncClient()\n\n    async def now(self) -> str:\n"
           "        return (await self._client.get(\"https://w.example\")).text\n")
ResourcesNotClosed.examples = (
    Bad(  # no lifespan yet
        {"main.py": APP, "db.py": DB}, at=("db.py:3",), severity="low",
        fixed={"main.py": "from collections.abc import AsyncIterator\nfrom contextlib import asynccontextmanager\n\n"
               "from fastapi import FastAPI\n\nfrom db import engine\n\n\n@asynccontextmanager\n"
               "async def lifespan(app: FastAPI) -> AsyncIterator[None]:\n"
               "    \"\"\"Run what start-up needs, serve, then run what shutdown needs.\"\"\"\n    try:\n"
               "        yield\n"
               "    finally:\n        await engine.dispose()\n\n\napp = FastAPI(lifespan=lifespan)\n"
               "app.state.engine = engine\n"},
    ),
    Bad(  # a lifespan that ends with other things
        {"main.py": LIFE + "    yield\n    await client.get(\"https://a.example/bye\")\n" + RUN}, at=("main.py:6",),
        fixed={"main.py": LIFE + "    yield\n    await client.get(\"https://a.example/bye\")\n"
               "    await client.aclose()\n" + RUN},
    ),
    Bad(  # an object that keeps its client to itself, and events
        {"weather.py": SERVICE,
         "main.py": "from fastapi import FastAPI\n\nfrom weather import Weather\n\nweather = Weather()\n"
         "app = FastAPI()\n\n\n@app.on_event(\"startup\")\nasync def start() -> None:\n    await weather.now()\n"},
        at=("weather.py:6",),
        fixed={"weather.py": SERVICE + "\n    async def aclose(self) -> None:\n"
             "        \"\"\"Close the HTTP client.\"\"\"\n"
               "        await self._client.aclose()\n",
               "main.py": "from collections.abc import AsyncIterator\nfrom contextlib import asynccontextmanager\n\n"
               "from fastapi import FastAPI\n\nfrom weather import Weather\n\nweather = Weather()\n\n\n"
               "@asynccontextmanager\nasync def lifespan(app: FastAPI) -> AsyncIterator[None]:\n"
               "    \"\"\"Run what start-up needs, serve, then run what shutdown needs.\"\"\"\n    await start()\n"
               "    try:\n        yield\n    finally:\n        await weather.aclose()\n\n\n"
               "app = FastAPI(lifespan=lifespan)\n\n\nasync def start() -> None:\n    await weather.now()\n"},
    ),
    Bad(  # under the name by which the file knows it
        {"main.py": LIFE.replace("\nclient = ", "\nfrom db import engine as writer\n\nclient = ")
         + "    async with client:\n        yield\n    print(writer)\n" + RUN, "db.py": DB},
        at=("db.py:3",),
        fixed={"main.py": LIFE.replace("\nclient = ", "\nfrom db import engine as writer\n\nclient = ")
               + "    async with client:\n        try:\n            yield\n        finally:\n"
               "            await writer.dispose()\n    print(writer)\n" + RUN},
    ),
    Bad(  # None until the first request that needs it
        {"main.py": LIFE.replace("client = httpx.AsyncClient()", "_client = None").replace(
            "\n\n\n@async", "\n\n\ndef client():\n    global _client\n    if _client is None:\n"
            "        _client = httpx.AsyncClient()\n    return _client\n\n\n@async") + "    yield\n" + RUN},
        at=("main.py:12",),
        fixed={"main.py": LIFE.replace("client = httpx.AsyncClient()", "_client = None").replace(
            "\n\n\n@async", "\n\n\ndef client():\n    global _client\n    if _client is None:\n"
            "        _client = httpx.AsyncClient()\n    return _client\n\n\n@async")
            + "    try:\n        yield\n    finally:\n        await close_client()\n" + RUN
            + "\n\nasync def close_client() -> None:\n    \"\"\"Close the HTTP client, if one was opened.\"\"\"\n"
            "    if _client is not None:\n        await _client.aclose()\n"},
    ),
    Bad(  # built for each request
        {"weather.py": SERVICE,
         "main.py": "from fastapi import Depends, FastAPI\n\nfrom weather import Weather\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/now\")\nasync def now(weather: Weather = Depends()) -> str:\n    return await weather.now()\n"},
        at=("weather.py:6",), severity="medium",
    ),
    Good(  # through a function of another module
        {"main.py": LIFE.replace("\nclient = ", "\nfrom db import close_db\n\nclient = ")
         + "    async with client:\n        yield\n    await close_db()\n" + RUN,
         "db.py": DB + "\n\nasync def close_db() -> None:\n    await engine.dispose()\n"}),
    Good(  # a function: its lifespan runs around each request
        {"main.py": "from fastapi import FastAPI\nfrom mangum import Mangum\n\nfrom db import engine\n\n"
         "app = FastAPI()\napp.state.engine = engine\nhandler = Mangum(app)\n", "db.py": DB},
        outcome="not_applicable"),
    Good(  # an exit stack
        {"main.py": LIFE + "    async with AsyncExitStack() as stack:\n"
         "        stack.push_async_callback(client.aclose)\n"
         "        yield\n" + RUN}),
    Good(  # only a script makes it
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n", "load.py": DB}, outcome="not_applicable"),
    Good(  # an event of shutdown; nothing is pooled in the second engine
        {"db.py": DB, "main.py": APP + "\n\n@app.on_event(\"shutdown\")\nasync def stop() -> None:\n"
         "    await engine.dispose()\n"}),
)
