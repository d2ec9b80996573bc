"""The way from a fresh clone to a running command, and the tally that ends ``make test``."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load(path: str) -> ModuleType:
    """A script of the repository as a module of its own."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap(tmp_path: Path) -> ModuleType:
    """The bootstrap, as if the repository were an empty folder with the three lists."""
    module = load("lib/bootstrap.py")
    module.ROOT, module.VENV = tmp_path, tmp_path / ".venv"
    module.MARK, module.LOCK = tmp_path / ".venv" / ".ready", tmp_path / ".venv.lock"
    for name in module.RECIPE:
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return module


def script(path: Path, text: str) -> str:
    """An executable shell script that stands for an interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def finished(bootstrap: ModuleType, version: str = "3.11") -> None:
    """What a finished build leaves."""
    script(bootstrap.VENV / "bin" / "python", "exit 0")
    bootstrap.MARK.write_text(json.dumps({"recipe": bootstrap.recipe(version), "python": version}), encoding="utf-8")


def test_environment_is_ready_only_while_its_lists_stay(bootstrap: ModuleType) -> None:
    assert not bootstrap.is_ready("")
    finished(bootstrap)
    assert bootstrap.is_ready("")
    (bootstrap.ROOT / "constraints.txt").write_text("plotly==1\n", encoding="utf-8")
    assert not bootstrap.is_ready("")


def test_environment_of_another_folder_is_not_ready(bootstrap: ModuleType, tmp_path: Path) -> None:
    finished(bootstrap)
    bootstrap.ROOT = tmp_path / "moved"
    bootstrap.ROOT.mkdir()
    for name in bootstrap.RECIPE:
        (bootstrap.ROOT / name).write_bytes((tmp_path / name).read_bytes())
    assert not bootstrap.is_ready("")


def test_asking_for_another_python_builds_anew(bootstrap: ModuleType, tmp_path: Path) -> None:
    finished(bootstrap, "3.11")
    other = script(tmp_path / "python3.12", "echo /x/python3.12; echo 3 12")
    same = script(tmp_path / "python3.11", "echo /x/python3.11; echo 3 11")
    assert not bootstrap.is_ready(other)
    assert bootstrap.is_ready(same)


def test_damaged_mark_builds_anew(bootstrap: ModuleType) -> None:
    finished(bootstrap)
    bootstrap.MARK.write_text("[]", encoding="utf-8")
    assert not bootstrap.is_ready("")


def test_shim_that_does_not_start_is_passed_over(bootstrap: ModuleType, tmp_path: Path, monkeypatch) -> None:
    broken = script(tmp_path / "bin" / "python3.13", "echo 'not installed' >&2; exit 127")
    script(tmp_path / "bin" / "python3.12", "echo /x/python3.12; echo 3 12")
    assert bootstrap.probe(broken) is None
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(sys, "executable", script(tmp_path / "old", "echo /x/old; echo 3 9"))
    assert bootstrap.find_python("") == ("/x/python3.12", (3, 12))


def test_no_python_that_is_new_enough_is_said(bootstrap: ModuleType) -> None:
    bootstrap.OLDEST = (99, 0)
    with pytest.raises(SystemExit, match="found none on PATH"):
        bootstrap.find_python("")
    with pytest.raises(SystemExit, match="nowhere/python is not a working Python"):
        bootstrap.find_python("nowhere/python")


def test_missing_ensurepip_names_the_package_that_brings_it(bootstrap: ModuleType, tmp_path: Path) -> None:
    taken_apart = script(tmp_path / "python3", "exit 1")
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        bootstrap.make_with_pip(taken_apart)


def test_folder_that_is_no_environment_is_left_alone(bootstrap: ModuleType) -> None:
    bootstrap.VENV.mkdir()
    (bootstrap.VENV / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(SystemExit, match="is no virtual environment"):
        bootstrap.build("")
    assert (bootstrap.VENV / "thesis.txt").exists()


def test_second_build_waits(bootstrap: ModuleType) -> None:
    try_lock = ("import fcntl, sys\ntry:\n fcntl.flock(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
                "except OSError:\n sys.exit(7)")
    command = [sys.executable, "-c", try_lock, str(bootstrap.LOCK)]
    with bootstrap.only_one():
        assert subprocess.run(command).returncode == 7
    assert subprocess.run(command).returncode == 0


def test_audit_of_no_folder_is_said(bootstrap: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is no folder"):
        bootstrap.audit("python", [str(tmp_path / "missing")])


def test_audit_hands_over_and_prints_what_there_is_to_open(bootstrap: ModuleType, tmp_path: Path, capsys) -> None:
    target = tmp_path / "shop"
    target.mkdir()
    does = 'test "$3 $5" = "report --out" && mkdir -p "$6" && echo x > "$6/report.html" && exit 1'
    python = script(tmp_path / "python", does)
    assert bootstrap.audit(python, [str(target)]) == 1
    assert capsys.readouterr().out == os.path.relpath(tmp_path / "out" / "shop" / "report.html") + "\n"


def test_unknown_command_is_usage(bootstrap: ModuleType) -> None:
    assert bootstrap.main([]) == bootstrap.main(["adit"]) == 2


RESULTS = """<testsuites><testsuite>
<testcase name="good"/>
<testcase name="bad"><failure message="x"/></testcase>
<testcase name="broken"><error message="x"/></testcase>
<testcase name="left"><skipped type="pytest.skip" message="chromium is not installed"/></testcase>
<testcase name="known"><skipped type="pytest.xfail" message="upstream"/></testcase>
</testsuite></testsuites>"""


def test_tally_counts_cases_and_reasons(tmp_path: Path) -> None:
    tally = load("tests/run_all.py").Tally()
    (tmp_path / "results.xml").write_text(RESULTS, encoding="utf-8")
    tally.add(tmp_path / "results.xml", "workbook")
    assert (tally.passed, tally.failed, tally.skipped) == (2, 2, 1)
    assert tally.reasons == {("workbook", "chromium is not installed"): 1}


def test_suite_that_wrote_nothing_is_a_failure(tmp_path: Path) -> None:
    tally = load("tests/run_all.py").Tally()
    tally.add(tmp_path / "results.xml", "workbook")
    assert tally.failed == 1


def test_one_command_adds_what_is_missing(tmp_path: Path, monkeypatch) -> None:
    run_all = load("tests/run_all.py")
    monkeypatch.setattr(run_all, "POSTGRESQL", tmp_path / "postgresql")
    for name in ("node", "npm", "git", "redis-server"):
        script(tmp_path / name, "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    command = "sudo apt-get install -y --no-install-recommends chromium fonts-dejavu-core postgresql"
    assert run_all.what_would_add() == command
    script(tmp_path / "chromium", "exit 0")
    (tmp_path / "postgresql/17/bin").mkdir(parents=True)
    script(tmp_path / "postgresql/17/bin/postgres", "exit 0")
    assert run_all.what_would_add() == ""


@pytest.mark.parametrize(("no_skips", "code"), [("", 0), ("1", 1)])
def test_skips_are_refused_when_asked(monkeypatch, capsys, no_skips: str, code: int) -> None:
    run_all = load("tests/run_all.py")

    def suite(name: str, folder: Path, arguments: list[str], tally) -> bool:
        tally.passed += 3
        tally.skipped += 1
        tally.reasons[name, "no browser"] += 1
        return True

    monkeypatch.setenv("READYBOOK_NO_SKIPS", no_skips)
    monkeypatch.setattr(run_all, "run_suite", suite)
    monkeypatch.setattr(run_all, "install_npm_packages", lambda: None)
    assert run_all.main(["-k", "word"]) == code
    said = capsys.readouterr().out
    assert "workbook: 1 × no browser" in said
    assert said.endswith("\n3 passed, 0 failed, 1 skipped\n")
