"""Work that a request starts and drops, handed to a Celery task instead: what ARC001 does when it is asked for."""

from __future__ import annotations

from readybook import Fix, Project
from readybook.facts.backgroundwork import TASKS, Work
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.celeryapps import celery_tasks
from readybook.facts.nodes import statements
from readybook.facts.objects import FunctionValue
from readybook.facts.stores import access
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.intents import EnsureImport, Intent, RemoveUnusedImport, ReplaceExpression
from readybook_checks.architecture.app_module import served_name
from readybook_checks.architecture.arc003_no_durable_queue.scaffold import movable, scaffold
from readybook_checks.devops.health_router import import_name

TITLE = "Hand the work to a Celery task, under the id of its job"
IDS = ("job_id", "task_id", "jobid", "taskid")


def handover(project: Project, call: Call) -> Fix | None:
    """The start of a task of the event loop as a message to a worker; None where its work cannot be moved as it is.

    The work must be a function of a module that takes plain values, started by a statement of its own.
    """
    written = call.site.module.source(call.site.node)
    inner = call.site.node[4][0] if call.path in TASKS and call.site.node[4] else None
    if written is None or inner is None or inner[0] != "call" or not _is_statement(call):
        return None
    works = [w for w in project.facts.behaviour.background_work if w.how == "task"]
    work = next((w for w in works if w.call is call), None)
    sent = _sent(project, call, work, works)
    given = _arguments(inner)
    if work is None or work.function is None or sent is None or given is None:
        return None
    module, name, task, made = sent
    identity = next((text for param, text in _named(work.function, inner) if param in IDS), "")
    message = [f'"{task}"', *given, *([f"task_id={identity}"] if identity else [])]
    function = call.site.function
    awaits = function is not None and function.is_async
    new = _written(f"await asyncio.to_thread({name}.send_task, " if awaits else f"{name}.send_task(", message)
    path = call.place.path
    intents: list[Intent] = [*made, EnsureImport(path, module, name), ReplaceExpression(call.place, written, new),
                             RemoveUnusedImport(path, work.function.name)]
    if awaits:
        intents.append(EnsureImport(path, "asyncio"))
    return Fix(TITLE, tuple(intents), kinds=("scaffold", "codemod"), safety="review", unsafe=True,
               reason="a worker must run, and the work must bear to run twice; what it kept in the memory of this "
                      "process (results, states) is no longer there")


def _is_statement(call: Call) -> bool:
    function = call.site.function
    if function is None or function.node[0] != "def":
        return False
    return any(s[0] == "expr" and s[4] is call.site.node for s in statements(function.original.node[6]))


def _sent(project: Project, call: Call, work: Work | None,
          works: list[Work]) -> tuple[str, str, str, tuple[Intent, ...]] | None:
    """(module, name, task, intents) of the Celery application to send by: the project's own, else a new one."""
    app = next((a for a in project.facts.apps if a.served), None)
    if app is None or work is None or work.function is None:
        return None
    if project.facts.behaviour.queues:
        return _existing(project, call, work.function)
    if not any(f is work.function for f, _ in movable(project, app, works)):
        return None
    fix = scaffold(project, works)
    made = next((getattr(i, "path", "") for i in fix.intents if getattr(i, "text", "").find("Celery(") > 0), "")
    module = import_name(project, app, made, call.place.path) if made else ""
    name = app.spec.partition(":")[0].partition(".")[0]
    return (module, "celery_app", f"{name}.{work.function.name}", fix.intents) if module else None


def _existing(project: Project, call: Call, function: FunctionValue) -> tuple[str, str, str, tuple[Intent, ...]] | None:
    """The project's only Celery application, when it has a named task that does nothing but this work."""
    app = next((a for a in project.facts.apps if a.served), None)
    apps = project.facts.celery_apps
    reached = access(project.facts.behaviour, apps[0].call) if len(apps) == 1 else None
    if app is None or reached is None or reached.expression != reached.name:
        return None
    for task in celery_tasks(project.facts):
        called = [f for c in project.facts.behaviour.calls_in(task.function) for f in functions_behind(c.site.callee)]
        name = task.options.get("name")
        if isinstance(name, str) and any(f.original is function.original for f in called):
            module = import_name(project, app, reached.path, call.place.path) or served_name(project, app, reached.path)
            return (module, reached.name, name, ()) if module else None
    return None


def _written(head: str, arguments: list[str]) -> str:
    """The call on one line where that is short, else one argument to a line."""
    if len(head) + sum(map(len, arguments)) < 66:
        return f"{head}{', '.join(arguments)})"
    callee, _, first = head.partition("(")
    rows = [first.rstrip(", ")] * bool(first) + arguments
    return f"{callee}(\n" + "".join(f"    {row},\n" for row in rows) + ")"


def _arguments(inner: Node) -> list[str] | None:
    """``args=[…]`` and ``kwargs={…}`` from the arguments of the work as the code writes them."""
    plain = [unparse(a) for a in inner[4]]
    named = [(k, unparse(v)) for k, v in inner[5]]
    if any(a[0] == "star" for a in inner[4]) or any(k is None for k, _ in named):
        return None
    if any("…" in t or "\n" in t or "await " in t for t in (*plain, *(t for _, t in named))):
        return None
    keywords = ", ".join(f'"{k}": {t}' for k, t in named)
    return [f"args=[{', '.join(plain)}]", *([f"kwargs={{{keywords}}}"] if named else [])]


def _named(function: FunctionValue, inner: Node) -> list[tuple[str, str]]:
    """(parameter, text of its argument) of the call that makes the work."""
    names = [p[0] for p in function.params]
    pairs = [*zip(names, inner[4]), *inner[5]]
    return [(str(name).lower(), unparse(node)) for name, node in pairs]
