"""CI configuration as facts: jobs and steps of the usual services, and what each step runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from readybook.facts.testcommands import failure_ignored, measures_coverage, test_commands
from readybook.facts.yamlnodes import Node, scalar_text, yaml_documents
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project


@record
class Step:
    """One step: its shell text (``run``) or the action or image it uses (``uses``), and what it does.

    ``runs_tests``: it runs Python tests; ``failure_ignored``: when they fail, the job still succeeds.
    """

    name: str
    run: str
    uses: str
    place: Place
    runs_tests: bool = False
    measures_coverage: bool = False
    failure_ignored: bool = False


@record
class Job:
    """One job of a workflow; ``image`` is the container or runner it runs on, ``services`` the names beside it."""

    name: str
    place: Place
    steps: tuple[Step, ...]
    image: str = ""
    services: tuple[str, ...] = ()


@record
class Workflow:
    """One CI file. ``provider``: github, gitlab, circleci, azure, jenkins, travis, bitbucket, drone, other.

    ``triggers`` are the events of GitHub Actions. ``active`` is false where the service does not read the file (a
    workflow in a folder below the repository's top).
    """

    provider: str
    name: str
    path: str
    jobs: tuple[Job, ...]
    triggers: tuple[str, ...] = ()
    active: bool = True

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps of all jobs."""
        return tuple(step for job in self.jobs for step in job.steps)

    @property
    def runs_tests(self) -> bool:
        """Whether any step runs Python tests."""
        return any(step.runs_tests for step in self.steps)


def workflows(project: Project) -> tuple[Workflow, ...]:
    """Every CI file of the target that could be read, by path."""
    found = []
    for path, file in sorted(project.files.items()):
        provider = provider_of(path)
        if not provider:
            continue
        if provider == "jenkins":
            found.append(_jenkins(path, file.text))
            continue
        nodes = yaml_documents(file.text).nodes
        if nodes and isinstance(nodes[0].value, dict):
            found.append(_workflow(provider, path, nodes[0]))
    return tuple(found)


def provider_of(path: str) -> str:
    """Which CI service reads a file of this path; empty when none does."""
    name = path.rpartition("/")[2]
    yaml = path.endswith((".yml", ".yaml"))
    if yaml and re.search(r"(?:^|/)\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml$", path):
        return "github"
    if yaml and re.search(r"(?:^|/)(?:\.gitlab-ci[\w.-]*|\.gitlab(?:-ci|/ci)/[^/]+)\.ya?ml$", path):
        return "gitlab"
    if yaml and re.search(r"(?:^|/)\.circleci/config\.ya?ml$", path):
        return "circleci"
    if yaml and re.search(r"(?:^|/)(?:azure-pipelines?[\w.-]*|\.azure(?:-pipelines|/pipelines)/[^/]+)\.ya?ml$", path):
        return "azure"
    if name.lower().startswith("jenkinsfile"):
        return "jenkins"
    return _BY_NAME.get(name.lower(), "")


_BY_NAME = {
    ".travis.yml": "travis", "bitbucket-pipelines.yml": "bitbucket", ".drone.yml": "drone", ".woodpecker.yml": "drone",
    "cloudbuild.yaml": "cloudbuild", "cloudbuild.yml": "cloudbuild", "buildspec.yml": "codebuild",
    "buildspec.yaml": "codebuild", ".cirrus.yml": "cirrus", ".semaphore.yml": "semaphore", "appveyor.yml": "appveyor",
}


_COMMAND_KEYS = frozenset({
    "script", "commands", "command", "run", "build", "pre_build", "post_build", "install", "test_script",
})


def _workflow(provider: str, path: str, root: Node) -> Workflow:
    readers: dict[str, Callable[[str, Node], Iterator[Job]]] = {
        "github": _github_jobs, "gitlab": _gitlab_jobs, "circleci": _circleci_jobs, "azure": _azure_jobs,
        "travis": _flat_job,
    }
    jobs = tuple(readers.get(provider, _other_job)(path, root))
    triggers: tuple[str, ...] = ()
    if provider == "github" and (on := root.get("on") or root.get("true")):
        triggers = tuple(k for k, _ in on.items()) or tuple(scalar_text(n.value) for n in on.list())
    active = provider != "github" or path.startswith((".github/", ".gitea/", ".forgejo/"))
    return Workflow(provider, root.text("name"), path, jobs, triggers, active)


def _step(path: str, node: Node, run: str, uses: str = "", name: str = "", ignored: bool = False) -> Step:
    commands = test_commands(run)
    return Step(name, run, uses, Place(path, node.at, 1, node.end_line), bool(commands),
                measures_coverage(run) or measures_coverage(uses), ignored or failure_ignored(commands))


def _lenient(node: Node) -> bool:
    """Whether a GitHub job or step (``continue-on-error``) or a GitLab job (``allow_failure``) may fail unseen."""
    return "true" in (node.text("continue-on-error"), node.text("allow_failure"))


def _github_jobs(path: str, root: Node) -> Iterator[Job]:
    jobs = root.get("jobs")
    for name, job in jobs.items() if jobs else ():
        steps = tuple(_step(path, s, s.text("run"), s.text("uses"), s.text("name"), _lenient(job) or _lenient(s))
                      for s in _list(job.get("steps")))
        if job.text("uses"):
            steps = (_step(path, job, "", job.text("uses")),)
        services = tuple(k for k, _ in s.items()) if (s := job.get("services")) else ()
        runner = job.text("container", "image") or job.text("container") or job.text("runs-on")
        yield Job(name, Place(path, job.at, 1, job.end_line), steps, runner, services)


def _gitlab_jobs(path: str, root: Node) -> Iterator[Job]:
    for name, job in root.items():
        script = job.get("script") if isinstance(job.value, dict) else None
        if script is None or name.startswith("."):
            continue
        before = job.get("before_script")
        scripts = (*_flat(before), *_flat(script))
        steps = tuple(_step(path, n, scalar_text(n.value), ignored=_lenient(job)) for n in scripts)
        services = tuple(n.text("name") or scalar_text(n.value) for n in _list(job.get("services")))
        image = job.text("image", "name") or job.text("image")
        yield Job(name, Place(path, job.at, 1, job.end_line), steps, image, services)


def _circleci_jobs(path: str, root: Node) -> Iterator[Job]:
    jobs = root.get("jobs")
    for name, job in jobs.items() if jobs else ():
        steps = []
        for node in _list(job.get("steps")):
            run = node.get("run")
            if run is not None:
                steps.append(_step(path, node, run.text("command") or scalar_text(run.value), "", run.text("name")))
            else:
                uses = scalar_text(node.value) or next((k for k, _ in node.items()), "")
                steps.append(_step(path, node, "", uses))
        images = [n.text("image") for n in _list(job.get("docker"))]
        first = images[0] if images else ""
        yield Job(name, Place(path, job.at, 1, job.end_line), tuple(steps), first, tuple(images[1:]))


def _azure_jobs(path: str, root: Node) -> Iterator[Job]:
    stages = [job for stage in _list(root.get("stages")) for job in _list(stage.get("jobs"))]
    for job in [*stages, *_list(root.get("jobs"))] or [root]:
        steps = tuple(
            _step(path, n, n.text("script") or n.text("bash") or n.text("pwsh") or n.text("inputs", "script"),
                  n.text("task"), n.text("displayName"))
            for n in _list(job.get("steps")) if isinstance(n.value, dict)
        )
        name = job.text("job") or job.text("deployment")
        yield Job(name, Place(path, job.at, 1, job.end_line), steps, job.text("pool", "vmImage"))


def _flat_job(path: str, root: Node) -> Iterator[Job]:
    keys = ("install", "before_script", "script", "after_success")
    steps = tuple(_step(path, n, scalar_text(n.value), "", key) for key in keys for n in _flat(root.get(key)))
    services = tuple(scalar_text(n.value) for n in _list(root.get("services")))
    yield Job("script", Place(path), steps, root.text("dist"), services)


def _other_job(path: str, root: Node) -> Iterator[Job]:
    """Any other service: every text below a key that holds commands."""
    steps: list[Step] = []

    def walk(node: Node, key: str) -> None:
        if isinstance(node.value, dict):
            for name, below in node.items():
                walk(below, name)
        elif isinstance(node.value, tuple):
            words = [scalar_text(n.value) for n in node.value]
            if key == "args" and all(words):  # Cloud Build: one command, word by word
                steps.append(_step(path, node, " ".join(words)))
                return
            for below in node.value:
                walk(below, key)
        elif key in _COMMAND_KEYS:
            steps.append(_step(path, node, scalar_text(node.value)))

    walk(root, "")
    yield Job("", Place(path), tuple(steps))


_JENKINS_SHELL = regex(r"\b(?:sh|bat|pwsh)\s*(?:\(\s*)?(?:script:\s*)?('''|\"\"\"|'|\")(.*?)\1", re.DOTALL)


def _jenkins(path: str, text: str) -> Workflow:
    steps = []
    for match in islice(_JENKINS_SHELL.finditer(text), 1000):
        line = text.count("\n", 0, match.start()) + 1
        end = line + match[0].count("\n")
        commands = test_commands(match[2])
        steps.append(Step("", match[2], "", Place(path, line, 1, end), bool(commands), measures_coverage(match[2]),
                          failure_ignored(commands)))
    return Workflow("jenkins", "", path, (Job("pipeline", Place(path), tuple(steps)),))


def _list(node: Node | None) -> tuple[Node, ...]:
    return node.list() if node else ()


def _flat(node: Node | None) -> tuple[Node, ...]:
    """A list of texts in which lists may stand (GitLab flattens them), scalars only."""
    found: list[Node] = []
    for below in _list(node):
        found.extend(n for n in (below.value if isinstance(below.value, tuple) else (below,)) if scalar_text(n.value))
    return tuple(found)
