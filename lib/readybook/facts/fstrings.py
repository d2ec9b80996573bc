"""Strings of newer Python in the spelling of 3.11: the part of ``lowering`` that PEP 701 and PEP 750 need.

Python 3.11 reads an f-string as one token first and its replacement fields afterwards. Hence a field may hold no
backslash, no comment, no delimiter of a string around it, and a line end only between triple quotes. A string is
written, in this order of preference, as it stands; as an f-string with other delimiters and the same parts; as a sum
of f-strings and ``"{}".format(expression)``, in parentheses. Nodes are libcst's, told apart by the name of their type,
so that nothing here imports it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from readybook.patterns import regex
from readybook.records import record

STRINGS = frozenset({"SimpleString", "ConcatenatedString", "FormattedString", "TemplatedString"})
DELIMITERS = ("'", '"', "'''", '"""')
LINE_END = regex(r"\r\n|\r|\n")
TOKEN = regex(r"([A-Za-z]*)('''|\"\"\"|'|\")")
# Deepest field that 3.11 reads: one in the format specification of another.
DEEPEST = 1

Edit = tuple[int, int, str]


class _Unfit(Exception):
    """3.11 has no spelling of this text inside the strings around it."""


@record
class Parsed:
    """A file as libcst read it: its bytes in UTF-8, byte spans of its nodes, and ``code``, the text of one node."""

    data: bytes
    spans: Mapping[Any, Any]
    code: Callable[[Any], str]
    newline: str

    def span(self, node: Any) -> tuple[int, int]:
        """First byte of a node and the byte after its last; parentheses around an expression are no part of it."""
        span = self.spans[node]
        return span.start, span.start + span.length

    def text(self, node: Any) -> str:
        """The source text of a node's span."""
        start, end = self.span(node)
        return self.data[start:end].decode()


def kind(node: Any) -> str:
    """The name of a node's type."""
    return type(node).__name__


def children(node: Any) -> Iterator[Any]:
    """The nodes directly below a node, in the order of its fields."""
    for entry in fields(node):
        value = getattr(node, entry.name)
        for child in value if isinstance(value, (list, tuple)) else (value,):
            if is_dataclass(child):
                yield child


def line_ends(text: str) -> int:
    """How many line ends a text holds, each of CR LF, CR and LF being one."""
    return len(LINE_END.findall(text))


def apply(data: bytes, edits: Sequence[Edit], start: int = 0, end: int | None = None) -> str:
    """The text of ``data[start:end]`` with edits (first byte, byte after the last, new text) that do not overlap."""
    pieces: list[str] = []
    for first, last, text in sorted(edits, key=lambda edit: edit[:2]):
        pieces += (data[start:first].decode(), text)
        start = last
    return "".join([*pieces, data[start:end].decode()])


def lowered(source: Parsed, node: Any) -> str:
    """An outermost string expression as 3.11 reads it, with as many line ends as before; ValueError when there is none.

    A string that 3.11 reads already is returned as it stands.
    """
    try:
        text = _inside(source, node, ())
    except _Unfit:
        text = f"({_sum(source, node)})"
    missing = line_ends(source.text(node)) - line_ends(text)
    if missing < 0:
        raise ValueError("an f-string cannot be written in fewer lines")
    return f"({text}{source.newline * missing})" if missing else text


def _fits(text: str, around: tuple[str, ...]) -> bool:
    """Whether 3.11 reads a text as (part of) an expression inside f-strings with these delimiters."""
    if not around:
        return True
    if "\\" in text or any(delimiter in text for delimiter in around):
        return False
    return all(len(delimiter) == 3 for delimiter in around) or not LINE_END.search(text)


def _inside(source: Parsed, node: Any, around: tuple[str, ...]) -> str:
    """A string expression as it can stand in the fields of f-strings with the delimiters ``around``."""
    if kind(node) == "SimpleString":
        return _plain(node.value, around)
    if kind(node) != "ConcatenatedString":
        return _formatted(source, node, around)
    between = _blank(source.code(node.whitespace_between), around)
    return _inside(source, node.left, around) + between + _inside(source, node.right, around)


def _blank(text: str, around: tuple[str, ...]) -> str:
    """White space between tokens; inside an f-string without comments and without joined lines."""
    return re.sub(r"#[^\r\n]*", "", text).replace("\\", "") if around else text


def _plain(token: str, around: tuple[str, ...]) -> str:
    """A string without fields, with other delimiters when the ones around it demand so."""
    if _fits(token, around):
        return token
    try:
        value = ast.literal_eval(token)
    except (SyntaxError, ValueError):
        raise _Unfit from None
    prefix = "b" if isinstance(value, bytes) else "u" if token[0] in "uU" else ""
    body = value.decode("latin-1") if isinstance(value, bytes) else value
    shown = body.replace("\n", "").replace("\t", "")
    if not shown.isprintable() or (prefix == "b" and not shown.isascii()) or line_ends(body) != line_ends(token):
        raise _Unfit
    for delimiter in DELIMITERS:
        text = f"{prefix}{delimiter}{body}{delimiter}"
        if _holds(delimiter, body) and _fits(text, around):
            return text
    raise _Unfit


def _holds(delimiter: str, body: str) -> bool:
    """Whether a body without backslashes can stand between two delimiters."""
    if delimiter in body or body.endswith(delimiter[0]):
        return False
    return len(delimiter) == 3 or not LINE_END.search(body)


def _opening(node: Any) -> tuple[str, str]:
    """Prefix (that of an f-string) and delimiter of an f-string or t-string."""
    match = TOKEN.fullmatch(node.start)
    if match is None:
        raise ValueError("an f-string has an unknown prefix")
    return match[1].replace("t", "f").replace("T", "F"), match[2]


def _formatted(source: Parsed, node: Any, around: tuple[str, ...]) -> str:
    """An f-string inside the fields of others, or the outermost one, with the first delimiter that serves."""
    prefix, own = _opening(node)
    others = DELIMITERS if around else (own if len(own) == 3 else own * 3,)
    for delimiter in (own, *others):
        if any(outer in delimiter for outer in around):
            continue
        try:
            body = "".join([
                _constant(part.value, prefix, own, delimiter, around) if kind(part).endswith("Text")
                else _field(source, part, (*around, delimiter), 0)
                for part in node.parts
            ])
        except _Unfit:
            continue
        text = prefix + delimiter + body + delimiter
        if _fits(text, around):
            return text
    raise _Unfit


def _constant(text: str, prefix: str, own: str, delimiter: str, around: tuple[str, ...]) -> str:
    """A constant part between other delimiters. The outermost string only ever gets three of its own: no change."""
    if not around:
        return text
    if "\\" in text:
        if "r" in prefix.lower():
            raise _Unfit
        try:
            value = ast.literal_eval(own + text + own)
        except (SyntaxError, ValueError):
            raise _Unfit from None
        if not value.isprintable() or re.findall("[{}]", value) != re.findall("[{}]", text) or "\\" in value:
            raise _Unfit
        text = value
    if not _holds(delimiter, text):
        raise _Unfit
    return text


def _expression_span(source: Parsed, field: Any) -> tuple[int, int]:
    """Bytes of a field from behind its brace to the end of its expression, white space and parentheses with it."""
    # not by the length of the parts' own text: that of a node alone lacks the indentation of the block around it
    equal = field.equal
    end = source.span(equal.whitespace_before)[0] if equal else source.span(field.whitespace_after_expression)[1]
    return source.span(field)[0] + 1, end


def _equal(source: Parsed, field: Any) -> str:
    """The ``=`` of a field that shows its own text, with the white space around it as the file has it."""
    before, after = field.equal.whitespace_before, field.equal.whitespace_after
    return source.data[source.span(before)[0]:source.span(after)[1]].decode()


def _expression(source: Parsed, field: Any, around: tuple[str, ...]) -> str:
    """The text of a field's expression, its strings and comments fit for the strings around it."""
    start, end = _expression_span(source, field)
    edits: list[Edit] = []
    stack = [field.whitespace_before_expression, field.expression, field.whitespace_after_expression]
    while stack:
        node = stack.pop()
        if kind(node) in STRINGS:
            text = _inside(source, node, around) if around else lowered(source, node)
            edits.append((*source.span(node), text))
        elif kind(node) == "Comment":
            edits.append((*source.span(node), "" if around else source.text(node)))
        elif kind(node) == "SimpleWhitespace" and around and "\\" in node.value:
            edits.append((*source.span(node), node.value.replace("\\", "")))
        else:
            stack.extend(children(node))
    return apply(source.data, edits, start, end)


def _field(source: Parsed, field: Any, around: tuple[str, ...], level: int) -> str:
    """A replacement field as 3.11 reads it inside f-strings with the delimiters ``around``, else ``_Unfit``."""
    if level > DEEPEST:
        raise _Unfit
    text = _expression(source, field, around)
    if not _fits(text, around):
        raise _Unfit
    if field.equal is not None:
        start, end = _expression_span(source, field)
        if text != source.data[start:end].decode():  # the string shows the text of its expression
            raise _Unfit
        text += _equal(source, field)
    if field.conversion is not None:
        text += "!" + field.conversion
    if field.format_spec is not None:
        text += ":" + "".join([
            part.value if kind(part).endswith("Text") else _field(source, part, around, level + 1)
            for part in field.format_spec
        ])
    if around[-1] in text or (len(around[-1]) == 1 and LINE_END.search(text)):
        raise _Unfit
    return "{" + text + "}"


def _sum(source: Parsed, node: Any) -> str:
    """A string expression as a sum, to be put in parentheses."""
    if kind(node) == "SimpleString":
        return str(node.value)
    if kind(node) == "ConcatenatedString":
        return f"{_sum(source, node.left)} +{source.code(node.whitespace_between)} {_sum(source, node.right)}"
    return _sum_of_parts(source, node.parts, *_opening(node))


def _sum_of_parts(source: Parsed, parts: Sequence[Any], prefix: str, delimiter: str) -> str:
    """Parts of an f-string as a sum: f-strings of what 3.11 reads there, and a call of ``format`` for each other."""
    terms: list[str] = []
    run = ""
    for part in parts:
        if kind(part).endswith("Text"):
            run += part.value
            continue
        try:
            run += _field(source, part, (delimiter,), 0)
        except _Unfit:
            terms += _literal(run, prefix, delimiter)
            run = ""
            terms += _call(source, part, prefix, delimiter)
    return " + ".join([*terms, *_literal(run, prefix, delimiter)]) or "''"


def _literal(run: str, prefix: str, delimiter: str) -> list[str]:
    """Neighbouring parts as an f-string; quotes that would lengthen the delimiter behind them stand alone."""
    if not run:
        return []
    quote = delimiter[0]
    body = run.rstrip(quote)
    escaped = (len(body) - len(body.rstrip("\\"))) % 2
    body += run[len(body):len(body) + escaped]
    alone = run[len(body):]
    return [prefix + delimiter + body + delimiter] * bool(body) + [repr(alone)] * bool(alone)


def _call(source: Parsed, field: Any, prefix: str, delimiter: str) -> list[str]:
    """A field as a call of ``format`` on a constant; before it, what ``=`` shows."""
    shown: list[str] = []
    conversion = field.conversion
    if field.equal is not None:
        start, end = _expression_span(source, field)
        shown = [repr(source.data[start:end].decode() + _equal(source, field))]
        if conversion is None and field.format_spec is None:
            conversion = "r"
    template = "{" + (f"!{conversion}" if conversion else "") + (":{}" if field.format_spec else "") + "}"
    arguments = f"({_expression(source, field, ())})"
    if field.format_spec:
        arguments += f", {_sum_of_parts(source, field.format_spec, prefix, delimiter)}"
    return [*shown, f"'{template}'.format({arguments})"]
