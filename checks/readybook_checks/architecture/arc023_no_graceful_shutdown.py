"""ARC023: requests in flight are cut, or hold the shutdown up, when the service is stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.behaviour import functions_behind
from readybook.facts.containers import Dockerfile
from readybook.facts.nodes import nodes
from readybook.facts.reach import run_for
from readybook.facts.serving import ServeCommand
from readybook.facts.streaming import sends_events, streamed_answers
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.patterns import regex
from readybook_checks.devops.command_line import add_option, run_by_exec, written

OPTION = "--timeout-graceful-shutdown"
READS = regex(r"(?:receive|iter_)")
SENDS = regex(r"\.send(?:_\w+)?\(|\bsleep\(|\.accept\(")
CODE = regex(r"(?m)#.*$")  # what a script says to its readers
SECONDS = {"kubernetes": "25", "docker": "8"}  # below the 30 and 10 seconds after which each kills
FIRST_WITH_OPTION = (0, 22)  # uvicorn


class NoGracefulShutdown(Check):
    """A stop of the service does not reach the server, or waits for open streams until the process is killed.

    Looked at: the commands that start the deployed service. A shell that starts the server without ``exec`` (``CMD
    uvicorn …`` in shell form, an entrypoint script, ``sh -c``) is the process that gets SIGTERM, does not hand it on,
    and is killed with every request in flight when the grace period ends. bash, and the shell of Alpine, put the last
    command of ``-c`` in their own place. uvicorn waits without limit for open requests: with event streams that is
    every stop, unless the option ``--timeout-graceful-shutdown`` is given. It closes websockets itself: only a handler
    that waits for something else than its client goes on. gunicorn limits the wait itself, to 30 seconds.

    Fix: ``exec`` before the server, and a limit below the orchestrator's grace period.
    """

    id = "ARC023"
    name = "no-graceful-shutdown"
    category = "architecture"
    severity = "medium"
    hours = Hours(0.5, 1, 3, once=("lifespan", 0.75))
    fix_kinds = ("config", "advice")
    references = ("https://www.uvicorn.org/settings/#timeouts", "https://docs.docker.com/reference/dockerfile/#shell-form-entrypoint-example")

    def find(self, project: Project) -> Iterator[Answer]:
        """Answers for each command that starts the deployed service."""
        commands = [c for c in project.facts.serve_commands
                    if c.purpose == "deploy" and c.server not in ("python", "other")]
        commands = [c for c in commands if not (c.reload and any(
            o.place.path == c.place.path and not o.reload for o in commands))]  # the script's branch for developers
        if not commands:
            yield NotApplicable("no command that starts a deployed server is seen")
            return
        long = lasting(project)
        for command in commands:
            yield from _signals(project, command)
            yield from _waits(project, command, long)


def lasting(project: Project) -> str:
    """What keeps a connection open without end: server-sent events, or a websocket whose client nobody listens to.

    A download ends by itself; a websocket that is read from, too: the server closes it.
    """
    for route in project.facts.routes:
        if route.method == "WEBSOCKET" and _goes_on(project, route):
            return f"the websocket {route.path}"
    events = next((c for c in streamed_answers(project.facts.behaviour) if sends_events(c)), None)
    return f"the event stream at {events.place}" if events is not None else ""


def _goes_on(project: Project, route: Route) -> bool:
    """Whether a handler repeats something that no closed websocket ends: it reads nothing, or waits before it sends."""
    calls = list(run_for(project.facts.behaviour, (route.handler,)))
    if any(READS.match(c.last) for c in calls):
        return False
    bodies = [f.original.node for f in functions_behind(route.handler)]
    loops = [n for b in bodies if b[0] == "def" for n in nodes(b[6]) if n[0] in ("while", "for")]
    waits = [unparse(n[3]) for loop in loops for n in nodes(loop) if n[0] == "await"]
    return any(not SENDS.search(w) for w in waits) or bool(waits) and not any(c.last.startswith("send") for c in calls)


def _signals(project: Project, command: ServeCommand) -> Iterator[Answer]:
    """Whether SIGTERM reaches the server."""
    shell = _shell(project, command)
    if shell is None:
        return
    if not shell:
        yield Right(command.place, "the server gets the signal")
        return
    title = "Start the server with exec, so that it gets the signal"
    if re.search(r"(?<![&>])&[ \t]*$", written(project, command).partition(" #")[0]):
        yield Finding(
            command.place, f"{shell} starts {command.server} in the background and hands no signal on: SIGTERM goes to "
            "the shell, and requests in flight are killed with the container.",
            fix=advice(title, "it runs in the background: what else the script starts needs a container of its own"))
        return
    intent = run_by_exec(project, command)
    fix = advice(title, "the command is not written in one line of plain text") if intent is None else Fix(
        title, (intent,), kinds=("config",), safety="safe",
        reason="the shell had nothing left to do: the server takes its place and gets the same arguments")
    yield Finding(
        command.place, f"{shell} starts {command.server} without exec: SIGTERM goes to the shell, which does not hand "
        "it on, and requests in flight are killed with the container.", fix=fix)


def _shell(project: Project, command: ServeCommand) -> str | None:
    """What kind of shell stands before the server; empty when none does, None when that does not matter here."""
    line = written(project, command)
    before = r"(?:[\w./-]+=\S*\s+|-\S+\s+|[\w./-]*python\d?\S*\s+-m\s+)*"
    if re.search(rf"\bexec\s+{before}{re.escape(command.server[:7])}", line):
        return ""
    if re.search(r"\b(?:dumb-init|tini)\b.*\s-g\b", line):
        return ""
    if command.source == "script":
        text = project.text(command.place.path)
        if re.search(r"(?m)^[ \t]*trap\b", text) or re.search(r"\bwait\b", text) and not (
                _waits_for_all(text) and _in_an_image(project, command.place.path)):
            return None  # it handles the signal itself: how well, its text does not show
        return f"The script {command.place.path}"
    if command.source == "dockerfile":
        dockerfile = next((d for d in project.facts.dockerfiles if d.path == command.place.path), None)
        started = dockerfile and (dockerfile.cmd or dockerfile.entrypoint)
        if started is None or started is False:
            return None
        if _replaces_itself(dockerfile, started.exec_form, written(project, command), command.server):
            return ""
        if started.exec_form:
            return "sh -c" if _wrapped(started.argv) else ""
        return "The shell form of CMD" if started.keyword == "CMD" else "The shell form of ENTRYPOINT"
    if command.source == "compose":
        service = next((s for s in project.facts.compose_services if s.name == command.service
                        and s.path == command.place.path), None)
        built = next((d for d in project.facts.dockerfiles if service is not None and service.build is not None
                      and d.path == service.build.dockerfile), None)
        if built is not None and _replaces_itself(built, True, line, command.server):
            return ""
        return "" if service is None or not _wrapped((*(service.entrypoint or ()), *(service.command or ()))) else (
            f"sh -c in the service {service.name}")
    return None


def _in_an_image(project: Project, path: str) -> bool:
    """Whether an image starts a script, as its first process: elsewhere a signal ends a shell without a trap."""
    name = path.rpartition("/")[2]
    return any(word.rpartition("/")[2] == name for d in project.facts.dockerfiles for word in d.command)


def _waits_for_all(text: str) -> bool:
    """Whether a script only waits for what it has started: without a trap it does nothing about a signal."""
    return re.search(r"(?m)^[ \t]*wait[ \t]*(?:#.*)?\r?$", text) is not None and len(re.findall(r"\bwait\b", CODE.sub(
        "", text))) == 1


def _replaces_itself(dockerfile: Dockerfile, exec_form: bool, line: str, server: str) -> bool:
    """Whether the image's shell puts the server, its last command, in its own place: BusyBox does, Debian's dash not.

    For a shell form the image may name bash by ``SHELL``.
    """
    shell = next((i.argv for i in reversed(dockerfile.final_instructions) if i.keyword == "SHELL"), ())
    if exec_form or not shell:
        own = "alpine" in f"{dockerfile.outside_base.name}:{dockerfile.outside_base.tag}"
    else:
        own = shell[0].rpartition("/")[2] == "bash"
    return own and re.search(r"[;&|]", line.rpartition(server[:7])[2].rstrip("\"'] ;")) is None


def _wrapped(argv: tuple[str, ...]) -> bool:
    """Whether words run a shell that does not end in ``exec``; bash replaces itself by a last simple command."""
    if len(argv) < 3 or argv[0].rpartition("/")[2] not in ("sh", "ash", "dash", "bash") or "c" not in argv[1]:
        return False
    return "exec " not in argv[2] and argv[0].rpartition("/")[2] != "bash"


def _waits(project: Project, command: ServeCommand, long: str) -> Iterator[Answer]:
    """Whether the wait for open connections has an end."""
    if command.server in ("gunicorn", "hypercorn"):
        yield Right(command.place, f"{command.server} limits the wait by itself")
        return
    if command.option(OPTION) is not None:
        yield Right(command.place, "the wait for open requests is limited")
        return
    if command.server not in ("uvicorn", "fastapi run") or not long:
        return
    yield Finding(
        command.place, f"{command.server} waits without limit for {long} to end when it is stopped: every deploy hangs "
        "until the process is killed, and shutdown code does not run.", fix=_limit(project, command))


def _limit(project: Project, command: ServeCommand) -> Fix:
    seconds = SECONDS["kubernetes" if project.facts.kubernetes or project.facts.helm_charts else "docker"]
    title = f"End the wait after {seconds} seconds ({OPTION} {seconds})"
    release = project.facts.release("uvicorn")
    if command.server == "fastapi run":
        return advice(f"Start the service with uvicorn and {OPTION} {seconds}", "fastapi run has no such option")
    if release is not None and release < FIRST_WITH_OPTION:
        return advice(title, "the uvicorn that is pinned does not have the option yet: 0.22 brings it")
    intent = add_option(project, command, OPTION, seconds)
    if intent is None:
        return advice(title, "the command is not written in one line of plain text")
    return Fix(title, (intent,), kinds=("config",), safety="review",
               reason=f"a client whose stream is still open {seconds} seconds after a stop is cut off")


PLAIN = {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}
SOCKET = {"main.py": "from fastapi import FastAPI, WebSocket\nfrom news import queue\n\napp = FastAPI()\n\n\n"
          "@app.websocket(\"/ws\")\nasync def tell(socket: WebSocket) -> None:\n    await socket.accept()\n"
          "    while True:\n        await socket.send_text(await queue.get())\n"}
HEARS = {"main.py": "from fastapi import FastAPI, WebSocket\n\napp = FastAPI()\n\n\n@app.websocket(\"/ws\")\n"
         "async def talk(socket: WebSocket) -> None:\n    await socket.accept()\n    while True:\n"
         "        await hear(socket)\n\n\nasync def hear(socket: WebSocket) -> None:\n"
         "    await socket.receive_text()\n\n\n@app.websocket(\"/clock\")\n"
         "async def tick(socket: WebSocket) -> None:\n    await socket.accept()\n    while True:\n"
         "        await socket.send_text(\"tick\")\n"}
IMAGE = "FROM python:3.12-slim\nCOPY . .\n"
COMPOSE = "services:\n  api:\n    image: shop\n    command: "
NoGracefulShutdown.examples = (
    Bad({**PLAIN, "Dockerfile": IMAGE + "CMD uvicorn main:app --port $PORT\n"}, at=("Dockerfile:3",),
        fixed={"Dockerfile": IMAGE + "CMD exec uvicorn main:app --port $PORT\n"}),
    Bad(  # both defects at once, in a script that the image starts
        {**SOCKET, "start.sh": "#!/bin/sh\nalembic upgrade head\nuvicorn main:app --host 0.0.0.0\n",
         "Dockerfile": IMAGE + "CMD [\"./start.sh\"]\n"},
        at=("start.sh:3", "start.sh:3"),
        fixed={"start.sh": "#!/bin/sh\nalembic upgrade head\n"
               "exec uvicorn main:app --timeout-graceful-shutdown 8 --host 0.0.0.0\n"}),
    Bad({**SOCKET, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n",
         "k8s.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\n"},
        at=("Dockerfile:3",),
        fixed={"Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\", \"--timeout-graceful-shutdown\", \"25\"]\n"}),
    Bad({**PLAIN, "compose.yml": COMPOSE + "sh -c \"alembic upgrade head && uvicorn main:app\"\n"},
        at=("compose.yml:4",),
        fixed={"compose.yml": COMPOSE + "sh -c \"alembic upgrade head && exec uvicorn main:app\"\n"}),
    Bad({**SOCKET, "Dockerfile": IMAGE + "CMD [\"fastapi\", \"run\", \"main.py\"]\n"}, at=("Dockerfile:3",)),
    Good({**PLAIN, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n"}),
    Good({**SOCKET, "Dockerfile": IMAGE
          + "CMD [\"gunicorn\", \"main:app\", \"-k\", \"uvicorn_worker.UvicornWorker\"]\n"}),
    Good({**PLAIN, "start.sh": "#!/bin/sh\nset -e\nexec uvicorn main:app\n",
          "Dockerfile": IMAGE + "CMD [\"./start.sh\"]\n"}),
    Good({**PLAIN, "start.sh": "#!/bin/bash\nuvicorn main:app &\nserver=$!\n"
          "trap 'kill -TERM $server' TERM\nwait $server\n",
          "Dockerfile": IMAGE + "CMD [\"./start.sh\"]\n"}, outcome="not_applicable"),
    Bad(  # it waits, and handles no signal
        {**PLAIN, "start.sh": "#!/bin/bash\n# wait for both\nuvicorn main:app 2>&1 | tee log &\nwait\n",
         "Dockerfile": IMAGE + "CMD [\"./start.sh\"]\n"}, at=("start.sh:3",), severity="medium"),
    Good({**PLAIN, "start.sh": "#!/bin/bash\nuvicorn main:app &\nwait\n"}, outcome="not_applicable"),  # by hand
    Good({**PLAIN, "start.sh": "#!/bin/bash\nuvicorn main:app &\nworker &\nwait -n\n",
          "Dockerfile": IMAGE + "CMD [\"./start.sh\"]\n"}, outcome="not_applicable"),
    Good({**PLAIN, "Dockerfile": IMAGE + "CMD exec uvicorn main:app --port ${PORT:-8000}\n"}),
    Good({**SOCKET, "compose.yml": COMPOSE + "uvicorn main:app --timeout-graceful-shutdown 5\n"}),
    Good(PLAIN, outcome="not_applicable"),
    Good({**HEARS, "Dockerfile": IMAGE + "CMD [\"uvicorn\", \"main:app\"]\n"}),  # the server closes websockets
    Good({**PLAIN, "Dockerfile": "FROM python:3.12-alpine\nCOPY . .\nCMD uvicorn main:app --port $PORT\n",
          "b/Dockerfile": IMAGE + "SHELL [\"/bin/bash\", \"-c\"]\nCMD alembic upgrade head && uvicorn main:app\n"}),
    Bad({**PLAIN, "Dockerfile": "FROM python:3.12-alpine\nCOPY . .\nCMD uvicorn main:app | tee log\n"},
        at=("Dockerfile:3",)),
    Bad(  # one branch is for developers
        {**PLAIN, "start.sh": "#!/bin/sh\nif [ \"$RUN\" = \"local\" ]; then\n  uvicorn main:app --reload\nelse\n"
         "  uvicorn main:app\nfi\n", "Dockerfile": IMAGE + "CMD [\"./start.sh\"]\n"}, at=("start.sh:5",)),
)
