"""``readybook audit`` with its gates, and ``readybook baseline``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from readybook.baseline import baseline as baseline_of
from readybook.baseline import new_findings, read_baseline
from readybook.commands.output import emit, say
from readybook.commands.target import audited
from readybook.config import Config
from readybook.findings_csv import findings_csv
from readybook.report import Report
from readybook.sarif import sarif
from readybook.severity import at_least
from readybook.text_report import markdown, table


def audit(arguments: argparse.Namespace) -> int:
    """Print the report; 1 when a gate failed."""
    ran = audited(arguments)
    config = ran.config.with_options(fail_under=arguments.fail_under, fail_on=arguments.fail_on)
    known = _known(arguments.baseline, arguments.target, config)
    failures = gates(ran.report, config, known)
    formats: dict[str, Callable[[Report], str]] = {
        "table": table, "markdown": markdown, "json": Report.to_json, "csv": findings_csv,
        "sarif": partial(sarif, checks=ran.checks),
    }
    emit(formats[arguments.format](ran.report))
    for failure in failures:
        say(failure)
    return 1 if failures else 0


def baseline(arguments: argparse.Namespace) -> int:
    """Print the baseline of the target's open findings."""
    emit(json.dumps(baseline_of(audited(arguments).report), indent=1, ensure_ascii=False) + "\n")
    return 0


def gates(report: Report, config: Config, known: frozenset[str]) -> list[str]:
    """What fails of the gates that the configuration sets; ``known`` are the baseline's fingerprints."""
    failures = []
    overall = report.score.overall.value
    if config.fail_under is not None and (overall is None or overall < config.fail_under):
        has = "there is no score: no check counted" if overall is None else f"the overall score is {overall}"
        failures.append(f"gate failed: {has}, --fail-under asks for {config.fail_under:g}")
    if config.fail_on:
        grave = [f for f, severity in new_findings(report, known) if at_least(severity, config.fail_on)]
        if grave:
            of = "that the baseline does not know " if known else ""
            failures.append(f"gate failed: {len(grave)} open finding{'s' * (len(grave) != 1)} {of}of severity "
                            f"{config.fail_on} or graver, the first at {grave[0].place}")
    return failures


def _known(file: Path | None, target: Path, config: Config) -> frozenset[str]:
    if file is not None:
        return read_baseline(file)
    return read_baseline(target / config.baseline, config.baseline) if config.baseline else frozenset()
