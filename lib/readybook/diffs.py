"""Patches as readable diffs: one block a file, lines marked by sign and colour, secrets masked, length bounded.

Each patch is shown in one column; ``both`` adds the same change in two columns, before and after, between which the
reader chooses above the patches.
"""

from __future__ import annotations

from collections.abc import Iterable

from readybook.markup import Html, clip, el, join, within
from readybook.masking import mask
from readybook.seriesview import SAFETY_WORDS, VERDICT_WORDS, FileDiff, PatchView, SeriesView, numbered

DIFFS_BUDGET = 450_000   # bytes of HTML for all diffs of a page together
BOTH_BUDGET = 1_300_000  # the same when each is there twice
LINES_SHOWN = 500        # of one patch
LINE_LIMIT = 300
CLASSES = {"+": "add", "-": "del", "@": "at"}


def proof_html(series: SeriesView) -> Html | None:
    """What was proven of a series; None when nothing was."""
    if not series.proof:
        return None
    return el("div", el("p", el("b", series.proof)), el("p", f"How: on a copy, in child processes. {series.guard}",
                                                        class_="rest"), class_="proof")


def patches_html(
    patches: Iterable[PatchView], budget: int = 0, both: bool = False, opened: bool = False
) -> Html:
    """All patches in order, each behind its title, folded unless ``opened``; those past the budget are named."""
    patches = tuple(patches)
    shown = within((patch_html(patch, both, opened) for patch in patches),
                   budget or (BOTH_BUDGET if both else DIFFS_BUDGET))
    if not shown and not patches:
        return el("p", "No patch is offered.", class_="none")
    left = patches[len(shown):]
    rest = None
    if left:
        names = ", ".join(clip(p.file, 120) for p in left[:20]) + (" …" if len(left) > 20 else "")
        rest = el("p", f"{len(left):,} more stand in the folder patches: {names}", class_="rest")
    return el("div", _choice() if both else None, shown, rest, class_="patches")


def patch_html(patch: PatchView, both: bool = False, opened: bool = False) -> Html:
    """One patch: what it does, how far to trust it, and its diff."""
    diffs = patch.files
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
        _links(patch),
        diff_html(diffs, both),
        class_="patch", id=patch.anchor, open=opened,
    )


def diff_html(diffs: tuple[FileDiff, ...], both: bool = False) -> Html:
    """The changes of one patch, file by file, without what is told of the patch."""
    left, blocks = LINES_SHOWN, []
    for diff in diffs:
        lines = diff.lines[:max(left, 0)]
        left -= len(diff.lines)
        text = mask("\n".join(clip(line, 4 * LINE_LIMIT) for _, line in lines), diff.path).split("\n")
        shown = tuple((kind, line) for (kind, _), line in zip(lines, text, strict=False))
        blocks.append(_block(diff, shown, both))
    return join(blocks)


def _block(diff: FileDiff, lines: tuple[tuple[str, str], ...], both: bool) -> Html:
    missing = len(diff.lines) - len(lines)
    more = el("p", f"{missing:,} more lines stand in the patch file.", class_="rest") if missing else None
    rows = [_line(kind, line) for kind, line in lines]
    return el(
        "figure",
        el("figcaption", clip(diff.path, LINE_LIMIT), "" if diff.change == "changed" else
           el("span", diff.change, class_="badge b-done" if diff.change == "created" else "badge")),
        el("pre", el("code", rows), tabindex=0, class_="one" if both else None),
        _columns(lines, diff.path) if both else None,
        more,
        class_="diff",
    )


def _line(kind: str, line: str) -> Html:
    return el("span", clip(line, LINE_LIMIT) or " ", class_=CLASSES.get(kind))


def _columns(lines: tuple[tuple[str, str], ...], path: str) -> Html:
    """Before and after beside each other: a run of removed lines faces the run of added lines that follows it."""
    rows: list[Html] = []
    gone: list[tuple[str, int]] = []
    come: list[tuple[str, int]] = []

    def flush() -> None:
        for n in range(max(len(gone), len(come))):
            rows.append(_pair(gone[n] if n < len(gone) else None, come[n] if n < len(come) else None, "del", "add"))
        gone.clear()
        come.clear()

    for kind, text, before, after in numbered(lines):
        if kind == "-" and come:
            flush()
        if kind == "-":
            gone.append((text, before))
        elif kind == "+":
            come.append((text, after))
        else:
            flush()
            rows.append(el("tr", el("td", clip(text, LINE_LIMIT), colspan=4, class_="at")) if kind == "@"
                        else _pair((text, before), (text, after), None, None))
    flush()
    columns = el("colgroup", [el("col", class_=name) for name in ("no", None, "no", None)])
    table = el("table", columns, el("thead", el("tr", el("th", "Before", colspan=2, scope="colgroup"),
                                       el("th", "After", colspan=2, scope="colgroup"))), el("tbody", rows))
    return el("div", table, class_="two", tabindex=0, role="region", aria_label=f"{clip(path, 120)}, side by side")


def _pair(old: tuple[str, int] | None, new: tuple[str, int] | None, gone: str | None, come: str | None) -> Html:
    cells = []
    for side, class_ in ((old, gone), (new, come)):
        number, text = ("", "") if side is None else (str(side[1]), clip(side[0], LINE_LIMIT))
        cells += [el("td", number, class_="no"), el("td", text, class_=class_ if side else "void")]
    return el("tr", cells)


def _links(patch: PatchView) -> Html | None:
    """Which other patches it needs, and which single forms exclude its own."""
    parts = []
    if patch.requires:
        parts.append(join(["Needs ", _numbers(patch.requires), " before it. "]))
    if patch.conflicts:
        parts.append(join(["Taken alone, from single/, it excludes ", _numbers(patch.conflicts), "."]))
    return el("p", parts, class_="reason") if parts else None


def _numbers(numbers: Iterable[int]) -> Html:
    return join([el("a", f"{n:04}", href=f"#patch-{n:04}") for n in numbers], ", ")


def _choice() -> Html:
    """Two radio buttons; the style sheet shows the form of the diffs that is chosen."""
    options = (("one", "One column", True), ("two", "Side by side", False))
    return el("fieldset", el("legend", "Show changes as"), [
        el("label", el("input", type="radio", name="diff-form", value=value, checked=chosen), f" {text}")
        for value, text, chosen in options
    ], class_="choice")
