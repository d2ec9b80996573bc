"""ARC027: one database session used by several tasks, or kept longer than its request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, Call, functions_behind
from readybook.facts.closure import pulled_in
from readybook.facts.interpreter import is_generator
from readybook.facts.nodes import names_in, nodes, statements
from readybook.facts.objects import Bound, FunctionValue, Instance
from readybook.facts.unparse import unparse
from readybook.finding import Answer

SESSIONS = (
    "sqlalchemy.ext.asyncio.AsyncSession", "sqlalchemy.ext.asyncio.session.AsyncSession", "sqlalchemy.orm.Session",
    "sqlalchemy.orm.session.Session", "sqlmodel.Session", "sqlmodel.ext.asyncio.session.AsyncSession",
)
GATHERS = ("asyncio.gather", "asyncio.wait", "asyncio.as_completed")
STARTS = ("asyncio.create_task", "asyncio.ensure_future", "asyncio.AbstractEventLoop.create_task")
BACKGROUND = ("fastapi.background.BackgroundTasks.add_task", "fastapi.BackgroundTasks.add_task",
              "starlette.background.BackgroundTasks.add_task")
OWN = advice("Open a session of its own for each task, from the session factory",
             "where each task's transaction begins and ends is for a person to decide")


class SessionSharedAcrossTasks(Check):
    """One database session is used by several tasks at once, or by a task that outlives its request.

    Looked at: SQLAlchemy and SQLModel sessions handed to ``asyncio.gather`` more than once, to ``create_task``, to a
    background task, or kept at module level. A session is one connection and one transaction: tasks that share it
    fail with "another operation is in progress", or commit each other's half-done work; a session at module level is
    shared by all requests.

    High; medium for a synchronous session in ``gather``, whose tasks take turns. A background task that gets the
    session of its request finds it closed with FastAPI 0.106 to 0.117 (high), and holds its connection until the task
    ends with all other versions (medium). Fix: a session for each task.
    """

    id = "ARC027"
    name = "session-shared-across-tasks"
    category = "architecture"
    severity = "high"
    hours = Hours(0.5, 2, 4, each=0.5)
    fix_kinds = ("advice",)
    references = ("https://docs.sqlalchemy.org/en/20/orm/session_basics.html#is-the-session-thread-safe",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each place where a session is shared; a Right for each concurrent start that shares none."""
        behaviour = project.facts.behaviour
        started = behaviour.calls_to(*GATHERS, *STARTS, *BACKGROUND)
        found: list[Answer] = list(kept_at_module_level(project))
        for call in started:
            shared = self._shared(project, behaviour, call)
            found.append(shared or Right(call.place, "shares no session"))
        yield from found
        if not found:
            yield NotApplicable("no task is started beside another, and no session is kept at module level")

    def _shared(self, project: Project, behaviour: Behaviour, call: Call) -> Finding | None:
        if call.path in GATHERS:
            name, is_async = gathered_session(behaviour, call)
            if not name:
                return None
            if not is_async:
                message = (f"The tasks of {call.last}() take turns on the session {name}: what one of them commits or "
                           "rolls back is the half-done work of the others, too.")
                return Finding(call.place, message, "medium", fix=OWN)
            message = (f"The tasks of {call.last}() use the session {name} at the same time: it is one connection, so "
                       "they fail.")
            return Finding(call.place, message, fix=OWN)
        names = sessions_in(behaviour, call, call.site.node[4][-1:] if call.path in STARTS else ())
        if call.path in STARTS:
            if not names or awaited_later(call):
                return None
            name, is_async = names[0]
            ends = ("two tasks use one connection, then it is gone" if is_async else
                    "what the task does after that takes a connection that nobody gives back")
            message = f"The task gets the session {name} of its caller, which goes on and closes it: {ends}."
            return Finding(call.place, message, fix=OWN)
        handed = [unparse(n) for n, v in zip(call.site.node[4][1:], call.args[1:], strict=False) if is_session(v)]
        handed += [unparse(dict(call.site.node[5])[k]) for k, v in call.kwargs.items()
                   if is_session(v) and k in dict(call.site.node[5])]
        return background(project, call, handed[0]) if handed else None


def background(project: Project, call: Call, name: str) -> Finding:
    """A session that goes to a background task, by the version of FastAPI and who closes the session."""
    version = project.facts.release("fastapi", call.place.path)
    if closed_by_fastapi(project, call):
        if version is not None and (0, 106) <= version[:2] < (0, 118):
            return Finding(call.place, f"The background task gets the session {name}, which FastAPI "
                           f"{'.'.join(map(str, version))} closes before the task runs.", "high", fix=OWN)
        also = "" if version else " (0.106 to 0.117 close it before the task runs)"
        return Finding(call.place, f"The background task gets the session {name} of its request: FastAPI{also} holds "
                       "its connection until the task ends.", "medium", confidence="high" if version else "medium",
                       fix=OWN)
    return Finding(call.place, f"The background task gets the session {name} of the code that adds it, which does not "
                   "wait for the task: the session is closed under it, or its connection held until it ends.", "medium",
                   confidence="medium", fix=OWN)


def closed_by_fastapi(project: Project, call: Call) -> bool:
    """Whether the session comes from a dependency with ``yield``, of a route whose handler makes the call."""
    function = call.site.function
    behaviour = project.facts.behaviour
    for entry in behaviour.entries:
        if function is not None and entry.route is not None and entry.function.node is function.original.node:
            made = [t for t in entry.route.targets if isinstance(t, FunctionValue) and is_generator(t.node)]
            return any(is_session(behaviour.run.summary(t)) for t in made)
    return False


def is_session(value: Any) -> bool:
    """Whether a value is a database session."""
    return isinstance(value, Instance) and value.is_a(*SESSIONS)


def is_async(value: Any) -> bool:
    """Whether a session is one of asyncio."""
    return isinstance(value, Instance) and value.is_a(*(s for s in SESSIONS if ".Async" in s))


def kept_at_module_level(project: Project) -> Iterator[Finding]:
    """Sessions that a module of a served application binds when it is imported."""
    run = project.facts.behaviour.run
    near: set[str] = set()
    for app in project.facts.apps:
        near |= pulled_in(project.facts.modules, app.place.path) if app.served else set()
    for call in project.facts.behaviour.calls:
        result = call.site.result
        if call.function or call.site.owner is not None or call.place.path not in near or not is_session(result):
            continue
        names = run.loaded[call.place.path].scope.names if call.place.path in run.loaded else {}
        name = next((n for n, v in names.items() if v is result), None)
        if name is not None and not any("__main__" in c for c in call.conditions):
            message = (f"The session {name} is made once, at import, and shared by every request: they work in one "
                       "transaction on one connection.")
            yield Finding(call.place, message, fix=OWN)


def gathered_session(behaviour: Behaviour, call: Call) -> tuple[str, bool]:
    """The session that several of the gathered tasks use, and whether it is an async one; empty when none is."""
    counts: Counter[tuple[str, bool]] = Counter()
    for argument in call.site.node[4]:
        for part, times in parts(call, argument):
            inner = targets(part)
            for name, is_async in set(sessions_in(behaviour, call, (part,))):
                if name.partition(".")[0].partition("(")[0] not in inner:
                    counts[name, is_async] += times
    return next((n for n, c in counts.most_common() if c > 1), ("", False))


def parts(call: Call, argument: Any) -> Iterator[tuple[Any, int]]:
    """The tasks that one argument of ``gather`` stands for: each expression with how often it runs (2: many times)."""
    value = argument[3] if argument[0] == "star" else argument
    if value[0] == "name" and call.site.function is not None and call.site.function.node[0] == "def":
        bound = [s[5] for s in statements(call.site.function.node[6])
                 if s[0] == "assign" and any(t[0] == "name" and t[3] == value[3] for t in s[4])]
        value = bound[0] if len(bound) == 1 else value
    if value[0] == "comp":
        yield value, 2
    elif value[0] in ("list", "tuple", "set"):
        for item in value[3]:
            yield from parts(call, item)
    else:
        yield value, 1


def targets(part: Any) -> set[str]:
    """Names that a comprehension binds."""
    if part[0] != "comp":
        return set()
    return {name for target, *_ in part[6] for name in names_in(target)}


def sessions_in(behaviour: Behaviour, call: Call, parts: Any) -> list[tuple[str, bool]]:
    """Text, and whether it is an async one, of each session that the calls inside some parts have."""
    inside = {id(n) for part in parts for n in nodes(part) if n[0] == "call"}
    found = []
    for other in behaviour.calls_in(call.site.function) if call.site.function is not None else ():
        node = other.site.node
        if id(node) not in inside:
            continue
        receiver = other.site.callee.self if isinstance(other.site.callee, Bound) else None
        if is_session(receiver) and node[3][0] == "attr":
            found.append((unparse(node[3][3]), is_async(receiver)))
        given = [*zip(node[4], other.args, strict=False), *((n, other.kwargs.get(k)) for k, n in node[5])]
        found += [(unparse(n), is_async(v)) for n, v in given if is_session(v) and n[0] != "call"
                  and not left_alone(other, n)]
    return found


def left_alone(call: Call, argument: Any) -> bool:
    """Whether the functions that are called never read the parameter that takes an argument."""
    functions = [f.original for f in functions_behind(call.site.callee)]
    return bool(functions) and all(
        f.node[0] == "def" and (taken := taker_of(call, f, argument)) is not None
        and not any(n[0] == "name" and n[3] == taken for n in nodes(f.node[6])) for f in functions)


def taker_of(call: Call, function: FunctionValue, argument: Any) -> str | None:
    """The parameter of a function that takes an argument of a call, by its keyword or its position."""
    keyword = next((k for k, n in call.site.node[5] if n is argument), None)
    if keyword is not None:
        return str(keyword)
    own = [p[0] for p in function.params if p[3] in ("pos", "any")]
    own = own[1:] if isinstance(call.site.callee, Bound) else own
    at = next((i for i, n in enumerate(call.site.node[4]) if n is argument), len(own))
    starred = any(n[0] == "star" for n in call.site.node[4])
    return own[at] if at < len(own) and not starred else None


def awaited_later(call: Call) -> bool:
    """Whether the function binds the task to a name that it awaits, or awaits the task in place."""
    function = call.site.function
    if function is None or function.node[0] != "def" or call.awaited:
        return True
    for s in statements(function.node[6]):
        if s[0] == "assign" and s[5] is call.site.node:
            return any(t[0] == "name" and t[3] in _awaited(function.node[6]) for t in s[4])
    return False


def _awaited(body: Any) -> set[str]:
    return {name for node in nodes(body) if node[0] == "await" for name in names_in(node[3])}


HEAD = ("import asyncio\n\nfrom fastapi import BackgroundTasks, Depends, FastAPI\n"
        "from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine\n\n"
        "engine = create_async_engine(\"postgresql+asyncpg://db/shop\")\nsessions = async_sessionmaker(engine)\n"
        "app = FastAPI()\n\n\nasync def get_db():\n    async with sessions() as session:\n        yield session\n\n\n"
        "async def count(db: AsyncSession, table: str) -> int:\n    return await db.scalar(table)\n\n\n")
SessionSharedAcrossTasks.examples = (
    Bad({"main.py": HEAD + "@app.get(\"/\")\nasync def index(db: AsyncSession = Depends(get_db)) -> None:\n"
         "    await asyncio.gather(count(db, \"a\"), db.execute(\"b\"))\n"}, at=("main.py:22",), severity="high"),
    Bad(  # many times, through a list and a comprehension
        {"main.py": HEAD + "@app.get(\"/\")\nasync def index(names: list[str], db: AsyncSession = Depends(get_db)):\n"
         "    tasks = [count(db, t) for t in names]\n    await asyncio.gather(*tasks)\n"}, at=("main.py:23",)),
    Bad(  # a synchronous session: tasks of one loop take turns on it; one that outlives the request
        {"main.py": HEAD + "from sqlalchemy.orm import Session\n\n\nasync def tell(db: Session) -> None:\n"
         "    db.commit()\n\n\n@app.get(\"/\")\nasync def index(db: Session = Depends(get_db)):\n"
         "    await asyncio.gather(tell(db), tell(db))\n    asyncio.create_task(tell(db))\n"},
        at=("main.py:29", "main.py:30"), severity="high"),
    Bad(  # to a background task: closed by then
        {"main.py": HEAD + "@app.get(\"/\")\n"
         "async def index(tasks: BackgroundTasks, db: AsyncSession = Depends(get_db)) -> None:\n"
         "    tasks.add_task(count, db, \"a\")\n", "requirements.txt": "fastapi==0.115.2\n"},
        at=("main.py:22",), severity="high"),
    Bad(  # to a background task, with a version that holds it open; to a task that outlives the request
        {"main.py": HEAD + "@app.get(\"/\")\n"
         "async def index(tasks: BackgroundTasks, db: AsyncSession = Depends(get_db)) -> None:\n"
         "    tasks.add_task(count, table=\"a\", db=db)\n    asyncio.create_task(count(db, \"a\"))\n",
         "requirements.txt": "fastapi==0.165.0\n"},
        at=("main.py:22", "main.py:23"), severity="high"),
    Bad(  # one for all requests
        {"app/db.py": "from sqlalchemy import create_engine\nfrom sqlalchemy.orm import sessionmaker\n\n"
         "engine = create_engine(\"postgresql://db/shop\")\nSession = sessionmaker(engine)\ndb = Session()\n",
         "app/main.py": "from fastapi import FastAPI\nfrom app.db import db\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def index() -> None:\n    db.commit()\n"},
        at=("app/db.py:6",), severity="high"),
    Good(  # a task that takes the session and never uses it
        {"main.py": HEAD + "async def tell(db: AsyncSession, table: str, *, also: AsyncSession) -> None:\n"
         "    print(table)\n\n\n@app.get(\"/\")\nasync def index(db: AsyncSession = Depends(get_db)) -> None:\n"
         "    asyncio.create_task(tell(db, \"a\", also=db))\n"}),
    Good({"main.py": HEAD + "async def own(table: str) -> int:\n    async with sessions() as db:\n"
          "        return await count(db, table)\n\n\n@app.get(\"/\")\n"
          "async def index(tasks: BackgroundTasks) -> None:\n"
          "    await asyncio.gather(own(\"a\"), own(\"b\"))\n    tasks.add_task(own, \"a\")\n"}),
    Good(  # one task of them uses it, and a task that is awaited at once
        {"main.py": HEAD + "@app.get(\"/\")\nasync def index(db: AsyncSession = Depends(get_db)) -> None:\n"
         "    await asyncio.gather(count(db, \"a\"), asyncio.sleep(1))\n"
         "    task = asyncio.create_task(count(db, \"a\"))\n    await task\n"}),
    Good({"main.py": HEAD + "@app.get(\"/\")\nasync def index(db: AsyncSession = Depends(get_db)) -> None:\n"
          "    await count(db, \"a\")\n    await count(db, \"b\")\n"}, outcome="not_applicable"),
)
