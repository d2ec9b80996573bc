"""TOML edits that keep comments, order and layout: the one module that imports tomlkit."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, InlineTable

from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.intents import EnsureTomlTable


def ensure_toml_table(work: Work, intent: EnsureTomlTable) -> None:
    """Carry out EnsureTomlTable; a missing file is made."""
    if not work.exists(intent.path):
        work.create(intent.path, "")
    text = work.text(intent.path)
    if text is None:
        raise PatchError(f"{intent.path}: cannot be read as text")
    try:
        new = add_to_table(text, tuple(_keys(intent.table)), intent.values)
    except PatchError as error:
        raise PatchError(f"{intent.path}: {error}") from None
    work.drafts[intent.path] = work.draft(intent.path).rewritten(new)


def read_table(text: str) -> dict[str, Any]:
    """A TOML text as plain data; an empty table when it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def document(values: dict[str, object]) -> InlineTable:
    """An inline table."""
    table = tomlkit.inline_table()
    table.update(values)
    return table


def add_to_table(text: str, keys: tuple[str, ...], values: tuple[tuple[str, object], ...]) -> str:
    """The text in which the table has each value that it did not set; dotted tables above it are made without heads."""
    doc = _parse(text)
    missing = [(k, v) for k, v in values if not _has(read_table(text), (*keys, k))]
    if not missing:
        return text
    table: Any = doc
    for number, key in enumerate(keys):
        if key not in table:
            last = number == len(keys) - 1
            table[key] = tomlkit.table(is_super_table=not last)
        table = table[key]
        if not hasattr(table, "items"):
            raise PatchError(f"{'.'.join(keys[:number + 1])} is no table")
    for key, value in missing:
        table[key] = value
    return _written(text, doc)


def add_to_array(text: str, keys: tuple[str, ...], item: str, name: Callable[[str], str]) -> str:
    """The text in whose array the item stands, in order when the array is in order; made when there is none."""
    doc = _parse(text)
    table: Any = doc
    for number, key in enumerate(keys[:-1]):
        if key not in table:
            table[key] = tomlkit.table(is_super_table=number < len(keys) - 2)
        table = table[key]
    if keys[-1] not in table:
        array = tomlkit.array()
        array.append(item)
        table[keys[-1]] = array.multiline(True)
        return _written(text, doc)
    array = table[keys[-1]]
    if not isinstance(array, Array):
        raise PatchError(f"{'.'.join(keys)} is no array")
    names = [name(str(i)) for i in array if isinstance(i, str)]
    if name(item) in names:
        return text
    later = next((n for n, other in enumerate(names) if other > name(item)), None)
    if later is not None and names == sorted(names) and len(names) == len(array) and len(names) > 2:
        array.insert(later, item)
    else:
        array.append(item)
    return _written(text, doc)


def _parse(text: str) -> tomlkit.TOMLDocument:
    try:
        doc = tomlkit.parse(text)
    except (TOMLKitError, ValueError) as error:
        raise PatchError(f"is no TOML ({type(error).__name__})") from None
    if tomlkit.dumps(doc) != text:
        raise PatchError("its layout would not survive an edit")
    return doc


def _written(old: str, doc: tomlkit.TOMLDocument) -> str:
    new = _parted(old, tomlkit.dumps(doc))
    if "\r\n" in old:
        new = new.replace("\r\n", "\n").replace("\n", "\r\n")
    try:
        tomllib.loads(new)
    except tomllib.TOMLDecodeError as error:
        raise PatchError(f"the edit would not be TOML ({error})") from None
    return new


def _parted(old: str, new: str) -> str:
    """A blank line above each table head that the edit put right under another line."""
    before = {tuple(pair) for pair in zip(old.splitlines(), old.splitlines()[1:], strict=False)}
    out: list[str] = []
    for line in new.splitlines(keepends=True):
        above = out[-1].rstrip("\r\n") if out else ""
        if line.startswith("[") and above and not above.startswith("#") and (above, line.rstrip("\r\n")) not in before:
            out.append("\n")
        out.append(line)
    return "".join(out)


def _has(data: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True


def _keys(table: str) -> list[str]:
    """A dotted table name as its keys; quoted parts may hold dots."""
    data: Any = tomllib.loads(f"[{table}]\n")
    keys = []
    while data:
        key, data = next(iter(data.items()))
        keys.append(key)
    return keys
