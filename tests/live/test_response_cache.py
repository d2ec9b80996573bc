"""The cache that PER006 adds on request: a real Redis, real uvicorn workers, a stampede, and Redis gone."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from generated import clocked, fixed, later, loaded, patient, write
from pydantic import TypeAdapter
from servers import Redis, Service, until

MAIN = """\
import asyncio
import os
from pathlib import Path

import httpx
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Rate(BaseModel):
    name: str
    process: int


class Row:
    def __init__(self, name: str) -> None:
        self.name, self.process, self.password = name, os.getpid(), "secret"


@app.get("/rates/{name}", response_model=Rate)
async def rate(name: str, digits: int = 2):
    with Path("calls").open("a") as calls:
        calls.write(f"{name}-{digits}\\n")
    await asyncio.sleep(0.5)
    if name == "never":
        await httpx.AsyncClient().get("https://rates.example")
    return Row(name)
"""
FILES = {"main.py": MAIN, "requirements.txt": "fastapi==0.165.0\npydantic-settings==2.16.3\n"}


@pytest.fixture
def files() -> dict[str, str]:
    made = fixed(FILES, "PER006")
    assert "@cached(60, model=Rate)\nasync def rate" in made["main.py"]
    return made


def calls(target: Path) -> list[str]:
    file = target / "calls"
    return file.read_text().split() if file.exists() else []


def test_of_a_stampede_on_two_processes_the_handler_runs_once(
    serve: Callable[..., Service], own_redis: Redis, files: dict[str, str], tmp_path: Path
) -> None:
    target = tmp_path
    serving = [sys.executable, "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "2"]
    files = {path: text.replace("LOCK_SECONDS = 10.0", "LOCK_SECONDS = 120.0") for path, text in patient(files).items()}
    service = serve(serving, write(files, tmp_path), CACHE_REDIS_URL=own_redis.url)
    until(lambda: service.ask("/docs")[0] == 200, 60, "it answers")
    with ThreadPoolExecutor(30) as pool:
        got = list(pool.map(lambda _: service.ask("/rates/eur"), range(60)))
    assert {status for status, _, _ in got} == {200} and len({body["process"] for _, body, _ in got}) == 1
    assert calls(target) == ["eur-2"]
    assert service.ask("/rates/eur?digits=3")[1]["name"] == "eur" and service.ask("/rates/usd")[1]["name"] == "usd"
    assert calls(target) == ["eur-2", "eur-3", "usd-2"], "other arguments are other entries"

    import redis

    with redis.Redis.from_url(own_redis.url) as line:
        names = [n for n in line.scan_iter() if not n.endswith(b":lock")]
        assert len(names) == 3 and all(20 <= line.ttl(n) <= 66 for n in names)
        assert not any(b"secret" in line.get(n) for n in names), "only the model's fields are kept"
        assert list(line.scan_iter("*:lock")) == [], "each lock is given back"
        line.flushall()
    service.ask("/rates/eur")
    assert calls(target)[3:] == ["eur-2"]


def test_what_another_process_kept_between_the_look_and_the_lock_is_taken(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = loaded(write(files, tmp_path), monkeypatch, "settings", "response_cache")
    looks, released = [], []

    class Late:
        """A Redis in which the entry appears after the first look, and whose lock is free by then."""

        async def get(self, name: str) -> bytes | None:
            looks.append(name)
            return b"7" if len(looks) > 1 else None

        async def set(self, *_: object, **how: object) -> bool:
            assert how["nx"]
            return True

        async def eval(self, *_: object) -> None:
            released.append(1)

    async def again() -> int:
        raise AssertionError("the handler runs again")

    monkeypatch.setattr(module, "_redis", Late())
    assert asyncio.run(module._through("rates", 60, TypeAdapter(int), again)) == 7 and released == [1]


def test_without_redis_and_with_one_that_hangs_the_handlers_run(
    serve: Callable[..., Service], own_redis: Redis, files: dict[str, str], tmp_path: Path
) -> None:
    target = write(patient(files, 1.0), tmp_path)
    service = serve(clocked(target, "response_cache"), target, CACHE_REDIS_URL=own_redis.url)
    assert service.ask("/rates/eur")[0] == 200
    assert own_redis.process is not None
    own_redis.process.pause()
    started = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        assert {r[0] for r in pool.map(lambda _: service.ask("/rates/eur"), range(10))} == {200}
    assert time.monotonic() - started < 9.5, "nobody waits for the ten seconds of the lock"
    assert len(calls(target)) == 11
    own_redis.process.resume()
    own_redis.stop()
    assert [service.ask("/rates/eur")[0] for _ in range(2)] == [200, 200]
    own_redis.start()
    later(target, 6)
    service.ask("/rates/eur")
    number = len(calls(target))
    service.ask("/rates/eur")
    assert len(calls(target)) == number, "it is cached again"
    service.stop()
    assert "Traceback" not in service.output(), service.output()
