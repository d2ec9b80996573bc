"""The engine: pooled, with a limit on every wait."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.settings import Settings


def build_engine(settings: Settings) -> AsyncEngine:
    """Build the engine of a process; it connects with the first query."""
    milliseconds = round(settings.database_statement_timeout * 1_000)
    return create_async_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
        pool_timeout=settings.database_pool_timeout,
        pool_recycle=settings.database_pool_recycle,
        pool_pre_ping=True,
        connect_args={
            "timeout": settings.database_connect_timeout,
            # The server gives up first; the client's limit covers a server that is gone.
            "command_timeout": settings.database_statement_timeout + 1,
            "server_settings": {"statement_timeout": str(milliseconds), "application_name": "tally"},
        },
    )
