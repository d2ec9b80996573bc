"""What a file says by itself, whatever its path and the files around it.

Such a fact is made of the text and the statements of one file alone and consists of what ``marshal`` takes: where much
code is lowered, it is worked out beside that, on all cores, and the cache keeps it with the statements. Elsewhere, and
where the kept ones are damaged, it is worked out when somebody asks.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from readybook.facts.roles import role

if TYPE_CHECKING:
    from readybook.facts.modules import Module
    from readybook.facts.syntax import Node

Told = dict[str, Any] | bytes  # facts by their names, or all of them as ``marshal`` writes them
DEPTH = 1000  # of Python's calls, as where a check asks: what is nested more deeply is left to that
CODE = ("application", "script", "migration")


@cache
def _facts() -> Mapping[str, tuple[tuple[str, ...], Callable[[Module], Any]]]:
    """By name: the roles of the files that the fact is asked of, and what makes it."""
    from readybook.facts.closure import imports_in
    from readybook.facts.comparisons import signed_lines
    from readybook.facts.dbindexes import indexes_in
    from readybook.facts.hosts import host_lines
    from readybook.facts.keptliterals import literals_in

    served = CODE[:1]
    return {"hosts": (served, host_lines), "imports": (CODE, imports_in), "indexes": ((*CODE, "test"), indexes_in),
            "literals": (CODE, literals_in), "signs": (served, signed_lines)}


def told_by(path: str, text: str, body: tuple[Node, ...], exact: bool) -> bytes:
    """Each such fact that somebody may ask of a file, for the cache and for another process."""
    from readybook.facts.modules import Module

    module = Module(path, "", "", body, text, exact, role=role(path, text[:600]))
    found = {}
    with _shallow():
        for name, (roles, make) in _facts().items():
            if module.role in roles:
                with suppress(Exception):  # it is raised where somebody asks
                    found[name] = make(module)
    return marshal.dumps(found)


def alone(module: Module, name: str) -> Any:
    """The fact of that name about a file."""
    if isinstance(module.told, bytes):
        try:
            module.told = marshal.loads(module.told)
        except (ValueError, EOFError, TypeError):  # damaged in the cache, or none there
            module.told = {}
    told: dict[str, Any] = module.told  # type: ignore[assignment]
    if name not in told:
        told[name] = _facts()[name][1](module)
    return told[name]


@contextmanager
def _shallow() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit, DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
