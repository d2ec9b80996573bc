"""The target's house style: line length and quotes from its own configuration, and new code written in that style."""

from __future__ import annotations

import io
import re
import tokenize
import tomllib
from collections.abc import Callable
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from typing import Any

from readybook.patterns import regex
from readybook.records import record

DEFAULT_LENGTH = 88
PREFIX = regex(r"[A-Za-z]*")


@record
class Style:
    """``length`` in characters; ``quote`` is the quote new files and files without strings get."""

    length: int = DEFAULT_LENGTH
    quote: str = '"'


def house_style(path: str, read: Callable[[str], str | None]) -> Style:
    """The style for ``path``: from the nearest configuration above it; ``read`` gives a file's text or None."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        at = f"{folder}/" if folder else ""
        for name, reader in _READERS:
            text = read(at + name)
            style = reader(text) if text else None
            if style:
                return style
    return Style()


def _ruff(table: dict[str, Any]) -> Style | None:
    length, form = table.get("line-length"), table.get("format", {})
    quote = form.get("quote-style") if isinstance(form, dict) else None
    if not isinstance(length, int) and quote is None and not table:
        return None
    return Style(length if isinstance(length, int) else DEFAULT_LENGTH, "'" if quote == "single" else '"')


def _from_ruff(text: str) -> Style | None:
    return _ruff(_toml(text))


def _from_pyproject(text: str) -> Style | None:
    tools = _toml(text).get("tool", {})
    if isinstance(tools.get("ruff"), dict):
        return _ruff(tools["ruff"])
    for name, key in (("black", "line-length"), ("isort", "line_length"), ("yapf", "column_limit")):
        table = tools.get(name)
        if isinstance(table, dict) and isinstance(table.get(key, DEFAULT_LENGTH), int):
            return Style(table.get(key, DEFAULT_LENGTH))
    return None


def _from_ini(text: str) -> Style | None:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except ConfigParserError:
        return None
    for section in ("flake8", "pycodestyle", "tool:black"):
        for key in ("max-line-length", "max_line_length", "line-length"):
            value = parser.get(section, key, fallback="")
            if value.isdigit():
                return Style(int(value))
    return None


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


_READERS = (("ruff.toml", _from_ruff), (".ruff.toml", _from_ruff), ("pyproject.toml", _from_pyproject),
            (".flake8", _from_ini), ("setup.cfg", _from_ini), ("tox.ini", _from_ini))


def requoted(code: str, quote: str) -> str:
    """Code with its short strings in the given quote, where that needs no escaping."""
    other = "'" if quote == '"' else '"'
    starts = [0, *(m.end() for m in re.finditer("\n", code))]
    for start, end in reversed(_strings(code)):
        first = starts[start[0] - 1] + start[1]
        last = starts[end[0] - 1] + end[1]
        literal = code[first:last]
        prefix = PREFIX.match(literal).group()  # type: ignore[union-attr]  # an empty prefix matches too
        body = literal[len(prefix):]
        inner = body[1:-1]
        if body.startswith(other) and not body.startswith(other * 3) and not re.search(r"[\"'\\]", inner):
            code = code[:first] + prefix + quote + inner + quote + code[last:]
    return code


def _strings(code: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Start and end (line, column) of each string literal, an f-string being one."""
    found, depth, begun = [], 0, (0, 0)
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            name = tokenize.tok_name[token.type]
            if name.endswith("STRING_START"):
                begun = token.start if depth == 0 else begun
                depth += 1
            elif name.endswith("STRING_END"):
                depth -= 1
                if depth == 0:
                    found.append((begun, token.end))
            elif name == "STRING" and depth == 0:
                found.append((token.start, token.end))
    except (tokenize.TokenError, SyntaxError):
        return []
    return found


def indented(code: str, indent: str, *, step: str = "    ", newline: str = "\n", first: bool = True) -> str:
    """Code (written with four spaces a step and line feeds) at an indentation, in the file's steps and line breaks.

    Lines inside a triple-quoted string keep their own white space. ``first`` False leaves the first line as it is.
    """
    lines = code.split("\n")
    kept = {n for start, end in _strings(code) for n in range(start[0], end[0])}
    out = []
    for number, line in enumerate(lines):
        bare = line.lstrip(" ")
        steps, rest = divmod(len(line) - len(bare), 4)
        if number in kept or not bare:
            out.append(line if number in kept else "")
        else:
            out.append((indent if first or number else "") + step * steps + " " * rest + bare)
    return newline.join(out)
