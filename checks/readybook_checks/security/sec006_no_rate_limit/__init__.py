"""SEC006: clients may send as many requests as they like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Check, Finding, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.authentication import authenticates
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.calleepaths import path_of
from readybook.facts.nodes import nodes
from readybook.facts.program import App
from readybook.facts.ratelimits import RateLimits, rate_limits, slowapi_limiters
from readybook.facts.signins import FORMS, body_names
from readybook.facts.values import FromEnv, by_default
from readybook.finding import Answer
from readybook.patterns import regex
from readybook.place import Place
from readybook_checks.security.sec006_no_rate_limit.curing import scaffold
from readybook_checks.security.sec006_no_rate_limit.examples import EXAMPLES

SIGN_IN = regex(
    r"/(?:[\w-]*(?:login|log-in|log_in|signin|sign-in|sign_in|signup|sign-up|sign_up|register|otp|2fa|mfa|totp)|auth"
    r"|(?:access[-_])?token|authenticate|(?:forgot|reset|recover|change)[-_]?password|password[-_]?"
    r"(?:reset|recovery|forgot|change)?|magic[-_]?link|verify[-_]?(?:email|code|otp|phone)|jwt/create)"
    r"(?:/(?:access[-_]?token|request|confirm|verify|jwt|json|form|\{\w+\}))?/?$", re.IGNORECASE)
OF_PEOPLE = regex(r"(?i)pass|mail|phone|user|login|name|otp|pin|code|credential")
# whoever signs in there shows what another service gave, which nobody guesses
ELSEWHERE = regex(r"google|facebook|github|gitlab|apple|microsoft|linkedin|twitter|discord|oauth(?!2?/token)|"
                  r"oidc|saml|sso|social|callback", re.IGNORECASE)

REDIRECTS = frozenset({"authorize_redirect", "get_authorization_url", "authorization_url", "create_authorization_url",
                       "get_login_redirect"})


class NoRateLimit(Check):
    """One client may send as many requests as it likes, at sign-in too.

    Looked at: what limits the requests of each served application: slowapi, fastapi-limiter, limits and the like, its
    own middleware, dependencies, decorators and functions that refuse with 429 (not those that hand on the 429 of
    another service), and proxies that are configured here. Without a limit a script tries thousands of passwords, and
    one client takes the service from all others. High where routes take passwords or codes, medium otherwise.

    In part: limits that leave such routes out; slowapi's default limits, which do not reach included routers from
    FastAPI 0.137 on; and limits that each of several processes counts by itself.

    Fix: an application-wide dependency that counts by client address in Redis, lets requests through with a warning
    while Redis does not answer, and leaves health routes alone; and a stricter one on the routes that take passwords.
    """

    id = "SEC006"
    name = "no-rate-limit"
    category = "security"
    severity = "high"
    hours = Hours(1, 2, 4)
    fix_kinds = ("scaffold", "advice")
    attestable = True
    references = ("https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html",
                  "https://limits.readthedocs.io/en/stable/")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """The answers for each served application that has routes beside its health routes."""
        healthy = {id(h.route) for h in project.facts.health_routes}
        found = False
        told: set[tuple[Place, str]] = set()  # a factory makes several applications alike
        for app in project.facts.apps:
            routes = [r for r in project.facts.routes if r.app == app.spec and id(r) not in healthy]
            for answer in _answers(project, app, routes) if app.served and routes else ():
                found = True
                alike = isinstance(answer, Finding) and (answer.place, answer.message.replace(app.spec, "")) or None
                if alike is None or alike not in told:
                    yield answer
                told |= {alike} if alike else set()
        if not found:
            yield NotApplicable("no route is served")


def _answers(project: Project, app: App, routes: list[Route]) -> Iterator[Answer]:
    limits = rate_limits(project.facts, app, routes)
    sign_ins = [r for r in routes if takes_secrets(project, r)]
    open_ones = [r for r in sign_ins if id(r) not in limits.by_route]
    shown = [*limits.whole, *limits.by_route.values()]
    for limit in {str(x.place): x for x in shown}.values():
        yield Right(limit.place, f"{limit.what} limits requests", app.spec)
    if shown:
        yield from _alone(project, app)
    if limits.whole:
        return
    if limits.unseen and limits.defaults is not None:
        yield _unseen(app, limits, limits.defaults, open_ones)
    elif shown and open_ones:
        yield _left_out(app, open_ones)
    elif not shown:
        yield _missing(project, app, routes, sign_ins)


def takes_secrets(project: Project, route: Route) -> bool:
    """Whether a route takes passwords or codes from whoever calls it, and does something with them."""
    if route.method != "POST" or not _decides(route):
        return False
    form = any(getattr(t, "path", "") in FORMS for t in route.targets)
    if not form and (ELSEWHERE.search(route.path) or not SIGN_IN.search(route.path) or _sends_elsewhere(route)):
        return False
    taken = body_names(project.facts.behaviour.run, (*route.targets, route.handler))
    if not form and route.path.rstrip("/").endswith("register") and taken and not any(map(OF_PEOPLE.search, taken)):
        return False  # a schema, a device: nobody's account
    return not _asks_before(route) and not any(authenticates(project.facts.behaviour, t) for t in route.targets)


def _asks_before(route: Route) -> bool:
    """Whether a decorator of Starlette lets only those through who are signed in."""
    return any(path_of(d).startswith("starlette.authentication.requires")
               for f in functions_behind(route.handler) for d in (*f.decorators, *f.original.decorators))


def _sends_elsewhere(route: Route) -> bool:
    """Whether the handler only sends the browser to the service that signs in."""
    return any(n[0] == "attr" and n[4] in REDIRECTS for f in functions_behind(route.handler)
               for n in nodes(f.original.node[6]))


def _decides(route: Route) -> bool:
    """Whether a handler or its dependencies call or compare anything: one that hands back what it got tries nothing."""
    functions = [f for t in (route.handler, *route.targets) for f in functions_behind(t)]
    return not functions or any(_holds(f.original.node[6], ("call", "cmp")) for f in functions)


def _holds(node: object, kinds: tuple[str, ...]) -> bool:
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple):
            if part and part[0] in kinds and len(part) > 3:
                return True
            todo += part
    return False


def _missing(project: Project, app: App, routes: list[Route], sign_ins: list[Route]) -> Finding:
    if sign_ins:
        what = f"{_listed(sign_ins)} {'takes' if len(sign_ins) == 1 else 'take'} any number of tries from one client"
    else:
        what = f"one client can keep its {f'{len(routes)} routes' if len(routes) > 1 else 'route'} busy for all others"
    sure = app.complete and not project.facts.unresolved
    return Finding(app.place, f"{app.spec} limits no client's requests: {what}.", "high" if sign_ins else "medium",
                   confidence="high" if sure else "medium", fix=scaffold(project, app, sign_ins), app=app.spec,
                   chain=tuple(r.place for r in sign_ins[:5]))


def _left_out(app: App, routes: list[Route]) -> Finding:
    first = routes[0]
    return Finding(
        first.place, f"{app.spec} limits other routes, but {_listed(routes)} "
        f"{'takes' if len(routes) == 1 else 'take'} any number of tries from one client.", "high", app=app.spec,
        confidence="medium", chain=tuple(r.place for r in routes[1:5]),
        fix=advice(f"Put the limit of the other routes on {first.method} {first.path} too, a stricter one",
                   "how many tries are right there is for a person to say"))


def _unseen(app: App, limits: RateLimits, place: Place, sign_ins: list[Route]) -> Finding:
    unseen = {id(r) for r in limits.unseen}
    grave = [r for r in sign_ins if id(r) in unseen]
    example = (grave or list(limits.unseen))[0]
    more = f", {_listed(grave)} among them" if grave else ""
    return Finding(
        place, f"From FastAPI 0.137 on slowapi's default limits do not reach the {len(limits.unseen)} routes of "
        f"{app.spec} that come from included routers{more}.", "high" if grave else "medium", app=app.spec,
        fix=advice(f'Decorate them, as in @limiter.limit("10/minute") above {example.endpoint}, with a parameter '
                   "request: Request", "slowapi's middleware cannot see them; how many requests are right differs"))


def _alone(project: Project, app: App) -> Iterator[Answer]:
    """A limiter of slowapi that counts in memory, in each of several processes."""
    commands = [c for c in project.facts.serve_commands if c.purpose == "deploy" and (c.workers or 1) > 1
                and c.file == app.place.path]
    for limiter in slowapi_limiters(project.facts) if commands else ():
        if _in_memory(limiter):
            workers = commands[0].workers
            yield Finding(
                limiter.place, f"The limiter counts in memory, in each of the {workers} processes that "
                f"{commands[0].place} starts: clients get up to {workers} times the limit.", "medium", app=app.spec,
                chain=(commands[0].place,),
                fix=advice('Pass storage_uri (a Redis address from the settings) and swallow_errors=True to Limiter',
                           "without swallow_errors every request fails while Redis is down; the address differs"))


def _in_memory(limiter: Call) -> bool:
    storage = limiter.kwargs.get("storage_uri")
    if "**" in limiter.kwargs or len(limiter.args) > 2 or isinstance(storage, FromEnv):
        return False
    return storage is None or str(by_default(storage)).startswith("memory:")


def _listed(routes: list[Route]) -> str:
    names = [f"{r.method} {r.path}" for r in routes]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
