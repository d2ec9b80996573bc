"""Expressions, defaults, definitions and module statements: found by line and name, replaced in place."""

from __future__ import annotations

import re

import libcst as cst

from readybook.edits.drafts import Draft, Splice, line_of
from readybook.edits.python_calls import keyword_splices, outer_span, removal_splices
from readybook.edits.python_imports import bindings
from readybook.edits.python_source import PythonSource, dotted, last_name, squeezed
from readybook.edits.statements import without
from readybook.edits.style import requoted
from readybook.edits.work import Work, line_span, spot
from readybook.errors import PatchError
from readybook.intents import EnsureModuleStatement, MakeAsync, MakeSync, ReplaceDefault, ReplaceExpression

ATOMS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BaseNumber, cst.BaseString, cst.List, cst.Dict, cst.Set,
         cst.Ellipsis)
OPERATORS = (cst.BinaryOperation, cst.BooleanOperation, cst.UnaryOperation, cst.Comparison, cst.ComparisonTarget)


def replace_expression(work: Work, intent: ReplaceExpression) -> None:
    """Carry out ReplaceExpression; a place that reads ``new`` already is left alone."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        found = _expressions(source, draft, intent, intent.old)
        if not found and _expressions(source, draft, intent, intent.new):
            return []
        if len(found) != 1:
            raise PatchError(f"{spot(intent.place)}: {'not' if not found else 'more than once'} there: {intent.old}")
        node = found[0]
        start, end = source.span(node)
        inside = _inside_text(source, node, intent.new)
        if inside:
            return inside
        new = _safe_text(work, source, node, intent)
        return [] if new == source.text[start:end] else [Splice(start, end, new)]

    work.plan(intent.place.path, planner)


def _inside_text(source: PythonSource, node: cst.BaseExpression, new: str) -> list[Splice]:
    """A word in place of a whole field of an f-string: it needs no braces, and without other fields no ``f``."""
    field, word = source.parent(node), new[1:-1]
    plain = isinstance(field, cst.FormattedStringExpression) and not (
        field.conversion or field.format_spec or field.equal)
    if not plain or new[:1] not in ("'", '"') or new[-1:] != new[0] or not re.fullmatch(r"[\w*.-]+", word):
        return []
    out = [Splice(*source.span(field), word)]
    around = source.parent(field)
    if isinstance(around, cst.FormattedString) and all(
        p is field or (isinstance(p, cst.FormattedStringText) and not re.search(r"[{}]", p.value)) for p in around.parts
    ) and not isinstance(source.parent(around), cst.ConcatenatedString):
        at = source.span(around)[0]
        start = "".join(c for c in around.start if c not in "fF")
        out.append(Splice(at, at + len(around.start), start))
    return out


def _expressions(
    source: PythonSource, draft: Draft, intent: ReplaceExpression, text: str
) -> list[cst.BaseExpression]:
    """The outermost expressions with a text at the intent's place: at its column, else anywhere on its line."""
    wanted = _bare(text)
    place = intent.place
    found: dict[int, cst.BaseExpression] = {}
    for node in source.starting_between(*line_span(source, draft, place), cst.BaseExpression):  # type: ignore[type-abstract]
        start, end = source.span(node)
        if _bare(source.text[start:end]) == wanted:
            found.setdefault(start, node)
    if place.exact and draft.now(place.line, place.column) in found:
        return [found[draft.now(place.line, place.column)]]
    return list(found.values())


def _bare(text: str) -> str:
    """Code without white space and without the commas that a layout over several lines ends its brackets with."""
    return re.sub(r",(?=[)\]}])", "", squeezed(text))


def _safe_text(work: Work, source: PythonSource, node: cst.BaseExpression, intent: ReplaceExpression) -> str:
    """The new text in the file's style, parenthesised where its surroundings bind tighter, and fit for an f-string."""
    path = intent.place.path
    start, _ = source.span(node)
    new = work.fitted(path, intent.new, source.indent_at(start))
    around = next((a for a in source.ancestors(node) if isinstance(a, cst.FormattedString)), None)
    if around is not None:
        mark = around.end
        new = requoted(new, "'" if mark[0] == '"' else '"')
        if mark in new or "\n" in new or "\\" in new:
            raise PatchError(f"{spot(intent.place)}: {intent.new} cannot stand inside that f-string")
    if node.lpar:
        return new
    return f"({new})" if _needs_parentheses(source, node, intent.new) else new


def _needs_parentheses(source: PythonSource, node: cst.BaseExpression, new: str) -> bool:
    try:
        inner = cst.parse_expression(new)
    except cst.ParserSyntaxError:
        raise PatchError(f"the replacement is no expression: {new}") from None
    if isinstance(inner, ATOMS) or inner.lpar:
        return False
    above = source.parent(node)
    tight = (isinstance(above, cst.Attribute | cst.Subscript | cst.Await)
             or (isinstance(above, cst.Call) and above.func is node)
             or (isinstance(above, cst.BinaryOperation) and isinstance(above.operator, cst.Power)))
    if isinstance(inner, cst.Await):
        return tight
    return tight or isinstance(above, OPERATORS) or (
        isinstance(inner, cst.IfExp | cst.Lambda | cst.NamedExpr | cst.Yield | cst.Tuple)
        and not isinstance(above, cst.Assign | cst.AnnAssign | cst.Return)
    ) and not (isinstance(inner, cst.IfExp | cst.Lambda) and isinstance(above, cst.Arg | cst.Element | cst.DictElement))


def make_sync(work: Work, intent: MakeSync) -> None:
    """Carry out MakeSync; raises PatchError when the function awaits something itself."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        node = find_function(source, draft, intent.place.line, intent.name)
        if node is None:
            raise PatchError(f"{spot(intent.place)}: there is no function {intent.name}")
        if node.asynchronous is None:
            return []
        if _awaits(source, node):
            raise PatchError(f"{spot(intent.place)}: {intent.name} awaits, so it must stay async")
        start = source.span(node)[0]
        return [Splice(start, source.text.index("def", start), "")]

    work.plan(intent.place.path, planner)


def make_async(work: Work, intent: MakeAsync) -> None:
    """Carry out MakeAsync; raises PatchError when there is no such function."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        node = find_function(source, draft, intent.place.line, intent.name)
        if node is None:
            raise PatchError(f"{spot(intent.place)}: there is no function {intent.name}")
        if node.asynchronous is not None:
            return []
        start = source.span(node)[0]
        return [Splice(start, start, "async ", f"async {intent.name}")]

    work.plan(intent.place.path, planner)


def find_function(source: PythonSource, draft: Draft, line: int, name: str) -> cst.FunctionDef | None:
    """The definition of ``name`` whose ``def`` or first decorator is on a line of the first text."""
    now = line_of(source.text, draft.now(line))
    named = [f for f in source.nodes(cst.FunctionDef) if f.name.value == name or not name]
    found = [f for f in named if line_of(source.text, source.span(f)[0]) == now]
    found = found or [f for f in named if line_of(source.text, source.start(f)) <= now
                      <= line_of(source.text, source.span(f)[0])]
    return found[0] if len(found) == 1 else None


def _awaits(source: PythonSource, function: cst.FunctionDef) -> bool:
    """Whether the function's own body (not that of a function inside it) needs an event loop."""
    for node in source.all_nodes:
        if isinstance(node, cst.Await | cst.Asynchronous):
            if isinstance(node, cst.Asynchronous) and isinstance(source.parent(node), cst.FunctionDef):
                continue
            inner = next((a for a in source.ancestors(node) if isinstance(a, cst.FunctionDef | cst.Lambda)), None)
            if inner is function:
                return True
    return False


def replace_default(work: Work, intent: ReplaceDefault) -> None:
    """Carry out ReplaceDefault on an assignment, an annotated one, or a parameter; ``Field(…)`` keeps its rest."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        node = _assigned(source, draft, intent)
        out: list[Splice] = []
        if intent.annotation is not None and getattr(node, "annotation", None) is not None:
            start, end = source.span(node.annotation.annotation)  # type: ignore[union-attr]
            if squeezed(source.text[start:end]) != squeezed(intent.annotation):
                out.append(Splice(start, end, work.fitted(intent.place.path, intent.annotation)))
        return out + _value_splices(work, source, node, intent)

    work.plan(intent.place.path, planner)


def _assigned(source: PythonSource, draft: Draft, intent: ReplaceDefault) -> cst.Assign | cst.AnnAssign | cst.Param:
    found: list[cst.Assign | cst.AnnAssign | cst.Param] = []
    for node in source.starting_between(*line_span(source, draft, intent.place), cst.CSTNode):  # type: ignore[type-abstract]
        if isinstance(node, cst.Assign):
            target: cst.CSTNode = node.targets[-1].target
        elif isinstance(node, cst.AnnAssign):
            target = node.target
        elif isinstance(node, cst.Param):
            target = node.name
        else:
            continue
        if last_name(target) == intent.name:
            found.append(node)
    if len(found) != 1:
        raise PatchError(f"{spot(intent.place)}: {intent.name} is not assigned there exactly once")
    return found[0]


def _value_splices(
    work: Work, source: PythonSource, node: cst.Assign | cst.AnnAssign | cst.Param, intent: ReplaceDefault
) -> list[Splice]:
    path = intent.place.path
    value = node.default if isinstance(node, cst.Param) else node.value
    whole = (intent.value or "").startswith("Field(")
    if isinstance(value, cst.Call) and last_name(value.func) == "Field" and not whole:
        return _field_default(work, source, value, intent)
    if intent.value is None:
        return _no_value(source, node, value, intent)
    if value is None:
        assert isinstance(node, cst.AnnAssign | cst.Param)
        end = source.span(node.annotation if node.annotation is not None else node)[1]
        return [Splice(end, end, f" = {work.fitted(path, intent.value, source.indent_at(end))}", "default")]
    start, end = outer_span(source, value)
    out = [] if squeezed(work.fitted(path, intent.value)) == squeezed(source.text[start:end]) else [
        Splice(start, end, work.fitted(path, intent.value, source.indent_at(start)))
    ]
    if isinstance(node, cst.Assign) and intent.annotation is not None and len(node.targets) == 1:
        at = source.span(node.targets[0].target)[1]
        out.append(Splice(at, at, f": {work.fitted(path, intent.annotation)}", "annotation"))
    return out


def _no_value(
    source: PythonSource, node: cst.Assign | cst.AnnAssign | cst.Param, value: cst.BaseExpression | None,
    intent: ReplaceDefault,
) -> list[Splice]:
    if value is None:
        return []
    end = outer_span(source, value)[1]
    if isinstance(node, cst.AnnAssign):
        return [Splice(source.span(node.annotation)[1], end, "")]
    if isinstance(node, cst.Assign) and intent.annotation is not None and len(node.targets) == 1:
        return [Splice(source.span(node.targets[0].target)[1], end, f": {intent.annotation}")]
    raise PatchError(f"{spot(intent.place)}: {intent.name} has no annotation, so it needs a value")


def _field_default(work: Work, source: PythonSource, call: cst.Call, intent: ReplaceDefault) -> list[Splice]:
    """The default inside ``Field(…)``: its first argument, or ``default``; None makes the field required."""
    path = intent.place.path
    out = removal_splices(source, call, "default_factory")
    first = call.args[0] if call.args and call.args[0].keyword is None and not call.args[0].star else None
    if first is not None:
        start, end = outer_span(source, first.value)
        new = work.fitted(path, intent.value if intent.value is not None else "...", source.indent_at(start))
        return out if new == source.text[start:end] else [*out, Splice(start, end, new)]
    if intent.value is None:
        return out + removal_splices(source, call, "default")
    return out + keyword_splices(work, path, source, call, "default", intent.value)


def ensure_module_statement(work: Work, intent: EnsureModuleStatement) -> None:
    """Ask for a module statement; it is placed when all edits of the file are known."""
    work.source(intent.path)
    if all((s.path, s.name) != (intent.path, intent.name) for s in work.statements):
        work.statements = (*work.statements, intent)


def realise_statements(work: Work, path: str) -> None:
    """Carry out the module statements that were asked for in a file."""
    wanted = [s for s in work.statements if s.path == path]
    work.statements = tuple(s for s in work.statements if s.path != path)
    for intent in wanted:

        def planner(source: PythonSource, draft: Draft, intent: EnsureModuleStatement = intent) -> list[Splice]:
            if intent.name not in bindings(source):
                return [module_statement(work, source, draft, intent)]
            late = _same_but_late(source, draft, intent)
            return [module_statement(work, source, draft, intent), without(source, late, intent.name)] if late else []

        work.plan(path, planner)


def _same_but_late(source: PythonSource, draft: Draft, intent: EnsureModuleStatement) -> cst.CSTNode | None:
    """The very statement of an intent, where it stands below a module-level line that an edit made read its name."""
    limit = draft.first_touched
    early = [s for s in source.module.body if source.start(s) <= limit < source.span(s)[1]]
    if intent.last or not early or isinstance(early[0], cst.FunctionDef | cst.ClassDef):
        return None
    return next((s for s in source.module.body if source.start(s) > limit and isinstance(s, cst.SimpleStatementLine)
                 and squeezed(source.code(s)) == squeezed(intent.statement)), None)


def module_statement(work: Work, source: PythonSource, draft: Draft, intent: EnsureModuleStatement) -> Splice:
    """An insertion of the statement after the imports, with blank lines as its kind asks for."""
    newline, body = source.newline, source.module.body
    code = work.fitted(intent.path, intent.statement.strip("\n"), first=True)
    definition = intent.statement.lstrip().startswith(("def ", "async def ", "class ", "@"))
    key = f"statement {intent.name}"
    if intent.last:
        end = len(source.text)
        ended = not source.text or source.text.endswith(("\n", "\r"))
        gap = "" if not body else newline * 2
        return Splice(end, end, ("" if ended else newline) + gap + code + newline, key, 1)
    anchor, following = _last_import(source, draft.first_touched)
    if anchor is None:
        at = source.line_start(source.start(body[0])) if body else len(source.text)
        lead = "" if not source.text[:at] or source.text[:at].endswith(("\n", "\r")) else newline
        return Splice(at, at, lead + code + newline * ((3 if definition else 2) if body else 1), key, 1)
    at = source.line_end(source.span(anchor)[1])
    open_end = not source.text[:at].endswith(("\n", "\r"))
    gap = newline * (2 if definition else 1)
    blank = following is None or not source.text[at:source.line_end(at)].strip()
    tail = "" if open_end else newline if blank else newline * 2
    if definition and not open_end and following is not None:
        tail = newline * (3 - _blank_lines(source.text, at))
    return Splice(at, at, (newline if open_end else "") + gap + code + tail, key, 1)


def _blank_lines(text: str, at: int) -> int:
    """How many of the next two lines are blank."""
    first, _, rest = text[at:].partition("\n")
    second = rest.partition("\n")[0]
    return 0 if first.strip() else 1 if second.strip() else 2


def _last_import(source: PythonSource, limit: int) -> tuple[cst.CSTNode | None, cst.CSTNode | None]:
    """The last statement of the import head (a docstring or a TYPE_CHECKING block counts), and the one after it.

    The head ends at the first definition and before the first module-level line under change.
    """
    found: tuple[cst.CSTNode | None, cst.CSTNode | None] = (None, None)
    body = list(source.module.body)
    for number, statement in enumerate(body):
        following = body[number + 1] if number + 1 < len(body) else None
        if isinstance(statement, cst.FunctionDef | cst.ClassDef):
            break
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        importing = isinstance(small, cst.Import | cst.ImportFrom)
        if source.span(statement)[1] > limit and not importing:
            break
        docstring = number == 0 and isinstance(small, cst.Expr) and isinstance(small.value, cst.BaseString)
        typing = isinstance(statement, cst.If) and dotted(statement.test).endswith("TYPE_CHECKING")
        guarded = isinstance(statement, cst.Try) and all(
            isinstance(s, cst.SimpleStatementLine) and isinstance(s.body[0], cst.Import | cst.ImportFrom)
            for s in statement.body.body
        )
        if docstring or typing or guarded or importing:
            found = (statement, following)
    return found
