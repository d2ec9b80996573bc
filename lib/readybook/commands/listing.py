"""``readybook routes``, ``readybook checks`` and ``readybook explain``."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterator
from typing import Any

from readybook import registry
from readybook.check import Bad, Check, Good
from readybook.commands.output import emit
from readybook.commands.target import opened
from readybook.errors import ConfigError
from readybook.run import without_collector
from readybook.text_report import columns


def routes(arguments: argparse.Namespace) -> int:
    """Print the routes of the target's applications."""
    from readybook.routes_table import routes_json, routes_text

    with without_collector():
        emit({"json": routes_json, "table": routes_text}[arguments.format](opened(arguments)))
    return 0


def checks(arguments: argparse.Namespace) -> int:
    """List the installed checks."""
    known = registry.load()
    if arguments.format == "json":
        emit(json.dumps([described(check) for check in known], indent=1, ensure_ascii=False) + "\n")
    else:
        rows = [(c.id, c.severity, c.category, c.name, c.title()) for c in known]
        emit(columns(("ID", "SEVERITY", "CATEGORY", "NAME", "THE DEFECT"), rows) + "\n")
    return 0


def described(check: Check) -> dict[str, Any]:
    """One check's entry of the checks JSON."""
    hours = check.hours
    return {
        "id": check.id, "name": check.name, "category": check.category, "severity": check.severity,
        "title": check.title(), "hours": [hours.low, hours.likely, hours.high], "each": hours.each,
        "fix_kinds": list(check.fix_kinds), "references": list(check.references), "attestable": check.attestable,
        "suppressed_by": list(check.suppressed_by),
    }


def explain(arguments: argparse.Namespace) -> int:
    """Explain one check."""
    word = arguments.check
    found = [c for c in registry.load() if word in (c.id, c.name) or word.upper() == c.id]
    if not found:
        registry.select(registry.load(), (word,))  # raises with a hint when the word fits nothing at all
        raise ConfigError(f"{word!r} fits several checks; name one by its id")
    emit("\n".join(_explained(found[0])) + "\n")
    return 0


def _explained(check: Check) -> Iterator[str]:
    hours = check.hours
    yield f"{check.id} {check.name}"
    yield check.title()
    if check.explanation():
        yield ""
        yield check.explanation()
    yield ""
    yield f"Severity    {check.severity} (base; a finding is graded by its context)"
    yield f"Category    {check.category}"
    each = f", each further place {hours.each:g}" if hours.each else ""
    yield f"By hand     {hours.low:g} to {hours.high:g} hours, likely {hours.likely:g}{each}"
    yield f"Fix         {', '.join(check.fix_kinds)}"
    if check.attestable:
        yield "Attestable  somebody may vouch for it in the target's configuration"
    if check.suppressed_by:
        yield f"Silent      where one of {', '.join(check.suppressed_by)} tells of the same lines"
    for reference in check.references:
        yield f"See         {reference}"
    for example in check.examples:
        yield ""
        yield from _example(example)


def _example(example: Bad | Good) -> Iterator[str]:
    if isinstance(example, Bad):
        yield f"Found at {', '.join(example.at)}:"
    else:
        yield f"Nothing to find ({example.outcome}):"
    for path, text in example.files.items():
        yield f"  {path}"
        yield textwrap.indent(text.rstrip("\n"), "    | ", lambda line: True)
    if isinstance(example, Bad) and example.fixed:
        yield "  The fix makes of it:"
        for path, text in example.fixed.items():
            yield f"  {path}"
            yield textwrap.indent(text.rstrip("\n"), "    | ", lambda line: True)
