"""The portfolio: who stands where, what comes back, what it takes; the same figures worked out by another way."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from readybook import notebooks, portfolio_book, portfolio_charts, portfolio_tables
from readybook.effort import by_hand, with_patches
from readybook.errors import ConfigError
from readybook.portfolio import Member, Portfolio, audit_each, read_batch
from readybook.report import Report


def member(name: str, report: Report | None, reason: str = "") -> Member:
    return Member(name, name, report, reason, f"./{name}/report.html" if report else "")


def some() -> Portfolio:
    bare = replace(synthetic.clean(), apps=())
    return Portfolio([
        member("gone", None, "gone: does not exist"), member("plain", synthetic.plain()),
        member("bare", bare), member("clean", synthetic.clean()), member("twin", synthetic.plain()),
    ])


def many(count: int) -> Portfolio:
    plain = synthetic.plain()
    members = []
    for n in range(count):
        failing = tuple(r if (n + k) % 3 else replace(r, outcome="unknown", ratio=None, findings=(), fingerprints=())
                        for k, r in enumerate(plain.results))
        members.append(member(f"service-{n:03}", replace(plain, results=failing)))
    return Portfolio(members)


def test_the_best_comes_first_and_what_cannot_be_compared_last() -> None:
    found = some()
    assert [m.name for m in found.ranked] == ["clean", "plain", "twin", "bare"]
    rows = portfolio_tables.ranking(found).rows
    assert [row[1].text for row in rows] == ["1", "2", "3", "–"]
    assert [row[0].href for row in rows][0] == "./clean/report.html"
    assert found.scores == (10.0, 4.5, 4.5) and found.median == 4.5
    assert [m.name for m in found.failed] == ["gone"]
    assert "1 more is not ranked" in portfolio_book.verdict(found).text
    assert portfolio_tables.failed(found).rows == (("gone", "gone", "gone: does not exist"),)
    assert "no FastAPI application" in portfolio_tables.doubts(found).rows[-1][-1]


def test_defects_are_counted_over_codebases() -> None:
    found = some()
    plain = synthetic.plain()
    by_id = {d.id: d for d in found.defects}
    assert set(by_id) == {r.id for r in plain.results if r.findings}
    for r in plain.results:
        if r.findings:
            d = by_id[r.id]
            assert d.targets == ("plain", "twin") and d.findings == 2 * len(r.findings)
            assert d.hand == pytest.approx(2 * r.estimate.likely)
            answered = [m for m in found.ranked if any(q.id == r.id and q.ratio is not None for q in m.report.results)]
            assert d.asked == len(answered)
    assert len(found.defects[0].targets) >= len(found.defects[-1].targets)


def test_the_hours_of_all_have_the_mean_of_the_parts_and_grow_like_a_team_that_errs_together() -> None:
    one, ten = (Portfolio(member(f"s{n}", synthetic.plain()) for n in range(count)) for count in (1, 10))
    results = [r for r in synthetic.plain().results if r.findings]
    for found, times in ((one, 1), (ten, 10)):
        assert found.hand.mean == pytest.approx(times * sum(by_hand(r).mean for r in results), rel=0.02)
        assert found.patched.mean == pytest.approx(times * sum(with_patches(r).mean for r in results), rel=0.02)
        assert found.hand.p50 < found.hand.p80 < found.hand.p95
    # independent parts would make ten nearly sure; a shared factor of 25 % must stay
    assert 1.15 < ten.hand.p80 / ten.hand.mean < one.hand.p80 / one.hand.mean + 0.01
    assert ten.hand == Portfolio(member(f"s{n}", synthetic.plain()) for n in range(10)).hand


def test_the_cost_table_multiplies() -> None:
    found = some()
    hand = portfolio_tables.effort(found, 100.0, "EUR", 8.0).rows[0]
    assert hand[2].value == round(found.hand.p80, 3)
    assert hand[4].value == round(found.hand.p80 / 8, 2)
    assert hand[5].text == f"EUR {found.hand.p80 * 100:,.0f}"


def write(folder: Path, found: Portfolio) -> None:
    rows = []
    for m in found.members:
        if m.report:
            (folder / m.name).mkdir(parents=True)
            (folder / m.name / "audit.json").write_text(m.report.to_json(), encoding="utf-8")
        rows.append({"name": m.name, "path": m.path, "status": "done" if m.report else "failed", "reason": m.reason,
                     "folder": m.name if m.report else None, "report": f"{m.name}/report.html" if m.report else None})
    (folder / "batch.json").write_text(json.dumps({"schema_version": 1, "targets": rows}), encoding="utf-8")


def test_a_batch_is_read_back(tmp_path: Path) -> None:
    write(tmp_path, some())
    (tmp_path / "twin" / "audit.json").write_text("{", encoding="utf-8")
    found = read_batch(tmp_path)
    assert [m.name for m in found.failed] == ["gone", "twin"]
    assert "audit.json cannot be read" in found.failed[1].reason
    assert found.ranked[1].report.to_json() == synthetic.plain().to_json()
    with pytest.raises(ConfigError, match="no batch.json"):
        read_batch(tmp_path / "plain")


def test_targets_can_be_audited_here(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "main.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n", encoding="utf-8")
    (tmp_path / "list.txt").write_text("one\nmissing\n", encoding="utf-8")
    found = audit_each(tmp_path / "list.txt", only=["SEC001", "OPS001"])
    assert [m.name for m in found.ranked] == ["one"] and [m.name for m in found.failed] == ["missing"]
    assert not found.ranked[0].page


def test_two_hundred_targets_make_a_page_that_can_be_used(tmp_path: Path) -> None:
    write(tmp_path, many(200))
    started = time.monotonic()
    notebook = notebooks.run_notebook("03_portfolio", {"folder": "."}, tmp_path)
    page = notebooks.to_html(notebook, "Audit of 200 codebases", "foot")
    assert time.monotonic() - started < 400  # about 8 on an idle machine; the bound holds on a very busy one
    assert len(page) < 4_000_000
    assert len(set(re.findall(r'href="\./(service-\d+)/report.html"', page))) == 200
    figure = portfolio_charts.category_heatmap(many(200)).figure
    assert len(figure.data[0].y) == portfolio_charts.ROWS_SHOWN and figure.layout.height < 1500
    assert "stronger ones stand in the table" in figure.layout.meta["alt"]


def test_a_score_that_rests_on_few_checks_is_marked() -> None:
    found = some()
    figure = portfolio_charts.category_heatmap(found).figure
    names = portfolio_tables.category_names(found)
    weakest = found.ranked[-2]  # the last one is not comparable
    for name, text in zip(names, figure.data[0].text[0], strict=True):
        score = weakest.report.score.categories[name]
        assert text == ("" if score.value is None else f"{score.value:.1f}" + "*" * (score.counted < 3))


def test_an_empty_portfolio_says_so() -> None:
    for found in (Portfolio([]), Portfolio([member("gone", None, "why")])):
        assert "No codebase has a score" in portfolio_book.verdict(found).text
        for view in (portfolio_book.ranking, portfolio_book.heatmap, portfolio_book.defect_chart, portfolio_book.doubts,
                     portfolio_book.at_a_glance, portfolio_book.title):
            assert view(found) is not None


def test_hostile_names_become_no_markup() -> None:
    found = Portfolio([Member(text, text, synthetic.hostile(), "", "./x/report.html") for text in synthetic.HOSTILE]
                      + [Member(text, text, None, text) for text in synthetic.HOSTILE])
    for view in (portfolio_book.ranking, portfolio_book.doubts, portfolio_book.failed, portfolio_book.verdict):
        page = view(found)._repr_html_()
        assert "<script" not in page and "<img" not in page and synthetic.SECRET not in page
