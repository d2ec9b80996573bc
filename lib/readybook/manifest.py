"""What a batch is to audit: a TOML manifest, a list of paths, or a folder whose children are the targets."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from readybook.errors import ConfigError
from readybook.records import record

KEYS = ("path", "name", "app", "app_dir", "exclude")
TAKEN = ("index.html", "batch.json", "03_portfolio.ipynb")  # what the batch itself writes beside the folders


@record
class Entry:
    """One target. ``shown`` is its path as the manifest spells it, or the last part of an absolute one; ``folder``
    the name of its folder in the destination, different for each entry even where case does not count."""

    path: Path
    shown: str
    name: str = ""
    app: str = ""
    app_dir: str = ""
    exclude: tuple[str, ...] = ()
    folder: str = ""


def read_manifest(manifest: Path) -> tuple[Entry, ...]:
    """The targets in order. Relative paths count from the manifest's folder. Raises ConfigError naming what is wrong.

    Whether a target exists is not asked here: one that does not fails alone when its turn comes.
    """
    if manifest.is_dir():
        entries = [_entry(manifest, {"path": child.name}, manifest.name) for child in sorted(manifest.iterdir())
                   if child.is_dir() and not child.name.startswith(".")]
    elif not manifest.is_file():
        raise ConfigError(f"{manifest}: there is no such manifest or folder")
    elif manifest.suffix == ".toml":
        entries = _from_toml(manifest)
    else:
        entries = _from_lines(manifest)
    if not entries:
        raise ConfigError(f"{manifest.name}: names no target")
    return _with_folders(entries)


def _from_toml(manifest: Path) -> list[Entry]:
    try:
        data = tomllib.loads(manifest.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{manifest.name}: is not valid TOML: {error}") from None
    unknown = sorted(set(data) - {"target"})
    if unknown or not isinstance(data.get("target", []), list):
        raise ConfigError(f"{manifest.name}: holds {', '.join(unknown) or 'target'}, only [[target]] tables are known")
    rows = enumerate(data.get("target", []), 1)
    return [_entry(manifest.parent, row, f"{manifest.name} target {n}") for n, row in rows]


def _from_lines(manifest: Path) -> list[Entry]:
    try:
        lines = manifest.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ConfigError(f"{manifest.name}: is no text in UTF-8") from None
    paths = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return [_entry(manifest.parent, {"path": path}, manifest.name) for path in paths]


def _entry(base: Path, row: Any, where: str) -> Entry:
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: is no table")
    for key, value in row.items():
        if key not in KEYS:
            raise ConfigError(f"{where}: unknown key {key}; known are {', '.join(KEYS)}")
        wanted = list if key == "exclude" else str
        if not isinstance(value, wanted) or (wanted is list and not all(isinstance(glob, str) for glob in value)):
            raise ConfigError(f"{where}: {key} must be {'a list of texts' if wanted is list else 'a text'}")
    if not row.get("path"):
        raise ConfigError(f"{where}: has no path")
    given = Path(row["path"]).expanduser()
    path = given if given.is_absolute() else base / given
    shown = given.name if given.is_absolute() else given.as_posix()
    return Entry(path, shown, row.get("name", "") or path.resolve().name,
                 row.get("app", ""), row.get("app_dir", ""), tuple(row.get("exclude", ())))


def _with_folders(entries: list[Entry]) -> tuple[Entry, ...]:
    taken = {name.casefold() for name in TAKEN}
    placed = []
    for entry in entries:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", entry.name).strip("-.")[:80] or "target"
        folder, number = stem, 2
        while folder.casefold() in taken:
            folder, number = f"{stem}-{number}", number + 1
        taken.add(folder.casefold())
        placed.append(replace(entry, folder=folder))
    return tuple(placed)
