"""Run the tests of many states of one sample service: what they all import is loaded once, each state is a fork.

Reads a folder a line from standard input and answers ``folder<TAB>exit code<TAB>passed`` a line when its tests are
through; what pytest printed stands in the file ``.output`` there. Not a test itself.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SHARED = ("anyio", "pytest", "fastapi.testclient", "sqlalchemy.ext.asyncio", "aiosqlite", "pydantic_settings",
          "requests", "uvicorn", "multipart", "jwt", "email_validator", "pydantic.v1", "fastapi.middleware.cors",
          "sqlalchemy.dialects.sqlite.aiosqlite", "anyio.pytest_plugin", "anyio._backends._asyncio", "unittest", "pdb",
          "difflib", "_pytest.junitxml", "_pytest.skipping", "_pytest.unittest", "_pytest.warnings", "_pytest.pastebin",
          "_pytest.threadexception", "_pytest.unraisableexception", "_pytest.faulthandler", "_pytest.helpconfig")
AT_ONCE = 2
SECONDS = 600.0


def tested(folders: Sequence[Path]) -> list[tuple[int, int, str]]:
    """Exit code, number of passed tests and output of the tests in each folder; raises AssertionError with no answer.

    Started in an environment of its own: nothing of a pytest around it reaches the one inside.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "COVERAGE_"))}
    ran = subprocess.run(
        [sys.executable, "-B", __file__], input="".join(f"{folder}\n" for folder in folders),
        env={**clean, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": ""}, capture_output=True, text=True,
        timeout=3600, check=False,
    )
    rows = {Path(folder): (int(code), int(passed)) for folder, code, passed in
            (line.split("\t") for line in ran.stdout.splitlines())}
    assert rows.keys() == set(folders), ran.stderr[-2000:]
    return [(*rows[folder], (folder / ".output").read_text("utf-8", "replace")[-3000:]) for folder in folders]


def run(folder: str) -> None:
    """Become the tests of one folder; never returns."""
    signal.alarm(int(SECONDS))
    os.chdir(folder)
    output = os.open(".output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.path.insert(0, folder)
    os.environ["TMPDIR"] = folder
    import pytest

    # Asserts as they stand: to rewrite them for better messages takes a fifth of the time of a state.
    code = pytest.main(["-q", "-x", "--assert=plain", "-p", "no:cacheprovider", "-p", "anyio"])
    sys.stdout.flush()
    os._exit(int(code))


def tell(folder: str, status: int) -> None:
    """Say how the tests of a folder ended."""
    code = os.waitstatus_to_exitcode(status)
    with open(os.path.join(folder, ".output"), encoding="utf-8", errors="replace") as file:
        passed = re.findall(r"\b(\d+) passed", file.read())
    print(folder, code, passed[-1] if passed else 0, sep="\t", flush=True)


def hash_lightly() -> None:
    """Let passwords be hashed in one round: the tests sign people up all the time, and what it costs is not asked."""
    real = hashlib.pbkdf2_hmac
    hashlib.pbkdf2_hmac = lambda name, password, salt, rounds, dklen=None: real(name, password, salt, 1, dklen)


def write_lightly() -> None:
    """Let SQLite not wait for the disk: each test makes its tables anew, and no power cut is waited for."""
    real = sqlite3.connect

    def connect(*args: object, **kwargs: object) -> sqlite3.Connection:
        connection = real(*args, **kwargs)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    sqlite3.connect = sqlite3.dbapi2.connect = connect


def main() -> None:
    """Serve until standard input ends."""
    for name in SHARED:
        importlib.import_module(name)
    hash_lightly()
    write_lightly()
    gc.collect()
    gc.freeze()  # else the garbage collector of each fork walks through all that was loaded
    running: dict[int, str] = {}
    for line in sys.stdin:
        while len(running) >= AT_ONCE:
            pid, status = os.wait()
            tell(running.pop(pid), status)
        pid = os.fork()
        if not pid:
            run(line.rstrip("\n"))
        running[pid] = line.rstrip("\n")
    while running:
        pid, status = os.wait()
        tell(running.pop(pid), status)


if __name__ == "__main__":
    main()
