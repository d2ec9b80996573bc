"""What names are worth after random programs ran: CPython says it, the facts may be silent but not wrong."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from random_programs import program

from readybook.facts.interpreter import Interpreter
from readybook.facts.modules import Module
from readybook.facts.values import UNKNOWN, Begins, Choice, SetValue, Unknown, by_default, known
from readybook.project import Project

CHUNK = 40  # programs of one test


def is_data(value: Any) -> bool:
    """Whether a value is plain data all through."""
    if type(value) in (list, tuple, set, frozenset, SetValue):
        return all(map(is_data, value))
    if type(value) is dict:
        return all(map(is_data, [*value, *value.values()]))
    return type(value) in (str, int, float, bool, type(None))


def same(real: Any, ours: Any) -> bool:
    """Whether the facts hold what CPython computed; a set of the facts is a list that stands for one."""
    if type(real) in (set, frozenset):
        return type(ours) is SetValue and len(ours) == len(real) and all(any(same(a, b) for b in ours) for a in real)
    if type(real) in (list, tuple):
        return type(ours) is type(real) and len(real) == len(ours) and all(map(same, real, ours))
    if type(real) is dict:
        return type(ours) is dict and list(real) == list(ours) and all(same(real[k], ours[k]) for k in real)
    return type(real) is type(ours) and real == ours


def compare(seed: int, statements: int) -> tuple[int, int, list[str]]:
    """(names, known ones, what is wrong of them) of one program; nothing for one that raises."""
    text = program(seed, statements)
    real: dict[str, Any] = {"__name__": "main"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(text, "main.py", "exec"), real)  # a program of our own
    except Exception:
        return 0, 0, []
    modules = Project.from_files({"main.py": text}).facts.modules
    module = modules.find("main", None)
    assert isinstance(module, Module)
    found = Interpreter(modules).load(module).scope.names
    names = {n: v for n, v in real.items() if re.fullmatch(r"[a-z]\d+", n) and is_data(v)}
    certain, wrong = 0, []
    for name, value in names.items():
        ours = by_default(found.get(name, UNKNOWN))
        if isinstance(ours, Begins):
            if not (isinstance(value, str) and value.startswith(ours.text)):
                wrong.append(f"program({seed}, {statements}): {name} is {value!r}, no {ours.text!r}…")
        elif not isinstance(ours, Unknown | Choice) and known(ours) and is_data(ours):
            certain += 1
            if not same(value, ours):
                wrong.append(f"program({seed}, {statements}): {name} is {value!r}, not {ours!r}")
    return len(names), certain, wrong


@pytest.mark.parametrize("start", range(0, 5 * CHUNK, CHUNK))
def test_what_is_known_of_random_programs_is_what_they_compute(start: int) -> None:
    names = certain = 0
    for seed in range(start, start + CHUNK):
        more, sure, wrong = compare(seed, 4)
        assert not wrong
        names, certain = names + more, certain + sure
    assert certain > 0.7 * names > 100


def test_many_random_programs(long: bool) -> None:
    names = certain = 0
    wrong: list[str] = []
    for seed in range(10_000, 16_000 if long else 10_040):
        more, sure, found = compare(seed, 8)
        names, certain, wrong = names + more, certain + sure, wrong + found
    assert certain > 0.65 * names > 100
    # lists that change in a branch which nothing decides keep what they held
    assert len(wrong) <= 0.003 * certain, "\n".join(wrong[:20])
