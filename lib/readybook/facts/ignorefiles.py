"""What .gitignore and .dockerignore leave out: their patterns, by the rules of git and of docker."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readybook.project import Project

MAX_PATTERNS = 2_000
MAX_STARS = 12  # in one segment: more are hostile


def ignored_by_git(project: Project, path: str) -> bool:
    """Whether the target's .gitignore files leave a path out, were it new; the last pattern that fits decides."""
    return git_ignores({p: f.text for p, f in project.files.items() if p.rpartition("/")[2] == ".gitignore"}, path)


def git_ignores(texts: Mapping[str, str], path: str) -> bool:
    """The same for .gitignore texts by their paths. A folder that is left out takes all below it with it."""
    parts = path.split("/")
    return any(_decided(texts, parts[:n], n < len(parts)) for n in range(1, len(parts) + 1))


def _decided(texts: Mapping[str, str], parts: list[str], folder: bool) -> bool:
    """Whether the path itself, not a folder above it, is left out: deeper files decide over those above them."""
    for depth in range(len(parts) - 1, -1, -1):
        text = texts.get("/".join([*parts[:depth], ".gitignore"]))
        if text is not None:
            answer = _last(text, parts[depth:], folder)
            if answer is not None:
                return answer
    return False


def _last(text: str, parts: list[str], folder: bool) -> bool | None:
    for raw in reversed(text.split("\n")[:MAX_PATTERNS]):
        line = raw.rstrip("\r")
        line = line.rstrip(" ") if not line.endswith("\\ ") else line
        if not line or line.startswith("#"):
            continue
        negated, line = line.startswith("!"), line.removeprefix("!").removeprefix("\\")
        only_folders, line = line.endswith("/"), line.rstrip("/")
        anchored, line = "/" in line, line.lstrip("/")
        if line and (folder or not only_folders):
            if _fits(parts, line.split("/")) if anchored else _fits(parts[-1:], [line]):
                return not negated
    return None


def _fits(parts: Iterable[str], pattern: Iterable[str]) -> bool:
    """Whether segments match a pattern's segments; ``**`` stands for any number of them."""
    states = {0}
    wanted = list(pattern)
    for part in parts:
        reached = _skipped(states, wanted)
        states = {s for s in reached if s < len(wanted) and wanted[s] == "**"}
        states |= {s + 1 for s in reached if s < len(wanted) and wanted[s] != "**" and _segment(wanted[s], part)}
        if not states:
            return False
    return len(wanted) in _skipped(states, wanted)


def _skipped(states: set[int], wanted: list[str]) -> set[int]:
    """The states, and those behind each ``**`` that stands for nothing more."""
    out = set(states)
    for state in sorted(states):
        while state < len(wanted) and wanted[state] == "**":
            state += 1
            out.add(state)
    return out


def _segment(pattern: str, part: str) -> bool:
    return pattern.count("*") <= MAX_STARS and _compiled(pattern).match(part) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
