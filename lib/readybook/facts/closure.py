"""Which files a file pulls in when it is imported: its own imports, those in its functions, and theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook.facts.modules import Module, Modules
from readybook.facts.syntax import Node


def pulled_in(modules: Modules, path: str) -> frozenset[str]:
    """Paths of the project's files that importing ``path`` and running what it holds can load, itself included."""
    seen = {path}
    todo = [path]
    known = modules.imported
    while todo:
        here = todo.pop()
        if here not in known:
            module = modules.by_path.get(here)
            known[here] = tuple(dict.fromkeys(_imported(modules, module))) if module is not None else ()
        for found in known[here]:
            if found not in seen:
                seen.add(found)
                todo.append(found)
    return frozenset(seen)


def _imported(modules: Modules, module: Module) -> Iterator[str]:
    for s in _imports(module.body):
        if s[0] == "from" and s[5]:
            yield from _relative(modules, module, s)
            continue
        if s[0] == "import":
            names = [name for name, _ in s[4]]
        else:
            names = [s[4], *(f"{s[4]}.{n}" for n, _ in s[6] if n != "*")]
        for name in names:
            parts = name.split(".")
            for n in range(1, len(parts) + 1):  # importing a.b.c runs a and a.b first
                found = modules.find(".".join(parts[:n]), module)
                if isinstance(found, Module):
                    yield found.path


def _relative(modules: Modules, module: Module, s: Node) -> Iterator[str]:
    """What ``from .a import b`` loads: by folders, since a package need not have an ``__init__.py``."""
    folders = module.path.split("/")[:-1]
    if s[5] - 1 > len(folders):
        return
    base = folders[: len(folders) - (s[5] - 1)]
    origin = [*base, *(s[4].split(".") if s[4] else ())]
    for parts in [*(origin[:n] for n in range(len(base), len(origin) + 1)), *([*origin, n] for n, _ in s[6])]:
        stem = "/".join(parts)
        for path in (f"{stem}.py", f"{stem}/__init__.py" if stem else "__init__.py"):
            if path in modules.by_path:
                yield path


def _imports(body: tuple[Node, ...]) -> Iterator[Node]:
    """The import statements of a body, those inside functions, classes and branches too."""
    todo: list[Any] = [body]
    while todo:
        for s in todo.pop():
            if s[0] in ("import", "from"):
                yield s
            elif s[0] in _COMPOUND:
                todo += [part for part in _blocks(s)]


_COMPOUND = frozenset(("if", "for", "while", "try", "with", "def", "class", "match"))
_STATEMENTS = _COMPOUND | {
    "expr", "assign", "aug", "ann", "return", "raise", "assert", "import", "from", "del", "global", "nonlocal", "type",
    "break", "continue", "pass",
}


def _blocks(s: Node) -> Iterator[Any]:
    """The blocks of a compound statement: tuples of statements, also those of handlers and cases."""
    for part in s[4:]:
        if not isinstance(part, tuple) or not part:
            continue
        if _is_block(part):
            yield part
        elif isinstance(part[0], tuple):
            for inner in part:
                if isinstance(inner, tuple):
                    yield from (p for p in inner if isinstance(p, tuple) and _is_block(p))


def _is_block(part: Any) -> bool:
    first = part[0] if part else None
    if not isinstance(first, tuple) or len(first) < 4 or not isinstance(first[0], str):
        return False  # a tuple in its place would be hashed with all that it holds
    return first[0] in _STATEMENTS and isinstance(first[3], int)
