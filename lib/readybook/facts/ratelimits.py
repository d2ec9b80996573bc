"""What limits how many requests a client may send: middleware, dependencies, decorators, own code, proxies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from readybook.facts import numbers
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.calleepaths import path_of
from readybook.facts.leading import PASSED_ON, leading_to, of_own_accord
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance
from readybook.facts.values import External, by_default
from readybook.facts.wrapping import around, source_texts
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.application import Route
    from readybook.facts.behaviour import Behaviour
    from readybook.facts.program import App

LIBRARY = regex(r"^(?:slowapi|asgi_?rate_?limit\w*|ratelimit|fastapi_?(?:limiter|guard|throttle\w*|rate\w*|cap)|"
                r"guard|upstash_ratelimit|throttled|limits|starlette_?(?:limiter|rate\w*|throttl\w*))\.",
                re.IGNORECASE)
# packages whose calls inside a function mean that this function counts (others also slow down outgoing calls)
REFUSALS = regex(r"TooMany|RateLimitExceeded|Throttled")
COUNTS = regex(r"^(?:limits|slowapi|fastapi_limiter|upstash_ratelimit|throttled)\.")
NAMED = regex(r"rate_?limit|throttl|request_?limit|limit_?(?:rate|requests)", re.IGNORECASE)
# not the key of a table of statuses, nor the test of a status that somebody else gave
STATUS = regex(r"(?:\b429|TOO_MANY_REQUESTS)\b(?!\s*:)")
PROXIES = regex(r"\blimit_req\s|rate_?limit|limit-(?:rps|rpm|connections)|http_req_rate|rate-limit",
                re.IGNORECASE)
CLOUD = regex(r"throttling_(?:burst|rate)_limit|rate_based_statement|throttlingRateLimit")
SLOWAPI_MIDDLEWARE = ("slowapi.middleware.SlowAPIMiddleware", "slowapi.middleware.SlowAPIASGIMiddleware")
TREE_SINCE = (0, 137)  # the FastAPI whose included routers slowapi's middleware no longer sees (measured)


@record
class RateLimit:
    """One thing that limits requests: ``what`` names it."""

    what: str
    place: Place


@dataclass(frozen=True)
class RateLimits:
    """The limits of one application: on all its requests, and on single routes by their identity.

    ``unseen``: routes that the default limits of slowapi, set up at ``defaults``, do not reach.
    """

    whole: tuple[RateLimit, ...]
    by_route: dict[int, RateLimit] = field(repr=False)
    unseen: tuple[Route, ...] = ()
    defaults: Place | None = None


def rate_limits(facts: Facts, app: App, routes: list[Route]) -> RateLimits:
    """What limits the requests of an application; ``routes`` are those it serves."""
    counting = _counting(facts)
    whole = [*_around(facts, app, counting), *_proxies(facts)]
    by_route = {}
    limiting: dict[int, bool] = {}  # many routes have the same dependencies
    for route in routes:
        limiting.update((id(t), _limits(t, counting)) for t in route.targets if id(t) not in limiting)
        limit = _of_route(route, limiting, counting)
        if limit is not None:
            by_route[id(route)] = limit
    defaults, unseen = _slowapi_defaults(facts, app, routes)
    if defaults is not None and not unseen:
        whole.append(RateLimit("slowapi's default limits", defaults))
    left = tuple(r for r in unseen if id(r) not in by_route)
    return RateLimits(tuple(whole), by_route, left, defaults)


def slowapi_limiters(facts: Facts) -> list[Call]:
    """The calls that make a limiter of slowapi."""
    return facts.behaviour.calls_to("slowapi.Limiter", "slowapi.extension.Limiter")


def _counting(facts: Facts) -> set[int]:
    """Functions that limit, themselves or through what they call: they refuse with 429, or ask a limiter."""
    behaviour = facts.behaviour
    return leading_to(behaviour, (*behaviour.matching(COUNTS.match), *of_own_accord(behaviour, 429),
                                  *_named_refusals(behaviour)))


def _named_refusals(behaviour: Behaviour) -> Iterator[Call]:
    """Calls that make an error of the project whose name says 429, of its own accord."""
    for name in [n for n in behaviour.by_last if REFUSALS.search(n)]:
        for call in behaviour.by_last[name]:
            if call.site.callee.__class__ is ClassValue and not any(PASSED_ON.search(c) for c in call.conditions):
                yield call


def _limits(target: Any, counting: set[int]) -> bool:
    """Whether a dependency, middleware or decorator limits: by its package, its name, or what it does."""
    if isinstance(target, Instance) and isinstance(target.cls, External):
        path = target.cls.path
    elif isinstance(target, Instance):
        path = target.path
    else:
        path = path_of(target)
    if ".exempt" in path:
        return False
    if LIBRARY.match(path) or NAMED.search(path):
        return True
    return any(id(f.original.node) in counting for f in functions_behind(target))


def _around(facts: Facts, app: App, counting: set[int]) -> Iterator[RateLimit]:
    for target, path, place in around(facts, app, LIBRARY):
        if path in SLOWAPI_MIDDLEWARE or not path:
            continue  # the first does what the limiter's defaults say; dependencies are looked at by route
        if LIBRARY.match(path) or NAMED.search(path.rpartition(".")[2]):
            yield RateLimit(path, place)
        elif isinstance(target, ClassValue | FunctionValue) and STATUS.search(source_texts(facts, target)):
            yield RateLimit(path, place)


def _of_route(route: Route, limiting: dict[int, bool], counting: set[int]) -> RateLimit | None:
    for target in route.targets:
        if limiting[id(target)]:
            return RateLimit(_name(target), route.place)
    for function in functions_behind(route.handler):
        for f in {id(g): g for g in (function, function.original)}.values():
            decorator = next((d for d in f.decorators if _limits(d, set())), None)
            if decorator is not None or (f is not function.original and NAMED.search(f.path)):
                return RateLimit("a decorator", route.place)
        if id(function.original.node) in counting:
            return RateLimit(function.original.path, route.place)
    return None


def _name(target: Any) -> str:
    return target.path if isinstance(target, Instance) else path_of(target)


def _slowapi_defaults(facts: Facts, app: App, routes: list[Route]) -> tuple[Place | None, tuple[Route, ...]]:
    """Where limits for all routes are set up, and the routes that they do not reach; (None, ()) without any."""
    by = next((m for m in app.middleware if m.path in SLOWAPI_MIDDLEWARE and m.by_default is not False), None)
    limited = [c for c in slowapi_limiters(facts) if any(
        by_default(c.kwargs.get(k)) not in (None, [], ()) for k in ("default_limits", "application_limits"))
        or len(c.args) > 1]
    if by is None or not limited:
        return None, ()
    version = facts.version_of("fastapi", app.place.path)
    release = numbers(version.value)
    certain = version.exact or version.certainty == "lower bound"
    included = {id(e.data.get("router")) for e in app.instance.native.events if e.kind == "include"}
    if not certain or release is None or release < TREE_SINCE or not included:
        return limited[0].place, ()
    direct = {(e.place.path, e.place.line) for e in app.instance.native.events if e.kind == "route"}
    exempt = [r for r in routes if any(isinstance(d, Bound) and path_of(d).endswith(".exempt")
                                       for f in functions_behind(r.handler) for d in f.original.decorators)]
    unseen = [r for r in routes if (r.registered.path, r.registered.line) not in direct and r not in exempt]
    return limited[0].place, tuple(unseen)


def _proxies(facts: Facts) -> Iterator[RateLimit]:
    """Proxies, ingresses and gateways that are configured here."""
    files = facts.project.files
    kinds = {p.place.path: p.kind for p in facts.proxies if p.place.path in files}
    texts = [(path, kind, PROXIES) for path, kind in sorted(kinds.items())]
    texts += [(path, "gateway", CLOUD) for path in sorted(files) if path.endswith((".tf", "serverless.yml"))]
    for path, kind, pattern in texts:
        for number, line in enumerate(files[path].text.split("\n"), 1):
            if not line.lstrip().startswith(("#", "//")) and "limit_req_zone" not in line and pattern.search(line):
                yield RateLimit(f"the {kind} at {path}", Place(path, number))
                break
