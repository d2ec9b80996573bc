"""The index of a batch: its targets ranked, those that failed with the reason, links to every report."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from readybook import story
from readybook.display import table_html
from readybook.markup import Html, el, join
from readybook.page import whole_page
from readybook.severity import SEVERITIES
from readybook.tables import Cell, Grade, Link, Number, Table
from readybook.version import __version__

if TYPE_CHECKING:
    from readybook.batch import Outcome
    from readybook.report import Report


def index_html(outcomes: tuple[Outcome, ...]) -> str:
    """The whole page; best score first, targets without a score after them."""
    done = [(o, o.report) for o in outcomes if o.report is not None]
    done.sort(key=_place)
    failed = [o for o in outcomes if o.report is None]
    ranking = Table("Ranking", ("Target", "Rank", "Score", "Grade", *(s.capitalize() for s in SEVERITIES), "By hand",
                                "With patches"),
                    tuple(_row(rank, o, report) for rank, (o, report) in enumerate(done, 1)), find=True)
    parts = [_section("Ranking", "Best score first. Click a heading to sort, type to filter, follow a name to its "
                      "report. Findings are counted by severity; hours are the likely ones.", ranking)]
    if failed:
        rows = tuple((o.entry.name, o.entry.shown, o.reason) for o in failed)
        table = Table("Failed", ("Target", "Path", "Reason"), rows)
        parts.append(_section("Failed", "Targets without a report, and why.", table))
    return whole_page(f"Audit of {len(outcomes)} codebases", _head(len(outcomes), len(failed)), join(parts),
                      f"Made by Readybook {__version__}. The figures stand in batch.json and each folder's audit.json.")


def _place(pair: tuple[Outcome, Report]) -> tuple[float, int, str]:
    outcome, report = pair
    value = report.score.overall.value
    return (11.0 if value is None else -value, story.severity_counts(report)["critical"], outcome.entry.name)


def _row(rank: int, outcome: Outcome, report: Report) -> tuple[Cell, ...]:
    overall, effort = report.score.overall, report.effort
    return (
        Link(outcome.entry.name, f"./{quote(outcome.entry.folder)}/report.html"), rank,
        None if overall.value is None else Number(overall.value, f"{overall.value:.1f}"),
        Grade(overall.grade or "no score"), *story.severity_counts(report).values(),
        *(Number(hours, story.hours_text(hours)) for hours in (effort.likely, effort.automated)),
    )


def _head(total: int, failed: int) -> Html:
    text = f"{story.plural(total - failed, 'report')}, {failed} failed"
    return el("div", el("div", el("p", "Production-readiness audit", class_="kicker"),
                        el("h1", f"{story.plural(total, 'codebase')}"), el("p", text, class_="meta")), class_="hero")


def _section(title: str, words: str, table: Table) -> Html:
    return el("section", el("div", el("h2", title), el("p", words), class_="prose"), table_html(table))
