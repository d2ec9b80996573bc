"""Small changes to the command that starts the server, in whatever file and form it is written."""

from __future__ import annotations

import re

from readybook.facts.serving import ServeCommand
from readybook.intents import ReplaceLineText
from readybook.place import Place
from readybook.project import Project

BELOW = 20  # lines that a command may go on for


def add_option(project: Project, command: ServeCommand, option: str, value: str) -> ReplaceLineText | None:
    """``option value`` behind the application's import string; None where that is not written once in one line."""
    if not command.app:
        return None
    app = re.escape(command.app)
    forms = ((rf'"{app}"', f'"{command.app}", "{option}", "{value}"'),
             (rf"'{app}'", f"'{command.app}', '{option}', '{value}'"),
             (rf"(?<![\w\"'./]){app}(?![\w\"'./:-])", f"{command.app} {option} {value}"))
    for number, line in _lines(project, command):
        for pattern, new in forms:
            found = re.findall(pattern, line)
            if len(found) == 1 and line.count(found[0]) == 1:
                return ReplaceLineText(Place(command.place.path, number), found[0], new)
    return None


def run_by_exec(project: Project, command: ServeCommand) -> ReplaceLineText | None:
    """``exec`` before the server's name in a shell's text; None where its line does not show one place for it."""
    word = command.text.split(" ")[0]
    pattern = rf"(?<![\w./-]){re.escape(word)} "
    for number, line in _lines(project, command):
        if command.app in line and len(re.findall(pattern, line)) == 1 and line.count(f"{word} ") == 1:
            return ReplaceLineText(Place(command.place.path, number), f"{word} ", f"exec {word} ")
    return None


def written(project: Project, command: ServeCommand) -> str:
    """The line that names the server, from the command's place on; empty when none does."""
    word = command.text.split(" ")[0]
    return next((line for _, line in _lines(project, command) if word in line), "")


def _lines(project: Project, command: ServeCommand) -> list[tuple[int, str]]:
    lines = project.text(command.place.path).split("\n")
    first = command.place.line
    return [(n, lines[n - 1].rstrip("\r")) for n in range(first, min(first + BELOW, len(lines)) + 1)]
