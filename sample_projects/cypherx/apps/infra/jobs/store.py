"""State of the statement jobs."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime


class JobStatus(enum.StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One statement on its way through the pipeline."""

    user_id: str
    file_name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: JobStatus = JobStatus.QUEUED
    statement_id: str | None = None
    error: str | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class InMemoryJobStore:
    """Jobs by id, kept in this process."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    async def add(self, job: Job) -> Job:
        """Remember a new job."""
        self._jobs[job.id] = job
        return job

    async def get(self, job_id: str) -> Job | None:
        """Return a job, or None when this process does not know it."""
        return self._jobs.get(job_id)

    async def update(
        self,
        job_id: str,
        status: JobStatus,
        *,
        statement_id: str | None = None,
        error: str | None = None,
    ) -> None:
        """Move a job to another status."""
        self._jobs[job_id] = replace(self._jobs[job_id], status=status, statement_id=statement_id, error=error)

    async def clear(self) -> None:
        """Forget all jobs."""
        self._jobs.clear()


job_store = InMemoryJobStore()
