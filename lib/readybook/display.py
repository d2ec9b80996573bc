"""How the nouns look in a notebook and in the HTML report. Text of the audited code is escaped, masked and bounded."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from textwrap import dedent

from readybook import story
from readybook.check import Result
from readybook.effort import by_hand, with_patches
from readybook.finding import Finding, Fix
from readybook.forecast import forecast_of
from readybook.markup import Html, clip, el, join, within
from readybook.masking import mask
from readybook.project import Project
from readybook.records import record
from readybook.report import Report
from readybook.severity import SEVERITIES
from readybook.tables import Cell, Grade, Link, Number, Table

FINDINGS_SHOWN = 50          # of one check; the page counts the rest and names the JSON
FINDINGS_BUDGET = 800_000    # bytes of HTML for all findings together
TABLE_BUDGET = 110_000       # bytes of HTML for the rows of one table
DENSE = 9                    # columns from which on cells stand closer
WIDE_TEXT = 55               # characters from which on a column gets room for its sentences
EVIDENCE_LINES, LINE_LIMIT, TEXT_LIMIT = 14, 240, 900
JSON_NAME = "audit.json"
SAFETY_TITLES = {
    "safe": "patch, safe", "review": "patch, to review", "sketch": "patch, a sketch to finish", "advice": "advice",
}


def table_html(table: Table) -> Html:
    """A table that sorts by its headings and, when it asks for it, filters by a box above it."""
    if not table.rows:
        return el("p", f"{table.caption}: none.", class_="none")
    numeric = [all(isinstance(row[i], (Number, int, type(None))) for row in table.rows)
               for i in range(len(table.columns))]
    wide = [max(len(row[i]) if isinstance(row[i], str) else 0 for row in table.rows) > WIDE_TEXT
            for i in range(len(table.columns))]
    body, total = (table.rows[:-1], table.rows[-1:]) if table.total else (table.rows, ())
    shown = within((_row(row, table.columns, numeric, wide) for row in body), table.budget or TABLE_BUDGET)
    grid = el(
        "table",
        el("caption", table.caption, class_="hidden" if table.find else None),
        el("thead", el("tr", [
            el("th", el("button", name, type="button", data_sort=True), scope="col", class_="n" if number else None)
            for name, number in zip(table.columns, numeric, strict=True)
        ])),
        el("tbody", shown),
        el("tfoot", [_row(row, table.columns, numeric, wide) for row in total]) if total else None,
        class_="dense" if len(table.columns) >= DENSE else None,
    )
    left = len(body) - len(shown)
    return el(
        "div",
        _find_box(f"Filter: {table.caption}") if table.find else None,
        el("div", grid, class_="scroll", tabindex=0, role="region", aria_label=table.caption),
        el("p", f"{left:,} more rows stand in {JSON_NAME}.", class_="rest") if left else None,
        class_="table",
    )


def dressed(html: Html) -> Html:
    """A view as a notebook shows it: what the style of ``page.notebook_dress`` holds for."""
    return el("div", html, class_="readybook")


def tiles(figures: Iterable[tuple[str, str, str]]) -> Html:
    """Figures to remember, each as (figure, name, note)."""
    return el("dl", [
        el("div", el("dt", name), el("dd", el("span", figure, class_="figure"), el("span", note, class_="note")))
        for figure, name, note in figures
    ], class_="tiles")


def project_html(project: Project) -> Html:
    """What a project is: name, commit, files, what could not be read."""
    rows: list[tuple[str, Cell]] = [("Project", project.name), ("Commit", project.commit or "not under git")]
    rows += [("Text files read", len(project.files)), ("Could not be read", len(project.unreadable))]
    if project.app:
        rows.append(("Application", project.app))
    return _facts(rows)


def report_html(report: Report) -> Html:
    """A report in short: score, grade, open findings, effort."""
    return join([header(report), at_a_glance(report)])


def result_html(result: Result) -> Html:
    """One check's answer with all its findings (those beyond the limit are counted)."""
    return check_section(result, FINDINGS_SHOWN, opened=True)


def finding_html(finding: Finding, severity: str = "", fingerprint: str = "", anchor: bool = True) -> Html:
    """One finding: severity, place, what is wrong, evidence, the way that leads there, the cure.

    ``anchor`` makes it the place that links to its fingerprint lead to; a page has one such place.
    """
    severity = finding.severity or severity
    place = finding.place
    about = [
        f"in {_cut(place.symbol)}" if place.symbol else "",
        f"application {_cut(finding.app)}" if finding.app else "",
        f"{finding.confidence} confidence" if finding.confidence != "high" else "",
        "" if place.exact else "line exact, column approximate",
    ]
    return el(
        "article",
        el("p", badge(severity) if severity else None, " ", _place(str(place), fingerprint),
           el("span", " · ".join(part for part in about if part), class_="about"), class_="where"),
        el("p", _cut(finding.message)),
        _evidence(finding),
        _chain(finding),
        fix_html(finding.fix),
        class_=f"finding {severity}" if severity in SEVERITIES else "finding", id=(anchor and fingerprint) or None,
    )


def fix_html(fix: Fix | None) -> Html:
    """What would cure a finding, or that no cure is offered."""
    if fix is None:
        return el("p", el("b", "Fix: "), "none offered; a person decides.", class_="fix")
    kind = "advice" if set(fix.kinds) == {"advice"} else fix.safety
    return el("p", el("b", "Fix "), f"({SAFETY_TITLES[kind]}): ", _cut(fix.title),
              f" — {_cut(fix.reason)}" if fix.reason else None, class_="fix")


def badge(word: str) -> Html:
    """A severity, grade or outcome as a coloured mark; the word carries the meaning, the colour repeats it."""
    return el("span", word, class_=f"badge b-{word.replace(',', '').replace(' ', '-')}")


def header(report: Report, date: str = "", kind: str = "Production-readiness audit") -> Html:
    """The head of the page: what was audited, when if the caller says so, and its grade."""
    overall = report.score.overall
    target = report.target
    commit = f"commit {target.commit[:12]}" if target.commit else "not under git"
    facts = (commit, story.plural(target.files, "file"), f"{story.plural(target.lines, 'line')} of Python",
             story.plural(len(report.apps), "application"), *([clip(date, 40)] if date else []))
    value = "–" if overall.value is None else f"{overall.value:.1f}"
    grade = overall.grade or "no score"
    critical = story.severity_counts(report)["critical"]  # a score is a mean: it alone would hide them
    return el(
        "div",
        el("div", el("p", kind, class_="kicker"), el("h1", _cut(target.name)),
           el("p", [el("span", fact) for fact in facts], class_="meta")),
        el("div", el("span", value, class_="value"), el("span", " of 10", class_="of"),
           el("span", grade, class_="word"),
           el("span", f"{critical:,} critical open", class_="held") if critical else "",
           class_=f"grade g-{grade.replace(' ', '-')}"),
        class_="hero",
    )


def at_a_glance(report: Report) -> Html:
    """Four figures to remember: open findings, gravest first; checks that counted; effort by hand; with patches."""
    counts = story.severity_counts(report)
    overall, forecast = report.score.overall, forecast_of(report)
    hand, patched = forecast.of(), forecast.of(patched=True)
    by_severity = ", ".join(f"{n:,} {s}" for s, n in counts.items() if n) or "none"
    return tiles((
        (f"{sum(counts.values()):,}", "open findings", by_severity),
        (f"{overall.counted} of {overall.total}", "checks counted",
         ", ".join(f"{n} {story.outcome_of(o, n)}" for o, n in story.outcome_counts(report).items())),
        (story.hand_text(report), "to put right by hand",
         f"at most {story.hours_text(hand.p80)} in 80 of 100 cases"),
        (story.hours_text(patched.p50), "with the offered patches",
         f"review included; at most {story.hours_text(patched.p80)} in 80 of 100 cases"),
    ))


def verdict_html(report: Report) -> Html:
    """The verdict in three sentences."""
    return el("div", [el("p", _cut(sentence)) for sentence in story.verdict(report)], class_="verdict")


def worst_html(report: Report, count: int) -> Html:
    """The gravest findings with their evidence; each links to its entry among all findings."""
    rows = story.worst(report, count)
    if not rows:
        return el("p", "No open findings.", class_="none")
    return el("ol", [
        el("li", el("h3", result.title), finding_html(finding, result.severity, fingerprint, anchor=False),
           el("p", el("a", _all_of(result), href=f"#{result.id}"), class_="more"))
        for result, finding, fingerprint in rows
    ], class_="worst")


def findings_html(report: Report) -> Html:
    """Every open finding by check, gravest check first; what does not fit is counted and the JSON named."""
    failing = sorted((r for r in report.results if r.findings), key=lambda r: (SEVERITIES.index(r.gravest), r.id))
    if not failing:
        return el("p", "No open findings.", class_="none")
    opened = sum(len(r.findings) for r in failing) <= 40
    left, parts = FINDINGS_BUDGET, []
    for result in failing:
        part = check_section(result, FINDINGS_SHOWN, opened=opened, budget=left)
        left -= part.size
        parts.append(part)
    return el("div", _find_box("Filter findings"), parts, class_="findings")


def check_section(result: Result, limit: int, opened: bool, budget: int = FINDINGS_BUDGET) -> Html:
    """One check with its findings, at most ``limit`` of them and at most ``budget`` bytes of HTML."""
    pairs = islice(zip(result.findings, result.fingerprints, strict=True), limit)
    shown = within((finding_html(f, result.severity, fingerprint) for f, fingerprint in pairs), budget)
    left = len(result.findings) - len(shown)
    hand, patched = by_hand(result).mean, with_patches(result).mean
    tail = [f"{story.plural(len(result.findings), 'finding')}", f"{story.hours_text(hand)} by hand"]
    if patched < hand:
        tail.append(f"{story.hours_text(patched)} with patches")
    return el(
        "details",
        el("summary", el("span", badge(result.gravest), " ", el("code", result.id), " ", result.title, class_="title"),
           el("span", " · ".join(tail), class_="tail")),
        el("p", result.reason, class_="reason") if result.reason else None,
        el("p", story.observed_text(result), class_="observed") if result.observed else None,
        shown,
        el("p", f"{left:,} more of this check stand in {JSON_NAME}.", class_="rest") if left else None,
        class_="check", id=result.id, open=opened, data_print=True,
    )


@record
class Shown:
    """A view for a notebook cell: HTML, with a plain sentence for readers of plain text."""

    html: Html
    text: str

    def _repr_html_(self) -> str:
        return str(dressed(self.html))

    def __repr__(self) -> str:
        return self.text


def _all_of(result: Result) -> str:
    count = len(result.findings)
    return f"{result.id} among all findings" if count == 1 else f"All {count:,} findings of {result.id}"


def _find_box(label: str) -> Html:
    return el("label", el("span", label), el("input", type="search", data_find=True, placeholder="type to filter"),
              el("output", data_count=True), class_="find")


def _row(row: tuple[Cell, ...], columns: tuple[str, ...], numeric: list[bool], wide: list[bool]) -> Html:
    cells = []
    for i, (cell, name, number, text) in enumerate(zip(row, columns, numeric, wide, strict=True)):
        value = cell.value if isinstance(cell, Number) else None
        kind = "n" if number else "wide" if text else "long" if _longest_word(cell) > 22 else None
        cells.append(el(
            "th" if i == 0 else "td", _cell(cell), scope="row" if i == 0 else None, data_label=name,
            class_=kind, data_value=value,
        ))
    return el("tr", cells)


def _cell(cell: Cell) -> Html | str | int | None:
    if isinstance(cell, Link):
        return el("a", _cut(cell.text), href=cell.href)
    if isinstance(cell, Grade):
        return badge(cell.text)
    if isinstance(cell, Number):
        return cell.text
    return _cut(cell) if isinstance(cell, str) else cell


def _longest_word(cell: Cell) -> int:
    text = cell if isinstance(cell, str) else cell.text if isinstance(cell, Link) else ""
    return max(map(len, text.split()), default=0)


def _facts(rows: Iterable[tuple[str, Cell]]) -> Html:
    return el("dl", [el("div", el("dt", name), el("dd", _cell(value))) for name, value in rows], class_="facts")


def _place(place: str, fingerprint: str) -> Html:
    text = el("code", clip(place, LINE_LIMIT))
    return el("a", text, href=f"#{fingerprint}", title="Link to this finding") if fingerprint else text


def _evidence(finding: Finding) -> Html | None:
    if not finding.evidence.strip():
        return None
    lines = dedent(finding.evidence).split("\n")
    head = "\n".join(clip(line.rstrip(), 2 * LINE_LIMIT) for line in lines[:EVIDENCE_LINES])
    text = "\n".join(clip(line, LINE_LIMIT) for line in mask(head, finding.place.path).split("\n"))
    more = f"\n… {len(lines) - EVIDENCE_LINES} more lines" if len(lines) > EVIDENCE_LINES else ""
    return el("pre", el("code", text + more), class_="evidence", tabindex=0)


def _chain(finding: Finding) -> Html | None:
    if not finding.chain:
        return None
    steps = [join([el("code", clip(str(p), LINE_LIMIT)), f" {_cut(p.symbol)}" if p.symbol else None])
             for p in finding.chain[:12]]
    return el("p", "By way of ", join(steps, " → "), class_="chain")


def _cut(text: str) -> str:
    # Cut twice: a secret that the first cut splits is still long enough to be known as one.
    return clip(mask(clip(text, 2 * TEXT_LIMIT)), TEXT_LIMIT)
