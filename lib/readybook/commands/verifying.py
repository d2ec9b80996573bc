"""``readybook verify``: the patches proven on a copy of the target, the result beside them and on stdout."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from readybook.commands.output import emit, say
from readybook.commands.target import audited
from readybook.errors import ConfigError
from readybook.markup import visible


def verify(arguments: argparse.Namespace) -> int:
    """Verify the patches; 1 when one of them failed."""
    from readybook.verify.delivered import read_delivered, write_verified
    from readybook.verify.verdicts import verify as run

    python = interpreter(arguments.python)
    read_delivered(arguments.patches)  # a wrong folder is told before the audit
    ran = audited(arguments)
    verified = run(ran, arguments.target, arguments.patches, command=arguments.test_command, python=python,
                   network=arguments.network, tell=lambda text: say(visible(text)))
    write_verified(arguments.patches, verified)
    emit(json.dumps(verified, indent=1, ensure_ascii=False) + "\n")
    _tell(verified)
    return 1 if verified["whole"]["failed"] else 0


def _tell(verified: dict[str, Any]) -> None:
    for row in verified["patches"]:
        say(visible(f"{row['number']:04d} {row['check']} {row['verdict'].replace('_', ' ')}: {row['reason']}"))
    whole, isolation = verified["whole"], verified["isolation"]
    if not whole["base_matches"]:
        say("the target is not as it was when the series was made")
    for app in whole["starts"]:
        if not app["before"]:
            say(visible(f"{app['app']} does not start as it is: {app['reason']}"))
    if whole["tests"] is None:
        say(visible(f"no tests ran: {whole['tests_reason']}"))
    for what in isolation["refused"][:5]:
        say(visible(f"a connection was refused: {what}"))
    if isolation["uses_of_the_target"]:
        say("the given Python looked for code in the audited folder itself (an editable install?): it was refused")
    say(visible(whole["summary"]))
    say(isolation["guard"])


def interpreter(given: str) -> Path:
    """The interpreter to verify with, as given: a link into an environment is not followed."""
    found = shutil.which(given) if given else sys.executable
    if not found:
        raise ConfigError(f"--python {given}: there is no such program")
    return Path(os.path.abspath(found))
