"""Hours to fix a result: by hand, and when the offered patches are taken; three points each, with PERT mean and spread.

By hand, n occurrences cost once + (n - 1) × each at the likely point; the low and the high point scale ``each`` in the
proportion low:likely:high. What the cures of several checks have in common (``Hours.once``) is counted with the first
of them. With patches, every check whose fixes are patches costs a review allowance instead
(``REVIEW_HOURS`` by safety, once a check, never more than by hand), a sketch costs half of the hand work, and
occurrences without a patch keep their share of the hand work. A review takes half its allowance when all goes well
and three times as much when all goes badly.

The mean of three points is (low + 4 × likely + high) ÷ 6, their spread (high - low) ÷ 6, as in PERT.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from readybook.check import Estimate, Hours, Result
from readybook.finding import Finding
from readybook.records import record

REVIEW_HOURS = {"safe": 0.1, "review": 0.25}
REVIEW_RANGE = (0.5, 1.0, 3.0)  # of the allowance: low, likely, high
SKETCH_SHARE = 0.5
DIGITS = 3                      # of an hour in the audit JSON: a report gives the same figures before and after it


@record
class Points:
    """Hours in three points: all goes well, likely, all goes badly."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0

    @property
    def mean(self) -> float:
        """What it takes on average, by PERT's rule."""
        return (self.low + 4 * self.likely + self.high) / 6

    @property
    def spread(self) -> float:
        """The standard deviation, by PERT's rule."""
        return (self.high - self.low) / 6

    def __add__(self, other: Points) -> Points:
        return Points(self.low + other.low, self.likely + other.likely, self.high + other.high)


def estimate(hours: Hours, findings: Sequence[Finding], begun: Collection[str] = ()) -> Estimate:
    """The estimate for the open findings of one check; ``begun`` names the pieces of work that are counted already."""
    n = len(findings)
    if not n:
        return Estimate()
    work, common = hours.once
    further = ((n - 1) * hours.each - (common if work in begun else 0)) / hours.likely
    hand = Points(*(round(h + further * h, DIGITS) for h in (hours.low, hours.likely, hours.high)))
    return Estimate(hand.low, hand.likely, hand.high, round(_patched(hand, findings).likely, DIGITS))


def counted_once(results: Iterable[Result], hours: Mapping[str, Hours]) -> list[Result]:
    """The results with each piece of work that several have in common counted at the first that has findings.

    ``hours`` is check id → hours; a result of another check, or whose hours have nothing in common, is left alone.
    """
    begun, counted = set[str](), list[Result]()
    for result in results:
        own = hours.get(result.id)
        if result.findings and own is not None and own.once[0]:
            result = replace(result, estimate=estimate(own, result.findings, begun))
            begun.add(own.once[0])
        counted.append(result)
    return counted


def by_hand(result: Result) -> Points:
    """Hours for the open findings of a result when no patch is taken."""
    return Points(result.estimate.low, result.estimate.likely, result.estimate.high)


def with_patches(result: Result) -> Points:
    """Hours for the open findings of a result when every offered patch is taken: review, and the hand work left."""
    return _patched(by_hand(result), result.findings)


def hand_share(findings: Sequence[Finding]) -> float:
    """Which share of the hand work is left when the patches are taken, 0 to 1."""
    if not findings:
        return 0.0
    work = {"none": 1.0, "sketch": SKETCH_SHARE}
    return sum(work.get(_patch_of(f), 0.0) for f in findings) / len(findings)


def review_hours(findings: Sequence[Finding]) -> float:
    """The review allowance of a check's patch, likely; 0 when it has none."""
    return max((REVIEW_HOURS.get(_patch_of(f), 0.0) for f in findings), default=0.0)


def is_patched(finding: Finding) -> bool:
    """Whether the tool offers an edit for the finding without being asked for unsafe ones, rather than advice."""
    return _patch_of(finding) != "none"


def total(results: Sequence[Result], points: Callable[[Result], Points]) -> Points:
    """The three points of several results added up: everything goes well, or badly, at once."""
    return sum((points(result) for result in results), Points())


def _patched(hand: Points, findings: Sequence[Finding]) -> Points:
    share, review = hand_share(findings), review_hours(findings)
    low, likely, high = (
        min(hours, hours * share + review * part)
        for hours, part in zip((hand.low, hand.likely, hand.high), REVIEW_RANGE, strict=True)
    )
    return Points(low, likely, high)


def _patch_of(finding: Finding) -> str:
    """The safety of the patch that a finding's fix gives; ``none`` without one."""
    fix = finding.fix
    return "none" if fix is None or fix.unsafe or set(fix.kinds) == {"advice"} else fix.safety
