"""The rate limit that SEC006 adds: real Redis, real uvicorn workers, the limit across them, and Redis gone."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import clocked, fixed, later, patient, write
from servers import Redis, Service, until

MAIN = """\
import os

from fastapi import FastAPI, WebSocket

import users

app = FastAPI()
app.include_router(users.router)


@app.get("/items")
def items() -> int:
    return os.getpid()


@app.get("/health")
def health() -> str:
    return "ok"


@app.websocket("/feed")
async def feed(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("here")
    await socket.close()
"""
USERS = """\
from fastapi import APIRouter

router = APIRouter(prefix="/auth")


@router.post("/login")
async def login(name: str) -> str:
    return name if name == "a" else "nobody"
"""
UNCOUNTED = "Redis fails, no limit"
FILES = {"main.py": MAIN, "users.py": USERS, "requirements.txt": "fastapi==0.165.0\npydantic-settings==2.16.3\n"}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    files = fixed(FILES, "SEC006")
    assert "limits>=4.2,<6\n" in files["requirements.txt"] and "redis>=5.2,<9\n" in files["requirements.txt"]
    return write(patient(files), tmp_path)


def statuses(service: Service, path: str, number: int, method: str = "GET") -> list[int]:
    return [service.ask(path, method)[0] for _ in range(number)]


def of_two_workers(serve: Callable[..., Service], target: Path, **variables: str) -> Service:
    """A service of two processes, both seen to answer."""
    app = clocked(target, "rate_limit")
    serving = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}", "--workers", "2"]
    service = serve(serving, target, **variables)
    seen: set[int] = set()

    def both() -> bool:
        status, process, _ = service.ask("/items")
        assert status == 200
        seen.add(process)
        return len(seen) == 2

    until(both, 60, "both workers answer")
    return service


def test_the_limit_holds_across_two_workers_and_requests_pass_while_redis_is_gone(
    serve: Callable[..., Service], own_redis: Redis, target: Path
) -> None:
    limits = {"RATE_LIMIT": "5000/hour", "SIGN_IN_RATE_LIMIT": "5/hour"}
    service = of_two_workers(serve, target, RATE_LIMIT_REDIS_URL=own_redis.url, **limits)
    counted = Counter(statuses(service, "/auth/login?name=a", 40, "POST"))
    assert counted == {200: 5, 429: 35}, "each process would let five through by itself"
    status, body, headers = service.ask("/auth/login?name=a", "POST")
    assert (status, body) == (429, {"detail": "Too many requests"})
    assert 0 < int(headers["retry-after"]) <= 3600
    assert set(statuses(service, "/items", 10)) == {200}, "other routes have their own, wider limit"

    own_redis.stop()
    assert set(statuses(service, "/auth/login?name=a", 20, "POST")) == {200}
    until(lambda: UNCOUNTED in service.output(), 30, "it tells of it")
    told = service.output().count(UNCOUNTED)
    assert told <= 2, "a line for each pause of each process, not for each request"

    own_redis.start()
    later(target, 6)
    assert 429 in statuses(service, "/auth/login?name=a", 20, "POST"), "the limit is back"


def test_a_redis_that_hangs_holds_no_request_for_long(
    serve: Callable[..., Service], own_redis: Redis, target: Path
) -> None:
    write(patient(fixed(FILES, "SEC006"), 1.0), target)
    app = clocked(target, "rate_limit")
    service = serve(app, target, RATE_LIMIT_REDIS_URL=own_redis.url, RATE_LIMIT="5000/hour")
    assert service.ask("/items")[0] == 200
    assert own_redis.process is not None
    own_redis.process.pause()
    assert service.ask("/items", timeout=20)[0] == 200
    until(lambda: UNCOUNTED in service.output(), 30, "it tells of it")
    assert set(statuses(service, "/items", 20)) == {200}
    assert service.output().count(UNCOUNTED) == 1, "the first request waits, the others of the pause do not ask"
    own_redis.process.resume()


def test_the_general_limit_leaves_health_alone_and_refuses_websockets(
    serve: Callable[..., Service], own_redis: Redis, target: Path
) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    service = serve("main:app", target, RATE_LIMIT_REDIS_URL=own_redis.url, RATE_LIMIT="3/hour")
    with connect(f"ws://127.0.0.1:{service.port}/feed", proxy=None) as line:
        assert line.recv() == "here"
    assert statuses(service, "/items", 4) == [200, 200, 429, 429]
    assert set(statuses(service, "/health", 6)) == {200}
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{service.port}/feed", proxy=None)


def test_proxies_that_the_server_trusts_name_the_client(
    serve: Callable[..., Service], own_redis: Redis, target: Path
) -> None:
    limits = {"RATE_LIMIT_REDIS_URL": own_redis.url, "RATE_LIMIT": "2/hour"}
    service = serve("main:app", target, FORWARDED_ALLOW_IPS="127.0.0.1", **limits)

    def ask(address: str) -> int:
        return service.ask("/items", headers={"X-Forwarded-For": address})[0]

    assert [ask("9.9.9.9") for _ in range(3)] == [200, 200, 429]
    assert ask("8.8.8.8") == 200
