"""Hours, recomputed by hand."""

from __future__ import annotations

import pytest
import synthetic

from readybook import Finding, Fix, Hours, Place, Project, advice, audit, patch, registry
from readybook.effort import counted_once, estimate
from readybook.intents import AddFile

HOURS = Hours(1, 2, 4, 0.5)
SAFE = Fix("t", (AddFile("a", ""),), safety="safe")
REVIEW = Fix("t", (AddFile("a", ""),), safety="review")
SKETCH = Fix("t", (AddFile("a", ""),), safety="sketch")
UNSAFE = Fix("t", (AddFile("a", ""),), safety="review", unsafe=True)
ADVICE = advice("t", "r")


def hours(*fixes: Fix | None):
    return estimate(HOURS, [Finding(Place("a.py", n), "m", fix=fix) for n, fix in enumerate(fixes, 1)])


def test_nothing_open_costs_nothing():
    assert estimate(HOURS, []) == type(estimate(HOURS, []))()


def test_by_hand():
    assert (hours(None).low, hours(None).likely, hours(None).high) == (1, 2, 4)
    three = hours(None, None, None)  # 2 + 2 × 0.5 likely; each is scaled 1:2:4 at the low and high point
    assert (three.low, three.likely, three.high) == (1.5, 3.0, 6.0)
    assert estimate(Hours(1, 2, 4), [Finding(Place("a.py"), "m")] * 9).likely == 2


@pytest.mark.parametrize(
    ("fixes", "automated"),
    [
        ((None,), 2.0), ((ADVICE,), 2.0), ((UNSAFE,), 2.0),
        ((SAFE,), 0.1), ((SAFE, SAFE, SAFE), 0.1), ((REVIEW, SAFE), 0.25),
        ((SKETCH,), 1.0), ((SKETCH, SKETCH), 1.25),
        ((SAFE, None), 1.25 + 0.1), ((REVIEW, SKETCH, ADVICE), 0.25 + 0.5 + 1.0),
    ],
)
def test_with_patches(fixes, automated):
    assert hours(*fixes).automated == pytest.approx(automated)


def test_patches_never_cost_more_than_hands():
    cheap = Hours(0.01, 0.02, 0.05)
    assert estimate(cheap, [Finding(Place("a.py"), "m", fix=REVIEW)]).automated == 0.02


def test_estimates_add_up():
    total = hours(None) + hours(SAFE)
    assert (total.low, total.likely, total.high, total.automated) == (2, 4, 8, 2.1)


def finding(line: int) -> Finding:
    return Finding(Place("a.py", line), "m")


def test_work_in_common_is_counted_once():
    common = {f"ARC90{n}": Hours(1, 2, 4, 0.5, once=("lifespan", 1.5)) for n in (1, 2, 3)}
    common["ARC904"] = Hours(1, 2, 4, 0.5)
    results = [synthetic.result(id_, "architecture", "low", "Bad.", found, hours=common[id_]) for id_, found in (
        ("ARC901", ()), ("ARC902", (finding(1),)), ("ARC903", (finding(1), finding(2))), ("ARC904", (finding(1),)))]
    assert [r.estimate.likely for r in results] == [0, 2, 2.5, 2]
    once = counted_once(results, common)
    assert [r.estimate.likely for r in once] == [0, 2, 1.0, 2]  # 0.5 of its own and 0.5 for its second place
    assert (once[2].estimate.low, once[2].estimate.high) == (0.5, 2.0)  # in the proportion 1:2:4
    assert counted_once(once, common) == once
    assert counted_once(results[2:], common) == results[2:]  # alone, it bears the work itself


LIFESPANS = ("import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\nclient = httpx.AsyncClient()\n\n\n"
             "@app.on_event(\"startup\")\nasync def begin() -> None:\n    print(client)\n")


def test_one_lifespan_for_events_and_resources_is_written_once():
    project = Project.from_files({"main.py": LIFESPANS})
    report = audit(project, only=("ARC012", "ARC013"))
    events, resources = report.results
    assert [len(r.findings) for r in report.results] == [1, 1]
    assert (events.estimate.likely, resources.estimate.likely, report.effort.likely) == (1, 0.75, 1.75)
    assert audit(project, only=("ARC013",)).effort.likely == 1.5
    checks = registry.select(registry.load(), ("ARC012", "ARC013"))
    first, *others = patch.series(project, checks).patches
    assert first.effort_saved > 0 and sum(p.effort_saved for p in (first, *others)) <= report.effort.likely


@pytest.mark.parametrize("once", [("lifespan", 2), ("lifespan", -1), ("", 1), ("lifespan", 0)])
def test_work_in_common_has_a_name_and_is_part_of_the_whole(once):
    with pytest.raises(ValueError, match="once must be"):
        Hours(1, 2, 4, once=once)


@pytest.mark.parametrize("wrong", [(0, 1, 2, 0), (2, 1, 3, 0), (1, 3, 2, 0), (1, 2, 3, -1)])
def test_hours_are_ordered(wrong):
    with pytest.raises(ValueError, match="hours must be"):
        Hours(*wrong)
