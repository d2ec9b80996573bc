"""How texts are put together."""

from __future__ import annotations

import pytest

from readybook.facts.formatting import Hole, pieces
from readybook.facts.scopes import scope_of
from readybook.facts.unparse import unparse
from readybook.project import Project


def shape(body: str) -> str:
    """The text given to ``sink``, each hole as its expression in brackets."""
    text = "def f(a, b):\n" + "".join(f"    {line}\n" for line in body.split("\n"))
    call = next(c for c in Project.from_files({"m.py": text}).facts.behaviour.calls if c.last == "sink")
    return "".join(p if isinstance(p, str) else f"[{unparse(p.node)}]"
                   for p in pieces(call.site.node[4][0], scope_of(call)))


@pytest.mark.parametrize(("body", "expected"), [
    ("sink(f'x {a} y')", "x [a] y"),
    ("sink('x %s y %%' % a)", "x [a] y %"),
    ("sink('x %s y %s' % (a, b))", "x [a] y [b]"),
    ("sink('x %(one)s' % {'one': b})", "x [b]"),
    ("sink('x {} {one} {{}}'.format(a, one=b))", "x [a] [b] {}"),
    ("text = 'x ' + a\ntext += ' y'\nsink(text)", "x [a] y"),
    ("text = 'x'\ntext = 'y'\nsink(text.strip())", "y"),
    ("sink(a)", "[a]"),
])
def test_pieces_in_order(body: str, expected: str) -> None:
    assert shape(body) == expected


def test_a_text_made_of_itself_ends() -> None:
    assert "x" in shape("text = 'x'\nfor _ in a:\n    text = text + text\nsink(text)")


def test_a_hole_knows_whether_it_is_behind_a_name() -> None:
    project = Project.from_files({"m.py": "def f(a):\n    x = f'b {a}'\n    sink(x)\n    sink(f'b {a}')\n"})
    calls = [c for c in project.facts.behaviour.calls if c.last == "sink"]
    found = [[p.written for p in pieces(c.site.node[4][0], scope_of(c)) if isinstance(p, Hole)] for c in calls]
    assert found == [[False], [True]]
