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


def test_uvicorn_believes_the_networks_that_the_fix_names_and_no_others() -> None:
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    from readybook_checks.security.sec009_no_https_enforcement import PRIVATE

    trusted = ProxyHeadersMiddleware(lambda *_: None, trusted_hosts=PRIVATE).trusted_hosts
    assert all(address in trusted for address in ("172.17.0.1", "172.31.0.9", "192.168.16.2"))
    assert not any(address in trusted for address in ("9.9.9.9", "172.32.0.1", "127.0.0.1"))
