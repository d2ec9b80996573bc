"""Containers that live as long as the process, and who stores in them, drops from them and reads them."""

from __future__ import annotations

from readybook.facts.memory import Memory, memories
from readybook.facts.reach import first_reached, startup_functions
from readybook.project import Project


def found(files: dict[str, str]) -> dict[str, Memory]:
    """The memories of a project by owner and name."""
    return {f"{m.owner}.{m.name}".strip("."): m for m in memories(Project.from_files(files).facts.behaviour)}


def touches(memory: Memory) -> list[tuple[str, str, str]]:
    """(function, how, value) of each use."""
    return [(t.function.name, t.how, t.value) for t in memory.touches]


def test_of_a_module_seen_from_another_by_any_name() -> None:
    memory = found({
        "state.py": "JOBS: dict[str, int] = {}\nNAMES = ['a']\n",
        "main.py": "import state\nfrom state import JOBS as jobs\n\n\ndef put(key):\n    jobs[key] = key + 1\n\n\n"
                   "def more():\n    state.JOBS.update(a=1)\n\n\ndef away(key):\n    del jobs[key]\n\n\n"
                   "def get(key):\n    return jobs.get(key)\n\n\ndef local():\n    jobs = {}\n    jobs['a'] = 1\n",
    })["JOBS"]
    assert (memory.kind, memory.annotation, str(memory.place.path), memory.place.line) == (
        "dict", "dict[str, int]", "state.py", 1)
    assert sorted(touches(memory)) == [("away", "drops", ""), ("get", "reads", ""), ("more", "stores", "1"),
                                       ("put", "stores", "key + 1")]


def test_of_an_object_only_where_the_process_keeps_one() -> None:
    text = ("class Store:\n    shared = set()\n\n    def __init__(self):\n        self._items = {}\n\n"
            "    def add(self, key):\n        self._items.setdefault(key, []).append(key)\n"
            "        self.shared.add(key)\n\n\n")
    assert set(found({"main.py": text + "def use():\n    Store().add(1)\n"})) == {"Store.shared"}
    kept = found({"main.py": text + "store = Store()\n"})
    assert set(kept) == {"Store.shared", "Store._items"}
    assert ("add", "stores", "[]") in touches(kept["Store._items"])
    cached = "from functools import lru_cache\n" + text + "@lru_cache\ndef get():\n    return Store()\n"
    assert set(found({"main.py": cached})) == {"Store.shared", "Store._items"}


def test_of_an_application_but_not_of_a_request() -> None:
    memory = found({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\napp.state.jobs = {}\n\n\n"
                               "def put(request):\n    request.app.state.jobs['a'] = 1\n    request.state.jobs = {}\n"})
    assert set(memory) == {"app.state.jobs"} and touches(memory["app.state.jobs"]) == [("put", "stores", "1")]


def test_the_shortest_way_from_an_entry_and_what_start_up_runs() -> None:
    behaviour = Project.from_files({
        "main.py": "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n"
                   "from work import deep, send\n\n\n"
                   "@asynccontextmanager\nasync def life(app):\n    send('start')\n    yield\n\n\n"
                   "app = FastAPI(lifespan=life)\n\n\n@app.get('/a')\ndef a():\n    deep()\n\n\n"
                   "@app.get('/b')\ndef b():\n    send('b')\n",
        "work.py": "import smtplib\n\n\ndef send(text):\n    smtplib.SMTP(text)\n\n\n"
                   "def deep():\n    send('deep')\n\n\n"
                   "def never():\n    smtplib.SMTP('never')\n",
    }).facts.behaviour
    calls = behaviour.calls_to("smtplib.SMTP")
    ways = first_reached(behaviour, calls)
    assert [id(c) in ways for c in calls] == [True, False]
    way = ways[id(calls[0])]
    assert way.entry.route is not None and way.entry.route.path == "/b" and len(way.chain) == 1
    assert [f.name for f in startup_functions(behaviour)] == ["life"]
