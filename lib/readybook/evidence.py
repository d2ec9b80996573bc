"""Completing findings: their evidence from the lines they stand at, secrets masked, and their fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from readybook.finding import Finding
from readybook.masking import mask
from readybook.place import Place
from readybook.project import Project

MAX_LINES, MAX_WIDTH = 6, 240


def complete(project: Project, severity: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by place, each once, with evidence and severity (``severity`` where a finding has none)."""
    unique: dict[object, Finding] = {}
    for finding in sorted(findings, key=_order):
        key = (*_order(finding), finding.message)
        if key not in unique:
            evidence = finding.evidence or _text_at(project, finding.place)
            unique[key] = _complete(finding, severity, _cut(mask(evidence, finding.place.path)))
    return tuple(unique.values())


def fingerprint(check_id: str, finding: Finding, ordinal: int) -> str:
    """16 hex digits that stay the same when lines shift: of check, path, symbol, evidence and ordinal among equals."""
    parts = (check_id, *_identity(finding), str(ordinal))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def fingerprints(check_id: str, findings: Sequence[Finding]) -> tuple[str, ...]:
    """The fingerprint of each finding of one check."""
    seen: dict[tuple[str, str, str], int] = {}
    prints = []
    for finding in findings:
        ordinal = seen.get(_identity(finding), 0)
        seen[_identity(finding)] = ordinal + 1
        prints.append(fingerprint(check_id, finding, ordinal))
    return tuple(prints)


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.place.path, finding.place.symbol, " ".join(finding.evidence.split())


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.place.path, finding.place.line, finding.place.column, finding.app or ""


def _complete(finding: Finding, severity: str, evidence: str) -> Finding:
    fix = finding.fix
    if fix is not None:
        fix = replace(fix, title=mask(fix.title), reason=mask(fix.reason))
    return replace(finding, message=mask(finding.message), severity=finding.severity or severity, fix=fix,
                   evidence=evidence)


def _text_at(project: Project, place: Place) -> str:
    if place.path not in project.files:
        return ""
    last = max(place.end_line or place.line, place.line)
    return "\n".join(line.rstrip("\r") for line in project.files[place.path].lines[place.line - 1 : last])


def _cut(evidence: str) -> str:
    shown = evidence.split("\n")[:MAX_LINES]
    return "\n".join(line if len(line) <= MAX_WIDTH else line[: MAX_WIDTH - 1] + "…" for line in shown)
