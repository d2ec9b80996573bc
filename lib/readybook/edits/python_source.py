"""One text of Python as a tree with exact offsets, and the house style it is written in."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any, TypeVar

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from readybook.errors import PatchError

BREAK = re.compile(r"\r\n?|\n")
BLANKS = (cst.SimpleWhitespace, cst.ParenthesizedWhitespace, cst.TrailingWhitespace, cst.EmptyLine, cst.Newline,
          cst.Comment, cst.MaybeSentinel)
N = TypeVar("N", bound=cst.CSTNode)


class PythonSource:
    """A parsed text. ``span`` of a node is exact: ``text[start:end]`` is the node without its own parentheses."""

    def __init__(self, text: str, module: cst.Module) -> None:
        self.text = text
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self.module = wrapper.module
        self._positions = wrapper.resolve(PositionProvider)
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
        where = self._positions[node]
        return self._offset(where.start.line, where.start.column), self._offset(where.end.line, where.end.column)

    def _offset(self, line: int, column: int) -> int:
        """The offset of a position; libcst ends every text with a line break, whether it has one or not."""
        return self._starts[line - 1] + column if line <= len(self._starts) else len(self.text)

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
        placed = [(self.span(n)[0], k, n) for k, n in enumerate(self.all_nodes) if n in self._positions]
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


@lru_cache(maxsize=48)
def _parsed(text: str) -> PythonSource | str:
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        return f"it cannot be parsed (line {error.raw_line})"
    except (RecursionError, ValueError) as error:
        return f"it cannot be parsed ({type(error).__name__})"
    if BREAK.sub("\n", module.code) != BREAK.sub("\n", text):
        return "its text does not survive parsing"
    return PythonSource(text, module)


def parse(path: str, text: str) -> PythonSource:
    """Parse a text, once for each text; raises PatchError naming the file when it is no Python."""
    source = _parsed(text)
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
