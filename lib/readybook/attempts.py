"""Carrying fixes out and proving them: each check's on the tip that those before it left, and each alone on the base.

An attempt counts only when its check, asked again, no longer finds what was fixed and has nothing more to fix, and when
every Python file that changes still parses.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Collection, Sequence
from math import inf
from pathlib import Path
from typing import Any

from readybook.boundnames import unbound
from readybook.check import Check
from readybook.evidence import fingerprints
from readybook.finding import Finding, further
from readybook.forks import shared
from readybook.project import Project
from readybook.records import record
from readybook.run import Asked, ask
from readybook.syntaxcheck import parse_error

ROUNDS = 4
GARBAGE = 300 * 1024 * 1024  # bytes that the facts of states that are over may take before they are looked for


@record
class Attempt:
    """What carrying out one check's fixes on one state came to; ``texts`` empty when there is no patch."""

    texts: dict[str, str]
    fixed: tuple[tuple[str, Finding], ...] = ()
    unfixed: tuple[tuple[str, Finding, str], ...] = ()
    notes: tuple[str, ...] = ()


def attempts(project: Project, order: Sequence[Check], asked: dict[str, Asked],
              wish: tuple[bool, Collection[str], bool]) -> tuple[list[Attempt], list[Attempt]]:
    """Each check's attempt on the tip that those before it left, and each alone on the base, side by side."""

    waste = _Waste()

    def work(number: int) -> Any:
        if number == 0:  # one long piece of work, begun first
            return _stacked(project, order, asked, wish, waste)
        check = order[number - 1]
        own = _named(check, asked[check.id], asked[check.id])
        attempt, _ = _attempt(check, project, own, asked[check.id], *wish)
        waste.clear()
        return attempt

    frozen = gc.get_freeze_count()  # by a command, which ends with the facts
    gc.freeze()  # the facts of the base stay: a collection need not look at them again
    try:
        stacked, *alone = shared(len(order) + 1, work)
    finally:
        if not frozen:
            gc.unfreeze()
    return stacked, alone


class _Waste:
    """Facts of states that are over: they hold one another, so that only a collection frees them.

    It looks at all that is alive, so one after each state would take a third of the time.
    """

    def __init__(self) -> None:
        self._most = 0.0

    def clear(self) -> None:
        """Free them once they take much; each time where the system does not say how much is taken."""
        self._most = self._most or _resident() + GARBAGE
        if _resident() >= self._most:
            gc.collect()
            self._most = _resident() + GARBAGE


def _resident() -> float:
    """Bytes of memory that this process takes; infinitely many where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return inf


def _stacked(project: Project, order: Sequence[Check], asked: dict[str, Asked],
             wish: tuple[bool, Collection[str], bool], waste: _Waste) -> list[Attempt]:
    """Each check's attempt on the tip that those before it left."""
    tip, attempts = project, []
    for check in order:
        own = _named(check, asked[check.id], asked[check.id]) if tip is project else None
        attempt, after = _attempt(check, tip, own, asked[check.id], *wish)
        attempts.append(attempt)
        if after is not None:
            after.facts.take_over()
            if tip is not project:
                tip.__dict__.pop("facts", None)  # nobody asks for these again
            tip = after
            waste.clear()
    return attempts


def _attempt(
    check: Check, tip: Project, named: list[tuple[str, Finding]] | None, base: Asked, unsafe: bool,
    waived: Collection[str], on_request: bool,
) -> tuple[Attempt, Project | None]:
    """Carry out what can be carried out of a check's fixes, leaving out what fails, until the check is content.

    Also the project after it, with what the check worked out about it; None when there is no patch.
    """
    from readybook.edits import apply_each

    if named is None:
        named = _named(check, ask(check, tip), base)
    named = [(p, further(f)) for p, f in named] if on_request else named
    open_ = [(p, f) for p, f in named if p not in waived]
    refused = {p: why for p, f in open_ if (why := _no_patch(f, unsafe))}
    after: Project | None = None
    for _ in range(ROUNDS):
        chosen = [(p, f) for p, f in open_ if p not in refused]
        applied = apply_each(tip, [f.fix.intents for _, f in chosen if f.fix])
        refused |= {chosen[n][0]: why for n, why in applied.failed.items()}
        fixed = tuple((p, f) for p, f in chosen if p not in refused)
        if not applied.texts or not fixed:
            refused |= {p: "its fix would change nothing" for p, _ in fixed}
            fixed = ()
            break
        after = tip.with_files(applied.texts)
        wrong = _objections(check, tip, after, applied.texts, named, fixed, unsafe)
        if not wrong:
            break
        refused |= wrong
    else:
        refused |= {p: "its fix did not settle" for p, _ in open_ if p not in refused}
        fixed = ()
    left = tuple((p, f, refused[p]) for p, f in open_ if p in refused)
    return Attempt(applied.texts if fixed else {}, fixed, left, applied.notes), after if fixed else None


def _no_patch(finding: Finding, unsafe: bool) -> str:
    """Why a finding has no patch, empty when it may have one."""
    fix = finding.fix
    if fix is None:
        return "the check offers no fix for it"
    if not fix.intents:
        return fix.reason or "only a person can make this change"
    if fix.unsafe and not unsafe:
        return "its fix changes public behaviour; --unsafe admits it"
    return ""


def _objections(
    check: Check, tip: Project, after: Project, texts: dict[str, str], named: list[tuple[str, Finding]],
    fixed: tuple[tuple[str, Finding], ...], unsafe: bool,
) -> dict[str, str]:
    """Why fixes that were carried out cannot be offered: fingerprint → reason; empty when all is well."""
    for path in sorted(texts):
        error = parse_error(path, texts[path], tip.text(path) if path in tip.files else None)
        if error:
            return {p: f"{path} would not parse after it: {error}" for p, _ in fixed}
    unbound_in = {path: why for path, text in sorted(texts.items())
                  if (why := unbound(path, text, tip.text(path) if path in tip.files else None))}
    if unbound_in:
        return _blamed(fixed, unbound_in)
    again = ask(check, after)
    if again.error:
        return {p: f"{check.id} could not be asked again: {again.error}" for p, _ in fixed}
    before = Counter(_identity(f) for _, f in named)
    cured = Counter(_identity(f) for _, f in fixed)
    present = Counter(_identity(f) for f in again.findings)
    stuck = {p: "the check still finds it after its fix" for p, f in fixed
             if present[_identity(f)] > before[_identity(f)] - cured[_identity(f)]}
    if stuck:
        return stuck
    if len(again.findings) > len(named) - len(fixed):
        return {p: "the check finds something new after its fix" for p, _ in fixed}
    known = Counter(_identity(f) for _, f in named) - cured
    more = [f for f in again.findings if not _no_patch(f, unsafe) and not known[_identity(f)]]
    if more:
        return {p: f"the check would fix more after its own fix, at {more[0].place}" for p, _ in fixed}
    return {}


def _blamed(fixed: tuple[tuple[str, Finding], ...], wrong: dict[str, str]) -> dict[str, str]:
    """What is wrong with files as the reason of the fixes that edit them; of all, where none names such a file."""
    from readybook.edits import edited_path

    told = {p: why for p, f in fixed for path, why in wrong.items()
            if f.fix and any(edited_path(intent) == path for intent in f.fix.intents)}
    return told or {p: f"{path}: {why}" for path, why in wrong.items() for p, _ in fixed}


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.place.path, finding.place.symbol, " ".join(finding.evidence.split())


def _named(check: Check, now: Asked, base: Asked) -> list[tuple[str, Finding]]:
    """Findings of the present state, each with the fingerprint it has on the base.

    Earlier patches may have changed a finding's lines: then it is known by its place's symbol and its message, and by
    its own fingerprint when nothing on the base fits.
    """
    known = dict(zip(fingerprints(check.id, base.findings), base.findings, strict=True))
    if now is base:
        return list(known.items())
    named: list[tuple[str, Finding]] = []
    waiting: list[tuple[str, Finding]] = []
    for print_, finding in zip(fingerprints(check.id, now.findings), now.findings, strict=True):
        (named if known.pop(print_, None) else waiting).append((print_, finding))
    for keys in (lambda f: (f.place.path, f.place.symbol, f.message), lambda f: (f.place.path, f.place.symbol)):
        still: list[tuple[str, Finding]] = []
        for print_, finding in waiting:
            match = next((p for p, f in known.items() if keys(f) == keys(finding)), None)
            if match is None:
                still.append((print_, finding))
            else:
                del known[match]
                named.append((match, finding))
        waiting = still
    return sorted(named + waiting, key=lambda item: (item[1].place.path, item[1].place.line, item[1].place.column))
