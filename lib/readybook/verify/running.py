"""Running the copy: start and tests on the base once, on the tip, and by halves to find the patch that broke them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from readybook.patterns import regex
from readybook.project import Project
from readybook.verify.applying import Step
from readybook.verify.children import Room
from readybook.verify.copying import Copy, fresh
from readybook.verify.needs import examples_of, filled
from readybook.verify.starting import Served, Start, differences, own_names, served_apps, start
from readybook.verify.testing import TestRun, Tests, candidates, run_tests, worse

_DEPENDENCIES = regex(
    r"(?:^|/)(?:[\w.-]*requirements?[\w.-]*\.(?:txt|in)|pyproject\.toml|setup\.(?:py|cfg)|Pipfile)$"
)


@dataclass(slots=True)
class Seen:
    """What running showed of one patch; fields as in ``proving.Evidence``."""

    starts: bool | None = None
    changed: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    tests: dict[str, Any] | None = None
    failed: str = ""
    untried: str = ""


def first_bad(count: int, bad: Callable[[int], bool]) -> int:
    """The first of the states 1 to ``count`` that is bad, by halves; state ``count`` is known to be, state 0 not."""
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bad(middle) else (middle, high)
    return high


class Running:
    """All runs of one verification; each state is run once and remembered."""

    def __init__(self, project: Project, room: Room, copy: Copy, command: str, tell: Callable[[str], None]) -> None:
        self.room, self.copy, self.tell = room, copy, tell
        self.apps = served_apps(project.facts)
        self.roots = tuple(dict.fromkeys(app.root for app in self.apps))
        self.own = own_names(project, self.roots)
        examples = examples_of(project)
        self._values = [{}, *([examples] if examples else [])]
        if (more := filled(project)) not in self._values:
            self._values.append(more)
        self.extra: dict[str, str] = {}
        self.needed: dict[str, str] = {}
        self.tests: Tests | None = None
        self.tests_reason = ""
        self.unstable: set[str] = set()
        self.started: dict[str, tuple[Start, Start]] = {}
        self.tested: tuple[TestRun, TestRun] | None = None
        self._choices = (Tests(command, ""),) if command else candidates(project, self.roots)
        self._starts: dict[tuple[str, str], Start] = {}
        self._runs: dict[str, TestRun] = {}
        self._prepared = False

    @property
    def environment(self) -> dict[str, str]:
        """The variables that are set besides those that every child has."""
        return {**self.extra, **self.needed}

    def judged(self, steps: Sequence[Step]) -> dict[int, Seen]:
        """What running says of each patch of a stack. Either some are named as failed or untried, or all went well."""
        self._prepare()
        seen = {step.piece.number: Seen() for step in steps}
        for app in self.apps:
            self._judge_start(app, steps, seen)
            if any(one.failed or one.untried for one in seen.values()):
                return seen
        self._judge_tests(steps, seen)
        return seen

    def _prepare(self) -> None:
        """Run the base: with nothing set, else with the target's example values, else with made-up ones for the rest.

        More is set only where the application does not start, or no test passes, with less.
        """
        if self._prepared:
            return
        self._prepared = True
        self.tell("starting the application as it is")
        working = self._best()
        for values in (working, *self._values[self._values.index(working) + 1:]):
            self._set(values)
            self._choose_tests()
            if self.tests is not None:
                return
        self._set(working)

    def _set(self, values: Mapping[str, str]) -> None:
        if self.extra != values:
            self.extra = dict(values)
            self._starts.clear()
            self._runs.clear()

    def _best(self) -> dict[str, str]:
        """The first values with which the application gets furthest: a start that fails says little of a patch."""
        levels = dict[int, dict[str, str]]()
        for values in self._values:
            self._set(values)
            level = _level(self._start(self.apps[0], {})) if self.apps else 2
            levels.setdefault(level, values)
            if level == 2:
                break
        return levels[max(levels)]

    def _choose_tests(self) -> None:
        reasons = []
        for choice in self._choices[:4]:
            self.tell(f"running the tests as they are: {choice.shown}")
            self._runs.clear()
            run = self._test(choice, {})
            if run.useful:
                self.tests, self.tests_reason = choice, ""
                return
            reasons.append(run.reason or "no test passed")
            if {"pytest"} & run.missing:
                break
        self.tests_reason = reasons[0] if reasons else "the target has no tests that pytest would find"
        self._runs.clear()

    def _judge_start(self, app: Served, steps: Sequence[Step], seen: dict[int, Seen]) -> None:
        self.tell(f"starting {app.spec} before and after")
        before, after = self._start(app, {}), self._start(app, steps[-1].changes)
        self.started[app.spec] = before, after
        if before.started is None or _level(before) == 0:
            return
        if after.started is None or _level(after) < _level(before):
            at = first_bad(len(steps), lambda k: _level(self._start(app, steps[k - 1].changes)) < _level(before))
            bad = self._start(app, steps[at - 1].changes)
            self._blame(seen, steps[at - 1], {bad.missing} - {""}, f"{app.spec} no longer starts: {bad.reason}")
            seen[steps[at - 1].piece.number].starts = None if bad.started is None else False
            return
        for step in steps:
            seen[step.piece.number].starts = True if before.started and after.started else None
        if differences(before.openapi, after.openapi).all:
            self._judge_description(app, steps, seen)

    def _judge_description(self, app: Served, steps: Sequence[Step], seen: dict[int, Seen]) -> None:
        """Find the patches that change the description: a stretch whose two ends say the same is not looked into."""
        pending = [(0, len(steps))]
        while pending:
            low, high = pending.pop()
            before, after = (self._start(app, steps[k - 1].changes if k else {}) for k in (low, high))
            found = differences(before.openapi, after.openapi)
            if not found.all:
                continue
            if high - low > 1:
                middle = (low + high) // 2
                pending += [(low, middle), (middle, high)]
                continue
            step, own = steps[low], seen[steps[low].piece.number]
            own.changed += found.all
            own.altered += found.altered
            if found.altered and step.piece.safety == "safe":
                own.failed = "says that it keeps behaviour, but what existing operations describe changes: " + \
                    ", ".join(found.altered[:6])

    def _judge_tests(self, steps: Sequence[Step], seen: dict[int, Seen]) -> None:
        if self.tests is None:
            return
        tests = self.tests
        self.tell(f"running the tests with {len(steps)} patch{'es' * (len(steps) != 1)}")
        before, after = self._test(tests, {}), self._test(tests, steps[-1].changes)
        self.tested = before, after
        broken = self._confirmed(tests, before, after, steps[-1].changes)
        if not broken:
            for step in steps:
                seen[step.piece.number].tests = {"before": before.counts, "after": after.counts}
            return
        self.tell(f"{len(broken)} no longer pass; looking for the patch")
        at = first_bad(len(steps), lambda k: bool(
            self._still(broken, worse(before, self._test(tests, steps[k - 1].changes)), before)))
        culprit, run = steps[at - 1], self._test(tests, steps[at - 1].changes)
        own = self._still(broken, worse(before, run), before) or broken
        named = ", ".join(sorted(own)[:3]) + (f" and {len(own) - 3} more" if len(own) > 3 else "")
        why = f"{len(own)} of {before.passed} tests that passed no longer pass: {named}" if before.outcomes else named
        self._blame(seen, culprit, run.missing - before.missing, why)
        seen[culprit.piece.number].tests = {"before": before.counts, "after": run.counts}

    def _confirmed(self, tests: Tests, before: TestRun, after: TestRun, changes: Mapping[str, bytes]) -> set[str]:
        """The tests that a second run after, and a second run before, confirm as broken by the patches."""
        broken = set(worse(before, after)) - self.unstable
        if not broken:
            return set()
        second = set(worse(before, self._once(tests, changes)))
        if not before.outcomes:
            return broken if second else set()
        unsteady = broken - second
        if broken & second:
            unsteady |= set(worse(before, self._once(tests, {})))
        self.unstable |= unsteady
        return broken - unsteady

    def _still(self, broken: set[str], now: Sequence[str], before: TestRun) -> set[str]:
        return broken & set(now) if before.outcomes else set(now)

    def _blame(self, seen: dict[int, Seen], step: Step, missing: frozenset[str] | set[str], why: str) -> None:
        """A patch that needs a package it declares itself is not at fault when that package is not installed."""
        absent = sorted(name for name in missing if name not in self.own)
        own = seen[step.piece.number]
        if absent and any(_DEPENDENCIES.search(path) for path in step.own):
            own.untried = f"it adds {', '.join(absent)}, which the given Python does not have"
        elif absent:
            own.failed = f"needs {', '.join(absent)}, which is not installed and which it does not declare"
        else:
            own.failed = why

    def _start(self, app: Served, changes: Mapping[str, bytes]) -> Start:
        key = app.spec, _digest(changes)
        if key not in self._starts:
            fresh(self.copy, self.room.run, changes)
            self._starts[key] = start(self.room, app, self.own, self.environment)
        return self._starts[key]

    def _test(self, tests: Tests, changes: Mapping[str, bytes]) -> TestRun:
        key = _digest(changes)
        if key not in self._runs:
            self._runs[key] = self._once(tests, changes)
        return self._runs[key]

    def _once(self, tests: Tests, changes: Mapping[str, bytes]) -> TestRun:
        fresh(self.copy, self.room.run, changes)
        return run_tests(self.room, tests, self.environment, self._import_roots())

    def _import_roots(self) -> list[Path]:
        return [self.room.run / root for root in self.roots]


def _level(one: Start) -> int:
    """2: starts; 1: can be imported and describes itself; 0: neither."""
    return 2 if one.started else 1 if one.openapi is not None else 0


def _digest(changes: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, data in sorted(changes.items()):
        digest.update(f"{path}\0{len(data)}\0".encode("utf-8", "surrogateescape") + data)
    return digest.hexdigest()
