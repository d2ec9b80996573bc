"""Patches as readable diffs: one block a file, lines marked by sign and colour, secrets masked, length bounded."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readybook.markup import Html, clip, el, within
from readybook.masking import mask

if TYPE_CHECKING:
    from readybook.patch import Patch

DIFFS_BUDGET = 450_000   # bytes of HTML for all diffs of a page together
LINES_SHOWN = 500        # of one patch
LINE_LIMIT = 300
SAFETY_WORDS = {"safe": "safe", "review": "needs review", "sketch": "a sketch to finish"}
VERDICT_WORDS = {"verified": "verified", "review": "tried, review it", "failed": "failed verification",
                 "not_run": "could not be tried"}
_FILE = re.compile(r"diff --git (?:\"?a/)(.*?)\"? \"?b/(.*?)\"?$")
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class FileDiff:
    """The changed lines of one file: each with its kind, ``+``, ``-``, ``@`` (a hunk starts) or a blank."""

    path: str
    lines: tuple[tuple[str, str], ...]

    def count(self, kind: str) -> int:
        """How many lines are of one kind."""
        return sum(k == kind for k, _ in self.lines)


@dataclass(frozen=True, slots=True)
class PatchView:
    """What the report tells of a patch: ``file`` its name in the series, ``text`` its whole text, ``cures`` how many
    findings it does away with."""

    number: int
    file: str
    check: str
    title: str
    safety: str
    reason: str
    text: str
    cures: int = 0
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A series to show: its patches, and the findings that none of them cures as (check, why, how many).

    ``requires`` names for a check those whose patches must be applied before its own.
    ``proof`` says what ``readybook verify`` proved of it, ``guard`` how it was held; empty when it was not asked.
    """

    patches: tuple[PatchView, ...] = ()
    left: tuple[tuple[str, str, int], ...] = ()
    proof: str = ""
    guard: str = ""
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def view(patch: Patch) -> PatchView:
    """What to show of a patch."""
    return PatchView(patch.number, patch.file, patch.check, patch.title, patch.safety, patch.reason, patch.diff,
                     len(patch.fingerprints), (patch.verified or {}).get("verdict", ""))


def read_series(folder: Path) -> SeriesView:
    """The series in a folder; an empty one when the folder holds no series.json."""
    index = folder / "series.json"
    if not index.is_file():
        return SeriesView()
    data = json.loads(index.read_text(encoding="utf-8"))
    left = Counter((row["check"], row["reason"]) for row in data["unfixed"])
    patches = tuple(
        PatchView(
            row["number"], row["file"], row["check"], row["title"], row["safety"], row["reason"] or "",
            (folder / row["file"]).read_text(encoding="utf-8", errors="replace"), len(row["fingerprints"]),
            (row["verified"] or {}).get("verdict", ""),
        )
        for row in data["patches"]
    )
    proven = _proof(folder / "verify.json", patches)
    return SeriesView(patches, tuple((check, why, count) for (check, why), count in sorted(left.items())), *proven,
                      requirements(data["patches"]))


def requirements(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Check → checks whose patches come before its own; ``rows`` are the entries of a series.json."""
    rows = list(rows)
    checks = {row["number"]: row["check"] for row in rows}
    return {row["check"]: tuple(checks[n] for n in row["requires"]) for row in rows if row["requires"]}


def _proof(file: Path, patches: tuple[PatchView, ...]) -> tuple[str, str]:
    """What a verification beside the series says of it, and how the code was held while it ran."""
    if not file.is_file():
        return "", ""
    from readybook.story import proof

    data = json.loads(file.read_text(encoding="utf-8"))
    stale = sum(not patch.verdict for patch in patches)
    tail = f" {stale} of the patches below changed since and were not tried." if stale else ""
    return proof(data) + tail, data["isolation"]["guard"]


def file_diffs(patch: str) -> tuple[FileDiff, ...]:
    """Split a git patch by file. Lines are told apart by the hunk's counts, so a removed ``-- x`` is no header."""
    found: list[FileDiff] = []
    for path, lines in _by_file(patch.split("\n")):
        found.append(FileDiff(path, tuple(_hunk_lines(lines))))
    return tuple(found)


def proof_html(series: SeriesView) -> Html | None:
    """What was proven of a series; None when nothing was."""
    if not series.proof:
        return None
    return el("div", el("p", el("b", series.proof)), el("p", f"How: on a copy, in child processes. {series.guard}",
                                                        class_="rest"), class_="proof")


def patches_html(patches: Iterable[PatchView], budget: int = DIFFS_BUDGET) -> Html:
    """All patches in order, each folded behind its title; those past the budget are counted and their files named."""
    patches = tuple(patches)
    shown = within((patch_html(patch) for patch in patches), budget)
    if not shown and not patches:
        return el("p", "No patch is offered.", class_="none")
    left = patches[len(shown):]
    rest = None
    if left:
        names = ", ".join(clip(p.file, 120) for p in left[:20]) + (" …" if len(left) > 20 else "")
        rest = el("p", f"{len(left):,} more stand in the folder patches: {names}", class_="rest")
    return el("div", shown, rest, class_="patches")


def patch_html(patch: PatchView) -> Html:
    """One patch: what it does, how far to trust it, and its diff."""
    diffs = file_diffs(patch.text)
    added, removed = (sum(d.count(kind) for d in diffs) for kind in "+-")
    tail = f"{len(diffs)} {'file' if len(diffs) == 1 else 'files'}, +{added} −{removed}"
    words = [SAFETY_WORDS.get(patch.safety, patch.safety), tail, VERDICT_WORDS.get(patch.verdict, patch.verdict)]
    return el(
        "details",
        el("summary", el("span", el("code", f"{patch.number:04}"), " ", clip(mask(patch.title), 300), class_="title"),
           el("span", " · ".join(word for word in words if word), class_="tail")),
        el("p", el("code", clip(patch.file, 200)), " cures ", str(patch.cures), " of ",
           el("a", patch.check, href=f"#{patch.check}"), f": {clip(mask(patch.reason), 900)}" if patch.reason else None,
           class_="reason"),
        _diff_blocks(diffs),
        class_="patch", id=f"patch-{patch.number:04}",
    )


def _diff_blocks(diffs: tuple[FileDiff, ...]) -> list[Html]:
    left, blocks = LINES_SHOWN, []
    for diff in diffs:
        lines = diff.lines[:max(left, 0)]
        left -= len(diff.lines)
        text = mask("\n".join(clip(line, 4 * LINE_LIMIT) for _, line in lines), diff.path).split("\n")
        rows = [_line(kind, line) for (kind, _), line in zip(lines, text, strict=False)]
        if len(lines) < len(diff.lines):
            rows.append(el("span", f"… {len(diff.lines) - len(lines)} more lines in the patch file", class_="at"))
        blocks.append(el("figure", el("figcaption", clip(diff.path, LINE_LIMIT)),
                         el("pre", el("code", rows), tabindex=0), class_="diff"))
    return blocks


def _line(kind: str, line: str) -> Html:
    names = {"+": "add", "-": "del", "@": "at"}
    return el("span", clip(line, LINE_LIMIT) or " ", class_=names.get(kind))


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
        return sum(1 if n is None else int(n) for n in hunk.groups())
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
