"""Which entry leads to a call, for many calls at once: one walk from all entries together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from readybook.facts.behaviour import Behaviour, Call, Entry, Reached, Way, by_body, functions_behind
from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.switches import in_use
from readybook.facts.values import by_default


class Reaching:
    """Some calls, and the ways from entries to them: only bodies that lead to one of them are walked."""

    def __init__(self, behaviour: Behaviour, calls: Iterable[Call]) -> None:
        self.behaviour = behaviour
        self.by_body = by_body(in_use(behaviour, list(calls)))
        self.bodies = leading_to(behaviour, self.by_body)

    def by(self, entry: Entry) -> Iterator[Reached]:
        """Those that run, in place, when the entry runs: breadth first, each body once, shortest chain."""
        if id(entry.function.original.node) in self.bodies:
            for way in self.behaviour.ways(entry, self.bodies):
                calls = self.by_body.get(id(way.function.original.node))
                if calls:
                    chain = way.chain
                    yield from (Reached(entry, call, chain) for call in calls)


def leading_to(behaviour: Behaviour, bodies: Iterable[int]) -> set[int]:
    """Identities of the bodies from which calls lead to one of ``bodies``, these included."""
    todo = list(bodies)
    found = set(todo)
    while todo:
        for body in behaviour.led_to.get(todo.pop(), ()):
            if body not in found:
                found.add(body)
                todo.append(body)
    return found


def first_reached(behaviour: Behaviour, calls: Iterable[Call]) -> dict[int, Reached]:
    """``id(call)`` → the shortest way from an entry to it; calls that no entry reaches are left out.

    Coroutines count as run where they are made, also when they are handed on: a task that starts a task is reached.
    """
    places = {id(call): call for call in in_use(behaviour, list(calls))}
    wanted = by_body(places.values())
    towards = leading_to(behaviour, wanted)
    found: dict[int, Reached] = {}
    queue = deque((e, Way(e.function, None, None, 0)) for e in behaviour.entries)
    seen = {id(e.function.node) for e in behaviour.entries}
    while queue and len(found) < len(places):
        entry, way = queue.popleft()
        here = id(way.function.original.node)
        if here in wanted:
            chain = way.chain
            found.update((id(call), Reached(entry, call, chain)) for call in wanted[here])
        for call, f in behaviour.leading.get(here, ()) if here in towards and way.length < 12 else ():
            if id(f.node) in towards and id(f.node) not in seen:
                seen.add(id(f.node))
                queue.append((entry, Way(f, way, call, way.length + 1)))
    return found


def run_for(behaviour: Behaviour, targets: Iterable[Any]) -> Iterator[Call]:
    """Every call that runs for these callables: coroutines and functions that are handed on count as run."""
    queue = [(f.original, 0) for t in targets for f in functions_behind(t)]
    seen = {id(f.node) for f, _ in queue}
    while queue:
        function, depth = queue.pop(0)
        for call in behaviour.calls_in(function):
            yield call
            for value in (call.site.callee, *call.args):
                for f in functions_behind(value):
                    f = f.original
                    if id(f.node) not in seen and f.module.role == "application" and depth < 12:
                        seen.add(id(f.node))
                        queue.append((f, depth + 1))


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
