"""The Monte Carlo against closed forms, and what it promises about its draws."""

from __future__ import annotations

import math

import pytest
import synthetic
from readybook.effort import Points, by_hand, estimate, total, with_patches
from readybook.forecast import DRAWS, SHARED_SPREAD, Forecast
from readybook.report import Report

from readybook import Finding, Fix, Hours, Place
from readybook.intents import AddFile

SKETCH = Fix("t", (AddFile("a", ""),), safety="sketch")
REVIEW = Fix("t", (AddFile("a", ""),), safety="review")


def report(count: int, fix: Fix | None = None, hours: Hours = Hours(1, 2, 6)) -> Report:
    findings = (Finding(Place("a.py"), "m", severity="high", fix=fix),)
    rows = tuple(synthetic.result(f"SEC{n:03}", ("security", "testing")[n % 2], "high", "Bad.", findings, hours=hours)
                 for n in range(count))
    return Report(synthetic.clean().target, (), rows)


def test_points_by_hand():
    points = Points(1, 2, 6)
    assert (points.mean, points.spread) == ((1 + 8 + 6) / 6, 5 / 6)
    assert points + Points(1, 1, 1) == Points(2, 3, 7)


def test_the_mean_is_that_of_pert():
    for made in (report(30), report(30, REVIEW), report(30, SKETCH), synthetic.plain()):
        forecast = Forecast(made)
        for points, patched in ((by_hand, False), (with_patches, True)):
            closed = total(forecast.results, points).mean
            assert forecast.of(patched=patched).mean == pytest.approx(closed, rel=0.02)


@pytest.mark.parametrize("count", [1, 60])
def test_the_spread_is_that_of_independent_sums_times_one_shared_factor(count):
    drawn = Forecast(report(count)).sums()
    mean = 2.5
    own = (mean - 1) * (6 - mean) / 7  # variance of Beta-PERT with shape 4
    closed = math.sqrt((1 + SHARED_SPREAD**2) * (count * own + (count * mean) ** 2) - (count * mean) ** 2)
    assert float(drawn.std()) == pytest.approx(closed, rel=0.05)


def test_without_the_shared_factor_a_sum_of_many_would_look_far_too_sure():
    forecast = Forecast(report(60))
    alone = forecast.sums() / forecast.factor
    assert float(forecast.factor.mean()) == pytest.approx(1, abs=0.01)
    assert float(forecast.factor.std()) == pytest.approx(SHARED_SPREAD, rel=0.05)
    assert float(alone.std() / alone.mean()) < 0.1 < float(forecast.sums().std() / forecast.sums().mean())


def test_parts_add_up_draw_by_draw_and_percentiles_are_ordered():
    forecast = Forecast(synthetic.plain())
    by = {name: [r.id for r in forecast.results if r.category == name] for name in ("security", "performance")}
    rest = [r.id for r in forecast.results if r.category not in by]
    parts = sum(forecast.sums(ids) for ids in (*by.values(), rest))
    assert abs(parts - forecast.sums()).max() < 1e-9
    for patched in (False, True):
        got = forecast.of(patched=patched)
        assert 0 < got.p50 < got.p80 < got.p95
        assert set(forecast.by(lambda r: r.category, patched=patched)) >= {"security", "performance"}
    assert (forecast.sums(patched=True) <= forecast.sums() + 1e-9).all()
    assert len(forecast.factor) == DRAWS


def test_draws_of_a_check_do_not_depend_on_the_others():
    whole = synthetic.plain()
    one = Report(whole.target, (), whole.results[:1])
    assert (Forecast(whole).sums(["SEC001"]) == Forecast(one).sums()).all()
    assert Forecast(whole).of() == Forecast(whole).of() != Forecast(whole, seed=2).of()
    assert Forecast(Report.from_json(whole.to_json())).of(patched=True) == Forecast(whole).of(patched=True)


def test_nothing_open_takes_no_hours():
    assert Forecast(synthetic.clean()).of() == Forecast(synthetic.plain()).of([]) != Forecast(synthetic.plain()).of()
    assert Forecast(synthetic.clean()).of().p95 == 0


def test_the_curve_rises_through_the_percentiles():
    forecast = Forecast(synthetic.plain())
    curve = forecast.curve(points=199)
    assert [hours for hours, _ in curve] == sorted(hours for hours, _ in curve)
    near = min(curve, key=lambda point: abs(point[1] - 80))
    assert near[0] == pytest.approx(forecast.of().p80, rel=0.01)


def test_three_points_with_patches():
    findings = [Finding(Place("a.py", n), "m", fix=fix) for n, fix in enumerate((REVIEW, None), 1)]
    made = synthetic.result("SEC001", "security", "high", "Bad.", tuple(findings), hours=Hours(1, 2, 4, 2))
    assert by_hand(made) == Points(2, 4, 8)
    assert with_patches(made) == Points(1 + 0.125, 2 + 0.25, 4 + 0.75)
    assert with_patches(made).likely == estimate(Hours(1, 2, 4, 2), findings).automated
