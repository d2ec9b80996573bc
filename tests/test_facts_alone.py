"""What a file says by itself: kept with it, told the same from the cache, and never of another file's path."""

from __future__ import annotations

import marshal
import sys
from pathlib import Path

import pytest

from readybook import Project, registry
from readybook.facts.alone import alone
from readybook.facts.keptliterals import secret_literals
from readybook.facts.modules import Module
from readybook.run import ask

KEY = "q9Lw4" + "Xc7Vb2Nm5"
MODEL = f'''
import os
from sqlalchemy import create_engine

DB_PASSWORD = "{KEY}"
API_KEY = os.getenv("API_KEY", "{KEY}")
SQL = "CREATE INDEX ix ON users (email)"

def upgrade(request):
    op.create_index("ix_items", "items", ["owner"])
    return request.base_url if request.method == "GET" else None
'''


def module_of(project: Project, path: str) -> Module:
    return project.facts.modules.by_path[path]


def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> tuple[Project, Project]:
    """A target read without and with what the cache holds of it."""
    monkeypatch.setenv("READYBOOK_CACHE_DIR", str(tmp_path / "cache"))
    target = tmp_path / "target"
    for path, text in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)
    assert Project.open(target).facts.modules.by_path
    return Project.open(target, cache=False), Project.open(target)


def test_the_cache_tells_what_the_file_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, cached = kept(tmp_path, monkeypatch, {"shop/models.py": MODEL, "shop/other.py": MODEL})
    for path in ("shop/models.py", "shop/other.py"):
        assert isinstance(module_of(cached, path).told, bytes) and module_of(fresh, path).told == {}
        for name in ("hosts", "imports", "indexes", "literals", "signs"):
            assert alone(module_of(cached, path), name) == alone(module_of(fresh, path), name)
            assert alone(module_of(fresh, path), name)
        found = secret_literals(module_of(cached, path))
        assert found == secret_literals(module_of(fresh, path)) and {one.place.path for one in found} == {path}
        assert [one.name for one in found] == ["DB_PASSWORD", "API_KEY"]
    assert cached.facts.made_indexes == {("users", "email"), ("items", "owner")}


def test_damage_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, cached = kept(tmp_path, monkeypatch, {"shop/models.py": MODEL})
    for damaged in (b"damaged", b"", marshal.dumps({})):
        module = module_of(cached, "shop/models.py")
        module.told = damaged
        assert secret_literals(module) == secret_literals(module_of(fresh, "shop/models.py"))


@pytest.mark.parametrize("written", [f'"{KEY}"', f'"{KEY[:6]}" "{KEY[6:]}"', f'"\\x{ord(KEY[0]):02x}{KEY[1:]}"'])
def test_what_signs_is_found_however_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                   written: str) -> None:
    text = f"token = issue(one={written})\n"
    for project in kept(tmp_path, monkeypatch, {"shop/issuing.py": text}):
        module = module_of(project, "shop/issuing.py")
        assert secret_literals(module) == secret_literals(module, {"another"}) == []
        assert [one.value for one in secret_literals(module, {KEY})] == [KEY]
        assert secret_literals(module) == []


def test_a_literal_at_a_signing_call_is_found_behind_the_kept_ones(tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    for project in kept(tmp_path, monkeypatch, {"shop/issuing.py": f'x = sign("{KEY}")\n'}):
        module = module_of(project, "shop/issuing.py")
        assert [one.name for one in secret_literals(module, (), {(1, 9): "sign"})] == ["key"]
        assert secret_literals(module) == []


def test_a_fact_that_cannot_be_made_fails_where_it_is_asked_for(tmp_path: Path,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "token = " + " + ".join(['"x"'] * 3000) + "\n"
    _, cached = kept(tmp_path, monkeypatch, {"main.py": "app = 1\n", "deep.py": deep})
    if sys.version_info[:2] == (3, 12):  # it parses less than the others
        assert [path for path, _ in cached.facts.modules.unparsed] == ["deep.py"]
        return
    with pytest.raises(RecursionError):
        secret_literals(module_of(cached, "deep.py"))
    check = next(c for c in registry.load() if c.id == "SEC004")
    assert "RecursionError" in ask(check, cached).error
