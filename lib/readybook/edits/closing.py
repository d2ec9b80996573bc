"""CloseAtShutdown: what is open for the life of the process is closed when the lifespan ends."""

from __future__ import annotations

import re

import libcst as cst

from readybook.edits.drafts import Splice
from readybook.edits.lifespan import Step, call_name, lifespan_function, lifespan_keyword, own_lifespan
from readybook.edits.python_calls import find_call
from readybook.edits.python_imports import ensure_import, imported_as
from readybook.edits.python_nodes import find_function
from readybook.edits.python_source import PythonSource, last_name, squeezed
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import CloseAtShutdown, EnsureImport


def close_at_shutdown(work: Work, intent: CloseAtShutdown) -> None:
    """Carry out CloseAtShutdown; a lifespan that runs the statement already is left alone.

    Raises PatchError where the application runs from events, which a lifespan would put out of action, or where the
    lifespan's end is not one place.
    """
    path = intent.lifespan.path if intent.lifespan is not None else intent.place.path
    work.drafts[path] = work.draft(path).settled()
    source, draft = work.source(path), work.draft(path)
    app = None
    function = None
    if intent.lifespan is not None:
        function = find_function(source, draft, intent.lifespan.line, intent.lifespan.symbol.rpartition(".")[2])
    else:
        app = find_call(source, draft, intent.place, call_name(source, draft, intent.place))
        function = own_lifespan(source, app)
    if intent.lifespan is not None and function is None:
        raise PatchError(f"{spot(intent.lifespan)}: there is no lifespan")
    if function is not None and squeezed(intent.statement) in squeezed(source.code(function)):
        return
    statement = _with_import(work, path, intent)
    if function is not None:
        if squeezed(statement) not in squeezed(source.code(function)):
            work.plan(path, lambda source, _draft: [_at_the_end(source, path, function, statement)])
        return
    assert app is not None
    if any(last_name(c.func) in ("on_event", "add_event_handler") for c in source.nodes(cst.Call)):
        raise PatchError(f"{path}: the application runs handlers of events, which a lifespan would put out of action")
    steps = [Step("shutdown", intent.place, None, statement)]
    made = [*lifespan_keyword(work, path, source, app), lifespan_function(work, path, source, app, steps)]
    work.plan(path, lambda _source, _draft: made)


def _with_import(work: Work, path: str, intent: CloseAtShutdown) -> str:
    """The statement with the name by which the lifespan's file knows the object."""
    if path == intent.path:
        return intent.statement
    if not work.modules.reaches(path, intent.path) and work.modules.reaches(intent.path, path):
        raise PatchError(f"{intent.path}: imports {path}, which therefore cannot import {intent.name}")
    module = work.modules.name_for(path, intent.path)
    wanted = EnsureImport(path, module, intent.name)
    try:
        name = imported_as(work, wanted) or ensure_import(work, wanted)
    except PatchError:
        name = ensure_import(work, EnsureImport(path, module, intent.name,
                                                f"{module.rpartition('.')[2]}_{intent.name}"))
    return re.sub(rf"^(await )?{re.escape(intent.name)}\b", rf"\g<1>{name}", intent.statement)


def _at_the_end(source: PythonSource, path: str, function: cst.FunctionDef, statement: str) -> Splice:
    """The statement as the last thing that the lifespan does: what it did before may still need the object."""
    yields = [y for y in source.nodes(cst.Yield) if source.scope(y) is function]
    if len(yields) != 1 or not isinstance(source.statement(yields[0]), cst.SimpleStatementLine):
        raise PatchError(f"{path}: {function.name.value} does not yield exactly once")
    line = source.statement(yields[0])
    block = source.parent(line)
    around = source.parent(block) if block is not None else None
    if isinstance(around, cst.Try) and around.body is block and around.finalbody is not None:
        block = around.finalbody.body
    elif isinstance(around, cst.Try) or not isinstance(block, cst.IndentedBlock):
        raise PatchError(f"{path}: {function.name.value} has no one place that its end always comes to")
    elif block.body[-1] is line:
        return _guarded(source, line, statement)
    if not isinstance(block, cst.IndentedBlock):
        raise PatchError(f"{path}: {function.name.value} has its finally block on one line")
    last = block.body[-1]
    if isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[0], cst.Return | cst.Raise):
        raise PatchError(f"{path}: {function.name.value} ends before anything could follow")
    at = source.line_end(source.span(last)[1])
    ended = source.text[:at].endswith(("\n", "\r"))
    indent, newline = source.indent_at(source.start(block.body[0])), source.newline
    return Splice(at, at, f"{'' if ended else newline}{indent}{statement}{newline if ended else ''}",
                  f"close {statement}")


def _guarded(source: PythonSource, line: cst.CSTNode, statement: str) -> Splice:
    """``yield`` in a ``try`` whose ``finally`` holds the statement."""
    begin, end = source.line_start(source.start(line)), source.line_end(source.span(line)[1])
    indent, step, newline = source.indent_at(source.start(line)), source.indent, source.newline
    text = source.text[begin:end]
    rows = [f"{indent}try:", step + text.rstrip("\r\n"), f"{indent}finally:", f"{indent}{step}{statement}"]
    return Splice(begin, end, newline.join(rows) + (newline if text.endswith(("\n", "\r")) else ""))
