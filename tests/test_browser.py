"""The report in a real browser with the network off: it asks for nothing, draws, filters, links, and reads well."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import synthetic
import test_portfolio
from readybook import notebooks
from readybook.browser import find_browser
from readybook.rendering import audited, render
from shared_reports import shared_report

FOLDER = Path(__file__).parent / "browser"
ROOT = FOLDER.parent.parent


def look(file: Path, word: str = "", anchor: str = "") -> dict[str, Any]:
    """What tests/browser/report.mjs saw."""
    browser, node = find_browser(), shutil.which("node")
    if not browser:
        pytest.skip("no Chromium: apt-get install --no-install-recommends chromium fonts-dejavu-core")
    if not node:
        pytest.skip("no node: apt-get install nodejs npm")
    if not (FOLDER / "node_modules" / "playwright-core").is_dir():
        pytest.skip("no playwright-core: npm ci --prefix tests/browser")
    run = subprocess.run([node, str(FOLDER / "report.mjs"), browser, str(file), word, anchor],
                         capture_output=True, text=True, timeout=900, check=False)
    assert run.returncode == 0, run.stderr
    seen: dict[str, Any] = json.loads(run.stdout)
    return seen


def calm(seen: dict[str, Any]) -> None:
    """No request, no error, nothing from the target has run, nothing that keeps people out."""
    assert seen["requests"] == []
    assert seen["errors"] == []
    assert seen["pwned"] is None
    assert not any(seen["accessibility"].values()), seen["accessibility"]
    light, dark, again = seen["toggled"]
    assert light == again != dark  # the button turns the colours and turns them back
    assert seen["phone_accessibility"] == []
    assert seen["phone_width"] == 390


def test_an_ordinary_report(tmp_path_factory: pytest.TempPathFactory) -> None:
    report = synthetic.plain()
    result, _, fingerprint = report.findings[-1]
    seen = look(shared_report(tmp_path_factory, "plain").html, "requests.get", fingerprint)
    calm(seen)
    assert seen["charts"] == seen["drawn"] == 8
    assert seen["total"] == len(report.findings)
    assert seen["shown"] == 6
    assert seen["counted"] == f"6 of {len(report.findings)} shown"
    assert seen["sorted"] == sorted(r.id for r in report.results)
    assert seen["direction"] == "ascending"
    assert seen["linked"] and seen["in_view"], result.id
    assert seen["background"] != "rgb(255, 255, 255)"


def test_the_remediation_page(tmp_path: Path) -> None:
    few = ["OPS001", "OPS002", "OPS019", "SEC001", "SEC012", "ARC008"]
    ran = audited(ROOT / "sample_projects" / "cypherx", only=few)
    made = render(ran, tmp_path / "out")
    assert made.remediation is not None
    seen = look(made.remediation, "SEC001", "patch-0004")
    calm(seen)
    assert seen["charts"] == seen["drawn"] == 1
    assert seen["linked"] and seen["in_view"]
    assert seen["columns"] == {"one": False, "two": True}


def test_the_portfolio(tmp_path: Path) -> None:
    test_portfolio.write(tmp_path, test_portfolio.many(14))
    notebook = notebooks.run_notebook("03_portfolio", {"folder": "."}, tmp_path)
    page = tmp_path / "index.html"
    page.write_text(notebooks.to_html(notebook, "Audit of 14 codebases", "foot"), encoding="utf-8")
    seen = look(page, "service-003", "ranking")
    calm(seen)
    assert seen["charts"] == seen["drawn"] == 2
    assert seen["table"] == {"rows": 14, "shown": 1}
    assert seen["linked"]


def test_a_hostile_target_runs_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    report = synthetic.hostile()
    seen = look(shared_report(tmp_path_factory, "hostile").html, "sk_l", report.findings[0][2])
    calm(seen)
    assert seen["linked"]
