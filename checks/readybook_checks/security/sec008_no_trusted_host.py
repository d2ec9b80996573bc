"""SEC008: any Host header is believed."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.hosts import host_uses, named_hosts, outside_askers
from readybook.facts.program import App, Middleware
from readybook.facts.settingsaccess import settings_at_hand
from readybook.finding import Answer
from readybook.intents import EnsureMiddleware, EnsureSetting, Intent
from readybook.patterns import regex
from readybook_checks.security.sec001_cors_any_origin import wildcard

MIDDLEWARE = "starlette.middleware.trustedhost.TrustedHostMiddleware"
TITLE = "Answer requests for the hosts of the settings only"
HOSTS = '[*{setting:allowed_hosts}, "localhost", "127.0.0.1"]'
TESTED = regex(r"base_url\s*=\s*[\"']https?://([\w.-]{1,100})")


class NoTrustedHost(Check):
    """The service builds addresses from whatever Host header a request carries.

    Looked at: what the code behind each served application takes from the Host header (``request.base_url``,
    ``url_for``, the header itself), TrustedHostMiddleware and its hosts, and proxies that are configured here and
    serve named hosts only. A link in a mail or a redirect that is built so leads where the sender of the request
    wants. Code that takes nothing from the header needs no list.

    Fix: TrustedHostMiddleware with hosts from the settings, always with localhost, which container health checks use.
    Where probes or scrapers in the repository ask under other names, a person lists these first.
    """

    id = "SEC008"
    name = "no-trusted-host"
    category = "security"
    severity = "low"
    hours = Hours(0.25, 0.5, 1)
    fix_kinds = ("codemod", "advice")
    attestable = True
    references = ("https://fastapi.tiangolo.com/advanced/middleware/#trustedhostmiddleware",
                  "https://cwe.mitre.org/data/definitions/644.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each served application that takes something from the header or checks it."""
        found = False
        for app in project.facts.apps:
            if not app.served or not any(r.app == app.spec for r in project.facts.routes):
                continue
            for answer in _answers(project, app):
                found = True
                yield answer
        if not found:
            yield NotApplicable("no code takes addresses from the Host header")


def _answers(project: Project, app: App) -> Iterator[Answer]:
    checked = next((m for m in app.middleware if m.path == MIDDLEWARE), None)
    if checked is not None:
        yield _checked(app, checked)
        return
    uses = list(host_uses(project.facts, app))
    named = list(named_hosts(project.facts))
    if uses and named:
        yield Right(named[0], "the proxy serves named hosts only", app.spec)
    elif uses:
        what, where = uses[0]
        more = f" and {len(uses) - 1} more place{'s' if len(uses) > 2 else ''}" if len(uses) > 1 else ""
        yield Finding(
            app.place, f"{app.spec} takes any Host header, and {what} at {where}{more} "
            f"build{'s' if not more else ''} on it: whoever sends the request chooses the address.",
            confidence="high" if app.complete else "medium", fix=_fix(project, app), app=app.spec,
            chain=tuple(place for _, place in uses[:5]))


def _checked(app: App, middleware: Middleware) -> Answer:
    hosts = middleware.kwargs.get("allowed_hosts")
    open_ = True if hosts is None and "**" not in middleware.kwargs else wildcard(hosts)
    if open_ is True:
        return Finding(
            middleware.place, "TrustedHostMiddleware lets every host pass: allowed_hosts is '*' by default.",
            app=app.spec, fix=advice('List the public hosts in allowed_hosts, with "localhost" and "127.0.0.1"',
                                     "which names the service has is not in the code"))
    if open_ is None:
        return CannotTell("which hosts are allowed is decided outside the code", middleware.place, app.spec)
    return Right(middleware.place, "the hosts are listed", app.spec)


def _fix(project: Project, app: App) -> Fix:
    asker = outside_askers(project.facts)
    if asker:
        return advice(TITLE, f"{asker}, which would get 400: list that name, or give the probe a Host header, first")
    if not settings_at_hand(project.facts):
        return advice(TITLE, "settings are handed from function to function: a person says how they come here")
    hosts = ", ".join(f'"{h}"' for h in _tested(project))
    setting = EnsureSetting("allowed_hosts", "list[str]", f"[{hosts}]", "ALLOWED_HOSTS", example="api.example.com",
                            meaning="public names of the service, by comma")
    intents: tuple[Intent, ...] = (setting, EnsureMiddleware(
        app.place, "fastapi.middleware.trustedhost", "TrustedHostMiddleware", f"allowed_hosts={HOSTS}"))
    return Fix(TITLE, intents, safety="review",
               reason="requests under all other names get 400: set ALLOWED_HOSTS where it is deployed, first")


def _tested(project: Project) -> list[str]:
    """The host names that the project's tests ask under."""
    names: set[str] = set()
    for module in project.facts.modules.by_path.values():
        if module.role == "test":
            names.update(TESTED.findall(module.text))
            names.update(["testserver"] if "TestClient(" in module.text else [])
    return sorted(names - {"localhost", "127.0.0.1"})


HEAD = "from fastapi import FastAPI, Request\n\n"
LINK = ("\n\n@app.get(\"/reset\")\ndef reset(request: Request) -> str:\n"
        "    return str(request.url_for(\"done\"))\n\n\n@app.get(\"/done\")\ndef done() -> str:\n    return \"\"\n")
NAMES = "requirements.txt"
PINNED = "fastapi==0.165.0\npydantic-settings==2.16.3\n"
CONFIG = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    debug: bool = False\n"
NoTrustedHost.examples = (
    Bad(
        {"config.py": CONFIG + "\n\nsettings = Settings()\n", NAMES: "fastapi==0.115.0\npydantic-settings==2.2.1\n",
         "main.py": HEAD + "from config import settings\n\napp = FastAPI(debug=settings.debug)\n" + LINK,
         "tests/test_main.py": "from fastapi.testclient import TestClient\nfrom main import app\n\n"
         "client = TestClient(app)\n"},
        at=("main.py:5",), severity="low",
        fixed={
            "config.py": CONFIG + "    allowed_hosts: str = \"testserver\"\n\n    @property\n"
            "    def allowed_hosts_list(self) -> list[str]:\n"
            "        \"\"\"The parts of ``allowed_hosts``, which the environment gives as ``a, b``.\"\"\"\n"
            "        return [part.strip() for part in self.allowed_hosts.split(\",\") if part.strip()]\n"
            "\n\nsettings = Settings()\n",
            "main.py": "from fastapi import FastAPI, Request\n"
            "from fastapi.middleware.trustedhost import TrustedHostMiddleware\n\nfrom config import settings\n\n"
            "app = FastAPI(debug=settings.debug)\napp.add_middleware(\n    TrustedHostMiddleware,\n"
            "    allowed_hosts=[*settings.allowed_hosts_list, \"localhost\", \"127.0.0.1\"],\n)\n" + LINK}),
    Bad(  # the header itself; a scraper asks under another name
        {"main.py": HEAD + "app = FastAPI()\n\n\n@app.get(\"/\")\ndef index(request: Request) -> str:\n"
         "    return \"https://\" + request.headers[\"host\"]\n",
         "prometheus.yml": "scrape_configs:\n  - job_name: api\n    static_configs:\n      - targets: [api:8000]\n"},
        at=("main.py:3",)),
    Bad(  # a list that lets all pass
        {"main.py": HEAD + "from starlette.middleware.trustedhost import TrustedHostMiddleware as Hosts\n\n"
         "app = FastAPI()\napp.add_middleware(Hosts, allowed_hosts=[\"*\"])\n" + LINK}, at=("main.py:6",)),
    Good({"main.py": HEAD + "from fastapi.middleware.trustedhost import TrustedHostMiddleware\n\napp = FastAPI()\n"
          "app.add_middleware(TrustedHostMiddleware, allowed_hosts=[\"api.example.com\"])\n" + LINK}),
    Good(  # the proxy knows the names
        {"main.py": HEAD + "app = FastAPI()\n" + LINK,
         "nginx.conf": "server {\n    server_name api.example.com;\n    location / {\n"
         "        proxy_pass http://app:8000;\n    }\n}\n"}),
    Good(  # paths, logs and tests do not count
        {"main.py": "import logging\n\n" + HEAD + "app = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def index(request: Request) -> str:\n    logging.info(\"%s\", request.base_url)\n"
         "    return request.url.path\n",
         "tests/test_main.py": "def host(request):\n    return request.base_url\n"}, outcome="not_applicable"),
    Good(  # required: what it holds is not in the code
        {"main.py": "import os\n\n" + HEAD + "from fastapi.middleware.trustedhost import TrustedHostMiddleware as T\n\n"
         "app = FastAPI()\napp.add_middleware(T, allowed_hosts=os.environ[\"HOSTS\"].split(\",\"))\n"
         + LINK}, outcome="unknown"),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
