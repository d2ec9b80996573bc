"""Fixtures: a database file for each test, and stand-ins for Redis, the broker and the upstream."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

# The application reads its settings when it is imported, so the environment comes first.
os.environ.update(
    ENVIRONMENT="development",
    JWT_SECRET="only-the-tests-know-this-secret-0123456789",
    METRICS_TOKEN="only-the-scraper-of-the-tests",
    DATABASE_URL="postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
    REDIS_URL="redis://127.0.0.1:1/0",
    RATES_URL="https://rates.invalid/v1/",
    RATES_API_KEY="a-key-for-no-upstream",
    CORS_ORIGINS="https://app.tally.example",
    ALLOWED_HOSTS="api.tally.example",
    SENTRY_DSN="",
    OTLP_ENDPOINT="",
)

import httpx
import pytest
from fastapi.testclient import TestClient
from limits.aio.storage import MemoryStorage
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from app import security
from app.main import create_app
from app.models import Base
from app.rates import RatesClient
from app.resources import Resources
from app.settings import Settings, get_settings


class FakeRedis:
    """The three commands that the service uses."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.error: Exception | None = None

    async def get(self, key: str) -> str | None:
        """Return a value."""
        self._fail()
        return self.values.get(key)

    async def set(self, key: str, value: str, *, ex: int) -> None:
        """Keep a value; time stands still here."""
        assert ex > 0
        self._fail()
        self.values[key] = value

    async def ping(self) -> bool:
        """Answer."""
        self._fail()
        return True

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


def sqlite_engine(path: Path) -> AsyncEngine:
    """Build an engine over a file, with foreign keys as PostgreSQL has them."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    event.listen(engine.sync_engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    return engine


@dataclass
class World:
    """Everything outside the application."""

    database: Path
    redis: FakeRedis = field(default_factory=FakeRedis)
    limits: MemoryStorage = field(default_factory=MemoryStorage)
    queued: list[UUID] = field(default_factory=list)
    queue_error: Exception | None = None
    upstream: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200, json={"rate": "1.0825"})

    async def enqueue(self, statement_id: UUID) -> None:
        """Note what would go to the workers."""
        if self.queue_error is not None:
            raise self.queue_error
        self.queued.append(statement_id)

    def rates(self) -> RatesClient:
        """Build the client of the upstream."""
        transport = httpx.MockTransport(lambda request: self.upstream(request))
        http = httpx.AsyncClient(transport=transport, base_url="https://rates.invalid/v1/")
        return RatesClient(http, self.redis, 300)  # type: ignore[arg-type]

    @asynccontextmanager
    async def connect(self, settings: Settings) -> AsyncIterator[Resources]:
        """Open resources as the application does in production."""
        engine = sqlite_engine(self.database)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        enqueue: Callable[[UUID], Awaitable[None]] = self.enqueue
        yield Resources(
            engine=engine,
            sessions=async_sessionmaker(engine, expire_on_commit=False),
            redis=self.redis,  # type: ignore[arg-type]
            limits=self.limits,
            rates=self.rates(),
            enqueue=enqueue,
        )
        await engine.dispose()


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, as the service runs."""
    return "asyncio"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the smallest cost: sign-in is slow on purpose, tests need not be."""
    hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(security, "_hasher", hasher)
    monkeypatch.setattr(security, "_nobody", hasher.hash("nobody"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A world of its own for each test."""
    return World(tmp_path / "tally.db")


@pytest.fixture
def settings() -> Settings:
    """Settings of the tests; a test changes a copy."""
    return get_settings().model_copy()


@pytest.fixture
def client(world: World, settings: Settings) -> Iterator[TestClient]:
    """A client of the running application."""
    app = create_app(settings, world.connect)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as test_client:
        yield test_client


@pytest.fixture
def headers(client: TestClient) -> dict[str, str]:
    """Headers of a signed-in user."""
    return sign_up(client, "asha@example.com")


def sign_up(client: TestClient, email: str) -> dict[str, str]:
    """Register a user, sign in, and return the headers of the next requests."""
    password = "correct horse battery"
    assert client.post("/api/v1/auth/register", json={"email": email, "password": password}).status_code == 201
    answer = client.post("/api/v1/auth/token", data={"username": email, "password": password})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
