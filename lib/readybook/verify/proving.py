"""Trying a series: apply, parse, audit again, start, test; what fails is named, left out, and the rest tried anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readybook.project import Project
from readybook.records import record
from readybook.source import decode
from readybook.syntaxcheck import parse_error
from readybook.verify import reaudit
from readybook.verify.applying import Step, alone, applied
from readybook.verify.children import Room, read_answer
from readybook.verify.copying import Copy
from readybook.verify.delivered import Delivered, Piece
from readybook.verify.needs import needs
from readybook.verify.running import Running

if TYPE_CHECKING:
    from readybook.rendering import Audited


@dataclass(slots=True)
class Evidence:
    """What was seen of one patch. None: not tried. ``failed`` why it must not be taken, ``untried`` why it could not be
    run, ``doubts`` what a person must look at, ``notes`` what else is worth saying."""

    piece: Piece
    applies: bool | None = None
    single: bool | None = None
    parses: bool | None = None
    clears: bool | None = None
    idempotent: bool | None = None
    starts: bool | None = None
    new: list[reaudit.New] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    tests: dict[str, Any] | None = None
    failed: str = ""
    untried: str = ""
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@record
class Proof:
    """Evidence for every patch, what ran, and the patches whose form was made anew because others were left out."""

    evidence: tuple[Evidence, ...]
    running: Running
    remade: tuple[int, ...]


def prove(ran: Audited, project: Project, delivered: Delivered, room: Room, copy: Copy, running: Running,
          tell: Callable[[str], None]) -> Proof:
    """Try the series in rounds, each without what failed in the ones before; the last round has no failure."""
    work = _Rounds(ran, project, delivered, room, copy, running, tell)
    work.run()
    return Proof(tuple(work.evidence.values()), running, tuple(sorted(work.remade)))


class _Rounds:
    def __init__(self, ran: Audited, project: Project, delivered: Delivered, room: Room, copy: Copy, running: Running,
                 tell: Callable[[str], None]) -> None:
        self.ran, self.project, self.room, self.copy, self.running = ran, project, room, copy, running
        self.tell = tell
        self.evidence = {piece.number: Evidence(piece) for piece in delivered.pieces}
        self.remade: set[int] = set()
        self.dropped: set[int] = set()
        self._folders = 0
        self._before: reaudit.Answers | None = None

    @property
    def before(self) -> reaudit.Answers:
        """What the checks say of the target as it is."""
        if self._before is None:
            self._before = reaudit.answers(self.project, self.ran.checks)
        return self._before

    def run(self) -> None:
        pieces = tuple(e.piece for e in self.evidence.values())
        for number, fits in alone(pieces, self.copy.folder, self._folder()).items():
            self.evidence[number].single = fits
            if not fits:
                self.evidence[number].notes.append("its form in single/ does not apply to the base")
        while pieces:
            steps = applied(pieces, self.copy.folder, self._folder())
            self.tell(f"trying {len(pieces)} patch{'es' * (len(pieces) != 1)}")
            if not self.dropped:
                self._set_needs([step for step in steps if not step.reason])
            bad = self._read(steps) or self._audited(steps) or self._run(steps)
            for number in bad:
                self.tell(f"{number:04d} {self.evidence[number].piece.check} is left out: "
                          f"{self.evidence[number].failed or self.evidence[number].untried}")
            if not bad:
                return
            self.dropped |= bad
            pieces = self._without([piece for piece in pieces if piece.number not in bad])

    def _set_needs(self, steps: Sequence[Step]) -> None:
        """Set what a patch that says it changes behaviour makes necessary, as whoever deploys it will have to."""
        for number, found in needs(self.project, steps).items():
            evidence = self.evidence[number]
            if evidence.piece.safety != "safe" and found:
                self.running.needed |= {need.name: need.value for need in found}
                listed = ", ".join(f"{need.name} (tried with {need.origin})" for need in found)
                evidence.notes.append(f"must be set before the start: {listed}")

    def _read(self, steps: Sequence[Step]) -> set[int]:
        """Steps (a) and (b): each patch applies, and the Python files it changes compile."""
        for step in steps:
            evidence = self.evidence[step.piece.number]
            evidence.doubts, evidence.failed = [], step.reason
            evidence.applies, evidence.parses = not step.reason, None if step.reason else True
        listed = {(n, path): step.changes[path] for n, step in enumerate(steps) for path in step.own}
        for (n, path), error in self._refused(listed).items():
            evidence = self.evidence[steps[n].piece.number]
            evidence.parses, evidence.failed = False, f"{path} does not parse: {error}"
        return {step.piece.number for step in steps if self.evidence[step.piece.number].failed}

    def _refused(self, listed: Mapping[tuple[int, str], bytes]) -> dict[tuple[int, str], str]:
        """Why changed files are no text, or no Python for the given interpreter, by step and path.

        A file whose base the interpreter refuses too is read by the host's Python, else by libcst.
        """
        base = {(-1, path): self.project.files[path].data for _, path in listed if path in self.project.files}
        errors = self._compiled({**base, **listed})
        found = {}
        for (n, path), data in listed.items():
            old = self.project.files.get(path)
            try:
                text = decode(path, data).text
            except ValueError as error:
                found[n, path] = str(error)
                continue
            if errors is None or (-1, path) in errors:
                error_text = parse_error(path, text, old.text if old else None)
            else:
                error_text = errors.get((n, path), "")
            if error_text:
                found[n, path] = self.room.shown(error_text)
        return found

    def _compiled(self, listed: Mapping[tuple[int, str], bytes]) -> dict[tuple[int, str], str] | None:
        """What the given Python says to files, by key, those that compile left out; None when it gives no answer."""
        folder, keys, rows = self._folder(), list(listed), list[tuple[str, str]]()
        folder.mkdir()
        for number, key in enumerate(keys):
            if key[1].endswith((".py", ".pyi")):
                (folder / str(number)).write_bytes(listed[key])
                rows.append((str(number), str(folder / str(number))))
        (folder / "list.json").write_text(json.dumps(rows), encoding="utf-8")
        command = [str(self.room.python), str(self.room.folder / "compile_files.py"), str(folder / "list.json"),
                   str(folder / "errors.json")]
        self.room.call(command, folder, self.room.limits.compile)
        answer = read_answer(folder / "errors.json")
        return {keys[int(n)]: str(why) for n, why in answer.items()} if isinstance(answer, dict) else None

    def _audited(self, steps: Sequence[Step]) -> set[int]:
        """Step (c): what a patch cures is gone, nothing new is there, a second run changes nothing."""
        tip = reaudit.state(self.project, steps[-1].changes)
        after = reaudit.answers(tip, self.ran.checks)
        known = {check.id for check in self.ran.checks}
        for step in steps:
            piece, evidence = step.piece, self.evidence[step.piece.number]
            if piece.check not in known:
                evidence.doubts = [f"{piece.check} is not among the checks that were asked"]
                continue
            evidence.failed = reaudit.uncured(piece.check, piece.fingerprints, self.before, after)
            evidence.clears = not evidence.failed
        again = self._again(steps, tip, after)
        for step in steps:
            evidence = self.evidence[step.piece.number]
            evidence.idempotent = step.piece.check not in again
            if not evidence.idempotent and not evidence.failed:
                evidence.failed = f"a second run would change {again[step.piece.check]} again"
        bad = {step.piece.number for step in steps if self.evidence[step.piece.number].failed}
        if not bad:
            self._attribute(steps, reaudit.new_findings(self.before, after))
        return bad

    def _again(self, steps: Sequence[Step], tip: Project, after: reaudit.Answers) -> dict[str, str]:
        ids = {step.piece.check for step in steps}
        checks = [check for check in self.ran.checks if check.id in ids]
        waived = {w.fingerprint for w in self.ran.report.waived}
        return reaudit.proposed_again(tip, checks, self.before, after, waived)

    def _attribute(self, steps: Sequence[Step], new: Sequence[reaudit.New]) -> None:
        """Give each new finding to the first patch after which it is there."""
        for step in steps:
            self.evidence[step.piece.number].new = []
        checks = [c for c in self.ran.checks if c.id in {one.check for one in new}]
        left = {(one.check, one.fingerprint): one for one in new}
        for step in steps:
            if not left:
                return
            now = reaudit.answers(reaudit.state(self.project, step.changes), checks)
            there = {(one.check, one.fingerprint) for one in reaudit.new_findings(self.before, now)}
            last = step is steps[-1]
            for key in [key for key in left if key in there or last]:
                self.evidence[step.piece.number].new.append(left.pop(key))

    def _run(self, steps: Sequence[Step]) -> set[int]:
        """Steps (d) and (e): the application starts and describes itself as before, the tests pass as before."""
        seen = self.running.judged(steps)
        for step in steps:
            evidence, own = self.evidence[step.piece.number], seen[step.piece.number]
            evidence.starts, evidence.changed, evidence.tests = own.starts, list(own.changed), own.tests
            evidence.failed, evidence.untried = own.failed, own.untried
            if own.altered:
                evidence.doubts = [*evidence.doubts, "what existing operations describe changes: " +
                                   ", ".join(own.altered[:6])]
        return {number for number, own in seen.items() if own.failed or own.untried}

    def _without(self, rest: Sequence[Piece]) -> tuple[Piece, ...]:
        """The remaining patches, as they were delivered where that still applies, else made anew by the engine."""
        originals = [self.evidence[piece.number].piece for piece in rest]
        if not any(set(piece.requires) & self.dropped for piece in originals) and not any(
                step.reason for step in applied(originals, self.copy.folder, self._folder())):
            self.remade.difference_update(piece.number for piece in originals)
            return tuple(originals)
        return self._anew(originals)

    def _anew(self, rest: Sequence[Piece]) -> tuple[Piece, ...]:
        from readybook.patch import series

        ids = {piece.check: piece for piece in rest}
        wanted = {print_ for piece in rest for print_ in piece.fingerprints}
        checks = [check for check in self.ran.checks if check.id in ids]
        waived = {print_ for check in checks for print_ in self.before.findings[check.id]} - wanted
        made = series(self.project, checks, unsafe=True, waived=waived)
        pieces = tuple(
            replace(ids[patch.check], data=patch.data, fingerprints=patch.fingerprints) for patch in made.patches
        )
        without = ", ".join(f"{number:04d}" for number in sorted(self.dropped))
        for piece in rest:
            if piece.number not in {one.number for one in pieces}:
                self.evidence[piece.number].untried = f"it cannot be made without {without}"
                self.dropped.add(piece.number)
        self.remade |= {piece.number for piece in pieces}
        return pieces

    def _folder(self) -> Path:
        self._folders += 1
        return self.room.folder / f"work{self._folders}"
