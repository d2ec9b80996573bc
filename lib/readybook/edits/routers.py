"""EnsureRouter: one ``include_router`` where the application includes its others."""

from __future__ import annotations

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.lifespan import call_name
from readybook.edits.python_calls import assigned_name, find_call
from readybook.edits.python_imports import ensure_import
from readybook.edits.python_source import PythonSource, last_name
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import EnsureImport, EnsureRouter


def ensure_router(work: Work, intent: EnsureRouter) -> None:
    """Carry out EnsureRouter: after the last inclusion, before a factory's return, else after the constructor."""
    path = intent.place.path
    try:
        name = ensure_import(work, EnsureImport(path, intent.module, intent.name))
    except PatchError:
        alias = f"{intent.module.rpartition('.')[2]}_{intent.name}"
        name = ensure_import(work, EnsureImport(path, intent.module, intent.name, alias))

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        app = find_call(source, draft, intent.place, call_name(source, draft, intent.place))
        owner = assigned_name(source, app)
        if not owner:
            raise PatchError(f"{spot(intent.place)}: the application has no name there to include a router in")
        included = [c for c in source.nodes(cst.Call)
                    if source.scope(c) is source.scope(app) and _includes(source, c, owner)]
        if any(c.args and source.code(c.args[0].value) == name for c in included):
            return []
        return [_inclusion(source, app, included, f"{owner}.include_router({name})")]

    work.plan(path, planner)


def _includes(source: PythonSource, call: cst.Call, owner: str) -> bool:
    return (isinstance(call.func, cst.Attribute) and last_name(call.func) == "include_router"
            and source.code(call.func.value) == owner)


def _inclusion(source: PythonSource, app: cst.Call, included: list[cst.Call], code: str) -> Splice:
    """The statement in the block that builds the application, after the last inclusion or where there is none yet."""
    first = source.statement(app)
    block = source.parent(first)
    body = list(getattr(block, "body", ()))
    later = [n for n, s in enumerate(body) if any(c is s or s in source.ancestors(c) for c in included)]
    indent, newline = source.indent_at(source.start(first)), source.newline
    key = f"router {code}"
    if later:
        at = source.line_end(source.span(body[later[-1]])[1])
    else:
        last = body[-1] if body else None
        returns = isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[0], cst.Return)
        if last is not None and returns and source.scope(app) is not None and last is not first:
            at = source.line_start(source.start(last))
            return Splice(at, at, f"{indent}{code}{newline}", key)
        at = source.line_end(source.span(first)[1])
    ended = source.text[:at].endswith(("\n", "\r"))
    return Splice(at, at, ("" if ended else newline) + indent + code + (newline if ended else ""), key)
