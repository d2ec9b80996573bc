"""In which order the fixes of a series are carried out."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Check, Finding, Hours, Project
from readybook.finding import Answer
from readybook.fixing_order import fixing_order
from readybook.place import Place


class Plain(Check):
    """Something is wrong."""

    id, name, category, severity, hours = "ARC901", "plain", "architecture", "low", Hours(1, 2, 3)
    fix_kinds = ("advice",)

    def find(self, project: Project) -> Iterator[Answer]:
        """Nothing."""
        yield from ()


class Building(Plain):
    """Something else is wrong."""

    id, name, severity = "ARC900", "building", "critical"
    after = ("ARC901",)


def test_a_fix_that_builds_on_another_comes_behind_it_whatever_it_gains():
    found = {"ARC900": [Finding(Place("main.py", 1), "one")], "ARC901": [Finding(Place("main.py", 2), "two")]}
    checks = [Building(), Plain()]
    assert [c.id for c in fixing_order(checks, found, unsafe=False)] == ["ARC901", "ARC900"]
    assert [c.id for c in fixing_order(checks, {**found, "ARC901": []}, unsafe=False)] == ["ARC900"]
