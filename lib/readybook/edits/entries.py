"""EnsureEntry: an entry of a dict display, laid out like the entries before it."""

from __future__ import annotations

import libcst as cst

from readybook.edits.drafts import Draft, Splice
from readybook.edits.python_source import PythonSource, squeezed
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import EnsureEntry


def ensure_entry(work: Work, intent: EnsureEntry) -> None:
    """Carry out EnsureEntry; raises PatchError where no dict display is there, or ``**`` may bring the key."""
    path = intent.place.path

    def planner(source: PythonSource, draft: Draft) -> list[Splice]:
        at = draft.now(intent.place.line, intent.place.column)
        held = next((n for n in source.starting_between(at, at + 1, cst.Dict)), None)
        for key in intent.keys:
            inner = _value(held, key) if held is not None else None
            held = inner if isinstance(inner, cst.Dict) else None
        if held is None or any(isinstance(e, cst.StarredDictElement) for e in held.elements):
            raise PatchError(f"{spot(intent.place)}: no dict display without ** is there under {intent.keys}")
        value = _value(held, intent.key)
        if value is None:
            return [_appended(work, path, source, held, [f'"{intent.key}": {intent.value}'])]
        wanted = cst.parse_expression(intent.value)
        if not isinstance(value, cst.List) or not isinstance(wanted, cst.List):
            return []
        module = cst.Module(body=[])
        known = {_meaning(source.code(e)) for e in value.elements}
        missing = [c for c in (module.code_for_node(e.value) for e in wanted.elements) if _meaning(c) not in known]
        return [_appended(work, path, source, value, missing)] if missing else []

    work.plan(path, planner)


def _value(held: cst.Dict, key: str) -> cst.BaseExpression | None:
    """What a dict display holds under a text."""
    for element in held.elements:
        if isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString):
            if element.key.evaluated_value == key:
                return element.value
    return None


def _meaning(code: str) -> str:
    return squeezed(code).replace("'", '"')


def _appended(work: Work, path: str, source: PythonSource, held: cst.Dict | cst.List, new: list[str]) -> Splice:
    """Elements at the end of a display: on its line while they fit, else each on a line of its own."""
    start, end = source.span(held)
    key, newline = f"element of {start}-{end}", source.newline
    elements = list(held.elements)
    if not elements:
        return Splice(start + 1, end - 1, ", ".join(work.fitted(path, text) for text in new), key)
    last = source.span(elements[-1])[1]
    comma = isinstance(elements[-1].comma, cst.Comma)
    after = source.text.index(",", last) + 1 if comma else last
    if source.begins_line(source.span(elements[-1])[0]):
        indent = source.indent_at(source.span(elements[-1])[0])
        lines = [f"{newline}{indent}{work.fitted(path, text, indent)}" for text in new]
        return Splice(after, after, ("" if comma else ",") + ",".join(lines) + ("," if comma else ""), key)
    inline = ", ".join(work.fitted(path, text) for text in new)
    begin = source.line_start(after)
    length = len(source.text[begin:source.line_end(after)].rstrip()) + len(inline) + 2
    if "\n" in source.text[start:end] or length <= work.style(path).length:
        return Splice(after, after, (" " if comma else ", ") + inline, key)
    indent = source.indent_at(start)
    inner = indent + source.indent
    texts = [source.code(e).rstrip().rstrip(",") for e in elements] + [work.fitted(path, t, inner) for t in new]
    body = "".join(f"{newline}{inner}{text}," for text in texts)
    return Splice(start + 1, end - 1, f"{body}{newline}{indent}", key)
