"""PER017: one process serves everything, on a machine with more cores than one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.containers import Dockerfile
from readybook.facts.processes import CONCURRENCY, once_only, replicated_by, workers_of
from readybook.facts.serving import ServeCommand
from readybook.finding import Answer
from readybook.intents import InsertInstruction, ReplaceLineText
from readybook.place import Place
from readybook_checks.architecture.one_process import keeps_to_itself

SERVERS = ("uvicorn", "fastapi run", "gunicorn", "hypercorn", "granian")
SELF = ("procfile", "systemd", "supervisor", "compose", "dockerfile", "script", "platform")
WORKERS = 2


class SingleWorkerServer(Check):
    """The server runs one worker process: one core works, and one crash or long garbage collection stops everybody.

    Looked at: the commands that start the deployed service, their ``--workers``, gunicorn's configuration and
    ``WEB_CONCURRENCY``, which uvicorn and gunicorn read by themselves. Where a platform starts copies of one process
    by design (Kubernetes, compose replicas, Fly, Cloud Run, ECS) one worker each is right, and so it is while the
    process keeps shared state to itself (ARC002 tells of that), holds open websockets or draws the key of its sessions
    when it starts. Several workers are wrong where something must run once: a scheduler, a limiter that counts in
    memory; then each worker does it.

    Fix: ``WEB_CONCURRENCY`` in the image, which whoever runs it can change, or ``--workers``.
    """

    id = "PER017"
    name = "single-worker-server"
    category = "performance"
    severity = "medium"
    hours = Hours(0.5, 1, 2)
    fix_kinds = ("config", "advice")
    references = ("https://www.uvicorn.org/deployment/", "https://fastapi.tiangolo.com/deployment/server-workers/")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each command that starts the deployed service."""
        facts = project.facts
        commands = [c for c in facts.serve_commands
                    if c.purpose == "deploy" and c.server in SERVERS and c.source in SELF]
        if not commands:
            yield NotApplicable("no command that starts a deployed server is seen")
            return
        platform, once = replicated_by(facts), once_only(facts)
        alone = cache(lambda: keeps_to_itself(project))
        for command in commands:
            yield from self._answer(project, command, platform, once, alone)

    def _answer(self, project: Project, command: ServeCommand, platform: str, once: tuple[str, Place] | None,
                alone: Callable[[], bool]) -> Iterator[Answer]:
        several = workers_of(project.facts, command)
        if command.reload or command.server == "fastapi dev":
            yield NotApplicable("a server that reloads runs one process whatever it is told (SEC012)")
            return
        if several and once is not None:
            yield Finding(
                command.place, f"{several} starts several processes, and each of them has {once[0]}: it runs once for "
                "every worker.", chain=(once[1],), fix=advice(
                    "Run it in a process of its own, or keep what it counts in Redis",
                    "where it shall run is a decision about the deployment"))
        elif several:
            yield Right(command.place, f"{several} starts several processes")
        elif instead := _replaced_in_compose(project, command):
            yield NotApplicable(f"{instead.place} starts the image with a command of its own")
        elif alone():
            yield NotApplicable("one worker is right while the process keeps to itself what others would miss")
        elif platform:
            yield NotApplicable(f"{platform} starts copies of one process by design")
        elif several is None:
            yield CannotTell(f"whether {CONCURRENCY} is set for {command.server} is not shown", command.place)
        elif "LAMBDA_" in project.text(command.place.path):
            yield NotApplicable("AWS Lambda sends each process one request at a time")
        elif command.source == "procfile":
            yield NotApplicable(f"the platform that reads {command.place.path} sets {CONCURRENCY} itself")
        else:
            yield self._finding(project, command)

    def _finding(self, project: Project, command: ServeCommand) -> Finding:
        where = f"service {command.service}" if command.service else command.place.path
        return Finding(
            command.place, f"{command.server} in {where} runs one worker: it uses one core, and while that process "
            "restarts nobody is served.", fix=_fix(project, command))


def _replaced_in_compose(project: Project, command: ServeCommand) -> ServeCommand | None:
    """The compose service's command with workers of its own, where each deployed service of the image has one."""
    facts = project.facts
    if command.source != "dockerfile":
        return None
    built = [s for s in facts.compose_services if not s.development and s.build is not None
             and s.build.dockerfile == command.place.path]
    own = {(c.place.path, c.service): c for c in facts.serve_commands if c.source == "compose" and c.purpose == "deploy"
           and workers_of(facts, c)}
    found = [own.get((s.path, s.name)) for s in built]
    return found[0] if found and all(found) else None


def _fix(project: Project, command: ServeCommand) -> Fix:
    title = f"Start {WORKERS} worker processes"
    reason = "each worker has its own pools and caches: check that the database takes twice the connections"
    if command.source == "dockerfile" and command.server in ("uvicorn", "gunicorn", "fastapi run"):
        dockerfile = next((d for d in project.facts.dockerfiles if d.path == command.place.path), None)
        if dockerfile is not None and (dockerfile.cmd or dockerfile.entrypoint) in dockerfile.final.instructions:
            return Fix(title, (_env(dockerfile),), kinds=("config",), safety="review",
                       reason=f"{reason}; {CONCURRENCY} changes the number")
    if command.option("--workers") is not None:
        return advice(f"{title} where the number is given", f"{command.text.split()[0]} is told "
                      f"--workers {command.option('--workers')}: whoever sets that says how many")
    line = project.line(command.place.path, command.place.line)
    text = re.search(rf"\b{re.escape(command.server)}\b(?=[ \t])(?! ?[\"'])", line)
    if text and command.app and line.count(f" {command.app}") == 1 and "[" not in line:
        intent = ReplaceLineText(command.place, f" {command.app}", f" {command.app} --workers {WORKERS}")
        return Fix(title, (intent,), kinds=("config",), safety="review", reason=reason)
    return advice(f"{title}: add --workers {WORKERS}, or set {CONCURRENCY}={WORKERS}",
                  "the command is not written in one line of plain text")


def _env(dockerfile: Dockerfile) -> InsertInstruction:
    return InsertInstruction(dockerfile.path, dockerfile.final.place.line, f"ENV {CONCURRENCY}={WORKERS}")


APP = {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}
IMAGE = "FROM python:3.12-slim\nCOPY . .\n"
STATEFUL = ("from fastapi import FastAPI\n\napp = FastAPI()\njobs: dict[str, str] = {}\n\n\n"
            "@app.post(\"/jobs/{key}\")\ndef add(key: str) -> None:\n    jobs[key] = \"queued\"\n\n\n"
            "@app.get(\"/jobs/{key}\")\ndef get(key: str) -> str:\n    return jobs[key]\n")
SOCKETS = ("from fastapi import FastAPI, WebSocket\n\napp = FastAPI()\nclients: dict[str, WebSocket] = {}\n\n\n"
           "@app.websocket(\"/ws/{key}\")\nasync def chat(websocket: WebSocket, key: str, to: str) -> None:\n"
           "    await websocket.accept()\n    join(key, websocket)\n"
           "    await clients[to].send_text(await websocket.receive_text())\n\n\n"
           "def join(key: str, websocket: WebSocket) -> None:\n    clients[key] = websocket\n")
KEYED = ("import secrets\n\nfrom fastapi import FastAPI\n"
         "from starlette.middleware.sessions import SessionMiddleware\n\nsecret_key = {}\napp = FastAPI()\n"
         "app.add_middleware(SessionMiddleware, secret_key=secret_key)\n")
SingleWorkerServer.examples = (
    Bad({**APP, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n"}, at=("Dockerfile:3",),
        fixed={"Dockerfile": IMAGE + "ENV WEB_CONCURRENCY=2\nCMD [\"uvicorn\", \"main:app\"]\n"}),
    Bad({**APP, "Dockerfile": IMAGE + "CMD fastapi run main.py\n"},
        at=("Dockerfile:3",),
        fixed={"Dockerfile": IMAGE + "ENV WEB_CONCURRENCY=2\nCMD fastapi run main.py\n"}),
    Bad({**APP, "compose.yml": "services:\n  api:\n    image: shop\n    command: uvicorn main:app --port 80\n"},
        at=("compose.yml:4",),
        fixed={"compose.yml": "services:\n  api:\n    image: shop\n"
               "    command: uvicorn main:app --workers 2 --port 80\n"}),
    Bad(  # the number comes from outside, one by default: no second option beside it
        {**APP, "compose.yml": "services:\n  api:\n    image: shop\n"
         "    command: gunicorn main:app -k uvicorn.workers.UvicornWorker -w ${WORKERS:-1}\n"},
        at=("compose.yml:4",), fixed={}),
    Good(  # nobody starts the image by the command in it
        {**APP, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n",
         "compose.yml": "services:\n  api:\n    build: .\n    command: uvicorn main:app --workers 4\n"}),
    Bad(  # a second service starts it as it is
        {**APP, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n",
         "compose.yml": "services:\n  api:\n    build: .\n    command: uvicorn main:app --workers 4\n"
         "  admin:\n    build: .\n"}, at=("Dockerfile:3",)),
    Bad(  # each of the workers runs every job
        {"main.py": "from apscheduler.schedulers.asyncio import AsyncIOScheduler\nfrom fastapi import FastAPI\n\n"
         "app = FastAPI()\nscheduler = AsyncIOScheduler()\nscheduler.start()\n",
         "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\", \"--workers\", \"4\"]\n"},
        at=("Dockerfile:3",)),
    Good({**APP, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\", \"--workers\", \"4\"]\n"}),
    Good(  # the image's own start counts the cores
        {"app/main.py": APP["main.py"], "Dockerfile": "FROM tiangolo/uvicorn-gunicorn-fastapi:python3.11\n"
         "COPY ./app /app/app\n"}),
    Bad(  # and obeys the variable
        {"app/main.py": APP["main.py"], "Dockerfile": "FROM tiangolo/uvicorn-gunicorn-fastapi:python3.11\n"
         "ENV WEB_CONCURRENCY=1\nCOPY ./app /app/app\n"}, at=("Dockerfile:1",)),
    Good({**APP, "Dockerfile": IMAGE + "ENV WEB_CONCURRENCY=3\nCMD [\"fastapi\", \"run\", \"main.py\"]\n"}),
    Good({**APP, "gunicorn.conf.py": "import os\n\nworkers = int(os.getenv(\"WORKERS\", \"4\"))\n",
          "Dockerfile": IMAGE + "CMD [\"gunicorn\", \"main:app\", \"-k\", \"uvicorn_worker.UvicornWorker\"]\n"}),
    Good({**APP, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n", "k8s/api.yaml": "apiVersion: apps/v1\n"
          "kind: Deployment\nmetadata:\n  name: api\nspec:\n  replicas: 3\n"}, outcome="not_applicable"),
    Good({"main.py": STATEFUL, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n"}, outcome="not_applicable"),
    Good({"main.py": SOCKETS, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n"}, outcome="not_applicable"),
    Good(  # each process would sign sessions with a key that the others do not know
        {"main.py": KEYED.format("secrets.token_hex(32)"), "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n"},
        outcome="not_applicable"),
    Bad({"main.py": "import os\n" + KEYED.format("os.environ[\"KEY\"]"),
         "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n"}, at=("Dockerfile:3",)),
    Good({**APP, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\", \"--reload\"]\n"}, outcome="not_applicable"),
    Good({**APP, "Procfile": "web: uvicorn main:app --port $PORT\n"}, outcome="not_applicable"),
    Good({**APP, "run.sh": "#!/bin/bash\nPATH=$PATH:$LAMBDA_TASK_ROOT/bin\nexec uvicorn main:app --port $PORT\n"},
         outcome="not_applicable"),
    Good({**APP, "Makefile": "run:\n\tuvicorn main:app --reload\n"}, outcome="not_applicable"),
)
