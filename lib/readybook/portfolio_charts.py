"""The charts of a portfolio: which codebase is weak in what, and which defects come back."""

from __future__ import annotations

from readybook import charts, portfolio_tables, story
from readybook.charts import Chart
from readybook.markup import clip
from readybook.portfolio import Portfolio
from readybook.score import Score

ROWS_SHOWN, BARS_SHOWN, NAME_LENGTH = 40, 15, 30
FEW_CHECKS = 3
# Weak is dark, strong is pale: it reads in grey too, and the score stands in each cell.
SCALE = ((0.0, "#8f2620"), (0.4, "#d9744a"), (0.7, "#f6d9a6"), (1.0, "#dcebe6"))


def category_heatmap(portfolio: Portfolio, rows: int = ROWS_SHOWN) -> Chart:
    """The score of each category of each codebase, the weakest ones first; the table behind it holds all."""
    names = portfolio_tables.category_names(portfolio)
    weakest = [m for m in portfolio.ranked[::-1] if m.report is not None and m.comparable][:rows]
    labels = [f"{clip(m.name, NAME_LENGTH)}" for m in weakest]
    scores = [[m.report.score.categories.get(n) if m.report else None for n in names] for m in weakest]
    grid = [[score.value if score else None for score in row] for row in scores]
    words = [[_mark(score) for score in row] for row in scores]
    figure = charts.new_figure(height=130 + 30 * len(weakest), right=16)
    figure.add_heatmap(
        z=grid, x=[story.CATEGORY_TITLES[n] for n in names], y=list(range(len(labels))), colorscale=SCALE, zmin=0,
        zmax=10, showscale=False, xgap=3, ygap=3, text=words, texttemplate="%{text}",
        customdata=[[m.name] * len(names) for m in weakest],
        hovertemplate="%{customdata}, %{x}: %{z:.1f} of 10<extra></extra>",
    )
    figure.update_layout(
        xaxis={"side": "top", "fixedrange": True, "showgrid": False},
        yaxis={"autorange": "reversed", "automargin": True, "fixedrange": True, "showgrid": False, "zeroline": False,
               "tickmode": "array",
               "tickvals": list(range(len(labels))), "ticktext": [f"{label} " for label in labels]},
    )
    more = len([m for m in portfolio.ranked if m.comparable]) - len(weakest)
    tail = f"; {more} stronger ones stand in the table" if more else ""
    alt = f"Score of each category of {story.plural(len(weakest), 'codebase')}, weakest first, dark is weak{tail}. " \
          + "; ".join(_weakest(*pair, names) for pair in zip(labels[:5], grid[:5], strict=True)) + "."
    return charts.chart(figure, alt, portfolio_tables.categories(portfolio))


def defect_bars(portfolio: Portfolio, bars: int = BARS_SHOWN) -> Chart:
    """The commonest defects by the number of codebases that have them."""
    shown = portfolio.defects[:bars][::-1]
    labels = [f"{d.id} " for d in shown]
    total = len(portfolio.ranked)
    marks = [f"{len(d.targets)} of {total}, {d.severity}" for d in shown]
    figure = charts.new_figure(height=110 + 30 * len(shown), right=16 + 8 * max(map(len, marks), default=0))
    figure.add_bar(
        x=[len(d.targets) for d in shown], y=labels, orientation="h", width=0.62,
        marker={"color": [charts.SEVERITY_MARKS[d.severity][1] for d in shown]}, customdata=[d.title for d in shown],
        hovertemplate="%{y}: %{customdata} In %{x} codebases.<extra></extra>",
    )
    for label, mark in zip(labels, marks, strict=True):
        figure.add_annotation(x=1, xref="paper", y=label, text=mark, xanchor="left", xshift=8, showarrow=False)
    figure.update_layout(xaxis={"range": [0, max(total, 1)], "fixedrange": True, "showgrid": False},
                         yaxis={"automargin": True, "fixedrange": True})
    sentence = "; ".join(f"{d.id} in {len(d.targets)}" for d in shown[::-1])
    alt = f"How many of {story.plural(total, 'codebase')} have each of the commonest defects: {sentence or 'none'}."
    return charts.chart(figure, alt, portfolio_tables.defects(portfolio))


def _mark(score: Score | None) -> str:
    """The score as the cell shows it, with a star when it rests on very few checks."""
    if score is None or score.value is None:
        return ""
    return f"{score.value:.1f}" + ("*" if score.counted < FEW_CHECKS else "")


def _weakest(label: str, row: list[float | None], names: tuple[str, ...]) -> str:
    known = [(value, name) for value, name in zip(row, names, strict=True) if value is not None]
    if not known:
        return f"{label} has no score"
    value, name = min(known)
    return f"{label} is weakest in {story.CATEGORY_TITLES[name].lower()} ({value:.1f})"
