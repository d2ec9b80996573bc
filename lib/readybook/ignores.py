"""What somebody decided to live with: ignore comments in the target, and waivers of its configuration.

A comment ``# readybook: ignore[SEC001] reason`` holds for a finding on its line, on any line of the finding's span, or
directly below it when the comment has the line to itself. Several checks are parted by commas; each is an id, the start
of one, or a name. A comment without a reason is not honoured, and the report says so.
"""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterable, Iterator
from datetime import date
from fnmatch import fnmatchcase

from readybook.check import Check
from readybook.config import Attestation, Config, Waiver
from readybook.finding import Finding
from readybook.masking import mask
from readybook.patterns import regex
from readybook.project import Project
from readybook.records import record
from readybook.registry import names

_COMMENT = regex(r"(?:#|//|--|<!--)\s*readybook:\s*ignore\b[ \t]*(?:\[([^\]\n]*)\])?[ \t:]*(.*)")


@record
class Ignore:
    """One ignore comment: ``checks`` as written, ``alone`` when nothing else stands on its line (1-based)."""

    path: str
    line: int
    checks: tuple[str, ...]
    reason: str
    alone: bool


class Excuses:
    """All ignores, waivers and attestations of one run; ``refused`` lists (what, why) of those that do not hold."""

    def __init__(self, project: Project, config: Config, checks: Iterable[Check], today: date) -> None:
        checks = tuple(checks)
        self.refused: list[tuple[str, str]] = []
        self._ignores: dict[tuple[str, int], Ignore] = {}
        self._comment_lines: dict[str, frozenset[int]] = {}
        if config.inline:
            self._collect(project, checks)
        self._waivers = [w for w in config.waivers if self._holds(w, "waiver", w.until, checks, today)]
        self._attestations = [a for a in config.attestations if self._holds(a, "attestation", a.expires, checks, today)]
        self._used: set[str] = set()

    def excuse(self, check: Check, finding: Finding) -> tuple[str, str] | None:
        """(reason, where it is said) when the finding is waived, None when it is open."""
        for ignore in self._around(finding):
            if any(names(word, check) for word in ignore.checks):
                return ignore.reason, f"{ignore.path}:{ignore.line}"
        for waiver in self._waivers:
            if names(waiver.check, check) and covers(waiver.path, finding.place.path):
                return waiver.reason, waiver.by
        return None

    def attestation(self, check: Check) -> Attestation | None:
        """The attestation that answers for the check, None when there is none or the check is not attestable."""
        found = next((a for a in self._attestations if names(a.check, check)), None) if check.attestable else None
        if found:
            self._used.add(found.by)
        return found

    def unused(self) -> list[Attestation]:
        """The attestations that answered for no check of this run."""
        return [a for a in self._attestations if a.by not in self._used]

    def _collect(self, project: Project, checks: tuple[Check, ...]) -> None:
        for path, source in project.files.items():
            if "readybook:" not in source.text:
                continue
            self._comment_lines[path] = frozenset(
                n for n, line in enumerate(source.text.split("\n"), 1) if line.lstrip().startswith(("#", "//", "--"))
            )
            for ignore in comments(path, source.text):
                known = [w for w in ignore.checks if any(names(w, check) for check in checks)]
                where = f"{path}:{ignore.line}"
                if not ignore.checks or not ignore.reason:
                    lacks = "a reason" if ignore.checks else "a check, as in ignore[SEC001],"
                    self.refused.append((where, f"the ignore comment is not honoured: it lacks {lacks.rstrip(',')}"))
                    continue
                for word in set(ignore.checks) - set(known):
                    self.refused.append((where, f"the ignore comment names {mask(word)!r}, which is no check here"))
                if known:
                    self._ignores[path, ignore.line] = ignore

    def _around(self, finding: Finding) -> Iterator[Ignore]:
        place = finding.place
        for line in range(place.line, (place.end_line or place.line) + 1):
            if (place.path, line) in self._ignores:
                yield self._ignores[place.path, line]
        above = place.line - 1
        while above in self._comment_lines.get(place.path, ()):
            ignore = self._ignores.get((place.path, above))
            if ignore and ignore.alone:
                yield ignore
            above -= 1

    def _holds(self, entry: Waiver | Attestation, kind: str, last: date | None, checks: tuple[Check, ...],
               today: date) -> bool:
        problem = ""
        if last is not None and last < today:
            problem = f"expired on {last}"
        elif not any(names(entry.check, check) for check in checks):
            problem = f"names {entry.check!r}, which is no check here"
        elif isinstance(entry, Attestation) and entry.when > today:
            problem = f"is dated {entry.when}, which is to come"
        if problem:
            self.refused.append((f"{entry.by} ({entry.check})", f"the {kind} is not honoured: it {problem}"))
        return not problem


def comments(path: str, text: str) -> Iterator[Ignore]:
    """The ignore comments of one file, honoured or not; text inside Python strings is no comment."""
    for line, comment, alone in _comments(path, text):
        match = _COMMENT.match(comment)
        if match:
            words = tuple(word.strip() for word in (match[1] or "").split(",") if word.strip())
            yield Ignore(path, line, words, mask(match[2].strip().removesuffix("-->").strip()), alone)


def _comments(path: str, text: str) -> Iterator[tuple[int, str, bool]]:
    if path.endswith((".py", ".pyi")):
        found = _python_comments(text)
        if found is not None:
            yield from found
            return
    for number, line in enumerate(text.split("\n"), 1):
        match = _COMMENT.search(line)
        if match:
            yield number, match[0].rstrip("\r"), not line[: match.start()].strip()


def _python_comments(text: str) -> list[tuple[int, str, bool]] | None:
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="\n").readline):
            if token.type == tokenize.COMMENT:
                found.append((token.start[0], token.string, not token.line[: token.start[1]].strip()))
    except (tokenize.TokenError, SyntaxError):  # newer syntax than this Python's
        return None
    return found


def covers(pattern: str, path: str) -> bool:
    """Whether a glob over posix paths matches the path, a folder above it, or (without a slash) any of its names."""
    pattern = pattern.removeprefix("./").rstrip("/").removesuffix("/**")
    parts = path.split("/")
    above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return any(fnmatchcase(p, pattern) or fnmatchcase("/" + p, pattern) for p in above) or (
        "/" not in pattern and any(fnmatchcase(p, pattern) for p in parts)
    )
