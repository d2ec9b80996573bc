"""Reading a target folder: which files are taken, and why others are not. Nothing is run, no link is followed out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from readybook.errors import TargetError
from readybook.filekinds import ALWAYS_SKIPPED, BUILD_FOLDERS, VIRTUALENV_NAMES, reading_limit
from readybook.gitnames import git_names
from readybook.source import SourceFile, decode


@dataclass(frozen=True)
class Read:
    """What a target folder holds.

    ``files``: the texts that were read, by posix path relative to the target, sorted. ``present``: all file paths that
    were seen, read or not. ``tracked``, ``commit``: see `readybook.gitnames`. ``unreadable``: (path, reason) of what
    would have been read but could not be. ``app_dir``: posix, relative to the target, empty for the target itself.
    """

    name: str
    files: dict[str, SourceFile]
    present: frozenset[str]
    tracked: frozenset[str] | None
    unreadable: tuple[tuple[str, str], ...]
    commit: str | None
    app_dir: str


def read_target(path: Path, exclude: tuple[str, ...] = (), app_dir: str = "") -> Read:
    """Read the folder ``path``; raises TargetError when it is no folder or holds no Python file.

    ``exclude`` holds globs over posix paths: a pattern drops a file when it matches its path or that of a folder above
    it; a pattern without a slash also matches a bare file or folder name.
    """
    root = _folder(path)
    names = git_names(root)
    walk = _Walk(root, exclude, names.tracked)
    walk.run()
    if not any(p.endswith(".py") for p in walk.present):
        raise TargetError(f"{path}: holds no Python file")
    return Read(
        name=root.name or "target",
        files=dict(sorted(walk.files.items())),
        present=frozenset(walk.present),
        tracked=names.tracked,
        unreadable=tuple(sorted(walk.unreadable)),
        commit=names.commit,
        app_dir=_inside(root, app_dir),
    )


def _folder(path: Path) -> Path:
    try:
        root = Path(os.path.realpath(path))
        if not root.exists():
            raise TargetError(f"{path}: does not exist")
        if not root.is_dir():
            raise TargetError(f"{path}: is not a folder")
        os.scandir(root).close()
    except (OSError, ValueError) as error:
        raise TargetError(f"{path}: cannot be read: {_reason(error)}") from None
    return root


def _inside(root: Path, app_dir: str) -> str:
    """``app_dir`` relative to the target; raises TargetError when it is no folder inside it."""
    if not app_dir:
        return ""
    try:
        folder = Path(os.path.realpath(root / app_dir))
        if folder.is_dir() and folder.is_relative_to(root):
            relative = folder.relative_to(root).as_posix()
            return "" if relative == "." else relative
    except (OSError, ValueError):
        pass
    raise TargetError(f"{app_dir}: --app-dir is not a folder inside the target")


class _Walk:
    """One pass over the folder; the lists grow as it goes."""

    def __init__(self, root: Path, exclude: Iterable[str], tracked: frozenset[str] | None) -> None:
        self.root = str(root)
        self.exclude = tuple(p.removeprefix("./").strip("/") for p in exclude if p.strip("/. "))
        self.tracked_folders = None if tracked is None else _folders(tracked)
        self.files: dict[str, SourceFile] = {}
        self.present: set[str] = set()
        self.unreadable: list[tuple[str, str]] = []

    def run(self) -> None:
        pending = [""]
        while pending:
            folder = pending.pop()
            try:
                with os.scandir(os.path.join(self.root, folder)) as entries:
                    listed = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self.unreadable.append((_shown(folder), f"folder cannot be read: {_reason(error)}"))
                continue
            names = {entry.name for entry in listed}
            if folder and self.skipped(folder, names):
                continue
            for entry in listed:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if not self.excluded(path, entry.name) and self.take(entry, path):
                    pending.append(path)

    def take(self, entry: os.DirEntry[str], path: str) -> bool:
        """Record one entry; true when it is a folder to walk."""
        try:
            if entry.is_symlink():
                self.link(entry, path)
                return False
            if entry.is_dir(follow_symlinks=False):
                return entry.name not in ALWAYS_SKIPPED
            regular = entry.is_file(follow_symlinks=False)
        except OSError as error:
            self.unreadable.append((_shown(path), f"cannot be read: {_reason(error)}"))
            return False
        kind = reading_limit(path)
        if not path.isascii() and _shown(path) != path:
            if kind:
                self.unreadable.append((_shown(path), "file name is not UTF-8"))
            return False
        self.present.add(path)
        if kind and not regular:
            self.unreadable.append((path, "is not a regular file"))
        elif kind:
            self.read(path, kind.limit, kind.listed)
        return False

    def read(self, path: str, limit: int, listed: bool) -> None:
        try:
            data, executable = _bytes(os.path.join(self.root, path), limit)
            self.files[path] = replace(decode(path, data), executable=executable)
        except OSError as error:
            self.unreadable.append((path, f"cannot be read: {_reason(error)}"))
        except ValueError as error:
            if listed:
                self.unreadable.append((path, str(error)))

    def link(self, entry: os.DirEntry[str], path: str) -> None:
        """A link is never read: inside the target its text is read at its own place, and git keeps a link as a link."""
        shown = _shown(path)
        goal = os.path.realpath(entry.path)
        if not (goal == self.root or goal.startswith(self.root + os.sep)):
            if reading_limit(path) or os.path.isdir(goal):
                self.unreadable.append((shown, "symbolic link that leaves the target"))
        elif not os.path.exists(goal) and reading_limit(path):
            self.unreadable.append((shown, "symbolic link to nothing"))
        if shown == path and not os.path.isdir(goal):
            self.present.add(path)

    def skipped(self, folder: str, names: set[str]) -> bool:
        """Whether a folder is an environment or a build product rather than source."""
        name = folder.rpartition("/")[2]
        if "pyvenv.cfg" in names or "conda-meta" in names:
            return True
        if name in VIRTUALENV_NAMES and ({"bin", "lib"} <= names or {"Scripts", "Lib"} <= names):
            return True
        if name not in BUILD_FOLDERS:
            return False
        if self.tracked_folders is not None:
            return folder not in self.tracked_folders
        return not any(n.endswith(".py") for n in names)

    def excluded(self, path: str, name: str) -> bool:
        # folders above were asked before they were walked, so only this path is left to ask
        return any(
            fnmatchcase(path, pattern) or fnmatchcase("/" + path, pattern)
            or ("/" not in pattern and fnmatchcase(name, pattern))
            or (pattern.endswith("/**") and fnmatchcase(path, pattern[:-3]))
            for pattern in self.exclude
        )


def _bytes(path: str, limit: int) -> tuple[bytes, bool]:
    """The bytes of a regular file, and whether its owner may run it.

    Raises OSError, or ValueError with the reason why it is not taken.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb", buffering=0) as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is not a regular file")
        if status.st_size > limit:
            raise ValueError(f"larger than {_size(limit)}")
        return stream.readall(), bool(status.st_mode & stat.S_IXUSR)


def _folders(paths: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(found)


def _size(limit: int) -> str:
    return f"{limit // 1024 // 1024} MiB" if limit >= 1024 * 1024 else f"{limit // 1024} KiB"


def _shown(path: str) -> str:
    """A path that any encoder takes: bytes that are not UTF-8 are escaped."""
    return str(PurePosixPath(path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")))


def _reason(error: Exception) -> str:
    return (error.strerror or "input/output error") if isinstance(error, OSError) else "not a valid path"
