"""What operators rely on: probes, headers, errors, metrics, logs, settings, migrations, the contract."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from fastapi.testclient import TestClient
from pydantic import ValidationError
from redis.exceptions import ConnectionError as RedisConnectionError

from app.main import create_app
from app.observability import RequestIdFilter, request_id
from app.settings import Settings
from tests.conftest import World

ROOT = Path(__file__).parent.parent


def test_liveness_asks_nobody(client: TestClient, world: World) -> None:
    world.redis.error = RedisConnectionError("down")
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_readiness_names_what_is_down(client: TestClient, world: World) -> None:
    assert client.get("/health/ready").json()["checks"] == {"database": "ok", "redis": "ok"}
    world.redis.error = RedisConnectionError("down")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "checks": {"database": "ok", "redis": "unavailable"}}


def test_limits_fail_open(client: TestClient, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object, **__: object) -> bool:
        raise RedisConnectionError("down")

    monkeypatch.setattr(world.limits, "acquire_entry", down)
    assert client.get("/api/v1/account").status_code == 401


def test_unexpected_error_says_nothing_and_carries_all_headers(
    client: TestClient, headers: dict[str, str], world: World
) -> None:
    world.queue_error = RuntimeError("secret detail")
    answer = client.post(
        "/api/v1/statements",
        files={"file": ("a.csv", "2026-01-01,a,1")},
        headers={
            **headers,
            "Idempotency-Key": "key-0001",
            "X-Request-ID": "trace-42",
            "Origin": "https://app.tally.example",
        },
    )
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert (error["code"], error["request_id"]) == ("internal_error", "trace-42")
    assert "secret" not in answer.text
    assert answer.headers["X-Request-ID"] == "trace-42"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.tally.example"


def test_database_that_is_down_is_503(client: TestClient, headers: dict[str, str], world: World) -> None:
    with closing(sqlite3.connect(world.database)) as connection:
        connection.execute("ALTER TABLE users RENAME TO gone")
    answer = client.get("/api/v1/account", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_error")


def test_unknown_path_has_the_envelope(client: TestClient) -> None:
    answer = client.get("/nowhere", headers={"X-Request-ID": "not an id"})
    assert answer.json()["error"]["code"] == "not_found"
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_foreign_origins_and_hosts_are_refused(client: TestClient) -> None:
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    assert "access-control-allow-origin" not in client.options("/api/v1/account", headers=preflight).headers
    assert client.get("/health/live", headers={"Host": "evil.example"}).status_code == 400


def test_metrics_are_for_the_scraper(client: TestClient, settings: Settings) -> None:
    client.get("/api/v1/account")
    token = settings.metrics_token.get_secret_value()
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert 'handler="/api/v1/account"' in answer.text
    assert "tally_uploads_total" in answer.text


def test_documentation_is_not_served_in_production(settings: Settings, world: World, client: TestClient) -> None:
    assert client.get("/docs").status_code == 200
    settings.environment = "production"
    with TestClient(create_app(settings, world.connect), base_url="http://localhost") as production:
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert production.get(path).status_code == 404


def test_log_records_carry_the_request_id() -> None:
    record = logging.LogRecord("app", logging.INFO, __file__, 1, "message", None, None)
    token = request_id.set("trace-42")
    assert RequestIdFilter().filter(record)
    request_id.reset(token)
    assert record.__dict__["request_id"] == "trace-42"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "short"),
        ("DATABASE_URL", "postgresql://localhost/tally"),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", ""),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "http://localhost:3000"),
    ],
)
def test_wrong_settings_stop_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    assert Settings().cors_origins == ["https://app.tally.example"]
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert "only-the-tests-know" not in str(refused.value)


def test_env_example_lists_every_variable() -> None:
    names = re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(names) == sorted(name.upper() for name in Settings.model_fields)


def test_migrations_go_up_and_down_and_match_the_models(tmp_path: Path) -> None:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", f"sqlite+aiosqlite:///{tmp_path / 'tally.db'}")
    command.upgrade(config, "head")
    command.check(config)
    command.downgrade(config, "base")
    command.upgrade(config, "head")


def test_contract_is_the_committed_one(client: TestClient) -> None:
    committed = json.loads((ROOT / "contract" / "openapi.json").read_text())
    assert client.get("/openapi.json").json() == committed, "the API changed: see README, Contract"
