"""How code of one file reads a setting: the expression, the import it needs, and ``{setting:NAME}`` in new code."""

from __future__ import annotations

import re
from dataclasses import replace

import libcst as cst

from readybook.edits.python_imports import ensure_import
from readybook.edits.python_source import PythonSource
from readybook.edits.settings import ensure_setting, listed_name
from readybook.edits.settings_constants import constant_access, find_constants
from readybook.edits.settings_home import SettingsHome, access, fields, find_class, find_settings
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.intents import EnsureImport, EnsureSetting
from readybook.patterns import regex
from readybook.place import Place

PLACEHOLDER = regex(r"\{setting:(\w+)\}")


def setting_access(
    work: Work, path: str, name: str, wanted: tuple[EnsureSetting, ...] = (), place: Place | None = None
) -> tuple[str, tuple[EnsureImport, ...]]:
    """The expression by which code of ``path`` reads the setting ``name``, and the imports it needs.

    ``wanted`` are settings that are about to be made. Raises PatchError when the class has no such field.
    """
    home = find_settings(work, path)
    kept = find_constants(work, path) if home is None else None
    if kept is not None:
        for one in wanted:
            ensure_setting(work, one)
        return constant_access(work, kept, path, name)
    if home is None:
        if any(w.name.lower() == name.lower() for w in wanted):
            for one in wanted:
                ensure_setting(work, one)
            home = find_settings(work, path)
    if home is None:
        raise PatchError(f"{path}: there is no settings class to read {name} from")
    if home.path == path:
        _after_settings(work, home, place)
    for one in wanted:
        ensure_setting(work, one)
    source = work.source(home.path) if not work.draft(home.path).pending else _settled(work, home.path)
    node = find_class(source, home)
    present = {f.name.lower(): f.name for f in fields(source, node)}
    if name.lower() not in present:
        raise PatchError(f"{home.path}: {home.name} has no field {name}")
    attribute = present[name.lower()]
    methods = {f.name.value for f in source.nodes(cst.FunctionDef) if node in source.ancestors(f)}
    if listed_name(attribute) in methods:
        attribute = listed_name(attribute)
    home = find_settings(work, path)
    assert home is not None
    given = _handed_in(work, home, path, place) if place is not None else ""
    if given:
        return f"{given}.{attribute}", ()
    text, wants = access(work, home, path)
    if place is not None and wants is None and text.endswith("()"):
        text = _kept_in(work, path, text, place) or text
    return f"{text}.{attribute}", (EnsureImport(path, *wants),) if wants else ()


def _handed_in(work: Work, home: SettingsHome, path: str, place: Place) -> str:
    """The parameter by which the function around a place has the settings already; empty when it has none."""
    source, found = work.source(path), ""
    offset = work.draft(path).now(place.line)
    for function in source.nodes(cst.FunctionDef):
        start, end = source.span(function.body)
        if source.text.rfind("\n", 0, start) < offset <= end:
            for parameter in (*function.params.params, *function.params.kwonly_params):
                written = parameter.annotation.annotation if parameter.annotation is not None else None
                if isinstance(written, cst.Name) and written.value == home.name:
                    found = parameter.name.value
    return found


def _kept_in(work: Work, path: str, call: str, place: Place) -> str:
    """The module-level name that holds what a call of the settings' function gave, above a place; empty when none."""
    source, offset = work.source(path), work.draft(path).now(place.line)
    found = ""
    for statement in source.module.body:
        if source.span(statement)[1] > offset:
            break
        for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.Assign | cst.AnnAssign) and isinstance(small.value, cst.Call):
                target = small.target if isinstance(small, cst.AnnAssign) else small.targets[0].target
                if isinstance(target, cst.Name) and source.code(small.value) == call:
                    found = target.value
    return found


def _after_settings(work: Work, home: SettingsHome, place: Place | None) -> None:
    """Refuse a place of the settings' own file that runs before the settings object exists."""
    source, draft = work.source(home.path), work.draft(home.path)
    made = home.instance or home.factory
    if place is not None and made is not None and made[0] == home.path:
        offset = draft.now(place.line)
        # an object that an edit is about to make stands behind the class, so behind the end of what is there now
        end = max((source.span(s)[1] for s in source.module.body if _binds(s, made[1])), default=len(source.text))
        node = find_class(source, home)
        inside = source.span(node)[0] <= offset <= source.span(node)[1]
        if offset > end and not inside:
            return
    raise PatchError(f"{home.path}: the settings class stands in this file, so the value cannot be read from it here")


def _binds(statement: cst.CSTNode, name: str) -> bool:
    if isinstance(statement, cst.FunctionDef):
        return statement.name.value == name
    return isinstance(statement, cst.SimpleStatementLine) and any(
        isinstance(n, cst.Assign) and isinstance(n.targets[0].target, cst.Name) and n.targets[0].target.value == name
        or isinstance(n, cst.AnnAssign) and isinstance(n.target, cst.Name) and n.target.value == name
        for n in statement.body
    )


def _settled(work: Work, path: str) -> PythonSource:
    work.drafts[path] = work.draft(path).settled()
    return work.source(path)


def resolve(work: Work, path: str, text: str, place: Place | None = None) -> str:
    """A text with every ``{setting:NAME}`` replaced by the expression that reads it in ``path``, imports asked for."""

    def read(match: re.Match[str]) -> str:
        expression, imports = setting_access(work, path, match.group(1), place=place)
        for one in imports:
            try:
                bound = ensure_import(work, one)
            except PatchError:
                bound = ensure_import(work, replace(one, alias=f"app_{one.name}"))
            expression = re.sub(rf"^{one.name}\b", bound, expression)
        return expression

    return PLACEHOLDER.sub(read, text)
