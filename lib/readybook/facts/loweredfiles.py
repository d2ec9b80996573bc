"""Python files parsed and lowered: on all cores where there is much code, and from the cache where nothing changed."""

from __future__ import annotations

import ast
import gc
import marshal
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING

from readybook.facts.alone import Told, told_by
from readybook.facts.syntax import Node, lower_module
from readybook.forks import Begun
from readybook.source import SourceFile

if TYPE_CHECKING:
    from readybook.cache import Cache

RECURSION = 20_000
WORTH_SHARING = 400_000  # characters of code: below, starting a second process costs more than it saves
PARTS = 24
EXACT, INEXACT = b"1", b"0"  # before the facts and the statements of a file in the cache …
REFUSED = b"-"  # … and before the reason why it has none
LENGTH = 4  # bytes that tell the length of the facts
UNDECIDED = "does not parse here"  # begins a reason that another run may not have
Body = tuple[Node, ...] | bytes  # statements, or these as ``marshal`` writes them
Lowered = tuple[Body, bool, Told]  # and whether places in them are exact, and what the file says by itself


@contextmanager
def quiet_parsing() -> Iterator[None]:
    """No collector (kept trees make ast.parse several times slower), deep recursion allowed, no syntax warnings."""
    enabled, limit = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()
    sys.setrecursionlimit(max(limit, RECURSION))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.setrecursionlimit(limit)
        if enabled:
            gc.enable()


def parse(text: str) -> tuple[tuple[Node, ...], bool]:
    """Lower one file: its statements, and whether places are exact. Raises ValueError with the reason."""
    try:
        return lower_module(ast.parse(text)), True
    except (SyntaxError, ValueError) as error:
        first = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else str(error)
    except (RecursionError, MemoryError):
        raise ValueError("nested too deeply to parse") from None
    from readybook.facts.lowering import NotRead, lower

    try:
        return lower_module(ast.parse(lower(text))), False
    except NotRead as error:
        raise ValueError(f"{UNDECIDED} ({first}; {error})") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"does not parse ({first})") from None


def digest(source: SourceFile) -> str:
    """The key of a file's facts in the cache."""
    return blake2b(source.text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def marshalled(body: Body) -> bytes | None:
    """Statements as bytes; None where they are nested more deeply than ``marshal`` takes."""
    if isinstance(body, bytes):
        return body
    try:
        return marshal.dumps(body)
    except ValueError:
        return None


class Lowering:
    """The lowering of many files on all cores, begun when this is made: ``done`` joins it, ``drop`` stops it."""

    def __init__(self, files: Mapping[str, SourceFile]) -> None:
        by_size = sorted(files, key=lambda p: -len(files[p].text))
        self._files = files
        # by turns, so that each part holds large files and small ones
        self._parts = parts = [by_size[n::PARTS] for n in range(PARTS)]

        def work(number: int) -> list[Lowered | str]:
            with quiet_parsing():
                return [_lowered(p, files[p].text, True) for p in parts[number]]

        self._begun = Begun(PARTS, work, _sent)
        self.drop = self._begun.drop

    def done(self) -> dict[str, Lowered | str]:
        """Each file lowered, or why it cannot be."""
        pairs = zip(self._parts, self._begun.results(), strict=True)
        found = {path: lowered for part, texts in pairs for path, lowered in zip(part, texts, strict=True)}
        unsent = [path for path, lowered in found.items() if not isinstance(lowered, str) and lowered[0] is None]
        return found | {path: _lowered(path, self._files[path].text, True) for path in unsent}


def _sent(found: list[Lowered | str]) -> list[tuple[bytes | None, bool, Told] | str]:
    return [each if isinstance(each, str) else (marshalled(each[0]), *each[1:]) for each in found]


def is_large(files: Iterable[SourceFile]) -> bool:
    """Whether there is enough code to share its lowering between processes."""
    return sum(len(source.text) for source in files) >= WORTH_SHARING


def lower_all(files: Mapping[str, SourceFile], cache: Cache | None) -> dict[str, Lowered | str]:
    """Each file lowered, or why it cannot be: from the cache what has the same text there, the rest on all cores."""
    found: dict[str, Lowered | str] = {}
    keys = {path: digest(source) for path, source in files.items()} if cache is not None else {}
    for path, key in keys.items():
        data = cache.get(key) if cache is not None else None
        if data:
            found[path] = data[1:].decode() if data[:1] == REFUSED else _read(data)
    rest = {path: source for path, source in files.items() if path not in found}
    if is_large(rest.values()):
        found |= Lowering(rest).done()
    else:
        found |= {path: _lowered(path, source.text, cache is not None) for path, source in rest.items()}
    keep(found, {path: keys[path] for path in rest if path in keys}, cache)
    return found


def keep(found: Mapping[str, Lowered | str], keys: Mapping[str, str], cache: Cache | None) -> None:
    if cache is not None:
        for path, key in keys.items():
            lowered = found[path]
            if isinstance(lowered, str):
                if not lowered.startswith(UNDECIDED):  # it may have taken a process of its own to find that out
                    cache.put(key, REFUSED + lowered.encode("utf-8", "backslashreplace"))
            elif (body := marshalled(lowered[0])) is not None:
                told = lowered[2] if isinstance(lowered[2], bytes) else b""
                start = EXACT if lowered[1] else INEXACT
                cache.put(key, start + len(told).to_bytes(LENGTH, "big") + told + body)


def _read(data: bytes) -> Lowered:
    """A file as the cache keeps it; its statements and facts stay as they are until somebody asks for them."""
    start = 1 + LENGTH
    end = start + int.from_bytes(data[1:start], "big")
    return data[end:], data[:1] == EXACT, data[start:end]


def _lowered(path: str, text: str, to_tell: bool) -> Lowered | str:
    """One file lowered, or why it cannot be; ``to_tell`` whether what it says by itself is worked out now."""
    try:
        body, exact = parse(text)
    except ValueError as error:
        return str(error)
    return body, exact, told_by(path, text, body, exact) if to_tell else {}


