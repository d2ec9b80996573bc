"""Wrappers of functions: whether what they wrap runs where they are called, or in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook.facts.nodes import is_node, nodes
from readybook.facts.objects import FunctionValue
from readybook.facts.unparse import unparse

# what runs the callable it is given in another thread or process
MOVERS = ("to_thread", "run_in_threadpool", "run_in_executor", "run_sync", "submit", "sync_to_async", "asyncify")


def in_place(function: FunctionValue) -> FunctionValue:
    """The function whose body runs when one is called: the innermost behind wrappers that call what they wrap.

    A wrapper that hands its function to a thread stays what runs: the thread's work is not done in place.
    """
    f = function
    for _ in range(100):  # a wrapper may name itself
        if f.wrapped is None or _moves(f, f.wrapped):
            break
        f = f.wrapped
    return f


def _moves(wrapper: FunctionValue, wrapped: FunctionValue) -> bool:
    """Whether a wrapper only hands a plain function to a thread or an executor; a coroutine is awaited in its loop."""
    if wrapped.is_async or not any(mover in wrapper.module.text for mover in MOVERS):
        return False
    key = ("moves", id(wrapper.node))  # one body is shared by all that a decorator made
    kept = wrapper.module.notes.get(key)
    if kept is None:
        outer = wrapper.scope.outer
        scopes = (wrapper.scope, outer, outer.outer if outer is not None else None)
        names = {n for scope in scopes if scope is not None for n, value in scope.names.items() if value is wrapped}
        kept = wrapper.module.notes[key] = bool(names) and _handed(wrapper.node[6], names)
    return bool(kept)


def _handed(body: Any, names: set[str]) -> bool:
    moved = [n for n in nodes(body) if n[0] == "call" and unparse(n[3]).rpartition(".")[2] in MOVERS
             and any(m[0] == "name" and m[3] in names for a in (*n[4], *(v for _, v in n[5])) for m in nodes(a))]
    return bool(moved) and not any(_is_name(n[3], names) for n in _run_here(body, {id(m) for m in moved}))


def _run_here(part: Any, moved: set[int]) -> Iterator[Any]:
    """The calls of a body that are neither awaited nor an argument of what is moved."""
    if is_node(part):
        if part[0] == "await" or id(part) in moved:
            return
        if part[0] == "call":
            yield part
    if isinstance(part, tuple):
        for inner in part:
            if isinstance(inner, tuple):
                yield from _run_here(inner, moved)


def _is_name(node: Any, names: set[str]) -> bool:
    return bool(node[0] == "name" and node[3] in names)
