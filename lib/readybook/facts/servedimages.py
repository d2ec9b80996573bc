"""Images that serve an application when they are deployed, and the compose services that run them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from readybook.facts.compose import ComposeService
from readybook.facts.containers import Dockerfile, parse_dockerfile
from readybook.facts.roles import APPLICATION
from readybook.facts.serving import DEPLOY, ServeCommand, image_commands, service_commands
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.program import App


@record
class ServedService:
    """A deployed compose service that serves the application, and the command by which it does."""

    service: ComposeService
    command: ServeCommand


@record
class ServedImage:
    """A Dockerfile whose image serves an application.

    ``command`` is the image's own way to start it, None when only compose services bring one. ``services`` serve from
    this image; ``others`` run something else from it, such as a worker. ``app`` is the application's import string,
    None when it cannot be told which one is served.
    """

    dockerfile: Dockerfile
    command: ServeCommand | None
    services: tuple[ServedService, ...]
    others: tuple[ComposeService, ...]
    app: str | None


def served_images(facts: Facts) -> tuple[ServedImage, ...]:
    """Images of Dockerfiles that are meant for deployment and serve an application, by path and target."""
    built: dict[tuple[str, int], tuple[Dockerfile, list[ComposeService]]] = {
        (d.path, d.final.index): (d, []) for d in facts.dockerfiles}
    for service in facts.compose_services:
        dockerfile = None if service.development else _built(facts, service)
        if dockerfile is not None:
            key = (dockerfile.path, dockerfile.final.index)
            built.setdefault(key, (dockerfile, []))[1].append(service)
    found = (_image(facts, dockerfile, services) for dockerfile, services in built.values()
             if dockerfile.python and not dockerfile.development and facts.role(dockerfile.path) == APPLICATION)
    return tuple(sorted((i for i in found if i), key=lambda i: (i.dockerfile.path, i.dockerfile.final.index)))


def app_of(facts: Facts, command: ServeCommand | None) -> App | None:
    """The served application that a command starts; None when that is not certain."""
    served = [app for app in facts.apps if app.served]
    if command is not None and (command.app or command.file):
        module = command.app.partition(":")[0]
        same = [a for a in served if command.app and a.imported.partition(":")[0] == module]
        if command.file is not None:
            known = facts.modules.by_path.get(command.file)
            name = known.name if known is not None else None
            same = [a for a in same or served if a.imported.partition(":")[0] == name] or same
            same = [a for a in same if command.file.startswith(f"{a.inside}/")] if len(same) > 1 else same
        if len(same) == 1:
            return same[0]
        if command.app and command.file is None:
            return None  # it names no module of the target
    return served[0] if len(served) == 1 else None


def _built(facts: Facts, service: ComposeService) -> Dockerfile | None:
    build = service.build
    source = facts.project.files.get(build.dockerfile) if build else None
    if build is None or source is None:
        return None
    return parse_dockerfile(build.dockerfile, source.text, build.target)


def _image(facts: Facts, dockerfile: Dockerfile, services: list[ComposeService]) -> ServedImage | None:
    commands = image_commands(facts.project, dockerfile) or tuple(_supervised(facts, dockerfile))
    own = next((c for c in commands if c.purpose == DEPLOY), None)
    serving, others = [], []
    for service in services:
        silent = service.command is None and service.entrypoint is None
        command = own if silent else _started(facts, dockerfile, service)
        if command is not None:
            serving.append(ServedService(service, command))
        else:
            others.append(service)
    if own is None and not serving:
        return None
    app = app_of(facts, own or serving[0].command)
    return ServedImage(dockerfile, own, tuple(serving), tuple(others), app.spec if app else None)


def _started(facts: Facts, dockerfile: Dockerfile, service: ComposeService) -> ServeCommand | None:
    """What a service that brings words of its own starts, the image's entry point before them."""
    found = service_commands(facts.project, service)
    entry = dockerfile.entrypoint
    if not found and entry is not None and entry.exec_form and service.entrypoint is None and service.command:
        whole = entry.argv + service.command
        found = service_commands(facts.project, replace(service, command=whole))
    return found[0] if found else None


def _supervised(facts: Facts, dockerfile: Dockerfile) -> Iterator[ServeCommand]:
    """What supervisord starts from the configuration files that the image copies."""
    if not any(posixpath.basename(word) == "supervisord" for word in dockerfile.command):
        return
    copied = {posixpath.basename(word) for i in dockerfile.final_instructions if i.keyword in ("COPY", "ADD")
              for word in i.argv}
    for command in facts.serve_commands:
        if command.source == "supervisor" and posixpath.basename(command.place.path) in copied:
            yield replace(command, purpose=DEPLOY)
