"""ARC014: threads for dependencies that have nothing to wait for."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, Call, functions_behind
from readybook.facts.dependencies import yields
from readybook.facts.nodes import nodes
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.finding import Answer
from readybook.intents import MakeAsync

PURE = frozenset({"len", "int", "str", "float", "bool", "max", "min", "dict", "list", "set", "tuple", "sorted", "round",
                  "isinstance", "abs", "sum", "any", "all", "range", "enumerate", "zip",
                  "fastapi.HTTPException", "starlette.exceptions.HTTPException", "fastapi.exceptions.HTTPException"})
TEXT = frozenset({"strip", "lower", "upper", "split", "startswith", "endswith", "partition", "rpartition",
                  "removeprefix", "removesuffix", "replace", "join", "format", "isdigit", "get", "items",
                  "keys", "values"})


class SyncDependencies(Check):
    """A dependency that only computes is a plain function: each request takes a thread for it and waits for one.

    Looked at: plain ``def`` dependencies of the routes. FastAPI runs each in its thread pool of 40. One that reads
    parameters, compares, builds a value or raises, and calls nothing that could block, gains nothing there. Functions
    that call anything else, generators, and those that other code calls are left alone.

    Fix: ``async def``, where the body is pure and nobody else calls it.
    """

    id = "ARC014"
    name = "sync-dependencies"
    category = "architecture"
    severity = "low"
    hours = Hours(0.5, 1, 3, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/async/#dependencies",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each function that routes depend on."""
        behaviour = project.facts.behaviour
        seen: dict[int, FunctionValue] = {}
        for route in project.facts.routes:
            for target in route.targets:
                for function in functions_behind(target) if not isinstance(target, ClassValue) else ():
                    seen.setdefault(id(function.original.node), function.original)
        looked = False
        for function in seen.values():
            if function.node[0] != "def" or yields(function) or function.module.role != "application":
                continue
            place = function.module.place(function.node, function.qualname)
            looked = True
            if function.is_async:
                yield Right(place, "it runs in the event loop")
            elif is_pure(behaviour, function):
                yield _finding(behaviour, function)
        if not looked:
            yield NotApplicable("no route has a dependency that is a function of the project")


def is_pure(behaviour: Behaviour, function: FunctionValue) -> bool:
    """Whether a body calls nothing but a few built-in functions, methods of text, and exceptions."""
    if function.decorators or any(n in function.module.text for n in ("contextvars", "threading.local")):
        return False
    calls = behaviour.calls_in(function)
    return _written(function) == len(calls) and all(_harmless(call) for call in calls)


def _harmless(call: Call) -> bool:
    if call.path in PURE:
        return True
    node = call.site.node[3]
    return node[0] == "attr" and node[4] in TEXT and (not call.path or call.path.startswith(("str.", "dict.")))


def _written(function: FunctionValue) -> int:
    """How many calls the body holds, followed or not."""
    return sum(node[0] == "call" for node in nodes(function.node[6]))


def _finding(behaviour: Behaviour, function: FunctionValue) -> Finding:
    place = function.module.place(function.node, function.qualname)
    others = behaviour.callers.get(id(function.node), [])
    direct = [call for call, shift in others if not shift]
    name = function.qualname if function.name == "__call__" else function.name
    title = f"Make {name} async"
    fix = Fix(title, (MakeAsync(place, function.name),), safety="safe",
              reason="it computes the same, in the event loop instead of a thread")
    if direct:
        fix = advice(title, f"{direct[0].place} calls it too, and would get a coroutine")
    return Finding(place, f"{name}() only computes, and FastAPI takes a thread for it on every request that "
                   "depends on it.", fix=fix)


HEAD = "from typing import Annotated\n\nfrom fastapi import Depends, FastAPI, HTTPException\n\napp = FastAPI()\n\n\n"
PAGE = ("def page(number: int = 1) -> int:\n    if number < 1:\n        raise HTTPException(422)\n"
        "    return number * 20\n")
USE = "\n\n@app.get(\"/\")\nasync def home(start: Annotated[int, Depends(page)]) -> int:\n    return start\n"
SyncDependencies.examples = (
    Bad({"main.py": HEAD + PAGE + USE}, at=("main.py:8",), fixed={"main.py": HEAD + "async " + PAGE + USE}),
    Bad({"deps.py": "def page(q: str) -> str:\n    return q.strip().lower()\n",
         "main.py": "from fastapi import Depends, FastAPI\nimport deps\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/\", dependencies=[Depends(deps.page)])\nasync def home() -> int:\n    return 1\n"},
        at=("deps.py:1",),
        fixed={"deps.py": "async def page(q: str) -> str:\n    return q.strip().lower()\n"}),
    Bad({"main.py": HEAD + PAGE + USE + "\n\nfirst = page(1)\n"}, at=("main.py:8",)),  # somebody else calls it
    Good({"main.py": HEAD + "async " + PAGE + USE}),
    Good({"main.py": HEAD + "def page() -> str:\n    return open(\"x\").read()\n" + USE}, outcome="not_applicable"),
    Good({"main.py": HEAD + "def page():\n    yield 1\n" + USE}, outcome="not_applicable"),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
)
