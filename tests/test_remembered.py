"""A second audit of the same state is read back; any change asks again."""

from __future__ import annotations

import pytest

from readybook import rendering, run

APP = """from fastapi import FastAPI

app = FastAPI()


@app.get('/')
def index() -> str:
    print('hello')
    return 'ok'
"""


@pytest.fixture
def target(tmp_path, monkeypatch):
    monkeypatch.setenv("READYBOOK_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "main.py").write_text(APP)
    return folder


@pytest.fixture
def asked(monkeypatch):
    counted = []
    real = run.audit
    monkeypatch.setattr(run, "audit", lambda *args, **kwargs: counted.append(1) or real(*args, **kwargs))
    return counted


def test_the_same_state_is_read_back_byte_for_byte(target, asked):
    first = rendering.audited(target).report.to_json()
    assert rendering.audited(target).report.to_json() == first
    assert len(asked) == 1


def test_a_changed_file_another_choice_and_no_cache_ask_again(target, asked):
    before = rendering.audited(target).report
    (target / "main.py").write_text(APP.replace("print('hello')\n    ", ""))
    after = rendering.audited(target).report
    assert len(after.findings) < len(before.findings)
    rendering.audited(target, only=("OPS005",))
    rendering.audited(target, no_cache=True)
    assert len(asked) == 4


def test_a_damaged_entry_is_a_miss(target, asked, tmp_path):
    first = rendering.audited(target).report.to_json()
    for pack in (tmp_path / "cache").iterdir():
        pack.write_bytes(pack.read_bytes()[:-7] + b"garbage")
    assert rendering.audited(target).report.to_json() == first
    assert len(asked) == 2


def test_a_report_in_which_a_check_failed_is_not_kept(target, asked, monkeypatch):
    real = run.ask
    failed = run.Asked(error="MemoryError: no message")
    monkeypatch.setattr(run, "ask", lambda check, project: failed if check.id == "OPS005" else real(check, project))
    assert "error" in {r.outcome for r in rendering.audited(target).report.results}
    monkeypatch.setattr(run, "ask", real)
    assert "error" not in {r.outcome for r in rendering.audited(target).report.results}
    assert len(asked) == 2
