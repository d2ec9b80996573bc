"""Health routes: what answers as liveness, what as readiness, and what each reaches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import Behaviour, Call, functions_behind
from readybook.facts.calleepaths import path_of
from readybook.facts.blocking import blocking
from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.facts.reach import run_for
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.application import Route
    from readybook.facts.program import App

# words that mean health wherever they stand
STRONG = regex(
    r"^[_-]*(?:health|healthz|healthy|is[-_]?healthy|health[-_]?(?:check(?:er|up)?|status)s?z?|livez?|liveness|is[-_]?alive|"
    r"alive|readyz?|readiness|is[-_]?ready|livecheck|(?:lb)?heartbeat)[_-]*$", re.IGNORECASE)
# words that also name parts of a business (a player may be live, an order ready): only at the root of an API
GENERAL = regex(r"^(?:livez?|alive|readyz?|heartbeat|ping|status|up|monitoring|probe)$", re.IGNORECASE)
ROOT = regex(
    r"^(?:api|apis|rest|v\d+(?:\.\d+)*|internal|private|public|system|sys|utils?|common|core|monitor(?:ing)?|admin|ops|"
    r"service|server|app|-|_+|status|probes?|misc|meta|management|actuator)$", re.IGNORECASE)
# parts of a health endpoint, under one only
PART = regex(r"^(?:db|database|postgres|redis|cache|detailed?|details|full|deep|startup|dependencies|live|ready|"
             r"status|check|ping|app)$", re.IGNORECASE)
KINDS = (
    ("database", ("sqlalchemy.", "sqlmodel.", "asyncpg.", "psycopg", "aiomysql.", "pymysql.", "tortoise.", "databases.",
                  "aiosqlite.", "sqlite3.", "piccolo.", "mysql.")),
    ("redis", ("redis.", "aioredis.")),
    ("mongo", ("motor.", "pymongo.", "beanie.", "odmantic.")),
    ("broker", ("aio_pika.", "kombu.", "celery.", "aiokafka.")),
    ("service", ("httpx.", "httpx2.", "requests.", "elasticsearch.", "aiohttp.", "boto3.")),
)
ASKS = regex(
    r"\.(?:execute|scalars?|connect|begin|ping|command|server_info|list_database_names|fetchval|fetchrow|fetch|"
    r"fetch_one|exec|get|head|post|request|acquire|inspect|admin|query|info|ensure_connection|stats|set|find_one|urlopen|"
    r"execute_query)(?:\(\))?(?:\.|$)")
UNCLEAR = ("ping", "execute", "scalar", "connect", "command", "server_info", "fetchval", "is_connected", "check_health",
           "ensure_connection")
ASKING = regex(r"(?:check|verify|test|ping|probe|assert)_"
               r"\w*(?:connect|health|ready|alive|ping|database|db|redis|broker)"
               r"|is_(?:connected|alive|healthy|ready)|(?:check|ping|connect|health|ready)_\w+")
# what runs the callable it is given in a thread
THREADS = ("asyncio.to_thread", "fastapi.concurrency.run_in_threadpool", "starlette.concurrency.run_in_threadpool",
           "anyio.to_thread.run_sync")
LIMITS = ("asyncio.wait_for", "asyncio.timeout", "async_timeout.timeout", "anyio.fail_after", "anyio.move_on_after")
# fastapi-health, fastapi-healthcheck, fastapi-healthchecks: what they are given is asked when the route is
LIBRARIES = regex(r"^fastapi_health(?:check(?:s)?)?(?:[._]|$)")


@record
class HealthRoute:
    """A GET or HEAD route that answers as health.

    ``asks`` are the dotted calls by which it reaches a store or another service, ``kinds`` what these are (database,
    redis, mongo, broker, service). ``unclear`` are names of calls that may ask something whose object is not known.
    ``limited``: it sets a time limit on what it awaits.
    """

    route: Route
    asks: tuple[str, ...]
    kinds: frozenset[str] = frozenset()
    unclear: tuple[str, ...] = ()
    limited: bool = False

    @property
    def is_liveness(self) -> bool:
        """Whether it answers without asking anything else."""
        return not self.asks

    @property
    def is_of_another(self) -> bool:
        """Whether it passes on how another service is: that is asked, and the path names it (``/search/health``)."""
        before = [s for s in self.route.path.split("/") if s][:-1]
        return self.kinds == {"service"} and not all(ROOT.match(s) or STRONG.match(s) for s in before)


@record
class HealthMiddleware:
    """A middleware that answers a health path itself."""

    app: str
    path: str
    place: Place


def is_health_path(path: str) -> bool:
    """Whether a path names health by its last segments: ``/health``, ``/api/v1/health/live``, ``/healthz/``.

    A path with a parameter never does, nor does ``status`` or ``ping`` under a noun of the business.
    """
    segments = [s for s in path.split("/") if s]
    if not segments or "{" in path:
        return False
    last, before = segments[-1], segments[:-1]
    if GENERAL.match(last) and all(ROOT.match(s) or STRONG.match(s) for s in before):
        return True
    if STRONG.match(last) and not GENERAL.match(last):
        return True
    return bool(before) and bool(PART.match(last)) and bool(STRONG.match(before[-1]))


def health_routes(behaviour: Behaviour, routes: tuple[Route, ...], probed: frozenset[str] = frozenset()
                  ) -> tuple[HealthRoute, ...]:
    """Health routes in order of registration. ``probed`` are paths that a probe outside the code asks for."""
    found = []
    for route in routes:
        if route.method not in ("GET", "HEAD") or not (is_health_path(route.path) or route.path.rstrip("/") in probed):
            continue
        calls = list(run_for(behaviour, (route.handler, *route.targets)))
        asks = dict.fromkeys(p for c in calls for p in _run_by(c) if kind_of(p))
        if _library_asks(route.handler):
            asks[route.endpoint] = None
        kinds = frozenset(kind for p in asks if (kind := kind_of(p)))
        unclear = dict.fromkeys(c.last for c in calls if not kind_of(c.path) and (
            any(map(_is_left_open, functions_behind(c.site.callee))) if functions_behind(c.site.callee)
            else c.last in UNCLEAR or ASKING.match(c.last)))
        limited = any(c.path in LIMITS or c.last in ("wait_for", "fail_after", "move_on_after") for c in calls)
        found.append(HealthRoute(route, tuple(asks), kinds, tuple(unclear), limited))
    return tuple(found)


def _is_left_open(function: FunctionValue) -> bool:
    """Whether a method has no body of its own, as those of a Protocol: what stands behind it is not seen."""
    body = function.node[6] if function.owner is not None and function.node[0] == "def" else None
    return body is not None and all(s[0] == "pass" or s[0] == "expr" and s[4][0] == "const" for s in body)


def _run_by(call: Call) -> list[str]:
    """The dotted names of what a call runs: its own, and what it hands to a thread."""
    handed = call.args[:2] if call.path in THREADS or call.last == "run_in_executor" else ()
    return [call.path, *map(path_of, handed)]


def kind_of(path: str) -> str:
    """What a call of this dotted name asks: database, redis, mongo, broker, service; empty when it asks nothing."""
    if not path:
        return ""
    kind = next((k for k, beginnings in KINDS if path.startswith(beginnings)), "")
    if kind and ASKS.search(path):
        return kind
    why = blocking(path)
    if why is None or why.kind not in ("database", "http", "network"):
        return ""
    return kind or ("database" if why.kind == "database" else "service")


def _library_asks(handler: Any) -> bool:
    """Whether a package's health endpoint was given conditions to check."""
    if not isinstance(handler, Instance) or not LIBRARIES.match(handler.path):
        return False
    given = handler.args[0] if handler.args else handler.kwargs.get("conditions", handler.kwargs.get("factory"))
    return bool(given) if isinstance(given, list | tuple) else given is not None


def health_middleware(behaviour: Behaviour, apps: tuple[App, ...]) -> tuple[HealthMiddleware, ...]:
    """Middleware that answers a health path instead of passing the request on."""
    found = []
    for app in apps:
        for middleware in app.middleware:
            for function in _bodies(middleware.target):
                path = _answered(behaviour, function.original)
                if path:
                    found.append(HealthMiddleware(app.spec, path, middleware.place))
    return tuple(found)


def _bodies(target: Any) -> list[FunctionValue]:
    if isinstance(target, ClassValue):
        methods = [target.scope.names.get(name) for name in ("dispatch", "__call__")]
        return [m for m in methods if isinstance(m, FunctionValue)]
    return functions_behind(target)


def _answered(behaviour: Behaviour, function: FunctionValue) -> str:
    """The health path on which a function makes a response of its own; empty when there is none."""
    responses = [c for c in behaviour.calls_in(function) if c.last.endswith("Response")]
    for s in _ifs(function.node[6]) if function.node[0] == "def" else ():
        path = next((t for t in _texts(s[4]) if t.startswith("/") and is_health_path(t)), "")
        inside = [b for b in s[5] if b]
        if path and inside and any(inside[0][1] <= c.place.line <= inside[-1][3] for c in responses):
            return path
    return ""


def _ifs(body: Any) -> Iterator[Any]:
    for s in body:
        if s[0] == "if":
            yield s
            yield from _ifs(s[5])
            yield from _ifs(s[6])
        elif s[0] in ("with", "try"):
            yield from _ifs(s[5] if s[0] == "with" else s[4])


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, tuple):
        if len(node) == 4 and node[0] == "const" and isinstance(node[3], str):
            yield node[3]
        else:
            for part in node:
                yield from _texts(part)
