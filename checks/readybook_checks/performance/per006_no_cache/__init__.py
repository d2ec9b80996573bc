"""PER006: read routes whose answers nobody keeps."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from string import Template

from readybook import Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.behaviour import Entry, functions_behind, in_order
from readybook.facts.callers import hint
from readybook.facts.closure import pulled_in
from readybook.facts.program import App
from readybook.facts.reach import Reaching
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import AddFile, Decorate, EnsureImport, EnsureSetting, Intent
from readybook.patterns import regex
from readybook_checks.architecture.app_module import free_module
from readybook_checks.architecture.arc013_resources_not_closed import at_shutdown
from readybook_checks.architecture.redis_setting import old_redis, redis_address, redis_requirement
from readybook_checks.devops.health_router import import_name
from readybook_checks.performance.per006_no_cache.examples import EXAMPLES

KEPT = regex(r"\bfastapi_cache\b|\baiocache\b|\bcashews\b|\bcachetools\b|\bdogpile\b|\basync_lru\b|\bsetex\("
             r"|\.set\([^)\n]{0,200}\b(?:ex|px)=|max-age|(?i:\betag\b|if-none-match)|\bresponse_cache\b"
             r"|\bcache\w{0,40}\.(?:get|set)\(")
_WORDS = ("cache", "cashews", "dogpile", "async_lru", "setex", ".set(", "max-age", "etag", "if-none-match")
UPSTREAM = regex(r"(?:httpx|requests|aiohttp)\.(?:\w+\.)*(?:get|request)")
# Somebody's own data, whether the route asks who calls or forgets to, and what must be true at once.
PERSONAL = regex(r"(?i)user|member|customer|account|profile|\bme\b|cart|basket|order|booking|reservation|payment"
                 r"|billing|invoice|wallet|auth|token|admin|session|message|notif|chat|inbox|job|task|status|webhook")
SESSION = regex(r"(?i)session|^db$|engine|connection|repo|service|client|uow")
URL = EnsureSetting("cache_redis_url", "str", '"redis://localhost:6379/0"', "CACHE_REDIS_URL",
                    meaning="where answers of read routes are kept")
TITLE = "Keep the answers of public read routes in Redis for a minute"
SECONDS = 60


class NoCache(Check):
    """Each request for the same public data asks the database or another service again.

    Looked at: GET routes of served applications that read a database or call another service, take no caller into
    account, and the code around them: cache packages, values kept in Redis for a time, ``Cache-Control`` and ``ETag``.
    This is an opportunity and no defect: where data may be a minute old, a cache takes most of the load away. Routes
    that authenticate, or may do so, are never named.

    Fix, only when unsafe fixes are asked for, as answers may then be a minute old: a decorator that keeps JSON in Redis
    under stable keys, lets one request fill what many ask for, and does without Redis when it is away.
    """

    id = "PER006"
    name = "no-cache"
    category = "performance"
    severity = "low"
    hours = Hours(3, 6, 12)
    fix_kinds = ("scaffold", "codemod", "advice")
    attestable = True
    references = ("https://redis.io/docs/latest/develop/use/patterns/",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each served application that has public routes which read."""
        entries = {id(e.function.node): e for e in project.facts.behaviour.entries if e.kind == "handler"}
        found = False
        for app in project.facts.apps:
            candidates = list(_candidates(project, app, entries)) if app.served else []
            if not candidates:
                continue
            found = True
            if _keeps(project, app):
                yield Right(app.place, "it keeps answers or lets clients keep them", app.spec)
            else:
                yield _finding(project, app, candidates)
        if not found:
            yield NotApplicable("no public GET route is seen to read a database or another service")


def _candidates(project: Project, app: App, entries: dict[int, Entry]) -> Iterator[tuple[Route, Entry, str]]:
    """(route, its handler, what it asks) of the routes whose answer is the same for everybody."""
    facts, behaviour = project.facts, project.facts.behaviour
    upstream = {path for path in behaviour.by_path if UPSTREAM.fullmatch(path)}
    calls = [*behaviour.calls_to(*upstream), *(
        c for q in facts.queries for c in behaviour.by_line.get((q.place.path, q.place.line), ()))]
    asking = Reaching(behaviour, in_order({id(c): c for c in calls}.values()))
    healthy = {id(h.route) for h in facts.health_routes}
    for route in facts.routes:
        functions = functions_behind(route.handler) if route.app == app.spec and route.method == "GET" else []
        entry = entries.get(id(functions[0].original.node)) if functions else None
        if entry is None or id(route) in healthy or PERSONAL.search(route.path):
            continue
        if facts.guarded(route) or hint(facts.behaviour, route):
            continue
        first = next(asking.by(entry), None)
        if first is not None:
            yield route, entry, "another service" if first.call.path in upstream else "the database"


def _keeps(project: Project, app: App) -> bool:
    modules = project.facts.modules.by_path
    near = (modules[p] for p in pulled_in(project.facts.modules, app.place.path) if p in modules)
    return any(any(word in m.low for word in _WORDS) and KEPT.search(m.text) for m in near)


def _finding(project: Project, app: App, found: list[tuple[Route, Entry, str]]) -> Finding:
    route, _, what = min(found, key=lambda f: f[2] != "another service")
    names = ", ".join(f"GET {r.path}" for r, _, _ in found[:4]) + (" …" if len(found) > 4 else "")
    number = f"{len(found)} public routes ask" if len(found) > 1 else "One public route asks"
    return Finding(route.place, f"{number} anew for every request, GET {route.path} {what}, and nothing is kept: where "
                   f"data may be a minute old, a cache saves that ({names}).", app=app.spec, confidence="medium",
                   chain=tuple(r.place for r, _, _ in found[1:5]), fix=_fix(project, app, found))


def _fix(project: Project, app: App, found: list[tuple[Route, Entry, str]]) -> Fix:
    home = free_module(project, app, "response_cache", "cached_responses")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    if not settings_at_hand(project.facts):
        return advice(TITLE, "settings are handed from function to function: a person says how they come here")
    pydantic = project.facts.release("pydantic", app.place.path)
    if old_redis(project, app) or pydantic is not None and pydantic < (2,):
        return advice(TITLE, "the pinned release of redis or pydantic is older than what it needs")
    chosen = [i for route, entry, _ in found for i in _decorated(project, app, route, entry, home[0])]
    if not chosen:
        return advice(TITLE, "no handler is an async function whose arguments and answer an edit could name")
    closing = at_shutdown(project, app, home[0], "close_cache", "await close_cache()")
    if isinstance(closing, str):
        return advice(TITLE, closing)
    address, settings = redis_address(project, URL)
    text = Template(files(__package__).joinpath("response_cache.py.tmpl").read_text(encoding="utf-8"))
    return Fix(TITLE, (*settings, AddFile(home[0], text.substitute(address=address)), *chosen, *closing,
                       *redis_requirement(project)), kinds=("scaffold", "codemod"), unsafe=True,
               reason=f"the routes may answer with what was true {SECONDS} seconds ago, also after a change")


def _decorated(project: Project, app: App, route: Route, entry: Entry, home: str) -> list[Intent]:
    """The decorator of one handler; nothing where its arguments or what it answers with are not plain to see."""
    function, path = entry.function, entry.place.path
    known = {p.name for p in route.parameters}
    ignored = []
    for name, annotation, *_ in function.params:
        if name in known:
            continue
        if not SESSION.search(name) and not SESSION.search(unparse(annotation)):
            return []
        ignored.append(name)
    model = _model(project, route, entry)
    module = import_name(project, app, home, path)
    if not function.is_async or not model or not module or "." in function.qualname:
        return []
    named = ", ".join(f'"{n}"' for n in ignored) + ("," if len(ignored) == 1 else "")
    given = f", ignore=({named})" if ignored else ""
    return [EnsureImport(path, module, "cached"),
            Decorate(entry.place, function.name, f"cached({SECONDS}, model={model}{given})")]


def _model(project: Project, route: Route, entry: Entry) -> str:
    """The type that the route answers with, as its file writes it."""
    at = route.registered
    for call in project.facts.behaviour.by_line.get((at.path, at.line), ()):
        for key, node in call.site.node[5]:
            if key == "response_model":
                text = unparse(node)
                return text if "…" not in text and at.path == entry.place.path and text != "None" else ""
            if key in ("response_class", None):
                return ""
    node = entry.function.node[8]
    text = unparse(node) if node is not None else ""
    return text if text and "…" not in text and "Response" not in text and text not in ("None", "'None'") else ""
