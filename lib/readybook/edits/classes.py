"""EnsureMethod: one method more at the end of a class."""

from __future__ import annotations

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_source import PythonSource
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import EnsureMethod


def ensure_method(work: Work, intent: EnsureMethod) -> None:
    """Carry out EnsureMethod; raises PatchError where there is no such class, or its body stands in one line."""
    path = intent.place.path

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        del draft
        found = [n for n in source.nodes(cst.ClassDef) if n.name.value == intent.owner]
        if len(found) != 1 or not isinstance(found[0].body, cst.IndentedBlock):
            raise PatchError(f"{spot(intent.place)}: {'no' if not found else 'more than one or an odd'} class "
                             f"{intent.owner} there")
        body = list(found[0].body.body)
        if any(isinstance(s, cst.FunctionDef) and s.name.value == intent.name for s in body):
            return []
        at = source.line_end(source.span(body[-1])[1])
        newline = source.newline
        code = work.fitted(path, intent.code, source.indent_at(source.start(body[0])), first=True)
        ended = source.text[:at].endswith(("\n", "\r"))
        return [Splice(at, at, f"{'' if ended else newline}{newline}{code}{newline if ended else ''}",
                       f"method {intent.owner}.{intent.name}")]

    work.plan(path, planner)
