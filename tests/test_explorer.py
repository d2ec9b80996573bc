"""The explorer: no widget without a person, the same in tables, and what is ticked is what is computed and written."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import pytest
import synthetic
from readybook import exploration, explorer, score, workbook
from readybook.choosing import Choices, context
from readybook.effort import by_hand, with_patches
from readybook.place import Place
from readybook.project import Project
from readybook.severity import SEVERITIES
from readybook.seriesview import PatchView, SeriesView
from readybook.workbook import Audit

SAMPLE = "sample_projects/cypherx"
WIDGETS = "application/vnd.jupyter.widget-view+json"


def chain() -> SeriesView:
    """Three patches, each needing the one before it."""
    ids = ("ARC012", "PER002", "SEC001")
    return SeriesView(tuple(
        PatchView(n, f"{n:04}-{id_}.patch", id_, id_, "safe", "", "", 1, fingerprints=(synthetic.fingerprint(id_, 0),),
                  requires=tuple(range(1, n)))
        for n, id_ in enumerate(ids, 1)
    ))


@pytest.fixture(scope="module")
def audit() -> Audit:
    return workbook.open_audit(SAMPLE, only="SEC001,SEC012,OPS019,ARC001,ARC008")


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, audit: Audit):
    """An explorer as JupyterLab starts it, all its parts made."""
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/00_explore.ipynb")
    made = explorer.explore(audit, target=SAMPLE, only="SEC001,SEC012,OPS019", out="")
    parts = {}
    for name in ("target", "findings", "fixes", "write"):
        parts[name] = (getattr(made, name)(), made._watching[name].__self__)
    return made, parts


def test_a_headless_run_builds_no_widget(monkeypatch: pytest.MonkeyPatch, audit: Audit) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)  # importing it would fail
    for wanted in (True, False):
        made = explorer.explore(audit, interactive=wanted)
        for view in (made.target(), made.findings(), made.fixes(), made.write()):
            bundle = view._repr_mimebundle_()
            assert WIDGETS not in bundle and bundle["text/html"].startswith('<div class="readybook">')


def test_a_person_who_wants_tables_gets_tables(monkeypatch: pytest.MonkeyPatch, audit: Audit) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "x")
    assert explorer.explore(audit, interactive=False).findings().widget is None
    assert explorer.explore(audit).findings().widget is not None


def test_a_cell_with_widgets_carries_the_tables_too(live) -> None:
    for view, _ in live[1].values():
        bundle = view._repr_mimebundle_()
        assert WIDGETS in bundle and len(bundle["text/html"]) > 50


def test_the_list_filters_and_sorts(live) -> None:
    made, parts = live
    part = parts["findings"][1]
    assert len(part.list.options) == len(made.audit.report.findings)
    part.severity.value = "high"
    assert {row.severity for row in part.rows.values()} == {"high"}
    part.severity.value = ""
    part.words.value = "SEC001 main"
    assert [row.check for row in part.rows.values()] == ["SEC001"]
    assert "1 of" in part.count.value
    assert "apps/main.py" in part.detail.value and "hit" in part.detail.value and "0" in part.detail.value
    part.words.value = "nothing has these words"
    assert part.list.options == () and part.detail.value == ""
    part.words.value = ""
    part.order.value = "file"
    places = [(row.finding.place.path, row.finding.place.line) for row in part.rows.values()]
    assert places == sorted(places)


def test_a_tick_brings_what_it_needs_and_an_untick_takes_what_needs_it(live) -> None:
    made, parts = live
    part = parts["fixes"][1]
    need = made.audit.series.requires["SEC001"]
    assert need
    part.known["SEC001"].value = True
    assert set(made.ticked) == {"SEC001", *need} == {id_ for id_, box in part.known.items() if box.value}
    assert f"→ {exploration.points(made.choices.outcome(made.ticked).after.overall)}" in part.result.value
    part.known[need[0]].value = False
    assert "SEC001" not in made.ticked and not part.known["SEC001"].value


def test_chosen_patches_are_written_and_no_others(live, tmp_path: Path) -> None:
    made, parts = live
    part = parts["write"][1]
    part.folder.value = str(tmp_path / "chosen")
    part.write()
    assert "Tick a fix" in part.said.value
    parts["fixes"][1].tick(("OPS019", "ARC008"))  # ARC008 has no patch
    part.write()
    series = json.loads((tmp_path / "chosen" / "series.json").read_text(encoding="utf-8"))
    assert [row["check"] for row in series["patches"]] == ["OPS019"]
    assert series["patches"][0]["file"] in part.said.value


def test_another_target_changes_every_part_and_a_wrong_one_none(live) -> None:
    made, parts = live
    target, before = parts["target"][1], made.audit
    target.folder.value = "nowhere/at/all"
    target.audit()
    assert "there is no folder nowhere/at/all" in target.about.value and made.audit is before
    target.folder.value = "sample_projects/hardened"
    target.audit()
    assert "hardened" in target.about.value
    assert parts["findings"][1].list.options == () and parts["fixes"][1].known == {}


def test_an_outcome_is_the_sum_of_its_fixes() -> None:
    report = synthetic.plain()
    choices = Choices(report, chain())
    failing = [p.result.id for p in choices.priorities]
    for ids in itertools.combinations(failing, 2):
        outcome = choices.outcome(ids)
        assert set(outcome.ids) >= set(ids)
        assert outcome.after == score.after(report.results, outcome.ids)
        own = [r for r in report.results if r.id in outcome.ids]
        assert outcome.patched.mean == pytest.approx(sum(with_patches(r).mean for r in own), rel=0.03)
        assert outcome.hand.mean == pytest.approx(sum(by_hand(r).mean for r in own), rel=0.03)
    assert choices.outcome(["SEC001"]).ids == ("ARC012", "PER002", "SEC001")
    assert choices.outcome(["SEC001"]).needed == ("ARC012", "PER002")
    assert choices.unticked(("ARC012", "PER002", "SEC001"), "PER002") == ("ARC012",)


def test_the_best_for_a_budget_is_within_it_and_nothing_is_better() -> None:
    report = synthetic.plain()
    choices = Choices(report, chain())
    failing = [p.result.id for p in choices.priorities]
    hours = {r.id: with_patches(r).mean for r in report.results}
    for budget in (1, 3, 8):
        reached = [
            score.after(report.results, ids).overall.value
            for n in range(len(failing) + 1) for ids in itertools.combinations(failing, n)
            if sum(hours[i] for i in ids) <= budget and set(choices.ticked(ids)) == set(ids)
        ]
        chosen = choices.within(budget)
        assert sum(hours[i] for i in chosen) <= budget
        assert choices.outcome(chosen).after.overall.value == max(reached)


def test_code_in_context_is_numbered_marked_and_masked() -> None:
    text = "".join(f"line {n}\n" for n in range(1, 30)) + f'key = "{synthetic.SECRET}"\n'
    project = Project.from_files({"app/a.py": text})
    lines = context(project, Place("app/a.py", 12, end_line=13))
    assert [line.number for line in lines] == list(range(6, 24))
    assert [line.number for line in lines if line.hit] == [12, 13]
    assert all(line.text == f"line {line.number}" for line in lines)
    assert synthetic.SECRET not in "".join(line.text for line in context(project, Place("app/a.py", 28)))
    for place in (Place("gone.py", 3), Place("app/a.py", 0)):
        assert context(project, place) == ()
    assert context(None, Place("app/a.py", 3)) == ()


def test_every_order_lists_every_finding_once() -> None:
    choices = Choices(synthetic.plain(), SeriesView())
    for order in ("priority", "severity", "file", "check"):
        assert sorted(row.fingerprint for row in choices.select(order=order)) \
            == sorted(print_ for _, _, print_ in synthetic.plain().findings)
    grave = [SEVERITIES.index(row.severity) for row in choices.select(order="severity")]
    assert grave == sorted(grave)


def test_a_hostile_target_becomes_no_markup() -> None:
    made = explorer.explore(Audit(synthetic.hostile(), SeriesView()), interactive=False)
    for view in (made.target(), made.findings(), made.fixes()):
        page = view._repr_mimebundle_()["text/html"]
        assert "<script" not in page and "<img" not in page and synthetic.SECRET not in page
    for row in made.choices.rows:
        page = str(exploration.detail(row, None))
        assert "<script" not in page and "<img" not in page and synthetic.SECRET not in page
        assert synthetic.SECRET not in exploration.row_label(row)
