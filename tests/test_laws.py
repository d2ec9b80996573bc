"""Laws over all checks of the registry and over each of their examples."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from readybook import Bad, Check, Good, Project, Report, audit, registry
from readybook.evidence import fingerprints
from readybook.run import Asked, ask
from readybook.severity import gravest

CHECKS = registry.load()


@dataclass(frozen=True, eq=False)
class Case:
    """One example of one check."""

    check: Check
    example: Bad | Good


def cases(kind: type[Bad] | type[Good]) -> list[Any]:
    return [pytest.param(Case(c, e), id=f"{c.id}-{kind.__name__.lower()}{n}") for c in CHECKS
            for n, e in enumerate(c.examples, 1) if isinstance(e, kind)]


BAD, GOOD = cases(Bad), cases(Good)
# The scope lets the tests of one case run one after the other: what they all look at is worked out once.
of_each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id, scope="class")
of_each_case = pytest.mark.parametrize("case", [*BAD, *GOOD], scope="class")
of_bad = pytest.mark.parametrize("case", BAD, scope="class")
of_good = pytest.mark.parametrize("case", GOOD, scope="class")


@lru_cache(maxsize=2)
def answered(case: Case) -> tuple[Project, Asked]:
    """The example as a project, and what its check says of it."""
    project = Project.from_files(case.example.files)
    return project, ask(case.check, project)


@lru_cache(maxsize=2)
def cured(case: Case) -> tuple[dict[str, str], list[str]]:
    """The files that change when the findings' fixes are carried out, and the places whose fix is refused."""
    return fixed(*answered(case))


@lru_cache(maxsize=1)
def all_answers(check: Check) -> tuple[Asked, ...]:
    """What a check says of each of its examples."""
    return tuple(ask(check, Project.from_files(example.files)) for example in check.examples)


def places(asked: Asked) -> list[str]:
    return [str(finding.place) for finding in asked.findings]


def fixed(project: Project, asked: Asked) -> tuple[dict[str, str], list[str]]:
    from readybook.edits import apply_each

    fixable = [finding for finding in asked.findings if finding.fix and finding.fix.intents]
    applied = apply_each(project, [finding.fix.intents for finding in fixable if finding.fix])
    return applied.texts, [str(fixable[number].place) for number in applied.failed]


def edited(asked: Asked) -> list[str]:
    """The places whose finding has a fix that is more than advice."""
    return [str(finding.place) for finding in asked.findings if finding.fix and finding.fix.intents]


def parses(path: str, text: str) -> None:
    if path.endswith(".py"):
        ast.parse(text)
    elif path.endswith(".toml"):
        import tomllib

        tomllib.loads(text)
    elif path.endswith((".yml", ".yaml")):
        import yaml

        list(yaml.safe_load_all(text))


def test_there_are_checks():
    assert CHECKS


def test_a_piece_of_work_in_common_takes_the_same_hours_in_each_check_that_names_it():
    pieces: dict[str, list[float]] = {}
    for check in CHECKS:
        work, hours = check.hours.once
        if work:
            pieces.setdefault(work, []).append(hours)
    assert pieces and {work: (len(hours) > 1, len(set(hours))) for work, hours in pieces.items()} == dict.fromkeys(
        pieces, (True, 1))


@of_each_check
class TestEachCheck:
    def test_its_metadata_are_complete(self, check: Check):
        assert list(registry.problems(type(check))) == []
        assert check.explanation(), "the docstring says only what is wrong, not why it matters"
        assert len(check.title()) <= 120
        assert set(check.suppressed_by) <= {other.id for other in CHECKS} - {check.id}

    def test_its_file_is_where_its_name_says(self, check: Check):
        path = Path(inspect.getfile(type(check)))
        assert path.stem == f"{check.id.lower()}_{check.name.replace('-', '_')}" or path.parent.stem == (
            f"{check.id.lower()}_{check.name.replace('-', '_')}")
        assert check.category in path.parts

    def test_it_has_three_examples_of_each_kind(self, check: Check):
        kinds = [type(example) for example in check.examples]
        assert kinds.count(Bad) >= 3 and kinds.count(Good) >= 3

    def test_it_shows_what_its_fix_does(self, check: Check):
        shown = [example for example in check.examples if isinstance(example, Bad) and example.fixed]
        assert shown or check.fix_kinds == ("advice",)

    def test_its_fixes_are_of_the_kinds_it_names(self, check: Check):
        seen = {kind for asked in all_answers(check) for finding in asked.findings
                for kind in (finding.fix.kinds if finding.fix else ())}
        assert seen <= set(check.fix_kinds)

    def test_packages_that_its_fixes_add_have_an_upper_bound(self, check: Check):
        """A release of the next major number is another package: what was tried here says nothing of it."""
        from readybook.intents import EnsureRequirement

        added = {intent for asked in all_answers(check) for finding in asked.findings
                 for intent in (finding.fix.intents if finding.fix else ())
                 if isinstance(intent, EnsureRequirement) and intent.group == "main"}
        assert [i for i in added if not any(mark in i.specifier for mark in ("<", "==", "~="))] == []

    def test_an_empty_project_has_no_finding(self, check: Check):
        asked = ask(check, Project.from_files({}))
        assert not asked.error and not asked.rights
        assert edited(asked) == [], "nothing is there to fix"


class TestEachExample:
    @of_each_case
    def test_its_python_parses(self, case: Case):
        """What only a newer Python reads may stand in an example; its check must then read it too."""
        _, asked = answered(case)
        for path, text in case.example.files.items():
            if path.endswith(".py") and not asked.findings:
                ast.parse(text)

    @of_each_case
    def test_the_order_of_files_does_not_matter(self, case: Case):
        _, forward = answered(case)
        backward = ask(case.check, Project.from_files(dict(reversed(case.example.files.items()))))
        assert forward.findings == backward.findings
        assert fingerprints(case.check.id, forward.findings) == fingerprints(case.check.id, backward.findings)
        assert {str(r.place) for r in forward.rights} == {str(r.place) for r in backward.rights}

    @of_each_case
    def test_the_report_survives_json(self, case: Case):
        report = audit(answered(case)[0], [case.check])
        assert Report.from_json(report.to_json()).to_dict() == report.to_dict()

    @of_each_case
    def test_places_are_inside_the_project(self, case: Case):
        _, asked = answered(case)
        for place in [f.place for f in asked.findings] + [r.place for r in asked.rights]:
            assert not place.path.startswith(("/", "..")) and place.line >= 1 and place.column >= 1
            if place.path in case.example.files:
                assert (place.end_line or place.line) <= case.example.files[place.path].count("\n") + 1

    @of_bad
    def test_bad_is_found_exactly_there(self, case: Case):
        _, asked = answered(case)
        assert not asked.error
        assert places(asked) == list(case.example.at) and case.example.at
        assert all(finding.message for finding in asked.findings)
        if case.example.severity:
            assert gravest([f.severity or case.check.severity for f in asked.findings]) == case.example.severity

    @of_bad
    def test_the_fix_gives_exactly_this(self, case: Case):
        changed, refused = cured(case)
        if case.example.fixed is not None:
            assert changed == dict(case.example.fixed) and refused == []
        for path, text in changed.items():
            parses(path, text)

    @of_bad
    def test_asked_again_it_has_nothing_to_fix(self, case: Case):
        project, before = answered(case)
        changed, refused = cured(case)
        after = project.with_files(changed)
        again = ask(case.check, after)
        assert not again.error
        assert len(edited(again)) == len(refused), "only a fix that is refused may still be offered"
        assert len(again.findings) == len(before.findings) - len(edited(before)) + len(refused)
        fresh = Project.from_files({path: after.text(path) for path in after.files})
        assert places(ask(case.check, fresh)) == places(again), "facts taken over from before the fix are stale"
        assert fixed(after, again)[0] == {}


@of_good
def test_good_is_silent(case: Case):
    project, asked = answered(case)
    (result,) = audit(project, [case.check]).results
    assert (result.outcome, places(asked)) == (case.example.outcome, []), result.reason
