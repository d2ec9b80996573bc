"""PER014: coroutines that never wait for anything."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.awaiting import gives_way
from readybook.facts.behaviour import Behaviour, Call
from readybook.facts.blocking import blocking
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.finding import Answer

EMPTY = ("pass", "raise")


class AsyncWithoutAwait(Check):
    """A function is async and never awaits: every caller pays for a coroutine and believes that others get a turn.

    Looked at: ``async def`` functions of application code that project code awaits, outside of what FastAPI calls
    (handlers, dependencies, middleware may be async for their own reasons), of methods that other classes override or
    declare, of decorated functions and of functions handed on as values. A body without ``await``, ``async for``,
    ``async with`` and ``yield`` runs in one piece. Where it calls something that blocks, PER001 tells.

    Fix: advice. ``def`` instead of ``async def``, and the callers drop their ``await``: both in one change.
    """

    id = "PER014"
    name = "async-without-await"
    category = "performance"
    severity = "low"
    hours = Hours(0.1, 0.25, 0.5, each=0.1)
    fix_kinds = ("advice",)
    references = ("https://docs.python.org/3/library/asyncio-task.html#coroutines",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each async function that project code awaits."""
        behaviour = project.facts.behaviour
        entries = {id(e.function.node) for e in behaviour.entries}
        functions = [f for f in behaviour.run.functions.values()
                     if f.module.role == "application" and f.is_async and id(f.node) not in entries]
        declared = _declared(behaviour)
        looked = False
        for function in functions:
            callers = behaviour.callers.get(id(function.original.node), [])
            if not callers or function.decorators or function.name in declared or function.name.startswith("__"):
                continue
            looked = True
            place = function.module.place(function.node, function.qualname)
            if gives_way(function.node[6]):
                yield Right(place, "it awaits")
            elif _plain(behaviour, function, callers):
                yield _finding(function, callers)
        if not looked:
            yield NotApplicable("no async helper function is awaited by project code")


def _declared(behaviour: Behaviour) -> frozenset[str]:
    """Method names that more than one class of the project has, or that a class with outside bases defines."""
    seen: dict[str, int] = {}
    for cls in behaviour.run.classes:
        outside = 2 if cls.external_bases() else 1
        for name, value in cls.scope.names.items():
            if isinstance(value, FunctionValue):
                seen[name] = seen.get(name, 0) + outside
    return frozenset(name for name, times in seen.items() if times > 1)


def _plain(behaviour: Behaviour, function: FunctionValue, callers: list[tuple[Call, int]]) -> bool:
    """Whether everybody awaits it on the spot, it does something, and nothing in it blocks."""
    body = [s for s in function.node[6] if not (s[0] == "expr" and s[4][0] == "const")]
    if not body or all(s[0] in EMPTY for s in body) or isinstance(function.owner, ClassValue) and function.owner.bases:
        return False
    if any(shift or not call.awaited for call, shift in callers):
        return False  # handed on, or made into a task: it has to be a coroutine
    # asyncio's own functions need the running loop
    return not any(blocking(c.path) or c.path.startswith("asyncio.") for c in behaviour.calls_in(function))


def _finding(function: FunctionValue, callers: list[tuple[Call, int]]) -> Finding:
    places = list(dict.fromkeys(str(call.place) for call, _ in callers))
    shown = [*places[:3], f"{len(places) - 3} more"] if len(places) > 3 else places
    where = " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    awaits = f"the await at {where} gives" if len(places) == 1 else f"the awaits at {where} give"
    return Finding(
        function.module.place(function.node, function.qualname),
        f"{function.name}() is async and awaits nothing: it holds the event loop from start to end, and {awaits} "
        "nobody a turn.",
        chain=tuple(call.place for call, _ in callers[:3]), fix=advice(
            f"Write `def {function.name}` and drop the await at {where}", "callers and function change together, and "
            "an await may come back with the next feature"))


APP = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
AsyncWithoutAwait.examples = (
    Bad({"main.py": APP + "async def total(prices: list[int]) -> int:\n    return sum(prices)\n\n\n@app.get(\"/\")\n"
         "async def home() -> int:\n    return await total([1, 2])\n"}, at=("main.py:6",)),
    Bad({"app/__init__.py": "", "app/text.py": "async def clean(text: str) -> str:\n    \"\"\"Trim.\"\"\"\n"
         "    text = text.strip()\n    return text.lower()\n",
         "app/main.py": "from fastapi import FastAPI\n\nfrom app import text as t\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/\")\n"
         "async def home(q: str) -> str:\n    return await t.clean(q)\n"}, at=("app/text.py:1",)),
    Bad({"main.py": APP + "class Prices:\n    async def sum(self, prices: list[int]) -> int:\n"
         "        return sum(prices)\n\n\n"
         "prices = Prices()\n\n\n@app.get(\"/\")\nasync def home() -> int:\n    return await prices.sum([1])\n"},
        at=("main.py:7",)),
    Good({"main.py": APP + "import asyncio\n\n\nasync def later() -> int:\n    await asyncio.sleep(1)\n    return 1\n"
         "\n\n"
          "@app.get(\"/\")\nasync def home() -> int:\n    return await later()\n"}),
    Good(  # what FastAPI calls may be async as it likes
        {"main.py": APP + "@app.get(\"/\")\nasync def home() -> int:\n    return 1\n"}, outcome="not_applicable"),
    Good(  # a task needs a coroutine; an interface decides for its implementations
        {"main.py": APP + "import asyncio\n\n\nasync def note(text: str) -> None:\n    print(text)\n\n\nclass Store:\n"
         "    async def get(self) -> int:\n        raise NotImplementedError\n\n\nclass Memory(Store):\n"
         "    async def get(self) -> int:\n        return 1\n\n\nstore: Store = Memory()\n\n\n@app.get(\"/\")\n"
         "async def home() -> int:\n    task = asyncio.create_task(note(\"x\"))\n    await task\n"
         "    return await store.get()\n"},
        outcome="not_applicable"),
)
