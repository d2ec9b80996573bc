"""Dependencies that several routers share."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer
from limits import parse
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import ApiError
from app.models import User
from app.resources import Resources
from app.security import read_access_token
from app.settings import Settings

logger = logging.getLogger(__name__)

_bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token")
_metrics_bearer = HTTPBearer(scheme_name="metrics")


async def get_settings(request: Request) -> Settings:
    """Return the settings that the application was built with."""
    settings: Settings = request.app.state.settings
    return settings


async def get_resources(request: Request) -> Resources:
    """Return what the lifespan opened."""
    resources: Resources = request.app.state.resources
    return resources


SettingsDep = Annotated[Settings, Depends(get_settings)]
ResourcesDep = Annotated[Resources, Depends(get_resources)]


async def get_session(resources: ResourcesDep) -> AsyncIterator[AsyncSession]:
    """Return the session of a request; handlers commit, so that a failed commit is an error to the client."""
    async with resources.sessions() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]


async def get_current_user(
    token: Annotated[str, Depends(_bearer)],
    session: SessionDep,
    settings: SettingsDep,
) -> User:
    """Return the user whom the token names, or 401."""
    user_id = read_access_token(token, settings)
    user = await session.get(User, user_id) if user_id else None
    if user is None:
        raise ApiError(401, "invalid_token", "Sign in again", {"WWW-Authenticate": "Bearer"})
    return user


CurrentUser = Annotated[User, Depends(get_current_user)]


async def require_metrics_token(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(_metrics_bearer)],
    settings: SettingsDep,
) -> None:
    """Let the scraper in, and nobody else."""
    expected = settings.metrics_token.get_secret_value().encode()
    if not hmac.compare_digest(credentials.credentials.encode(), expected):
        raise ApiError(401, "invalid_token", "Not the token of the scraper", {"WWW-Authenticate": "Bearer"})


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    limit: int
    offset: int


async def get_page(
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Page:
    """Read the part of a list that the client asks for."""
    return Page(limit, offset)


PageDep = Annotated[Page, Depends(get_page)]


async def limit_rate(request: Request, resources: ResourcesDep, settings: SettingsDep) -> None:
    """Limit the requests of one address."""
    await _count(request, resources, settings, settings.rate_limit, "all")


async def limit_login_rate(request: Request, resources: ResourcesDep, settings: SettingsDep) -> None:
    """Limit attempts to sign in or up from one address, beside the general limit."""
    await _count(request, resources, settings, settings.login_rate_limit, "login")


async def _count(request: Request, resources: Resources, settings: Settings, limit: str, scope: str) -> None:
    # The server sets the address from X-Forwarded-For, for proxies in FORWARDED_ALLOW_IPS only.
    address = request.client.host if request.client else "unknown"
    item = parse(limit)
    try:
        async with asyncio.timeout(settings.redis_timeout):
            allowed = await MovingWindowRateLimiter(resources.limits).hit(item, scope, address)
    except (RedisError, OSError) as error:
        # Better without limits for a while than not at all.
        logger.warning("Rate limits are off", exc_info=error)
        return
    if not allowed:
        raise ApiError(429, "too_many_requests", "Slow down", {"Retry-After": str(item.get_expiry())})
