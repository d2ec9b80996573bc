"""The packages a target declares and locks, gathered from all its files."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from readybook.facts.lockfiles import LockFile, Locked, lock_file, lock_tool
from readybook.facts.manifests import (
    Manifest,
    PythonRequirement,
    conda_environment,
    pipfile,
    pyproject,
    python_version_file,
    setup_cfg,
    setup_py,
)
from readybook.facts.requirementtexts import Requirement, RequirementsFile, group_of, normal, requirements_text
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

_RYE_LOCK = regex(r"requirements?[\w-]*\.lock")
_REQUIREMENTS_NAME = regex(r"[\w.-]*(?:requirements?|constraints?|reqs?|deps)[\w.-]*\.(?:txt|in)", re.IGNORECASE)
_REQUIREMENTS_FOLDER = regex(r"(?:^|/)(?:requirements?|reqs|deps)/[^/]+\.(?:txt|in)$", re.IGNORECASE)
_CONDA_NAME = regex(r"(?:[\w-]*environment[\w-]*|conda[\w.-]*|env)\.ya?ml", re.IGNORECASE)
_NOT_THE_SERVICE = regex(r"(?:^|/)(?:tests?|docs?|examples?|samples?|vendor|third_party|templates)/")
LOCKED, PINNED, LOWER_BOUND, ANY, UNKNOWN = "locked", "pinned", "lower bound", "any", "unknown"


@record
class PackageVersion:
    """Which version of a package the service gets.

    ``certainty``: ``locked`` and ``pinned`` name it exactly; ``lower bound``: ``value`` or later (``bounded`` tells
    whether a later one is kept out); ``any``: declared without a version; ``unknown``: not declared where it could be
    seen. ``others``: versions that other files of the target name.
    """

    value: str = ""
    certainty: str = UNKNOWN
    place: Place | None = None
    bounded: bool = False
    others: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether ``value`` is the very version."""
        return self.certainty in (LOCKED, PINNED)


@dataclass(frozen=True)
class Packages:
    """All declarations and lock files; ``problems`` holds (path, reason) of what could not be read."""

    requirements: tuple[Requirement, ...]
    locks: tuple[LockFile, ...]
    python: tuple[PythonRequirement, ...]
    problems: tuple[tuple[str, str], ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """Normalised names of everything declared, constraints aside."""
        return frozenset(r.name for r in self.requirements if not r.constraint)

    @cached_property
    def _locked(self) -> dict[str, list[Locked]]:
        found: dict[str, list[Locked]] = {}
        for lock in self.locks:
            for entry in lock.entries:
                found.setdefault(entry.name, []).append(entry)
        return found

    def declares(self, *names: str) -> bool:
        """Whether any of the packages is declared or locked."""
        return any(normal(name) in self.names or normal(name) in self._locked for name in names)

    def declared(self, name: str) -> tuple[Requirement, ...]:
        """The declarations of one package, in order of file and line."""
        return tuple(r for r in self.requirements if r.name == normal(name))

    def version_of(self, name: str, near: str = "") -> PackageVersion:
        """The version of a package for the code at path ``near``: files in its folder or above it come first."""
        wanted = normal(name)
        locked = sorted(self._locked.get(wanted, ()), key=lambda e: _distance(e.place.path, near))
        declared = sorted((r for r in self.requirements if r.name == wanted), key=lambda r: _rank(r, near))
        versions = tuple(dict.fromkeys([e.version for e in locked] + [r.exact for r in declared if r.exact]))
        if locked:
            best = locked[0]
            return PackageVersion(best.version, LOCKED, best.place, True, _others(versions, best.version))
        for requirement in declared:
            if requirement.exact:
                others = _others(versions, requirement.exact)
                return PackageVersion(requirement.exact, PINNED, requirement.place, True, others)
        for requirement in declared:
            if requirement.lower:
                return PackageVersion(requirement.lower, LOWER_BOUND, requirement.place, requirement.bounded)
        real = next((r for r in declared if not r.constraint), None)
        if real:
            return PackageVersion("", UNKNOWN if real.direct else ANY, real.place, real.bounded)
        return PackageVersion()


def packages(project: Project) -> Packages:
    """Read every declaration and lock file of the target."""
    manifests: list[Manifest] = []
    locks: list[LockFile] = []
    texts: dict[str, RequirementsFile] = {}
    for path, file in sorted(project.files.items()):
        reader = _reader(path)
        if reader:
            manifests.append(reader(path, file.text))
        elif lock_tool(path):
            locks.append(lock_file(path, file.text))
        elif _RYE_LOCK.fullmatch(path.rpartition("/")[2]):
            locks.append(_as_lock(path, requirements_text(path, file.text)))
        elif _is_requirements(path):
            texts[path] = requirements_text(path, file.text)
    problems = [(m.path, m.problem) for m in manifests if m.problem] + [(k.path, k.problem) for k in locks if k.problem]
    found = [r for m in manifests for r in m.requirements]
    found += _with_includes(project, texts, problems)
    locks += [_as_lock(path, text) for path, text in texts.items() if text.compiled]
    python = tuple(p for m in manifests for p in m.python)
    ordered = sorted(found, key=lambda r: (r.place.path, r.place.line))
    return Packages(tuple(ordered), tuple(locks), python, tuple(sorted(problems)))


def requirement_files(project: Project) -> tuple[str, ...]:
    """Paths of all files that declare or lock dependencies."""
    return tuple(p for p in sorted(project.files) if _reader(p) or lock_tool(p) or _is_requirements(p)
                 or _RYE_LOCK.fullmatch(p.rpartition("/")[2]))


def _reader(path: str) -> Callable[[str, str], Manifest] | None:
    name = path.rpartition("/")[2]
    if _CONDA_NAME.fullmatch(name):
        return conda_environment
    return {
        "pyproject.toml": pyproject, "setup.cfg": setup_cfg, "setup.py": setup_py, "Pipfile": pipfile,
        ".python-version": python_version_file, "runtime.txt": python_version_file,
        ".tool-versions": python_version_file,
    }.get(name)


def _is_requirements(path: str) -> bool:
    return bool(_REQUIREMENTS_NAME.fullmatch(path.rpartition("/")[2]) or _REQUIREMENTS_FOLDER.search(path))


def _with_includes(project: Project, texts: dict[str, RequirementsFile],
                   problems: list[tuple[str, str]]) -> list[Requirement]:
    """The lines of all requirements files; what they include by ``-r`` and ``-c`` is read once, cycles do no harm."""
    constraints: set[str] = set()
    pending = list(texts)
    while pending:
        path = pending.pop()
        for written, as_constraint, line in texts[path].includes:
            goal = posixpath.normpath(posixpath.join(posixpath.dirname(path), written))
            if goal.startswith(("..", "/")) or "://" in written:
                problems.append((path, f"line {line} includes a file outside the target"))
                continue
            if goal not in project.files:
                problems.append((path, f"line {line} includes {goal}, which is not there or not read"))
                continue
            if as_constraint:
                constraints.add(goal)
            if goal not in texts:
                texts[goal] = requirements_text(goal, project.text(goal))
                pending.append(goal)
    found: list[Requirement] = []
    for path, file in sorted(texts.items()):
        problems.extend((path, f"line {line} is no requirement: {text}") for line, text in file.unclear[:5])
        only_limits = path in constraints or path.rpartition("/")[2].lower().startswith("constraint")
        found += (replace(r, constraint=True) if only_limits else r for r in file.requirements)
    return found


def _as_lock(path: str, file: RequirementsFile) -> LockFile:
    entries = tuple(Locked(r.name, r.exact, r.place) for r in file.requirements if r.exact)
    return LockFile(path, "requirements", entries)


def _distance(path: str, near: str) -> tuple[int, int, int, str]:
    """Sort key: a file in the folder of ``near`` or above first (the nearest first), then by depth and name."""
    folder = posixpath.dirname(path)
    above = not folder or near.startswith(folder + "/")
    depth = path.count("/")
    over = bool(near) and above
    return int(not over), int(bool(_NOT_THE_SERVICE.search(path))), -depth if over else depth, path


def _rank(requirement: Requirement, near: str) -> tuple[int, int, tuple[int, int, int, str], int]:
    group = {"main": 0, "optional": 1}.get(requirement.group, 2)
    return (group, int(requirement.constraint), _distance(requirement.place.path, near), requirement.place.line)


def _others(versions: tuple[str, ...], best: str) -> tuple[str, ...]:
    return tuple(v for v in versions if v != best)


__all__ = ["ANY", "LOCKED", "LOWER_BOUND", "PINNED", "UNKNOWN", "PackageVersion", "Packages", "group_of", "packages",
           "requirement_files"]
