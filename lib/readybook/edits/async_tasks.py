"""RunInOwnLoop: an ``async def`` that nobody awaits becomes a plain function that runs it in a loop of its own."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_imports import bindings, ensure_import
from readybook.edits.python_nodes import find_function
from readybook.edits.python_source import PythonSource
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import EnsureImport, RunInOwnLoop


def run_in_own_loop(work: Work, intent: RunInOwnLoop) -> None:
    """Carry out RunInOwnLoop: decorators and signature stay where they are, the body goes to ``_name`` below."""
    path = intent.place.path

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        node = find_function(source, draft, intent.place.line, intent.name)
        if node is None:
            raise PatchError(f"{spot(intent.place)}: there is no function {intent.name}")
        if node.asynchronous is None:
            return []
        return [_split(source, node, intent)]

    before = work.source(path), work.draft(path)
    node = find_function(*before, intent.place.line, intent.name)
    if node is not None and node.asynchronous is not None:
        ensure_import(work, EnsureImport(path, "asyncio"))
    work.plan(path, planner)


def _split(source: PythonSource, node: cst.FunctionDef, intent: RunInOwnLoop) -> Splice:
    name, inner = node.name.value, f"_{node.name.value}"
    start, (_, name_end) = source.span(node)[0], source.span(node.name)
    signature = source.text[name_end:_colon(source, node, name_end)]
    if source.scope(node) is not None or "#" in signature:
        raise PatchError(f"{spot(intent.place)}: {name} cannot be split where it stands")
    if inner in bindings(source):
        raise PatchError(f"{spot(intent.place)}: the name {inner} is taken")
    newline, indent = source.newline, source.indent_at(start)
    silent = node.returns is not None and source.code(node.returns.annotation) == "None"
    call = f"{'' if silent else 'return '}asyncio.run({inner}({', '.join(_arguments(node.params))}))"
    gap = newline * 3
    text = f"def {name}{signature}:{newline}{indent}{source.indent}{call}{gap}{indent}async def {inner}"
    return Splice(start, name_end, text, f"own loop {name}")


def _colon(source: PythonSource, node: cst.FunctionDef, after: int) -> int:
    """The offset of the colon that ends the header."""
    if node.returns is not None:
        return source.text.index(":", source.span(node.returns)[1])
    begin = max([after, *(source.span(p)[1] for p in _parameters(node.params))])
    return source.text.index(":", source.text.index(")", begin))


def _parameters(params: cst.Parameters) -> Iterator[cst.Param]:
    yield from (*params.posonly_params, *params.params)
    if isinstance(params.star_arg, cst.Param):
        yield params.star_arg
    yield from params.kwonly_params
    if params.star_kwarg is not None:
        yield params.star_kwarg


def _arguments(params: cst.Parameters) -> Iterator[str]:
    """The arguments that hand every parameter on."""
    yield from (p.name.value for p in (*params.posonly_params, *params.params))
    if isinstance(params.star_arg, cst.Param):
        yield f"*{params.star_arg.name.value}"
    yield from (f"{p.name.value}={p.name.value}" for p in params.kwonly_params)
    if params.star_kwarg is not None:
        yield f"**{params.star_kwarg.name.value}"
