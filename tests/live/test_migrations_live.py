"""The Alembic environment that OPS017 writes migrates a real PostgreSQL up and down, by a sync and an async driver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from generated import fixed, run, write
from servers import Postgres, Service

pytest.importorskip("alembic")
SETTINGS = """from typing import Literal

from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str
    environment: Literal["development", "production"] = "production"


settings = Settings()
"""
MODELS = """from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
"""
ASYNC = {
    "app/db.py": """from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase

from app.settings import settings


class Base(DeclarativeBase):
    pass


engine = create_async_engine(settings.database_url)
""",
    "app/main.py": """from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import models
from app.db import Base, engine


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan)
""",
}
SYNC = {
    "app/db.py": """from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase

from app.settings import settings


class Base(DeclarativeBase):
    pass


engine = create_engine(settings.database_url)
""",
    "app/main.py": """from fastapi import FastAPI

from app import models
from app.db import Base, engine


app = FastAPI()
Base.metadata.create_all(engine)
""",
}
DRIVERS = {"asyncpg": ASYNC, "psycopg": SYNC}


@pytest.fixture(params=DRIVERS)
def target(request: pytest.FixtureRequest, postgres: Postgres, tmp_path: Path) -> tuple[Path, str, dict[str, str]]:
    """The folder of the fixed project, the name of an empty database, and the variables that lead to it."""
    pytest.importorskip(request.param)
    files = {"app/__init__.py": "", "app/settings.py": SETTINGS, "app/models.py": MODELS, **DRIVERS[request.param],
             "requirements.txt": "fastapi\nsqlalchemy\n"}
    database = postgres.database()
    return write(fixed(files, "OPS017"), tmp_path), database, {"DATABASE_URL": postgres.url(database, request.param)}


def alembic(target: tuple[Path, str, dict[str, str]], *commands: str) -> str:
    """Run commands one after the other as the ``alembic`` program does, in one process: a start costs seconds."""
    code = "import shlex, sys\nfrom alembic.config import main\nfor c in sys.argv[1:]: main(shlex.split(c), 'alembic')"
    return run(target[0], "python", "-c", code, *commands, **target[2])


def revision(target: tuple[Path, str, dict[str, str]], message: str, *after: str) -> str:
    """Have a revision written, run the other commands, and give its text."""
    before = set((target[0] / "migrations/versions").glob("*.py"))
    alembic(target, f"revision --autogenerate -m '{message}'", *after)
    (new,) = set((target[0] / "migrations/versions").glob("*.py")) - before
    return new.read_text()


def test_up_and_down_and_up_again(target: tuple[Path, str, dict[str, str]], postgres: Postgres) -> None:
    folder, database, _ = target
    # "check" fails unless the database is what the models say
    first = revision(target, "First tables", "upgrade head", "check")
    assert first.count("op.create_table(") == 2 and first.count("op.drop_table(") == 2
    assert postgres.tables(database) == ["alembic_version", "items", "orders"]
    postgres.query("INSERT INTO items VALUES (1, 'lamp')", database)
    models = folder / "app/models.py"
    models.write_text(models.read_text().replace("    name: Mapped[str]\n",
                                                 "    name: Mapped[str]\n    price: Mapped[int | None]\n"))
    assert "op.add_column(" in revision(target, "Add a price", "upgrade head")
    assert postgres.query("SELECT id, name, price IS NULL FROM items", database) == [["1", "lamp", "t"]]
    alembic(target, "downgrade -1")
    assert postgres.query("SELECT * FROM items", database) == [["1", "lamp"]]
    alembic(target, "downgrade base")
    assert postgres.tables(database) == ["alembic_version"]
    alembic(target, "upgrade head")
    assert postgres.tables(database) == ["alembic_version", "items", "orders"]


def test_it_prints_sql_without_a_database_that_answers(target: tuple[Path, str, dict[str, str]]) -> None:
    revision(target, "First tables")
    scheme = target[2]["DATABASE_URL"].partition("://")[0]
    away = (target[0], "", {"DATABASE_URL": f"{scheme}://postgres@127.0.0.1:1/none"})
    assert "CREATE TABLE orders" in alembic(away, "upgrade head --sql")


def test_tables_are_made_at_start_where_that_is_wanted_only(
    target: tuple[Path, str, dict[str, str]], postgres: Postgres, serve: Callable[..., Service],
) -> None:
    folder, database, variables = target
    own = "create_tables_at_start" in (folder / "app/settings.py").read_text()
    off, on = ({"CREATE_TABLES_AT_START": "false"}, {}) if own else ({}, {"ENVIRONMENT": "development"})
    serve("app.main:app", folder, **variables, **off).stop()
    assert postgres.tables(database) == []
    serve("app.main:app", folder, **variables, **on).stop()
    assert postgres.tables(database) == ["items", "orders"]
