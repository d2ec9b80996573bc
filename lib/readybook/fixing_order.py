"""The order of a series: configuration, new files, imports, the application's set-up, route bodies; best gain first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from readybook.check import Check
from readybook.effort import estimate
from readybook.finding import Finding
from readybook.intents import (
    AddFile,
    AppendLine,
    Decorate,
    EnsureComposeService,
    EnsureComposeVariable,
    EnsureEnvExample,
    EnsureIgnored,
    EnsureImport,
    EnsureModuleStatement,
    EnsureParameter,
    EnsureRequirement,
    EnsureSetting,
    EnsureTomlTable,
    InsertInstruction,
    Intent,
    MakeAsync,
    MakeSync,
    RemoveUnusedImport,
    ReplaceExpression,
    ReplaceInstruction,
    ReplaceLineText,
)
from readybook.severity import WEIGHTS

CONFIGURATION = (EnsureTomlTable, EnsureEnvExample, EnsureRequirement, InsertInstruction, ReplaceInstruction,
                 ReplaceLineText, EnsureIgnored, EnsureComposeService, EnsureComposeVariable, AppendLine)
IMPORTS = (EnsureImport, RemoveUnusedImport, EnsureModuleStatement, EnsureSetting)
BODIES = (ReplaceExpression, MakeSync, MakeAsync, Decorate, EnsureParameter)


def stage(intents: Iterable[Intent]) -> int:
    """0 configuration only, 1 new files, 2 imports and settings, 3 the application's set-up, 4 code in bodies."""
    intents = list(intents)
    if all(isinstance(i, CONFIGURATION) for i in intents):
        return 0
    if any(isinstance(i, AddFile) for i in intents):
        return 1
    if all(isinstance(i, (*CONFIGURATION, *IMPORTS)) for i in intents):
        return 2
    return 4 if any(isinstance(i, BODIES) for i in intents) else 3


def fixing_order(
    checks: Sequence[Check], findings: Mapping[str, Sequence[Finding]], unsafe: bool
) -> list[Check]:
    """The checks that found something, in the order in which their fixes are carried out."""

    def key(check: Check) -> tuple[int, float, str]:
        own = findings[check.id]
        fixes = [f.fix for f in own if f.fix and f.fix.intents and (unsafe or not f.fix.unsafe)]
        gain = max(WEIGHTS[f.severity or check.severity] for f in own) / estimate(check.hours, own).likely
        return stage(i for fix in fixes for i in fix.intents), -gain, check.id

    return _after_others(sorted((check for check in checks if findings[check.id]), key=key))


def _after_others(ordered: list[Check]) -> list[Check]:
    """Each check behind those whose fixes its own builds on, where both have something to do."""
    placed: list[Check] = []
    waiting = list(ordered)
    while waiting:
        left = {c.id for c in waiting}
        following = next((c for c in waiting if not left & set(c.after)), waiting[0])
        waiting.remove(following)
        placed.append(following)
    return placed


def saved_hours(check: Check, fixed: Sequence[Finding], begun: Collection[str] = ()) -> float:
    """Likely hours that the patch saves: by hand, less the review that it costs.

    ``begun`` names the pieces of work that earlier patches of the series did: they are not saved again.
    """
    found = estimate(check.hours, fixed, begun)
    return round(found.likely - found.automated, 2)
