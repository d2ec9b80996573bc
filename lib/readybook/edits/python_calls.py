"""Keywords of calls: set, replace, remove, with the layout of the call kept."""

from __future__ import annotations

import libcst as cst

from readybook.edits.drafts import Draft, Splice, line_of
from readybook.edits.python_source import PythonSource, last_name, squeezed
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import RemoveKeyword, SetKeyword
from readybook.place import Place


def find_call(source: PythonSource, draft: Draft, place: Place, name: str) -> cst.Call:
    """The call to ``name`` at a place; raises PatchError when there is none or when it cannot be told which."""
    calls = [c for c in source.nodes(cst.Call) if last_name(c.func) == name]
    if place.exact:
        at = draft.now(place.line, place.column)
        exact = [c for c in calls if source.span(c)[0] == at]
        if len(exact) == 1:
            return exact[0]
    line = line_of(source.text, draft.now(place.line))
    lines = {id(c): tuple(line_of(source.text, o) for o in source.span(c)) for c in calls}
    found = [c for c in calls if lines[id(c)][0] == line] or [
        c for c in calls if lines[id(c)][0] <= line <= lines[id(c)][1]
    ]
    if len(found) != 1:
        raise PatchError(f"{spot(place)}: {'no call' if not found else 'more than one call'} to {name} there")
    return found[0]


def set_keyword(work: Work, intent: SetKeyword) -> None:
    """Carry out SetKeyword."""
    path = intent.place.path

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        call = find_call(source, draft, intent.place, intent.call)
        return keyword_splices(work, path, source, call, intent.keyword, intent.value)

    work.plan(path, planner)


def keyword_splices(
    work: Work, path: str, source: PythonSource, call: cst.Call, keyword: str, value: str
) -> list[Splice]:
    """The splices after which ``call`` passes ``keyword=value``."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == keyword:
            return _replaced(work, path, source, call, arg, value)
    if any(arg.star == "**" for arg in call.args):
        line = line_of(source.text, source.span(call)[0])
        raise PatchError(f"{path}:{line}: {keyword} may come from the ** argument of {last_name(call.func)}")
    # One key for all that is added to a call: the second addition is planned on the text that holds the first.
    key = "argument of the call at {}-{}".format(*source.span(call))
    return _added(work, path, source, call, f"{keyword}=", value, key)


def _replaced(
    work: Work, path: str, source: PythonSource, call: cst.Call, arg: cst.Arg, value: str
) -> list[Splice]:
    """Another value for an argument; a call on one line that grows too long is laid out one argument a line."""
    start, end = outer_span(source, arg.value)
    if squeezed(work.fitted(path, value)) == squeezed(source.text[start:end]):
        return []
    new = work.fitted(path, value, source.indent_at(start))
    first, last = source.span(call)
    if arg.keyword is not None and source.begins_line(source.span(arg)[0]):
        head = f"{arg.keyword.value}="
        return [Splice(start, end, _wrapped(work, path, source, head + value, source.indent_at(start))[len(head):])]
    line = source.text[source.line_start(first):source.line_end(first)].rstrip("\r\n")
    grown = len(line) + len(new) - (end - start)
    if "\n" in source.text[first:last] + new or grown <= max(work.style(path).length, len(line)):
        return [Splice(start, end, new)]
    step = source.indent_at(first) + source.indent
    texts = [_wrapped(work, path, source, f"{arg.keyword.value}={value}", step) if a is arg and arg.keyword is not None
             else _argument_text(source, a) for a in call.args]
    return [_laid_out(source, call, texts, f"call at {first}-{last}")]


def _argument_text(source: PythonSource, arg: cst.Arg) -> str:
    return source.text[source.span(arg)[0]:_argument_end(source, arg)[0]].rstrip(", ")


def _wrapped(work: Work, path: str, source: PythonSource, code: str, indent: str) -> str:
    """``keyword=value`` for a line of its own at an indentation; a choice that grows too long goes into parentheses."""
    text = work.fitted(path, code, indent)
    head, sign, value = text.partition("=")
    if "\n" in text or len(indent) + len(text) + 1 <= work.style(path).length or not sign:
        return text
    try:
        chosen = isinstance(cst.parse_expression(value), cst.IfExp | cst.BooleanOperation)
    except cst.ParserSyntaxError:
        return text
    newline = source.newline
    return f"{head}=({newline}{indent}{source.indent}{value}{newline}{indent})" if chosen else text


def _laid_out(source: PythonSource, call: cst.Call, texts: list[str], key: str) -> Splice:
    """The arguments of a call one to a line."""
    start, end = source.span(call)
    indent, newline = source.indent_at(start), source.newline
    opening = source.text.index("(", outer_end(source, call.func)) + 1
    body = "".join(f"{indent}{source.indent}{text},{newline}" for text in texts)
    return Splice(opening, end - 1, f"{newline}{body}{indent}", key)


def _added(
    work: Work, path: str, source: PythonSource, call: cst.Call, head: str, value: str, key: str
) -> list[Splice]:
    start, end = source.span(call)
    close = end - 1
    one_line = "\n" not in source.text[start:end]
    if not call.args:
        opening = outer_end(source, call.func)
        opening = source.text.index("(", opening) + 1
        inline = head + work.fitted(path, value, source.indent_at(start))
        if not source.text[opening:close].strip():
            return [Splice(opening, close, inline, key)]
        return [Splice(opening, opening, inline, key)]
    last = call.args[-1]
    if isinstance(last.value, cst.GeneratorExp) and not last.value.lpar:
        raise PatchError(f"{path}:{line_of(source.text, start)}: the call has a bare generator for argument")
    if one_line:
        return _added_inline(work, path, source, call, head + value, key)
    return _added_line(work, path, source, call, head + value, key)


def _added_inline(
    work: Work, path: str, source: PythonSource, call: cst.Call, code: str, key: str
) -> list[Splice]:
    """An argument at the end of a call on one line; a line that grows too long is laid out one argument a line."""
    start, end = source.span(call)
    after, comma = _argument_end(source, call.args[-1])
    indent = source.indent_at(start)
    text = work.fitted(path, code, indent)
    line = source.text[source.line_start(start):source.line_end(start)].rstrip("\r\n")
    length = len(line) + len(text) + 2
    if "\n" not in text and length <= work.style(path).length:
        return [Splice(after, after, (" " if comma else ", ") + text, key)]
    texts = [*(_argument_text(source, arg) for arg in call.args),
             _wrapped(work, path, source, code, indent + source.indent)]
    return [_laid_out(source, call, texts, key)]


def _added_line(work: Work, path: str, source: PythonSource, call: cst.Call, code: str, key: str) -> list[Splice]:
    """An argument at the end of a call over several lines, on a line of its own like the one before."""
    last = call.args[-1]
    first_offset = _argument_start(source, last)
    after, comma = _argument_end(source, last)
    close = source.span(call)[1] - 1
    newline = source.newline
    hanging = source.text[after:close].count("\n") > 0
    if hanging and not comma and _on_one_line(source, call):
        return [_added_to_line(work, path, source, call, code, key)]
    if not source.begins_line(first_offset) and not hanging:
        return [Splice(after, after, (" " if comma else ", ") + work.fitted(path, code, source.indent_at(after)), key)]
    if source.begins_line(first_offset):
        indent = source.indent_at(first_offset)
    else:
        indent = source.indent_at(close) + source.indent
    text = _wrapped(work, path, source, code, indent)
    if not hanging:
        return [Splice(after, after, ("" if comma else ",") + newline + indent + text, key)]
    at = source.line_end(after)
    added = Splice(at, at, f"{indent}{text}{',' if comma else ''}{newline}", key)
    return [added] if comma else [Splice(after, after, ",", key + " comma"), added]


def _on_one_line(source: PythonSource, call: cst.Call) -> bool:
    """Whether the arguments share one line of their own, as formatters leave them that find no comma at the end."""
    start, end = _argument_start(source, call.args[0]), _argument_end(source, call.args[-1])[0]
    tail = source.text[end:source.line_end(end)]
    return source.begins_line(start) and "\n" not in source.text[start:end] and not tail.strip()


def _added_to_line(work: Work, path: str, source: PythonSource, call: cst.Call, code: str, key: str) -> Splice:
    """An argument behind those of the line; one argument a line where it grows too long, as formatters do."""
    after = _argument_end(source, call.args[-1])[0]
    indent = source.indent_at(after)
    text = work.fitted(path, code, indent)
    line = source.text[source.line_start(after):source.line_end(after)].rstrip("\r\n")
    if "\n" not in text and len(line) + 2 + len(text) <= work.style(path).length:
        return Splice(after, after, f", {text}", key)
    return _laid_out(source, call, [*(_argument_text(source, arg) for arg in call.args), text], key)


def remove_keyword(work: Work, intent: RemoveKeyword) -> None:
    """Carry out RemoveKeyword."""

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        call = find_call(source, draft, intent.place, intent.call)
        return removal_splices(source, call, intent.keyword)

    work.plan(intent.place.path, planner)


def removal_splices(source: PythonSource, call: cst.Call, keyword: str) -> list[Splice]:
    """The splices after which ``call`` has no argument ``keyword``: whole lines where it stands alone on them."""
    number = next((n for n, a in enumerate(call.args) if a.keyword is not None and a.keyword.value == keyword), None)
    if number is None:
        return []
    arg = call.args[number]
    start, (end, _) = _argument_start(source, arg), _argument_end(source, arg)
    tail = source.text[end:source.line_end(end)]
    alone = source.begins_line(start) and (not tail.strip() or tail.lstrip().startswith("#"))
    if alone and source.line_end(end) <= source.span(call)[1]:
        return [Splice(source.line_start(start), source.line_end(end), "")]
    if number + 1 < len(call.args):
        following = _argument_start(source, call.args[number + 1])
        between = source.text[end:following]
        return [Splice(start, end if "#" in between or source.begins_line(start) else following, "")]
    if number:
        before = outer_end(source, call.args[number - 1].value)
        own_end = outer_end(source, arg.value)
        if "#" not in source.text[before:start]:
            return [Splice(before, own_end, "")]
    return [Splice(start, end, "")]


def outer_span(source: PythonSource, node: cst.CSTNode) -> tuple[int, int]:
    """The span of an expression with its own parentheses."""
    start, end = source.span(node)
    if getattr(node, "lpar", ()):
        start = source.span(node.lpar[0])[0]  # type: ignore[attr-defined]
    if getattr(node, "rpar", ()):
        end = source.span(node.rpar[-1])[1]  # type: ignore[attr-defined]
    return start, end


def outer_end(source: PythonSource, node: cst.CSTNode) -> int:
    """The end of an expression with its own parentheses."""
    return outer_span(source, node)[1]


def _argument_start(source: PythonSource, arg: cst.Arg) -> int:
    return source.span(arg.keyword)[0] if arg.keyword is not None else source.span(arg)[0]


def _argument_end(source: PythonSource, arg: cst.Arg) -> tuple[int, bool]:
    """The offset after an argument and its comma, and whether there is a comma."""
    end = outer_end(source, arg.value)
    if isinstance(arg.comma, cst.Comma):
        return source.text.index(",", end) + 1, True
    return end, False


def assigned_name(source: PythonSource, call: cst.Call) -> str:
    """The target that a call is assigned to in its own statement; empty when there is none."""
    above = source.parent(call)
    if isinstance(above, cst.Assign):
        return source.code(above.targets[0].target)
    if isinstance(above, cst.AnnAssign):
        return source.code(above.target)
    return ""
