"""Drafts: texts under change, as a base, the splices planned on it, and the way from old positions to new ones.

A draft is immutable, so a finding whose intents fail is undone by dropping the drafts made for it. Splices gather on
one base, so a file is parsed once for many edits; only when two edits meet is the draft settled into a new base.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache

from readybook.records import record


@record
class Splice:
    """``text[start:end]`` becomes ``new`` (offsets in code points).

    ``key`` names what an insertion makes true: the same key planned twice is one edit when the text is the same, and a
    clash when it is not. Insertions at one offset keep the order of ``rank``, then that of planning.
    """

    start: int
    end: int
    new: str
    key: str = ""
    rank: int = 0


class Clash(Exception):
    """Two edits meet: the draft must be settled before the second is planned again. Never leaves this package."""


@record
class Draft:
    """One file under change. ``first`` is the text that the places of intents refer to; None for a new file."""

    path: str
    first: str | None
    base: str
    pending: tuple[Splice, ...] = ()
    layers: tuple[tuple[Splice, ...], ...] = ()

    @property
    def text(self) -> str:
        """The text with all that is planned."""
        return splice(self.base, self.pending)

    def plan(self, splices: tuple[Splice, ...] | list[Splice]) -> Draft:
        """The draft with more splices; raises Clash when one meets what is planned already."""
        pending = list(self.pending)
        for new in splices:
            if new.start == new.end and not new.new:
                continue
            if any(_same(new, old) for old in pending):
                continue
            if any(_meet(new, old) for old in pending):
                raise Clash
            pending.append(new)
        return replace(self, pending=tuple(pending))

    def settled(self) -> Draft:
        """The draft with its plan carried out: an empty plan on a new base."""
        if not self.pending:
            return self
        return replace(self, base=self.text, pending=(), layers=(*self.layers, ordered(self.pending)))

    def rewritten(self, text: str) -> Draft:
        """The draft with another whole text (what changed is found by its common beginning and end)."""
        draft = self.settled()
        change = difference(draft.base, text)
        return draft.plan([change]).settled() if change else draft

    def now(self, line: int, column: int = 1) -> int:
        """The offset in ``base`` of a 1-based line and column of ``first``; the end when there is no such line."""
        starts = line_starts(self.first or "")
        offset = starts[line - 1] + column - 1 if line <= len(starts) else len(self.first or "")
        for layer in self.layers:
            offset = _carried(offset, layer)
        return offset

    @property
    def first_touched(self) -> int:
        """The offset in ``base`` of the first change made or planned so far; the end of the text when there is none."""
        found = [s.start for s in self.pending]
        for number, layer in enumerate(self.layers):
            offset = min(s.start for s in layer)
            for later in self.layers[number + 1:]:
                offset = _carried(offset, tuple(s for s in later if s.start < offset))
            found.append(offset)
        return min(found, default=len(self.base))


def splice(text: str, splices: tuple[Splice, ...]) -> str:
    """The text with the splices carried out."""
    parts, at = [], 0
    for one in ordered(splices):
        parts += [text[at:one.start], one.new]
        at = one.end
    return "".join(parts) + text[at:]


def ordered(splices: tuple[Splice, ...]) -> tuple[Splice, ...]:
    """Splices in the order of the text; an insertion stands before a replacement that begins at the same offset."""
    return tuple(sorted(splices, key=lambda s: (s.start, s.end, s.rank)))


def difference(old: str, new: str) -> Splice | None:
    """The one splice that turns ``old`` into ``new``, or None when they are equal."""
    if old == new:
        return None
    start = 0
    shortest = min(len(old), len(new))
    while start < shortest and old[start] == new[start]:
        start += 1
    tail = 0
    while tail < shortest - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return Splice(start, len(old) - tail, new[start:len(new) - tail])


@lru_cache(maxsize=256)
def line_starts(text: str) -> tuple[int, ...]:
    """The offset of each line's first character; lines end at a line feed, as git has it."""
    starts, at = [0], text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return tuple(starts)


def line_of(text: str, offset: int) -> int:
    """The 1-based line that holds an offset."""
    return text.count("\n", 0, offset) + 1


def _same(a: Splice, b: Splice) -> bool:
    """Whether two splices are one edit; a keyless insertion is never the same as another."""
    same = (a.start, a.end, a.new, a.key) == (b.start, b.end, b.new, b.key)
    return same and (a.start != a.end or bool(a.key))


def _meet(a: Splice, b: Splice) -> bool:
    if a.key and a.key == b.key:
        return True
    if a.start == a.end or b.start == b.end:
        point, span = (a, b) if a.start == a.end else (b, a)
        return span.start < point.start < span.end
    return a.start < b.end and b.start < a.end


def _carried(offset: int, layer: tuple[Splice, ...]) -> int:
    """Where an offset is after a layer of splices; an offset inside a replaced span goes to the span's start."""
    count = bisect_right([s.start for s in layer], offset)
    shift = 0
    for one in layer[:count]:
        if one.end > offset:
            return one.start + shift
        shift += len(one.new) - (one.end - one.start)
    return offset + shift
