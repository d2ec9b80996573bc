"""What SEC003 and SEC005 write into settings classes, run: which values start and which are refused."""

from __future__ import annotations

import os
from pathlib import Path

import forked
import pytest
from readybook import Project, registry
from readybook.edits import apply
from readybook.errors import PatchError
from readybook.intents import EnsureMethod
from readybook.place import Place
from readybook.run import ask

CHECKS = {check.id: check for check in registry.load()}
CONFIG = """\
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    environment: str = "development"
    cors_origins: list[str] = ["http://localhost:3000"]
    secret_key: str = "changeme"


settings = Settings()
"""
MAIN = """\
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from config import settings

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=settings.cors_origins)
"""


def starts(folder: Path, **variables: str) -> bool:
    env = {"PATH": os.environ["PATH"], **variables}
    done = forked.run(["-c", "import config"], folder, env, 120)
    return done.returncode == 0


def test_production_starts_with_public_origins_and_a_long_key_only(tmp_path: Path) -> None:
    project = Project.from_files({"config.py": CONFIG, "main.py": MAIN})
    for id_ in ("SEC003", "SEC005"):
        (finding,) = ask(CHECKS[id_], project).findings
        assert finding.fix is not None
        project = project.with_files(apply(project, finding.fix.intents))
        assert not ask(CHECKS[id_], project).findings
    (tmp_path / "config.py").write_text(project.text("config.py"), encoding="utf-8")
    key, public = {"SECRET_KEY": "k" * 32}, {"CORS_ORIGINS": '["https://shop.example"]'}
    assert starts(tmp_path, **key), "a developer's machine"
    assert not starts(tmp_path) and not starts(tmp_path, SECRET_KEY="k" * 31)
    assert not starts(tmp_path, ENVIRONMENT="production", **key)
    assert starts(tmp_path, ENVIRONMENT="production", **key, **public)


def test_a_method_is_added_once_and_only_to_a_class_that_is_there() -> None:
    wanted = EnsureMethod(Place("a.py", 1), "A", "f", "def f(self) -> int:\n    return 1")
    project = Project.from_files({"a.py": "class A:\n\tx = 'a'\r\n"})
    done = apply(project, [wanted])
    assert done["a.py"].replace("\r\n", "\n") == "class A:\n\tx = 'a'\n\n\tdef f(self) -> int:\n\t\treturn 1\n"
    assert apply(project.with_files(done), [wanted]) == {}
    for text in ("x = 1\n", "class A: pass\n"):
        with pytest.raises(PatchError, match="A there"):
            apply(Project.from_files({"a.py": text}), [wanted])
