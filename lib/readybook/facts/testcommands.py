"""What a shell text does about tests: runs them, measures coverage, hides that they fail."""

from __future__ import annotations

import re

from readybook.patterns import regex

_TESTS = regex(
    r"(?:^|[\s;&|(\"'/=])(?:py\.test|pytest(?:-\d)?|tox|nox|unittest|nose2?|trial|ward|behave|coverage run"
    r"|manage\.py test|hatch(?: run)? \S*test\S*"
    # a task of the project's own whose name says tests: make test, ./scripts/test.sh, poe test-unit
    r"|(?:make|just|task|inv(?:oke)?|pdm(?: run)?|poe|uv run|rye run|poetry run|pipenv run|\./|bash|sh"
    r"|docker[ -]compose [\w .-]*?)\s*(?:[\w./-]*[\s/_.-])?tests?(?:[_.:-][\w.:-]*)?)(?=$|[\s;&|)\"'\\])"
)
_NOT_TESTS = regex(
    r"pip3? install|uv (?:pip install|add|sync|lock)|poetry (?:add|install)|apt(?:-get)? install|\becho\b|\bwhich\b"
    r"|\b(?:npm|npx|yarn|pnpm|bunx?|playwright|cypress|newman|vitest|jest|emacs|cargo|go|mvn|gradlew?|flutter)\b"
)
_COVERAGE = regex(r"--cov\b|--cov[=-]|\bcoverage (?:run|report|xml)\b|\bcodecov\b|\bcoveralls\b")
_COMMENT = regex(r"(?:^|\s)#[^\n]*")
MAX_CHARS = 600
_IGNORED = regex(r"\|\|\s*(?:true|:|exit 0|echo)")


def test_commands(script: str) -> tuple[str, ...]:
    """The commands of a shell text that run Python tests; those that only install or name a test tool do not count."""
    found = []
    for line in script.replace("\\\n", " ").split("\n"):
        for command in re.split(r"&&|;", _COMMENT.sub("", line)):
            # the names of tasks may be tried at every place: a bound keeps a hostile line from taking minutes
            command = command[:MAX_CHARS]
            if _TESTS.search(command) and not _NOT_TESTS.search(command):
                found.append(command.strip())
    return tuple(found)


test_commands.__test__ = False  # type: ignore[attr-defined]  # pytest must not take the name for a test


def failure_ignored(commands: tuple[str, ...]) -> bool:
    """Whether every one of the commands succeeds even when its tests fail (``|| true``)."""
    return bool(commands) and all(_IGNORED.search(command) for command in commands)


def measures_coverage(script: str) -> bool:
    """Whether a shell text measures or reports coverage."""
    return bool(_COVERAGE.search(_COMMENT.sub("", script)))
