"""What requests connect to: stores and the names that lead to them, poolers, probes, limits, loaded files."""

from __future__ import annotations

import ast

import pytest

from readybook import Project
from readybook.edits import apply
from readybook.facts.closure import pulled_in
from readybook.facts.enginepurpose import may_be_sqlite, purpose
from readybook.facts.querylimits import limit_of
from readybook.facts.settingsaccess import settings_at_hand
from readybook.intents import EnsureModuleStatement, EnsureSetting, SetKeyword

MAIN = "from fastapi import FastAPI\n\nimport db\n\napp = FastAPI()\n"
ENGINE = "from sqlalchemy import create_engine\n\nengine = create_engine(\"postgresql+psycopg://localhost/shop\")\n"


def facts(**files: str):
    return Project.from_files({name.replace("__", "/") + ".py": text for name, text in files.items()}).facts


def test_files_that_an_application_loads():
    files = {
        "app/main.py": "from . import api\n\n\ndef late():\n    if api:\n        import app.lazy\n", "app/api.py":
        "try:\n    from .deep.thing import x\nexcept ImportError:\n    x = None\n", "app/deep/thing.py": "x = 1\n",
        "app/lazy.py": "", "app/other.py": "", "scripts/load.py": "import app.main\n"}
    plain = {"app/main.py", "app/api.py", "app/deep/thing.py", "app/lazy.py"}
    assert pulled_in(Project.from_files(files).facts.modules, "app/main.py") == plain
    inits = {"app/__init__.py", "app/deep/__init__.py"}
    packaged = Project.from_files(files | dict.fromkeys(inits, "")).facts.modules
    assert pulled_in(packaged, "app/main.py") == plain | inits


@pytest.mark.parametrize(("code", "kind", "expression"), [
    (ENGINE, "database", "engine"),
    ("from sqlalchemy.ext.asyncio import create_async_engine\n\n\nclass Database:\n    def __init__(self):\n"
     "        self.engine = create_async_engine(\"postgresql+asyncpg://x/y\")\n\n\ndatabase = Database()\n",
     "database", "database.engine"),
    ("from functools import lru_cache\nfrom sqlalchemy import create_engine\n\n\n@lru_cache\ndef get_engine():\n"
     "    return create_engine(\"postgresql://x/y\")\n", "database", "get_engine()"),
    ("from redis.asyncio import Redis\n\n\nclass Cache(Redis):\n    pass\n\n\ncache = Cache()\n", "redis", "cache"),
    ("import redis\n\nclient = redis.from_url(\"redis://x\")\n", "redis", "client"),
    ("from motor.motor_asyncio import AsyncIOMotorClient\n\nmongo = AsyncIOMotorClient()\n", "mongo", "mongo"),
    ("from sqlalchemy import create_engine\n\n\ndef make():\n    return create_engine(\"postgresql://x/y\")\n",
     "database", None),
])
def test_stores_and_how_they_are_reached(code: str, kind: str, expression: str | None):
    found = facts(main=MAIN, db=code)
    (store,) = found.stores(found.apps[0])
    assert (store.kind, store.access and store.access.expression) == (kind, expression)


@pytest.mark.parametrize(("code", "kind", "backend", "is_async"), [
    ("from tortoise import Tortoise\n\n\nasync def connect():\n    await Tortoise.init(db_url=\"asyncpg://x/y\")\n",
     "database", "postgresql", True),
    ("from tortoise import Tortoise\n\nCONFIG = {\"connections\": {\"default\": {\"engine\": "
     "\"tortoise.backends.mysql\"}}}\n\n\nasync def connect():\n    await Tortoise.init(config=CONFIG)\n",
     "database", "mysql", True),
    ("import os\nfrom tortoise import Tortoise\n\n\nasync def connect():\n"
     "    await Tortoise.init(db_url=os.getenv(\"DATABASE_URL\", \"sqlite://here.db\"))\n", "database", "", True),
    ("from tortoise import Tortoise\n\n\nasync def connect():\n    await Tortoise.init(db_url=\"sqlite://here.db\")\n",
     "database", "sqlite", True),
    ("import sqlite3\n\nheld = sqlite3.connect(\"here.db\")\n", "database", "sqlite", False),
    ("from psycopg_pool import ConnectionPool\n\npool = ConnectionPool(\"host=x\")\n", "database", "", False),
    ("from playhouse.pool import PooledPostgresqlDatabase\n\ndb = PooledPostgresqlDatabase(\"shop\")\n",
     "database", "postgresql", False),
    ("from celery import Celery\n\nqueue = Celery(\"shop\", broker=\"redis://x/0\")\n", "broker", "redis", False),
    ("from celery import Celery\n\nqueue = Celery(\"shop\", broker=\"pyamqp://x//\")\n", "broker", "rabbitmq", False),
    ("from celery import Celery\n\nqueue = Celery(\"shop\")\n", "broker", "", False),
    ("import os\nfrom sqlalchemy import create_engine\n\nURL = \"sqlite://\" if os.getenv(\"LOCAL\") else "
     "\"postgresql+psycopg://x/y\"\nengine = create_engine(URL)\n", "database", "postgresql", False),
    ("import boto3\n\nkept = boto3.client(\"s3\")\n", "files", "s3", False),
    ("import boto3\n\nkept = boto3.resource(service_name=\"dynamodb\")\n", "hosted", "dynamodb", False),
    ("from elasticsearch import AsyncElasticsearch\n\nes = AsyncElasticsearch(\"http://x\")\n",
     "search", "elasticsearch", True),
    ("from qdrant_client import QdrantClient\n\nq = QdrantClient(url=\"http://x\")\n", "vectors", "qdrant", False),
    ("from arq import create_pool\n\n\nasync def jobs():\n    return await create_pool()\n", "redis", "", True),
])
def test_what_a_client_opens(code: str, kind: str, backend: str, is_async: bool):
    found = facts(main=MAIN, db=code)
    (store,) = found.stores(found.apps[0])
    assert (store.kind, store.backend, store.is_async) == (kind, backend, is_async)


@pytest.mark.parametrize("code", [
    "import boto3\n\nsts = boto3.client(\"sts\")\n", "import kafka\n\nkafka.errors()\n",
    "import os\nimport boto3\n\nany_ = boto3.client(os.environ[\"SERVICE\"])\n",
    "from google.cloud import pubsub\n\nclient = pubsub.Client()\n",
])
def test_what_opens_no_store(code: str):
    found = facts(main=MAIN, db=code)
    assert found.stores(found.apps[0]) == ()


def test_a_store_that_the_application_does_not_load_is_none_of_its():
    found = facts(main=MAIN.replace("import db\n\n", ""), db=ENGINE)
    assert found.stores(found.apps[0]) == () and purpose(found, found.engines[0]) == "other"


def test_an_engine_of_a_worker_and_of_migrations():
    found = facts(main=MAIN, db="import tasks.worker\n", tasks__worker="import celery\n" + ENGINE,
                  migrations__env="from alembic import context\n" + ENGINE)
    assert {purpose(found, e) for e in found.engines} <= {"worker", "migrations"}


@pytest.mark.parametrize(("name", "text", "pooled"), [
    ("compose.yml", "services:\n  pool:\n    image: bitnami/pgbouncer:1\n", True),
    ("compose.yml", "services:\n  db:\n    image: postgres:16\n", False),
    (".env.example", "DATABASE_URL=postgresql://u:p@aws-0.pooler.supabase.com:6543/postgres\n", True),
    ("requirements.txt", "mangum\n", True),
    ("frontend/vercel.json", "{\"rewrites\": []}\n", False),
    ("vercel.json", "{\"builds\": [{\"src\": \"api/main.py\", \"use\": \"@vercel/python\"}]}\n", True),
])
def test_poolers(name: str, text: str, pooled: bool):
    assert bool(Project.from_files({"main.py": MAIN, "db.py": ENGINE, name: text}).facts.pooler) is pooled


@pytest.mark.parametrize(("name", "text"), [
    ("Dockerfile", "FROM python\nHEALTHCHECK CMD curl -f localhost:8000/beat\n"),
    ("compose.yml", "services:\n  a:\n    build: .\n    healthcheck:\n      test: [CMD, curl, 'http://127.0.0.1/beat']\n"),
    ("fly.toml", "[[http_service.checks]]\n  path = \"/beat\"\n"),
    ("render.yaml", "services:\n  - healthCheckPath: /beat\n"),
    ("chart/templates/app.yaml", "livenessProbe:\n  httpGet:\n    port: http\n    path: /beat\n"),
])
def test_probed_paths(name: str, text: str):
    assert "/beat" in Project.from_files({name: text}).facts.probed_paths


def test_each_probe_of_a_manifest_has_its_own_path():
    """Nested deeply, after lines that a pattern could divide in many ways: a search that tries all takes minutes."""
    deep = " " * 60
    probes = "".join(f"{deep}httpGet:\n{deep}  path: {path}\n{deep}  port: http\n" for path in ("/live", "/ready"))
    text = f"{probes}{deep}httpGet:\n" + "".join(f"{deep}  key{n}: value\n" for n in range(40))
    assert Project.from_files({"chart/templates/app.yaml": text}).facts.probed_paths == {"/live", "/ready"}


@pytest.mark.parametrize(("arguments", "limited"), [
    ("", False),
    (", connect_args={'connect_timeout': 3}", False),
    (", connect_args={'options': '-c statement_timeout=5s'}", True),
    (", connect_args=load()", None),
    (", **load()", None),
])
def test_query_limits(arguments: str, limited: bool | None):
    code = "from elsewhere import load\n" + ENGINE.replace("shop\")", f"shop\"{arguments})")
    found = facts(main=MAIN, db=code)
    answer = limit_of(found, found.engines[0])
    assert (bool(answer) if answer is not None else None) is limited


def test_an_engine_may_run_on_sqlite_in_tests():
    plain = Project.from_files({"main.py": MAIN, "db.py": ENGINE}).facts
    tests = Project.from_files({"main.py": MAIN, "db.py": ENGINE, "pytest.ini": "env = DB=sqlite:///x\n"}).facts
    assert [may_be_sqlite(f, f.engines[0]) for f in (plain, tests)] == [False, True]


def test_settings_that_are_only_handed_around():
    cls = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    a: int = 1\n\n\n"
    assert settings_at_hand(facts(main=MAIN, db=cls + "settings = Settings()\n"))
    assert settings_at_hand(facts(main=MAIN, db=cls + "def get():\n    return Settings()\n"))
    assert not settings_at_hand(facts(main=MAIN, db=cls + "def make(kind):\n    return kind(Settings())\n"))


def test_a_name_bound_by_assignment_does_not_lead_to_the_settings():
    """``__all__`` of a package that imports the settings stood for the settings' module."""
    files = {
        "config.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
        "    a: int = 1\n\n\nsettings = Settings()\n",
        "models/__init__.py": "__all__ = (\"engine\",)\n\nfrom sqlalchemy import create_engine\n\n"
        "from config import settings\n\nengine = create_engine(\"postgresql://x/y\")\n",
        "main.py": "from fastapi import FastAPI\n\nimport models\n\napp = FastAPI()\n",
    }
    project = Project.from_files(files)
    place = project.facts.engines[0].place
    made = apply(project, (EnsureSetting("size", "int", "5", "SIZE"),
                           SetKeyword(place, "create_engine", "pool_size", "{setting:size}")))
    assert "pool_size=settings.size" in made["models/__init__.py"]


def test_a_statement_may_go_last_and_a_definition_keeps_its_distance():
    text = "import os\n\nx = os.sep\n"
    after = EnsureModuleStatement("a.py", "f", "def f():\n    return x", last=True)
    last = apply(Project.from_files({"a.py": text}), (after,))
    assert last["a.py"] == text + "\n\ndef f():\n    return x\n"
    first = apply(Project.from_files({"a.py": text}), (EnsureModuleStatement("a.py", "f", "def f():\n    return 1"),))
    assert first["a.py"] == "import os\n\n\ndef f():\n    return 1\n\n\nx = os.sep\n"
    ast.parse(first["a.py"])
