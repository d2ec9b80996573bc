"""Real servers for live tests: each on a free loopback port, bounded in time, ended by its process id.

A server runs as a child in a session of its own and gets SIGKILL when the test process dies, so that nothing is left
behind. Nothing here asks for a service of the machine: what is installed is started anew with an empty folder.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import forked

START_SECONDS = 120.0  # on a machine under load; a quiet one takes one or two
STOP_SECONDS = 15.0


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer of ``condition``; AssertionError with ``what`` when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def unprivileged() -> tuple[str, int, int] | None:
    """(name, uid, gid) of the user that servers which refuse root run as; None where we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return name, entry.pw_uid, entry.pw_gid
    raise AssertionError("root has no other user to run a server as")


def program(name: str) -> str | None:
    """The path of a program: on PATH, or where Debian puts PostgreSQL's (the newest version)."""
    below = Path("/usr/lib/postgresql")
    versions = sorted(below.glob("*/bin"), key=lambda p: int(p.parent.name) if p.parent.name.isdigit() else 0)
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(str(v) for v in reversed(versions)))


class Process:
    """A child process whose output goes to ``log``. ``as_user`` is (name, uid, gid) to run as, None for our own."""

    def __init__(self, argv: Sequence[str], folder: Path, log: Path, env: Mapping[str, str] | None = None,
                 as_user: tuple[str, int, int] | None = None) -> None:
        self.argv, self.folder, self.log, self.env, self.as_user = [*argv], folder, log, env, as_user
        self.child: subprocess.Popen[bytes] | forked.Forked | None = None

    def start(self) -> None:
        """Start the process; it must not run already."""
        assert not self.alive, f"already running: {self.argv[0]}"
        if forked.enabled and self.argv[0] == sys.executable and self.argv[1] in ("-m", "-c") and self.env is not None:
            self.child = forked.start(self.argv[1:], self.folder, self.env, self.log)
            return
        guard = shutil.which("setpriv")  # execs the program: the process id stays
        argv = [guard, "--pdeathsig", "KILL", "--", *self.argv] if guard else self.argv
        given = {"user": self.as_user[1], "group": self.as_user[2], "extra_groups": []} if self.as_user else {}
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(argv, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, start_new_session=True, **given)  # type: ignore[call-overload]

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.child is not None and self.child.poll() is None

    def output(self) -> str:
        """All that it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def stop(self, how: int = signal.SIGTERM) -> int | None:
        """End the process and its children: the signal, and SIGKILL when that takes too long. Its exit status."""
        if self.child is None:
            return None
        try:
            if self.alive:
                self.child.send_signal(signal.SIGCONT)
                self.child.send_signal(how)
            return self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            try:
                os.killpg(self.child.pid, signal.SIGKILL)  # its session: what a dead parent left behind goes too
            except (ProcessLookupError, PermissionError):
                pass
            self.child.wait(STOP_SECONDS)

    def pause(self) -> None:
        """Stop the process without closing its connections: a server that hangs."""
        assert self.child is not None
        self.child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process run on."""
        assert self.child is not None
        self.child.send_signal(signal.SIGCONT)


class Redis:
    """A redis-server with nothing in it, which keeps nothing. ``stop`` and ``start`` keep its port."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="redis-"))
        self.port = free_port()
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """The address of its database 0."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Redis:
        """Start and wait until it answers."""
        argv = [str(program("redis-server")), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(self.folder)]
        self.process = Process(argv, self.folder, self.folder / "log")
        self.process.start()
        until(lambda: self._pong() or not self.process.alive, START_SECONDS, "redis-server answers")
        assert self.process.alive, self.process.output()
        return self

    def _pong(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as line:
                line.sendall(b"PING\r\n")
                return line.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self) -> None:
        """End it; clients get their connections closed and new ones refused."""
        if self.process:
            self.process.stop()

    def close(self) -> None:
        """End it for good."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres:
    """A PostgreSQL cluster of its own, its superuser ``postgres`` without a password. ``stop`` keeps port and data."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.user = unprivileged()
        if self.user:
            os.chown(self.folder, self.user[1], self.user[2])
        self.port = free_port()
        self.process: Process | None = None
        self.databases = 0

    def url(self, database: str = "postgres", driver: str = "") -> str:
        """The address of a database, ``driver`` as SQLAlchemy names it (``asyncpg``, ``psycopg``)."""
        return f"postgresql{'+' if driver else ''}{driver}://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> Postgres:
        """Make the cluster when there is none yet, start it and wait until it takes queries."""
        data = self.folder / "data"
        if not data.exists():
            self._once("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
                       "--locale=C")
        argv = [str(program("postgres")), "-D", str(data), "-p", str(self.port), "-k", "",
                "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"]
        self.process = Process(argv, self.folder, self.folder / "log", as_user=self.user)
        self.process.start()
        until(lambda: self._ready() or not self.process.alive, START_SECONDS, "PostgreSQL answers")
        assert self.process.alive, self.process.output()
        return self

    def _ready(self) -> bool:
        asked = [str(program("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, timeout=START_SECONDS, check=False).returncode == 0

    def _once(self, name: str, *arguments: str) -> str:
        given = {"user": self.user[1], "group": self.user[2], "extra_groups": []} if self.user else {}
        done = subprocess.run([str(program(name)), *arguments], cwd=self.folder, timeout=START_SECONDS, text=True,
                              capture_output=True, check=False, **given)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr[-3_000:]
        return str(done.stdout)

    def database(self) -> str:
        """The name of a new, empty database."""
        self.databases += 1
        name = f"empty_{self.databases}"
        self.query(f"CREATE DATABASE {name}")
        return name

    def query(self, sql: str, database: str = "postgres") -> list[list[str]]:
        """The rows that one statement gives, as text."""
        text = self._once("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres",
                          "-p", str(self.port), "-d", database, "-c", sql)
        return [line.split("|") for line in text.splitlines()]

    def tables(self, database: str) -> list[str]:
        """The tables of the schema ``public``, in order of their names."""
        rows = self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", database)
        return [row[0] for row in rows]

    def stop(self) -> None:
        """End it at once; clients get their connections closed and new ones refused."""
        if self.process:
            self.process.stop(signal.SIGINT)

    def close(self) -> None:
        """End it for good."""
        if self.process:
            self.process.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


class Service(Process):
    """An application that is served on ``port``; ``{port}`` in its command stands for that number."""

    def __init__(self, argv: Sequence[str], folder: Path, log: Path, env: Mapping[str, str]) -> None:
        self.port = free_port()
        super().__init__([word.replace("{port}", str(self.port)) for word in argv], folder, log, env)

    @classmethod
    def of(cls, app: str, folder: Path, log: Path, env: Mapping[str, str]) -> Service:
        """``app`` (``module:attribute``) served by uvicorn from ``folder``."""
        serve = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}", "--no-access-log"]
        return cls(serve, folder, log, env)

    def start(self) -> None:
        """Start and wait until it takes connections."""
        super().start()
        until(lambda: listens(self.port) or not self.alive, START_SECONDS, f"{self.argv} listens")
        assert self.alive, self.output()

    def ask(self, path: str, method: str = "GET", body: Any = None, timeout: float = 30.0,
            headers: Mapping[str, str] | None = None) -> tuple[int, Any, dict[str, str]]:
        """(status, body, headers with small names) of one request; the body as JSON where it is JSON, else text."""
        sent = None if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **(headers or {})} if sent else dict(headers or {})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", sent, given, method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=timeout) as answer:
                status, raw, told = answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            status, raw, told = error.code, error.read(), error.headers
        text = raw.decode("utf-8", "replace")
        try:
            content = json.loads(text)
        except ValueError:
            content = text
        return status, content, {name.lower(): value for name, value in told.items()}
