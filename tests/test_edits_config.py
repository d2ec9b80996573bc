"""Edits of configuration files: comments, order and style stay."""

from __future__ import annotations

import tomllib

import pytest
from readybook.edits import apply
from readybook.errors import PatchError
from readybook.intents import (
    AddFile,
    EnsureEnvExample,
    EnsureIgnored,
    EnsureRequirement,
    EnsureTomlTable,
    InsertInstruction,
    Intent,
    ReplaceInstruction,
    ReplaceLineText,
)
from readybook.place import Place
from readybook.project import Project


def edited(files: dict[str, str], *intents: Intent) -> dict[str, str]:
    """What the intents change, after a second round that must change nothing."""
    project = Project.from_files(files)
    done = apply(project, intents)
    assert apply(project.with_files(done), intents) == {}
    return done


COVERAGE = EnsureRequirement("pytest-cov", ">=5", group="dev")
STORE = EnsureRequirement("SQLAlchemy", ">=2", ("asyncio",))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fastapi\nuvicorn\n", "fastapi\nuvicorn\nSQLAlchemy[asyncio]>=2\n"),
        ("alembic==1\nfastapi==1\nuvicorn==1\n", "alembic==1\nfastapi==1\nSQLAlchemy[asyncio]>=2\nuvicorn==1\n"),
        ("# web\r\nfastapi\r\n", "# web\r\nfastapi\r\nSQLAlchemy[asyncio]>=2\r\n"),
        ("uvicorn\nfastapi", "uvicorn\nfastapi\nSQLAlchemy[asyncio]>=2"),
        ("fastapi\nsqlalchemy==2.0.1  # store\n", "fastapi\nsqlalchemy[asyncio]==2.0.1  # store\n"),
    ],
)
def test_a_line_in_requirements(before: str, after: str) -> None:
    assert edited({"requirements.txt": before}, STORE) == {"requirements.txt": after}


def test_hashed_requirements_are_left_to_their_tool() -> None:
    with pytest.raises(PatchError, match="requirements.txt"):
        apply(Project.from_files({"requirements.txt": "fastapi==1 --hash=sha256:00\n"}), [STORE])


def test_nowhere_to_declare_is_said() -> None:
    with pytest.raises(PatchError, match="sqlalchemy"):
        apply(Project.from_files({"main.py": ""}), [STORE])


PEP621 = (
    '[project]\nname = "x"\ndependencies = [\n  "fastapi>=0.1", # web\n  "uvicorn",\n]\n\n'
    "[build-system]\nrequires = []\n"
)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (PEP621, ("dependency-groups", "dev")),
        (PEP621 + '[project.optional-dependencies]\ntest = ["pytest"]\n', ("project", "optional-dependencies", "test")),
        (PEP621 + "[tool.uv]\ndev-dependencies = []\n", ("tool", "uv", "dev-dependencies")),
        (PEP621 + "[tool.pdm.dev-dependencies]\ntest = []\n", ("tool", "pdm", "dev-dependencies", "test")),
        (PEP621 + '[dependency-groups]\ndev = ["ruff"]\n', ("dependency-groups", "dev")),
    ],
)
def test_pyproject_groups_of_each_tool(text: str, where: tuple[str, ...]) -> None:
    done = edited({"pyproject.toml": text}, STORE, COVERAGE)["pyproject.toml"]
    data = tomllib.loads(done)
    assert data["project"]["dependencies"] == ["fastapi>=0.1", "uvicorn", "SQLAlchemy[asyncio]>=2"]
    assert '  "fastapi>=0.1", # web\n' in done
    for key in where:
        data = data[key]
    assert "pytest-cov>=5" in data


@pytest.mark.parametrize(
    "groups",
    ["", "[tool.poetry.group.test.dependencies]\npytest = '*'\n", "[tool.poetry.dev-dependencies]\npytest = '*'\n"],
)
def test_poetry(groups: str) -> None:
    text = f"[tool.poetry]\nname = 'x'\n\n[tool.poetry.dependencies]\nfastapi = '^0.110'\n\n{groups}"
    done = tomllib.loads(edited({"pyproject.toml": text}, STORE, COVERAGE)["pyproject.toml"])["tool"]["poetry"]
    assert done["dependencies"]["SQLAlchemy"] == {"extras": ["asyncio"], "version": ">=2"}
    dev = done.get("dev-dependencies") or next(iter(done["group"].values()))["dependencies"]
    assert dev["pytest-cov"] == ">=5"


def test_development_packages_beside_requirements() -> None:
    assert edited({"requirements.txt": "fastapi\n"}, COVERAGE) == {
        "requirements-dev.txt": "-r requirements.txt\npytest-cov>=5\n"
    }
    assert edited({"requirements.txt": "fastapi\n", "requirements-dev.txt": "pytest\n"}, COVERAGE) == {
        "requirements-dev.txt": "pytest\npytest-cov>=5\n"
    }
    # pytest beside what production installs is no reason to install more there
    assert edited({"requirements.txt": "fastapi\npytest\n"}, COVERAGE) == {
        "requirements-dev.txt": "-r requirements.txt\npytest-cov>=5\n"
    }


@pytest.mark.parametrize(
    ("files", "goal"),
    [
        (("requirements.dev.txt",), "requirements.dev.txt"),
        (("requirements-dev.txt", "requirements-test.txt"), "requirements-test.txt"),
        (("requirements/base.txt", "requirements/dev.txt"), "requirements/dev.txt"),
        (("tests/requirements.txt", "requirements-docs.txt"), "tests/requirements.txt"),
    ],
)
def test_development_packages_go_where_test_tools_are(files: tuple[str, ...], goal: str) -> None:
    base = "requirements/base.txt" if "requirements/base.txt" in files else "requirements.txt"
    made = edited({**dict.fromkeys(files, "pytest\n"), base: "fastapi\n"}, COVERAGE)
    assert made == {goal: "pytest\npytest-cov>=5\n"}


def test_development_packages_go_into_the_group_that_holds_pytest() -> None:
    groups = "[dependency-groups]\ndev = [\"ruff\"]\ncheck = [\"pytest\"]\n"
    beside = {"requirements.txt": "fastapi\n", "pyproject.toml": groups}
    added = {"pyproject.toml": groups.replace("\"pytest\"", "\"pytest\", \"pytest-cov>=5\"")}
    assert edited(beside, COVERAGE) == added
    alone = "[project]\nname = \"x\"\ndependencies = [\"fastapi\"]\n\n" + groups
    assert edited({"pyproject.toml": alone}, COVERAGE)["pyproject.toml"].endswith(added["pyproject.toml"])


def test_a_toml_table_gets_what_it_lacks() -> None:
    text = "[tool.coverage.run]\nbranch = false  # why\n\n[build-system]\nrequires = []\n"
    run = EnsureTomlTable("pyproject.toml", "tool.coverage.run", (("branch", True), ("source", ["app"])))
    report = EnsureTomlTable("pyproject.toml", "tool.coverage.report", (("fail_under", 80),))
    done = edited({"pyproject.toml": text}, run, report)["pyproject.toml"]
    assert done.startswith(
        '[tool.coverage.run]\nbranch = false  # why\nsource = ["app"]\n\n'
        "[tool.coverage.report]\nfail_under = 80\n\n[build"
    )
    windows = edited({"pyproject.toml": text.replace("\n", "\r\n")}, run, report)["pyproject.toml"]
    assert windows == done.replace("\n", "\r\n")
    assert edited({}, report) == {"pyproject.toml": "[tool.coverage.report]\nfail_under = 80\n"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A=1\n", "A=1\nB=2\n"),
        ("A=1", "A=1\nB=2"),
        ("export A=1\r\n", "export A=1\r\nexport B=2\r\n"),
        ("A = 1\n", "A = 1\nB = 2\n"),
        ('# a\nA="1"\n', '# a\nA="1"\n# about b\nB="2"\n'),
        ("#B=\n", None),
    ],
)
def test_a_variable_in_an_example_file(before: str, after: str | None) -> None:
    done = edited({".env.example": before}, EnsureEnvExample(".env.example", "B", "2", "about b"))
    assert done == ({} if after is None else {".env.example": after})


def test_an_example_file_is_made_when_asked_for() -> None:
    assert edited({}, EnsureEnvExample(".env.example", "B", "2", "about b")) == {".env.example": "# about b\nB=2\n"}


DOCKERFILE = (
    "FROM python:3.12 AS build\nRUN a && \\\n    # note\n    b\n\n"
    'FROM build\nRUN <<EOF\nCMD no\nEOF\n\n# start\nCMD ["x"]\n'
)


def test_an_instruction_goes_before_the_command_of_its_stage() -> None:
    check = InsertInstruction("Dockerfile", 6, "HEALTHCHECK --interval=30s \\\n  CMD true")
    done = edited({"Dockerfile": DOCKERFILE}, check)["Dockerfile"]
    assert done == DOCKERFILE.replace("# start", "HEALTHCHECK --interval=30s \\\n  CMD true\n\n# start")
    windows = edited({"Dockerfile": DOCKERFILE.replace("\n", "\r\n")}, check)["Dockerfile"]
    assert windows == done.replace("\n", "\r\n")
    first = edited({"Dockerfile": DOCKERFILE}, InsertInstruction("Dockerfile", 1, "USER app"))["Dockerfile"]
    assert first == DOCKERFILE.replace("    b\n", "    b\nUSER app\n")


def test_an_instruction_is_replaced_with_all_its_lines() -> None:
    project = Project.from_files({"Dockerfile": DOCKERFILE})
    run = ReplaceInstruction(Place("Dockerfile", 4), "RUN c")
    assert apply(project, [run])["Dockerfile"] == DOCKERFILE.replace("RUN a && \\\n    # note\n    b", "RUN c")
    gone = ReplaceInstruction(Place("Dockerfile", 12), "")
    assert apply(project, [gone])["Dockerfile"] == DOCKERFILE.replace('CMD ["x"]\n', "")


def test_a_part_of_a_line_is_replaced() -> None:
    text = "web: uvicorn app:app --reload\r\nother: --reload\r\n"
    done = apply(Project.from_files({"Procfile": text}), [ReplaceLineText(Place("Procfile", 1), " --reload", "")])
    assert done == {"Procfile": "web: uvicorn app:app\r\nother: --reload\r\n"}
    with pytest.raises(PatchError, match="Procfile:2"):
        apply(Project.from_files({"Procfile": text}), [ReplaceLineText(Place("Procfile", 2), "uvicorn", "")])


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", ".git/hooks/pre-commit", "a//b", "a\nb", "a\\b"])
def test_a_new_file_stays_inside_the_target(path: str) -> None:
    with pytest.raises(PatchError, match="not a path inside the target"):
        apply(Project.from_files({}), [AddFile(path, "x")])


def test_a_file_that_exists_is_left_alone() -> None:
    assert apply(Project.from_files({"a.txt": "1"}), [AddFile("a.txt", "2"), AddFile("b.txt", "3")]) == {"b.txt": "3"}


@pytest.mark.parametrize(("before", "after"), [
    (None, "# secrets\n.env\n"),
    ("*.log\n", "*.log\n\n# secrets\n.env\n"),
    ("*.log", "*.log\n\n# secrets\n.env\n"),
    ("*.log\r\n", "*.log\r\n\r\n# secrets\r\n.env\r\n"),
    ("# secrets\n/x\n", "# secrets\n/x\n.env\n"),
    ("# secrets\n/x\n\n*.log\n", "# secrets\n/x\n\n*.log\n\n.env\n"),
])
def test_a_line_of_an_ignore_file_is_added_in_the_files_own_line_ends(before, after):
    files = {"a.py": "", **({".gitignore": before} if before is not None else {})}
    assert edited(files, EnsureIgnored(".gitignore", (".env",), "secrets")) == {".gitignore": after}


def test_a_line_that_stands_in_an_ignore_file_is_not_added_again():
    assert edited({".gitignore": "a\n .env \n"}, EnsureIgnored(".gitignore", (".env",), "secrets")) == {}


def test_a_new_module_has_the_quotes_of_the_targets_formatter() -> None:
    text = 'NAME = "a"\nTOLD = f"it\'s {NAME}"\n'
    single = {"pyproject.toml": "[tool.ruff.format]\nquote-style = 'single'\n"}
    made = apply(Project.from_files(single), [AddFile("new.py", text), AddFile("new.txt", text)])
    assert made["new.py"] == "NAME = 'a'\nTOLD = f\"it's {NAME}\"\n"
    assert made["new.txt"] == text
    assert apply(Project.from_files({"pyproject.toml": ""}), [AddFile("new.py", text)])["new.py"] == text
