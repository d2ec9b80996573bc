"""Lock files: which version of each distribution an installation gets."""

from __future__ import annotations

import json
import re

from readybook.facts.requirementtexts import normal
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

# every tool writes name and version as the first keys of its table; a whole parse of 4 MiB would take seconds
_PACKAGE = regex(
    r"^\[\[packages?\]\][ \t]*\r?\n(?:[a-z-]+ = (?!\")[^\n]*\n)*name = \"([^\"\n]+)\"[ \t]*\r?\n"
    r"version = \"([^\"\n]+)\"",
    re.MULTILINE,
)
# every entry costs a search through the text for its line
MAX_ENTRIES = 3000
LOCK_NAMES = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipenv"}


@record
class Locked:
    """One locked distribution; ``name`` is normalised."""

    name: str
    version: str
    place: Place


@record
class LockFile:
    """One lock file and its entries; ``tool`` is uv, poetry, pdm, pipenv, pylock or requirements."""

    path: str
    tool: str
    entries: tuple[Locked, ...]
    problem: str = ""


def lock_tool(path: str) -> str:
    """The tool that writes a lock file of this name; empty for any other file."""
    name = path.rpartition("/")[2]
    return "pylock" if re.fullmatch(r"pylock(?:\.[\w-]+)?\.toml", name) else LOCK_NAMES.get(name, "")


def lock_file(path: str, text: str) -> LockFile:
    """Read one lock file."""
    tool = lock_tool(path)
    if tool == "pipenv":
        return _pipenv(path, text)
    found = []
    line, offset = 1, 0
    for match in _PACKAGE.finditer(text):
        line += text.count("\n", offset, match.start())
        offset = match.start()
        found.append(Locked(normal(match[1]), match[2], Place(path, line)))
    empty = "" if found or not re.search(r"^\[\[package", text, re.MULTILINE) else "has no entry of the expected form"
    return LockFile(path, tool, tuple(found), empty)


def _pipenv(path: str, text: str) -> LockFile:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return LockFile(path, "pipenv", (), "is not JSON")
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.endswith('": {'):
            lines.setdefault(line.strip()[1:-4], number)
    found: dict[str, Locked] = {}
    for part in ("default", "develop"):
        entries = data.get(part) if isinstance(data, dict) else None
        for name, entry in list(entries.items())[:MAX_ENTRIES] if isinstance(entries, dict) else ():
            version = entry.get("version") if isinstance(entry, dict) else None
            if isinstance(version, str) and version.startswith("=="):
                found.setdefault(normal(name), Locked(normal(name), version[2:], Place(path, lines.get(name, 1))))
    return LockFile(path, "pipenv", tuple(found.values()))
