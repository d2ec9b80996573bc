"""The queue that ARC003 writes: a Celery application, its tasks, the worker's command, its compose service."""

from __future__ import annotations

import re
from importlib.resources import files
from string import Template

from readybook import Fix, Project, advice
from readybook.facts.backgroundwork import Work
from readybook.facts.compose import ComposeService
from readybook.facts.objects import FunctionValue
from readybook.facts.program import App
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.unparse import unparse
from readybook.facts.values import by_default
from readybook.intents import (
    AddFile,
    AppendLine,
    EnsureComposeService,
    EnsureComposeVariable,
    EnsureRequirement,
    EnsureSetting,
    Intent,
)
from readybook.patterns import regex
from readybook_checks.architecture.app_module import served_name
from readybook_checks.architecture.redis_setting import compose_redis

TITLE = "Add a Celery application with its tasks, worker command and service; then turn the call sites over"
URL = EnsureSetting("celery_broker_url", "str", '"redis://localhost:6379/0"', "CELERY_BROKER_URL",
                    example="redis://localhost:6379/0", meaning="the Redis that keeps the queue: no eviction there")
OURS = regex(r"(?i)(?:rate_limit|idempotency|state|cache)_redis_url")
LOCAL = regex(r"redis://localhost:6379/(\d+)")
PLAIN = regex(r"(?:str|int|float|bool|None|dict|list|Any|\[|\]|,|\||\s|typing\.|Optional|Dict|List)+")
COPIED = ("build", "image", "env_file", "environment", "networks", "volumes")


def scaffold(project: Project, works: list[Work]) -> Fix:
    """A queue for the first served application; advice where its settings or a module name are out of reach."""
    app = next((a for a in project.facts.apps if a.served), None)
    if app is None:
        return advice(TITLE, "no application is served that the queue would belong to")
    if not settings_at_hand(project.facts):
        return advice(TITLE, "settings are handed from function to function: a person says how the queue gets them")
    home = _home(project, app)
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    path, module, package, tasks = home
    name = app.spec.partition(":")[0].partition(".")[0]
    app_text = Template(_text("celery_app.py.tmpl")).safe_substitute(module=module, name=name, tasks=tasks)
    moved = movable(project, app, works)
    intents: list[Intent] = [
        URL,
        AddFile(path, app_text),
        AddFile(f"{package}/__init__.py", '"""What workers do."""\n'),
        AddFile(f"{package}/background.py", _tasks(module, name, moved)),
        EnsureRequirement("celery", ">=5.4,<6", extras=("redis",)),
        *_deployed(project, app, module),
    ]
    todo = "the call sites still start their work in the process" if works else "nothing uses it yet"
    return Fix(TITLE, tuple(intents), kinds=("scaffold",), safety="sketch",
               reason=f"{todo}: call the task's apply_async there (a task must bear to run twice), and start a worker: "
                      f"celery -A {module} worker")


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _home(project: Project, app: App) -> tuple[str, str, str, str] | None:
    """(path and import name of the Celery application, folder of the tasks, import name of their module)."""
    folder = app.place.path.rpartition("/")[0]
    at = f"{folder}/" if folder else ""
    known = {*project.files, *project.present}

    def free(stem: str) -> bool:
        return f"{at}{stem}.py" not in known and not any(p.startswith(f"{at}{stem}/") for p in known)

    main = next((s for s in ("celery_app", "celery_worker", "task_queue") if free(s)), "")
    tasks = next((s for s in ("tasks", "background_tasks", "queue_tasks") if free(s)), "")
    module = served_name(project, app, f"{at}{main}.py") if main else ""
    inner = served_name(project, app, f"{at}{tasks}/background.py") if tasks else ""
    return (f"{at}{main}.py", module, f"{at}{tasks}", inner) if module and inner else None


def movable(project: Project, app: App, works: list[Work]) -> list[tuple[FunctionValue, str]]:
    """(function, module) of work that is a function of a module and takes plain values only; each name once."""
    found: dict[str, tuple[FunctionValue, str]] = {}
    for work in works:
        function = work.function
        if function is None or function.node[0] != "def" or "." in function.qualname or function.name == "ping":
            continue
        if function.module.path == app.place.path or not _plain(function):
            continue  # a worker that imports the application's file would build the whole service
        module = served_name(project, app, function.module.path)
        if module:
            found.setdefault(function.name, (function, module))
    return [found[name] for name in sorted(found)]


def _plain(function: FunctionValue) -> bool:
    return all(p[3] in ("pos", "any", "kw") and p[1] is not None and p[2] is None
               and PLAIN.fullmatch(unparse(p[1]).strip("'\"")) for p in function.params)


def _tasks(module: str, name: str, moved: list[tuple[FunctionValue, str]]) -> str:
    """The module of tasks: a task that answers, and one for each function that can be moved as it is."""
    coroutines = any(f.is_async for f, _ in moved)
    standard = (["import asyncio", "from collections.abc import Coroutine", "from functools import cache"]
                if coroutines else [])
    own = sorted([f"from {module} import celery_app", *(f"from {m} import {f.name}" for f, m in moved)])
    imports = "\n".join(["", *standard, "from typing import Any", "", *own])
    code = "".join(_task(name, f) for f, _ in moved)
    return Template(_text("tasks.py.tmpl")).substitute(
        imports=imports, name=name, tasks=(LOOP if coroutines else "") + code).rstrip("\n") + "\n"


LOOP = '''

@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One loop for the life of a worker process: pooled connections belong to the loop that opened them."""
    return asyncio.new_event_loop()


def _run(work: Coroutine[Any, Any, object]) -> None:
    _loop().run_until_complete(work)
'''


def _task(name: str, function: FunctionValue) -> str:
    given = ", ".join(f"{p[0]}: {unparse(p[1]).strip(chr(39) + chr(34))}" for p in function.params)
    handed = ", ".join(f"{p[0]}={p[0]}" if p[3] == "kw" else p[0] for p in function.params)
    call = f"_run({function.name}({handed}))" if function.is_async else f"{function.name}({handed})"
    return (f'\n\n@celery_app.task(name="{name}.{function.name}", **RETRIES)\n'
            f"def {function.name}_task({given}) -> None:\n"
            f'    """Do what {function.name}() does, in a worker."""\n    {call}\n')


def _deployed(project: Project, app: App, module: str) -> list[Intent]:
    """What starts a worker where the project's own files start the service: compose files, a Procfile."""
    found: list[Intent] = []
    served = {(c.place.path, c.service) for c in project.facts.serve_commands if c.service}
    images = {d.path for d in (i.dockerfile for i in project.facts.served_images)}
    for path in dict.fromkeys(s.path for s in project.facts.compose_services if not s.override):
        services = [s for s in project.facts.compose_services if s.path == path]
        web = next((s for s in services if (path, s.name) in served), None) or next(
            (s for s in services if s.build is not None and s.build.dockerfile in images), None)
        if web is not None:
            found += _compose(project, path, web, services, module)
    for path in sorted(p for p in project.files if p.rpartition("/")[2] == "Procfile"):
        line = f"worker: celery -A {module} worker --loglevel INFO --concurrency 2"
        found.append(AppendLine(path, line, r"^worker\s*:"))
    return found


def _compose(project: Project, path: str, web: ComposeService, services: list[ComposeService],
             module: str) -> list[Intent]:
    """A worker beside the service, and a Redis where there is none."""
    if any(s.name == "worker" for s in services):
        return []
    redis = compose_redis(services, path)
    host, number = (redis.name, 1) if redis is not None else ("redis", 0)
    url = f"redis://{host}:6379/{number}"
    text = project.text(path)
    copied = copied_keys(text, web.name)
    if not any(key in copied for key in ("build", "image")):
        return []
    rows = [row for key in COPIED for row in copied.get(key, [])]
    words = ("celery", "-A", module, "worker", "--loglevel", "INFO", "--concurrency", "2")
    command = ", ".join(f'"{word}"' for word in words)
    worker = [*rows, f"command: [{command}]", "restart: unless-stopped", f"depends_on: [{host}]",
              "stop_grace_period: 60s"]
    networks = copied.get("networks", [])
    own = ["image: redis:8-alpine", "# Tasks must not be evicted, and survive a restart.",
           'command: ["redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]',
           "restart: unless-stopped", *networks]
    intents: list[Intent] = [EnsureComposeService(path, "worker", "\n".join(worker)),
                             EnsureComposeVariable(path, "worker", "CELERY_BROKER_URL", url),
                             EnsureComposeVariable(path, web.name, "CELERY_BROKER_URL", url)]
    if redis is None:
        intents.append(EnsureComposeService(path, "redis", "\n".join(own)))
        intents += [EnsureComposeVariable(path, web.name, name, f"redis://redis:6379/{number}")
                    for name, number in _looking_for_redis(project, web)]
    return intents


def _looking_for_redis(project: Project, web: ComposeService) -> list[tuple[str, str]]:
    """(variable, database) of settings that other patches made before there was a Redis, and that nobody has set."""
    told = {v.name for v in web.environment} | {n for d in project.facts.dotenvs if not d.example for n in d.names}
    found = []
    for field in (f for cls in project.facts.settings_classes for f in cls.fields):
        local = LOCAL.fullmatch(str(by_default(field.default)))
        if OURS.fullmatch(field.name) and local and field.env not in told:
            found.append((field.env, local[1]))
    return found


def copied_keys(text: str, service: str) -> dict[str, list[str]]:
    """The lines of a service's keys, the keys at the margin and what is below in steps of two."""
    lines = text.split("\n")
    head = next((n for n, row in enumerate(lines) if re.fullmatch(rf"\s+[\"']?{re.escape(service)}[\"']?:\s*(#.*)?",
                                                                 row.rstrip("\r"))), None)
    if head is None:
        return {}
    depth = _depth(lines[head])
    found: dict[str, list[str]] = {}
    inner, key = 0, ""
    for row in lines[head + 1:]:
        row = row.rstrip()
        if not row or row.lstrip().startswith("#"):
            continue
        if _depth(row) <= depth:
            break
        inner = inner or _depth(row)
        match = re.match(r"([\w-]+):", row.strip()) if _depth(row) == inner else None
        if match:
            key = match[1]
        found.setdefault(key, []).append(_rebased(row, inner, depth or 2))
    return found


def _rebased(row: str, inner: int, step: int) -> str:
    return " " * ((_depth(row) - inner) // step * 2) + row.strip()


def _depth(row: str) -> int:
    return len(row) - len(row.lstrip(" "))
