"""The audits of both samples, pinned: what is found, where, how grave, what it takes.

``python tests/test_goldens.py`` writes the goldens anew; read the difference before it is committed.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from readybook.config import load
from readybook.run import audit, open_target

ROOT = Path(__file__).parent.parent
GOLDENS = Path(__file__).parent / "goldens"
SAMPLES = ("cypherx", "hardened")
TODAY = date(2026, 11, 20)


def audited(name: str) -> dict:
    """The audit JSON of a sample without what changes with every commit of this repository."""
    folder = ROOT / "sample_projects" / name
    config = load(folder, None, use_target=True)
    data = audit(open_target(folder, config, cache=False), config=config, today=TODAY).to_dict()
    del data["readybook_version"], data["target"]["commit"], data["target"]["files"]
    return data


def golden(name: str) -> Path:
    return GOLDENS / f"{name}.json"


@pytest.mark.parametrize("name", SAMPLES)
def test_the_audit_of_a_sample_is_its_golden(name):
    assert audited(name) == json.loads(golden(name).read_text(encoding="utf-8"))


def test_no_check_fails_on_the_hardened_sample():
    answers = {check["id"]: check["outcome"] for check in json.loads(golden("hardened").read_text())["checks"]}
    bad = ("failed", "partial", "error", "unknown")
    assert not {id_: outcome for id_, outcome in answers.items() if outcome in bad}


def test_the_flawed_sample_shows_what_its_reference_document_names():
    data = json.loads(golden("cypherx").read_text())
    failing = {c["id"] for c in data["checks"] if c["outcome"] in ("failed", "partial")}
    spine = {"SEC001", "SEC004", "SEC011", "SEC012", "PER001", "PER002", "PER004", "ARC012", "OPS001", "OPS002",
             "OPS005", "OPS010", "OPS019", "TST002"}  # OPS012 looks at an image, and this sample has none
    assert spine <= failing


if __name__ == "__main__":
    GOLDENS.mkdir(exist_ok=True)
    for sample in SAMPLES:
        golden(sample).write_text(json.dumps(audited(sample), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
