"""Which module a file is, seen from another file of the target: by the imports that the target already makes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable

from readybook.errors import PatchError

IMPORTS = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]+))", re.M,
)


class Modules:
    """The target's Python files as modules. ``read`` gives the present text of a path."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], str | None], app_dir: str = "") -> None:
        self.paths = frozenset(p for p in paths if p.endswith(".py"))
        self._read = read
        self._app_dir = "" if app_dir in ("", ".") else app_dir.strip("/")
        self._folders = {folder for path in self.paths for folder in _above(path)}
        self._imported: dict[str, tuple[tuple[str, str], ...]] = {}

    def imported(self, path: str) -> tuple[str, ...]:
        """The module names that a file's import statements give, relative ones with their dots."""
        return tuple(dict.fromkeys(module for module, _ in self._statements(path)))

    def _statements(self, path: str) -> tuple[tuple[str, str], ...]:
        """(module, name) of each imported thing, the name empty for a plain ``import module``."""
        if path not in self._imported:
            found: list[tuple[str, str]] = []
            for origin, names, plain in IMPORTS.findall(self._read(path) or ""):
                found += [(m.split()[0], "") for m in plain.split(",") if m.split()]
                found += [(origin, n.split()[0]) for n in names.strip("()").split(",") if origin and n.split()]
            self._imported[path] = tuple(found)
        return self._imported[path]

    def is_local(self, path: str, module: str) -> bool:
        """Whether ``path`` means a module of the target when it imports ``module``."""
        if module.startswith("."):
            return True
        first = module.partition(".")[0]
        if first in sys.stdlib_module_names:
            return False
        return any(self._exists(root, first) for root in {*_above(path), self._app_dir})

    def file_of(self, path: str, module: str) -> str | None:
        """The file that ``path`` reads when it imports ``module``, or None when the target does not hold it."""
        if module.startswith("."):
            up = len(module) - len(module.lstrip("."))
            folders = _above(path)
            return self._file(folders[up - 1], module.lstrip(".")) if up <= len(folders) else None
        for root in dict.fromkeys([self._app_dir, *reversed(_above(path))]):
            if found := self._file(root, module):
                return found
        return None

    def name_for(self, path: str, target: str) -> str:
        """The module name by which ``path`` imports the file ``target``, in the way the target's imports go.

        Raises PatchError when a folder or file on the way has a name that no import statement can say.
        """
        own = self.imported(path)
        if not any(not m.startswith(".") and self.file_of(path, m) for m in own):
            relative = self._relative(path, target)
            if relative and any(m.startswith(".") for m in own):
                return relative
        name = _dotted(self._root(path, target), target)
        if not all(part.isidentifier() for part in name.split(".")):
            raise PatchError(f"{path}: {target} cannot be imported by a name")
        return name

    def reaches(self, start: str, goal: str) -> bool:
        """Whether importing ``start`` imports ``goal``, directly or through other files of the target."""
        seen, todo = {start}, [start]
        while todo:
            path = todo.pop()
            for module, name in self._statements(path):
                joined = module + name if module.endswith(".") else f"{module}.{name}"
                for found in (self.file_of(path, module), self.file_of(path, joined) if name else None):
                    if found == goal:
                        return True
                    if found and found not in seen:
                        seen.add(found)
                        todo.append(found)
        return False

    def _root(self, path: str, target: str) -> str:
        """The folder above ``target`` that imports start from: the one most imports of the target agree with."""
        roots = _above(target)
        votes = dict.fromkeys(roots, 0)
        for one in self.paths:
            weight = 5 if one == path else 1
            for module in self.imported(one):
                first = module.partition(".")[0]
                if not first or first in sys.stdlib_module_names:
                    continue
                for root in roots:
                    if self._exists(root, first) and (root == "" or one.startswith(root + "/")):
                        votes[root] += weight
        best = max(votes.values())
        if best:
            return min((r for r in roots if votes[r] == best), key=len)
        if self._app_dir and self._app_dir in roots:
            return self._app_dir
        return next((r for r in roots if not self._is_package(r)), "")

    def _relative(self, path: str, target: str) -> str | None:
        mine, theirs = path.split("/")[:-1], target.split("/")[:-1]
        shared = 0
        while shared < min(len(mine), len(theirs)) and mine[shared] == theirs[shared]:
            shared += 1
        folder = "/".join(mine[:shared])
        if not folder and not self._is_package(folder):
            return None
        below = _dotted(folder, target)
        return "." * (len(mine) - shared + 1) + below

    def _is_package(self, folder: str) -> bool:
        return (f"{folder}/__init__.py" if folder else "__init__.py") in self.paths

    def _exists(self, root: str, name: str) -> bool:
        at = f"{root}/{name}" if root else name
        return at in self._folders or f"{at}.py" in self.paths

    def _file(self, root: str, module: str) -> str | None:
        at = "/".join(filter(None, [root, *module.split(".")]))
        for found in (f"{at}.py", f"{at}/__init__.py"):
            if found in self.paths:
                return found
        return None


def _above(path: str) -> list[str]:
    """The folders above a path, innermost first, the target's own folder ('') last."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:n]) for n in range(len(parts), -1, -1)]


def _dotted(root: str, path: str) -> str:
    below = path[len(root) + 1 if root else 0:].removesuffix(".py")
    return below.removesuffix("/__init__").replace("/", ".")
