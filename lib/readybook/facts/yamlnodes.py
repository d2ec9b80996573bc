"""YAML with line numbers, safe against hostile files: no tag is run, no alias is expanded without a bound."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from readybook.patterns import regex
from readybook.records import record

MAX_CHARS = 1024 * 1024
MAX_DEPTH = 80
# nodes after all aliases are written out: a real workflow has a few thousand, a bomb billions
MAX_WEIGHT = 100_000

_INTEGER = regex(r"[-+]?(?:0|[1-9][0-9]{0,15})")
_FLOAT = regex(r"[-+]?[0-9]{1,15}\.[0-9]{0,15}")
_CONSTANTS = {"": None, "~": None, "null": None, "Null": None, "NULL": None,
              "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@record
class Node:
    """A YAML value: ``value`` is a scalar, a tuple of nodes, or a dict from text to node.

    ``line`` and ``end_line`` are 1-based; ``key_line`` is where the key stands for a value in a mapping. ``tag`` is a
    tag of the file's own (``!reset``), else empty. Anchored nodes are shared, not copied; a mapping merge (``<<``) is
    done. Keys are text always; ``yes``, ``on`` and ``12:30`` stay text, as most readers of such files take them.
    """

    value: Any
    line: int = 1
    end_line: int = 1
    key_line: int = 0
    tag: str = ""
    weight: int = 1

    @property
    def at(self) -> int:
        """The line to point at: the key's when there is one."""
        return self.key_line or self.line

    def get(self, *keys: str) -> Node | None:
        """The node below a path of mapping keys; None when there is none."""
        node: Node | None = self
        for key in keys:
            if node is None or not isinstance(node.value, dict):
                return None
            node = node.value.get(key)
        return node

    def items(self) -> Iterator[tuple[str, Node]]:
        """The entries of a mapping; nothing for any other value."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def list(self) -> tuple[Node, ...]:
        """The entries of a list; a lone scalar or mapping counts as a list of one, null as none."""
        if isinstance(self.value, tuple):
            return self.value
        return () if self.value is None else (self,)

    def text(self, *keys: str) -> str:
        """The scalar below ``keys`` as text, empty when there is none."""
        node = self.get(*keys)
        return "" if node is None else scalar_text(node.value)

    def plain(self) -> Any:
        """Plain Python data without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value


@record
class Documents:
    """The documents of one YAML text; ``problem`` says why there are none."""

    nodes: tuple[Node, ...] = ()
    problem: str = ""


def scalar_text(value: Any) -> str:
    """A scalar as it is written in YAML; empty for null and for anything that is no scalar."""
    if value is None or isinstance(value, dict | tuple):
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=1024)
def yaml_documents(text: str) -> Documents:
    """Parse all documents of a text; what breaks the grammar or a bound becomes ``problem``."""
    import yaml

    if len(text) > MAX_CHARS:
        return Documents(problem="YAML larger than 1 MiB is not parsed")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=loader):
            composer.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        return Documents(problem=f"is not YAML: {getattr(error, 'problem', None) or 'cannot be scanned'}{where}")
    except (ValueError, RecursionError, UnicodeError) as error:
        return Documents(problem=f"is not read as YAML: {str(error).splitlines()[0]}")
    return Documents(tuple(composer.documents))


class _Composer:
    """Builds nodes from parse events without recursion, so that depth is a bound and not a crash."""

    def __init__(self) -> None:
        self.documents: list[Node] = []
        self.events = 0
        self.anchors: dict[str, Node] = {}
        # open collections: [is_mapping, start line, tag, anchor, list of finished children]
        self.open: list[tuple[bool, int, str, str | None, list[Node]]] = []

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        self.events += 1
        if self.events > MAX_WEIGHT:
            raise ValueError("holds too many values")
        if kind == "ScalarEvent":
            self.add(self.scalar(event), event.anchor)
        elif kind == "AliasEvent":
            if event.anchor not in self.anchors:
                raise ValueError(f"alias to {event.anchor!r} inside itself or never set")
            self.add(self.anchors[event.anchor], None)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(self.open) >= MAX_DEPTH:
                raise ValueError(f"nested deeper than {MAX_DEPTH}")
            tag = event.tag if event.tag and event.tag.startswith("!") else ""
            self.open.append((kind == "MappingStartEvent", event.start_mark.line + 1, tag, event.anchor, []))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self.close(event)
        elif kind == "DocumentStartEvent":
            self.anchors.clear()

    def add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if self.open:
            self.open[-1][4].append(node)
        else:
            self.documents.append(node)

    def close(self, event: Any) -> None:
        is_mapping, line, tag, anchor, children = self.open.pop()
        weight = 1 + sum(child.weight for child in children)
        if weight > MAX_WEIGHT:
            raise ValueError("aliases expand too far")
        # a block collection ends where the next token starts: the last child knows better
        end = max((child.end_line for child in children if child.line >= line), default=event.end_mark.line + 1)
        value = _mapping(children) if is_mapping else tuple(children)
        self.add(Node(value, line, max(line, end), 0, tag, weight), anchor)

    @staticmethod
    def scalar(event: Any) -> Node:
        text, plain = event.value, event.implicit[0]
        value: Any = text
        if plain and text in _CONSTANTS:
            value = _CONSTANTS[text]
        elif plain and _INTEGER.fullmatch(text):
            value = int(text)
        elif plain and _FLOAT.fullmatch(text):
            value = float(text)
        tag = event.tag if event.tag and event.tag.startswith("!") else ""
        end = event.end_mark.line + (1 if event.end_mark.column or event.end_mark.line == event.start_mark.line else 0)
        return Node(value, event.start_mark.line + 1, end, 0, tag)


def _mapping(children: list[Node]) -> dict[str, Node]:
    own: dict[str, Node] = {}
    merged: dict[str, Node] = {}
    for key, value in zip(children[::2], children[1::2], strict=True):
        if key.value == "<<":
            for source in value.list():
                for name, node in source.items():
                    merged.setdefault(name, node)
            continue
        if isinstance(key.value, dict | tuple):
            continue  # a collection as key: none of the formats read here has one
        name = scalar_text(key.value)
        own[name] = Node(value.value, value.line, value.end_line, key.line, value.tag, value.weight)
    return {**merged, **own} if merged else own
