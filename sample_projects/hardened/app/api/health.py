"""Probes: liveness asks the process alone, readiness everything that a request needs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter, Response, status
from sqlalchemy import text

from app.api.schemas import Health
from app.dependencies import ResourcesDep, SettingsDep
from app.resources import Resources

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> Health:
    """Answer as long as the process does; a failure restarts it."""
    return Health(status="ok")


@router.get("/ready", responses={503: {"model": Health}})
async def ready(response: Response, resources: ResourcesDep, settings: SettingsDep) -> Health:
    """Check database and Redis, cache and broker in one; a failure takes the process off the load balancer."""
    states = await asyncio.gather(
        _state("database", _query(resources), settings.database_connect_timeout),
        _state("redis", resources.redis.ping(), settings.redis_timeout),
    )
    checks = dict(zip(("database", "redis"), states, strict=True))
    if any(state != "ok" for state in states):
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return Health(status="unavailable", checks=checks)
    return Health(status="ok", checks=checks)


async def _state(name: str, check: Awaitable[object], seconds: float) -> Literal["ok", "unavailable"]:
    try:
        async with asyncio.timeout(seconds):
            await check
    except Exception:
        logger.exception("Readiness check failed", extra={"check": name})
        return "unavailable"
    return "ok"


async def _query(resources: Resources) -> None:
    async with resources.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
