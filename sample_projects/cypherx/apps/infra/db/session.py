"""Engine and sessions: one engine for the process, one session for a request or a job.

Jobs outlive the request that started them, so they open sessions of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import NullPool

from apps.core.config import settings

_ASYNC_DRIVERS = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}


def _build_async_dsn(dsn: str) -> str:
    """Give a DSN the driver that works with asyncio.

    Hosting platforms hand out `postgres://` or `postgresql://`; SQLAlchemy needs the driver by name.
    A DSN that names its driver already is left as it is.
    """
    scheme, separator, rest = dsn.partition("://")
    if not separator:
        raise ValueError("DATABASE_URL is not a DSN: expected scheme://...")
    return f"{_ASYNC_DRIVERS.get(scheme, scheme)}://{rest}"


# The engine connects when the first query runs, so the service starts without a database.
# Idle connections used to be dropped; a new one for each session made the errors go away.
async_engine: AsyncEngine = create_async_engine(
    _build_async_dsn(settings.database_dsn),
    poolclass=NullPool,
    echo=settings.db_echo,
)

async_session_factory = async_sessionmaker(async_engine, class_=AsyncSession, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    """Dependency: the session of one request."""
    async with async_session_factory() as session:
        yield session
