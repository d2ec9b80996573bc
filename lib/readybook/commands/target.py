"""What every command on a target starts with: its configuration, its project, its checks, its report."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from datetime import date

from readybook.check import Check
from readybook.commands.arguments import words
from readybook.config import Config, load
from readybook.errors import TargetError
from readybook.project import Project
from readybook.report import Report


def configuration(arguments: argparse.Namespace, **options: object) -> Config:
    """The target's configuration with the command line's options over it."""
    if arguments.no_cache:
        os.environ["READYBOOK_NO_CACHE"] = "1"  # child processes must not use it either
    if not arguments.target.is_dir():
        problem = "is not a folder" if arguments.target.exists() else "does not exist"
        raise TargetError(f"{arguments.target}: {problem}")
    config = load(arguments.target, arguments.config, use_target=not arguments.no_target_config)
    return config.with_options(
        app=arguments.app, app_dir=arguments.app_dir, exclude=words(arguments.exclude), **options
    )


@dataclass(frozen=True, slots=True)
class Session:
    """One audit from the command line."""

    config: Config
    project: Project
    checks: tuple[Check, ...]
    report: Report


def session(arguments: argparse.Namespace, **options: object) -> Session:
    """Audit the target of a command line; the checks are those that --only and --skip choose."""
    from readybook import registry
    from readybook.run import audit, open_target

    config = configuration(arguments, **options)
    only, skip = words(arguments.only), words(arguments.skip)
    known = registry.load()
    checks = registry.select(known, only, skip)  # before the target is read: a wrong word is told at once
    project = open_target(arguments.target, config)
    report = audit(project, known, only=only, skip=skip, config=config, today=date.today())
    return Session(config, project, checks, report)
