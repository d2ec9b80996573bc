"""The module of PER015, served: large files are copied in pieces and refused above the setting."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from generated import fixed, write
from servers import Service

MAIN = """\
from fastapi import FastAPI, UploadFile

from conf import settings

app = FastAPI(title=settings.name)


@app.post("/read")
async def read(file: UploadFile) -> int:
    data = await file.read()
    return len(data)


@app.post("/copy")
async def copy(file: UploadFile) -> None:
    with open("copied", "wb") as out:
        out.write(await file.read())
"""
CONF = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    name: str = \"shop\"\n\n\n" \
    "settings = Settings()\n"
LIMIT = 3_000_000


def sent(service: Service, path: str, content: bytes) -> tuple[int, bytes]:
    """The status and the body of an upload of one file."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    body = head + content + b"\r\n--x--\r\n"
    request = urllib.request.Request(f"http://127.0.0.1:{service.port}{path}", body,
                                     {"Content-Type": "multipart/form-data; boundary=x"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_files_come_in_pieces_and_end_at_the_limit(serve: Callable[..., Service], tmp_path: Path) -> None:
    folder = write(fixed({"main.py": MAIN, "conf.py": CONF}, "PER015"), tmp_path)
    service = serve("main:app", folder, MAX_UPLOAD_SIZE=str(LIMIT))
    whole = bytes(range(256)) * (LIMIT // 256 + 1)  # more than two pieces, and no whole number of them
    assert sent(service, "/read", whole[:LIMIT]) == (200, str(LIMIT).encode())
    assert sent(service, "/read", whole[:LIMIT] + b"x" * 10)[0] == 413
    assert sent(service, "/copy", whole[:LIMIT])[0] == 200
    assert (folder / "copied").read_bytes() == whole[:LIMIT]
    status, told = sent(service, "/copy", whole[:LIMIT] + b"x" * 10)
    assert status == 413 and str(LIMIT).encode() in told
    assert sent(service, "/read", b"") == (200, b"0")
