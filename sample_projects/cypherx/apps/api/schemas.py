"""Bodies of requests and responses."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from apps.infra.jobs.store import JobStatus


class Credentials(BaseModel):
    """What a user signs in with."""

    email: str
    password: str


class TokenOut(BaseModel):
    """An access token."""

    access_token: str
    token_type: str = "bearer"


class UserOut(BaseModel):
    """A user, without secrets."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    email: str


class JobOut(BaseModel):
    """A statement job."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    file_name: str
    status: JobStatus
    statement_id: str | None
    error: str | None


class StatementOut(BaseModel):
    """A statement in a list."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    bank_name: str
    file_name: str
    created_at: datetime


class TransactionOut(BaseModel):
    """One line of a statement."""

    model_config = ConfigDict(from_attributes=True)

    booked_on: date
    description: str
    amount: Decimal


class EntityIn(BaseModel):
    """An entity to add."""

    name: str
    kind: str = "merchant"


class EntityOut(BaseModel):
    """An entity."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    kind: str


class MatchesOut(BaseModel):
    """The lines of a statement that name an entity."""

    model_config = ConfigDict(from_attributes=True)

    entity: EntityOut
    transactions: list[TransactionOut]


class TotalsOut(BaseModel):
    """Money in and out of one statement."""

    model_config = ConfigDict(from_attributes=True)

    statement_id: str
    bank_name: str
    transactions: int
    income: Decimal
    spending: Decimal
