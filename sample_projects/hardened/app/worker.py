"""The queue: `celery -A app.worker worker`. Tasks are idempotent, because one may run twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from celery import Celery
from celery.signals import setup_logging
from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import build_engine
from app.models import Statement, Status, Transaction
from app.observability import configure_error_tracking, configure_logging
from app.parsing import parse_statement
from app.settings import get_settings

_HARD_LIMIT = 120

celery = Celery("tally", broker=get_settings().redis_url.get_secret_value())
celery.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_time_limit=_HARD_LIMIT,
    task_soft_time_limit=_HARD_LIMIT - 20,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=5,
    # A task that is not acknowledged comes back after this: well above the hard limit.
    broker_transport_options={"visibility_timeout": 10 * _HARD_LIMIT, "socket_connect_timeout": 5},
    beat_schedule={"purge": {"task": "tally.purge", "schedule": timedelta(days=1)}},
)
# Connections fail for a while and then work again; a file that cannot be read never will.
_retries: dict[str, Any] = {
    "autoretry_for": (OSError, DBAPIError),
    "retry_backoff": True,
    "retry_backoff_max": 300,
    "retry_jitter": True,
    "max_retries": 8,
}


@setup_logging.connect  # type: ignore[untyped-decorator]
def configure_worker(**_: object) -> None:
    """Log and report as the API does."""
    configure_logging(get_settings().log_level)
    configure_error_tracking(get_settings())


async def with_session(work: Callable[[AsyncSession], Awaitable[None]]) -> None:
    """Run work in a transaction. An engine belongs to one event loop, and each task has its own."""
    engine = build_engine(get_settings())
    try:
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            await work(session)
    finally:
        await engine.dispose()


@celery.task(name="tally.parse", **_retries)  # type: ignore[untyped-decorator]
def parse(statement_id: str) -> None:
    """Parse a stored statement."""
    asyncio.run(with_session(lambda session: parse_stored(session, UUID(statement_id))))


@celery.task(name="tally.purge", **_retries)  # type: ignore[untyped-decorator]
def purge() -> None:
    """Delete what is older than the retention time."""
    asyncio.run(with_session(delete_expired))


async def parse_stored(session: AsyncSession, statement_id: UUID) -> None:
    """Replace the text of a statement by its transactions; nothing to do for one that is done or gone."""
    query = select(Statement).where(Statement.id == statement_id, Statement.status == Status.PENDING)
    statement = (await session.execute(query.with_for_update())).scalar_one_or_none()
    if statement is None:
        return
    lines = parse_statement(statement.content or "")
    session.add_all(
        Transaction(
            statement_id=statement.id,
            position=position,
            booked_on=line.booked_on,
            description=line.description,
            amount=line.amount,
        )
        for position, line in enumerate(lines)
    )
    statement.status = Status.DONE if lines else Status.FAILED
    statement.content = None


async def delete_expired(session: AsyncSession) -> None:
    """Delete statements, and with them their transactions, after the retention time."""
    oldest = datetime.now(UTC) - timedelta(days=get_settings().retention_days)
    await session.execute(delete(Statement).where(Statement.created_at < oldest))
