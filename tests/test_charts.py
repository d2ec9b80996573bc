"""The charts: their figures are the report's, each has a text alternative and a table."""

from __future__ import annotations

import json

import pytest
import synthetic
from readybook import charts, effort_charts, plan_charts, story
from readybook.charts import MIMETYPE
from readybook.forecast import forecast_of
from readybook.report import Report
from readybook.roadmap import roadmap


def calendar(report: Report) -> charts.Chart:
    return plan_charts.roadmap_bars(roadmap(report, 2, 10))


CHARTS = (charts.score_bars, charts.severity_heatmap, charts.file_heatmap, effort_charts.effort_bars,
          effort_charts.hours_curve, plan_charts.impact_effort, plan_charts.gain_waterfall, calendar)
EMPTY = (charts.score_bars, charts.severity_heatmap)  # the others are drawn only when there is something to draw


@pytest.mark.parametrize(("chart", "report"), [
    *((chart, report) for chart in CHARTS for report in (synthetic.plain, synthetic.hostile)),
    *((chart, synthetic.clean) for chart in EMPTY),
], ids=lambda value: value.__name__)
def test_a_chart_brings_its_words_and_its_table(chart, report) -> None:
    made = chart(report())
    bundle = made._repr_mimebundle_()
    assert bundle[MIMETYPE]["layout"]["meta"]["alt"] == made.alt == bundle["text/plain"]
    assert made.alt.endswith(".")
    assert "<table>" in bundle["text/html"]
    assert json.dumps(bundle) == json.dumps(chart(report())._repr_mimebundle_())


def test_the_bars_are_the_scores() -> None:
    report = synthetic.plain()
    track, bars = charts.score_bars(report).figure.data
    assert list(track.x) == [10.0] * 6
    assert list(bars.x) == [score.value for score in report.score.categories.values()][::-1]
    assert [y.strip() for y in bars.y] == [story.CATEGORY_TITLES[name] for name in report.score.categories][::-1]
    assert "Security 3.0 at risk" in charts.score_bars(report).alt


def test_the_heatmap_counts_every_open_finding() -> None:
    report = synthetic.plain()
    (heat,) = charts.severity_heatmap(report).figure.data
    assert sum(map(sum, heat.z)) == len(report.findings)
    assert heat.z[1][0] == 2 and heat.y[1] == "Security"
    assert [word for row in heat.text for word in row if word] == [str(n) for row in heat.z for n in row if n]


def test_no_chart_needs_colour_alone() -> None:
    marks = [a.text for a in charts.score_bars(synthetic.plain()).figure.layout.annotations]
    assert "3.0 at risk" in marks and "no score" in marks


def test_effort_bars_and_curve_are_the_forecast() -> None:
    report = synthetic.plain()
    forecast = forecast_of(report)
    patched, hand = effort_charts.effort_bars(report).figure.data
    by = forecast.by(lambda r: r.category)
    assert sorted(hand.x) == sorted(r.p50 for r in by.values())
    assert all(p <= h for p, h in zip(patched.x, hand.x, strict=True))
    assert patched.marker.pattern.shape and not hand.marker.pattern.shape  # told apart without colour
    marks = [trace for trace in effort_charts.hours_curve(report).figure.data if trace.mode == "markers+text"]
    assert [tuple(trace.x) for trace in marks] == [
        (r.p50, r.p80, r.p95) for r in (forecast.of(patched=True), forecast.of())]


def test_the_waterfall_ends_where_all_is_done() -> None:
    report = synthetic.plain()
    (fall,) = plan_charts.gain_waterfall(report).figure.data
    assert fall.x[0] == pytest.approx(report.score.overall.value, abs=0.05)
    assert sum(fall.x) == pytest.approx(10.0)
    assert fall.measure[0] == "absolute" and fall.measure[-1] == "total"


@pytest.mark.parametrize(("shown", "last"), [(-1, ""), (-2, "2 more fixes")])
def test_the_waterfall_adds_up_only_what_is_more_than_one_fix(monkeypatch, shown: int, last: str) -> None:
    report = synthetic.plain()
    fixes = sum(bool(r.findings) for r in report.results)
    monkeypatch.setattr(plan_charts, "STEPS_SHOWN", fixes + shown)
    (fall,) = plan_charts.gain_waterfall(report).figure.data
    assert len(fall.y) == (fixes if last else fixes + 1) + 1 and (not last or fall.y[-2].strip() == last)


def test_every_fix_stands_in_the_quadrant_and_on_the_calendar() -> None:
    report = synthetic.plain()
    failing = {r.id for r in report.results if r.findings}
    told = " ".join(text for trace in plan_charts.impact_effort(report).figure.data for text in trace.customdata)
    assert failing <= set(told.replace("<br>", " ").split())
    drawn = " ".join(text for trace in calendar(report).figure.data for text in trace.customdata)
    assert failing <= set(drawn.split())


def test_the_files_with_most_findings_come_first_and_the_rest_is_added_up() -> None:
    report = synthetic.huge(30, 3)
    names, categories, grid = story.file_counts(report, 25)
    assert len(names) == 26 and names[-1] == "65 other files"
    assert sum(map(sum, grid)) == len(report.findings) == 90
    assert len(categories) == 7
    labels = charts.file_heatmap(synthetic.hostile()).figure.layout.yaxis.ticktext
    assert len(labels) == len(synthetic.HOSTILE) and not any("<" in label for label in labels)
