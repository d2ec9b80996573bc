"""The environment variable that PER017 sets really starts several workers, whichever server reads it."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

APP = ("import os\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
       "async def pid() -> int:\n    return os.getpid()\n")
SERVERS = {
    "uvicorn": ["uvicorn", "main:app", "--host", "127.0.0.1", "--port", "{port}"],
    "gunicorn": ["gunicorn", "main:app", "-k", "uvicorn_worker.UvicornWorker", "-b", "127.0.0.1:{port}"],
}


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("variable", "processes"), [("2", 2), (None, 1)])
def test_web_concurrency_starts_that_many_processes(server: str, variable: str | None, processes: int,
                                                    tmp_path: Path) -> None:
    if importlib.util.find_spec(server) is None:
        pytest.skip(f"{server} is not installed")
    (tmp_path / "main.py").write_text(APP, encoding="utf-8")
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if k != "WEB_CONCURRENCY"}
    environment |= {"WEB_CONCURRENCY": variable} if variable else {}
    command = [sys.executable, "-m", *(word.format(port=port) for word in SERVERS[server])]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            assert len(answering(port, processes)) == processes
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def answering(port: int, wanted: int) -> set[int]:
    """The processes that answer, until there are as many as wanted or time is up (one more look: none beyond)."""
    seen: set[int] = set()
    end = time.monotonic() + 120
    while time.monotonic() < end and len(seen) < wanted:
        seen |= asked(port)
    for _ in range(20):
        seen |= asked(port)
    return seen


def asked(port: int) -> set[int]:
    """The process that answers one request on a connection of its own; nothing while the server starts."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return {json.load(answer)}
    except OSError:
        time.sleep(0.2)
        return set()
