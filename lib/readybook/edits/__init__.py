"""Edits: intents carried out on the text of a project with the smallest change that makes them true.

``apply`` carries out one list of intents; ``apply_each`` one list for each finding, leaving out the findings whose
intents fail. Comments, quotes, blank lines, line breaks and encodings of untouched lines stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from readybook.edits.app_calls import ensure_middleware, set_up_app
from readybook.edits.async_tasks import run_in_own_loop
from readybook.edits.classes import ensure_method
from readybook.edits.closing import close_at_shutdown
from readybook.edits.compose import ensure_compose_service, ensure_compose_variable
from readybook.edits.decorators import decorate
from readybook.edits.dockerfile import insert_instruction, replace_instruction
from readybook.edits.dotenv import ensure_env_example
from readybook.edits.entries import ensure_entry
from readybook.edits.ignorefiles import ensure_ignored
from readybook.edits.guards import ensure_after, ensure_before, guard_statement
from readybook.edits.lifespan import events_to_lifespan
from readybook.edits.parameters import ensure_parameter
from readybook.edits.python_calls import remove_keyword, set_keyword
from readybook.edits.python_imports import ensure_import, realise_imports
from readybook.edits.python_nodes import (
    ensure_module_statement,
    make_async,
    make_sync,
    realise_statements,
    replace_default,
    replace_expression,
)
from readybook.edits.requirements import ensure_requirement
from readybook.edits.routers import ensure_router
from readybook.edits.setting_use import PLACEHOLDER, resolve
from readybook.edits.setting_use import setting_access as _setting_access
from readybook.edits.settings import ensure_setting
from readybook.edits.statements import remove_statement, replace_statement
from readybook.edits.text import add_file, append_line, in_house_quotes, replace_line_text
from readybook.edits.toml import ensure_toml_table
from readybook.edits.unused_imports import remove_unused_import
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.intents import (
    AddFile,
    AppendLine,
    CloseAtShutdown,
    Decorate,
    EnsureComposeService,
    EnsureComposeVariable,
    EnsureEnvExample,
    EnsureIgnored,
    EnsureImport,
    EnsureMethod,
    EnsureMiddleware,
    EnsureModuleStatement,
    EnsureParameter,
    EnsureRequirement,
    EnsureRouter,
    EnsureSetting,
    EnsureTomlTable,
    EventsToLifespan,
    EnsureAfter,
    EnsureBefore,
    EnsureEntry,
    GuardStatement,
    InsertInstruction,
    Intent,
    MakeAsync,
    MakeSync,
    RemoveKeyword,
    RemoveStatement,
    RemoveUnusedImport,
    ReplaceDefault,
    ReplaceExpression,
    ReplaceInstruction,
    ReplaceLineText,
    ReplaceStatement,
    RunInOwnLoop,
    SetKeyword,
    SetUpApp,
)
from readybook.place import Place
from readybook.project import Project
from readybook.records import record

HANDLERS: dict[type, Callable[[Work, Any], object]] = {
    AddFile: add_file,
    AppendLine: append_line,
    CloseAtShutdown: close_at_shutdown,
    Decorate: decorate,
    EnsureComposeService: ensure_compose_service,
    EnsureComposeVariable: ensure_compose_variable,
    EnsureEnvExample: ensure_env_example,
    EnsureIgnored: ensure_ignored,
    EnsureImport: ensure_import,
    EnsureMethod: ensure_method,
    EnsureMiddleware: ensure_middleware,
    EnsureModuleStatement: ensure_module_statement,
    EnsureParameter: ensure_parameter,
    EnsureRequirement: ensure_requirement,
    EnsureRouter: ensure_router,
    EnsureSetting: ensure_setting,
    EnsureTomlTable: ensure_toml_table,
    EventsToLifespan: events_to_lifespan,
    EnsureAfter: ensure_after,
    EnsureBefore: ensure_before,
    EnsureEntry: ensure_entry,
    GuardStatement: guard_statement,
    InsertInstruction: insert_instruction,
    MakeAsync: make_async,
    MakeSync: make_sync,
    RemoveKeyword: remove_keyword,
    RemoveStatement: remove_statement,
    ReplaceDefault: replace_default,
    ReplaceExpression: replace_expression,
    ReplaceInstruction: replace_instruction,
    ReplaceLineText: replace_line_text,
    ReplaceStatement: replace_statement,
    RunInOwnLoop: run_in_own_loop,
    SetKeyword: set_keyword,
    SetUpApp: set_up_app,
}
# Settings come first, since other intents name them; what is unused is known only when all else is done.
FIRST = (EnsureSetting, AddFile)


@record
class Applied:
    """What came of several lists of intents: path → new text of what changed, failures by index, remarks."""

    texts: dict[str, str]
    failed: dict[int, str]
    notes: tuple[str, ...] = ()


def apply(project: Project, intents: Sequence[Intent]) -> dict[str, str]:
    """Carry out intents; returns path → new text of every file that changes. Raises PatchError naming the file."""
    applied = apply_each(project, [intents])
    if applied.failed:
        raise PatchError(applied.failed[0])
    return applied.texts


def apply_each(project: Project, groups: Sequence[Sequence[Intent]]) -> Applied:
    """Carry out lists of intents one after the other on one state; a list that fails leaves no trace."""
    work, failed = Work(project), dict[int, str]()
    unused: list[RemoveUnusedImport] = []
    last = {edited_path(intent): number for number, intents in enumerate(groups) for intent in intents}
    for number, intents in enumerate(groups):
        # A file that no later list edits is finished while its tree is at hand.
        for path in [p for p, n in last.items() if n == number - 1]:
            _finish(work, path)
        trial = work.fork()
        trial.near = next((p for p in map(edited_path, intents) if p.endswith(".py")), "")
        try:
            for intent in sorted(intents, key=lambda i: not isinstance(i, FIRST)):
                if not isinstance(intent, RemoveUnusedImport):
                    carry_out(trial, intent)
        except PatchError as error:
            failed[number] = str(error)
            continue
        work = trial
        unused += [i for i in intents if isinstance(i, RemoveUnusedImport)]
    for path in sorted({s.path for s in work.statements} | {w.path for w in work.wants}):
        _finish(work, path)
    for intent in dict.fromkeys(unused):
        remove_unused_import(work, intent)
    texts = {path: draft.text for path, draft in sorted(work.drafts.items())
             if draft.first is None or draft.text != draft.first}
    return Applied(texts, failed, work.notes)


def _finish(work: Work, path: str) -> None:
    """Place the statements and imports that were asked for in a file."""
    realise_statements(work, path)
    realise_imports(work, path)


def carry_out(work: Work, intent: Intent) -> None:
    """Carry out one intent on the drafts, the settings it names resolved for the file it edits."""
    path = edited_path(intent)
    resolved: dict[str, str] = {}
    for field in fields(intent):
        value = getattr(intent, field.name)
        if isinstance(value, str) and PLACEHOLDER.search(value):
            if isinstance(intent, AddFile):
                _add_with_settings(work, intent)
                return
            resolved[field.name] = resolve(work, path, value, getattr(intent, "place", None))
    HANDLERS[type(intent)](work, replace(intent, **resolved) if resolved else intent)  # type: ignore[arg-type]


def edited_path(intent: Intent) -> str:
    """The file that an intent edits; empty when it finds its file itself."""
    place = getattr(intent, "place", None)
    return place.path if isinstance(place, Place) else str(getattr(intent, "path", ""))


def _add_with_settings(work: Work, intent: AddFile) -> None:
    """A new file that reads settings: made with their names as they stand, then its placeholders resolved."""
    if work.exists(intent.path):
        return
    names = PLACEHOLDER.findall(intent.text)
    stand_in = in_house_quotes(work, intent.path, PLACEHOLDER.sub(lambda m: f"setting_{m.group(1)}_", intent.text))
    work.create(intent.path, stand_in)
    text = stand_in
    for name in dict.fromkeys(names):
        expression = resolve(work, intent.path, f"{{setting:{name}}}")
        text = re.sub(rf"\bsetting_{name}_\b", lambda _, new=expression: new, text)
    work.drafts[intent.path] = replace(work.draft(intent.path), base=text)


def setting_access(
    project: Project, path: str, name: str, wanted: Sequence[EnsureSetting] = ()
) -> tuple[str, tuple[EnsureImport, ...]]:
    """The expression by which code of ``path`` reads the setting ``name``, and the imports that it needs there.

    ``wanted`` are settings that the same fix ensures. In a fix, prefer ``{setting:NAME}`` inside a value: it is
    resolved when the fix is carried out.
    """
    return _setting_access(Work(project), path, name, tuple(wanted))
