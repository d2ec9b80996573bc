"""Rates: cached, retried, cut off."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest
import stamina
from fastapi.testclient import TestClient
from redis.exceptions import ConnectionError as RedisConnectionError

from app.errors import ApiError
from tests.conftest import World


@pytest.fixture(autouse=True)
def without_pauses() -> None:
    """Retry as often as in production, without the pauses."""
    stamina.set_testing(True, attempts=3, cap=True)


def test_rate_comes_from_the_upstream_then_from_the_cache(
    client: TestClient, headers: dict[str, str], world: World
) -> None:
    assert client.get("/api/v1/rates/USD", headers=headers).json() == {"currency": "USD", "rate": "1.0825"}
    world.upstream = lambda _: httpx.Response(500)
    assert client.get("/api/v1/rates/USD", headers=headers).json()["rate"] == "1.0825"


def test_unknown_and_malformed_currencies(client: TestClient, headers: dict[str, str], world: World) -> None:
    world.upstream = lambda _: httpx.Response(404)
    assert client.get("/api/v1/rates/XXX", headers=headers).status_code == 404
    assert client.get("/api/v1/rates/usd", headers=headers).status_code == 422


@pytest.mark.anyio
async def test_connection_errors_are_retried(world: World) -> None:
    attempts = []

    def upstream(request: httpx.Request) -> httpx.Response:
        attempts.append(request.url.params["currency"])
        if len(attempts) < 3:
            raise httpx.ConnectError("no route")
        return httpx.Response(200, json={"rate": "2"})

    world.upstream = upstream
    assert await world.rates().rate("USD") == Decimal(2)
    assert attempts == ["USD"] * 3


@pytest.mark.anyio
async def test_breaker_opens_after_five_failures(world: World) -> None:
    calls = []
    world.upstream = lambda request: calls.append(request) or httpx.Response(500)
    rates = world.rates()
    for _ in range(8):
        with pytest.raises(ApiError) as refused:
            await rates.rate("USD")
        assert refused.value.status == 503
    assert len(calls) == 5


@pytest.mark.anyio
async def test_cache_that_is_down_does_not_matter(world: World) -> None:
    world.redis.error = RedisConnectionError("down")
    assert await world.rates().rate("USD") == Decimal("1.0825")
