"""Requirement lines in their dialects: PEP 508, pip's options, Poetry's carets, conda's single equals sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

_NAME = regex(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*")
_SIGNED = regex(r"^#.*(?:generated|created|exported) by.*(?:pip-compile|uv|poetry|pdm|pipenv)", re.I | re.M)
_HASH = regex(r"\s--(?:hash|config-settings?|global-option|install-option)[= ]\S+")
_LOCATOR = regex(r"[#&]egg=([\w.-]+)")
_DEVELOPMENT = regex(r"(?:^|[._/-])(?:dev|devel|develop|development|tests?|testing|lint|linting|docs?|ci|quality"
                     r"|typing|types|local|pre-?commit|style|format|fmt|debug|bench\w*|coverage|mypy|e2e)(?:$|[._/-])")


@record
class Requirement:
    """One declared dependency.

    ``name`` is normalised (lower case, single dashes), ``specifier`` a PEP 440 set (empty: any), ``group`` main, dev or
    optional with ``group_name`` as written. ``style`` is the dialect: requirements, pep621, dependency-groups,
    poetry, pdm, uv, hatch, setup.cfg, setup.py, pipfile, conda. ``direct`` is a URL, path or VCS reference instead of a
    version; ``constraint`` says that the line only limits a version (``-c``).
    """

    name: str
    specifier: str
    place: Place
    style: str
    extras: tuple[str, ...] = ()
    group: str = "main"
    group_name: str = ""
    marker: str = ""
    direct: str = ""
    constraint: bool = False
    hashed: bool = False

    @property
    def exact(self) -> str:
        """The only version that the specifier allows (``==1.2.3``); empty when there is more than one."""
        match = re.fullmatch(r"={2,3}\s*([^\s,*]+)", self.specifier)
        return match[1] if match else ""

    @property
    def lower(self) -> str:
        """The lowest version that the specifier names; empty when it names none."""
        found = re.findall(r"(?:>=|~=|===?|>)\s*([0-9][\w.!+-]*)", self.specifier)
        return found[0].rstrip(".") if found else ""

    @property
    def bounded(self) -> bool:
        """Whether an upper bound keeps out some later version."""
        return bool(self.direct) or bool(re.search(r"<|~=|==", self.specifier))


def normal(name: str) -> str:
    """A distribution name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def group_of(name: str) -> str:
    """``dev`` for the name of a group or file that serves development, else ``main``."""
    return "dev" if _DEVELOPMENT.search(name.lower()) else "main"


def requirement(text: str, place: Place, style: str) -> Requirement | None:
    """Read one PEP 508 or pip line (options and comments already gone); None when it names no distribution."""
    text = text.strip()
    hashed = bool(_HASH.search(" " + text))
    text = _HASH.sub("", text).strip()
    if re.match(r"(?:git|hg|svn|bzr)\+|https?://|file:|\.{0,2}/|\.$", text):
        egg = _LOCATOR.search(text)
        return Requirement(normal(egg[1]), "", place, style, direct=_without_secret(text)) if egg else None
    body, _, marker = text.partition(";")
    match = _NAME.match(body)
    if not match:
        return None
    rest = body[match.end():].strip()
    extras = tuple(e.strip() for e in (match[2] or "").split(",") if e.strip())
    if rest.startswith("@"):
        direct = _without_secret(rest[1:].strip())
        return Requirement(normal(match[1]), "", place, style, extras, marker=marker.strip(), direct=direct)
    rest = rest.strip("()").replace(" ", "")
    if rest and not re.fullmatch(r"(?:(?:===|[<>=!~]=|[<>])[\w.!+*-]+,?)+", rest):
        return None
    return Requirement(normal(match[1]), rest.rstrip(","), place, style, extras, marker=marker.strip(), hashed=hashed)


def poetry_specifier(text: str) -> str:
    """Poetry's constraint as a PEP 440 set: carets and tildes written out, an empty text for any version.

    Alternatives (``||``) are kept as their lowest lower bound only.
    """
    text = text.split("||")[0].split(" | ")[0].strip()
    parts = [_poetry_part(part.strip()) for part in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", text) if part.strip()]
    return ",".join(part for part in parts if part)


def _poetry_part(part: str) -> str:
    if part in ("*", ""):
        return ""
    match = re.fullmatch(r"(\^|~(?!=))\s*v?(\d[\w.+-]*)", part)
    if not match:
        bare = part.lstrip("=v ") if re.match(r"[=v]*\s*\d", part) else ""
        return f"=={bare}" if bare else part.replace(" ", "")
    lower = match[2]
    numbers = [int(n) for n in re.findall(r"\d+", re.split(r"[a-zA-Z+-]", lower)[0])[:4]]
    last = len(numbers) - 1
    keep = next((i for i, n in enumerate(numbers) if n), last) if match[1] == "^" else min(1, last)
    upper = [*numbers[:keep], numbers[keep] + 1]
    return f">={lower},<{'.'.join(map(str, upper))}"


def conda_requirement(text: str, place: Place) -> Requirement | None:
    """A line of a conda environment: ``name=1.2`` means 1.2 and what begins with it; a channel is dropped."""
    text = text.split("#")[0].rpartition("::")[2].strip()
    match = re.fullmatch(r"([\w.-]+?)\s*(?:(==?)\s*([\w.*+!-]+)(=[\w.*]+)?)", text)
    if match:
        version = match[3].rstrip("*").rstrip(".")
        # a build string after a second sign names one version
        wild = "*" in match[3] or (match[2] == "=" and not match[4])
        return Requirement(normal(match[1]), f"=={version}.*" if wild else f"=={version}", place, "conda")
    found = requirement(text.replace(" ", ""), place, "conda")
    return found


@record
class RequirementsFile:
    """A requirements file: its lines, the files it includes (as written; whether as constraints), what is unclear."""

    requirements: tuple[Requirement, ...]
    includes: tuple[tuple[str, bool, int], ...]
    unclear: tuple[tuple[int, str], ...]
    compiled: bool


def requirements_text(path: str, text: str) -> RequirementsFile:
    """Read a requirements file; ``compiled``: a tool wrote it, or every line is pinned with hashes."""
    found: list[Requirement] = []
    includes: list[tuple[str, bool, int]] = []
    unclear: list[tuple[int, str]] = []
    for line, content in _logical_lines(text):
        option = re.match(r"(-r|--requirement|-c|--constraint|-e|--editable)[\s=]*(\S.*)", content)
        if option and option[1] in ("-r", "--requirement", "-c", "--constraint"):
            includes.append((option[2].strip(), option[1] in ("-c", "--constraint"), line))
            continue
        if content.startswith("-") and not option:
            continue
        parsed = requirement(option[2] if option else content, Place(path, line), "requirements")
        if parsed:
            found.append(replace(parsed, group=group_of(path), group_name=path.rpartition("/")[2]))
        elif not option and not re.match(r"[./]|\w+\+|https?:|file:", content):
            unclear.append((line, content[:60]))
    signed = _SIGNED.search(text[:1500])
    compiled = bool(signed) or (bool(found) and all(r.hashed for r in found))
    return RequirementsFile(tuple(found), tuple(includes), tuple(unclear), compiled)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(line, text) without comments, continuations joined."""
    joined, start = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = re.sub(r"(?:^|\s)#.*$", "", raw.rstrip("\r"))
        start = start or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        content = (joined + line).strip()
        if content:
            yield start, content
        joined, start = "", 0
    if joined.strip():
        yield start, joined.strip()


def _without_secret(reference: str) -> str:
    """A reference without the user and password that a URL may carry."""
    return re.sub(r"(://)[^/@\s]+@", r"\1", reference)
