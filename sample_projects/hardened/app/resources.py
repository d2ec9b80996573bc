"""What the service holds open while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
from fastapi.concurrency import run_in_threadpool
from limits.aio.storage import RedisStorage, Storage
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.database import build_engine
from app.observability import observe_engine
from app.rates import RatesClient
from app.settings import Settings
from app.worker import parse


@dataclass(frozen=True, slots=True)
class Resources:
    """Connections to everything outside; `enqueue` hands a statement to the workers."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    redis: Redis
    limits: Storage
    rates: RatesClient
    enqueue: Callable[[UUID], Awaitable[None]]


async def enqueue(statement_id: UUID) -> None:
    """Send the task from a thread: the broker's client blocks."""
    await run_in_threadpool(parse.apply_async, args=[str(statement_id)], task_id=str(statement_id))


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open everything, and close it in reverse order."""
    engine = build_engine(settings)
    observe_engine(engine)
    redis_url = settings.redis_url.get_secret_value()
    redis = Redis.from_url(
        redis_url,
        decode_responses=True,
        socket_timeout=settings.redis_timeout,
        socket_connect_timeout=settings.redis_timeout,
        max_connections=settings.redis_max_connections,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
    )
    http = httpx.AsyncClient(
        base_url=str(settings.rates_url),
        headers={"Authorization": f"Bearer {settings.rates_api_key.get_secret_value()}"},
        timeout=settings.rates_timeout,
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=10),
    )
    limits = RedisStorage(
        f"async+{redis_url}",
        implementation="redispy",
        connection_pool=redis.connection_pool,  # type: ignore[arg-type]
    )
    try:
        yield Resources(
            engine=engine,
            sessions=async_sessionmaker(engine, expire_on_commit=False),
            redis=redis,
            limits=limits,
            rates=RatesClient(http, redis, settings.rates_cache_seconds),
            enqueue=enqueue,
        )
    finally:
        await http.aclose()
        await redis.aclose()
        await engine.dispose()
