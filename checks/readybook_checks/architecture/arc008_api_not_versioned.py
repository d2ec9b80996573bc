"""ARC008: public routes without a version."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.health import is_health_path
from readybook.facts.program import App
from readybook.finding import Answer
from readybook.patterns import regex

FEWEST = 5  # routes below which a service has too few clients' contracts to number them
_SEGMENT = regex(r"v\d{1,4}(?:[._]\d{1,4}){0,2}|v\d{1,2}(?:alpha|beta)\d{0,2}|\d{4}-\d{2}(?:-\d{2})?", re.I)
_HEADER = regex(r"^(?:x[-_])?(?:api|accept)[-_]?version$", re.IGNORECASE)
_VERSION_PARAMETER = regex(r"\{(?:api_?)?version(?::\w+)?\}", re.IGNORECASE)
_BESIDE = regex(
    r"(?:^|/)(?:metrics|docs|redoc|openapi(?:\.json)?|static|favicon\.ico|robots\.txt|sitemap\.xml|manifest\.json|"
    r"webhooks?|hooks?|callbacks?|\.well-known|internal)(?:/|$)",
    re.IGNORECASE)
_LIBRARIES = ("fastapi_versioning.", "fastapi_versionizer.", "cadwyn.", "fastapi_versioner.", "fastapi_header_version")
_PAGES = ("HTMLResponse", "TemplateResponse", "RedirectResponse")


class ApiNotVersioned(Check):
    """Paths carry no version, so that a change that breaks clients has nowhere to go.

    Looked at: the full paths of the served applications with the prefixes of routers and mounts: a segment such as
    ``v1``, a header parameter that names the version, or a library that numbers routes. Health, metrics, documentation,
    static files, webhooks and pages are no part of the contract, nor are routes left out of the schema. With fewer than
    five routes the question does not arise. Versioned and other paths together count by share.

    Advice: a router with the prefix ``/api/v1`` that includes today's routers, and today's paths beside it as
    deprecated ones until clients have moved.
    """

    id = "ARC008"
    name = "api-not-versioned"
    category = "architecture"
    severity = "low"
    hours = Hours(2, 4, 8)
    fix_kinds = ("advice",)
    references = ("https://fastapi.tiangolo.com/tutorial/bigger-applications/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """For each served application with five public routes or more, a Right for each versioned one, one finding."""
        asked = False
        for app in project.facts.apps:
            if not app.served:
                continue
            routes = _public(project, app)
            if len(routes) < FEWEST and not (routes and all(map(_versioned, routes))):
                continue  # too small to ask it of; where it numbers its routes all the same, that is right
            asked = True
            yield from _app(project, app, routes)
        if not asked:
            yield NotApplicable(f"no served application has {FEWEST} public routes")


def _public(project: Project, app: App) -> list[Route]:
    """The routes that are part of the contract with clients, each once."""
    found: dict[tuple[str, str], Route] = {}
    for route in project.facts.routes:
        if route.app == app.spec and route.include_in_schema and route.path.strip("/") and not _beside(route):
            found.setdefault((route.method, route.path.rstrip("/")), route)
    return list(found.values())


def _beside(route: Route) -> bool:
    return bool(is_health_path(route.path) or _BESIDE.search(route.path) or route.response_model in _PAGES)


def _app(project: Project, app: App, routes: list[Route]) -> Iterator[Answer]:
    library = next(iter(project.facts.behaviour.matching(lambda path: path.startswith(_LIBRARIES))), None)
    if library is not None:
        yield Right(library.place, f"{library.path.partition('.')[0]} numbers the routes", app.spec)
        return
    bare = [r for r in routes if not _versioned(r)]
    for route in routes:
        if _versioned(route):
            yield Right(route.place, route.path, app.spec)
    if not bare:
        return
    if root_path := _root(app):
        yield Right(app.place, f"served under {root_path}", app.spec)
        return
    if not app.complete:
        yield CannotTell("not all prefixes of the application are shown by the code", app.place, app.spec)
        return
    shown = ", ".join(list(dict.fromkeys(r.path for r in bare))[:2])
    many = f"{len(bare)} of {len(routes)} public routes of {app.spec} carry"
    text = f"{many} no version, {shown} among them: a change that breaks clients breaks all at once."
    yield Finding(
        app.place, text, confidence="medium" if len(bare) < len(routes) else "high", app=app.spec,
        fix=advice("Include the routers under /api/v1 and keep today's paths as deprecated ones",
                   "which clients call which path, and how long the old ones stay, is not in the code"))


def _root(app: App) -> str:
    """The ``root_path`` under which a proxy serves the application, when it carries a version."""
    from readybook.facts.values import text_of

    text = text_of(app.kwargs.get("root_path")) or ""
    return text if any(_SEGMENT.fullmatch(s) for s in text.split("/")) else ""


def _versioned(route: Route) -> bool:
    if any(_SEGMENT.fullmatch(s) for s in route.path.split("/")) or _VERSION_PARAMETER.search(route.path):
        return True
    return any(p.where == "header" and _HEADER.match(p.alias or p.name) for p in route.parameters)


HEAD = "from fastapi import APIRouter, FastAPI\n\n"
ROUTES = "".join(f"\n\n@{{on}}.get(\"/{n}\")\ndef {n}() -> int:\n    return 1\n"
                 for n in ("carts", "items", "orders", "users", "prices"))
ON_APP, ON_ROUTER = ROUTES.replace("{on}", "app"), ROUTES.replace("{on}", "router")
ApiNotVersioned.examples = (
    Bad({"main.py": HEAD + "app = FastAPI()\n" + ON_APP}, at=("main.py:3",), severity="low"),
    Bad(  # a prefix without a version; health and metrics beside it
        {"shop.py": "from fastapi import APIRouter\n\nrouter = APIRouter(prefix=\"/shop\")\n" + ON_ROUTER,
         "main.py": "from fastapi import FastAPI\n\nfrom shop import router\n\napp = FastAPI(version=\"v1\")\n"
         "app.include_router(router, prefix=\"/api\")\n\n\n@app.get(\"/v1/health\")\ndef health() -> int:\n"
         "    return 1\n"},
        at=("main.py:5",)),
    Bad(  # some are: the share counts
        {"main.py": HEAD + "app = FastAPI()\nrouter = APIRouter()\n" + ON_ROUTER + "\n\napp.include_router(router)\n"
         "app.include_router(router, prefix=\"/api/v2\")\n"},
        at=("main.py:3",)),
    Good(  # the prefix comes from settings in another module
        {"config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    api_prefix: str = \"/api/v1\"\n\n\nsettings = Settings()\n",
         "main.py": HEAD + "from config import settings\n\napp = FastAPI()\nrouter = APIRouter()\n" + ON_ROUTER
         + "\n\napp.include_router(router, prefix=settings.api_prefix)\n"}),
    Good(  # an application of its own for each version
        {"main.py": HEAD + "app = FastAPI()\nfirst = FastAPI()\n" + ROUTES.replace("{on}", "first")
         + "\n\napp.mount(\"/v1\", first)\n"}),
    Good(  # few
        {"main.py": HEAD + "app = FastAPI()\n\n\n@app.get(\"/items\")\ndef items() -> int:\n    return 1\n"},
        outcome="not_applicable"),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
