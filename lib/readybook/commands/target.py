"""What every command on a target starts with: the audit of that target as the command line asks for it."""

from __future__ import annotations

import argparse
import gc
from typing import TYPE_CHECKING, Any

from readybook.commands.arguments import words
from readybook.errors import TargetError

if TYPE_CHECKING:
    from readybook.project import Project
    from readybook.rendering import Audited


def options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The common options of a command line, as ``readybook.rendering.audited`` takes them."""
    return {
        "app": arguments.app, "app_dir": arguments.app_dir, "only": words(arguments.only),
        "skip": words(arguments.skip), "exclude": words(arguments.exclude), "config": arguments.config,
        "no_target_config": arguments.no_target_config, "no_cache": arguments.no_cache,
    }


def audited(arguments: argparse.Namespace) -> Audited:
    """Audit the target of a command line.

    The facts live as long as the command does, so the collector is told to leave them alone: looking through them
    again took a quarter of the audit of 690,000 lines.
    """
    from readybook import rendering
    from readybook.run import without_collector

    with without_collector():
        ran = rendering.audited(arguments.target, **options(arguments))
        gc.freeze()
    return ran


def opened(arguments: argparse.Namespace) -> Project:
    """The target of a command line as a project, without asking any check."""
    from readybook.config import load
    from readybook.run import open_target

    if not arguments.target.is_dir():
        raise TargetError(f"{arguments.target}: {'is not a folder' if arguments.target.exists() else 'does not exist'}")
    config = load(arguments.target, arguments.config, use_target=not arguments.no_target_config)
    given = {"app": arguments.app, "app_dir": arguments.app_dir, "exclude": words(arguments.exclude)}
    return open_target(arguments.target, config.with_options(**given), cache=not arguments.no_cache)
