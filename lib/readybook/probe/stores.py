"""A database and a Redis for the service under questions, started from the programs of this machine, to be stopped.

Each listens on a free port of the loopback interface in a folder of its own and is ended by its process id. Where a
program is not installed the service is asked with nothing behind it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SECONDS = 30.0
USER = NAME = "postgres"


class Store:
    """A server that can be stopped and started again on its port."""

    kind = ""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def available(cls) -> bool:
        """Whether its programs are installed."""
        raise NotImplementedError

    def command(self, folder: Path) -> list[str]:
        """What to run; the folder is made ready."""
        raise NotImplementedError

    def start(self) -> bool:
        """Start and wait until it listens; False when it does not."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="readybook-store-"))
        options = _as_another(self._folder)
        try:
            argv = self.command(self._folder)
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(argv, cwd=self._folder, env=_environment(), stdin=subprocess.DEVNULL,
                                                 stdout=log, stderr=log, start_new_session=True, **options)
        except (OSError, subprocess.SubprocessError):
            return False
        process = self._process
        return until(lambda: listens(self.port) or process.poll() is not None, SECONDS) and process.poll() is None

    def stop(self) -> None:
        """End it: connections are closed, new ones refused."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        """End it for good."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class Absent(Store):
    """The place of a store that is not there: a port on which nothing listens."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def start(self) -> bool:
        return False


class Redis(Store):
    """redis-server that keeps nothing."""

    kind = "redis"

    @classmethod
    def available(cls) -> bool:
        return shutil.which("redis-server") is not None

    def command(self, folder: Path) -> list[str]:
        return [str(shutil.which("redis-server")), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(folder)]


class Postgresql(Store):
    """A PostgreSQL cluster whose superuser needs no password."""

    kind = "postgresql"

    @classmethod
    def available(cls) -> bool:
        return bool(_program("initdb") and _program("postgres"))

    def command(self, folder: Path) -> list[str]:
        data = folder / "data"
        if not data.exists():
            made = [str(_program("initdb")), "-D", str(data), "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8"]
            subprocess.run(made, cwd=folder, env=_environment(), capture_output=True, timeout=SECONDS, check=True,
                           **_as_another(folder))
        return [str(_program("postgres")), "-D", str(data), "-p", str(self.port),
                "-k", "",  # no socket file: its path may be longer than those may be
                "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]


STORES: tuple[type[Store], ...] = (Redis, Postgresql)


@contextlib.contextmanager
def started(kinds: Sequence[type[Store]]) -> Iterator[list[Store]]:
    """The stores, running where their programs are installed, Absent where not; ended after the block."""
    stores = list[Store]()
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            store = kind() if kind.available() else Absent(kind.kind)
            stack.callback(store.close)
            stores.append(store if store.start() else Absent(kind.kind))
        yield stores


def free_port() -> int:
    """A port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something takes connections on a port of the loopback interface."""
    with socket.socket() as one:
        one.settimeout(0.5)
        return one.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.03)
    return True


def _program(name: str) -> str | None:
    """A program's path: on the search path, or where Debian puts PostgreSQL's, the newest release first."""
    below = Path("/usr/lib/postgresql").glob("*/bin")
    newest = sorted(below, key=lambda path: -int("0" + re.sub(r"\D", "", path.parent.name)))
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, newest)))


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _as_another(folder: Path) -> dict[str, Any]:
    """Options of a process that runs as a user who may own the folder: PostgreSQL refuses root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return {}
