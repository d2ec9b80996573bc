"""Headers, ids and envelopes that the scaffolds add, on answers to unexpected errors too, under uvicorn; composed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from generated import fixed, write
from servers import Redis, Service, until

MAIN = """\
from fastapi import FastAPI, HTTPException, Request
from fastapi.middleware.cors import CORSMiddleware
from pydantic import BaseModel

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example"])


class Item(BaseModel):
    name: str


@app.get("/items/{number}")
async def item(number: int) -> int:
    if number == 4:
        raise HTTPException(404, "No such item")
    if number == 5:
        raise RuntimeError("the secret cause")
    return number


@app.post("/items")
def add(item: Item, request: Request) -> str:
    return str(request.base_url)


@app.post("/login")
def login(item: Item) -> str:
    return item.name if item.name == "a" else "nobody"
"""
FILES = {"main.py": MAIN, "requirements.txt": "fastapi==0.115.0\npydantic-settings==2.16.3\n"}
STATUSES = {"/items/1": 200, "/items/4": 404, "/items/x": 422, "/items/5": 500}
PROTECTING = {"x-content-type-options": "nosniff", "x-frame-options": "DENY"}
ORIGIN = {"Origin": "https://shop.example"}


def served(serve: Callable[..., Service], folder: Path, ids: tuple[str, ...], **variables: str) -> Service:
    return serve("main:app", write(fixed(FILES, *ids), folder), **variables)


def test_security_headers_are_on_every_answer(serve: Callable[..., Service], tmp_path: Path) -> None:
    service = served(serve, tmp_path, ("SEC007",))
    for path, status in STATUSES.items():
        got, _, headers = service.ask(path)
        assert got == status
        assert {k: headers.get(k) for k in PROTECTING} == PROTECTING, path
        assert "strict-transport-security" not in headers, "it did not come over TLS"


def test_every_answer_carries_the_id_of_its_request(serve: Callable[..., Service], tmp_path: Path) -> None:
    service = served(serve, tmp_path, ("ARC009",))
    for path, status in STATUSES.items():
        got, _, headers = service.ask(path, headers={"X-Request-ID": "caller-0001"})
        assert (got, headers.get("x-request-id")) == (status, "caller-0001"), path


@pytest.mark.parametrize("ids", [*permutations(("SEC007", "ARC009", "ARC010"))], ids="-".join)
def test_together_they_compose_in_any_order(
    serve: Callable[..., Service], tmp_path: Path, ids: tuple[str, ...]
) -> None:
    service = served(serve, tmp_path, ids)
    for path, status in STATUSES.items():
        got, body, headers = service.ask(path, headers={"X-Request-ID": "caller-0001", **ORIGIN})
        assert got == status
        assert {k: headers.get(k) for k in PROTECTING} == PROTECTING, path
        assert headers["x-request-id"] == "caller-0001"
        assert headers["access-control-allow-origin"] == "https://shop.example", "browsers read errors too"
    assert body == {"detail": "Internal Server Error", "request_id": "caller-0001"}
    assert "the secret cause" in service.output() and "the secret cause" not in str(body)


FAILING = """

@app.middleware("http")
async def around(request: Request, call_next):
    if request.url.path == "/fail":
        raise RuntimeError("the secret cause")
    return await call_next(request)
"""


@pytest.mark.parametrize("ids", [*permutations(("ARC009", "ARC010"))], ids="-".join)
def test_an_error_is_json_with_the_id_wherever_it_is_raised(
    serve: Callable[..., Service], tmp_path: Path, ids: tuple[str, ...]
) -> None:
    files = {**FILES, "main.py": MAIN + FAILING}
    service = serve("main:app", write(fixed(files, *ids), tmp_path))
    for path in ("/items/5", "/fail"):
        status, body, headers = service.ask(path, headers={"X-Request-ID": "caller-0001"})
        assert (status, headers["content-type"], headers["x-request-id"]) == (500, "application/json", "caller-0001")
        assert body == {"detail": "Internal Server Error", "request_id": "caller-0001"}, path
        until(lambda path=path: f"GET {path} failed, request caller-0001" in service.output(), 30, "the log has it")


def test_with_the_limits_around_them_refusals_carry_all_of_it(
    serve: Callable[..., Service], own_redis: Redis, tmp_path: Path
) -> None:
    ids = ("ARC009", "ARC010", "SEC006", "SEC007", "SEC008", "SEC010")
    service = served(serve, tmp_path, ids, MAX_BODY_SIZE="100", SIGN_IN_RATE_LIMIT="2/hour", RATE_LIMIT="500/hour",
                     RATE_LIMIT_REDIS_URL=own_redis.url)
    asked = {
        200: lambda: service.ask("/login", "POST", {"name": "a"}, headers=ORIGIN),
        413: lambda: service.ask("/items", "POST", {"name": "a" * 200}, headers=ORIGIN),
        429: lambda: [service.ask("/login", "POST", {"name": "a"}, headers=ORIGIN) for _ in range(2)][-1],
        500: lambda: service.ask("/items/5", headers=ORIGIN),
        400: lambda: service.ask("/items/1", headers={"Host": "evil.example", **ORIGIN}),
    }
    for status, ask in asked.items():
        got, body, headers = ask()
        assert got == status, (status, body)
        assert {k: headers.get(k) for k in PROTECTING} == PROTECTING, status
        assert len(headers["x-request-id"]) == 32
        assert headers["access-control-allow-origin"] == "https://shop.example"
