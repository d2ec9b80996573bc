"""Statements, from the upload through the worker to their transactions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from kombu.exceptions import OperationalError
from sqlalchemy import update

from app import worker
from app.models import Statement
from app.settings import Settings
from tests.conftest import World, sign_up, sqlite_engine

STATEMENT = "date,description,amount\n2026-03-01,UPI  BIG BAZAAR,-250.00\n2026-03-02,SALARY,90000\nclosing,,NaN\n"
PATH = "/api/v1/statements"


def upload(
    client: TestClient, headers: dict[str, str], content: str | bytes = STATEMENT, key: str = "key-0001"
) -> Response:
    """Upload a statement."""
    return client.post(PATH, files={"file": ("march.csv", content)}, headers={**headers, "Idempotency-Key": key})


@pytest.fixture(autouse=True)
def worker_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tasks, which the tests call in place, work on the database of the test."""
    monkeypatch.setattr(worker, "build_engine", lambda _: sqlite_engine(world.database))


def test_statement_is_queued_parsed_and_read(client: TestClient, headers: dict[str, str], world: World) -> None:
    answer = upload(client, headers)
    statement_id = answer.json()["id"]
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert [str(queued) for queued in world.queued] == [statement_id]

    worker.parse.apply(args=[statement_id]).get()
    worker.parse.apply(args=[statement_id]).get()  # a task may run twice

    assert client.get(f"{PATH}/{statement_id}", headers=headers).json()["status"] == "done"
    lines = client.get(f"{PATH}/{statement_id}/transactions", headers=headers).json()
    assert [(line["description"], line["amount"]) for line in lines] == [
        ("UPI BIG BAZAAR", "-250.00"),
        ("SALARY", "90000.00"),
    ]


def test_file_without_transactions_fails(client: TestClient, headers: dict[str, str]) -> None:
    statement_id = upload(client, headers, "nothing to see here").json()["id"]
    worker.parse.apply(args=[statement_id]).get()
    assert client.get(f"{PATH}/{statement_id}", headers=headers).json()["status"] == "failed"


def test_same_key_returns_the_same_statement(client: TestClient, headers: dict[str, str], world: World) -> None:
    first, second = upload(client, headers), upload(client, headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert len(client.get(PATH, headers=headers).json()) == 1
    other = upload(client, headers, "another file")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "key_reused")


def test_upload_survives_a_broker_that_is_down(client: TestClient, headers: dict[str, str], world: World) -> None:
    world.queue_error = OperationalError("no broker")
    assert upload(client, headers).status_code == 503
    world.queue_error = None
    assert upload(client, headers).status_code == 202
    assert len(world.queued) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b"])
def test_only_text_is_taken(client: TestClient, headers: dict[str, str], content: bytes) -> None:
    assert upload(client, headers, content).status_code == 422


def test_large_bodies_are_refused(client: TestClient, headers: dict[str, str], settings: Settings) -> None:
    assert upload(client, headers, b"x" * settings.max_body_bytes).status_code == 413
    settings.max_body_bytes = 10
    answer = upload(client, headers, b"x" * 11)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")


def test_lists_have_pages(client: TestClient, headers: dict[str, str]) -> None:
    created = [upload(client, headers, key=f"key-000{number}").json()["id"] for number in range(3)]
    page = client.get(PATH, params={"limit": 2, "offset": 1}, headers=headers).json()
    assert [item["id"] for item in page] == created[1::-1]
    assert client.get(PATH, params={"limit": 101}, headers=headers).status_code == 422


def test_statements_are_private(client: TestClient, headers: dict[str, str]) -> None:
    path = f"{PATH}/{upload(client, headers).json()['id']}"
    other = sign_up(client, "ravi@example.com")
    assert client.get(path, headers=other).status_code == 404
    assert client.get(f"{path}/transactions", headers=other).status_code == 404
    assert client.delete(path, headers=other).status_code == 404
    assert client.get(PATH, headers=other).json() == []


def test_deleted_statement_takes_its_lines_along(client: TestClient, headers: dict[str, str]) -> None:
    statement_id = upload(client, headers).json()["id"]
    worker.parse.apply(args=[statement_id]).get()
    assert client.delete(f"{PATH}/{statement_id}", headers=headers).status_code == 204
    assert client.get(f"{PATH}/{statement_id}", headers=headers).status_code == 404


def test_old_statements_are_purged(client: TestClient, headers: dict[str, str], world: World) -> None:
    old, young = (upload(client, headers, key=f"key-000{number}").json()["id"] for number in range(2))

    async def age() -> None:
        engine = sqlite_engine(world.database)
        async with engine.begin() as connection:
            long_ago = datetime.now(UTC) - timedelta(days=500)
            await connection.execute(
                update(Statement).where(Statement.id == world.queued[0]).values(created_at=long_ago)
            )
        await engine.dispose()

    asyncio.run(age())
    worker.purge.apply().get()
    assert client.get(f"{PATH}/{old}", headers=headers).status_code == 404
    assert client.get(f"{PATH}/{young}", headers=headers).status_code == 200
