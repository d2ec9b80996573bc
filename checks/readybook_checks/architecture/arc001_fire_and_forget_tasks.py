"""ARC001: tasks, futures and threads that nobody holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call, Reached
from readybook.facts.caught import handles_all
from readybook.facts.nodes import holds, nodes, statements
from readybook.facts.objects import Instance
from readybook.facts.reach import first_reached
from readybook.facts.unparse import unparse
from readybook.facts.usage import is_dropped
from readybook.finding import Answer
from readybook.intents import EnsureImport, EnsureModuleStatement, ReplaceExpression
from readybook_checks.architecture.background import behind_apps, polling_route
from readybook_checks.architecture.handover import handover

TASKS = (
    "asyncio.create_task", "asyncio.ensure_future", "asyncio.tasks.create_task", "asyncio.tasks.ensure_future",
    "asyncio.AbstractEventLoop.create_task", "asyncio.Task", "asyncio.tasks.Task",
)
FUTURES = (
    "asyncio.AbstractEventLoop.run_in_executor",
    "concurrent.futures.ThreadPoolExecutor.submit", "concurrent.futures.ProcessPoolExecutor.submit",
)
THREADS = ("threading.Thread.start", "threading.Timer.start")
GROUPS = ("asyncio.TaskGroup.create_task",)


class FireAndForgetTasks(Check):
    """Background work is started and its handle thrown away, so it may vanish, and its errors are seen by nobody.

    Looked at: ``asyncio.create_task`` and its relatives, ``run_in_executor``, executor ``submit`` and started threads
    in the code behind a served application. The event loop holds a task by a weak reference only: a task that nobody
    else holds can be collected half-way, a deploy cancels it silently, and its exception is reported, if at all, when
    it is collected. A handle that is awaited, stored, returned or owned by a ``TaskGroup`` is right. A thread counts
    where requests start it; one that start-up starts belongs to the process.

    High where a request starts it; critical where clients poll for the outcome of the very work that can vanish;
    medium where no request is seen to start it, at start-up for one, and where the work itself sees to each of its
    errors, so that only its being cut off goes unseen. Fix: hold the task in a set until it is done, then
    log the error it ended with. Work that must survive a restart needs a queue besides: with --unsafe, work that takes
    plain values goes to a Celery task instead, under the id of its job.
    """

    id = "ARC001"
    name = "fire-and-forget-tasks"
    category = "architecture"
    severity = "high"
    hours = Hours(0.25, 1, 2, each=0.25)
    fix_kinds = ("codemod", "scaffold", "advice")
    references = ("https://docs.python.org/3/library/asyncio-task.html#asyncio.create_task",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each start whose handle is dropped, a Right for each one that somebody holds."""
        behaviour = project.facts.behaviour
        near = behind_apps(project)
        calls = [c for c in behaviour.calls_to(*TASKS, *FUTURES, *THREADS, *GROUPS)
                 if c.place.path in near and "__main__" not in " ".join(c.conditions)]
        dropped = [c for c in calls if c.path not in GROUPS and not c.awaited and is_lost(c)]
        reached = first_reached(behaviour, dropped)
        found = False
        for call in calls:
            way = reached.get(id(call))
            if call not in dropped:
                if call.path not in THREADS:
                    found = True
                    yield Right(call.place, "somebody holds the handle")
            elif way is not None or call.path not in THREADS:
                found = True
                yield self._finding(project, call, way)
        if not found:
            yield NotApplicable("the code behind the applications starts no tasks, threads or executor work")

    def _finding(self, project: Project, call: Call, way: Reached | None) -> Finding:
        text = re.sub(r"\s+", " ", project.facts.modules.by_path[call.place.path].source(call.site.node) or "")
        what = text if text and len(text) <= 80 else f"{call.path}(…)"
        if call.path in TASKS:
            effect = f"Nobody holds the task of {what}: the event loop refers to it weakly, so it may vanish half-way"
        elif call.path in THREADS:
            effect = f"Nobody joins the thread that {what} starts: a deploy kills it half-way"
        else:
            effect = f"Nobody takes the result of {what}: a deploy ends it half-way"
        works = (w for w in project.facts.behaviour.background_work if w.call is call)
        work = next((w.function for w in works if w.function is not None), None)
        told = work is not None and handles_all(work)
        severity, where = "medium", ""
        if way is not None:
            severity, where = "medium" if told else "high", f"; {serves(way)} starts it"
            polled = polling_route(project, way.entry.route)
            if polled is not None:
                severity, where = "critical", f"; {serves(way)} starts it and clients wait for it at {polled.path}"
        return Finding(call.place, f"{effect}{'' if told else ', and nobody sees it fail'}{where}.", severity,
                       fix=fix(project, call), chain=tuple(s.place for s in way.chain) if way else ())


def is_lost(call: Call) -> bool:
    """Whether nobody holds what the call started."""
    if call.path not in THREADS:
        handed = call.site.node[4][0][0] if call.site.node[4] else ""
        if call.path.endswith("ensure_future") and handed in ("name", "attr"):
            return False  # a future that exists already, held by that name
        return is_dropped(call.site)
    if started_once(call):
        return False
    receiver = call.site.node[3][3]
    if receiver[0] == "call":
        return True  # Thread(...).start()
    thread = getattr(call.site.callee, "self", None)
    if receiver[0] != "name" or not isinstance(thread, Instance) or thread.node is None:
        return False
    return thread.module is call.site.module and is_dropped(replace(call.site, node=thread.node))


def started_once(call: Call) -> bool:
    """Whether a flag sees to it that the process starts one such thread only: it does no request's work."""
    function = call.site.function
    body = tuple(statements(function.node[6])) if function is not None and function.node[0] == "def" else ()
    lasting = {name for s in body if s[0] == "global" for name in s[4]}
    for s in body:
        if s[0] == "if" and holds(s[5], call.site.node):
            asked = {unparse(n[4]) for n in nodes(s[4]) if n[0] == "unary" and n[3] == "Not"}
            set_here = [t for b in s[5] if b[0] == "assign" and b[5][0] == "const" and b[5][3] is True for t in b[4]]
            if any(unparse(t) in asked and (t[0] == "attr" or unparse(t) in lasting) for t in set_here):
                return True
    return False


def serves(way: Reached) -> str:
    """The entry as readers know it."""
    route = way.entry.route
    return f"{route.method} {route.path}" if route is not None else f"the {way.entry.kind} {way.entry.function.name}"


HELD = "_background_tasks: set[asyncio.Task[object]] = set()"
KEEP = '''def _keep_task(task: asyncio.Task[object]) -> asyncio.Task[object]:
    """Hold a task until it is done, as the event loop does not, then log the error it ended with."""
    _background_tasks.add(task)
    task.add_done_callback(_forget_task)
    return task


def _forget_task(task: asyncio.Task[object]) -> None:
    _background_tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        logging.getLogger(__name__).error("Background task %s failed", task.get_name(), exc_info=error)
'''
OWN = ("_background_tasks", "_keep_task", "_forget_task")


def fix(project: Project, call: Call) -> Fix:
    """A set that holds the task, for tasks of the event loop; advice for the rest."""
    path, title = call.place.path, "Hold the task until it is done and log how it failed"
    if call.path in THREADS:
        return advice("Keep the thread and join it at shutdown, or hand the work to a queue",
                      "who waits for the thread, and when, is for a person to decide")
    if call.path in FUTURES:
        return advice("Await the future, or keep it and look at its result",
                      "whether the caller can wait for the result is for a person to decide")
    written = call.site.module.source(call.site.node)
    loaded = project.facts.program.everything.loaded.get(path)
    taken = [n for n in OWN if loaded is not None and n in loaded.scope.names]
    if written is None or '"""' in written or "'''" in written or (taken and len(taken) < len(OWN)):
        return advice(title, "the call cannot be wrapped where it stands")
    queue = handover(project, call)
    return Fix(
        title,
        (EnsureImport(path, "asyncio"), EnsureImport(path, "logging"),
         EnsureModuleStatement(path, "_background_tasks", HELD), EnsureModuleStatement(path, "_keep_task", KEEP),
         ReplaceExpression(call.place, written, wrapped(written))),
        safety="safe", reason="the same task runs; it is held until it ends, and its error is logged" + (
            "; --unsafe hands it to a queue instead" if queue is not None else ""), on_request=queue,
    )


def wrapped(written: str) -> str:
    """The call inside the one that holds its task; over several lines, one step further in."""
    first, *more = written.splitlines()
    if not more:
        return f"_keep_task({written})"
    margin = len(more[-1]) - len(more[-1].lstrip())
    lines = [first, *(line[margin:] if not line[:margin].strip() else line for line in more)]
    return "_keep_task(\n" + "".join(f"    {line}\n" for line in lines) + ")"


HEAD = "import asyncio\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
WORK = "async def work() -> None:\n    await asyncio.sleep(1)\n\n\n"
FireAndForgetTasks.examples = (
    Bad(
        {"main.py": HEAD + WORK + "@app.post(\"/orders\")\nasync def order() -> None:\n"
         "    asyncio.create_task(work())\n"},
        at=("main.py:14",), severity="high",
        fixed={"main.py": "import asyncio\nimport logging\n\nfrom fastapi import FastAPI\n\n"
               + HELD + "\n\n\n" + KEEP + "\n\n"
               "app = FastAPI()\n\n\n" + WORK
               + "@app.post(\"/orders\")\nasync def order() -> None:\n    _keep_task(asyncio.create_task(work()))\n"},
    ),
    Bad(  # a service two modules away, a client that polls, a name that is never read
        {"app/main.py": "from fastapi import FastAPI\nfrom app.service import Service\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/reports/\")\nasync def make() -> str:\n    return await Service().submit()\n\n\n"
         "@app.get(\"/reports/jobs/{job_id}\")\nasync def state(job_id: str) -> str:\n    return job_id\n",
         "app/service.py": "from asyncio import create_task as spawn\n\n\nclass Service:\n"
         "    async def submit(self) -> str:\n        task = spawn(self.run())\n"
         "        task.add_done_callback(print)\n        return \"x\"\n\n"
         "    async def run(self) -> None:\n        return None\n"},
        at=("app/service.py:6",), severity="critical",
    ),
    Bad(  # a thread and an executor, started by a request
        {"main.py": "import asyncio\nimport threading\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/mail\")\nasync def mail() -> None:\n    threading.Thread(target=print, daemon=True).start()\n"
         "    worker = threading.Thread(target=print)\n    worker.start()\n"
         "    asyncio.get_running_loop().run_in_executor(None, print)\n"},
        at=("main.py:11", "main.py:13", "main.py:14"), severity="high",
    ),
    Bad(  # what the thread runs is not known
        {"main.py": "from threading import Thread\n\nfrom fastapi import FastAPI, Request\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/{name}\")\ndef run(name: str, request: Request) -> None:\n"
         "    Thread(target=request.app.state.jobs[name], daemon=True).start()\n"},
        at=("main.py:10",), severity="high",
    ),
    Bad(  # work that sees to all its errors
        {"main.py": HEAD + "async def send(to: str) -> None:\n    print(to)\n\n\n"
         "async def tell(people: list[str]) -> None:\n    for person in people:\n        try:\n"
         "            await send(person)\n        except Exception as error:\n            print(error)\n\n\n"
         "@app.post(\"/a\")\nasync def a() -> None:\n    asyncio.create_task(tell([\"a\"]))\n"},
        at=("main.py:22",), severity="medium",
    ),
    Bad(  # the same in a thread, where a function tries all that it calls
        {"main.py": HEAD + "def write(name: str) -> None:\n    file = None\n    try:\n        file = open(name)\n"
         "    except Exception as error:\n        print(error)\n\n\n"
         "@app.post(\"/a\")\nasync def a() -> None:\n    asyncio.create_task(asyncio.to_thread(write, \"a\"))\n"},
        at=("main.py:18",), severity="medium",
    ),
    Bad(  # work that lets the errors of its second step go, and work that hides them
        {"main.py": HEAD + "async def send(to: str) -> None:\n    print(to)\n\n\n"
         "async def tell_first(people: list[str]) -> None:\n    try:\n        await send(people[0])\n"
         "    except Exception as error:\n        print(error)\n    await send(\"all\")\n\n\n"
         "async def whisper(to: str) -> None:\n    try:\n        await send(to)\n    except Exception:\n"
         "        pass\n\n\n"
         "@app.post(\"/a\")\nasync def a() -> None:\n    asyncio.create_task(tell_first([\"a\"]))\n"
         "    asyncio.create_task(whisper(\"a\"))\n"},
        at=("main.py:29", "main.py:30"), severity="high",
    ),
    Bad(  # start-up drops it too, but once
        {"main.py": "import asyncio\nfrom contextlib import asynccontextmanager\n\nfrom fastapi import FastAPI\n\n\n"
         + WORK + "@asynccontextmanager\nasync def lifespan(app: FastAPI):\n    asyncio.create_task(work())\n"
         "    yield\n\n\n"
         "app = FastAPI(lifespan=lifespan)\n"},
        at=("main.py:13",), severity="medium",
    ),
    Good(  # held in a set, awaited, gathered, owned by a group, kept on an object, returned
        {"main.py": HEAD + WORK + "tasks = set()\n\n\nclass Worker:\n    def start(self) -> None:\n"
         "        self.task = asyncio.create_task(work())\n\n\ndef spawn():\n"
         "    return asyncio.create_task(work())\n\n\n"
         "@app.get(\"/\")\nasync def index() -> None:\n    task = asyncio.create_task(work())\n    tasks.add(task)\n"
         "    task.add_done_callback(tasks.discard)\n    await asyncio.create_task(work())\n"
         "    other = asyncio.create_task(work())\n    await asyncio.wait([other])\n"
         "    async with asyncio.TaskGroup() as group:\n"
         "        group.create_task(work())\n"},
    ),
    Good(  # a method of the same name, on the project's own object
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\nclass Board:\n"
         "    def create_task(self, title: str) -> None:\n        return None\n\n\nboard = Board()\n\n\n"
         "@app.post(\"/tasks\")\nasync def create_task(title: str) -> None:\n    board.create_task(title)\n"},
        outcome="not_applicable",
    ),
    Good(  # a script beside the application
        {"main.py": HEAD,
         "bot/run.py": "import asyncio\n\n\nasync def main() -> None:\n    asyncio.create_task(main())\n"},
        outcome="not_applicable",
    ),
    Good(  # a thread that the first request starts for all, and that watches the process
        {"main.py": "import threading\n\n" + HEAD + "watching = False\n\n\ndef watch() -> None:\n"
         "    print(\"alive\")\n\n\n"
         "@app.post(\"/\")\ndef add(wanted: bool) -> None:\n    global watching\n"
         "    if wanted and not watching:\n        watching = True\n"
         "        timer = threading.Timer(60.0, watch)\n        timer.daemon = True\n        timer.start()\n"},
        outcome="not_applicable",
    ),
    Bad(  # a flag of the request's own
        {"main.py": "import threading\n\n" + HEAD + "@app.post(\"/\")\n"
         "def add(wanted: bool, sent: bool = False) -> None:\n"
         "    if wanted and not sent:\n        sent = True\n"
         "        threading.Thread(target=print).start()\n"}, at=("main.py:14",), severity="high"),
    Good(  # a thread that start-up starts and shutdown joins
        {"main.py": "import threading\nfrom contextlib import asynccontextmanager\n\nfrom fastapi import FastAPI\n\n\n"
         "@asynccontextmanager\nasync def lifespan(app: FastAPI):\n    thread = threading.Thread(target=print)\n"
         "    thread.start()\n    yield\n    thread.join()\n\n\napp = FastAPI(lifespan=lifespan)\n"},
        outcome="not_applicable",
    ),
)
