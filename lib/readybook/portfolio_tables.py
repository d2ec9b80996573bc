"""The tables of a portfolio."""

from __future__ import annotations

from readybook import story
from readybook.display import TABLE_BUDGET
from readybook.portfolio import Member, Portfolio
from readybook.report import Report
from readybook.tables import Cell, Grade, Link, Number, Table

DEFECTS_SHOWN = 25
BUDGET = 6 * TABLE_BUDGET  # bytes of HTML: a table of all targets is what the page is for


def ranking(portfolio: Portfolio) -> Table:
    """One row a codebase with a report, best score first."""
    rows = tuple(
        (_name(member), Number(number, str(number) if member.comparable else "–"), *_standing(member.report),
         *_grave(member.report),
         *(_hours(h) for h in (member.report.effort.likely, member.report.effort.automated)))
        for number, member in enumerate(portfolio.ranked, 1) if member.report is not None
    )
    columns = ("Target", "Rank", "Score", "Grade", "Answered", "Critical", "High", "Lesser", "By hand", "With patches")
    return Table("Ranking", columns, rows, find=True, budget=BUDGET)


def categories(portfolio: Portfolio) -> Table:
    """One row a codebase: the score of each category."""
    names = category_names(portfolio)
    rows = tuple(
        (_name(member), *(_points(_score(member.report, name)) for name in names))
        for member in portfolio.ranked if member.report is not None
    )
    return Table("Scores by category", ("Target", *(story.CATEGORY_TITLES[n] for n in names)), rows, budget=BUDGET)


def category_names(portfolio: Portfolio) -> tuple[str, ...]:
    """The categories that have a check in any report, in their order."""
    present = {name for m in portfolio.ranked if m.report for name in m.report.score.categories}
    return tuple(name for name in story.CATEGORY_TITLES if name in present)


def defects(portfolio: Portfolio, count: int = DEFECTS_SHOWN) -> Table:
    """One row a check: in how many codebases it found something, and what curing it everywhere takes."""
    rows = tuple(
        (d.id, d.title, Grade(d.severity),
         Number(len(d.targets) / d.asked if d.asked else 0.0, f"{len(d.targets)} of {d.asked}" if d.asked
                else str(len(d.targets))),
         d.findings, _hours(d.hand), _hours(d.patched))
        for d in portfolio.defects[:count]
    )
    columns = ("Check", "What is wrong", "Gravest", "Targets", "Findings", "By hand", "With patches")
    return Table(f"The {len(rows)} commonest defects", columns, rows, find=len(rows) > 10)


def effort(portfolio: Portfolio, rate: float, currency: str, hours_per_day: float) -> Table:
    """One row a way to work: hours in 50, 80 and 95 of 100 cases, person-days and money for the 80."""
    ways = (("By hand", portfolio.hand), ("With the offered patches", portfolio.patched))
    rows = tuple(
        (name, *map(_hours, (hours.p50, hours.p80, hours.p95)), *_cost(hours.p80, rate, currency, hours_per_day))
        for name, hours in ways
    )
    columns = ("Way", "P50", "P80", "P95", "Person-days, P80", "Money, P80")
    return Table("Effort and cost of everything", columns, rows)


def _cost(hours: float, rate: float, currency: str, hours_per_day: float) -> tuple[Number, Number]:
    days, money = hours / hours_per_day, hours * rate
    return Number(round(days, 2), f"{days:,.0f}"), Number(round(money, 2), f"{currency} {money:,.0f}")


def failed(portfolio: Portfolio) -> Table:
    """One row a codebase without a report, and why."""
    rows = tuple((m.name, m.path, m.reason) for m in portfolio.failed)
    return Table("Failed", ("Target", "Path", "Reason"), rows, find=len(rows) > 10)


def doubts(portfolio: Portfolio) -> Table:
    """One row a codebase whose figures need a grain of salt: no application, checks unanswered, files unread."""
    rows = []
    for member in portfolio.ranked:
        report = member.report
        if report is None:
            continue
        said = _doubt(report)
        if said:
            rows.append((_name(member), len(report.apps), sum(r.outcome == "unknown" for r in report.results),
                         sum(r.outcome == "error" for r in report.results), len(report.target.unreadable), said))
    columns = ("Target", "Applications", "Could not tell", "Broke down", "Files not read", "What it means")
    return Table("Figures to take with care", columns, tuple(rows), find=len(rows) > 10)


def _doubt(report: Report) -> str:
    unsure = sum(r.outcome in ("unknown", "error") for r in report.results)
    overall = report.score.overall
    said = []
    if not report.apps:
        said.append("no FastAPI application was found: the score rests on files around it and is not ranked")
    elif overall.counted * 3 < overall.total:
        said.append(f"only {overall.counted} of {overall.total} checks could be answered")
    if unsure * 5 >= overall.total:
        said.append(f"{unsure} checks could not tell or broke down")
    if report.target.unreadable:
        said.append(f"{story.plural(len(report.target.unreadable), 'file')} could not be read")
    return "; ".join(said)


def _name(member: Member) -> Cell:
    return Link(member.name, member.page) if member.page else member.name


def _standing(report: Report) -> tuple[Cell, ...]:
    overall = report.score.overall
    return (_points(overall.value), Grade(overall.grade or "no score"),
            Number(overall.counted, f"{overall.counted} of {overall.total}"))


def _grave(report: Report) -> tuple[int, int, int]:
    counts = story.severity_counts(report)
    return counts["critical"], counts["high"], counts["medium"] + counts["low"]


def _score(report: Report, category: str) -> float | None:
    score = report.score.categories.get(category)
    return score.value if score else None


def _points(value: float | None) -> Number | None:
    return None if value is None else Number(value, f"{value:.1f}")


def _hours(hours: float) -> Number:
    return Number(round(hours, 3), story.hours_text(hours))
