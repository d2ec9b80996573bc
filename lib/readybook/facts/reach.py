"""Which entry leads to a call, for many calls at once: one walk from all entries together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from readybook.facts.behaviour import Behaviour, Call, Entry, Reached, Step, functions_behind
from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.values import by_default


def first_reached(behaviour: Behaviour, wanted: Iterable[Call]) -> dict[int, Reached]:
    """``id(call)`` → the shortest way from an entry to it; calls that no entry reaches are left out.

    Coroutines count as run where they are made, also when they are handed on: a task that starts a task is reached.
    """
    places = {id(call): call for call in wanted}
    functions = {id(c.site.function.original.node) for c in places.values() if c.site.function is not None}
    found: dict[int, Reached] = {}
    queue: deque[tuple[Entry, FunctionValue, tuple[Step, ...]]] = deque((e, e.function, ()) for e in behaviour.entries)
    seen = {id(e.function.node) for e in behaviour.entries}
    while queue and len(found) < len(places):
        entry, function, chain = queue.popleft()
        here = id(function.node) in functions
        for call in behaviour.calls_in(function):
            if here and id(call) in places:
                found.setdefault(id(call), Reached(entry, call, chain))
            for f in call.runs:
                if id(f.node) not in seen and f.module.role == "application" and len(chain) < 12:
                    seen.add(id(f.node))
                    queue.append((entry, f, (*chain, Step(function.path, call.place, call))))
    return found


def startup_functions(behaviour: Behaviour) -> tuple[FunctionValue, ...]:
    """The lifespans and event handlers of all applications: what runs once, before and after requests."""
    found = []
    for app in behaviour.program.apps:
        targets = [e.target for e in app.events]
        if isinstance(app.instance, Instance):
            targets.append(by_default(app.kwargs.get("lifespan")))
        found += [f.original for t in targets for f in functions_behind(t)]
    return tuple({id(f.node): f for f in found}.values())


def requested(behaviour: Behaviour) -> frozenset[int]:
    """``id`` of the nodes of the bodies that requests, and what they start, can run, those of start-up left out."""
    todo = [e.function for e in behaviour.entries]
    seen = {id(f.node) for f in todo}
    while todo:
        for call in behaviour.calls_in(todo.pop()):
            for value in (call.site.callee, *call.args, *call.kwargs.values()):
                for f in functions_behind(value):
                    if id(f.original.node) not in seen:
                        seen.add(id(f.original.node))
                        todo.append(f.original)
    return frozenset(seen - {id(f.node) for f in startup_functions(behaviour)})
