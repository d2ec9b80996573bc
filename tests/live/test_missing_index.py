"""The revision that PER009 writes, run by Alembic against a real PostgreSQL: up, up again, down."""

from __future__ import annotations

from pathlib import Path

import pytest
from generated import fixed, run, write

MODELS = """from sqlalchemy import Column, ForeignKey, Integer, String, create_engine
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()
engine = create_engine("postgresql+psycopg://localhost/shop")


class Order(Base):
    __tablename__ = "orders"

    id = Column(Integer, primary_key=True)
    parent_id = Column(Integer, ForeignKey("orders.id"))
    number = Column(String)


def find(db: Session, number: str):
    return db.query(Order).filter(Order.number == number).all()
"""
ENV = """import os

from alembic import context
from sqlalchemy import create_engine

from models import Base

with create_engine(os.environ["DATABASE_URL"]).connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
FIRST = """import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("parent_id", sa.Integer(), sa.ForeignKey("orders.id")),
        sa.Column("number", sa.String()),
    )


def downgrade() -> None:
    op.drop_table("orders")
"""
FILES = {"models.py": MODELS, "alembic.ini": "[alembic]\nscript_location = migrations\nprepend_sys_path = .\n",
         "migrations/env.py": ENV, "migrations/versions/0001_first.py": FIRST,
         "requirements.txt": "alembic==1.20.1\nsqlalchemy==2.0.58\n"}
INDEXES = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'ix_%' ORDER BY 1"


def test_the_revision_makes_the_indexes_and_takes_them_back(tmp_path, postgres):
    files = fixed(FILES, "PER009")
    folder = write(files, tmp_path)
    database = postgres.database()

    def alembic(*words: str) -> None:
        run(folder, "python", "-m", "alembic", *words, DATABASE_URL=postgres.url(database, "psycopg"))

    alembic("upgrade", "head")
    assert any("autocommit_block" in text for text in files.values())
    assert postgres.query(INDEXES, database) == [["ix_orders_number"], ["ix_orders_parent_id"]]
    alembic("check")  # the models say the same as the database
    alembic("downgrade", "0001")
    assert postgres.query(INDEXES, database) == []
    alembic("upgrade", "head")
    assert postgres.query(INDEXES, database) == [["ix_orders_number"], ["ix_orders_parent_id"]]


@pytest.mark.parametrize("kind", ["sqlite", "begun outside"])
def test_where_a_transaction_cannot_be_left_the_revision_stays_in_it(kind: str, tmp_path: Path) -> None:
    """SQLite has no transaction of Alembic's to leave, and an env.py may have begun one of its own."""
    env = ENV.replace(").connect()", ").begin()") if kind == "begun outside" else ENV
    models = MODELS if kind == "begun outside" else MODELS.replace("postgresql+psycopg://localhost/shop", "sqlite://")
    files = fixed({**FILES, "models.py": models, "migrations/env.py": env}, "PER009")
    assert any("op.create_index" in text for text in files.values())
    assert not any("autocommit_block" in text for text in files.values())
    folder, url = write(files, tmp_path), f"sqlite:///{tmp_path / 'shop.db'}"
    for words in (("upgrade", "head"), ("downgrade", "0001")):
        run(folder, "python", "-m", "alembic", *words, DATABASE_URL=url)
