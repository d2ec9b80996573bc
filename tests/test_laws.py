"""Laws over all checks of the registry and over each of their examples."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from readybook import Bad, Check, Good, Project, Report, audit, registry
from readybook.evidence import fingerprints
from readybook.run import Asked, ask
from readybook.severity import gravest

CHECKS = registry.load()
BAD = [pytest.param(c, e, id=f"{c.id}-bad{n}") for c in CHECKS for n, e in enumerate(c.examples, 1)
       if isinstance(e, Bad)]
GOOD = [pytest.param(c, e, id=f"{c.id}-good{n}") for c in CHECKS for n, e in enumerate(c.examples, 1)
        if isinstance(e, Good)]


def answers(check: Check, files: dict[str, str]) -> Asked:
    return ask(check, Project.from_files(files))


def places(asked: Asked) -> list[str]:
    return [str(finding.place) for finding in asked.findings]


def fixed(project: Project, asked: Asked) -> tuple[dict[str, str], list[str]]:
    """The files that change when the findings' fixes are carried out, and the places whose fix is refused."""
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


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
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
        seen = {kind for example in check.examples for finding in answers(check, example.files).findings
                for kind in (finding.fix.kinds if finding.fix else ())}
        assert seen <= set(check.fix_kinds)

    def test_packages_that_its_fixes_add_have_an_upper_bound(self, check: Check):
        """A release of the next major number is another package: what was tried here says nothing of it."""
        from readybook.intents import EnsureRequirement

        added = {intent for example in check.examples for finding in answers(check, example.files).findings
                 for intent in (finding.fix.intents if finding.fix else ())
                 if isinstance(intent, EnsureRequirement) and intent.group == "main"}
        assert [i for i in added if not any(mark in i.specifier for mark in ("<", "==", "~="))] == []

    def test_an_empty_project_has_no_finding(self, check: Check):
        asked = answers(check, {})
        assert not asked.error and not asked.rights
        assert edited(asked) == [], "nothing is there to fix"


@pytest.mark.parametrize(("check", "example"), [*BAD, *GOOD])
class TestEachExample:
    def test_its_python_parses(self, check: Check, example: Bad | Good):
        """What only a newer Python reads may stand in an example; its check must then read it too."""
        for path, text in example.files.items():
            if path.endswith(".py") and not answers(check, example.files).findings:
                ast.parse(text)

    def test_the_order_of_files_does_not_matter(self, check: Check, example: Bad | Good):
        forward = answers(check, dict(example.files))
        backward = answers(check, dict(reversed(example.files.items())))
        assert forward.findings == backward.findings
        assert fingerprints(check.id, forward.findings) == fingerprints(check.id, backward.findings)
        assert {str(r.place) for r in forward.rights} == {str(r.place) for r in backward.rights}

    def test_the_report_survives_json(self, check: Check, example: Bad | Good):
        report = audit(Project.from_files(example.files), [check])
        assert Report.from_json(report.to_json()).to_dict() == report.to_dict()

    def test_places_are_inside_the_project(self, check: Check, example: Bad | Good):
        asked = answers(check, example.files)
        for place in [f.place for f in asked.findings] + [r.place for r in asked.rights]:
            assert not place.path.startswith(("/", "..")) and place.line >= 1 and place.column >= 1
            if place.path in example.files:
                assert (place.end_line or place.line) <= example.files[place.path].count("\n") + 1


@pytest.mark.parametrize(("check", "example"), BAD)
class TestBad:
    def test_it_is_found_exactly_there(self, check: Check, example: Bad):
        asked = answers(check, example.files)
        assert not asked.error
        assert places(asked) == list(example.at) and example.at
        assert all(finding.message for finding in asked.findings)
        if example.severity:
            assert gravest([finding.severity or check.severity for finding in asked.findings]) == example.severity

    def test_the_fix_gives_exactly_this(self, check: Check, example: Bad):
        project = Project.from_files(example.files)
        changed, refused = fixed(project, ask(check, project))
        if example.fixed is not None:
            assert changed == dict(example.fixed) and refused == []
        for path, text in changed.items():
            parses(path, text)

    def test_asked_again_it_has_nothing_to_fix(self, check: Check, example: Bad):
        project = Project.from_files(example.files)
        before = ask(check, project)
        changed, refused = fixed(project, before)
        after = project.with_files(changed)
        again = ask(check, after)
        assert not again.error
        assert len(edited(again)) == len(refused), "only a fix that is refused may still be offered"
        assert len(again.findings) == len(before.findings) - len(edited(before)) + len(refused)
        fresh = Project.from_files({path: after.text(path) for path in after.files})
        assert places(ask(check, fresh)) == places(again), "facts taken over from before the fix are stale"
        assert fixed(after, again)[0] == {}


@pytest.mark.parametrize(("check", "example"), GOOD)
def test_good_is_silent(check: Check, example: Good):
    (result,) = audit(Project.from_files(example.files), [check]).results
    assert (result.outcome, places(answers(check, example.files))) == (example.outcome, []), result.reason
