"""The command line's arguments. Parsing them loads nothing of the engine, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from readybook.severity import SEVERITIES
from readybook.version import __version__

EPILOG = """exit codes: 0 done; 1 a gate failed, a patch failed verification, a probe disagreed or a batch
target failed;
2 wrong usage or unreadable target; 3 internal error; 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """The parser; a parsed command line has ``command``, the function to call as ``module:function``."""
    top = argparse.ArgumentParser(
        prog="readybook", epilog=EPILOG,
        description="Audit a FastAPI codebase for production readiness, and remediate it. "
                    "The code is read, never run (but by verify and probe, on a copy).",
    )
    top.add_argument("--version", action="version", version=f"readybook {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    _audit(commands)
    _report(commands)
    _fix(commands)
    _verify(commands)
    _probe(commands)
    _listings(commands)
    _batch(commands)
    return top


def call(arguments: argparse.Namespace) -> int:
    """Carry out a parsed command line; returns the exit code."""
    module, _, function = arguments.command.partition(":")
    code: int = getattr(import_module(f"readybook.commands.{module}"), function)(arguments)
    return code


def _audit(commands: Any) -> None:
    audit = _command(commands, "audit", "auditing:audit", "run the checks and print what they found")
    _target(audit)
    audit.add_argument("--format", choices=("table", "json", "markdown", "csv", "sarif"), default="table")
    audit.add_argument("--fail-under", type=_score, metavar="N", help="leave with 1 when the overall score is below N")
    audit.add_argument("--fail-on", choices=SEVERITIES, metavar="SEVERITY",
                       help="leave with 1 when a finding outside the baseline is as grave: " + ", ".join(SEVERITIES))
    audit.add_argument("--baseline", type=Path, metavar="FILE", help="findings that --fail-on knows already")
    baseline = _command(commands, "baseline", "auditing:baseline", "print the baseline of today's findings, as JSON")
    _target(baseline)


def _report(commands: Any) -> None:
    report = _command(commands, "report", "reporting:report", "render the report: executed notebooks, their pages")
    _target(report)
    report.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    report.add_argument("--format", action="append", default=[], metavar="FORMAT",
                        help="html (default), pdf, markdown (one page), csv, sarif, json, all; by comma or repetition")
    report.add_argument("--verified", type=Path, metavar="FILE", help="verify.json to show with the patches")
    report.add_argument("--probed", type=Path, metavar="FILE", help="probe.json: what the running service showed")
    _parameters(report)


def _parameters(command: argparse.ArgumentParser) -> None:
    command.add_argument("--profile", choices=("engineer", "executive"), help="which sections the report shows")
    command.add_argument("--hourly-rate", type=_rates, metavar="N[-M]",
                         help="turns hours into money; 90-140 is a range")
    command.add_argument("--currency", metavar="NAME", help="of the hourly rate")
    command.add_argument("--engineers", type=_positive, metavar="N", help="people who work on the fixes")
    command.add_argument("--hours-per-week", type=_hours, metavar="N", help="hours a week of each of them")
    command.add_argument("--hours-per-day", type=_hours, metavar="N", help="hours of a developer-day")
    command.add_argument("--budget", type=_hours, dest="budget_hours", metavar="HOURS",
                         help="hours for which the best set of fixes is worked out")
    command.add_argument("--date", default=date.today().isoformat(), metavar="TEXT", help="date shown (default: today)")


def _fix(commands: Any) -> None:
    fix = _command(commands, "fix", "fixing:fix", "write the patches that cure findings")
    _target(fix)
    fix.add_argument("--out", type=Path, metavar="DIR", help="folder to write the patches to")
    fix.add_argument("--unsafe", action="store_true", help="make also the fixes that change public behaviour")
    fix.add_argument("--apply", action="store_true", help="commit the patches to the target, on a branch of their own")
    fix.add_argument("--dry-run", action="store_true", help="print the diffs, write nothing")


def _verify(commands: Any) -> None:
    verify = _command(commands, "verify", "verifying:verify",
                      "prove patches on a copy of the target (this command runs the target's code)")
    _target(verify)
    verify.add_argument("--patches", type=Path, required=True, metavar="DIR", help="folder that `fix --out` wrote")
    verify.add_argument("--test-command", default="", metavar="CMD",
                        help="runs the tests, from the top of the copy (default: pytest where tests are found)")
    verify.add_argument("--python", default="", metavar="EXE", help="interpreter that has the target's packages")
    verify.add_argument("--network", action="store_true", help="let the target's code connect to other machines")


def _probe(commands: Any) -> None:
    probe = _command(commands, "probe", "probing:probe",
                     "start the application from a copy and ask it (this command runs the target's code)")
    _target(probe)
    probe.add_argument("--python", default="", metavar="EXE", help="interpreter that has the target's packages")
    probe.add_argument("--env", action="append", default=[], metavar="NAME=VALUE",
                       help="a variable of the application, such as the address of a database that runs")
    probe.add_argument("--network", action="store_true", help="let the target's code connect to other machines")


def _listings(commands: Any) -> None:
    routes = _command(commands, "routes", "listing:routes", "print the routes of the applications")
    _target(routes)
    checks = _command(commands, "checks", "listing:checks", "list the installed checks")
    for listing in (routes, checks):
        listing.add_argument("--format", choices=("table", "json"), default="table")
    explain = _command(commands, "explain", "listing:explain", "explain one check")
    explain.add_argument("check", metavar="ID", help="id or name of a check")


def _batch(commands: Any) -> None:
    batch = _command(commands, "batch", "reporting:batch", "render the reports of many targets and an index")
    batch.add_argument("manifest", type=Path, metavar="MANIFEST", help="TOML or list of paths, or a folder of targets")
    batch.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    _choice(batch)
    _own_word(batch)
    _parameters(batch)
    batch.add_argument("--jobs", type=_positive, default=0, metavar="N", help="reports at a time (default: by machine)")


def _command(commands: Any, name: str, function: str, help_: str) -> argparse.ArgumentParser:
    description = help_[0].upper() + help_[1:] + "."
    made: argparse.ArgumentParser = commands.add_parser(name, help=help_, description=description)
    made.set_defaults(command=function)
    return made


def _target(command: argparse.ArgumentParser) -> None:
    command.add_argument("target", type=Path, metavar="TARGET", help="folder of the codebase")
    _choice(command)
    command.add_argument("--exclude", action="append", default=[], metavar="GLOB",
                         help="leave out these files, besides those the target's configuration leaves out")
    command.add_argument("--app-dir", default="", metavar="DIR", help="import root, relative to TARGET or absolute")
    command.add_argument("--app", default="", metavar="SPEC", help="application: module:attr or module:factory()")
    command.add_argument("--config", type=Path, metavar="FILE", help="take this file for the target's configuration")
    _own_word(command)


def _choice(command: argparse.ArgumentParser) -> None:
    command.add_argument("--only", action="append", default=[], metavar="CHECK",
                         help="ids, prefixes such as SEC, or names; by comma or repetition")
    command.add_argument("--skip", action="append", default=[], metavar="CHECK", help="the same, to leave out")


def _own_word(command: argparse.ArgumentParser) -> None:
    command.add_argument("--no-target-config", action="store_true",
                         help="ignore what the target says: its configuration and its ignore comments")
    command.add_argument("--no-cache", action="store_true", help="neither read nor write the cache of facts")


def words(options: list[str]) -> tuple[str, ...]:
    """The values of an option that is given by comma or repetition."""
    return tuple(word.strip() for option in options for word in option.split(",") if word.strip())


def _score(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 10:
        raise argparse.ArgumentTypeError(f"{text} does not lie between 0 and 10")
    return value


def _hours(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number of hours above 0")
    return value


def _rates(text: str) -> tuple[float, float]:
    """``120`` or ``90-140``: money for an hour, from and to."""
    low, _, high = text.partition("-")
    rates = float(low), float(high or low)
    if not 0 <= rates[0] <= rates[1] < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is neither a rate nor a range of rates such as 90-140")
    return rates


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value
