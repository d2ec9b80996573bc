"""All of one run as plain data, to and from JSON (schema in the README's contract section)."""

from __future__ import annotations

import json
from typing import Any

from readybook.check import Estimate, Observed, Result
from readybook.finding import Finding, Fix, Reach
from readybook.place import Place
from readybook.records import record
from readybook.score import Scorecard, scorecard
from readybook.service import Service
from readybook.version import __version__

SCHEMA_VERSION = 2
PROBED = ("id", "question", "expected", "observed", "outcome")


@record
class Target:
    """What was audited: ``commit`` is the git HEAD or None; ``lines`` counts lines of Python that were read."""

    name: str
    commit: str | None
    files: int
    lines: int
    unreadable: tuple[tuple[str, str], ...] = ()


@record
class ServedApp:
    """One application the target serves: its import string, where it is built, and how many routes it has."""

    app: str
    file: str
    line: int
    routes: int


@record
class Waived:
    """A finding that somebody decided to live with, and why; ``by`` names the place that says so."""

    check: str
    finding: Finding
    fingerprint: str
    reason: str
    by: str


@record
class Report:
    """One audit: results of all checks that ran, what the target serves, score, effort, and what was not checked.

    ``probed`` holds (id, question, expected, observed, outcome) of what the running service was asked, None when it was
    not.
    """

    target: Target
    apps: tuple[ServedApp, ...]
    results: tuple[Result, ...]
    waived: tuple[Waived, ...] = ()
    not_checked: tuple[tuple[str, str], ...] = ()
    service: Service = Service()
    probed: tuple[tuple[str, str, str, str, str], ...] | None = None

    @property
    def score(self) -> Scorecard:
        """The scorecard, computed from the results alone."""
        return scorecard(self.results)

    @property
    def effort(self) -> Estimate:
        """Hours for all open findings together."""
        return sum((r.estimate for r in self.results), Estimate())

    @property
    def findings(self) -> tuple[tuple[Result, Finding, str], ...]:
        """Every open finding with its result and fingerprint, gravest first, then by check, path and line."""
        from readybook.severity import SEVERITIES

        rows = [
            (r, f, p) for r in self.results for f, p in zip(r.findings, r.fingerprints, strict=True)
        ]
        rows.sort(key=lambda row: (
            SEVERITIES.index(row[1].severity or row[0].severity), row[0].id, row[1].place.path, row[1].place.line,
        ))
        return tuple(rows)

    def _repr_html_(self) -> str:
        from readybook.display import report_html

        return str(report_html(self))

    def to_dict(self) -> dict[str, Any]:
        """The report as the audit JSON of the contract."""
        score = self.score
        probed = {} if self.probed is None else {"probed": [dict(zip(PROBED, row, strict=True)) for row in self.probed]}
        return {
            "schema_version": SCHEMA_VERSION,
            "readybook_version": __version__,
            "target": {
                "name": self.target.name,
                "commit": self.target.commit,
                "files": self.target.files,
                "lines": self.target.lines,
                "unreadable": [{"path": p, "reason": r} for p, r in self.target.unreadable],
            },
            "apps": [{"app": a.app, "file": a.file, "line": a.line, "routes": a.routes} for a in self.apps],
            "service": self.service.to_dict(),
            "score": score.to_dict(),
            "checks": [_result_to_dict(r) for r in self.results],
            "waived": [
                {"check": w.check, "finding": _finding_to_dict(w.finding, w.fingerprint, ""), "reason": w.reason,
                 "by": w.by}
                for w in self.waived
            ],
            "not_checked": [{"what": what, "why": why} for what, why in self.not_checked],
            "effort": _estimate_to_dict(self.effort), **probed,
        }

    def to_json(self) -> str:
        """The report as JSON text, the same bytes for the same report."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read a report back; raises ValueError for another schema version."""
        data = json.loads(text)
        if data.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(f"report has schema_version {data.get('schema_version')!r}, this reads {SCHEMA_VERSION}")
        t = data["target"]
        return cls(
            target=Target(t["name"], t["commit"], t["files"], t["lines"],
                          tuple((u["path"], u["reason"]) for u in t["unreadable"])),
            apps=tuple(ServedApp(a["app"], a["file"], a["line"], a["routes"]) for a in data["apps"]),
            results=tuple(_result_from_dict(c) for c in data["checks"]),
            waived=tuple(
                Waived(w["check"], *_finding_from_dict(w["finding"]), w["reason"], w["by"]) for w in data["waived"]
            ),
            not_checked=tuple((n["what"], n["why"]) for n in data["not_checked"]),
            service=Service.from_dict(data["service"]),
            probed=tuple((r["id"], r["question"], r["expected"], r["observed"], r["outcome"]) for r in data["probed"])
            if "probed" in data else None,
        )


def _estimate_to_dict(e: Estimate) -> dict[str, Any]:
    return {"low": round(e.low, 3), "likely": round(e.likely, 3), "high": round(e.high, 3),
            "automated": round(e.automated, 3), "unit": "hours"}


def _result_to_dict(r: Result) -> dict[str, Any]:
    return {
        "id": r.id, "name": r.name, "category": r.category, "severity": r.severity, "outcome": r.outcome,
        "ratio": None if r.ratio is None else round(r.ratio, 6), "title": r.title, "reason": r.reason,
        "attestable": r.attestable, "effort": _estimate_to_dict(r.estimate),
        "findings": [_finding_to_dict(f, p, r.severity) for f, p in zip(r.findings, r.fingerprints, strict=True)],
        **({"observed": {"outcome": r.observed.outcome, "static": r.observed.static, "said": r.observed.said,
                         "probes": list(r.observed.probes)}} if r.observed else {}),
    }


def _finding_to_dict(f: Finding, fingerprint: str, base: str) -> dict[str, Any]:
    return {
        "severity": f.severity or base, "app": f.app, "path": f.place.path, "line": f.place.line,
        "end_line": f.place.end_line, "column": f.place.column, "symbol": f.place.symbol, "exact": f.place.exact,
        "message": f.message, "evidence": f.evidence, "confidence": f.confidence, "fingerprint": fingerprint,
        "chain": [{"path": p.path, "line": p.line, "symbol": p.symbol} for p in f.chain],
        "fix": None if f.fix is None else {"kinds": list(f.fix.kinds), "safety": f.fix.safety, "title": f.fix.title,
                                           "reason": f.fix.reason, "unsafe": f.fix.unsafe},
        "reach": None if f.reach is None else {"scope": f.reach.scope, "routes": f.reach.routes, "open": f.reach.open},
    }


def _finding_from_dict(d: dict[str, Any]) -> tuple[Finding, str]:
    fix, reach = d["fix"], d["reach"]
    finding = Finding(
        place=Place(d["path"], d["line"], d["column"], d["end_line"], d["symbol"], d["exact"]),
        message=d["message"], severity=d["severity"] or None, evidence=d["evidence"], confidence=d["confidence"],
        fix=None if fix is None else Fix(title=fix["title"], kinds=tuple(fix["kinds"]), safety=fix["safety"],
                                         reason=fix["reason"], unsafe=fix["unsafe"]),
        reach=None if reach is None else Reach(reach["scope"], reach["routes"], reach["open"]),
        app=d["app"], chain=tuple(Place(c["path"], c["line"], symbol=c["symbol"]) for c in d["chain"]),
    )
    return finding, d["fingerprint"]


def _result_from_dict(d: dict[str, Any]) -> Result:
    pairs = [_finding_from_dict(f) for f in d["findings"]]
    e, seen = d["effort"], d.get("observed")
    return Result(
        id=d["id"], name=d["name"], category=d["category"], severity=d["severity"], title=d["title"],
        outcome=d["outcome"], ratio=d["ratio"], reason=d["reason"], attestable=d["attestable"],
        estimate=Estimate(e["low"], e["likely"], e["high"], e["automated"]),
        findings=tuple(f for f, _ in pairs), fingerprints=tuple(p for _, p in pairs),
        observed=Observed(seen["outcome"], seen["static"], seen["said"], tuple(seen["probes"])) if seen else None,
    )
