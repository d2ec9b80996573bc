"""SetUpApp and EnsureMiddleware: one statement about the application right after it is built."""

from __future__ import annotations

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.lifespan import call_name
from readybook.edits.python_calls import assigned_name, find_call
from readybook.edits.python_imports import ensure_import
from readybook.edits.python_source import PythonSource, last_name
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import EnsureImport, EnsureMiddleware, SetUpApp
from readybook.place import Place


def set_up_app(work: Work, intent: SetUpApp) -> None:
    """Carry out SetUpApp; a module or factory that makes the call already is left alone."""
    path = intent.place.path
    name = ensure_import(work, EnsureImport(path, intent.module, intent.name))

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        app, first, owner = _built(source, draft, intent.place, f"hand to {name}")
        if any(last_name(c.func) == name and source.scope(c) is source.scope(app) for c in source.nodes(cst.Call)):
            return []
        after = _anchor(source, first, owner) if intent.outermost else first
        # Middleware added last is outermost, so of two calls at one place the outer one comes second.
        return [_statement(source, first, after, f"{name}({owner})", f"set up {name}", 1 if intent.outermost else 0)]

    work.plan(path, planner)


def ensure_middleware(work: Work, intent: EnsureMiddleware) -> None:
    """Carry out EnsureMiddleware; raises PatchError where the application has no name."""
    path = intent.place.path
    name = ensure_import(work, EnsureImport(path, intent.module, intent.name))

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        app, first, owner = _built(source, draft, intent.place, f"add {name} to")
        if any(last_name(c.func) == "add_middleware" and c.args and source.code(c.args[0].value) == name
               and source.scope(c) is source.scope(app) for c in source.nodes(cst.Call)):
            return []
        given = f", {intent.arguments}" if intent.arguments else ""
        code = work.fitted(path, f"{owner}.add_middleware({name}{given})")
        indent = source.indent_at(source.start(first))
        if len(indent) + len(code) > work.style(path).length and given:
            step, newline = indent + source.indent, source.newline
            inner = f"{step}{name},{newline}{step}{work.fitted(path, intent.arguments)},{newline}{indent}"
            code = f"{owner}.add_middleware({newline}{inner})"
        return [_statement(source, first, first, code, f"middleware {name}", 0)]

    work.plan(path, planner)


def _built(source: PythonSource, draft: Draft, place: Place, purpose: str) -> tuple[cst.Call, cst.CSTNode, str]:
    """The call that builds the application, its statement, and the name it is assigned to there."""
    app = find_call(source, draft, place, call_name(source, draft, place))
    first = source.statement(app)
    owner = assigned_name(source, app)
    if not owner or not isinstance(first, cst.SimpleStatementLine):
        raise PatchError(f"{spot(place)}: the application has no name there to {purpose}")
    return app, first, owner


def _statement(source: PythonSource, first: cst.CSTNode, after: cst.CSTNode, code: str, key: str, rank: int) -> Splice:
    """A statement on the line after another one, at the depth of ``first``."""
    at = source.line_end(source.span(after)[1])
    indent, newline = source.indent_at(source.start(first)), source.newline
    ended = source.text[:at].endswith(("\n", "\r"))
    code = indent + code
    return Splice(at, at, code + newline if ended else newline + code, key, rank)


def _anchor(source: PythonSource, first: cst.CSTNode, owner: str) -> cst.CSTNode:
    """The last statement of the application's block that adds middleware to it, else the one that builds it."""
    body = list(getattr(source.parent(first), "body", ()))
    found = first
    for statement in body[body.index(first) + 1:] if first in body else ():
        if isinstance(statement, cst.SimpleStatementLine) and statement.body:
            small = statement.body[0]
            call = small.value if isinstance(small, cst.Expr) else None
            if isinstance(call, cst.Call) and _on(source, call, owner, "add_middleware"):
                found = statement
        elif isinstance(statement, cst.FunctionDef) and any(
            isinstance(d.decorator, cst.Call) and _on(source, d.decorator, owner, "middleware")
            for d in statement.decorators
        ):
            found = statement
    return found


def _on(source: PythonSource, call: cst.Call, owner: str, method: str) -> bool:
    return (isinstance(call.func, cst.Attribute) and last_name(call.func) == method
            and source.code(call.func.value) == owner)
