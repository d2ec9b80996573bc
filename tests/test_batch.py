"""Batches: every manifest format, one folder a target, a bad target that stops nothing, an index that ranks."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import synthetic
from readybook import batch
from readybook.batch import Outcome, Workers, batch_dict, run_batch
from readybook.errors import ConfigError
from readybook.manifest import Entry, read_manifest


def entry(name: str, folder: str = "") -> Entry:
    return Entry(Path(name), name, name, folder=folder or name)


def outcomes() -> tuple[Outcome, ...]:
    hostile = synthetic.HOSTILE[0]
    return (
        Outcome(entry("gone"), reason="gone: does not exist"),
        Outcome(entry("cypherx"), synthetic.plain()),
        Outcome(entry("hardened"), synthetic.clean()),
        Outcome(entry(hostile, "script"), replace(synthetic.hostile())),
        Outcome(entry("empty"), replace(synthetic.clean(), results=())),
    )


def test_a_list_of_paths(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("# mine\n\n  a/shop  \n/srv/shop\nb/Shop\n../x y\n", encoding="utf-8")
    found = read_manifest(tmp_path / "list.txt")
    assert [e.path for e in found] == [tmp_path / "a/shop", Path("/srv/shop"), tmp_path / "b/Shop", tmp_path / "../x y"]
    assert [e.shown for e in found] == ["a/shop", "shop", "b/Shop", "../x y"]
    assert [e.folder for e in found] == ["shop", "shop-2", "Shop-3", "x-y"]


def test_a_toml_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(
        '[[target]]\npath = "a"\nname = "index.html"\napp = "m:app"\napp_dir = "src"\nexclude = ["x/*"]\n'
        '[[target]]\npath = "."\n', encoding="utf-8")
    first, second = read_manifest(tmp_path / "m.toml")
    assert (first.name, first.app, first.app_dir, first.exclude) == ("index.html", "m:app", "src", ("x/*",))
    assert first.folder == "index.html-2"
    assert second.name == tmp_path.name


def test_a_folder_of_targets(tmp_path: Path) -> None:
    for name in ("b", "a", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "file.txt").touch()
    assert [e.name for e in read_manifest(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(("name", "text", "told"), [
    ("m.toml", '[[target]]\npath = "a"\ncolour = "red"\n', "m.toml target 1: unknown key colour"),
    ("m.toml", '[[target]]\nname = "a"\n', "m.toml target 1: has no path"),
    ("m.toml", '[[target]]\npath = 3\n', "path must be a text"),
    ("m.toml", '[[target]]\npath = "a"\nexclude = "x"\n', "exclude must be a list of texts"),
    ("m.toml", 'target = "a"\n', "only .*target.* tables are known"),
    ("m.toml", '[tool]\nx = 1\n', "holds tool"),
    ("m.toml", "[[", "is not valid TOML"),
    ("list.txt", "# nothing\n", "names no target"),
])
def test_a_bad_manifest_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        read_manifest(tmp_path / name)
    with pytest.raises(ConfigError, match="no such manifest"):
        read_manifest(tmp_path / "absent.toml")


def test_a_batch_with_a_bad_target(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n", encoding="utf-8")
    (tmp_path / "list.txt").write_text(f"one\nmissing\n{tmp_path}/two\n", encoding="utf-8")
    out = tmp_path / "out"
    (out / "one").mkdir(parents=True)
    (out / "one" / "audit.json").write_text("old", encoding="utf-8")
    made = run_batch(tmp_path / "list.txt", out, 2)
    assert [o.reason for o in made.outcomes] == ["", "missing: does not exist", ""]
    assert [o.entry.name for o in made.failed] == ["missing"]
    assert sorted(p.name for p in out.iterdir()) == ["03_portfolio.ipynb", "batch.json", "index.html", "one", "two"]
    for name in ("one", "two"):
        assert json.loads((out / name / "audit.json").read_text(encoding="utf-8"))["target"]["name"] == name
        assert (out / name / "report.html").is_file()
    data = (out / "batch.json").read_text(encoding="utf-8")
    page = made.index.read_text(encoding="utf-8")
    assert str(tmp_path) not in data + page + (out / "03_portfolio.ipynb").read_text(encoding="utf-8")
    assert re.findall(r'href="./([^"]+)/report.html"', page)[:2] == ["one", "two"]
    assert "missing: does not exist" in page and "2 reports" in page
    assert [row["status"] for row in json.loads(data)["targets"]] == ["done", "failed", "done"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("readybook: 1/3 ") and "readybook" in lines[2] and "3/3" in lines[2]
    assert any("missing: failed: missing: does not exist" in line for line in lines)


def test_a_worker_that_dies_or_hangs_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "python"
    monkeypatch.setattr(batch.sys, "executable", str(fake))
    cases = (("kill -9 $$", "signal 9"), ("exit 4", "code 4"), ("sleep 60 & sleep 60", "longer than 0.5 seconds"))
    for script, told in cases:
        fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        fake.chmod(0o755)
        workers = Workers()
        assert told in workers.ask({}, 0.5 if "sleep" in script else 60)["reason"]
        assert not workers.running


def test_batch_json_tells_every_target() -> None:
    data = batch_dict(outcomes())
    assert [row["status"] for row in data["targets"]] == ["failed", "done", "done", "done", "done"]
    assert data["targets"][1]["score"]["overall"] == 4.5
    assert data["targets"][0]["score"] is None and data["targets"][0]["folder"] is None


def test_progress_at_a_terminal_is_one_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(batch.sys.stderr, "isatty", lambda: True, raising=False)
    tell = batch.progress()
    tell(0, 2, None)
    tell(1, 2, outcomes()[3])
    tell(2, 2, outcomes()[0])
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and told.endswith("gone: failed: gone: does not exist\n")
    assert "[############............] 1/2" in told
    assert batch.ascii_only("a\x1b[31m\n\u202e") == "a?[31m?\\u202e"
