"""A check pack of one file, taken from checks/README.md, installed in an environment of its own, and found there."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from readybook import PackError, Project, audit, registry

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "checks" / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
ENTRY_POINT = re.search(r"```toml\n\[project\.(entry-points\..*?)```", README, re.DOTALL)[1]


def wheel(folder: Path, files: dict[str, str], package: str = "acme_checks") -> Path:
    """A wheel of a pack, as any build tool would make it."""
    info = "acme_checks-1.0.dist-info"
    files = {f"{package}/{name}": text for name, text in files.items()} | {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: acme-checks\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[readybook.checks]\nacme = acme_checks\n",
    }
    rows = [f"{name},sha256={digest(text)},{len(text.encode())}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    path = folder / "acme_checks-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@pytest.fixture
def environment(tmp_path) -> Path:
    """A virtual environment that sees this one's packages; returns its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "environment"], check=True)
    python = tmp_path / "environment" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    line = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (packages(python) / "outer.pth").write_text(line, encoding="utf-8")
    return python


def packages(python: Path) -> Path:
    command = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())


def install(python: Path, made: Path) -> None:
    """Install a wheel of pure Python, which is to unpack it; pip itself need not be there."""
    with zipfile.ZipFile(made) as archive:
        archive.extractall(packages(python))


def readybook(python: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-m", "readybook", *arguments], capture_output=True, text=True, check=False)


def test_a_pack_is_found_explained_and_run(environment, tmp_path):
    install(environment, wheel(tmp_path, {"__init__.py": "", "api901_api_without_title.py": EXAMPLE}))
    listed = json.loads(readybook(environment, "checks", "--format", "json").stdout)
    assert {c["id"] for c in listed} == {"API901", *(c.id for c in registry.load())}
    assert "The API calls itself" in readybook(environment, "explain", "API901").stdout
    target = tmp_path / "target"
    target.mkdir()
    (target / "main.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n", encoding="utf-8")
    report = json.loads(readybook(environment, "audit", target, "--only", "API901", "--format", "json").stdout)
    (check,) = report["checks"]
    assert (check["outcome"], check["findings"][0]["path"], check["findings"][0]["line"]) == ("failed", "main.py", 3)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"__init__.py": "", "x.py": "import no_such_module\n"}, "cannot import acme_checks.x: ModuleNotFoundError"),
        ({"__init__.py": "", "x/__init__.py": "1 +\n"}, "cannot import acme_checks.x: SyntaxError"),
        ({"__init__.py": EXAMPLE.replace('"low"', '"mild"')}, "ApiWithoutTitle: severity 'mild' is not one of"),
        ({"__init__.py": EXAMPLE.replace("API901", "PER001")}, "check id PER001 is defined twice, by check pack"),
    ],
)
def test_a_broken_pack_is_named(environment, tmp_path, files, message):
    install(environment, wheel(tmp_path, files))
    run = readybook(environment, "checks")
    assert run.returncode == 2 and run.stdout == ""
    assert run.stderr.startswith("readybook: error: check ") and message in run.stderr and "'acme'" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_missing_pack_is_named(environment, tmp_path):
    install(environment, wheel(tmp_path, {"__init__.py": ""}, package="other_name"))
    run = readybook(environment, "checks")
    assert run.returncode == 2 and "check pack 'acme': cannot import acme_checks" in run.stderr


def example() -> type:
    space: dict[str, object] = {"__name__": "api901"}
    exec(EXAMPLE, space)
    return space["ApiWithoutTitle"]


def test_the_example_keeps_the_laws():
    import test_laws

    cls = example()
    assert list(registry.problems(cls)) == []
    check = cls()
    for one in check.examples:
        case = test_laws.Case(check, one)
        if hasattr(one, "at"):
            laws = test_laws.TestEachExample()
            laws.test_bad_is_found_exactly_there(case)
            laws.test_the_fix_gives_exactly_this(case)
            laws.test_asked_again_it_has_nothing_to_fix(case)
        else:
            test_laws.test_good_is_silent(case)


def test_the_readme_names_the_group():
    assert ENTRY_POINT.startswith('entry-points."readybook.checks"]\nacme = "acme_checks"')
    assert registry.GROUP == "readybook.checks"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": "API1"}, "id 'API1' is not three capitals and three digits"),
        ({"name": "Api_Title"}, "is not lower-case words"),
        ({"category": "style"}, "category 'style' is not one of"),
        ({"hours": (1, 2, 3)}, "is not Hours"),
        ({"fix_kinds": ("magic",)}, "fix_kinds ('magic',)"),
        ({"fix_kinds": ()}, "fix_kinds ()"),
        ({"__doc__": None}, "docstring"),
        ({"__doc__": "Not a sentence\n\nmore"}, "docstring"),
        ({"suppressed_by": "PER001"}, "suppressed_by is not a tuple"),
    ],
)
def test_metadata_are_validated(change, problem):
    changed = type("Changed", (example(),), {"__doc__": example().__doc__, **change})
    with pytest.raises(PackError, match=re.escape(problem)):
        registry.validated([("check pack 'acme'", changed)])


def test_a_check_without_metadata_is_told():
    bare = type("Bare", (registry.Check,), {"__doc__": "It is bare.", "find": lambda self, project: iter(())})
    with pytest.raises(PackError, match="Bare: has no id"):
        registry.validated([("check pack 'acme'", bare)])


def test_names_are_unique():
    other = type("Other", (example(),), {"__doc__": "Another.", "id": "API902"})
    with pytest.raises(PackError, match="check name 'api-without-title' is that of API901 and of API902"):
        registry.validated([("one", example()), ("two", other)])


def test_checks_need_no_installation_to_run():
    (result,) = audit(Project.from_files({"main.py": "x = 1\n"}), [example()()]).results
    assert (result.outcome, result.reason) == ("not_applicable", "no application is served")
