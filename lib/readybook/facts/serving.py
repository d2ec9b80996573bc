"""Every command by which a target starts its application, and where each stands."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from readybook.facts.compose import Build, ComposeService
from readybook.facts.containers import Dockerfile, parse_dockerfile
from readybook.facts.entryfiles import folders_between
from readybook.facts.servercommands import ServerCall, called_scripts, server_call, server_calls
from readybook.facts.tomltables import header_line, line_of, section, toml_table
from readybook.facts.yamlnodes import Node, yaml_documents
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

DEPLOY, DEVELOPMENT, CI, DOCUMENT = "deploy", "development", "ci", "document"
_DEVELOPMENT_NAME = regex(r"(?:^|[._/-])(?:dev|devel|development|local|debug|tests?|watch|devcontainer)"
                          r"(?:$|[._/-])")
_SERVER_WORD = regex(r"uvicorn|gunicorn|fastapi (?:run|dev)|hypercorn|granian|daphne")
_DEPLOYED = frozenset({"dockerfile", "compose", "procfile", "kubernetes", "systemd", "supervisor", "platform"})
_PLATFORM_LINE = regex(r"[\"']?(?:startCommand|cmd|app|web)[\"']?[ \t]*[:=][ \t]*([\"'])(.+)\1[ \t]*,?[ \t]*$")
_PLATFORM_KEYS = frozenset({"startCommand", "start_command", "entrypoint", "run_command", "dockerCommand", "run"})
_PLATFORM_NAME = regex(r"(?:^|/)(?:render|app|heroku|zeabur|koyeb|\.do/app|service|apprunner)\.ya?ml$")
SERVER_IMAGE = regex(r"(?:docker\.io/)?tiangolo/uvicorn-gunicorn(?:-fastapi|-starlette)?"
                      r"|ghcr\.io/br3ndonland/inboard")
_GUNICORN_CONFIG = regex(r"(?:^|/)gunicorn[\w.-]*\.py$|(?:^|/)[\w.-]*gunicorn[\w.-]*conf[\w.-]*\.py$")


@record
class ServeCommand:
    """A command that starts the application.

    ``server`` as in `readybook.facts.servercommands`; ``source`` is dockerfile, compose, procfile, kubernetes, systemd,
    supervisor, script, makefile, platform, pyproject, ci or document; ``purpose`` deploy, development, ci or document.
    ``app`` is the import string (empty: not written), ``file`` the target's file that it names, ``root`` the folder
    from which it is imported; both None when they cannot be told. ``workers`` None: not given, or not a number.
    """

    server: str
    app: str
    file: str | None
    root: str | None
    reload: bool
    workers: int | None
    host: str
    port: str
    factory: bool
    options: tuple[tuple[str, str], ...]
    source: str
    purpose: str
    place: Place
    text: str
    service: str = ""

    def option(self, name: str) -> str | None:
        """The last value of ``--name``; empty for a switch, None when it is not given."""
        return next((value for key, value in reversed(self.options) if key == name), None)


@record
class _Source:
    """Where a text comes from, while it is searched."""

    kind: str
    purpose: str
    path: str
    line: int
    hint: str = ""
    service: str = ""


def serve_commands(project: Project) -> tuple[ServeCommand, ...]:
    """All commands that start the application: deployed ones first, then by file and line, no duplicates."""
    search = _Search(project)
    found = list(dict.fromkeys(search.run()))
    order = (DEPLOY, DEVELOPMENT, CI, DOCUMENT)
    return tuple(sorted(found, key=lambda c: (order.index(c.purpose), c.place.path, c.place.line, c.server)))


def gunicorn_configs(project: Project) -> tuple[str, ...]:
    """Paths of gunicorn's configuration files, by their usual names."""
    return tuple(path for path in sorted(project.files) if _GUNICORN_CONFIG.search(path))


def image_commands(project: Project, dockerfile: Dockerfile) -> tuple[ServeCommand, ...]:
    """The commands by which an image starts the application when it is run as it is."""
    purpose = DEVELOPMENT if dockerfile.development else DEPLOY
    return tuple(dict.fromkeys(_Search(project).image_command(dockerfile, purpose)))


def service_commands(project: Project, service: ComposeService) -> tuple[ServeCommand, ...]:
    """The commands by which a compose service starts the application, where it does not leave that to its image."""
    return tuple(dict.fromkeys(_Search(project).service(service)))


class _Search:
    """One search; scripts that others call are followed once for each caller."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.files = project.facts.entry_files
        self.called: set[str] = set()

    def run(self) -> Iterator[ServeCommand]:
        yield from self.from_dockerfiles()
        yield from self.from_compose()
        yield from self.from_kubernetes()
        for path, file in sorted(self.project.files.items()):
            yield from self.from_file(path, file.text)
        for workflow in self.project.facts.workflows:
            for step in workflow.steps:
                yield from self.shell(step.run, _Source("ci", CI, workflow.path, step.place.line), offset=True)

    def from_dockerfiles(self) -> Iterator[ServeCommand]:
        for dockerfile in self.project.facts.dockerfiles:
            yield from self.image_command(dockerfile, DEVELOPMENT if dockerfile.development else DEPLOY)

    def image_command(self, dockerfile: Dockerfile, purpose: str, service: str = "") -> Iterator[ServeCommand]:
        command = dockerfile.cmd or dockerfile.entrypoint
        if command is None:
            yield from self.image_default(dockerfile, purpose, service)
            return
        hint = posixpath.dirname(dockerfile.path)
        source = _Source("dockerfile", purpose, dockerfile.path, command.place.line, hint, service)
        yield from self.words(dockerfile.command, source, dict(dockerfile.env))

    def image_default(self, dockerfile: Dockerfile, purpose: str, service: str) -> Iterator[ServeCommand]:
        """Images that bring a start command of their own: gunicorn on ``APP_MODULE``, else app.main or main."""
        if not SERVER_IMAGE.fullmatch(dockerfile.outside_base.name):
            return
        hint = posixpath.dirname(dockerfile.path)
        source = _Source("dockerfile", purpose, dockerfile.path, dockerfile.final.place.line, hint, service)
        given = dict(dockerfile.env).get("APP_MODULE")
        for app in [given] if given else ["app.main:app", "main:app"]:
            file = self.files.find_module(app.partition(":")[0], hint, "")[0]
            if file and (not hint or file.startswith(hint + "/")):
                text = f"{dockerfile.outside_base.name}: {app}"
                yield self.command(ServerCall("gunicorn", app, "", (), "", 1, text), source)
                return

    def from_compose(self) -> Iterator[ServeCommand]:
        for service in self.project.facts.compose_services:
            yield from self.service(service)

    def service(self, service: ComposeService) -> Iterator[ServeCommand]:
        purpose = DEVELOPMENT if service.development or _DEVELOPMENT_NAME.search(service.name) else DEPLOY
        hint = self.built_near(service.build) if service.build else posixpath.dirname(service.path)
        values = {v.name: v.value for v in service.environment if v.value is not None}
        argv = (service.entrypoint or ()) + (service.command or ())
        if argv:
            line = (service.command_place or service.place).line
            source = _Source("compose", purpose, service.path, line, hint, service.name)
            yield from self.words(argv, source, values)
        if service.command is None and service.build and service.build.target:
            text = self.project.files.get(service.build.dockerfile)
            built = parse_dockerfile(service.build.dockerfile, text.text, service.build.target) if text else None
            if built:
                yield from self.image_command(built, purpose, service.name)

    def built_near(self, build: Build) -> str:
        """The folder whose code an image most likely holds: its Dockerfile's where code lies there, else its context.

        Services of one repository are often built from its top, each by the Dockerfile in the folder of its own.
        """
        folder = posixpath.dirname(build.dockerfile)
        inside = folder and any(p.endswith(".py") and p.startswith(f"{folder}/") for p in self.project.files)
        return folder if inside else build.context

    def from_kubernetes(self) -> Iterator[ServeCommand]:
        for item in self.project.facts.kubernetes:
            for container in item.containers:
                purpose = DEVELOPMENT if _DEVELOPMENT_NAME.search(item.place.path) else DEPLOY
                source = _Source("kubernetes", purpose, item.place.path, container.place.line, "", container.name)
                values = {e.name: e.value for e in container.env if e.source == "value"}
                yield from self.words(container.command + container.args, source, values)

    def from_file(self, path: str, text: str) -> Iterator[ServeCommand]:
        name = path.rpartition("/")[2]
        lowered = name.lower()
        folder = posixpath.dirname(path)
        purpose = DEVELOPMENT if _DEVELOPMENT_NAME.search(path) else DEPLOY
        if lowered.startswith("procfile"):
            for number, line in enumerate(text.split("\n"), 1):
                process, _, command = line.partition(":")
                yield from self.shell(command, _Source("procfile", purpose, path, number, folder, process.strip()))
        elif lowered.endswith(".service"):
            yield from self.prefixed(text, r"ExecStart=[-@:+!]*", _Source("systemd", purpose, path, 1, folder))
        elif lowered.endswith((".conf", ".ini")) and "[program:" in text:
            yield from self.prefixed(text, r"command[ \t]*=", _Source("supervisor", purpose, path, 1, folder))
        elif lowered in ("makefile", "gnumakefile", "justfile", ".justfile") or lowered.endswith(".mk"):
            yield from self.shell(_make_text(text), _Source("makefile", DEVELOPMENT, path, 1, folder), offset=True)
        elif lowered.endswith((".sh", ".bash")) and path not in self.called:
            kind = DEVELOPMENT if _DEVELOPMENT_NAME.search(path) or "scripts" in folder.split("/") else DEPLOY
            yield from self.shell(text, _Source("script", kind, path, 1, folder), offset=True)
        elif _PLATFORM_NAME.search(path) or lowered in ("railway.json", "railway.toml", "nixpacks.toml", "fly.toml"):
            yield from self.platform(path, text, purpose)
        elif lowered == "pyproject.toml":
            yield from self.pyproject(path, text)
        elif lowered.endswith((".md", ".rst")):
            yield from self.document(path, text)

    def prefixed(self, text: str, pattern: str, source: _Source) -> Iterator[ServeCommand]:
        """Commands behind a key in an INI-like file; ``directory`` and ``WorkingDirectory`` do not matter here."""
        line, offset = 1, 0
        for match in re.finditer(rf"(?m)^[ \t]*{pattern}[ \t]*(.+(?:\\\n.*)*)$", text):
            line += text.count("\n", offset, match.start(1))
            offset = match.start(1)
            yield from self.shell(re.sub(r"\s;.*$", "", match[1]), replace(source, line=line))

    def platform(self, path: str, text: str, purpose: str) -> Iterator[ServeCommand]:
        source = _Source("platform", purpose, path, 1, posixpath.dirname(path))
        if path.endswith((".toml", ".json")):
            for number, line in enumerate(text.split("\n"), 1):
                match = _PLATFORM_LINE.search(line) if len(line) < 2000 else None
                if match:
                    yield from self.shell(match[2], replace(source, line=number))
            return
        for document in yaml_documents(text).nodes:
            for command, at, folder in _platform_commands(document, ""):
                hint = folder or source.hint
                yield from self.shell(command, replace(source, line=at, hint=hint))

    def pyproject(self, path: str, text: str) -> Iterator[ServeCommand]:
        if not re.search(r"uvicorn|gunicorn|fastapi|hypercorn|granian", text):
            return
        data = toml_table(text).data
        folder = posixpath.dirname(path)
        entry = section(data, "tool", "fastapi").get("entrypoint")
        if isinstance(entry, str):
            line = line_of(text, entry, header_line(text, "tool.fastapi") or 1)
            call = ServerCall("fastapi run", entry, "", (), "", 1, f"entrypoint = {entry}")
            yield self.command(call, _Source("pyproject", DEPLOY, path, line, folder))
        for task in _tasks(section(data, "tool")):
            line = line_of(text, task.split("\n")[0])
            yield from self.shell(task, _Source("pyproject", DEVELOPMENT, path, line, folder))

    def document(self, path: str, text: str) -> Iterator[ServeCommand]:
        if not _SERVER_WORD.search(text):
            return
        fenced = re.finditer(r"(?ms)^[ \t]*(?:```|~~~)[^\n]*\n(.*?)^[ \t]*(?:```|~~~)", text)
        for match in fenced:
            if not _SERVER_WORD.search(match[1]):
                continue
            line = text.count("\n", 0, match.start(1)) + 1
            block = re.sub(r"(?m)^[ \t]*[$>%][ \t]", "", match[1])
            source = _Source("document", DOCUMENT, path, line, posixpath.dirname(path))
            yield from self.shell(block, source, offset=True)

    def words(self, argv: tuple[str, ...], source: _Source, values: Mapping[str, str]) -> Iterator[ServeCommand]:
        """A list of words; a shell text in it and the scripts that it calls are searched too."""
        if not argv:
            return
        quoted = " ".join(shlex.quote(word) if not re.fullmatch(r"[\w./:=@%+,${}-]+", word) else word for word in argv)
        direct = list(self.shell(quoted, source, values=values))
        yield from direct
        for script in called_scripts(argv) if not direct else ():
            path = self.script(script, source)
            if path:
                self.called.add(path)
                inner = _Source("script", source.purpose, path, 1, source.hint, source.service)
                yield from self.shell(self.project.text(path), inner, offset=True, values=values, given=argv)

    def script(self, written: str, source: _Source) -> str | None:
        """The target's file for a script path inside an image: the longest matching tail, nearest to the caller."""
        tail = posixpath.normpath(written.replace("$", "")).strip("/").split("/")
        for start in range(len(tail)):
            end = "/".join(tail[start:])
            matches = [p for p in self.project.files if p == end or p.endswith("/" + end)]
            if matches:
                return min(matches, key=lambda p: (folders_between(p, source.hint), p.count("/"), p))
        return None

    def shell(self, text: str, source: _Source, *, offset: bool = False, values: Mapping[str, str] | None = None,
              given: tuple[str, ...] = ()) -> Iterator[ServeCommand]:
        scripts = source.purpose == DEPLOY and source.kind in _DEPLOYED
        for call in server_calls(text, values, scripts=scripts):
            if call.server in ("other", "python") and self.files.of(call, source.hint, call.folder)[0] is None:
                continue  # no file of the target: some other program
            line = source.line + call.line - 1 if offset else source.line
            yield self.command(call, replace(source, line=line))
        # an entrypoint that ends in exec "$@" runs the words it was given
        if given and re.search(r'exec\s+"?\$@"?', text):
            started = server_call(given[1:])
            if started:
                yield self.command(started, source)

    def command(self, call: ServerCall, source: _Source) -> ServeCommand:
        folder = call.option("--app-dir") or call.option("--chdir") or call.option("--working-dir") or call.folder
        file, root = self.files.of(call, source.hint, folder)
        workers = call.option("--workers") or ""
        bind = call.option("--bind") or ""
        host, _, port = bind.rpartition(":")
        always = call.server == "fastapi dev" and call.option("--no-reload") is None
        reload = always or call.option("--reload") is not None
        return ServeCommand(
            server=call.server, app=call.app, file=file, root=root, reload=reload,
            workers=int(workers) if workers.isdecimal() and len(workers) < 6 else None,
            host=call.option("--host") or host, port=call.option("--port") or port,
            factory=call.option("--factory") is not None or call.app.endswith(")"), options=call.options,
            source=source.kind, purpose=source.purpose, place=Place(source.path, source.line), text=call.text,
            service=source.service,
        )


def _make_text(text: str) -> str:
    """A makefile as shell: ``$(NAME)`` is ``${NAME}``, ``$$`` is ``$``, ``:=`` and ``?=`` assign; lines stay."""
    text = re.sub(r"\$\((\w+)\)", r"${\1}", text).replace("$$", "$")
    text = re.sub(r"\{\{\s*(\w+)\s*\}\}", r"${\1}", text)
    return re.sub(r"(?m)^(\w+)[ \t]*(?::|\?)?=[ \t]*", r"\1=", text)


def _platform_commands(node: Node, folder: str) -> Iterator[tuple[str, int, str]]:
    """(command, line, folder) of every start command in a platform's description."""
    if isinstance(node.value, dict):
        folder = node.text("rootDir") or node.text("source_dir") or folder
        for key, below in node.items():
            if key in _PLATFORM_KEYS and isinstance(below.value, str):
                yield below.value, below.line, folder
            elif key == "run" and isinstance(below.value, dict):
                for _, command in below.items():
                    yield str(command.value), command.line, folder
            else:
                yield from _platform_commands(below, folder)
    elif isinstance(node.value, tuple):
        for below in node.value:
            yield from _platform_commands(below, folder)


def _tasks(tool: object, depth: int = 0) -> Iterator[str]:
    """Texts of the tasks of poe, pdm, hatch, taskipy and rye: any text below ``[tool]`` that runs a server."""
    if isinstance(tool, dict) and depth < 8:
        for value in tool.values():
            yield from _tasks(value, depth + 1)
    elif isinstance(tool, list) and depth < 8:
        for value in tool:
            yield from _tasks(value, depth + 1)
    elif isinstance(tool, str) and re.search(r"(?:uvicorn|gunicorn|hypercorn|granian)\s+\S|fastapi (?:run|dev)", tool):
        yield tool
