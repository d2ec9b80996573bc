"""The health routes that OPS001 and OPS002 write, run for real: alive, ready, and 503 when the database is away."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import forked
import pytest
import suite_runner

from readybook import Project, registry
from readybook.edits import apply
from readybook.facts.health import is_health_path
from readybook.run import ask

CHECKS = {check.id: check for check in registry.load()}
MAIN = """from fastapi import FastAPI

import db
from api import items

app = FastAPI()
app.include_router(items.router)
"""
ITEMS = """from fastapi import APIRouter

from db import engine

router = APIRouter(prefix="/items")


@router.get("/")
def index() -> str:
    return str(engine.url)
"""
SYNC = """import os

from sqlalchemy import create_engine

engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///shop.db"))
"""
ASYNC = """import os

from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///shop.db"))
"""
CACHE = """from redis.asyncio import Redis

client = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=1)
"""
PROBE = """
import json, sys
from fastapi.testclient import TestClient
from main import app

with TestClient(app) as client:
    answers = {path: client.get(path) for path in sys.argv[1:]}
print(json.dumps({path: [a.status_code, a.json()] for path, a in answers.items()}))
"""
HUNG = """
import threading

class Connection:
    def __enter__(self): threading.Event().wait()
    def __exit__(self, *_): return None

class Engine:
    url = ""
    def connect(self): return Connection()

import db, main
from api import health
health.engine = Engine()
health.READINESS_SECONDS = 0.1
import asyncio, json
from fastapi import Response

async def asked():
    response = Response()
    answer = await health.ready(response)
    return answer, response.status_code

loop = asyncio.new_event_loop()
print(json.dumps(loop.run_until_complete(asked())), flush=True)
import os; os._exit(0)
"""


def fixed(files: dict[str, str], *ids: str) -> dict[str, str]:
    """The files after the fixes of the checks, one check after the other as in a series."""
    project = Project.from_files(files)
    for id_ in ids:
        (finding,) = ask(CHECKS[id_], project).findings
        assert finding.fix is not None and finding.fix.intents, finding.fix
        project = project.with_files(apply(project, finding.fix.intents))
        assert not ask(CHECKS[id_], project).findings, id_
    return {path: project.text(path) for path in project.files}


def write(files: dict[str, str], folder: Path) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, code: str, *arguments: str, **environment: str) -> str:
    """The last line that a process prints which runs code in a folder."""
    given = {**os.environ, **environment, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = forked.run(["-c", code, *arguments], folder, given, 120)
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout.strip().splitlines()[-1]


def answers(folder: Path, *paths: str, **environment: str) -> dict[str, list]:
    return json.loads(run(folder, PROBE, *paths, **environment))


@pytest.mark.parametrize("engine", [SYNC, ASYNC], ids=["sync", "async"])
@pytest.mark.parametrize("ids", [("OPS001", "OPS002"), ("OPS002",)], ids=["both", "readiness alone"])
def test_live_and_ready_and_503(engine: str, ids: tuple[str, ...], tmp_path: Path) -> None:
    pytest.importorskip("aiosqlite")
    files = {"main.py": MAIN, "api/__init__.py": "", "api/items.py": ITEMS, "db.py": engine}
    made = fixed(files, *ids)
    assert sorted(set(made) - set(files)) == ["api/health.py"]
    assert made["main.py"].count("include_router(health_router)") == 1
    write(made, tmp_path)
    live = ["/health/live"] if "OPS001" in ids else []
    well = answers(tmp_path, *live, "/health/ready", "/items/")
    assert well.get("/health/live", [200])[0] == 200
    assert well["/health/ready"] == [200, {"status": "ok", "checks": {"database": "ok"}}]
    scheme = engine.split('"DATABASE_URL", "')[1].partition(":")[0]
    ill = answers(tmp_path, *live, "/health/ready", DATABASE_URL=f"{scheme}:///{tmp_path}/no/such/folder/shop.db")
    assert ill.get("/health/live", [200])[0] == 200
    assert ill["/health/ready"] == [503, {"status": "unavailable", "checks": {"database": "unavailable"}}]


def test_each_dependency_is_told_by_name(tmp_path: Path) -> None:
    pytest.importorskip("redis")
    main = MAIN.replace("import db\n", "import cache\nimport db\n")
    made = fixed({"main.py": main, "api/__init__.py": "", "api/items.py": ITEMS, "db.py": SYNC, "cache.py": CACHE},
                 "OPS001", "OPS002")
    status, body = answers(write(made, tmp_path), "/health/ready")["/health/ready"]
    assert status == 503 and body["checks"] == {"database": "ok", "redis": "unavailable"}


def test_a_hung_database_is_given_up_on(tmp_path: Path) -> None:
    """A thread cannot be stopped, but the probe must not wait for it."""
    made = fixed({"main.py": MAIN, "api/__init__.py": "", "api/items.py": ITEMS, "db.py": SYNC}, "OPS001", "OPS002")
    answer, status = json.loads(run(write(made, tmp_path), HUNG))  # the thread itself never ends
    assert (status, answer["checks"]) == (503, {"database": "unavailable"})


def test_the_readiness_code_joins_the_router_that_is_there(tmp_path: Path) -> None:
    health = ("from fastapi import APIRouter\n\nrouter = APIRouter(prefix=\"/api\")\n\n\n@router.get(\"/healthz\")\n"
              "async def healthz() -> str:\n    return \"ok\"\n")
    main = MAIN.replace("import items", "import items, probes") + "app.include_router(probes.router)\n"
    files = {"main.py": main, "api/__init__.py": "", "api/items.py": ITEMS, "api/probes.py": health, "db.py": ASYNC}
    made = fixed(files, "OPS002")
    assert set(made) == set(files) and made["main.py"] == main
    found = answers(write(made, tmp_path), "/api/healthz", "/api/readyz")
    assert [found["/api/healthz"][0], found["/api/readyz"][0]] == [200, 200]


def test_the_sample_still_passes_its_tests_after_all_four_fixes(tmp_path: Path) -> None:
    source = Path(__file__).resolve().parent.parent / "sample_projects" / "cypherx"
    for package in ("jwt", "aiosqlite", "pydantic_settings"):
        pytest.importorskip(package)
    target = tmp_path / "cypherx"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    project = Project.open(target)
    for id_ in ("OPS001", "OPS002", "PER002", "PER004"):
        (finding,) = ask(CHECKS[id_], project).findings
        assert finding.fix is not None
        project = project.with_files(apply(project, finding.fix.intents))
    write({p: project.text(p) for p in project.files if p.endswith(".py")}, target)
    ((code, passed, output),) = suite_runner.tested([target])
    assert code == 0 and passed > 20, output
    probe = ("import os\nos.environ['DATABASE_URL'] = 'postgresql://nobody@127.0.0.1:1/nothing'\n"
             "os.environ['JWT_SECRET'] = 'x' * 40\n" + PROBE.replace("from main", "from apps.main")
             .replace("TestClient(app)", "TestClient(app, base_url='http://localhost')"))
    found = json.loads(run(target, probe, "/health/live", "/health/ready"))
    assert found["/health/live"][0] == 200
    assert found["/health/ready"] == [503, {"status": "unavailable", "checks": {"database": "unavailable"}}]


@pytest.mark.parametrize("path", [
    "/health", "/healthz/", "/api/v1/health/live", "/livez", "/api/ping", "/status", "/-/ready", "/_health",
    "/api/v1/utils/health-check/", "/health/db", "/health/detailed", "/probe", "/system/status", "/is-alive",
])
def test_health_paths(path: str) -> None:
    assert is_health_path(path)


@pytest.mark.parametrize("path", [
    "/", "/jobs/{id}/status", "/payment/stripe/status", "/api/auth/status", "/matches/live", "/orders/ready",
    "/{tenant}/health", "/users/up", "/db", "/email/sync/status", "/healthcare", "/wealth", "/servers/{id}/ping",
])
def test_business_paths(path: str) -> None:
    assert not is_health_path(path)
