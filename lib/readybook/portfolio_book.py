"""What the portfolio notebook calls: one function a cell, each returning something that shows itself."""

from __future__ import annotations

from pathlib import Path

from readybook import display, portfolio, portfolio_charts, portfolio_tables, story
from readybook.charts import Chart
from readybook.display import Shown
from readybook.markup import clip, el
from readybook.portfolio import Portfolio
from readybook.tables import Table
from readybook.workbook import find_target


def open_portfolio(folder: str = "", targets: str = "", only: str = "", skip: str = "") -> Portfolio:
    """What ``readybook batch`` left in ``folder``; without one, every child of the folder ``targets``, audited now."""
    if folder:
        return portfolio.read_batch(Path(folder))
    only_, skip_ = (tuple(word.strip() for word in text.split(",") if word.strip()) for text in (only, skip))
    given = Path(targets)
    return portfolio.audit_each(given if given.is_file() else find_target(targets), only_, skip_)


def title(found: Portfolio, date: str = "") -> Shown:
    """The head of the page."""
    total, failed = len(found.members), len(found.failed)
    facts = [story.plural(total - failed, "report"), f"{failed} failed", *([clip(date, 40)] if date else [])]
    head = el(
        "div",
        el("div", el("p", "Production-readiness audit", class_="kicker"), el("h1", story.plural(total, "codebase")),
           el("p", [el("span", fact) for fact in facts], class_="meta")),
        el("div", el("span", "–" if found.median is None else f"{found.median:.1f}", class_="value"),
           el("span", " of 10", class_="of"), el("span", "median", class_="word"), class_="grade"),
        class_="hero",
    )
    return Shown(head, f"Portfolio of {story.plural(total, 'codebase')}")


def summary(found: Portfolio) -> str:
    """The figures to compare between two runs, as plain lines."""
    scored = [(m.name, m.report.score.overall) for m in found.ranked if m.report]
    rows = [f"{name}: {overall.value} {overall.grade}" for name, overall in scored]
    return "\n".join([
        *rows[:20], *(f"{m.name}: failed" for m in found.failed[:5]), f"defects: {len(found.defects)}",
        f"P80 hours: {found.hand.p80:.0f} by hand, {found.patched.p80:.0f} with patches",
    ])


def verdict(found: Portfolio) -> Shown:
    """Three sentences: where the codebases stand, what comes back, what putting it right takes."""
    sentences = [_standing(found), _returning(found), _price(found)]
    return Shown(el("div", [el("p", sentence) for sentence in sentences], class_="verdict"), " ".join(sentences))


def at_a_glance(found: Portfolio) -> Shown:
    """Four figures to remember."""
    counts = {"excellent": 0, "good": 0, "fair": 0, "at risk": 0}
    for member in found.ranked:
        if member.report and member.comparable and member.report.score.overall.grade:
            counts[member.report.score.overall.grade] += 1
    grave = sum(story.severity_counts(m.report)["critical"] for m in found.ranked if m.report)
    having = sum(story.severity_counts(m.report)["critical"] > 0 for m in found.ranked if m.report)
    findings = sum(len(m.report.findings) for m in found.ranked if m.report)
    html = display.tiles((
        (str(len(found.scores)), "codebases ranked", ", ".join(f"{n} {grade}" for grade, n in counts.items() if n)),
        (f"{findings:,}", "open findings", f"{grave} critical, in {story.plural(having, 'codebase')}"),
        (story.hours_text(found.hand.p80), "by hand, P80", f"P50 {story.hours_text(found.hand.p50)}"),
        (story.hours_text(found.patched.p80), "with patches, P80", f"P50 {story.hours_text(found.patched.p50)}"),
    ))
    return Shown(html, _standing(found))


def ranking(found: Portfolio) -> Table:
    """The codebases, best score first."""
    return portfolio_tables.ranking(found)


def heatmap(found: Portfolio, rows: int = portfolio_charts.ROWS_SHOWN) -> Chart:
    """Scores of codebases by category."""
    return portfolio_charts.category_heatmap(found, rows)


def defect_chart(found: Portfolio) -> Chart:
    """The commonest defects."""
    return portfolio_charts.defect_bars(found)


def effort(found: Portfolio, *, hourly_rate: float, currency: str, hours_per_day: float) -> Table:
    """Hours and money for everything."""
    return portfolio_tables.effort(found, hourly_rate, currency, hours_per_day)


def assumptions(*, hourly_rate: float, currency: str, hours_per_day: float) -> Shown:
    """What the money and the days rest on."""
    text = f"Assumed: {currency} {hourly_rate:,.2f} an hour, {hours_per_day:g} hours a day. P80 is what suffices in " \
           "80 of 100 cases; all codebases share one factor, for a team that misjudges one misjudges all."
    return Shown(el("p", text, class_="rest"), text)


def failed(found: Portfolio) -> Table:
    """The targets without a report."""
    return portfolio_tables.failed(found)


def doubts(found: Portfolio) -> Table:
    """The targets whose figures need a grain of salt."""
    return portfolio_tables.doubts(found)


def _standing(found: Portfolio) -> str:
    scores = found.scores
    out = len(found.ranked) - len(scores)
    tail = f"; {out} more {'is' if out == 1 else 'are'} not ranked, for no application was found in " \
           f"{'it' if out == 1 else 'them'}" if out else ""
    if not scores:
        return f"No codebase has a score that can be compared{tail}."
    weak = sum(score < 5 for score in scores)
    return f"{story.plural(len(scores), 'codebase')} {'scores' if len(scores) == 1 else 'score'} between " \
           f"{scores[-1]:.1f} and {scores[0]:.1f} of 10, half of them {found.median:.1f} or more, {weak} at risk{tail}."


def _returning(found: Portfolio) -> str:
    if not found.defects:
        return "No check that could be answered found a defect."
    first = found.defects[0]
    grave = next((d for d in found.defects if d.severity in ("critical", "high")), None)
    text = f"The commonest defect is {first.id}, in {len(first.targets)} of {len(found.ranked)}: " \
           f"{first.title.rstrip('.')}"
    if grave and grave is not first:
        text += f"; the commonest grave one is {grave.id}, in {len(grave.targets)}: {grave.title.rstrip('.')}"
    return text + "."


def _price(found: Portfolio) -> str:
    return f"Putting everything right takes {story.hours_text(found.hand.p80)} by hand in 80 of 100 cases, or " \
           f"{story.hours_text(found.patched.p80)} with the offered patches."
