"""Create the tables once: `python -m apps.infra.db.create_tables`."""

from __future__ import annotations

import asyncio

from apps.infra.db.models import Base
from apps.infra.db.session import async_engine


async def create_tables() -> None:
    """Create every table that does not exist yet."""
    async with async_engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


if __name__ == "__main__":
    asyncio.run(create_tables())
