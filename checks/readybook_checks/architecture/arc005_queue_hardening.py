"""ARC005: a Celery queue that loses tasks, hangs, or runs code that a stranger put into the broker."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.backgroundwork import reached_by
from readybook.facts.celeryapps import FAMILIES, NAMES, CeleryApp, CeleryTask, celery_tasks
from readybook.facts.objects import ClassValue
from readybook.facts.values import beginning, by_default
from readybook.finding import Answer
from readybook.intents import SetKeyword
from readybook.patterns import regex
from readybook.place import Place

UNSAFE = frozenset({"pickle", "yaml", "application/x-python-serialize", "application/x-yaml"})
SERIALISERS = ("accept_content", "task_serializer", "result_accept_content", "result_serializer")
LIMIT = 1_800  # seconds
VISIBLE = 3_600  # what Redis as a broker waits unless told otherwise
# packages that talk to other machines; what those of the first kind raise is an OSError
PLAIN = regex(r"requests\.|urllib\.request\.|smtplib\.|ftplib\.|socket\.")
REMOTE = regex(r"httpx\.|aiohttp\.|urllib3\.|boto3\.|botocore\.|aiosmtplib\.|openai\.|stripe\.|twilio\.|sendgrid\."
               r"|fastapi_mail\.|paramiko\.|grpc\.|redis\.|elasticsearch\.")
RETRIES = (("autoretry_for", "(OSError,)"), ("retry_backoff", "True"), ("retry_jitter", "True"), ("max_retries", "5"))
RETRYING = regex(r"(?:tenacity|stamina|backoff|retrying)\.")


class QueueHardening(Check):
    """The Celery queue lacks what keeps one bad task, one lost worker or one wrong message from stopping it.

    Looked at: every Celery application, its settings wherever they stand (constructor, ``conf``, a configuration
    module, the worker's command line) and its tasks. Pickled or YAML messages let whoever writes to the broker run code
    (high). Without a time limit a task that hangs holds a worker for ever; with Redis as the broker, a task that is not
    acknowledged within the visibility timeout runs twice at once; a setting that Celery does not know does nothing, and
    nobody says so (medium). Worker recycling, retries of tasks that talk to other services, late acknowledgement and
    trying again when the broker is away at start are low. JSON is Celery's default and passes.

    Fix: the missing settings, where the others stand. Late acknowledgement is for a person: such tasks must bear to
    run twice.
    """

    id = "ARC005"
    name = "queue-hardening"
    category = "architecture"
    severity = "medium"
    hours = Hours(1, 2, 4, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.celeryq.dev/en/stable/userguide/configuration.html",
                  "https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """For each application one answer about each protection; for each task that talks to others, its retries."""
        apps = project.facts.celery_apps
        if not apps:
            yield NotApplicable("there is no Celery application")
            return
        tasks = celery_tasks(project.facts)
        for app in apps:
            yield serialised(app)
            yield limited(app, tasks)
            yield from visible(project, app)
            yield from unknown(app)
            yield kept(
                app, "worker_max_tasks_per_child", "500", "Workers are never replaced: what tasks leak, they keep "
                "until they are killed.", "a worker is replaced after 500 tasks", also=("worker_max_memory_per_child",))
            yield kept(
                app, "broker_connection_retry_on_startup", "True", "Nothing says that workers wait for a broker that "
                "is away when they start: Celery 6 will not.", "workers wait for the broker at start, as they do today",
                safety="safe")
            yield acknowledged(app, tasks)
        for task in tasks:
            yield from retried(project, task)


def serialised(app: CeleryApp) -> Answer:
    """JSON by default; pickle and YAML are what a stranger could run code by."""
    for name in SERIALISERS:
        value = app.value(name)
        given = [value] if isinstance(value, str) else value if isinstance(value, list | tuple | set) else []
        bad = next((v for v in given if isinstance(v, str) and v.lower() in UNSAFE), "")
        if bad:
            setting = app.settings[name]
            return Finding(
                setting.place, f"{setting.written} admits {bad}: whoever can write to the broker runs code in the "
                "workers.", "high", fix=changed(app, name, '["json"]' if "accept" in name else '"json"'))
    return Right(app.place, "messages are JSON")


def changed(app: CeleryApp, name: str, value: str) -> Fix:
    """JSON in place of what is set, where that is a keyword."""
    title, place = "Take JSON only", app.settings[name].place
    call = next((c for c in (app.update, app.call) if c is not None and c.place == place), None)
    if call is None or app.settings[name].written != name:
        return advice(title, "the setting does not stand in a call that could be changed")
    return Fix(title, (SetKeyword(place, call.last, name, value),), safety="review", unsafe=True,
               reason="tasks whose arguments or results are no plain values (dates, models) can no longer be sent")


def limited(app: CeleryApp, tasks: tuple[CeleryTask, ...]) -> Answer:
    """A limit for all tasks, or one of its own for each."""
    if any(app.value(n) is not None for n in ("task_time_limit", "task_soft_time_limit")):
        return Right(app.place, "tasks have a time limit")
    if tasks and all({"time_limit", "soft_time_limit", "**"} & set(t.options) for t in tasks):
        return Right(app.place, "each task has a time limit of its own")
    if not app.complete:
        return CannotTell("settings come from outside the code", app.place)
    longest = "; its tasks" if tasks else ""
    number = f"{longest} ({len(tasks)}) have none of their own" if tasks else ""
    return Finding(app.place, f"No time limit: a task that hangs holds its worker process for ever{number}.",
                   fix=added(app, (("task_time_limit", str(LIMIT)), ("task_soft_time_limit", str(LIMIT - 30))),
                             "End tasks that take longer than half an hour",
                             "tasks that take longer are ended: give those a time_limit of their own"))


def visible(project: Project, app: CeleryApp) -> Iterator[Answer]:
    """With Redis a message comes back after the visibility timeout, done or not."""
    url = beginning(by_default(app.value("broker_url"))) or ""
    if not url.startswith(("redis://", "rediss://")):
        return
    options = app.value("broker_transport_options")
    given = {} if options is None else options
    timeout = given.get("visibility_timeout", VISIBLE) if isinstance(given, dict) else None
    if not isinstance(timeout, int | float) or not timeout:
        return
    limit = app.value("task_time_limit")
    if isinstance(limit, int | float) and limit >= timeout and app.value("task_acks_late"):
        yield Finding(app.place, f"A task may take {limit:g} seconds, and Redis gives it to a second worker after "
                      f"{timeout:g}: it then runs twice at once.",
                      fix=added(app, (("broker_transport_options", f'{{"visibility_timeout": {round(2 * limit)}}}'),),
                                "Let messages come back later than any task ends",
                                "tasks of a worker that died wait longer for the next one") if options is None else
                      advice("Raise visibility_timeout above the time limit", "it stands beside other options"))
    for call in project.facts.behaviour.calls:
        delay = call.kwargs.get("countdown") if call.last in ("apply_async", "retry", "signature", "s") else None
        if isinstance(delay, int | float) and not isinstance(delay, bool) and delay >= timeout:
            yield Finding(call.place, f"This task waits {delay:g} seconds, and Redis gives it to a further worker "
                          f"every {timeout:g}: it runs several times.",
                          fix=advice("Use a schedule, or a visibility_timeout above the longest delay",
                                     "which of the two fits is for a person to decide"))


def unknown(app: CeleryApp) -> Iterator[Answer]:
    """Settings of Celery's families that Celery does not have: it takes them silently."""
    for setting in app.settings.values():
        if setting.name.startswith(FAMILIES) and setting.name not in NAMES and not app.elsewhere:
            near = difflib.get_close_matches(setting.name, sorted(NAMES), 1, 0.85)
            instead = f"; {near[0]} may be meant" if near else ""
            on_task = setting.name.removeprefix("task_")
            if on_task.startswith(("autoretry", "retry_", "max_retries", "default_retry")):
                instead = f"; {on_task} is an argument of each task"
            yield Finding(setting.place, f"Celery has no setting {setting.written}, so it does nothing{instead}.",
                          fix=advice("Use the name that Celery knows, or drop it",
                                     "what was meant is for a person to say"))


def kept(app: CeleryApp, name: str, value: str, message: str, reason: str, also: tuple[str, ...] = (),
         safety: str = "review") -> Answer:
    """A setting that is there, or a low finding that adds it."""
    if any(app.value(n) is not None for n in (name, *also)):
        return Right(app.place, f"{name} is set")
    if not app.complete:
        return CannotTell("settings come from outside the code", app.place)
    return Finding(app.place, message, "low", fix=added(app, ((name, value),), f"Set {name}", reason, safety))


def added(app: CeleryApp, pairs: tuple[tuple[str, str], ...], title: str, reason: str, safety: str = "review") -> Fix:
    """Settings added where the application's others stand; advice where Celery would refuse to mix them."""
    call = app.update or app.call
    if app.elsewhere or any(s.written != s.name for s in app.settings.values() if s.name not in ("broker_url",
                                                                                             "result_backend")):
        return advice(title, "the settings stand in a configuration of their own: " + ", ".join(
            f"{n} = {v}" for n, v in pairs))
    if not call.last or (call is app.call and isinstance(call.site.callee, ClassValue)):
        return advice(title, "the application is made by a class of the project, which takes arguments of its own")
    return Fix(title, tuple(SetKeyword(call.place, call.last, n, v) for n, v in pairs), safety=safety, reason=reason)


def acknowledged(app: CeleryApp, tasks: tuple[CeleryTask, ...]) -> Answer:
    """Whether a task whose worker dies is given to another one."""
    own = [t for t in tasks if by_default(t.options.get("acks_late")) is True or "**" in t.options]
    if app.value("task_acks_late") is not None or own:
        return Right(app.place, "when tasks are acknowledged is decided")
    if not app.complete:
        return CannotTell("settings come from outside the code", app.place)
    return Finding(
        app.place, "Tasks are acknowledged before they run: what a worker does when it dies is lost.", "low",
        fix=advice("Set task_acks_late and task_reject_on_worker_lost, for tasks that bear to run twice; with long "
                   "tasks worker_prefetch_multiplier=1", "a task that is not idempotent would do its work twice"))


def retried(project: Project, task: CeleryTask) -> Iterator[Answer]:
    """Whether a task that talks to other services is tried again when they are away."""
    calls = reached_by(project.facts.behaviour, task.function)
    remote = [c for c in calls if PLAIN.match(c.path) or REMOTE.match(c.path)]
    if not remote:
        return
    if {"autoretry_for", "**"} & set(task.options) or any(
            c.last == "retry" or RETRYING.match(c.path) for c in calls) or _decorated(task):
        yield Right(task.place, "it is tried again")
        return
    first = remote[0]
    title = "Try it again, with growing pauses, when the connection fails"
    fix = advice(title, "which errors pass by themselves, and whether it bears to run twice, is for a person to say")
    if task.decorator is not None and all(PLAIN.match(c.path) for c in remote):
        name = _written(task.decorator, task)
        fix = Fix(title, tuple(SetKeyword(task.decorator, name, k, v) for k, v in RETRIES), safety="review",
                  reason="a task that failed half-way runs again: it must bear that", unsafe=True)
    yield Finding(task.place, f"{task.function.name}() calls {first.path} ({first.place}) and is not tried again when "
                  "that fails.", "low", confidence="medium", fix=fix)


def _decorated(task: CeleryTask) -> bool:
    return any(RETRYING.match(getattr(d, "path", "") or "") for d in task.function.decorators)


def _written(place: Place, task: CeleryTask) -> str:
    """The last name of the decorator as the code writes it."""
    made: Any = next(d for d in task.function.decorators if getattr(d, "node", None) is not None
                     and task.function.module.place(d.node).line == place.line)
    callee = made.node[3]
    return str(callee[4] if callee[0] == "attr" else callee[3])


HEAD = "import requests\nfrom celery import Celery\n\n"
TASK = "\n\n@app.task({options})\ndef fetch(url: str) -> None:\n    requests.get(url, timeout=5)\n"
BARE = HEAD + "app = Celery(\"shop\", broker=\"redis://localhost\")\n" + TASK
WHOLE = ("task_time_limit=600, worker_max_tasks_per_child=500, broker_connection_retry_on_startup=True, "
         "task_acks_late=True")
RETRY = "autoretry_for=(OSError,), retry_backoff=True"
QueueHardening.examples = (
    Bad(  # nothing is set: a limit, recycling, waiting for the broker, late acknowledgement, a retry
        {"worker.py": BARE.format(options="")},
        at=("worker.py:4", "worker.py:4", "worker.py:4", "worker.py:4", "worker.py:8"), severity="medium",
        fixed={"worker.py": BARE.format(options="").replace(
            "app = Celery(\"shop\", broker=\"redis://localhost\")\n",
            "app = Celery(\n    \"shop\",\n    broker=\"redis://localhost\",\n    task_time_limit=1800,\n"
            "    task_soft_time_limit=1770,\n    worker_max_tasks_per_child=500,\n"
            "    broker_connection_retry_on_startup=True,\n)\n").replace(
            "@app.task()", "@app.task(\n    autoretry_for=(OSError,),\n    retry_backoff=True,\n"
            "    retry_jitter=True,\n    max_retries=5,\n)")},
    ),
    Bad(  # pickle, in conf.update of an application that a function makes
        {"app/queue.py": "from celery import Celery\n\n\ndef make() -> Celery:\n    queue = Celery(\"shop\")\n"
         "    queue.conf.update(\n        accept_content=[\"json\", \"pickle\"],\n        task_time_limit=60,\n"
         "        worker_max_tasks_per_child=50,\n        broker_connection_retry_on_startup=True,\n"
         "        task_acks_late=True,\n    )\n    return queue\n\n\napp = make()\n"},
        at=("app/queue.py:6",), severity="high",
    ),
    Bad(  # settings that Celery has not; a limit beyond the visibility timeout; a long delay
        {"worker.py": HEAD + f"app = Celery(\"shop\", broker=\"redis://localhost\", {WHOLE})\n"
         "app.conf.task_autoretry_for = (OSError,)\napp.conf.worker_max_task_per_child = 5\n"
         "app.conf.task_time_limit = 7200\n"
         + TASK.format(options=RETRY) + "\n\ndef later(url: str) -> None:\n"
         "    fetch.apply_async((url,), countdown=86400)\n"},
        at=("worker.py:4", "worker.py:5", "worker.py:6", "worker.py:16"), severity="medium",
    ),
    Bad(  # a task with options of its own
        {"worker.py": HEAD + f"app = Celery(\"shop\", {WHOLE})\n" + TASK.format(options="name=\"fetch\"")},
        at=("worker.py:8",), severity="low",
    ),
    Good({"worker.py": HEAD + f"app = Celery(\"shop\", broker=\"redis://localhost\", {WHOLE})\n"
          + TASK.format(options=RETRY)}),
    Good(  # a configuration module, with a namespace, its names in capitals
        {"worker.py": HEAD + "app = Celery(\"shop\")\napp.config_from_object(\"config\", namespace=\"CELERY\")\n"
         + TASK.format(options="bind=True").replace("(url: str)", "(self, url: str)").replace(
             "    requests.get(url, timeout=5)\n", "    try:\n        requests.get(url, timeout=5)\n"
             "    except OSError as error:\n        raise self.retry(exc=error)\n"),
         "config.py": "CELERY_TASK_TIME_LIMIT = 60\nCELERY_TASK_ACKS_LATE = False\n"
         "CELERY_WORKER_MAX_TASKS_PER_CHILD = 9\nCELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True\n"
         "CELERY_TASK_SERIALIZER = \"json\"\n"},
    ),
    Good(  # limits and recycling on the worker's command line; options from a mapping
        {"worker.py": HEAD + "OPTIONS = {\"autoretry_for\": (OSError,)}\napp = Celery(\"shop\", task_acks_late=False,\n"
         "             broker_connection_retry_on_startup=True)\n" + TASK.format(options="**OPTIONS"),
         "compose.yml": "services:\n  worker:\n    image: shop\n    command: celery -A worker worker --time-limit=60 "
         "--max-tasks-per-child 100\n"},
    ),
    Good(  # a method named Celery of something else
        {"main.py": "class Kitchen:\n    def Celery(self) -> None:\n        return None\n\n\nKitchen().Celery()\n"},
        outcome="not_applicable",
    ),
)
