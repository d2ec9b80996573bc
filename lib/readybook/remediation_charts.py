"""The chart of a series: scores now and with all patches taken."""

from __future__ import annotations

from readybook import charts, remediation_tables, story
from readybook.charts import Chart
from readybook.report import Report

NOW, AFTER = "#24506b", "#6fb3a8"


def before_and_after(before: Report, after: Report) -> Chart:
    """One bar a category: the dark part is the score of today, the light part what the patches add."""
    pairs = [(story.CATEGORY_TITLES[name], score, after.score.categories[name])
             for name, score in before.score.categories.items()]
    pairs = [*pairs, ("Overall", before.score.overall, after.score.overall)][::-1]
    labels = [f"{name} " for name, _, _ in pairs]
    marks = ["no score" if old.value is None or new.value is None else f"{old.value:.1f} → {new.value:.1f}"
             if old.value != new.value else f"{old.value:.1f}, as it is" for _, old, new in pairs]
    figure = charts.new_figure(height=110 + 42 * len(pairs), right=8 + 9 * max(map(len, marks)))
    figure.add_bar(x=[10.0] * len(pairs), y=labels, orientation="h", marker={"color": charts.LINE, "opacity": 0.4},
                   hoverinfo="skip", width=0.58)
    for scores, colour, width, words in (
        ([new.value for _, _, new in pairs], AFTER, 0.58, "with all patches"),
        ([old.value for _, old, _ in pairs], NOW, 0.3, "now"),
    ):
        figure.add_bar(x=scores, y=labels, orientation="h", width=width, marker={"color": colour},
                       hovertemplate=f"%{{y}}{words}: %{{x:.1f}}<extra></extra>")
    for label, mark in zip(labels, marks, strict=True):
        figure.add_annotation(x=1, xref="paper", y=label, text=mark, xanchor="left", xshift=8, showarrow=False)
    figure.add_vline(x=charts.TARGET_SCORE, line={"color": charts.INK, "width": 2, "dash": "dot"})
    figure.add_annotation(x=charts.TARGET_SCORE, y=1, yref="paper", yanchor="bottom", showarrow=False,
                          text="target 7.0")
    figure.update_layout(barmode="overlay", xaxis={"range": [0, 10], "dtick": 2, "showgrid": False, "fixedrange": True},
                         yaxis={"automargin": True, "fixedrange": True})
    sentence = "; ".join(f"{label.strip()} {mark}" for label, mark in zip(labels[::-1], marks[::-1], strict=True))
    alt = f"Score of each category now (dark) and with all patches taken (light), of 10: {sentence}."
    return charts.chart(figure, alt, remediation_tables.scores_table(before, after))
