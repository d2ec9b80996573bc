"""The cache gives back what it was given, or nothing; it never fails a run and never lies in the target."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from readybook import cache
from readybook.cache import Cache, analyser_digest, cache_directory


def fill(directory: Path, entries: dict[str, bytes], key: str = "target", analyser: str = "a") -> None:
    """A run that sets entries."""
    opened = Cache.open(key, analyser, directory)
    for digest, data in entries.items():
        opened.put(digest, data)
    opened.close()


def packs(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.pack"))


def test_entries_survive(tmp_path: Path) -> None:
    entries = {f"{n:032x}": bytes([n]) * n for n in range(200)}
    fill(tmp_path, entries)
    opened = Cache.open("target", "a", tmp_path)
    assert {digest: opened.get(digest) for digest in entries} == entries
    assert opened.get("f" * 32) is None


def test_an_entry_can_be_had_before_it_is_written(tmp_path: Path) -> None:
    opened = Cache.open("target", "a", tmp_path)
    opened.put("d", b"1")
    opened.put("d", b"2")
    assert opened.get("d") == b"2"
    assert packs(tmp_path) == []


@pytest.mark.parametrize(("key", "analyser"), [("other", "a"), ("target", "b")])
def test_targets_and_analysers_are_kept_apart(tmp_path: Path, key: str, analyser: str) -> None:
    fill(tmp_path, {"d": b"1"})
    assert Cache.open(key, analyser, tmp_path).get("d") is None


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    fill(tmp_path, {"d": b"1"})
    (pack,) = packs(tmp_path)
    os.utime(pack, (1, 1))
    inode = pack.stat().st_ino
    opened = Cache.open("target", "a", tmp_path)
    assert opened.get("d") == b"1"
    opened.close()
    assert pack.stat().st_ino == inode
    assert pack.stat().st_mtime > 1  # used: not the first to be evicted


def test_entries_not_asked_for_go_with_the_next_write(tmp_path: Path) -> None:
    fill(tmp_path, {"used": b"1", "unused": b"2"})
    opened = Cache.open("target", "a", tmp_path)
    opened.get("used")
    opened.put("new", b"3")
    opened.close()
    again = Cache.open("target", "a", tmp_path)
    assert [again.get(digest) for digest in ("used", "unused", "new")] == [b"1", None, b"3"]


@pytest.mark.parametrize("where", range(0, 90, 3))
def test_a_damaged_pack_is_an_empty_cache(tmp_path: Path, where: int) -> None:
    fill(tmp_path, {"d": b"x" * 50})
    (pack,) = packs(tmp_path)
    data = bytearray(pack.read_bytes())
    data[where] ^= 0x40
    pack.write_bytes(data)
    opened = Cache.open("target", "a", tmp_path)
    assert opened.get("d") is None
    opened.put("d", b"2")
    opened.close()
    assert Cache.open("target", "a", tmp_path).get("d") == b"2"


@pytest.mark.parametrize("length", [0, 5, 20, 33, 40, 60])
def test_a_cut_pack_is_an_empty_cache(tmp_path: Path, length: int) -> None:
    fill(tmp_path, {"d": b"x" * 50})
    (pack,) = packs(tmp_path)
    pack.write_bytes(pack.read_bytes()[:length])
    assert Cache.open("target", "a", tmp_path).get("d") is None


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_only_the_user_may_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "cache"
    fill(directory, {"d": b"1"})
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE(packs(directory)[0].stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_a_directory_others_may_write_is_not_used(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    fill(shared, {"d": b"1"})
    assert list(shared.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    fill(tmp_path / "a", {"d": b"1"})
    (pack,) = packs(tmp_path / "a")
    (tmp_path / "b").mkdir(mode=0o700)
    (tmp_path / "b" / pack.name).symlink_to(pack)
    assert Cache.open("target", "a", tmp_path / "b").get("d") is None


def test_a_place_that_cannot_be_a_directory_means_no_cache(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for directory in (file, file / "below"):
        opened = Cache.open("target", "a", directory)
        assert opened.path is None
        opened.put("d", b"1")
        assert opened.get("d") == b"1"
        opened.close()
    assert file.read_text() == ""


def test_a_failing_write_is_silent_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(cache.os, "replace", refuse)
    fill(tmp_path, {"d": b"1"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inside", [".", "cache", "a/b/cache"])
def test_never_inside_the_target(tmp_path: Path, inside: str) -> None:
    target = tmp_path / "target"
    target.mkdir()
    opened = Cache.open("target", "a", target / inside, target=target)
    opened.put("d", b"1")
    opened.close()
    assert list(target.iterdir()) == []


def test_never_inside_the_target_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    assert Cache.open("target", "a", tmp_path / "link" / "cache", target=target).path is None
    assert Cache.open("target", "a", tmp_path / "outside", target=target).path is not None


def test_the_oldest_packs_are_evicted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 4000)
    for n in range(3):
        fill(tmp_path, {"d": b"x" * 1000}, key=str(n))
        os.utime(max(packs(tmp_path), key=lambda pack: pack.stat().st_mtime), (n + 1, n + 1))
    reader = Cache.open("0", "a", tmp_path)
    reader.get("d")
    reader.close()
    fill(tmp_path, {"d": b"x" * 1000}, key="3")
    kept = [key for key in "0123" if Cache.open(key, "a", tmp_path).get("d")]
    assert kept == ["0", "2", "3"]
    fill(tmp_path, {"d": b"x" * 5000}, key="4")
    assert Cache.open("4", "a", tmp_path).get("d") is None
    assert len(packs(tmp_path)) == 3


def test_what_a_stopped_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "new-old.tmp").write_bytes(b"x")
    os.utime(tmp_path / "new-old.tmp", (1, 1))
    (tmp_path / "new-now.tmp").write_bytes(b"x")
    (tmp_path / "mine.txt").write_bytes(b"x")
    os.utime(tmp_path / "mine.txt", (1, 1))
    fill(tmp_path, {"d": b"1"})
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".pack") == ["mine.txt", "new-now.tmp"]


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READYBOOK_CACHE_DIR", str(tmp_path / "own"))
    assert cache_directory() == tmp_path / "own"
    monkeypatch.setenv("READYBOOK_CACHE_DIR", "")
    monkeypatch.setattr(cache.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_directory() == tmp_path / "readybook"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "readybook"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(cache.sys, "platform", "darwin")
    assert cache_directory() == tmp_path / "Library" / "Caches" / "readybook"
    monkeypatch.setattr(cache.sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert cache_directory() == tmp_path / "readybook"


def test_the_analyser_digest_follows_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "facts").mkdir()
    source = tmp_path / "facts" / "a.py"
    monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    digest = analyser_digest.__wrapped__
    seen = set()
    for text in ("x = 1", "x = 2"):
        source.write_text(text)
        assert digest() == digest()
        seen.add(digest())
    source.rename(tmp_path / "facts" / "b.py")
    seen.add(digest())
    monkeypatch.setattr(cache.sys, "version_info", (3, 99, 0, "final", 0))
    seen.add(digest())
    assert len(seen) == 4
