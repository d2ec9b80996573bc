"""A statement that runs below a line of its own: under a condition, or inside a context."""

from __future__ import annotations

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_source import PythonSource, squeezed
from readybook.edits.work import Work, line_span, spot
from readybook.errors import PatchError
from readybook.intents import EnsureAfter, EnsureBefore, GuardStatement
from readybook.place import Place


def guard_statement(work: Work, intent: GuardStatement) -> None:
    """Carry out GuardStatement: the statement goes one step in below ``if condition:``; a block above it stays."""
    opening = f"{intent.word} {intent.condition}:"

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        node = _statement(source, draft, intent)
        if _guarded(source, node, opening):
            return []
        start, end = source.span(node)
        if len(node.body) > 1 or not source.text[:start].rpartition("\n")[2].strip() == "":
            raise PatchError(f"{spot(intent.place)}: other statements stand on the same line")
        text = source.text[start:end]
        if '"""' in text or "'''" in text or "\\\n" in text:
            raise PatchError(f"{spot(intent.place)}: the statement cannot be moved further in")
        indent = source.indent_at(start)
        rows = text.split("\n")
        inner = "\n".join([rows[0], *(source.indent + row if row.strip() else row for row in rows[1:])])
        head = work.fitted(intent.place.path, opening)
        return [Splice(start, end, f"{head}{source.newline}{indent}{source.indent}{inner}")]

    work.plan(intent.place.path, planner)


def ensure_before(work: Work, intent: EnsureBefore) -> None:
    """Carry out EnsureBefore; raises PatchError where the line begins no statement of its own."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        start, _ = source.span(_own_line(source, draft, intent.place))
        before = source.text[:start]
        if before.rstrip().endswith(intent.statement):
            return []
        indent = source.indent_at(start)
        return [Splice(start, start, f"{work.fitted(intent.place.path, intent.statement)}{source.newline}{indent}")]

    work.plan(intent.place.path, planner)


def ensure_after(work: Work, intent: EnsureAfter) -> None:
    """Carry out EnsureAfter; raises PatchError where the line begins no statement of its own."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        node = _own_line(source, draft, intent.place)
        start, end = source.span(node)
        at = source.line_end(end)
        rest = source.text[at:].lstrip()
        if rest.startswith(intent.statement) and not rest[len(intent.statement):].partition("\n")[0].strip():
            return []
        code = source.indent_at(start) + work.fitted(intent.place.path, intent.statement, source.indent_at(start))
        ended = source.text[:at].endswith(("\n", "\r"))
        key = f"after {intent.statement}"
        return [Splice(at, at, code + source.newline if ended else source.newline + code, key)]

    work.plan(intent.place.path, planner)


def _own_line(source: PythonSource, draft: Draft, place: Place) -> cst.SimpleStatementLine:
    """The one statement that begins on the line of a place, nothing before it."""
    found = [*source.starting_between(*line_span(source, draft, place), cst.SimpleStatementLine)]
    if len(found) != 1:
        raise PatchError(f"{spot(place)}: no statement of its own begins there")
    if not source.begins_line(source.span(found[0])[0]):
        raise PatchError(f"{spot(place)}: other statements stand on the same line")
    return found[0]


def _statement(source: PythonSource, draft: Draft, intent: GuardStatement) -> cst.SimpleStatementLine:
    found = [node for node in source.starting_between(*line_span(source, draft, intent.place), cst.SimpleStatementLine)
             if intent.call in source.text[source.span(node)[0]:source.span(node)[1]]]
    if len(found) != 1:
        raise PatchError(f"{spot(intent.place)}: {intent.call} is not called there by one statement")
    return found[0]


def _guarded(source: PythonSource, node: cst.CSTNode, opening: str) -> bool:
    """Whether a block around the statement has this head already."""
    for above in source.ancestors(node):
        if isinstance(above, cst.If | cst.With):
            head = source.text[source.span(above)[0]:source.span(above.body)[0]]
            if squeezed(head).removeprefix("el").startswith(squeezed(opening)):
                return True
    return False
