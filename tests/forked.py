"""Python programs that tests run, started as forks of one process that has loaded what they all import.

``python -m uvicorn`` spends seconds of CPU time on FastAPI, SQLAlchemy and the like before it reads a line of what is
tested. Here one child of this process loads those packages once, and each program is a fork of it: with its own
session, environment, working folder and import path, run as ``python -m`` and ``python -c`` run it, to the end of the
interpreter. No module of a tested project is loaded before the fork. With ``--long`` (and beyond Linux) programs are
started anew instead.

Run as a script this file is that child: it reads a JSON object a line from the socket that its argument numbers.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SHARED = ("fastapi", "fastapi.testclient", "pydantic_settings", "python_multipart", "uvicorn.main",
          "uvicorn.loops.auto", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto",
          "uvicorn.lifespan.on", "httpx", "requests", "redis.asyncio", "sqlalchemy.ext.asyncio", "asyncpg", "psycopg",
          "aiosqlite", "alembic.config", "prometheus_client", "kombu.transport.redis", "kombu.pools", "billiard.pool")
START_SECONDS = 120.0


class Forked:
    """A program that runs as a fork; of ``subprocess.Popen`` what tests use."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid, self.returncode = pid, None
        self._nursery = nursery

    def poll(self) -> int | None:
        """Its exit status (of a signal the negative number), None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask(do="poll", pid=self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit status; subprocess.TimeoutExpired when it runs on."""
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("a forked program", timeout)
            time.sleep(0.01)
        return int(self.returncode)

    def send_signal(self, how: int) -> None:
        """Send a signal, unless it ended; nobody else gets its number before ``poll`` has told its end."""
        if self.poll() is None:
            os.kill(self.pid, how)


class Nursery:
    """The child whose forks are the programs; it ends with this process."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        with theirs:
            command = [*guard, sys.executable, "-u", str(Path(__file__).resolve()), str(theirs.fileno())]
            self.process = subprocess.Popen(command, env=kept, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        ours.settimeout(START_SECONDS)
        self._line, self._lock = ours.makefile("rw", encoding="utf-8"), threading.Lock()
        ours.close()
        atexit.register(self.process.kill)

    def ask(self, **question: Any) -> Any:
        """The answer to one question."""
        with self._lock:
            self._line.write(json.dumps(question) + "\n")
            self._line.flush()
            return json.loads(self._line.readline())


_nursery: Nursery | None = None
enabled = sys.platform == "linux"


def start(words: Sequence[str], folder: Path, env: Mapping[str, str], out: Path, err: Path | None = None) -> Forked:
    """Run ``python`` with these words (``-m module …``, ``-c code …``, ``file …``); what it prints is added to files.

    ``err`` is for the standard error; without it that goes to ``out`` as well.
    """
    global _nursery
    if _nursery is None or _nursery.process.poll() is not None:
        _nursery = Nursery()
    pid = _nursery.ask(do="start", words=[*words], folder=str(folder), env=dict(env), out=str(out), err=str(err or out))
    return Forked(_nursery, pid)


def run(words: Sequence[str], folder: Path, env: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run ``python`` with these words to its end, as ``subprocess.run`` would; killed when it takes longer."""
    command = [sys.executable, *words]
    if not enabled:
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=timeout)
    with tempfile.TemporaryDirectory() as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        process = start(words, folder, env, out, err)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            raise
        said, told = (file.read_text(encoding="utf-8", errors="replace") for file in (out, err))
        return subprocess.CompletedProcess(command, status, said, told)


def tend(number: int) -> dict[str, Any]:
    """Answer questions; returns in the fork only, with what it is to run."""
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    line = socket.socket(fileno=number)
    questions, answers = line.makefile("r", encoding="utf-8"), line.makefile("w", encoding="utf-8")
    for text in questions:
        question, answer = json.loads(text), None
        if question["do"] == "start":
            answer = os.fork()
            if not answer:
                prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
                os.close(number)
                return question
        else:
            pid, status = os.waitpid(question["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)


def become(given: dict[str, Any], path: list[str]) -> None:
    """Turn this fork into a Python that was just started with these words in that folder and environment."""
    os.setsid()
    os.chdir(given["folder"])
    for stream, name in ((1, "out"), (2, "err")):
        file = os.open(given[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(given["env"])
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in os.environ
    added = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:] = [given["folder"], *added, *path]
    option, *rest = given["words"]
    if option == "-m":
        sys.argv[:] = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif option == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), vars(module))
    else:
        sys.argv[:] = given["words"]
        runpy.run_path(option, run_name="__main__")


if __name__ == "__main__":
    for _name in SHARED:
        try:
            importlib.import_module(_name)
        except ImportError:
            pass
    gc.collect()
    gc.freeze()  # else each fork's garbage collector walks through, and so copies, all that was loaded
    become(tend(int(sys.argv[1])), sys.path[1:])
