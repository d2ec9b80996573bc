"""Which paths ignore files leave out, compared with git itself."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from readybook.facts.ignorefiles import git_ignores

PATHS = (".env", "backend/.env", "backend/app/.env", ".env.local", ".env.example", "deploy/.env.server", "build/x/.env",
         "a/build/.env", "secrets/key.pem", "key.pem", "src/a b.env", "#x")
TEXTS: dict[str, dict[str, str]] = {
    "a name at any depth": {".gitignore": ".env\n"},
    "an anchored name": {".gitignore": "/.env\n"},
    "all but the example": {".gitignore": ".env*\n!.env.example\n"},
    "the last pattern decides": {".gitignore": "!.env\n.env\n*.pem\n!key.pem\n"},
    "a folder takes what is below": {".gitignore": "build/\n!build/x/.env\n"},
    "a path with stars": {".gitignore": "**/app/.env\ndeploy/**\n"},
    "stars inside a path": {".gitignore": "backend/**/.env\n"},
    "comments, blanks and escapes": {".gitignore": "# .env\n\n\\#x\n.env.local  \n"},
    "a file in a folder": {"backend/.gitignore": ".env\n"},
    "a deeper file takes it back": {".gitignore": ".env\n", "backend/.gitignore": "!.env\n"},
    "a file behind a slash": {".gitignore": "deploy/.env.*\nsecrets\n"},
    "windows line ends": {".gitignore": ".env\r\nsecrets/\r\n"},
}


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_answers_are_those_of_git(texts, tmp_path):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}  # no ignore file of ours
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, env=env)
    for path in (*PATHS, *texts):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(texts.get(path, "x").encode())
    asked = subprocess.run(["git", "-C", str(tmp_path), "check-ignore", "--no-index", "-z", "--stdin"],
                           input="\0".join(PATHS).encode(), capture_output=True, check=False, env=env)
    expected = set(filter(None, asked.stdout.decode().split("\0")))
    assert {p for p in PATHS if git_ignores(texts, p)} == expected


def test_hostile_patterns_end():
    text = "\n".join(["*a" * 5000, "**/" * 400 + "x", "[" * 3000, "?" * 9000])
    assert git_ignores({".gitignore": text}, "a" * 3000) is False
