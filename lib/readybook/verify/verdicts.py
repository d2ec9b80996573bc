"""From evidence to verdicts, and to verify.json."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readybook.errors import ConfigError, TargetError
from readybook.masking import mask
from readybook.verify.children import Limits, Room
from readybook.verify.copying import Copy, copied
from readybook.verify.delivered import Delivered, read_delivered
from readybook.verify.proving import Evidence, Proof, prove
from readybook.verify.running import Running

if TYPE_CHECKING:
    from readybook.rendering import Audited

SCHEMA_VERSION = 1
LISTED = 40
OLDEST = (3, 8)  # the first Python with audit hooks, which the guard needs
GUARD = "An audit hook in every Python child refuses connections beyond this machine and the audited folder itself. " \
    "It is a guard against accidents, not a jail: compiled code that opens sockets itself and programs other than " \
    "Python are not held, and files elsewhere are not protected."


def verify(ran: Audited, target: Path, folder: Path, *, command: str = "", python: Path, network: bool = False,
           limits: Limits | None = None, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Prove the series in ``folder`` against a copy of ``target``; returns the content of verify.json.

    ``command`` runs the tests (empty: pytest where tests are), ``python`` is the interpreter that has the target's
    packages. Runs the target's code. Raises ConfigError for a folder without a series or a Python that does not run.
    """
    from readybook.patch import base_digest

    if ran.project is None:
        raise TargetError("there is no target to verify patches on")
    delivered = read_delivered(folder)
    with tempfile.TemporaryDirectory(prefix="readybook-verify-", ignore_cleanup_errors=True) as scratch:
        room = Room(Path(scratch).resolve(), target, python, network, limits or Limits())
        room.prepare()
        version = python_version(room)
        copy = copied(target, room.folder / "copy", ran.project.tracked, room.folder)
        running = Running(ran.project, room, copy, command, tell)
        proof = prove(ran, ran.project, delivered, room, copy, running, tell)
        same = not delivered.base_digest or delivered.base_digest == base_digest(ran.project)
        return _document(delivered, proof, room, copy, version, same)


def verdict(evidence: Evidence, running: Running) -> tuple[str, str]:
    """(verdict, reason) of one patch."""
    notes = "; ".join(evidence.notes)
    if evidence.failed:
        return "failed", _joined(evidence.failed, notes)
    if evidence.untried:
        return "not_run", _joined(evidence.untried, notes)
    doubts = list(evidence.doubts)
    if evidence.new:
        first = evidence.new[0]
        doubts.append(f"{len(evidence.new)} new finding{'s' * (len(evidence.new) != 1)}, the first {first.check} at "
                      f"{first.finding.place}")
    if evidence.piece.safety != "safe":
        said = "a start that a person must finish" if evidence.piece.safety == "sketch" else "behaviour changes"
        doubts.append(f"{said}: {evidence.piece.reason}" if evidence.piece.reason else said)
    held = _held(evidence, running)
    if doubts:
        return "review", _joined("; ".join(doubts), held or f"nothing could be run: {_idle(running)}", notes)
    if not held:
        return "not_run", _joined(f"nothing could be run: {_idle(running)}", notes)
    return "verified", _joined(held, notes)


def sentence(verified: Mapping[str, Any]) -> str:
    """What came of a verification, in one sentence."""
    from readybook.story import proof

    return proof(verified)


def _held(evidence: Evidence, running: Running) -> str:
    """What ran and went as before; empty when nothing did."""
    parts = []
    if evidence.starts:
        parts.append("the application starts")
    if evidence.tests:
        after = evidence.tests["after"]["passed"]
        parts.append("the test command succeeds as before" if after is None else f"{after} tests pass as before")
    elif evidence.starts:
        parts.append(f"no tests ran: {running.tests_reason}")
    return ", ".join(parts)


def _idle(running: Running) -> str:
    starts = [f"{spec} does not start as it is" if before.started is False else before.reason
              for spec, (before, _) in running.started.items()]
    return ", ".join([*(starts or ["no application was found"]), "no test passes as it is"])


def _document(delivered: Delivered, proof: Proof, room: Room, copy: Copy, version: str, same: bool) -> dict[str, Any]:
    running = proof.running
    rows = [_row(evidence, running, proof.remade) for evidence in proof.evidence]
    counts = Counter(row["verdict"] for row in rows)
    tested = running.tested
    whole = {
        "patches": len(rows), **{word: counts[word] for word in ("verified", "review", "failed", "not_run")},
        "base_matches": same, "edited": [piece.number for piece in delivered.pieces if piece.changed],
        "applies": all(row["applies"] is True for row in rows), "remade": list(proof.remade),
        "starts": [{"app": spec, "before": before.started, "after": after.started,
                    "reason": after.reason or before.reason}
                   for spec, (before, after) in running.started.items()],
        "tests": None if tested is None or running.tests is None else {
            "command": mask(running.tests.shown), "before": tested[0].counts, "after": tested[1].counts,
            "seconds": round(tested[1].seconds, 1), "unstable": sorted(running.unstable)[:LISTED],
        },
        "tests_reason": running.tests_reason,
    }
    document = {"schema_version": SCHEMA_VERSION, "patches": rows, "whole": whole,
                "isolation": _isolation(room, copy, running, version)}
    whole["summary"] = sentence(document)
    return document


def _row(evidence: Evidence, running: Running, remade: tuple[int, ...]) -> dict[str, Any]:
    piece = evidence.piece
    if piece.changed:
        evidence.notes.append("the patch file is not the one that series.json names")
    if piece.number in remade:
        evidence.notes.append("tried in the form it has without the patches that were left out")
    word, reason = verdict(evidence, running)
    return {
        "number": piece.number, "check": piece.check, "file": piece.file, "sha256": piece.sha256,
        "applies": evidence.applies, "applies_alone": evidence.single, "parses": evidence.parses,
        "clears": evidence.clears, "idempotent": evidence.idempotent,
        "new_findings": [one.to_dict() for one in evidence.new[:LISTED]], "starts": evidence.starts,
        "openapi": {"changed": evidence.changed}, "tests": evidence.tests, "verdict": word, "reason": mask(reason),
    }


def _isolation(room: Room, copy: Copy, running: Running, version: str) -> dict[str, Any]:
    limits = room.limits
    return {
        "network": "allowed" if room.network else "this machine only", "guard": GUARD, "jail": False,
        "guarded": bool(room.noted("loaded")), "refused": [mask(what) for what in room.noted("refused")[:LISTED]],
        "uses_of_the_target": list(room.noted("target")[:LISTED]), "python": version,
        "environment": sorted(room.environment(running.environment)),
        "placeholders": sorted(running.environment),
        "left_out": [{"path": path, "reason": why} for path, why in copy.left_out[:LISTED]],
        "limits": {"start_seconds": limits.start, "tests_seconds": limits.tests, "memory_bytes": limits.memory},
    }


def python_version(room: Room) -> str:
    """The version of the given Python; raises ConfigError when it does not run or the guard cannot hold it."""
    code = "import sys; print('readybook', *sys.version_info[:3])"
    ran = room.call([str(room.python), "-c", code], room.folder, room.limits.start)
    words = ran.output.split()
    if ran.code != 0 or "readybook" not in words:
        raise ConfigError(f"--python {room.python.name}: does not run: {room.shown(ran.output) or 'no answer'}")
    numbers = tuple(int(word) for word in words[words.index("readybook") + 1:][:3])
    if numbers < OLDEST and not room.network:
        raise ConfigError(f"--python {room.python.name}: Python {numbers[0]}.{numbers[1]} has no audit hooks, so "
                          "connections cannot be refused; --network verifies without the guard")
    return ".".join(map(str, numbers))


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
