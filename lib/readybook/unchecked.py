"""What an audit did not look at, and why: the report says so beside what it found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from readybook.check import Result
from readybook.config import Config
from readybook.ignores import Excuses
from readybook.masking import mask
from readybook.project import Project

AT_RUN_TIME = ("behaviour at run time", "the target is read, never imported or run")
ALWAYS = (
    ("known vulnerabilities of dependencies", "the data needs the network, which an audit never uses"),
    AT_RUN_TIME,
)


def unchecked(project: Project, results: Sequence[Result], config: Config, excuses: Excuses,
              left_out: Iterable[str], problems: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Rows (what, why). ``left_out`` holds ids of checks not asked; ``problems`` what the facts could not tell."""
    yield from project.unreadable
    yield from problems
    for result in results:
        if result.outcome in ("unknown", "error"):
            yield f"{result.id} {result.name}", result.reason
    skipped = ", ".join(left_out)
    if skipped:
        yield skipped, "not asked for: left out by --only or --skip"
    yield from config.notes
    yield from switched_off(config)
    yield from excuses.refused
    for attestation in excuses.unused():
        yield (f"{attestation.by} ({attestation.check})",
               "the attestation is not used: its check is not attestable, or needs no answer here")
    yield from ALWAYS


def switched_off(config: Config) -> Iterator[tuple[str, str]]:
    """Everything that the configuration takes out of the audit, whoever wrote it."""
    for pattern in config.exclude:
        yield f"files matching {pattern}", f"excluded by {config.source}"
    for pattern in config.caller_exclude:
        yield f"files matching {pattern}", "excluded by --exclude"
    if config.app:
        yield f"applications other than {config.app}", f"{config.said_by('app')} chooses the application"
    if config.public_api:
        yield "whether routes ask who calls", f"{config.source} declares the API public"
    for waiver in config.waivers:
        yield f"findings of {waiver.check} in {waiver.path}", f"waived by {waiver.by}: {mask(waiver.reason)}"
