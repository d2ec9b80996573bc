"""How many processes serve the application, what decides that number, and what must run in one of them only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.functionplatform import only_functions
from readybook.facts.serving import SERVER_IMAGE
from readybook.facts.values import by_default
from readybook.patterns import regex
from readybook.place import Place

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.serving import ServeCommand

CONCURRENCY = "WEB_CONCURRENCY"
_CONFIG_WORKERS = regex(r"(?m)^[ \t]*workers[ \t]*=[ \t]*(?P<value>[^\n#]+)")
_SCHEDULER = regex(r"(?:^|\.)(?:\w*Scheduler)\.start$|^fastapi_utils\.tasks\.repeat_every$|^rocketry\.")
_PLATFORMS = {
    "fly.toml": "Fly.io machines", "render.yaml": "Render instances", "railway.json": "Railway replicas",
    "railway.toml": "Railway replicas", "app.yaml": "App Engine or App Platform instances",
    "service.yaml": "Cloud Run instances", "cloudrun.yaml": "Cloud Run instances",
    "apprunner.yaml": "App Runner instances",
    "task-definition.json": "ECS tasks", "vercel.json": "Vercel functions", "serverless.yml": "functions",
    "serverless.yaml": "functions", "template.yaml": "functions", "fastapicloud.json": "FastAPI Cloud replicas",
}


def several_processes(facts: Facts) -> str:
    """How the deployment runs several processes of the application, in words; empty when it does not."""
    for command in facts.serve_commands:
        if command.purpose == "deploy" and (command.workers or 1) > 1:
            return f"{command.workers} workers ({command.place.path}:{command.place.line})"
    commands = {c.service for c in facts.serve_commands if c.service}
    for service in facts.compose_services:
        if service.name in commands and (service.replicas or 1) > 1:
            return f"{service.replicas} replicas ({service.place.path}:{service.place.line})"
    platform = only_functions(facts)
    return f"as many processes as requests come at once on {platform}" if platform else ""


def workers_of(facts: Facts, command: ServeCommand) -> str | bool | None:
    """What makes a command start several processes, in words; False when one runs, None when that is not shown."""
    given = command.option("--workers")
    if given is not None:
        return f"--workers {given}" if command.workers != 1 else False
    found = _of_configuration(facts) if command.server == "gunicorn" else None
    if found is not None:
        return found
    return _of_image(facts, command) or _of_environment(facts, command)


def _of_configuration(facts: Facts) -> str | bool | None:
    for path in facts.gunicorn_configs:
        match = _CONFIG_WORKERS.search(facts.project.text(path))
        if match:
            return False if match["value"].strip() == "1" else f"workers in {path}"
    return None


def _of_image(facts: Facts, command: ServeCommand) -> str | None:
    """Images that bring gunicorn with them start a worker for each core, two at least, unless a variable says more."""
    image = command.text.partition(": ")[0]
    if not SERVER_IMAGE.fullmatch(image) or next(concurrency(facts), None) is not None:
        return None
    return f"a worker for each core, by {image}"


def _of_environment(facts: Facts, command: ServeCommand) -> str | bool | None:
    """uvicorn and gunicorn read WEB_CONCURRENCY by themselves."""
    found = [value for place, value in concurrency(facts) if place.path == command.place.path or command.service]
    if not found:
        return None if _generated_elsewhere(facts) else False
    value = found[0]
    return False if value == "1" else f"{CONCURRENCY}={'…' if value is None else value}"


def concurrency(facts: Facts) -> Iterator[tuple[Place, str | None]]:
    """Where WEB_CONCURRENCY is set for a deployment, and to what (None: handed through)."""
    for dockerfile in facts.dockerfiles:
        for name, value in dockerfile.env:
            if name == CONCURRENCY and not dockerfile.development:
                yield dockerfile.final.place, value
    for service in facts.compose_services:
        for variable in service.environment:
            if variable.name == CONCURRENCY and not service.development:
                yield variable.place, variable.value


def _generated_elsewhere(facts: Facts) -> bool:
    return any(CONCURRENCY in file.text for path, file in facts.project.files.items()
               if path.endswith((".sh", ".env", ".service", ".conf")))


def replicated_by(facts: Facts) -> str:
    """The platform that starts more copies of one process by design, in words; empty when none is shown."""
    for thing in facts.kubernetes:
        if thing.kind in ("Deployment", "StatefulSet", "HorizontalPodAutoscaler", "Service") or thing.templated:
            return f"Kubernetes ({thing.place.path})"
    if facts.helm_charts:
        return f"Kubernetes ({facts.helm_charts[0].values_path or facts.helm_charts[0].folder})"
    for service in facts.compose_services:
        if (service.replicas or 1) > 1:
            return f"compose replicas ({service.place})"
    for path in sorted(facts.project.files, key=lambda p: (p.count("/"), p)):
        name = path.rpartition("/")[2]
        if name in _PLATFORMS and facts.role(path) not in ("test", "vendored", "example"):
            return f"{_PLATFORMS[name]} ({path})"
    return ""


def once_only(facts: Facts) -> tuple[str, Place] | None:
    """What every process would do again: a scheduler that starts with the application; None when nothing is seen."""
    for path, calls in facts.behaviour.by_path.items():
        if _SCHEDULER.search(path):
            return f"the scheduler started by {path.rpartition('.')[0].rpartition('.')[2] or path}", calls[0].place
    for call in facts.behaviour.calls_to("slowapi.Limiter", "slowapi.extension.Limiter"):
        if "storage_uri" not in call.kwargs and "**" not in call.kwargs:
            return "the limiter, which counts in the memory of its process", call.place
        if str(by_default(call.kwargs.get("storage_uri", ""))).startswith("memory:"):
            return "the limiter, which counts in the memory of its process", call.place
    return None


def deploys(facts: Facts) -> bool:
    """Whether the target says how it is deployed: an image, a manifest, a platform's file or a start command."""
    return bool(facts.served_images or facts.kubernetes or facts.helm_charts
                or any(c.purpose == "deploy" for c in facts.serve_commands))
