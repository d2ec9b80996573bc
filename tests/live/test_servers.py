"""The servers that live tests start are real, answer, and are gone afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import write
from servers import Postgres, Process, Redis, Service, listens, until

APP = """import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/variables")
def variables() -> dict[str, str]:
    return dict(os.environ)
"""


def test_a_redis_answers_stops_and_is_back_on_its_port(own_redis: Redis) -> None:
    client = pytest.importorskip("redis").Redis.from_url(own_redis.url, socket_timeout=5, retry=None)
    assert client.set("key", "value")
    own_redis.stop()
    assert not listens(own_redis.port)
    own_redis.start()
    assert client.get("key") is None


def test_a_paused_server_takes_connections_and_answers_nothing(own_redis: Redis) -> None:
    assert own_redis.process is not None
    own_redis.process.pause()
    assert listens(own_redis.port) and not own_redis._pong()
    own_redis.process.resume()
    assert own_redis._pong()


def test_a_cluster_is_made_as_a_user_other_than_root_and_keeps_its_data(own_postgres: Postgres) -> None:
    name = own_postgres.database()
    own_postgres.query("CREATE TABLE shop (id int)", name)
    owner = own_postgres.folder.stat().st_uid
    assert owner != 0
    own_postgres.stop()
    assert not listens(own_postgres.port)
    own_postgres.start()
    assert own_postgres.tables(name) == ["shop"]


def test_a_served_application_gets_no_variable_of_ours(serve: Callable[..., Service], tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "secret")
    service = serve("main:app", write({"main.py": APP}, tmp_path), SHOP="yes")
    status, variables, headers = service.ask("/variables")
    assert status == 200 and variables["SHOP"] == "yes" and "OUR_TOKEN" not in variables
    assert headers["content-type"] == "application/json"
    assert service.stop() in (0, -15) and not listens(service.port)


def test_what_a_process_leaves_behind_ends_with_it(launch: Callable[..., Process], tmp_path: Path) -> None:
    child = "import subprocess, time; print(subprocess.Popen(['sleep', '300']).pid, flush=True); time.sleep(300)"
    process = launch(["python", "-c", child], tmp_path)
    pid = int(until(process.output, 30, "the child's process id"))
    process.stop()
    end = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
