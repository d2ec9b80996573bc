"""Exchange rates from an upstream: cached, retried, and cut off while it is down."""

from __future__ import annotations

import logging
from decimal import Decimal

import httpx
import stamina
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.errors import ApiError

logger = logging.getLogger(__name__)


class RatesClient:
    """Rates against the euro. `http` carries the address, the key and the timeouts of the upstream."""

    def __init__(self, http: httpx.AsyncClient, redis: Redis, cache_seconds: int) -> None:
        self._http = http
        self._redis = redis
        self._cache_seconds = cache_seconds
        self._breakers = AsyncCircuitBreakerFactory(default_threshold=5, default_ttl=30)

    async def rate(self, currency: str) -> Decimal:
        """Return how much of a currency one euro buys; raises ApiError 404 or 503."""
        key = f"rates:1:{currency}"
        cached = await self._cached(key)
        if cached is not None:
            return Decimal(cached)
        try:
            async with await self._breakers.get_breaker("rates"):
                response = await self._fetch(currency)
        except (httpx.HTTPError, OpenedState) as error:
            logger.warning("Rates are not available", exc_info=error)
            raise ApiError(503, "rates_unavailable", "Rates are not available now", {"Retry-After": "30"}) from error
        if response.status_code == httpx.codes.NOT_FOUND:
            raise ApiError(404, "unknown_currency", "There is no rate for this currency")
        rate = str(response.json()["rate"])
        await self._store(key, rate)
        return Decimal(rate)

    @stamina.retry(on=httpx.TransportError, attempts=3, timeout=8)
    async def _fetch(self, currency: str) -> httpx.Response:
        response = await self._http.get("latest", params={"currency": currency})
        if response.status_code != httpx.codes.NOT_FOUND:
            response.raise_for_status()
        return response

    async def _cached(self, key: str) -> str | None:
        try:
            value = await self._redis.get(key)
        except RedisError as error:
            logger.warning("Cache is not readable", exc_info=error)
            return None
        return None if value is None else str(value)

    async def _store(self, key: str, value: str) -> None:
        try:
            await self._redis.set(key, value, ex=self._cache_seconds)
        except RedisError as error:
            logger.warning("Cache is not writable", exc_info=error)
