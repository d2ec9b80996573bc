"""ARC006: calls to other services that nothing cuts off while they fail."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Check, Finding, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.closure import pulled_in
from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.program import App
from readybook.facts.reach import first_reached
from readybook.finding import Answer
from readybook.patterns import regex
from readybook_checks.architecture.arc006_no_circuit_breaker.curing import breaker_home, cure
from readybook_checks.architecture.arc006_no_circuit_breaker.examples import EXAMPLES

OUTBOUND = regex(r"(?:httpx|requests|aiohttp)\.(?:\w+\.)*(?:get|post|put|patch|delete|head|request|send|stream)"
                 r"|grpc\.(?:aio\.)?(?:insecure|secure)_channel")
BREAKERS = regex(r"\b(?:pybreaker|purgatory|aiobreaker|circuitbreaker|CircuitBreaker|circuit_breaker|aiomisc"
                 r"|hyx\.circuitbreaker|resilience4py|lasier|breaker)\b")
IN_BREAKERS = ("reaker", "purgatory", "aiomisc", "resilience4py", "lasier")  # each name above has one of these
PLAIN = "pybreaker.CircuitBreaker"


class NoCircuitBreaker(Check):
    """While another service fails, each request still waits for it.

    Looked at: HTTP and gRPC calls that requests to a served application lead to, and circuit breakers in its code. A
    breaker answers at once while the other service is known to fail, so that its outage does not take all workers.
    Low: time limits come first, and are asked for elsewhere. High where ``pybreaker`` decorates an ``async def``: it
    sees only that a coroutine was made, counts no failure and never opens, so that it protects nothing.

    Fix: a small module with a circuit for each host, around every httpx client whose making is seen and around calls of
    ``requests`` and ``httpx`` that a statement makes by itself. What it raises is an error of the library, so that code
    which catches those goes on as when the call fails, and answers 503 with Retry-After where nothing does. A breaker
    library that the project declares is for a person to use.
    """

    id = "ARC006"
    name = "no-circuit-breaker"
    category = "architecture"
    severity = "low"
    hours = Hours(3, 6, 10, each=0.5)
    fix_kinds = ("scaffold", "advice")
    after = ("PER011",)  # the one client that it makes is guarded where it is made
    references = ("https://github.com/danielfm/pybreaker", "https://github.com/mardiros/purgatory")
    examples = EXAMPLES

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
        home: tuple[App, tuple[str, str] | None] | None = None  # one module for all: they share what they know of hosts
        for app in project.facts.apps:
            near = pulled_in(project.facts.modules, app.place.path) if app.served else frozenset()
            own = [c for c in calls if c.place.path in near and id(c) in reached]
            if not own:
                continue
            found = True
            modules = project.facts.modules.by_path
            if any(any(w in modules[p].text for w in IN_BREAKERS) and BREAKERS.search(modules[p].text)
                   for p in near if p in modules):
                if not seen:
                    yield Right(own[0].place, "a breaker is at hand", app.spec)
            else:
                home = home or (app, breaker_home(project, app))
                yield _none(project, app, own, *home)
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


def _none(project: Project, app: App, calls: list[Call], first_app: App, home: tuple[str, str] | None) -> Finding:
    first = min(calls, key=lambda c: (c.place.path, c.place.line))
    name = first.site.function.name if first.site.function is not None else first.last
    number = f"{len(calls)} calls of other services" if len(calls) > 1 else "one call of another service"
    by_hand = advice(f"Put a breaker around the call in {name}: with pybreaker, with breaker.calling(): around it",
                     "what to answer while it is open, and which failures count, is for a person to say")
    return Finding(
        first.place, f"Requests to {app.spec} lead to {number}, first in {name}, and no circuit breaker: while one "
        "fails or hangs, each request waits its whole time limit for it.", app=app.spec, confidence="medium",
        chain=tuple(c.place for c in calls[1:5]),
        fix=cure(project, first_app, app, home, calls, by_hand))
