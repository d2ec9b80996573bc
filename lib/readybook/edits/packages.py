"""What the target declares to install: each declaration with its file and specifier, and which versions that allows."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from readybook.edits.work import Work
from readybook.patterns import regex
from readybook.records import record

REQUIREMENTS = regex(r"(?:^|/)(?:[\w.-]*requirements[\w.-]*|requirements/[\w.-]+)\.(?:txt|in)$")
DEVELOPMENT = regex(r"(?:^|[-_./])(?:dev|develop|development|test|tests|testing|lint|docs|ci)(?:[-_./]|$)")


@record
class Declared:
    """One declaration: canonical name, its specifier as written, the file, and whether it is for development only."""

    name: str
    specifier: str
    path: str
    group: str = "main"


def declarations(work: Work) -> list[Declared]:
    """Every declaration in requirements files and pyproject.toml files, by path."""
    found: list[Declared] = []
    for path in sorted(work.paths):
        text = work.text(path) or ""
        if REQUIREMENTS.search(path):
            group = "dev" if DEVELOPMENT.search(path.rpartition("/")[2].rpartition(".")[0]) else "main"
            found += [Declared(n, s, path, group) for n, s in _lines(text)]
        elif path.rpartition("/")[2] == "pyproject.toml":
            found += [Declared(n, s, path, g) for n, s, g in _pyproject(text)]
    return found


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        one = requirement(line)
        if one:
            yield canonicalize_name(one.name), str(one.specifier)


def requirement(line: str) -> Requirement | None:
    """A line of a requirements file as a requirement; None for comments, options, paths and addresses."""
    bare = re.split(r"\s#|\s--", line.strip().rstrip("\\"))[0].strip()
    if not bare or bare[0] in "#-./":
        return None
    try:
        return Requirement(bare)
    except InvalidRequirement:
        return None


def _pyproject(text: str) -> Iterator[tuple[str, str, str]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    project, tool = _table(data, "project"), _table(data, "tool")
    groups: list[tuple[str, Any]] = [("main", project.get("dependencies"))]
    groups += [("dev" if DEVELOPMENT.search(name) else "main", items)
               for name, items in _table(project, "optional-dependencies").items()]
    groups += [("dev", v) for v in _table(data, "dependency-groups").values()]
    groups += [("dev", v) for v in _table(_table(tool, "pdm"), "dev-dependencies").values()]
    groups += [("dev", _table(tool, "uv").get("dev-dependencies"))]
    for group, items in groups:
        for item in items if isinstance(items, list) else ():
            one = requirement(item) if isinstance(item, str) else None
            if one:
                yield canonicalize_name(one.name), str(one.specifier), group
    poetry = _table(tool, "poetry")
    tables = [("main", _table(poetry, "dependencies")), ("dev", _table(poetry, "dev-dependencies"))]
    tables += [("dev", _table(g, "dependencies")) for g in _table(poetry, "group").values() if isinstance(g, dict)]
    for group, table in tables:
        for name, value in table.items():
            spec = value.get("version", "") if isinstance(value, dict) else value
            yield canonicalize_name(name), _poetry(str(spec)), group


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _poetry(spec: str) -> str:
    """A Poetry constraint as a specifier; carets and tildes become their ranges, a bare version is exact."""
    parts = []
    for one in spec.split(","):
        one = one.strip()
        mark, version = (one[0], one[1:]) if one[:1] in ("^", "~") and one[1:2] != "=" else ("", one)
        numbers = [int(n) for n in re.findall(r"\d+", version)]
        if mark and numbers:
            first = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1)
            keep = first if mark == "^" else min(1, len(numbers) - 1)
            ceiling = ".".join(str(n) for n in [*numbers[:keep], numbers[keep] + 1])
            parts.append(f">={version},<{ceiling}")
        elif version and version != "*":
            parts.append(f"=={version}" if version[0].isdigit() else version)
    return ",".join(parts)


def locked(work: Work, name: str) -> Version | None:
    """The version of a package in a lock file of the target (uv, Poetry, PDM), if one says so."""
    entry = re.compile(rf'^name = "{re.escape(name)}"\s*\n(?:[^\n\[]*\n)*?version = "([^"]+)"', re.M)
    for path in sorted(work.paths, key=lambda p: (p.count("/"), p)):
        if path.rpartition("/")[2] in ("uv.lock", "poetry.lock", "pdm.lock"):
            match = entry.search((work.text(path) or "").replace("\r\n", "\n"))
            if match:
                return Version(match.group(1))
    return None


def at_least(work: Work, name: str, version: str) -> bool:
    """Whether every install of the target gets ``name`` at ``version`` or later, as far as declarations tell.

    A locked version decides; a specifier counts when its lowest version is high enough; a package declared without a
    specifier, or not at all, is installed at its newest.
    """
    floor = Version(version)
    pinned = locked(work, name)
    if pinned is not None:
        return pinned >= floor
    specs = [d.specifier for d in declarations(work) if d.name == name]
    return all(_lowest(s) is None or _lowest(s) >= floor for s in specs if s)  # type: ignore[operator]


def _lowest(spec: str) -> Version | None:
    """The lowest version a specifier names as allowed; version 0 when it only has an upper bound."""
    try:
        bounds = [Version(s.version.removesuffix(".*")) for s in SpecifierSet(spec)
                  if s.operator in ("==", ">=", ">", "~=", "===")]
    except (InvalidSpecifier, InvalidVersion):
        return Version("0")
    return max(bounds) if bounds else Version("0")


def pydantic_major(work: Work) -> int:
    """1 or 2: the Pydantic the target's declarations ask for; 2 when they leave it open."""
    pinned = locked(work, "pydantic")
    if pinned is not None:
        return 1 if pinned.major < 2 else 2
    for name, newest in (("pydantic", "2.0"), ("fastapi", "0.100.0")):
        for one in declarations(work):
            if one.name == name and one.specifier and Version(newest) not in _set(one.specifier):
                below = _lowest(one.specifier)
                if below is not None and below < Version(newest):
                    return 1
    return 2


def _set(spec: str) -> SpecifierSet:
    try:
        return SpecifierSet(spec)
    except InvalidSpecifier:
        return SpecifierSet()
