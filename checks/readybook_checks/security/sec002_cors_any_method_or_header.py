"""SEC002: CORS that lets open origins use every method or header."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.authentication import SCHEMES
from readybook.facts.closure import pulled_in
from readybook.facts.dependencies import chain
from readybook.facts.objects import Instance
from readybook.facts.program import App, Middleware
from readybook.facts.values import FromEnv, by_default
from readybook.finding import Answer
from readybook.intents import SetKeyword
from readybook.patterns import regex
from readybook_checks.security.sec001_cors_any_origin import CORS, matches_all, wildcard

TITLE = "List the methods and headers that the routes use"
ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")
READ = regex(r"\b(?:\w{0,20}request|req)\.headers(?:\.get\(|\[)\s*[\"']([A-Za-z][\w-]{0,60})[\"']")
# what browsers send by themselves, and what proxies add
OWN = frozenset(("host", "origin", "referer", "user-agent", "accept", "accept-language", "accept-encoding", "cookie",
                 "content-length", "connection", "forwarded", "via", "content-language", "date", "x-real-ip",
                 "upgrade", "authorization", "content-type"))


class CorsAnyMethodOrHeader(Check):
    """CORS with open origins lets any website use every method and send every header.

    Looked at: ``allow_methods`` and ``allow_headers`` of every CORSMiddleware of a served application whose origins are
    open. Where the origins are listed the wildcards reach these sites alone, and nothing is said. A list of what the
    routes use keeps a forgotten DELETE route, or a header that some proxy believes, out of other sites' reach.

    Fix: the methods of the resolved routes, and Authorization, Content-Type and the headers that the code reads.
    """

    id = "SEC002"
    name = "cors-any-method-or-header"
    category = "security"
    severity = "low"
    hours = Hours(0.25, 1, 1)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/tutorial/cors/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each CORSMiddleware whose origins are open."""
        found = False
        for app in project.facts.apps:
            for middleware in app.middleware if app.served else ():
                answer = _answer(project, app, middleware) if middleware.path == CORS else None
                if answer is not None:
                    found = True
                    yield answer
        if not found:
            yield NotApplicable("no CORSMiddleware with open origins")


def _answer(project: Project, app: App, middleware: Middleware) -> Answer | None:
    given = middleware.kwargs
    if "**" in given:
        return CannotTell("the arguments of CORSMiddleware are spread from a mapping", middleware.place, app.spec)
    everything = [k for k in ("allow_methods", "allow_headers") if wildcard(given.get(k)) is True]
    origins, pattern = wildcard(given.get("allow_origins", ())), matches_all(given.get("allow_origin_regex"))
    if origins is not True and pattern is not True:
        unknown = None in (origins, pattern) and everything
        reason = "which origins are allowed is decided outside the code"
        return CannotTell(reason, middleware.place, app.spec) if unknown else None
    if not everything:
        return Right(middleware.place, "methods and headers are listed", app.spec)
    used = methods(project, app)
    uses = f"; its routes use {', '.join(used)}" if used and "allow_methods" in everything else ""
    return Finding(middleware.place, f"{' and '.join(everything)} hold{'s' if len(everything) == 1 else ''} '*' beside "
                   f"open origins: any website may use all of them{uses}.", app=app.spec,
                   confidence="high" if middleware.by_default is True else "medium",
                   fix=_fix(project, app, middleware, everything, used))


def methods(project: Project, app: App) -> list[str]:
    """The methods that the routes of an application use, the usual order first."""
    used = {r.method for r in project.facts.routes if r.app == app.spec} - {"WEBSOCKET", "HEAD", "OPTIONS"}
    return [m for m in ORDER if m in used] + sorted(used - set(ORDER))


def headers(project: Project, app: App) -> list[str]:
    """The request headers that routes, security schemes and code behind an application read."""
    found = {"authorization": "Authorization", "content-type": "Content-Type"}
    names: list[str] = []
    for route in project.facts.routes:
        if route.app == app.spec:
            names += [p.alias or p.name for p in route.parameters if p.where == "header"]
            for target in route.targets:
                names += [_scheme(t) for t in chain(project.facts.behaviour.run, target)]
    for path in sorted(pulled_in(project.facts.modules, app.place.path)):
        module = project.facts.modules.by_path[path]
        if module.role == "application" and "headers" in module.text:
            names += READ.findall(module.text)
    for name in names:
        low = name.lower().replace("_", "-")
        if name and low not in OWN and not low.startswith(("x-forwarded-", "sec-", "if-")):
            found.setdefault(low, "-".join(part.capitalize() for part in low.split("-")))
    return [found[k] for k in sorted(found)]


def _scheme(target: object) -> str:
    """The header of an APIKeyHeader; empty for anything else."""
    if not isinstance(target, Instance) or not target.path.endswith(".APIKeyHeader") or "APIKeyHeader" not in SCHEMES:
        return ""
    name = by_default(target.kwargs.get("name"))
    return name if isinstance(name, str) else ""


def _fix(project: Project, app: App, middleware: Middleware, everything: list[str], used: list[str]) -> Fix:
    if not used or not app.complete or any(u.kind != "mount" for u in project.facts.unresolved):
        return advice(TITLE, "not every route is seen, so that a method could be missing")
    held = next((v.name for k in everything if isinstance(v := middleware.kwargs.get(k), FromEnv)), "")
    if held:
        return advice(f"{TITLE}, as the default of {held}", f"a deployment may set {held}, which a list in the call "
                      "would overrule")
    here = project.facts.behaviour.by_line.get((middleware.place.path, middleware.place.line), ())
    call = next((c.last for c in here if c.path == "starlette.middleware.Middleware"), "add_middleware")
    lists = {"allow_methods": used, "allow_headers": headers(project, app)}
    intents = tuple(SetKeyword(middleware.place, call, k, _written(lists[k])) for k in everything)
    return Fix(TITLE, intents, safety="review", reason="sites on other origins that send further headers, or use "
               "methods of what is mounted, are refused")


def _written(values: list[str]) -> str:
    """A list of plain words as source text; what the target calls a method or header may be anything."""
    return "[" + ", ".join(f'"{v}"' for v in values if re.fullmatch(r"[A-Za-z][\w-]{0,80}", v)) + "]"


HEAD = "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n\napp = FastAPI()\n"
ROUTES = ("\n\n@app.post(\"/items\")\ndef add(x_tenant: Annotated[str, Header()]) -> int:\n    return 1\n"
          "\n\n@app.get(\"/items\")\ndef items() -> int:\n    return 1\n")
TYPED = "from typing import Annotated\n\nfrom fastapi import FastAPI, Header\n" + HEAD.partition("\n")[2]
OPEN = "app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_methods=[\"*\"], allow_headers=[\"*\"])\n"
CorsAnyMethodOrHeader.examples = (
    Bad({"main.py": TYPED + OPEN + ROUTES}, at=("main.py:7",), severity="low",
        fixed={"main.py": TYPED + "app.add_middleware(\n    CORSMiddleware,\n    allow_origins=[\"*\"],\n"
               "    allow_methods=[\"GET\", \"POST\"],\n"
               "    allow_headers=[\"Authorization\", \"Content-Type\", \"X-Tenant\"],\n)\n" + ROUTES}),
    Bad(  # one of them, from a constant of another module
        {"settings.py": "ALL = [\"*\"]\n",
         "main.py": HEAD + "from settings import ALL\n\napp.add_middleware(CORSMiddleware, allow_origins=ALL, "
         "allow_headers=ALL)\n\n\n@app.get(\"/\")\ndef index() -> int:\n    return 1\n"}, at=("main.py:7",)),
    Bad(  # a pattern for all origins; routes that are not all seen
        {"main.py": HEAD + "import plugins\n\napp.add_middleware(\n    CORSMiddleware, allow_origin_regex=\".*\", "
         "allow_methods=[\"*\"]\n)\nfor router in plugins.load():\n    app.include_router(router)\n",
         "plugins.py": "import importlib\n\n\ndef load():\n    return importlib.import_module(\"x\").routers\n"},
        at=("main.py:7",)),
    Good({"main.py": HEAD + OPEN.replace("[\"*\"], allow_m", "[\"https://a.example\"], allow_m")},
         outcome="not_applicable"),
    Good({"main.py": HEAD + "app.add_middleware(CORSMiddleware, allow_origins=[\"*\"], allow_methods=[\"GET\"])\n"}),
    Good(  # which origins is not in the code
        {"main.py": "import os\n" + HEAD + "app.add_middleware(\n    CORSMiddleware, allow_methods=[\"*\"], "
         "allow_origins=os.environ[\"ORIGINS\"].split(\",\")\n)\n"}, outcome="unknown"),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
)
