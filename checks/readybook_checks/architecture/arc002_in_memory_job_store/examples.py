"""Examples of ARC002."""

from __future__ import annotations

from importlib.resources import files

from readybook import Bad, Good

HEAD = "from fastapi import FastAPI\n\napp = FastAPI()\n"
API = ("\n\n@app.post(\"/jobs/{key}\")\ndef submit(key: str) -> None:\n    JOBS[key] = {\"status\": \"queued\"}\n\n\n"
       "@app.get(\"/jobs/{key}\")\ndef state(key: str) -> dict[str, str]:\n    return JOBS[key]\n")
CLASS = ("class InMemoryJobStore:\n    def __init__(self) -> None:\n        self._jobs: dict[str, str] = {}\n\n"
         "    async def add(self, key: str) -> None:\n        self._jobs[key] = \"queued\"\n\n"
         "    async def get(self, key: str) -> str | None:\n        return self._jobs.get(key)\n")
USE = ("\n\n@app.post(\"/jobs/{key}\")\nasync def submit(key: str) -> None:\n    await store.add(key)\n\n\n"
       "@app.get(\"/jobs/{key}\")\nasync def state(key: str) -> str | None:\n    return await store.get(key)\n")
CONFIG = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
          "    redis_url: str = \"redis://localhost:6379/0\"\n{0}\n\nsettings = Settings()\n")
KEPT = "    state_keep_seconds: int = 2592000\n"
LIFE = ("from collections.abc import AsyncIterator\nfrom contextlib import asynccontextmanager\n\n"
        "from fastapi import FastAPI\n\nfrom app.config import settings\n"
        "from app.state_store import close_state_store\nfrom app.store import InMemoryJobStore\n\n\n"
        "@asynccontextmanager\nasync def lifespan(app: FastAPI) -> AsyncIterator[None]:\n"
        "    \"\"\"Run what start-up needs, serve, then run what shutdown needs.\"\"\"\n    try:\n        yield\n"
        "    finally:\n        await close_state_store()\n\n\n"
        "app = FastAPI(title=settings.redis_url[:0], lifespan=lifespan)\n")
MODEL = ("class Job(BaseModel):\n    status: str\n    pages: list[int] = []\n{0}\n\n"
         "JOBS: dict[str, Job] = {{}}\n\n\n@app.post(\"/{{key}}\")\n"
         "async def put(key: str, job: Job) -> Job:\n    JOBS[key] = job\n{1}    return job\n\n\n"
         "@app.get(\"/{{key}}\")\nasync def read(key: str) -> Job | None:\n    found = JOBS.get(key)\n{2}"
         "    return found\n")


def _module(name: str) -> str:
    """The module that the fix adds beside the settings of ``CONFIG``."""
    text = files(__package__).joinpath(f"{name}.py.tmpl").read_text(encoding="utf-8")
    text = text.replace("$address", "settings.redis_url").replace("{setting:state_keep_seconds}",
                                                                  "settings.state_keep_seconds")
    last = "from redis.retry import Retry\n" if name == "dict" else "from redis.backoff import NoBackoff\n"
    return text.replace(last, f"{last}\nfrom app.config import settings\n", 1)


def _model(field: str = "", after: str = "", before: str = "") -> dict[str, str]:
    """An application that keeps models, with a further field and a line after storing and before giving one."""
    lines = [f"    {text}\n" if text else "" for text in (field, after, before)]
    return {"main.py": "from pydantic import BaseModel\n" + HEAD + "\n\n" + MODEL.format(*lines)}


EXAMPLES = (
    Bad(  # coroutines, in a class, its object made in another module
        {"app/__init__.py": "", "app/config.py": CONFIG.format(""), "app/store.py": CLASS,
         "app/main.py": HEAD.replace("\napp", "\nfrom app.config import settings\n"
                                     "from app.store import InMemoryJobStore\n\napp", 1).replace(
             "FastAPI()", "FastAPI(title=settings.redis_url[:0])")
         + "store = InMemoryJobStore()\n" + USE, "requirements.txt": "fastapi\npydantic-settings\nredis\n"},
        at=("app/store.py:3",), severity="high",
        fixed={
            "app/config.py": CONFIG.format(KEPT), "app/state_store.py": _module("store"),
            "app/store.py": "from app.state_store import RedisStore\n\n\n" + CLASS.replace(
                "self._jobs: dict[str, str] = {}",
                "self._jobs = RedisStore(\"app.store.InMemoryJobStore._jobs\", str)").replace(
                "self._jobs[key] = \"queued\"", "await self._jobs.set(key, \"queued\")").replace(
                "return self._jobs", "return await self._jobs"),
            "app/main.py": LIFE + "store = InMemoryJobStore()\n" + USE},
    ),
    Bad(  # plain functions, which FastAPI runs in threads
        {"app/__init__.py": "", "app/config.py": CONFIG.format(""),
         "app/main.py": HEAD + "JOBS: dict[str, dict[str, str]] = {}\n" + API,
         "requirements.txt": "fastapi\npydantic-settings\nredis\n"},
        at=("app/main.py:4",),
        fixed={"app/config.py": CONFIG.format(KEPT), "app/state_dict.py": _module("dict"),
               "app/main.py": "from typing import Any\n\n" + HEAD.replace(
                   "\napp", "\nfrom app.state_dict import RedisDict\n\napp", 1)
               + "JOBS = RedisDict(\"app.main.JOBS\", Any)\n" + API}),
    Bad(_model(after="job.pages.append(1)"), at=("main.py:12",), fixed={}),  # changed after it was stored
    Bad(_model(before="found.status = \"read\""), at=("main.py:12",), fixed={}),  # changed in place
    Bad(_model(field="secret: SecretStr"), at=("main.py:13",), fixed={}),  # written as stars
    Bad({**_model(), "tests/test_jobs.py": "from main import JOBS\n\n\ndef test_none():\n    assert not JOBS\n"},
        at=("main.py:12",), fixed={}),  # a test would no longer work
    Bad({"main.py": HEAD + "JOBS: dict[str, dict[str, str]] = {}\n" + API}, at=("main.py:4",), severity="high"),
    Bad(  # a class, its object made in another module, four workers
        {"app/store.py": CLASS, "app/main.py": HEAD.replace("\napp", "from app.store import InMemoryJobStore\n\napp", 1)
         + "store = InMemoryJobStore()\n" + USE,
         "Dockerfile": "FROM python:3.13\nCOPY . .\nCMD [\"uvicorn\", \"app.main:app\", \"--workers\", \"4\"]\n"},
        at=("app/store.py:3",), severity="critical",
    ),
    Bad(  # a function: each request may meet another process
        {"main.py": "from mangum import Mangum\n\n" + HEAD + "JOBS: dict[str, dict[str, str]] = {}\n" + API
         + "\n\nhandler = Mangum(app)\n"}, at=("main.py:6",), severity="critical"),
    Bad(  # imported under another name, written by a background task
        {"app/state.py": "uploads = {}\n",
         "app/main.py": "from fastapi import BackgroundTasks, FastAPI\nfrom app.state import uploads as u\n\n"
         "app = FastAPI()\n"
         "\n\ndef work(key: str) -> None:\n    u[key] = \"done\"\n\n\n@app.post(\"/{key}\")\n"
         "def start(key: str, tasks: BackgroundTasks) -> None:\n    tasks.add_task(work, key)\n\n\n"
         "@app.get(\"/{key}\")\ndef state(key: str) -> str:\n    return u.get(key, \"?\")\n"},
        at=("app/state.py:1",),
    ),
    Bad(  # on the application
        {"main.py": HEAD.replace("FastAPI\n", "FastAPI, Request\n", 1) + "app.state.sessions = {}\n\n\n"
         "@app.post(\"/login\")\ndef login(request: Request, user: str) -> None:\n"
         "    request.app.state.sessions.update({user: \"in\"})\n\n\n@app.get(\"/me\")\n"
         "def me(request: Request, user: str) -> str:\n    return request.app.state.sessions[user]\n"},
        at=("main.py:4",),
    ),
    Good(  # a cache, a read-only table, handles of running tasks
        {"main.py": "import asyncio\n\n" + HEAD + "price_cache: dict[str, int] = {}\n"
         "USERS = {\"a\": 1}\n"
         "tasks = set()\n\n\n"
         "@app.get(\"/{key}\")\nasync def price(key: str) -> int:\n    price_cache.setdefault(key, 1)\n"
         "    task = asyncio.create_task(asyncio.sleep(1))\n    tasks.add(task)\n"
         "    task.add_done_callback(tasks.discard)\n    return price_cache[key] + USERS[key]\n\n\n"
         "@app.delete(\"/\")\ndef clear() -> None:\n    price_cache.clear()\n    tasks.clear()\n"},
        outcome="not_applicable",
    ),
    Good(  # a local name, and an object that lives for one request
        {"main.py": HEAD + "\n\n" + CLASS + "\n\n@app.get(\"/\")\nasync def index() -> str | None:\n"
         "    jobs = {}\n    jobs[\"a\"] = 1\n    store = InMemoryJobStore()\n    await store.add(\"a\")\n"
         "    return await store.get(\"a\")\n"},
        outcome="not_applicable",
    ),
    Good(  # handles of a database's collections, and marks of what this process is at
        {"main.py": HEAD + "pending_jobs: set[str] = set()\n\n\nclass Database:\n    def __init__(self, client):\n"
         "        self.client, self.collections = client, {}\n\n    def collection(self, name: str):\n"
         "        if name not in self.collections:\n"
         "            self.collections[name] = self.client.collection(name)\n        return self.collections[name]\n\n"
         "    def names(self):\n        return list(self.collections)\n\n\ndatabase = Database(app)\n\n\n"
         "def done(key: str) -> None:\n    pending_jobs.discard(key)\n\n\n"
         "@app.post(\"/jobs/{key}\")\ndef submit(key: str) -> list[str]:\n    pending_jobs.add(key)\n"
         "    database.collection(key)\n    done(key)\n    return database.names()\n"},
        outcome="not_applicable"),
    Good(  # names worked out from the key, what is only counted, locks, and who listens where
        {"main.py": "import re\n\nfrom fastapi import WebSocket\n" + HEAD + "tables: dict[str, str] = {}\n"
         "files: dict[str, bytes] = {}\nsessions_at_work: set[str] = set()\n\n\n"
         "class Hub:\n    def __init__(self):\n        self.open: dict[str, WebSocket] = {}\n"
         "        self.rooms: dict[str, set[str]] = {}\n\n    def join(self, room: str, user: str):\n"
         "        self.rooms.setdefault(room, set()).add(user)\n\n    def members(self, room: str):\n"
         "        return self.rooms[room]\n\n\nhub = Hub()\n\n\n"
         "def name_of(session: str) -> str:\n    if session not in tables:\n"
         "        tables[session] = \"shop_\" + re.sub(\"[^a-z]\", \"_\", session.lower())\n"
         "    return tables[session]\n\n\n"
         "def acquire_session(key: str) -> None:\n    sessions_at_work.add(key)\n\n\n"
         "def release_session(key: str) -> None:\n    sessions_at_work.discard(key)\n\n\n"
         "@app.post(\"/{key}\")\ndef work(key: str) -> list[str]:\n    acquire_session(key)\n"
         "    files[key] = open(key, \"rb\").read()\n    hub.join(key, key)\n    release_session(key)\n"
         "    return [name_of(key), tables[key], *hub.members(key)]\n\n\n"
         "@app.get(\"/\")\ndef index() -> int:\n    return len(files)\n"},
        outcome="not_applicable"),
    Good(  # a copy of what a store outside holds for all processes
        {"main.py": HEAD + "class JobManager:\n    def __init__(self, kv):\n        self._kv = kv\n"
         "        self._jobs: dict[str, str] = {}\n\n    async def add(self, key: str) -> None:\n"
         "        self._jobs[key] = \"queued\"\n        await self._kv.put(\"jobs\", str(self._jobs))\n\n"
         "    def get(self, key: str) -> str:\n        return self._jobs[key]\n\n\nmanager = JobManager(app)\n\n\n"
         "@app.post(\"/{key}\")\nasync def add(key: str) -> str:\n    await manager.add(key)\n"
         "    return manager.get(key)\n"}, outcome="unknown"),
    Bad(  # made of more than the key
        {"main.py": HEAD + "tokens: dict[str, str] = {}\n\n\n@app.post(\"/{key}\")\n"
         "def keep(key: str, value: str) -> None:\n    tokens[key] = key + value\n\n\n"
         "@app.get(\"/{key}\")\ndef get(key: str) -> str:\n    return tokens[key]\n"}, at=("main.py:4",)),
    Good(  # filled when the process starts
        {"main.py": "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n\nrecords = {}\n\n\n"
         "@asynccontextmanager\nasync def lifespan(app: FastAPI):\n    records[\"a\"] = 1\n    yield\n"
         "    records.clear()\n\n\n"
         "app = FastAPI(lifespan=lifespan)\n\n\n@app.get(\"/\")\ndef index() -> int:\n    return records[\"a\"]\n"},
        outcome="not_applicable",
    ),
)
