"""Load test: `locust -f tests/load/locustfile.py --host http://localhost:8000` (raise RATE_LIMIT for it)."""

from __future__ import annotations

import uuid

from locust import HttpUser, between, task

STATEMENT = "date,description,amount\n" + "".join(f"2026-03-{day:02},PAYMENT {day},-{day}.50\n" for day in range(1, 29))


class Customer(HttpUser):
    """Signs up once, reads often, uploads now and then."""

    wait_time = between(1, 5)

    def on_start(self) -> None:
        """Register a user and sign in."""
        form = {"username": f"{uuid.uuid4().hex}@example.com", "password": uuid.uuid4().hex}
        body = {"email": form["username"], "password": form["password"]}
        self.client.post("/api/v1/auth/register", json=body)
        token = self.client.post("/api/v1/auth/token", data=form).json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"

    @task(8)
    def list_statements(self) -> None:
        """Read the first page."""
        self.client.get("/api/v1/statements?limit=20")

    @task(3)
    def read_rate(self) -> None:
        """Read a rate, mostly from the cache."""
        self.client.get("/api/v1/rates/USD")

    @task(1)
    def upload(self) -> None:
        """Upload a statement and read it back."""
        answer = self.client.post(
            "/api/v1/statements",
            files={"file": ("march.csv", STATEMENT)},
            headers={"Idempotency-Key": uuid.uuid4().hex},
        )
        path = f"/api/v1/statements/{answer.json()['id']}"
        self.client.get(path, name="/api/v1/statements/{id}")
        self.client.get(f"{path}/transactions", name="/api/v1/statements/{id}/transactions")
