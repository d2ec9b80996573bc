"""SetUpApp: one function of another module that is called with the application once it is built."""

from __future__ import annotations

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.lifespan import call_name
from readybook.edits.python_calls import find_call
from readybook.edits.python_imports import ensure_import
from readybook.edits.python_source import PythonSource, last_name
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import EnsureImport, SetUpApp


def set_up_app(work: Work, intent: SetUpApp) -> None:
    """Carry out SetUpApp; a module or factory that makes the call already is left alone."""
    path = intent.place.path
    name = ensure_import(work, EnsureImport(path, intent.module, intent.name))

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        app = find_call(source, draft, intent.place, call_name(source, draft, intent.place))
        first = source.statement(app)
        owner = _owner(source, app)
        if not owner or not isinstance(first, cst.SimpleStatementLine):
            raise PatchError(f"{spot(intent.place)}: the application has no name there to hand to {name}")
        if any(last_name(c.func) == name and source.scope(c) is source.scope(app) for c in source.nodes(cst.Call)):
            return []
        at = source.line_end(source.span(_anchor(source, first, owner) if intent.outermost else first)[1])
        indent, newline = source.indent_at(source.start(first)), source.newline
        ended = source.text[:at].endswith(("\n", "\r"))
        code = f"{indent}{name}({owner})"
        # Middleware added last is outermost, so of two calls at one place the outer one comes second.
        rank = 1 if intent.outermost else 0
        return [Splice(at, at, code + newline if ended else newline + code, f"set up {name}", rank)]

    work.plan(path, planner)


def _owner(source: PythonSource, app: cst.Call) -> str:
    """The name that the application is assigned to in its own statement."""
    above = source.parent(app)
    if isinstance(above, cst.Assign):
        return source.code(above.targets[0].target)
    if isinstance(above, cst.AnnAssign):
        return source.code(above.target)
    return ""


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
