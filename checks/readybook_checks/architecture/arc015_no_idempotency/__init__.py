"""ARC015: requests that are done twice when they are sent twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from string import Template

from readybook import Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.behaviour import Call, Entry, functions_behind
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.program import App
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.signins import body_names
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureMiddleware, EnsureSetting
from readybook.patterns import regex
from readybook_checks.architecture.app_module import free_module
from readybook_checks.architecture.arc015_no_idempotency.examples import EXAMPLES
from readybook_checks.architecture.redis_setting import old_redis, redis_address, redis_requirement

THINGS = frozenset((
    "payment", "order", "transfer", "transaction", "invoice", "charge", "payout", "refund", "subscription", "booking",
    "reservation", "job", "withdrawal", "deposit", "purchase", "checkout", "donation"))
QUEUED = regex(r"celery\.Task\.(?:delay|apply_async)|celery\..*\.send_task|arq\..*enqueue_job"
               r"|rq\.(?:queue\.)?Queue\.enqueue\w*|dramatiq\..*\.send(?:_with_options)?|taskiq\..*\.kiq")
PAID = regex(r"stripe\.(?:checkout\.)?(?:Charge|PaymentIntent|Session|Refund|Transfer|Payout|Subscription|Invoice)"
             r"\.create(?:_async)?|(?:razorpay|paypalrestsdk|braintree|square|mollie)\..*(?:create|sale|pay)")
KEYED = regex(r"(?i)idempot|client_(?:token|request_id)|request_token|dedup|on_conflict_do_nothing|get_or_create")
STATE = regex(r"(?i)^(?:\w+_)?(?:status|state|progress|attempts|retries|result|error|payload)(?:_\w+)?$")
SKIPPED = regex(r"(?i)webhook|callback|/search|/preview|/validate|/login|/token|/register|sign[-_]?up|password")
URL = EnsureSetting("idempotency_redis_url", "str", '"redis://localhost:6379/0"', "IDEMPOTENCY_REDIS_URL",
                    meaning="where answers to requests with an Idempotency-Key are kept")
TITLE = "Answer a repeated POST from Redis by its Idempotency-Key"


class NoIdempotency(Check):
    """A request whose answer is lost is done twice when the client sends it again.

    Looked at: POST routes of served applications that write payments, orders, bookings, transfers, jobs and the like to
    the database, pay through a provider, or put work into a queue; and whether they know an ``Idempotency-Key``, by
    middleware, a parameter, a field of the body or their own code. Clients, proxies and users send again what got no
    answer, also when it was done. Low: how bad that is, the business says.

    Fix: a pure ASGI middleware that keeps status, headers and body of the first answer in Redis for a day, for each
    caller, gives it again, and refuses a key that comes with another body. Clients have to send the header.
    """

    id = "ARC015"
    name = "no-idempotency"
    category = "architecture"
    severity = "low"
    hours = Hours(3, 6, 10)
    fix_kinds = ("scaffold", "advice")
    after = ("SEC010",)  # its middleware looks at the size of some bodies only
    references = ("https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """One finding for each served application; a Right for each of its routes that knows keys."""
        found = False
        entries = {id(e.function.node): e for e in project.facts.behaviour.entries if e.kind == "handler"}
        for app in project.facts.apps:
            routes = [r for r in project.facts.routes if r.app == app.spec and r.method == "POST"]
            creating = list(_creating(project, routes, entries)) if app.served else []
            found = found or bool(creating)
            by_all = any(KEYED.search(m.path) for m in app.middleware)
            open_ones = [(r, what) for r, what, keyed in creating if not keyed and not by_all]
            for route, _, keyed in creating:
                if keyed or by_all:
                    yield Right(route.place, "it knows an idempotency key", app.spec)
            if open_ones:
                yield _finding(project, app, open_ones)
        if not found:
            yield NotApplicable("no POST route is seen to create payments, orders, jobs or the like")


def _creating(project: Project, routes: list[Route], entries: dict[int, Entry]) -> Iterator[tuple[Route, str, bool]]:
    """(route, what it makes, whether it knows a key) of the routes that must not run twice."""
    behaviour = project.facts.behaviour
    kinds = {path: kind for path in behaviour.by_path if (kind := _kind(path))}
    made = cache(lambda f: next(
        (m for c in behaviour.calls_in(f) if (m := kinds.get(c.path) or _written(project, c))), ""))
    knows = cache(lambda f: _knows(f, behaviour.calls_in(f)))
    seen: set[int] = set()
    for route in routes:
        functions = functions_behind(route.handler)
        entry = entries.get(id(functions[0].original.node)) if functions else None
        if entry is None or SKIPPED.search(route.path) or id(entry.function.node) in seen:
            continue
        seen.add(id(entry.function.node))
        bodies = [w.function for w in behaviour.ways(entry, in_place=False)
                  if w.before is None or behaviour.calls_in(w.function)]
        what = next(filter(None, map(made, bodies)), "")
        if what:
            yield route, what, (any(KEYED.search(p.alias or p.name) for p in route.parameters)
                                or any(map(knows, bodies)) or _field(project, route))


def _kind(path: str) -> str:
    """What a call of this dotted name does that must not be done twice; empty for any other."""
    if QUEUED.fullmatch(path):
        return "puts work into a queue"
    return "pays through a provider" if PAID.fullmatch(path) else ""


def _written(project: Project, call: Call) -> str:
    """What record a call makes that must not be made twice; empty for any other call."""
    callee = call.site.callee
    model = project.facts.orm_models.of_class(callee) if isinstance(callee, ClassValue) else None
    if isinstance(callee, ClassValue) and model is not None:
        words = [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+", callee.name)]
        words = words[:-1] if words[-1:] in (["model"], ["table"], ["orm"], ["db"]) else words
        # a job without a state is one that somebody offers
        done = words[-1:] != ["job"] or any(STATE.search(c.attribute) for c in model.columns)
        if words and words[-1] in THINGS and done:  # a JobPosting is no job, an OrderStatus no order
            return f"writes {callee.name}"
    return ""


def _knows(function: FunctionValue, calls: list[Call]) -> bool:
    """Whether a function's text, or a keyword of one of its calls, names a key."""
    node = function.original.node
    text = function.original.module.lines_of(node[1], node[3]) if node[0] == "def" else ""
    return bool(KEYED.search(text)) or any(KEYED.search(k) for c in calls for k in c.kwargs)


def _field(project: Project, route: Route) -> bool:
    """Whether the body, of the very class that the handler names, has a field for a key."""
    names = body_names(project.facts.behaviour.run, (*route.targets, route.handler))
    return any(KEYED.search(name) for name in names)


def _finding(project: Project, app: App, found: list[tuple[Route, str]]) -> Finding:
    first, what = found[0]
    more = f"; so do {len(found) - 1} more: " if len(found) > 2 else "; so does " if len(found) > 1 else ""
    names = ", ".join(f"POST {r.path}" for r, _ in found[1:4]) + (" …" if len(found) > 4 else "")
    return Finding(
        first.place, f"POST {first.path} {what} and knows no Idempotency-Key: a client that sends it again, since no "
        f"answer came, has it done twice{more}{names if more else ''}.", app=app.spec, confidence="medium",
        chain=tuple(r.place for r, _ in found[1:]), fix=_fix(project, app),
    )


def _fix(project: Project, app: App) -> Fix:
    home = free_module(project, app, "idempotency", "idempotency_keys")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    if not settings_at_hand(project.facts):
        return advice(TITLE, "settings are handed from function to function: a person says how they come here")
    if old_redis(project, app):
        return advice(TITLE, "the pinned release of redis is older than 5.2, which it needs")
    address, settings = redis_address(project, URL)
    template = files(__package__).joinpath("idempotency.py.tmpl").read_text(encoding="utf-8")
    text = Template(template).substitute(address=address)
    wired = EnsureMiddleware(app.place, home[1], "IdempotencyMiddleware")
    return Fix(TITLE, (*settings, AddFile(home[0], text), wired, *redis_requirement(project)), kinds=("scaffold",),
               safety="review", reason="requests that carry an Idempotency-Key need Redis, and get 503 without it; "
               "others pass as before, so clients have to send the header")
