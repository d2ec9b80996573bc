"""TST002: tests whose coverage nobody measures."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureRequirement, EnsureTomlTable, Intent


class CoverageNotMeasured(Check):
    """Tests run, but nothing measures which code they run: a gap in the tests is invisible.

    Looked at: coverage settings in pyproject.toml, .coveragerc, setup.cfg, tox.ini and pytest.ini, and ``--cov`` or
    ``coverage run`` in CI and scripts. A codebase without tests is another check's matter.

    Fix: coverage settings with branch coverage and the application's own packages, and pytest-cov among the
    development dependencies.
    """

    id = "TST002"
    name = "coverage-not-measured"
    category = "testing"
    severity = "medium"
    hours = Hours(0.5, 1, 3)
    fix_kinds = ("config", "advice")
    references = ("https://coverage.readthedocs.io/en/latest/config.html", "https://pytest-cov.readthedocs.io/")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for the whole target: it measures coverage, or it does not."""
        measured = project.facts.coverage
        if measured:
            yield Right(measured[0].place, f"coverage is set up by {measured[0].source}")
            return
        tests = sorted(p for p in project.files if p.endswith(".py") and is_test_module(project, p))
        if not tests:
            yield NotApplicable("no Python tests whose coverage could be measured")
            return
        yield Finding(
            Place(tests[0]), f"{len(tests)} test module{'s run' if len(tests) > 1 else ' runs'} without coverage: "
            "neither a coverage configuration nor a --cov run stands anywhere in this repository.",
            evidence="\n".join(tests[:5]), fix=self._fix(project, tests),
        )

    def _fix(self, project: Project, tests: list[str]) -> Fix:
        title = "Measure branch coverage of the application's packages"
        pyproject = nearest_pyproject(project, tests[0])
        sources = packages_of(project, pyproject, tests[0])
        if not sources:
            return advice(title, "the application lives in loose modules: name what to measure by hand")
        settings: tuple[Intent, ...]
        if pyproject is not None:
            settings = (
                EnsureTomlTable(pyproject, "tool.coverage.run", (("branch", True), ("source", list(sources)))),
                EnsureTomlTable(pyproject, "tool.coverage.report", (("show_missing", True), ("skip_covered", True))),
            )
        else:
            folder = import_root(project, tests[0])
            listed = "".join(f"    {name}\n" for name in sources)
            text = f"[run]\nbranch = true\nsource =\n{listed}\n[report]\nshow_missing = true\nskip_covered = true\n"
            settings = (AddFile(f"{folder}/.coveragerc" if folder else ".coveragerc", text),)
        if project.facts.requirements:
            settings = (*settings, EnsureRequirement("pytest-cov", ">=5", group="dev"))
        return Fix(title, settings, kinds=("config",), safety="safe",
                   reason="only the test run changes, and only when --cov is given")


def is_test_module(project: Project, path: str) -> bool:
    """Whether a file holds tests that pytest or unittest would collect."""
    name = path.rpartition("/")[2]
    collected = name.startswith("test_") or name.endswith("_test.py") or name == "tests.py"
    return collected and project.facts.role(path) == "test" and "def test" in project.text(path)


def nearest_pyproject(project: Project, path: str) -> str | None:
    """The pyproject.toml in the folder of a file, or the nearest above it."""
    folder = path
    while folder:
        folder = folder.rpartition("/")[0]
        candidate = f"{folder}/pyproject.toml" if folder else "pyproject.toml"
        if candidate in project.files:
            return candidate
    return None


def import_root(project: Project, test: str) -> str:
    """The import root of the application code that is nearest around the tests."""
    roots = {m.root for m in project.facts.modules.by_path.values() if m.role == "application" and "." in m.name}
    around = [r for r in roots if not r or test.startswith(r + "/")]
    return max(around, key=len, default=min(roots, default=""))


def packages_of(project: Project, pyproject: str | None, test: str) -> tuple[str, ...]:
    """The top-level packages of application code beside a pyproject.toml (or around the tests), by import name."""
    folder = import_root(project, test) if pyproject is None else pyproject.rpartition("/")[0]
    found = set()
    for module in project.facts.modules.by_path.values():
        inside = not folder or module.path.startswith(folder + "/")
        if inside and module.role == "application" and "." in module.name:
            found.add(module.name.partition(".")[0])
    return tuple(sorted(found))


TEST = {"tests/test_main.py": "from app.main import app\n\n\ndef test_title():\n    assert app.title == \"FastAPI\"\n",
        "app/__init__.py": "", "app/main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}
CoverageNotMeasured.examples = (
    Bad(
        {**TEST, "pyproject.toml": "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"fastapi\"]\n\n"
         "[dependency-groups]\ndev = [\"pytest\"]\n"},
        at=("tests/test_main.py:1",),
        fixed={"pyproject.toml": "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"fastapi\"]\n\n"
               "[dependency-groups]\ndev = [\"pytest\", \"pytest-cov>=5\"]\n\n"
               "[tool.coverage.run]\nbranch = true\nsource = [\"app\"]\n\n"
               "[tool.coverage.report]\nshow_missing = true\nskip_covered = true\n"},
    ),
    Bad(TEST, at=("tests/test_main.py:1",),
        fixed={".coveragerc": "[run]\nbranch = true\nsource =\n    app\n\n"
               "[report]\nshow_missing = true\nskip_covered = true\n"}),
    Bad(  # production installs requirements.txt, pytest in it or not: what measures goes into a file of its own
        {**TEST, "requirements.txt": "fastapi==0.115.0\npytest==8.3.0\n"}, at=("tests/test_main.py:1",),
        fixed={"requirements-dev.txt": "-r requirements.txt\npytest-cov>=5\n",
               ".coveragerc": "[run]\nbranch = true\nsource =\n    app\n\n"
               "[report]\nshow_missing = true\nskip_covered = true\n"},
    ),
    Bad(  # CI runs the tests, without coverage
        {**TEST, ".github/workflows/test.yml": "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
         "      - uses: actions/checkout@v4\n      - run: pytest -q\n"},
        at=("tests/test_main.py:1",),
    ),
    Good({**TEST, ".coveragerc": "[run]\nbranch = True\n"}),
    Good({**TEST, "pyproject.toml": "[tool.pytest.ini_options]\naddopts = \"--cov=app\"\n"}),
    Good({**TEST, ".github/workflows/test.yml": "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
          "      - run: pytest --cov=app --cov-report=xml\n"}),
    Good({"app/main.py": TEST["app/main.py"], "app/testing.py": "def fake() -> None:\n    return None\n"},
         outcome="not_applicable"),
)
