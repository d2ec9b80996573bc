"""``readybook probe``: the application started from a copy and asked; probe.json goes to stdout."""

from __future__ import annotations

import argparse
import json
from typing import Any

from readybook.commands.output import emit, say
from readybook.commands.target import audited
from readybook.commands.verifying import interpreter
from readybook.errors import ConfigError
from readybook.markup import visible


def probe(arguments: argparse.Namespace) -> int:
    """Ask the running service; 1 when what it shows overrules what a check said of the code."""
    from readybook.probe.asked import probe as ask

    python, given = interpreter(arguments.python), _variables(arguments.env)
    probed = ask(audited(arguments), arguments.target, python=python, network=arguments.network, given=given,
                 tell=lambda text: say(visible(text)))
    emit(json.dumps(probed, indent=1, ensure_ascii=False) + "\n")
    return _told(probed)


def _told(probed: dict[str, Any]) -> int:
    if not probed["started"]:
        say(visible(f"{probed['app']} does not start: {probed['reason']}"))
    around = probed["surroundings"]
    if around["not_provided"]:
        say(f"no program to start {' and '.join(around['not_provided'])} is installed: asked without; --env names one")
    overruled = [(check, row) for row in probed["probes"] for check in row["overrules"]]
    for check, row in overruled:
        say(visible(f"{check} said {row['static'][check]} of the code; observed: {row['observed']}"))
    say(probed["isolation"]["guard"])
    return 1 if overruled else 0


def _variables(given: list[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name or "\0" in one:
            raise ConfigError(f"--env {name}: is not of the form NAME=VALUE")
        found[name] = value
    return found
