"""Which of the target's files a start command names, and from which folder that file is imported."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from readybook.facts.servercommands import ServerCall

_FASTAPI_DEFAULTS = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")


class EntryFiles:
    """The target's Python files, to be found by the tail of their path."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.python = frozenset(p for p in paths if p.endswith(".py"))
        self.suffixes: dict[str, list[str]] = {}
        for path in sorted(self.python):
            self.suffixes.setdefault(path.rpartition("/")[2], []).append(path)

    def of(self, call: ServerCall, hint: str, folder: str) -> tuple[str | None, str | None]:
        """(file, import root) of a command written for the folder ``hint`` and run in ``folder`` (empty: not known)."""
        if call.app:
            return self.find_module(call.app.partition(":")[0], hint, folder)
        if call.file.startswith("-m "):
            module = call.file.removeprefix("-m ")
            found = self.find_module(f"{module}.__main__", hint, folder)
            return found if found[0] else self.find_module(module, hint, folder)
        if call.file:
            file, _ = self.find_file(posixpath.normpath(call.file).lstrip("/"), hint, folder)
            if file and call.server == "python":
                return file, posixpath.dirname(file)
            return (file, self.above_package(file)) if file else (None, None)
        if call.server.startswith("fastapi"):
            for name in _FASTAPI_DEFAULTS:
                base = posixpath.normpath(posixpath.join(hint, folder, name)).lstrip("/")
                if base in self.python:
                    return base, self.above_package(base)
        return None, None

    def above_package(self, file: str) -> str:
        """The folder above the outermost package of a file: what FastAPI's own command puts on the import path."""
        folder = posixpath.dirname(file)
        while folder and f"{folder}/__init__.py" in self.python:
            folder = posixpath.dirname(folder)
        return folder

    def find_module(self, module: str, hint: str, folder: str) -> tuple[str | None, str | None]:
        """(file, import root) of a dotted module; the root is the nearest to the command's place."""
        base = module.replace(".", "/")
        for tail in (f"{base}.py", f"{base}/__init__.py"):
            found = self.find_file(tail, hint, folder)
            if found[0] is not None:
                return found[0], found[0][:-len(tail)].rstrip("/")
        return None, None

    def find_file(self, tail: str, hint: str, folder: str) -> tuple[str | None, str | None]:
        matches = [p for p in self.suffixes.get(tail.rpartition("/")[2], ()) if p == tail or p.endswith("/" + tail)]
        if not matches:
            return None, None
        wanted = folder.strip("/").removeprefix("./")

        def key(path: str) -> tuple[bool, int, int, str]:
            root = path[:-len(tail)].rstrip("/")
            named = bool(wanted) and (root == wanted or root.endswith("/" + wanted))
            return (not named, folders_between(path, hint), path.count("/"), path)

        best = min(matches, key=key)
        return best, best[:-len(tail)].rstrip("/")


def folders_between(path: str, hint: str) -> int:
    """How many folders lie between a path and the folder ``hint``."""
    here, there = path.split("/")[:-1], [p for p in hint.split("/") if p]
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    return len(here) + len(there) - 2 * shared
