"""The remediation page: what the series is said to buy is what it buys, diffs lose nothing, proof is shown as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from readybook import diffs, remediation, remediation_tables, run, story
from readybook.areas import area
from readybook.outlook import without
from readybook.patch import series
from readybook.patchfiles import write_series
from readybook.project import Project
from readybook.rendering import Audited, audited, render
from readybook.seriesview import PatchView, SeriesView, file_diffs, numbered, read_series
from readybook.verify.delivered import write_verified
from readybook.workbook import Audit

ROOT = Path(__file__).resolve().parent.parent
DIFF = """diff --git a/app/main.py b/app/main.py
--- a/app/main.py
+++ b/app/main.py
@@ -1,6 +1,7 @@
 one
-two
-three
+TWO
+three and a half
+four
 five
-six
 seven
+eight
diff --git a/app/new.py b/app/new.py
new file mode 100644
--- /dev/null
+++ b/app/new.py
@@ -0,0 +1 @@
+<script>alert(1)</script>
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Audited, Path]:
    """The sample with known defects: its audit, and its series in a folder."""
    folder = tmp_path_factory.mktemp("series")
    ran = audited(ROOT / "sample_projects" / "cypherx")
    write_series(series(ran.project, ran.checks), folder)
    return ran, folder


def seen(made: tuple[Audited, Path]) -> Audit:
    return Audit(made[0].report, read_series(made[1]))


def test_the_promised_score_is_the_score_of_the_patched_code(made) -> None:
    ran, _ = made
    patched = series(ran.project, ran.checks)
    texts = {change.path: change.after for patch in patched.patches for change in patch.changes}
    again = run.audit(ran.project.with_files(texts), ran.checks, config=ran.config)
    promised = remediation.after_all(seen(made))
    # not the same to the digit: a patch may bring what a check that did not apply before looks at
    assert promised.score.overall.value == pytest.approx(again.score.overall.value, abs=0.5)
    assert ran.report.score.overall.value + 2 < again.score.overall.value


def test_without_counts_a_cured_finding_as_right() -> None:
    report = synthetic.plain()
    half = next(r for r in report.results if r.id == "SEC004")  # two findings, three places that are right
    after = next(r for r in without(report, {half.fingerprints[0]}).results if r.id == "SEC004")
    assert (after.outcome, after.ratio) == ("partial", pytest.approx(4 / 5))
    assert after.estimate.likely == pytest.approx(half.estimate.likely / 2)
    whole = without(report, {p for _, _, p in report.findings})
    assert not whole.findings and whole.effort.likely == 0
    assert whole.score.overall.value == 10.0 and whole.score.overall.capped_by is None
    assert without(report, ()) == report


def test_the_columns_hold_exactly_the_two_texts() -> None:
    first, second = file_diffs(DIFF)
    rows = list(numbered(first.lines))
    before = [(n, text) for kind, text, n, _ in rows if n]
    after = [(n, text) for kind, text, _, n in rows if n]
    assert before == list(enumerate(["one", "two", "three", "five", "six", "seven"], 1))
    assert after == list(enumerate(["one", "TWO", "three and a half", "four", "five", "seven", "eight"], 1))
    assert (first.change, second.change) == ("changed", "created")
    page = str(diffs.diff_html((first, second), both=True))
    row = '<tr><td class="no">2</td><td class="del">two</td><td class="no">2</td><td class="add">TWO</td></tr>'
    assert row in page
    assert '<td class="no"></td><td class="void"></td><td class="no">4</td><td class="add">four</td>' in page
    assert "<script>" not in page and page.count("&lt;script&gt;") == 2


def test_areas_are_told_by_name_then_folder_then_role() -> None:
    for path, wanted in {
        "apps/main.py": "Application code", "tests/test_a.py": "Tests", ".coveragerc": "Tests",
        "requirements-dev.txt": "Dependencies", "poetry.lock": "Dependencies", "Dockerfile": "Container",
        ".dockerignore": "Container", "docker-compose.prod.yml": "Container", ".github/workflows/ci.yml": "CI pipeline",
        "alembic/versions/01_a.py": "Database migrations", "k8s/api.yaml": "Deployment",
        ".env.example": "Configuration", "pyproject.toml": "Configuration", "README.md": "Documentation",
        "app/core/config.py": "Application code",
        "scripts/seed.sh": "Scripts and other files",
    }.items():
        assert area(path) == wanted, path


def test_every_changed_line_is_in_one_area(made) -> None:
    audit = seen(made)
    table = remediation.areas_table(audit)
    lines = [patch.text.partition("\ndiff --git ")[2].split("\n") for patch in audit.series.patches]
    added = sum(line.startswith("+") and not line.startswith("+++ ") for text in lines for line in text)
    gone = [line for text in lines for line in text if line.startswith("-") and not line.startswith("--- ")]
    removed = sum(line != "-- " for line in gone)
    names, *sums = zip(*table.rows[:-1], strict=True)
    assert table.rows[-1][4:6] == (added, removed)
    assert tuple(sum(column) for column in sums[:5]) == table.rows[-1][1:6]
    created = sum(patch.text.count("\nnew file mode ") for patch in audit.series.patches)
    assert table.rows[-1][1] == created


def test_each_finding_is_either_cured_or_left_to_people(made) -> None:
    audit = seen(made)
    left = {str(row[2].href).partition("#")[2] for row in remediation.people(audit).rows}
    assert left == {p for _, _, p in audit.report.findings} - audit.series.cured
    assert all(row[4] for row in remediation.people(audit).rows)
    careful = {row[0].text for row in remediation.decisions(audit).rows}
    assert careful == {f"{p.number:04}" for p in audit.series.patches if p.safety != "safe"}


def test_the_summary_says_what_the_figures_are(made) -> None:
    audit = seen(made)
    text = remediation.summary(audit)
    cured = [p for _, _, p in audit.report.findings if p in audit.series.cured]
    assert f"cured: {len(cured)} of {len(audit.report.findings)}" in text
    assert f"hours saved: {sum(p.saves for p in audit.series.patches):.2f}" in text
    assert f"{len(audit.series.patches)} patches cure" in remediation.verdict(audit).text


def verified(folder: Path) -> dict:
    """A verify.json for the series in ``folder``: the first patch failed, the others were verified."""
    rows = json.loads((folder / "series.json").read_text(encoding="utf-8"))["patches"]
    patches = [{
        "number": row["number"], "check": row["check"], "sha256": row["sha256"], "applies": True, "parses": True,
        "clears": number > 0, "idempotent": True, "new_findings": [], "starts": True, "openapi": {"changed": []},
        "tests": {"before": {"passed": 7, "failed": 0}, "after": {"passed": 7, "failed": 0}},
        "verdict": "verified" if number else "failed",
        "reason": "7 tests pass as before" if number else "<still there>",
    } for number, row in enumerate(rows)]
    whole = {"patches": len(rows), "verified": len(rows) - 1, "review": 0, "failed": 1, "not_run": 0,
             "tests": {"before": {"passed": 7}, "after": {"passed": 7}}}
    return {"schema_version": 1, "patches": patches, "whole": whole, "isolation": {"guard": "held by audit hooks"}}


def test_a_verification_is_shown_patch_by_patch(made, tmp_path: Path) -> None:
    ran, _ = made
    assert "Nothing was run yet" in remediation.verification(seen(made)).text
    write_series(series(ran.project, ran.checks), tmp_path)
    write_verified(tmp_path, verified(tmp_path))
    audit = Audit(ran.report, read_series(tmp_path))
    table = remediation_tables.verification(audit.series)
    assert len(table.rows) == len(audit.series.patches)
    first, second = table.rows[:2]
    assert (first[1].text, first[4], first[-1]) == ("failed verification", "no", "<still there>")
    assert (second[1].text, second[4], second[9]) == ("verified", "yes", "7 passed")
    assert remediation.decisions(audit).rows[0][3] == "<still there>"
    shown = str(remediation.verification(audit).html)
    assert "held by audit hooks" in shown and "&lt;still there&gt;" in shown
    assert "Verified" in remediation.patches_table(audit).columns
    assert "Verified" not in remediation.patches_table(seen(made)).columns


def test_a_hostile_series_becomes_no_markup() -> None:
    for text in synthetic.HOSTILE:
        patch = PatchView(1, text, text, f"{text} {synthetic.SECRET}", "review", text,
                          DIFF.replace("one", f"x = '{synthetic.SECRET}'"), fingerprints=("a",))
        audit = Audit(synthetic.hostile(), SeriesView((patch,), reasons={"a": text}))
        for view in (remediation.patches_table, remediation.changes, remediation.files_table, remediation.people,
                     remediation.decisions, remediation.verdict, remediation.title):
            page = view(audit)._repr_html_()
            assert "<script" not in page and "<img" not in page and synthetic.SECRET not in page, view.__name__


def test_without_patches_there_is_no_remediation_page(tmp_path: Path) -> None:
    out = tmp_path / "out"
    bad = Project.from_files({"main.py": "import fastapi\n"}, name="empty")
    report = replace(synthetic.clean(), results=())
    for stale in ("02_remediate.ipynb", "remediation.html"):
        out.mkdir(exist_ok=True)
        (out / stale).write_text("of a former run", encoding="utf-8")
    made = render(Audited(report, audited(ROOT / "sample_projects" / "hardened").config, bad, ()), out)
    assert made.remediation is None
    assert sorted(p.name for p in out.iterdir()) == ["01_audit.ipynb", "audit.json", "report.html"]


def test_the_hours_by_hand_are_those_of_the_report(made) -> None:
    audit = seen(made)
    hand = story.hand_text(audit.report)
    assert f"takes about {hand} by hand" in " ".join(story.verdict(audit.report))
    assert f"of the {hand} that the findings take by hand" in remediation.verdict(audit).text
    assert f"of {hand} by hand (P50)" in remediation.at_a_glance(audit)._repr_html_()
