"""Statements and their transactions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, UploadFile, status
from kombu.exceptions import OperationalError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import audit
from app.api.schemas import StatementOut, TransactionOut
from app.dependencies import CurrentUser, PageDep, ResourcesDep, SessionDep, SettingsDep
from app.errors import ApiError
from app.models import Statement, Status, Transaction
from app.observability import UPLOADS

router = APIRouter(prefix="/statements", tags=["statements"])

_CHUNK = 64 * 1_024

IdempotencyKey = Annotated[str, Header(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


async def get_statement(statement_id: UUID, user: CurrentUser, session: SessionDep) -> Statement:
    """Return a statement of the user, or 404, also for one of somebody else."""
    query = select(Statement).where(Statement.id == statement_id, Statement.owner_id == user.id)
    statement = (await session.execute(query)).scalar_one_or_none()
    if statement is None:
        raise ApiError(404, "unknown_statement", "There is no such statement")
    return statement


StatementDep = Annotated[Statement, Depends(get_statement)]


@router.post("", status_code=status.HTTP_202_ACCEPTED, response_model=StatementOut)
async def upload(
    file: UploadFile,
    idempotency_key: IdempotencyKey,
    user: CurrentUser,
    session: SessionDep,
    resources: ResourcesDep,
    settings: SettingsDep,
) -> Statement:
    """Take a statement and parse it in the background; the same key again returns the same statement."""
    text = await _read_text(file, settings.max_body_bytes)
    statement = Statement(
        owner_id=user.id,
        idempotency_key=idempotency_key,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        file_name=(file.filename or "statement")[:120],
        content=text,
    )
    statement = await _store_once(session, statement)
    if statement.status is Status.PENDING:
        try:
            await resources.enqueue(statement.id)
        except (OperationalError, OSError) as error:
            message = "Send the file again with the same Idempotency-Key"
            raise ApiError(503, "queue_unavailable", message, {"Retry-After": "10"}) from error
    return statement


@router.get("", response_model=list[StatementOut])
async def list_statements(user: CurrentUser, session: SessionDep, page: PageDep) -> Sequence[Statement]:
    """Return statements of the user, newest first."""
    query = (
        select(Statement)
        .where(Statement.owner_id == user.id)
        .order_by(Statement.created_at.desc(), Statement.id)
        .limit(page.limit)
        .offset(page.offset)
    )
    return (await session.execute(query)).scalars().all()


@router.get("/{statement_id}", response_model=StatementOut)
async def read_statement(statement: StatementDep) -> Statement:
    """Return one statement."""
    return statement


@router.get("/{statement_id}/transactions", response_model=list[TransactionOut])
async def list_transactions(statement: StatementDep, session: SessionDep, page: PageDep) -> Sequence[Transaction]:
    """Return lines of a statement in printed order."""
    query = (
        select(Transaction)
        .where(Transaction.statement_id == statement.id)
        .order_by(Transaction.position)
        .limit(page.limit)
        .offset(page.offset)
    )
    return (await session.execute(query)).scalars().all()


@router.delete("/{statement_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_statement(statement: StatementDep, session: SessionDep) -> None:
    """Delete a statement with its transactions."""
    await session.delete(statement)
    await session.commit()
    audit.record("statement.deleted", statement.owner_id, statement=str(statement.id))


async def _read_text(file: UploadFile, limit: int) -> str:
    content = bytearray()
    while chunk := await file.read(_CHUNK):
        content += chunk
        if len(content) > limit:
            raise ApiError(413, "file_too_large", "The file is too large")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ApiError(422, "not_text", "The file is not text in UTF-8") from None
    if "\0" in text:
        raise ApiError(422, "not_text", "The file is not text in UTF-8")
    return text


async def _store_once(session: AsyncSession, statement: Statement) -> Statement:
    owner_id, key, digest = statement.owner_id, statement.idempotency_key, statement.digest
    session.add(statement)
    try:
        await session.commit()
    except IntegrityError:
        await session.rollback()
        query = select(Statement).where(Statement.owner_id == owner_id, Statement.idempotency_key == key)
        stored = (await session.execute(query)).scalar_one()
        if stored.digest != digest:
            raise ApiError(409, "key_reused", "This Idempotency-Key belongs to another file") from None
        return stored
    UPLOADS.inc()
    return statement
