"""Compose files as facts: what each service runs, with extends, anchors and merges done."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from readybook.facts.containers import Image, for_development, image
from readybook.facts.dockerinstructions import expand, words
from readybook.facts.yamlnodes import Node, scalar_text, yaml_documents
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

_NAME = regex(r"(?:[\w.-]*[._-])?(?:docker-)?compose(?:[._-][\w.-]+)?\.ya?ml|docker-stack[\w.-]*\.ya?ml",
              re.IGNORECASE)
_SERVICES = regex(r"^services:", re.MULTILINE)
_OVERRIDE = regex(r"compose\.override\.ya?ml$", re.IGNORECASE)
_STAGE = regex(r"(?i)(?:dev|devel|develop|development|debug|tests?|testing)(?:[_-]\w+)?|\w+[_-]dev")
_DEVELOPMENT = regex(r"(?:^|[._/-])(?:override|dev|devel|develop|development|local|test|tests|testing|e2e|ci|debug"
                     r"|devcontainer|examples?)(?:$|[._/-])", re.IGNORECASE)
_PRODUCTION = regex(r"[._-]prod(?:uction)?[._-]")
_MAX_EXTENDS = 8


@record
class Build:
    """How an image is built: paths are posix relative to the target; ``dockerfile`` is empty when it lies outside."""

    context: str
    dockerfile: str
    target: str = ""
    args: tuple[tuple[str, str], ...] = ()


@record
class Variable:
    """One environment entry; ``value`` is None when it is handed through from outside without a value."""

    name: str
    value: str | None
    place: Place


@record
class PublishedPort:
    """A port mapping; ``host`` is the address it is bound to (empty: all), ``published`` empty when only exposed."""

    host: str
    published: str
    target: str
    place: Place


@record
class ComposeService:
    """One service of one compose file.

    ``development``: the file is an override or is named for development or tests, or it builds such an image.
    ``override``: Compose merges it over the file beside it (not done here). ``command`` and ``entrypoint`` are words,
    None when not given; ``healthcheck`` is plain data, None when not given, ``{"disable": true}`` when switched off.
    ``replicas`` None: not given.
    ``variables`` that remain in values (``${TAG:-1}``) have their written default put in ``image`` only.
    """

    name: str
    path: str
    place: Place
    image: Image | None = None
    build: Build | None = None
    command: tuple[str, ...] | None = None
    command_place: Place | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: tuple[Variable, ...] = ()
    env_file: tuple[str, ...] = ()
    ports: tuple[PublishedPort, ...] = ()
    healthcheck: Any = None
    healthcheck_place: Place | None = None
    restart: str = ""
    depends_on: tuple[tuple[str, str], ...] = ()
    volumes: tuple[str, ...] = ()
    replicas: int | None = None
    user: str = ""
    working_dir: str = ""
    profiles: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    limits: bool = False
    development: bool = False
    override: bool = False


def compose_files(project: Project) -> tuple[str, ...]:
    """Paths of the target's compose files: by name, or YAML with top-level services that are mappings of images."""
    found = []
    for path, file in sorted(project.files.items()):
        name = path.rpartition("/")[2]
        if name.lower().endswith((".yml", ".yaml")) and _NAME.fullmatch(name) and _SERVICES.search(file.text):
            found.append(path)
    return tuple(found)


def compose_services(project: Project) -> tuple[ComposeService, ...]:
    """Every service of every compose file, in order of file and line."""
    found: list[ComposeService] = []
    for path in compose_files(project):
        development = is_development(path) or _has_production_sibling(project, path)
        for document in yaml_documents(project.text(path)).nodes[:1]:
            services = document.get("services")
            for name, node in services.items() if services else ():
                if isinstance(node.value, dict):
                    service = _service(project, path, name, node, development)
                    found.append(replace(service, development=True) if _builds_for_development(project, service)
                                 else service)
    return tuple(found)


def _builds_for_development(project: Project, service: ComposeService) -> bool:
    """Whether a service builds an image, or a stage of one, that is not what is deployed, in a file that does not say
    production."""
    if service.build is None or _PRODUCTION.search(service.path) or service.build.dockerfile not in project.files:
        return False
    return _STAGE.fullmatch(service.build.target) is not None or for_development(
        service.build.dockerfile, project.files)


def is_development(path: str) -> bool:
    """Whether a compose file's name or folder says that it is not what is deployed."""
    return bool(_DEVELOPMENT.search(path))


def _has_production_sibling(project: Project, path: str) -> bool:
    """Whether a compose file of plain name stands beside one for production: then it is the developers'."""
    folder, _, name = path.rpartition("/")
    if not re.fullmatch(r"(?:docker-)?compose\.ya?ml", name):
        return False
    beside = (p.rpartition("/") for p in project.files)
    return any(f == folder and _NAME.fullmatch(n) and _PRODUCTION.search(n) for f, _, n in beside)


def _service(project: Project, path: str, name: str, node: Node, development: bool) -> ComposeService:
    node = _extended(project, path, node, _MAX_EXTENDS)

    def place(*keys: str) -> Place | None:
        below = node.get(*keys)
        return Place(path, below.at, 1, below.end_line) if below else None

    reference = expand(node.text("image"), {})
    check = node.get("healthcheck")
    limits = node.get("deploy", "resources", "limits") or node.get("mem_limit") or node.get("cpus")
    replicas = node.get("deploy", "replicas") or node.get("scale")
    return ComposeService(
        name=name, path=path, place=Place(path, node.at, 1, node.end_line),
        image=image(reference) if reference else None,
        build=_build(path, node.get("build")),
        command=_command(node.get("command")), command_place=place("command"),
        entrypoint=_command(node.get("entrypoint")),
        environment=_environment(path, node.get("environment")),
        env_file=tuple(_inside(path, t) for t in _texts(node.get("env_file"), "path")),
        ports=_ports(path, node.get("ports")),
        healthcheck=check.plain() if check else None, healthcheck_place=place("healthcheck"),
        restart=node.text("restart") or node.text("deploy", "restart_policy", "condition"),
        depends_on=_depends_on(node.get("depends_on")),
        volumes=_volumes(node.get("volumes")),
        replicas=replicas.value if replicas and isinstance(replicas.value, int) else None,
        user=node.text("user"), working_dir=node.text("working_dir"),
        profiles=_texts(node.get("profiles")), labels=_pairs(node.get("labels")) + _pairs(node.get("deploy", "labels")),
        networks=tuple(k for k, _ in n.items()) if (n := node.get("networks")) and isinstance(n.value, dict)
        else _texts(n),
        limits=limits is not None,
        development=development, override=bool(_OVERRIDE.search(path)),
    )


def _extended(project: Project, path: str, node: Node, left: int) -> Node:
    """The service with what it extends below it; what cannot be found is left out."""
    extends = node.get("extends")
    if extends is None or not left:
        return node
    name = extends.text("service") or scalar_text(extends.value)
    file = _inside(path, extends.text("file")) if extends.text("file") else path
    source = project.files.get(file)
    documents = yaml_documents(source.text).nodes if source else ()
    below = documents[0].get("services", name) if documents else None
    if below is None or below is node or not isinstance(below.value, dict):
        return node
    return replace(node, value=_merged(_extended(project, file, below, left - 1), node).value)


def _merged(below: Node, above: Node) -> Node:
    """Compose's merge: mappings by key, ``environment`` and lists of a service added up, scalars replaced."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        if isinstance(below.value, tuple) and isinstance(above.value, tuple) and above.tag != "!override":
            return replace(above, value=below.value + above.value)
        return above
    value = dict(below.value)
    for key, node in above.items():
        old = value.get(key)
        value[key] = _merged(old, node) if old is not None and key not in ("command", "entrypoint") else node
    value.pop("extends", None)
    return replace(above, value=value)


def _inside(path: str, relative: str) -> str:
    """A path written in the file ``path``, relative to the target; empty when it leads outside or is not plain."""
    if not relative or "$" in relative or relative.startswith(("/", "~")) or "://" in relative:
        return ""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), relative))
    return "" if joined.startswith("..") else joined


def _build(path: str, node: Node | None) -> Build | None:
    if node is None or node.value is None:
        return None
    context = node.text("context") or scalar_text(node.value) or "."
    dockerfile = node.text("dockerfile") or "Dockerfile"
    folder = _inside(path, expand(context, {}))
    file = posixpath.normpath(posixpath.join(folder, expand(dockerfile, {}))) if folder else ""
    args = tuple((name, value) for name, sign, value in (p.partition("=") for p in _pairs(node.get("args"))) if sign)
    return Build(folder, "" if file.startswith(("..", "/")) else file, node.text("target"), args)


def _command(node: Node | None) -> tuple[str, ...] | None:
    if node is None or node.value is None:
        return None
    if isinstance(node.value, tuple):
        return tuple(scalar_text(n.value) for n in node.value)
    return words(scalar_text(node.value))


def _texts(node: Node | None, key: str = "") -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(t for t in (n.text(key) if key and isinstance(n.value, dict) else scalar_text(n.value)
                             for n in node.list()) if t)


def _pairs(node: Node | None) -> tuple[str, ...]:
    """``NAME=value`` texts of a mapping or a list of such texts."""
    if node is None:
        return ()
    if isinstance(node.value, dict):
        return tuple(f"{key}={scalar_text(n.value)}" for key, n in node.items())
    return _texts(node)


def _environment(path: str, node: Node | None) -> tuple[Variable, ...]:
    if node is None:
        return ()
    if isinstance(node.value, dict):
        return tuple(Variable(name, None if entry.value is None else scalar_text(entry.value), Place(path, entry.at))
                     for name, entry in node.items())
    found = []
    for entry in node.list():
        name, sign, value = scalar_text(entry.value).partition("=")
        if name:
            found.append(Variable(name.strip(), value if sign else None, Place(path, entry.at)))
    return tuple(found)


def _ports(path: str, node: Node | None) -> tuple[PublishedPort, ...]:
    found = []
    for entry in node.list() if node else ():
        place = Place(path, entry.at)
        if isinstance(entry.value, dict):
            found.append(PublishedPort(entry.text("host_ip"), entry.text("published"), entry.text("target"), place))
            continue
        # a colon inside ${PORT:-80} separates nothing
        hidden = re.sub(r"\$\{[^}]*\}", lambda m: expand(m[0], {}).replace(":", "\0"), scalar_text(entry.value))
        text = hidden.partition("/")[0]
        if text.startswith("["):
            host, _, text = text[1:].partition("]:")
            parts = [host, *text.split(":")]
        else:
            parts = text.split(":")
        target, published = parts[-1], parts[-2] if len(parts) > 1 else ""
        host, published, target = (p.replace("\0", ":") for p in (":".join(parts[:-2]), published, target))
        found.append(PublishedPort(host, published, target, place))
    return tuple(found)


def _depends_on(node: Node | None) -> tuple[tuple[str, str], ...]:
    if node is None:
        return ()
    if isinstance(node.value, dict):
        return tuple((name, n.text("condition") or "service_started") for name, n in node.items())
    return tuple((name, "service_started") for name in _texts(node))


def _volumes(node: Node | None) -> tuple[str, ...]:
    found = []
    for entry in node.list() if node else ():
        if isinstance(entry.value, dict):
            found.append(f"{entry.text('source')}:{entry.text('target')}")
        elif text := scalar_text(entry.value):
            found.append(text)
    return tuple(found)
