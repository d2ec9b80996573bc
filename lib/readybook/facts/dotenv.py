"""Dotenv files as facts: their variables, which is an example, which is real, and whether git tracks it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

_NAME = regex(
    r"\.env(?:[._-][\w.-]+)?|[\w-]*\.env(?:[._-][\w.-]+)?"
    r"|(?:[\w-]+[._-])?env[._-](?:examples?|samples?|template|dist|defaults?)|(?:examples?|samples?|template)[._-]env"
)
_FOLDER = regex(r"(?:^|/)\.envs/[^/]+(?:/[^/]+)?$")
_EXAMPLE = regex(r"(?:^|[._-])(?:examples?|samples?|templates?|tmpl|tpl|dist|defaults?|schema|skel)(?:$|[._-])",
                 re.IGNORECASE)
_TEST = regex(r"(?:^|[._/-])(?:tests?|testing|ci)(?:$|[._/-])", re.IGNORECASE)
_LINE = regex(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*(.*)$")
_BARE = regex(r"[ \t]*([A-Z][A-Z0-9_]{2,})[ \t]*")  # in an example: the name alone
_NOT = (".py", ".md", ".rst", ".yml", ".yaml", ".toml", ".json", ".ts", ".js", ".sh", ".tf", ".j2", ".rules")
_CLOSING = regex(r"(?<!\\)(?:\\\\)*[\"']")


@record
class DotenvVariable:
    """One variable; ``value`` is without quotes, ``comment`` the remark behind it or the lines above it.

    ``commented_out``: the line is a comment that holds an assignment (examples offer optional variables so).
    """

    name: str
    value: str
    place: Place
    comment: str = ""
    commented_out: bool = False


@record
class Dotenv:
    """One file. ``example``: made to be copied; ``test``: for tests; ``tracked``: by git (None: not known)."""

    path: str
    variables: tuple[DotenvVariable, ...]
    example: bool
    test: bool
    tracked: bool | None

    @property
    def names(self) -> frozenset[str]:
        """Names of the variables that are set."""
        return frozenset(v.name for v in self.variables if not v.commented_out)

    def get(self, name: str) -> DotenvVariable | None:
        """The variable that counts: the last one set; None when there is none."""
        return next((v for v in reversed(self.variables) if v.name == name and not v.commented_out), None)


def example_near(examples: Iterable[Dotenv], path: str, code: Collection[str]) -> Dotenv | None:
    """The example nearest above a file, else the largest one of a folder that holds no code of its own (``deploy``).

    A folder of that kind within one that has code (``connectors/deploy`` beside ``connectors/main.py``) is that code's.

    ``code`` are the paths of all Python files. None when all examples belong to other programs.
    """
    def above(folder: str) -> bool:
        return not folder or path.startswith(folder + "/")

    def key(example: Dotenv) -> tuple[bool, int, int, str]:
        folder = example.path.rpartition("/")[0]
        return (not above(folder), -folder.count("/") - bool(folder), -len(example.variables), example.path)

    def home(folder: str) -> str:
        while folder and not any(p.startswith(folder + "/") for p in code):
            folder = folder.rpartition("/")[0]
        return folder

    fitting = [e for e in examples if above(home(e.path.rpartition("/")[0]))]
    return min(fitting, key=key, default=None)


def is_dotenv(path: str) -> bool:
    """Whether a file's name says dotenv."""
    name = path.rpartition("/")[2]
    if name.startswith(".envrc") or name.endswith(_NOT):
        return False
    return bool(_NAME.fullmatch(name) or _FOLDER.search(path))


def dotenvs(project: Project) -> tuple[Dotenv, ...]:
    """Every dotenv file of the target, by path."""
    found = []
    for path, file in sorted(project.files.items()):
        if is_dotenv(path):
            name = path.rpartition("/")[2]
            tracked = None if project.tracked is None else path in project.tracked
            variables = dotenv_variables(path, file.text)
            found.append(Dotenv(path, variables, bool(_EXAMPLE.search(name)), bool(_TEST.search(path)), tracked))
    return tuple(found)


def dotenv_variables(path: str, text: str) -> tuple[DotenvVariable, ...]:
    """The assignments of a dotenv text in order; quoted values may span lines."""
    found: list[DotenvVariable] = []
    above: list[str] = []
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line, start = lines[number].rstrip("\r"), number + 1
        number += 1
        stripped = line.strip()
        if not stripped:
            above = []
            continue
        if stripped.startswith("#"):
            inside = _LINE.match(stripped.lstrip("# \t"))
            if inside and (_offers(inside) or inside[1].isupper() and _among_offers(lines, start - 1)):
                value, comment = _plain(inside[2])
                found.append(DotenvVariable(inside[1], value, Place(path, start), comment or " ".join(above), True))
            else:
                above.append(stripped.lstrip("# \t"))
            continue
        match = _LINE.match(line)
        if not match:
            if named := _BARE.fullmatch(line) if _EXAMPLE.search(path.rpartition("/")[2]) else None:
                found.append(DotenvVariable(named[1], "", Place(path, start), " ".join(above)))
            above = []
            continue
        raw = match[2]
        if raw[:1] in ("'", '"') and not _closed(raw):
            taken = number
            while taken < len(lines) and not _CLOSING.search(lines[taken]):
                taken += 1
            if taken < len(lines):
                raw = "\n".join([raw, *lines[number:taken + 1]])
                number = taken + 1
        value, comment = _plain(raw)
        found.append(DotenvVariable(match[1], value, Place(path, start, 1, number), comment or " ".join(above)))
        above = []
    return tuple(found)


def _among_offers(lines: list[str], number: int) -> bool:
    """Whether the comments right above or below a line offer variables: then so does it, whatever its value."""
    around = [lines[n] for n in (number - 1, number + 1) if 0 <= n < len(lines)]
    return any(line.lstrip().startswith("#") and (one := _LINE.match(line.strip().lstrip("# \t"))) and _offers(one)
               for line in around)


def _offers(match: re.Match[str]) -> bool:
    """Whether a comment that looks like an assignment is one: a name in capitals, and one word or a text in quotes."""
    value = match[2].partition(" #")[0].strip()
    quoted = value[:1] in ("'", '"') and len(value) > 1 and value[-1] == value[0]
    return (quoted or " " not in value.strip("\"' ")) and re.fullmatch(r"[A-Z][A-Z0-9_]*", match[1]) is not None


def _closed(raw: str) -> bool:
    return re.match(r"(['\"]).*?(?<!\\)\1", raw) is not None


def _plain(raw: str) -> tuple[str, str]:
    """(value, comment behind it)."""
    raw = raw.strip()
    quoted = re.match(r"(['\"])(.*?)(?<!\\)\1\s*(?:#\s*(.*))?$", raw, re.DOTALL)
    if quoted:
        return quoted[2], quoted[3] or ""
    value, sign, comment = raw.partition(" #")
    if raw.startswith("#"):
        return "", raw.lstrip("# ")
    return value.strip(), comment.strip() if sign else ""
