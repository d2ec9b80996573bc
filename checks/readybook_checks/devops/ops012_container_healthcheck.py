"""OPS012: containers whose death by hanging nobody notices, or whose health check cannot work."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.facts import Facts
from readybook.facts.compose import ComposeService
from readybook.facts.containerchecks import CLIENTS, ContainerCheck, compose_check, dockerfile_check, has_program
from readybook.facts.containers import Dockerfile
from readybook.facts.functionplatform import is_function_image
from readybook.facts.liveness import accepts, allowed_hosts, redirects_to_https
from readybook.facts.program import App
from readybook.facts.servedimages import ServedImage, ServedService
from readybook.facts.serving import ServeCommand
from readybook.finding import Answer
from readybook.intents import InsertInstruction, ReplaceInstruction, ReplaceLineText
from readybook_checks.devops.health_command import compose_block, compose_test, health_command, instruction

DOCS = frozenset({"/docs", "/redoc", "/openapi.json", "/metrics"})
TITLE = "Ask the application itself, with Python's standard library"
WHO = "an orchestrator acts on the answer: containers that hang are marked unhealthy, and replaced where it does so"


class ContainerHealthcheck(Check):
    """The container has no health check that works: a hung server counts as running.

    Looked at: each deployed Dockerfile that serves the application and the compose services that run it. A health check
    is wrong when it is switched off, uses a program that the image lacks (curl in a slim image), asks a path or port
    that nothing serves, is refused by TrustedHostMiddleware or redirected, has no time limit, or asks the readiness
    path, so that a sick database restarts the container. Workers are left out, and images that only Kubernetes runs: it
    ignores HEALTHCHECK and has probes of its own.

    Fix: a HEALTHCHECK by urllib on the liveness route, or a connection to the port where no route answers as liveness;
    in the compose file where workers run the same image.
    """

    id = "OPS012"
    name = "container-healthcheck"
    category = "devops"
    severity = "medium"
    hours = Hours(0.25, 1, 1, each=0.25)
    fix_kinds = ("config", "advice")
    after = ("OPS001",)  # a health route tells more than a port that is open
    references = ("https://docs.docker.com/reference/dockerfile/#healthcheck",
                  "https://docs.docker.com/reference/compose-file/services/#healthcheck")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each health check of a serving image, and one for each image that has none."""
        facts = project.facts
        images = facts.served_images
        if not images:
            yield from self._no_image(facts)
        for image in images:
            yield from self._of_image(project, image)

    def _no_image(self, facts: Facts) -> Iterator[Answer]:
        for dockerfile in facts.dockerfiles:
            deployed = dockerfile.python and not dockerfile.development and facts.role(dockerfile.path) == "application"
            words = " ".join(dockerfile.command)
            other = re.search(r"\b(?:celery|arq|rq|dramatiq|taskiq)\b", words) or is_function_image(dockerfile)
            if deployed and words and not other:
                yield CannotTell("whether its command serves the application is not seen", command_place(dockerfile))
        yield NotApplicable("no Dockerfile here serves the application")

    def _of_image(self, project: Project, image: ServedImage) -> Iterator[Answer]:
        app = next((a for a in project.facts.apps if a.spec == image.app), None)
        own = dockerfile_check(image.dockerfile)
        checked = [(s, c) for s in image.services if (c := compose_check(s.service)) is not None]
        unchecked = [s for s in image.services if compose_check(s.service) is None]
        for served, check in checked:
            yield judged(project, image, app, check, served.command, served.service)
        if own is not None and (unchecked or not image.services or not checked):
            yield judged(project, image, app, own, image.command or image.services[0].command, None)
        elif own is None and (unchecked or not checked):
            if not image.services and in_cluster(project.facts):
                yield NotApplicable("Kubernetes runs the image: it ignores HEALTHCHECK and has probes of its own")
                return
            yield missing(project, image, app, unchecked)


def in_cluster(facts: Facts) -> bool:
    """Whether the target is deployed by Kubernetes manifests or charts."""
    return bool(facts.helm_charts) or any(
        o.containers and o.kind != "Job" and facts.role(o.place.path) == "application" for o in facts.kubernetes)


def command_place(dockerfile: Dockerfile) -> Place:
    """Where a Dockerfile says what it runs."""
    last = dockerfile.cmd or dockerfile.entrypoint
    return last.place if last else dockerfile.final.place


def missing(project: Project, image: ServedImage, app: App | None, services: list[ServedService]) -> Finding:
    """The finding for an image without any health check, or for the first compose service that has none."""
    dockerfile = image.dockerfile
    command = image.command or services[0].command
    place = command_place(dockerfile) if image.command else services[0].service.place
    what = f"{dockerfile.path} has no HEALTHCHECK" + (
        f", nor has the compose service {services[0].service.name} a healthcheck" if services else "")
    message = f"{what}: a server that hangs keeps its container running, and nothing replaces it."
    return Finding(place, message, fix=missing_fix(project, image, app, command, services),
                   confidence="high" if command.server not in ("python", "other") else "medium",
                   app=app.spec if app else None)


def missing_fix(project: Project, image: ServedImage, app: App | None, command: ServeCommand,
                services: list[ServedService]) -> Fix:
    """A HEALTHCHECK in the image; in the compose services when others run something else from the image."""
    argv = working_command(project.facts, image, app, command)
    if argv is None:
        return advice(TITLE, "the port on which the server listens is not written where it could be read")
    title = "Check the container's health with Python's standard library"
    if not services or not image.others:
        add = InsertInstruction(image.dockerfile.path, image.dockerfile.final.place.line, instruction(argv))
        return Fix(title, (add,), kinds=("config",), safety="review", reason=WHO)
    intents = [block_intent(project, image, app, served) for served in services]
    if None in intents:
        return advice(title, f"{image.dockerfile.path} runs workers too, and its compose service cannot be extended "
                      "line by line: give the service a healthcheck of its own")
    return Fix(title, tuple(i for i in intents if i), kinds=("config",), safety="review", reason=WHO)


def block_intent(project: Project, image: ServedImage, app: App | None,
                 served: ServedService) -> ReplaceLineText | None:
    """The edit that adds ``healthcheck:`` at the top of a compose service; None when it is not written in lines."""
    argv = working_command(project.facts, image, app, served.command)
    place = served.service.place
    line, below = project.line(place.path, place.line), project.line(place.path, place.line + 1)
    indent, inner = len(line) - len(line.lstrip()), len(below) - len(below.lstrip())
    if argv is None or inner <= indent or line.strip() not in (f"{served.service.name}:", f'"{served.service.name}":'):
        return None
    return ReplaceLineText(Place(place.path, place.line), line,
                           f"{line}\n{compose_block(argv, ' ' * inner, ' ' * (inner - indent))}")


def working_command(facts: Facts, image: ServedImage, app: App | None, command: ServeCommand) -> list[str] | None:
    """The words of a health check that works in the image; None when its port cannot be told."""
    port, variable = port_of(image.dockerfile, command)
    base = image.dockerfile.outside_base.name
    path = dict(image.dockerfile.env).get("PATH", "")
    known = "python" in f"{base}:{image.dockerfile.outside_base.tag}" or "venv" in path or "tiangolo" in base
    return health_command(facts, app, port, variable, "python" if known else "python3") if port else None


def port_of(dockerfile: Dockerfile, command: ServeCommand) -> tuple[str, str]:
    """(port, variable that sets it) of a server in its container; an empty port when it is not known."""
    written = [i.script for i in (dockerfile.cmd, dockerfile.entrypoint) if i] if command.source == "dockerfile" else []
    match = next((m for text in [command.text, *written] if (m := re.search(
        r"(?:--port[= \"',]+|:)\$\{?([A-Za-z_]\w*)(?::-(\d+))?", text))), None)
    if match and command.source != "compose":
        default = command.port if command.port.isdecimal() else match[2] or dict(dockerfile.env).get(match[1], "")
        return (default or "8000"), match[1]
    if command.port:
        return (command.port if command.port.isdecimal() else ""), ""
    exposed = [i.text.partition("/")[0].strip() for i in dockerfile.final_instructions if i.keyword == "EXPOSE"]
    if len(exposed) == 1 and exposed[0].isdecimal():
        return exposed[0], ""
    if command.option("--bind") or command.option("--config") is not None or command.option("--uds"):
        return "", ""
    if "tiangolo/" in dockerfile.outside_base.name:
        return "80", ""
    return ("8000" if command.server in ("uvicorn", "gunicorn", "hypercorn", "granian", "fastapi run") else ""), ""


def judged(project: Project, image: ServedImage, app: App | None, check: ContainerCheck, command: ServeCommand,
           service: ComposeService | None) -> Answer:
    """What is wrong with a health check, or that it works."""
    severity, problem = problem_of(project.facts, image, app, check, command)
    spec = app.spec if app else None
    if not problem:
        return Right(check.place, "it asks the application", spec)
    fix = replaced(project, image, app, check, command, service)
    return Finding(check.place, problem, severity, fix=fix, app=spec, confidence="high" if severity else "medium")


def replaced(project: Project, image: ServedImage, app: App | None, check: ContainerCheck, command: ServeCommand,
             service: ComposeService | None) -> Fix:
    """The health check replaced by one that works."""
    argv = working_command(project.facts, image, app, command)
    if argv is None:
        return advice(TITLE, "the port on which the server listens is not written where it could be read")
    if service is None:
        change = ReplaceInstruction(check.place, instruction(argv))
        return Fix(TITLE, (change,), kinds=("config",), safety="review", reason=WHO)
    for number in range(check.place.line, (check.place.end_line or check.place.line) + 1):
        line = project.line(check.place.path, number)
        match = re.fullmatch(r"(\s*test:\s*)(\[.*\]|[^\s\[|>&*-].*)", line)
        if match:
            new = match[1] + compose_test(argv)
            if not check.timed:
                new += f"\n{' ' * (len(line) - len(line.lstrip()))}timeout: 5s"
            change_line = ReplaceLineText(Place(check.place.path, number), line, new)
            return Fix(TITLE, (change_line,), kinds=("config",), safety="review", reason=WHO)
    return advice(TITLE, f"the test is not written on one line; it should run: {' '.join(argv[:2])} \"{argv[2]}\"")


def problem_of(facts: Facts, image: ServedImage, app: App | None, check: ContainerCheck,
               command: ServeCommand) -> tuple[str | None, str]:
    """(severity, what is wrong in one sentence); an empty text when nothing is. Severity None: the check's own."""
    if check.off:
        return "medium", "The health check is switched off: a server that hangs keeps its container running."
    if check.program in CLIENTS and has_program(image.dockerfile, check.program) is False:
        base = image.dockerfile.outside_base.reference
        return "medium", (f"The health check runs {check.program}, which {base} does not have and nothing installs: "
                          "the container is unhealthy from the start.")
    absent = next((m for m in check.modules if m in ("httpx", "requests", "aiohttp") and not installed(facts, m)), None)
    if absent:
        return "medium", (f"The health check imports {absent}, which the image does not install: "
                          "the container is unhealthy from the start.")
    port, variable = port_of(image.dockerfile, command)
    if check.port and port and not variable and check.port != port and check.scheme == "http":
        return None, f"The health check asks port {check.port}, and {command.server} listens on {port}."
    return about_request(facts, app, check) if app is not None and check.path is not None else (None, "")


def installed(facts: Facts, module: str) -> bool:
    """Whether a distribution can be in an image; without a lock anything may have brought it along."""
    declared = facts.packages.declared(module)
    if any(r.group == "main" for r in declared):
        return True
    if any(e.name == module for lock in facts.packages.locks for e in lock.entries):
        return not declared  # locked for development only
    return not declared and not facts.packages.locks


def about_request(facts: Facts, app: App, check: ContainerCheck) -> tuple[str | None, str]:
    """What the application says to the request of a health check."""
    hosts = allowed_hosts(app)
    if hosts is not None and not accepts(hosts, check.host):
        return "medium", (f"The health check sends Host {check.host}, which TrustedHostMiddleware answers with 400: "
                          f"only {', '.join(hosts[:3]) or 'nothing'} is let in.")
    if redirects_to_https(app) and check.scheme == "http" and not check.forwarded:
        effect = "nothing serves TLS there, so it always fails" if check.follows else "the redirect counts as healthy"
        return "medium", f"HTTPSRedirectMiddleware answers the health check of {check.path} with a redirect: {effect}."
    path = check.path or "/"
    if not serves(facts, app, path):
        effect = "it always fails" if check.fails else "the 404 counts as healthy, since curl has no --fail"
        return "medium", f"The health check asks {path}, which no route of {app.spec} serves: {effect}."
    health = next((h for h in facts.health_routes if h.route.app == app.spec and h.asks
                   and h.route.path.rstrip("/") == path.rstrip("/")), None)
    if health is not None:
        return "low", (f"The health check asks {path}, which itself asks another service ({health.asks[0]}): "
                       "when that is sick, the container is taken for sick and restarted.")
    if not check.timed:
        return "low", ("The health check has no time limit: Docker waits 30 s for each of three answers before a hung "
                       "server counts as unhealthy.")
    return None, ""


def serves(facts: Facts, app: App, path: str) -> bool:
    """Whether a path is served, or might be by what the code does not show."""
    root = app.kwargs.get("root_path")
    paths = {path.rstrip("/")}
    if isinstance(root, str) and root and path.startswith(root):
        paths.add(path[len(root):].rstrip("/"))
    for route in facts.routes:
        if route.app == app.spec and route.method == "GET":
            pattern = re.sub(r"\\\{[^{}]*:path\\\}", ".+", re.escape(route.path.rstrip("/")).replace(r"\:", ":"))
            pattern = re.sub(r"\\\{[^{}]*\\\}", "[^/]+", pattern)
            if any(re.fullmatch(pattern, p) for p in paths):
                return True
    return bool(paths & DOCS) or not app.complete or bool(facts.unresolved) or spoken_of(facts, path)


def spoken_of(facts: Facts, path: str) -> bool:
    """Whether application code mounts something, or names the path outside its routes, as a middleware would."""
    if facts.behaviour.by_last.get("mount"):
        return True
    quoted = re.compile(rf"[\"']{re.escape(path.rstrip('/') or '/')}/?[\"']")
    served = {r.place.path for r in facts.routes}
    return any(quoted.search(m.text) for m in facts.modules.by_path.values()
               if m.role == "application" and m.path not in served)


LIVE = ("from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/health\")\ndef health() -> dict[str, str]:\n"
        "    return {\"status\": \"ok\"}\n")
PLAIN = "from fastapi import FastAPI\n\napp = FastAPI()\n"
SLIM = "FROM python:3.12-slim\nWORKDIR /srv\nCOPY . .\nRUN pip install fastapi uvicorn\n"
RUN = "CMD [\"uvicorn\", \"main:app\", \"--host\", \"0.0.0.0\", \"--port\", \"8080\"]\n"
CHECK = ("HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \\\n    CMD [\"python\", \"-c\", "
         "\"from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health', timeout=3)\"]\n")
COMPOSE = ("services:\n  api:\n    build: .\n    command: uvicorn main:app --host 0.0.0.0 --port 8080\n"
           "  worker:\n    build: .\n    command: celery -A tasks worker\n")
ContainerHealthcheck.examples = (
    Bad({"main.py": LIVE, "Dockerfile": SLIM + RUN}, at=("Dockerfile:5",), severity="medium",
        fixed={"Dockerfile": SLIM + CHECK + RUN}),
    Bad(  # no route answers as liveness: what can be asked is the port, which a variable sets
        {"main.py": PLAIN, "Dockerfile": SLIM + "CMD uvicorn main:app --host 0.0.0.0 --port ${PORT:-9000}\n"},
        at=("Dockerfile:5",),
        fixed={"Dockerfile": SLIM + "HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \\\n"
               "    CMD [\"python\", \"-c\", \"import os, socket; socket.create_connection(('127.0.0.1', "
               "int(os.environ.get('PORT', '9000'))), timeout=3).close()\"]\n"
               "CMD uvicorn main:app --host 0.0.0.0 --port ${PORT:-9000}\n"},
    ),
    Bad(  # curl is not in the image
        {"main.py": LIVE, "Dockerfile": SLIM + "HEALTHCHECK --timeout=5s \\\n  CMD curl -f "
         "http://localhost:8080/health || exit 1\n" + RUN},
        at=("Dockerfile:5",), fixed={"Dockerfile": SLIM + CHECK + RUN},
    ),
    Bad(  # a path that was renamed
        {"main.py": LIVE, "Dockerfile": "FROM python:3.12\nRUN pip install fastapi uvicorn\nHEALTHCHECK --timeout=5s "
         "CMD curl -f http://localhost:8080/healthz\n" + RUN},
        at=("Dockerfile:3",),
    ),
    Bad(  # the image runs a worker too: the compose service gets the check
        {"main.py": LIVE, "Dockerfile": SLIM, "docker-compose.yml": COMPOSE}, at=("docker-compose.yml:2",),
        fixed={"docker-compose.yml": COMPOSE.replace(
            "  api:\n", "  api:\n    healthcheck:\n      test: [\"CMD\", \"python\", \"-c\", \"from urllib.request "
            "import urlopen; urlopen('http://127.0.0.1:8080/health', timeout=3)\"]\n      interval: 30s\n"
            "      timeout: 5s\n      start_period: 20s\n      retries: 3\n")},
    ),
    Bad(  # TrustedHostMiddleware refuses the Host that the check sends
        {"main.py": "from fastapi.middleware.trustedhost import TrustedHostMiddleware\n" + LIVE.replace(
            "app = FastAPI()\n", "app = FastAPI()\napp.add_middleware(TrustedHostMiddleware, "
            "allowed_hosts=[\"api.example.com\"])\n"),
         "Dockerfile": SLIM + CHECK + RUN},
        at=("Dockerfile:5",),
        fixed={"Dockerfile": SLIM + CHECK.replace("import urlopen; urlopen('http://127.0.0.1:8080/health', timeout",
               "import Request, urlopen; urlopen(Request('http://127.0.0.1:8080/health', "
               "headers={'Host': 'api.example.com'}), timeout") + RUN},
    ),
    Bad(  # switched off, though the image has one; and the readiness path as liveness
        {"main.py": LIVE, "Dockerfile": SLIM + CHECK + RUN, "compose.yaml": "services:\n  api:\n    build: .\n"
         "    healthcheck:\n      disable: true\n"},
        at=("compose.yaml:4",),
    ),
    Good({"main.py": LIVE, "Dockerfile": SLIM + CHECK + RUN}),
    Good(  # curl is installed, and the route takes its prefix from the router
        {"main.py": "from fastapi import APIRouter, FastAPI\n\nrouter = APIRouter(prefix=\"/api\")\n\n\n"
         "@router.get(\"/ping/\")\ndef ping() -> str:\n    return \"pong\"\n\n\napp = FastAPI()\n"
         "app.include_router(router)\n",
         "Dockerfile": SLIM + "RUN apt-get update && apt-get install -y --no-install-recommends curl\n"
         "HEALTHCHECK --timeout=3s CMD curl -f http://localhost:8080/api/ping/\n" + RUN},
    ),
    Good(  # Alpine's busybox has wget; the compose file has the check
        {"main.py": LIVE, "Dockerfile": SLIM.replace("slim", "alpine") + RUN, "compose.yaml": "services:\n  api:\n"
         "    build: .\n    healthcheck:\n      test: wget -q --spider http://localhost:8080/health || exit 1\n"
         "      timeout: 5s\n"},
    ),
    Good(  # only Kubernetes runs it
        {"main.py": LIVE, "Dockerfile": SLIM + RUN,
         "k8s/api.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n"
         "    spec:\n      containers:\n        - name: api\n          image: api:1\n"},
        outcome="not_applicable",
    ),
    Good({"tasks.py": "from celery import Celery\n\ncelery = Celery()\n", "main.py": PLAIN,
          "Dockerfile": SLIM + "CMD [\"celery\", \"-A\", \"tasks\", \"worker\"]\n"}, outcome="not_applicable"),
    Good({"main.py": PLAIN, "Dockerfile": "FROM public.ecr.aws/lambda/python:3.12\nCOPY main.py ./\n"
          "CMD [\"main.handler\"]\n"}, outcome="not_applicable"),
    Good({"main.py": PLAIN}, outcome="not_applicable"),
)
