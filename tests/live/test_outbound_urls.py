"""The list of hosts that SEC032 puts around an address of a caller, under uvicorn, before a server that answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from generated import fixed, write
from servers import Service

MAIN = """\
import urllib.request

from fastapi import FastAPI

app = FastAPI()


@app.get("/fetch")
def fetch(url: str) -> str:
    return urllib.request.urlopen(url, timeout=5).read().decode()


@app.get("/inside")
def inside() -> str:
    return "inner"
"""


def test_only_hosts_of_the_list_are_called(serve: Callable[..., Service], tmp_path: Path) -> None:
    inner = serve("main:app", write({"main.py": MAIN}, tmp_path / "inner"))
    files = fixed({"main.py": MAIN}, "SEC032")
    host = f"127.0.0.1:{inner.port}"
    outer = serve("main:app", write(files, tmp_path / "outer"), OUTBOUND_HOSTS=f" {host.upper()}, api.example")

    def fetched(url: str) -> int:
        return outer.ask(f"/fetch?url={quote(url, safe='')}")[0]

    assert fetched(f"http://{host}/inside") == 200
    for url in (f"http://localhost:{inner.port}/inside", "http://127.0.0.1/inside", f"http://api.example@{host}/inside",
                f"file://{host}/etc/passwd", f"//{host}/inside", "http://[", f"http://api.example\\@{host}/inside"):
        assert fetched(url) == 422, url
