"""The tables of effort, cost, priorities and calendar; each is the data behind a chart or stands by itself."""

from __future__ import annotations

from collections.abc import Sequence

from readybook import story
from readybook.best_set import BestSet, Requires, best_set
from readybook.effort import by_hand, is_patched, with_patches
from readybook.finding import Reach
from readybook.forecast import Range, forecast_of
from readybook.priority import PHASE_TITLES, Priority, priorities, quick_wins, steps
from readybook.records import record
from readybook.report import Report
from readybook.roadmap import Roadmap
from readybook.tables import Cell, Grade, Link, Number, Table, hours_cell

STEP_BUDGETS = (4.0, 8.0, 16.0, 40.0, 80.0, 160.0)   # hours


@record
class Team:
    """Who works at what price: money for an hour from ``rate`` to ``rate_high``, people, hours a week and a day of
    each, the budget in hours."""

    rate: float = 100.0
    rate_high: float = 150.0
    currency: str = "USD"
    engineers: int = 1
    hours_per_week: float = 30.0
    hours_per_day: float = 6.0
    budget: float = 40.0

    def __post_init__(self) -> None:
        hours = (self.hours_per_week, self.hours_per_day)
        if self.engineers < 1 or min(hours) <= 0 or min(self.rate, self.rate_high, self.budget) < 0:
            raise ValueError("engineers must be 1 or more, hours a week and a day above 0, rates and budget 0 or more; "
                             f"got {self}")

    def money(self, hours: float) -> str:
        """What hours cost: one sum, or a range when the rate is one."""
        low, high = sorted((hours * self.rate, hours * max(self.rate, self.rate_high)))
        text = f"{self.currency} {_money(low)}"
        return text if _money(low) == _money(high) else f"{text}–{_money(high)}"


def scorecard(report: Report) -> Table:
    """One row a category and the whole: score, grade, what holds it down."""
    scored = {**report.score.categories, "": report.score.overall}
    rows = tuple(
        (story.CATEGORY_TITLES.get(name, "Overall"), _score(s.value), Grade(s.grade or "no score"),
         f"{s.counted} of {s.total}", s.capped_by or "")
        for name, s in scored.items()
    )
    return Table("Scores", ("Category", "Score", "Grade", "Checks counted", "Held down by"), rows, total=True)


def efforts(report: Report) -> Table:
    """One row a category with open findings: hours by hand and with patches, each at P50, P80 and P95."""
    forecast = forecast_of(report)
    hand, patched = (forecast.by(lambda r: r.category, patched=way) for way in (False, True))
    rows = [_effort_row(story.CATEGORY_TITLES[name], hand[name], patched[name]) for name in story.CATEGORY_TITLES
            if name in hand]
    rows.append(_effort_row("All together", forecast.of(), forecast.of(patched=True)))
    ways, levels = ("By hand", "With patches"), ("P50", "P80", "P95")
    columns = ("Category", *(f"{way}, {level}" for way in ways for level in levels))
    return Table("Effort by category", columns, tuple(rows), total=True)


def points(report: Report) -> Table:
    """One row a failing check: the three points by hand, and mean and spread by hand and with patches."""
    rows = []
    for r in sorted((r for r in report.results if r.findings), key=lambda r: r.id):
        hand, patched = by_hand(r), with_patches(r)
        figures = (hand.low, hand.likely, hand.high, hand.mean, hand.spread, patched.mean, patched.spread)
        rows.append((Link(r.id, f"#{r.id}"), len(r.findings), *map(hours_cell, figures)))
    columns = ("Check", "Findings", "All goes well", "Likely", "All goes badly", "Mean", "Spread", "Mean with patches",
               "Spread with patches")
    return Table("Estimate of each check", columns, tuple(rows))


def costs(report: Report, team: Team) -> Table:
    """One row a level of confidence, by hand and with patches: hours, developer-days, weeks of the team, money."""
    forecast = forecast_of(report)
    rows: list[tuple[Cell, ...]] = []
    for name, whole in (("By hand", forecast.of()), ("With patches", forecast.of(patched=True))):
        for level, words in (("p50", "middle (P50)"), ("p80", "to plan with (P80)"), ("p95", "to be sure (P95)")):
            hours = float(getattr(whole, level))
            days, weeks = hours / team.hours_per_day, hours / (team.engineers * team.hours_per_week)
            rows.append((
                f"{name}, {words}", hours_cell(hours), Number(round(days, 3), f"{days:,.1f}"),
                Number(round(weeks, 3), f"{weeks:,.1f}"), Number(round(hours * team.rate, 2), team.money(hours)),
            ))
    columns = ("Estimate", "Hours", "Developer-days", "Weeks of the team", "Money")
    return Table("Cost and calendar", columns, tuple(rows))


def curve(report: Report) -> Table:
    """One row a chance: the hours that suffice with it, by hand and with patches."""
    forecast = forecast_of(report)
    levels = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    hand, patched = (dict(_at(forecast.curve(patched=way, points=199), levels)) for way in (False, True))
    rows = tuple((Number(level, f"{level} %"), hours_cell(hand[level]), hours_cell(patched[level])) for level in levels)
    return Table("Hours that suffice", ("Chance", "By hand", "With patches"), rows)


def ranking(report: Report) -> Table:
    """One row a failing check in the order of work: why it stands there, what it takes and what it gains."""
    rows = tuple(
        (
            Link(f"{p.rank}.\u00a0{p.result.id}", f"#{p.result.id}"), p.result.title, PHASE_TITLES[p.phase],
            Grade(p.result.gravest), _met(p), Number(p.risk, f"{p.risk:.1f}"), hours_cell(p.hours), _gain(p)[0],
        )
        for p in priorities(report)
    )
    columns = ("Check", "What is wrong", "When", "Severity", "Who meets it", "Risk", "Hours", "Gain")
    return Table("Order of work", columns, rows, find=len(rows) > 10)


def wins(report: Report, count: int = 5) -> Table:
    """One row a check that buys much of the score for little work, best first."""
    rows = tuple(
        (Link(p.result.id, f"#{p.result.id}"), p.result.title, Grade(p.result.gravest),
         f"{sum(map(is_patched, p.result.findings))} of {len(p.result.findings)}", hours_cell(p.hours), *_gain(p))
        for p in quick_wins(report)[:count]
    )
    columns = ("Check", "What is wrong", "Severity", "Patched", "Hours", "Score gain", "Gain per hour")
    return Table("Quick wins", columns, rows)


def budgets(report: Report, requires: Requires, chosen: float) -> Table:
    """One row a budget up to the hours that all takes: the best set of fixes for it and what that buys."""
    sets: list[BestSet] = []
    for hours in sorted({*STEP_BUDGETS, chosen}):
        found = best_set(report, hours, requires)
        if not sets or found.ids != sets[-1].ids or hours == chosen:
            sets.append(found)
    held = [found.after.overall.capped_by for found in sets]
    rows = tuple(
        (Number(found.budget, f"{found.budget:g} h"), len(found.ids), hours_cell(found.hours),
         hours_cell(forecast_of(report).of(found.ids, patched=True).p80), *scores_cells(found),
         *([Link(by, f"#{by}") if by else "–"] if any(held) else []))
        for found, by in zip(sets, held, strict=True)
    )
    columns = ("Budget", "Fixes", "Hours, mean", "Hours, P80", "Score now", "Score then", "Grade then",
               *(["Held down by"] if any(held) else []))
    return Table("What a budget buys", columns, rows)


def scores_cells(found: BestSet) -> tuple[Cell, ...]:
    """The overall score before and after a set of fixes, and the grade it leads to."""
    before, then = found.overall
    return _score(before.value), _score(then.value), Grade(then.grade or "no score")


def chosen(report: Report, found: BestSet) -> Table:
    """One row a fix of the best set, in the order of work."""
    rows = tuple(
        (Link(s.priority.result.id, f"#{s.priority.result.id}"), s.priority.result.title,
         Grade(s.priority.result.gravest), hours_cell(s.priority.hours), _score(s.before), _score(s.after))
        for s in steps(report, [p.result.id for p in priorities(report) if p.result.id in found.ids])
    )
    columns = ("Check", "What is put right", "Severity", "Hours", "Score before", "Score after")
    return Table(f"The best {len(rows)} for {found.budget:g} hours", columns, rows, find=len(rows) > 10)


def gains(report: Report) -> Table:
    """One row a fix in the order of work: the score before and after it."""
    rows = tuple(
        (Link(s.priority.result.id, f"#{s.priority.result.id}"), s.priority.result.title,
         Number(round(s.after - s.before, 4), f"{s.after - s.before:+.2f}"), _score(s.after))
        for s in steps(report)
    )
    return Table("Score after each fix", ("Check", "What is put right", "Gain", "Score then"), rows)


def phases(plan: Roadmap) -> Table:
    """One row a phase: its fixes, hours, weeks, and the score when it is done."""
    rows = tuple(
        (PHASE_TITLES[p.name], len(p.ids), hours_cell(p.patched.p50), hours_cell(p.patched.p80), hours_cell(p.hand.p80),
         weeks_text(p.first_week, p.last_week), _score(p.score.value), Grade(p.score.grade or "no score"))
        for p in plan.phases
    )
    columns = ("Phase", "Fixes", "With patches, P50", "With patches, P80", "By hand, P80", "Weeks", "Score then",
               "Grade then")
    return Table("Phases", columns, rows)


def calendar(plan: Roadmap) -> Table:
    """One row a fix: its phase, who does it and when, in working hours of that engineer."""
    rows = tuple(
        (Link(t.priority.result.id, f"#{t.priority.result.id}"), t.priority.result.title, PHASE_TITLES[t.phase],
         t.engineer, weeks_text(t.first_week, t.last_week), Number(round(t.start, 3), f"{t.start:.1f} h"),
         Number(round(t.end, 3), f"{t.end:.1f} h"))
        for t in plan.tasks
    )
    return Table("Calendar", ("Check", "What is put right", "Phase", "Engineer", "Weeks", "Starts", "Ends"), rows)


def files(names: Sequence[str], categories: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    """One row a file: open findings of each category."""
    rows = tuple((name, *own, sum(own)) for name, own in zip(names, counts, strict=True))
    return Table("Open findings by file and category", ("File", *categories, "All"), rows)


def reach_text(reach: Reach | None) -> str:
    """Who meets a finding, in words."""
    if reach is None or reach.scope == "unclear":
        return "not shown by the code"
    if reach.scope == "service":
        return "the whole service"
    if reach.scope == "none":
        return "no request"
    text = story.plural(reach.routes, "route")
    if reach.open == reach.routes:
        return f"{text}, open to all"
    return f"{text}, {reach.open} open to all" if reach.open else f"{text}, callers are known"


def _met(p: Priority) -> str:
    sure = "" if p.worst.confidence == "high" else f"; {p.worst.confidence} confidence"
    return reach_text(p.worst.reach) + sure


def weeks_text(first: int, last: int) -> str:
    """``1`` or ``1–3``."""
    return str(first) if first == last else f"{first}–{last}"


def _effort_row(name: str, hand: Range, patched: Range) -> tuple[Cell, ...]:
    return (name, *(hours_cell(h) for whole in (hand, patched) for h in (whole.p50, whole.p80, whole.p95)))


def _gain(p: Priority) -> tuple[Number, Number]:
    return (Number(round(p.gain, 4), f"{p.gain:+.2f}"), Number(round(p.gain_per_hour, 4), f"{p.gain_per_hour:.2f}"))


def _score(value: float | None) -> Cell:
    return None if value is None else Number(round(value, 2), f"{value:.1f}")


def _at(drawn: Sequence[tuple[float, float]], levels: Sequence[int]) -> list[tuple[int, float]]:
    return [(level, min(drawn, key=lambda point: abs(point[1] - level))[0]) for level in levels]


def _money(amount: float) -> str:
    """Money as an estimate is told: two figures below a thousand, three above, no cents."""
    if amount < 100:
        return f"{amount:,.0f}"
    step = 10 ** max(1, len(str(int(amount))) - 3)
    return f"{round(amount / step) * step:,.0f}"
