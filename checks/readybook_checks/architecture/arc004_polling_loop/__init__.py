"""ARC004: loops that ask the database again and again whether something has come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import Check, Finding, Hours, NotApplicable, Project, advice
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.bindings import statements
from readybook.facts.objects import FunctionValue
from readybook.facts.reach import first_reached
from readybook.facts.values import by_default
from readybook.finding import Answer
from readybook_checks.architecture.arc004_polling_loop.curing import Cure, Polling, polling
from readybook_checks.architecture.arc004_polling_loop.examples import EXAMPLES

SLEEPS = ("asyncio.sleep", "time.sleep", "anyio.sleep", "trio.sleep", "gevent.sleep")
OFTEN = 5.0  # seconds: a loop that waits longer costs little
DAY = 86_400


class PollingLoop(Check):
    """A loop asks the database again and again whether there is something to do.

    Looked at: endless ``while`` loops of application code that sleep and run a query, in place or in a function that
    they call. Each poll costs a connection and a query, whether or not anything came, and what came waits for the next
    one. High where it polls at least every five seconds or once for each client; medium where it waits longer, or for a
    time that the code does not show.

    Fix: PostgreSQL tells by itself, with ``NOTIFY`` in a trigger that an Alembic revision makes, and one listening
    connection for each process; the loop waits for that in place of its pause, asks once a minute all the same, and
    never more often than before. Only where a coroutine does nothing but take the rows of one table that it finds;
    elsewhere the reason is named. A queue does it for any database.
    """

    id = "ARC004"
    name = "polling-loop"
    category = "architecture"
    severity = "high"
    hours = Hours(2, 4, 8, each=2)
    fix_kinds = ("scaffold", "advice")
    references = ("https://www.postgresql.org/docs/current/sql-notify.html",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each endless loop that sleeps and asks the database."""
        behaviour = project.facts.behaviour
        sleeps = behaviour.calls_to(*SLEEPS)
        asked = {(q.place.path, q.place.line) for q in project.facts.queries} if sleeps else set()
        reached = first_reached(behaviour, sleeps)
        found = set()
        loops: list[tuple[Polling, Call]] = []
        for sleep in sleeps:
            loop = _loop(sleep)
            query = _query(project, sleep, loop, asked) if loop is not None else None
            if loop is None or query is None or id(loop) in found:
                continue
            found.add(id(loop))
            loops.append((polling(project, sleep, loop, query, id(sleep) in reached), query))
        cure = Cure(project, [loop for loop, _ in loops])
        for one, query in loops:
            yield _finding(project, one, query, id(one.sleep) in reached, cure)
        if not found:
            yield NotApplicable("no endless loop sleeps and asks the database")


def _loop(sleep: Call) -> Any:
    """The innermost endless loop around a call; None when there is none."""
    function = sleep.site.function
    if function is None or function.node[0] != "def":
        return None
    line = sleep.site.node[1]
    around = [s for s in statements(function.node[6]) if s[0] == "while" and s[1] <= line <= s[3]
              and s[4][0] == "const" and s[4][3] in (True, 1)]
    return max(around, key=lambda s: s[1], default=None)


def _query(project: Project, sleep: Call, loop: Any, asked: set[tuple[str, int]]) -> Call | None:
    """The call of the loop that runs a query, itself or in a function of the project that it calls."""
    behaviour, function = project.facts.behaviour, sleep.site.function
    for call in behaviour.calls_in(function) if function is not None else ():
        if not loop[1] <= call.site.node[1] <= loop[3]:
            continue
        if (call.place.path, call.place.line) in asked or any(
            (c.place.path, c.place.line) in asked for f in functions_behind(call.site.callee)
            if isinstance(f, FunctionValue) for c in behaviour.calls_in(f)
        ):
            return call
    return None


def _finding(project: Project, loop: Polling, query: Call, by_requests: bool, cure: Cure) -> Finding:
    sleep = loop.sleep
    value = by_default(sleep.args[0]) if sleep.args else None
    seconds = float(value) if isinstance(value, int | float) and value > 0 else None
    name = sleep.site.function.name if sleep.site.function is not None else "The loop"
    if seconds is not None:
        told = f"every {seconds:g} seconds, {round(DAY / seconds):,} times a day"
    else:
        told = "again and again, after a pause that the code does not show"
    each = " for each client that is connected" if by_requests else " in each process"
    severity = "high" if by_requests or seconds is not None and seconds <= OFTEN else "medium"
    postgres = any("postgresql" in e.backends for e in project.facts.engines)
    how = ("Let PostgreSQL tell: a trigger that runs pg_notify, one listening connection in each process" if postgres
           else f"Let a queue hand over what {name} waits for")
    return Finding(query.place, f"{name} asks the database {told}{each}, whether or not anything has come.", severity,
                   chain=(sleep.place,), fix=cure.fix(loop, advice(how, "")))
