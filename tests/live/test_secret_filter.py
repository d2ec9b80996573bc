"""The filter that hides secrets in the log: the generated module under real handlers, and in a served application."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import fixed, run, write
from servers import Service, until

APP = """\
import logging

from fastapi import FastAPI, Request
{0}
app = FastAPI()
logger = logging.getLogger(__name__)


@app.post("/items")
async def add(request: Request, fail: bool = False) -> str:
    logger.warning("headers %s", dict(request.headers))
    logger.warning("got %s, %d of them", await request.json(), 1)
    if fail:
        raise ValueError(str(await request.json()))
    return request.state.request_id if hasattr(request.state, "request_id") else ""
"""
DISPLAY = """
import logging.config

logging.config.dictConfig({
    "version": 1,
    "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stdout"}},
    "root": {"handlers": ["console"], "level": "INFO"},
})
"""
BASIC = """
import sys

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout)
"""
# Each logs what holds S3CRET once, and says what else the line is to show.
RECORDS = """\
import logging

import main

S = "S3CRET"
log = logging.getLogger("shop")
log.info("user %s sent %s", "ada", {"name": "x", "password": S})
log.info("form %s", {"a": [{"deep": {"api_key": S}}], "b": (1, None)})
log.info("%(user)s with %(token)s", {"user": "ada", "token": S})
log.info("at %s", f"postgresql+asyncpg://shop:{S}@db:5432/shop")
log.info(f"GET /cb?access_token={S}&state=1")
log.info("Authorization: Bearer %s", S)
log.info("scope %s", [(b"cookie", b"a=" + S.encode()), (b"host", b"x")])
log.info("body %s", b'{"client_secret": "a\\\\"' + S.encode() + b'", "n": 1}')
log.info({"passwd": S, "n": 2})
log.info("%s %s", "too few")
log.info("%(pin)d %(session_id)d", {"pin": 3, "session_id": 7})


class Odd:
    def __str__(self) -> str:
        raise RuntimeError("cannot be shown")


log.info("odd %s token", Odd())
try:
    raise ValueError(f"login with password='{S}' failed for ada")
except ValueError:
    log.exception("could not")
plain = {"tokens": 5, "token_type": "bearer", "page": "a"}
log.info("usage %s at %s", plain, "http://shop/a?b=c@d")
kept = logging.makeLogRecord({"msg": "usage %s", "args": (plain,)})
logging.getLogger().handlers[0].handle(kept)
assert kept.args[0] is plain and kept.msg == "usage %s", "it has no secret"
five = logging.makeLogRecord({"msg": "%s %s %s", "args": ("1.2.3.4", f"/a?token={S}", 200)})
logging.getLogger().handlers[0].handle(five)
assert five.args == ("1.2.3.4", "/a?token=***", 200), "formatters unpack them"
extra = logging.makeLogRecord({"msg": "x", "api_key": S, "body": {"password": S, "n": 1}, "request_id": "abc"})
logging.getLogger().handlers[0].handle(extra)
assert (extra.api_key, extra.body, extra.request_id) == ("***", {"password": "***", "n": 1}, "abc")
"""
SHOWN = [
    "INFO user ada sent {'name': 'x', 'password': '***'}",
    "INFO form {'a': [{'deep': {'api_key': '***'}}], 'b': (1, None)}",
    "INFO ada with ***",
    "INFO at postgresql+asyncpg://shop:***@db:5432/shop",
    "INFO GET /cb?access_token=***&state=1",
    "INFO Authorization: ***",
    "INFO scope [(b'cookie', b'***'), (b'host', b'x')]",
    "INFO {'passwd': '***', 'n': 2}",
    "INFO %(pin)d %(session_id)d",
    "ValueError: login with password='***' failed for ada",
    "INFO usage {'tokens': 5, 'token_type': 'bearer', 'page': 'a'} at http://shop/a?b=c@d",
]


@pytest.mark.parametrize("setup", [DISPLAY, BASIC], ids=["dictConfig", "basicConfig"])
def test_records_are_written_without_their_secrets(setup: str, tmp_path: Path) -> None:
    write({**fixed({"main.py": APP.format(setup)}, "SEC017"), "records.py": RECORDS}, tmp_path)
    out = run(tmp_path, "python", "records.py")
    assert "S3CRET" not in out, out
    lines = out.splitlines()
    assert [line for line in SHOWN if line not in lines] == [], out
    assert "Traceback (most recent call last):" in lines and lines[-1].endswith("x"), out
    assert any(line.startswith("INFO body b'{\"client_secret\": \"***\", \"n\": 1}") for line in lines), out


def test_without_the_fix_they_are_seen(tmp_path: Path) -> None:
    seen = RECORDS.partition("plain = {")[0]
    out = run(write({"main.py": APP.format(BASIC), "records.py": seen}, tmp_path), "python", "records.py")
    assert out.count("S3CRET") >= 10


def test_a_served_application_without_a_setup_hides_them_too(serve: Callable[..., Service], tmp_path: Path) -> None:
    service = serve("main:app", write(fixed({"main.py": APP.format("")}, "SEC017"), tmp_path))
    sent = {"password": "S3CRET", "name": "ada"}
    assert service.ask("/items", "POST", sent, headers={"Authorization": "Bearer S3CRET"})[0] == 200
    assert service.ask("/items?fail=1", "POST", sent)[0] == 500
    until(lambda: "ValueError: {'password': '***'" in service.output(), 30, "uvicorn writes the error, without it")
    out = service.output()
    assert "S3CRET" not in out and "'password': '***', 'name': 'ada'}, 1 of them" in out, out


def test_handlers_that_come_after_the_import_get_it_when_the_application_starts(
    serve: Callable[..., Service], tmp_path: Path
) -> None:
    main = APP.format("") + "\n\nif __name__ == \"__main__\":\n    import sys\n\n    import uvicorn\n\n" \
        "    logging.basicConfig()\n    uvicorn.run(app, port=int(sys.argv[1]))\n"
    write(fixed({"main.py": main}, "SEC017"), tmp_path)
    service = serve([sys.executable, "main.py", "{port}"], tmp_path)
    assert service.ask("/items?fail=1&token=S3CRET", "POST", {"password": "S3CRET"})[0] == 500
    until(lambda: "ValueError: {'password': '***'" in service.output(), 30, "the error")
    out = service.output()
    assert "S3CRET" not in out and "token=***" in out and "got {'password': '***'}" in out, out


@pytest.mark.parametrize("ids", [("SEC017", "ARC009", "ARC010"), ("ARC010", "ARC009", "SEC017")], ids="-".join)
def test_it_composes_with_the_ids_of_requests(
    serve: Callable[..., Service], tmp_path: Path, ids: tuple[str, ...]
) -> None:
    setup = BASIC.replace("%(levelname)s", "%(levelname)s %(request_id)s")
    service = serve("main:app", write(fixed({"main.py": APP.format(setup)}, *ids), tmp_path))
    sent, named = {"password": "S3CRET"}, {"X-Request-ID": "caller-0001"}
    assert service.ask("/items", "POST", sent, headers=named)[1] == "caller-0001"
    status, body, headers = service.ask("/items?fail=1", "POST", sent, headers=named)
    assert (status, body) == (500, {"detail": "Internal Server Error", "request_id": "caller-0001"})
    assert headers["x-request-id"] == "caller-0001"
    out = service.output()
    assert "WARNING caller-0001 got {'password': '***'}, 1 of them" in out, out
    assert "S3CRET" not in out and "ValueError: {'password': '***'}" in out, out
