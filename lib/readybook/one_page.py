"""The report on one page of Markdown, for a pull request or a mail to those who decide."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import plan_tables, service_display, story
from readybook.best_set import Requires, best_set
from readybook.plan_tables import Team
from readybook.priority import priorities
from readybook.report import Report
from readybook.tables import Cell, Grade, Link, Number, Table, not_checked
from readybook.text_report import literal, rows_of

FIRST, WORST, REASONS = 5, 5, 5


def one_page(report: Report, team: Team, requires: Requires | None = None, date: str = "") -> str:
    """The page: verdict, scorecard, worst findings, first fixes, cost, what was not checked."""
    return "\n".join(_parts(report, team, requires or {}, date)) + "\n"


def _parts(report: Report, team: Team, requires: Requires, date: str) -> Iterator[str]:
    target = report.target
    about = [f"commit {target.commit[:12]}" if target.commit else "not under git",
             story.plural(target.files, "file"), f"{story.plural(target.lines, 'line')} of Python",
             *([date] if date else [])]
    yield f"# Audit of {literal(target.name)}\n"
    yield literal(" · ".join(about)) + "\n"
    yield "\n\n".join(literal(sentence) for sentence in story.verdict(report)) + "\n"
    yield literal(" ".join(service_display.sentences(report))) + "\n"
    yield "## Scores\n"
    yield _table(plan_tables.scorecard(report)) + "\n"
    if report.findings:
        yield "## The worst\n"
        yield "\n".join(f"{n}. **{f.severity or r.severity}** {literal(r.title)} {literal(str(f.place))} ({r.id})"
                        for n, (r, f, _) in enumerate(story.worst(report, WORST), 1)) + "\n"
        found = best_set(report, team.budget, requires)
        yield "## What to do first\n"
        yield literal(story.bought(report, found)) + "\n"
        yield _table(_first(report)) + "\n"
        yield "## Cost\n"
        yield _table(plan_tables.costs(report, team)) + "\n"
        yield f"{story.plural(team.engineers, 'engineer')} at {team.hours_per_week:g} hours a week; a developer-day " \
              f"has {team.hours_per_day:g} hours. P80 suffices in 80 of 100 cases.\n"
    yield "## Not checked\n"
    rows = [[_shown(cell) for cell in row] for row in not_checked(report).rows]
    yield "\n".join(f"- {literal(what)}: {literal(why)}" for what, why in rows[:REASONS])
    if len(rows) > REASONS:
        yield f"- and {len(rows) - REASONS} more, see audit.json"


def _first(report: Report) -> Table:
    rows = tuple((p.result.id, p.result.title, Grade(p.result.gravest), plan_tables.reach_text(p.worst.reach),
                  Number(p.hours, story.hours_text(p.hours)), Number(p.gain, f"{p.gain:+.2f}"))
                 for p in priorities(report)[:FIRST])
    columns = ("Check", "What is wrong", "Severity", "Who meets it", "Hours with patches", "Score gain")
    return Table("First fixes", columns, rows)


def _table(table: Table) -> str:
    return rows_of(table.columns, [[_shown(cell) for cell in row] for row in table.rows])


def _shown(cell: Cell) -> str:
    return "–" if cell is None else cell.text if isinstance(cell, (Link, Grade, Number)) else str(cell)
