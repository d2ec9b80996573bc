"""A cache of facts on disk: one pack a target and analyser, read once, rewritten only when a file has changed.

A pack is ``MAGIC``, a checksum (BLAKE2b, 16 bytes) of all that follows, the length of the index (8 bytes), the index
(JSON: digest → [offset, length]) and the entries' bytes. Nothing here can fail a run: a directory that cannot be used,
or a damaged pack, is an empty cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from readybook.version import __version__

MAGIC = b"readybook-pack-1\n"
CHECKSUM = 16
HEADER = len(MAGIC) + CHECKSUM + 8
# Most bytes that all packs together may take.
MOST_BYTES = 1024**3
# Seconds after which a half-written pack is taken for one that a stopped run has left behind.
ABANDONED = 3600


@cache
def analyser_digest() -> str:
    """A digest of what facts depend on besides the file: the sources of the facts, and the running Python."""
    state = hashlib.blake2b(digest_size=CHECKSUM)
    state.update(repr((__version__, sys.implementation.cache_tag, sys.version_info[:4], MAGIC)).encode())
    folder = Path(__file__).parent / "facts"
    for path in sorted(folder.rglob("*.py")):
        data = path.read_bytes()
        state.update(f"{path.relative_to(folder).as_posix()} {len(data)}\n".encode())
        state.update(data)
    return state.hexdigest()


def cache_directory() -> Path | None:
    """``READYBOOK_CACHE_DIR``, else ``readybook`` in the user's cache directory; None when there is no such place."""
    chosen = os.environ.get("READYBOOK_CACHE_DIR")
    if chosen:
        return Path(chosen).absolute()
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA", "")
        return Path(root) / "readybook" if root else None
    root = os.environ.get("XDG_CACHE_HOME", "")
    if root and os.path.isabs(root):
        return Path(root) / "readybook"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "readybook"


def _usable(directory: Path, target: Path | None) -> bool:
    """Whether packs may be kept there, the directory made if need be: outside the target, and nobody else's."""
    try:
        if target is not None and directory.resolve().is_relative_to(target.resolve()):
            return False
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
    except (OSError, RuntimeError, ValueError):
        return False
    if not stat.S_ISDIR(status.st_mode):
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def pack_path(target_key: str, analyser: str, directory: Path | None = None, *,
              target: Path | None = None) -> Path | None:
    """Where ``Cache.open`` keeps its pack, whether there is one or not; None where nothing may be kept."""
    directory = directory if directory is not None else cache_directory()
    if directory is None or not _usable(directory, target):
        return None
    name = hashlib.blake2b(target_key.encode("utf-8", "surrogateescape"), digest_size=CHECKSUM).hexdigest()
    return directory / f"{name}-{hashlib.blake2b(analyser.encode(), digest_size=8).hexdigest()}.pack"


@dataclass
class Cache:
    """The entries of one target: bytes by the digest of a file's content. ``path`` is None without a cache on disk.

    ``get`` and ``put`` are for one thread. Of two runs at once the one that closes last leaves its pack.
    """

    path: Path | None
    _data: bytes = field(default=b"", repr=False)
    _index: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    _used: set[str] = field(default_factory=set, repr=False)
    _new: dict[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, target_key: str, analyser: str, directory: Path | None = None, *,
             target: Path | None = None) -> Cache:
        """The cache of a target, told apart by any text, and an analyser (see ``analyser_digest``).

        ``directory`` replaces the user's own; with ``target``, the audited folder, a directory inside it is not used.
        """
        path = pack_path(target_key, analyser, directory, target=target)
        if path is None:
            return cls(None)
        data, index = _read(path)
        return cls(path, data, index)

    def get(self, digest: str) -> bytes | None:
        """The entry of a digest, None when there is none."""
        if digest in self._new:
            return self._new[digest]
        place = self._index.get(digest)
        if place is None:
            return None
        self._used.add(digest)
        return self._data[place[0]:place[0] + place[1]]

    def put(self, digest: str, data: bytes) -> None:
        """Set the entry of a digest; it reaches the disk with ``close``."""
        self._new[digest] = data

    def close(self) -> None:
        """Write the pack when this run has set an entry, without the entries that it has not asked for; forget all."""
        if self.path is not None and self._new:
            entries = {digest: self._data[start:start + length] for digest, (start, length) in self._index.items()
                       if digest in self._used}
            with contextlib.suppress(OSError):
                _write(self.path, entries | self._new)
        elif self.path is not None and self._used:
            with contextlib.suppress(OSError):
                os.utime(self.path)  # eviction takes what was not used for longest
        self._data, self._index, self._new, self._used = b"", {}, {}, set()


def _read(path: Path) -> tuple[bytes, dict[str, tuple[int, int]]]:
    """A pack's bytes and its index (offsets from the pack's start); both empty for a missing or damaged pack."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with open(handle, "rb") as file:
            if os.fstat(handle).st_size > MOST_BYTES:
                return b"", {}
            data = file.read()
    except OSError:
        return b"", {}
    body = memoryview(data)[len(MAGIC) + CHECKSUM:]
    if len(data) < HEADER or not data.startswith(MAGIC):
        return b"", {}
    if hashlib.blake2b(body, digest_size=CHECKSUM).digest() != data[len(MAGIC):len(MAGIC) + CHECKSUM]:
        return b"", {}
    end = HEADER + int.from_bytes(body[:8], "big")
    index: dict[str, list[int]] = json.loads(data[HEADER:end])
    return data, {digest: (end + start, length) for digest, (start, length) in index.items()}


def _write(path: Path, entries: dict[str, bytes]) -> None:
    """Write a pack beside its place and rename it; then evict. A pack that alone is too large is not written."""
    index: dict[str, tuple[int, int]] = {}
    offset = 0
    for digest, data in entries.items():
        index[digest] = (offset, len(data))
        offset += len(data)
    head = json.dumps(index, separators=(",", ":")).encode()
    body = b"".join([len(head).to_bytes(8, "big"), head, *entries.values()])
    if len(body) + HEADER > MOST_BYTES:
        return
    handle, temporary = tempfile.mkstemp(prefix="new-", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "wb") as file:
            file.write(MAGIC + hashlib.blake2b(body, digest_size=CHECKSUM).digest())
            file.write(body)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):  # renamed: the usual case
            os.unlink(temporary)
    _evict(path)


def _evict(newest: Path) -> None:
    """Remove the packs not used for longest until all fit. Only after a write: the folder holds one file a target."""
    packs: list[tuple[float, int, str]] = []
    old = time.time() - ABANDONED
    with os.scandir(newest.parent) as found:
        for entry in found:
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(".pack"):
                    packs.append((status.st_mtime, status.st_size, entry.path))
                elif entry.name.endswith(".tmp") and entry.name.startswith("new-") and status.st_mtime < old:
                    os.unlink(entry.path)
    total = sum(size for _, size, _ in packs)
    for _, size, path in sorted(packs):
        if total <= MOST_BYTES:
            return
        if path != str(newest):
            with contextlib.suppress(OSError):
                os.unlink(path)
                total -= size
