"""What ``import readybook`` promises, and that it stays light."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

import readybook
from readybook.intents import Intent

EXPORTS = [
    "Bad", "CannotTell", "Check", "Config", "ConfigError", "Estimate", "Finding", "Fix", "Good", "Hours",
    "NotApplicable", "PackError", "PatchError", "Place", "Project", "ReadybookError", "Report", "Result", "Right",
    "TargetError", "__version__", "advice", "audit", "mask",
]
HEAVY = ("pandas", "plotly", "libcst", "papermill", "nbconvert", "nbformat", "yaml", "tomlkit", "IPython", "numpy")


def test_the_exports():
    assert readybook.__all__ == EXPORTS
    assert sorted(readybook._HOMES) == sorted(EXPORTS)


@pytest.mark.parametrize("name", EXPORTS)
def test_each_name_is_there_and_documented(name):
    value = getattr(readybook, name)
    assert name == "__version__" or inspect.getdoc(value)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(readybook.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.asname: f"{node.module}" for node in block.body for alias in node.names}
    assert typed == {name: f"readybook.{home}" for name, home in readybook._HOMES.items()}


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        readybook.nothing  # noqa: B018


def test_no_export_hides_a_module():
    modules = {path.stem for path in Path(readybook.__file__).parent.glob("*.py")}
    assert not modules & set(EXPORTS)


@pytest.mark.parametrize("code", [
    "import readybook; [getattr(readybook, name) for name in readybook.__all__]",
    "import readybook.registry; readybook.registry.load()",
    "import readybook.commands.auditing, readybook.commands.listing",
])
def test_nothing_heavy_is_imported(code):
    code += "; import sys; print(*sorted(set(sys.modules) & set(sys.argv[1:])))"
    run = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_the_guide_to_checks_names_every_intent() -> None:
    guide = (Path(__file__).resolve().parent.parent / "checks" / "README.md").read_text(encoding="utf-8")
    assert [kind.__name__ for kind in get_args(Intent) if f"`{kind.__name__}`" not in guide] == []
