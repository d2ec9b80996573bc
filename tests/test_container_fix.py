"""The scaffolded image and health checks, carried out without a container engine: what they say is run as commands."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from readybook import Project, registry
from readybook.edits import apply
from readybook.facts.containerchecks import compose_check, dockerfile_check, has_program
from readybook.facts.containers import Dockerfile, parse_dockerfile
from readybook.facts.liveness import liveness_route
from readybook.facts.pythonversion import python_version
from readybook.intents import ReplaceLineText
from readybook.place import Place
from readybook.run import ask

CHECKS = {check.id: check for check in registry.load()}
SAMPLES = Path(__file__).resolve().parent.parent / "sample_projects"
HEALTH = '@app.get("/health")\ndef health() -> dict[str, str]:\n    return {"status": "ok"}\n'
APP = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
PIP = {"requirements.txt": "fastapi\nuvicorn\n"}
GUARDED = """\
from fastapi import FastAPI
from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware

app = FastAPI()
app.add_middleware(HTTPSRedirectMiddleware)
app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*.example.com"])


"""
FACTORY = """\
from pathlib import Path

from fastapi import FastAPI


def make() -> FastAPI:
    app = FastAPI(title=Path("settings.ini").read_text())

    @app.get("/api/v1/livez")
    def live() -> str:
        return "ok"

    return app
"""
LOCK = "[[package]]\nname = \"uvicorn\"\nversion = \"1\"\n"
ROUTES = ("from fastapi import APIRouter\n\nrouter = APIRouter(prefix=\"/api\")\n\n\n"
          + HEALTH.replace("@app", "@router"))
SERVICES = {
    "a liveness route": {**PIP, "app/__init__.py": "", "app/main.py": APP + HEALTH},
    "no liveness route": {**PIP, "main.py": APP},
    "refused hosts and redirects": {**PIP, "main.py": GUARDED + HEALTH},
    "a factory below src, and a file it reads": {
        "src/shop/__init__.py": "", "src/shop/web.py": FACTORY, "settings.ini": "Shop", "tests/test_it.py": "",
        "Makefile": "run:\n\tuvicorn --factory shop.web:make\n", "uv.lock": LOCK,
        "pyproject.toml": "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"fastapi\", \"uvicorn\"]\n"},
    "a backend folder": {
        "backend/requirements.txt": "fastapi[standard]\n", "backend/routes.py": ROUTES,
        "backend/main.py": "from routes import router\n" + APP + "app.include_router(router)\n"},
}


def fixed(check: str, project: Project) -> Project:
    """The project after the fixes of one check's findings, each of which must have one."""
    found = ask(CHECKS[check], project).findings
    assert found
    for finding in found:
        assert finding.fix and finding.fix.intents, finding.fix
        project = project.with_files(apply(project, finding.fix.intents))
    return project


def image_of(project: Project) -> Dockerfile:
    (path,) = [p for p in project.files if p.endswith("Dockerfile")]
    image = parse_dockerfile(path, project.text(path))
    assert image is not None
    return image


def build(project: Project, image: Dockerfile, root: Path) -> Path:
    """What the final stage holds below /app, made of its COPY instructions alone; returns the working directory."""
    context = posixpath.dirname(image.path)
    for copy in (i for i in image.final.instructions if i.keyword == "COPY" and not i.flag("from")):
        *sources, goal = copy.argv
        for source in sources:
            whole = posixpath.join(context, source)
            below = [p for p in project.files if p == whole or p.startswith(whole + "/")]
            assert below, f"{source} is copied and does not exist"
            for path in below:
                inner = posixpath.relpath(path, whole) if path != whole else ""
                name = posixpath.join(goal, posixpath.basename(source)) if goal.endswith("/") else goal
                target = root / name / inner if inner else root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(project.text(path))
    return root / posixpath.relpath(image.workdir, "/app")


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def here(argv: tuple[str, ...], old: str, new: str) -> list[str]:
    """The words of an image's command for this machine: its port and its Python."""
    words = [w.replace(old, new) for w in argv]
    return [sys.executable, *words[1:]] if words[0] == "python" else [sys.executable, "-m", *words]


def variables(image: Dockerfile, root: Path) -> dict[str, str]:
    given = {k: v.replace("/app", str(root)) for k, v in image.env if k != "PATH"}
    return {**os.environ, **given}


@contextmanager
def running(argv: list[str], folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()  # as docker stop does: the master takes its workers with it
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(argv: list[str]) -> int:
    return subprocess.run(argv, capture_output=True, check=False, timeout=30).returncode


def until_healthy(argv: list[str], server: subprocess.Popen[bytes]) -> bool:
    for _ in range(300):
        if server.poll() is not None:
            return False
        if answers(argv) == 0:
            return True
        time.sleep(0.1)
    return False


def lives_and_dies(project: Project, root: Path) -> None:
    """Serve by CMD what COPY gives: HEALTHCHECK succeeds while the server runs, and fails with 1 afterwards."""
    image = image_of(project)
    folder, port = build(project, image, root), free_port()
    assert image.cmd and image.cmd.exec_form and image.healthcheck and image.healthcheck.exec_form
    written = image.cmd.argv[image.cmd.argv.index("--port") + 1]
    check = here(image.healthcheck.argv, written, port)
    assert answers(check) == 1
    with running(here(image.cmd.argv, written, port), folder, variables(image, root)) as server:
        assert until_healthy(check, server)
    assert answers(check) == 1


@pytest.mark.parametrize("files", SERVICES.values(), ids=SERVICES)
def test_the_scaffolded_image_serves_and_checks_itself(files: dict[str, str], tmp_path: Path):
    lives_and_dies(fixed("OPS010", Project.from_files(files)), tmp_path)


@pytest.mark.parametrize("files", SERVICES.values(), ids=SERVICES)
def test_the_scaffolded_image_passes_the_checks_of_containers(files: dict[str, str]):
    project = fixed("OPS010", Project.from_files(files))
    assert image_of(project).runs_as_root == "no"
    about = [c.id for c in CHECKS.values() if re.search("container|image|docker", c.name)]
    assert {"OPS010", "OPS011", "OPS012"} <= set(about)
    for check in about:
        asked = ask(CHECKS[check], project)
        assert not asked.findings and not asked.unclear and not asked.error, check
        assert asked.rights or check not in ("OPS010", "OPS011", "OPS012"), check


def test_cypherx_gets_an_image_that_serves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:///cypherx.db")
    project = Project.open(SAMPLES / "cypherx", cache=False)
    assert [r for r in ask(CHECKS["OPS012"], project).reasons] and not ask(CHECKS["OPS012"], project).findings
    project = fixed("OPS010", project)
    assert ask(CHECKS["OPS012"], project).rights and not ask(CHECKS["OPS012"], project).findings
    lives_and_dies(project, tmp_path)


def test_hardened_has_all_of_it():
    project = Project.open(SAMPLES / "hardened", cache=False)
    for check in ("OPS010", "OPS012"):
        asked = ask(CHECKS[check], project)
        assert asked.rights and not asked.findings and not asked.unclear


def test_a_sick_answer_fails_the_check(tmp_path: Path):
    """The route answers 503: a server that is up, and says that it does not live."""
    sick = APP.replace("FastAPI\n", "FastAPI, HTTPException\n", 1) + HEALTH.replace(
        'return {"status": "ok"}', "raise HTTPException(503)")
    project = fixed("OPS010", Project.from_files({**PIP, "main.py": sick}))
    image, port = image_of(project), free_port()
    folder = build(project, image, tmp_path)
    assert image.cmd and image.healthcheck and "/health" in image.healthcheck.text
    with running(here(image.cmd.argv, "8000", port), folder, variables(image, tmp_path)) as server:
        for _ in range(300):
            with socket.socket() as probe:
                if server.poll() is None and probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.1)
        assert answers(here(image.healthcheck.argv, "8000", port)) == 1


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_a_port_from_a_variable_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dockerfile = "FROM python:3.12-slim\nCOPY main.py main.py\nCMD uvicorn main:app --port ${PORT:-8000}\n"
    project = fixed("OPS012", Project.from_files({"main.py": APP + HEALTH, "Dockerfile": dockerfile}))
    image, port = image_of(project), free_port()
    assert image.healthcheck
    (tmp_path / "main.py").write_text(project.text("main.py"))
    monkeypatch.setenv("PORT", port)
    check = here(image.healthcheck.argv, "", "")
    with running([sys.executable, "-m", "uvicorn", "main:app", "--port", port], tmp_path, dict(os.environ)) as server:
        assert until_healthy(check, server)
    assert answers(check) == 1


COMPOSE = ("services:\n  api:\n    build: .\n    command: uvicorn main:app --host 0.0.0.0 --port 8080\n"
           "  jobs:\n    build: .\n    command: celery -A tasks worker\n")


def test_a_compose_service_gets_a_check_that_works(tmp_path: Path):
    """The image runs a worker too, so the check belongs to the service that serves."""
    files = {"main.py": APP + HEALTH, "Dockerfile": "FROM python:3.12-slim\nCOPY . .\n", "compose.yaml": COMPOSE}
    project = fixed("OPS012", Project.from_files(files))
    api, jobs = project.facts.compose_services
    assert jobs.healthcheck is None and api.healthcheck["timeout"] == "5s"
    port = free_port()
    (tmp_path / "main.py").write_text(project.text("main.py"))
    check = here(tuple(api.healthcheck["test"][1:]), "8080", port)
    with running([sys.executable, "-m", "uvicorn", "main:app", "--port", port], tmp_path, dict(os.environ)) as server:
        assert until_healthy(check, server)
    assert answers(check) == 1


def test_lines_that_are_added_are_added_once():
    project = Project.from_files({"compose.yaml": COMPOSE})
    add = ReplaceLineText(Place("compose.yaml", 2), "  api:", "  api:\n    restart: always")
    once = project.with_files(apply(project, [add]))
    assert once.text("compose.yaml").count("restart") == 1
    assert apply(once, [add]) == {}


TOOLS = {
    "uv": ({"uv.lock": LOCK}, "uv sync --frozen --no-dev --no-install-project"),
    "pdm": ({"pdm.lock": LOCK}, "pdm export --prod"),
    "poetry": ({"poetry.lock": LOCK}, "poetry install --only main --no-root"),
    "plain pyproject": ({}, "uv pip install --python /opt/venv/bin/python"),
    "requirements": ({"requirements.txt": "-r requirements/base.txt\nuvicorn\n", "requirements/base.txt": "fastapi\n"},
                     "/opt/venv/bin/pip install --no-cache-dir -r requirements"),
}


@pytest.mark.parametrize(("files", "words"), TOOLS.values(), ids=TOOLS)
def test_the_projects_own_tool_installs(files: dict[str, str], words: str):
    pyproject = "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"fastapi\", \"uvicorn\"]\n"
    project = fixed("OPS010", Project.from_files({"main.py": APP, "pyproject.toml": pyproject, **files}))
    image = image_of(project)
    first, last = image.stages
    assert words in " ".join(i.text for i in first.instructions)
    assert not any("pip" in i.text or "uv" in i.text for i in last.instructions if i.keyword == "RUN")
    for copy in (i for i in first.instructions if i.keyword == "COPY"):
        assert all(source in project.files for source in copy.argv[:-1])


@pytest.mark.parametrize(("files", "why"), [
    ({"requirements.txt": "fastapi\nuvicorn\n-e .\n"}, "folder of the repository"),
    ({"environment.yml": "dependencies:\n  - fastapi\n  - uvicorn\n"}, "conda"),
    ({}, "no file lists the packages"),
    ({"uv.lock": "[[package]]\nname = \"fastapi\"\nversion = \"1\"\n", "pyproject.toml": "[project]\nname = \"x\"\n"},
     "uvicorn is not among the locked packages"),
])
def test_what_cannot_be_installed_is_said(files: dict[str, str], why: str):
    (finding,) = ask(CHECKS["OPS010"], Project.from_files({"main.py": APP, **files})).findings
    assert finding.fix and finding.fix.kinds == ("advice",) and why in finding.fix.reason


@pytest.mark.parametrize(("files", "version"), [
    ({".python-version": "3.12.4\n"}, "3.12"),
    ({"pyproject.toml": "[project]\nname = \"x\"\nrequires-python = \">=3.10,<3.13\"\n"}, "3.11"),
    ({"pyproject.toml": "[project]\nname = \"x\"\nrequires-python = \">=3.12\"\n"}, "3.12"),
    ({"requirements.txt": "fastapi==0.95.0\n"}, "3.11"),
    ({}, "3.13"),
])
def test_the_python_is_the_projects_own(files: dict[str, str], version: str):
    assert python_version(Project.from_files(files).facts, "").value == version


@pytest.mark.parametrize(("base", "run", "program", "has"), [
    ("python:3.12-slim", "", "curl", False), ("python:3.12", "", "curl", True),
    ("python:3.12-alpine", "", "wget", True),
    ("python:3.12-alpine", "", "curl", False), ("python:3.12-slim", "RUN apt-get install -y curl", "curl", True),
    ("company/base:1", "", "curl", None), ("python:3.12-slim", "RUN apt-get install -y $PACKAGES", "curl", None),
    ("python:3.12-slim", "RUN apt-get install -y curl && apt-get purge -y curl", "curl", None),
    ("python:3.12-slim", "RUN pip install pycurl-client", "curl", False),
])
def test_which_program_an_image_has(base: str, run: str, program: str, has: bool | None):
    image = parse_dockerfile("Dockerfile", f"FROM {base}\n{run}\n")
    assert image is not None and has_program(image, program) is has


@pytest.mark.parametrize(("words", "program", "port", "path", "host", "fails"), [
    ("CMD curl -f http://localhost:8000/health || exit 1", "curl", "8000", "/health", "localhost", True),
    ("CMD curl -sS localhost:8000/live", "curl", "8000", "/live", "localhost", False),
    ('CMD ["curl", "-fsS", "-H", "Host: a.example", "http://127.0.0.1:80/"]', "curl", "80", "/", "a.example", True),
    ("CMD timeout 5 wget -q --spider http://localhost/up", "wget", "", "/up", "localhost", True),
    ("CMD python -c \"import httpx; httpx.get(f'http://localhost:80/{x}')\"", "python", "80", None, "localhost",
     True),
    ("CMD /healthcheck.sh", "", "", None, "", True),
])
def test_what_a_health_check_asks(words: str, program: str, port: str, path: str | None, host: str, fails: bool):
    image = parse_dockerfile("Dockerfile", f"FROM python:3.12\nHEALTHCHECK {words}\n")
    check = dockerfile_check(image) if image else None
    assert check is not None
    assert (check.program, check.port, check.path, check.host, check.fails) == (program, port, path, host, fails)


def test_a_compose_check_that_is_switched_off_is_known():
    services = "services:\n  a:\n    image: x\n    healthcheck:\n      test: [NONE]\n  b:\n    image: x\n"
    project = Project.from_files({"compose.yaml": services})
    off, none = (compose_check(s) for s in project.facts.compose_services)
    assert off is not None and off.off and none is None


@pytest.mark.parametrize(("routes", "best"), [
    (("/health", "/health/live"), "/health/live"), (("/api/v1/chat/health",), None), (("/items/{id}/status",), None),
    (("/status", "/ping"), "/ping"),
])
def test_which_route_answers_as_liveness(routes: tuple[str, ...], best: str | None):
    text = APP + "\n\n".join(f"@app.get({r!r})\ndef f{n}() -> str:\n    return 'x'\n" for n, r in enumerate(routes))
    found = liveness_route(Project.from_files({"main.py": text}).facts, "main:app")
    assert (found.route.path if found else None) == best


SOCKETS = """\
from fastapi import FastAPI, WebSocket

app = FastAPI()
clients: dict[str, WebSocket] = {}


@app.websocket("/ws/{key}")
async def chat(websocket: WebSocket, key: str, to: str) -> None:
    await websocket.accept()
    clients[key] = websocket
    await clients[to].send_text(await websocket.receive_text())
"""
KEYED = """\
import secrets

from fastapi import FastAPI
from starlette.middleware.sessions import SessionMiddleware

app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key=secrets.token_hex(32))
"""


@pytest.mark.parametrize(("main", "several"), [(APP + HEALTH, True), (SOCKETS, False), (KEYED, False)])
def test_an_image_starts_workers_only_where_each_can_do_without_the_others(main: str, several: bool) -> None:
    project = Project.from_files({"main.py": main, **PIP})
    finding = next(iter(ask(CHECKS["OPS010"], project).findings))
    assert finding.fix is not None
    assert ("WEB_CONCURRENCY=" in apply(project, finding.fix.intents)["Dockerfile"]) is several
