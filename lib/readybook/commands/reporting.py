"""``readybook report`` and ``readybook batch``: executed notebooks and HTML files."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from readybook.commands.arguments import words
from readybook.commands.output import emit, say
from readybook.commands.target import options


def report(arguments: argparse.Namespace) -> int:
    """Render the report and print where its files are."""
    from readybook.rendering import render_report

    say(f"auditing {arguments.target} and rendering the notebook")
    made = render_report(arguments.target, arguments.out, parameters=_parameters(arguments),
                         verified=arguments.verified, probed=arguments.probed, **options(arguments))
    emit("".join(f"{path}\n" for path in (made.html, made.remediation, made.notebook, made.json, made.patches)
                 if path))
    return 0


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
