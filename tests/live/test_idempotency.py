"""The idempotency keys that ARC015 adds: a real Redis, real uvicorn, repeats one after the other and at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from generated import fixed, patient, write
from servers import Redis, Service, until

MAIN = """\
import asyncio

import stripe
from fastapi import FastAPI, Form, HTTPException, Response

app = FastAPI()
paid = []


@app.post("/payments", status_code=201)
async def pay(cents: dict, response: Response, wait: float = 0, fail: int = 0) -> dict:
    if wait == 9:
        stripe.Charge.create(amount=1)
    await asyncio.sleep(wait)
    if fail and len(paid) < fail:
        paid.append(None)
        raise HTTPException(503, "later")
    paid.append(cents)
    response.headers["Location"] = f"/payments/{len(paid)}"
    response.set_cookie("seen", str(len(paid)))
    return {"number": len(paid), "cents": cents}


@app.post("/forms")
async def form(name: str = Form()) -> int:
    paid.append(name)
    return len(paid)


@app.post("/long")
async def long() -> str:
    paid.append("long")
    return "x" * 2_000_000


@app.get("/paid")
async def count() -> int:
    return len(paid)
"""
FILES = {"main.py": MAIN, "requirements.txt": "fastapi==0.165.0\npydantic-settings==2.16.3\n",
         "stripe.py": "class Charge:\n    create = None\n"}
ANNA = {"Authorization": "Bearer anna", "Idempotency-Key": "k-1"}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    files = dict(FILES)
    stand_in = files.pop("stripe.py")
    files = fixed(files, "ARC015")
    assert "redis>=5.2,<9\n" in files["requirements.txt"]
    return write(patient({**files, "stripe.py": stand_in}), tmp_path)


def pay(service: Service, headers: dict[str, str], body: Any = None, query: str = "") -> tuple[int, Any, Any]:
    return service.ask(f"/payments{query}", "POST", body or {"cents": 5}, headers=headers)


def test_a_repeat_gets_the_first_answer_and_nothing_is_done_again(
    serve: Callable[..., Service], own_redis: Redis, target: Path
) -> None:
    service = serve("main:app", target, IDEMPOTENCY_REDIS_URL=own_redis.url)
    first, again = pay(service, ANNA), pay(service, ANNA)
    assert first[0] == again[0] == 201 and first[1] == again[1] == {"number": 1, "cents": {"cents": 5}}
    for name in ("location", "set-cookie", "content-type", "content-length"):
        assert first[2][name] == again[2][name]
    assert again[2]["idempotent-replayed"] == "true" and "idempotent-replayed" not in first[2]
    assert service.ask("/paid")[1] == 1

    assert pay(service, ANNA, {"cents": 6})[0] == 422, "the same key with another body"
    assert pay(service, {**ANNA, "Authorization": "Bearer bert"})[1]["number"] == 2, "another caller's key is another"
    assert pay(service, {**ANNA, "Idempotency-Key": "k-2"})[1]["number"] == 3
    assert pay(service, {})[1]["number"] == 4 and pay(service, {})[1]["number"] == 5, "no key: as ever"
    assert pay(service, {"Idempotency-Key": "x" * 256})[0] == 400
    assert service.ask("/payments", "POST", ["no object"], headers={"Idempotency-Key": "bad"})[0] == 422
    again = service.ask("/payments", "POST", ["no object"], headers={"Idempotency-Key": "bad"})
    assert again[0] == 422 and again[2]["idempotent-replayed"] == "true"
    assert service.ask("/paid")[1] == 5


def test_of_requests_at_once_one_runs_and_a_failed_one_may_be_tried_again(
    serve: Callable[..., Service], own_redis: Redis, target: Path
) -> None:
    service = serve("main:app", target, IDEMPOTENCY_REDIS_URL=own_redis.url)
    with ThreadPoolExecutor(12) as pool:
        got = list(pool.map(lambda _: pay(service, ANNA, query="?wait=1"), range(12)))
    assert Counter(status for status, _, _ in got) == {201: 1, 409: 11}
    assert all(headers["retry-after"] == "1" for status, _, headers in got if status == 409)
    assert pay(service, ANNA, query="?wait=1")[1]["number"] == 1 and service.ask("/paid")[1] == 1

    retried = {**ANNA, "Idempotency-Key": "k-3"}
    assert [pay(service, retried, query="?fail=2")[0] for _ in range(3)] == [503, 201, 201]
    assert service.ask("/paid")[1] == 3


def test_forms_whose_boundary_is_new_are_the_same_and_long_answers_are_not_done_again(
    serve: Callable[..., Service], own_redis: Redis, target: Path
) -> None:
    import httpx

    service = serve("main:app", target, IDEMPOTENCY_REDIS_URL=own_redis.url)
    with httpx.Client(base_url=f"http://127.0.0.1:{service.port}", headers=ANNA, trust_env=False) as client:
        def send(text: bytes) -> httpx.Response:
            return client.post("/forms", data={"name": "a"}, files={"extra": ("f.txt", text)})

        assert send(b"1").text == send(b"1").text == "1"
        assert send(b"2").status_code == 422
        long = [client.post("/long") for _ in range(2)]
        assert [r.status_code for r in long] == [200, 409] and len(long[0].content) > 2_000_000
    assert service.ask("/paid")[1] == 2


def test_without_redis_requests_with_a_key_are_refused_and_others_pass(
    serve: Callable[..., Service], own_redis: Redis, target: Path
) -> None:
    module = target / "idempotency.py"
    module.write_text(module.read_text().replace("REDIS_SECONDS = 20.0", "REDIS_SECONDS = 2.0"))
    service = serve("main:app", target, IDEMPOTENCY_REDIS_URL=own_redis.url)
    assert pay(service, ANNA)[0] == 201
    own_redis.stop()
    status, _, headers = pay(service, ANNA)
    assert (status, headers["retry-after"]) == (503, "2")
    assert pay(service, {})[0] == 201 and service.ask("/paid")[1] == 2
    own_redis.start()
    until(lambda: pay(service, {**ANNA, "Idempotency-Key": "k-4"})[0] == 201, 30, "keys are taken again")

    assert own_redis.process is not None
    own_redis.process.pause()
    started = time.monotonic()
    assert pay(service, ANNA)[0] == 503 and time.monotonic() - started < 20
    own_redis.process.resume()
    assert service.stop() is not None
    assert "Traceback" not in service.output(), service.output()
