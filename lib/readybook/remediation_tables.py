"""What a patch series comes to, as tables: patches in order, what was proven, which files change, what needs people.

Links lead to the page of the audit beside it (``./report.html``) and to the patches of the same page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from readybook import story, tables
from readybook.areas import AREAS, area
from readybook.check import Result
from readybook.seriesview import SAFETY_WORDS, VERDICT_WORDS, PatchView, SeriesView
from readybook.finding import Finding
from readybook.report import Report
from readybook.tables import Cell, Grade, Link, Number, Table

AUDIT_PAGE = "./report.html"
_YES = {True: "yes", False: "no", None: "not tried"}


def scores_table(before: Report, after: Report) -> Table:
    """One row a category: its score now and with the whole series taken, findings now and then."""
    pairs = {**{story.CATEGORY_TITLES[name]: (score, after.score.categories[name])
                for name, score in before.score.categories.items()},
             "Overall": (before.score.overall, after.score.overall)}
    counts = [_open(before), _open(after)]
    rows = tuple(
        (name, _points(old.value), _points(new.value), _gain(old.value, new.value), Grade(old.grade or "no score"),
         Grade(new.grade or "no score"), *(own[name] for own in counts))
        for name, (old, new) in pairs.items()
    )
    columns = ("Category", "Now", "After", "Gain", "Grade now", "Grade after", "Findings now", "Findings after")
    return Table("Score before and after", columns, rows, total=True)


def patches_table(series: SeriesView) -> Table:
    """One row a patch in the order in which they apply; with its verdict once anything was verified."""
    return tables.patches(series, patches_page="", audit_page=AUDIT_PAGE)


def verification(series: SeriesView) -> Table:
    """One row a patch: what was tried on it and what came of it; no rows when nothing was verified."""
    rows = tuple(
        (
            _to(patch), Grade(VERDICT_WORDS.get(patch.verdict, patch.verdict)), _YES[proof.get("applies")],
            _YES[proof.get("parses")], _YES[proof.get("clears")], _YES[proof.get("idempotent")],
            len(proof.get("new_findings", ())), _YES[proof.get("starts")],
            len((proof.get("openapi") or {}).get("changed", ())), _tests(proof.get("tests")),
            str(proof.get("reason", "")),
        )
        for patch in series.patches if (proof := patch.proof) is not None
    )
    columns = ("Patch", "Verdict", "Applies", "Parses", "Finding gone", "Nothing more to fix", "New findings", "Starts",
               "API changes", "Tests", "Why")
    return Table("What was tried", columns, rows)


def areas_table(series: SeriesView) -> Table:
    """One row an area: files created and changed, lines added and removed, and how many patches touch it."""
    found = touched(series)
    rows: list[tuple[Cell, ...]] = []
    for name in AREAS:
        own = {path: file for path, file in found.items() if area(path) == name}
        if own:
            numbers = {n for file in own.values() for n in file["patches"]}
            rows.append((name, *_sums(own.values()), len(numbers)))
    rows.append(("All", *_sums(found.values()), len(series.patches)))
    columns = ("Area", "Files created", "Files changed", "Files deleted", "Lines added", "Lines removed", "Patches")
    return Table("What changes, by area", columns, tuple(rows) if found else (), total=True)


def files_table(series: SeriesView) -> Table:
    """One row a file that the series creates or changes, by area."""
    found = touched(series)
    rows = tuple(
        (path, area(path), Grade(file["change"]), file["+"], file["-"], ", ".join(f"{n:04}" for n in file["patches"]))
        for path, file in sorted(found.items(), key=lambda item: (AREAS.index(area(item[0])), item[0]))
    )
    columns = ("File", "Area", "What happens to it", "Lines added", "Lines removed", "By patches")
    return Table("What changes, by file", columns, rows, find=len(rows) > 10)


def people_table(report: Report, series: SeriesView) -> Table:
    """One row a finding that no patch cures: where, what to do, why a person must, and its share of the hand work."""
    rows = tuple(
        (
            _severity(result, finding), Link(result.id, f"{AUDIT_PAGE}#{result.id}"),
            Link(str(finding.place), f"{AUDIT_PAGE}#{fingerprint}"), _advice(finding, result),
            series.reasons.get(fingerprint) or (finding.fix.reason if finding.fix else "") or "no patch is offered",
            _hours(result.estimate.likely / len(result.findings)),
        )
        for result, finding, fingerprint in report.findings if fingerprint not in series.cured
    )
    columns = ("Severity", "Check", "Place", "What to do", "Why a person", "By hand")
    return Table("Findings left to people", columns, rows, find=len(rows) > 10)


def decisions_table(series: SeriesView) -> Table:
    """One row a patch that somebody must look at before it is taken: because of its safety, or of its trial."""
    rows = tuple(
        (_to(patch), _about(patch), Grade(SAFETY_WORDS.get(patch.safety, patch.safety)), _question(patch))
        for patch in series.patches
        if patch.safety != "safe" or (patch.verdict and patch.verdict != "verified")
    )
    return Table("Patches to look at", ("Patch", "What it does away with", "Safety", "What to decide"), rows)


def _open(report: Report) -> dict[str, int]:
    """Open findings by the title of the category, and overall."""
    counts = {story.CATEGORY_TITLES[name]: sum(own.values()) for name, own in story.category_counts(report).items()}
    return {**counts, "Overall": len(report.findings)}


def _points(value: float | None) -> Number | None:
    return None if value is None else Number(value, f"{value:.1f}")


def _gain(old: float | None, new: float | None) -> Number | None:
    return None if old is None or new is None else Number(round(new - old, 1), f"{new - old:+.1f}")


def touched(series: SeriesView) -> dict[str, dict[str, Any]]:
    """Each file that the series touches: how, lines added and removed by all patches together, numbers of patches."""
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {"change": "", "+": 0, "-": 0, "patches": []})
    for patch in series.patches:
        for file in patch.files:
            row = found[file.path]
            row["change"] = row["change"] or file.change
            row["+"] += file.count("+")
            row["-"] += file.count("-")
            row["patches"].append(patch.number)
    return dict(found)


def _sums(files: Iterable[Mapping[str, Any]]) -> tuple[int, ...]:
    files = tuple(files)
    changes = [file["change"] for file in files]
    return (*(changes.count(word) for word in ("created", "changed", "deleted")),
            sum(file["+"] for file in files), sum(file["-"] for file in files))


def _to(patch: PatchView) -> Link:
    return Link(f"{patch.number:04}", f"#{patch.anchor}")


def _about(patch: PatchView) -> str:
    return patch.title.rstrip(".")


def _tests(tests: Mapping[str, Any] | None) -> str:
    if not tests:
        return "none ran"
    after = tests["after"]
    if after["passed"] is None:
        return "as before"
    return f"{after['passed']} passed" + (f", {after['failed']} failed" if after["failed"] else "")


def _question(patch: PatchView) -> str:
    said = str((patch.proof or {}).get("reason", "")) if patch.verdict in ("failed", "not_run", "review") else ""
    return said or patch.reason or "read it before you take it"


def _advice(finding: Finding, result: Result) -> str:
    return finding.fix.title if finding.fix else f"Decide what to do: {result.title.rstrip('.')}"


def _severity(result: Result, finding: Finding) -> Grade:
    return Grade(finding.severity or result.severity)


def _hours(hours: float) -> Number:
    return Number(round(hours, 3), story.hours_text(hours))
