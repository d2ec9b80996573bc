"""The names that hold an exception: bound by ``except … as e``, or handed to an exception handler."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts.bindings import bindings_of
from readybook.facts.nodes import nodes, own_nodes, statements
from readybook.facts.objects import ClassValue
from readybook.facts.syntax import Node
from readybook.facts.textflow import named_class
from readybook.facts.unparse import unparse
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour
    from readybook.facts.objects import FunctionValue


@record
class Caught:
    """An exception where it is caught. ``kinds`` are the last names of its types (empty: everything); ``first`` and
    ``last`` the lines where the name holds it; ``handed`` whether it is an argument of an exception handler."""

    name: str
    kinds: tuple[str, ...]
    first: int
    last: int
    handed: bool
    body: Any = field(repr=False, compare=False)


def caught_in(function: FunctionValue, behaviour: Behaviour) -> list[Caught]:
    """Every exception that a function's body has under a name."""
    if function.node[0] != "def":
        return []
    body, found = function.node[6], []
    for s in statements(body):
        for kind, name, block, line in s[5] if s[0] == "try" else ():
            parts = kind[3] if kind is not None and kind[0] == "tuple" else (kind,) if kind is not None else ()
            kinds = tuple(_kind(p, function) for p in parts)
            found.append(Caught(name or "", kinds, line, block[-1][3], False, block))
    for app in behaviour.program.apps:
        for handler in app.exception_handlers:
            if getattr(handler.target, "node", None) is function.node and len(function.params) > 1:
                key = handler.key.rpartition(".")[2]
                found.append(Caught(function.params[1][0], ("Exception",) if key == "500" else (key,), function.node[1],
                                    function.node[3], True, body))
    return found


def _kind(node: Node, function: FunctionValue) -> str:
    """The last name of an exception's type; all of it where the project has a class of a builtin's name."""
    name = unparse(node).rpartition(".")[2]
    own = named_class(node, function) if hasattr(builtins, name) else None
    return own.path if isinstance(own, ClassValue) else name


def handles_all(function: FunctionValue) -> bool:
    """Whether a function sees to every error of what it does: what a coroutine awaits, and what a plain function calls,
    stands in a ``try`` that catches all, does something about it and raises nothing."""
    body = function.original.node[6] if function.original.node[0] == "def" else ()
    seen_to = {id(n) for s in statements(body) if s[0] == "try" and any(map(_sees_to, s[5])) for n in nodes(s)}
    kinds = ("await", "with", "for") if function.is_async else ("call",)
    may_fail = [n for n in own_nodes(body) if n[0] in kinds and not (
        n[0] == "for" and not n[8] or n[0] == "with" and (not n[6] or _only_locks(n)))]
    return bool(seen_to) and all(id(n) in seen_to for n in may_fail)


def _sees_to(handler: tuple[Any, ...]) -> bool:
    kind, _, block, _ = handler
    told = any(n[0] == "call" for n in nodes(block)) and not any(n[0] == "raise" for n in nodes(block))
    return told and (kind is None or unparse(kind).rpartition(".")[2] in ("Exception", "BaseException"))


def _only_locks(entered: Node) -> bool:
    return all(re.search(r"(?i)lock|semaphore|limiter", unparse(context)) for context, _ in entered[4])


CHOSEN = frozenset({"AssertionError", "ValueError", "HTTPException", "ValidationError"})


def told_of(node: Node, function: FunctionValue, names: frozenset[str], depth: int = 0) -> Iterator[tuple[Node, str]]:
    """(expression, name) of each part of an expression that shows an exception's text, or its traceback.

    ``str(e)``, ``repr(e)``, ``f"{e}"``, ``e.args`` and ``traceback.format_exc()``; names are followed to what the
    function binds to them. What only asks for its type or a field of it shows no text.
    """
    kind = node[0]
    if kind == "name":
        if node[3] in names:
            yield node, node[3]
        elif depth < 3 and function.node[0] == "def":
            for value in bindings_of(function.module, function.node[6]).bound(node[3], node):
                if value[0] not in ("opaque", "keyof", "item"):
                    yield from told_of(value, function, names, depth + 1)
        return
    if kind == "call":
        callee = unparse(node[3])
        if callee.endswith(("format_exc", "format_exception", "format_tb")) and (
                callee.startswith("traceback.") or "from traceback import" in function.module.text):
            yield node, "traceback"
            return
        if callee in ("str", "repr", "ascii") and node[4] and node[4][0][0] == "name" and node[4][0][3] in names:
            yield node, node[4][0][3]
            return
        if callee.rpartition(".")[2] in ("type", "isinstance", "len", "getattr", "get_error_message", "hasattr", "id"):
            return
        if node[3][0] != "attr" and callee not in ("str", "repr", "dict", "jsonable_encoder", "list"):
            return
    if kind == "if" and _narrowed(node[3], names):
        yield from told_of(node[5], function, names, depth)
        return
    if kind == "attr":
        if node[4] in ("args", "orig", "message", "msg", "reason", "stderr", "stdout") and node[3][0] == "name":
            yield from ((node, name) for _, name in told_of(node[3], function, names, 3))
        return
    for part in node[3:]:
        yield from _parts(part, function, names, depth)


def _narrowed(test: Node, names: frozenset[str]) -> bool:
    """Whether a test lets only errors through whose words somebody chose: ``isinstance(e, AssertionError)``."""
    if test[0] != "call" or unparse(test[3]) != "isinstance" or len(test[4]) != 2:
        return False
    classes = re.findall(r"\w+", unparse(test[4][1]).replace(".", "_."))
    return unparse(test[4][0]) in names and all(c in CHOSEN for c in classes) and bool(classes)


def _parts(part: Any, function: FunctionValue, names: frozenset[str], depth: int) -> Iterator[tuple[Node, str]]:
    if not isinstance(part, tuple) or not part:
        return
    if isinstance(part[0], str) and len(part) > 2 and isinstance(part[1], int):
        yield from told_of(part, function, names, depth)
    else:
        for inner in part:
            yield from _parts(inner, function, names, depth)
