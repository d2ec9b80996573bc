"""Examples of ARC004."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from readybook import Bad, Good

BASE = ("import asyncio\n\nfrom fastapi import FastAPI\nfrom sqlalchemy import select\n"
        "from sqlalchemy.ext.asyncio import AsyncSession\n"
        "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n\napp = FastAPI()\n\n\n"
        "class Base(DeclarativeBase):\n    pass\n\n\nclass Job(Base):\n    __tablename__ = \"jobs\"\n"
        "    id: Mapped[int] = mapped_column(primary_key=True)\n\n\n")
LOOP = ("async def work(session: AsyncSession) -> None:\n    while True:\n"
        "        found = await session.execute(select(Job))\n        print(found.all())\n"
        "        await asyncio.sleep(2)\n")
HELPED = ("async def take(session: AsyncSession):\n    return (await session.scalars(select(Job))).all()\n\n\n"
          "async def work(session: AsyncSession, pause: float) -> None:\n    while True:\n        await take(session)\n"
          "        await asyncio.sleep(pause)\n")
STREAM = ("@app.get(\"/jobs\")\nasync def jobs(session: AsyncSession) -> None:\n    while 1:\n"
          "        await session.execute(select(Job))\n        await asyncio.sleep(30)\n")
DB = ("from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine\n"
      "from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column\n\n"
      "engine = create_async_engine(\"postgresql+asyncpg://db/shop\")\nsessions = async_sessionmaker(engine)\n\n\n"
      "class Base(DeclarativeBase):\n    pass\n\n\nclass Job(Base):\n    __tablename__ = \"jobs\"\n"
      "    id: Mapped[int] = mapped_column(primary_key=True)\n    status: Mapped[str]\n    run_at: Mapped[int]\n")
TAKING = ("import asyncio\n\nfrom fastapi import FastAPI\nfrom sqlalchemy import select\n\n"
          "from app.db import Job, sessions\n\napp = FastAPI()\n\n\nasync def work() -> None:\n    while True:\n"
          "        async with sessions() as session:\n"
          "            query = await session.scalars(select(Job).where(Job.status == \"new\"))\n"
          "            jobs = query.all()\n            for job in jobs:\n                job.status = \"done\"\n"
          "            await session.commit()\n        await asyncio.sleep(5)\n")
ALEMBIC = {"app/__init__.py": "", "alembic.ini": "[alembic]\nscript_location = migrations\n",
           "migrations/env.py": "from alembic import context\n\nfrom app.db import Base\n\n"
           "target_metadata = Base.metadata\n",
           "migrations/versions/0001_first.py": "revision = \"0001\"\ndown_revision = None\n\n\n"
           "def upgrade() -> None:\n    pass\n"}


def _text(name: str, **words: str) -> str:
    return Template(files(__package__).joinpath(f"{name}.py.tmpl").read_text(encoding="utf-8")).substitute(words)


EXAMPLES = (
    Bad(
        {**ALEMBIC, "app/db.py": DB, "app/main.py": TAKING}, at=("app/main.py:14",), severity="high",
        fixed={
            "app/main.py": TAKING.replace(
                "sessions\n\napp", "sessions\nfrom app.table_changes import jobs_changed\n\napp").replace(
                "asyncio.sleep(5)", "jobs_changed.wait(5)"),
            "app/table_changes.py": _text("table_changes", module="app.db", engine="engine",
                                          channels="jobs_changed = TableChanges(engine, \"jobs_changed\")"),
            "migrations/versions/11893bc222b5_tell_of_changes.py": _text(
                "revision", tables="jobs", revision="11893bc222b5", down="0001", names="\"jobs\"")},
    ),
    Bad(  # due by the clock
        {**ALEMBIC, "app/db.py": DB, "app/main.py": TAKING.replace("Job.status == \"new\"", "Job.run_at < time()")},
        at=("app/main.py:14",), fixed={}),
    Bad(  # does more each time
        {**ALEMBIC, "app/db.py": DB, "app/main.py": TAKING.replace("        await asyncio.sleep",
                                                                  "        await beat()\n        await asyncio.sleep")},
        at=("app/main.py:14",), fixed={}),
    Bad(  # another database
        {**ALEMBIC, "app/db.py": DB.replace("postgresql+asyncpg", "mysql+asyncmy"), "app/main.py": TAKING},
        at=("app/main.py:14",), fixed={}),
    Bad({"main.py": BASE + LOOP}, at=("main.py:22",), severity="high"),
    Bad({"main.py": BASE + HELPED}, at=("main.py:26",), severity="medium"),  # in a function; an unknown pause
    Bad({"main.py": BASE + STREAM}, at=("main.py:23",), severity="high"),  # for each client
    Good({"main.py": BASE + LOOP.replace("sleep(2)", "wait([])")}, outcome="not_applicable"),
    Good(  # a bounded number of tries
        {"main.py": BASE + LOOP.replace("while True", "for _ in range(3)")}, outcome="not_applicable"),
    Good(  # asks nothing
        {"main.py": BASE + LOOP.replace("await session.execute(select(Job))", "set()").replace("found.all()", "found")},
        outcome="not_applicable"),
    Good(  # the query stands before the loop
        {"main.py": BASE + "async def once(session: AsyncSession) -> None:\n    await session.execute(select(Job))\n"
         "    while True:\n        await asyncio.sleep(1)\n"}, outcome="not_applicable"),
)
