"""The readiness route that OPS002 writes: 503, quickly, while a real Redis or PostgreSQL is away, and well afterwards.

The clients have no time limits of their own here: the route's must do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import fixed, write
from servers import Postgres, Redis, Service, until

pytest.importorskip("redis")
SETTINGS = """from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str
    redis_url: str


settings = Settings()
"""
MAIN = """from fastapi import FastAPI

from app import cache, db

app = FastAPI()


@app.get("/stock/{item}")
async def stock(item: str) -> str:
    return str(await cache.client.get(item)) + str(db.engine.url.database)
"""
CACHE = """from redis.asyncio import Redis

from app.settings import settings

client = Redis.from_url(settings.redis_url)
"""
ENGINES = {
    "asyncpg": "from sqlalchemy.ext.asyncio import create_async_engine\n\nfrom app.settings import settings\n\n"
               "engine = create_async_engine(settings.database_url)\n",
    "psycopg": "from sqlalchemy import create_engine\n\nfrom app.settings import settings\n\n"
               "engine = create_engine(settings.database_url)\n",
}
WELL = {"database": "ok", "redis": "ok"}
QUICKLY = 15  # seconds: the route's own limit is 3, and the machine may be under load


@pytest.fixture(params=ENGINES)
def ready(request: pytest.FixtureRequest, own_redis: Redis, own_postgres: Postgres, serve: Callable[..., Service],
          tmp_path: Path) -> Callable[[], tuple[int, dict[str, str], float]]:
    """Asks the readiness route of the served, fixed project: status, state of each dependency, seconds it took."""
    pytest.importorskip(request.param)
    files = {"app/__init__.py": "", "app/settings.py": SETTINGS, "app/main.py": MAIN, "app/cache.py": CACHE,
             "app/db.py": ENGINES[request.param], "requirements.txt": "fastapi\nsqlalchemy\nredis\n"}
    made = fixed(files, "OPS001", "OPS002")
    service = serve("app.main:app", write(made, tmp_path), REDIS_URL=own_redis.url,
                    DATABASE_URL=own_postgres.url("postgres", request.param))

    def ask() -> tuple[int, dict[str, str], float]:
        begun = time.monotonic()
        status, body, _ = service.ask("/health/ready", timeout=20)
        assert service.ask("/health/live")[0] == 200  # alive all the while
        return status, body["checks"], time.monotonic() - begun

    return ask


def test_503_while_one_is_away_or_hangs_and_200_when_it_is_back(
    ready: Callable[[], tuple[int, dict[str, str], float]], own_redis: Redis, own_postgres: Postgres,
) -> None:
    assert own_redis.process is not None
    ways = (
        ("redis", own_redis.stop, own_redis.start),
        ("database", own_postgres.stop, own_postgres.start),
        # connections stay open and nothing answers: only a time limit helps
        ("redis", lambda: own_redis.process.pause(), lambda: own_redis.process.resume()),
    )
    for name, away, back in ways:
        assert ready()[:2] == (200, WELL)
        away()
        for _ in range(2):
            status, checks, seconds = ready()
            assert (status, checks) == (503, {**WELL, name: "unavailable"}) and seconds < QUICKLY
        back()
        until(lambda: ready()[:2] == (200, WELL), 30, f"ready again after {name} was away")
