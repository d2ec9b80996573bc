"""The score, recomputed by hand."""

from __future__ import annotations

import pytest

from readybook import Estimate, Finding, Place, Result
from readybook.score import grade, scorecard
from readybook.severity import at_least, gravest


def result(id_: str, severity: str, outcome: str, ratio: float | None, *grades: str, category="security", **more):
    findings = tuple(Finding(Place("a.py", n), "m", severity=s) for n, s in enumerate(grades, 1))
    return Result(id_, id_.lower(), category, severity, "t", outcome, ratio, "", Estimate(), findings,
                  tuple(f.message for f in findings), **more)


def test_by_hand():
    card = scorecard([
        result("SEC001", "high", "passed", 1.0),  # 7.5 × 1
        result("SEC002", "medium", "failed", 0.0, "low"),  # weighs by its finding: 2.5 × 0
        result("SEC003", "low", "partial", 0.5, "high", "low"),  # by its gravest: 7.5 × 0.5
        result("TST001", "medium", "failed", 0.0, "medium", category="testing"),  # 5 × 0
    ])
    assert card.categories["security"].value == round(10 * (7.5 + 3.75) / 17.5, 1) == 6.4
    assert card.categories["testing"].value == 0.0
    assert card.overall.value == round(10 * 11.25 / 22.5, 1) == 5.0
    assert card.overall.grade == "fair" and card.categories["testing"].grade == "at risk"
    assert list(card.categories) == ["security", "testing"]


@pytest.mark.parametrize("outcome", ["unknown", "error", "not_applicable", "waived"])
def test_what_does_not_count_is_counted_beside(outcome):
    card = scorecard([result("SEC001", "high", "passed", 1.0), result("SEC002", "critical", outcome, None)])
    assert (card.overall.value, card.overall.counted, card.overall.total) == (10.0, 1, 2)


def test_nothing_counted_is_no_score():
    card = scorecard([result("SEC001", "high", "unknown", None)])
    assert (card.overall.value, card.overall.grade) == (None, None)
    assert scorecard([]).to_dict()["overall"] is None


def test_attestable_checks_weigh_nothing_until_answered():
    passed = result("SEC001", "high", "passed", 1.0)
    for outcome, ratio, counted in (("failed", 0.0, 1), ("partial", 0.5, 1), ("attested", 1.0, 2), ("passed", 1.0, 2)):
        grades = ("high",) if outcome in ("failed", "partial") else ()
        card = scorecard([passed, result("SEC002", "high", outcome, ratio, *grades, attestable=True)])
        assert (card.overall.value, card.overall.counted) == (10.0, counted)


def test_an_open_critical_caps_its_category_and_the_whole():
    many = [result(f"TST{n:03}", "high", "passed", 1.0, category="testing") for n in range(20)]
    own = [result(f"SEC{n:03}", "high", "passed", 1.0) for n in range(20)]
    card = scorecard([*many, *own, result("SEC900", "low", "partial", 0.9, "critical")])
    assert (card.categories["security"].value, card.categories["security"].capped_by) == (6.9, "SEC900")
    assert (card.categories["testing"].value, card.categories["testing"].capped_by) == (10.0, None)
    assert (card.overall.value, card.overall.capped_by) == (7.9, "SEC900")


def test_a_cap_that_changes_nothing_is_not_shown():
    card = scorecard([result("SEC900", "critical", "failed", 0.0, "critical")])
    assert (card.overall.value, card.overall.capped_by) == (0.0, None)


@pytest.mark.parametrize(("value", "name"), [
    (10.0, "excellent"), (9.0, "excellent"), (8.9, "good"), (7.0, "good"), (6.9, "fair"), (5.0, "fair"),
    (4.9, "at risk"), (0.0, "at risk"),
])
def test_grades(value, name):
    assert grade(value) == name


def test_severities_are_ordered():
    assert at_least("critical", "high") and at_least("high", "high") and not at_least("medium", "high")
    assert gravest(["low", "high", "medium"]) == "high" and gravest([]) is None
