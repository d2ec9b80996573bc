"""One text of Python as a tree with exact offsets, and the house style it is written in."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import libcst as cst

from readybook.errors import PatchError
from readybook.patterns import regex

BREAK = regex(r"\r\n?|\n")
BLANKS = (cst.SimpleWhitespace, cst.ParenthesizedWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline,
          cst.Comment, cst.MaybeSentinel)
KEPT_CHARACTERS = 2_500_000
N = TypeVar("N", bound=cst.CSTNode)


class _Offsets:
    """Writes a tree's code and notes where each node begins and ends: what libcst's position provider does, by offset.

    A third of its cost, as neither lines are counted nor the tree visited a second time.
    """

    def __init__(self, default_indent: str, default_newline: str) -> None:
        self.default_indent, self.default_newline = default_indent, default_newline
        self.tokens: list[str] = []
        self.indent_tokens: list[str] = []
        self.at = 0
        self.spans: dict[int, tuple[int, int]] = {}
        self._begun: list[int] = []

    def increase_indent(self, value: str) -> None:
        """A block begins."""
        self.indent_tokens.append(value)

    def decrease_indent(self) -> None:
        """A block ends."""
        self.indent_tokens.pop()

    def pop_trailing_newline(self) -> None:
        """Take back the line break that a text without one at its end did not have."""
        if self.tokens:
            self.at -= len(self.tokens.pop())

    def add_token(self, value: str) -> None:
        """Write a token."""
        self.tokens.append(value)
        self.at += len(value)

    def add_indent_tokens(self) -> None:
        """Write the indentation of a line."""
        for token in self.indent_tokens:
            self.add_token(token)

    def before_codegen(self, node: cst.CSTNode) -> None:
        """A node begins, white space that belongs to it included."""
        self._begun.append(self.at)

    def after_codegen(self, node: cst.CSTNode) -> None:
        """A node ends; one without a syntactic span keeps this one."""
        self.spans.setdefault(id(node), (self._begun.pop(), self.at))

    @contextmanager
    def record_syntactic_position(
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> Iterator[None]:
        """Note the span of a node without the white space around it."""
        begin = self.at
        try:
            yield
        finally:
            start = self.spans[id(start_node)][0] if start_node is not None else begin
            end = self.spans[id(end_node)][1] if end_node is not None else self.at
            self.spans[id(node)] = (start, end)


class PythonSource:
    """A parsed text. ``span`` of a node is exact: ``text[start:end]`` is the node without its own parentheses."""

    def __init__(self, text: str, module: cst.Module) -> None:
        self.text = text
        self.module = module
        state = _Offsets(default_indent=module.default_indent, default_newline=module.default_newline)
        module._codegen(state)  # type: ignore[arg-type]  # it needs no more than these methods
        code = "".join(state.tokens)
        # A lone carriage return comes back as a line feed, which moves nothing.
        if code != text and (len(code) != len(text) or BREAK.sub("\n", code) != BREAK.sub("\n", text)):
            raise ValueError("its text does not survive parsing")
        self._spans = state.spans
        self._starts = [0, *(m.end() for m in BREAK.finditer(text))]
        self._parents: dict[int, cst.CSTNode] = {}
        self.all_nodes: list[cst.CSTNode] = []
        self._walk(module)

    def _walk(self, root: cst.CSTNode) -> None:
        stack = [root]
        while stack:
            node = stack.pop()
            self.all_nodes.append(node)
            below = list(_children(node))
            for child in below:
                self._parents[id(child)] = node
            stack.extend(reversed(below))

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Start and end offset of a node."""
        start, end = self._spans[id(node)]
        # libcst ends every text with a line break while it writes, whether the text has one or not.
        return min(start, len(self.text)), min(end, len(self.text))

    def start(self, node: cst.CSTNode) -> int:
        """Where a node begins; a decorated definition begins at its first decorator."""
        decorators = getattr(node, "decorators", ())
        return self.span(decorators[0] if decorators else node)[0]

    def code(self, node: cst.CSTNode) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The node that holds this one."""
        return self._parents.get(id(node))

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around this one, innermost first."""
        above = self.parent(node)
        while above is not None:
            yield above
            above = self.parent(above)

    def nodes(self, kind: type[N]) -> Iterator[N]:
        """All nodes of a kind, in the order of the text."""
        return (node for node in self.all_nodes if isinstance(node, kind))

    def starting_between(self, low: int, high: int, kind: type[N]) -> Iterator[N]:
        """The nodes of a kind that begin at ``low`` or after and before ``high``, outer ones first."""
        starts, nodes = self._by_start
        for node in nodes[bisect_left(starts, low):bisect_left(starts, high)]:
            if isinstance(node, kind):
                yield node

    @cached_property
    def _by_start(self) -> tuple[list[int], list[cst.CSTNode]]:
        placed = [(self.span(n)[0], k, n) for k, n in enumerate(self.all_nodes) if id(n) in self._spans]
        placed.sort(key=lambda item: item[:2])
        return [item[0] for item in placed], [item[2] for item in placed]

    def statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """The statement that stands on lines of its own and holds the node."""
        for one in (node, *self.ancestors(node)):
            if isinstance(one, cst.SimpleStatementLine | cst.BaseCompoundStatement):
                return one
        raise PatchError("the place is no part of a statement")

    def scope(self, node: cst.CSTNode) -> cst.FunctionDef | cst.ClassDef | cst.Lambda | None:
        """The innermost function, class or lambda around a node; None at module level."""
        found = (a for a in self.ancestors(node) if isinstance(a, cst.FunctionDef | cst.ClassDef | cst.Lambda))
        return next(found, None)

    def line_start(self, offset: int) -> int:
        """The offset of the first character of the line that holds an offset."""
        return self._starts[self._line(offset)]

    def line_end(self, offset: int) -> int:
        """The offset just after the line break that ends the line, or the end of the text."""
        line = self._line(offset) + 1
        return self._starts[line] if line < len(self._starts) else len(self.text)

    def _line(self, offset: int) -> int:
        return bisect_right(self._starts, offset) - 1

    def indent_at(self, offset: int) -> str:
        """The white space that begins the line of an offset."""
        start = self.line_start(offset)
        match = re.compile(r"[ \t\f]*").match(self.text, start)
        return match.group() if match else ""

    def begins_line(self, offset: int) -> bool:
        """Whether only white space stands before an offset on its line."""
        return not self.text[self.line_start(offset):offset].strip(" \t\f")

    @cached_property
    def newline(self) -> str:
        """The line break that the text uses most."""
        counts = Counter(BREAK.findall(self.text))
        return counts.most_common(1)[0][0] if counts else "\n"

    @cached_property
    def indent(self) -> str:
        """One step of indentation."""
        return self.module.default_indent

    @cached_property
    def quote(self) -> str | None:
        """The quote that short strings use most; None when there is none."""
        counts = Counter[str](n.quote for n in self.nodes(cst.SimpleString) if len(n.quote) == 1)
        counts.update(n.start[-1] for n in self.nodes(cst.FormattedString) if len(n.end) == 1)
        return counts.most_common(1)[0][0] if counts else None


_FIELDS: dict[type, tuple[str, ...]] = {}


def _children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The syntax below a node in the order of its fields (white space left out, decorators first)."""
    names = _FIELDS.get(type(node))
    if names is None:
        names = tuple(getattr(node, "__dataclass_fields__", ()))
        if "decorators" in names:
            names = ("decorators", *(n for n in names if n != "decorators"))
        _FIELDS[type(node)] = names
    for name in names:
        value: Any = getattr(node, name)
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, cst.CSTNode) and not isinstance(item, BLANKS):
                yield item


def _parsed(text: str) -> PythonSource | str:
    try:
        return PythonSource(text, cst.parse_module(text))
    except cst.ParserSyntaxError as error:
        return f"it cannot be parsed (line {error.raw_line})"
    except RecursionError:
        return "it is nested too deeply to be parsed"
    except ValueError as error:
        return f"it cannot be parsed ({error})"


_KEPT: OrderedDict[str, PythonSource | str] = OrderedDict()


def parse(path: str, text: str) -> PythonSource:
    """Parse a text, once for each text; raises PatchError naming the file when it is no Python.

    The trees of the last ``KEPT_CHARACTERS`` characters are kept (a tree takes about 130 bytes a character).
    """
    source = _KEPT.pop(text, None) or _parsed(text)
    _KEPT[text] = source
    while len(_KEPT) > 1 and sum(map(len, _KEPT)) > KEPT_CHARACTERS:
        _KEPT.popitem(last=False)
    if isinstance(source, str):
        raise PatchError(f"{path}: {source}")
    return source


def last_name(node: cst.CSTNode | None) -> str:
    """The last part of a dotted name or of a call's function; empty for anything else."""
    if isinstance(node, cst.Call):
        return last_name(node.func)
    if isinstance(node, cst.Subscript):
        return last_name(node.value)
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def dotted(node: cst.CSTNode | None) -> str:
    """A dotted name as text; empty when the node is something else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        above = dotted(node.value)
        return f"{above}.{node.attr.value}" if above else ""
    return ""


def squeezed(text: str) -> str:
    """A text without any white space, to compare code whatever its layout."""
    return "".join(text.split())
