"""Small checks for the tests of the machinery: each looks for a word in Python files, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from readybook import CannotTell, Check, Finding, Hours, NotApplicable, Place, Project, Right, advice


class Words(Check):
    """A word that should not be there is there."""

    id = "TST901"
    name = "bad-word"
    category = "testing"
    severity = "high"
    hours = Hours(1, 2, 4, 0.5)
    fix_kinds = ("advice",)
    word: ClassVar[str] = "bad"

    def find(self, project: Project) -> Iterator[object]:
        for path, source in project.files.items():
            for number, line in enumerate(source.text.split("\n"), 1):
                place = Place(path, number)
                if "explode" in line:
                    raise ValueError(f"cannot read /home/somebody/secret/{path}, password='hunter2hunter2'")
                if "elsewhere" in line:
                    yield NotApplicable("it is elsewhere")
                if self.word in line:
                    yield Finding(place, f"{self.word} here", fix=advice("take it out", "only you know how"))
                if "good" in line:
                    yield Right(place)
                if "maybe" in line:
                    yield CannotTell("who knows", place)


class Suppressed(Words):
    """A word is there that another check tells of too."""

    id = "TST902"
    name = "bad-word-again"
    suppressed_by = ("TST901",)


class Attestable(Words):
    """A word is there unless somebody vouches for it."""

    id = "SEC903"
    name = "vouched-word"
    category = "security"
    severity = "critical"
    attestable = True
