"""The scaffold: a module that counts requests in Redis, a dependency of the application and one of sign-in routes."""

from __future__ import annotations

import ast
from importlib.resources import files
from string import Template

from readybook import Fix, Project, advice
from readybook.facts.application import Route
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.program import App
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.unparse import unparse
from readybook.intents import AddFile, EnsureImport, EnsureRequirement, EnsureSetting, Intent, SetKeyword
from readybook.patterns import regex
from readybook.place import Place
from readybook_checks.architecture.app_module import free_module, with_mounted
from readybook_checks.architecture.redis_setting import old_redis, redis_address, redis_requirement
from readybook_checks.devops.health_router import import_name

TITLE = "Count the requests of each client in Redis"
GENERAL = EnsureSetting("rate_limit", "str", '"300/minute"', "RATE_LIMIT",
                        meaning="requests that one address may send")
SIGN_IN = EnsureSetting("sign_in_rate_limit", "str", '"10/minute"', "SIGN_IN_RATE_LIMIT",
                        meaning="tries at passwords and codes that one address has")
STORAGE = EnsureSetting("rate_limit_redis_url", "str", '"redis://localhost:6379/0"', "RATE_LIMIT_REDIS_URL",
                        meaning="where the requests of all processes are counted")
SCRAPED = regex(r"/metrics/?$")
EXPOSED = regex(r"prometheus_client|generate_latest|starlette_exporter|instrumentator|openmetrics|text/plain|PlainText")
WIDTH = 88


def scaffold(project: Project, app: App, sign_ins: list[Route]) -> Fix:
    """The fix for an application that has no limit at all."""
    home = free_module(project, app, "rate_limit", "rate_limits")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    if not settings_at_hand(project.facts):
        return advice(TITLE, "settings are handed from function to function: a person says how they come here")
    if old_redis(project, app):
        return advice(TITLE, "the pinned release of redis is older than 5.2, which limits needs")
    release = project.facts.release("fastapi")
    if release is not None and release < (0, 87):
        return advice(TITLE, "the pinned release of FastAPI has no WebSocketException, which the limiter needs: 0.87 "
                      "has")
    guards = [g for r in sign_ins for g in _guard(project, app, r, home[0])]
    wired = [w for a in with_mounted(project, app) for w in _wiring(project, app, a, home)]
    if not wired:
        return advice(TITLE, "the application is not built by a call that an edit could find")
    address, storage = redis_address(project, STORAGE)
    text = _module(project, app, address, bool(guards))
    settings = (GENERAL, *((SIGN_IN,) if guards else ()), *storage)
    needs = [EnsureRequirement("limits", ">=4.2,<6"), *redis_requirement(project)]
    title = f"{TITLE}, sign-ins more strictly" if guards else TITLE
    return Fix(title, (*settings, AddFile(home[0], text), *wired, *guards, *needs), kinds=("scaffold",),
               safety="review", reason=_reason(project))


def _reason(project: Project) -> str:
    reason = "clients that send more than the settings allow get 429; without Redis all are served and a warning logged"
    if any(p.forwards for p in project.facts.proxies):
        reason += ("; behind a proxy all clients have its address until FORWARDED_ALLOW_IPS names its network, so set "
                   "that first")
    return reason


def _module(project: Project, app: App, address: str, strict: bool) -> str:
    paths = {h.route.path for h in project.facts.health_routes if h.route.app == app.spec}
    paths |= {r.path for r in project.facts.routes if r.app == app.spec and SCRAPED.search(r.path) and _scraped(r)}
    names = [f'"{p}"' for p in sorted(paths) if '"' not in p and "\\" not in p]
    listed = ", ".join(names)
    unlimited = f"{{{listed}}}" if listed else ""
    if len(unlimited) > WIDTH - len("UNLIMITED: frozenset[str] = frozenset()"):
        unlimited = "\n    {\n" + "".join(f"        {name},\n" for name in names) + "    }\n"
    sign_ins = _template("sign_ins.py.tmpl").rstrip("\n") + "\n" if strict else ""
    return Template(_template("rate_limit.py.tmpl")).substitute(
        limit="SIGN_IN = parse({setting:sign_in_rate_limit})\n" if strict else "", address=address,
        unlimited=unlimited, sign_ins=sign_ins)


def _scraped(route: Route) -> bool:
    """Whether a route of that name answers in a scraper's format: numbers of a business are called metrics too."""
    functions = functions_behind(route.handler)
    return not functions or any(EXPOSED.search(f.module.text) for f in functions)


def _wiring(project: Project, outer: App, app: App, home: tuple[str, str]) -> list[Intent]:
    """``dependencies=`` of the call that builds one application, before those it has."""
    module = home[1] if app is outer else import_name(project, outer, home[0], app.place.path)
    call = _call(project, app.place, "")
    value = _before(call, "limit_requests") if call is not None and call.last and module else ""
    if not value or call is None:
        return []
    return [SetKeyword(app.place, call.last, "dependencies", value), EnsureImport(app.place.path, "fastapi", "Depends"),
            EnsureImport(app.place.path, module, "limit_requests")]


def _guard(project: Project, app: App, route: Route, home: str) -> list[Intent]:
    """The stricter dependency in the decorator of one route; nothing when no decorator registers it."""
    at = route.registered
    call = _call(project, at, route.method.lower())
    if call is None or at.path not in project.files:
        return []
    module = import_name(project, app, home, at.path)
    value = _before(call, "limit_sign_ins")
    if not module or not value:
        return []
    return [SetKeyword(at, call.last, "dependencies", value), EnsureImport(at.path, "fastapi", "Depends"),
            EnsureImport(at.path, module, "limit_sign_ins")]


def _call(project: Project, place: Place, last: str) -> Call | None:
    """The call at a place, the outermost one of that name."""
    found = [c for c in project.facts.behaviour.by_line.get((place.path, place.line), ())
             if (c.last == last if last else c.place.column == place.column)]
    return found[0] if found else None


def _before(call: Call, name: str) -> str:
    """The new list of dependencies as source text; empty when the present one cannot be extended."""
    if any(key is None for key, _ in call.site.node[5]):
        return ""
    node = next((v for k, v in call.site.node[5] if k == "dependencies"), None)
    if node is None:
        return f"[Depends({name})]"
    text = unparse(node)
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    inner = text[1:-1].strip().rstrip(",") if node[0] == "list" else f"*{text}"
    return f"[Depends({name}), {inner}]" if inner else f"[Depends({name})]"


def _template(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
