"""The list of hosts that SEC008 adds, under uvicorn: own names and health checks pass, others get 400."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from generated import fixed, write
from servers import Service

MAIN = """\
from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/link")
def link(request: Request) -> str:
    return str(request.base_url)
"""


def test_only_listed_names_and_this_machine_are_served(serve: Callable[..., Service], tmp_path: Path) -> None:
    packages = "fastapi==0.165.0\npydantic-settings==2.16.3\n"
    folder = write(fixed({"main.py": MAIN, "requirements.txt": packages}, "SEC008"), tmp_path)
    service = serve("main:app", folder, ALLOWED_HOSTS="shop.example, *.shop.example")

    def asked(host: str) -> tuple[int, object]:
        return service.ask("/link", headers={"Host": host})[:2]

    assert asked("shop.example") == (200, "http://shop.example/")
    assert asked("api.shop.example") == (200, "http://api.shop.example/")
    assert asked(f"127.0.0.1:{service.port}")[0] == asked("localhost")[0] == 200, "container health checks"
    assert asked("evil.example") == asked("shop.example.evil.example") == (400, "Invalid host header")
