"""TST002: tests whose coverage nobody measures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureRequirement, EnsureTomlTable, Intent
from readybook.patterns import regex
from readybook_checks.devops.health_router import habits

# a script that calls a server and prints what comes, under the name of a test, checks nothing
CHECKING = regex(r"\bassert|\bpytest\b|\bunittest\b|\bTestCase\b|\bTestClient\b|\.raises\(|\.fail\(|\bexpect\(")


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
        root = import_root(project, tests[0])
        sources = packages_of(project, root, pyproject.rpartition("/")[0] if pyproject is not None else root)
        if not sources:
            return advice(title, "the application lives in loose modules: name what to measure by hand")
        settings: tuple[Intent, ...]
        if pyproject is not None:
            settings = (
                EnsureTomlTable(pyproject, "tool.coverage.run", (("branch", True), ("source", list(sources)))),
                EnsureTomlTable(pyproject, "tool.coverage.report", (("show_missing", True), ("skip_covered", True))),
            )
        else:
            folder = run_from(project, tests[0], root)
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
    text = project.text(path)
    return collected and project.facts.role(path) == "test" and "def test" in text and CHECKING.search(text) is not None


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
    """The folder from which the tests, or else the applications, import the code they have a package of.

    Without such an import it is the root of the application code that is nearest around the tests.
    """
    modules = project.facts.modules
    for paths in ([p for p in modules.by_path if project.facts.role(p) == "test"],
                  [app.place.path for app in project.facts.apps]):
        counts = Counter[str]()
        for path in paths:
            if path in modules.by_path:
                counts += habits(modules, modules.by_path[path])[0]
        if counts:
            return min(counts, key=lambda r: (-counts[r], r))
    roots = {m.root for m in modules.by_path.values() if m.role == "application" and "." in m.name}
    around = [r for r in roots if not r or test.startswith(r + "/")]
    return max(around, key=len, default=min(roots, default=""))


def packages_of(project: Project, root: str, inside: str) -> tuple[str, ...]:
    """The top-level packages of application code below an import root, and in a folder, by import name."""
    found = set()
    for module in project.facts.modules.by_path.values():
        if module.role == "application" and (not inside or module.path.startswith(f"{inside}/")):
            inner = module.path[len(root) + 1:] if root and module.path.startswith(f"{root}/") else \
                "" if root else module.path
            top = inner.partition("/")[0] if "/" in inner else ""
            if top.isidentifier():
                found.add(top)
    return tuple(sorted(found))


def run_from(project: Project, test: str, root: str) -> str:
    """The folder in which the tests are run: where pytest is configured, else the one around them and the code."""
    folder = test
    while folder:
        folder = folder.rpartition("/")[0]
        if any((f"{folder}/{name}" if folder else name) in project.files for name in ("pytest.ini", "tox.ini")):
            return folder
    folder = test.rpartition("/")[0]
    while folder and root != folder and not root.startswith(f"{folder}/"):
        folder = folder.rpartition("/")[0]
    return folder


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
    Bad(  # no package has an __init__.py: the imports show where they start, and pytest.ini where the tests run
        {"backend/tests/test_main.py": TEST["tests/test_main.py"], "backend/pytest.ini": "[pytest]\n",
         "backend/app/main.py": "from app.api.routes import router\n" + TEST["app/main.py"],
         "backend/app/api/__init__.py": "", "backend/app/api/routes.py": "router = None\n"},
        at=("backend/tests/test_main.py:1",),
        fixed={"backend/.coveragerc": "[run]\nbranch = true\nsource =\n    app\n\n"
               "[report]\nshow_missing = true\nskip_covered = true\n"},
    ),
    Bad(  # the code lies in src, the tests beside it
        {"tests/test_main.py": "from shop.main import app\n\n\ndef test_title():\n    assert app\n",
         "src/shop/__init__.py": "", "src/shop/main.py": TEST["app/main.py"]},
        at=("tests/test_main.py:1",),
        fixed={".coveragerc": "[run]\nbranch = true\nsource =\n    shop\n\n"
               "[report]\nshow_missing = true\nskip_covered = true\n"},
    ),
    Bad(  # CI runs the tests, without coverage
        {**TEST, ".github/workflows/test.yml": "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
         "      - uses: actions/checkout@v4\n      - run: pytest -q\n"},
        at=("tests/test_main.py:1",),
    ),
    Good(  # a script that asks a running server and prints the answer
        {"app/main.py": TEST["app/main.py"], "scripts/test_orders.py": "import requests\n\n\n"
         "def test_orders(host: str) -> None:\n    print(requests.get(host + \"/orders\", timeout=5).json())\n\n\n"
         "if __name__ == \"__main__\":\n    test_orders(\"http://localhost:8000\")\n"}, outcome="not_applicable"),
    Good({**TEST, ".coveragerc": "[run]\nbranch = True\n"}),
    Good({**TEST, "pyproject.toml": "[tool.pytest.ini_options]\naddopts = \"--cov=app\"\n"}),
    Good({**TEST, ".github/workflows/test.yml": "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
          "      - run: pytest --cov=app --cov-report=xml\n"}),
    Good({"app/main.py": TEST["app/main.py"], "app/testing.py": "def fake() -> None:\n    return None\n"},
         outcome="not_applicable"),
)
