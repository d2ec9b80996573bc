"""The target's own files as its code sees them at run time: paths from ``__file__``, listings, data files it loads.

A path inside the target is text that starts with ``ROOT``; a ``pathlib.Path`` is an Instance whose arguments join to
its text. Only what the target holds is known: a file that is not there may be made later, so its existence is Unknown.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

from readybook.facts.objects import Instance
from readybook.facts.values import UNKNOWN, External, Unknown, by_default

ROOT = "/target"
MAX_DATA = 1_000_000
PATHS = frozenset(("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath", "anyio.Path"))


class TargetFiles:
    """The files of a target by their run-time paths; ``folder`` is where its commands run."""

    def __init__(self, texts: Any, present: Iterable[str], folder: str = "") -> None:
        self.texts = texts
        self.files = frozenset(f"{ROOT}/{p}" for p in present)
        self.folder = f"{ROOT}/{folder}".rstrip("/")
        self._children: dict[str, set[str]] | None = None
        self._variables: dict[str, str] | None = None
        self._read: set[str] = set()  # paths whose text was asked for
        self._listed = False

    def unmoved_by(self, changed: set[str], added: bool) -> bool:
        """Whether nothing that was asked for is different when these files change, or others are ``added``."""
        return not (self._listed and added) and not any(f"{ROOT}/{path}" in self._read for path in changed)

    def absolute(self, path: str) -> str:
        """A path as ``os.path.abspath`` gives it."""
        return posixpath.normpath(posixpath.join(self.folder, path))

    def children(self, path: str) -> list[str] | None:
        """Names in a folder, sorted; None when it is no folder of the target."""
        self._listed = True
        if self._children is None:
            self._children = {}
            for file in self.files:
                while len(file) > len(ROOT):
                    head, _, name = file.rpartition("/")
                    known = self._children.setdefault(head, set())
                    if name in known:
                        break
                    known.add(name)
                    file = head
        names = self._children.get(self.absolute(path))
        return sorted(names) if names is not None else None

    def is_file(self, path: str) -> Any:
        """True when the target holds the file, Unknown when it does not."""
        path = self.absolute(path)
        return True if path in self.files else (False if self.children(path) is not None else UNKNOWN)

    def is_folder(self, path: str) -> Any:
        """True when the target holds the folder, False for a file, else Unknown."""
        path = self.absolute(path)
        return True if self.children(path) is not None else (False if path in self.files else UNKNOWN)

    def exists(self, path: str) -> Any:
        """True when the target holds the path, else Unknown."""
        return True if self.is_file(path) is True or self.is_folder(path) is True else UNKNOWN

    def text(self, path: str) -> str | None:
        """The text of a file of the target, None when it is not there or large."""
        self._read.add(self.absolute(path))
        source = self.texts.get(self.absolute(path)[len(ROOT) + 1 :])
        return source.text if source is not None and len(source.text) <= MAX_DATA else None

    def variable(self, name: str) -> Any:
        """The value that a ``.env`` file where the commands run, or at the target's top, gives a variable."""
        if self._variables is None:
            from readybook.facts.dotenv import dotenv_variables

            self._variables = {}
            for folder in (ROOT, self.folder):
                path = f"{folder}/.env"
                for found in dotenv_variables(path, self.text(path) or ""):
                    if not found.commented_out:
                        self._variables[found.name.upper()] = found.value
        return self._variables.get(name.upper(), UNKNOWN)

    def under(self, path: str, limit: int = 2_000) -> list[tuple[str, list[str], list[str]]] | None:
        """What ``os.walk`` gives: (folder, folders, files), the names sorted; None when it is no folder."""
        if self.children(path) is None:
            return None
        rows: list[tuple[str, list[str], list[str]]] = []
        waiting = [path.rstrip("/")]
        while waiting and len(rows) < limit:
            folder = waiting.pop(0)
            names = self.children(folder) or []
            folders = [n for n in names if self.is_folder(f"{folder}/{n}") is True]
            rows.append((folder, folders, [n for n in names if n not in folders]))
            waiting[:0] = [f"{folder}/{n}" for n in folders]
        return rows

    def glob(self, folder: str, pattern: str, deep: bool = False) -> list[str] | None:
        """Paths below a folder that match a pattern; ``**`` and ``deep`` reach all levels."""
        rows = self.under(folder)
        if rows is None:
            return None
        base = folder.rstrip("/")
        every = [f"{at}/{n}"[len(base) + 1 :] for at, folders, names in rows for n in (*folders, *names)]
        return [f"{base}/{inner}" for inner in sorted(every) if _matches(inner.split("/"), pattern.split("/"), deep)]


def _matches(parts: list[str], pattern: list[str], deep: bool) -> bool:
    if deep:
        return len(parts) >= len(pattern) and _matches(parts[len(parts) - len(pattern) :], pattern, False)
    if not pattern:
        return not parts
    if pattern[0] == "**":
        rest = pattern[1:]
        return any(_matches(parts[i:], rest, False) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:], False)


def path_text(value: Any) -> str | None:
    """The text of a path given as text or as a pathlib object; None when it is not known."""
    value = by_default(value)
    if isinstance(value, str):
        return value
    if isinstance(value, Instance) and value.path in PATHS:
        parts = [path_text(a) for a in value.args]
        return posixpath.join("", *[p for p in parts if p is not None]) or "." if None not in parts else None
    return None


def make_path(text: str) -> Instance:
    """A pathlib object."""
    return Instance(External("pathlib.Path"), args=(text,))


def load_data(kind: str, text: str) -> Any:
    """The value of a data file: ``kind`` is json, toml or yaml; Unknown when it does not parse."""
    if kind == "toml":
        from readybook.facts.tomltables import toml_table

        table = toml_table(text)
        return deepcopy(table.data) if not table.problem else Unknown(f"a data file {table.problem}")
    if kind == "yaml":
        from readybook.facts.yamlnodes import yaml_documents

        found = yaml_documents(text)
        return found.nodes[0].plain() if found.nodes else Unknown(f"a data file {found.problem or 'is empty'}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return Unknown("a data file is not JSON")
