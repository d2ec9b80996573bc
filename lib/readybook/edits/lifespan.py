"""EventsToLifespan: start-up and shutdown handlers become plain functions that one lifespan runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_calls import find_call, keyword_splices, outer_span, removal_splices
from readybook.edits.python_imports import bindings, ensure_import
from readybook.edits.python_nodes import find_function
from readybook.edits.python_source import PythonSource, dotted, last_name
from readybook.edits.toml import read_table
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import EnsureImport, EventsToLifespan
from readybook.place import Place
from readybook.records import record

KINDS = {"startup": "on_startup", "shutdown": "on_shutdown"}


@record
class Step:
    """One handler: when it runs, its definition, and the expression that calls it from the application's file."""

    kind: str
    place: Place
    node: Any
    call: str


def events_to_lifespan(work: Work, intent: EventsToLifespan) -> None:
    """Carry out EventsToLifespan; nothing is left to do when no handler is registered as an event any more."""
    path = intent.place.path
    work.drafts[path] = work.draft(path).settled()
    source, draft = work.source(path), work.draft(path)
    app = find_call(source, draft, intent.place, call_name(source, draft, intent.place))
    steps = _steps(work, intent, source, app)
    if not steps:
        return
    out = _unregistered(work, source, app, steps, path) + _renamed(source, steps, path)
    steps = [_with_final_name(source, s, steps, path) for s in steps]
    own = own_lifespan(source, app)
    if own is not None:
        out += _extended(work, source, path, own, steps)
        out += [s for k in KINDS.values() for s in removal_splices(source, app, k)]
    else:
        out += [*lifespan_keyword(work, path, source, app), lifespan_function(work, path, source, app, steps)]
    work.plan(path, lambda _source, _draft: out)
    _undecorate_elsewhere(work, steps, path)


def call_name(source: PythonSource, draft: Draft, place: Place) -> str:
    """The last name of the constructor at a place: ``FastAPI``, or a subclass when that is not called there."""
    low = source.text.rfind("\n", 0, draft.now(place.line)) + 1
    high = source.text.find("\n", draft.now(place.line))
    names = [last_name(c.func) for c in source.starting_between(low, high if high >= 0 else len(source.text), cst.Call)]
    for name in ("FastAPI", *names):
        if name in names:
            return name
    return "FastAPI"


def _steps(work: Work, intent: EventsToLifespan, source: PythonSource, app: cst.Call) -> list[Step]:
    """The handlers that are still registered, start-up first, each kind in order of registration."""
    found = []
    for kind, places in (("startup", intent.startup), ("shutdown", intent.shutdown)):
        for place in places:
            home = source if place.path == intent.place.path else work.source(place.path)
            node = find_function(home, work.draft(place.path), place.line, place.symbol.rpartition(".")[2] or "")
            node = node or find_function(home, work.draft(place.path), place.line, "")
            if node is None:
                raise PatchError(f"{spot(place)}: there is no handler")
            name = node.name.value
            if home is not source:
                name = _imported(work, intent.place.path, place, name)
            if _is_registered(home, node, kind) or name in set(_registered_names(source, app, kind)):
                _check(home, node, place, source, app)
                call = f"{'await ' if node.asynchronous is not None else ''}{name}()"
                found.append(Step(kind, place, node, call))
    return found


def _imported(work: Work, path: str, place: Place, name: str) -> str:
    """The name by which the application's file calls a handler of another file."""
    if not work.modules.reaches(path, place.path) and work.modules.reaches(place.path, path):
        raise PatchError(f"{spot(place)}: {place.path} imports {path}, so {path} cannot import its handler")
    module = work.modules.name_for(path, place.path)
    try:
        return ensure_import(work, EnsureImport(path, module, name))
    except PatchError:
        alias = f"{module.rpartition('.')[2]}_{name}"
        return ensure_import(work, EnsureImport(path, module, name, alias))


def _check(home: PythonSource, node: cst.FunctionDef, place: Place, source: PythonSource, app: cst.Call) -> None:
    """Refuse a handler that the lifespan could not call as Starlette called it."""
    others = [d for d in node.decorators if not _event(d)]
    if others and node.asynchronous is None:
        raise PatchError(f"{spot(place)}: another decorator may have made {node.name.value} asynchronous")
    scope = home.scope(node)
    if scope is not None and (home is not source or scope is not source.scope(app)):
        raise PatchError(f"{spot(place)}: {node.name.value} is local to another function than the application")


def _event(decorator: cst.Decorator) -> str:
    """``startup`` or ``shutdown`` when a decorator registers an event, else empty."""
    call = decorator.decorator
    if isinstance(call, cst.Call) and last_name(call.func) == "on_event" and call.args:
        value = call.args[0].value
        if isinstance(value, cst.SimpleString) and value.evaluated_value in KINDS:
            return str(value.evaluated_value)
    return ""


def _is_registered(home: PythonSource, node: cst.FunctionDef, kind: str) -> bool:
    del home
    return any(_event(d) == kind for d in node.decorators)


def _registrations(source: PythonSource) -> Iterator[tuple[str, str, cst.SimpleStatementLine]]:
    """(kind, handler expression, statement) of each ``add_event_handler`` that stands alone."""
    for call in source.nodes(cst.Call):
        if last_name(call.func) == "add_event_handler" and len(call.args) == 2:
            kind, line = call.args[0].value, source.statement(call)
            if isinstance(kind, cst.SimpleString) and isinstance(line, cst.SimpleStatementLine):
                yield str(kind.evaluated_value), source.code(call.args[1].value), line


def _registered_names(source: PythonSource, app: cst.Call, kind: str) -> Iterator[str]:
    for other, name, _ in _registrations(source):
        if other == kind:
            yield name
    for arg in app.args:
        if arg.keyword is not None and arg.keyword.value == KINDS[kind] and isinstance(arg.value, cst.List | cst.Tuple):
            yield from (source.code(e.value) for e in arg.value.elements)


def _unregistered(
    work: Work, source: PythonSource, app: cst.Call, steps: list[Step], path: str
) -> list[Splice]:
    """Splices that take away every registration in the application's file; refuses one that is no known handler."""
    del work
    out = [_line(source, d) for s in _unique(steps) if s.place.path == path for d in s.node.decorators if _event(d)]
    known = {(s.kind, s.call.removeprefix("await ").removesuffix("()")) for s in steps}
    for kind, name, statement in _registrations(source):
        if (kind, name) not in known:
            raise PatchError(f"{path}: the handler {name} of {kind} is not known")
        out.append(_line(source, statement))
    for kind, keyword in KINDS.items():
        if any(a.keyword is not None and a.keyword.value == keyword for a in app.args):
            unknown = [n for n in _registered_names(source, app, kind) if (kind, n) not in known]
            listed = any((kind, n) in known for n in _registered_names(source, app, kind))
            if unknown or not listed:
                raise PatchError(f"{path}: the handlers in {keyword} are not all known")
    events = {id(d) for s in steps if s.place.path == path for d in s.node.decorators}
    for decorator in source.nodes(cst.Decorator):
        if _event(decorator) and id(decorator) not in events:
            raise PatchError(f"{path}: another handler is registered by {source.code(decorator)}")
    return out


def _unique(steps: list[Step]) -> list[Step]:
    return list({id(s.node): s for s in steps}.values())


def _line(source: PythonSource, node: cst.CSTNode) -> Splice:
    start, end = source.span(node)
    return Splice(source.line_start(start), source.line_end(end), "")


def _renamed(source: PythonSource, steps: list[Step], path: str) -> list[Splice]:
    """Splices that rename a handler whose name a later definition takes over: undecorated, it could not be reached."""
    return [Splice(*source.span(s.node.name), _final_name(source, s, steps)) for s in _unique(steps)
            if s.place.path == path and _final_name(source, s, steps) != s.node.name.value]


def _with_final_name(source: PythonSource, step: Step, steps: list[Step], path: str) -> Step:
    if step.place.path != path:
        return step
    mark = "await " if step.node.asynchronous is not None else ""
    return Step(step.kind, step.place, step.node, f"{mark}{_final_name(source, step, steps)}()")


def _final_name(source: PythonSource, step: Step, steps: list[Step]) -> str:
    name = step.node.name.value
    scope = source.scope(step.node)
    later = [f for f in source.nodes(cst.FunctionDef | cst.ClassDef)  # type: ignore[arg-type]
             if f.name.value == name and source.scope(f) is scope]
    if not later or max(later, key=lambda f: source.span(f)[0]) is step.node:
        return name
    same = sorted({source.span(s.node)[0] for s in steps if s.node.name.value == name and s.node in source.all_nodes})
    number = same.index(source.span(step.node)[0]) + 1
    return _free_name(source, f"{name}_{number}")


def _free_name(source: PythonSource, name: str) -> str:
    taken = {n.value for n in source.nodes(cst.Name)}
    while name in taken:
        name = f"app_{name}"
    return name


def own_lifespan(source: PythonSource, app: cst.Call) -> cst.FunctionDef | None:
    """The function that the application's ``lifespan`` argument names; raises PatchError when it is not in the file."""
    value = next((a.value for a in app.args if a.keyword is not None and a.keyword.value == "lifespan"), None)
    if value is None or dotted(value) == "None":
        return None
    for node in source.nodes(cst.FunctionDef):
        made = any(dotted(d.decorator).endswith("asynccontextmanager") for d in node.decorators)
        if node.name.value == dotted(value) and made:
            return node
    raise PatchError(f"the lifespan {source.code(value)} is not a function of the application's file")


def lifespan_keyword(work: Work, path: str, source: PythonSource, app: cst.Call) -> list[Splice]:
    """The ``lifespan`` argument, in the place of the event arguments when there are any."""
    name = _free_name(source, "lifespan")
    old = [a for a in app.args if a.keyword is not None and a.keyword.value in KINDS.values()]
    if not old:
        return keyword_splices(work, path, source, app, "lifespan", name)
    first = old[0]
    assert first.keyword is not None
    out = [Splice(source.span(first.keyword)[0], outer_span(source, first.value)[1], f"lifespan={name}")]
    for arg in old[1:]:
        assert arg.keyword is not None
        out += removal_splices(source, app, arg.keyword.value)
    return out


def lifespan_function(work: Work, path: str, source: PythonSource, app: cst.Call, steps: list[Step]) -> Splice:
    """The lifespan, before the statement that builds the application (the handlers it calls may stand further down)."""
    name = _free_name(source, "lifespan")
    ensure_import(work, EnsureImport(path, "contextlib", "asynccontextmanager"))
    if bindings(source).get("AsyncIterator") is None:
        ensure_import(work, EnsureImport(path, "typing" if _before_39(work) else "collections.abc", "AsyncIterator"))
    statement = source.statement(app)
    start = source.start(statement)
    indent = source.indent_at(start)
    at = source.line_start(start)
    while at and source.text[source.line_start(at - 1):at].lstrip().startswith("#"):
        at = source.line_start(at - 1)
    newline = source.newline
    code = work.fitted(path, _code(source.code(app.func), name, steps), indent, first=True)
    blanks = 2 if source.scope(app) is None else 1
    above = re.search(r"((?:[ \t]*(?:\r\n?|\n))*)\Z", source.text[:at])
    present = len(re.findall(r"\r\n?|\n", above.group(1))) - 1 if above else 0
    opens = source.text[:at].rstrip().endswith(":") and blanks == 1
    lead = "" if not source.text[:at].strip() or opens else newline * max(0, blanks - present)
    return Splice(at, at, lead + code + newline * (blanks + 1), "lifespan", 1)


def _code(constructor: str, name: str, steps: list[Step]) -> str:
    before = [s.call for s in steps if s.kind == "startup"]
    # Starlette runs shutdown handlers in the order of their registration, not in reverse: that order is kept, so that
    # a handler which relies on what an earlier one left behind still finds it. Start-up stands before ``try``: when it
    # fails, Starlette runs no shutdown handler either.
    after = [s.call for s in steps if s.kind == "shutdown"]
    lines = ["@asynccontextmanager", f"async def {name}(app: {constructor}) -> AsyncIterator[None]:",
             '    """Run what start-up needs, serve, then run what shutdown needs."""']
    lines += [f"    {call}" for call in before]
    if not after:
        return "\n".join([*lines, "    yield"])
    lines += ["    try:", "        yield", "    finally:"]
    if len(after) > 1:
        lines.append("        # In the order of registration, as the event handlers ran.")
    return "\n".join([*lines, *(f"        {call}" for call in after)])


def _extended(
    work: Work, source: PythonSource, path: str, function: cst.FunctionDef, steps: list[Step]
) -> list[Splice]:
    """Splices that add the handlers' calls to a lifespan that exists: before its ``yield``, and in a ``finally``."""
    yields = [y for y in source.nodes(cst.Yield) if source.scope(y) is function]
    if len(yields) != 1 or not isinstance(source.statement(yields[0]), cst.SimpleStatementLine):
        raise PatchError(f"{path}: {function.name.value} does not yield exactly once")
    statement = source.statement(yields[0])
    block = source.parent(statement)
    around = source.parent(block) if block is not None else None
    newline, step = source.newline, source.indent
    calls = {k: [s.call for s in steps if s.kind == k] for k in KINDS}
    anchor: cst.CSTNode = statement
    in_try = isinstance(around, cst.Try) and around.body is block and around.finalbody is not None
    if in_try and isinstance(block, cst.IndentedBlock) and block.body[0] is statement:
        assert around is not None
        anchor = around
    indent = source.indent_at(source.start(anchor))
    at = source.line_start(source.start(anchor))
    out = [Splice(at, at, "".join(f"{indent}{c}{newline}" for c in calls["startup"]), "lifespan start-up")]
    if not calls["shutdown"]:
        return out
    if in_try and isinstance(around, cst.Try) and around.finalbody is not None:
        body = around.finalbody.body
        if not isinstance(body, cst.IndentedBlock):
            raise PatchError(f"{path}: {function.name.value} has its finally block on one line")
        first = source.start(body.body[0])
        inner = source.indent_at(first)
        start = source.line_start(first)
        return [*out, Splice(start, start, "".join(f"{inner}{c}{newline}" for c in calls["shutdown"]), "lifespan end")]
    begin, end = source.line_start(source.start(statement)), source.line_end(source.span(statement)[1])
    indent = source.indent_at(source.start(statement))
    tail = source.text[begin:end].rstrip("\r\n")
    lines = [f"{indent}try:", step + tail, f"{indent}finally:", *(f"{indent}{step}{c}" for c in calls["shutdown"])]
    lead = "".join(f"{indent}{c}{newline}" for c in calls["startup"])
    ending = newline if source.text[begin:end].endswith(("\n", "\r")) else ""
    return [Splice(begin, end, lead + newline.join(lines) + ending)]


def _undecorate_elsewhere(work: Work, steps: list[Step], path: str) -> None:
    for step in _unique(steps):
        if step.place.path == path:
            continue

        def planner(source: PythonSource, draft: Draft, step: Step = step) -> list[Splice]:
            node = find_function(source, draft, step.place.line, step.node.name.value)
            return [_line(source, d) for d in node.decorators if _event(d)] if node else []

        work.plan(step.place.path, planner)


def _before_39(work: Work) -> bool:
    """Whether the target still supports a Python on which ``collections.abc`` takes no brackets."""
    asked = read_table(work.text("pyproject.toml") or "").get("project", {}).get("requires-python", "")
    match = re.search(r">=\s*3\.(\d+)", asked if isinstance(asked, str) else "")
    return bool(match and int(match.group(1)) < 9)
