"""Figures over all statements of a user."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from apps.infra.db.models import Statement, Transaction


@dataclass(frozen=True, slots=True)
class StatementTotals:
    """Money in and out of one statement."""

    statement_id: str
    bank_name: str
    transactions: int
    income: Decimal
    spending: Decimal


class ReportService:
    """Reports for one user."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def totals(self, user_id: str) -> list[StatementTotals]:
        """Return the totals of each statement, oldest first."""
        query = select(Statement).where(Statement.user_id == user_id).order_by(Statement.created_at)
        statements = (await self._session.execute(query)).scalars().all()
        totals = []
        for statement in statements:
            lines = await self._session.execute(
                select(Transaction.amount).where(Transaction.statement_id == statement.id)
            )
            amounts = lines.scalars().all()
            totals.append(
                StatementTotals(
                    statement_id=statement.id,
                    bank_name=statement.bank_name,
                    transactions=len(amounts),
                    income=sum((amount for amount in amounts if amount > 0), Decimal(0)),
                    spending=sum((amount for amount in amounts if amount < 0), Decimal(0)),
                )
            )
        return totals
