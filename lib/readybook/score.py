"""The score: severity-weighted share of what is right, by category and over all.

A reader can recompute it: a counted check weighs 10, 7.5, 5 or 2.5 (critical, high, medium, low) by its gravest
finding, or by its base severity when it has none. Its ratio is 1 when passed or attested, 0 when failed, and the share
that is right when partial. A score is 10 × Σ weight·ratio ÷ Σ weight. Not counted: unknown, error, not_applicable and
waived results, and attestable checks that neither the code nor an attestation answers. An open critical finding caps
its category at 6.9 and the overall score at 7.9. The weights are those of OpenSSF Scorecard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from readybook.check import CATEGORIES, Estimate, Result
from readybook.records import record
from readybook.severity import WEIGHTS

CATEGORY_CAP, OVERALL_CAP = 6.9, 7.9
GRADES = ((9.0, "excellent"), (7.0, "good"), (5.0, "fair"), (0.0, "at risk"))


@record
class Score:
    """``value`` 0 to 10 (None: nothing counted), its grade, how many checks counted of how many, and what caps it."""

    value: float | None
    counted: int
    total: int
    capped_by: str | None = None

    @property
    def grade(self) -> str | None:
        """The grade's name, None when nothing counted."""
        return None if self.value is None else grade(self.value)


@record
class Scorecard:
    """The overall score and one for each category that has a check."""

    overall: Score
    categories: dict[str, Score]

    def to_dict(self) -> dict[str, Any]:
        """The ``score`` object of the audit JSON."""
        return {
            "overall": self.overall.value, "grade": self.overall.grade, "capped_by": self.overall.capped_by,
            "counted": self.overall.counted, "total": self.overall.total,
            "categories": {
                name: {"score": s.value, "grade": s.grade, "counted": s.counted, "total": s.total,
                       "capped_by": s.capped_by}
                for name, s in self.categories.items()
            },
        }


def grade(value: float) -> str:
    """The grade of a score."""
    return next(name for floor, name in GRADES if value >= floor)


def weight(result: Result) -> float:
    """What a result weighs in the score; 0 when it does not count."""
    if result.ratio is None or (result.attestable and result.outcome in ("failed", "partial")):
        return 0.0
    return WEIGHTS[result.gravest]


def cured(result: Result) -> Result:
    """The result as it is when every finding of it is put right: passed, and weighing by its base severity."""
    return replace(result, outcome="passed", ratio=1.0, findings=(), fingerprints=(), estimate=Estimate())


def after(results: Iterable[Result], fixed: Collection[str]) -> Scorecard:
    """The scorecard when the checks ``fixed`` (ids) are put right and all else stays."""
    return scorecard(cured(r) if r.id in fixed and r.findings else r for r in results)


def exact(results: Iterable[Result]) -> float | None:
    """The overall score without rounding, capped as ever; None when nothing counts."""
    return _value([r for r in results if weight(r)], OVERALL_CAP)[0]


def scorecard(results: Iterable[Result]) -> Scorecard:
    """Compute the scorecard of a run."""
    results = tuple(results)
    categories = {}
    for name in CATEGORIES:
        own = [r for r in results if r.category == name]
        if own:
            categories[name] = _score(own, CATEGORY_CAP)
    return Scorecard(_score(results, OVERALL_CAP), categories)


def _score(results: Iterable[Result], cap: float) -> Score:
    results = tuple(results)
    counted = [r for r in results if weight(r)]
    value, capped_by = _value(counted, cap)
    return Score(None if value is None else round(value, 1), len(counted), len(results), capped_by)


def _value(counted: Sequence[Result], cap: float) -> tuple[float | None, str | None]:
    """(value, what caps it) of counted results."""
    if not counted:
        return None, None
    value = 10 * sum(weight(r) * (r.ratio or 0.0) for r in counted) / sum(weight(r) for r in counted)
    critical = [r.id for r in counted if any((f.severity or r.severity) == "critical" for f in r.findings)]
    capped_by = critical[0] if critical and value > cap else None
    return (cap if capped_by else value), capped_by
