"""Who does what when: the fixes in order of priority on a team's calendar, in phases and weeks.

A fix goes to one engineer as a whole and takes its mean hours with the offered patches. The next free engineer takes
the fix of the earliest phase and best rank whose prerequisites are done; a prerequisite moves to the phase and rank of
the first fix that needs it. Nothing here depends on dates: weeks count from 1.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from readybook.best_set import Requires, closure
from readybook.forecast import Forecast, Range, forecast_of
from readybook.priority import PHASES, Priority, priorities
from readybook.records import record
from readybook.report import Report
from readybook.score import Score, after

NEAR = 1e-9


@record
class Task:
    """One fix on the calendar: ``start`` and ``end`` in working hours of one engineer since the start, ``engineer`` and
    weeks from 1."""

    priority: Priority
    phase: str
    engineer: int
    start: float
    end: float
    first_week: int
    last_week: int


@record
class Phase:
    """The fixes of one phase: the hours of the whole team (with patches, and by hand), the weeks in which its fixes
    stand on the calendar, and the score when it is done."""

    name: str
    ids: tuple[str, ...]
    patched: Range
    hand: Range
    first_week: int
    last_week: int
    score: Score


@record
class Roadmap:
    """The calendar; ``weeks`` how many it takes, ``hours_per_week`` those of each of the ``engineers``."""

    tasks: tuple[Task, ...]
    phases: tuple[Phase, ...]
    engineers: int
    hours_per_week: float

    @property
    def weeks(self) -> int:
        """The week in which the last fix is done."""
        return max((task.last_week for task in self.tasks), default=0)


def roadmap(
    report: Report, engineers: int = 1, hours_per_week: float = 30.0, requires: Requires | None = None,
    forecast: Forecast | None = None, only: Collection[str] | None = None,
) -> Roadmap:
    """The calendar of all failing checks, or of those in ``only``; raises ValueError for a team that cannot work."""
    if engineers < 1 or hours_per_week <= 0:
        raise ValueError(f"engineers must be 1 or more and hours_per_week above 0; got {engineers}, {hours_per_week}")
    requires = requires or {}
    chosen = [p for p in priorities(report) if only is None or p.result.id in only]
    ordered = _in_order(chosen, requires)
    tasks = _scheduled(ordered, engineers, hours_per_week, requires)
    return Roadmap(tasks, _phases(report, tasks, forecast or forecast_of(report)), engineers, hours_per_week)


def _in_order(chosen: list[Priority], requires: Requires) -> list[tuple[Priority, str]]:
    """The fixes with their phases; each prerequisite stands before, and no later in phase than, what needs it."""
    known = {p.result.id: p for p in chosen}
    placed: dict[str, str] = {}
    for p in chosen:
        for id_ in closure([p.result.id], requires, known):
            placed.setdefault(id_, p.phase)
    return [(known[id_], phase) for id_, phase in placed.items()]


def _scheduled(
    ordered: list[tuple[Priority, str]], engineers: int, hours_per_week: float, requires: Requires
) -> tuple[Task, ...]:
    free = [0.0] * engineers
    ends: dict[str, float] = {}
    waiting = list(ordered)
    names = {p.result.id for p, _ in ordered}
    tasks = []
    while waiting:
        who = min(range(engineers), key=lambda n: (free[n], n))
        ready = [
            (max([free[who], *(ends[r] for r in _needs(p, requires, names))]), n)
            for n, (p, _) in enumerate(waiting) if all(r in ends for r in _needs(p, requires, names))
        ]
        start, n = next(((s, n) for s, n in ready if s <= free[who] + NEAR), min(ready))
        p, phase = waiting.pop(n)
        end = start + p.hours
        free[who] = ends[p.result.id] = end
        tasks.append(Task(p, phase, who + 1, start, end, _week(start, hours_per_week, True),
                          _week(end, hours_per_week, False)))
    return tuple(tasks)


def _needs(p: Priority, requires: Requires, names: set[str]) -> list[str]:
    return [r for r in requires.get(p.result.id, ()) if r in names and r != p.result.id]


def _week(hour: float, hours_per_week: float, begins: bool) -> int:
    """The week an hour lies in; what ends with a week belongs to it."""
    weeks = hour / hours_per_week
    return math.floor(weeks + NEAR) + 1 if begins else max(1, math.ceil(weeks - NEAR))


def _phases(report: Report, tasks: tuple[Task, ...], forecast: Forecast) -> tuple[Phase, ...]:
    phases, done = [], set[str]()
    for name in PHASES:
        own = [t for t in tasks if t.phase == name]
        if own:
            ids = tuple(t.priority.result.id for t in own)
            done |= set(ids)
            phases.append(Phase(
                name, ids, forecast.of(ids, patched=True), forecast.of(ids), min(t.first_week for t in own),
                max(t.last_week for t in own), after(report.results, done).overall,
            ))
    return tuple(phases)
