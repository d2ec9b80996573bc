"""The target's own tests, before and after: how many pass, and which no longer do."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath

from readybook.facts.roles import TEST
from readybook.patterns import regex
from readybook.project import Project
from readybook.records import record
from readybook.verify.children import Ran, Room

_CONFIGURED = {"pytest.ini": "[pytest]", ".pytest.ini": "", "pyproject.toml": "[tool.pytest", "tox.ini": "[pytest]",
               "setup.cfg": "[tool:pytest]"}
_CLOSING = regex(r"(\d+) (passed|failed|errors?)\b")
_UNITTEST = regex(r"^Ran (\d+) tests? in .*?^(?:OK|FAILED)(.*?)$", re.MULTILINE | re.DOTALL)
_MISSING = regex(r"(?:ModuleNotFoundError: |^E +)No module named '([\w.]+)'", re.MULTILINE)
_TELLING = regex(r"(?:E\s+)?[\w.]*(?:Error|Exception)\b|ERROR|.*No module named")
JUNIT_BYTES = 64 * 1024 * 1024


@record
class Tests:
    """How to run the tests: a command for the shell and the folder, in the target, in which it runs."""

    __test__ = False
    command: str
    folder: str

    @property
    def shown(self) -> str:
        """The command as a person would type it at the top of the target."""
        return f"cd {shlex.quote(self.folder)} && {self.command}" if self.folder else self.command


@record
class TestRun:
    """One run. Counts are None where only the exit code is known; ``outcomes`` maps a test to passed, failed or
    skipped, empty where the runner names none. ``missing`` are modules that were not found."""

    __test__ = False
    code: int
    passed: int | None
    failed: int | None
    outcomes: Mapping[str, str] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    reason: str = ""
    seconds: float = 0.0

    @property
    def counts(self) -> dict[str, int | None]:
        """Its entry in verify.json."""
        return {"passed": self.passed, "failed": self.failed}

    @property
    def useful(self) -> bool:
        """Whether anything passed, so that a later run can be worse."""
        return self.passed > 0 if self.passed is not None else self.code == 0


def candidates(project: Project, roots: tuple[str, ...]) -> tuple[Tests, ...]:
    """Where pytest may have to run, likely places first: beside its configuration, at an import root, above tests."""
    tests = [path for path in project.files if _is_test(project, path)]
    if not tests:
        return ()
    folders: list[str] = []
    for path in sorted(project.files, key=lambda p: -p.count("/")):
        folder, _, name = path.rpartition("/")
        mark = _CONFIGURED.get(name)
        if mark is not None and mark in project.text(path) and any(_below(test, folder) for test in tests):
            folders.append(folder)
    folders += [root for root in roots if any(_below(test, root) for test in tests)]
    tops = {_top(path) for path in tests}
    folders += sorted(tops, key=lambda f: (f.count("/"), f))
    return tuple(Tests("python -m pytest", folder) for folder in dict.fromkeys([*folders, ""]))


def run_tests(room: Room, tests: Tests, extra: Mapping[str, str], roots: list[Path]) -> TestRun:
    """Run the tests on the copy that stands in the room."""
    junit = room.folder / "junit.xml"
    junit.unlink(missing_ok=True)
    options = f"--junitxml={shlex.quote(str(junit))} -o junit_family=xunit2"
    ran = room.call(["/bin/sh", "-c", tests.command], room.run / tests.folder, room.limits.tests,
                    {**extra, "PYTEST_ADDOPTS": options}, roots)
    outcomes = read_junit(junit)
    passed, failed = _counts(outcomes, ran.output)
    missing = frozenset(name.partition(".")[0] for name in _MISSING.findall(ran.output))
    reason = _reason(room, ran, passed)
    if ran.timed_out:
        outcomes = {}
    return TestRun(124 if ran.timed_out else ran.code, passed, failed, outcomes, missing, reason, ran.seconds)


def worse(before: TestRun, after: TestRun) -> tuple[str, ...]:
    """Tests that passed before and do not pass after; where tests have no names, one sentence that says how it is."""
    if before.outcomes:
        return tuple(name for name, was in before.outcomes.items()
                     if was == "passed" and after.outcomes.get(name) != "passed")
    if before.passed is not None and after.passed is not None:
        if after.passed < before.passed or (after.failed or 0) > (before.failed or 0):
            return (f"{after.passed} pass and {after.failed} fail where {before.passed} passed and "
                    f"{before.failed} failed",)
        return ()
    return (f"the command ended with code {after.code}",) if before.code == 0 and after.code != 0 else ()


def read_junit(file: Path) -> dict[str, str]:
    """Outcome of each test in a JUnit file, by class and name (repeated names are numbered); empty when unreadable."""
    try:
        data = b"" if file.is_symlink() or file.stat().st_size > JUNIT_BYTES else file.read_bytes()
        if not data or b"<!DOCTYPE" in data or b"<!ENTITY" in data:  # the verified code may have written it
            return {}
        cases = list(ElementTree.fromstring(data).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return {}
    found: dict[str, str] = {}
    for case in cases:
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        if found.get(name) == "passed" and outcome == "failed":  # its teardown failed: reported a second time
            found[name] = outcome
        else:
            found[_free(name, found)] = outcome
    return found


def _free(name: str, found: Mapping[str, str]) -> str:
    number, free = 2, name
    while free in found:
        free, number = f"{name} #{number}", number + 1
    return free


def _counts(outcomes: Mapping[str, str], output: str) -> tuple[int | None, int | None]:
    """(passed, failed): of the JUnit file, else of the closing line of pytest or unittest, else unknown."""
    if outcomes:
        values = list(outcomes.values())
        return values.count("passed"), values.count("failed")
    tail = output[-4000:]
    for line in reversed(tail.splitlines()):
        counted = _CLOSING.findall(line)
        if counted and re.search(r" in [\d.]+ ?s", line):
            numbers = [(int(n), word) for n, word in counted]
            return sum(n for n, w in numbers if w == "passed"), sum(n for n, w in numbers if w != "passed")
    unit = None
    for unit in _UNITTEST.finditer(tail):
        pass
    if unit is None:
        return None, None
    failed = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", unit[2]))
    skipped = sum(int(n) for n in re.findall(r"skipped=(\d+)", unit[2]))
    return int(unit[1]) - failed - skipped, failed


def _reason(room: Room, ran: Ran, passed: int | None) -> str:
    if ran.timed_out:
        return f"the tests took longer than {room.limits.tests:g} seconds"
    if ran.code == 0 or passed:
        return ""
    lines = [line.strip() for line in ran.output.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.match(line)]
    telling = [line for line in telling if line.startswith("E ")] or telling
    return room.shown((telling or lines or ["no output"])[-1])


def _is_test(project: Project, path: str) -> bool:
    name = PurePosixPath(path).name
    return path.endswith(".py") and project.facts.role(path) == TEST and (
        name.startswith("test_") or name.endswith("_test.py") or name == "tests.py")


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(folder + "/")


def _top(path: str) -> str:
    """The folder that holds the topmost folder of tests on a path, else the file's own."""
    parts = path.split("/")[:-1]
    for number, part in enumerate(parts):
        if "test" in part.lower():
            return "/".join(parts[:number])
    return "/".join(parts)
