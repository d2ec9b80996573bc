"""Work that goes on after the request that started it has been answered, in the memory of the serving process."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import functions_behind
from readybook.facts.nodes import holds, nodes, statements
from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.usage import is_dropped
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call

TASKS = ("asyncio.create_task", "asyncio.ensure_future", "asyncio.tasks.create_task", "asyncio.tasks.ensure_future",
         "asyncio.AbstractEventLoop.create_task")
FUTURES = ("asyncio.AbstractEventLoop.run_in_executor", "concurrent.futures.ThreadPoolExecutor.submit",
           "concurrent.futures.ProcessPoolExecutor.submit")
THREADS = ("threading.Thread.start", "threading.Timer.start")
AFTERWARDS = ("fastapi.background.BackgroundTasks.add_task", "fastapi.BackgroundTasks.add_task",
              "starlette.background.BackgroundTasks.add_task", "starlette.background.BackgroundTask")
IN_THREAD = ("asyncio.to_thread", "asyncio.threads.to_thread", "fastapi.concurrency.run_in_threadpool",
             "starlette.concurrency.run_in_threadpool", "anyio.to_thread.run_sync")
KEEPING = frozenset({"add", "append", "appendleft", "put", "put_nowait", "setdefault"})


@record
class Work:
    """One start of work. ``how``: task, executor, thread or afterwards (FastAPI's BackgroundTasks).

    ``function`` is what runs, None when it is none of the project's.
    """

    how: str
    place: Place
    call: Call = field(repr=False, compare=False)
    function: FunctionValue | None = field(repr=False, compare=False)


def background_work(behaviour: Behaviour) -> tuple[Work, ...]:
    """Every start of work that outlives what starts it, by place."""
    kinds = (("task", TASKS), ("executor", FUTURES), ("thread", THREADS), ("afterwards", AFTERWARDS))
    found = [
        Work(how, call.place, call, _function(behaviour, call, how))
        for how, paths in kinds for call in behaviour.calls_to(*paths)
        if how in ("thread", "afterwards") or outlives(call)
    ]
    return tuple(sorted(found, key=lambda w: (w.place.path, w.place.line, w.place.column)))


def _function(behaviour: Behaviour, call: Call, how: str) -> FunctionValue | None:
    target: Any = call.args[0] if call.args else call.kwargs.get("func")
    if call.path.endswith("run_in_executor"):
        target = call.args[1] if len(call.args) > 1 else None
    if how == "thread":
        thread = getattr(call.site.callee, "self", None)
        target = None
        if isinstance(thread, Instance):
            beside = thread.args[1] if len(thread.args) > 1 else None
            given = (thread.kwargs.get("target"), thread.kwargs.get("function"), beside)
            target = next((value for value in given if value is not None), None)
    if how == "task":
        node = call.site.node[4][0] if call.site.node[4] else None
        inner = behaviour.by_node.get(id(node))
        target = inner.site.callee if inner is not None else None
        if inner is not None and inner.path in IN_THREAD:
            target = inner.args[0] if inner.args else None
    functions = functions_behind(target) if target is not None else []
    return functions[0].original if functions else None


def outlives(call: Call) -> bool:
    """Whether what a call starts goes on when its function has ended: nobody there waits for it."""
    if call.awaited:
        return False
    if is_dropped(call.site):
        return True
    function = call.site.function
    if function is None or function.node[0] != "def":
        return False
    body = function.original.node[6]
    for statement in statements(body):
        if statement[0] == "expr" and statement[4][0] == "call" and holds(statement[4], call.site.node):
            return not _awaits(body, call.site.node)
        value = statement[5] if statement[0] == "assign" else statement[6] if statement[0] == "ann" else None
        if value is call.site.node:
            targets = statement[4] if statement[0] == "assign" else (statement[4],)
            if any(t[0] in ("attr", "sub") for t in targets):
                return True
            names = {t[3] for t in targets if t[0] == "name"}
            return any(_kept(body, name) and not _awaits(body, name) for name in names)
    return False


def _kept(body: Any, name: str) -> bool:
    """Whether a function puts a local name into a container that others see, or in an attribute."""
    for s in statements(body):
        if s[0] == "expr" and s[4][0] == "call" and s[4][3][0] == "attr" and s[4][3][4] in KEEPING:
            if any(a[0] == "name" and a[3] == name for a in s[4][4]):
                return True
        if s[0] == "assign" and s[5][0] == "name" and s[5][3] == name and s[4][0][0] in ("attr", "sub"):
            return True
    return False


def _awaits(body: Any, what: Any) -> bool:
    """Whether an ``await`` of the body holds a name or a node."""
    for node in nodes(body):
        if node[0] == "await":
            for inner in nodes(node):
                if inner is what or (inner[0] == "name" and inner[3] == what):
                    return True
    return False


def reached_by(behaviour: Behaviour, function: FunctionValue, limit: int = 60) -> tuple[Call, ...]:
    """The calls that a function makes, and those of the project's functions that it calls, breadth first."""
    todo, seen, found = [function.original], {id(function.original.node)}, list[Any]()
    while todo and len(seen) <= limit:
        for call in behaviour.calls_in(todo.pop(0)):
            found.append(call)
            for f in functions_behind(call.site.callee):
                if id(f.original.node) not in seen and f.original.module.role == "application":
                    seen.add(id(f.original.node))
                    todo.append(f.original)
    return tuple(found)
