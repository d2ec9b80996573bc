"""Dependency declarations of the build tools: pyproject (every kind), setup.cfg, setup.py, Pipfile, conda."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from readybook.facts.requirementtexts import (
    Requirement,
    conda_requirement,
    group_of,
    poetry_specifier,
    requirement,
)
from readybook.facts.tomltables import header_line, ini_table, line_of, section, toml_table
from readybook.facts.yamlnodes import scalar_text, yaml_documents
from readybook.place import Place
from readybook.records import record

# lines taken from one list: each costs a search through the text for its place
MAX_ENTRIES = 3000


@record
class PythonRequirement:
    """Which Python a file asks for: a PEP 440 set (``==3.12.*`` where the file names one version)."""

    specifier: str
    place: Place


@record
class Manifest:
    """What one file declares; ``style`` is its dialect, ``problem`` why it could not be read in full."""

    path: str
    style: str
    requirements: tuple[Requirement, ...] = ()
    python: tuple[PythonRequirement, ...] = ()
    problem: str = ""


def pyproject(path: str, text: str) -> Manifest:
    """PEP 621, dependency groups, Poetry, PDM, uv and Hatch sections of one pyproject.toml."""
    table = toml_table(text)
    if table.problem:
        return Manifest(path, "pyproject", problem=table.problem)
    data = table.data
    project, tool = section(data, "project"), section(data, "tool")
    found = [*_listed(path, text, "project", project.get("dependencies"), "pep621", "main", "")]
    for name, lines in section(project, "optional-dependencies").items():
        kind = group_of(name) if group_of(name) == "dev" else "optional"
        found += _listed(path, text, "project.optional-dependencies", lines, "pep621", kind, name)
    for name, lines in section(data, "dependency-groups").items():
        found += _listed(path, text, "dependency-groups", lines, "dependency-groups", "dev", name)
    for name, lines in section(tool, "pdm", "dev-dependencies").items():
        found += _listed(path, text, "tool.pdm.dev-dependencies", lines, "pdm", "dev", name)
    found += _listed(path, text, "tool.uv", section(tool, "uv").get("dev-dependencies"), "uv", "dev", "dev")
    for name, env in section(tool, "hatch", "envs").items():
        for key in ("dependencies", "extra-dependencies"):
            lines = env.get(key) if isinstance(env, dict) else None
            found += _listed(path, text, f"tool.hatch.envs.{name}", lines, "hatch", "dev", name)
    found += _poetry(path, text, section(tool, "poetry"))
    return Manifest(path, "pyproject", tuple(found), tuple(_python(path, text, data)))


def _listed(path: str, text: str, header: str, lines: Any, style: str, group: str, name: str) -> Iterator[Requirement]:
    """PEP 508 lines of a TOML list; each gets the line on which its text stands."""
    after = header_line(text, header) or 1
    for line in lines[:MAX_ENTRIES] if isinstance(lines, list) else ():
        if not isinstance(line, str):
            continue
        parsed = requirement(line, Place(path, line_of(text, line, after)), style)
        if parsed:
            yield replace(parsed, group=group, group_name=name)


def _poetry(path: str, text: str, poetry: dict[str, Any]) -> Iterator[Requirement]:
    tables = [("tool.poetry.dependencies", section(poetry, "dependencies"), "main", ""),
              ("tool.poetry.dev-dependencies", section(poetry, "dev-dependencies"), "dev", "dev")]
    for name, group in section(poetry, "group").items():
        kind = "main" if name == "main" else "dev"
        tables.append((f"tool.poetry.group.{name}.dependencies", section(group, "dependencies"), kind, name))
    for header, entries, group, group_name in tables:
        after = header_line(text, header) or 1
        for name, value in list(entries.items())[:MAX_ENTRIES]:
            if name.lower() != "python":
                yield _poetry_entry(path, text, after, name, value, group, group_name, "poetry")


def _poetry_entry(path: str, text: str, after: int, name: str, value: Any, group: str, group_name: str,
                  style: str) -> Requirement:
    if isinstance(value, list):
        value = value[0] if value else "*"
    place = Place(path, _key_line(text, name, after))
    base = requirement(re.sub(r"[^\w.-]", "", name) or "unnamed", place, style)
    assert base is not None  # a name of word characters always parses
    if not isinstance(value, dict):
        return replace(base, specifier=poetry_specifier(str(value)), group=group, group_name=group_name)
    direct = str(value.get("git") or value.get("url") or value.get("path") or "")
    return replace(
        base, specifier=poetry_specifier(str(value.get("version", "*"))),
        extras=tuple(str(e) for e in value.get("extras", ()) or ()), direct=re.sub(r"(://)[^/@\s]+@", r"\1", direct),
        group="optional" if value.get("optional") is True and group == "main" else group, group_name=group_name,
        marker=str(value.get("markers", "")),
    )


def _key_line(text: str, name: str, after: int) -> int:
    found = re.compile(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?\s*=", re.MULTILINE)
    offset = 0
    for _ in range(after - 1):
        offset = text.find("\n", offset) + 1
    match = found.search(text, offset) or found.search(text)
    return text.count("\n", 0, match.start()) + 1 if match else after


def _python(path: str, text: str, data: dict[str, Any]) -> Iterator[PythonRequirement]:
    declared = section(data, "project").get("requires-python")
    if isinstance(declared, str):
        yield PythonRequirement(declared.replace(" ", ""), Place(path, _key_line(text, "requires-python", 1)))
    declared = section(data, "tool", "poetry", "dependencies").get("python")
    if isinstance(declared, str):
        after = header_line(text, "tool.poetry.dependencies") or 1
        yield PythonRequirement(poetry_specifier(declared), Place(path, _key_line(text, "python", after)))


def setup_cfg(path: str, text: str) -> Manifest:
    """``[options]`` of a setup.cfg."""
    table = ini_table(text)
    if table.problem:
        return Manifest(path, "setup.cfg", problem=table.problem)
    options = table.data.get("options", {})
    found = list(_from_lines(path, text, options.get("install_requires", "").split("\n"), "setup.cfg", "main", ""))
    for name, lines in table.data.get("options.extras_require", {}).items():
        kind = group_of(name) if group_of(name) == "dev" else "optional"
        found += _from_lines(path, text, lines.split("\n"), "setup.cfg", kind, name)
    python = options.get("python_requires", "")
    line = line_of(text, "python_requires")
    return Manifest(path, "setup.cfg", tuple(found), (PythonRequirement(python, Place(path, line)),) if python else ())


def _from_lines(path: str, text: str, lines: list[str], style: str, group: str, name: str) -> Iterator[Requirement]:
    for line in lines[:MAX_ENTRIES]:
        parsed = requirement(line, Place(path, line_of(text, line.strip())), style) if line.strip() else None
        if parsed:
            yield replace(parsed, group=group, group_name=name)


def setup_py(path: str, text: str) -> Manifest:
    """Literal ``install_requires``, ``extras_require`` and ``python_requires`` of a setup.py, which is not run."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Manifest(path, "setup.py", problem="is not Python that this version can parse")
    names = {target.id: node.value for node in tree.body if isinstance(node, ast.Assign)
             for target in node.targets if isinstance(target, ast.Name)}
    call = next((n for n in ast.walk(tree) if isinstance(n, ast.Call) and _called(n) == "setup"), None)
    if call is None:
        return Manifest(path, "setup.py")
    given = {k.arg: names.get(k.value.id, k.value) if isinstance(k.value, ast.Name) else k.value for k in call.keywords}
    found = list(_literals(path, given.get("install_requires"), "main", ""))
    extras = given.get("extras_require")
    if isinstance(extras, ast.Dict):
        for key, value in zip(extras.keys, extras.values, strict=True):
            name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
            found += _literals(path, value, group_of(name) if group_of(name) == "dev" else "optional", name)
    node = given.get("python_requires")
    wanted = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    python = (PythonRequirement(wanted, Place(path, node.lineno)),) if wanted and node else ()
    listed = given.get("install_requires")
    opaque = listed is not None and not isinstance(listed, ast.List | ast.Tuple)
    return Manifest(path, "setup.py", tuple(found), python, "install_requires is computed" if opaque else "")


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _literals(path: str, node: ast.expr | None, group: str, name: str) -> Iterator[Requirement]:
    for element in node.elts if isinstance(node, ast.List | ast.Tuple) else ():
        if isinstance(element, ast.Constant) and isinstance(element.value, str):
            parsed = requirement(element.value, Place(path, element.lineno), "setup.py")
            if parsed:
                yield replace(parsed, group=group, group_name=name)


def pipfile(path: str, text: str) -> Manifest:
    """``[packages]``, ``[dev-packages]`` and ``[requires]`` of a Pipfile."""
    table = toml_table(text)
    if table.problem:
        return Manifest(path, "pipfile", problem=table.problem)
    found = []
    for key, group in (("packages", "main"), ("dev-packages", "dev")):
        after = header_line(text, key) or 1
        for name, value in list(section(table.data, key).items())[:MAX_ENTRIES]:
            found.append(_poetry_entry(path, text, after, name, value, group, key, "pipfile"))
    requires = section(table.data, "requires")
    version = requires.get("python_version") or requires.get("python_full_version")
    python = (PythonRequirement(f"=={version}.*", Place(path, line_of(text, "python_"))),) if version else ()
    return Manifest(path, "pipfile", tuple(found), python)


def conda_environment(path: str, text: str) -> Manifest:
    """``dependencies`` of a conda environment file, the pip lines in it included."""
    documents = yaml_documents(text)
    if documents.problem:
        return Manifest(path, "conda", problem=documents.problem)
    found: list[Requirement] = []
    python: list[PythonRequirement] = []
    listed = documents.nodes[0].get("dependencies") if documents.nodes else None
    for node in listed.list() if listed else ():
        pip = node.get("pip")
        for line in pip.list() if pip else ():
            parsed = requirement(scalar_text(line.value), Place(path, line.line), "conda")
            if parsed:
                found.append(parsed)
        parsed = conda_requirement(scalar_text(node.value), Place(path, node.line)) if scalar_text(node.value) else None
        if parsed and parsed.name == "python":
            python.append(PythonRequirement(parsed.specifier, parsed.place))
        elif parsed:
            found.append(parsed)
    return Manifest(path, "conda", tuple(found), tuple(python))


def python_version_file(path: str, text: str) -> Manifest:
    """``.python-version``, ``runtime.txt`` or the python line of ``.tool-versions``."""
    match = re.search(r"(?m)^(?:python[- ]|pypy-|cpython-)?(\d+\.\d+)(\.\d+)?\s*$", text)
    if not match:
        return Manifest(path, "python-version")
    exact = f"=={match[1]}{match[2]}" if match[2] else f"=={match[1]}.*"
    line = text.count("\n", 0, match.start()) + 1
    return Manifest(path, "python-version", python=(PythonRequirement(exact, Place(path, line)),))
