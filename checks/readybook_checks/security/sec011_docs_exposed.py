"""SEC011: documentation pages that everybody can read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Right, advice
from readybook.facts.authentication import guarding_middleware
from readybook.facts.behaviour import functions_behind
from readybook.facts.program import App
from readybook.facts.settings import SettingField, SettingsClass
from readybook.facts.signins import is_sign_in
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.values import Begins, Choice, FromEnv, possible, text_of, truth
from readybook.finding import Answer
from readybook.intents import EnsureSetting, Intent, SetKeyword
from readybook.patterns import regex
from readybook.project import Project

PAGES = {"openapi_url": "/openapi.json", "docs_url": "/docs", "redoc_url": "/redoc"}
OWN_PAGES = ("fastapi.openapi.docs.get_swagger_ui_html", "fastapi.openapi.docs.get_redoc_html")
ENVIRONMENTS = frozenset({"environment", "env", "app_env", "api_env", "app_environment", "stage", "env_name"})
# where the body stands in a lowered statement
_BODIES = {"def": 6, "class": 7, "with": 5, "try": 4, "for": 6}
PRODUCTION = ("production", "prod", "prd", "live")
DEVELOPMENT = ("development", "dev", "local", "develop")
SIGN_IN = regex(
    r"(?i)log-?in|sign-?(?:in|up)|regist|token|auth|password|webhook|callback|health|oauth|refresh|verify"
)
WRITES = ("POST", "PUT", "PATCH", "DELETE")
ADDRESSES = ("openapi.json", "docs", "redoc")
ASKED = regex(r"[\"'](?:/[\w/.-]*)?/?(?:openapi\.json|docs|redoc)/?[\"']")


class DocsExposed(Check):
    """The interactive documentation and the schema of the API are open to everybody.

    They list every route, parameter and model, those of administrators too, which is a map for whoever looks for a way
    in. FastAPI serves them unless told otherwise; for an API that anybody may call, set ``public_api``.

    Looked at: ``openapi_url``, ``docs_url`` and ``redoc_url`` of every served application, through settings and
    conditions; without ``openapi_url`` FastAPI serves none of the three. A condition on the environment passes, and so
    do own pages behind authentication. Low; medium where routes that change data ask for no authentication.

    Fix: ``openapi_url`` is None in production, and the pages go with it; ``app.openapi()`` still gives the schema, so
    generated clients are made as before.
    """

    id = "SEC011"
    name = "docs-exposed"
    category = "security"
    severity = "low"
    hours = Hours(0.25, 0.25, 1)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/how-to/conditional-openapi/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each served application that shows its documentation; a Right for each page that is closed."""
        if project.public_api:
            yield NotApplicable("the API is public by its configuration")
            return
        served = list(_answering(project.facts.apps))
        if not served:
            yield NotApplicable("no application is served")
        for app in served:
            yield from self._answers(project, app)

    def _answers(self, project: Project, app: App) -> Iterator[Answer]:
        shown = {key: _shown(project, app, key) for key in PAGES}
        schema = shown["openapi_url"]
        if schema is None:
            yield CannotTell("whether the schema is served is decided outside the code", app.place, app.spec)
            return
        own = list(_own_pages(project, app))
        if schema and not all(closed for _, closed in own):
            shown["docs_url"] = True
        if not schema:
            open_pages = [path for path, closed in own if not closed]
            if open_pages:
                yield Finding(app.place, f"{app.spec} shows its documentation at {open_pages[0]} to everybody.",
                              _severity(project, app)[0], app=app.spec,
                              fix=advice("Ask who calls before the page is shown", "which users may read it is not "
                               "known"))
            else:
                yield Right(app.place, "openapi_url is off, at least in production, and the pages with it", app.spec)
            return
        for key, answer in shown.items():
            if answer is False:
                yield Right(app.place, f"{key} is off, at least in production", app.spec)
        yield self._finding(project, app, [key for key, answer in shown.items() if answer])

    def _finding(self, project: Project, app: App, pages: list[str]) -> Finding:
        severity, effect = _severity(project, app)
        where = " and ".join(filter(None, [", ".join(_path(app, p) for p in pages[:-1]), _path(app, pages[-1])]))
        return Finding(app.place, f"{app.spec} shows {where} to everybody, in production too{effect}.", severity,
                       fix=_fix(project, app), app=app.spec)


def _answering(apps: tuple[App, ...]) -> Iterator[App]:
    """The served applications and those that are mounted in them: each has documentation of its own."""
    inside = {id(e.data["app"]) for app in apps if app.served for e in app.instance.native.events if e.kind == "mount"}
    yield from (app for app in apps if app.served or id(app.instance) in inside)


def _path(app: App, key: str) -> str:
    return text_of(app.kwargs.get(key, PAGES[key])) or key


def _severity(project: Project, app: App) -> tuple[str, str]:
    """(severity, what the message adds) by the routes that change data and ask for no authentication."""
    open_writes = [r for r in project.facts.routes if r.app == app.spec and r.method in WRITES and not r.condition
                   and not SIGN_IN.search(f"{r.path} {r.endpoint.rpartition('.')[2]}")
                   and not project.facts.guarded(r) and not is_sign_in(project.facts.behaviour, r)]
    if not open_writes or guarding_middleware(project.facts.behaviour, app) is not None:
        return "low", ""
    first = f"{open_writes[0].method} {open_writes[0].path}"
    more = f" and {len(open_writes) - 1} more change" if len(open_writes) > 1 else " changes"
    return "medium", f", and {first}{more} data without authentication"


def _shown(project: Project, app: App, key: str) -> bool | None:
    """Whether a page is served in production: None when that cannot be known."""
    node = _construction(app)
    spread = node is None or not all(name for name, _ in node[5])
    if spread and _set_under_condition(project, {key}, (app.place.path,)):
        return False
    if key in app.kwargs:
        return _served(project, app.kwargs[key])
    return None if spread or "**" in app.kwargs or not app.complete else True


def _served(project: Project, value: Any) -> bool | None:
    if isinstance(value, FromEnv) and value.place is not None:
        if _set_under_condition(project, {value.name, value.name.lower()}, (value.place.path,)):
            return False  # a validator switches it off
    if isinstance(value, Choice | FromEnv):
        options = [v for _, v in value.options] if isinstance(value, Choice) else possible(value.default)
        answers = [_served(project, option) for option in options]
        return False if False in answers else None if None in answers else True
    return truth(value) if isinstance(value, str | bool | Begins | None) else None


def _set_under_condition(project: Project, names: set[str], paths: tuple[str, ...]) -> bool:
    """Whether a key of a mapping, or an attribute, of one of these names is set inside an ``if`` of these files."""
    modules = [project.facts.modules.by_path[path] for path in paths if path in project.facts.modules.by_path]
    return any(_assigns(statement, names) for module in modules for statement in _conditionals(module.body))


def _conditionals(body: tuple[Node, ...]) -> Iterator[Node]:
    for statement in body:
        if statement[0] == "if":
            yield statement
        elif statement[0] in _BODIES:
            yield from _conditionals(statement[_BODIES[statement[0]]])


def _assigns(statement: Node, names: set[str]) -> bool:
    for inner in (*statement[5], *statement[6]):
        if inner[0] == "if" and _assigns(inner, names):
            return True
        if inner[0] == "assign" and any(_target(t) in names for t in inner[4]):
            return True
        if inner[0] == "expr" and inner[4][0] == "call" and inner[4][3][-1] == "update":
            call = inner[4]
            if names & {*(k for k, _ in call[5]), *(k[3] for a in call[4] if a[0] == "dict" for k, _ in a[3] if k)}:
                return True
    return False


def _target(node: Node) -> str:
    """The key or attribute that an assignment sets."""
    if node[0] == "attr":
        return str(node[4])
    return str(node[4][3]) if node[0] == "sub" and node[4][0] == "const" else ""


def _own_pages(project: Project, app: App) -> Iterator[tuple[str, bool]]:
    """(path, whether it asks who calls, or stands under a condition) of routes that draw documentation themselves."""
    behaviour = project.facts.behaviour
    for route in project.facts.routes:
        if route.app != app.spec or route.method != "GET":
            continue
        calls = [call.path for f in functions_behind(route.handler) for call in behaviour.calls_in(f)]
        if any(path in OWN_PAGES for path in calls):
            yield route.path, bool(route.condition) or project.facts.guarded(route)


def _asked_by_tests(project: Project) -> str:
    """A test that asks the service for its schema or its pages; empty when none does."""
    return next((m.path for _, m in sorted(project.facts.modules.by_path.items())
                 if m.role == "test" and any(a in m.text for a in ADDRESSES) and ASKED.search(m.text)), "")


def _construction(app: App) -> Any:
    """The call that makes the application; None where it is made otherwise, as by the class that a server is given."""
    node = app.instance.node
    return node if node is not None and node[0] == "call" else None


def _fix(project: Project, app: App) -> Fix:
    node = _construction(app)
    name = node[3][-1] if node is not None else None
    if node is None or app.class_name != "fastapi.FastAPI" or not isinstance(name, str) or any(
        not key for key, _ in node[5]
    ):
        return advice("Serve the documentation outside production only", "how this application takes openapi_url is not"
                      " known; FastAPI's own constructor takes None")
    asking = _asked_by_tests(project)
    if asking:
        return advice("Serve the documentation outside production only", f"{asking} asks for the schema or the pages: "
                      "it needs an environment in which they are served")
    given = dict(node[5])
    current = _source(given.get("openapi_url")) or '"/openapi.json"'
    intents: tuple[Intent, ...] = ()
    value = _as_the_pages(given, current)
    if not value:
        intents, condition = _condition(project)
        value = f"{current} if {condition} else None"
    return Fix(
        "Serve the schema and its pages outside production only",
        (*intents, SetKeyword(app.place, name, "openapi_url", value)), safety="review",
        reason="who reads the pages in production no longer can: docs_url and redoc_url go with openapi_url",
    )


def _as_the_pages(given: dict[str, Node], current: str) -> str:
    """``openapi_url`` under the condition that this call has for a page already; empty when it has none."""
    for key in ("docs_url", "redoc_url"):
        node = given.get(key)
        if node is None or node[0] != "if" or "…" in unparse(node[3]):
            continue
        test, (shown, hidden) = unparse(node[3]), node[4:6]
        if hidden[0] == "const" and hidden[3] is None:
            return f"{current} if {test} else None"
        if shown[0] == "const" and shown[3] is None:
            return f"None if {test} else {current}"
    return ""


def _source(node: Node | None) -> str:
    """The text of an argument on one line; empty when it is none of the simple kinds."""
    text = unparse(node)
    return "" if "…" in text else text


def _condition(project: Project) -> tuple[tuple[Intent, ...], str]:
    """What tells production: the settings' environment or debug field, else a switch of its own."""
    classes = [c for c in project.facts.settings_classes if not re.search(r"(?i)test|prod|stag|dev|local", c.path)]
    if len(classes) == 1:
        for field in classes[0].fields:
            if field.name.lower() in ENVIRONMENTS:
                test = _environment_test(classes[0], field)
                if test:
                    return (), test
        for field in classes[0].fields:
            if field.name.lower() in ("debug", "debug_mode", "app_debug") and field.annotation == "bool":
                return (), f"{{setting:{field.name}}}"
    switch = EnsureSetting("docs_enabled", "bool", "False", "DOCS_ENABLED", example="false",
                           meaning=f"whether {_pages(project)} are served")
    return (switch,), "{setting:docs_enabled}"


def _pages(project: Project) -> str:
    """The paths that the switch is about, as the application sets them."""
    apps = list(_answering(project.facts.apps))
    if len(apps) != 1 or "**" in apps[0].kwargs:
        return "the schema and its pages"
    paths = [_path(apps[0], key) for key in ("docs_url", "redoc_url", "openapi_url")
             if apps[0].kwargs.get(key, PAGES[key]) is not None]
    if not all(path.startswith("/") for path in paths):
        return "the schema and its pages"
    return " and ".join(filter(None, [", ".join(paths[:-1]), paths[-1]])) if len(paths) > 1 else "the schema"


def _environment_test(cls: SettingsClass, field: SettingField) -> str | None:
    """A condition that is false in production; None when the field's values are not known."""
    values = re.findall(r"[\"']([\w-]+)[\"']", field.annotation) if "Literal" in field.annotation else []
    production = next((v for v in values if v.lower() in PRODUCTION), None)
    if production:
        return f'{{setting:{field.name}}} != "{production}"'
    default = text_of(field.default)
    if field.annotation in ("str", "") and default and default.lower() in DEVELOPMENT:
        return f'{{setting:{field.name}}} == "{default}"'
    if field.annotation in ("str", "") and default and default.lower() in PRODUCTION:
        return f'{{setting:{field.name}}} != "{default}"'
    return None


PLAIN = "from fastapi import FastAPI\n\napp = FastAPI()\n"
SETTINGS = (
    "from typing import Literal\n\nfrom pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
    "    ENVIRONMENT: Literal[\"local\", \"staging\", \"production\"] = \"local\"\n    API: str = \"/api/v1\"\n\n\n"
    "settings = Settings()\n"
)
MAIN = "from fastapi import FastAPI\n\nfrom app.config import settings\n\n"
OWN = (
    "from fastapi import Depends, FastAPI, HTTPException\nfrom fastapi.openapi.docs import get_swagger_ui_html\n"
    "from fastapi.security import HTTPBasic\n\nbasic = HTTPBasic()\n"
    "app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)\n\n\n"
)
DocsExposed.examples = (
    Bad(  # a test reads the schema: advice only
        {"main.py": PLAIN, "requirements.txt": "fastapi\npydantic-settings>=2.7\n", "tests/test_api.py":
         "def test_schema(client):\n    assert client.get(\"/openapi.json\").status_code == 200\n"}, at=("main.py:3",)),
    Bad(  # the defaults, and a project without settings
        {"main.py": PLAIN, "requirements.txt": "fastapi\npydantic-settings>=2.7\n"}, at=("main.py:3",), severity="low",
        fixed={
            "main.py": "from fastapi import FastAPI\n\nfrom settings import settings\n\n"
            "app = FastAPI(openapi_url=\"/openapi.json\" if settings.docs_enabled else None)\n",
            "settings.py": "\"\"\"Settings of the service, read from the environment.\"\"\"\n\n"
            "from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\nclass Settings(BaseSettings):\n"
            "    \"\"\"What differs between environments, each from the variable of its name.\"\"\"\n\n"
            "    model_config = SettingsConfigDict(env_file=\".env\", extra=\"ignore\")\n\n"
            "    docs_enabled: bool = False\n\n\n"
            "settings = Settings()\n",
        },
    ),
    Bad(  # moved, not closed
        {"app/__init__.py": "", "app/config.py": SETTINGS,
         "app/main.py": MAIN
         + "app = FastAPI(\n    openapi_url=f\"{settings.API}/openapi.json\",\n    redoc_url=None,\n)\n"},
        at=("app/main.py:5",), severity="low",
        fixed={"app/main.py": MAIN + "app = FastAPI(\n"
               "    openapi_url=(\n"
               "        f\"{settings.API}/openapi.json\" if settings.ENVIRONMENT != \"production\" else None\n    ),\n"
               "    redoc_url=None,\n)\n"},
    ),
    Bad(  # the pages go, the schema stays: it goes under their condition
        {"main.py": "import os\n\nfrom fastapi import FastAPI\n\nLIVE = os.environ[\"STAGE\"] == \"live\"\n"
         "app = FastAPI(docs_url=None if LIVE else \"/docs\", redoc_url=None)\n"},
        at=("main.py:6",), severity="low",
        fixed={"main.py": "import os\n\nfrom fastapi import FastAPI\n\nLIVE = os.environ[\"STAGE\"] == \"live\"\n"
               "app = FastAPI(\n    docs_url=None if LIVE else \"/docs\",\n    redoc_url=None,\n"
               "    openapi_url=None if LIVE else \"/openapi.json\",\n)\n"},
    ),
    Bad(  # anybody may write, and anybody may read how
        {"main.py": PLAIN + "\n\n@app.post(\"/items\")\ndef add(item: dict) -> dict:\n    return item\n"},
        at=("main.py:3",), severity="medium",
    ),
    Bad(  # pages of one's own, for everybody
        {"main.py": OWN + "@app.get(\"/manual\")\ndef manual():\n"
         "    return get_swagger_ui_html(openapi_url=\"/schema\", title=\"Manual\")\n"},
        at=("main.py:6",), severity="low",
    ),
    Good(  # a class that its users construct
        {"main.py": "from fastapi import FastAPI\n\n\nclass Shop(FastAPI):\n    def __init__(self, title):\n"
         "        super().__init__(title=title)\n        self.mount(\"/api\", FastAPI(openapi_url=None))\n"},
        outcome="unknown",
    ),
    Good(  # by environment
        {"app/__init__.py": "", "app/config.py": SETTINGS, "app/main.py": MAIN
         + "docs = None if settings.ENVIRONMENT == \"production\" else \"/openapi.json\"\n"
          "app = FastAPI(openapi_url=docs)\n"},
    ),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI(openapi_url=None)\n"}),
    Good(  # the mapping that is spread gets the key under a condition
        {"main.py": "import os\n\nfrom fastapi import FastAPI\n\noptions = {\"title\": \"Shop\"}\n"
         "if os.environ[\"STAGE\"] not in (\"local\", \"staging\"):\n    options[\"openapi_url\"] = None\n\n"
         "app = FastAPI(**options)\n"},
    ),
    Good(  # own pages behind authentication
        {"main.py": OWN + "@app.get(\"/manual\", dependencies=[Depends(basic)])\ndef manual():\n"
         "    return get_swagger_ui_html(openapi_url=\"/schema\", title=\"Manual\")\n"},
    ),
    Good({"library.py": "def add(a: int, b: int) -> int:\n    return a + b\n"}, outcome="not_applicable"),
    Bad(  # who signs up cannot be signed in
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.post(\"/users\")\n"
         "def register(name: str) -> str:\n    return name\n"}, at=("main.py:3",), severity="low"),
    Bad(  # a middleware asks, and answers by a function that is given the status
        {"main.py": "from fastapi import FastAPI\nfrom fastapi.responses import JSONResponse\n\napp = FastAPI()\n\n\n"
         "def refusal(*, status_code: int) -> JSONResponse:\n    return JSONResponse({}, status_code=status_code)\n\n\n"
         "@app.middleware(\"http\")\nasync def ask(request, call_next):\n"
         "    if request.headers.get(\"x-key\") != app.state.key and request.url.path != \"/docs\":\n"
         "        return refusal(status_code=401)\n    return await call_next(request)\n\n\n"
         "@app.post(\"/items\")\ndef add(name: str) -> str:\n    return name\n"}, at=("main.py:4",), severity="low"),
    Good(  # off in production, by a member of an enum that the settings hold
        {"main.py": "from enum import Enum\n\nfrom fastapi import FastAPI\n"
         "from pydantic_settings import BaseSettings\n\n\nclass Stage(str, Enum):\n"
         "    DEVELOPMENT = \"development\"\n    PRODUCTION = \"production\"\n\n\n"
         "class Settings(BaseSettings):\n    stage: Stage = Stage.DEVELOPMENT\n\n\nsettings = Settings()\n"
         "app = FastAPI(openapi_url=None if settings.stage == Stage.PRODUCTION else \"/openapi.json\")\n"}),
    Good(
        {"main.py": "from enum import Enum\n\nfrom fastapi import FastAPI\n"
         "from pydantic_settings import BaseSettings\n\n\nclass Stage(str, Enum):\n"
         "    DEVELOPMENT = \"development\"\n\n\nclass Settings(BaseSettings):\n"
         "    stage: str = Stage.DEVELOPMENT\n\n\nsettings = Settings()\n"
         "app = FastAPI(openapi_url=None if settings.stage.lower() == \"production\" else \"/openapi.json\")\n"}),
)
