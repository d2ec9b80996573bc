"""The dependency that SEC016 adds, under uvicorn: signed and fresh requests pass, all others get 401 or 503."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import fixed, write
from servers import Service

SECRET = "whsec_" + base64.b64encode(b"a shared secret of 24 by").decode()
BODY = {"kind": "paid", "amount": 5}
RAW = json.dumps(BODY).encode()
MAIN = """\
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Event(BaseModel):
    kind: str


@app.post("/{0}")
def received(event: Event) -> str:
    return event.kind


@app.get("/")
def index() -> int:
    return 1
"""


def mac(key: bytes, *parts: bytes) -> hmac.HMAC:
    return hmac.new(key, b"".join(parts), hashlib.sha256)


def standard(raw: bytes, at: int) -> dict[str, str]:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = base64.b64encode(mac(key, f"msg_1.{at}.".encode(), raw).digest()).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": f"v1,AAAA v1,{signature}"}


def stripe(raw: bytes, at: int) -> dict[str, str]:
    return {"Stripe-Signature": f"t={at},v0=1, v1=00,v1={mac(SECRET.encode(), f'{at}.'.encode(), raw).hexdigest()}"}


def slack(raw: bytes, at: int) -> dict[str, str]:
    signature = mac(SECRET.encode(), f"v0:{at}:".encode(), raw).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={signature}"}


def github(raw: bytes, at: int) -> dict[str, str]:
    return {"X-Hub-Signature-256": f"sha256={mac(SECRET.encode(), raw).hexdigest()}"}


def shopify(raw: bytes, at: int) -> dict[str, str]:
    return {"X-Shopify-Hmac-Sha256": base64.b64encode(mac(SECRET.encode(), raw).digest()).decode()}


def served(serve: Callable[..., Service], folder: Path, path: str, **variables: str) -> Service:
    packages = "fastapi==0.165.0\npydantic-settings==2.16.3\n"
    files = fixed({"main.py": MAIN.format(path), "requirements.txt": packages}, "SEC016")
    return serve("main:app", write(files, folder), **variables)


@pytest.mark.parametrize(("path", "variable", "sign", "timed"), [
    ("orders/webhook", "WEBHOOK_SECRET", standard, True),
    ("stripe/webhook", "STRIPE_WEBHOOK_SECRET", stripe, True),
    ("slack/hook", "SLACK_WEBHOOK_SECRET", slack, True),
    ("github/webhook", "GITHUB_WEBHOOK_SECRET", github, False),
    ("shopify/webhook", "SHOPIFY_WEBHOOK_SECRET", shopify, False),
])
def test_only_what_the_sender_signed_reaches_the_route(
    serve: Callable[..., Service], tmp_path: Path, path: str, variable: str,
    sign: Callable[[bytes, int], dict[str, str]], timed: bool,
) -> None:
    service, now = served(serve, tmp_path, path, **{variable: SECRET}), int(time.time())

    def asked(headers: dict[str, str], body: object = BODY) -> int:
        return service.ask(f"/{path}", "POST", body, headers=headers)[0]

    assert service.ask(f"/{path}", "POST", BODY, headers=sign(RAW, now))[:2] == (200, "paid")
    assert asked(sign(RAW, now), {"kind": "paid", "amount": 500}) == 401, "another body"
    assert asked({}) == 401, "no signature"
    wrong = {name: value[:-4] + ("AAA=" if value.endswith("=") else "0000") for name, value in sign(RAW, now).items()}
    assert asked(wrong) == 401, "a wrong signature"
    assert asked({name: "é;=,v1=t" for name in sign(RAW, now)}) == 401, "nonsense"
    assert asked(sign(RAW, now - 3600)) == (401 if timed else 200), "an old request that somebody recorded"
    assert asked(sign(RAW, now - 60)) == 200, "a clock that goes wrong by a minute"
    assert service.ask("/")[0] == 200


def test_without_a_secret_no_webhook_is_believed(serve: Callable[..., Service], tmp_path: Path) -> None:
    service = served(serve, tmp_path, "stripe/webhook")
    empty = {"Stripe-Signature": f"t={int(time.time())},v1={mac(b'', str(int(time.time())).encode()).hexdigest()}"}
    assert service.ask("/stripe/webhook", "POST", BODY, headers=empty)[0] == 503
    assert service.ask("/")[0] == 200
