"""What a probe saw, brought into a report: each check it speaks about is confirmed or overruled, and marked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from readybook.check import Check, Observed, Result
from readybook.effort import counted_once, estimate
from readybook.errors import ConfigError
from readybook.evidence import fingerprints
from readybook.finding import Finding
from readybook.place import Place
from readybook.records import record
from readybook.report import Report, Waived
from readybook.unchecked import AT_RUN_TIME

SAYS = {"passed": ("passed",), "failed": ("failed", "partial")}  # a probe's outcome → the checks' that agree with it


@record
class Observation:
    """What the probes of one check saw together. ``overrules``: the check said otherwise, and this settles it;
    ``answers``: the check could not tell, and this does."""

    check: str
    outcome: str
    said: str
    evidence: str
    probes: tuple[str, ...]
    static: str
    overrules: bool
    answers: bool


def observations(rows: Sequence[Mapping[str, Any]], report: Report, app: str) -> list[Observation]:
    """One for each check of the report that a probe with an answer speaks about, in the order of the report."""
    found = []
    for result in report.results:
        own = [row for row in rows if result.id in row["checks"] and row["outcome"] in SAYS]
        if not own:
            continue
        outcome = "failed" if any(row["outcome"] == "failed" for row in own) else "passed"
        telling = [row for row in own if row["outcome"] == outcome]
        all_or_any = all if outcome == "passed" else any
        settled = all_or_any(outcome in row["settles"] for row in telling)
        elsewhere = any(f.app not in (None, app) for f in result.findings)
        against = result.outcome in ("passed", "failed", "partial") and result.outcome not in SAYS[outcome]
        found.append(Observation(
            result.id, outcome, "; ".join(row["observed"] for row in telling),
            "\n".join(row["evidence"] for row in telling), tuple(row["id"] for row in telling), result.outcome,
            against and settled and not elsewhere, settled and result.outcome == "unknown",
        ))
    return found


def with_observed(report: Report, probed: Mapping[str, Any], checks: Sequence[Check]) -> Report:
    """The report with what ``probed``, the content of probe.json, saw."""
    seen = {o.check: o for o in observations(probed["probes"], report, probed["app"])}
    hours = {check.id: check.hours for check in checks}
    results, waived = [], list(report.waived)
    for result in report.results:
        one = seen.get(result.id)
        if one is None:
            results.append(result)
            continue
        marked = replace(result, observed=Observed(one.outcome, one.static, one.said, one.probes))
        if (one.overrules or one.answers) and one.outcome == "passed":
            waived += [Waived(result.id, f, p, f"observed: {one.said}", "readybook probe")
                       for f, p in zip(result.findings, result.fingerprints, strict=True)]
            marked = _settled(marked, "passed", (), hours)
        elif (one.overrules or one.answers) and one.outcome == "failed":
            marked = _settled(marked, "failed", (*result.findings, _finding(one, report, probed["app"])), hours)
        results.append(marked)
    rows = tuple((row["id"], row["question"], row["expected"], row["observed"], row["outcome"])
                 for row in probed["probes"])
    asked = (AT_RUN_TIME[0], "but for what readybook probe asked the running service")
    not_checked = tuple(asked if row == AT_RUN_TIME else row for row in report.not_checked)
    return replace(report, results=tuple(counted_once(results, hours)), waived=tuple(waived), not_checked=not_checked,
                   probed=rows)


def _settled(result: Result, outcome: str, findings: tuple[Finding, ...], hours: Mapping[str, Any]) -> Result:
    said = f"observed: {result.observed.said}" if result.observed else ""
    return replace(
        result, outcome=outcome, ratio=1.0 if outcome == "passed" else 0.0, findings=findings,
        fingerprints=tuple(fingerprints(result.id, findings)), reason="; ".join(filter(None, (result.reason, said))),
        estimate=estimate(hours[result.id], findings) if result.id in hours else result.estimate,
    )


def _finding(one: Observation, report: Report, app: str) -> Finding:
    at = next((a for a in report.apps if a.app == app), None)
    place = Place(at.file, at.line) if at else Place(".")
    return Finding(place, f"Observed in the running service: {one.said}.", evidence=one.evidence or one.said, app=app)


def read_probed(file: Path) -> dict[str, Any]:
    """A probe.json made before; raises ConfigError when it is none."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file.name}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{file.name}: is no JSON") from None
    keys = {"id", "question", "checks", "observed", "expected", "outcome", "evidence", "settles"}
    rows = data.get("probes") if isinstance(data, dict) else None
    if not isinstance(rows, list) or data.get("schema_version") != 1 or not isinstance(data.get("app"), str) \
            or not all(isinstance(row, dict) and keys <= row.keys() for row in rows):
        raise ConfigError(f"{file.name}: is no result of readybook probe")
    return data


def fits(probed: Mapping[str, Any], digest: str) -> bool:
    """Whether a probe.json is about the target whose files have this digest."""
    return probed.get("base_digest") in ("", None, digest)
