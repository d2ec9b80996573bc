"""PER018: answers of other services awaited one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.awaiting import independent_awaits
from readybook.facts.behaviour import Behaviour, Call, functions_behind
from readybook.facts.nodes import blocks, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer

CLIENTS = ("httpx.AsyncClient.", "aiohttp.ClientSession.", "httpx2.AsyncClient.", "aiobotocore.", "openai.AsyncOpenAI",
           "anthropic.AsyncAnthropic", "aioboto3.")
FEWEST = 3
DEEPEST = 4


class SequentialAwaits(Check):
    """Several independent calls to other services are awaited one after the other: their times add up.

    Looked at: three or more statements of a body that follow one another, each of which awaits a call to another
    service (httpx, aiohttp and clients built on them, also behind own functions) and none of which uses the result of
    the one before. Database calls are left alone: one session serves one query at a time.

    Fix: advice, with the statements as an ``asyncio.TaskGroup``. Whether the other service minds three requests at
    once, and what happens when one of them fails, is for a person to say.
    """

    id = "PER018"
    name = "sequential-awaits"
    category = "performance"
    severity = "low"
    hours = Hours(0.25, 0.5, 2, each=0.25)
    fix_kinds = ("advice",)
    references = ("https://docs.python.org/3/library/asyncio-task.html#task-groups",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each async function that calls other services."""
        behaviour = project.facts.behaviour
        outward: dict[int, bool] = {}
        calling = {id(c.site.function.original.node): c.site.function.original for c in behaviour.calls
                   if c.awaited and c.site.function is not None and c.site.function.is_async}
        looked = False
        for function in calling.values():
            if not any(_outward(behaviour, c, outward, 0) for c in behaviour.calls_in(function)):
                continue
            looked = True
            runs = [r for body in _bodies(function.node[6]) for r in independent_awaits(body)]
            slow = next((r for r in runs if len(r) >= FEWEST and all(
                _is_outward(behaviour, s, outward) for s in r)), None)
            place = function.module.place(function.node, function.qualname)
            yield _finding(function, slow) if slow is not None else Right(place, "no independent calls in a row")
        if not looked:
            yield NotApplicable("no coroutine calls another service")


def _bodies(body: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """A body and the blocks inside its statements."""
    yield body
    for statement in statements(body):
        yield from blocks(statement)


def _is_outward(behaviour: Behaviour, statement: Node, known: dict[int, bool]) -> bool:
    call = behaviour.by_node.get(id(statement[5][3]))
    return call is not None and _outward(behaviour, call, known, 0)


def _outward(behaviour: Behaviour, call: Call, known: dict[int, bool], depth: int) -> bool:
    """Whether an awaited call asks another service, itself or through project functions."""
    if not call.awaited:
        return False
    if call.path.startswith(CLIENTS):
        return True
    for f in functions_behind(call.site.callee):
        f = f.original
        if id(f.node) not in known and depth < DEEPEST:
            known[id(f.node)] = False
            known[id(f.node)] = any(_outward(behaviour, c, known, depth + 1) for c in behaviour.calls_in(f))
        if known.get(id(f.node)):
            return True
    return False


def _finding(function: FunctionValue, run: tuple[Node, ...]) -> Finding:
    names = [s[4][0][3] for s in run]
    tasks = "; ".join(f"{n} = group.create_task({unparse(s[5][3])})" for n, s in zip(names, run, strict=True))
    first = function.module.place(run[0], function.qualname, run[-1][1])
    return Finding(
        first, f"{function.name}() awaits {len(run)} independent answers of other services one after the other "
        f"({', '.join(names)}): their times add up, where the slowest alone would do.", fix=advice(
            f"async with asyncio.TaskGroup() as group: {tasks[:300]} … and read each with .result()",
            "what shall happen when one of them fails is not in the code"))


APP = "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\nclient = httpx.AsyncClient()\n\n\n"
SequentialAwaits.examples = (
    Bad({"main.py": APP + "@app.get(\"/\")\nasync def home() -> list[int]:\n"
         "    a = await client.get(\"https://a.example\")\n"
         "    b = await client.get(\"https://b.example\")\n    c = await client.get(\"https://c.example\")\n"
         "    return [a.status_code, b.status_code, c.status_code]\n"}, at=("main.py:10",)),
    Bad(  # behind own functions, inside a with
        {"shop.py": "import aiohttp\n\n\nasync def load(session: aiohttp.ClientSession, what: str) -> str:\n"
         "    answer = await session.get(f\"https://shop.example/{what}\")\n    return await answer.text()\n",
         "main.py": "import aiohttp\nfrom fastapi import FastAPI\nfrom shop import load\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/\")\nasync def home() -> str:\n    async with aiohttp.ClientSession() as session:\n"
         "        user = await load(session, \"user\")\n        cart = await load(session, \"cart\")\n"
         "        news = await load(session, \"news\")\n    return user + cart + news\n"}, at=("main.py:11",)),
    Bad({"main.py": APP + "@app.get(\"/\")\nasync def home(x: int) -> int:\n    if x:\n"
         "        a = await client.get(\"https://a.example\")\n"
         "        b = await client.get(f\"https://b.example/{x}\")\n"
         "        c = await client.get(\"https://c.example\")\n"
         "        return a.status_code + b.status_code + c.status_code\n"
         "    return 0\n"}, at=("main.py:11",)),
    Good(  # each needs the one before
        {"main.py": APP + "@app.get(\"/\")\nasync def home() -> int:\n    a = await client.get(\"https://a.example\")\n"
         "    b = await client.get(a.text)\n    c = await client.get(b.text)\n    return c.status_code\n"}),
    Good({"main.py": APP + "@app.get(\"/\")\nasync def home() -> int:\n"
         "    a = await client.get(\"https://a.example\")\n"
          "    b = await client.get(\"https://b.example\")\n    return a.status_code + b.status_code\n"}),
    Good(  # one session, one query at a time
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy.ext.asyncio import AsyncSession\n\napp = FastAPI()\n"
         "\n\n"
         "async def load(session: AsyncSession) -> None:\n    a = await session.get(int, 1)\n"
         "    b = await session.get(int, 2)\n    c = await session.get(int, 3)\n"}, outcome="not_applicable"),
)
