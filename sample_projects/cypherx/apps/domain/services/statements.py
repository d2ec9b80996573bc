"""The statement pipeline: accept a file, parse it in the background, keep its transactions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from apps.domain.parsers.csv_statement import ParsedLine, StatementFormatError, parse_statement
from apps.infra.db.models import Entity, Statement, Transaction
from apps.infra.jobs.store import InMemoryJobStore, Job, JobStatus

logger = logging.getLogger(__name__)

UNKNOWN_BANK = "UNKNOWN"

# Marks that banks print in the head of a statement, in the order in which they are tried.
_BANK_MARKS = (
    ("AXIS", ("axis bank", "utib")),
    ("HDFC", ("hdfc bank", "hdfc0")),
    ("ICICI", ("icici bank", "icic0")),
    ("SBI", ("state bank of india", "sbin0")),
)
_HEAD_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job needs while it runs."""

    job: Job
    content: bytes
    bank_name: str | None


@dataclass(frozen=True, slots=True)
class Matches:
    """Transactions of a statement that name a known entity."""

    entity: Entity
    transactions: Sequence[Transaction]


def detect_bank(text: str) -> str:
    """Guess the bank from the head of a statement."""
    head = text[:_HEAD_CHARACTERS].lower()
    for bank, marks in _BANK_MARKS:
        if any(mark in head for mark in marks):
            return bank
    return UNKNOWN_BANK


def decode_statement(content: bytes) -> str:
    """Decode a file: UTF-8 where possible, else the code page that older exports use."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


class StatementRepository:
    """The stored statements of one user."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def list_for_user(self, user_id: str) -> Sequence[Statement]:
        """Return the statements of a user, newest first."""
        query = select(Statement).where(Statement.user_id == user_id).order_by(Statement.created_at.desc())
        return (await self._session.execute(query)).scalars().all()

    async def get_for_user(self, user_id: str, statement_id: str) -> Statement | None:
        """Return one statement when it belongs to the user."""
        query = select(Statement).where(Statement.id == statement_id, Statement.user_id == user_id)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def transactions(self, statement_id: str) -> Sequence[Transaction]:
        """Return the lines of a statement by date."""
        query = (
            select(Transaction)
            .where(Transaction.statement_id == statement_id)
            .order_by(Transaction.booked_on, Transaction.id)
        )
        return (await self._session.execute(query)).scalars().all()

    async def delete(self, statement: Statement) -> None:
        """Delete a statement together with its lines."""
        await self._session.execute(delete(Transaction).where(Transaction.statement_id == statement.id))
        await self._session.delete(statement)
        await self._session.commit()

    async def match_entities(self, user_id: str, statement_id: str) -> list[Matches]:
        """Group the lines of a statement by the entities of the user that they name."""
        lines = await self.transactions(statement_id)
        entities = (await self._session.execute(select(Entity).where(Entity.user_id == user_id))).scalars().all()
        found = []
        for entity in entities:
            name = entity.name.lower()
            matching = [line for line in lines if name in line.description.lower()]
            if matching:
                found.append(Matches(entity, matching))
        return found


class StatementPipelineService:
    """Turns uploaded files into statements.

    `submit` returns at once; the caller polls the job store with the id of the job. A job that ends
    well names its statement, one that fails says why.
    """

    def __init__(
        self,
        session_factory: async_sessionmaker[AsyncSession],
        store: InMemoryJobStore,
    ) -> None:
        self._session_factory = session_factory
        self._store = store

    async def submit(
        self,
        *,
        user_id: str,
        file_name: str,
        content: bytes,
        bank_name: str | None = None,
    ) -> Job:
        """Start the pipeline for one file and return its job.

        The job is known to the store before this returns, so that a client that polls at once finds it.

        Args:
            user_id: owner of the statement.
            file_name: as the browser sent it; shown in lists.
            content: the whole file.
            bank_name: overrides the detection.

        """
        job = await self._store.add(Job(user_id=user_id, file_name=file_name))
        context = JobContext(job=job, content=content, bank_name=bank_name)

        logger.info("Queued statement job %s (%d bytes)", job.id, len(content))

        # Parsing takes seconds on long statements: do it after the response.
        asyncio.create_task(self._run_job(context))
        return job

    async def get_job(self, user_id: str, job_id: str) -> Job | None:
        """Return a job when it belongs to the user."""
        job = await self._store.get(job_id)
        return job if job is not None and job.user_id == user_id else None

    async def _run_job(self, context: JobContext) -> None:
        job_id = context.job.id
        await self._store.update(job_id, JobStatus.RUNNING)
        try:
            statement_id = await self._process(context)
        except StatementFormatError as error:
            print(f"Job {job_id} failed: {error}")
            await self._store.update(job_id, JobStatus.FAILED, error=str(error))
        else:
            logger.info("Finished statement job %s", job_id)
            await self._store.update(job_id, JobStatus.DONE, statement_id=statement_id)

    async def _process(self, context: JobContext) -> str:
        text = decode_statement(context.content)
        lines = parse_statement(text)
        bank = context.bank_name or detect_bank(text)
        if bank == UNKNOWN_BANK:
            print(f"Warning: no bank recognised in {context.job.file_name}")
        return await self._save(context.job, bank, lines)

    async def _save(self, job: Job, bank: str, lines: list[ParsedLine]) -> str:
        async with self._session_factory() as session, session.begin():
            statement = Statement(user_id=job.user_id, bank_name=bank, file_name=job.file_name)
            session.add(statement)
            await session.flush()
            session.add_all(
                Transaction(
                    statement_id=statement.id,
                    booked_on=line.booked_on,
                    description=line.description,
                    amount=line.amount,
                )
                for line in lines
            )
            return statement.id
