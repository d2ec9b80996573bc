"""Parameters of functions: one more, with a default, in the layout the others have."""

from __future__ import annotations

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_calls import outer_end
from readybook.edits.python_nodes import find_function
from readybook.edits.python_source import PythonSource
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import EnsureParameter


def ensure_parameter(work: Work, intent: EnsureParameter) -> None:
    """Carry out EnsureParameter; raises PatchError when the function is not there or takes ``*args``."""
    path = intent.place.path

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        node = find_function(source, draft, intent.place.line, intent.function)
        if node is None:
            raise PatchError(f"{spot(intent.place)}: there is no function {intent.function}")
        return _splices(work, path, source, node, intent)

    work.plan(path, planner)


def _splices(
    work: Work, path: str, source: PythonSource, node: cst.FunctionDef, intent: EnsureParameter
) -> list[Splice]:
    given = node.params
    everything = (*given.posonly_params, *given.params, *given.kwonly_params)
    if any(p.name.value == intent.name for p in everything):
        return []
    if isinstance(given.star_arg, cst.Param) or given.posonly_params:
        raise PatchError(f"{spot(intent.place)}: {intent.function} takes arguments by position only")
    opening = source.text.index("(", source.span(node.name)[1]) + 1
    text = f"{intent.name}: {intent.annotation}" + (f" = {intent.default}" if intent.default else "")
    key = f"parameter of the function at {source.span(node)[0]}"
    if not everything:
        if given.star_kwarg is not None:
            return [Splice(opening, opening, f"{work.fitted(path, text)}, ", key)]
        return [Splice(opening, opening, work.fitted(path, text), key)]
    if not intent.default:
        return [_first(source, everything[0], f"{work.fitted(path, text)},", key)]
    last = everything[-1]
    start, end = source.span(last)[0], _code_end(source, last)
    comma = isinstance(last.comma, cst.Comma)
    if comma:
        end = source.text.index(",", end) + 1
    if not source.begins_line(start):
        return _inline(work, path, source, node, text, key, end, comma)
    indent = source.indent_at(start)
    head = f"{'' if comma else ','}{source.newline}{indent}"
    return [Splice(end, end, f"{head}{work.fitted(path, text, indent)}{',' if comma else ''}", key)]


def _first(source: PythonSource, first: cst.Param, text: str, key: str) -> Splice:
    """A parameter before the first one, on a line of its own where that one has one."""
    start = source.span(first)[0]
    gap = f"{source.newline}{source.indent_at(start)}" if source.begins_line(start) else " "
    return Splice(start, start, f"{text}{gap}", key)


def _inline(work: Work, path: str, source: PythonSource, node: cst.FunctionDef, text: str, key: str, end: int,
            comma: bool) -> list[Splice]:
    """A parameter at the end of a signature on one line; one parameter a line when that grows too long."""
    start = source.span(node)[0]
    line = source.text[source.line_start(start):source.line_end(start)].rstrip("\r\n")
    fitted = work.fitted(path, text)
    given = node.params
    more = given.star_kwarg is not None
    if more or len(line) + len(fitted) + 2 <= work.style(path).length:
        return [Splice(end, end, (" " if comma else ", ") + fitted + ("," if more else ""), key)]
    opening = source.text.index("(", source.span(node.name)[1]) + 1
    indent = source.indent_at(start)
    parts = [source.text[source.span(p)[0]:_code_end(source, p)] for p in given.params]
    parts += ["*"] if isinstance(given.star_arg, cst.ParamStar) else []
    parts += [source.text[source.span(p)[0]:_code_end(source, p)] for p in given.kwonly_params]
    closing = source.text.index(")", end)
    body = "".join(f"{indent}{source.indent}{part},{source.newline}" for part in [*parts, fitted])
    return [Splice(opening, closing, f"{source.newline}{body}{indent}", key)]


def _code_end(source: PythonSource, parameter: cst.Param) -> int:
    """Where a parameter ends, its comma aside."""
    if parameter.default is not None:
        return outer_end(source, parameter.default)
    if parameter.annotation is not None:
        return outer_end(source, parameter.annotation.annotation)
    return source.span(parameter.name)[1]
