"""Registration, sign-in, and what takes a token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from tests.conftest import sign_up


def test_signed_in_user_reads_the_account(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/api/v1/account", headers=headers).json()["email"] == "asha@example.com"


def test_address_is_taken_once(client: TestClient, headers: dict[str, str]) -> None:
    body = {"email": "Asha@example.com", "password": "another long password"}
    answer = client.post("/api/v1/auth/register", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "address_taken")


def test_registration_can_be_closed(client: TestClient, settings: Settings) -> None:
    settings.registration_open = False
    answer = client.post("/api/v1/auth/register", json={"email": "a@example.com", "password": "a long password"})
    assert answer.status_code == 403


def test_validation_names_fields_and_repeats_nothing(client: TestClient) -> None:
    answer = client.post("/api/v1/auth/register", json={"email": "a@example.com", "password": "hunter2"})
    assert answer.status_code == 422
    assert [item["field"] for item in answer.json()["error"]["fields"]] == ["body.password"]
    assert "hunter2" not in answer.text


@pytest.mark.parametrize("username", ["asha@example.com", "nobody@example.com"])
def test_wrong_credentials_look_alike(client: TestClient, headers: dict[str, str], username: str) -> None:
    answer = client.post("/api/v1/auth/token", data={"username": username, "password": "wrong"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "wrong_credentials")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/account"),
        ("DELETE", "/api/v1/account"),
        ("GET", "/api/v1/statements"),
        ("POST", "/api/v1/statements"),
        ("GET", "/api/v1/rates/USD"),
        ("GET", "/metrics"),
    ],
)
def test_everything_else_takes_a_token(client: TestClient, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer forged"}):
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers


def test_expired_and_foreign_tokens_are_refused(client: TestClient, settings: Settings) -> None:
    secret = settings.jwt_secret.get_secret_value()
    past = datetime.now(UTC) - timedelta(minutes=1)
    user = "00000000-0000-4000-8000-000000000000"
    for claims in (
        {"sub": user, "iss": "tally", "exp": past},
        {"sub": user, "iss": "somebody", "exp": past + timedelta(hours=1)},
        {"sub": user, "iss": "tally"},
        {"sub": "no id", "iss": "tally", "exp": past + timedelta(hours=1)},
    ):
        token = jwt.encode(claims, secret, algorithm="HS256")
        assert client.get("/api/v1/account", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_erased_user_is_gone(client: TestClient, headers: dict[str, str]) -> None:
    assert client.delete("/api/v1/account", headers=headers).status_code == 204
    assert client.get("/api/v1/account", headers=headers).status_code == 401
    assert sign_up(client, "asha@example.com")


def test_sign_in_is_limited(client: TestClient, settings: Settings) -> None:
    settings.login_rate_limit = "2/minute"
    form = {"username": "asha@example.com", "password": "guess"}
    answers = [client.post("/api/v1/auth/token", data=form) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert answers[-1].headers["Retry-After"] == "60"
