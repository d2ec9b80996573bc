"""The Python modules of the target: parsed once, lowered to tuples, found by import name as Python would find them."""

from __future__ import annotations

import marshal
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from readybook.facts.alone import Told
from readybook.facts.distributions import WELL_KNOWN, foreign_names
from readybook.facts.loweredfiles import Body, Lowered, Lowering, digest, keep, lower_all, parse, quiet_parsing
from readybook.facts.roles import role
from readybook.facts.syntax import Node
from readybook.place import Place
from readybook.source import SourceFile

if TYPE_CHECKING:
    from readybook.cache import Cache


@dataclass(eq=False)
class Module:
    """One Python file: its lowered statements and its dotted name from its import root.

    ``lowered`` is unmarshalled when somebody asks for ``body``: hardly anybody asks for that of a test.
    """

    path: str
    name: str
    root: str
    lowered: Body = field(repr=False)
    text: str = field(repr=False)
    exact: bool = True
    is_package: bool = False
    role: str = "application"
    told: Told = field(default_factory=dict, repr=False)  # what it says by itself: ask ``facts.alone``
    notes: dict[Any, Any] = field(default_factory=dict, repr=False)  # what families of facts found out about the file

    @property
    def body(self) -> tuple[Node, ...]:
        """The lowered statements."""
        if isinstance(self.lowered, bytes):
            try:
                self.lowered = marshal.loads(self.lowered)
            except (ValueError, EOFError, TypeError):  # damaged in the cache, whose checksum says that it is whole
                self.lowered = parse(self.text)[0]
        return self.lowered  # type: ignore[return-value]

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def low(self) -> str:
        """The text in small letters; kept, since many facts look for words in every module."""
        return self.text.lower()

    def lines_of(self, first: int, last: int) -> str:
        """The text of the lines from ``first`` to ``last``, 1-based."""
        return "\n".join(self._lines[first - 1 : last])

    def call_it(self, name: str) -> None:
        """Take the name that it is imported by, when that says more than the file's own folder does."""
        if len(name) > len(self.name) and name.endswith(f".{self.name}"):
            stem = self.path.removesuffix(".py").removesuffix("/__init__")
            if f"/{stem}".endswith("/" + name.replace(".", "/")):
                self.name = name

    def place(self, node: Node, symbol: str = "", end_line: int | None = None) -> Place:
        """The place of a lowered node: its line and its column in code points."""
        line, column = node[1], node[2]
        text = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        if not text.isascii():
            column = len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))
        end_line = node[6] if end_line is None and node[0] == "call" else end_line
        return Place(self.path, line, column + 1, end_line if end_line != line else None, symbol, self.exact)

    def source(self, node: Node) -> str | None:
        """The text of a lowered call as it stands in the file; None in a file that had to be lowered first."""
        if not self.exact or node[0] != "call":
            return None
        lines = [line.encode("utf-8", "surrogatepass") for line in self._lines[node[1] - 1 : node[6]]]
        if not lines:
            return None
        lines[-1] = lines[-1][: node[7]]
        lines[0] = lines[0][node[2] :]
        return b"\n".join(lines).decode("utf-8", "surrogatepass")


def module_root(path: str, packages: frozenset[str]) -> str:
    """The import root of a file: the parent of its topmost package folder, or its own folder."""
    folder = path.rpartition("/")[0]
    while folder in packages:
        folder = folder.rpartition("/")[0]
    return folder


def dotted(path: str, root: str) -> str:
    """The import name of a file seen from a root."""
    inner = path[len(root) + 1 :] if root else path
    inner = inner.removesuffix(".py").removesuffix(".pyi")
    if inner.endswith("/__init__"):
        inner = inner.removesuffix("/__init__")
    return inner.replace("/", ".")


def package_folders(paths: Iterable[str]) -> frozenset[str]:
    """Folders that hold an ``__init__.py``."""
    return frozenset(p.rpartition("/")[0] for p in paths if p.endswith("/__init__.py"))


def absolute_name(name: str, level: int, importer: Module) -> str:
    """The dotted name that a relative import of ``level`` dots means in a module."""
    parts = importer.name.split(".") if importer.name else []
    if importer.is_package:
        parts.append("")
    base = parts[: len(parts) - level] if level <= len(parts) else []
    return ".".join([*base, name] if name else base)


class Modules:
    """All modules of a project, by path, and the import system over them."""

    def __init__(self, files: dict[str, SourceFile], app_dir: str, declared: frozenset[str],
                 known: Mapping[str, Lowered | str], cache: Cache | None = None, begun: Lowering | None = None) -> None:
        self.by_path: dict[str, Module] = {}
        self.unparsed: list[tuple[str, str]] = []
        self._homes: dict[str, list[str]] | None = None
        self._portions: dict[str, list[str]] | None = None
        self._found: dict[tuple[str, str | None], Module | str | None] = {}
        self.imported: dict[str, tuple[str, ...]] = {}  # what readybook.facts.closure found each file to import
        self.closures: dict[str, frozenset[str]] = {}  # and to pull in
        self.app_dir = app_dir
        self.foreign = foreign_names(declared)
        self.packages = package_folders(files)
        self.folders = frozenset(f for p in files for f in _parents(p))
        self._of_modules = frozenset(p.rpartition("/")[0] for p in files)
        with quiet_parsing():
            if begun is not None:
                lowered = begun.done()
                keep(lowered, {p: digest(s) for p, s in files.items()}, cache)
            else:
                lowered = lower_all({p: s for p, s in files.items() if p not in known}, cache)
            for path, source in files.items():
                found = known[path] if path in known else lowered[path]
                if isinstance(found, str):
                    self.unparsed.append((path, found))
                    continue
                body, exact, told = found
                root = module_root(path, self.packages)
                if app_dir and _inside(path, app_dir) and _inside(app_dir, root):
                    root = app_dir
                self.by_path[path] = Module(path, dotted(path, root), root, body, source.text, exact,
                                            path.endswith("__init__.py"), role(path, source.text[:600]), told)
        if cache is not None:
            cache.close()

    def named(self, name: str) -> Module | None:
        """The module that a server's command means by a name: as imported, else the one file whose path ends so."""
        found = self.find(name, None)
        if isinstance(found, Module):
            return found
        inner = name.replace(".", "/")
        ends = [m for p, m in self.by_path.items() if p.endswith((f"/{inner}.py", f"/{inner}/__init__.py"))]
        ends = [m for m in ends if m.role == "application"] or ends
        if self.app_dir:
            ends = [m for m in ends if _inside(m.path, self.app_dir)] or ends
        ends.sort(key=lambda m: (m.path.count("/"), m.path))
        alone = len(ends) == 1 or (len(ends) > 1 and ends[0].path.count("/") < ends[1].path.count("/"))
        return ends[0] if ends and alone else None

    def find(self, name: str, importer: Module | None) -> Module | str | None:
        """The module that ``import name`` finds: a Module, the folder of a namespace package, or None."""
        key = (name, importer.path.rpartition("/")[0] if importer is not None else None)
        if key not in self._found:
            self._found[key] = self._find(name, importer)
        return self._found[key]

    def _find(self, name: str, importer: Module | None) -> Module | str | None:
        top = name.partition(".")[0]
        inner = name.replace(".", "/")
        foreign = top in self.foreign
        roots = self._roots(importer, top)
        home, portion = self._home_of(top), self._portion_of(name)
        for root in [*roots, *(h for h in (home, portion) if h is not None and h not in roots)]:
            stem = f"{root}/{inner}" if root else inner
            for candidate in (f"{stem}/__init__.py", f"{stem}.py"):
                if candidate in self.by_path:
                    return self.by_path[candidate]
            own = not foreign or _topmost(stem, inner) in self.packages  # a folder of a package that is here is its own
            if stem in self.folders and stem not in self.packages and own:
                # a folder without modules may be the project around the package: a package on the path wins
                package = f"{portion}/{inner}/__init__.py" if portion and stem not in self._of_modules else ""
                return self.by_path.get(package, stem)
        return None

    def _home_of(self, top: str) -> str | None:
        """The one folder of the target that holds a package of this name, when there is one only (a monorepo's)."""
        if top in sys.stdlib_module_names or top in WELL_KNOWN:
            return None
        if self._homes is None:
            self._homes = {}
            for package in self.packages:
                folder, _, name = package.rpartition("/")
                if folder not in self.packages and role(f"{package}/__init__.py", "") == "application":
                    self._homes.setdefault(name, []).append(folder)
        homes = self._homes.get(top, ())
        return homes[0] if len(homes) == 1 else None

    def _portion_of(self, name: str) -> str | None:
        """The one folder of the target that holds this part of a namespace package (a monorepo's ``acme.core``)."""
        parts = name.split(".")
        if len(parts) < 2 or parts[0] in sys.stdlib_module_names or parts[0] in WELL_KNOWN:
            return None
        if self._portions is None:
            self._portions = {}
            for package in self.packages:
                outer, _, inner = package.rpartition("/")
                root, _, top = outer.rpartition("/")
                if outer not in self.packages and role(f"{package}/__init__.py", "") == "application":
                    self._portions.setdefault(f"{top}.{inner}", []).append(root)
        roots = self._portions.get(".".join(parts[:2]), ())
        return roots[0] if len(roots) == 1 else None

    def _roots(self, importer: Module | None, top: str) -> list[str]:
        """Where to look, as sys.path would: the chosen root, the importer's own, those around it, then inside it."""
        if top in sys.stdlib_module_names:  # only a file on the path itself stands before the standard library
            near = [self.app_dir] if self.app_dir else []
            near += [importer.root] if importer is not None else []
            return [r for r in near if not any(_inside(r, package) for package in self.packages if package)]
        roots = [self.app_dir] if self.app_dir else []
        if top in self.foreign:  # a folder of the path, not one that merely stands near
            packaged = importer is not None and importer.path.rpartition("/")[0] in self.packages
            return list(dict.fromkeys([*roots, *([importer.root] if importer and packaged else []), ""]))
        if importer is not None:
            roots.append(importer.root)
            outer = importer.root
            while outer:
                outer = outer.rpartition("/")[0]
                roots.append(outer)
            folder = importer.path.rpartition("/")[0]
            while len(folder) > len(importer.root):  # a script folder on the path: `cd app && uvicorn main:app`
                roots.append(folder)
                folder = folder.rpartition("/")[0]
            roots.extend(f"{r}/src" if r else "src" for r in list(roots))
        roots.append("")
        if self.app_dir:
            outer = self.app_dir
            while outer:
                outer = outer.rpartition("/")[0]
                roots.append(outer)
        return list(dict.fromkeys(roots))


def _parents(path: str) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _topmost(stem: str, inner: str) -> str:
    """The folder of the top package of ``inner``, which ``stem`` ends with; the empty text when it is one name only."""
    return stem[: len(stem) - len(inner)] + inner.partition("/")[0] if "/" in inner else ""


def _inside(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(folder + "/")
