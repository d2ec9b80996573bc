"""Rendered reports of synthetic audits that tests of several files look at: each is rendered once, by whoever is first.

The workers of pytest-xdist are processes of their own: the folder is one that they share, and a lock is held meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import synthetic
from readybook.config import Config
from readybook.rendering import Audited, Rendered, render
from readybook.report import Report

REPORTS: dict[str, tuple[Callable[[], Report], dict[str, Any]]] = {
    "plain": (synthetic.plain, {"date": "2026-01-31"}),
    "hostile": (synthetic.hostile, {}),
}


def shared_report(tmp_path_factory: pytest.TempPathFactory, name: str) -> Rendered:
    """The files of one of REPORTS; nobody may change them."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared reports"
    folder.mkdir(exist_ok=True)
    known = Path(folder, f"{name}.pickle")
    with Path(folder, f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            report, parameters = REPORTS[name]
            known.write_bytes(pickle.dumps(render(Audited(report(), Config()), folder / name / "out", parameters)))
        made: Rendered = pickle.loads(known.read_bytes())
    return made
