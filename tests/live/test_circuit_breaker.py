"""The circuit breaker of ARC006, served: a host that fails is left alone for a while, and asked again when it is up."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from generated import clocked, fixed, later, loaded, write
from servers import Service

UPSTREAM = """\
import asyncio
from pathlib import Path

from fastapi import FastAPI, Response

app = FastAPI()
asked = 0


@app.get("/rates")
async def rates(response: Response) -> int:
    global asked
    asked += 1
    how = Path("how").read_text()
    if how == "hangs":
        await asyncio.sleep(60)
    response.status_code = {"fails": 503, "refuses": 500}.get(how, 200)
    return asked


@app.get("/asked")
def number() -> int:
    return asked
"""
MAIN = """\
import os

import httpx
import requests
from fastapi import FastAPI

app = FastAPI()
kept = httpx.AsyncClient(timeout=0.5, base_url=os.environ["UPSTREAM"])
URL = os.environ["UPSTREAM"] + "/rates"


@app.get("/own")
async def own() -> int:
    async with httpx.AsyncClient(timeout=0.5) as client:
        return (await client.get(URL)).status_code


@app.get("/kept")
async def of_one_client() -> int:
    return (await kept.get("/rates")).status_code


@app.get("/streamed")
async def streamed() -> int:
    async with kept.stream("GET", "/rates") as answer:
        return answer.status_code


@app.get("/sync")
def sync() -> int:
    with httpx.Client(timeout=0.5) as client:
        return client.get(URL).status_code


@app.get("/requests")
def by_requests() -> int:
    return requests.get(URL, timeout=0.5).status_code


@app.get("/function")
def by_function() -> int:
    answer = httpx.get(
        URL,
        timeout=0.5,
    )
    return answer.status_code


@app.get("/caught")
def caught() -> str:
    try:
        return str(requests.get(URL, timeout=0.5).status_code)
    except requests.ConnectionError:
        return "no rates now"


@app.get("/caught-httpx")
async def caught_httpx() -> str:
    try:
        return str((await kept.get("/rates")).status_code)
    except httpx.HTTPError as error:
        return f"no rates now: {error.request.url.path}"
"""
WAYS = ("/own", "/kept", "/streamed", "/sync", "/requests", "/function")


def say(upstream: Service, how: str) -> None:
    (upstream.folder / "how").write_text(how, encoding="utf-8")


def upstream_of(serve: Callable[..., Service], folder: Path) -> Service:
    return serve("main:app", write({"main.py": UPSTREAM, "how": "works"}, folder / "upstream"))


def target_of(serve: Callable[..., Service], upstream: Service, folder: Path, timeout: float) -> Service:
    main = MAIN.replace("timeout=0.5", f"timeout={timeout}")
    files = fixed({"main.py": main, "requirements.txt": "fastapi\nhttpx\nrequests\n"}, "ARC006")
    assert files["main.py"].count("guarded_async_client(httpx") == 2
    written = write(files, folder / "target")
    return serve(clocked(written, "circuit_breaker"), written, UPSTREAM=f"http://127.0.0.1:{upstream.port}",
                 CIRCUIT_FAILURES="3", CIRCUIT_RESET_SECONDS="60")


@pytest.fixture(scope="module")
def both(serve_shared: Callable[..., Service], tmp_path_factory: pytest.TempPathFactory) -> tuple[Service, Service]:
    """The host and the service that asks it."""
    folder = tmp_path_factory.mktemp("breaker")
    upstream = upstream_of(serve_shared, folder)
    return upstream, target_of(serve_shared, upstream, folder, 30)


def asked(upstream: Service) -> int:
    return int(upstream.ask("/asked")[1])


@pytest.mark.parametrize("way", WAYS)
def test_it_opens_after_three_failures_and_closes_when_the_host_is_back(
    both: tuple[Service, Service], way: str
) -> None:
    upstream, target = both
    say(upstream, "works")
    later(target.folder, 61)
    assert [target.ask(way)[:2] for _ in range(4)] == [(200, 200)] * 4
    say(upstream, "fails")
    assert [target.ask(way)[:2] for _ in range(3)] == [(200, 503)] * 3, "what the host answers is handed on"
    before = asked(upstream)
    status, body, headers = target.ask(way)
    assert (status, body) == (503, {"detail": "A service that is needed for this does not answer"})
    assert 1 <= int(headers["retry-after"]) <= 60
    assert target.ask("/caught")[1] == "no rates now" and target.ask("/caught-httpx")[1] == "no rates now: /rates"
    assert asked(upstream) == before, "the host is left alone"

    later(target.folder, 61)
    assert target.ask(way)[:2] == (200, 503), "one trial passes, and fails"
    assert target.ask(way)[0] == 503 and asked(upstream) == before + 1

    say(upstream, "works")
    assert target.ask(way)[0] == 503 and asked(upstream) == before + 1
    later(target.folder, 61)
    assert target.ask(way)[:2] == (200, 200), "the host is asked again"
    assert [target.ask(way)[:2] for _ in range(5)] == [(200, 200)] * 5
    assert "not asked for 60.0 seconds" in target.output()


def test_a_host_that_hangs_or_is_gone_holds_nobody(serve: Callable[..., Service], tmp_path: Path) -> None:
    upstream = upstream_of(serve, tmp_path)
    target = target_of(serve, upstream, tmp_path, 0.5)
    say(upstream, "hangs")
    assert [target.ask("/own")[0] for _ in range(3)] == [500] * 3, "timeouts go on as before"
    assert target.ask("/kept")[0] == 503
    upstream.stop(signal.SIGKILL)
    later(target.folder, 61)
    assert target.ask("/requests")[0] == 500 and target.ask("/requests")[0] == 503


def test_answers_about_the_request_open_nothing(both: tuple[Service, Service]) -> None:
    upstream, target = both
    later(target.folder, 61)
    say(upstream, "refuses")
    assert [target.ask("/own")[:2] for _ in range(8)] == [(200, 500)] * 8


def test_only_one_of_many_callers_is_the_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    monkeypatch.setenv("CIRCUIT_FAILURES", "2")
    monkeypatch.setenv("CIRCUIT_RESET_SECONDS", "60")
    files = fixed({"main.py": MAIN, "requirements.txt": "fastapi\nhttpx\nrequests\n"}, "ARC006")
    module = loaded(write(files, tmp_path), monkeypatch, "settings", "circuit_breaker")
    ahead = 0.0
    shown = {**vars(time), "monotonic": lambda: time.monotonic() + ahead}
    monkeypatch.setattr(module, "time", SimpleNamespace(**shown))
    sent: list[str] = []
    works = False

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.host)
        await asyncio.sleep(0.05)
        if not works and request.url.host == "a.example":
            raise httpx.ConnectError("no", request=request)
        return httpx.Response(200)

    async def outcomes(number: int, host: str = "a.example") -> list[str]:
        found = await asyncio.gather(*(client.get(f"http://{host}/") for _ in range(number)), return_exceptions=True)
        return sorted(type(f).__name__ for f in found)

    async def play() -> None:
        nonlocal works, ahead
        assert await outcomes(1) == ["ConnectError"]
        assert await outcomes(5) == ["ConnectError"] * 5, "all that began before it opened"
        assert await outcomes(5) == ["HttpxCircuitOpen"] * 5
        assert await outcomes(3, "b.example") == ["Response"] * 3, "another host has a circuit of its own"
        sent.clear()
        ahead += 61
        assert await outcomes(5) == ["ConnectError"] + ["HttpxCircuitOpen"] * 4 and len(sent) == 1
        ahead += 61
        trial = asyncio.create_task(client.get("http://a.example/"))
        await asyncio.sleep(0.01)
        trial.cancel()  # the client of the service went away: nothing is learnt, and nothing is stuck
        works = True
        assert await outcomes(1) == ["HttpxCircuitOpen"]
        ahead += 61
        assert await outcomes(2) == ["HttpxCircuitOpen", "Response"]
        assert await outcomes(5) == ["Response"] * 5

    client = module.guarded_async_client(httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    asyncio.run(play())


def test_what_is_remembered_of_hosts_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = fixed({"main.py": MAIN, "requirements.txt": "fastapi\nhttpx\nrequests\n"}, "ARC006")
    module = loaded(write(files, tmp_path), monkeypatch, "settings", "circuit_breaker")
    for number in range(module.MAX_HOSTS + 50):
        module._failed(f"h{number}.example")
    assert len(module._circuits) == module.MAX_HOSTS and "h0.example" not in module._circuits


def test_the_one_client_of_another_fix_is_guarded_where_it_is_made() -> None:
    main = ("import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
            "@app.get(\"/\")\nasync def root() -> str:\n"
            "    async with httpx.AsyncClient() as client:\n"
            "        return (await client.get(\"https://a.example\")).text\n")
    files = fixed({"main.py": main, "requirements.txt": "fastapi\nhttpx\n"}, "PER011", "ARC006")
    assert "_client = guarded_async_client(httpx.AsyncClient(" in files["http_client.py"]
