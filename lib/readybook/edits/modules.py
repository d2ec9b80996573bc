"""Which module a file is, seen from another file of the target: by the imports that the target already makes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache

from readybook.errors import PatchError
from readybook.patterns import regex

IMPORTS = regex(
    r"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)|import[ \t]+([^\n#]+))", re.M,
)


# Files that may say how the service is started (``module:app``).
SERVING = regex(
    r"(?:^|/)(?:[^/]*Dockerfile[^/]*|Procfile|Makefile|[^/]*\.(?:ya?ml|sh|md|toml|ini|conf|service|py))$"
)


class Modules:
    """The target's Python files as modules. ``read`` gives the present text of a path."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], str | None], app_dir: str = "") -> None:
        paths = list(paths)
        self.paths = frozenset(p for p in paths if p.endswith(".py"))
        self._serving = sorted(p for p in paths if SERVING.search(p))
        self._read = read
        self._app_dir = "" if app_dir in ("", ".") else app_dir.strip("/")
        self._folders = {folder for path in self.paths for folder in _above(path)}
        self._files: dict[tuple[str, str], str | None] = {}

    def imported_files(self, path: str) -> set[str]:
        """The files of the target that a file imports, ``from package import module`` included."""
        found: set[str] = set()
        for module, name in self._statements(path):
            joined = module + name if module.endswith(".") else f"{module}.{name}"
            found |= {f for f in (self.file_of(path, module), self.file_of(path, joined) if name else None) if f}
        return found

    def passes_on(self, path: str, origin: str) -> bool:
        """Whether a file imports another one directly, so that it may pass its names on."""
        return any(self.file_of(path, module) == origin for module in self.imported(path))

    def imported(self, path: str) -> tuple[str, ...]:
        """The module names that a file's import statements give, relative ones with their dots."""
        return tuple(dict.fromkeys(module for module, _ in self._statements(path)))

    def _statements(self, path: str) -> tuple[tuple[str, str], ...]:
        """(module, name) of each imported thing, the name empty for a plain ``import module``."""
        return import_statements(self._read(path) or "")

    def is_local(self, path: str, module: str) -> bool:
        """Whether ``path`` means a module of the target when it imports ``module``."""
        if module.startswith("."):
            return True
        first = module.partition(".")[0]
        if first in sys.stdlib_module_names:
            return False
        roots = (root for root in {*_above(path), self._app_dir} if self._exists(root, first))
        return any(root == self._app_dir or not self._is_named_from(path, root) for root in roots)

    def _is_named_from(self, path: str, folder: str) -> bool:
        """Whether a file imports the package that it stands in, or one around that, by its full name.

        No import starts inside of such a package.
        """
        named = first_names(self._read(path) or "")
        while self._is_package(folder) and folder:
            above, _, name = folder.rpartition("/")
            if name in named and self._exists(above, name):
                return True
            folder = above
        return False

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
            if relative and (any(m.startswith(".") for m in own) or self._neighbours_are_relative(path)) and (
                self._dots_may_reach(path, target)
            ):
                return relative
        name = _dotted(self._root(path, target), target)
        if not all(part.isidentifier() for part in name.split(".")):
            raise PatchError(f"{path}: {target} cannot be imported by a name")
        return name

    def _dots_may_reach(self, path: str, target: str) -> bool:
        """Whether the folder that two files share lies inside of a package: no dots lead to where imports start."""
        shared = _shared(path, target)
        if any(shared == reached or shared.startswith(f"{reached}/") for reached in self._reached_by_dots):
            return True
        votes = self._votes(path, target)
        if not any(votes.values()):
            return self._is_package(shared)
        root = self._root(path, target)
        return shared != root and (not root or shared.startswith(f"{root}/"))

    @cached_property
    def _reached_by_dots(self) -> frozenset[str]:
        """The folders from which relative imports of the target find their modules: packages, all of them."""
        found = set[str]()
        for path in self.paths:
            for module in self.imported(path):
                if module.startswith(".") and module.strip(".") and self.file_of(path, module):
                    found.add(_above(path)[len(module) - len(module.lstrip(".")) - 1])
        return frozenset(found)

    def _neighbours_are_relative(self, path: str) -> bool:
        """Whether the files of a new file's package mostly import each other by dots.

        Such a package may be started under one name and tested under another: only dots are right for both.
        """
        top = path.rpartition("/")[0]
        while "/" in top and self._is_package(top.rpartition("/")[0]):
            top = top.rpartition("/")[0]
        dots = names = 0
        for one in self.paths:
            if one.startswith(top + "/") and one != path:
                for module in self.imported(one):
                    dots += module.startswith(".")
                    names += not module.startswith(".") and self.file_of(one, module) is not None
        return dots > names

    def share_a_root(self, path: str, target: str) -> bool:
        """Whether what ``path`` imports, where it stands or how it is served shows that it can import ``target``."""
        own, root = self.imported(path), self._root(path, target)
        if any(m.startswith(".") for m in own) and self._relative(path, target):
            return True
        found = ((self._file(root, m), self.file_of(path, m)) for m in own if not m.startswith("."))
        if any(there and here in (None, there) for there, here in found):  # a sister service has modules of that name
            return True
        folder, first = path.rpartition("/")[0], target[len(root) + 1 if root else 0:].partition("/")[0]
        if folder != root and not path.startswith("/".join(filter(None, [root, first])) + "/"):
            return False
        # Side by side in a folder that is no package: which of the folders imports start from must be shown.
        candidates = [r for r in _roots(target) if not self._is_package(r)]
        return len(candidates) == 1 or bool(self._votes(path, target)[root]) or root == self._app_dir != ""

    def reaches(self, start: str, goal: str) -> bool:
        """Whether importing ``start`` imports ``goal``, directly or through other files of the target."""
        seen, todo = {start}, [start]
        while todo:
            path = todo.pop()
            found = self.imported_files(path)
            if goal in found:
                return True
            todo += found - seen
            seen |= found
        return False

    def _root(self, path: str, target: str) -> str:
        """The folder above ``target`` that imports start from: the one most imports of the target agree with."""
        roots = _roots(target)
        votes = self._votes(path, target)
        best = max(votes.values())
        if best:
            return min((r for r in roots if votes[r] == best), key=len)
        if self._app_dir and self._app_dir in roots:
            return self._app_dir
        return next((r for r in roots if not self._is_package(r)), "")

    def _votes(self, path: str, target: str) -> dict[str, int]:
        """For each folder above ``target``, how much speaks for it: imports that fit, and how ``path`` is served."""
        roots = _roots(target)
        votes = dict.fromkeys(roots, 0)
        for root in roots:
            if path.startswith(f"{root}/" if root else ""):
                name = f"{_dotted(root, path)}:"
                served = re.compile(rf"(?<![\w./-]){re.escape(name)}[A-Za-z_]\w*")
                said = [p for p in self._serving if name in (text := self._read(p) or "") and served.search(text)]
                commands = [p for p in said if not p.endswith(".md")]
                votes[root] += 3 * len(commands) or bool(said)  # what guides show may be another program
        known: dict[str, list[str]] = {}  # first name → the roots that hold a package or module of that name
        for one in self.paths:
            weight = 5 if one == path else 1
            for first in first_names(self._read(one) or ""):
                if first not in known:
                    known[first] = [root for root in roots if self._exists(root, first)]
                for root in known[first] if len(known[first]) < 2 else self._holding(one, first, known[first]):
                    if root == "" or one.startswith(root + "/") or root.endswith("src") and self._is_package(
                            f"{root}/{first}"):  # tests beside src import what is in it
                        votes[root] += weight
        return votes

    def _holding(self, path: str, first: str, roots: list[str]) -> list[str]:
        """Of folders that hold something called ``first``, those that hold the modules a file imports from it.

        A folder called as the package in it (``shop/src/shop``) holds nothing else of that.
        """
        wanted = [m for m in self.imported(path) if m.partition(".")[0] == first and "." in m]
        return [r for r in roots if any(self._file(r, m) for m in wanted)] or roots

    def _relative(self, path: str, target: str) -> str | None:
        folder = _shared(path, target)
        if not folder and not self._is_package(folder):
            return None
        return "." * (path.count("/") - (folder.count("/") + 1 if folder else 0) + 1) + _dotted(folder, target)

    def _is_package(self, folder: str) -> bool:
        return (f"{folder}/__init__.py" if folder else "__init__.py") in self.paths

    def _exists(self, root: str, name: str) -> bool:
        at = f"{root}/{name}" if root else name
        return at in self._folders or f"{at}.py" in self.paths

    def _file(self, root: str, module: str) -> str | None:
        if (root, module) not in self._files:
            at = "/".join(filter(None, [root, *module.split(".")]))
            self._files[root, module] = next((f for f in (f"{at}.py", f"{at}/__init__.py") if f in self.paths), None)
        return self._files[root, module]


@lru_cache(maxsize=16_384)
def import_statements(text: str) -> tuple[tuple[str, str], ...]:
    """(module, name) of each import in a text of Python; the name is empty for a plain ``import module``."""
    found: list[tuple[str, str]] = []
    for origin, names, plain in IMPORTS.findall(text):
        found += [(m.split()[0], "") for m in plain.split(",") if m.split()]
        found += [(origin, n.split()[0]) for n in names.strip("()").split(",") if origin and n.split()]
    return tuple(found)


@lru_cache(maxsize=16_384)
def first_names(text: str) -> tuple[str, ...]:
    """The first name of each module that a text imports by its full name, those of the standard library left out."""
    modules = dict.fromkeys(module for module, _ in import_statements(text))
    firsts = (module.partition(".")[0] for module in modules)
    return tuple(first for first in firsts if first and first not in sys.stdlib_module_names)


def _above(path: str) -> list[str]:
    """The folders above a path, innermost first, the target's own folder ('') last."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:n]) for n in range(len(parts), -1, -1)]


def _shared(path: str, target: str) -> str:
    """The innermost folder that holds two files."""
    return next(folder for folder in _above(path) if not folder or target.startswith(f"{folder}/"))


def _roots(path: str) -> list[str]:
    """The folders from which an import statement can name a file, innermost first."""
    return [r for r in _above(path) if all(part.isidentifier() for part in _dotted(r, path).split("."))] or [""]


def _dotted(root: str, path: str) -> str:
    below = path[len(root) + 1 if root else 0:].removesuffix(".py")
    return below.removesuffix("/__init__").replace("/", ".")
