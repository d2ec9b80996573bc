"""Bodies of requests and responses."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, EmailStr, Field, SecretStr

from app.models import Status


class Out(BaseModel):
    """A response that is read from an object of the database."""

    model_config = ConfigDict(from_attributes=True)


class NewUser(BaseModel):
    """What a user signs up with."""

    email: EmailStr
    password: SecretStr = Field(min_length=12, max_length=128)


class UserOut(Out):
    """A user, without secrets."""

    id: UUID
    email: str
    created_at: datetime


class TokenOut(BaseModel):
    """An access token and how long it lives, in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int


class StatementOut(Out):
    """A statement and where it stands."""

    id: UUID
    file_name: str
    status: Status
    created_at: datetime


class TransactionOut(Out):
    """One line of a statement."""

    booked_on: date
    description: str
    amount: Decimal


class RateOut(BaseModel):
    """How much of a currency one euro buys."""

    currency: str
    rate: Decimal


class Health(BaseModel):
    """The service as a whole, and each thing that it depends on."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, Literal["ok", "unavailable"]] = Field(default_factory=dict)
