"""A report as plain text: a table for the terminal, Markdown for a pull request.

Text of the audited code is shown with its control characters written as escapes, so it can neither move the cursor nor
pass for another text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from readybook.check import OUTCOMES
from readybook.markup import visible
from readybook.report import Report
from readybook.severity import SEVERITIES

Row = Sequence[object]


def table(report: Report) -> str:
    """The report for a terminal."""
    return "\n".join(_paragraphs(report, _Terminal())) + "\n"


def markdown(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    return "\n".join(_paragraphs(report, _Markdown())) + "\n"


def columns(head: Sequence[str], rows: Iterable[Row]) -> str:
    """Left-aligned columns, parted by two spaces; the last one is as long as it is."""
    cells = [tuple(head), *(tuple(visible(str(cell)).replace("\n", " ") for cell in row) for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in cells
    )


class _Terminal:
    def text(self, text: str) -> str:
        return visible(text)

    def heading(self, text: str) -> str:
        return f"\n{visible(text)}"

    def rows(self, head: Sequence[str], rows: Iterable[Row]) -> str:
        return columns([name.upper() for name in head], rows)

    def place(self, place: object) -> str:
        return str(place)


def literal(text: str) -> str:
    """The text with backslashes before what Markdown or HTML would take for markup, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&@!])", r"\\\1", visible(text).replace("\n", " "))


def rows_of(head: Sequence[str], rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(literal(str(cell)) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


class _Markdown:
    def text(self, text: str) -> str:
        return literal(text)

    def heading(self, text: str) -> str:
        return f"\n## {self.text(text)}\n"

    def rows(self, head: Sequence[str], rows: Iterable[Row]) -> str:
        return rows_of(head, rows)

    def place(self, place: object) -> str:
        return str(place)


def _paragraphs(report: Report, style: _Terminal | _Markdown) -> Iterator[str]:
    yield from _head(report, style)
    yield style.heading("Score")
    yield style.rows(("Category", "Score", "Grade", "Counted", "Capped by"), _scores(report))
    yield from _findings(report, style)
    yield style.heading("Checks by outcome")
    yield style.rows(("Outcome", "Number", "Checks"), _outcomes(report))
    if report.waived:
        yield style.heading("Waived")
        rows = [(w.check, w.finding.place, w.reason, w.by) for w in report.waived]
        yield style.rows(("Check", "Place", "Reason", "Said by"), rows)
    yield style.heading("Not checked")
    yield style.rows(("What", "Why"), report.not_checked)


def _head(report: Report, style: _Terminal | _Markdown) -> Iterator[str]:
    target, overall = report.target, report.score.overall
    commit = f", commit {target.commit[:10]}" if target.commit else ""
    title = f"Audit of {target.name}{commit}: {target.files:,} files, {target.lines:,} lines of Python"
    yield style.text(title) if isinstance(style, _Terminal) else "# " + style.text(title) + "\n"
    for app in report.apps:
        yield style.text(f"Serves {app.app} ({app.file}:{app.line}, {app.routes} route{'s' * (app.routes != 1)})")
    if overall.value is None:
        yield style.text("No score: no check counted.")
    else:
        capped = f", capped by {overall.capped_by}" if overall.capped_by else ""
        yield style.text(f"Overall {overall.value} of 10, {overall.grade}{capped}.")


def _scores(report: Report) -> Iterator[Row]:
    for name, s in (*report.score.categories.items(), ("overall", report.score.overall)):
        value = "–" if s.value is None else s.value
        yield name, value, s.grade or "–", f"{s.counted} of {s.total}", s.capped_by or ""


def _findings(report: Report, style: _Terminal | _Markdown) -> Iterator[str]:
    rows = [
        (finding.severity or result.severity, result.id, finding.place, finding.message,
         finding.fix.title if finding.fix else "")
        for result, finding, _ in report.findings
    ]
    counts = [f"{n} {s}" for s in SEVERITIES if (n := sum(row[0] == s for row in rows))]
    yield style.heading(f"Open findings: {len(rows)}" + (f" ({', '.join(counts)})" if counts else ""))
    if not rows:
        return
    if isinstance(style, _Terminal):
        yield style.rows(("Severity", "Check", "Place", "What is wrong"), [row[:4] for row in rows])
    else:
        yield style.rows(("Severity", "Check", "Place", "What is wrong", "Fix"), rows)
    effort = report.effort
    yield style.text(
        f"\nEffort: {effort.likely:.1f} hours by hand ({effort.low:.1f} to {effort.high:.1f}), "
        f"{effort.automated:.1f} when the patches are taken."
    )


def _outcomes(report: Report) -> Iterator[Row]:
    for outcome in OUTCOMES:
        own = [result.id for result in report.results if result.outcome == outcome]
        if own:
            yield outcome.replace("_", " "), len(own), ", ".join(own)
