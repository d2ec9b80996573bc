"""The sample services are true: their own tests pass, and the defects are where the documents say."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

SAMPLES = Path(__file__).resolve().parent.parent / "sample_projects"

# What the tests of a sample take beside its requirements.txt and pytest.
TEST_PACKAGES = {"cypherx": ["httpx"], "hardened": ["aiosqlite", "httpx2"]}
# Variables through which the surrounding run of pytest would reach the inner one.
OUTER_RUN = ("PYTEST_", "COV_", "COVERAGE_")


def required(sample: str) -> list[Requirement]:
    """Read what the tests of a sample import."""
    lines = (SAMPLES / sample / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in [*lines, *TEST_PACKAGES[sample]] if line.strip()]


def missing(sample: str) -> list[str]:
    """Name the packages of a sample that this interpreter has not got."""
    names = []
    for requirement in required(sample):
        try:
            importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            names.append(requirement.name)
    return names


@pytest.mark.parametrize("sample", sorted(TEST_PACKAGES))
def test_tests_of_the_sample_pass(sample: str) -> None:
    absent = missing(sample)
    if absent:
        command = f"pip install -r sample_projects/{sample}/requirements-dev.txt"
        pytest.skip(f"{sample} needs {', '.join(absent)}: {command}")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OUTER_RUN)}
    result = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "anyio"],
        cwd=SAMPLES / sample,
        # Without the plugins that happen to be installed; hardened marks tests for anyio's.
        env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4_000:] + result.stderr[-1_000:]
    assert re.search(r"\b\d+ passed", result.stdout) and "skipped" not in result.stdout


@pytest.mark.parametrize(
    ("path", "line", "text"),
    [
        ("apps/infra/db/session.py", 43, "poolclass=NullPool,"),
        ("apps/domain/services/statements.py", 149, "asyncio.create_task(self._run_job(context))"),
    ],
)
def test_cypherx_has_its_defects_where_the_audit_of_2025_saw_them(path: str, line: int, text: str) -> None:
    lines = (SAMPLES / "cypherx" / path).read_text(encoding="utf-8").splitlines()
    assert lines[line - 1].strip() == text


@pytest.mark.parametrize("sample", sorted(TEST_PACKAGES))
def test_requirements_are_pinned(sample: str) -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "requirements.lock"):
        path = SAMPLES / sample / name
        if path.exists():
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#-"]
            assert lines and all("==" in line for line in lines), name
            assert "://" not in "".join(lines)


def test_lock_of_hardened_holds_what_its_requirements_ask_for() -> None:
    lock = (SAMPLES / "hardened" / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {line.split(" ")[0] for line in lock}
    for requirement in (SAMPLES / "hardened" / "requirements.txt").read_text(encoding="utf-8").split():
        assert re.sub(r"\[.*\]", "", requirement) in locked
