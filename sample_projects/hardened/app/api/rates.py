"""Exchange rates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from app.api.schemas import RateOut
from app.dependencies import ResourcesDep, get_current_user

router = APIRouter(prefix="/rates", tags=["rates"], dependencies=[Depends(get_current_user)])

Currency = Annotated[str, Path(pattern=r"^[A-Z]{3}$")]


@router.get("/{currency}")
async def read_rate(currency: Currency, resources: ResourcesDep) -> RateOut:
    """Return how much of a currency one euro buys."""
    return RateOut(currency=currency, rate=await resources.rates.rate(currency))
