"""Laws over the fixes of all checks: on the examples of each, laid out as codebases really are.

Exact: a fix makes of a file with other line breaks, marks or encodings what it makes of the plain one. Minimal: no line
changes that it need not change. Idempotent: asked again, the check has nothing to fix. Commuting: two fixes that do not
meet give the same text in either order.
"""

from __future__ import annotations

import ast
import difflib
import io
import random
import re
import tokenize
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readybook import Bad, Check, Project, audit, registry
from readybook.patch import series
from readybook.run import ask
from readybook.source import SourceFile

CHECKS = registry.load()
FIXED = [(check, example) for check in CHECKS for example in check.examples if isinstance(example, Bad)
         and check.fix_kinds != ("advice",)]
IDS = [f"{check.id}-{number}" for number, (check, _) in enumerate(FIXED)]
ODD = "  # odd: é"
UNRELATED = '''

@str.format  # a decorator
class Unrelated:  # of nothing
    \"\"\"It has\ta tab and   spaces.\"\"\"

    x = (1,
           2 , 3)  ;  y=4
'''


def project_of(files: Mapping[str, SourceFile]) -> Project:
    """A project from files as bytes would give them."""
    return Project("example", files, frozenset(files))


def plain(files: Mapping[str, str]) -> dict[str, SourceFile]:
    return {path: SourceFile(path, text) for path, text in files.items()}


def outcome(check: Check, files: Mapping[str, SourceFile]) -> tuple[int, dict[str, str], Project]:
    """How many findings, the texts that the fixes change, and the project after them."""
    from readybook.edits import apply_each

    project = project_of(files)
    asked = ask(check, project)
    assert not asked.error
    applied = apply_each(project, [f.fix.intents for f in asked.findings if f.fix and f.fix.intents])
    return len(asked.findings), applied.texts, project.with_files(applied.texts)


@cache
def plainly(number: int) -> tuple[int, dict[str, str], Project]:
    check, example = FIXED[number]
    return outcome(check, plain(example.files))


def crlf(file: SourceFile) -> SourceFile:
    return file.with_text(file.text.replace("\n", "\r\n"))


def marked(file: SourceFile) -> SourceFile:
    return SourceFile(file.path, file.text, "utf-8", bom=True)


def latin(file: SourceFile) -> SourceFile:
    return SourceFile(file.path, "# coding: latin-1\n# é\n" + file.text, "iso-8859-1")


def tabbed(file: SourceFile) -> SourceFile:
    return file.with_text(re.sub(r"^(?: {4})+", lambda m: "\t" * (len(m[0]) // 4), file.text, flags=re.MULTILINE))


def fed(file: SourceFile) -> SourceFile:
    return file.with_text(re.sub(r"^(?=@|def |async def |class )", "\x0c\n", file.text, flags=re.MULTILINE))


def commented(file: SourceFile) -> SourceFile:
    """A comment behind every statement that ends its line."""
    lines = file.text.split("\n")
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(file.text).readline))
    except (tokenize.TokenError, SyntaxError):
        return file
    for before, token in zip(tokens, tokens[1:], strict=False):
        if token.type == tokenize.NEWLINE and before.type != tokenize.COMMENT and token.string:
            lines[token.start[0] - 1] += ODD
    return file.with_text("\n".join(lines))


def followed(file: SourceFile) -> SourceFile:
    return file.with_text(file.text.rstrip("\n") + "\n" + UNRELATED if file.text.strip() else file.text)


def unended(file: SourceFile) -> SourceFile:
    return file.with_text(file.text.rstrip("\n"))


LAYOUTS: dict[str, Callable[[SourceFile], SourceFile]] = {
    one.__name__: one for one in (marked, latin, tabbed, fed, commented, followed, unended, crlf)}


def laid_out(files: Mapping[str, SourceFile], names: list[str]) -> dict[str, SourceFile]:
    """The Python files in these layouts; as they were where Python would no longer read them."""
    found = {}
    for path, file in files.items():
        new = file
        for name in names if path.endswith(".py") and file.text.strip() else ():
            new = LAYOUTS[name](new)
        found[path] = new if path.endswith(".py") and parses(new) else file
    return found


def parses(file: SourceFile) -> bool:
    try:
        ast.parse(file.data)
    except (SyntaxError, ValueError):
        return False
    return True


def removed(before: str, after: str) -> Counter[str]:
    """The lines that went or were changed but moved nowhere, white space and the comment of ``commented`` aside."""
    old, new = ([line.rstrip("\r") for line in text.split("\n")] for text in (before, after))
    gone, came = Counter[str](), Counter[str]()
    for _, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[a:b] != new[c:d]:
            gone.update(" ".join(line.replace(ODD, "").split()) for line in old[a:b])
            came.update(" ".join(line.replace(ODD, "").split()) for line in new[c:d])
    gone -= came
    return Counter({line: count for line, count in gone.items() if line})


@pytest.mark.parametrize("number", range(len(FIXED)), ids=IDS)
def test_line_breaks_of_windows_make_no_difference(number: int) -> None:
    check, example = FIXED[number]
    findings, texts, _ = plainly(number)
    found, changed, after = outcome(check, {path: crlf(file) for path, file in plain(example.files).items()})
    assert found == findings and changed.keys() == texts.keys()
    for path, text in changed.items():
        if "\n" in example.files.get(path, ""):
            assert text == texts[path].replace("\n", "\r\n"), path
        else:
            assert text.replace("\r\n", "\n") == texts[path], path
    assert all(file.data.decode(file.encoding) == file.text for file in after.files.values())


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(FIXED) - 1), st.lists(st.sampled_from([*LAYOUTS]), min_size=1, max_size=3, unique=True))
def test_layout_stays_and_the_fix_does_the_same(number: int, names: list[str]) -> None:
    holds(number, sorted(names, key=[*LAYOUTS].index))


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_fix_in_every_layout(name: str, long: bool) -> None:
    numbers = range(len(FIXED)) if long else random.Random(name).sample(range(len(FIXED)), 12)
    laid = [laid_out(plain(FIXED[number][1].files), [name]) != plain(FIXED[number][1].files) for number in numbers]
    assert sum(laid) > len(laid) / 2, "the layout is no other for most examples"
    for number in numbers:
        holds(number, [name])


def holds(number: int, names: list[str]) -> None:
    """The laws for one example in these layouts."""
    check, example = FIXED[number]
    findings, texts, plain_after = plainly(number)
    files = laid_out(plain(example.files), names)
    found, changed, after = outcome(check, files)
    where = f"{check.id} example {number} {names}"
    assert found == findings, where
    assert changed.keys() == texts.keys(), where
    for path, text in changed.items():
        if path not in files:
            continue
        assert removed(files[path].text, text) <= removed(example.files[path], texts[path]), f"{where} {path}\n{text}"
        if path.endswith(".py"):
            assert parses(after.files[path]), f"{where} {path}\n{text}"
        assert after.files[path].bom == files[path].bom and after.files[path].encoding == files[path].encoding
    again = outcome(check, after.files)
    assert again[1] == {}, where
    assert again[0] == outcome(check, plain_after.files)[0], where


@pytest.mark.parametrize("check", {c.id: c for c, _ in FIXED}.values(), ids=lambda check: check.id)
def test_a_fix_gives_no_check_more_to_find(check: Check) -> None:
    """Where a check looked already: a question that did not arise before may arise by what a fix brings."""
    for number, (own, example) in enumerate(FIXED):
        if own is not check:
            continue
        _, texts, after = plainly(number)
        if not texts:
            continue
        before = {r.id: r for r in audit(project_of(plain(example.files)), CHECKS).results}
        for result in audit(after, CHECKS).results:
            old = before[result.id]
            new = Counter(f.message for f in result.findings) - Counter(f.message for f in old.findings)
            more = len(result.findings) > len(old.findings)
            assert result.outcome != "error", (number, result.reason)
            assert not more or old.outcome == "not_applicable", (number, result.id, new)


SAMPLE = Path(__file__).resolve().parent.parent / "sample_projects" / "cypherx"


def test_fixes_that_do_not_meet_commute(long: bool) -> None:
    project = Project.open(SAMPLE, cache=False)
    made = series(project, CHECKS)
    by_id = {check.id: check for check in CHECKS}
    pairs = [(a, b) for a in made.single for b in made.single if a.number < b.number and b.number not in a.conflicts
             and set(a.paths) & set(b.paths)]
    assert len(pairs) > 20
    for a, b in pairs if long else random.Random(1).sample(pairs, 6):
        ends = []
        for first, second in ((a, b), (b, a)):
            tip = project.with_files({change.path: change.after for change in first.changes})  # it is alone there
            for one in series(tip, [by_id[second.check]]).patches:
                tip = tip.with_files({change.path: change.after for change in one.changes})
            ends.append({path: file.text for path, file in tip.files.items()})
        different = [path for path in ends[0] if ends[0][path] != ends[1].get(path)]
        assert not different, (a.check, b.check, different)
