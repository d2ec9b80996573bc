"""A patch series as a reader sees it: its patches with their changed lines, what was proven, what is left to people.

Read from the folder that ``readybook fix`` writes, so that a notebook shows a series without making it anew.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readybook.patterns import regex
from readybook.records import record

if TYPE_CHECKING:
    from readybook.patch import Patch

SAFETY_WORDS = {"safe": "safe", "review": "needs review", "sketch": "a sketch to finish"}
VERDICT_WORDS = {"verified": "verified", "review": "tried, review it", "failed": "failed verification",
                 "not_run": "could not be tried"}
_FILE = regex(r"diff --git (?:\"?a/)(.*?)\"? \"?b/(.*?)\"?$")
_HUNK = regex(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@record
class FileDiff:
    """The changed lines of one file: each with its kind, ``+``, ``-``, ``@`` (a hunk starts) or a blank.

    ``change`` is ``created``, ``changed`` or ``deleted``.
    """

    path: str
    lines: tuple[tuple[str, str], ...]
    change: str = "changed"

    def count(self, kind: str) -> int:
        """How many lines are of one kind."""
        return sum(k == kind for k, _ in self.lines)


@dataclass(frozen=True)
class PatchView:
    """What is told of a patch: ``file`` its name in the series, ``text`` its whole text, ``cures`` how many findings it
    does away with, ``saves`` hours of hand work. ``requires`` and ``conflicts`` are numbers of other patches; ``proof``
    is its row in verify.json, None when it was not tried."""

    number: int
    file: str
    check: str
    title: str
    safety: str
    reason: str
    text: str = field(repr=False)
    cures: int = 0
    verdict: str = ""
    fingerprints: tuple[str, ...] = ()
    requires: tuple[int, ...] = ()
    conflicts: tuple[int, ...] = ()
    saves: float = 0.0
    proof: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def anchor(self) -> str:
        """The place in a page where the patch stands."""
        return f"patch-{self.number:04}"

    @cached_property
    def files(self) -> tuple[FileDiff, ...]:
        """Its changes by file."""
        return file_diffs(self.text)


@record
class SeriesView:
    """A series to show: its patches, and the findings that none of them cures as fingerprint → why.

    ``left`` groups the latter as (check, why, how many). ``proof`` says what ``readybook verify`` proved of the series,
    ``guard`` how the code was held; ``verified`` is all of verify.json. They are empty when it was not asked.
    """

    patches: tuple[PatchView, ...] = ()
    left: tuple[tuple[str, str, int], ...] = ()
    proof: str = ""
    guard: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    verified: Mapping[str, Any] | None = None

    @property
    def requires(self) -> dict[str, tuple[str, ...]]:
        """Check → checks whose patches come before its own."""
        checks = {patch.number: patch.check for patch in self.patches}
        return {patch.check: tuple(checks[n] for n in patch.requires) for patch in self.patches if patch.requires}

    @property
    def cured(self) -> frozenset[str]:
        """The fingerprints of all findings that the patches do away with."""
        return frozenset(fingerprint for patch in self.patches for fingerprint in patch.fingerprints)


def view(patch: Patch) -> PatchView:
    """What to show of a patch."""
    return PatchView(
        patch.number, patch.file, patch.check, patch.title, patch.safety, patch.reason, patch.diff,
        len(patch.fingerprints), (patch.verified or {}).get("verdict", ""), patch.fingerprints, patch.requires,
        patch.conflicts, patch.effort_saved,
    )


def read_series(folder: Path) -> SeriesView:
    """The series in a folder; an empty one when the folder holds no series.json."""
    index = folder / "series.json"
    if not index.is_file():
        return SeriesView()
    data = json.loads(index.read_text(encoding="utf-8"))
    verified = _verified(folder / "verify.json")
    tried = {} if verified is None else {row["check"]: row for row in verified["patches"]}
    patches = tuple(_patch(folder, row, tried) for row in data["patches"])
    left = Counter((row["check"], row["reason"]) for row in data["unfixed"])
    return SeriesView(
        patches, tuple((check, why, count) for (check, why), count in sorted(left.items())),
        *_proof(verified, patches), {row["fingerprint"]: row["reason"] for row in data["unfixed"]}, verified,
    )


def _patch(folder: Path, row: Mapping[str, Any], tried: Mapping[str, Any]) -> PatchView:
    verdict = (row["verified"] or {}).get("verdict", "")
    return PatchView(
        row["number"], row["file"], row["check"], row["title"], row["safety"], row["reason"] or "",
        (folder / row["file"]).read_text(encoding="utf-8", errors="replace"), len(row["fingerprints"]), verdict,
        tuple(row["fingerprints"]), tuple(row["requires"]), tuple(row["conflicts"]), row["effort_saved"],
        tried.get(row["check"]) if verdict else None,
    )


def _verified(file: Path) -> Mapping[str, Any] | None:
    if not file.is_file():
        return None
    data: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return data


def _proof(verified: Mapping[str, Any] | None, patches: tuple[PatchView, ...]) -> tuple[str, str]:
    """What a verification says of the series, and how the code was held while it ran."""
    if verified is None:
        return "", ""
    from readybook.story import proof

    stale = sum(not patch.verdict for patch in patches)
    tail = f" {stale} of the patches below changed since and were not tried." if stale else ""
    return proof(verified) + tail, verified["isolation"]["guard"]


def file_diffs(patch: str) -> tuple[FileDiff, ...]:
    """Split a git patch by file. Lines are told apart by the hunk's counts, so a removed ``-- x`` is no header."""
    found: list[FileDiff] = []
    for path, lines in _by_file(patch.split("\n")):
        found.append(FileDiff(path, tuple(_hunk_lines(lines)), _change(lines)))
    return tuple(found)


def numbered(lines: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str, int, int]]:
    """Each line of a file's diff as (kind, text without its sign, number before, number after); 0 where it is not."""
    before = after = 0
    for kind, text in lines:
        if kind == "@":
            match = _HUNK.match(text)
            before, after = (int(match[1]), int(match[3])) if match else (0, 0)
            yield kind, text, 0, 0
        elif text.startswith("\\"):
            yield "@", text, 0, 0
        else:
            yield kind, text[1:], 0 if kind == "+" else before, 0 if kind == "-" else after
            before += kind != "+"
            after += kind != "-"


def _change(lines: list[str]) -> str:
    head = [line for line in lines[:4] if not line.startswith("@@")]
    if any(line.startswith("new file mode") for line in head):
        return "created"
    return "deleted" if any(line.startswith("deleted file mode") for line in head) else "changed"


def _by_file(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    path, open_lines = "", 0
    own: list[str] = []
    for line in lines:
        match = _FILE.match(line) if not open_lines else None
        if match:
            if path:
                yield path, own
            path, own = match[2], []
        elif path:
            own.append(line)
            open_lines = _open_after(line, open_lines)
    if path:
        yield path, own


def _open_after(line: str, open_lines: int) -> int:
    """How many old plus new lines the current hunk still has after ``line``."""
    hunk = _HUNK.match(line) if not open_lines else None
    if hunk:
        return sum(1 if n is None else int(n) for n in (hunk[2], hunk[4]))
    if not open_lines or line.startswith("\\"):
        return open_lines
    return max(0, open_lines - (1 if line[:1] in ("+", "-") else 2))


def _hunk_lines(lines: list[str]) -> Iterator[tuple[str, str]]:
    open_lines = 0
    for line in lines:
        inside = open_lines > 0
        open_lines = _open_after(line, open_lines)
        if inside:
            yield (line[:1] if line[:1] in "+-" and line else " "), line
        elif _HUNK.match(line):
            yield "@", line
