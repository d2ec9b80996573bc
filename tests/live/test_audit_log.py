"""The audit log that SEC018 adds, under uvicorn: one line for what changes data, none for reads, no secret in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from generated import fixed, write
from servers import Service, until

MAIN = """\
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPBearer

app = FastAPI()
router = APIRouter(prefix="/users")


@router.delete("/{user_id}", dependencies=[Depends(HTTPBearer())])
def drop(user_id: int, request: Request) -> None:
    request.state.audit_actor = "ann"
    if user_id == 404:
        raise HTTPException(404)
    if user_id == 500:
        raise ValueError("broken")


@router.post("/confirm/{reset_token}")
def confirm(reset_token: str) -> str:
    return "done"


@router.get("/{user_id}")
def show(user_id: int) -> int:
    return user_id


app.include_router(router)
"""


def test_changes_are_recorded_with_actor_target_and_outcome(serve: Callable[..., Service], tmp_path: Path) -> None:
    service = serve("main:app", write(fixed({"main.py": MAIN}, "SEC018"), tmp_path))
    bearer = {"Authorization": "Bearer very-secret"}
    for path, method, body in (("/users/7", "GET", None), ("/users/7", "DELETE", None), ("/users/404", "DELETE", None),
                               ("/users/500", "DELETE", None), ("/users/confirm/abc123", "POST", {"password": "hush"}),
                               ("/users/8", "DELETE", None)):
        service.ask(path, method, body, headers=bearer if path != "/users/8" else {})

    def lines() -> list[dict[str, object]]:
        return [json.loads(x) for x in service.log.read_text(encoding="utf-8").splitlines()
                if x.startswith('{"time"')]

    until(lambda: len(lines()) >= 5, 30, "five events are written")
    assert [(e["action"], e["actor"], e["outcome"], e["target"]) for e in lines()] == [
        ("DELETE drop", "ann", "200", {"user_id": "7"}), ("DELETE drop", "ann", "404", {"user_id": "404"}),
        ("DELETE drop", "ann", "500", {"user_id": "500"}), ("POST confirm", None, "200", {}),
        ("DELETE drop", None, "401", {"user_id": "8"})]
    assert all(e["client"] == "127.0.0.1" for e in lines())
    written = "\n".join(json.dumps(e) for e in lines())
    assert "abc123" not in written and "hush" not in written and "very-secret" not in written
