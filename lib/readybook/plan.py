"""The notebook cells about effort and order of work: one function a cell, each returning something that shows itself.

Imported by notebooks, never by the engine. Where one sentence says what a chart would, the sentence is shown.
"""

from __future__ import annotations

from readybook import charts, display, effort_charts, plan_charts, plan_tables, story
from readybook.best_set import Requires, best_set
from readybook.charts import Chart
from readybook.display import Shown
from readybook.effort import REVIEW_HOURS, SKETCH_SHARE
from readybook.forecast import DRAWS, SEED, SHARED_SPREAD, forecast_of
from readybook.markup import el, join
from readybook.plan_tables import Team
from readybook.priority import FLOORS, PHASE_TITLES, PHASES, QUICK_GAIN, QUICK_HOURS, priorities
from readybook.report import Report
from readybook.roadmap import Roadmap, roadmap
from readybook.tables import Table
from readybook.workbook import Audit

FEW = 3  # fixes or files from which a chart says more than a sentence


def team(*, hourly_rate: float, hourly_rate_high: float, currency: str, engineers: int, hours_per_week: float,
         hours_per_day: float, budget_hours: float) -> Team:
    """Who works, at what price, with how many hours."""
    return Team(hourly_rate, max(hourly_rate, hourly_rate_high), currency, engineers, hours_per_week, hours_per_day,
                budget_hours)


def first(audit: Audit, team: Team) -> Shown:
    """What to do first and what it buys: the best set for the budget, in words and as a table of budgets."""
    report = audit.report
    if not report.findings:
        return _sentence("There is nothing to put right.")
    found = best_set(report, team.budget, _requires(audit))
    rows = plan_tables.budgets(report, _requires(audit), team.budget)
    chosen = display.table_html(plan_tables.chosen(report, found))
    text = story.bought(report, found)
    html = join([
        el("p", text, class_="lead"), display.table_html(rows),
        el("details", el("summary", f"The {story.plural(len(found.ids), 'fix', 'fixes')} for {team.budget:g} hours"),
           chosen, class_="data") if found.ids else None,
    ])
    return Shown(html, text)


def waterfall(report: Report) -> Chart | Shown:
    """How the score climbs fix by fix."""
    if len(priorities(report)) < FEW:
        return _sentence(_all_of_them(report))
    return plan_charts.gain_waterfall(report)


def quadrant(report: Report) -> Chart | Shown:
    """Impact against effort, quick wins marked."""
    if len(priorities(report)) < FEW:
        return _sentence(_all_of_them(report))
    return plan_charts.impact_effort(report)


def quick_wins(report: Report, count: int = 5) -> Table:
    """What buys most of the score for an hour of work."""
    return plan_tables.wins(report, count)


def ranking(report: Report) -> Table:
    """Every failing check in the order of work, and why."""
    return plan_tables.ranking(report)


def rules() -> Shown:
    """How rank, phase and quick wins come about."""
    now, next_, later = (PHASE_TITLES[name].lower() for name in PHASES)
    text = (
        "Risk is what a severity weighs (10, 7.5, 5, 2.5), less where only few routes, only known callers or no "
        "request meet the finding, and less where the tool is not sure. "
        f"A risk of {FLOORS['now']:g} or more is for {now}, {FLOORS['next']:g} or more for {next_}, the rest for "
        f"{later}. A quick win takes at most {QUICK_HOURS:g} hours and gains {QUICK_GAIN:g} points or more. "
        "Gain is in points of the overall score, before any cap, when this check alone is put right."
    )
    return Shown(el("p", text, class_="rest"), text)


def calendar_chart(audit: Audit, team: Team) -> Chart | Shown:
    """Who does what in which week."""
    plan = _plan(audit, team)
    if len(plan.tasks) < FEW:
        return _sentence(_all_of_them(audit.report))
    return plan_charts.roadmap_bars(plan)


def phases(audit: Audit, team: Team) -> Table:
    """The phases with hours, weeks and the score they lead to."""
    return plan_tables.phases(_plan(audit, team))


def effort_chart(report: Report) -> Chart | Table:
    """Hours by category with their range; one category alone is a table."""
    one = len({r.category for r in report.results if r.findings}) < 2
    return plan_tables.efforts(report) if one else effort_charts.effort_bars(report)


def curve(report: Report) -> Chart | Shown:
    """How sure a number of hours is."""
    if not report.findings:
        return _sentence("There is nothing to put right.")
    return effort_charts.hours_curve(report)


def costs(report: Report, team: Team) -> Table:
    """Hours, developer-days, weeks and money."""
    return plan_tables.costs(report, team)


def assumptions(report: Report, team: Team) -> Shown:
    """What every figure of this section rests on, and the estimate of each check to recompute it."""
    rate = f"{team.currency} {team.rate:,.2f}" + (f" to {team.rate_high:,.2f}" if team.rate_high > team.rate else "")
    safe, review = (f"{round(REVIEW_HOURS[kind] * 60)} minutes" for kind in ("safe", "review"))
    lines = (
        f"Money: {rate} an hour. Calendar: {story.plural(team.engineers, 'engineer')} at {team.hours_per_week:g} hours "
        f"a week on this work; a developer-day has {team.hours_per_day:g} hours. All are parameters of the notebook.",
        "Each check has three points for its first finding and hours for each further one; mean (low + 4 × likely + "
        "high) ÷ 6 and spread (high − low) ÷ 6 follow PERT.",
        f"With patches, a safe patch costs {safe} of reading and one to review {review}, likely; half of that or three "
        f"times as much at the ends. A sketch costs {SKETCH_SHARE:.0%} of the hand work; what has no patch costs all "
        "of it.",
        f"P50, P80 and P95 come from {DRAWS:,} draws (seed {SEED}) of Beta-PERT hours for each check, added up and "
        f"multiplied by one factor that all share, with mean 1 and spread {SHARED_SPREAD:g}: the estimates of one team "
        "err together. They do not add up over categories.",
        "Not in the hours: meetings, releases, waiting, and what nobody has found yet.",
    )
    table = plan_tables.points(report)
    fold = el("details", el("summary", "The estimate of each check"), display.table_html(table), class_="data")
    html = join([el("ul", [el("li", line) for line in lines], class_="assumptions"), fold if table.rows else None])
    return Shown(html, " ".join(lines))


def severities(report: Report) -> Chart | Shown:
    """Open findings by category and severity."""
    counts = story.category_counts(report)
    if sum(any(own.values()) for own in counts.values()) < 2:
        return _sentence(story.placed(report))
    return charts.severity_heatmap(report)


def files(report: Report) -> Chart | Shown:
    """Open findings by file and category."""
    if len({f.place.path for _, f, _ in report.findings}) < FEW:
        return _sentence(story.placed(report))
    return charts.file_heatmap(report)


def figures(report: Report) -> str:
    """The figures of this part to compare between two runs, as plain lines."""
    forecast = forecast_of(report)
    whole = {"by hand": forecast.of(), "with patches": forecast.of(patched=True)}
    lines = [f"{name}: P50 {r.p50:.1f} h, P80 {r.p80:.1f} h, P95 {r.p95:.1f} h" for name, r in whole.items()]
    return "\n".join([*lines, f"first: {', '.join(p.result.id for p in priorities(report)[:5]) or 'nothing'}"])


def _plan(audit: Audit, team: Team) -> Roadmap:
    return roadmap(audit.report, team.engineers, team.hours_per_week, _requires(audit))


def _requires(audit: Audit) -> Requires:
    return audit.series.requires


def _all_of_them(report: Report) -> str:
    fixes = [f"{p.result.id} ({story.hours_text(p.hours)}, {p.gain:+.1f} points)" for p in priorities(report)]
    return f"To put right: {', '.join(fixes)}." if fixes else "There is nothing to put right."


def _sentence(text: str) -> Shown:
    return Shown(el("p", text), text)
