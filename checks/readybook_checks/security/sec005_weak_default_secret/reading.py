"""Whether any code reads a settings field, or what its class makes of it."""

from __future__ import annotations

import re

from readybook import Project
from readybook.facts.settings import SettingField
from readybook.patterns import regex

BEGINS = regex(r"(?:async[ \t]+)?(?:def[ \t]+)?(\w+)[ \t]*[:=(]")


def is_idle(project: Project, field: SettingField) -> bool:
    """Whether no code outside of the class names the field, nor the fields, properties and methods that hold it."""
    lines = project.text(field.place.path).split("\n")
    first, last = _body(lines, field.place.line - 1)
    names, statements = {field.name}, _statements(lines[first:last])
    grown = True
    while grown:
        named = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
        more = {name for name, text in statements if named.search(text)}
        grown = not more <= names
        names |= more
    named = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b")
    for path, module in project.facts.modules.by_path.items():
        if module.role != "application":
            continue
        text = "\n".join(lines[:first] + lines[last:]) if path == field.place.path else module.text
        if named.search(text):
            return False
    return True


def _body(lines: list[str], at: int) -> tuple[int, int]:
    """The lines of the class body around one of its own lines: up to where the indentation ends."""
    depth = _depth(lines[at])
    first, last = at, at + 1
    while first and (not lines[first - 1].strip() or _depth(lines[first - 1]) >= depth):
        first -= 1
    while last < len(lines) and (not lines[last].strip() or _depth(lines[last]) >= depth):
        last += 1
    return first, last


def _statements(lines: list[str]) -> list[tuple[str, str]]:
    """(name, text) of each field, property and method of a class body."""
    depth = min((_depth(line) for line in lines if line.strip()), default=0)
    found: list[tuple[str, str]] = []
    for line in lines:
        begins = BEGINS.match(line[depth:]) if line[:depth].isspace() or not depth else None
        if begins and not line[depth:depth + 1].isspace():
            found.append((begins[1], line))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{line}")
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
