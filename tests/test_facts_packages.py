"""Declared and locked packages in the dialects of every tool."""
# ruff: noqa: E501 - the texts of small files stand on one line

from __future__ import annotations

import pytest

from readybook.facts.packages import Packages, packages
from readybook.facts.requirementtexts import conda_requirement, poetry_specifier, requirement
from readybook.place import Place
from readybook.project import Project

HERE = Place("requirements.txt")


def read(files: dict[str, str]) -> Packages:
    return packages(Project.from_files(files))


def rows(found: Packages) -> list[tuple[str, str, str, str, int]]:
    return [(r.name, r.specifier, r.style, r.group, r.place.line) for r in found.requirements]


@pytest.mark.parametrize(
    ("text", "name", "specifier", "extras", "direct"),
    [
        ("FastAPI", "fastapi", "", (), ""),
        ("uvicorn[standard] >= 0.30, < 1", "uvicorn", ">=0.30,<1", ("standard",), ""),
        ("zope.interface==5", "zope-interface", "==5", (), ""),
        ("a (>=1)", "a", ">=1", (), ""),
        ("a ~= 1.2 ; python_version < '3.12'", "a", "~=1.2", (), ""),
        ("a==1.0 --hash=sha256:aa --hash=sha256:bb", "a", "==1.0", (), ""),
        ("a @ https://user:secret@host.example/a.whl", "a", "", (), "https://host.example/a.whl"),
        (
            "git+https://token@host.example/x.git#egg=My_App",
            "my-app",
            "",
            (),
            "git+https://host.example/x.git#egg=My_App",
        ),
    ],
)
def test_one_line(text: str, name: str, specifier: str, extras: tuple[str, ...], direct: str) -> None:
    parsed = requirement(text, HERE, "requirements")
    assert parsed is not None
    assert (parsed.name, parsed.specifier, parsed.extras, parsed.direct) == (name, specifier, extras, direct)


@pytest.mark.parametrize("text", ["", ".", "./local", "-x", "a b c", "a==", "<html>", "a=1"])
def test_what_is_no_requirement(text: str) -> None:
    assert requirement(text, HERE, "requirements") is None


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^1", ">=1,<2"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("1.2.3", "==1.2.3"),
        ("*", ""),
        ("1.*", "==1.*"),
        (">=1,<2", ">=1,<2"),
        (">= 1.0 , != 1.5", ">=1.0,!=1.5"),
        ("^0.115.0", ">=0.115.0,<0.116"),
        ("~=1.4", "~=1.4"),
    ],
)
def test_poetry_constraints(written: str, meant: str) -> None:
    assert poetry_specifier(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("numpy=1.26", "==1.26.*"),
        ("numpy=1.26.4=py311h", "==1.26.4"),
        ("numpy==1.26", "==1.26"),
        ("conda-forge::numpy>=1", ">=1"),
        ("numpy", ""),
        ("numpy=1.*", "==1.*"),
    ],
)
def test_conda_lines(written: str, meant: str) -> None:
    parsed = conda_requirement(written, HERE)
    assert parsed is not None
    assert (parsed.name, parsed.specifier) == ("numpy", meant)


def test_requirements_with_includes_cycles_and_constraints() -> None:
    found = read(
        {
            "requirements.txt": "-r base/more.txt  # the rest\n-c limits.txt\nfastapi>=0.110 \\\n  ,<1\nnot a requirement\n--index-url x\n",
            "base/more.txt": "-r ../requirements.txt\nSQLAlchemy==2.0.1\n-r ../../outside.txt\n-r missing.txt\n",
            "limits.txt": "starlette==0.40.0\n",
            "requirements-dev.txt": "pytest\n",
        }
    )
    assert rows(found) == [
        ("sqlalchemy", "==2.0.1", "requirements", "main", 2),
        ("starlette", "==0.40.0", "requirements", "main", 1),
        ("pytest", "", "requirements", "dev", 1),
        ("fastapi", ">=0.110,<1", "requirements", "main", 3),
    ]
    assert found.version_of("starlette").value == "0.40.0"
    assert "starlette" not in found.names
    assert found.declares("SQLAlchemy")
    reasons = [reason for _, reason in found.problems]
    assert len(reasons) == 3
    assert any("outside" in r for r in reasons)
    assert any("not there" in r for r in reasons)
    assert any("no requirement" in r for r in reasons)


def test_pyproject_of_every_kind() -> None:
    found = read(
        {
            "pyproject.toml": """\
[project]
name = "x"
requires-python = ">= 3.11"
dependencies = [
  "fastapi>=0.115",
  "uvicorn[standard]",
]
[project.optional-dependencies]
redis = ["redis>=5"]
test = ["pytest"]
[dependency-groups]
lint = ["ruff", {include-group = "test"}]
[tool.uv]
dev-dependencies = ["mypy"]
[tool.pdm.dev-dependencies]
x = ["tox"]
[tool.hatch.envs.docs]
dependencies = ["mkdocs"]
"""
        }
    )
    assert rows(found) == [
        ("fastapi", ">=0.115", "pep621", "main", 5),
        ("uvicorn", "", "pep621", "main", 6),
        ("redis", ">=5", "pep621", "optional", 9),
        ("pytest", "", "pep621", "dev", 10),
        ("ruff", "", "dependency-groups", "dev", 12),
        ("mypy", "", "uv", "dev", 14),
        ("tox", "", "pdm", "dev", 16),
        ("mkdocs", "", "hatch", "dev", 18),
    ]
    assert [(p.specifier, p.place.line) for p in found.python] == [(">=3.11", 3)]


def test_poetry() -> None:
    found = read(
        {
            "pyproject.toml": """\
[tool.poetry.dependencies]
python = "^3.11"
fastapi = {version = "^0.115", extras = ["all"]}
asyncpg = {version = "*", optional = true}
mine = {git = "https://host.example/mine.git"}
many = [{version = "1.0", python = "<3.12"}, {version = "2.0", python = ">=3.12"}]
[tool.poetry.group.dev.dependencies]
pytest = "^8"
"""
        }
    )
    assert rows(found) == [
        ("fastapi", ">=0.115,<0.116", "poetry", "main", 3),
        ("asyncpg", "", "poetry", "optional", 4),
        ("mine", "", "poetry", "main", 5),
        ("many", "==1.0", "poetry", "main", 6),
        ("pytest", ">=8,<9", "poetry", "dev", 8),
    ]
    assert found.requirements[0].extras == ("all",)
    assert found.python[0].specifier == ">=3.11,<4"
    assert found.version_of("mine").certainty == "unknown"


def test_setup_files_pipfile_and_conda() -> None:
    found = read(
        {
            "a/setup.cfg": "[options]\npython_requires = >=3.10\ninstall_requires =\n    fastapi>=0.1\n[options.extras_require]\ntest = pytest\n",
            "b/setup.py": "from setuptools import setup\nREQUIRES = [\n 'flask>=2',\n]\n"
            "setup(install_requires=REQUIRES, extras_require={'redis': ['redis']}, python_requires='>=3.9')\n",
            "c/setup.py": "import setuptools\nsetuptools.setup(install_requires=open('r.txt').read().split())\n",
            "d/Pipfile": "[packages]\nfastapi = '*'\n[dev-packages]\npytest = '==8.0'\n[requires]\npython_version = '3.12'\n",
            "e/environment.yml": "dependencies:\n  - python=3.11\n  - numpy=1.26\n  - pip:\n    - fastapi==0.1\n",
            "f/runtime.txt": "python-3.12.4\n",
        }
    )
    assert [(r.place.path, r.name, r.specifier, r.group) for r in found.requirements] == [
        ("a/setup.cfg", "fastapi", ">=0.1", "main"),
        ("a/setup.cfg", "pytest", "", "dev"),
        ("b/setup.py", "flask", ">=2", "main"),
        ("b/setup.py", "redis", "", "optional"),
        ("d/Pipfile", "fastapi", "", "main"),
        ("d/Pipfile", "pytest", "==8.0", "dev"),
        ("e/environment.yml", "numpy", "==1.26.*", "main"),
        ("e/environment.yml", "fastapi", "==0.1", "main"),
    ]
    assert found.problems == (("c/setup.py", "install_requires is computed"),)
    assert [p.specifier for p in found.python] == [">=3.10", ">=3.9", "==3.12.*", "==3.11.*", "==3.12.4"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("uv.lock", 'version = 1\n\n[[package]]\nname = "fastapi"\nversion = "0.115.1"\nsource = { registry = "x" }\n'),
        ("poetry.lock", '[[package]]\nname = "FastAPI"\nversion = "0.115.1"\ndescription = ""\n'),
        ("pdm.lock", '[metadata]\n\n[[package]]\nname = "fastapi"\nversion = "0.115.1"\n'),
        ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "fastapi"\nversion = "0.115.1"\n'),
        ("Pipfile.lock", '{"default": {"fastapi": {"hashes": [], "version": "==0.115.1"}}, "develop": {}}'),
        ("requirements.txt", "#\n# This file is autogenerated by pip-compile with Python 3.12\n#\nfastapi==0.115.1\n"),
        ("requirements.txt", "fastapi==0.115.1 \\\n    --hash=sha256:aa\n"),
    ],
)
def test_lock_files(path: str, text: str) -> None:
    found = read({path: text, "pyproject.toml": '[project]\ndependencies = ["fastapi>=0.100"]\n'})
    version = found.version_of("fastapi")
    assert (version.value, version.certainty, version.exact) == ("0.115.1", "locked", True)
    assert version.place is not None
    assert version.place.path == path
    assert len(found.locks) == 1


def test_version_certainty() -> None:
    found = read({"requirements.txt": "a==1.0\nb>=2.0\nc~=3.1\nd\ne<4\nf==5.*\n"})
    told = {name: (v.value, v.certainty, v.bounded) for name in "abcdefg" for v in [found.version_of(name)]}
    assert told == {
        "a": ("1.0", "pinned", True),
        "b": ("2.0", "lower bound", False),
        "c": ("3.1", "lower bound", True),
        "d": ("", "any", False),
        "e": ("", "any", True),
        "f": ("5", "lower bound", True),
        "g": ("", "unknown", False),
    }


def test_the_nearest_file_counts_in_a_monorepo() -> None:
    found = read(
        {
            "one/requirements.txt": "fastapi==0.100.0\n",
            "two/requirements.txt": "fastapi==0.200.0\n",
            "tests/requirements.txt": "fastapi==0.300.0\n",
        }
    )
    assert found.version_of("fastapi", near="two/app/main.py").value == "0.200.0"
    assert found.version_of("fastapi", near="one/main.py").others == ("0.200.0", "0.300.0")
    assert found.version_of("fastapi").value == "0.100.0"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", "a = " + "[" * 3000 + "]" * 3000),
        ("pyproject.toml", "a." * 60_000 + "a = 1"),
        ("setup.cfg", "no section\n"),
        ("setup.py", "def (:\n"),
        ("setup.py", "x = " + "(" * 1000 + ")" * 1000),
        ("Pipfile", "\0"),
        ("Pipfile.lock", "{"),
        ("Pipfile.lock", "[" * 100_000),
        ("environment.yml", "&a [*a]"),
        ("uv.lock", "[[package]]\nversion = 1\n"),
    ],
)
def test_broken_files_are_listed(path: str, text: str) -> None:
    found = read({path: text})
    assert [p for p, _ in found.problems] == [path]
    assert found.requirements == ()


@pytest.mark.parametrize(
    "text",
    ["[project]\ndependencies = 3\noptional-dependencies = []\n[tool]\npoetry = 1\n", "[dependency-groups]\na = {}\n"],
)
def test_odd_types_give_nothing(text: str) -> None:
    assert read({"pyproject.toml": text}).requirements == ()
