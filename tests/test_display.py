"""What is shown of a report: escaped, masked, bounded, and the nouns show themselves."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
import synthetic
from readybook import diffs, display, plan, priority, story, tables
from readybook import workbook as wb
from readybook.seriesview import PatchView, SeriesView, file_diffs
from readybook.markup import Html, clip, el, escape, visible
from readybook.project import Project

VIEWS = (wb.title, wb.verdict, wb.at_a_glance, wb.service, wb.score_table, wb.worst, plan.quick_wins, plan.ranking,
         wb.checks, wb.findings, wb.not_checked, wb.waived)
ALLOWED = set("""div p span b h1 h3 code pre article ol li a dl dt dd table caption thead tbody tfoot tr th td button
    label input output details summary""".split())


class Tags(HTMLParser):
    """Collects elements, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_no_text_of_the_target_becomes_markup(view) -> None:
    page = Tags(view(synthetic.hostile())._repr_html_())
    assert page.names <= ALLOWED
    assert not [name for name in page.attributes if name.startswith("on") or name in ("src", "style")]
    assert all(link.startswith("#") for link in page.links)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_no_view_shows_a_secret(view) -> None:
    for report in (synthetic.plain(), synthetic.hostile()):
        assert synthetic.SECRET not in view(report)._repr_html_()


def test_hostile_texts_can_be_read() -> None:
    text = Tags(str(display.findings_html(synthetic.hostile()))).text
    assert "<script>document.documentElement" in text
    assert "\\u202egpj.exe" in text
    assert "\u202e" not in text and "\x00" not in text


def test_an_element_escapes_its_children_and_attributes() -> None:
    assert el("p", "a < b", el("b", "c"), class_='"x"') == '<p class="&quot;x&quot;">a &lt; b<b>c</b></p>'
    assert el("input", data_find=True, hidden=False, value=None) == "<input data-find>"
    assert el("p", ["a", None, 3, Html("<br>")]) == "<p>a3<br></p>"


def test_a_link_must_be_harmless() -> None:
    for href in ("javascript:alert(1)", " javascript:alert(1)", "data:text/html,x", "//elsewhere", "file:///etc"):
        with pytest.raises(ValueError, match="leads neither"):
            el("a", "x", href=href)
    assert el("a", "x", href="#SEC001") == '<a href="#SEC001">x</a>'


def test_unseen_characters_are_written_out() -> None:
    assert visible("a\u202eb\u200bc\x1b\td\r\ne") == "a\\u202eb\\u200bc\\u001b\td\ne"
    assert escape("\ud800") == "\\ud800"
    assert clip("abcdef", 4) == "abc…" and clip("abcd", 4) == "abcd"


def test_the_nouns_show_themselves() -> None:
    report = synthetic.plain()
    result = report.results[0]
    project = Project.from_files({"main.py": "x = 1\n"}, name="<b>shop</b>")
    assert "4.5" in report._repr_html_() and "cypherx" in report._repr_html_()
    assert result.title.replace("'", "&#x27;") in result._repr_html_()
    assert "allow_origins" in result.findings[0]._repr_html_()
    assert "&lt;b&gt;shop&lt;/b&gt;" in project._repr_html_()


def test_findings_past_the_limit_are_counted_and_the_json_named() -> None:
    result = synthetic.huge(1, 70).results[0]
    page = str(display.result_html(result))
    shown = page.count("<article")
    assert 0 < shown <= display.FINDINGS_SHOWN
    assert f"{70 - shown} more of this check stand in audit.json." in page
    small = synthetic.result("SEC009", "security", "low", "Small.", tuple(
        synthetic.finding(f"a{n}.py", n + 1, "Bad.") for n in range(60)))
    assert str(display.result_html(small)).count("<article") == 50


def test_all_findings_keep_to_their_budget_gravest_first() -> None:
    report = synthetic.huge(24, 60)
    page = str(display.findings_html(report))
    assert len(page.encode()) < display.FINDINGS_BUDGET + 24 * 600
    shown = re.findall(r'<details class="check" id="(BIG\d+)"', page)
    assert len(shown) == 24
    gravest = next(r for r in report.results if r.id == shown[0])
    assert gravest.gravest == "critical"


def test_a_table_past_its_budget_counts_the_rest() -> None:
    table = tables.not_checked(synthetic.huge(1, 1))
    page = table._repr_html_()
    assert len(page) < display.TABLE_BUDGET + 2000
    assert f"{len(table.rows) - (page.count('<tr>') - 1):,} more rows stand in audit.json." in page


def test_tables_become_data_frames() -> None:
    frame = tables.findings(synthetic.plain()).frame()
    assert list(frame["Check"][:2]) == ["SEC001", "SEC004"]
    assert frame["Line"].dtype.kind == "i"
    assert len(frame) == len(synthetic.plain().findings)


DIFF = """From 0 Mon Sep 17 00:00:00 2001
Subject: [PATCH] Cure

diff --git a/app/<b>.py b/app/<b>.py
--- a/app/<b>.py
+++ b/app/<b>.py
@@ -1,3 +1,3 @@
 first
--- looks like a header
+++ looks like one too
 jwt_secret = "{secret}"
diff --git a/b.py b/b.py
new file mode 100644
--- /dev/null
+++ b/b.py
@@ -0,0 +1 @@
+<script>alert(1)</script>
-- \n2.40.0
"""


def test_a_patch_is_split_by_the_counts_of_its_hunks() -> None:
    first, second = file_diffs(DIFF)
    assert first.path == "app/<b>.py"
    assert [kind for kind, _ in first.lines] == ["@", " ", "-", "+", " "]
    assert second.lines == (("@", "@@ -0,0 +1 @@"), ("+", "+<script>alert(1)</script>"))


@pytest.mark.parametrize(("needed", "told"), [
    ((), "–"), ((2,), "0002"), ((2, 3), "0002, 0003"), ((1, 3, 4, 5, 8), "0001, 0003–0005, 0008")])
def test_the_patches_that_one_needs_are_told_by_the_ends_of_their_runs(needed: tuple[int, ...], told: str) -> None:
    patch = PatchView(9, "0009-x.patch", "SEC004", "Cure", "safe", "", "", requires=needed)
    table = tables.patches(SeriesView((patch,)))
    assert table.rows[0][table.columns.index("Needs")] == told


def test_a_patch_is_escaped_and_masked() -> None:
    text = DIFF.format(secret=synthetic.SECRET)
    page = str(diffs.patch_html(PatchView(3, "0003-x.patch", "SEC004", "Read <it>", "review", "because", text, 2)))
    assert synthetic.SECRET not in page
    assert "<script>" not in page and "<b>.py" not in page
    assert "2 files, +2 −1" in page
    assert Tags(page).names <= ALLOWED | {"figure", "figcaption"}


def test_patches_past_the_budget_are_named() -> None:
    body = "".join(f"+line {n}\n" for n in range(400))
    text = f"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -0,0 +1,400 @@\n{body}"
    views = [PatchView(n, f"{n:04}-x.patch", "SEC004", "Cure", "safe", "", text) for n in range(1, 8)]
    page = str(diffs.patches_html(views, budget=40_000))
    shown = page.count("<details")
    assert 0 < shown < 7
    assert f"{7 - shown} more stand in the folder patches: {shown + 1:04}-x.patch" in page


def test_the_verdict_is_computed() -> None:
    standing, gravest, price = story.verdict(synthetic.plain())
    assert standing.startswith("cypherx scores 4.5 of 10 (at risk), counted over 8 of 10 checks")
    assert "12 open findings (2 critical, 7 high and 3 medium)" in gravest and "app/main.py:14" in gravest
    assert "17 h by hand (at most 21 h in 80 of 100 cases)" in price
    assert "1 check could not be answered and needs a person" in price
    assert story.verdict(synthetic.clean())[1:] == (
        "No check that could be answered found a defect.", "There is nothing to put right.")


def test_the_worst_findings_come_from_different_checks() -> None:
    report = synthetic.plain()
    assert [r.id for r, _, _ in story.worst(report, 5)] == ["SEC001", "SEC004", "PER001", "PER002", "OPS010"]
    assert len(story.worst(report, 50)) == len(report.findings)


def test_quick_wins_rank_by_gain_for_an_hour() -> None:
    report = synthetic.plain()
    wins = priority.quick_wins(report)
    assert [w.gain_per_hour for w in wins] == sorted((w.gain_per_hour for w in wins), reverse=True)
    best = wins[0]
    # The counted checks weigh 10 10 7.5 5 5 7.5 5 2.5, 52.5 together; curing PER002 (5, nothing right) adds 5 of them.
    assert best.result.id == "PER002"
    assert best.gain == pytest.approx(10 * 5 / 52.5)
    assert best.hours == pytest.approx(0.1 * (0.5 + 4 + 3) / 6)
