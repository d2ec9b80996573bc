"""Monte Carlo of the hours: what all the fixes together take, and how sure that is.

Each check's hours follow a Beta-PERT distribution over its three points. The sum is multiplied by one factor that all
checks share (log-normal, mean 1): estimates of one team err together, and without it the sum of many would look far
too sure. Every check draws from a stream of its own, named by seed and id, so its draws stay as they are whatever else
is in the report, and the draws of a part of the checks add up to those of the whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from readybook.check import Result
from readybook.effort import REVIEW_RANGE, Points, by_hand, hand_share, review_hours
from readybook.records import record
from readybook.report import Report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Draws = NDArray[np.float64]

DRAWS, SEED = 10_000, 20261
SHARED_SPREAD = 0.25   # standard deviation of the shared factor
LEVELS = (50, 80, 95)


@record
class Range:
    """What a sum of estimates comes to, in hours: its mean, and the hours that suffice in 50, 80, 95 of 100 cases."""

    mean: float
    p50: float
    p80: float
    p95: float

    def times(self, factor: float) -> Range:
        """The same in another unit."""
        return Range(self.mean * factor, self.p50 * factor, self.p80 * factor, self.p95 * factor)


class Forecast:
    """The draws of every check of a report that has open findings, by hand and with patches."""

    def __init__(self, report: Report, draws: int = DRAWS, seed: int = SEED) -> None:
        self.report = report
        self.results = tuple(r for r in report.results if r.findings)
        self.draws, self.seed = draws, seed

    @cached_property
    def factor(self) -> Draws:
        """The shared factor of each draw."""
        import numpy

        variance = numpy.log1p(SHARED_SPREAD**2)
        normal = self._stream("shared").standard_normal(self.draws)
        return numpy.exp(numpy.sqrt(variance) * normal - variance / 2)

    @cached_property
    def _hand(self) -> dict[str, Draws]:
        return {r.id: self._pert(r.id, by_hand(r)) for r in self.results}

    @cached_property
    def _patched(self) -> dict[str, Draws]:
        """The hand work that is left errs as the hand work does; the review draws by itself."""
        import numpy

        found = {}
        for r in self.results:
            hand, share, review = self._hand[r.id], hand_share(r.findings), review_hours(r.findings)
            if review:
                own = self._pert(f"{r.id} review", Points(*(review * part for part in REVIEW_RANGE)))
                found[r.id] = numpy.minimum(hand, hand * share + own)
            else:
                found[r.id] = hand * share
        return found

    def sums(self, ids: Iterable[str] | None = None, *, patched: bool = False) -> Draws:
        """The hours of each draw for the checks ``ids`` (None: all) together."""
        import numpy

        own = self._patched if patched else self._hand
        chosen = own if ids is None else [i for i in ids if i in own]
        return self.factor * sum((own[i] for i in chosen), numpy.zeros(self.draws))

    def of(self, ids: Iterable[str] | None = None, *, patched: bool = False) -> Range:
        """Mean and percentiles for the checks ``ids`` (None: all) together."""
        import numpy

        drawn = self.sums(ids, patched=patched)
        return Range(float(drawn.mean()), *(float(p) for p in numpy.percentile(drawn, LEVELS)))

    def by(self, group: Callable[[Result], str], *, patched: bool = False) -> dict[str, Range]:
        """Mean and percentiles for each group of checks, groups in the order in which they occur."""
        members: dict[str, list[str]] = {}
        for result in self.results:
            members.setdefault(group(result), []).append(result.id)
        return {name: self.of(ids, patched=patched) for name, ids in members.items()}

    def curve(self, *, patched: bool = False, points: int = 101) -> tuple[tuple[float, float], ...]:
        """(hours, chance in percent that they suffice), from the surest loss to the surest gain."""
        import numpy

        chances = numpy.linspace(0.5, 99.5, points)
        hours = numpy.percentile(self.sums(patched=patched), chances)
        return tuple((float(h), float(c)) for h, c in zip(hours, chances, strict=True))

    def _stream(self, name: str) -> np.random.Generator:
        import numpy

        return numpy.random.Generator(numpy.random.PCG64([self.seed, zlib.crc32(name.encode())]))

    def _pert(self, name: str, points: Points) -> Draws:
        import numpy

        width = points.high - points.low
        if width <= 0:
            return numpy.full(self.draws, points.likely)
        left, right = (1 + 4 * (points.likely - points.low) / width, 1 + 4 * (points.high - points.likely) / width)
        return points.low + width * self._stream(name).beta(left, right, self.draws)


_latest: list[Forecast] = []


def forecast_of(report: Report) -> Forecast:
    """The forecast of a report; the latest one is kept, for the views of one report ask for it many times."""
    if not _latest or _latest[0].report is not report:
        _latest[:] = [Forecast(report)]
    return _latest[0]
