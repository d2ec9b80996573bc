"""The grammar of a Dockerfile: instructions with continuations, comments, heredocs, flags and exec form."""

from __future__ import annotations

import json
import re
import shlex
from bisect import bisect_left

from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

_DIRECTIVE = regex(r"#\s*(\w+)\s*=\s*(\S+)\s*$")
_HEREDOC = regex(r"<<(-?)([\"']?)([A-Za-z_][A-Za-z0-9_.]*)\2")
_FLAG = regex(r"--([a-z][\w-]*)(?:=(\"[^\"]*\"|'[^']*'|\S*))?\s*")
_VARIABLE = regex(r"\\\$|\$(?:([A-Za-z_]\w*)|\{(\w+)(?::?([-+])((?:[^{}$]|\$\w+|\$\{\w+\})*))?\})")
_KEYWORDS = frozenset({
    "FROM", "RUN", "CMD", "LABEL", "MAINTAINER", "EXPOSE", "ENV", "ADD", "COPY", "ENTRYPOINT", "VOLUME", "USER",
    "WORKDIR", "ARG", "ONBUILD", "STOPSIGNAL", "HEALTHCHECK", "SHELL",
})
MAX_INSTRUCTIONS = 5000
# a value that holds another twice, and so on, would double without end
MAX_VALUE, MAX_EXPANDED = 1000, 20_000


@record
class Instruction:
    """One instruction. ``text`` is what follows the keyword and the flags, continuations joined by one space.

    ``argv`` holds the words of an exec form (``exec_form``) or, as far as a shell's quoting allows, of a shell form;
    ``heredoc`` the lines of its here-documents.
    """

    keyword: str
    text: str
    place: Place
    flags: tuple[tuple[str, str], ...] = ()
    argv: tuple[str, ...] = ()
    exec_form: bool = False
    heredoc: str = ""

    def flag(self, name: str) -> str:
        """The value of ``--name=value``; empty when it is not given."""
        return next((value for key, value in self.flags if key == name), "")

    @property
    def script(self) -> str:
        """What a shell would run: the text and its here-documents."""
        return f"{self.text}\n{self.heredoc}" if self.heredoc else self.text


def instructions(path: str, text: str) -> tuple[Instruction, ...]:
    """The instructions of a Dockerfile; a line that starts with no known keyword is left out."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    escape = _escape(lines)
    found: list[Instruction] = []
    ends = _ends(lines)
    number = 0
    while number < len(lines) and len(found) < MAX_INSTRUCTIONS:
        stripped = lines[number].strip()
        if not stripped or stripped.startswith("#"):
            number += 1
            continue
        first = number
        joined, number = _logical_line(lines, number, escape)
        keyword, _, rest = joined.strip().partition(" ")
        keyword = keyword.upper()
        bodies, number = _heredocs(keyword, rest, lines, number, ends)
        if keyword in _KEYWORDS:
            found.append(_instruction(keyword, rest.strip(), bodies, Place(path, first + 1, 1, number)))
    return tuple(found)


def expand(text: str, values: dict[str, str]) -> str:
    """``$NAME``, ``${NAME}``, ``${NAME:-default}`` and ``${NAME:+other}`` written out; what is not known stays."""
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name is None:
            return match[0]
        known = values.get(name, "")
        if len(known) > MAX_VALUE:
            return match[0]
        if match[3] == "-":
            return known or expand(match[4], values)
        if match[3] == "+":
            return expand(match[4], values) if known else ""
        return values.get(name, match[0])

    return _VARIABLE.sub(value, text) if "$" in text and len(text) <= MAX_EXPANDED else text


def words(text: str) -> tuple[str, ...]:
    """The words of a shell text; split at blanks when its quotes do not match."""
    if len(text) > MAX_EXPANDED or not ("'" in text or '"' in text or "\\" in text):
        return tuple(text.split())
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def assignments(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs of ``ENV A=1 B="2 3"`` or the old ``ENV A 1``; an ``ARG NAME`` without default gives no pair."""
    name, _, rest = text.partition(" ")
    if "=" not in name:
        return ((name, rest.strip().strip("\"'")),) if rest.strip() else ()
    return tuple((key, value) for key, sign, value in (word.partition("=") for word in words(text)) if sign)


def _escape(lines: list[str]) -> str:
    for line in lines:
        match = _DIRECTIVE.match(line.strip())
        if not match:
            break
        if match[1].lower() == "escape" and match[2] in ("`", "\\"):
            return match[2]
    return "\\"


def _logical_line(lines: list[str], number: int, escape: str) -> tuple[str, int]:
    """One instruction's text and the index after it; comments and empty lines inside a continuation are dropped."""
    parts: list[str] = []
    continued = True
    while continued and number < len(lines):
        line = lines[number]
        number += 1
        stripped = line.strip()
        if parts and (not stripped or stripped.startswith("#")):
            continue
        continued = stripped.endswith(escape) and not stripped.endswith(escape * 2)
        parts.append(stripped[:-1].rstrip() if continued else stripped)
    return " ".join(part for part in parts if part), number


def _ends(lines: list[str]) -> dict[str, list[int]]:
    """Where each line that could end a here-document stands, leading tabs aside."""
    ends: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        word = line.lstrip("\t")
        if word.isidentifier() or word.replace(".", "_").isidentifier():
            ends.setdefault(word, []).append(number)
    return ends


def _heredocs(keyword: str, rest: str, lines: list[str], number: int, ends: dict[str, list[int]]) -> tuple[str, int]:
    if keyword not in ("RUN", "COPY", "ADD") or "<<" not in rest:
        return "", number
    bodies: list[str] = []
    for match in _HEREDOC.finditer(rest):
        places = ends.get(match[3], [])
        index = bisect_left(places, number)
        while index < len(places) and not match[1] and lines[places[index]] != match[3]:
            index += 1
        if index == len(places):
            break  # no end in sight: not a here-document but a shift or a here-string
        bodies.extend(lines[number:places[index]])
        number = places[index] + 1
    return "\n".join(bodies), number


def _instruction(keyword: str, rest: str, heredoc: str, place: Place) -> Instruction:
    flags: list[tuple[str, str]] = []
    while rest.startswith("--") and keyword in ("FROM", "RUN", "COPY", "ADD", "HEALTHCHECK"):
        match = _FLAG.match(rest)
        if not match:
            break
        flags.append((match[1], (match[2] or "").strip("\"'")))
        rest = rest[match.end():]
    argv, exec_form = _argv(keyword, rest)
    return Instruction(keyword, rest, place, tuple(flags), argv, exec_form, heredoc)


def _argv(keyword: str, rest: str) -> tuple[tuple[str, ...], bool]:
    if keyword == "HEALTHCHECK":
        kind, _, command = rest.partition(" ")
        return _argv("CMD", command.strip()) if kind.upper() == "CMD" else ((), False)
    if keyword not in ("RUN", "CMD", "ENTRYPOINT", "SHELL", "COPY", "ADD", "VOLUME"):
        return (), False
    if rest.startswith("["):
        try:
            parsed = json.loads(rest)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, list) and all(isinstance(word, str) for word in parsed):
            return tuple(parsed), True
    return words(rest), False
