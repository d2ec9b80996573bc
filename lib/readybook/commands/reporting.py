"""``readybook report`` and ``readybook batch``: executed notebooks and HTML files."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from readybook.commands.arguments import words
from readybook.commands.output import emit, say
from readybook.commands.target import options
from readybook.errors import ConfigError


def report(arguments: argparse.Namespace) -> int:
    """Render the report and print where its files are."""
    from readybook.browser import find_browser
    from readybook.pdf import NO_BROWSER
    from readybook.rendering import FORMATS, render_report

    asked = words(arguments.format) or ("html",)
    if unknown := [word for word in asked if word not in (*FORMATS, "json", "all")]:
        raise ConfigError(f"--format: {', '.join(unknown)} is none of {', '.join(FORMATS)}, json, all")
    if "pdf" in asked and find_browser() is None:
        raise ConfigError(NO_BROWSER)
    say(f"auditing {arguments.target} and rendering the report")
    made = render_report(arguments.target, arguments.out, parameters=_parameters(arguments),
                         verified=arguments.verified, probed=arguments.probed,
                         formats=FORMATS if "all" in asked else asked, **options(arguments))
    files = (made.html, made.remediation, made.notebook, made.json, made.patches, *made.exports)
    emit("".join(f"{path}\n" for path in files if path))
    if made.problem:
        say(made.problem)
    return 1 if made.problem and "pdf" in asked else 0


def batch(arguments: argparse.Namespace) -> int:
    """Render the reports of many targets and print where the index is; 1 when a target failed."""
    from readybook.batch import run_batch

    common = {"only": words(arguments.only), "skip": words(arguments.skip), "no_cache": arguments.no_cache,
              "no_target_config": arguments.no_target_config}
    done = run_batch(arguments.manifest, arguments.out, arguments.jobs, options=common,
                     parameters=_parameters(arguments))
    for outcome in done.failed:
        say(f"{outcome.entry.name}: {outcome.reason}")
    emit(f"{done.index}\n")
    sys.stderr.flush()
    return 1 if done.failed else 0


def _parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """The notebook's parameters that the command line sets."""
    names = ("profile", "currency", "engineers", "hours_per_week", "hours_per_day", "budget_hours", "date")
    given: dict[str, Any] = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if arguments.hourly_rate is not None:
        given["hourly_rate"], given["hourly_rate_high"] = arguments.hourly_rate
    return given
