"""What to fix first: each failing check ranked by severity, reach, confidence and effort.

The risk of a finding is what its severity weighs in the score (10, 7.5, 5, 2.5) × a factor for who meets it × a factor
for how sure the tool is. A check's risk is that of its riskiest finding; it decides the phase. Within a phase the
riskiest check comes first, among equals the one that gains most of the score for an hour of work.
"""

from __future__ import annotations

from collections.abc import Iterable

from readybook.check import Result
from readybook.effort import with_patches
from readybook.finding import Finding, Reach
from readybook.records import record
from readybook.report import Report
from readybook.score import cured, exact, weight
from readybook.severity import WEIGHTS

PHASES = ("now", "next", "later")
PHASE_TITLES = {"now": "Now", "next": "Next", "later": "Later"}
FLOORS = {"now": 7.0, "next": 4.0, "later": 0.0}     # of the risk
CONFIDENCE = {"high": 1.0, "medium": 0.8, "low": 0.5}
OPEN, GUARDED, FEW, UNCLEAR, UNMET = 1.0, 0.9, 0.9, 0.8, 0.6
FEW_SHARE = 0.1                                      # of the routes: fewer than this are few
QUICK_HOURS, QUICK_GAIN = 2.0, 0.1                   # a quick win takes at most this long and gains at least this much


@record
class Priority:
    """A failing check in the order of work.

    ``rank`` counts from 1; ``risk`` lies between 0 and 10; ``gain`` is in points of the overall score before any cap;
    ``hours`` is the mean with the offered patches taken; ``worst`` is the riskiest finding.
    """

    result: Result
    rank: int
    phase: str
    risk: float
    gain: float
    hours: float
    worst: Finding

    @property
    def gain_per_hour(self) -> float:
        """Points of the overall score for one hour of work."""
        return self.gain / self.hours if self.hours else 0.0

    @property
    def quick(self) -> bool:
        """Whether it is a quick win: little work, and the score shows it."""
        return self.hours <= QUICK_HOURS and self.gain >= QUICK_GAIN


def priorities(report: Report) -> tuple[Priority, ...]:
    """Every failing check of a report, first to fix first."""
    total = len(report.service.routes)
    rows = []
    for result in report.results:
        if result.findings:
            worst = max(result.findings, key=lambda f: risk(f, result.severity, total))
            danger = risk(worst, result.severity, total)
            gain = score_gain(report.results, result)
            rows.append((phase_of(danger), danger, gain, with_patches(result).mean, result, worst))
    rows.sort(key=lambda r: (PHASES.index(r[0]), -r[1], -r[2] / max(r[3], 1e-9), r[4].id))
    return tuple(
        Priority(result, rank, phase, danger, gain, hours, worst)
        for rank, (phase, danger, gain, hours, result, worst) in enumerate(rows, 1)
    )


@record
class Step:
    """One fix in an order of work and the overall score, unrounded, before and after it."""

    priority: Priority
    before: float
    after: float


def steps(report: Report, ids: Iterable[str] | None = None) -> tuple[Step, ...]:
    """The fixes one after another, in the order of ``ids`` (None: of priority), each with the score it leads to."""
    known = {p.result.id: p for p in priorities(report)}
    rows = {r.id: r for r in report.results}
    value, found = exact(rows.values()) or 0.0, []
    for id_ in known if ids is None else ids:
        rows[id_] = cured(rows[id_])
        reached = exact(rows.values()) or 0.0
        found.append(Step(known[id_], value, reached))
        value = reached
    return tuple(found)


def quick_wins(report: Report) -> tuple[Priority, ...]:
    """The failing checks that raise the score, most points for an hour of work first."""
    rows = [p for p in priorities(report) if p.gain > 0 and p.hours > 0]
    return tuple(sorted(rows, key=lambda p: (-p.gain_per_hour, p.result.id)))


def risk(finding: Finding, base: str, routes: int = 0) -> float:
    """How much harm a finding stands for, 0 to 10; ``base`` is its check's severity, ``routes`` how many there are."""
    severity = WEIGHTS[finding.severity or base]
    return round(severity * reach_factor(finding.reach, routes) * CONFIDENCE[finding.confidence], 3)


def reach_factor(reach: Reach | None, routes: int) -> float:
    """How far a finding reaches: 1 for the whole service or an open route, less for fewer people and places."""
    if reach is None or reach.scope == "service":
        return 1.0
    if reach.scope in ("none", "unclear"):
        return UNMET if reach.scope == "none" else UNCLEAR
    few = FEW if reach.routes < FEW_SHARE * routes else 1.0
    return (OPEN if reach.open else GUARDED) * few


def phase_of(danger: float) -> str:
    """The phase that a risk belongs to."""
    return next(name for name in PHASES if danger >= FLOORS[name])


def score_gain(results: Iterable[Result], cured: Result) -> float:
    """Points the overall score rises, before any cap, when ``cured`` passes and all else stays."""
    results = tuple(results)
    total = sum(weight(r) for r in results)
    right = sum(weight(r) * (r.ratio or 0.0) for r in results)
    own, base = weight(cured), WEIGHTS[cured.severity]
    after = (right - own * (cured.ratio or 0.0) + base) / (total - own + base)
    return 10 * (after - (right / total if total else 0.0))
