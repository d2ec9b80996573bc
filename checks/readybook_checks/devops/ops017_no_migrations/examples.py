"""Projects on which OPS017 must speak, and such on which it must be silent."""

from importlib.resources import files

from readybook import Bad, Good

MODELS = (
    "from sqlalchemy.orm import Mapped, mapped_column\n\nfrom app.db import Base\n\n\nclass Item(Base):\n"
    "    __tablename__ = \"items\"\n    id: Mapped[int] = mapped_column(primary_key=True)\n"
)
DB = (
    "import os\n\nfrom sqlalchemy import create_engine\nfrom sqlalchemy.orm import DeclarativeBase\n\n\n"
    "class Base(DeclarativeBase):\n    pass\n\n\nengine = create_engine(os.environ[\"DATABASE_URL\"])\n"
)
MAIN = "from fastapi import FastAPI\n\nfrom app import models\n\napp = FastAPI()\n"
LIFESPAN = (
    "from contextlib import asynccontextmanager\n\nfrom fastapi import FastAPI\n\nfrom app import models\n"
    "from app.db import Base, engine\nfrom app.settings import settings\n\n\n@asynccontextmanager\n"
    "async def lifespan(app: FastAPI):\n    {body}\n    yield\n\n\napp = FastAPI(lifespan=lifespan)\n"
)
SETTINGS = (
    "from typing import Literal\n\nfrom pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
    "    environment: Literal[\"dev\", \"production\"] = \"production\"\n\n\nsettings = Settings()\n"
)
PROJECT = {"app/__init__.py": "", "app/db.py": DB, "app/models.py": MODELS, "app/settings.py": SETTINGS,
           "requirements.txt": "fastapi\nsqlalchemy\n"}
ALEMBIC = {"alembic.ini": "[alembic]\nscript_location = migrations\n",
           "migrations/env.py": "from alembic import context\n\ncontext.configure()\n"}


def template(name: str) -> str:
    """The text of a file that stands beside this one."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


ONLINE = (
    "\ndef migrate_online() -> None:\n    \"\"\"Connect once, migrate, disconnect.\"\"\"\n"
    "    source = create_engine(database_url(), poolclass=NullPool)\n    with source.connect() as connection:\n"
    "        migrate(connection)\n"
)
BAD = (
    Bad(
        {**PROJECT, "app/main.py": LIFESPAN.format(body="Base.metadata.create_all(engine)")},
        at=("app/main.py:12",), severity="high",
        fixed={
            "app/main.py": LIFESPAN.format(body="if settings.environment == \"dev\":\n"
                                                "        Base.metadata.create_all(engine)"),
            "alembic.ini": template("alembic.ini.tmpl").replace("$folder", "migrations"),
            "migrations/env.py": template("env.py.tmpl").replace("$imports", (
                "from alembic import context\nfrom sqlalchemy import create_engine\n"
                "from sqlalchemy.engine import URL, Connection\nfrom sqlalchemy.pool import NullPool\n\n"
                "import app.models  # noqa: F401\nfrom app.db import Base, engine"))
            .replace("$metadata", "Base.metadata").replace("$url_type", "URL").replace("$url", "engine.url")
            .replace("$online", ONLINE).replace("$run", "migrate_online()"),
            "migrations/script.py.mako": template("script.py.mako.tmpl"),
            "migrations/versions/README": "Revisions, one file each. The first one is written against an empty "
            "database:\n\n    alembic revision --autogenerate -m \"First tables\"\n    alembic upgrade head\n\n"
            "A database that has the tables already is told so once, instead of upgraded: alembic stamp head\n",
            "requirements.txt": "fastapi\nsqlalchemy\nalembic>=1.13,<2\n",
        },
    ),
    Bad(  # nothing makes the tables; an async engine behind a function that is cached
        {**PROJECT, "app/main.py": MAIN, "app/db.py": DB.replace(
            "from sqlalchemy import create_engine", "from functools import cache\n\n"
            "from sqlalchemy.ext.asyncio import create_async_engine").replace(
            "engine = create_engine(", "@cache\ndef engine():\n    return create_async_engine(")},
        at=("app/db.py:15",), severity="medium",
    ),
    Bad(  # the tables of another application, in a SQLite file of its own, are left out
        {**PROJECT, "app/main.py": MAIN, "own/main.py": "from fastapi import FastAPI\nfrom sqlmodel import Field, "
         "SQLModel, create_engine\n\n\nclass Hero(SQLModel, table=True):\n    id: int | None = Field(default=None, "
         "primary_key=True)\n\n\nengine = create_engine(\"sqlite:///heroes.db\")\n"
         "SQLModel.metadata.create_all(engine)\napp = FastAPI()\n"},
        at=("app/db.py:11",), severity="medium",
    ),
    Bad(  # SQLModel, SQLite unless configured, tables made when the module is imported; alembic is declared only
        {"main.py": "import os\n\nfrom fastapi import FastAPI\nfrom sqlmodel import Field, SQLModel, create_engine\n\n"
         "\nclass Hero(SQLModel, table=True):\n    id: int | None = Field(default=None, primary_key=True)\n\n\n"
         "engine = create_engine(os.getenv(\"DATABASE_URL\", \"sqlite:///heroes.db\"))\n"
         "SQLModel.metadata.create_all(engine)\napp = FastAPI()\n", "requirements.txt": "fastapi\nalembic\n"},
        at=("main.py:12",), severity="medium",
    ),
    Bad(  # migrations, and create_all beside them
        {**PROJECT, **ALEMBIC, "app/main.py": LIFESPAN.format(
            body="async with engine.begin() as connection:\n"
                 "        await connection.run_sync(Base.metadata.create_all)")},
        at=("app/main.py:13",), severity="low",
        fixed={"app/main.py": LIFESPAN.format(
            body="async with engine.begin() as connection:\n        if settings.environment == \"dev\":\n"
                 "            await connection.run_sync(Base.metadata.create_all)")},
    ),
)
BAD += (
    Bad(  # what the tables hold is deleted at each start; the guard alone would leave none
        {**PROJECT, **ALEMBIC, "app/main.py": LIFESPAN.format(
            body="async with engine.begin() as connection:\n"
                 "        await connection.run_sync(Base.metadata.drop_all)\n"
                 "        await connection.run_sync(Base.metadata.create_all)")},
        at=("app/main.py:13", "app/main.py:14"), severity="critical",
    ),
)
GOOD = (
    Good({**PROJECT, **ALEMBIC, "app/main.py": MAIN}),
    Good(  # create_all in tests, in a script, and at start-up under a condition
        {**PROJECT, **ALEMBIC,
         "app/main.py": LIFESPAN.format(body="if settings.environment == \"dev\":\n"
                                             "        Base.metadata.create_all(engine)"),
         "tests/conftest.py": "from app.db import Base, engine\n\nBase.metadata.create_all(engine)\n",
         "scripts/init.py": "from app.db import Base, engine\n\nBase.metadata.create_all(engine)\n"},
    ),
    Good(  # a SQLite file of its own
        {**PROJECT, "app/main.py": LIFESPAN.format(body="Base.metadata.create_all(engine)"),
         "app/db.py": DB.replace("os.environ[\"DATABASE_URL\"]", "\"sqlite:///cache.db\"")},
        outcome="not_applicable",
    ),
    Good(  # the code adds columns itself, whether all of them or not
        {**PROJECT, "app/main.py": LIFESPAN.format(body="Base.metadata.create_all(engine)\n    add_columns()")
         + "\n\ndef add_columns():\n    with engine.begin() as connection:\n"
         "        connection.exec_driver_sql(\"ALTER TABLE users ADD COLUMN age INT\")\n"},
        outcome="unknown",
    ),
    Good(  # migrations of another kind
        {**PROJECT, "app/main.py": MAIN, "db/migrations/V1__items.sql": "CREATE TABLE items (id int);\n"},
    ),
    Good({**PROJECT, "app/main.py": MAIN, "migrations/add_price.py": "print(\"ALTER TABLE\")\n"}, outcome="unknown"),
    Good(  # tables without classes, and their migrations
        {**ALEMBIC, "main.py": "from fastapi import FastAPI\nfrom sqlalchemy import Column, Integer, MetaData, Table\n"
         "\nitems = Table(\"items\", MetaData(), Column(\"id\", Integer))\napp = FastAPI()\n"},
    ),
    Good(  # models of request bodies are no tables
        {"main.py": "from fastapi import FastAPI\nfrom sqlmodel import SQLModel\n\n\nclass Item(SQLModel):\n"
         "    name: str\n\n\napp = FastAPI()\n"},
        outcome="not_applicable",
    ),
)
