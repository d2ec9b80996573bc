"""ARC026: Celery tasks that are coroutines."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, Call, functions_behind
from readybook.facts.objects import Bound, FunctionValue, Instance
from readybook.facts.values import External
from readybook.finding import Answer
from readybook.intents import RunInOwnLoop

DECORATORS = ("celery.Celery.task", "celery.app.base.Celery.task", "celery.app.Celery.task", "celery.shared_task",
              "celery.app.shared_task", "celery.task", "celery.decorators.task")
RUNNERS = ("celery-aio-pool", "celery-pool-asyncio", "aio-celery", "celery-asyncio")
# connections that belong to the event loop they were made in
BOUND = ("sqlalchemy.ext.asyncio.", "redis.asyncio.", "aioredis.", "motor.", "asyncpg.", "aiohttp.",
         "httpx.AsyncClient", "pymongo.AsyncMongoClient", "databases.", "aio_pika.", "beanie.", "tortoise.")
MAKERS = ("create_async_engine", "async_engine_from_config", "from_url", "Redis", "AsyncIOMotorClient",
          "AsyncMongoClient", "create_pool", "connect", "ClientSession", "AsyncClient", "Database")


class AsyncCeleryTask(Check):
    """A Celery task is an async def: the worker gets a coroutine, never runs it, and reports success.

    Looked at: every function under ``@app.task`` or ``@shared_task``. Celery calls the function and takes what it
    returns; nobody awaits the coroutine, so the work is silently lost. A pool or a task class that runs coroutines
    (``celery-aio-pool``, ``base=``) makes it right, or unknown.

    Fix: a plain task that runs the coroutine with ``asyncio.run``. Each run has an event loop of its own, so the task
    must make its own engine and clients: where it uses shared ones, a person decides where they are made.
    """

    id = "ARC026"
    name = "async-celery-task"
    category = "architecture"
    severity = "critical"
    hours = Hours(0.5, 1, 3, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.celeryq.dev/en/stable/userguide/tasks.html",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each coroutine task, a Right for each plain one."""
        behaviour, found = project.facts.behaviour, False
        pool = next((r.name for r in project.facts.requirements if r.name.lower().replace("_", "-") in RUNNERS), "")
        for task, decorator in tasks(behaviour):
            found = True
            place = task.module.place(task.node, task.qualname)
            if not task.is_async:
                yield Right(place, "a plain function")
            elif pool:
                yield Right(place, f"{pool} runs coroutines")
            elif own_task_class(decorator):
                yield CannotTell(f"the task class of {task.name} may run coroutines", place)
            else:
                message = (f"The task {task.name}() is async: Celery takes the coroutine for its result and never "
                           "runs it, so the work is lost while the task counts as done.")
                yield Finding(place, message, fix=fix(behaviour, task))
        if not found:
            yield NotApplicable("there are no Celery tasks")


def tasks(behaviour: Behaviour) -> Iterator[tuple[FunctionValue, object]]:
    """Functions under a decorator of Celery, with that decorator."""
    for function in behaviour.run.functions.values():
        if function.module.role == "application" and function.node[0] == "def":
            for decorator in function.decorators:
                if any(name(decorator) == d for d in DECORATORS):
                    yield function, decorator
                    break


def name(decorator: object) -> str:
    """The dotted name of a decorator, called or not; empty when it is none of a package."""
    if isinstance(decorator, Bound):
        return name(decorator.function)
    if isinstance(decorator, Instance):
        return decorator.path.removesuffix("()")
    return decorator.path if isinstance(decorator, External) else ""


def own_task_class(decorator: object) -> bool:
    """Whether a task, or the Celery application, is given a class of its own."""
    if isinstance(decorator, Bound):
        app = decorator.self
    else:
        if not isinstance(decorator, Instance):
            return False
        if "base" in decorator.kwargs or "**" in decorator.kwargs:
            return True
        app = decorator.attrs.get("__on__")
    return isinstance(app, Instance) and ("task_cls" in app.kwargs or len(app.args) > 6)


def fix(behaviour: Behaviour, task: FunctionValue) -> Fix:
    """``asyncio.run`` around the coroutine, where nothing it uses belongs to another event loop."""
    title = "Run the coroutine with asyncio.run from a plain task"
    calls = list(below(behaviour, task))
    bound = [c for c in calls if c.path.startswith(BOUND)]
    if bound and not any(c.last in MAKERS for c in bound):
        what = bound[0].path.removesuffix(".__call__")
        return advice(title, f"{what} at {bound[0].place} is made outside of the task, and each asyncio.run has a new "
                      "event loop: the task needs an engine of its own, disposed at its end")
    if task.owner is not None or "." in task.qualname:
        return advice(title, "the task is made inside another function or class")
    if behaviour.by_path.get(task.path):
        return advice(title, "other code calls and awaits the function itself")
    return Fix(title, (RunInOwnLoop(task.module.place(task.node, task.qualname), task.name),), safety="review",
               reason="the work that never ran now runs")


def below(behaviour: Behaviour, function: FunctionValue) -> Iterator[Call]:
    """Every call that running a function can make."""
    todo, seen = [function.original], {id(function.original.node)}
    while todo:
        for call in behaviour.calls_in(todo.pop()):
            yield call
            for f in functions_behind(call.site.callee):
                if id(f.original.node) not in seen:
                    seen.add(id(f.original.node))
                    todo.append(f.original)


CELERY = "from celery import Celery\n\ncelery = Celery(\"shop\", broker=\"redis://redis\")\n\n\n"
AsyncCeleryTask.examples = (
    Bad(
        {"worker.py": CELERY + "@celery.task(name=\"mail\")\n"
         "async def mail(user: int, *, urgent: bool = False) -> None:\n"
         "    \"\"\"Send it.\"\"\"\n    print(user, urgent)\n"},
        at=("worker.py:7",), severity="critical",
        fixed={"worker.py": "import asyncio\n\n" + CELERY + "@celery.task(name=\"mail\")\n"
               "def mail(user: int, *, urgent: bool = False) -> None:\n"
               "    asyncio.run(_mail(user, urgent=urgent))\n\n\n"
               "async def _mail(user: int, *, urgent: bool = False) -> None:\n    \"\"\"Send it.\"\"\"\n"
               "    print(user, urgent)\n"},
    ),
    Bad(  # shared_task under another name, and an engine that belongs to another loop
        {"app/db.py": "from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n\n"
         "engine = create_async_engine(\"postgresql+asyncpg://db/shop\")\nsessions = async_sessionmaker(engine)\n",
         "app/tasks.py": "from celery import shared_task as job\nfrom app.db import sessions\n\n\n@job\n"
         "async def purge():\n    async with sessions() as session:\n        await session.execute(\"delete\")\n"},
        at=("app/tasks.py:6",),
    ),
    Bad(  # bound, in another module than the application; its engine is its own
        {"core.py": CELERY, "tasks.py": "import os\n\nfrom core import celery as queue\n"
         "from sqlalchemy.ext.asyncio import create_async_engine\n\n\n@queue.task(bind=True)\n"
         "async def sync(self, key):\n    engine = create_async_engine(os.environ[\"DB\"])\n"
         "    await engine.dispose()\n    return key\n"},
        at=("tasks.py:8",),
        fixed={"tasks.py": "import asyncio\nimport os\n\nfrom core import celery as queue\n"
               "from sqlalchemy.ext.asyncio import create_async_engine\n\n\n@queue.task(bind=True)\n"
               "def sync(self, key):\n    return asyncio.run(_sync(self, key))\n\n\nasync def _sync(self, key):\n"
               "    engine = create_async_engine(os.environ[\"DB\"])\n    await engine.dispose()\n"
               "    return key\n"},
    ),
    Good({"worker.py": CELERY + "import asyncio\n\n\nasync def work() -> None:\n    return None\n\n\n@celery.task\n"
          "def run() -> None:\n    asyncio.run(work())\n"}),
    Good(  # a pool that runs coroutines
        {"worker.py": CELERY + "@celery.task\nasync def run() -> None:\n    return None\n",
         "requirements.txt": "celery==5.4.0\ncelery-aio-pool==0.1.0\n"},
    ),
    Good(  # another library's task decorator
        {"worker.py": "from taskiq import InMemoryBroker\n\nbroker = InMemoryBroker()\n\n\n@broker.task\n"
         "async def run() -> None:\n    return None\n"}, outcome="not_applicable",
    ),
    Good(  # a class of its own may run it
        {"worker.py": CELERY + "from elsewhere import AsyncTask\n\n\n@celery.task(base=AsyncTask)\n"
         "async def run() -> None:\n    return None\n"}, outcome="unknown",
    ),
)
