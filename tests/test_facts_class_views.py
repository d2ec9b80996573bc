"""Class-based views by decorators that nobody knows, and starts of applications that take long."""

from __future__ import annotations

from readybook.facts import startup
from readybook.project import Project

VIEWS = (
    "from fastapi import APIRouter, Depends, FastAPI\nfrom fastapi.security import HTTPBearer\n\n"
    "router = APIRouter()\n\n\ndef controller(router):\n    def decorate(cls):\n        return cls\n\n"
    "    return decorate\n\n\nclass Private:\n    token: object = Depends(HTTPBearer())\n\n\n"
    "@controller(router)\nclass Items(Private):\n    @router.post(\"/items\")\n"
    "    def add(self, name: str) -> str:\n        return name\n\n\napp = FastAPI()\napp.include_router(router)\n"
)


def test_methods_take_the_dependencies_of_their_class_whoever_wrote_its_decorator():
    facts = Project.from_files({"main.py": VIEWS}).facts
    (route,) = facts.routes
    assert facts.guarded(route)
    assert [p.name for p in route.parameters] == ["name"]


def test_a_start_that_is_cut_short_is_said(monkeypatch):
    monkeypatch.setattr(startup, "BUDGET", 200)
    text = ("from contextlib import asynccontextmanager\n\nfrom fastapi import FastAPI\n\n\n@asynccontextmanager\n"
            "async def life(app):\n    for number in range(1000):\n        app.state.number = number * 2 + 1\n"
            "    app.get(\"/late\")(life)\n    yield\n\n\napp = FastAPI(lifespan=life)\n")
    assert [u.kind for u in Project.from_files({"main.py": text}).facts.unresolved] == ["budget"]
