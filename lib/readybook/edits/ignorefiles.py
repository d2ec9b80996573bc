"""Lines of ignore files."""

from __future__ import annotations

from readybook.edits.drafts import Draft, Splice
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.intents import EnsureIgnored


def ensure_ignored(work: Work, intent: EnsureIgnored) -> None:
    """Carry out EnsureIgnored; new lines go to the end, where they win over those above."""
    if any("\n" in p or "\r" in p or not p.strip() for p in (*intent.patterns, intent.comment or "x")):
        raise PatchError(f"{intent.path}: a pattern is one line")
    head = [f"# {intent.comment}"] if intent.comment else []
    if not work.exists(intent.path):
        work.create(intent.path, "\n".join([*head, *intent.patterns]) + "\n")
        return

    def planner(text: str, draft: Draft) -> list[Splice]:
        present = {line.strip() for line in text.split("\n")}
        missing = [p for p in intent.patterns if p not in present]
        if not missing:
            return []
        newline = "\r\n" if "\r\n" in text else "\n"
        lead = "" if not text else newline if text.endswith("\n") else newline * 2
        if head and head[0] in text.rstrip().replace("\r", "").split("\n\n")[-1].split("\n"):
            lead = "" if text.endswith("\n") else newline  # the block that an earlier edit began
        lines = [*(line for line in head if line not in present), *missing]
        return [Splice(len(text), len(text), lead + newline.join(lines) + newline)]

    work.plan_text(intent.path, planner)
