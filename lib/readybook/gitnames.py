"""What git knows about a target, read from the files of ``.git``: no git program is run (its configuration could)."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from readybook.patterns import regex
from readybook.records import record

MAX_INDEX_BYTES = 128 * 1024 * 1024
MAX_REFS_BYTES = 16 * 1024 * 1024
_OBJECT_NAME = regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FOLDER_MODE = 0o040000


@record
class GitNames:
    """``tracked``: paths relative to the target that the index holds; ``commit``: the object name of HEAD.

    Either is None when it cannot be told (no repository, a damaged or split index, an unborn branch).
    """

    tracked: frozenset[str] | None = None
    commit: str | None = None


def git_names(target: Path) -> GitNames:
    """Facts of the repository that holds ``target`` (an absolute, resolved folder), searched upwards from it.

    A ``.git`` that is a file or a link (worktree, submodule) points elsewhere and is not followed. A repository further
    up counts only when it tracks something below the target.
    """
    for folder in (target, *target.parents):
        git = folder / ".git"
        if not os.path.lexists(git):
            continue
        if git.is_symlink() or not git.is_dir():
            return GitNames()
        names = _index_names(git)
        prefix = target.relative_to(folder).as_posix()
        if prefix == ".":
            return GitNames(names, _head(git))
        below = None if names is None else frozenset(n[len(prefix) + 1:] for n in names if n.startswith(prefix + "/"))
        return GitNames(below, _head(git)) if below else GitNames()
    return GitNames()


def _read(git: Path, name: str, limit: int) -> bytes | None:
    """A regular file inside ``.git``; None when it is missing, leads outside, is no plain file or is too large."""
    path = git / name
    try:
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(git)):
            return None
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            return None
        try:
            return stream.read(limit)
        except OSError:
            return None


def _head(git: Path) -> str | None:
    data = _read(git, "HEAD", 4096)
    text = data.decode("ascii", "replace").strip() if data else ""
    if not text.startswith("ref:"):
        return text if _OBJECT_NAME.fullmatch(text) else None
    ref = text.removeprefix("ref:").strip()
    if not ref.startswith("refs/") or ".." in ref.split("/"):
        return None
    data = _read(git, ref, 4096)
    text = data.decode("ascii", "replace").strip() if data else ""
    if _OBJECT_NAME.fullmatch(text):
        return text
    packed = _read(git, "packed-refs", MAX_REFS_BYTES) or b""
    for line in packed.decode("utf-8", "replace").splitlines():
        name, _, rest = line.partition(" ")
        if rest == ref and _OBJECT_NAME.fullmatch(name):
            return name
    return None


def _index_names(git: Path) -> frozenset[str] | None:
    if _read(git, "HEAD", 4096) is None:
        return None
    if not os.path.lexists(git / "index"):
        return frozenset()
    data = _read(git, "index", MAX_INDEX_BYTES)
    return None if data is None else parse_index(data)


def parse_index(data: bytes) -> frozenset[str] | None:
    """The paths in a git index (versions 2, 3 and 4); None when it is damaged, unknown or split."""
    hash_size = _hash_size(data)
    if not hash_size or data[:4] != b"DIRC" or len(data) < 12 + hash_size:
        return None
    version, count = int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    end = len(data) - hash_size
    if version not in (2, 3, 4) or count * (hash_size + 42) > end:
        return None
    names: set[str] = set()
    position, previous = 12, b""
    for _ in range(count):
        entry = _entry(data, position, end, hash_size, version, previous)
        if entry is None:
            return None
        position, previous, mode = entry
        if mode != _FOLDER_MODE:  # a folder stands for what a sparse checkout left out
            names.add(previous.decode("utf-8", "backslashreplace"))
    return None if _is_split(data, position, end) else frozenset(names)


def _entry(data: bytes, start: int, end: int, hash_size: int, version: int,
           previous: bytes) -> tuple[int, bytes, int] | None:
    """(where the next entry starts, name, mode) of one index entry; None when it runs over the end."""
    position = start + 40 + hash_size
    if position + 2 > end:
        return None
    mode = int.from_bytes(data[start + 24:start + 28], "big")
    extended = version >= 3 and data[position] & 0x40
    position += 4 if extended else 2
    if version == 4:
        strip, position = _varint(data, position, end)
        if strip > len(previous):
            return None
        stop = data.find(b"\0", position, end)
        if stop < 0:
            return None
        return stop + 1, previous[:len(previous) - strip] + data[position:stop], mode
    stop = data.find(b"\0", position, end)
    if stop < 0:
        return None
    return start + ((stop - start) // 8 + 1) * 8, data[position:stop], mode


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Git's offset encoding: seven bits a byte, one added for each continued byte."""
    value = 0
    while position < end:
        byte = data[position]
        position += 1
        value = (value << 7) | (byte & 0x7F)
        if not byte & 0x80:
            break
        value += 1
        if value > MAX_INDEX_BYTES:
            break
    return value, position


def _hash_size(data: bytes) -> int:
    """20 or 32 bytes, as the checksum at the end of the index proves; 20 when it was switched off; 0 when damaged."""
    if hashlib.sha1(data[:-20], usedforsecurity=False).digest() == data[-20:]:
        return 20
    if hashlib.sha256(data[:-32]).digest() == data[-32:]:
        return 32
    return 20 if data[-20:] == bytes(20) else 0


def _is_split(data: bytes, position: int, end: int) -> bool:
    """Whether a ``link`` extension says that most entries live in another file."""
    while position + 8 <= end:
        if data[position:position + 4] == b"link":
            return True
        position += 8 + int.from_bytes(data[position + 4:position + 8], "big")
    return False
