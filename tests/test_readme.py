"""What the README promises: its commands exist, its arithmetic is right, its example check works."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from readybook import Bad, Check, Finding, Good, Hours, Place, Project, config, registry
from readybook.check import Estimate, Result
from readybook.commands.arguments import parser
from readybook.effort import estimate
from readybook.finding import Fix
from readybook.intents import AddFile
from readybook.run import audit
from readybook.score import scorecard

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The command lines of the shell blocks, without their comments."""
    return [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("readybook")])
def test_command_lines_are_accepted(line: str) -> None:
    assert parser().parse_args(line.split()[1:]).command


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("make")])
def test_make_targets_exist(line: str) -> None:
    command = ["make", "--dry-run", *line.split()[1:]]
    dry = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert dry.returncode == 0, dry.stderr
    assert "lib/bootstrap.py" in dry.stdout


def example() -> type[Check]:
    """The class that the README shows."""
    names: dict[str, object] = {"__name__": "acme_checks.owners"}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)  # noqa: S102 - our own text
    return names["UnownedService"]  # type: ignore[return-value]


def test_example_check_is_valid_and_its_examples_hold() -> None:
    check = example()
    assert not list(registry.problems(check))
    for shown in check.examples:
        [result] = audit(Project.from_files(shown.files), [check()]).results
        if isinstance(shown, Bad):
            assert tuple(str(finding.place) for finding in result.findings) == shown.at
        else:
            assert isinstance(shown, Good) and result.outcome == shown.outcome


def test_example_configuration_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "readybook.toml").write_text(blocks("toml")[0], encoding="utf-8")
    read = config.load(tmp_path)
    assert (read.app, len(read.waivers), len(read.attestations)) == ("service.main:app", 1, 1)
    assert tomllib.loads(blocks("toml")[1])["project"]["entry-points"][registry.GROUP]


def test_worked_score_is_what_the_code_computes() -> None:
    rows = re.findall(r"^\| (SEC9\d\d) \| (\w+) \| (\w+) \| \S+ \| (\S+) \|", README, re.MULTILINE)
    assert len(rows) == 4
    results = [
        Result(id_, id_, "security", severity, "t", outcome, None if ratio == "–" else float(ratio), "", Estimate(),
               (Finding(Place("a.py"), "m"),) if outcome in ("failed", "partial") else ())
        for id_, severity, outcome, ratio in rows
    ]
    score = scorecard(results).categories["security"]
    assert f"= **{score.value}**, {score.grade}." in README


def test_worked_hours_are_what_the_code_computes() -> None:
    fix = Fix("t", (AddFile("a", "b"),), ("scaffold",), "safe")
    hours = estimate(Hours(1, 2, 4, 0.5), [Finding(Place("a.py"), "m", fix=fix)] * 4)
    for figure in (hours.low, hours.likely, hours.high, hours.automated):
        assert f"**{figure:g}**" in README


def test_links_and_pictures_are_there() -> None:
    linked = [name for name in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in name]
    assert [name for name in linked if not (ROOT / name).exists()] == []
    assert "checks/README.md" in README and (ROOT / "checks" / "README.md").exists()


def test_python_versions_are_those_of_the_project() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    tried = re.findall(r"Python :: (3\.\d+)", " ".join(classifiers))
    assert f"| {', '.join(tried)} | tried" in README
    assert "%d.%d" % sys.version_info[:2] in [*tried, "3.14"]
