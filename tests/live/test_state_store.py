"""The store that ARC002 moves state to: real Redis, two workers that share it, and the answers that a dict gave."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generated import fixed, patient, write
from servers import Redis, Service, until

COROUTINES = """\
import os
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()


class Order(BaseModel):
    name: str
    count: int = 1
    tags: list[str] = []


class State(str, Enum):
    NEW = "new"
    DONE = "done"


@dataclass(frozen=True)
class Job:
    id: str
    state: State
    at: datetime
    error: str | None = None
    steps: dict[str, int] = field(default_factory=dict)


class Jobs:
    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    async def add(self, job: Job) -> None:
        self._jobs[job.id] = job

    async def error(self, id: str) -> str:
        found = self._jobs.get(id)
        return "none" if found is None else f"{found.state.value} {found.at.isoformat()} {found.error} {found.steps}"


jobs = Jobs()
orders: dict[str, Order] = {}
sessions = {}
revoked: set[str] = set()


@app.get("/process")
async def process() -> int:
    return os.getpid()


@app.post("/orders/{key}")
async def create(key: str, body: Order) -> Order:
    orders[key] = body
    sessions[key] = {"name": body.name, "count": body.count, "open": True}
    return body


@app.put("/orders/{key}")
async def update(key: str, body: Order) -> Order:
    if key not in orders:
        raise HTTPException(404, "no order")
    orders[key] = Order(
        name=body.name,
        count=body.count + 1,
    )
    return body


@app.get("/orders/{key}")
async def read(key: str) -> Order:
    if key not in orders or key in revoked:
        raise HTTPException(404)
    return orders[key]


@app.get("/orders/{key}/name")
async def name(key: str) -> str:
    order = orders.get(key)
    return order.name + "!" if order else sessions.get(key, {"name": "nobody"})["name"]


@app.get("/sessions/{key}")
async def session(key: str) -> dict[str, object]:
    return sessions[key]


@app.delete("/orders/{key}")
async def delete(key: str) -> str:
    revoked.add(key)
    return (orders.pop(key)).name


@app.delete("/revoked/{key}")
async def allow(key: str) -> str:
    revoked.remove(key)
    if not (gone := sessions.pop(key, None)):
        return "none"
    return str(gone)


@app.post("/jobs/{key}")
async def job(key: str) -> None:
    await jobs.add(Job(key, State.NEW, datetime(2026, 1, 2, 3, 4, 5, 678), steps={"read": 1}))


@app.get("/jobs/{key}")
async def error(key: str) -> str:
    return await jobs.error(key)
"""
FUNCTIONS = """\
import os

from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
uploads = {}
tokens: set[str] = set()


def work(key: str) -> None:
    uploads[key] = {"state": "done", "parts": [1, 2.5, None, {"of": "é"}]}


@app.get("/process")
def process() -> int:
    return os.getpid()


@app.post("/uploads/{key}")
def start(key: str, tasks: BackgroundTasks) -> str:
    uploads[key] = {"state": "running"}
    tokens.add(key)
    tasks.add_task(work, key)
    return key


@app.get("/uploads/{key}")
def state(key: str) -> dict[str, object]:
    return uploads.get(key, {"state": "unknown"})


@app.get("/uploads/{key}/state")
def only(key: str) -> str:
    return uploads[key]["state"] if key in tokens else "no token"


@app.delete("/uploads/{key}")
def drop(key: str) -> str:
    tokens.discard(key)
    del uploads[key]
    return "gone"
"""
ORDER = {"name": "a", "count": 2, "tags": ["x", "é"]}
ASKED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/orders/1", None), ("PUT", "/orders/1", ORDER), ("POST", "/orders/1", ORDER), ("GET", "/orders/1", None),
    ("GET", "/orders/1/name", None), ("GET", "/sessions/1", None), ("GET", "/sessions/2", None),
    ("PUT", "/orders/1", {"name": "b"}), ("GET", "/orders/1", None), ("GET", "/orders/2/name", None),
    ("DELETE", "/orders/1", None), ("DELETE", "/orders/1", None), ("GET", "/orders/1/name", None),
    ("DELETE", "/revoked/1", None), ("DELETE", "/revoked/1", None), ("GET", "/jobs/1", None), ("POST", "/jobs/1", None),
    ("GET", "/jobs/1", None),
)
BY_FUNCTIONS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/uploads/1", None), ("GET", "/uploads/1/state", None), ("POST", "/uploads/1", None),
    ("GET", "/uploads/1", None), ("GET", "/uploads/1/state", None), ("DELETE", "/uploads/1", None),
    ("DELETE", "/uploads/1", None), ("GET", "/uploads/1", None), ("GET", "/uploads/1/state", None),
)
NEEDED = {"requirements.txt": "fastapi==0.165.0\npydantic-settings==2.16.3\n"}


def answers(service: Service, asked: tuple[tuple[str, str, Any], ...]) -> list[tuple[int, Any]]:
    return [service.ask(path, method, body)[:2] for method, path, body in asked]


def of_two_workers(serve: Callable[..., Service], target: Path, **variables: str) -> Service:
    """A service of two processes, both seen to answer."""
    serving = [sys.executable, "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", "{port}", "--workers", "2"]
    service = serve(serving, target, **variables)
    seen: set[int] = set()
    until(lambda: seen.add(service.ask("/process")[1]) or len(seen) == 2, 60, "both workers answer")
    return service


def test_two_workers_give_the_answers_that_one_process_gave_with_a_dict(
    serve: Callable[..., Service], redis: Redis, tmp_path: Path
) -> None:
    before = answers(serve("main:app", write({"main.py": COROUTINES}, tmp_path / "before")), ASKED)
    files = fixed({"main.py": COROUTINES, **NEEDED}, "ARC002")
    assert "await orders.set(key, Order(" in files["main.py"] and "{}" not in files["main.py"]
    service = of_two_workers(serve, write(patient(files), tmp_path / "after"), STATE_REDIS_URL=redis.url)
    assert answers(service, ASKED) == before
    assert {status for status, _ in before} == {200, 404, 500}

    service.ask("/orders/9", "POST", ORDER)
    readers: set[tuple[int, int]] = set()  # one of the workers may answer many times in a row
    until(lambda: readers.add((service.ask("/process")[1], service.ask("/orders/9")[0]))
          or len({process for process, _ in readers}) == 2, 60, "both workers answer")
    assert {status for _, status in readers} == {200}
    service.stop()
    assert "Unclosed" not in service.output() and "never awaited" not in service.output()
    again = serve("main:app", tmp_path / "after", STATE_REDIS_URL=redis.url)
    assert again.ask("/orders/9")[:2] == (200, ORDER), "a restart loses nothing"


def test_functions_that_run_in_threads_share_it_too(
    serve: Callable[..., Service], redis: Redis, tmp_path: Path
) -> None:
    before = answers(serve("main:app", write({"main.py": FUNCTIONS}, tmp_path / "before")), BY_FUNCTIONS)
    files = fixed({"main.py": FUNCTIONS, **NEEDED}, "ARC002")
    service = of_two_workers(serve, write(patient(files), tmp_path / "after"), STATE_REDIS_URL=redis.url)
    assert answers(service, BY_FUNCTIONS) == before
    assert {status for status, _ in before} == {200, 500}


def test_what_nobody_writes_goes_and_without_redis_only_its_users_fail(
    serve: Callable[..., Service], own_redis: Redis, tmp_path: Path
) -> None:
    target = write(patient(fixed({"main.py": COROUTINES, **NEEDED}, "ARC002")), tmp_path)
    service = serve("main:app", target, STATE_REDIS_URL=own_redis.url, STATE_KEEP_SECONDS="3")
    service.ask("/orders/1", "POST", ORDER)
    assert service.ask("/orders/1")[0] == 200
    until(lambda: service.ask("/orders/1")[0] == 404, 30, "it goes")
    own_redis.stop()
    assert service.ask("/orders/1")[0] == 500 and service.ask("/process")[0] == 200
    own_redis.start()
    assert service.ask("/orders/1", "POST", ORDER)[0] == 200 and service.ask("/orders/1")[0] == 200
