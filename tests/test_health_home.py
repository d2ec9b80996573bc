"""Where the health router of an application goes."""

from __future__ import annotations

from readybook.intents import AddFile
from readybook.project import Project
from readybook_checks.devops.health_router import Home
from readybook_checks.devops.ops001_no_liveness import NoLiveness
from readybook_checks.devops.ops002_no_readiness import _code

ROUTER = ("from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n"
          "@router.get(\"/{0}\")\ndef {0}() -> int:\n    return 1\n")


def added(names: list[str]) -> list[str]:
    files = {"app/__init__.py": "", "app/routes/__init__.py": ""}
    lines = ["from fastapi import FastAPI", ""]
    for name in names:
        stem = name.replace("/", "_")
        files[f"app/routes/{name}.py"] = ROUTER.format(stem)
        lines.append(f"from app.routes.{name.replace('/', '.')} import router as {stem}")
    lines += ["", "app = FastAPI()", *(f"app.include_router({n.replace('/', '_')})" for n in names)]
    files["app/main.py"] = "\n".join(lines) + "\n"
    (finding,) = NoLiveness().find(Project.from_files(files))
    return [i.path for i in finding.fix.intents if isinstance(i, AddFile)]


def test_it_stands_beside_the_folders_of_the_features_and_into_none_of_them():
    assert added(["users/me", "users/all", "orders/all", "items/all", "shops/all"]) == ["app/routes/health.py"]


def test_it_stands_among_the_routers_where_they_are_in_one_folder():
    assert added(["users", "orders"]) == ["app/routes/health.py"]


def placed(*routers: str) -> list[str]:
    """Where liveness goes in an application whose routers are these files below app."""
    files = {"app/__init__.py": ""}
    lines = ["from fastapi import FastAPI", ""]
    for path in routers:
        stem = path.replace("/", "_")
        files[f"app/{path}.py"] = ROUTER.format(stem)
        files |= {f"app/{path.rsplit('/', n)[0]}/__init__.py": "" for n in range(1, path.count("/") + 1)}
        lines.append(f"from app.{path.replace('/', '.')} import router as {stem}")
    lines += ["", "app = FastAPI()", *(f"app.include_router({r.replace('/', '_')})" for r in routers)]
    files["app/main.py"] = "\n".join(lines) + "\n"
    (finding,) = NoLiveness().find(Project.from_files(files))
    return [i.path for i in finding.fix.intents if isinstance(i, AddFile)]


def test_it_belongs_to_no_feature_where_each_has_as_many_routers():
    assert placed("auth/router", "cart/router") == ["app/health.py"]
    assert placed("auth/router", "cart/router", "shop/api/a", "shop/api/b") == ["app/health.py"]
    assert placed("shop/api/a", "shop/api/b", "users/api/c", "users/api/d") == ["app/health.py"]


def test_the_one_module_with_routes_may_be_a_features():
    assert placed("auth/views") == ["app/health.py"]
    assert placed("routers/users") == ["app/routers/health.py"]


def test_it_belongs_to_no_version_of_the_api():
    assert placed("api/v1/users", "api/v1/orders") == ["app/api/health.py"]
    assert placed("v1/users", "v1/orders") == ["app/health.py"]


HEALTH = ("from fastapi import FastAPI\nfrom sqlalchemy import create_engine, text\n\nengine = create_engine(\"postgresql://db/shop\")"
          "\napp = FastAPI()\n\n\n@app.get(\"/{}\")\ndef health() -> str:\n    with engine.connect() as connection:\n"
          "        connection.execute(text(\"SELECT 1\"))\n    return \"ok\"\n")


def test_a_health_route_that_asks_the_database_is_liveness_in_part_and_a_readiness_route_is_none():
    kinds = {name: [type(a).__name__ for a in NoLiveness().find(Project.from_files({"main.py": HEALTH.format(name)}))]
             for name in ("health", "health/ready", "ready", "health/db")}
    assert kinds == {"health": ["Right", "Finding"], "health/ready": ["Finding"], "ready": ["Finding"],
                     "health/db": ["Finding"]}


def test_no_line_of_the_readiness_route_is_longer_than_formatters_have_it():
    home = Home("a.py", "a", "health_check_router", "/health-check-of-shop/ready", "/health-check-of-shop/ready", False)
    lines = _code(home, [], "ready").split("\n")
    assert max(map(len, lines)) <= 88 and '    "/health-check-of-shop/ready",' in lines
