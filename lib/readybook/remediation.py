"""What the remediation notebook calls: one function a cell, each returning something that shows itself."""

from __future__ import annotations

from readybook import diffs, display, remediation_charts, remediation_tables, story
from readybook.charts import Chart
from readybook.display import Shown
from readybook.markup import el, join
from readybook.outlook import without
from readybook.report import Report
from readybook.seriesview import SeriesView
from readybook.tables import Table
from readybook.workbook import Audit

UNVERIFIED = (
    "Nothing was run yet. `readybook verify TARGET --patches DIR` tries the series on a copy: does each patch apply,"
    " do the applications start, do the tests pass as before? Hand its verify.json to"
    " `readybook report --verified FILE` and what came of it stands here."
)


def title(audit: Audit, date: str = "") -> Shown:
    """The head of the page."""
    return Shown(display.header(audit.report, date, "Remediation"), f"Remediation of {audit.report.target.name}")


def verdict(audit: Audit) -> Shown:
    """What the series does, in three sentences."""
    sentences = (_reach(audit), _gain(audit), _rest(audit))
    return Shown(el("div", [el("p", sentence) for sentence in sentences], class_="verdict"), " ".join(sentences))


def summary(audit: Audit) -> str:
    """The figures to compare between two runs, as plain lines."""
    before, after = audit.report.score.overall, after_all(audit).score.overall
    kinds = [patch.safety for patch in audit.series.patches]
    safe, review, sketch = (kinds.count(word) for word in ("safe", "review", "sketch"))
    return "\n".join([
        f"patches: {len(kinds)} ({safe} safe, {review} review, {sketch} sketch)",
        f"cured: {len(_cured(audit))} of {len(audit.report.findings)}",
        f"score: {before.value} {before.grade} -> {after.value} {after.grade}",
        f"hours saved: {_saved(audit.series):.2f}",
    ])


def at_a_glance(audit: Audit) -> Shown:
    """Four figures to remember."""
    series, total, cured = audit.series, len(audit.report.findings), len(_cured(audit))
    before, after = audit.report.score.overall.value, after_all(audit).score.overall.value
    safe = sum(patch.safety == "safe" for patch in series.patches)
    files = story.plural(len(remediation_tables.touched(series)), "file")
    html = display.tiles((
        (str(len(series.patches)), "patches", f"{safe} safe, {len(series.patches) - safe} to look at; {files}"),
        (f"{cured} of {total}", "findings cured", f"{total - cured} left to people"),
        (" → ".join(_points(value) for value in (before, after)), "score, all taken", "worked out from the findings"),
        (story.hours_text(_saved(series)), "saved", f"of {story.hand_text(audit.report)} by hand (P50)"),
    ))
    return Shown(html, verdict(audit).text)


def score_chart(audit: Audit) -> Chart:
    """The score of each category now, and what the whole series adds."""
    return remediation_charts.before_and_after(audit.report, after_all(audit))


def score_table(audit: Audit) -> Table:
    """The score of each category before and after the whole series."""
    return remediation_tables.scores_table(audit.report, after_all(audit))


def patches_table(audit: Audit) -> Table:
    """The series in the order in which it applies."""
    return remediation_tables.patches_table(audit.series)


def verification(audit: Audit) -> Shown:
    """What was proven of the series by running it, or how to have it proven."""
    if audit.series.verified is None:
        words = [el("code", part) if n % 2 else part for n, part in enumerate(UNVERIFIED.split("`"))]
        return Shown(el("p", words, class_="none"), UNVERIFIED)
    table = display.table_html(remediation_tables.verification(audit.series))
    return Shown(join([diffs.proof_html(audit.series), table]), audit.series.proof)


def areas_table(audit: Audit) -> Table:
    """What is created and changed, by area."""
    return remediation_tables.areas_table(audit.series)


def files_table(audit: Audit) -> Table:
    """What is created and changed, by file."""
    return remediation_tables.files_table(audit.series)


def changes(audit: Audit) -> Shown:
    """Every patch as a diff, in one column or side by side."""
    found = audit.series.patches
    return Shown(diffs.patches_html(found, both=True), story.plural(len(found), "patch", "patches"))


def decisions(audit: Audit) -> Table:
    """The patches that somebody must look at before they are taken."""
    return remediation_tables.decisions_table(audit.series)


def people(audit: Audit) -> Table:
    """The findings that no patch cures, with what to do."""
    return remediation_tables.people_table(audit.report, audit.series)


def after_all(audit: Audit) -> Report:
    """The report as it would be with the whole series taken."""
    return without(audit.report, audit.series.cured)


def _cured(audit: Audit) -> set[str]:
    return {fingerprint for _, _, fingerprint in audit.report.findings if fingerprint in audit.series.cured}


def _saved(series: SeriesView) -> float:
    return sum(patch.saves for patch in series.patches)


def _points(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _reach(audit: Audit) -> str:
    patches, total = audit.series.patches, len(audit.report.findings)
    if not patches:
        return f"No patch is offered for {audit.report.target.name}."
    safe = sum(patch.safety == "safe" for patch in patches)
    look = len(patches) - safe
    cure = f"{story.plural(len(patches), 'patch', 'patches')} {'cures' if len(patches) == 1 else 'cure'}"
    return f"{cure} {len(_cured(audit))} of {story.plural(total, 'finding')} of {audit.report.target.name}: " \
           f"{safe} can be taken as {'it is' if safe == 1 else 'they are'}, {look} " \
           f"{'wants' if look == 1 else 'want'} a look first."


def _gain(audit: Audit) -> str:
    before, after = audit.report.score.overall, after_all(audit).score.overall
    saved = story.hours_text(_saved(audit.series))
    hand = story.hand_text(audit.report)
    moved = f"raise the score from {_points(before.value)} to {_points(after.value)} of 10 ({after.grade})" \
        if before.value != after.value else f"leave the score at {_points(before.value)} of 10"
    return f"Taken together they {moved} and save {saved} of the {hand} that the findings take by hand in the middle " \
           "of all cases (P50)."


def _rest(audit: Audit) -> str:
    left = [(r, f) for r, f, fingerprint in audit.report.findings if fingerprint not in audit.series.cured]
    hours = sum(r.estimate.likely / len(r.findings) for r, _ in left)
    if not left:
        return "No finding is left over."
    return f"{story.plural(len(left), 'finding')} {'needs' if len(left) == 1 else 'need'} a person, about " \
           f"{story.hours_text(hours)} of work: see “What needs a person”."
