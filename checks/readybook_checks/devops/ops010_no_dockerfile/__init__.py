"""OPS010: a service that no container image can be built of."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from importlib.resources import files
from string import Template

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts import Facts
from readybook.facts.containers import Dockerfile
from readybook.facts.processes import CONCURRENCY
from readybook.facts.program import App
from readybook.facts.pythonversion import PythonVersion, python_version
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureRequirement, Intent
from readybook.patterns import regex
from readybook_checks.architecture.one_process import keeps_to_itself
from readybook_checks.devops.health_command import health_command, instruction
from readybook_checks.devops.ops010_no_dockerfile.copying import Code, code, module_of, named_from_above
from readybook_checks.devops.ops010_no_dockerfile.installing import Installation, debian_packages, installation
from readybook_checks.devops.ops010_no_dockerfile.platforms import platform

WORKERS = 2
TITLE = "Build an image: two stages, an unprivileged user, a health check"
WORKER = regex(r"\b(?:celery|arq|rq|dramatiq|taskiq|huey)\b")
APT = ("RUN apt-get update && apt-get install -y --no-install-recommends {names} \\\n"
       "    && rm -rf /var/lib/apt/lists/*\n")
GRACE = 8  # seconds; docker stop kills after 10


class At(Template):
    """A template whose places are marked by ``@``: a Dockerfile has dollar signs of its own."""

    delimiter = "@"


class NoDockerfile(Check):
    """No Dockerfile builds an image of the service: how it is deployed is nowhere written down.

    Looked at: Dockerfiles and Containerfiles that work with Python and are not for development or for a worker, beside
    or above each served application. A platform that builds without one (a Procfile, render.yaml with runtime python,
    App Engine, Lambda, Nixpacks, buildpacks) makes the question moot.

    Fix: a Dockerfile of two stages on a slim base of the project's own Python. The project's own tool installs into a
    virtual environment that root owns; an unprivileged user runs the server; the health check asks the liveness route.
    """

    id = "OPS010"
    name = "no-dockerfile"
    category = "devops"
    severity = "medium"
    hours = Hours(1, 4, 6)
    fix_kinds = ("scaffold", "advice")
    references = ("https://fastapi.tiangolo.com/deployment/docker/", "https://docs.docker.com/build/building/best-practices/")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each folder from which applications are served."""
        facts = project.facts
        served = [app for app in facts.apps if app.served]
        if not served:
            yield NotApplicable("no application is served")
            return
        images = [d for d in facts.dockerfiles if facts.role(d.path) in ("application", "script")]
        serving = [d for d in images if d.python and not d.development and not works_only(facts, d)]
        without: dict[str, App] = {}
        for app in served:
            own = dockerfile_of(app, served, serving)
            if own is not None:
                yield Right(own.final.place, "it builds an image of the service", app.spec)
            else:
                module = module_of(facts, app)
                without.setdefault(module.root if module else "", app)
        if without:
            yield from self._without(project, without, [d for d in images if d.python])

    def _without(self, project: Project, without: dict[str, App], other: list[Dockerfile]) -> Iterator[Answer]:
        used = platform(project)
        if used:
            yield NotApplicable(f"{used} deploys the service without a Dockerfile")
            return
        made = next((p for p in sorted(project.present) if re.search(
            r"(?i)(?:docker|container)file[\w.-]*[._-](?:j2|jinja2?|tpl|tmpl|template|in)$", p)), None)
        inline = next((s for s in project.facts.compose_services if "dockerfile_inline:" in project.text(s.path)), None)
        if made or inline:
            where = made or (inline.path if inline else "")
            yield CannotTell(f"{where} makes the Dockerfile")
            return
        for root, app in without.items():
            but = f" ({other[0].path} is for {'development' if other[0].development else 'a worker'})" if other else ""
            message = (f"Nothing builds an image of {app.spec}{but}: with which Python, system packages and command it "
                       "runs in production is known to whoever set the machine up.")
            yield Finding(app.place, message, fix=scaffold(project, app, root), app=app.spec)


def works_only(facts: Facts, dockerfile: Dockerfile) -> bool:
    """Whether an image runs a worker and no compose service serves from it."""
    return bool(WORKER.search(" ".join(dockerfile.command))) and all(
        i.dockerfile.path != dockerfile.path for i in facts.served_images)


def dockerfile_of(app: App, served: list[App], images: list[Dockerfile]) -> Dockerfile | None:
    """The Dockerfile whose folder holds the application, or that lies apart from all applications."""
    def holds(folder: str, other: App) -> bool:
        return not folder or other.place.path.startswith(folder + "/")

    folders = [(posixpath.dirname(d.path), d) for d in images]
    around = [(f, d) for f, d in folders if holds(f, app)]
    apart = [(f, d) for f, d in folders if not any(holds(f, other) for other in served)]
    return max(around or apart, key=lambda pair: len(pair[0]), default=(None, None))[1]


def scaffold(project: Project, app: App, root: str) -> Fix:
    """The Dockerfile and its .dockerignore, or why none can be written."""
    facts = project.facts
    if named_from_above(facts, root):
        return advice(TITLE, f"the code calls {root} by its own name, which is no package: from where it is started is "
                             "for a person to say")
    how = installation(project, root)
    what = code(project, how.context, root) if isinstance(how, Installation) else how
    if not isinstance(how, Installation) or not isinstance(what, Code):
        return advice(TITLE, str(what))
    server, problem = server_intents(facts, how)
    if problem:
        return advice(TITLE, problem)
    python = python_version(facts, how.context)
    path = posixpath.join(how.context, "Dockerfile")
    ignore = posixpath.join(how.context, ".dockerignore")
    intents: list[Intent] = [AddFile(path, dockerfile_text(project, app, how, what, python)), *server]
    if ignore not in project.present:
        intents.append(AddFile(ignore, template("dockerignore")))
    return Fix(TITLE, tuple(intents), kinds=("scaffold",), safety="review", reason=reason(facts, how, python))


def reason(facts: Facts, how: Installation, python: PythonVersion) -> str:
    """What a person looks at before taking the Dockerfile."""
    said = [f"nothing changes until it is built; Python {python.value} because "
            + (f"{python.source}: check it" if python.assumed else f"of {python.source}")]
    if not how.locked:
        said.append("no lock file, so each build may get other versions")
    if writes(facts):
        said.append("the code writes files: what must outlast the container needs a volume")
    return "; ".join(said)


def writes(facts: Facts) -> bool:
    """Whether the application makes folders or keeps a SQLite file, most likely below its working directory."""
    if any(e.backend == "sqlite" for e in facts.engines):
        return True
    making = ("os.makedirs", "os.mkdir", "sqlite3.connect")
    return any(path in making or path.endswith("Path.mkdir") for path in facts.behaviour.by_path)


def server_intents(facts: Facts, how: Installation) -> tuple[list[Intent], str]:
    """(what makes uvicorn a dependency, why it cannot be made one)."""
    bundled = any(r.name == "fastapi" and {"standard", "all"} & set(r.extras) for r in facts.requirements)
    if bundled or any(r.group == "main" and r.name == "uvicorn" for r in facts.requirements):
        return [], ""
    if how.locked:
        return [], "uvicorn is not among the locked packages: add it with the project's own tool first"
    return [EnsureRequirement("uvicorn", ">=0.30,<1")], ""


def template(name: str) -> str:
    """The text of one of the templates beside this module."""
    return (files(__package__) / f"{name}.tmpl").read_text(encoding="utf-8")


def dockerfile_text(project: Project, app: App, how: Installation, what: Code, python: PythonVersion) -> str:
    """The Dockerfile of one application."""
    facts = project.facts
    build, run = debian_packages(facts, how.context)
    port = port_of(facts, app)
    lines = [what.text]
    if what.import_path:
        lines.append(f"ENV PYTHONPATH={what.import_path}")
    if what.workdir:
        lines.append(f"WORKDIR {what.workdir}")
    return At(template("Dockerfile")).substitute(
        name=re.sub(r"[^a-z0-9]+", "-", app.spec.partition(":")[0].lower()).strip("-") or "service",
        python=python.value,
        build_packages=APT.format(names=build) if build else "", run_packages=APT.format(names=run) if run else "",
        workers="" if keeps_to_itself(project) else f" \\\n    {CONCURRENCY}={WORKERS}",
        install=how.text, code="\n".join(lines), port=port,
        writable=" && install -d -o app -g app /app" if writes(facts) else "",
        owner="root owns the environment and the code; the process may add files to /app" if writes(facts)
        else "root owns the environment and the code: the running process cannot change them",
        healthcheck=instruction(health_command(facts, app, port)), command=json.dumps(command(facts, app, port)),
    )


def command(facts: Facts, app: App, port: str) -> list[str]:
    """The words that start uvicorn; the target's own spelling of a factory is ``module:name()`` or ``module:name``."""
    spec = app.imported.removesuffix("()")
    module, name = module_of(facts, app), spec.partition(":")[2]
    factory = app.spec.endswith("()") or (module is not None and bool(
        re.search(rf"(?m)^(?:async )?def {re.escape(name)}\(", module.text)))
    words = ["uvicorn", spec, *(["--factory"] if factory else []), "--host", "0.0.0.0", "--port", port]
    release = facts.release("uvicorn")
    if release is None or release >= (0, 22):  # the release that brought the option
        words += ["--timeout-graceful-shutdown", str(GRACE)]
    return words


def port_of(facts: Facts, app: App) -> str:
    """The port on which the application is served today, else uvicorn's own."""
    module = app.imported.partition(":")[0]
    known = [c.port for c in facts.serve_commands if c.app.partition(":")[0] == module and c.port.isdecimal()]
    return next((p for p in known if 1024 <= int(p) < 65536), "8000")


MAIN = ("from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/health\")\ndef health() -> dict[str, str]:\n"
        "    return {\"status\": \"ok\"}\n")
PLAIN = "from fastapi import FastAPI\n\napp = FastAPI()\n"
PIP = {"requirements.txt": "fastapi==0.116.1\nuvicorn==0.35.0\n", ".python-version": "3.12\n"}
BUILT = """\
# Built from the folder of this file: docker build -t app-main .
FROM python:3.12-slim-bookworm AS build
RUN python -m venv /opt/venv
WORKDIR /build
COPY requirements.txt ./
RUN /opt/venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.12-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \\
    PYTHONUNBUFFERED=1 \\
    PYTHONDONTWRITEBYTECODE=1 \\
    WEB_CONCURRENCY=2
RUN useradd --create-home --shell /usr/sbin/nologin --uid 10001 app
WORKDIR /app
# root owns the environment and the code: the running process cannot change them
COPY --from=build /opt/venv /opt/venv
COPY app app
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \\
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=3)"]
# below the 10 s after which docker stop kills
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000", "--timeout-graceful-shutdown", "8"]
"""
NoDockerfile.examples = (
    Bad({**PIP, "app/__init__.py": "", "app/main.py": MAIN, "tests/test_main.py": "def test_it():\n    assert True\n"},
        at=("app/main.py:3",), severity="medium",
        fixed={"Dockerfile": BUILT, ".dockerignore": template("dockerignore")}),
    Bad(  # the Dockerfile that is there builds the frontend
        {"backend/main.py": PLAIN, "backend/pyproject.toml": "[project]\nname = \"x\"\nversion = \"1\"\n"
         "requires-python = \">=3.12,<3.13\"\ndependencies = [\"fastapi[standard]\"]\n",
         "frontend/Dockerfile": "FROM node:22-alpine\nCMD [\"npm\", \"start\"]\n"},
        at=("backend/main.py:3",),
    ),
    Bad(  # only a worker's image, and one for development
        {"main.py": PLAIN, "tasks.py": "from celery import Celery\n\ncelery = Celery()\n",
         "requirements.txt": "fastapi\n",
         "worker.Dockerfile": "FROM python:3.12-slim\nCMD [\"celery\", \"-A\", \"tasks\", \"worker\"]\n",
         ".devcontainer/Dockerfile": "FROM mcr.microsoft.com/devcontainers/python:3.12\n"},
        at=("main.py:3",),
    ),
    Bad({"src/shop/api.py": "from fastapi import FastAPI\n\n\ndef make() -> FastAPI:\n    return FastAPI()\n",
         "src/shop/__init__.py": "", "uv.lock": "[[package]]\nname = \"uvicorn\"\nversion = \"0.35.0\"\n",
         "pyproject.toml": "[project]\nname = \"shop\"\nversion = \"1\"\ndependencies = [\"fastapi\", \"uvicorn\"]\n",
         "Makefile": "run:\n\tuvicorn --factory shop.api:make --port 9000\n"},
        at=("src/shop/api.py:5",)),
    Bad(  # started from above, though app is no package: which folder it is started from is not in the code
        {**PIP, "app/api/__init__.py": "", "app/api/web.py": PLAIN.replace(
            "\n\n", "\n\nfrom app.core.conf import TITLE\n\n", 1),
         "app/core/conf.py": "TITLE = \"shop\"\n"},
        at=("app/api/web.py:5",)),
    Good({**PIP, "app/main.py": MAIN, "Dockerfile": BUILT}),
    Good({"backend/app/main.py": MAIN, "docker/api.Dockerfile": "FROM python:3.12-slim\nCOPY backend /srv\n"
          "RUN pip install fastapi uvicorn\nWORKDIR /srv\nCMD uvicorn app.main:app --host 0.0.0.0\n"}),
    Good(  # Render builds and runs it
        {"app/main.py": MAIN, "render.yaml": "services:\n  - type: web\n    runtime: python\n"
         "    startCommand: uvicorn app.main:app --host 0.0.0.0 --port $PORT\n"}, outcome="not_applicable"),
    Good({"main.py": "from mangum import Mangum\n" + PLAIN + "handler = Mangum(app)\n"},
         outcome="not_applicable"),
    Good({"library/__init__.py": "VERSION = 1\n"}, outcome="not_applicable"),
)
