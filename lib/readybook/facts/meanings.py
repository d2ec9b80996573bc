"""What a variable means in the words of the code: ``Field(description=…)``, or the comment beside or above it."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from readybook.facts.objects import Instance
from readybook.facts.values import text_of
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.settings import Variable
    from readybook.project import Project

_TOOL = regex(r"(?i)^(?:noqa|type:|pragma|pylint|pyright|mypy|ruff|nosec|fmt:|todo|fixme|xxx|hack|readybook:)")
_CODE = regex(r"^[\w.]+\s*(?::\s*[\w.\[\], |]+)?=|^[-=*#_~]{3,}|^(?:from|import|def|class|return|if)\b")
_ASKING = regex(r"\s*(?:if|elif|while|for|with|return|assert|raise)\b")
MAX_CHARS = 100


def meaning_of(project: Project, variable: Variable) -> str:
    """One line, at most `MAX_CHARS` long; empty when the code says nothing."""
    return _one_line(_described(project, variable) or _commented(project, variable))


def _described(project: Project, variable: Variable) -> str:
    """The ``description`` of the settings field at the variable's place."""
    notes = project.facts.behaviour.notes
    if _described not in notes:
        by_path = notes[_described] = defaultdict(list)
        for cls in project.facts.program.everything.classes:
            by_path[cls.module.path].append(cls)
    for cls in notes[_described].get(variable.place.path, ()):
        if cls.path != variable.place.symbol and not cls.path.endswith(f".{variable.place.symbol}"):
            continue
        name = next((n for n, line in cls.lines.items() if line == variable.place.line), "")
        field = cls.scope.names.get(name)
        if isinstance(field, Instance):
            return text_of(field.kwargs.get("description")) or ""
    return ""


def _commented(project: Project, variable: Variable) -> str:
    path, line = variable.place.path, variable.place.line
    behind = re.search(r"""(?<=[\s,)"'\]])#\s*([^"'#]+)$""", project.line(path, line))
    if behind and not _TOOL.match(behind[1]):
        return behind[1]
    if _ASKING.match(project.line(path, line)):
        return ""  # what stands above tells of the step, not of the variable
    above: list[str] = []
    number = line - 1
    while number > 0 and (match := re.match(r"\s*#+\s?(.*)$", project.line(path, number))):
        text = match[1].strip()
        if not text or _TOOL.match(text) or _CODE.match(text):
            break
        above.insert(0, text)
        number -= 1
    return " ".join(above)


def _one_line(text: str) -> str:
    text = " ".join(text.split()).strip("-=# ")
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1].rsplit(" ", 1)[0] + "…"
