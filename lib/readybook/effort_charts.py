"""The charts of effort: hours by category with their range, and how sure a number of hours is."""

from __future__ import annotations

from readybook import plan_tables, story
from readybook.charts import GRID, HAND, HATCH, INK, PATCHED, Chart, chart, new_figure
from readybook.forecast import LEVELS, Range, forecast_of
from readybook.report import Report

WAYS = ((False, "By hand", HAND), (True, "With patches", PATCHED))
POINTS = 99


def effort_bars(report: Report) -> Chart:
    """Two bars a category, by hand and with patches: their length is P50, the line on them goes on to P95."""
    forecast = forecast_of(report)
    by = {patched: forecast.by(lambda r: r.category, patched=patched) for patched, _, _ in WAYS}
    names = [name for name in story.CATEGORY_TITLES if name in by[False]][::-1]
    labels = [f"{story.CATEGORY_TITLES[name]} " for name in names]
    figure = new_figure(height=120 + 58 * len(names), right=70)
    for patched, title, colour in reversed(WAYS):
        ranges = [by[patched][name] for name in names]
        figure.add_bar(
            x=[r.p50 for r in ranges], y=labels, orientation="h", name=title,
            customdata=[f"{title.lower()} {_range(r)}" for r in ranges],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
            marker={"color": colour, "pattern": HATCH if patched else None},
            error_x={"type": "data", "symmetric": False, "array": [r.p95 - r.p50 for r in ranges],
                     "arrayminus": [0.0] * len(ranges), "color": INK, "thickness": 2, "width": 5},
        )
    for n, name in enumerate(names):
        for patched, _, _ in WAYS:
            r = by[patched][name]
            figure.add_annotation(x=r.p95, y=n + (-0.2 if patched else 0.2), text=f"P80 {story.hours_text(r.p80)}",
                                  xanchor="left", xshift=8, showarrow=False, font={"size": 12})
    figure.update_layout(
        barmode="group", bargap=0.25, showlegend=True, legend={"traceorder": "reversed"},
        xaxis={"title": {"text": "hours"}, "rangemode": "tozero", "fixedrange": True, "showgrid": False},
        yaxis={"automargin": True, "fixedrange": True},
    )
    words = "; ".join(
        f"{label.strip()} {_range(by[False][name])} by hand, {_range(by[True][name])} with patches"
        for name, label in list(zip(names, labels, strict=True))[::-1]
    )
    return chart(figure, f"Hours by category: {words}.", plan_tables.efforts(report))


def hours_curve(report: Report) -> Chart:
    """The chance that a number of hours suffices, by hand and with patches, with P50, P80 and P95 marked."""
    forecast = forecast_of(report)
    figure = new_figure(height=380, right=24)
    words = []
    for patched, title, colour in reversed(WAYS):
        drawn = forecast.curve(patched=patched, points=POINTS)
        whole = forecast.of(patched=patched)
        figure.add_scatter(
            x=[hours for hours, _ in drawn], y=[chance for _, chance in drawn], mode="lines", name=title,
            line={"color": colour, "width": 3, "dash": "dash" if patched else "solid"},
            hovertemplate=f"{title}: %{{x:.1f}} hours suffice in %{{y:.0f}} of 100 cases<extra></extra>",
        )
        marks = (whole.p50, whole.p80, whole.p95)
        figure.add_scatter(
            x=marks, y=LEVELS, mode="markers+text", showlegend=False, hoverinfo="skip", cliponaxis=False,
            marker={"color": colour, "size": 10, "symbol": "square" if patched else "circle"},
            text=[f"P{level} {story.hours_text(hours)}" for level, hours in zip(LEVELS, marks, strict=True)],
            textposition="top left" if patched else "bottom right", textfont={"size": 12},
        )
        words.append(f"{title.lower()} {_range(whole)}")
    figure.update_layout(
        showlegend=True, legend={"traceorder": "reversed"},
        xaxis={"title": {"text": "hours for everything"}, "rangemode": "tozero", "fixedrange": True, "showgrid": False},
        yaxis={"title": {"text": "chance that they suffice"}, "range": [0, 103], "dtick": 20, "ticksuffix": " %",
               "fixedrange": True, "gridcolor": GRID},
    )
    return chart(figure, f"Chance that the hours suffice for everything: {'; '.join(words[::-1])}.",
                 plan_tables.curve(report))


def _range(r: Range) -> str:
    return f"P50 {story.hours_text(r.p50)}, P80 {story.hours_text(r.p80)}, P95 {story.hours_text(r.p95)}"
