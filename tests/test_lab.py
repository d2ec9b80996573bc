"""Every notebook in a real JupyterLab: all cells run, nothing is asked from elsewhere, the keyboard reaches all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from readybook.browser import find_browser

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).parent / "browser"
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> dict[str, Any]:
    """What tests/browser/lab.mjs saw in one JupyterLab over a copy of the notebooks and samples."""
    browser, node = find_browser(), shutil.which("node")
    if not browser:
        pytest.skip("no Chromium: apt-get install --no-install-recommends chromium fonts-dejavu-core")
    if not node:
        pytest.skip("no node: apt-get install nodejs npm")
    if not (FOLDER / "node_modules" / "playwright-core").is_dir():
        pytest.skip("no playwright-core: npm ci --prefix tests/browser")
    top, home = tmp_path_factory.mktemp("lab"), tmp_path_factory.mktemp("home")
    leave = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", ".pytest_cache")
    for name in ("notebooks", "sample_projects"):
        shutil.copytree(ROOT / name, top / name, ignore=leave)
    shutil.copy(ROOT / "environment.yml", top)
    port, token = free_port(), secrets.token_hex(8)
    path = os.pathsep.join([str(ROOT / "lib"), str(ROOT / "checks"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "config"), "PYTHONPATH": path,
                   "JUPYTER_DATA_DIR": str(home / "data"), "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
                   "IPYTHONDIR": str(home / "ipython"), "READYBOOK_CACHE_DIR": str(home / "cache")}
    draw_all = home / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    draw_all.parent.mkdir(parents=True)
    draw_all.write_text('{"windowingMode": "none"}', encoding="utf-8")  # else cells out of view are not in the page
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(home / "settings")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--allow-root",
               "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={top}",
               "--LabApp.extension_manager=readonly"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=top)
        try:
            wait(f"http://127.0.0.1:{port}/api/status?token={token}", server, home / "log")
            pictures = os.environ.get("READYBOOK_PICTURES", "")
            script = [node, str(FOLDER / "lab.mjs"), browser, f"http://127.0.0.1:{port}", token, pictures, *NOTEBOOKS]
            run = subprocess.run(script, capture_output=True, text=True, timeout=1500, check=False)
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    assert run.returncode == 0, run.stderr
    seen: dict[str, Any] = json.loads(run.stdout)
    return seen


def wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(720):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            assert server.poll() is None, log.read_text(encoding="utf-8")[-2000:]
            time.sleep(0.25)
    pytest.fail(log.read_text(encoding="utf-8")[-2000:])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_all_cells_run_without_an_error(lab, name: str) -> None:
    assert lab["notebooks"][name]["errors"] == []
    assert lab["notebooks"][name]["views"] > 0


def test_nothing_is_asked_from_elsewhere(lab) -> None:
    assert lab["requests"] == []


def test_a_ticked_fix_changes_the_score(lab) -> None:
    seen = lab["notebooks"]["00_explore"]["tick"]
    assert seen["ticked"] >= 1
    now, then = (float(part) for part in seen["after"].split(" → "))
    assert seen["before"] == f"{now} → {now}"
    assert then > now


def test_the_keyboard_moves_through_findings_and_shows_their_code(lab) -> None:
    seen = lab["notebooks"]["00_explore"]["choose"]
    assert seen["first"] != seen["second"]
    assert seen["code"] >= 1


def test_long_names_of_fixes_stay_in_their_rows(lab) -> None:
    assert lab["notebooks"]["00_explore"]["crowded"] == []
