"""``readybook fix``: the patches that cure findings, as files, on a branch, or on the screen."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING

from readybook.commands.output import emit, say
from readybook.commands.target import audited
from readybook.errors import ConfigError
from readybook.masking import mask

if TYPE_CHECKING:
    from readybook.patch import Series


def fix(arguments: argparse.Namespace) -> int:
    """Work out the patches and write, apply or print them."""
    if arguments.dry_run and (arguments.out or arguments.apply):
        raise ConfigError("--dry-run writes nothing: it goes neither with --out nor with --apply")
    if not (arguments.dry_run or arguments.out or arguments.apply):
        raise ConfigError("say what to do with the patches: --out DIR, --apply or --dry-run")
    from readybook.patch import series
    from readybook.patchfiles import apply_series, write_series

    ran = audited(arguments)
    if ran.project is None:
        raise ConfigError("there is no target to fix")
    waived = {w.fingerprint for w in ran.report.waived}
    made = series(ran.project, ran.checks, unsafe=arguments.unsafe, waived=waived, on_request=arguments.unsafe)
    if arguments.dry_run:
        emit("".join(_shown(made)))
    if arguments.out:
        written = write_series(made, arguments.out)
        emit("".join(f"{path}\n" for path in written))
    _tell(made)
    if arguments.apply and made.patches:
        say(f"committed on the branch {apply_series(arguments.target, made)}")
    return 0


def _shown(made: Series) -> list[str]:
    """Each patch's title and diff, with secrets hidden: to read, not to apply."""
    return [f"# {p.file}: {p.title} ({p.safety})\n{mask(p.diff)}\n" for p in made.patches]


def _tell(made: Series) -> None:
    count, cured = len(made.patches), sum(len(p.fingerprints) for p in made.patches)
    patches, findings = f"{count} patch{'es' * (count != 1)}", f"{cured} finding{'s' * (cured != 1)}"
    say(f"{patches} for {findings}; {len(made.unfixed)} left to people")
    for (check, reason), number in sorted(Counter((u.check, u.reason) for u in made.unfixed).items()):
        say(f"  {check}: {number} not patched: {mask(reason)}")
