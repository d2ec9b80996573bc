"""Findings as SARIF 2.1.0, for code scanning: stable fingerprints, help, paths relative to the target.

Only what the specification names is written. Waived findings are there with a suppression, so that a server closes
them rather than forgets them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from readybook.check import Check, Result
from readybook.finding import Finding
from readybook.markup import clip, visible
from readybook.masking import mask
from readybook.place import Place
from readybook.report import Report
from readybook.version import __version__

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
SECURITY_SEVERITY = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0"}  # as code scanning ranks them
ROOT = "%SRCROOT%"
TEXT_LIMIT = 1000


def sarif(report: Report, checks: Iterable[Check] = ()) -> str:
    """The SARIF file of a report; ``checks`` give the rules their explanations."""
    return json.dumps(sarif_dict(report, checks), indent=1, ensure_ascii=False) + "\n"


def sarif_dict(report: Report, checks: Iterable[Check] = ()) -> dict[str, Any]:
    """The content of the SARIF file."""
    known = {check.id: check for check in checks}
    rules = [r for r in report.results if r.outcome != "not_applicable"]
    places = {r.id: n for n, r in enumerate(rules)}
    results = [_result(r, f, print_, places) for r, f, print_ in report.findings]
    rows = {r.id: r for r in rules}
    for waived in report.waived:
        if waived.check in places:
            entry = _result(rows[waived.check], waived.finding, waived.fingerprint, places)
            entry["suppressions"] = [{"kind": "external", "status": "accepted", "justification": _text(waived.reason)}]
            results.append(entry)
    driver = {"name": "Readybook", "semanticVersion": __version__, "rules": [_rule(r, known.get(r.id)) for r in rules]}
    run = {
        "tool": {"driver": driver}, "automationDetails": {"id": f"readybook/{_text(report.target.name)}/"},
        "columnKind": "unicodeCodePoints", "originalUriBaseIds": {ROOT: {"description": {"text": "the target"}}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notices(report)}],
        "results": results,
    }
    if report.target.commit:
        run["properties"] = {"commit": report.target.commit}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(result: Result, check: Check | None) -> dict[str, Any]:
    title = _text(result.title)
    more = check.explanation().replace("``", "`") if check else ""
    links = [link for link in (check.references if check else ()) if link.startswith("https://")]
    properties: dict[str, Any] = {"tags": [result.category], "precision": "high"}
    if result.category == "security":
        properties["tags"].append("security")
        properties["security-severity"] = SECURITY_SEVERITY[result.severity]
    rule = {
        "id": result.id, "name": result.name, "shortDescription": {"text": title},
        "fullDescription": {"text": clip(f"{title} {more}".strip(), TEXT_LIMIT)},
        "help": {"text": f"{title}\n\n{more}".strip(),
                 "markdown": "\n\n".join(part for part in (f"**{title}**", more, *map("<{}>".format, links)) if part)},
        "defaultConfiguration": {"level": LEVELS[result.severity]}, "properties": properties,
    }
    if links:
        rule["helpUri"] = links[0]
    return rule


def _result(result: Result, finding: Finding, fingerprint: str, places: dict[str, int]) -> dict[str, Any]:
    severity = finding.severity or result.severity
    cure = f" Fix: {finding.fix.title.rstrip('.')}." if finding.fix else ""
    entry: dict[str, Any] = {
        "ruleId": result.id, "ruleIndex": places[result.id], "level": LEVELS[severity],
        "message": {"text": _text(finding.message + cure)},
        "locations": [_location(finding.place)],
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint}:1", "readybook/v1": fingerprint},
        "properties": {"severity": severity, "confidence": finding.confidence},
    }
    if finding.chain:
        entry["relatedLocations"] = [_location(p, n) for n, p in enumerate(finding.chain, 1)]
    return entry


def _location(place: Place, number: int = 0) -> dict[str, Any]:
    region = {"startLine": max(place.line, 1)}
    if not number:
        region["startColumn"] = max(place.column, 1)
        if place.end_line and place.end_line > place.line:
            region["endLine"] = place.end_line
    location: dict[str, Any] = {"physicalLocation": {
        "artifactLocation": {"uri": _uri(place.path), "uriBaseId": ROOT}, "region": region,
    }}
    if place.symbol:
        location["logicalLocations"] = [{"fullyQualifiedName": _text(place.symbol)}]
    if number:
        location["id"] = number
        location["message"] = {"text": _text(f"step {number}: {place.symbol or place}")}
    return location


def _notices(report: Report) -> list[dict[str, Any]]:
    """What was not looked at, as warnings of the run."""
    told: Sequence[tuple[str, str]] = [
        *report.not_checked, *((f"File {path}", reason) for path, reason in report.target.unreadable),
    ]
    return [{"level": "note", "message": {"text": _text(f"Not checked: {what}: {why}")}} for what, why in told]


def _uri(path: str) -> str:
    """A relative reference; a first segment with a colon would be taken for a scheme, so it is escaped too."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/._-~")


def _text(text: str) -> str:
    return clip(visible(mask(clip(text, 2 * TEXT_LIMIT))), TEXT_LIMIT)
