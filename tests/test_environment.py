"""The lists of packages agree with each other, with the code and with what is installed."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from readybook.version import __version__

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
OWN = {"readybook", "readybook_checks"}


def pyproject() -> dict:
    """The project table."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def declared() -> list[str]:
    """Requirement lines: those of the package, then those of its tests."""
    project = pyproject()
    return project["dependencies"] + project["optional-dependencies"]["test"]


def declared_names() -> set[str]:
    """Canonical names of the declared packages."""
    return {canonicalize_name(Requirement(line).name) for line in declared()}


def constraints() -> list[Requirement]:
    """The locked versions, each with its marker."""
    return [Requirement(line) for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()]


def locked(python: str) -> dict[str, str]:
    """Canonical name → version on Linux for one Python version; raises when a name is locked twice."""
    surroundings = {**default_environment(), "python_version": python, "python_full_version": f"{python}.9"}
    versions: dict[str, str] = {}
    for line in constraints():
        if line.marker is None or line.marker.evaluate(surroundings):
            name = canonicalize_name(line.name)
            assert name not in versions, f"{name} is locked twice for Python {python}"
            versions[name] = str(line.specifier).removeprefix("==")
    return versions


def conda() -> dict:
    """environment.yml as conda reads it."""
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_environment_file_is_what_conda_expects() -> None:
    listed = conda()
    assert listed["name"] == "readybook"
    assert listed["channels"] == ["conda-forge"]
    assert listed["dependencies"][:2] == [f"python{pyproject()['requires-python']}", "pip"]


def test_environment_file_equals_the_project() -> None:
    assert conda()["dependencies"][-1]["pip"] == declared()


def test_bootstrap_reads_the_list_as_yaml_does() -> None:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "lib" / "bootstrap.py")
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    assert bootstrap.packages() == conda()["dependencies"][-1]["pip"]


def test_no_requirement_is_declared_twice() -> None:
    assert len(declared_names()) == len(declared())


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_satisfies_each_line(python: str) -> None:
    versions = locked(python)
    for line in map(Requirement, declared()):
        version = versions.get(canonicalize_name(line.name))
        assert version, f"{line.name} is not locked: make lock"
        assert version in line.specifier, f"{line} is locked at {version}: make lock"


def test_lock_names_versions_and_nothing_else() -> None:
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[a-z0-9.-]+==[\w.+!]+( ; [\w.<>=!*'() ]+)?", line), line
        assert "+" not in line.partition(" ")[0], f"{line} is a local build that no index has"


def reached() -> dict[str, importlib.metadata.Distribution]:
    """The installed packages that the declared ones need here, by canonical name."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [Requirement(line) for line in declared()]
    while waiting:
        wanted = waiting.pop()
        extras = wanted.extras or {""}
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        distribution = importlib.metadata.distribution(wanted.name)
        name = canonicalize_name(wanted.name)
        assert distribution.version in wanted.specifier, f"{name} {distribution.version} is installed, wanted: {wanted}"
        if name in found and wanted.extras == set():
            continue
        found[name] = distribution
        for text in distribution.requires or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                needed.marker = None
                waiting.append(needed)
    return found


def test_installed_packages_satisfy_the_list_and_the_lock_has_them_all() -> None:
    versions = locked("%d.%d" % sys.version_info[:2])
    own_environment = Path(sys.prefix).resolve() == ROOT / ".venv"
    for name, distribution in reached().items():
        assert name in versions, f"{name} is needed and not locked: make lock"
        if own_environment:
            assert distribution.version == versions[name], f"{name} {distribution.version} is not the locked version"


def python_sources() -> list[tuple[str, str, frozenset[str]]]:
    """(where, source, names that are local there) of each module and notebook of the repository."""
    sources = []
    for folder in ("lib", "checks", "tests", "notebooks", "sample_projects"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            # Folders below tests hold material, not modules of the tests.
            if "node_modules" in path.parts or (folder == "tests" and path.parent.name not in ("tests", "benchmarks")):
                continue
            sources.append((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"), local_names(path, folder)))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        sources.append((path.name, code, frozenset()))
    return sources


@cache
def local_names(path: Path, folder: str) -> frozenset[str]:
    """Import names that the file finds beside itself: its siblings, and for a sample all that the sample has."""
    if folder == "sample_projects":
        sample = ROOT / folder / path.relative_to(ROOT / folder).parts[0]
        return frozenset(part.stem for part in sample.rglob("*.py")) | frozenset(
            part.name for part in sample.rglob("*") if part.is_dir())
    beside = [path.parent, path.parent.parent] if path.parent.name == "benchmarks" else [path.parent]
    return frozenset(part.stem for place in beside for part in place.glob("*.py")) | {"tests"}


def imported(source: str) -> set[str]:
    """Top-level names that a module imports absolutely."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def wanted_by(sample: Path) -> set[str]:
    """Canonical names in the requirement files of one sample: what it installs where it is deployed."""
    files = sample.glob("requirements*.txt")
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    return {canonicalize_name(found.group()) for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))}


def test_every_import_is_declared() -> None:
    """A sample may also use what its own requirement files name, or what a package brings that it names."""
    owners = importlib.metadata.packages_distributions()
    own, brought = declared_names(), reached().keys()
    missing = []
    for where, source, local in python_sources():
        parts = Path(where).parts
        sample = parts[0] == "sample_projects"
        allowed = own | brought | wanted_by(ROOT / parts[0] / parts[1]) if sample else own
        for name in sorted(imported(source) - sys.stdlib_module_names - OWN - local):
            if not {canonicalize_name(owner) for owner in owners.get(name, [name])} & allowed:
                missing.append(f"{where}: {name}")
    assert not missing


def test_version_is_one() -> None:
    assert pyproject()["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_wheel_holds_every_module_and_every_template(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    run = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        points = archive.read(f"readybook-{__version__}.dist-info/entry_points.txt").decode()
    wanted = {
        str(path.relative_to(ROOT / root))
        for root, package in (("lib", "readybook"), ("checks", "readybook_checks"))
        for path in (ROOT / root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted <= held
    assert {name.partition("/")[0] for name in held} == {*OWN, f"readybook-{__version__}.dist-info"}
    assert "[readybook.checks]\nreadybook = readybook_checks" in points
