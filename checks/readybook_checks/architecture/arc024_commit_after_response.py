"""ARC024: a transaction that is committed when the client already has its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.dependencies import yields
from readybook.facts.nodes import own_nodes, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.packages import PackageVersion
from readybook.facts.reach import run_for
from readybook.facts.signins import is_sign_in
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook.intents import SetKeyword
from readybook.place import Place

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# what follows a dependency's yield ran before the answer was sent in these releases only (seen in 0.115 and 0.117)
BEFORE_THE_ANSWER = ((0, 106), (0, 118))
SCOPES = (0, 121)  # Depends(scope="function") closes the dependency before the answer again
ADDING = frozenset({"add", "add_all", "merge", "delete", "flush", "insert", "update", "create", "save"})
OPENING = frozenset({"begin"})


class CommitAfterResponse(Check):
    """The transaction is committed after the response went out: the client gets its 201 although the commit failed.

    Looked at: ``commit()`` behind the ``yield`` of a dependency, and ``yield`` inside ``with session.begin()``, which
    commits when it ends, for dependencies of routes that change data and do not commit themselves. FastAPI runs what
    follows the ``yield`` after the response in every release but 0.106 to 0.117. A commit that fails then (a constraint
    that is checked late, a lost connection, a serialisation error) changes nothing that the client was told.

    Fix: ``Depends(…, scope="function")`` where the installed FastAPI has it (0.121); otherwise advice: commit in the
    handler or the service.
    """

    id = "ARC024"
    name = "commit-after-response"
    category = "architecture"
    severity = "high"
    hours = Hours(0.5, 1, 3, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/advanced/advanced-dependencies/#dependencies-with-yield-httpexception-except-and-background-tasks",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each dependency with a yield that routes which change data use."""
        users: dict[int, list[Route]] = defaultdict(list)
        functions: dict[int, FunctionValue] = {}
        for route in project.facts.routes:
            for target in route.targets if route.method in WRITES else ():
                for function in functions_behind(target) if yields(target) else ():
                    functions[id(function.original.node)] = function.original
                    users[id(function.original.node)].append(route)
        looked = False
        for key, function in functions.items():
            late = _late_commit(project, function)
            if late is None and not _gives_session(project, function):
                continue
            looked = True
            place = late or function.module.place(function.node, function.qualname)
            yield from _answers(project, function, place, late is not None, users[key])
        if not looked:
            yield NotApplicable("no dependency hands a database session to routes that change data")


def _answers(project: Project, function: FunctionValue, place: Place, late: bool,
             routes: list[Route]) -> Iterator[Answer]:
    if not late:
        yield Right(place, "it commits nothing after its yield")
        return
    sites = _sites(project, function)
    if sites and all(by_default(c.kwargs.get("scope")) == "function" for c in sites):
        yield Right(place, "it ends with the handler")
        return
    version = project.facts.version_of("fastapi", place.path)
    release = project.facts.release("fastapi", place.path)
    if release is not None and BEFORE_THE_ANSWER[0] <= release < BEFORE_THE_ANSWER[1]:
        yield Right(place, f"FastAPI {version.value} ends dependencies before it answers")
    elif release is None and not _surely_late(project, version):
        yield CannotTell("which FastAPI is installed, and so when its commit runs, is not pinned", place)
    elif not (late_ones := [r for r in routes if not _commits_itself(project, r, function)]):
        yield Right(place, "the handlers commit before they answer: nothing is left for it")
    else:
        routes = late_ones
        first = routes[0]
        more = f" and {len(routes) - 1} more" if len(routes) > 1 else ""
        yield Finding(
            place, f"{function.name}() commits after its yield, which FastAPI {version.value or 'of today'} runs when "
            f"the response is out: {first.method} {first.path}{more} answer{'' if more else 's'} success even when the "
            "commit fails.",
            fix=_fix(project, function, release), chain=(first.place,))


def _commits_itself(project: Project, route: Route, dependency: FunctionValue) -> bool:
    """Whether what a handler runs commits a session, or leaves nothing to commit: a sign-in by POST that only reads.

    What comes after that commit is not looked for.
    """
    calls = [c for c in run_for(project.facts.behaviour, (route.handler,)) if c.site.function is not dependency]
    if any(c.last == "commit" and _of_session(c) for c in calls):
        return True
    return is_sign_in(project.facts.behaviour, route) and not any(c.last in ADDING for c in calls)


def _surely_late(project: Project, version: PackageVersion) -> bool:
    """Whether every FastAPI that the range allows, as far as it tells, commits late."""
    from readybook.facts import numbers

    lowest = numbers(version.value) if version.value else None
    return lowest is not None and lowest >= BEFORE_THE_ANSWER[1]


def _late_commit(project: Project, function: FunctionValue) -> Place | None:
    """The commit behind the yield, or the ``begin()`` around it; None when nothing is committed there."""
    line = _yield_line(function)
    for call in project.facts.behaviour.calls_in(function):
        if call.last == "commit" and call.place.line > line and _of_session(call):
            return call.place
    for statement in statements(function.node[6]):
        if statement[0] == "with" and statement[1] <= line <= statement[3]:
            for expression, _ in statement[4]:
                if expression[0] == "call" and expression[3][0] == "attr" and expression[3][4] in OPENING:
                    call = project.facts.behaviour.by_node.get(id(expression))
                    if call is not None and "sqlalchemy" in call.path:
                        return call.place
    return None


def _of_session(call: Call) -> bool:
    return call.path.startswith(("sqlalchemy.", "sqlmodel.")) or call.path == ""


def _gives_session(project: Project, function: FunctionValue) -> bool:
    return any(c.path.startswith(("sqlalchemy.orm.", "sqlalchemy.ext.asyncio.", "sqlmodel."))
               for c in project.facts.behaviour.calls_in(function))


def _yield_line(function: FunctionValue) -> int:
    return min((n[1] for n in own_nodes(function.node[6]) if n[0] in ("yield", "yieldfrom")), default=0)


def _fix(project: Project, function: FunctionValue, release: tuple[int, ...] | None) -> Fix:
    title = "Commit before the answer is sent"
    if release is None or release < SCOPES:
        return advice(f"{title}: await session.commit() in the handler or service, and only roll back in "
                      f"{function.name}()", "where a unit of work ends is known to whoever wrote the handlers; from "
                      "FastAPI 0.121 on, Depends(…, scope=\"function\") does it in one place")
    sites = _sites(project, function)
    kept = _kept_open_by(project, function)
    if not sites or kept:
        return advice(title, f"{kept} is open until the response is out and needs it" if kept else
                      "how the dependency is given to the routes is not written as Depends(…)")
    intents = tuple(SetKeyword(c.place, "Depends", "scope", '"function"') for c in sites)
    return Fix(f"{title}: end {function.name}() with the handler", intents, safety="review",
               reason="a failed commit answers 500 where it answered success; background tasks and streams that use "
               "the session after the handler need one of their own")


def _sites(project: Project, function: FunctionValue) -> list[Call]:
    """The calls of Depends that name the dependency."""
    return [c for c in project.facts.behaviour.calls_to("fastapi.Depends") if c.args and any(
        f.original is function for f in functions_behind(by_default(c.args[0])))]


def _kept_open_by(project: Project, function: FunctionValue) -> str:
    """Another dependency with a yield that has this one as its own: FastAPI refuses it an earlier end."""
    for entry in project.facts.behaviour.entries:
        if entry.kind != "dependency" or entry.function is function or not yields(entry.function):
            continue
        names = {p[1] for p in entry.function.params} | {p[2] for p in entry.function.params}
        text = repr(names)
        if f"'{function.name}'" in text:
            return f"{entry.function.name}()"
    return ""


DB = ("from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n\n"
      "engine = create_async_engine(\"postgresql+asyncpg://localhost/shop\")\nSession = async_sessionmaker(engine)\n\n"
      "\n")
GET_DB = ("async def get_db():\n    async with Session() as session:\n        yield session\n"
          "        await session.commit()\n")
MAIN = ("from typing import Annotated\n\nfrom fastapi import Depends, FastAPI\n"
     "from sqlalchemy.ext.asyncio import AsyncSession\n\n"
        "from db import get_db\n\napp = FastAPI()\n\n\n@app.post(\"/items\")\n"
        "async def create(db: Annotated[AsyncSession, Depends(get_db)]) -> int:\n    return 1\n")
NEW, OLD = {"requirements.txt": "fastapi==0.136.3\n"}, {"requirements.txt": "fastapi==0.115.0\n"}
CommitAfterResponse.examples = (
    Bad({"db.py": DB + GET_DB, "main.py": MAIN, **NEW}, at=("db.py:10",), severity="high",
        fixed={"main.py": MAIN.replace("Depends(get_db)", "Depends(get_db, scope=\"function\")")}),
    Bad(  # the block commits when it ends
        {"db.py": DB + "async def get_db():\n    async with Session.begin() as session:\n        yield session\n",
         "main.py": MAIN, **NEW}, at=("db.py:8",),
        fixed={"main.py": MAIN.replace("Depends(get_db)", "Depends(get_db, scope=\"function\")")}),
    Bad(  # before scopes, and before 0.106 too
        {"db.py": DB + GET_DB, "main.py": MAIN, "requirements.txt": "fastapi==0.105.0\n"}, at=("db.py:10",)),
    Good({"db.py": DB + GET_DB, "main.py": MAIN, **OLD}),
    Good({"db.py": DB + GET_DB.replace("        await session.commit()\n", ""), "main.py": MAIN, **NEW}),
    Good({"db.py": DB + GET_DB, "main.py": MAIN, "requirements.txt": "fastapi\n"}, outcome="unknown"),
    Good({"db.py": DB + GET_DB, "main.py": MAIN.replace("post", "get"), **NEW}, outcome="not_applicable"),
    Good(  # the handler's service commits
        {"db.py": DB + GET_DB, "stock.py": "async def add(db) -> None:\n    db.add(object())\n    await db.commit()\n",
         "main.py": MAIN.replace("    return 1\n", "    await add(db)\n    return 1\n").replace(
             "from db import get_db\n", "from db import get_db\nfrom stock import add\n"), **NEW}),
    Bad(  # one of two does
        {"db.py": DB + GET_DB, "main.py": MAIN + "\n\n@app.put(\"/items\")\n"
         "async def change(db: Annotated[AsyncSession, Depends(get_db)]) -> int:\n    await db.commit()\n"
         "    return 1\n",
         **NEW}, at=("db.py:10",)),
    Good(  # a sign-in that only reads
        {"db.py": DB + GET_DB, "main.py": MAIN.replace("/items", "/login").replace("create(", "login(").replace(
            ") -> int:\n    return 1", ", password: Annotated[str, Body()]) -> int:\n"
            "    return (await db.scalar(password)).id").replace("import Depends", "import Body, Depends"), **NEW}),
)
