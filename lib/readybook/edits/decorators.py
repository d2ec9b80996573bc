"""Decorate: a decorator directly above a function's ``def``."""

from __future__ import annotations

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_nodes import find_function
from readybook.edits.python_source import PythonSource
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import Decorate


def decorate(work: Work, intent: Decorate) -> None:
    """Carry out Decorate; a function that has the decorator, with whatever arguments, is left alone."""
    wanted = intent.decorator.partition("(")[0]

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        node = find_function(source, draft, intent.place.line, intent.name)
        if node is None:
            raise PatchError(f"{spot(intent.place)}: there is no function {intent.name}")
        if any(source.code(d.decorator).partition("(")[0] == wanted for d in node.decorators):
            return []
        start = source.span(node)[0]
        indent = source.indent_at(start)
        return [Splice(start, start, f"@{intent.decorator}{source.newline}{indent}", f"decorate {intent.name}")]

    work.plan(intent.place.path, planner)
