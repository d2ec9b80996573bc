"""What the fixes make of a small project, written to a folder so that it can be run."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import forked
import pytest
from readybook import Project, registry
from readybook.edits import apply_each
from readybook.run import ask

CHECKS = {check.id: check for check in registry.load()}


def fixed(files: dict[str, str], *ids: str, again: bool = True, advice: bool = False) -> dict[str, str]:
    """The files after the fixes of the checks, one after the other as in a series.

    ``again``: none of them finds anything then. ``advice``: findings that only a person can cure may be among them.
    """
    project = Project.from_files(files)
    for id_ in ids:
        found = ask(CHECKS[id_], project).findings
        assert found, f"{id_} finds nothing"
        intents = [f.fix.intents for f in found if f.fix is not None and f.fix.intents]
        assert intents and (advice or len(intents) == len(found)), [(f.message, f.fix) for f in found]
        applied = apply_each(project, intents)
        assert not applied.failed
        project = project.with_files(applied.texts)
        left = ask(CHECKS[id_], project).findings
        assert not [f for f in left if f.fix is not None and f.fix.intents] and (advice or not again or not left), id_
    return {path: project.text(path) for path in project.files}


def write(files: dict[str, str], folder: Path) -> Path:
    """Put the files into the folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> ModuleType:
    """The last one of these modules of the folder, which import each other in this order, in this process."""
    for name in names:
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
    return module


# Served in place of main.py. The file "ahead" tells how far the clock of one module is ahead.
CLOCKED = """import time
import types
from pathlib import Path

import {0}

ahead = Path(__file__).with_name("ahead")
shown = {{**vars(time), "monotonic": lambda: time.monotonic() + float(ahead.read_text())}}
{0}.time = types.SimpleNamespace(**shown)

from main import app  # noqa: E402,F401
"""


def clocked(folder: Path, module: str) -> str:
    """The application of ``main.py`` to be served, whose ``module`` goes by a clock that ``later`` sets ahead.

    Nothing is to wait for the pauses of that module, and none of them ends because the machine is slow.
    """
    (folder / "clocked.py").write_text(CLOCKED.format(module), encoding="utf-8")
    (folder / "ahead").write_text("0", encoding="utf-8")
    return "clocked:app"


def later(folder: Path, seconds: float) -> None:
    """Set the clock of ``clocked`` ahead by so many seconds more."""
    ahead = folder / "ahead"
    (folder / "new").write_text(str(float(ahead.read_text()) + seconds), encoding="utf-8")
    (folder / "new").replace(ahead)


def patient(files: dict[str, str], seconds: float = 20.0) -> dict[str, str]:
    """The files, in which Redis is given so long to answer, for a machine under load."""
    bounds = re.compile(r"^(REDIS|STORAGE)_SECONDS = [\d.]+", re.MULTILINE)
    longer = {path: bounds.sub(rf"\1_SECONDS = {seconds}", text) for path, text in files.items()}
    assert longer != files, "no module has such a bound"
    return longer


def run(folder: Path, *argv: str, timeout: float = 120.0, status: int = 0, **variables: str) -> str:
    """What a command prints that runs in the folder; "python" is this Python, and no variable of ours comes along."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1",
           **variables}
    if argv[0] == "python":
        done = forked.run(argv[1:], folder, env, timeout)
    else:
        done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == status, f"{argv} gave {done.returncode}\n{done.stdout[-2_000:]}\n{done.stderr[-4_000:]}"
    return done.stdout
