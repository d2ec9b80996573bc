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


def test_a_class_whose_making_asks_for_much_work_costs_little() -> None:
    """A metaclass that works through a large table for each of its classes does not use up what the routes need."""
    text = ("from fastapi import FastAPI\n\nTABLE = list(range(2_000))\n\n\nclass Meta(type):\n"
            "    def __init__(cls, name, bases, namespace):\n        for a in TABLE:\n            for b in TABLE:\n"
            "                str(a + b)\n\n\n"
            + "".join(f"class View{n}(metaclass=Meta):\n    pass\n\n\n" for n in range(200))
            + "app = FastAPI()\n\n\n@app.get('/x')\ndef x():\n    return 1\n")
    facts = Project.from_files({"main.py": text}).facts
    assert [r.path for r in facts.routes] == ["/x"] and facts.program.run.steps < 300_000
