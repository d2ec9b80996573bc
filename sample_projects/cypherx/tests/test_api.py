"""The API, from registration to reports."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient

from tests.conftest import sign_up

STATEMENT = """AXIS BANK statement of account
Date,Narration,Debit,Credit
2025-03-01,UPI BIG BAZAAR,250.00,
2025-03-02,SALARY ACME,,90000.00
2025-03-05,UPI BIG BAZAAR,"1,100.00",
"""


def upload(client: TestClient, headers: dict[str, str], content: str = STATEMENT) -> dict[str, str]:
    """Upload a statement and wait until its job has ended."""
    answer = client.post("/ai/statements/normalize", files={"file": ("march.csv", content)}, headers=headers)
    assert answer.status_code == 202
    job = answer.json()
    for _ in range(200):
        job = client.get(f"/ai/statements/jobs/{job['id']}", headers=headers).json()
        if job["status"] in {"done", "failed"}:
            return job
        time.sleep(0.02)
    raise AssertionError(f"the job did not end: {job}")


def test_sign_in_names_the_user(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get("/auth/me", headers=headers).json()["email"] == "asha@example.com"


def test_address_is_taken_once(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/auth/register", json={"email": "Asha@example.com", "password": "another password"})
    assert answer.status_code == 409


def test_wrong_password_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/auth/login", json={"email": "asha@example.com", "password": "wrong"})
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/auth/me", "/ai/statements/", "/ai/entities/", "/ai/reports/totals"])
def test_reading_takes_a_token(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in {401, 403}
    assert client.get(path, headers={"Authorization": "Bearer forged"}).status_code == 401


def test_statement_goes_through_the_pipeline(client: TestClient, headers: dict[str, str]) -> None:
    job = upload(client, headers)
    assert job["status"] == "done"
    (statement,) = client.get("/ai/statements/", headers=headers).json()
    assert (statement["id"], statement["bank_name"]) == (job["statement_id"], "AXIS")
    lines = client.get(f"/ai/statements/{statement['id']}/transactions", headers=headers).json()
    assert [line["amount"] for line in lines] == ["-250.00", "90000.00", "-1100.00"]


def test_unreadable_statement_fails_with_a_reason(client: TestClient, headers: dict[str, str]) -> None:
    job = upload(client, headers, "no table in here")
    assert (job["status"], job["error"]) == ("failed", "no transactions found")


def test_empty_file_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/ai/statements/normalize", files={"file": ("empty.csv", b"")}, headers=headers)
    assert answer.status_code == 400


def test_statements_are_private(client: TestClient, headers: dict[str, str]) -> None:
    job = upload(client, headers)
    other = sign_up(client, "ravi@example.com")
    assert client.get(f"/ai/statements/jobs/{job['id']}", headers=other).status_code == 404
    assert client.get(f"/ai/statements/{job['statement_id']}/transactions", headers=other).status_code == 404
    assert client.get("/ai/statements/", headers=other).json() == []


def test_statement_is_deleted_with_its_lines(client: TestClient, headers: dict[str, str]) -> None:
    path = f"/ai/statements/{upload(client, headers)['statement_id']}"
    assert client.delete(path, headers=headers).status_code == 204
    assert client.get(f"{path}/transactions", headers=headers).status_code == 404


def test_entities_are_found_in_statements(client: TestClient, headers: dict[str, str]) -> None:
    client.post("/ai/entities/", json={"name": "Big Bazaar"}, headers=headers)
    statement_id = upload(client, headers)["statement_id"]
    (match,) = client.get(f"/ai/statements/{statement_id}/entities", headers=headers).json()
    assert match["entity"]["name"] == "Big Bazaar"
    assert len(match["transactions"]) == 2


def test_bank_gets_its_official_name(client: TestClient, headers: dict[str, str], bank_directory: str) -> None:
    answer = client.post("/ai/entities/", json={"name": "axis", "kind": "bank"}, headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (201, "Axis Bank Limited")
    assert client.post("/ai/entities/", json={"name": "nobody", "kind": "bank"}, headers=headers).status_code == 404


def test_totals_add_up(client: TestClient, headers: dict[str, str]) -> None:
    upload(client, headers)
    (totals,) = client.get("/ai/reports/totals", headers=headers).json()
    assert (totals["transactions"], totals["income"], totals["spending"]) == (3, "90000.00", "-1350.00")
