"""Fixtures: a database file for each test, a signed-in client, a bank directory on the loopback."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

# The settings are read at import time, so the environment comes first.
os.environ["DATABASE_URL"] = f"sqlite+aiosqlite:///{tempfile.mkdtemp(prefix='cypherx-tests-')}/cypherx.db"
os.environ["JWT_SECRET"] = "a-secret-that-only-the-tests-know-0123456789"

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

from apps.core.config import settings
from apps.infra.db.models import Base
from apps.main import app

DATABASE = Path(settings.database_dsn.partition(":///")[2])
DIRECTORY = {"axis": {"official_name": "Axis Bank Limited"}}


class DirectoryHandler(BaseHTTPRequestHandler):
    """Answers as the bank directory does."""

    def do_GET(self) -> None:
        """Look a bank up by the name in the query."""
        names = parse_qs(urlsplit(self.path).query).get("name", [""])
        bank = DIRECTORY.get(names[0].lower())
        self.send_response(200 if bank else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(bank).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def bank_directory(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the directory on a free port and point the settings at it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), DirectoryHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(settings, "bank_directory_url", url)
        yield url
        server.shutdown()


@pytest.fixture(scope="session", autouse=True)
def scratch_folder() -> Iterator[Path]:
    """Remove the folder of the database after the last test."""
    yield DATABASE.parent
    shutil.rmtree(DATABASE.parent, ignore_errors=True)


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client over empty tables."""
    engine = create_engine(f"sqlite:///{DATABASE}")
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    engine.dispose()
    with TestClient(app, base_url="http://localhost") as test_client:
        yield test_client


def sign_up(client: TestClient, email: str) -> dict[str, str]:
    """Register a user and return the headers of a signed-in request."""
    credentials = {"email": email, "password": "correct horse battery"}
    assert client.post("/auth/register", json=credentials).status_code == 201
    answer = client.post("/auth/login", json=credentials)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def headers(client: TestClient) -> dict[str, str]:
    """Headers of a signed-in user."""
    return sign_up(client, "asha@example.com")
