"""Reports."""

from __future__ import annotations

from fastapi import APIRouter

from apps.api.deps import CurrentUser, SessionDep
from apps.api.schemas import TotalsOut
from apps.domain.services.reports import ReportService, StatementTotals

router = APIRouter(prefix="/ai/reports", tags=["reports"])


@router.get("/totals", response_model=list[TotalsOut])
async def totals(user: CurrentUser, session: SessionDep) -> list[StatementTotals]:
    """Return the money in and out of each statement."""
    return await ReportService(session).totals(user.id)
