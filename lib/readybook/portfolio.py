"""Many audited codebases as one: who stands where, which defects come back, what all of it takes.

A portfolio is read from the folder that ``readybook batch`` wrote, or made by auditing targets here without reports.
"""

from __future__ import annotations

import json
import statistics
import zlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from readybook import story
from readybook.errors import ConfigError, ReadybookError
from readybook.forecast import LEVELS, SEED, Forecast, Range
from readybook.records import record
from readybook.report import Report, Target
from readybook.run import described
from readybook.severity import SEVERITIES

DRAWS = 5_000


@record
class Member:
    """One codebase: its report, or the reason why there is none. ``page`` leads to its report, empty without one."""

    name: str
    path: str
    report: Report | None = None
    reason: str = ""
    page: str = ""

    @property
    def comparable(self) -> bool:
        """Whether its score says something beside others': an application was found and some check counted."""
        return self.report is not None and bool(self.report.apps) and self.report.score.overall.value is not None


@record
class Defect:
    """One check over all codebases: in how many it found something, of how many it could be answered for."""

    id: str
    title: str
    category: str
    severity: str
    targets: tuple[str, ...]
    asked: int
    findings: int
    hand: float
    patched: float


class Portfolio:
    """All members in the order of the batch, and what follows from them."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.members = tuple(members)

    @cached_property
    def ranked(self) -> tuple[Member, ...]:
        """Best score first, then fewest critical findings; what is not comparable stands at the end."""
        return tuple(sorted((m for m in self.members if m.report is not None), key=_place))

    @cached_property
    def failed(self) -> tuple[Member, ...]:
        """Those without a report."""
        return tuple(m for m in self.members if m.report is None)

    @cached_property
    def scores(self) -> tuple[float, ...]:
        """The overall scores that can be compared, best first."""
        return tuple(m.report.score.overall.value or 0.0 for m in self.ranked if m.report and m.comparable)

    @property
    def median(self) -> float | None:
        """The score that half of the comparable ones reach."""
        return statistics.median(self.scores) if self.scores else None

    @cached_property
    def defects(self) -> tuple[Defect, ...]:
        """Every check that found something, in most codebases first, graver ones first among equals."""
        rows: dict[str, list[tuple[str, Any]]] = {}
        asked: dict[str, int] = {}
        for member in self.members:
            for result in member.report.results if member.report else ():
                asked[result.id] = asked.get(result.id, 0) + (result.ratio is not None)
                if result.findings:
                    rows.setdefault(result.id, []).append((member.name, result))
        found = [_defect(own, asked[id_]) for id_, own in rows.items()]
        return tuple(sorted(found, key=lambda d: (-len(d.targets), SEVERITIES.index(d.severity), d.id)))

    @cached_property
    def hand(self) -> Range:
        """Hours for everything in every codebase by hand."""
        return self._effort(patched=False)

    @cached_property
    def patched(self) -> Range:
        """Hours for everything in every codebase with the offered patches taken."""
        return self._effort(patched=True)

    def _effort(self, *, patched: bool) -> Range:
        """The sum over all codebases: mean, and what suffices in 50, 80, 95 of 100 cases.

        One team's estimates err together, so all codebases share one factor; what is drawn for a check is drawn anew
        for each codebase.
        """
        import numpy

        total = numpy.zeros(DRAWS)
        shared = Forecast(Report(Target("", None, 0, 0), (), ()), DRAWS).factor
        for number, member in enumerate(self.members):
            if member.report is not None:
                own = Forecast(member.report, DRAWS, SEED + zlib.crc32(f"{number} {member.name}".encode()))
                total = total + own.sums(patched=patched) / own.factor * shared
        return Range(float(total.mean()), *(float(p) for p in numpy.percentile(total, LEVELS)))


def read_batch(folder: Path) -> Portfolio:
    """The portfolio of a batch's folder; raises ConfigError when it holds no batch.json."""
    index = folder / "batch.json"
    if not index.is_file():
        raise ConfigError(f"folder: there is no batch.json in {folder}; readybook batch writes one")
    return Portfolio(_read(folder, row) for row in json.loads(index.read_text(encoding="utf-8"))["targets"])


def audit_each(targets: Path, only: Iterable[str] = (), skip: Iterable[str] = ()) -> Portfolio:
    """Audit every target of a manifest, or every child of a folder, here and now, without reports and patches."""
    from readybook.manifest import read_manifest
    from readybook.rendering import audited

    def member(entry: Any) -> Member:
        try:
            ran = audited(entry.path, name=entry.name, app=entry.app, app_dir=entry.app_dir, exclude=entry.exclude,
                          only=only, skip=skip)
        except ReadybookError as error:
            return Member(entry.name, entry.shown, reason=described(error).partition(": ")[2])
        return Member(entry.name, entry.shown, ran.report)

    return Portfolio(member(entry) for entry in read_manifest(targets))


def _read(folder: Path, row: dict[str, Any]) -> Member:
    if row["status"] != "done":
        return Member(row["name"], row["path"], reason=row["reason"])
    try:
        text = (folder / row["folder"] / "audit.json").read_text(encoding="utf-8")
        report = Report.from_json(text)
    except (OSError, ValueError, KeyError) as error:
        return Member(row["name"], row["path"], reason=f"its audit.json cannot be read: {described(error)}")
    return Member(row["name"], row["path"], report, page=f"./{row['report']}")


def _place(member: Member) -> tuple[bool, float, int, str]:
    assert member.report is not None
    value = member.report.score.overall.value
    return not member.comparable, 11.0 if value is None else -value, \
        story.severity_counts(member.report)["critical"], member.name


def _defect(own: list[tuple[str, Any]], asked: int) -> Defect:
    results = [result for _, result in own]
    gravest = min((r.gravest for r in results), key=SEVERITIES.index)
    first = results[0]
    return Defect(
        first.id, first.title, first.category, gravest, tuple(name for name, _ in own), asked,
        sum(len(r.findings) for r in results), sum(r.estimate.likely for r in results),
        sum(r.estimate.automated for r in results),
    )
