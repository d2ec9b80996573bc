"""Choosing what to fix: findings filtered and sorted, code in context, and what a choice of fixes buys and takes.

No widget and no HTML is made here; everything is a function of the report, the series and the project.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property

from readybook.best_set import best_set, closure
from readybook.finding import Finding
from readybook.forecast import Forecast, Range
from readybook.masking import mask
from readybook.place import Place
from readybook.priority import Priority, priorities
from readybook.project import Project
from readybook.records import record
from readybook.report import Report
from readybook.roadmap import Roadmap, roadmap
from readybook.score import Scorecard, after
from readybook.seriesview import PatchView, SeriesView
from readybook.severity import SEVERITIES

ORDERS = ("priority", "severity", "file", "check")
CONTEXT_BEFORE, CONTEXT_AFTER, CONTEXT_LONGEST = 6, 10, 60  # lines


@record
class Row:
    """One open finding as an item of a list; ``rank`` is its check's place in the order of work."""

    fingerprint: str
    check: str
    category: str
    severity: str
    finding: Finding
    rank: int
    patch: PatchView | None

    @property
    def text(self) -> str:
        """What a filter looks into."""
        return f"{self.severity} {self.check} {self.category} {self.finding.place} {self.finding.message}".lower()


@record
class Line:
    """A line of code around a finding; ``hit`` when the finding is about it."""

    number: int
    text: str
    hit: bool


@record
class Outcome:
    """What a choice of checks to put right comes to: ``ids`` with all they need, ``needed`` those nobody asked for."""

    ids: tuple[str, ...]
    needed: tuple[str, ...]
    before: Scorecard
    after: Scorecard
    patched: Range
    hand: Range
    roadmap: Roadmap


class Choices:
    """One audit to choose from. ``engineers`` and ``hours_per_week`` (of each) set the calendar."""

    def __init__(self, report: Report, series: SeriesView, engineers: int = 1, hours_per_week: float = 30.0) -> None:
        self.report, self.series = report, series
        self.engineers, self.hours_per_week = engineers, hours_per_week

    @cached_property
    def priorities(self) -> tuple[Priority, ...]:
        """Every failing check, first to fix first."""
        return priorities(self.report)

    @cached_property
    def patches(self) -> dict[str, PatchView]:
        """Check → its patch."""
        return {patch.check: patch for patch in self.series.patches}

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every open finding, gravest first."""
        ranks = {p.result.id: p.rank for p in self.priorities}
        curing = {fingerprint: patch for patch in self.series.patches for fingerprint in patch.fingerprints}
        return tuple(
            Row(print_, r.id, r.category, f.severity or r.severity, f, ranks[r.id], curing.get(print_))
            for r, f, print_ in self.report.findings
        )

    def select(self, severity: str = "", category: str = "", words: str = "", order: str = "priority") -> list[Row]:
        """The findings of a severity and a category (empty: any) whose text holds every word, in one of `ORDERS`."""
        wanted = words.lower().split()
        found = [row for row in self.rows if severity in ("", row.severity) and category in ("", row.category)
                 and all(word in row.text for word in wanted)]
        place = {id(row): (row.finding.place.path, row.finding.place.line) for row in found}
        keys = {
            "priority": lambda row: (row.rank, SEVERITIES.index(row.severity), *place[id(row)]),
            "severity": lambda row: (SEVERITIES.index(row.severity), row.rank, *place[id(row)]),
            "file": lambda row: (*place[id(row)], row.check),
            "check": lambda row: (row.check, *place[id(row)]),
        }
        return sorted(found, key=keys[order])

    def ticked(self, ids: Iterable[str]) -> tuple[str, ...]:
        """The checks ``ids`` and those whose patches must come before theirs, needed ones first."""
        return closure(ids, self.series.requires, {p.result.id for p in self.priorities})

    def unticked(self, ids: Collection[str], gone: str) -> tuple[str, ...]:
        """``ids`` without ``gone`` and without those that need it."""
        return tuple(id_ for id_ in ids if gone not in closure([id_], self.series.requires, set(ids) | {gone}))

    def within(self, hours: float) -> tuple[str, ...]:
        """The checks that raise the score most within a budget of hours, with the patches taken."""
        return best_set(self.report, hours, self.series.requires).ids

    def outcome(self, ids: Iterable[str]) -> Outcome:
        """What putting these checks right, and those they need, buys and takes."""
        asked = tuple(ids)
        whole = self.ticked(asked)
        return Outcome(
            whole, tuple(id_ for id_ in whole if id_ not in asked), self.report.score,
            after(self.report.results, whole), self._forecast.of(whole, patched=True), self._forecast.of(whole),
            roadmap(self.report, self.engineers, self.hours_per_week, self.series.requires, self._forecast, whole),
        )

    @cached_property
    def _forecast(self) -> Forecast:
        return Forecast(self.report)


def context(project: Project | None, place: Place) -> tuple[Line, ...]:
    """The code around a place, secrets masked; nothing without a project, such a line, or when masking moved lines."""
    if project is None or place.path not in project.files or place.line < 1:
        return ()
    text = mask(project.text(place.path), place.path)
    lines = text.split("\n")
    if len(lines) != project.text(place.path).count("\n") + 1:  # a key over several lines became one: numbers are wrong
        return ()
    last = min(max(place.end_line or place.line, place.line), place.line + CONTEXT_LONGEST)
    first = max(1, place.line - CONTEXT_BEFORE)
    return tuple(
        Line(number, lines[number - 1].rstrip("\r"), place.line <= number <= last)
        for number in range(first, min(len(lines), last + CONTEXT_AFTER) + 1)
    )
