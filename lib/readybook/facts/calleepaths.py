"""The dotted name of what a call calls."""

from __future__ import annotations

from typing import Any

from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, Native, PartialValue, Subscripted
from readybook.facts.values import SEVERAL, Choice, External


def path_of(callee: Any) -> str:
    """The dotted name of a callee, empty when it is not known."""
    if isinstance(callee, (External, ClassValue)):
        return callee.path
    if isinstance(callee, FunctionValue):
        return callee.original.path
    if isinstance(callee, Bound):
        if isinstance(callee.function, str):
            return f"{type(callee.self).__name__}.{callee.function}"
        return path_of(callee.function)
    if isinstance(callee, Instance):
        return f"{callee.path}.__call__"
    if isinstance(callee, PartialValue):
        return path_of(callee.function)
    if isinstance(callee, Subscripted):
        return path_of(callee.args[0] if callee.base == SEVERAL and callee.args else callee.base)
    if isinstance(callee, Choice):
        return _one_path({path_of(v) for _, v in callee.options if v is not None})
    return callee.name if isinstance(callee, Native) else ""


def _one_path(paths: set[str]) -> str:
    """The path of what is one of several: the same method at the end of chains that begin alike, where one has more
    steps than another (``if wanted: query = query.filter(…)``), goes by the longest of them."""
    longest = max(sorted(paths), key=len, default="")
    begins, ends = longest.partition("().")[0], longest.rpartition("().")[2]
    alike = "()." in longest and all(p.startswith(f"{begins}().") and p.endswith(f"().{ends}") for p in paths)
    return longest if len(paths) == 1 or alike else ""
