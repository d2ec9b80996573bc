"""RemoveUnusedImport: an import goes when no code or string of its file mentions the name any more."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_imports import IMPORTS, bindings
from readybook.edits.python_source import PythonSource
from readybook.edits.work import Work
from readybook.intents import RemoveUnusedImport


def remove_unused_import(work: Work, intent: RemoveUnusedImport) -> None:
    """Carry out RemoveUnusedImport on the text with all that is planned."""
    work.drafts[intent.path] = work.draft(intent.path).settled()

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        del draft
        return _unused(source, intent.name)

    work.plan(intent.path, planner)


def _unused(source: PythonSource, name: str) -> list[Splice]:
    """Splices that drop the top-level import that binds ``name``, when no code or string of the file mentions it."""
    if name not in bindings(source) or not bindings(source)[name].module:
        return []
    word = re.compile(rf"\b{re.escape(name)}\b")
    for statement in source.module.body:
        if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(statement.body[0], IMPORTS):
            continue
        node = statement.body[0]
        assert isinstance(node, IMPORTS)
        if isinstance(node.names, cst.ImportStar):
            continue
        aliases = list(node.names)
        bound = [a.evaluated_alias or a.evaluated_name.partition(".")[0] for a in aliases]
        if bound.count(name) != 1:
            continue
        start, end = source.start(statement), source.span(statement)[1]
        if any(word.search(code) for code in _mentions(source, (start, end))) or len(statement.body) > 1:
            return []
        number = bound.index(name)
        if len(aliases) == 1:
            return [Splice(source.line_start(start), _line_end(source, source.line_start(start), end), "")]
        return [_without_alias(source, aliases, number)]
    return []


def _line_end(source: PythonSource, start: int, end: int) -> int:
    """Where the statement's lines end: at the head of a file, and between two blank lines, a blank line goes too."""
    after = source.line_end(end)
    bare = not source.text[:start].strip() or source.text[:start].endswith(("\n\n", "\r\n\r\n"))
    while bare and after < len(source.text) and not source.text[after:source.line_end(after)].strip():
        after = source.line_end(after)
        if source.text[:start].strip():
            break
    return after


def _without_alias(source: PythonSource, aliases: list[cst.ImportAlias], number: int) -> Splice:
    def end_of(alias: cst.ImportAlias) -> int:
        return source.span(alias.asname if alias.asname is not None else alias.name)[1]

    start, end = source.span(aliases[number])[0], end_of(aliases[number])
    if isinstance(aliases[number].comma, cst.Comma):
        end = source.text.index(",", end) + 1
    tail = source.text[end:source.line_end(end)]
    if source.begins_line(start) and (not tail.strip() or tail.lstrip().startswith("#")):
        return Splice(source.line_start(start), source.line_end(end), "")
    if number + 1 < len(aliases):
        return Splice(start, source.span(aliases[number + 1])[0], "")
    return Splice(end_of(aliases[number - 1]), end_of(aliases[number]), "")


def _mentions(source: PythonSource, but: tuple[int, int]) -> Iterator[str]:
    """Names and strings of the file outside a span (a string may be an annotation or a name in ``__all__``)."""
    for node in source.all_nodes:
        if isinstance(node, cst.Name | cst.SimpleString):
            start, end = source.span(node)
            if not (but[0] <= start and end <= but[1]):
                yield node.value
