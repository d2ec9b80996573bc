"""Statements that go, with their line, or read otherwise; a body that would be empty keeps a ``pass``."""

from __future__ import annotations

import libcst as cst
from libcst import matchers as m

from readybook.edits.drafts import Draft, Splice, line_of
from readybook.edits.python_source import PythonSource, squeezed
from readybook.edits.work import Work, line_span, spot
from readybook.errors import PatchError
from readybook.intents import RemoveStatement, ReplaceStatement

DOCSTRING = m.SimpleStatementLine([m.Expr(m.SimpleString() | m.ConcatenatedString())])


def remove_statement(work: Work, intent: RemoveStatement) -> None:
    """Carry out RemoveStatement; where no such statement is left nothing changes."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        now = line_of(source.text, draft.now(intent.place.line))
        for node in (*source.nodes(cst.SimpleStatementLine), *source.nodes(cst.ClassDef)):
            if line_of(source.text, source.span(node)[0]) == now and _name(node) == intent.name:
                return [without(source, node, intent.name)]
        return []

    work.plan(intent.place.path, planner)


def replace_statement(work: Work, intent: ReplaceStatement) -> None:
    """Carry out ReplaceStatement; a statement that reads ``new`` already is left alone."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        begin = source.starting_between(*line_span(source, draft, intent.place), cst.BaseSmallStatement)  # type: ignore[type-abstract]
        texts = {(start, end): squeezed(source.text[start:end]) for start, end in map(source.span, begin)}
        found = [span for span, text in texts.items() if text == squeezed(intent.old)]
        new = work.fitted(intent.place.path, intent.new, source.indent_at(draft.now(intent.place.line)))
        if not found and squeezed(new) in texts.values():
            return []
        if len(found) != 1:
            raise PatchError(f"{spot(intent.place)}: {'not' if not found else 'more than once'} there: {intent.old}")
        return [Splice(*found[0], new)]

    work.plan(intent.place.path, planner)


def _name(node: cst.CSTNode) -> str:
    """The one name that a statement binds."""
    if isinstance(node, cst.ClassDef):
        return node.name.value
    inner = node.body[0] if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1 else None
    target = inner.targets[0].target if isinstance(inner, cst.Assign) else getattr(inner, "target", None)
    return target.value if isinstance(target, cst.Name) else ""


def without(source: PythonSource, node: cst.CSTNode, name: str) -> Splice:
    """A splice that takes a statement out, with an empty line that stood beside it."""
    start, end = source.line_start(source.span(node)[0]), source.line_end(source.span(node)[1] - 1)
    body = source.parent(node)
    alone = isinstance(body, cst.IndentedBlock) and len(body.body) == 1
    if alone:
        indent = source.indent_at(source.span(node)[0])
        return Splice(start, end, f"{indent}pass{source.newline}", f"remove {name}")
    if source.text[end:].startswith((source.newline, "\n")) and _begins(body, node):
        end += len(source.newline)  # the empty line that stood between it and what follows
    elif not source.text[end:].strip() or source.text[end:].startswith((source.newline, "\n")):
        before = source.text[:start]
        while before.endswith(source.newline * 2):  # the empty line that stood before it
            start -= len(source.newline)
            before = source.text[:start]
    return Splice(start, end, "", f"remove {name}")


def _begins(body: cst.CSTNode | None, node: cst.CSTNode) -> bool:
    """Whether a statement is the first of a body, its docstring aside."""
    before = list(getattr(body, "body", ()))
    before = before[:before.index(node)] if node in before else [node]
    documented = len(before) == 1 and m.matches(before[0], DOCSTRING)
    return documented or not before and isinstance(body, cst.IndentedBlock)
