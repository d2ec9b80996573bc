"""The sample services asked while they run, with a real PostgreSQL and Redis that are stopped under them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import need
from readybook import Project, audit, registry
from readybook.config import Config
from readybook.patch import series
from readybook.probe.asked import probe
from readybook.rendering import Audited

SAMPLES = Path(__file__).resolve().parents[2] / "sample_projects"


@pytest.fixture(autouse=True)
def servers() -> None:
    need("initdb", "postgres", package="postgresql")
    need("redis-server", package="redis-server")


def asked(folder: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    project = Project.open(folder, cache=False)
    checks = registry.load()
    ran = Audited(audit(project, checks), Config(), project, checks)
    document = probe(ran, folder, python=Path(sys.executable))
    assert document["started"], document["reason"]
    assert document["surroundings"]["not_provided"] == [] and document["surroundings"]["production"]
    return {row["id"]: row for row in document["probes"]}, document


def wrong(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {i: f"{r['outcome']}: {r['observed']}" for i, r in rows.items() if r["outcome"] != "passed"}


def test_the_hardened_sample_is_all_green() -> None:
    rows, document = asked(SAMPLES / "hardened")
    assert wrong(rows) == {} and document["surroundings"]["stores"] == ["redis", "postgresql"]
    assert all(not row["overrules"] for row in rows.values())


def test_the_cured_sample_is_all_green_where_a_patch_is_offered(tmp_path: Path) -> None:
    project = Project.open(SAMPLES / "cypherx", cache=False)
    checks = registry.load()
    made = series(project, checks)
    for patch in made.patches:
        project = project.with_files({change.path: change.after for change in patch.changes})
    for path, file in project.files.items():
        (tmp_path / "cypherx" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cypherx" / path).write_bytes(file.data)
    rows, _ = asked(tmp_path / "cypherx")
    known = {check.id for check in checks}
    red = {i: said for i, said in wrong(rows).items() if not rows[i]["checks"] or set(rows[i]["checks"]) & known}
    assert red == {}
    assert all(not row["overrules"] for row in rows.values())
