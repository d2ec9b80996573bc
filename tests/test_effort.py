"""Hours, recomputed by hand."""

from __future__ import annotations

import pytest

from readybook import Finding, Fix, Hours, Place, advice
from readybook.effort import estimate
from readybook.intents import AddFile

HOURS = Hours(1, 2, 4, 0.5)
SAFE = Fix("t", (AddFile("a", ""),), safety="safe")
REVIEW = Fix("t", (AddFile("a", ""),), safety="review")
SKETCH = Fix("t", (AddFile("a", ""),), safety="sketch")
UNSAFE = Fix("t", (AddFile("a", ""),), safety="review", unsafe=True)
ADVICE = advice("t", "r")


def hours(*fixes: Fix | None):
    return estimate(HOURS, [Finding(Place("a.py", n), "m", fix=fix) for n, fix in enumerate(fixes, 1)])


def test_nothing_open_costs_nothing():
    assert estimate(HOURS, []) == type(estimate(HOURS, []))()


def test_by_hand():
    assert (hours(None).low, hours(None).likely, hours(None).high) == (1, 2, 4)
    three = hours(None, None, None)  # 2 + 2 × 0.5 likely; each is scaled 1:2:4 at the low and high point
    assert (three.low, three.likely, three.high) == (1.5, 3.0, 6.0)
    assert estimate(Hours(1, 2, 4), [Finding(Place("a.py"), "m")] * 9).likely == 2


@pytest.mark.parametrize(
    ("fixes", "automated"),
    [
        ((None,), 2.0), ((ADVICE,), 2.0), ((UNSAFE,), 2.0),
        ((SAFE,), 0.1), ((SAFE, SAFE, SAFE), 0.1), ((REVIEW, SAFE), 0.25),
        ((SKETCH,), 1.0), ((SKETCH, SKETCH), 1.25),
        ((SAFE, None), 1.25 + 0.1), ((REVIEW, SKETCH, ADVICE), 0.25 + 0.5 + 1.0),
    ],
)
def test_with_patches(fixes, automated):
    assert hours(*fixes).automated == pytest.approx(automated)


def test_patches_never_cost_more_than_hands():
    cheap = Hours(0.01, 0.02, 0.05)
    assert estimate(cheap, [Finding(Place("a.py"), "m", fix=REVIEW)]).automated == 0.02


def test_estimates_add_up():
    total = hours(None) + hours(SAFE)
    assert (total.low, total.likely, total.high, total.automated) == (2, 4, 8, 2.1)


@pytest.mark.parametrize("wrong", [(0, 1, 2, 0), (2, 1, 3, 0), (1, 3, 2, 0), (1, 2, 3, -1)])
def test_hours_are_ordered(wrong):
    with pytest.raises(ValueError, match="hours must be"):
        Hours(*wrong)
