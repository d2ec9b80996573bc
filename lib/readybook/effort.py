"""Hours to fix a result: by hand, and when the offered patches are taken.

By hand, n occurrences cost once + (n - 1) × each at the likely point; the low and the high point scale ``each`` in the
proportion low:likely:high. With patches, every check whose fixes are patches costs a review allowance instead
(``REVIEW_HOURS`` by safety, once a check, never more than by hand), a sketch costs half of the hand work, and
occurrences without a patch keep their share of the hand work.
"""

from __future__ import annotations

from collections.abc import Sequence

from readybook.check import Estimate, Hours
from readybook.finding import Finding

REVIEW_HOURS = {"safe": 0.1, "review": 0.25}
SKETCH_SHARE = 0.5


def estimate(hours: Hours, findings: Sequence[Finding]) -> Estimate:
    """The estimate for the open findings of one check."""
    n = len(findings)
    if not n:
        return Estimate()
    likely = hours.likely + (n - 1) * hours.each
    low = hours.low + (n - 1) * hours.each * hours.low / hours.likely
    high = hours.high + (n - 1) * hours.each * hours.high / hours.likely
    return Estimate(low, likely, high, _automated(likely, findings))


def _automated(likely: float, findings: Sequence[Finding]) -> float:
    share = likely / len(findings)
    patched = [f.fix for f in findings if f.fix and f.fix.intents and not f.fix.unsafe]
    by_hand = share * (len(findings) - len(patched))
    sketched = share * SKETCH_SHARE * sum(fix.safety == "sketch" for fix in patched)
    review = max((REVIEW_HOURS[fix.safety] for fix in patched if fix.safety in REVIEW_HOURS), default=0.0)
    return min(likely, by_hand + sketched + review)
