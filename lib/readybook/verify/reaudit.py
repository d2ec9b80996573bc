"""The audit again, on the patched files: what is cured, what is new, what a second run would still propose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from readybook.check import Check
from readybook.errors import ReadybookError
from readybook.evidence import fingerprints
from readybook.finding import Finding
from readybook.project import Project
from readybook.records import record
from readybook.run import ask, without_collector
from readybook.source import SourceFile, decode

Named = dict[str, Finding]


@record
class Answers:
    """What the checks say about one state: the findings of each check by fingerprint; ``errors`` by check."""

    findings: Mapping[str, Named]
    errors: Mapping[str, str]


@record
class New:
    """A finding that was not there before, with the check that makes it."""

    check: str
    fingerprint: str
    finding: Finding

    def to_dict(self) -> dict[str, object]:
        """Its entry in verify.json."""
        return {"check": self.check, "fingerprint": self.fingerprint, "path": self.finding.place.path,
                "line": self.finding.place.line, "message": self.finding.message}


def state(base: Project, changes: Mapping[str, bytes]) -> Project:
    """The project with other bytes at some paths; facts of unchanged files are taken over. Raises ValueError."""
    sources: dict[str, SourceFile] = dict(base.files)
    for path, data in changes.items():
        old = base.files.get(path)
        sources[path] = replace(decode(path, data), executable=old.executable if old else data.startswith(b"#!"))
    return replace(base, files=MappingProxyType(sources), present=base.present | frozenset(changes), base=base)


def answers(project: Project, checks: Iterable[Check]) -> Answers:
    """Ask every check."""
    found, errors = dict[str, Named](), dict[str, str]()
    with without_collector():
        for check in checks:
            try:
                asked = ask(check, project)
            except ReadybookError as error:
                errors[check.id], found[check.id] = str(error), {}
                continue
            if asked.error:
                errors[check.id] = asked.error
            prints = fingerprints(check.id, asked.findings)
            found[check.id] = dict(zip(prints, asked.findings, strict=True))
    return Answers(found, errors)


def matched(before: Named, after: Named) -> dict[str, str | None]:
    """For each finding of the later state the fingerprint it had in the earlier one, None when it is new.

    A patch may change the lines that a finding shows: then it is known by place and message, by place, or by message.
    """
    left = dict(before)
    known: dict[str, str | None] = {}
    waiting = []
    for print_, finding in after.items():
        if print_ in left:
            known[print_] = print_
            del left[print_]
        else:
            waiting.append((print_, finding))
    keys: tuple[Callable[[Finding], object], ...] = (
        lambda f: (f.place.path, f.place.symbol, f.message), lambda f: (f.place.path, f.place.symbol),
        lambda f: (f.place.path, f.message), lambda f: f.message,
    )
    for key in keys:
        still = []
        for print_, finding in waiting:
            match = next((p for p, f in left.items() if key(f) == key(finding)), None)
            if match is None:
                still.append((print_, finding))
            else:
                known[print_] = match
                del left[match]
        waiting = still
    return {**known, **{print_: None for print_, _ in waiting}}


def uncured(check: str, fixed: Collection[str], before: Answers, after: Answers) -> str:
    """Why a patch's findings are not gone, empty when they are.

    Equal findings are told apart by number alone, so they are counted: as many must be gone as the patch cures.
    """
    if check in after.errors:
        return f"{check} could not be asked again: {after.errors[check]}"
    old, now = before.findings[check], after.findings[check]
    cured = [p for p in fixed if p in old]
    there = Counter(_identity(f) for f in old.values())
    there.subtract(_identity(old[p]) for p in cured)
    present = Counter(_identity(f) for f in now.values())
    stuck = {p for p in cured if present[_identity(old[p])] > there[_identity(old[p])]}
    stuck |= {p for p in fixed if p not in old and p in now}
    if not stuck and len(now) > len(old) - len(cured):
        stuck = {p for p in matched(old, now).values() if p is not None and p in cured}
    return f"{check} still finds {len(stuck)} of {len(fixed)} places that the patch should cure" if stuck else ""


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.place.path, finding.place.symbol, " ".join(finding.evidence.split())


def new_findings(before: Answers, after: Answers) -> tuple[New, ...]:
    """Findings of the later state that have no counterpart in the earlier one."""
    return tuple(
        New(check, print_, found[print_])
        for check, found in after.findings.items()
        for print_, known in matched(before.findings.get(check, {}), found).items() if known is None
    )


def proposed_again(
    project: Project, checks: Sequence[Check], before: Answers, after: Answers, waived: Collection[str]
) -> dict[str, str]:
    """What a second run over the patched files would change, by check: nothing, when the series is idempotent."""
    from readybook.patch import series

    kept = {print_ for check, found in after.findings.items()
            for print_, known in matched(before.findings.get(check, {}), found).items() if known in waived}
    second = series(project, checks, waived=kept)
    return {patch.check: ", ".join(patch.paths) for patch in second.patches}
