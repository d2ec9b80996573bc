"""The charts: their figures are the report's, each has a text alternative and a table."""

from __future__ import annotations

import json

import pytest
import synthetic
from readybook import charts, story
from readybook.charts import MIMETYPE

CHARTS = (charts.score_bars, charts.severity_heatmap)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.__name__)
@pytest.mark.parametrize("report", (synthetic.plain, synthetic.clean, synthetic.hostile), ids=lambda r: r.__name__)
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
