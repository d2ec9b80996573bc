"""The rules of the house: who may import whom, how long a module is, what a notebook may hold, what is committed."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIB, CHECKS = ROOT / "lib" / "readybook", ROOT / "checks" / "readybook_checks"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_MODULE = 400
TOP_LEVEL = {
    "notebooks", "lib", "checks", "sample_projects", "tests", "environment.yml", "README.md", "pyproject.toml",
    "constraints.txt", "Makefile", "CHANGELOG.md", "LICENSE", ".ci", ".gitignore", ".gitattributes", ".editorconfig",
}
# A heavy package and the only modules that may import it (a name stands for a module or a whole subpackage).
HOMES = {
    "libcst": ("readybook.edits", "readybook.facts.lowering"),
    "pandas": ("readybook.tables",),
    "plotly": ("readybook.charts",),
    "ipywidgets": ("readybook.explorer",),
    "papermill": ("readybook.notebooks",),
    "nbconvert": ("readybook.notebooks",),
    "nbclient": ("readybook.notebooks",),
    "nbformat": ("readybook.notebooks",),
}
HEAVY = {*HOMES, "numpy", "yaml", "tomlkit", "IPython", "jupyter_client", "jupyter_core", "tornado", "zmq", "jinja2"}
JUDGEMENT = {"finding", "check", "run", "score", "effort", "severity", "report", "patch", "edits", "tables", "charts"}


def module_name(path: Path) -> str:
    """The dotted name of a module under lib or checks."""
    root = LIB.parent if path.is_relative_to(LIB) else CHECKS.parent
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """Every module of the two packages: name → (path, tree)."""
    paths = sorted([*LIB.rglob("*.py"), *CHECKS.rglob("*.py")])
    return {module_name(path): (path, ast.parse(path.read_text(encoding="utf-8"))) for path in paths}


def is_type_checking(test: ast.expr) -> bool:
    """Whether a branch's condition is TYPE_CHECKING."""
    return (test.id if isinstance(test, ast.Name) else getattr(test, "attr", "")) == "TYPE_CHECKING"


def import_nodes(node: ast.AST, *, functions: bool, typing: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements below a node; those inside functions, or for type checkers only, when asked for."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif isinstance(child, ast.If) and is_type_checking(child.test) and not typing:
            for other in child.orelse:
                yield from import_nodes(other, functions=functions, typing=typing)
        elif functions or not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from import_nodes(child, functions=functions, typing=typing)


def imports(name: str, *, functions: bool = True, typing: bool = True) -> set[str]:
    """Dotted names that a module imports; ``from a import b`` gives both ``a`` and ``a.b``."""
    path, tree = modules()[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in import_nodes(tree, functions=functions, typing=typing):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            continue
        origin = node.module or ""
        if node.level:
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            origin = ".".join([*base, *([node.module] if node.module else [])])
        found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return found


def below(name: str, parents: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of the parents or lies below one."""
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


def test_the_rules_see_the_code() -> None:
    assert {"readybook.finding", "readybook.project", "readybook_checks"} <= modules().keys()
    assert "readybook.source" in imports("readybook.project")
    assert NOTEBOOKS


def test_the_engine_does_not_know_its_checks() -> None:
    named = [str(path.relative_to(ROOT)) for path in sorted(LIB.rglob("*"))
             if path.is_file() and path.suffix != ".pyc" and b"readybook_checks" in path.read_bytes()]
    assert not named


def test_checks_import_only_the_engine_and_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"readybook", "readybook_checks"}
    wrong = {name: found for name in modules() if below(name, ("readybook_checks",))
             if (found := {target for target in imports(name) if target.partition(".")[0] not in allowed})}
    assert not wrong


def test_facts_know_neither_findings_nor_checks() -> None:
    judging = tuple(f"readybook.{name}" for name in sorted(JUDGEMENT))
    wrong = {name: found for name in modules() if below(name, ("readybook.facts",))
             if (found := {target for target in imports(name) if below(target, judging)})}
    assert not wrong


def test_no_fact_holds_a_syntax_node() -> None:
    wrong = []
    for name, (_, tree) in modules().items():
        for node in ast.walk(tree) if below(name, ("readybook.facts",)) else ():
            if isinstance(node, ast.ClassDef) and any("frozen=True" in ast.unparse(d) for d in node.decorator_list):
                fields = [ast.unparse(field) for field in node.body if isinstance(field, ast.AnnAssign)]
                wrong += [f"{name}.{node.name}: {text}" for text in fields if re.search(r"\b(ast|cst|libcst)\.", text)]
    assert not wrong


@pytest.mark.parametrize("package", HOMES)
def test_a_heavy_package_has_one_home(package: str) -> None:
    strangers = [name for name in modules() if not below(name, HOMES[package])
                 and any(below(target, (package,)) for target in imports(name))]
    assert not strangers


@pytest.mark.parametrize("statement", ["import readybook", "import readybook.__main__", "import readybook_checks"])
def test_importing_stays_light(statement: str) -> None:
    code = f"{statement}; import sys; print(*sorted({{m.partition('.')[0] for m in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not HEAVY & set(run.stdout.split())


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """One path for each cycle that a depth-first walk meets."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name):], name])
        elif name not in done:
            for target in sorted(graph[name]):
                walk(target, [*path, name])
            done.add(name)

    for start in sorted(graph):
        walk(start, [])
    return found


def test_cycles_are_seen() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c", "b"]]
    assert not cycles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_no_import_cycle() -> None:
    """Imports for type checkers and those inside functions load nothing while a module loads: they do not count."""
    graph = {name: (imports(name, functions=False, typing=False) & modules().keys()) - {name} for name in modules()}
    # ``from package import module`` names the package too; it is no dependency on what the package's own file imports.
    graph = {name: {t for t in targets if not any(below(u, (t,)) and u != t for u in targets)}
             for name, targets in graph.items()}
    assert not cycles(graph)


def catches_everything(node: ast.AST) -> bool:
    """Whether a handler or a ``suppress`` swallows any exception."""
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or bool(re.search(r"\b(Base)?Exception\b", ast.unparse(node.type)))
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
        return any(re.search(r"\b(Base)?Exception\b", ast.unparse(a)) for a in node.args)
    return False


def test_what_may_catch_everything_is_named() -> None:
    """Each of them says what it caught: an outcome, a row of the batch, or a problem of a file; what one file says by
    itself is worked out again, and raises, where somebody asks."""
    allowed = ("readybook.run", "readybook.batch", "readybook.facts.statements", "readybook.facts.alone")
    wrong = [f"{path.relative_to(ROOT)}:{node.lineno}" for name, (path, tree) in modules().items()
             for node in ast.walk(tree) if not below(name, allowed) and catches_everything(node)]
    assert not wrong


def test_modules_stay_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
               for path, _ in modules().values()}
    assert not {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE}


def test_code_is_clean() -> None:
    """Ruff with the rules that pyproject.toml selects: unused names and imports, broken formats, lines too long."""
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--no-cache", "--output-format", "concise",
               "lib", "checks", "tests"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


FORBIDDEN_IN_CELLS = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.AsyncFor, ast.While, ast.If,
    ast.IfExp, ast.Try, ast.With, ast.Match, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
class TestNotebooks:
    """Notebooks talk, the library works."""

    def cells(self, path: Path) -> list[dict]:
        return json.loads(path.read_text(encoding="utf-8"))["cells"]

    def code(self, path: Path) -> list[str]:
        return ["".join(cell["source"]) for cell in self.cells(path) if cell["cell_type"] == "code"]

    def test_cells_hold_no_logic(self, path: Path) -> None:
        for source in self.code(path):
            assert not re.search(r"^\s*[!%]", source, re.MULTILINE), source
            held = [type(node).__name__ for node in ast.walk(ast.parse(source)) if isinstance(node, FORBIDDEN_IN_CELLS)]
            assert not held, source

    def test_cells_are_short(self, path: Path) -> None:
        for cell in self.cells(path):
            if cell["cell_type"] == "code" and "parameters" not in cell["metadata"].get("tags", []):
                source = "".join(cell["source"])
                assert len(source.splitlines()) <= 8, source

    def test_there_is_one_parameters_cell_and_each_parameter_has_a_type(self, path: Path) -> None:
        [cell] = [cell for cell in self.cells(path) if "parameters" in cell["metadata"].get("tags", [])]
        statements = ast.parse("".join(cell["source"])).body
        assert statements and all(isinstance(statement, ast.AnnAssign) for statement in statements)

    def test_nothing_of_a_machine_is_stored(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        notebook = json.loads(text)
        assert len(text) < 200_000
        assert notebook["metadata"]["kernelspec"]["name"] == "python3"
        assert "papermill" not in notebook["metadata"]
        assert not re.search(r"(?<![\w.])/(home|root|Users|tmp|work|opt)/|[A-Z]:\\\\\\\\", text)

    def test_no_output_is_an_error_and_each_checked_cell_has_one(self, path: Path) -> None:
        for cell in self.cells(path):
            if cell["cell_type"] == "code":
                assert all(output["output_type"] != "error" for output in cell["outputs"])
                assert cell["outputs"] or "NBVAL_CHECK_OUTPUT" not in "".join(cell["source"])


def committed() -> list[str]:
    """Paths that git tracks or would, were they added."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_top_level_is_the_agreed_one() -> None:
    assert {name.partition("/")[0] for name in committed()} <= TOP_LEVEL


# Written in halves, so that this file does not hold what it forbids.
MACHINE = re.compile(
    r"/wo" r"rk/(main|shared|corpus|\.)|/fa" r"rm/|/ro" r"ot/\.(pyenv|cache/uv)|/opt/py" r"pi|/opt/wh" r"eels"
    r"|\bpy" r"pi\.org|python" r"hosted\.org|registry\.npm" r"js\.org|\bnpm" r"js\.com|deb\.debi" r"an\.org"
    r"|conda\.anac" r"onda\.org"
)


def test_no_machine_path_and_no_package_host_is_committed() -> None:
    wrong = []
    for name in committed():
        text = (ROOT / name).read_bytes().decode("utf-8", errors="replace")
        wrong += [f"{name}: {found.group()}" for found in MACHINE.finditer(text)]
    assert not wrong
