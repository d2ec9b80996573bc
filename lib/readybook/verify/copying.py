"""A copy of the target to run in: without repositories, environments and secrets that git does not track."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from readybook.facts.dotenv import is_dotenv
from readybook.filekinds import ALWAYS_SKIPPED, VIRTUALENV_NAMES
from readybook.patterns import regex
from readybook.records import record

_EXAMPLE = regex(r"(?:^|[._-])(?:example|sample|template|tmpl|tpl|dist|defaults?|schema|skel)(?:$|[._-])", re.I)
LARGEST = 256 * 1024 * 1024  # bytes of one file; larger ones are data that no test of a service needs


@record
class Copy:
    """A pristine copy: ``folder`` holds it, ``left_out`` names (path, reason) of files that stayed behind."""

    folder: Path
    left_out: tuple[tuple[str, str], ...]


def copied(target: Path, folder: Path, tracked: frozenset[str] | None, scratch: Path | None = None) -> Copy:
    """Copy ``target`` to ``folder``. A dotenv file comes along only when it is an example or git tracks it.

    Links are kept when they lead to a place inside the target by a relative path; nothing is read through a link.
    ``scratch``, should it lie inside the target, is left out.
    """
    left: list[tuple[str, str]] = []
    root = os.path.realpath(target)
    folder.mkdir(parents=True)
    for path, entry in _entries(root, scratch):
        goal = folder / path
        try:
            if entry.is_symlink():
                if not _stays_inside(root, entry.path):
                    left.append((path, "a link that leads out of the target"))
                    continue
                goal.symlink_to(os.readlink(entry.path))
            elif entry.is_dir(follow_symlinks=False):
                goal.mkdir()
            elif _secret(path, tracked):
                left.append((path, "a dotenv file that git does not track: it may hold real secrets"))
            else:
                _copy_file(entry, goal, path, left)
        except OSError as error:
            left.append((path, error.strerror or "cannot be read"))
    return Copy(folder, tuple(left))


def fresh(copy: Copy, folder: Path, changes: Mapping[str, bytes]) -> None:
    """Make ``folder`` anew from the copy, with ``changes`` written over it."""
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(copy.folder, folder, symlinks=True)
    for path, data in changes.items():
        file = folder / path
        if file.is_symlink():
            raise OSError(f"{path} is a link")
        file.parent.mkdir(parents=True, exist_ok=True)
        new = not file.exists()
        file.write_bytes(data)
        if new and data.startswith(b"#!"):
            file.chmod(0o755)


def _copy_file(entry: os.DirEntry[str], goal: Path, path: str, left: list[tuple[str, str]]) -> None:
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        left.append((path, "is not a regular file"))
    elif status.st_size > LARGEST:
        left.append((path, f"larger than {LARGEST // 1024 // 1024} MiB"))
    else:
        shutil.copyfile(entry.path, goal, follow_symlinks=False)
        goal.chmod(stat.S_IMODE(status.st_mode) & 0o777 | 0o600)


def _entries(root: str, scratch: Path | None) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below ``root``, folders before what they hold."""
    pending = [""]
    while pending:
        inner = pending.pop()
        with os.scandir(os.path.join(root, inner)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        if inner and _environment(inner, {entry.name for entry in entries}):
            continue
        for entry in entries:
            path = f"{inner}/{entry.name}" if inner else entry.name
            if entry.name in ALWAYS_SKIPPED or (scratch is not None and entry.path == str(scratch)):
                continue
            yield path, entry
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)


def _environment(path: str, names: set[str]) -> bool:
    if "pyvenv.cfg" in names or "conda-meta" in names:
        return True
    return path.rpartition("/")[2] in VIRTUALENV_NAMES and {"bin", "lib"} <= names


def _stays_inside(root: str, link: str) -> bool:
    goal = os.path.realpath(link)
    return not os.path.isabs(os.readlink(link)) and (goal == root or goal.startswith(root + os.sep))


def _secret(path: str, tracked: frozenset[str] | None) -> bool:
    name = path.rpartition("/")[2]
    return is_dotenv(path) and not _EXAMPLE.search(name) and (tracked is None or path not in tracked)
