"""Edits of whole files and of single lines in files of any kind."""

from __future__ import annotations

import re

from readybook.edits.drafts import Draft, Splice
from readybook.edits.style import requoted
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import AddFile, AppendLine, ReplaceLineText


def add_file(work: Work, intent: AddFile) -> None:
    """Carry out AddFile; a file that exists is left alone."""
    if not work.exists(intent.path):
        work.create(intent.path, in_house_quotes(work, intent.path, intent.text))


def in_house_quotes(work: Work, path: str, text: str) -> str:
    """The text of a new file; Python in the quotes that the target's formatter asks for."""
    quote = work.style(path).quote
    return requoted(text, quote) if path.endswith(".py") and quote != '"' else text


def replace_line_text(work: Work, intent: ReplaceLineText) -> None:
    """Carry out ReplaceLineText; ``old`` must stand there once, unless ``new`` does already."""
    if "\n" in intent.old or not intent.old:
        raise PatchError(f"{spot(intent.place)}: the text to replace must lie within the line")

    def planner(text: str, draft: Draft) -> list[Splice]:
        start = draft.now(intent.place.line)
        start = text.rfind("\n", 0, start) + 1
        end = text.find("\n", start)
        line = text[start:end if end >= 0 else len(text)]
        newline = "\r\n" if line.endswith("\r") else "\n"
        new = intent.new.replace("\n", newline)
        if "\n" in new and text.startswith(new, start + max(line.find(intent.old), 0)):
            return []
        count = line.count(intent.old)
        if intent.new and intent.new in line and (intent.old in intent.new or not count):
            return []
        if count != 1:
            raise PatchError(f"{spot(intent.place)}: {'not' if not count else 'more than once'} there: {intent.old}")
        at = start + line.index(intent.old)
        if not line.replace(intent.old, "", 1).strip() and not intent.new.strip():
            return [Splice(start, end + 1 if end >= 0 else len(text), "")]
        return [Splice(at, at + len(intent.old), new)]

    work.plan_text(intent.place.path, planner)


def append_line(work: Work, intent: AppendLine) -> None:
    """Carry out AppendLine; the file must exist."""

    def planner(text: str, draft: Draft) -> list[Splice]:
        del draft
        if re.search(intent.unless, text, re.MULTILINE):
            return []
        newline = "\r\n" if "\r\n" in text else "\n"
        lead = "" if not text or text.endswith("\n") else newline
        return [Splice(len(text), len(text), f"{lead}{intent.line}{newline}")]

    work.plan_text(intent.path, planner)
