"""The baseline: fingerprints of the findings that were there when a team started, so that a gate asks for new ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from readybook.errors import ConfigError
from readybook.finding import Finding
from readybook.report import Report

SCHEMA_VERSION = 1


def baseline(report: Report) -> dict[str, Any]:
    """The baseline of a report: every open finding's fingerprint with its check and path."""
    rows = {print_: {"check": result.id, "path": finding.place.path} for result, finding, print_ in report.findings}
    return {"schema_version": SCHEMA_VERSION, "fingerprints": dict(sorted(rows.items()))}


def read_baseline(file: Path, name: str = "") -> frozenset[str]:
    """The fingerprints of a baseline file; raises ConfigError naming the file (as ``name`` when given)."""
    name = name or str(file)
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{name}: the baseline cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{name}: is not a baseline: not JSON") from None
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        raise ConfigError(f"{name}: is not a baseline with schema_version {SCHEMA_VERSION}")
    prints = data.get("fingerprints")
    if not isinstance(prints, dict):
        raise ConfigError(f"{name}: is not a baseline: key 'fingerprints' must be an object")
    return frozenset(prints)


def new_findings(report: Report, known: frozenset[str]) -> list[tuple[Finding, str]]:
    """The open findings that are not in the baseline, each with the severity it has, gravest first."""
    return [
        (finding, finding.severity or result.severity)
        for result, finding, print_ in report.findings if print_ not in known
    ]
