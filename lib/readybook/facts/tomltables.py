"""TOML and INI texts as plain tables, and where in the text a value stands."""

from __future__ import annotations

import configparser
import re
import tomllib
from functools import lru_cache
from typing import Any

from readybook.patterns import regex
from readybook.records import record

MAX_CHARS = 1024 * 1024
# far above real files; keeps the recursive parser of the standard library away from its limit
_TOO_DEEP = regex(r"[\[{](?:\s*(?:[\w\"'.-]+\s*=\s*)?[\[{]){60}")
# the standard parser's time grows with the square of a dotted key's length
_LONG_KEY = regex(r"(?:[\w\"'-]{1,40}[ \t]?\.[ \t]?){100}")


@record
class Table:
    """The data of one text; ``problem`` says why there is none."""

    data: dict[str, Any]
    problem: str = ""


@lru_cache(maxsize=256)
def toml_table(text: str) -> Table:
    """Parse TOML; what breaks the grammar or a bound becomes ``problem``."""
    if len(text) > MAX_CHARS:
        return Table({}, "TOML larger than 1 MiB is not parsed")
    if _TOO_DEEP.search(text) or _LONG_KEY.search(text):
        return Table({}, "nested too deeply")
    try:
        return Table(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if isinstance(error, ValueError) else "nested too deeply"
        return Table({}, f"is not TOML: {reason}")


@lru_cache(maxsize=256)
def ini_table(text: str) -> Table:
    """Parse an INI file (setup.cfg, tox.ini, alembic.ini, .coveragerc) without interpolation: section → key → text."""
    parser = configparser.RawConfigParser(strict=False, default_section="\0", allow_no_value=True)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError, AttributeError, TypeError) as error:
        return Table({}, f"is not INI: {str(error).splitlines()[0] if str(error) else 'cannot be read'}")
    return Table({section: {k: v or "" for k, v in parser.items(section)} for section in parser.sections()})


def section(data: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The table below a path of keys; empty when there is none or it is no table."""
    for key in keys:
        data = data.get(key, {}) if isinstance(data, dict) else {}
    return data if isinstance(data, dict) else {}


def line_of(text: str, needle: str, after: int = 1) -> int:
    """The first line at or after line ``after`` that holds ``needle``; else ``after``."""
    start = 0
    for _ in range(after - 1):
        start = text.find("\n", start) + 1
        if not start:
            return after
    found = text.find(needle, start) if needle else -1
    return after if found < 0 else text.count("\n", 0, found) + 1


def header_line(text: str, name: str) -> int:
    """The line of the table header ``[name]``, spaces and quotes around its parts aside; 0 when there is none."""
    parts = r"\s*\.\s*".join(rf"[\"']?{re.escape(part)}[\"']?" for part in name.split("."))
    found = re.search(rf"^[ \t]*\[\[?\s*{parts}\s*\]", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 0
