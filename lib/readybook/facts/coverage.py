"""Whether test coverage is measured, where that is configured, and what share it demands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from readybook.facts.testcommands import measures_coverage, test_commands
from readybook.facts.tomltables import header_line, ini_table, line_of, section, toml_table
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

_FAIL_UNDER = regex(r"--(?:cov-)?fail[-_]under[= ]\"?'?(\d+(?:\.\d+)?)")
_SCRIPTS = regex(r"(?:^|/)(?:[^/]+\.(?:sh|bash|mk)|(?:gnu)?makefile|\.?justfile|taskfile\.ya?ml|noxfile\.py)$",
                 re.IGNORECASE)
_COVERAGERC_PARTS = frozenset({"run", "report", "html", "xml", "paths"})


@record
class Coverage:
    """One place that configures or runs the measuring of coverage.

    ``source``: pyproject, coveragerc, setup.cfg, tox.ini, pytest.ini, ci, script or codecov. ``runs``: coverage is
    measured whenever this is used (``--cov`` in addopts, a CI step), not only configured. ``fail_under``: the share in
    per cent below which it fails, None when none is set.
    """

    source: str
    place: Place
    runs: bool
    fail_under: float | None = None
    branch: bool = False


def coverage(project: Project) -> tuple[Coverage, ...]:
    """Every such place, by path and line."""
    found: list[Coverage] = []
    for path, file in project.files.items():
        name = path.rpartition("/")[2]
        if name == "pyproject.toml":
            found += _pyproject(path, file.text)
        elif name in (".coveragerc", "setup.cfg", "tox.ini", "pytest.ini", ".pytest.ini"):
            found += _ini(path, name, file.text)
        elif name in ("codecov.yml", ".codecov.yml", ".coveralls.yml"):
            found.append(Coverage("codecov", Place(path), False))
        elif _SCRIPTS.search(path) and measures_coverage(file.text):
            found += _script(path, file.text)
    for workflow in project.facts.workflows:
        for step in workflow.steps:
            if step.measures_coverage and not re.search(r"\bnpm\b|\bjest\b|\bvitest\b", step.run):
                runs = bool(re.search(r"--cov\b|--cov[=-]|coverage run", step.run))
                found.append(Coverage("ci", step.place, runs, _share(step.run)))
    return tuple(sorted(found, key=lambda c: (c.place.path, c.place.line, c.source)))


def _share(text: str) -> float | None:
    found = [float(share) for share in _FAIL_UNDER.findall(text)]
    return max(found) if found else None


def _number(value: object) -> float | None:
    try:
        return float(str(value)) if str(value).strip() else None
    except ValueError:
        return None


def _pyproject(path: str, text: str) -> list[Coverage]:
    data = toml_table(text).data
    found = []
    table = section(data, "tool", "coverage")
    if table:
        share = _number(section(table, "report").get("fail_under", ""))
        line = _header_prefix(text, "tool.coverage")
        if share is not None:
            line = line_of(text, "fail_under", line)
        branch = section(table, "run").get("branch") is True
        found.append(Coverage("pyproject", Place(path, line), False, share, branch))
    options = section(data, "tool", "pytest", "ini_options").get("addopts", "")
    written = " ".join(map(str, options)) if isinstance(options, list) else str(options)
    if re.search(r"--cov\b|--cov[=-]", written):
        line = line_of(text, "addopts", header_line(text, "tool.pytest.ini_options") or 1)
        found.append(Coverage("pyproject", Place(path, line), True, _share(written), "--cov-branch" in written))
    rest = section(data, "tool")
    for tool in ("poe", "hatch", "taskipy", "pdm", "tox", "uv", "rye"):
        commands = [c for c in _texts(rest.get(tool), 0) if measures_coverage(c)]
        for command in commands[:1]:
            place = Place(path, line_of(text, command.split("\n")[0]))
            found.append(Coverage("pyproject", place, True, _share(command)))
    return found


def _texts(value: object, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value]
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in below for text in _texts(item, depth + 1)] if depth < 8 else []


def _header_prefix(text: str, name: str) -> int:
    match = re.search(rf"(?m)^\[{re.escape(name)}[.\]]", text)
    return text.count("\n", 0, match.start()) + 1 if match else 1


def _ini(path: str, name: str, text: str) -> list[Coverage]:
    data = ini_table(text).data
    source = "coveragerc" if name == ".coveragerc" else name.lstrip(".")
    prefix = "" if name == ".coveragerc" else "coverage:"
    found = []
    parts = {key: values for key, values in data.items()
             if key.startswith(prefix) and (prefix or key in _COVERAGERC_PARTS)}
    if parts:
        first = min(line_of(text, f"[{key}]") for key in parts)
        share = _number(parts.get(f"{prefix}report", {}).get("fail_under", ""))
        line = line_of(text, "fail_under") if share is not None else first
        branch = parts.get(f"{prefix}run", {}).get("branch", "").lower() == "true"
        found.append(Coverage(source, Place(path, line), False, share, branch))
    for key in ("tool:pytest", "pytest"):
        options = data.get(key, {}).get("addopts", "")
        if re.search(r"--cov\b|--cov[=-]", options):
            place = Place(path, line_of(text, "addopts"))
            found.append(Coverage(source, place, True, _share(options), "--cov-branch" in options))
    for key, values in data.items():
        commands = values.get("commands", "")
        if key.startswith("testenv") and measures_coverage(commands):
            place = Place(path, line_of(text, "commands", line_of(text, f"[{key}]")))
            found.append(Coverage(source, place, True, _share(commands)))
    return found


def _script(path: str, text: str) -> list[Coverage]:
    for number, line in enumerate(text.split("\n"), 1):
        if measures_coverage(line) and not line.lstrip().startswith("#"):
            runs = bool(re.search(r"--cov\b|--cov[=-]|coverage run", line)) or bool(test_commands(line))
            return [Coverage("script", Place(path, number), runs, _share(text))]
    return []
