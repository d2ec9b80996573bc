"""The sample with known defects, cured: the whole series, every patch alone, random choices; its own tests pass on all.

Nothing here names a check: whatever the registry holds must compose.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
import suite_runner
from readybook import Check, Project, Report, audit, registry
from readybook.patch import Patch, Series, series
from readybook.score import scorecard

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "sample_projects" / "cypherx"
# Files that no test of the sample reads: a state that differs in these alone is no other state for its tests.
UNREAD = (".md", ".example", ".txt", ".yml", ".yaml", "Dockerfile", ".dockerignore", ".conf", ".sh", ".gitignore")

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@dataclass
class Cured:
    """The sample, the series for it, and states of it on disk whose tests were run."""

    project: Project
    checks: tuple[Check, ...]
    folder: Path

    @cached_property
    def made(self) -> Series:
        return series(self.project, self.checks)

    @cached_property
    def tip(self) -> Project:
        return state(self.project, self.made.patches)

    @cached_property
    def after(self) -> Report:
        return audit(self.tip, self.checks)

    @cached_property
    def least(self) -> int:
        """How many of the sample's tests pass before any patch: all, and as many must afterwards."""
        code, passed, output = self.tested({"base": self.project})["base"]
        assert code == 0 and passed > 20, output
        return passed

    def tested(self, states: Mapping[str, Project]) -> dict[str, tuple[int, int, str]]:
        """Exit code, number of passed tests and output of the sample's tests on each state, by name."""
        for name, project in states.items():
            for path, file in project.files.items():
                goal = self.folder / name / path
                goal.parent.mkdir(parents=True, exist_ok=True)
                goal.write_bytes(file.data)
        return dict(zip(states, suite_runner.tested([self.folder / name for name in states]), strict=True))


def state(project: Project, patches: Sequence[Patch]) -> Project:
    """The project with patches of one series on it."""
    for patch in patches:
        project = project.with_files({change.path: change.after for change in patch.changes})
    return project


def read_by_tests(patch: Patch) -> bool:
    return any(not path.endswith(UNREAD) for path in patch.paths)


@pytest.fixture(scope="module")
def cured(tmp_path_factory: pytest.TempPathFactory) -> Cured:
    return Cured(Project.open(SAMPLE, cache=False), registry.load(), tmp_path_factory.mktemp("cured"))


def all_pass(cured: Cured, states: Mapping[str, Project]) -> None:
    least = cured.least
    tested = cured.tested(states)
    wrong = {name: output for name, (code, passed, output) in tested.items() if code or passed < least}
    assert not wrong, "\n".join(f"== {name}\n{output}" for name, output in wrong.items())


def test_whole_series_and_every_patch_alone_keep_the_tests_green(cured: Cured) -> None:
    assert {patch.number for patch in cured.made.single} == {patch.number for patch in cured.made.patches}
    alone = {f"{p.number:04d}-{p.check}": state(cured.project, [p]) for p in cured.made.single if read_by_tests(p)}
    all_pass(cured, {"whole": cured.tip, **alone})


def test_nothing_that_a_patch_cures_is_left(cured: Cured) -> None:
    offering = {patch.check for patch in cured.made.patches if patch.safety in ("safe", "review")}
    results = {result.id: result for result in cured.after.results}
    still = [f"{i} {results[i].outcome}: {results[i].reason} {[str(f.place) for f in results[i].findings]}"
             for i in sorted(offering) if results[i].outcome in ("failed", "error", "unknown")]
    assert not still
    offered = [f"{result.id} {finding.place}: {finding.message}" for result, finding, _ in cured.after.findings
               if finding.fix and finding.fix.intents and finding.fix.safety != "sketch" and not finding.fix.unsafe]
    assert not offered
    score = scorecard(result for result in cured.after.results if result.id in offering).overall
    assert score.value is not None and score.value >= 9.0, score


def test_what_remains_has_a_reason(cured: Cured) -> None:
    named = {(left.check, left.place.partition(":")[0]) for left in cured.made.unfixed if left.reason}
    silent = [f"{result.id} {finding.place}" for result, finding, _ in cured.after.findings
              if not (finding.fix and finding.fix.reason) and (result.id, finding.place.path) not in named]
    assert not silent


def test_cured_it_breaks_no_check_that_passed(cured: Cured) -> None:
    """What did not apply may be found once a patch brings what it looks at, when only a person can put it right."""
    before = {result.id: result.outcome for result in audit(cured.project, cured.checks).results}
    new = [f"{result.id} was {before[result.id]}: {[f'{f.place}: {f.message}' for f in result.findings]}"
           for result in cured.after.results
           if before[result.id] == "passed" and result.outcome in ("failed", "partial", "error")
           or before[result.id] == "not_applicable" and (
               result.outcome == "error" or any(f.fix is None or f.fix.intents for f in result.findings))]
    assert not new


def test_a_second_run_proposes_nothing(cured: Cured) -> None:
    again = series(cured.tip, cured.checks)
    assert [f"{patch.check}\n{patch.diff}" for patch in again.patches] == []


def chosen(cured: Cured, number: int) -> list[Check]:
    """A random choice of the checks that have a patch; small and large choices are equally likely."""
    draw = random.Random(number)
    ids = [patch.check for patch in cured.made.patches]
    few = set(draw.sample(ids, draw.randint(2, len(ids) - 1)))
    return [check for check in cured.checks if check.id in few]


def test_random_choices_compose(cured: Cured, long: bool) -> None:
    states = {}
    for number in range(50 if long else 5):
        checks = chosen(cured, number)
        made = series(cured.project, checks)
        ids = {check.id for check in checks}
        assert {patch.check for patch in made.patches} == ids, number
        tip = state(cured.project, made.patches)
        assert [patch.check for patch in series(tip, checks).patches] == [], (number, ids)
        states[f"choice{number}"] = tip
    all_pass(cured, states)
