"""Patterns that are compiled when they are first used are the patterns that ``re.compile`` makes."""

from __future__ import annotations

import re
import sys

import pytest

from readybook import patterns, registry
from readybook.patterns import regex


def test_a_pattern_does_what_a_compiled_one_does():
    late, now = regex(r"(?P<word>\w+)!", re.IGNORECASE), re.compile(r"(?P<word>\w+)!", re.IGNORECASE)
    for text in ("hello! you!", "", "no"):
        assert late.findall(text) == now.findall(text)
        assert [m.span() for m in late.finditer(text)] == [m.span() for m in now.finditer(text)]
        assert bool(late.fullmatch(text)) == bool(now.fullmatch(text))
        assert late.sub(r"\g<word>?", text) == now.sub(r"\g<word>?", text)
    assert (late.pattern, late.flags, late.groups, dict(late.groupindex)) == (
        now.pattern, now.flags, now.groups, dict(now.groupindex))
    assert repr(late) == repr(now)


def test_nothing_is_compiled_before_it_is_used(monkeypatch):
    compiled = []
    monkeypatch.setattr(patterns.re, "compile", lambda text, flags=0: compiled.append(text) or re._compile(text, flags))
    late = regex("a+")
    assert compiled == []
    assert late.search("caat") and late.search("b") is None
    assert compiled == ["a+"]


def test_a_faulty_pattern_says_so_at_its_first_use():
    with pytest.raises(re.error):
        regex("(").search("")
    with pytest.raises(AttributeError):
        regex("a").nothing_of_this_name("")


def test_every_pattern_of_the_workbook_compiles():
    registry.load()
    late = [value for name, module in list(sys.modules.items()) if name.partition(".")[0].startswith("readybook")
            for value in vars(module).values() if isinstance(value, patterns._Pattern)]
    assert len(late) > 100
    for one in late:
        re.compile(*one._source)
