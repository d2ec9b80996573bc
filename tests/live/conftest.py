"""Fixtures of live tests. They are seen in this folder only: a test that needs a real server lies here.

``redis`` and ``postgres`` are shared by the tests of one worker: do not stop them. ``own_redis`` and ``own_postgres``
belong to one test, which may stop, pause and start them. ``serve`` serves an application, ``launch`` runs any command.
Without a server program the test is skipped, and CI, which installs it, fails on a skip.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import Postgres, Process, Redis, Service, program

# Variables of this machine that would reach what is tested; the rest is what a plain shell has.
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")


def surroundings(folder: Path, given: dict[str, str]) -> dict[str, str]:
    """The environment of a process of the target: no secret of ours, its own folder on the path."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    home = {"HOME": str(folder), "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    return {**kept, **home, **given}


def need(*names: str, package: str) -> None:
    """Skip the test when a program is missing, and say which Debian package brings it."""
    missing = [name for name in names if program(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed (Debian: {package})")


def _redis() -> Iterator[Redis]:
    need("redis-server", package="redis-server")
    server = Redis()
    try:
        yield server.start()
    finally:
        server.close()


def _postgres() -> Iterator[Postgres]:
    need("initdb", "postgres", "psql", "pg_isready", package="postgresql")
    server = Postgres()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session", name="redis")
def shared_redis() -> Iterator[Redis]:
    """A real Redis that all tests of this worker share."""
    yield from _redis()


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A real Redis that belongs to this test."""
    yield from _redis()


@pytest.fixture(scope="session", name="postgres")
def shared_postgres() -> Iterator[Postgres]:
    """A real PostgreSQL that all tests of this worker share; ``postgres.database()`` makes an empty database."""
    yield from _postgres()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A real PostgreSQL cluster that belongs to this test."""
    yield from _postgres()


@pytest.fixture
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """``launch(argv, folder, **variables)``: a running process, ended after the test. "python" is this Python."""
    started: list[Process] = []
    logs = tmp_path_factory.mktemp("logs")

    def go(argv: list[str], folder: Path, **variables: str) -> Process:
        words = [sys.executable, *argv[1:]] if argv[0] == "python" else argv
        process = Process(words, folder, logs / str(len(started)), surroundings(folder, variables))
        started.append(process)
        process.start()
        return process

    yield go
    for process in reversed(started):
        process.stop()


def _serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []
    logs = tmp_path_factory.mktemp("logs")

    def go(app: str | list[str], folder: Path, **variables: str) -> Service:
        log, env = logs / str(len(started)), surroundings(folder, variables)
        service = Service.of(app, folder, log, env) if isinstance(app, str) else Service(app, folder, log, env)
        started.append(service)
        service.start()
        return service

    yield go
    for service in reversed(started):
        service.stop()


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """``serve("main:app", folder, **variables)``: a Service that takes connections, ended after the test.

    A list in place of the name is the whole command, in which ``{port}`` stands for the port.
    """
    yield from _serve(tmp_path_factory)


@pytest.fixture(scope="module")
def serve_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Service]]:
    """``serve`` whose services are shared by the tests of a module, and ended after the last one."""
    yield from _serve(tmp_path_factory)
