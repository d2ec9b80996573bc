"""SEC007: answers without the headers that protect browsers."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.closure import pulled_in
from readybook.facts.program import App
from readybook.finding import Answer
from readybook.intents import AddFile, SetUpApp
from readybook.patterns import regex
from readybook_checks.architecture.app_module import free_module

WANTED = (
    ("X-Content-Type-Options", ("x-content-type-options",)),
    ("X-Frame-Options (or Content-Security-Policy)", ("x-frame-options", "content-security-policy")),
    ("Referrer-Policy", ("referrer-policy",)),
)
_PAGES = regex(r"\bHTMLResponse\(|\bresponse_class\s*=\s*(?:\w+\.)*HTMLResponse\b|\.TemplateResponse\(")
_WORDS = ("HTMLResponse", "TemplateResponse")  # one of them stands in whatever _PAGES finds
TITLE = "Add the headers to every answer, errors too"


class NoSecurityHeaders(Check):
    """Browsers are not told to refuse sniffed types, framing and leaking addresses.

    Looked at: what middleware of each served application sets (its own, libraries such as secure, what wraps the
    application), dependencies of all routes, and reverse proxies that are configured here: nosniff, frame options or a
    content policy, and a referrer policy. HSTS counts when it is there and is not asked for, since TLS may end
    elsewhere. An application that serves pages is graded medium, one that answers data alone low.

    Fix: a pure ASGI middleware around the whole application, so that answers to unexpected errors get the headers. Its
    content policy leaves the documentation pages working; HSTS goes out over TLS only.
    """

    id = "SEC007"
    name = "no-security-headers"
    category = "security"
    severity = "medium"
    hours = Hours(0.5, 1, 2)
    fix_kinds = ("scaffold", "advice")
    references = ("https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html",)

    def find(self, project: Project) -> Iterator[Answer]:
        """For each served application, a Right for each header that is set and one finding for those that are not."""
        apps = [a for a in project.facts.apps if a.served and any(r.app == a.spec for r in project.facts.routes)]
        if not apps:
            yield NotApplicable("no route is served")
        for app in apps:
            yield from self._app(project, app)

    def _app(self, project: Project, app: App) -> Iterator[Answer]:
        found = project.facts.response_headers(app)
        missing = [text for text, names in WANTED if not any(n in found for n in names)]
        for name, place in found.items():
            yield Right(place, name, app.spec)
        if not missing:
            return
        pages = _pages(project, app)
        severity = "medium" if pages else "low"
        what = f"pages ({pages})" if pages else "data"
        yield Finding(
            app.place, f"Answers of {app.spec} carry no {_listed(missing)}, and it serves {what}.", severity,
            confidence="high" if app.complete else "medium", fix=_fix(project, app, bool(found)), app=app.spec)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _pages(project: Project, app: App) -> str:
    """The first file behind the application that makes HTML pages; empty when there is none."""
    modules = project.facts.modules
    for path in sorted(pulled_in(modules, app.place.path)):
        module = modules.by_path[path]
        text = module.text
        if module.role == "application" and any(w in text for w in _WORDS) and _PAGES.search(text):
            return path
    return ""


def _fix(project: Project, app: App, some: bool) -> Fix:
    if some:
        return advice(TITLE, "some headers are set already: the others belong where those are")
    home = free_module(project, app, "security_headers", "response_headers")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    text = files(__package__).joinpath("security_headers.py.tmpl").read_text(encoding="utf-8")
    return Fix(TITLE, (AddFile(home[0], text), SetUpApp(app.place, home[1], "add_security_headers")),
               kinds=("scaffold",), safety="review", reason="sites that show its pages in a frame no longer can, and "
               "browsers that reach it over TLS ask for TLS for a year")


HEAD = "from fastapi import FastAPI\n\napp = FastAPI()\n"
ROUTE = "\n\n@app.get(\"/\")\ndef index() -> int:\n    return 1\n"
PAGE = ("from fastapi import FastAPI\nfrom fastapi.responses import HTMLResponse\n\napp = FastAPI()\n"
        "\n\n@app.get(\"/\", response_class=HTMLResponse)\ndef index() -> str:\n    return \"<p>Shop</p>\"\n")
NEW = files(__package__).joinpath("security_headers.py.tmpl").read_text(encoding="utf-8")
ALL = ("HEADERS = {\n    \"X-Content-Type-Options\": \"nosniff\",\n    \"X-Frame-Options\": \"DENY\",\n"
       "    \"Referrer-Policy\": \"no-referrer\",\n}\n")
NoSecurityHeaders.examples = (
    Bad({"main.py": HEAD + ROUTE}, at=("main.py:3",), severity="low",
        fixed={"security_headers.py": NEW,
               "main.py": "from fastapi import FastAPI\n\nfrom security_headers import add_security_headers\n\n"
               "app = FastAPI()\nadd_security_headers(app)\n" + ROUTE}),
    Bad({"main.py": PAGE}, at=("main.py:4",), severity="medium"),
    Bad(  # one endpoint sets one for itself; a test asks for them all
        {"main.py": "from fastapi import FastAPI, Response\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def index(response: Response) -> int:\n    response.headers[\"X-Content-Type-Options\"] = \"nosniff\"\n"
         "    return 1\n",
         "tests/test_main.py": ALL}, at=("main.py:3",)),
    Bad(  # some
        {"main.py": HEAD + "\n\n@app.middleware(\"http\")\nasync def add(request, call_next):\n"
         "    response = await call_next(request)\n    response.headers[\"X-Frame-Options\"] = \"DENY\"\n"
         "    return response\n" + ROUTE}, at=("main.py:3",)),
    Good(  # a table in another module, set in a wrapper of send
        {"limits.py": ALL,
         "headers.py": "from starlette.datastructures import MutableHeaders\n\nfrom limits import HEADERS\n\n\n"
         "class Headers:\n    def __init__(self, app):\n        self.app = app\n\n"
         "    async def __call__(self, scope, receive, send):\n        async def wrapped(message):\n"
         "            if message[\"type\"] == \"http.response.start\":\n"
         "                MutableHeaders(scope=message).update(HEADERS)\n            await send(message)\n\n"
         "        await self.app(scope, receive, wrapped)\n",
         "main.py": "from fastapi import FastAPI\n\nfrom headers import Headers\n\napp = FastAPI()\n"
         "app.add_middleware(Headers)\n" + ROUTE}),
    Good(  # a helper that the middleware calls
        {"main.py": HEAD + "\n\ndef protect(response):\n"
         "    response.headers[\"x-content-type-options\"] = \"nosniff\"\n"
         "    response.headers[\"content-security-policy\"] = \"frame-ancestors 'none'\"\n"
         "    response.headers[\"referrer-policy\"] = \"same-origin\"\n\n\n@app.middleware(\"http\")\n"
         "async def add(request, call_next):\n    response = await call_next(request)\n    protect(response)\n"
         "    return response\n" + ROUTE}),
    Good(  # the proxy
        {"main.py": HEAD + ROUTE,
         "nginx.conf": "server {\n    listen 80;\n    add_header X-Content-Type-Options nosniff always;\n"
         "    add_header X-Frame-Options DENY always;\n    add_header Referrer-Policy no-referrer always;\n"
         "    location / {\n        proxy_pass http://app:8000;\n    }\n}\n"}),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
