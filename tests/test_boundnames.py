"""What a changed file reads before it is bound, or without that anything binds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from readybook import Check, Finding, Fix, Hours, Project
from readybook.boundnames import unbound
from readybook.finding import Answer
from readybook.intents import ReplaceExpression
from readybook.patch import series
from readybook.place import Place

LATE = "import logging\n\n{}\nlogger = logging.getLogger(__name__)\n"


@pytest.mark.parametrize(("before", "after", "said"), [
    (LATE.format("print(1)"), LATE.format("logger.info(1)"), "logger is read in line 3 and bound only after it"),
    (LATE.format("class A:\n    x = 1"), LATE.format("class A:\n    x = logger"), "logger is read in line 4"),
    (LATE.format("def f(x=1): ..."), LATE.format("def f(x=logger): ..."), "logger is read in line 3"),
    ("def f():\n    return 1\n", "def f():\n    return status\n", "nothing binds the name status"),
    ("x = 1\n", "x = [y for z in (1,)]\n", "nothing binds the name y"),
])
def test_new_reads_of_nothing_are_told(before: str, after: str, said: str) -> None:
    assert said in unbound("a.py", after, before)


@pytest.mark.parametrize("text", [
    LATE.format("def f() -> None:\n    logger.info(1)"),  # read when it is called
    "from __future__ import annotations\n\ndef f(x: Late) -> None: ...\n\nclass Late: ...\n",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import B\n\ndef f(x: 'B') -> None: ...\n",
    "try:\n    import a\nexcept ImportError as e:\n    print(e)\n    a = None\n",
    "from x import *\n\nprint(anything)\n",
    "def f():\n    global made\n    made = 1\n\ndef g():\n    return made\n",
    "class A:\n    x = 1\n    y = [z for z in (x,)]\n    def m(self):\n        return __class__\n",
    "print([a for b in ((1,),) for a in b], __file__, (w := 2), w)\n",
    "this is no Python\n",
])
def test_what_python_would_run_is_left_alone(text: str) -> None:
    assert unbound("a.py", text, "") == ""


def test_what_was_so_before_is_nobodys_fault() -> None:
    assert unbound("a.py", "print(lost)\nprint(2)\n", "print(lost)\n") == ""


class NameNothing(Check):
    """A fix names what is not there."""

    id = "TST999"
    name = "names-nothing"
    category = "testing"
    severity = "low"
    hours = Hours(0.1, 0.2, 0.3)
    fix_kinds = ("codemod",)

    def find(self, project: Project) -> Iterator[Answer]:
        for path in ("bad.py", "good.py"):
            if "old()" in project.text(path):
                new = "lost()" if path == "bad.py" else "print()"
                intent = ReplaceExpression(Place(path, 1), "old()", new)
                yield Finding(Place(path, 1), "an old call", fix=Fix("Call it", (intent,), safety="safe"))


def test_a_fix_that_would_leave_a_name_unbound_is_no_patch() -> None:
    project = Project.from_files({"bad.py": "x = old()\n", "good.py": "x = old()\n"})
    made = series(project, [NameNothing()])
    assert [p.paths for p in made.patches] == [("good.py",)]
    assert [(u.place.partition(":")[0], u.reason) for u in made.unfixed] == [
        ("bad.py", "nothing binds the name lost")]
