"""What the author of a target, or the caller, says about it: application, exclusions, gates, waivers, attestations.

A target may carry ``[tool.readybook]`` in its pyproject.toml or a readybook.toml with the same keys at top level; both
is an error. ``--config FILE`` takes another file instead. Unknown keys and waivers without a reason are errors that
name the file and the key. The target's file is its author's word, not the caller's: it cannot point outside the target.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from readybook.errors import ConfigError
from readybook.records import record
from readybook.severity import SEVERITIES

PROFILES = ("engineer", "executive")
KEYS = ("app", "app_dir", "exclude", "public_api", "profile", "fail_under", "fail_on", "baseline", "waive", "attest")
MAX_BYTES = 1024 * 1024


@record
class Waiver:
    """Findings somebody decided to live with: of ``check`` (id, prefix or name) below the glob ``path``.

    ``until`` is the last day it holds; ``by`` names the entry.
    """

    check: str
    reason: str
    path: str = "*"
    until: date | None = None
    by: str = ""


@record
class Attestation:
    """``who`` vouches, on ``when``, that the question of ``check`` is answered outside the code; see ``evidence``."""

    check: str
    who: str
    when: date
    evidence: str
    expires: date | None = None
    by: str = ""


@record
class Config:
    """A target's settings. ``source`` is the file they come from, empty for none; ``inline`` honours ignore comments.

    ``notes`` holds (what, why) of what could not be taken over; ``caller`` the keys that the caller chose, and
    ``caller_exclude`` the exclusions the caller added.
    """

    source: str = ""
    app: str = ""
    app_dir: str = ""
    exclude: tuple[str, ...] = ()
    public_api: bool = False
    profile: str = "engineer"
    fail_under: float | None = None
    fail_on: str | None = None
    baseline: str = ""
    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    inline: bool = True
    notes: tuple[tuple[str, str], ...] = ()
    caller_exclude: tuple[str, ...] = ()
    caller: frozenset[str] = frozenset()

    def with_options(self, *, exclude: Iterable[str] = (), **options: Any) -> Config:
        """The caller's options win over the file's; None and empty text are no option. Exclusions add up."""
        given = {key: value for key, value in options.items() if value not in (None, "")}
        return replace(self, **given, caller_exclude=(*self.caller_exclude, *exclude),
                       caller=self.caller | frozenset(given))

    def said_by(self, key: str) -> str:
        """Who set ``key``: the name of the file, or ``the caller``."""
        return "the caller" if key in self.caller else self.source


def load(target: Path, file: Path | None = None, *, use_target: bool = True) -> Config:
    """The configuration for ``target``: from ``file`` when given, else from the target unless ``use_target`` is false.

    Raises ConfigError naming the file and the key.
    """
    if file is not None:
        if not file.is_file():
            raise ConfigError(f"{file}: no such configuration file")
        return _parse(_table(file, file.name), file.name, own=False, inline=use_target)
    if not use_target:
        return Config(inline=False)
    return _of_target(target)


def _of_target(target: Path) -> Config:
    own, pyproject = target / "readybook.toml", target / "pyproject.toml"
    notes: tuple[tuple[str, str], ...] = ()
    table: dict[str, Any] | None = None
    if _usable(pyproject):
        try:
            table = _table(pyproject, "pyproject.toml")
        except ConfigError as error:  # a template or a broken file: say so, and audit the rest
            notes = (("pyproject.toml", f"its [tool.readybook] was not looked for: {error}"),)
    if _usable(own):
        if table is not None:
            raise ConfigError("readybook.toml and [tool.readybook] in pyproject.toml: keep one of the two")
        return _parse(_table(own, "readybook.toml"), "readybook.toml", notes=notes)
    return _parse(table, "pyproject.toml", notes=notes) if table is not None else Config(notes=notes)


def _usable(path: Path) -> bool:
    """A regular file, not a link (which could lead out of the target)."""
    return path.is_file() and not path.is_symlink()


def _table(path: Path, name: str) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{name}: larger than {MAX_BYTES // 1024} KiB")
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{name}: is not valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None
    if name != "pyproject.toml":
        return data
    tool = data.get("tool")
    table = tool.get("readybook") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{name}: tool.readybook must be a table")
    return table


def _parse(table: dict[str, Any] | None, source: str, *, own: bool = True, inline: bool = True,
           notes: tuple[tuple[str, str], ...] = ()) -> Config:
    """``own``: the file is the target's, so its paths must stay inside the target."""
    read = _Reader(table or {}, source, "[tool.readybook]" if source == "pyproject.toml" else "")
    read.refuse_unknown(KEYS)
    exclude = read.take("exclude", list, [])
    if not all(isinstance(item, str) for item in exclude):
        raise read.error("exclude", "must be a list of strings")
    if own:
        for key in ("app_dir", "baseline"):
            read.inside(key)
    score = read.take("fail_under", (int, float), None)
    if score is not None and not 0 <= score <= 10:
        raise read.error("fail_under", "must lie between 0 and 10")
    return Config(
        source=source, app=read.take("app", str, ""), app_dir=read.take("app_dir", str, ""), exclude=tuple(exclude),
        public_api=read.take("public_api", bool, False), profile=read.choice("profile", PROFILES, "engineer"),
        fail_under=None if score is None else float(score), fail_on=read.choice("fail_on", SEVERITIES, None),
        baseline=read.take("baseline", str, ""), inline=inline, notes=notes,
        waivers=tuple(_waiver(r) for r in read.entries("waive")),
        attestations=tuple(_attestation(r) for r in read.entries("attest")),
    )


def _waiver(read: _Reader) -> Waiver:
    read.refuse_unknown(("check", "path", "reason", "until"))
    return Waiver(read.text("check"), read.text("reason"), read.take("path", str, "*"), read.day("until"), read.name)


def _attestation(read: _Reader) -> Attestation:
    read.refuse_unknown(("check", "who", "when", "evidence", "expires"))
    when = read.day("when")
    if when is None:
        raise read.error("when", "is missing")
    return Attestation(read.text("check"), read.text("who"), when, read.text("evidence"), read.day("expires"),
                       read.name)


class _Reader:
    """One table of a configuration file; every error names the file and the key."""

    def __init__(self, table: dict[str, Any], source: str, where: str) -> None:
        self.table, self.source, self.where = table, source, where
        self.name = f"{source} {where}".strip()

    def error(self, key: str, problem: str) -> ConfigError:
        return ConfigError(f"{self.name}: key {key!r} {problem}")

    def refuse_unknown(self, known: Iterable[str]) -> None:
        import difflib

        known = tuple(known)
        for key in self.table:
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
                raise self.error(key, f"is unknown; {hint}")

    def take(self, key: str, kind: type | tuple[type, ...], default: Any) -> Any:
        value = self.table.get(key, default)
        if value is default:
            return value
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            names = [k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,))]
            raise self.error(key, f"must be {' or '.join(names)}, not {type(value).__name__}")
        return value

    def text(self, key: str) -> str:
        value: str = self.take(key, str, "")
        if not value.strip():
            raise self.error(key, "is missing")
        return value.strip()

    def choice(self, key: str, choices: tuple[str, ...], default: str | None) -> Any:
        value = self.take(key, str, default)
        if value != default and value not in choices:
            raise self.error(key, f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    def inside(self, key: str) -> None:
        path = PurePosixPath(self.take(key, str, "").replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.as_posix():
            raise self.error(key, "must be a path inside the target")

    def day(self, key: str) -> date | None:
        value = self.table.get(key)
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.error(key, f"must be a date such as 2026-12-31, not {value!r}") from None

    def entries(self, key: str) -> list[_Reader]:
        found = self.take(key, list, [])
        if not all(isinstance(item, dict) for item in found):
            raise self.error(key, f"must be a list of tables: [[{key}]]")
        return [_Reader(item, self.source, f"[[{key}]] {n}") for n, item in enumerate(found, 1)]
