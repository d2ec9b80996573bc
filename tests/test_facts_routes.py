"""The routes that the application model reads, case by case, and the same cases asked of FastAPI itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from dataclasses import dataclass

import pytest

from readybook.facts.servedimages import served_images
from readybook.project import Project
from readybook.verify.starting import served_apps

FOLDER = Path(__file__).parent / "route_cases"

ORACLE = """
import importlib, json, os, sys
from fastapi import FastAPI
for line in sys.stdin:
    folder, spec = json.loads(line)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    sys.stdout = sys.stderr
    sys.path.insert(0, folder)
    os.chdir(folder)
    module, _, name = spec.partition(":")
    try:
        app = getattr(importlib.import_module(module), name.removesuffix("()"))
        app = app() if name.endswith("()") else app
        found = set()
        def walk(app, prefix):
            for path, item in app.openapi()["paths"].items():
                found.update(f"{m.upper()} {prefix}{path}" for m in item)
            for route in app.routes:
                if isinstance(getattr(route, "app", None), FastAPI):
                    walk(route.app, prefix + route.path)
        walk(app, "")
        answer = sorted(found)
    except BaseException as error:
        answer = f"{type(error).__name__}: {error}"
    os.write(1, (json.dumps(answer) + "\\n").encode())
    os._exit(0)
"""


@dataclass(frozen=True)
class Case:
    """One project of ``route_cases``: its files, the application asked for, and the rows expected, in order.

    A case starts with ``=== name``; then ``app module:name`` where it is not main:app, ``not asked of FastAPI`` where
    the installed FastAPI cannot import it or cannot say, and the rows, ``METHOD path [handler] [; dependencies]``; each
    file starts with ``--- path``.
    """

    name: str
    app: str
    asked: bool
    rows: tuple[str, ...]
    files: dict[str, str]


def cases() -> list[Case]:
    """Every case of every file."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        for text in path.read_text("utf-8").split("=== ")[1:]:
            head, *files = text.split("--- ")
            name, *rows = [line for line in head.splitlines() if line.strip()]
            app = next((r.removeprefix("app ") for r in rows if r.startswith("app ")), "main:app")
            wanted = tuple(r for r in rows if r.split()[0].isupper())
            parts = [f.partition("\n") for f in files]
            found.append(Case(name, app, "not asked of FastAPI" not in rows, wanted, {p: t for p, _, t in parts}))
    return found


CASES = cases()


def rows(case: Case) -> list[str]:
    """The routes of a case as its rows name them: as much of each row as the expected one says."""
    facts = Project.from_files(case.files, app=case.app).facts
    out = []
    for i, route in enumerate(facts.routes):
        wanted = case.rows[i] if i < len(case.rows) else ""
        row = f"{route.method} {route.path}"
        if len(wanted.partition(";")[0].split()) > 2:
            row += f" {route.endpoint}"
        if ";" in wanted:
            row += " ; " + ", ".join(route.dependencies)
        out.append(row)
    return out


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_routes_are_read(case: Case) -> None:
    assert rows(case) == list(case.rows)


def test_nothing_is_left_unresolved() -> None:
    for case in CASES:
        assert Project.from_files(case.files, app=case.app).facts.unresolved == (), case.name


def test_fastapi_builds_the_same_routes(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("pydantic_settings")
    asked = [c for c in CASES if c.asked]
    lines = []
    for i, case in enumerate(asked):
        for path, text in case.files.items():
            target = tmp_path / str(i) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        lines.append(json.dumps([str(tmp_path / str(i)), case.app]))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", ORACLE], input="\n".join(lines), text=True,
                          capture_output=True, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked)
    for case, answer in zip(asked, answers, strict=True):
        told = {" ".join(row.split()[:2]) for row in case.rows if not row.startswith("WEBSOCKET")}
        assert isinstance(answer, list), f"{case.name}: {answer}"
        assert set(answer) == told, case.name


FACTORY = {
    "shop/__init__.py": "",
    "shop/login.py": "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/callback')\ndef callback(): ...\n",
    "shop/api.py": ("from fastapi import FastAPI\ndef create_app(debug=False):\n    app = FastAPI()\n"
                    "    @app.get('/orders')\n    def orders(): ...\n    return app\n"),
    "shop/cli.py": "import uvicorn\ndef serve():\n    uvicorn.run('shop.api:create_app', factory=True)\n",
}


def test_a_factory_that_the_code_hands_to_a_server_comes_before_a_helper_that_is_bound():
    apps = Project.from_files(FACTORY).facts.apps
    assert [app.spec for app in apps] == ["shop.api:create_app()", "shop.login:app"]


def test_the_text_alone_makes_no_application():
    files = FACTORY | {"shop/cli.py": "import uvicorn\nNAMED = 'shop.api:orders', 'shop.none:create_app', 'a:b'\n"}
    assert [app.spec for app in Project.from_files(files).facts.apps] == ["shop.login:app"]


def service(name: str) -> dict[str, str]:
    """A service of a repository in which every service is ``app.main:app``."""
    return {
        f"services/{name}/app/__init__.py": "",
        f"services/{name}/app/main.py": "from fastapi import FastAPI\n\nfrom app.routes import router\n\n"
                                        "app = FastAPI()\napp.include_router(router)\n",
        f"services/{name}/app/routes.py": "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n"
                                          f"@router.get(\"/{name}\")\ndef index() -> str:\n    return \"{name}\"\n",
        f"services/{name}/Dockerfile": "FROM python:3.13-slim\nWORKDIR /code\nCOPY app app\n"
                                       "CMD [\"uvicorn\", \"app.main:app\", \"--port\", \"80\"]\n",
    }


def test_services_with_one_import_string_are_told_apart() -> None:
    facts = Project.from_files(service("orders") | service("users")).facts
    specs = ["services.orders.app.main:app", "services.users.app.main:app"]
    assert [a.spec for a in facts.apps] == specs
    assert {a.imported for a in facts.apps} == {"app.main:app"}
    assert [(r.app, r.path) for r in facts.routes] == [(specs[0], "/orders"), (specs[1], "/users")]
    assert [i.app for i in served_images(facts)] == specs
    assert [(s.spec, s.root, s.string) for s in served_apps(facts)] == [
        (specs[0], "services/orders", "app.main:app"), (specs[1], "services/users", "app.main:app")]


def test_one_service_keeps_its_import_string() -> None:
    facts = Project.from_files(service("orders")).facts
    assert [(a.spec, a.imported, a.inside) for a in facts.apps] == [("app.main:app", "app.main:app", "")]


def test_an_application_is_read_where_a_factory_is_called_and_not_where_it_is_defined() -> None:
    facts = Project.from_files({
        "shop/__init__.py": "",
        "shop/factory.py": "from fastapi import FastAPI\n\n\ndef create_app() -> FastAPI:\n    return FastAPI()\n\n\n"
                           "def add_routes(app) -> None:\n    app.add_api_route(\"/stock\", lambda: [])\n",
        "shop/main.py": "from shop.factory import add_routes, create_app\n\napp = create_app()\nadd_routes(app)\n",
    }).facts
    assert [a.spec for a in facts.apps] == ["shop.main:app"]
    assert [r.path for r in facts.routes] == ["/stock"]


def found(files: dict[str, str]) -> list[str]:
    """The applications of a project to which nobody points."""
    return [app.spec for app in Project.from_files(files).facts.apps]


def test_the_application_that_code_hands_to_uvicorn_comes_first() -> None:
    files = {
        "Dockerfile": 'FROM python:3.12\nCOPY . .\nCMD ["python", "-m", "shop"]\n',
        "shop/__init__.py": "",
        "shop/__main__.py": 'import uvicorn\n\nuvicorn.run(\n    "shop.web:get_app",\n    factory=True,\n)\n',
        "shop/web.py": "from fastapi import FastAPI\n\ndef get_app():\n    return FastAPI()\n",
        "shop/fake.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
    }
    apps = Project.from_files(files).facts.apps
    assert [(a.place.path, a.served) for a in apps] == [("shop/web.py", True), ("shop/fake.py", False)]
    del files["Dockerfile"]
    assert found(files)[0] == "shop.web:get_app()"


def test_builders_with_arguments_are_asked_when_nothing_else_is_found() -> None:
    held = {"server.py": "from fastapi import FastAPI\n\nclass Server:\n    def __init__(self, config):\n"
                         "        self.app = FastAPI()\n        self.app.get('/a')(self.a)\n    def a(self): ...\n"}
    assert found(held) == ["server:Server()"]
    made = {"web.py": "from fastapi import FastAPI\n\ndef make(*, folder: str):\n    app = FastAPI()\n"
                      "    @app.get('/a')\n    def a(): ...\n    return app\n"}
    facts = Project.from_files(made).facts
    assert [a.spec for a in facts.apps] == ["web:make()"] and [r.path for r in facts.routes] == ["/a"]
    assert found({**made, "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}) == ["main:app"]


def test_the_package_around_a_module_runs_before_it() -> None:
    routes = "from core.app.health import router\n\ndef setup(app):\n    app.include_router(router)\n"
    facts = Project.from_files({
        "core/__init__.py": "",
        "core/app/__init__.py": "from .routes import setup\nfrom .web import app\n",
        "core/app/health.py": "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/')\ndef a(): ...\n",
        "core/app/routes.py": "from fastapi import FastAPI\n" + routes,
        "core/app/web.py": "from fastapi import FastAPI\nfrom .routes import setup\napp = FastAPI()\nsetup(app)\n",
    }).facts
    assert [a.spec for a in facts.apps] == ["core.app.web:app"] and [r.path for r in facts.routes] == ["/"]


def test_what_cannot_be_known_is_said() -> None:
    start = "from fastapi import Depends, FastAPI\nimport inspect, os, site_maker\n\napp = FastAPI()\n"
    facts = Project.from_files({"main.py": f"{start}app.router.routes = site_maker.routes()\n"}).facts
    assert [u.kind for u in facts.unresolved] == ["routes"]
    facts = Project.from_files({"main.py": f"{start}site = site_maker.AdminSite()\nsite.mount_app(app)\n"}).facts
    assert [u.kind for u in facts.unresolved] == ["mount"]
    either = "def a(): ...\ndef b(): ...\ndef pick(kind):\n    if kind == 'a':\n        return a\n    return b\n"
    route = "@app.get('/x')\ndef x(who=Depends(pick(site_maker.kind()))): ...\n"
    facts = Project.from_files({"main.py": start + either + route}).facts
    assert [r.unknown_dependency for r in facts.routes] == [True]
    signed = "async def x(*args): ...\nx.__signature__ = inspect.Signature(site_maker.parameters())\napp.get('/x')(x)\n"
    facts = Project.from_files({"main.py": start + signed}).facts
    assert [r.unknown_dependency for r in facts.routes] == [True]


@pytest.mark.parametrize("called", ["WORDS = build()", "class Tongue:\n    words = build()\n    more = build()",
                                    "class Kind(type):\n    def __init__(cls, *more): build()\n"
                                    + "".join(f"class A{n}(metaclass=Kind): ...\n" for n in range(1_200))],
                         ids=["at the top level", "in the body of a class", "by a metaclass"])
def test_a_module_that_works_long_does_not_hide_the_application(called: str) -> None:
    build = "def build():\n    for i in range(1_500):\n        for j in range(1_500):\n            print(i, j)\n\n"
    main = "import shop.tongue\nfrom fastapi import FastAPI\napp = FastAPI()\n@app.get('/a')\ndef a(): ...\n"
    facts = Project.from_files({"shop/main.py": main, "shop/tongue.py": build + called, "shop/__init__.py": ""}).facts
    assert [r.path for r in facts.routes] == ["/a"]
    assert [(u.kind, u.place.path) for u in facts.unresolved] in ([("budget", "shop/tongue.py")], [])


def test_fields_that_nothing_decides_hold_either_value() -> None:
    text = ("import os\nfrom typing import Optional\nfrom uuid import UUID\nfrom fastapi import FastAPI\n"
            "from pydantic import BaseModel\n\nclass Tenant(BaseModel):\n    key: UUID\n\n"
            "class Config(BaseModel):\n    kind: str = 'own'\n    tenant: Optional[UUID] = None\n"
            "    roles: Optional[str] = None\n    prefix: str = '/shop'\n\n"
            "given = {k[5:].lower(): v for k, v in os.environ.items()}\nconfig = Config(**given)\n"
            "if os.cpu_count() > 64:\n    config.tenant = Tenant(**given).key\n    config.roles = 'all'\n"
            "app = FastAPI()\ndef a(): ...\n"
            "if config.tenant is None:\n    app.get(config.prefix + '/settings')(a)\n"
            "if config.roles is not None:\n    app.get(config.prefix + '/roles')(a)\n"
            "if config.kind == 'rented':\n    app.get(config.prefix + '/bill')(a)\n")
    facts = Project.from_files({"main.py": text}).facts
    assert [(r.path, r.by_default) for r in facts.routes] == [
        ("/shop/settings", None), ("/shop/roles", None), ("/shop/bill", False)]


@pytest.mark.parametrize("inside", [False, True], ids=["in the lifespan", "in what it calls"])
def test_a_long_step_of_the_start_does_not_hide_the_next_one(inside: bool) -> None:
    text = ("from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n\ndef plugins():\n"
            "    for i in range(1_500):\n        for j in range(1_500):\n            print(i, j)\n\n"
            "def a(): ...\ndef routes(app):\n    app.get('/a')(a)\n\n@asynccontextmanager\nasync def lifespan(app):\n"
            "    plugins()\n    routes(app)\n    yield\n\napp = FastAPI(lifespan=lifespan)\n")
    if inside:
        text = text.replace("    plugins()\n    routes(app)\n    yield", "    startup(app)\n    yield")
        text = text.replace("@async", "def startup(app):\n    plugins()\n    routes(app)\n\n@async")
    facts = Project.from_files({"main.py": text}).facts
    assert [r.path for r in facts.routes] == ["/a"] and [u.kind for u in facts.unresolved] == ["budget"]


GUARDS = {
    "length": 'if len(os.environ.get("A", "").strip()) == 0',
    "pieces": 'if len(os.environ.get("A", "").split(",")) < 2',
    "missing": 'missing = [n for n in ("A", "B") if not os.getenv(n)]\nif missing',
    "counted": "missing = [n for n in ('A', 'B') if n not in os.environ]\nif len(missing) > 0",
    "all": 'given = {"a": os.getenv("A", ""), "b": os.getenv("B", "")}\nif not all(given.values())',
    "any": 'if any([os.getenv("A") is None, os.getenv("B") is None])',
    "among": 'a, b = os.getenv("A"), os.getenv("B")\nif None in (a, b)',
}


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
@pytest.mark.parametrize("factory", [False, True], ids=["module", "factory"])
def test_what_a_start_asks_of_the_environment_is_given_where_it_is_deployed(guard: str, factory: bool) -> None:
    guard += ":\n    raise RuntimeError\n"
    app = 'app = FastAPI()\n\n\n@app.get("/x")\ndef x() -> str:\n    return "x"\n'
    text = f"import os\n\nfrom fastapi import FastAPI\n\n{guard}{app}"
    if factory:
        body = "".join(f"    {line}\n" if line else "\n" for line in f"{guard}{app}    return app\n".split("\n"))
        body = body.replace("        return app", "    return app")
        text = f"import os\n\nfrom fastapi import FastAPI\n\n\ndef create_app():\n{body}\n\napp = create_app()\n"
    assert [r.path for r in Project.from_files({"main.py": text}).facts.routes] == ["/x"]


def test_a_module_that_would_raise_by_its_defaults_is_read_on() -> None:
    text = ('import os\n\nfrom fastapi import FastAPI\n\nvalues = [os.getenv("A", ""), os.getenv("B", "")]\n'
            'if any(v == "" for v in values):\n    raise RuntimeError\napp = FastAPI()\n\n\n@app.get("/x")\n'
            'def x() -> str:\n    return "x"\n')
    assert [r.path for r in Project.from_files({"main.py": text}).facts.routes] == ["/x"]


def test_who_awaits_the_handlers_that_packages_bring() -> None:
    facts = Project.from_files({"main.py": (
        "from fastapi import Depends, FastAPI\nfrom fastapi_cache.decorator import cache\nfrom fastapi_jwt_auth import "
        "AuthJWT\nfrom fastapi_users import FastAPIUsers\n"
        "from prometheus_fastapi_instrumentator import Instrumentator\n"
        "users = FastAPIUsers(None, [])\napp = FastAPI()\napp.include_router(users.get_verify_router(int))\n"
        "Instrumentator().expose(app)\n@app.get('/a')\n@cache()\ndef a(): ...\n@cache()\n@app.get('/b')\n"
        "def b(who: AuthJWT = Depends()): ...\n")}).facts
    assert [(r.path, r.is_async) for r in facts.routes] == [
        ("/request-verify-token", True), ("/verify", True), ("/metrics", False), ("/a", True), ("/b", False)]
    assert facts.routes[-1].dependencies == ("fastapi_jwt_auth.auth_jwt.AuthJWT",)


def test_metrics_that_ask_for_a_variable_stand_under_a_condition() -> None:
    text = ("from fastapi import FastAPI\nfrom prometheus_fastapi_instrumentator import Instrumentator\n"
            "app = FastAPI()\nInstrumentator(should_respect_env_var=True).instrument(app).expose(app)\n")
    assert [r.condition for r in Project.from_files({"main.py": text}).facts.routes] == ["ENABLE_METRICS"]


def test_functions_that_need_arguments_go_on_with_what_a_private_factory_makes() -> None:
    code = ("from fastapi import FastAPI\n\ndef _base():\n    return FastAPI()\n\ndef from_folder(path):\n"
            "    app = _base()\n    @app.get('/a')\n    def a(): ...\n    return app\n\ndef from_file(path):\n"
            "    app = _base()\n    @app.get('/b')\n    def b(): ...\n    return app\n")
    facts = Project.from_files({"apps.py": code}).facts
    assert [(r.app, r.path) for r in facts.routes] == [("apps:from_folder()", "/a"), ("apps:from_file()", "/b")]


def test_an_application_that_is_an_attribute_of_what_another_module_builds() -> None:
    client = ("from fastapi import FastAPI\n\nclass Client:\n    def __init__(self):\n        self.app = FastAPI()\n"
              "        self.app.get('/a')(self.a)\n\n    def a(self): ...\n")
    main = "from shop.client import Client\n\nclient = Client()\napp = client.app\n"
    facts = Project.from_files({"shop/__init__.py": "", "shop/client.py": client, "shop/main.py": main}).facts
    assert [(r.app, r.path) for r in facts.routes] == [("shop.main:app", "/a")]


def test_a_second_service_that_extends_the_application_of_a_first_one() -> None:
    """Each command of an image serves what was there when it has imported its module; a second name adds nothing."""
    base = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/a')\ndef a(): ...\n"
    more = ("from fastapi import APIRouter\nfrom base import app as inner\nrouter = APIRouter()\n"
            "@router.get('/b')\ndef b(): ...\ninner.include_router(router)\napp = inner\n")
    files = {"base.py": base, "saas.py": more, "other.py": "from base import app\n"}
    images = {f"{n}/Dockerfile": f'FROM python:3.12\nCMD ["uvicorn", "{n}:app"]\n' for n in ("base", "saas", "other")}
    facts = Project.from_files({**files, **images}).facts
    rows = sorted((r.app, r.path) for r in facts.routes)
    assert rows == [("base:app", "/a"), ("saas:app", "/a"), ("saas:app", "/b")]


def test_an_application_that_bears_the_name_of_its_package() -> None:
    """``import app.models`` binds the name ``app`` too, before the assignment does."""
    files = {"app/__init__.py": "", "app/models.py": "x = 1\n", "app/main.py": (
        "from fastapi import FastAPI\nimport app.models\n\napp = FastAPI()\n\n@app.get('/a')\ndef a(): ...\n")}
    assert [(r.app, r.path) for r in Project.from_files(files).facts.routes] == [("app.main:app", "/a")]
    files = {"shop.py": "from fastapi import FastAPI\napp = FastAPI()\n", "app.py": "from shop import app\n"}
    assert [a.spec for a in Project.from_files(files).facts.apps] == ["shop:app"]


def test_what_an_application_holds_of_itself_has_fastapis_own_values() -> None:
    facts = Project.from_files({"main.py": (
        "from fastapi import FastAPI\napp = FastAPI(redoc_url=None)\n\n@app.get(app.swagger_ui_oauth2_redirect_url)\n"
        "def back(): ...\n\n@app.get(f'{app.docs_url}/more')\ndef more(): ...\n\nif app.redoc_url:\n"
        "    @app.get('/never')\n    def never(): ...\n")}).facts
    assert [(r.path, r.condition) for r in facts.routes] == [("/docs/oauth2-redirect", None), ("/docs/more", None)]


def test_an_application_made_with_unknown_arguments_may_hold_anything() -> None:
    facts = Project.from_files({"main.py": (
        "from fastapi import FastAPI\nfrom elsewhere import options\napp = FastAPI(**options())\n\n"
        "@app.get(app.docs_url)\ndef docs(): ...\n")}).facts
    assert not facts.routes and [u.kind for u in facts.unresolved] == ["path"]


def test_what_is_set_on_a_router_holds_for_what_is_registered_after_it() -> None:
    facts = Project.from_files({"main.py": (
        "from fastapi import APIRouter, Depends, FastAPI\n\ndef key(): ...\n\ndef user(): ...\n\ndef h(): ...\n\n"
        "shared = [Depends(key)]\napp = FastAPI()\nrouter = APIRouter(dependencies=shared)\nrouter.get('/before')(h)\n"
        "router.prefix = '/v1'\nrouter.dependencies.append(Depends(user))\nrouter.tags.append('late')\n"
        "router.get('/after')(h)\napp.include_router(router)\nother = APIRouter(dependencies=shared)\n"
        "other.get('/other')(h)\napp.router.dependencies.append(Depends(user))\napp.include_router(other)\n")}).facts
    rows = [(r.path, [d.rpartition(".")[2] for d in r.dependencies], r.tags) for r in facts.routes]
    assert rows == [("/before", ["key"], ()), ("/v1/after", ["key", "user"], ("late",)),
                    ("/other", ["user", "key"], ())]


def test_an_attribute_of_a_class_that_only_an_untaken_branch_sets_keeps_its_value() -> None:
    text = ("import os\nfrom importlib.util import find_spec\nfrom fastapi import FastAPI\n"
            "from pydantic import BaseModel\n\nclass Settings(BaseModel):\n"
            "    mode: str = os.getenv('MODE', 'dev')\n    debug: bool = False\n"
            "    metrics: bool = False\n\ns = Settings()\nif s.mode == 'prod':\n    s.debug = True\n"
            "if 'METRICS' not in os.environ:\n    s.metrics = s.mode == 'dev'\n"
            "if s.metrics and find_spec('prometheus_client') is None:\n    s.metrics = False\napp = FastAPI()\n"
            "\ndef h(): ...\n\nif s.debug:\n    app.get('/debug')(h)\nif s.metrics:\n    app.get('/metrics')(h)\n")
    facts = Project.from_files({"main.py": text}).facts
    assert [(r.path, r.condition, r.by_default) for r in facts.routes] == [
        ("/debug", "s.debug", False), ("/metrics", "s.metrics", True)]


def test_a_status_code_that_is_a_member_of_an_enum() -> None:
    facts = Project.from_files({"main.py": (
        "from enum import IntEnum\nfrom fastapi import FastAPI\n\nclass Status(IntEnum):\n    MADE = 201\n\n"
        "app = FastAPI()\n\n@app.post('/a', status_code=Status.MADE)\ndef a(): ...\n")}).facts
    assert [r.status_code for r in facts.routes] == [201]


def test_a_lifespan_left_inside_its_try_catches_nothing_of_another_application() -> None:
    lifespan = ("from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n\n@asynccontextmanager\n"
                "async def lifespan(app):\n    try:\n        yield\n    finally:\n        pass\n\n"
                "app = FastAPI(lifespan=lifespan)\napp.get('/a')(lambda: 1)\n")
    strict = ("from fastapi import FastAPI\n\ndef checked():\n    if len('abc') == 3:\n        raise RuntimeError\n\n"
              "checked()\napp = FastAPI()\napp.get('/b')(lambda: 2)\n")
    facts = Project.from_files({"one/main.py": lifespan, "two/main.py": strict}).facts
    assert [r.path for r in facts.routes] == ["/a", "/b"]
    assert facts.program.run.tries == []


def test_a_module_that_nobody_imports_may_go_on_with_an_application() -> None:
    files = {"shop/__init__.py": "", "shop/app.py": "from fastapi import FastAPI\n\napp = FastAPI()\n",
             "shop/items.py": "from fastapi import APIRouter\n\nrouter = APIRouter()\n"
                              "router.get('/items')(lambda: 1)\n",
             "shop/main.py": "from shop.app import app\nfrom shop.items import router\n\napp.include_router(router)\n"}
    facts = Project.from_files(files).facts
    assert [(r.app, r.path) for r in facts.routes] == [("shop.main:app", "/items")]
    other = files | {"shop/main.py": files["shop/main.py"].replace("shop.app", "elsewhere.extra")}
    assert not Project.from_files(other).facts.routes


def test_services_built_from_the_top_of_a_repository_each_by_a_dockerfile_of_its_own() -> None:
    main = "from fastapi import FastAPI\n\napp = FastAPI()\napp.get('/{}')(lambda: 1)\n"
    files = {"compose.yml": "services:\n"}
    for name in ("orders", "stock"):
        files[f"{name}/src/main.py"] = main.format(name)
        files[f"{name}/Dockerfile"] = f"FROM python:3.12\nCOPY {name} /app\nWORKDIR /app\n"
        files["compose.yml"] += (f"  {name}:\n    build:\n      context: .\n      dockerfile: {name}/Dockerfile\n"
                                 "    command: uvicorn src.main:app --host 0.0.0.0\n")
    facts = Project.from_files(files).facts
    assert [(a.spec, a.served) for a in facts.apps] == [("orders.src.main:app", True), ("stock.src.main:app", True)]
    assert [(i.dockerfile.path, i.app) for i in served_images(facts)] == [
        ("orders/Dockerfile", "orders.src.main:app"), ("stock/Dockerfile", "stock.src.main:app")]
