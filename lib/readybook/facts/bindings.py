"""What binds a name inside one body, and how a body turns bad values of a name away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from readybook.facts.nodes import blocks, holds, statements
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.patterns import regex

GROWING = frozenset({"append", "extend", "insert", "add", "update", "write", "appendleft"})
CHECKING = frozenset({"match", "fullmatch", "isalnum", "isdigit", "isidentifier", "isalpha", "isnumeric", "isdecimal",
                      "is_relative_to", "relative_to", "commonpath", "startswith", "search"})
SIMPLE = frozenset({"assign", "aug", "ann", "expr"})
VALIDATOR = regex(r"(?i)(?:^|_)(?:valid|check|verif|ensure|assert|allow|safe|sanit|permit|whitelist|guard)")
SAFE_NAME = regex(r"(?i)(?:^|_)(?:is|has|check|validate|verify)_?\w*(?:safe|valid|allow|permit|trusted|internal)"
                  r"|allowed|(?:^|_)(?:safe|valid)")


def bound(name: str, body: Any, use: Node | None = None) -> list[Node]:
    """Every expression that a body binds to a name, or grows it by; not those of functions defined in it.

    With the ``use`` of the name, only what may reach it: nothing that comes later, and nothing before an assignment
    that always comes between. ``("keyof", line, column, x)`` stands for a key of ``x``,
    ``("item", line, column, x, n)`` for the n-th part of ``x``, or of each of its elements, ``("opaque", line, column,
    text)`` for what has no expression: an exception that was caught, an import, a function.
    """
    found: list[Node] = []
    at = (use[1], use[2]) if use is not None else None
    for s, always in _walk(body, at):
        given = list(_given(name, s))
        if not given or at is not None and ((s[1], s[2]) > at or s[0] in SIMPLE and s[3] >= at[0] and holds(s, use)):
            continue
        if always and _rebinds(name, s):
            found.clear()
        found += given
    return found


def _walk(body: Any, at: tuple[int, int] | None, always: bool = True) -> Iterator[tuple[Node, bool]]:
    """The statements of a body in order, and whether each always runs before the place in it."""
    for s in body:
        yield s, always and at is not None
        for block in blocks(s):
            if block:
                inside = at is not None and (block[0][1], 0) <= at and at[0] <= block[-1][3]
                yield from _walk(block, at, always and (inside or s[0] == "with"))


def _rebinds(name: str, s: Node) -> bool:
    """Whether a statement gives the name a value that does not build on its old one."""
    if s[0] == "assign" and any(t[0] == "name" and t[3] == name for t in s[4]):
        value = s[5]
    elif s[0] == "ann" and s[6] is not None and s[4][0] == "name" and s[4][3] == name:
        value = s[6]
    else:
        return False
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", unparse(value)) is None


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


def guard(text: str, body: Any, conditions: tuple[str, ...] = ()) -> str:
    """How bad values of a name or an attribute are turned away before it is used.

    ``listed``: only values of a list get on; ``checked``: something looks at it first; empty: nothing does.
    ``conditions`` are the tests around the place of use.
    """
    answer = ""
    for condition in conditions:
        if condition.startswith(f"{text} in ") and " or " not in condition:
            return "listed"
        if f"{text} not in " not in condition and not condition.startswith("not ") and _looks_at(text, condition):
            answer = "checked"
    for s in statements(body):
        if s[0] == "assign" and _looks_up(s[5], text):
            answer = "checked"
        elif s[0] == "expr" and s[4][0] in ("call", "await"):
            call = s[4][3] if s[4][0] == "await" else s[4]
            if call[0] == "call" and _validates(call, text):
                answer = "checked"
        elif s[0] == "assert" and unparse(s[4]).startswith(f"{text} in "):
            return "listed"
        elif s[0] == "if" and s[5] and _leaves(s[5], text):
            test = s[4]
            if test[0] == "cmp" and unparse(test[3]) == text and test[4][0][0] == "NotIn":
                return "listed"
            if _looks_at(text, unparse(test)):
                answer = "checked"
    return answer


def _looks_up(value: Node, text: str) -> bool:
    """Whether a value is the one of many that equals the name: ``next((x for x in known if x.url == url), None)``."""
    if value[0] != "call" or unparse(value[3]) not in ("next", "any") or not value[4] or value[4][0][0] != "comp":
        return False
    tests = [t for _, _, tests, _ in value[4][0][6] for t in tests]
    return any(t[0] == "cmp" and len(t[4]) == 1 and t[4][0][0] == "Eq" and text in (unparse(t[3]), unparse(t[4][0][1]))
               for t in tests)


def _leaves(block: Any, text: str) -> bool:
    """Whether a block goes away, or gives the name another value."""
    last = block[-1]
    return last[0] in ("raise", "return", "continue") or (
        last[0] == "assign" and any(unparse(t) == text for t in last[4]))


def _looks_at(text: str, test: str) -> bool:
    """Whether a test asks a question about the name that only good values answer well."""
    if re.search(rf"(?<![\w.]){re.escape(text)}(?!\w)", test) is None:
        return False
    return any(f"{word}(" in test for word in CHECKING) or any(
        SAFE_NAME.search(function.rpartition(".")[2]) for function in re.findall(r"([\w.]+)\(", test)
    ) or f" in {text}.parents" in test or re.search(r"['\"](?:\.\.|/|\\\\)['\"] in ", test) is not None


def _validates(call: Node, text: str) -> bool:
    function = unparse(call[3]).rpartition(".")[2]
    if function in CHECKING and unparse(call[3]) == f"{text}.{function}":
        return True
    return VALIDATOR.search(function) is not None and any(
        unparse(a) == text or unparse(a).startswith(f"{text}.") for a in (*call[4], *(v for _, v in call[5])))
