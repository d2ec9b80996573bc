"""The module that PER012 writes, in a served application on a real PostgreSQL: the gauges follow the connections."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

from generated import fixed, write
from servers import Postgres, Service, until

MAIN = """import asyncio

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from prometheus_client import generate_latest
from sqlalchemy import text

from db import engine

app = FastAPI()
told = asyncio.Event()


@app.get("/metrics", response_class=PlainTextResponse)
def metrics() -> str:
    return generate_latest().decode()


@app.get("/slow")
async def slow() -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        await told.wait()


@app.get("/go-on")
async def go_on() -> None:
    told.set()


@app.get("/broken")
async def broken() -> None:
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        await connection.invalidate()
"""
DB = """import os

from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=2)
"""


def test_the_gauges_follow_the_connections(tmp_path: Path, postgres: Postgres, serve: Callable[..., Service]) -> None:
    files = fixed({"main.py": MAIN, "db.py": DB, "requirements.txt": "sqlalchemy==2.0.58\n"}, "PER012")
    service = serve("main:app", write(files, tmp_path),
                    DATABASE_URL=postgres.url(postgres.database(), "psycopg"))

    def shown(name: str) -> float:
        text = service.ask("/metrics")[1]
        found = re.search(rf'^db_pool_connections_{name}{{pool="default"}} ([\d.]+)$', text, re.MULTILINE)
        assert found, text
        return float(found[1])

    assert (shown("open"), shown("in_use")) == (0, 0)
    calls = [threading.Thread(target=service.ask, args=("/slow",)) for _ in range(2)]
    for call in calls:
        call.start()
    until(lambda: shown("in_use") == 2, 30, "two connections are in use")
    service.ask("/go-on")
    for call in calls:
        call.join(60)
    assert (shown("open"), shown("in_use")) == (2, 0)
    assert service.ask("/broken")[0] == 200
    assert (shown("open"), shown("in_use")) == (1, 0), "a connection that broke is open no more"
