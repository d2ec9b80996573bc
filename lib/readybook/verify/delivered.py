"""A series as it was delivered in a folder, and what verification writes back beside it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from readybook.errors import ConfigError
from readybook.records import record

VERIFY_NAME, SERIES_NAME = "verify.json", "series.json"


@record
class Piece:
    """One patch file: ``data`` the mail, ``single`` its form on the base or None, ``sha256`` of ``data``.

    ``changed``: the file is not the one that series.json names. ``paths`` are those that series.json tells.
    """

    number: int
    check: str
    file: str
    title: str
    safety: str
    reason: str
    fingerprints: tuple[str, ...]
    requires: tuple[int, ...]
    paths: tuple[str, ...]
    data: bytes = field(repr=False)
    single: bytes | None = field(default=None, repr=False)
    changed: bool = False

    @property
    def sha256(self) -> str:
        """The digest of the patch file as it is now."""
        return hashlib.sha256(self.data).hexdigest()


@record
class Delivered:
    """What a folder of patches holds. ``base_digest`` is that of the target the series was made for."""

    folder: Path
    base_digest: str
    pieces: tuple[Piece, ...]


def read_delivered(folder: Path) -> Delivered:
    """Read series.json and the files it names; raises ConfigError, which names what is missing or wrong."""
    data = _json(folder / SERIES_NAME)
    if data.get("schema_version") != 1:
        raise ConfigError(f"{SERIES_NAME}: schema_version {data.get('schema_version')!r} is not 1")
    try:
        pieces = tuple(_piece(folder, row) for row in data["patches"])
        return Delivered(folder, str(data.get("base_digest", "")), pieces)
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{SERIES_NAME}: is no series of patches ({type(error).__name__}: {error})") from None


def write_verified(folder: Path, verified: Mapping[str, Any]) -> Path:
    """Write verify.json beside the series and each patch's verdict into series.json; files appear whole."""
    series = _json(folder / SERIES_NAME)
    fill(series, verified, here=True)
    _write(folder / VERIFY_NAME, verified)
    _write(folder / SERIES_NAME, series)
    return folder / VERIFY_NAME


def fill(series: dict[str, Any], verified: Mapping[str, Any], *, here: bool = False) -> int:
    """Put the verdicts of verify.json into the entries of series.json that they are about; returns how many those are.

    An entry is the same when check and digest agree, or the number too when the verdicts were made ``here``, of this
    very folder.
    """
    def key(row: Mapping[str, Any]) -> tuple[Any, ...]:
        return (row["number"], row["check"]) if here else (row["check"], row["sha256"])

    known = {key(row): row for row in verified["patches"]}
    found = 0
    for row in series["patches"]:
        own = known.get(key(row))
        row["verified"] = None if own is None else {"verdict": own["verdict"], "reason": own["reason"]}
        found += own is not None
    return found


def adopt(folder: Path, verified: Mapping[str, Any]) -> None:
    """Take a verification into a folder that holds the same series made anew; raises ConfigError for another series.

    The verdict of a patch that is no longer the one that was tried is not taken over.
    """
    series = _json(folder / SERIES_NAME)
    if series["patches"] and not fill(series, verified):
        raise ConfigError(f"{VERIFY_NAME}: is about other patches than those of this report; verify these first")
    _write(folder / VERIFY_NAME, verified)
    _write(folder / SERIES_NAME, series)


def read_verified(file: Path) -> dict[str, Any]:
    """A verify.json made before; raises ConfigError when it is none."""
    data = _json(file)
    rows = data.get("patches")
    keys = {"number", "check", "sha256", "verdict", "reason"}
    if data.get("schema_version") != 1 or not isinstance(rows, list) or not isinstance(data.get("whole"), dict) \
            or not all(isinstance(row, dict) and keys <= row.keys() for row in rows):
        raise ConfigError(f"{file.name}: is no result of readybook verify")
    return data


def _piece(folder: Path, row: Mapping[str, Any]) -> Piece:
    name = row["file"]
    if Path(name).name != name:
        raise ConfigError(f"{SERIES_NAME}: {name!r} is no file of the folder")
    try:
        data = (folder / name).read_bytes()
        single = (folder / "single" / name).read_bytes() if (folder / "single" / name).is_file() else None
    except OSError as error:
        raise ConfigError(f"{name}: the patch cannot be read: {error.strerror}") from None
    changed = hashlib.sha256(data).hexdigest() != row["sha256"]
    return Piece(
        int(row["number"]), str(row["check"]), name, str(row["title"]), str(row["safety"]), str(row["reason"] or ""),
        tuple(row["fingerprints"]), tuple(row["requires"]), tuple(row["paths"]), data, single, changed,
    )


def _json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file.name}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{file.name}: is no JSON") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{file.name}: is no JSON object")
    return data


def _write(path: Path, data: Mapping[str, Any]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".readybook-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
