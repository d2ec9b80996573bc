"""Code that refuses to run with a known value: validators and start-up tests that compare a setting and raise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import cast

from readybook.facts.modules import Module
from readybook.facts.nodes import nodes
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.patterns import regex
from readybook.place import Place

_TELLING = regex(r"(?i)\b(?:\w*log(?:ger|ging)?|warnings?|print)\b")
_WORD = regex(r"\w+")  # of what an error says: "SECRET_KEY must be set"
_EXITS = frozenset({"exit", "_exit", "abort"})


def refused(modules: Iterable[Module], names: Iterable[str], value: str) -> Place | None:
    """Where application code raises, or exits, when one of ``names`` holds ``value``; None when nothing does.

    A class is looked at as a whole, since one validator often hands the test to another method.
    """
    wanted = {name.lower() for name in names if name}
    for module in modules:
        if module.role != "application" or not any(name in module.low for name in wanted):
            continue
        aliases = {t[3] for s in module.body if s[0] in ("assign", "ann") and s[-1] is not None
                   and s[-1][0] == "const" and s[-1][3] == value
                   for t in (s[4] if s[0] == "assign" else (s[4],)) if t[0] == "name"}
        for group in _ending(module):
            named = any(name in group.text for name in wanted)
            found = _refusal(group, wanted, value, aliases) if named else None
            if found is not None:
                return module.place(found)
    return None


class _Group:
    """Statements that belong together, and their text in small letters."""

    def __init__(self, statements: list[Node], text: str) -> None:
        self.statements = statements
        self.text = text

    @cached_property
    def nodes(self) -> list[Node]:
        """Everything in them; kept, since every default and fallback is looked for."""
        return [inner for statement in self.statements for inner in nodes(statement)]

    @cached_property
    def only_told(self) -> set[int]:
        """``id`` of what is asked only to write to the log."""
        return {id(n) for node in self.nodes if node[0] == "if" and len(node) > 6 and _tells_only(node)
                for n in nodes(node[4])}


def _ending(module: Module) -> list[_Group]:
    """The groups of a module whose text has a word that ends something."""
    kept = module.notes.get(_Group)
    if kept is None:
        kept = module.notes[_Group] = []
        for group in _groups(module.body):
            text = "\n".join(module.lines_of(s[10] if s[0] == "def" else s[1], s[3]) for s in group).lower()
            if any(word in text for word in ("raise", *_EXITS)):
                kept.append(_Group(group, text))
    return cast("list[_Group]", kept)


def _groups(body: Iterable[Node]) -> Iterator[list[Node]]:
    """What belongs together: the methods of a class, a function, an ``if`` at module level."""
    for statement in body:
        if statement[0] == "class":
            yield [inner for inner in statement[7] if inner[0] == "def"]
            yield from _groups(inner for inner in statement[7] if inner[0] == "class")
        elif statement[0] in ("def", "if"):
            yield [statement]


def _refusal(group: _Group, names: set[str], value: str, aliases: set[str]) -> Node | None:
    raises: Node | None = None
    mentioned = compared = False
    aliases = aliases | {t[3] for node in group.nodes if node[0] == "assign" and node[5][:1] == ("const",)
                         and node[5][3] == value for t in node[4] if t[0] == "name"}
    for node in group.nodes:
        kind = node[0]
        if kind == "raise" or (kind == "call" and node[3][-1] in _EXITS):
            raises = raises or node
        elif kind in ("name", "attr"):
            mentioned = mentioned or str(node[-1]).lower() in names
        elif kind == "const":
            mentioned = mentioned or isinstance(node[3], str) and not names.isdisjoint(_WORD.findall(node[3].lower()))
        elif kind == "cmp" and id(node) not in group.only_told:
            compared = compared or _compares(node, value, aliases)
    return raises if mentioned and compared else None


def _tells_only(statement: Node) -> bool:
    """Whether an ``if`` writes to the log, or prints, and goes on."""
    inner = [n for n in nodes((statement[5], statement[6]))]
    calls = [unparse(n[3]) for n in inner if n[0] == "call"]
    return bool(calls) and all(_TELLING.search(text) for text in calls) and not any(
        n[0] in ("raise", "return") for n in inner)


def _compares(node: Node, value: str, aliases: set[str]) -> bool:
    """Whether a comparison tells ``value`` from others: equal to it, a list with it, a length it lacks."""
    for operator, right in node[4]:
        if operator in ("Eq", "NotEq", "In", "NotIn"):
            for part in (*nodes(node[3]), *nodes(right)):
                if part[0] == "const" and isinstance(part[3], str) and part[3] and part[3].lower() in value.lower():
                    if operator in ("In", "NotIn") or part[3] == value:
                        return True
                if part[0] == "name" and part[3] in aliases:
                    return True
        length = node[3][0] == "call" and node[3][3][-1] == "len"
        if length and operator in ("Lt", "LtE") and right[0] == "const" and isinstance(right[3], int):
            return len(value) < right[3]
    return any(part[0] == "const" and part[3] == value for part in nodes(node[3])) and "In" in [o for o, _ in node[4]]
