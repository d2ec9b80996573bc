"""What a report becomes when some of its findings are cured and all else stays: score and hours, nothing read again.

A cured finding counts as a place that is right: a result with n findings and r right places has the ratio r ÷ (r + n),
with k of them cured (r + k) ÷ (r + n). The hours that are left are the findings' equal shares of their check's hours.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from readybook.check import Estimate, Result
from readybook.effort import with_patches
from readybook.report import Report


def without(report: Report, cured: Collection[str]) -> Report:
    """The report as it would be without the findings whose fingerprints are in ``cured``."""
    return replace(report, results=tuple(_without(result, cured) for result in report.results))


def _without(result: Result, cured: Collection[str]) -> Result:
    pairs = [(f, p) for f, p in zip(result.findings, result.fingerprints, strict=True) if p not in cured]
    count, left = len(result.findings), len(pairs)
    if left == count:
        return result
    ratio = None if result.ratio is None else 1 - (1 - result.ratio) * left / count
    hand = (hours * left / count for hours in (result.estimate.low, result.estimate.likely, result.estimate.high))
    after = replace(
        result, findings=tuple(f for f, _ in pairs), fingerprints=tuple(p for _, p in pairs), ratio=ratio,
        outcome="partial" if left else "passed", estimate=Estimate(*hand),
    )
    return replace(after, estimate=replace(after.estimate, automated=with_patches(after).likely))
