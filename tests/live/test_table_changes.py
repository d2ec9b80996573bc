"""LISTEN and NOTIFY by ARC004: a real PostgreSQL, Alembic, a served loop; rows at once, connections that get lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from generated import fixed, run, write
from servers import Postgres, Service, until

DB = """\
import os

from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.getenv("DATABASE_URL", "postgresql+asyncpg://localhost/shop"))
session_factory = async_sessionmaker(engine)


class Base(DeclarativeBase):
    pass


class Job(Base):
    __tablename__ = "jobs"

    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str]
"""
MAIN = """\
import asyncio
import logging
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import event, select

from db import Job, engine, session_factory

logger = logging.getLogger(__name__)
asked = []


async def work() -> None:
    while True:
        try:
            async with session_factory() as session:
                query = select(Job).where(Job.status == "new").with_for_update(skip_locked=True)
                jobs = (await session.scalars(query)).all()
                for job in jobs:
                    job.status = "done"
                await session.commit()
        except Exception:
            logger.exception("The loop failed")
        await asyncio.sleep(0.2)


@event.listens_for(engine.sync_engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest) -> None:
    if "FROM jobs" in statement:
        asked.append(statement)


@asynccontextmanager
async def lifespan(app: FastAPI):
    tasks = [asyncio.create_task(work()) for _ in range(2)]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/asked")
async def number() -> int:
    return len(asked)
"""
ENV = """\
import os

from alembic import context
from sqlalchemy import create_engine

from db import Base

with create_engine(os.environ["ALEMBIC_URL"]).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
FIRST = """\
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("jobs", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("status", sa.String()))


def downgrade() -> None:
    op.drop_table("jobs")
"""
FILES = {"main.py": MAIN, "db.py": DB, "alembic.ini": "[alembic]\nscript_location = migrations\nprepend_sys_path = .\n",
         "migrations/env.py": ENV, "migrations/versions/0001_first.py": FIRST,
         "requirements.txt": "fastapi\nalembic==1.20.1\nsqlalchemy==2.0.58\nasyncpg\n"}
LISTENING = "SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN \"jobs_changed\"' OR query LIKE 'LISTEN%'"


class Shop:
    """The served loop and its database."""

    def __init__(self, serve: Callable[..., Service], postgres: Postgres, folder: Path, revision: str = "head") -> None:
        self.postgres, self.database, self.folder = postgres, postgres.database(), write(fixed(FILES, "ARC004"), folder)
        self.alembic("upgrade", revision)
        self.service = serve("main:app", folder, DATABASE_URL=postgres.url(self.database, "asyncpg"))
        self.jobs = 0

    def alembic(self, *words: str) -> None:
        run(self.folder, "python", "-m", "alembic", *words, ALEMBIC_URL=self.postgres.url(self.database, "psycopg"))

    def query(self, sql: str) -> Any:
        return self.postgres.query(sql, self.database)

    def asked(self) -> int:
        return int(self.service.ask("/asked")[1])

    def quiet(self) -> None:
        """Wait until no task has asked for more than two of their pauses: all wait to be told."""
        before, since = self.asked(), time.monotonic()

        def still() -> bool:
            nonlocal before, since
            now = self.asked()
            if now != before:
                before, since = now, time.monotonic()
            return time.monotonic() > since + 0.6

        until(still, 50, "nobody asks")

    def is_done(self) -> None:
        """A new job is done long before anybody would ask without being told, once a minute."""
        self.jobs += 1
        self.query(f"INSERT INTO jobs VALUES ({self.jobs}, 'new')")
        until(lambda: self.query(f"SELECT status FROM jobs WHERE id = {self.jobs}") == [["done"]], 30, "it is done")

    def listens(self) -> None:
        """Wait until a connection listens."""
        until(lambda: self.query(LISTENING), 30, "it listens")


def test_rows_are_taken_at_once_with_few_queries_and_after_a_lost_connection(
    serve: Callable[..., Service], own_postgres: Postgres, tmp_path: Path
) -> None:
    shop = Shop(serve, own_postgres, tmp_path)
    shop.listens()
    assert len(shop.query(LISTENING)) == 1, "one connection for both tasks"
    shop.quiet()
    before = shop.asked()
    time.sleep(1.5)
    assert shop.asked() == before, "nothing comes, nothing is asked; each task asked five times a second before"
    for _ in range(3):
        shop.is_done()
        shop.quiet()

    shop.query(f"SELECT pg_terminate_backend(pid) FROM ({LISTENING}) AS listening")
    shop.listens()
    shop.quiet()
    shop.is_done()

    failed = shop.service.output().count("The loop failed")
    own_postgres.stop()
    until(lambda: shop.service.output().count("The loop failed") > failed + 1, 30, "both see that it is away")
    own_postgres.start()
    shop.is_done()
    shop.listens()
    shop.quiet()
    shop.is_done()
    shop.service.stop()
    assert "never awaited" not in shop.service.output() and "garbage collector" not in shop.service.output()


def test_before_its_migration_it_asks_as_it_did_and_the_migration_goes_back(
    serve: Callable[..., Service], own_postgres: Postgres, tmp_path: Path
) -> None:
    shop = Shop(serve, own_postgres, tmp_path, "0001")
    before = shop.asked()
    until(lambda: shop.asked() - before >= 4, 30, "it asks")
    shop.is_done()
    shop.alembic("upgrade", "head")
    shop.listens()
    shop.quiet()
    shop.is_done()
    shop.alembic("downgrade", "0001")
    assert shop.query("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert shop.query("SELECT proname FROM pg_proc WHERE proname = 'jobs_changed'") == []
