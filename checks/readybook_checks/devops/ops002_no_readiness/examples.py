"""Examples of OPS002."""

from __future__ import annotations

from readybook import Bad, Good

ENGINE = ("from sqlalchemy.ext.asyncio import create_async_engine\n\n"
          "engine = create_async_engine(\"postgresql+asyncpg://localhost/shop\")\n")
PLAIN = "from sqlalchemy import create_engine\n\nengine = create_engine(\"postgresql+psycopg://localhost/shop\")\n"
CLIENT = "from redis.asyncio import Redis\n\nredis = Redis.from_url(\"redis://localhost\")\n"
ITEMS = "from fastapi import FastAPI\n\nimport {module}\n\napp = FastAPI()\n\n\n@app.get(\"/items\")\n" \
        "async def items() -> list[str]:\n    return [str({module})]\n"
READY = '''\
READINESS_SECONDS = 3.0


@{router}.get("{path}", responses={{503: {{"description": "A dependency is down"}}}})
async def ready(response: Response) -> dict[str, Any]:
    """Ask all that requests need; 503 takes the process off the load balancer."""
    checks = {{"database": await state_of("database", ask_database())}}
    healthy = all(state == "ok" for state in checks.values())
    if not healthy:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return {{"status": "ok" if healthy else "unavailable", "checks": checks}}


async def state_of(name: str, question: Awaitable[object]) -> str:
    """``ok``, or ``unavailable`` when the answer fails or takes too long."""
    try:
        await asyncio.wait_for(question, READINESS_SECONDS)
    except Exception:  # a refused connection is a bare OSError with some drivers
        logger.exception("Readiness: %s is unavailable", name)
        return "unavailable"
    return "ok"


async def ask_database() -> None:
'''
ASK = '''\
    """Run the smallest query."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
'''
HEALTH = "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n@router.get(\"/health\")\n" \
         "async def health() -> str:\n    return \"ok\"\n"
MAIN = "from fastapi import FastAPI\n\nfrom app import health\n\napp = FastAPI()\napp.include_router(health.router)\n"
HEAD = '''\
import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from fastapi import APIRouter, Response, status
from sqlalchemy import text

from app.db import engine

logger = logging.getLogger(__name__)

router = APIRouter()


@router.get("/health")
async def health() -> str:
    return "ok"


'''
BAD = (
    Bad(  # the route that is there is liveness: readiness joins its router
        {"app/__init__.py": "", "app/main.py": "import app.db\n" + MAIN.replace("app = FastAPI()", "api = FastAPI()")
         .replace("app.include", "api.include"), "app/db.py": ENGINE, "app/health.py": HEALTH},
        at=("app/main.py:6",), severity="medium",
        fixed={"app/health.py": HEAD + READY.format(router="router", path="/health/ready") + ASK},
    ),
    Bad(  # a private engine is read through its module, where whoever replaces it does so
        {"app/__init__.py": "", "app/main.py": "import app.db\n" + MAIN.replace("app = FastAPI()", "api = FastAPI()")
         .replace("app.include", "api.include"), "app/db.py": ENGINE.replace("engine =", "_engine ="),
         "app/health.py": HEALTH},
        at=("app/main.py:6",), severity="medium",
        fixed={"app/health.py": (HEAD + READY.format(router="router", path="/health/ready") + ASK)
               .replace("from app.db import engine", "from app import db").replace("with engine.", "with db._engine.")},
    ),
    Bad(  # an object's private attribute is nobody else's: advice
        {"app/__init__.py": "", "app/main.py": "import app.store\n" + MAIN.replace("app = FastAPI()", "api = FastAPI()")
         .replace("app.include", "api.include"), "app/health.py": HEALTH,
         "app/store.py": "from redis.asyncio import Redis\n\n\nclass Store:\n    def __init__(self) -> None:\n"
         "        self._redis = Redis.from_url(\"redis://localhost\")\n\n\nstore = Store()\n"},
        at=("app/main.py:6",), severity="medium", fixed={},
    ),
    Bad(  # two dependencies, no health route
        {"Procfile": "web: uvicorn main:app\n", "main.py": ITEMS.format(module="stores"),
         "stores.py": ENGINE.replace("\n\n", "\nfrom redis.asyncio import Redis\n\n", 1)
         + "cache = Redis.from_url(\"redis://localhost\")\n"},
        at=("main.py:5",), severity="high",
    ),
    Bad(  # it says that it is ready and asks nobody
        {"main.py": ITEMS.format(module="db") + "\n\n@app.get(\"/health/ready\")\nasync def ready() -> bool:\n"
         "    return True\n",
         "db.py": PLAIN}, at=("main.py:14",), severity="medium",
    ),
    Bad(  # a database that is opened through Tortoise
        {"main.py": "import os\n\nfrom fastapi import FastAPI\n"
         "from tortoise.contrib.fastapi import register_tortoise\n\napp = FastAPI()\n"
         "register_tortoise(app, db_url=os.environ[\"DATABASE_URL\"], modules={\"models\": [\"models\"]})\n"
         "\n\n@app.get(\"/\")\nasync def root() -> str:\n    return \"ok\"\n"}, at=("main.py:6",), severity="medium",
    ),
    Bad(  # it asks one of two
        {"main.py": "from fastapi import FastAPI\nfrom sqlalchemy import text\n\nfrom db import engine\n"
         "from cache import redis\n\napp = FastAPI()\n\n\n@app.get(\"/readyz\")\nasync def readyz() -> str:\n"
         "    async with engine.connect() as c:\n        await c.execute(text(\"SELECT 1\"))\n    return \"ok\"\n\n\n"
         "@app.get(\"/x\")\n"
         "async def x() -> str:\n    return await redis.get(\"x\")\n",
         "db.py": ENGINE, "cache.py": CLIENT}, at=("main.py:11",), severity="medium",
    ),
)
GOOD = (
    Good(  # a file of the process
        {"main.py": "import sqlite3\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def root() -> str:\n    with sqlite3.connect(\"shop.db\") as db:\n"
         "        return db.execute(\"select 1\").fetchone()[0]\n"}, outcome="not_applicable"),
    Good(  # the files that it keeps elsewhere are no part of every request
        {"main.py": "import boto3\nfrom fastapi import FastAPI\n\napp = FastAPI()\nfiles = boto3.client(\"s3\")\n\n\n"
         "@app.get(\"/\")\ndef root() -> str:\n    return files.get_object(Bucket=\"b\", Key=\"k\")[\"ETag\"]\n"},
        outcome="not_applicable"),
    Good(  # what a middleware opened for itself, no route reaches
        {"main.py": "from fastapi import FastAPI\nfrom redis.asyncio import Redis\n\n\nclass Keys:\n"
         "    def __init__(self, app):\n        self.app, self.redis = app, Redis()\n\n"
         "    async def __call__(self, scope, receive, send):\n        await self.app(scope, receive, send)\n\n\n"
         "app = FastAPI()\napp.add_middleware(Keys)\n\n\n@app.get(\"/\")\ndef root() -> str:\n    return \"ok\"\n"},
        outcome="not_applicable"),
    Good(  # through a helper and a time limit
        {"main.py": "import asyncio\n\nfrom fastapi import FastAPI, HTTPException\nfrom sqlalchemy import text\n\n"
         "from db import engine\n\napp = FastAPI()\n\n\nasync def ask() -> None:\n"
         "    async with engine.connect() as c:\n        await c.execute(text(\"SELECT 1\"))\n\n\n"
         "@app.get(\"/health/ready\")\nasync def ready() -> str:\n    try:\n"
         "        await asyncio.wait_for(ask(), 2)\n    except (OSError, TimeoutError):\n"
         "        raise HTTPException(503) from None\n    return \"ok\"\n",
         "db.py": ENGINE}),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef root() -> str:\n"
          "    return \"ok\"\n"}, outcome="not_applicable"),
    Good(  # only a script that no application imports uses the database
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef root() -> str:\n"
         "    return \"ok\"\n", "scripts/load.py": ENGINE}, outcome="not_applicable"),
    Good(  # one of two, by what is configured
        {"main.py": "from contextlib import asynccontextmanager\n\nfrom fastapi import FastAPI\n\n"
         "from backends import choose\n\n\n@asynccontextmanager\nasync def lifespan(app):\n"
         "    app.state.backend = choose()\n    yield\n\n\napp = FastAPI(lifespan=lifespan)\n\n\n@app.get(\"/\")\n"
         "def root() -> str:\n    return \"ok\"\n",
         "backends.py": "import os\n\nfrom pymongo import MongoClient\nfrom redis import Redis\n\n\ndef choose():\n"
         "    if os.environ[\"BACKEND\"] == \"redis\":\n        return Redis()\n    return MongoClient()\n"},
        outcome="unknown"),
    Good(  # a function, to which no probe goes
        {"main.py": "from mangum import Mangum\n" + ITEMS.format(module="db") + "\n\nhandler = Mangum(app)\n",
         "db.py": ENGINE}, outcome="not_applicable"),
    Good(  # a file beside the process
        {"main.py": ITEMS.format(module="stores"), "stores.py": PLAIN.replace("postgresql+psycopg://localhost/shop",
                                                                              "sqlite:///shop.db")},
        outcome="not_applicable"),
    Good(  # what stands behind a protocol is not seen
        {"main.py": "from typing import Protocol\n\nfrom fastapi import Depends, FastAPI\n\nimport db\n\n"
         "app = FastAPI()\n\n\nclass Health(Protocol):\n    async def state(self) -> str:\n"
         "        \"\"\"What is down.\"\"\"\n        ...\n\n\n@app.get(\"/ready\")\n"
         "async def ready(health: Health = Depends()) -> str:\n    return await health.state() + str(db)\n",
         "db.py": ENGINE}, outcome="unknown"),
    Good(  # what it asks is made at start-up, out of sight
        {"main.py": "from fastapi import FastAPI, Request\n\nimport db\n\napp = FastAPI()\n\n\n@app.get(\"/ready\")\n"
         "async def ready(request: Request) -> str:\n    await request.app.state.database.execute(\"SELECT 1\")\n"
         "    return str(db)\n", "db.py": ENGINE}, outcome="unknown"),
)
