"""The tables of a report as plain rows; pandas only when a reader asks for a data frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from readybook import story
from readybook.effort import by_hand, with_patches
from readybook.records import record
from readybook.report import Report
from readybook.seriesview import SAFETY_WORDS, VERDICT_WORDS, PatchView, SeriesView
from readybook.severity import SEVERITIES

if TYPE_CHECKING:
    import pandas


@record
class Link:
    """A cell that leads to ``href``, a place in the page (``#…``) or a file beside it (``./…``)."""

    text: str
    href: str


@record
class Grade:
    """A cell whose word is a grade, a severity or an outcome, shown as a mark of that kind."""

    text: str


@record
class Number:
    """A cell that sorts as ``value`` and reads ``text``."""

    value: float
    text: str


Cell = str | int | Link | Grade | Number | None


@record
class Table:
    """Rows under named columns. ``caption`` says what a row is; ``total`` marks the last row as the sum of the others;
    ``find`` offers a box that filters the rows; ``budget`` is how many bytes of HTML its rows may take, 0 the usual."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: bool = False
    find: bool = False
    budget: int = 0

    def frame(self) -> pandas.DataFrame:
        """The table as a data frame: links and marks as their text, numbers as numbers."""
        import pandas

        return pandas.DataFrame([[_plain(cell) for cell in row] for row in self.rows], columns=list(self.columns))

    def _repr_html_(self) -> str:
        from readybook.display import dressed, table_html

        return str(dressed(table_html(self)))


def scores(report: Report) -> Table:
    """One row a category: score, grade, how many checks counted, open findings by severity."""
    counts = {**story.category_counts(report), "": story.severity_counts(report)}
    scored = {**report.score.categories, "": report.score.overall}
    capped = any(score.capped_by for score in scored.values())
    rows = tuple(
        (
            story.CATEGORY_TITLES.get(name, "Overall"), _points(score.value), Grade(score.grade or "no score"),
            f"{score.counted} of {score.total}", *counts[name].values(), *([_cap(score.capped_by)] if capped else []),
        )
        for name, score in scored.items()
    )
    columns = ("Category", "Score", "Grade", "Checks counted", *(s.capitalize() for s in SEVERITIES))
    return Table("Score of each category", columns + (("Held down by",) if capped else ()), rows, total=True)


def checks(report: Report) -> Table:
    """One row a check: outcome, open findings, hours."""
    rows = tuple(
        (
            Link(r.id, f"#{r.id}") if r.findings else r.id, r.title, story.CATEGORY_TITLES[r.category],
            _severity(r.gravest), Grade(story.outcome_text(r)), len(r.findings),
            *((hours_cell(by_hand(r).mean), hours_cell(with_patches(r).mean)) if r.findings else (None, None)),
        )
        for r in sorted(report.results, key=lambda r: (not r.findings, SEVERITIES.index(r.gravest), r.id))
    )
    columns = ("Check", "The defect it looks for", "Category", "Severity", "Outcome", "Findings", "By hand",
               "With patches")
    return Table("All checks", columns, rows, find=True)


def findings(report: Report) -> Table:
    """One row an open finding, for data frames and other programs."""
    rows = tuple(
        (
            Link(fingerprint, f"#{fingerprint}"), r.id, _severity(f.severity or r.severity), f.place.path, f.place.line,
            f.place.symbol, f.message, f.confidence, f.fix.title if f.fix else "", f.app or "",
        )
        for r, f, fingerprint in report.findings
    )
    columns = ("Fingerprint", "Check", "Severity", "File", "Line", "Inside", "What is wrong", "Confidence", "Fix",
               "Application")
    return Table("Open findings", columns, rows, find=True)


def heat(report: Report) -> Table:
    """One row a severity: open findings in each category."""
    counts = story.category_counts(report)
    rows: tuple[tuple[Cell, ...], ...] = tuple((_severity(s), *(own[s] for own in counts.values())) for s in SEVERITIES)
    columns = ("Severity", *(story.CATEGORY_TITLES[name] for name in counts))
    return Table("Open findings by severity and category", columns, rows)


def not_checked(report: Report) -> Table:
    """What the audit did not look at or could not answer, and why."""
    rows: list[tuple[Cell, ...]] = [(what, why) for what, why in report.not_checked]
    rows += [(f"File {path}", reason) for path, reason in report.target.unreadable]
    rows += [
        (f"Check {r.id}: {r.title}", f"{story.OUTCOME_TITLES[r.outcome]}: {r.reason}")
        for r in report.results
        if r.outcome in ("unknown", "error") and not any(what.startswith(r.id) for what, _ in report.not_checked)
    ]
    return Table("Not checked", ("What", "Why"), tuple(dict.fromkeys(rows)), find=len(rows) > 10)


def patches(series: SeriesView, patches_page: str = "./remediation.html", audit_page: str = "") -> Table:
    """One row a patch in the order in which they apply; with its verdict once anything was verified."""
    tried = series.verified is not None
    rows = tuple(
        (
            Link(f"{patch.number:04}", f"{patches_page}#{patch.anchor}"),
            Link(patch.check, f"{audit_page}#{patch.check}"), patch.title.rstrip("."),
            Grade(SAFETY_WORDS.get(patch.safety, patch.safety)),
            *([Grade(VERDICT_WORDS.get(patch.verdict, "not tried"))] if tried else []), patch.cures, _files(patch),
            _numbers(patch.requires) or "–", hours_cell(patch.saves),
        )
        for patch in series.patches
    )
    columns = ("Patch", "Check", "What it does away with", "Safety", *(["Verified"] if tried else []), "Cures", "Files",
               "Needs", "Saves")
    return Table("The series", columns, rows, find=len(rows) > 10)


def unpatched(left: Iterable[tuple[str, str, int]]) -> Table:
    """One row a check and reason: findings that no patch of the series cures."""
    rows = tuple((Link(check, f"#{check}"), count, why) for check, why, count in left)
    return Table("Findings left to people", ("Check", "Findings", "Why there is no patch"), rows)


def probed(report: Report) -> Table:
    """One row a question that the running service was asked."""
    rows = tuple((id_, question, expected, observed, Grade(story.PROBED_TITLES.get(outcome, outcome)))
                 for id_, question, expected, observed, outcome in report.probed or ())
    return Table("Asked of the running service", ("Probe", "Question", "Expected", "Observed", "Outcome"), rows)


def waived(report: Report) -> Table:
    """One row a finding that somebody decided to live with: where, why, and which line says so."""
    rows = tuple((w.check, str(w.finding.place), w.finding.message, w.reason, w.by) for w in report.waived)
    return Table("Waived findings", ("Check", "Place", "Finding", "Reason given", "Said by"), rows, find=len(rows) > 10)


def _numbers(numbers: Iterable[int]) -> str:
    """Numbers of patches, three and more in a row by their ends: ``0001, 0003–0008``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]:04}–{run[-1]:04}" if len(run) > 2 else ", ".join(f"{n:04}" for n in run) for run in runs)


def _files(patch: PatchView) -> str:
    new = sum(file.change == "created" for file in patch.files)
    text = story.plural(len(patch.files), "file")
    return f"{text}, {new} new" if new else text


def _plain(cell: Cell) -> str | float | None:
    if isinstance(cell, (Link, Grade)):
        return cell.text
    return cell.value if isinstance(cell, Number) else cell


def _points(value: float | None) -> Cell:
    return None if value is None else Number(value, f"{value:.1f}")


def hours_cell(hours: float) -> Number:
    """Hours as a cell."""
    return Number(round(hours, 3), story.hours_text(hours))


def _severity(severity: str) -> Grade:
    return Grade(severity)


def _cap(check: str | None) -> Cell:
    return Link(check, f"#{check}") if check else ""
