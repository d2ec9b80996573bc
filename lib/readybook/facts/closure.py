"""Which files a file pulls in when it is imported: its own imports, those in its functions, and theirs."""

from __future__ import annotations

from collections.abc import Iterator

from readybook.facts.alone import alone
from readybook.facts.modules import Module, Modules
from readybook.facts.nodes import statements
from readybook.facts.syntax import Node


def pulled_in(modules: Modules, path: str) -> frozenset[str]:
    """Paths of the project's files that importing ``path`` and running what it holds can load, itself included."""
    if path in modules.closures:
        return modules.closures[path]
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
    modules.closures[path] = frozenset(seen)
    return modules.closures[path]


def _imported(modules: Modules, module: Module) -> Iterator[str]:
    asked: set[str] = set()
    for s in alone(module, "imports"):
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
                part = ".".join(parts[:n])
                if part not in asked:
                    asked.add(part)
                    found = modules.find(part, module)
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


def imports_in(module: Module) -> tuple[Node, ...]:
    """The import statements of one file, those inside functions, classes and branches too."""
    found: list[Node] = []
    todo = [module.body]
    while todo:
        for s in statements(todo.pop()):
            if s[0] in ("import", "from"):
                found.append(s)
            elif s[0] in ("def", "class"):
                todo.append(s[6] if s[0] == "def" else s[7])
    return tuple(found)
