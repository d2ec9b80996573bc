"""Dockerfile edits by a minimal reader of instructions: continuation lines, comments and here-documents included."""

from __future__ import annotations

import re

from readybook.edits.drafts import Draft, Splice, line_of, line_starts
from readybook.edits.work import Work, spot
from readybook.errors import PatchError
from readybook.intents import InsertInstruction, ReplaceInstruction
from readybook.patterns import regex
from readybook.records import record

HEREDOC = regex(r"<<-?[ \t]*([\"']?)(\w+)\1")
ESCAPE = regex(r"\A(?:[ \t]*#[^\n]*\n)*?[ \t]*#[ \t]*escape[ \t]*=[ \t]*([\\`])", re.I)


@record
class Instruction:
    """One instruction: its word in capitals and the offsets of its text (the last line break is left out)."""

    word: str
    start: int
    end: int


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile in order."""
    match = ESCAPE.match(text)
    mark = match.group(1) if match else "\\"
    starts = [*line_starts(text), len(text) + 1]
    lines = [text[a:b - 1] for a, b in zip(starts, starts[1:], strict=False)]
    found, number = [], 0
    while number < len(lines):
        bare = lines[number].strip()
        if not bare or bare.startswith("#"):
            number += 1
            continue
        first = number
        number = _last_line(lines, number, mark)
        begin = starts[first] + len(lines[first]) - len(lines[first].lstrip())
        found.append(Instruction(bare.split()[0].upper(), begin, starts[number] + len(lines[number].rstrip("\r"))))
        number += 1
    return found


def _last_line(lines: list[str], number: int, mark: str) -> int:
    """The last line of the instruction that begins on a line."""
    waiting = [m.group(2) for m in HEREDOC.finditer(lines[number])]
    while number + 1 < len(lines) and lines[number].rstrip().endswith(mark):
        number += 1
        while number + 1 < len(lines) and (not lines[number].strip() or lines[number].lstrip().startswith("#")):
            number += 1
        waiting += [m.group(2) for m in HEREDOC.finditer(lines[number])]
    for word in waiting:
        while number + 1 < len(lines):
            number += 1
            if lines[number].strip() == word:
                break
    return number


def insert_instruction(work: Work, intent: InsertInstruction) -> None:
    """Carry out InsertInstruction; an instruction with the same text in the stage is enough."""

    def planner(text: str, draft: Draft) -> list[Splice]:
        stage = _stage(text, draft.now(intent.stage), f"{intent.path}:{intent.stage}")
        new = intent.text.strip("\n")
        if any(text[i.start:i.end].split() == new.split() for i in stage):
            return []
        newline = "\r\n" if "\r\n" in text else "\n"
        new = new.replace("\n", newline)
        goal = next((i for i in stage[1:] if i.word in intent.before), None)
        if goal is None:
            end = text.find("\n", stage[-1].end)
            if end < 0:
                return [Splice(len(text), len(text), newline + new, "instruction at the end")]
            return [Splice(end + 1, end + 1, new + newline, "instruction at the end")]
        at = _above_comments(text, text.rfind("\n", 0, goal.start) + 1)
        parted = at == 0 or text[:at].endswith(("\n\n", "\n\r\n"))
        return [Splice(at, at, new + newline * (2 if parted else 1), f"instruction at {at}")]

    work.plan_text(intent.path, planner)


def replace_instruction(work: Work, intent: ReplaceInstruction) -> None:
    """Carry out ReplaceInstruction; an empty text removes the instruction with its lines."""

    def planner(text: str, draft: Draft) -> list[Splice]:
        line = line_of(text, draft.now(intent.place.line))
        for one in instructions(text):
            if line_of(text, one.start) <= line <= line_of(text, one.end):
                new = intent.text.strip("\n").replace("\n", "\r\n" if "\r\n" in text else "\n")
                if not new:
                    end = text.find("\n", one.end)
                    return [Splice(text.rfind("\n", 0, one.start) + 1, len(text) if end < 0 else end + 1, "")]
                return [] if text[one.start:one.end] == new else [Splice(one.start, one.end, new)]
        raise PatchError(f"{spot(intent.place)}: there is no instruction")

    work.plan_text(intent.place.path, planner)


def _stage(text: str, offset: int, where: str) -> list[Instruction]:
    """The instructions of the stage whose FROM is on the line of an offset."""
    line = line_of(text, offset)
    found = instructions(text)
    first = next((n for n, i in enumerate(found) if i.word == "FROM"
                  and line_of(text, i.start) <= line <= line_of(text, i.end)), None)
    if first is None:
        raise PatchError(f"{where}: no stage begins there")
    last = next((n for n in range(first + 1, len(found)) if found[n].word == "FROM"), len(found))
    return found[first:last]


def _above_comments(text: str, at: int) -> int:
    """The start of the comment lines directly above a line, else the line itself."""
    while at:
        above = text.rfind("\n", 0, at - 1) + 1
        if not text[above:at].lstrip().startswith("#"):
            break
        at = above
    return at
