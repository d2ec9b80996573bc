"""Which Python a part of the target is meant for."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from readybook.patterns import regex
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts

_CI = regex(r"^[ \t]*-?[ \t]*[\"']?python-version[\"']?:[ \t]*[\"']?(3\.\d+)(?:\.\d+)?[\"']?[ \t]*$", re.MULTILINE)
KNOWN = tuple((3, minor) for minor in range(9, 15))
# FastAPI 0.115 came in September 2024: what is pinned to an older one may have no wheels for a later Python
RECENT, BEFORE, RECENT_FASTAPI = (3, 13), (3, 11), (0, 115)


@record
class PythonVersion:
    """A Python as ``major.minor``; ``source`` says what names it, ``assumed`` that nothing does."""

    value: str
    source: str
    assumed: bool = False


def python_version(facts: Facts, folder: str) -> PythonVersion:
    """The Python for the service in a folder: the one that a file or CI names, else the lowest that is allowed."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    near = [r for r in facts.packages.python if _above(r.place.path, folder)]
    for wanted in near:
        match = re.fullmatch(r"==(3\.\d+)(?:\.\d+|\.\*)?", wanted.specifier)
        if match:
            return PythonVersion(match[1], str(wanted.place))
    tested = {m for w in facts.workflows for m in _CI.findall(facts.project.text(w.path))}
    allowed = list(KNOWN)
    for wanted in near:
        try:
            limits = SpecifierSet(wanted.specifier)
        except InvalidSpecifier:
            continue
        # the last patch release stands for a minor version
        allowed = [v for v in allowed if f"{v[0]}.{v[1]}.99" in limits or f"{v[0]}.{v[1]}" in limits]
    names = [f"{a}.{b}" for a, b in allowed]
    if len(tested) == 1 and (only := next(iter(tested))) in names:
        return PythonVersion(only, "the Python that CI tests with")
    release = facts.release("fastapi", folder)
    usual = RECENT if release is None or release >= RECENT_FASTAPI else BEFORE
    if near and allowed and allowed[0] > KNOWN[0]:
        first = max(allowed[0], min(BEFORE, allowed[-1]))
        return PythonVersion(f"{first[0]}.{first[1]}", str(near[0].place))
    if usual not in allowed and allowed:
        usual = allowed[-1]
    return PythonVersion(f"{usual[0]}.{usual[1]}", "nothing names a version", assumed=True)


def _above(path: str, folder: str) -> bool:
    """Whether a file lies in a folder or in one above it."""
    own = posixpath.dirname(path)
    return not own or folder == own or folder.startswith(own + "/")
