"""The one HTTP client of PER011, served: connections are used again, cookies are kept for nobody, it is closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from generated import fixed, run, write
from servers import Service

UPSTREAM = """\
from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.get("/seen")
def seen(request: Request, response: Response) -> dict[str, object]:
    response.set_cookie("session", "of-one-caller")
    return {"port": request.client.port, "cookie": request.cookies.get("session")}
"""
MAIN = """\
import os

import httpx
from fastapi import FastAPI

app = FastAPI()


@app.get("/ask")
async def ask() -> dict[str, object]:
    async with httpx.AsyncClient() as client:
        return (await client.get(os.environ["UPSTREAM"] + "/seen")).json()
"""
LOOPS = """\
import asyncio

from http_client import close_http_client, http_client


async def lent() -> int:
    async with http_client() as client:
        pass
    async with http_client() as again:
        assert again is client and not client.is_closed
    return id(client)


async def closed() -> None:
    async with http_client() as client:
        await close_http_client()
        assert client.is_closed
    async with http_client() as another:
        assert another is not client
    await close_http_client()


asyncio.run(lent())
asyncio.run(lent())
asyncio.run(close_http_client())
asyncio.run(closed())
print("ok")
"""


def test_requests_share_connections_and_no_cookies(serve: Callable[..., Service], tmp_path: Path) -> None:
    upstream = serve("main:app", write({"main.py": UPSTREAM}, tmp_path / "upstream"))
    url = f"http://127.0.0.1:{upstream.port}"
    before = serve("main:app", write({"main.py": MAIN}, tmp_path / "before"), UPSTREAM=url)
    after = serve("main:app", write(fixed({"main.py": MAIN}, "PER011"), tmp_path / "after"), UPSTREAM=url)

    def ports(service: Service) -> set[int]:
        answers = [service.ask("/ask") for _ in range(5)]
        assert [a[0] for a in answers] == [200] * 5
        assert {a[1]["cookie"] for a in answers} == {None}
        return {a[1]["port"] for a in answers}

    assert len(ports(before)) == 5, "each request opened a connection of its own"
    assert len(ports(after)) == 1
    after.stop()
    assert "Traceback" not in after.output()


def test_each_event_loop_gets_a_client_and_closing_ends_it(tmp_path: Path) -> None:
    folder = write(fixed({"main.py": MAIN}, "PER011") | {"loops.py": LOOPS}, tmp_path)
    assert run(folder, "python", "loops.py").strip() == "ok"
