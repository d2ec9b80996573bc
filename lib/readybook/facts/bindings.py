"""What binds a name inside one body, and how a body turns bad values of a name away."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from readybook.facts.asking import CHECKING, PARTS, looks_at, mentions
from readybook.facts.listed import all_listed
from readybook.facts.nodes import blocks, holds, nodes, statements
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.modules import Module

GROWING = frozenset({"append", "extend", "insert", "add", "update", "write", "appendleft"})
SIMPLE = frozenset({"assign", "aug", "ann", "expr"})
VALIDATOR = regex(r"(?i)(?:^|_)(?:valid|check|verif|ensure|assert|allow|safe|sanit|permit|whitelist|guard)"
                  r"|^(?:UUID|int|float|ObjectId|ip_address)$")
LOOKUP = regex(r"get|find_one|get_or_none|get_by_(?:id|name|uuid|slug|key)")
ELSEWHERE = regex(r"(?i)requests|http|client|cache|redis|s3|storage")  # what is fetched from there, or may be put there


def bindings_of(module: Module, body: Any) -> Bindings:
    """What binds names in a body of a module; kept, since traces ask for the same bodies again and again."""
    kept = module.notes.get((Bindings, id(body)))
    if kept is None:
        kept = module.notes[Bindings, id(body)] = Bindings(body)
    return cast(Bindings, kept)


class Bindings:
    """One body's statements by the names they bind, and what in it turns values away; functions and classes defined in
    it keep theirs to themselves."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self._turned: dict[str, str] = {}
        self._found: dict[str, list[tuple[Node, tuple[Any, ...], list[Node], bool]]] = {}

    def bound(self, name: str, use: Node | None = None) -> list[Node]:
        """Every expression that the body binds to a name, or grows it by.

        With the ``use`` of the name, only what may reach it: nothing that comes later, and nothing before an assignment
        that always comes between. ``("keyof", line, column, x)`` stands for a key of ``x``,
        ``("item", line, column, x, n)`` for the n-th part of ``x``, or of each of its elements, ``("opaque", line,
        column, text)`` for what has no expression: an exception that was caught, an import, a function.
        """
        found: list[Node] = []
        at = (use[1], use[2]) if use is not None else None
        for s, around, given, rebinds in self._given(name):
            if at is not None:
                if (s[1], s[2]) > at or s[0] in SIMPLE and s[3] >= at[0] and holds(s, use):
                    continue
                if rebinds and all((b[0][1], 0) <= at and at[0] <= b[-1][3] for b in around):  # always runs before
                    found.clear()
            found += given
        return found

    def _given(self, name: str) -> list[tuple[Node, tuple[Any, ...], list[Node], bool]]:
        """(statement, blocks around it that may not run, what it gives the name, whether that is all of the name)."""
        kept = self._found.get(name)
        if kept is None:
            kept = self._found[name] = [
                (s, around, given, _rebinds(name, s)) for s, around in self._binding.get(name, ())
                if (given := list(_given(name, s)))]
        return kept

    @cached_property
    def _binding(self) -> dict[str, list[tuple[Node, tuple[Any, ...]]]]:
        """Name → the statements that may bind or grow it, in order."""
        index: dict[str, list[tuple[Node, tuple[Any, ...]]]] = {}
        for s, around in _walk(self.body, ()):
            for name in {*_named(s)}:
                index.setdefault(name, []).append((s, around))
        return index

    def under_other_keys(self, name: str, key: object) -> frozenset[int]:
        """``id`` of each expression that is put into a mapping under another written key: ``d["other"] = x``."""
        return frozenset(
            id(s[5]) for s, _ in self._binding.get(name, ()) if s[0] == "assign"
            for held in map(_outermost, s[4])
            if held[0] == "sub" and held[3][0] == "name" and held[4][0] == "const" and held[4][3] != key)

    @cached_property
    def statements(self) -> tuple[Node, ...]:
        """The statements of the body and of the blocks in it."""
        return tuple(statements(self.body))

    @cached_property
    def returns(self) -> list[tuple[Node | None, tuple[str, ...]]]:
        """What each ``return`` gives back, in order, with the tests around it."""
        return list(_returns(self.body, ()))

    def guard(self, text: str, conditions: tuple[str, ...] = ()) -> str:
        """How bad values of a name or an attribute are turned away before it is used.

        ``listed``: only values of a list get on; ``checked``: something looks at it first; empty: nothing does.
        ``conditions`` are the tests around the place of use.
        """
        answer = ""
        for condition in conditions:
            if condition.startswith(f"{text} in ") and " or " not in condition:
                return "listed"
            if f"{text} not in " not in condition and not condition.startswith("not ") and looks_at(text, condition):
                answer = "checked"
        if (turned := self._turned.get(text)) is None:
            turned = self._turned[text] = self._turned_away(text)
        return turned if turned == "listed" else answer or turned

    def _turned_away(self, text: str) -> str:
        """How the statements of the body turn bad values away, as ``guard`` says it."""
        answer = ""
        for test, listed, leaves in self._tests:
            if leaves is None or text in leaves:
                if listed == text or listed is None and test.startswith(f"{text} in "):
                    return "listed"
                if listed is not None and not answer and looks_at(text, test):
                    answer = "checked"
        known = answer or text in self._looked_up or any(a == text or a.startswith(f"{text}.") for a in self._validated)
        return "checked" if known else ""

    @cached_property
    def _tests(self) -> list[tuple[str, str | None, frozenset[str] | None]]:
        """(text of a test, what it turns away unless a list has it, the names that get another value: None to leave):
        tests of ``if`` whose block leaves or gives a name another value; those of ``assert`` have None in the middle.
        """
        found: list[tuple[str, str | None, frozenset[str] | None]] = []
        for s in self.statements:
            if s[0] == "assert":
                found.append((unparse(s[4]), None, None))
            elif s[0] == "if" and s[5]:
                last, test = s[5][-1], s[4]
                if last[0] in ("raise", "return", "continue", "assign"):
                    listed = unparse(test[3]) if test[0] == "cmp" and test[4][0][0] == "NotIn" else ""
                    leaves = frozenset(map(unparse, last[4])) if last[0] == "assign" else None
                    found.append((" ".join((unparse(test), *self._insides(test))), listed, leaves))
            if s[0] in ("for", "if") and (whole := all_listed(s)):
                found.append(("", whole, None))
        return found

    def _insides(self, test: Node) -> Iterator[str]:
        """What the names of a test are bound to, where that says how far a path lies inside another, or which host an
        address names."""
        for part in nodes(test):
            if part[0] == "name":
                yield from (text for value in self.bound(part[3]) if PARTS.search(text := unparse(value)))

    @cached_property
    def _looked_up(self) -> frozenset[str]:
        """Texts that one of many is picked by, and those whose own method checks them (``name.isalnum()``)."""
        picked = (text for s in self.statements if s[0] == "assign" for text in (*_picks(s[5]), *self._found_by(s)))
        own = (callee[: -len(method) - 1] for call in self._called for callee in (unparse(call[3]),)
               for method in (callee.rpartition(".")[2],) if method in CHECKING and method != callee)
        return frozenset((*picked, *own))

    def _found_by(self, s: Node) -> Iterator[str]:
        """What one of many is looked up by, where a body leaves without it: ``user = users.get(name)``."""
        value = s[5][3] if s[5][0] == "await" else s[5]
        if value[0] != "call" or value[3][0] != "attr" or not LOOKUP.fullmatch(value[3][4]):
            return
        names = {f"not {unparse(t)}" for t in s[4]} | {f"{unparse(t)} is None" for t in s[4]}
        if not ELSEWHERE.search(unparse(value[3][3])) and any(test in names for test, _, leaves in self._tests
                                                              if leaves is None):
            yield from map(unparse, value[4])

    @cached_property
    def _validated(self) -> list[str]:
        """The arguments of functions whose names say that they check, ``check(name)``, or of types that refuse."""
        found = [unparse(a) for call in self._called if VALIDATOR.search(unparse(call[3]).rpartition(".")[2])
                 for a in (*call[4], *(v for _, v in call[5]))]
        for s in (s for s in self.statements if s[0] == "assign"):
            call = s[5][3] if s[5][0] == "await" else s[5]
            if call[0] == "call" and VALIDATOR.search(unparse(call[3]).rpartition(".")[2]):
                found += {unparse(a) for a in call[4]} & {unparse(target) for target in s[4]}
        return found

    @cached_property
    def _called(self) -> list[Node]:
        """The calls that are statements of their own."""
        values = (s[4][3] if s[4][0] == "await" else s[4] for s in self.statements if s[0] == "expr")
        return [value for value in values if value[0] == "call"]


def _returns(body: Any, tests: tuple[str, ...]) -> Iterator[tuple[Node | None, tuple[str, ...]]]:
    for s in body:
        if s[0] == "return":
            yield s[4], tests
        elif s[0] == "if":
            test = unparse(s[4])
            yield from _returns(s[5], (*tests, test))
            yield from _returns(s[6], (*tests, f"not ({test})"))
        else:
            for block in blocks(s):
                yield from _returns(block, tests)


def _walk(body: Any, around: tuple[Any, ...]) -> Iterator[tuple[Node, tuple[Any, ...]]]:
    """The statements of a body in order, each with the blocks around it that do not always run."""
    for s in body:
        yield s, around
        for block in blocks(s):
            if block:
                yield from _walk(block, around if s[0] == "with" else (*around, block))


def _named(s: Node) -> Iterator[str]:
    """The names that a statement may bind or grow."""
    kind = s[0]
    if kind == "assign":
        for target in s[4]:
            yield from _targets(target)
    elif kind in ("aug", "ann", "for"):
        yield from _targets(s[4])
    elif kind == "expr":
        if s[4][0] == "call" and s[4][3][0] == "attr" and s[4][3][4] in GROWING:
            yield from _targets(s[4][3][3])
    elif kind == "with":
        for _, target in s[4]:
            if target is not None:
                yield from _targets(target)
    elif kind == "try":
        yield from (handler[1] for handler in s[5] if handler[1])
    elif kind in ("def", "class"):
        yield s[4]
    elif kind == "from":
        yield from (alias or name for name, alias in s[6])
    elif kind == "import":
        yield from (alias or name.partition(".")[0] for name, alias in s[4])
    elif kind in ("if", "while"):
        yield from (walrus[3][3] for walrus in _walruses(s))


def _outermost(target: Node) -> Node:
    """The first subscript of a chain, ``d["a"]`` of ``d["a"]["b"]``."""
    while target[0] == "sub" and target[3][0] == "sub":
        target = target[3]
    return target


def _targets(target: Node) -> Iterator[str]:
    """The names that ``_binds`` finds in a target."""
    if target[0] in ("tuple", "list"):
        for part in target[3]:
            yield from _targets(part)
    elif target[0] in ("star", "sub"):
        yield from _targets(target[3])
    elif target[0] == "name":
        yield target[3]


def _rebinds(name: str, s: Node) -> bool:
    """Whether a statement gives the name a value that does not build on its old one."""
    if s[0] == "assign" and any(t[0] == "name" and t[3] == name for t in s[4]):
        value = s[5]
    elif s[0] == "ann" and s[6] is not None and s[4][0] == "name" and s[4][3] == name:
        value = s[6]
    else:
        return False
    return not mentions(unparse(value), name)


def _given(name: str, s: Node) -> Iterator[Node]:
    """What one statement binds to a name, or grows it by."""
    kind = s[0]
    if kind == "assign":
        for target in s[4]:
            yield from taken(name, target, s[5])
    elif kind == "aug" and _binds(s[4], name) or kind == "ann" and s[6] is not None and _binds(s[4], name):
        yield s[6]
    elif kind == "for":
        yield from iterated(name, s[4], s[5])
    elif kind == "expr" and s[4][0] == "call" and s[4][3][0] == "attr" and s[4][3][4] in GROWING:
        if _binds(s[4][3][3], name):
            yield from s[4][4]
    elif kind == "with":
        for context, target in s[4]:
            if target is not None:
                yield from taken(name, target, context)
    elif kind == "try":
        for handler in s[5]:
            if handler[1] == name:
                yield ("opaque", s[1], s[2], name)
    elif kind in ("def", "class") and s[4] == name or kind == "from" and any(
        (alias or n) == name for n, alias in s[6]
    ) or kind == "import" and any((alias or n.partition(".")[0]) == name for n, alias in s[4]):
        yield ("opaque", s[1], s[2], name)
    for walrus in _walruses(s):
        if walrus[3][3] == name:
            yield walrus[4]


def _walruses(s: Node) -> Iterator[Node]:
    """``(name := value)`` in the test of an if or a while."""
    if s[0] in ("if", "while"):
        stack = [s[4]]
        while stack:
            node = stack.pop()
            if node[0] == "walrus":
                yield node
            elif node[0] == "bool":
                stack.extend(node[4])
            elif node[0] == "cmp":
                stack.append(node[3])
            elif node[0] == "unary":
                stack.append(node[4])


def taken(name: str, target: Node, value: Node) -> Iterator[Node]:
    """What an assignment to a target gives the name: the element at its place where both sides are listed."""
    if target[0] in ("tuple", "list") and value[0] in ("tuple", "list") and len(target[3]) == len(value[3]):
        for t, v in zip(target[3], value[3], strict=True):
            yield from taken(name, t, v)
    elif target[0] in ("tuple", "list") and not any(t[0] == "star" for t in target[3]):
        for index, t in enumerate(target[3]):
            if _binds(t, name):
                yield ("item", value[1], value[2], value, index)
    elif _binds(target, name):
        yield value


def iterated(name: str, target: Node, iterable: Node) -> Iterator[Node]:
    """What a loop over an iterable gives the name: an element, a key of ``x.items()``, nothing for a counter."""
    if not _binds(target, name):
        return
    called = iterable[3] if iterable[0] == "call" else None
    method = called[4] if called is not None and called[0] == "attr" else ""
    function = called[3] if called is not None and called[0] == "name" else ""
    pair = target[3] if target[0] in ("tuple", "list") and len(target[3]) > 1 else ()
    if called is not None and (method == "keys" or method == "items" and pair and _binds(pair[0], name)):
        yield ("keyof", iterable[1], iterable[2], called[3])
    elif function == "enumerate" and pair and iterable[4]:
        if not _binds(pair[0], name):
            yield from iterated(name, pair[1], iterable[4][0])
    elif function == "zip" and len(pair) == len(iterable[4]):
        for t, v in zip(pair, iterable[4], strict=True):
            yield from iterated(name, t, v)
    elif function in ("sorted", "list", "set", "reversed", "tuple") and iterable[4]:
        yield from iterated(name, target, iterable[4][0])
    elif iterable[0] in ("tuple", "list", "set") and iterable[3]:
        for item in iterable[3]:
            yield from taken(name, target, item)
    elif iterable[0] == "dict" and not pair:
        yield ("keyof", iterable[1], iterable[2], iterable)
    else:
        index = next((n for n, t in enumerate(pair) if _binds(t, name)), None)
        yield iterable if index is None else ("item", iterable[1], iterable[2], iterable, index)


def _binds(target: Node, name: str) -> bool:
    if target[0] in ("tuple", "list"):
        return any(_binds(t, name) for t in target[3])
    if target[0] in ("star", "sub"):
        return _binds(target[3], name)
    return bool(target[0] == "name" and target[3] == name)


def _picks(value: Node) -> Iterator[str]:
    """The texts that pick one of many: both sides in ``next((x for x in known if x.url == url), None)``."""
    if value[0] == "call" and value[4] and unparse(value[3]) in ("next", "any"):
        for t in _tests_of(value[4][0]):
            if t[0] == "cmp" and len(t[4]) == 1 and t[4][0][0] == "Eq":
                yield from (unparse(t[3]), unparse(t[4][0][1]))


def _tests_of(chosen: Node) -> Iterator[Node]:
    """The tests of a comprehension, or of ``filter(lambda x: x.url == url, known)``."""
    if chosen[0] == "comp":
        yield from (t for _, _, tests, _ in chosen[6] for t in tests)
    elif chosen[0] == "call" and unparse(chosen[3]) == "filter" and chosen[4] and chosen[4][0][0] == "lambda":
        yield from (n for n in nodes(chosen[4][0]) if n[0] == "cmp")
