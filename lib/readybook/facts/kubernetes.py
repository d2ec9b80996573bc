"""Kubernetes manifests as facts: workloads with their containers, and the objects around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.containers import Image, image
from readybook.facts.yamlnodes import Node, scalar_text, yaml_documents
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

_API = regex(r"^[\"']?apiVersion[\"']?\s*:", re.MULTILINE)
_KIND = regex(r"^[\"']?kind[\"']?\s*:", re.MULTILINE)
_HELM_TEMPLATE = regex(r"(?<!\$)\{\{")
_TEMPLATE_FILE = regex(r"\.ya?ml\.(?:j2|jinja2?|tpl|in)$|(?:^|/)templates/[^/]+\.(?:ya?ml|tpl)$")
# kinds that other tools use in files with apiVersion and kind, none of which runs in a cluster as a workload
_NOT_CLUSTER = frozenset({"Config", "Cluster", "Component"})
WORKLOADS = frozenset({
    "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ReplicaSet", "Rollout", "DeploymentConfig",
})


@record
class Probe:
    """A probe: ``path`` and ``port`` of an HTTP probe, ``argv`` of a command; ``timing`` holds the other numbers."""

    kind: str
    path: str
    port: str
    argv: tuple[str, ...]
    timing: tuple[tuple[str, Any], ...]
    place: Place


@record
class EnvEntry:
    """An environment entry; ``source``: value, secret, config or other; ``value`` only for the first."""

    name: str
    source: str
    value: str
    place: Place


@record
class Container:
    """One container of a workload. Absent probes are None; ``resources`` and ``security`` are plain data."""

    name: str
    place: Place
    image: Image | None
    command: tuple[str, ...]
    args: tuple[str, ...]
    env: tuple[EnvEntry, ...]
    env_from: tuple[str, ...]
    ports: tuple[str, ...]
    liveness: Probe | None
    readiness: Probe | None
    startup: Probe | None
    resources: Any
    security: Any
    init: bool = False


@record
class KubernetesObject:
    """One object. ``replicas`` None: not given. ``security`` is the pod's; ``spec`` the plain one of other kinds.

    ``templated``: the file is a template (Helm), so nothing but its place is known.
    """

    kind: str
    name: str
    api_version: str
    namespace: str
    place: Place
    containers: tuple[Container, ...] = ()
    replicas: int | None = None
    replicas_place: Place | None = None
    security: Any = None
    strategy: str = ""
    spec: Any = None
    templated: bool = False


@record
class HelmChart:
    """A Helm chart: its folder, its values (plain data; empty when they cannot be read), and its template files."""

    folder: str
    name: str
    place: Place
    values_path: str
    values: Any
    templates: tuple[str, ...]


def kubernetes(project: Project) -> tuple[KubernetesObject, ...]:
    """Every Kubernetes object, in order of file and line; a templated file is one object without a kind."""
    found: list[KubernetesObject] = []
    for path in manifest_files(project):
        text = project.text(path)
        if _is_templated(path, text):
            found.append(KubernetesObject("", "", "", "", Place(path), templated=True))
            continue
        for document in yaml_documents(text).nodes:
            found.extend(_object(path, node) for node in _objects(document))
    return tuple(found)


def manifest_files(project: Project) -> tuple[str, ...]:
    """Paths of YAML files that hold an ``apiVersion`` and a ``kind`` at the top of a document."""
    return tuple(
        path for path, file in sorted(project.files.items())
        if (path.endswith((".yml", ".yaml")) or _TEMPLATE_FILE.search(path))
        and "apiVersion" in file.text and _API.search(file.text) and _KIND.search(file.text)
    )


def helm_charts(project: Project) -> tuple[HelmChart, ...]:
    """Every Helm chart (a folder with Chart.yaml) of the target."""
    found = []
    for path in sorted(project.files):
        if path.rpartition("/")[2] != "Chart.yaml":
            continue
        folder = path.rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        chart = yaml_documents(project.text(path)).nodes
        values_path = f"{prefix}values.yaml"
        values = yaml_documents(project.text(values_path)).nodes if values_path in project.files else ()
        templates = tuple(p for p in sorted(project.present) if p.startswith(f"{prefix}templates/"))
        found.append(HelmChart(folder, chart[0].text("name") if chart else "", Place(path),
                               values_path if values else "", values[0].plain() if values else {}, templates))
    return tuple(found)


def _is_templated(path: str, text: str) -> bool:
    if not _HELM_TEMPLATE.search(text):
        return False
    return bool(_TEMPLATE_FILE.search(path)) or bool(yaml_documents(text).problem)


def _objects(document: Node) -> Iterator[Node]:
    """The object itself, or those in a List."""
    if not document.text("apiVersion") or not document.text("kind") or document.text("kind") in _NOT_CLUSTER:
        return
    if document.text("kind") == "List":
        for item in (document.get("items") or Node(())).list():
            if item.text("kind"):
                yield item
        return
    yield document


def _object(path: str, node: Node) -> KubernetesObject:
    kind = node.text("kind")
    pod = _pod(kind, node)
    replicas = node.get("spec", "replicas")
    spec = node.get("spec")
    return KubernetesObject(
        kind=kind, name=node.text("metadata", "name"), api_version=node.text("apiVersion"),
        namespace=node.text("metadata", "namespace"), place=Place(path, node.line, 1, node.end_line),
        containers=tuple(_containers(path, pod)) if pod else (),
        replicas=replicas.value if replicas and isinstance(replicas.value, int) else None,
        replicas_place=Place(path, replicas.at) if replicas else None,
        security=_plain(pod.get("securityContext")) if pod else None,
        strategy=node.text("spec", "strategy", "type") or node.text("spec", "updateStrategy", "type"),
        spec=_plain(spec) if spec and not pod else None,
    )


def _pod(kind: str, node: Node) -> Node | None:
    """The pod's spec in a workload."""
    if kind == "Pod":
        return node.get("spec")
    if kind == "CronJob":
        return node.get("spec", "jobTemplate", "spec", "template", "spec")
    # Knative's Service is a workload too: it carries a pod template
    return node.get("spec", "template", "spec") if kind in WORKLOADS or kind == "Service" else None


def _containers(path: str, pod: Node) -> Iterator[Container]:
    for key in ("initContainers", "containers"):
        listed = pod.get(key)
        for node in listed.list() if listed else ():
            if isinstance(node.value, dict):
                yield _container(path, node, key == "initContainers")


def _container(path: str, node: Node, init: bool) -> Container:
    reference = node.text("image")
    return Container(
        name=node.text("name"), place=Place(path, node.line, 1, node.end_line),
        image=image(reference) if reference else None,
        command=_texts(node.get("command")), args=_texts(node.get("args")),
        env=tuple(_env(path, node.get("env"))),
        env_from=tuple(n.text("secretRef", "name") or n.text("configMapRef", "name")
                       for n in _list(node.get("envFrom"))),
        ports=tuple(n.text("containerPort") for n in _list(node.get("ports"))),
        liveness=_probe(path, "liveness", node), readiness=_probe(path, "readiness", node),
        startup=_probe(path, "startup", node),
        resources=_plain(node.get("resources")), security=_plain(node.get("securityContext")), init=init,
    )


def _probe(path: str, kind: str, container: Node) -> Probe | None:
    node = container.get(f"{kind}Probe")
    if node is None or not isinstance(node.value, dict):
        return None
    timing = tuple((k, n.value) for k, n in node.items() if not isinstance(n.value, dict | tuple))
    port = node.text("httpGet", "port") or node.text("tcpSocket", "port") or node.text("grpc", "port")
    return Probe(kind, node.text("httpGet", "path"), port, _texts(node.get("exec", "command")), timing,
                 Place(path, node.at, 1, node.end_line))


def _env(path: str, node: Node | None) -> Iterator[EnvEntry]:
    for entry in _list(node):
        if entry.get("valueFrom", "secretKeyRef"):
            source = "secret"
        elif entry.get("valueFrom", "configMapKeyRef"):
            source = "config"
        else:
            source = "other" if entry.get("valueFrom") else "value"
        yield EnvEntry(entry.text("name"), source, entry.text("value"), Place(path, entry.line, 1, entry.end_line))


def _list(node: Node | None) -> tuple[Node, ...]:
    return node.list() if node else ()


def _texts(node: Node | None) -> tuple[str, ...]:
    return tuple(scalar_text(n.value) for n in _list(node))


def _plain(node: Node | None) -> Any:
    return node.plain() if node else None
