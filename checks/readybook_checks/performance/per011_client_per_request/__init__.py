"""PER011: clients built for each request, and outbound calls that wait for ever."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call, Reached, functions_behind, in_order
from readybook.facts.nodes import blocks, holds
from readybook.facts.objects import Bound, FunctionValue, Instance
from readybook.facts.reach import first_reached, startup_functions
from readybook.facts.resources import near, resources
from readybook.facts.stores import is_cached
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.usage import statements
from readybook.facts.values import Unknown, by_default
from readybook.finding import Answer
from readybook.intents import (
    AddFile,
    EnsureImport,
    Intent,
    RemoveUnusedImport,
    ReplaceExpression,
    SetKeyword,
)
from readybook.patterns import regex
from readybook_checks.architecture.arc013_resources_not_closed import at_shutdown
from readybook_checks.devops.health_router import import_name

MADE = (
    ("httpx", regex(r"httpx(?:\._client)?\.(?:Async)?Client(?:\.__init__)?")),
    ("aiohttp", regex(r"aiohttp(?:\.client)?\.ClientSession(?:\.__init__)?")),
    ("redis", regex(r"(?:redis(?:\.asyncio)?|aioredis)(?:\.(?:client|connection|cluster))?\."
                    r"(?:from_url|(?:(?:Strict)?Redis|RedisCluster|(?:Blocking)?ConnectionPool)(?:\.from_url)?)")),
    ("boto3", regex(r"boto3\.(?:(?:session\.)?Session\.)?(?:client|resource)")),
    ("mongo", regex(r"(?:pymongo(?:\.\w+)*\.(?:Async)?MongoClient|motor\.motor_\w+\.\w+Client)")),
)
WHAT = {"httpx": "an HTTP client", "aiohttp": "an HTTP session", "redis": "a Redis client", "boto3": "an AWS client",
        "mongo": "a MongoDB client"}
COST = {
    "httpx": "each request opens a connection anew and pays its handshakes",
    "aiohttp": "each request opens a connection anew and pays its handshakes",
    "redis": "each request opens connections of its own",
    "boto3": "each request reads the service's description from disk and opens connections anew",
    "mongo": "each request opens a pool and starts the threads that watch the servers",
}
# what sends, by library: the position of the timeout is never used, all take it by keyword
ENDLESS = regex(r"requests(?:\.api)?\.(?:get|post|put|patch|delete|head|options|request)"
                r"|requests(?:\.sessions)?\.(?:Session|session\(\))\.(?:get|post|put|patch|delete|head|options)"
                r"|urllib\.request\.urlopen")
HTTPX = regex(r"httpx(?:\._client|\._api)?\.(?:(?:Async)?Client(?:\.__init__)?|(?:(?:Async)?Client\.)?"
              r"(?:get|post|put|patch|delete|head|options|request|stream|send))")
SENDS = frozenset(("get", "post", "put", "patch", "delete", "head", "options", "request", "stream"))
CLOSERS = ("close", "aclose", "disconnect")
KEPT = regex(r"(?:^|\.)(?:state|cls|__class__)\.\w+$|\[")
TITLE = "Share one client, with limits and a timeout, which the lifespan closes"
LIMIT = "Limit how long it may take"
TEMPLATE = "http_client.py.tmpl"


class ClientPerRequest(Check):
    """A client is built anew for each request, or an outbound call waits without a limit.

    Looked at: HTTP, Redis, AWS and MongoDB clients that handlers, dependencies and what they call build, and calls out
    that nothing limits. A client keeps connections; built per request it pays for new ones each time and leaves sockets
    behind under load. Start-up, cached functions and those that keep what they build are right.

    Medium where a Redis client is closed again: what it costs then is a connection for each request.

    Limits are judged by library: requests and urllib have none of their own; httpx has five seconds, and counts only
    where ``timeout=None`` takes them away; aiohttp has five minutes, which is left alone. Redis is PER005's
    question, objects that keep a client which nobody closes are ARC013's.

    Fix: a module that lends one client, closed by the lifespan, in place of ``httpx.AsyncClient()``; ``timeout`` for
    calls without one. Cookies of the one client are kept for nobody.
    """

    id = "PER011"
    name = "client-per-request"
    category = "performance"
    severity = "high"
    hours = Hours(0.5, 1, 3, each=0.25)
    fix_kinds = ("scaffold", "codemod", "advice")
    references = ("https://www.python-httpx.org/advanced/clients/",
                  "https://docs.aiohttp.org/en/stable/client_quickstart.html#timeouts",
                  "https://requests.readthedocs.io/en/latest/user/advanced/#timeouts")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each client that is built and for each call out whose library sets no limit."""
        behaviour = project.facts.behaviour
        made = [(call, library) for path, calls in behaviour.by_path.items() if (library := _library(path))
                for call in calls]
        sent = [call for path, calls in behaviour.by_path.items() if ENDLESS.fullmatch(path) or HTTPX.fullmatch(path)
                for call in calls]
        reached = first_reached(behaviour, [*(c for c, _ in made), *sent])
        once = {id(f.node) for f in startup_functions(behaviour)}
        mounts = tuple(c for c in behaviour.written_as("mount") if "requests" in c.path)
        told = _told(project) if any(c.function.endswith(".__init__") for c, _ in made) else frozenset()
        found = False
        for call, library in sorted(made, key=lambda m: (m[0].place.path, m[0].place.line, m[0].place.column)):
            found = True
            if id(call) not in told:
                yield _built(project, call, library, reached.get(id(call)), once)
        for call in in_order(sent):
            answer = _limited(call, reached.get(id(call)), mounts)
            if answer is not None:
                found = True
                yield answer
        if not found:
            yield NotApplicable("no client is built and nothing is called over the network")


def _told(project: Project) -> frozenset[int]:
    """The constructions of which ARC013 tells: objects that keep a client of their own which nobody closes."""
    served = [near(project.facts, app.place.path) for app in project.facts.apps if app.served]
    return frozenset(id(r.call) for paths in served for r in resources(project.facts, paths)
                     if r.owner is not None and not r.closed)


def _library(path: str) -> str:
    return next((name for name, pattern in MADE if pattern.fullmatch(path)), "")


def _built(project: Project, call: Call, library: str, reached: Reached | None, once: set[int]) -> Answer:
    function = call.site.function
    if function is None or reached is None or id(function.original.node) in once:
        return Right(call.place, "it is built once, or by no request")
    if by_default(call.kwargs.get("connection_pool")) is not None:
        return Right(call.place, "it borrows its connections from a pool")
    way = [reached.entry.function, *(f for s in reached.chain for f in functions_behind(s.call.site.callee)), function]
    if any(is_cached(f) or _keeps(f) for f in way):
        return Right(call.place, "a function on the way keeps it")
    tests = (*call.conditions, *_tests_around(function.original.node[6], call))
    if any(" is None" in c or c.startswith("not ") for c in tests):
        return Right(call.place, "it is built where there is none yet")
    if function.name == "__init__" and reached.chain and _held(project, reached):
        return Right(call.place, "the object that builds it is built once")
    closed = _entered(call, function, through=True) is not None or _given_back(project, call)
    leaves = "" if closed or library == "boto3" or function.name == "__init__" else ", and nothing here closes it"
    name = function.owner.name if function.owner is not None and function.name == "__init__" else function.name
    severe = library == "mongo" or not closed and library in ("aiohttp", "redis")
    return Finding(
        call.place, f"{name}() builds {WHAT[library]} for every request to {reached.entry.function.name}()"
        f"{leaves}: {COST[library]}.", "high" if severe else "medium", chain=tuple(s.place for s in reached.chain),
        fix=_shared(project, call, library, function))


def _tests_around(body: Any, call: Call) -> tuple[str, ...]:
    """The tests of the ``if`` statements whose first block holds a call, also of those whose answer is known."""
    for s in body:
        if holds(s, call.site.node):
            inner = next((b for b in blocks(s) if holds(b, call.site.node)), ())
            return ((unparse(s[4]),) if s[0] == "if" and inner is s[5] else ()) + _tests_around(inner, call)
    return ()


def _given_back(project: Project, call: Call) -> bool:
    """Whether code closes what a call builds, here or where it was handed to."""
    behaviour = project.facts.behaviour
    lent = [call, *behaviour.by_path.get(call.function, ())]  # a function may return what it builds
    made = {id(c.site.result) for c in lent if isinstance(c.site.result, Instance)}
    closing = (c.site.callee for c in behaviour.written_as(*CLOSERS))
    return any(isinstance(c, Bound) and id(c.self) in made for c in closing)


def _keeps(function: FunctionValue) -> bool:
    """Whether a function keeps what it builds: in a global, or on the application's state."""
    for s in statements(function.original.node[6]) if function.original.node[0] == "def" else ():
        if s[0] == "global" or s[0] == "assign" and KEPT.search(unparse(s[4][0])):
            return True
    return False


def _held(project: Project, reached: Reached) -> bool:
    """Whether the class on the way is also built at the level of a module, as a singleton is."""
    last = reached.chain[-1].call
    return any(c.site.function is None for c in project.facts.behaviour.by_path.get(last.path, ()))


def _entered(call: Call, function: FunctionValue, through: bool = False) -> tuple[Node, str] | None:
    """The ``with`` that enters what a call builds, and the name it binds; None for another use.

    ``through``: also where a function is given the client alone, as one that guards it.
    """
    for s in statements(function.original.node[6]):
        if s[0] == "with":
            for expression, target in s[4]:
                given = expression[4] if through and expression[0] == "call" and not expression[5] else ()
                if expression is call.site.node or len(given) == 1 and given[0] is call.site.node:
                    return s, target[3] if target is not None and target[0] == "name" else ""
    return None


def _limited(call: Call, reached: Reached | None, mounts: tuple[Call, ...]) -> Answer | None:
    """Whether a call out has a limit; None where its library sets one by itself."""
    given: Any = call.kwargs.get("timeout", "")
    if HTTPX.fullmatch(call.path):
        if given is not None:
            return None
        return Finding(call.place, f"{call.last}() takes away the five seconds that httpx waits: an upstream that "
                       "hangs holds whoever asks.", "high" if reached else "medium", fix=_timeout(call, reached))
    if "Session" in call.path and mounts:
        return CannotTell("an adapter of its session may set one", call.place)
    if "**" in call.kwargs or given is not None and given != "":
        return Right(call.place, "it has a limit") if "**" not in call.kwargs else CannotTell(
            "further arguments come from a mapping", call.place)
    if isinstance(by_default(given), Unknown):
        return CannotTell("whether its timeout is one is not known", call.place)
    package = "urllib" if call.path.startswith("urllib") else "requests"
    who = f"the request to {reached.entry.function.name}()" if reached else "whoever calls it"
    return Finding(call.place, f"{call.last}() has no timeout, and {package} has none of its own: an upstream that "
                   f"hangs holds {who} for ever.", "high" if reached else "medium",
                   chain=tuple(s.place for s in reached.chain) if reached else (), fix=_timeout(call, reached))


def _timeout(call: Call, reached: Reached | None) -> Fix:
    if not call.last or len(call.args) > 8 or any(k is None for k, _ in call.site.node[5]):
        return advice(LIMIT, "the call is not one that an edit could find")
    if call.path.startswith("urllib") and len(call.args) > 2:
        return advice(LIMIT, "its timeout is given by position")
    return Fix(LIMIT, (SetKeyword(call.place, call.last, "timeout", "10"),), safety="review",
               reason="an answer that takes longer than ten seconds raises a timeout error from now on")


def _shared(project: Project, call: Call, library: str, function: FunctionValue) -> Fix:
    """The module with one client in place of the construction, for ``async with httpx.AsyncClient() as name``."""
    if library != "httpx" or "Async" not in call.path:
        return _example(library)
    app = next((a for a in project.facts.apps if a.served), None)
    entered = _entered(call, function)
    if app is None or entered is None or not entered[0][6] or not entered[1]:
        return advice(TITLE, "the client is not entered by `async with … as name`, so that its life is not seen whole")
    sends = _sends(project, function, entered)
    keywords = call.site.node[5]
    if call.site.node[4] or any(k != "timeout" for k, _ in keywords):
        named = ", ".join(k or "**" for k, _ in keywords)
        return advice(TITLE, f"the client has settings of its own ({named}): a shared client for that upstream carries "
                      "them")
    if keywords and not sends:
        return advice(TITLE, f"{entered[1]} is handed on, so that its timeout cannot move to the calls it sends")
    folder = app.place.path.rpartition("/")[0]
    path = f"{folder}/http_client.py" if folder else "http_client.py"
    closing = at_shutdown(project, app, path, "close_http_client", "await close_http_client()")
    if isinstance(closing, str):
        return advice(TITLE, closing)
    text = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    module = import_name(project, app, path, call.place.path)
    if not module or path in project.present or path in project.files and project.text(path) != text:
        return advice(TITLE, f"{path} is taken, or no import could name it from {call.place.path}")
    written = call.site.module.source(call.site.node)
    name = unparse(call.site.node[3]).partition(".")[0]
    if written is None:
        return advice(TITLE, "the call is not one that an edit could find")
    moved = tuple(SetKeyword(c.place, c.last, "timeout", unparse(keywords[0][1])) for c in sends or ()
                  if keywords and "timeout" not in c.kwargs)
    intents: tuple[Intent, ...] = (
        AddFile(path, text), *moved, EnsureImport(call.place.path, module, "http_client"),
        ReplaceExpression(call.place, written, "http_client()"), RemoveUnusedImport(call.place.path, name),
        *closing)
    return Fix(TITLE, intents, ("scaffold", "codemod"), "review",
               "the calls share 100 connections; tests that patch httpx.AsyncClient in this module patch http_client")


def _sends(project: Project, function: FunctionValue, entered: tuple[Node, str]) -> list[Call] | None:
    """The requests that the client sends inside its block; None when it is used for anything else there."""
    statement, name = entered
    found: list[Call] = []
    uses, own = 0, 0
    todo: list[Any] = [statement[5]]
    while todo:
        part = todo.pop()
        if part and part[0] == "name" and len(part) == 4 and part[3] == name:
            uses += 1
        if part and part[0] == "call" and len(part) == 8 and part[3][0] == "attr" and part[3][3][0] == "name" and (
            part[3][3][3] == name and part[3][4] in SENDS
        ):
            call = project.facts.behaviour.by_node.get(id(part))
            own += 1
            if call is None or any(k is None for k, _ in part[5]):
                return None
            found.append(call)
        todo.extend(p for p in part if isinstance(p, tuple))
    return found if uses == own else None


def _example(library: str) -> Fix:
    shown = {
        "httpx": "client = httpx.Client(timeout=10.0) at module level, used by all (it is safe between threads)",
        "aiohttp": "app.state.http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) in the lifespan, "
                   "closed after its yield, and request.app.state.http in handlers",
        "redis": "client = redis.asyncio.from_url(url, socket_timeout=5) at module level, and await client.aclose() in "
                 "the lifespan",
        "boto3": "@lru_cache on a function that returns boto3.client(…, config=Config(connect_timeout=5, "
                 "read_timeout=10)): clients are safe between threads",
        "mongo": "client = AsyncMongoClient(url, serverSelectionTimeoutMS=5000) at module level, which the lifespan "
                 "closes",
    }[library]
    return advice(TITLE, f"where the client shall live is for a person to say; for instance {shown}")


TEXT = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
HEAD = "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n"
ROUTE = ("\n\n@app.get(\"/rate\")\nasync def rate() -> str:\n    async with httpx.AsyncClient({0}) as client:\n"
         "        answer = await client.get(\"https://rates.example/eur\"{1})\n    return answer.text\n")
LIFE = ("\n\n@asynccontextmanager\nasync def lifespan(app: FastAPI) -> AsyncIterator[None]:\n"
        "    \"\"\"Run what start-up needs, serve, then run what shutdown needs.\"\"\"\n    try:\n        yield\n"
        "    finally:\n        await close_http_client()\n\n\napp = FastAPI(lifespan=lifespan)\n")
IMPORTS = "from collections.abc import AsyncIterator\nfrom contextlib import asynccontextmanager\n\n"
PLAIN = "from fastapi import FastAPI\n\napp = FastAPI()\n"
HOME = "\n\n@app.get(\"/\")\ndef home() -> int:\n    return {0}\n"
ClientPerRequest.examples = (
    Bad(
        {"main.py": HEAD + ROUTE.format("timeout=3", "")}, at=("main.py:9",), severity="medium",
        fixed={"http_client.py": TEXT,
               "main.py": IMPORTS + "from fastapi import FastAPI\n\n"
               "from http_client import close_http_client, http_client\n"
               + LIFE + ROUTE.format("", ", timeout=3").replace("httpx.AsyncClient", "http_client")},
    ),
    Bad(  # two calls down, in a class; the service has a setting of its own
        {"main.py": PLAIN + "from rates import Rates\n\n\n@app.get(\"/rate\")\nasync def rate() -> str:\n"
         "    return await Rates().now()\n",
         "rates.py": "from httpx import AsyncClient as Http\n\n\nclass Rates:\n    async def now(self) -> str:\n"
         "        async with Http(base_url=\"https://rates.example\") as http:\n"
         "            return (await http.get(\"/eur\")).text\n"}, at=("rates.py:6",), severity="medium"),
    Bad(  # no limit by itself, by library
        {"main.py": "import requests\n" + PLAIN + HOME.format("requests.get(\"https://a.example\").status_code")},
        at=("main.py:9",), severity="high",
        fixed={"main.py": "import requests\n" + PLAIN
               + HOME.format("requests.get(\"https://a.example\", timeout=10).status_code")}),
    Bad({"main.py": "from pymongo import MongoClient\n" + PLAIN
         + HOME.format("MongoClient(\"mongodb://db\").shop.items.estimated_document_count()")},
        at=("main.py:9",), severity="high"),
    Bad(  # closed again by whom it is lent to, or left open
        {"main.py": "from redis.asyncio import Redis\n" + PLAIN + "\n\ndef lend() -> Redis:\n"
         "    return Redis(host=\"localhost\")\n\n\n@app.get(\"/\")\nasync def home() -> int:\n    cache = lend()\n"
         "    try:\n        return await cache.dbsize()\n    finally:\n        await cache.aclose()\n"},
        at=("main.py:8",), severity="medium"),
    Bad({"main.py": "from redis.asyncio import Redis\n" + PLAIN + "\n\n@app.get(\"/\")\nasync def home() -> int:\n"
         "    return await Redis(host=\"localhost\").dbsize()\n"}, at=("main.py:9",), severity="high"),
    Bad({"main.py": HEAD + "client = httpx.AsyncClient(timeout=None)\n"}, at=("main.py:5",), severity="medium",
        fixed={"main.py": HEAD + "client = httpx.AsyncClient(timeout=10)\n"}),
    Good(  # httpx limits by itself; one client
        {"main.py": HEAD + "client = httpx.AsyncClient()\n\n\n@app.get(\"/\")\nasync def home() -> str:\n"
         "    return (await client.get(\"https://a.example\")).text\n"}),
    Good(  # a client over the one pool
        {"main.py": "from redis.asyncio import ConnectionPool, Redis\n" + PLAIN + "pool = ConnectionPool()\n\n\n"
         "async def cache() -> Redis:\n    return Redis(connection_pool=pool)\n\n\n@app.get(\"/\")\n"
         "async def home() -> str:\n    return await (await cache()).get(\"home\")\n"}),
    Good(  # cached, kept in a global, built at start-up
        {"main.py": "from functools import lru_cache\n\nimport boto3\nfrom redis.asyncio import Redis\n" + PLAIN
         + "_redis = None\n\n\n@lru_cache\ndef s3():\n    return boto3.client(\"s3\")\n\n\ndef cache():\n"
         "    global _redis\n    if _redis is None:\n        _redis = Redis(host=\"localhost\")\n    return _redis\n"
         "\n\n@app.get(\"/\")\nasync def home() -> int:\n    s3().list_buckets()\n"
         "    return await cache().dbsize()\n"}),
    Good(  # made by the one object that has none yet, also where what it begins with is known
        {"main.py": "from redis.asyncio import Redis\n" + PLAIN + "\n\nclass Bus:\n    client = None\n\n"
         "    async def send(self, text: str) -> None:\n        if self.client is None:\n"
         "            self.client = Redis(host=\"localhost\")\n        await self.client.publish(\"news\", text)\n\n\n"
         "bus = Bus()\n\n\n@app.post(\"/\")\nasync def post(text: str) -> None:\n    await bus.send(text)\n"}),
    Good(  # a script of its own
        {"main.py": PLAIN, "scripts/load.py": "import httpx\n\nwith httpx.Client(timeout=5) as client:\n"
         "    client.get(\"https://a.example\")\n"}, outcome="not_applicable"),
    Good({"main.py": "import requests\n" + PLAIN + HOME.format("requests.get(\"https://a.example\", **LIMITS).ok")},
         outcome="unknown"),
    Good({"main.py": PLAIN}, outcome="not_applicable"),
)
