"""The best set of fixes against trying every set, and the priorities it starts from."""

from __future__ import annotations

import itertools
import random

import pytest
import synthetic
from readybook.best_set import best_set, closure
from readybook.check import Hours
from readybook.effort import with_patches
from readybook.finding import Finding, Fix, Reach
from readybook.place import Place
from readybook.priority import phase_of, priorities, quick_wins, reach_factor, risk, score_gain
from readybook.report import Report
from readybook.roadmap import roadmap
from readybook.score import after, scorecard, weight
from readybook.severity import SEVERITIES

FIX = Fix("t", kinds=("codemod",), safety="sketch")


def drawn(chance: random.Random, failing: int, passing: int = 2) -> Report:
    """A report with random severities, shares and hours."""
    rows = []
    for n in range(failing + passing):
        findings = tuple(
            Finding(Place("a.py", k + 1), "m", severity=chance.choice(SEVERITIES), fix=chance.choice((FIX, None)))
            for k in range(chance.randint(1, 3) if n < failing else 0)
        )
        hours = Hours(*sorted(chance.choice((0.1, 0.25, 0.5, 1, 2, 3, 5)) for _ in range(3)), chance.choice((0, 0.25)))
        rows.append(synthetic.result(f"SEC{n:03}", "security", chance.choice(SEVERITIES), "Bad.", findings,
                                     rights=chance.choice((0, 0, 1, 5)), hours=hours))
    return Report(synthetic.clean().target, (), tuple(rows))


def unrounded(report: Report, ids: set[str]) -> float:
    """The overall score after the fixes, from the definitions: weights, shares, cap."""
    from readybook.score import cured

    rows = [cured(r) if r.id in ids and r.findings else r for r in report.results]
    counted = [r for r in rows if weight(r)]
    value = 10 * sum(weight(r) * r.ratio for r in counted) / sum(weight(r) for r in counted)
    critical = any(f.severity == "critical" for r in counted for f in r.findings)
    return min(value, 7.9) if critical else value


def tried(report: Report, budget: float, requires: dict[str, tuple[str, ...]]) -> float:
    """The best score of all sets that keep to the budget and bring what they need."""
    failing = {r.id: round(1000 * with_patches(r).mean) / 1000 for r in report.results if r.findings}
    sets = itertools.chain.from_iterable(itertools.combinations(failing, n) for n in range(len(failing) + 1))
    return max(
        unrounded(report, set(ids)) for ids in sets
        if sum(failing[i] for i in ids) <= budget + 1e-9
        and all(need in ids for i in ids for need in requires.get(i, ()) if need in failing)
    )


@pytest.mark.parametrize("seed", range(40))
def test_no_set_is_better(seed):
    chance = random.Random(seed)
    report = drawn(chance, failing=chance.randint(1, 9))
    ids = [r.id for r in report.results if r.findings]
    requires = {i: tuple(chance.sample(ids[:n], min(n, chance.randint(0, 2)))) for n, i in enumerate(ids) if n % 2}
    budget = chance.choice((0, 0.5, 2, 5, 12))
    found = best_set(report, budget, requires)
    chosen = set(found.ids)
    assert unrounded(report, chosen) == pytest.approx(tried(report, budget, requires), abs=1e-6)
    assert found.hours <= budget and all(need in chosen for i in chosen for need in requires.get(i, ()))
    hours = [round(1000 * with_patches(r).mean) / 1000 for r in report.results if r.id in chosen]
    assert found.hours == pytest.approx(sum(hours))
    assert found.after == after(report.results, chosen)
    assert (found.before.overall, found.after.overall) == found.overall


def test_clearing_the_critical_ones_first_is_seen():
    """Nineteen cheap fixes lift the share as far, but only the dear critical one lifts the cap."""
    grave, slight = (Finding(Place("a.py"), "m", severity=severity) for severity in ("critical", "low"))
    dear = synthetic.result("SEC000", "security", "critical", "Bad.", (grave,), hours=Hours(8, 8, 8))
    cheap = [synthetic.result(f"SEC{n:03}", "security", "low", "Bad.", (slight,), hours=Hours(0.5, 0.5, 0.5))
             for n in range(1, 20)]
    right = [synthetic.result(f"TST{n:03}", "testing", "high", "Good.") for n in range(10)]
    report = Report(synthetic.clean().target, (), (dear, *cheap, *right))
    capped = best_set(report, 11.5)
    assert "SEC000" not in capped.ids and capped.after.overall.value == 7.9
    found = best_set(report, 12.5)
    assert "SEC000" in found.ids and len(found.ids) == 10 and found.after.overall.value > 7.9


def test_nothing_to_fix_and_no_hours():
    assert best_set(synthetic.clean(), 40).ids == ()
    assert best_set(synthetic.plain(), 0).ids == ()
    everything = best_set(synthetic.plain(), 1e6)
    assert set(everything.ids) == {r.id for r in synthetic.plain().results if r.findings}
    assert everything.after.overall.value == 10.0


def test_a_larger_budget_never_buys_less_with_eighty_failing_checks():
    report = drawn(random.Random(7), failing=80, passing=10)
    ids = [r.id for r in report.results if r.findings]
    requires = {i: (ids[n // 8],) for n, i in enumerate(ids) if n > 8}
    found = [best_set(report, budget, requires) for budget in (4, 16, 40, 80)]
    values = [f.after.overall.value for f in found]
    assert values == sorted(values)


def test_closure_brings_what_is_needed_first_and_ends_on_a_circle():
    assert closure(["c"], {"c": ["b"], "b": ["a"]}, "abc") == ("a", "b", "c")
    assert closure(["c"], {"c": ["b", "x"], "b": ["c"]}, "abc") == ("b", "c")


def test_the_gain_is_the_difference_of_two_scores():
    report = synthetic.plain()
    for p in priorities(report):
        rows = [r for r in report.results if weight(r)]
        before = 10 * sum(weight(r) * r.ratio for r in rows) / sum(weight(r) for r in rows)
        assert p.gain == pytest.approx(unrounded_free(report, {p.result.id}) - before)
        assert p.gain == score_gain(report.results, p.result)
    assert scorecard(report.results) == report.score


def unrounded_free(report: Report, ids: set[str]) -> float:
    from readybook.score import cured

    rows = [r for r in (cured(r) if r.id in ids else r for r in report.results) if weight(r)]
    return 10 * sum(weight(r) * r.ratio for r in rows) / sum(weight(r) for r in rows)


def test_ranks_follow_phase_risk_and_gain():
    rows = priorities(synthetic.plain())
    assert [p.rank for p in rows] == list(range(1, len(rows) + 1))
    assert [p.phase for p in rows] == sorted((p.phase for p in rows), key=("now", "next", "later").index)
    assert rows[0].risk == 10.0 and rows[0].phase == "now"
    for phase in ("now", "next", "later"):
        risks = [p.risk for p in rows if p.phase == phase]
        assert risks == sorted(risks, reverse=True)
    gains = [p.gain_per_hour for p in quick_wins(synthetic.plain())]
    assert gains == sorted(gains, reverse=True) and gains[0] > 0


@pytest.mark.parametrize(("reach", "factor"), [
    (None, 1.0), (Reach("service", 50, 5), 1.0), (Reach("routes", 20, 1), 1.0), (Reach("routes", 20, 0), 0.9),
    (Reach("routes", 1, 0), 0.81), (Reach("unclear"), 0.8), (Reach("none"), 0.6),
])
def test_the_factor_of_reach(reach, factor):
    assert reach_factor(reach, 50) == pytest.approx(factor)
    finding = Finding(Place("a.py"), "m", severity="high", confidence="medium", reach=reach)
    assert risk(finding, "low", 50) == pytest.approx(7.5 * 0.8 * factor, abs=1e-3)


def test_phases_by_risk():
    assert [phase_of(x) for x in (10, 7, 6.9, 4, 3.9, 0)] == ["now", "now", "next", "next", "later", "later"]


@pytest.mark.parametrize("engineers", [1, 2, 3])
def test_the_roadmap_keeps_to_hours_people_and_order(engineers):
    report = drawn(random.Random(3), failing=25)
    ids = [p.result.id for p in priorities(report)]
    requires = {ids[0]: (ids[-1],), ids[5]: (ids[7], ids[8])}
    plan = roadmap(report, engineers, 10, requires)
    assert sorted(t.priority.result.id for t in plan.tasks) == sorted(ids)
    ends = {t.priority.result.id: t.end for t in plan.tasks}
    for task in plan.tasks:
        assert task.end == pytest.approx(task.start + task.priority.hours)
        assert all(ends[need] <= task.start + 1e-9 for need in requires.get(task.priority.result.id, ()))
        assert task.first_week == int(task.start / 10 + 1e-9) + 1 and 1 <= task.engineer <= engineers
    for who in range(1, engineers + 1):
        own = sorted((t.start, t.end) for t in plan.tasks if t.engineer == who)
        assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(own))
    assert next(t for t in plan.tasks if t.priority.result.id == ids[-1]).phase == "now"
    assert plan.weeks == max(t.last_week for t in plan.tasks)
    assert plan.phases[-1].score.value == 10.0
    assert sum(len(phase.ids) for phase in plan.phases) == len(ids)


def test_a_team_that_cannot_work_is_refused():
    with pytest.raises(ValueError, match="engineers"):
        roadmap(synthetic.plain(), 0)
