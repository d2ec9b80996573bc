"""The charts of a report: plotly figures with a text alternative and the table of their figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from readybook import plan_tables, story, tables
from readybook.markup import clip, visible
from readybook.masking import mask
from readybook.records import record
from readybook.report import Report
from readybook.score import CATEGORY_CAP
from readybook.severity import SEVERITIES
from readybook.tables import Table

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MIMETYPE = "application/vnd.plotly.v1+json"
TARGET_SCORE = 7.0  # where the grade "good" starts
GRADE_COLOURS = {"excellent": "#1b7f79", "good": "#3f8fc4", "fair": "#d99a2b", "at risk": "#c2453d", None: "#8a94a6"}
HEAT = ((0.0, "rgba(138,148,166,0.16)"), (0.0001, "#fbe3b4"), (0.5, "#e58a4a"), (1.0, "#a8322a"))
INK, LINE, GRID = "#24303f", "#c9d1dc", "rgba(138,148,166,0.25)"
# Two series that differ on white, on dark and, by their hatching, in grey; the same order in all charts.
HAND, PATCHED = "#2f7fb5", "#b9770e"
HATCH = {"shape": "/", "size": 7, "solidity": 0.45, "fillmode": "overlay"}
SEVERITY_MARKS = {"critical": ("diamond", "#c2283a"), "high": ("square", "#d2691e"),
                  "medium": ("circle", "#b08a12"), "low": ("triangle-up", "#6c86a6")}
FILES_SHOWN = 25
LAYOUT: dict[str, Any] = {
    "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 14, "color": INK},
    "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "showlegend": False, "bargap": 0.38,
    "hoverlabel": {"font": {"size": 14}},
    "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "itemclick": False,
               "itemdoubleclick": False},
}


@record
class Chart:
    """A figure, what it shows in a sentence (for those who cannot see it), and its figures as a table."""

    figure: Figure
    alt: str
    table: Table

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from readybook.display import table_html

        return {
            MIMETYPE: json.loads(self.figure.to_json()), "text/html": str(table_html(self.table)),
            "text/plain": self.alt,
        }


def score_bars(report: Report) -> Chart:
    """Horizontal bars, one a category, the target marked; a category without a score has an empty bar."""
    rows = [*report.score.categories.items()][::-1]
    values = [score.value for _, score in rows]
    labels = [f"{story.CATEGORY_TITLES[name]} " for name, _ in rows]
    marks = [
        "no score" if score.value is None
        else f"{score.value:.1f} {score.grade}" + (f", capped by {score.capped_by}" if score.capped_by else "")
        for _, score in rows
    ]
    # What caps a score stands below it: in one line, both would take most of a phone's width.
    written = [mark.replace(", capped", "<br>capped") for mark in marks]
    widest = max((len(line) for mark in written for line in mark.split("<br>")), default=0)
    figure = new_figure(height=110 + 42 * len(rows), right=24 + 8 * widest)
    # The empty track behind each bar shows the full range in print and in grey.
    figure.add_bar(x=[10.0] * len(rows), y=labels, orientation="h", marker={"color": LINE, "opacity": 0.4},
                   hoverinfo="skip", width=0.58)
    figure.add_bar(
        x=values, y=labels, orientation="h", width=0.58, customdata=marks,
        marker={"color": [GRADE_COLOURS[score.grade] for _, score in rows]},
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    for label, mark in zip(labels, written, strict=True):
        figure.add_annotation(x=1, xref="paper", y=label, text=mark, xanchor="left", align="left", xshift=8,
                              showarrow=False)
    for label, (_, score) in zip(labels, rows, strict=True):
        if score.capped_by:
            figure.add_scatter(x=[CATEGORY_CAP], y=[label], mode="markers", hoverinfo="skip",
                               marker={"symbol": "line-ns", "size": 26, "line": {"width": 4, "color": "#c2283a"}})
    figure.add_vline(x=TARGET_SCORE, line={"color": INK, "width": 2, "dash": "dot"})
    figure.add_annotation(x=TARGET_SCORE, y=1, yref="paper", yanchor="bottom", showarrow=False, text="target 7.0")
    figure.update_layout(barmode="overlay", xaxis={"range": [0, 10], "dtick": 2, "showgrid": False, "fixedrange": True},
                         yaxis={"automargin": True, "fixedrange": True})
    sentence = "; ".join(f"{label.strip()} {mark}" for label, mark in zip(labels[::-1], marks[::-1], strict=True))
    alt = f"Score of each category out of 10, target {TARGET_SCORE}: {sentence}."
    return chart(figure, alt, tables.scores(report))


def severity_heatmap(report: Report) -> Chart:
    """How many open findings each category has of each severity; an empty cell is none."""
    counts = story.category_counts(report)
    names = [story.CATEGORY_TITLES[name] for name in counts]
    grid = [[own[s] for s in SEVERITIES] for own in counts.values()]
    words = [[str(n or "") for n in row] for row in grid]
    figure = new_figure(height=120 + 40 * len(names), right=16)
    figure.add_heatmap(
        z=grid, x=[s.capitalize() for s in SEVERITIES], y=names, colorscale=HEAT, showscale=False, xgap=3, ygap=3,
        zmin=0, zmax=max((n for row in grid for n in row), default=0) or 1, text=words, texttemplate="%{text}",
        textfont={"size": 15},
        hovertemplate="%{y}: %{z} of severity %{x}<extra></extra>",
    )
    figure.update_layout(xaxis={"side": "top", "fixedrange": True, "showgrid": False},
                         yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "showgrid": False})
    parts = [f"{name} {n} {s}" for name, own in zip(names, counts.values(), strict=True) for s, n in own.items() if n]
    alt = f"Open findings by category and severity: {', '.join(parts) or 'none in any category'}."
    return chart(figure, alt, tables.heat(report))


def file_heatmap(report: Report) -> Chart:
    """How many open findings each file has in each category; the files with most findings, the rest as one row."""
    names, categories, grid = story.file_counts(report, FILES_SHOWN)
    titles = [story.CATEGORY_TITLES[name] for name in categories]
    short = [shorter(name, 44) for name in names]
    figure = new_figure(height=150 + 27 * len(names), right=16)
    figure.add_heatmap(
        z=grid, x=titles, y=list(range(len(names))),  # by number: two long paths may end alike
        customdata=[[shorter(name, 200)] * len(titles) for name in names],
        colorscale=HEAT, showscale=False, xgap=3, ygap=3, zmin=0, zmax=max((n for row in grid for n in row), default=1),
        text=[[str(n or "") for n in row] for row in grid], texttemplate="%{text}",
        hovertemplate="%{customdata}: %{z} in %{x}<extra></extra>",
    )
    figure.update_layout(
        xaxis={"side": "top", "fixedrange": True, "showgrid": False, "tickangle": -35, "automargin": True},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "showgrid": False,
               "tickvals": list(range(len(names))), "ticktext": [f"{name} " for name in short]},
    )
    first = ", ".join(f"{clip(mask(name), 200)} {sum(row)}" for name, row in list(zip(names, grid, strict=True))[:5])
    return chart(figure, f"Open findings by file and category; most stand in {first}.",
                 plan_tables.files(names, titles, grid),
                 {"yaxis.ticktext": [f"{shorter(name, 20)} " for name in names], "xaxis.tickangle": -60})


def shorter(text: str, limit: int) -> str:
    """The end of a path that is too long, which tells more than its beginning; as text, not as plotly's markup."""
    text = visible(mask(text))
    text = text if len(text) <= limit else f"…{text[1 - limit:]}"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plotly_script() -> str:
    """The text of plotly.js, as the installed plotly brings it."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def new_figure(height: int, right: int) -> Figure:
    """An empty figure of the house's template; margins in pixels."""
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.update_layout(template={"layout": LAYOUT}, height=height, margin={"l": 8, "r": right, "t": 44, "b": 36})
    return figure


def chart(figure: Figure, alt: str, table: Table, narrow: Mapping[str, Any] | None = None) -> Chart:
    """A finished figure with its words and its data; ``narrow`` holds changes of its layout for a phone's screen."""
    figure.update_layout(meta={"alt": alt, **({"narrow": dict(narrow)} if narrow else {})})
    return Chart(figure, alt, table)
