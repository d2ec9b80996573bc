"""ARC006: calls to other services that nothing cuts off while they fail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.closure import pulled_in
from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.program import App
from readybook.facts.reach import first_reached
from readybook.finding import Answer

OUTBOUND = re.compile(r"(?:httpx|requests|aiohttp)\.(?:\w+\.)*(?:get|post|put|patch|delete|head|request|send|stream)"
                      r"|grpc\.(?:aio\.)?(?:insecure|secure)_channel")
BREAKERS = re.compile(r"\b(?:pybreaker|purgatory|aiobreaker|circuitbreaker|CircuitBreaker|circuit_breaker|aiomisc"
                      r"|hyx\.circuitbreaker|resilience4py|lasier|breaker)\b")
PLAIN = "pybreaker.CircuitBreaker"


class NoCircuitBreaker(Check):
    """While another service fails, each request still waits for it.

    Looked at: HTTP and gRPC calls that requests to a served application lead to, and circuit breakers in its code. A
    breaker answers at once while the other service is known to fail, so that its outage does not take all workers.
    Low: time limits come first, and are asked for elsewhere. High where ``pybreaker`` decorates an ``async def``: it
    sees only that a coroutine was made, counts no failure and never opens, so that it protects nothing.

    Fix, by hand: a breaker around the await, that of purgatory or ``with breaker.calling()`` of pybreaker.
    """

    id = "ARC006"
    name = "no-circuit-breaker"
    category = "architecture"
    severity = "low"
    hours = Hours(3, 6, 10, each=0.5)
    fix_kinds = ("advice",)
    references = ("https://github.com/danielfm/pybreaker", "https://github.com/mardiros/purgatory")

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each breaker that protects nothing, and one for each application without any."""
        found = False
        seen: set[int] = set()
        for function in project.facts.behaviour.run.functions.values():
            name = _useless(function)
            if name and id(function.node) not in seen:
                seen.add(id(function.node))
                found = True
                yield _protects_nothing(function, name)
        calls = [c for path, made in project.facts.behaviour.by_path.items() if OUTBOUND.fullmatch(path) for c in made]
        reached = first_reached(project.facts.behaviour, calls)
        for app in project.facts.apps:
            near = pulled_in(project.facts.modules, app.place.path) if app.served else frozenset()
            own = [c for c in calls if c.place.path in near and id(c) in reached]
            if not own:
                continue
            found = True
            modules = project.facts.modules.by_path
            if any(BREAKERS.search(modules[p].text) for p in near if p in modules):
                if not seen:
                    yield Right(own[0].place, "a breaker is at hand", app.spec)
            else:
                yield _none(app, own)
        if not found:
            yield NotApplicable("no request leads to a call of another service")


def _useless(function: FunctionValue) -> str:
    """The text of the pybreaker that decorates an ``async def``; empty when none does."""
    if function.node[0] != "def" or not function.is_async or function.module.role != "application":
        return ""
    from readybook.facts.unparse import unparse

    for value, node in zip(function.decorators, function.node[7], strict=False):
        if isinstance(value, Instance) and value.is_a(PLAIN) and node[0] != "call":
            return unparse(node)
    return ""


def _protects_nothing(function: FunctionValue, name: str) -> Finding:
    place = function.module.place(function.node, function.qualname)
    return Finding(
        place, f"@{name} protects nothing: {function.name} is async: pybreaker only sees a coroutine being made, "
        "counts no failure and never opens.", "high",
        fix=advice(f"Drop @{name} and write, around the await inside {function.name}: with {name}.calling():",
                   "which of the awaits shall count is for a person to say"))


def _none(app: App, calls: list[Call]) -> Finding:
    first = min(calls, key=lambda c: (c.place.path, c.place.line))
    name = first.site.function.name if first.site.function is not None else first.last
    number = f"{len(calls)} calls of other services" if len(calls) > 1 else "one call of another service"
    return Finding(
        first.place, f"Requests to {app.spec} lead to {number}, first in {name}, and no circuit breaker: while one "
        "fails or hangs, each request waits its whole time limit for it.", app=app.spec, confidence="medium",
        chain=tuple(c.place for c in calls[1:5]),
        fix=advice(f"Put a breaker around the call in {name}: with pybreaker, with breaker.calling(): around it",
                   "what to answer while it is open, and which failures count, is for a person to say"))


HEAD = "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n"
CALL = ("\n\nasync def fetch() -> str:\n    async with httpx.AsyncClient(timeout=3) as client:\n"
        "        return (await client.get(\"https://a.example\")).text\n")
ROUTE = "\n\n@app.get(\"/\")\nasync def root() -> str:\n    return await fetch()\n"
BREAKER = "\nimport pybreaker\n\nguard = pybreaker.CircuitBreaker(fail_max=5)\n"
NoCircuitBreaker.examples = (
    Bad({"main.py": HEAD + CALL + ROUTE}, at=("main.py:9",), severity="low"),
    Bad({"main.py": HEAD + BREAKER + CALL.replace("async def", "@guard\nasync def") + ROUTE}, at=("main.py:12",),
        severity="high"),
    Bad({"main.py": "import requests as r\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def root() -> str:\n    return r.get(\"https://a.example\", timeout=3).text\n"}, at=("main.py:9",)),
    Good({"main.py": HEAD + BREAKER + ROUTE
          + CALL.replace("        return", "        with guard.calling():\n            return")}),
    Good({"main.py": "import requests\nfrom fastapi import FastAPI\n\napp = FastAPI()\n" + BREAKER
          + "\n\n@guard\ndef fetch() -> str:\n    return requests.get(\"https://a.example\", timeout=3).text\n"
          + ROUTE.replace("async ", "").replace("await ", "")}),
    Good({"main.py": HEAD + ROUTE.replace("await fetch()", "\"ok\"")}, outcome="not_applicable"),
    Good({"main.py": HEAD + CALL}, outcome="not_applicable"),  # no request calls it
)
