"""Upload of statements, their jobs and their transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, UploadFile, status

from apps.api.deps import CurrentUser, SessionDep
from apps.api.schemas import JobOut, MatchesOut, StatementOut, TransactionOut
from apps.domain.services.statements import Matches, StatementPipelineService, StatementRepository
from apps.infra.db.models import Statement, Transaction
from apps.infra.db.session import async_session_factory
from apps.infra.jobs.store import Job, job_store

router = APIRouter(prefix="/ai/statements", tags=["statements"])


def get_pipeline() -> StatementPipelineService:
    """Dependency: the pipeline over the store of this process."""
    return StatementPipelineService(async_session_factory, job_store)


PipelineDep = Annotated[StatementPipelineService, Depends(get_pipeline)]


async def get_statement(statement_id: str, user: CurrentUser, session: SessionDep) -> Statement:
    """Dependency: a statement of the user, or 404."""
    statement = await StatementRepository(session).get_for_user(user.id, statement_id)
    if statement is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "No such statement")
    return statement


StatementDep = Annotated[Statement, Depends(get_statement)]


@router.post("/normalize", response_model=JobOut, status_code=status.HTTP_202_ACCEPTED)
async def normalize(
    file: UploadFile,
    user: CurrentUser,
    pipeline: PipelineDep,
    bank_name: Annotated[str | None, Form()] = None,
) -> Job:
    """Take a statement and parse it in the background."""
    content = await file.read()
    if not content:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "The file is empty")
    return await pipeline.submit(
        user_id=user.id,
        file_name=file.filename or "statement",
        content=content,
        bank_name=bank_name,
    )


@router.get("/jobs/{job_id}", response_model=JobOut)
async def get_job(job_id: str, user: CurrentUser, pipeline: PipelineDep) -> Job:
    """Return the state of a job."""
    job = await pipeline.get_job(user.id, job_id)
    if job is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "No such job")
    return job


@router.get("/", response_model=list[StatementOut])
async def list_statements(user: CurrentUser, session: SessionDep) -> Sequence[Statement]:
    """Return all statements of the user."""
    return await StatementRepository(session).list_for_user(user.id)


@router.get("/{statement_id}/transactions", response_model=list[TransactionOut])
async def list_transactions(statement: StatementDep, session: SessionDep) -> Sequence[Transaction]:
    """Return the lines of a statement."""
    return await StatementRepository(session).transactions(statement.id)


@router.get("/{statement_id}/entities", response_model=list[MatchesOut])
async def list_matches(statement: StatementDep, user: CurrentUser, session: SessionDep) -> list[Matches]:
    """Return the known entities that a statement names."""
    return await StatementRepository(session).match_entities(user.id, statement.id)


@router.delete("/{statement_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_statement(statement: StatementDep, session: SessionDep) -> None:
    """Delete a statement and its lines."""
    await StatementRepository(session).delete(statement)
