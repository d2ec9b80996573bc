"""Examples of PER009."""

from __future__ import annotations

from readybook import Bad, Good

HEAD = """from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()


class Order(Base):
    __tablename__ = "orders"
"""
MODELS = HEAD + """
    id = Column(Integer, primary_key=True)
    customer_id = Column(Integer, ForeignKey("customers.id"){foreign})
    number = Column(String{number})
    paid = Column(Boolean)
"""
MAIN = """from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session

from models import Order

app = FastAPI()


def get_db() -> Session: ...


@app.get("/orders/{{number}}")
def order(number: str, db: Session = Depends(get_db)):
    return db.query(Order).filter({test}).first()
"""
ENV = {
    "alembic.ini": "[alembic]\nscript_location = migrations\n",
    "migrations/env.py": "from alembic import context\n\ncontext.configure()\n",
    "migrations/versions/0001_first.py": "from alembic import op\n\nrevision = \"0001\"\ndown_revision = None\n\n\n"
                                         "def upgrade() -> None:\n    op.create_table(\"orders\")\n",
    "requirements.txt": "alembic==1.13.1\n",
}
REVISION = '''"""Index the columns that queries look up.

Revision ID: da589a2e77c2
Revises: 0001
"""

from alembic import op

revision = "da589a2e77c2"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_orders_customer_id", "orders", ["customer_id"], if_not_exists=True
    )
    op.create_index("ix_orders_number", "orders", ["number"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_orders_number", table_name="orders", if_exists=True)
    op.drop_index("ix_orders_customer_id", table_name="orders", if_exists=True)
'''
MAPPED = """from sqlalchemy import ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped{imported}


class Base(DeclarativeBase):
    pass


class Visit(Base):
    __tablename__ = "visits"

    id: Mapped[int] = mapped_column(primary_key=True)
    page: Mapped[str]{page}


async def of(db: AsyncSession, page: str):
    return (await db.scalars(select(Visit).where(Visit.page == page))).all()
"""
SQLMODEL = """from sqlmodel import Field, Session, SQLModel, select


class Hero(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=50{name})
    team_id: int | None = Field(default=None, foreign_key="team.id", index=True)


def hero(db: Session, name: str) -> Hero | None:
    return db.exec(select(Hero).where(Hero.name == name)).first()
"""
TORTOISE = """from tortoise import fields
from tortoise.models import Model


class Team(Model):
    name = fields.CharField(max_length=80{name})


class Player(Model):
    team = fields.ForeignKeyField("models.Team"{team})


async def team(name: str) -> Team | None:
    return await Team.get_or_none(name=name)
"""
BEANIE = """from typing import Annotated

from beanie import Document, Indexed, Link


class Team(Document):
    name: {name}


class Player(Document):
    team: Link[Team]

    class Settings:
        indexes = [{team}]


async def players(name: str, limit: int) -> list[Player]:
    team = await Team.find_one(Team.name == name)
    return await Player.find(Player.team.id == team.id).limit(limit).to_list()
"""
MOTOR = """from fastapi import FastAPI
from motor.motor_asyncio import AsyncIOMotorClient

app = FastAPI()
db = AsyncIOMotorClient("mongodb://db").shop


async def start() -> None:
    await db.users.create_index("{made}")


@app.get("/users/{{name}}")
async def user(name: str) -> dict:
    return await db.users.find_one({{"name": name, "active": True}})
"""


def _files(foreign: str = ", index=True", number: str = "", test: str = "Order.number == number") -> dict[str, str]:
    return {"models.py": MODELS.format(foreign=foreign, number=number), "main.py": MAIN.format(test=test)}


EXAMPLES = (
    Bad(_files(), at=("models.py:12",), severity="medium",
        fixed={"models.py": MODELS.format(foreign=", index=True", number=", index=True")}),
    Bad(  # a foreign key that no query names, and one revision for both
        {**_files(foreign=""), **ENV}, at=("models.py:11", "models.py:12"), severity="medium",
        fixed={"models.py": MODELS.format(foreign=", index=True", number=", index=True"),
               "migrations/versions/da589a2e77c2_index_queried_columns.py": REVISION}),
    Bad({"models.py": MAPPED.format(imported=", mapped_column", page="")}, at=("models.py:14",), severity="low",
        fixed={"models.py": MAPPED.format(imported=", mapped_column", page=" = mapped_column(index=True)")}),
    Bad({"models.py": SQLMODEL.format(name="")}, at=("models.py:6",), severity="low",
        fixed={"models.py": SQLMODEL.format(name=", index=True")}),
    Bad(  # the pages of a list are sorted by it
        _files() | {"main.py": MAIN.format(test="Order.id == number").replace(
            "filter(Order.id == number).first()", "order_by(Order.number.desc()).limit(10).all()")},
        at=("models.py:12",), severity="low"),
    Bad({"models.py": TORTOISE.format(name="", team="")}, at=("models.py:6", "models.py:10"), severity="low",
        fixed={"models.py": TORTOISE.format(name=", index=True", team=", index=True")}),
    Good({"models.py": TORTOISE.format(name=", unique=True", team=", db_index=True")}),
    Good(  # MySQL indexes foreign keys by itself
        {"models.py": TORTOISE.format(name=", index=True", team=""), "requirements.txt": "tortoise-orm[asyncmy]\n"}),
    Bad({"models.py": BEANIE.format(name="str", team="")}, at=("models.py:7", "models.py:11"), severity="low"),
    Good({"models.py": BEANIE.format(name="Annotated[str, Indexed()]", team='[("team.$id", 1)]')}),
    Bad(  # the code makes another index, so it may be asked for this one
        {"requirements.txt": "motor\n", "main.py": MOTOR.format(made="email")}, at=("main.py:14",), severity="medium"),
    Good({"requirements.txt": "motor\n", "main.py": MOTOR.format(made="name")}),
    Good(  # which indexes there are is not written out
        {"requirements.txt": "motor\n", "main.py": MOTOR.format(made="name").replace('"name")\n', "app.title)\n")},
        outcome="unknown"),
    Good(  # who makes the indexes is not in the code
        {"requirements.txt": "motor\n", "main.py": MOTOR.format(made="name").replace("create_index", "note")},
        outcome="not_applicable"),
    Good(  # made where the service starts
        {"models.py": BEANIE.format(name="str", team='[("team.$id", 1)]'),
         "start.py": "async def start(db) -> None:\n    await db.teams.create_index(\"name\")\n"}),
    Good(  # a foreign key of two columns wants an index of both, which a person writes
        _files(number=", index=True") | {"models.py": MODELS.format(foreign="", number=", index=True").replace(
            "    id =", "    __table_args__ = (\n        ForeignKeyConstraint([\"customer_id\", \"number\"], "
            "[\"c.id\", \"c.no\"]),\n    )\n    id =").replace("Boolean,", "Boolean, ForeignKeyConstraint,")}),
    Good(_files(number=", unique=True")),
    Good({**_files(), "models.py": MODELS.format(foreign="", number="").replace(
        "    id =", "    __table_args__ = (Index(\"ix\", \"number\", \"paid\"), Index(\"ix2\", \"customer_id\"))\n"
        "    id =")}),
    Good({**_files(), **ENV, "migrations/versions/0002.py": "from alembic import op\n\nrevision = \"0002\"\n"
          "down_revision = \"0001\"\n\n\ndef upgrade() -> None:\n"
          "    op.create_index(op.f(\"ix\"), \"orders\", [\"number\"])\n"}),
    Good(  # found by its key first; a flag; inside a function; a table that does not grow
        _files(test="Order.id == 1, Order.number == number")
        | {"other.py": "from sqlalchemy import func\nfrom sqlalchemy.orm import Session\n\n"
           "from models import Order\n\n\n"
           "def a(db: Session):\n    return db.query(Order).filter(Order.paid == True).all()\n\n\n"
           "def b(db: Session, n: str):\n    return db.query(Order).filter(func.lower(Order.number) == n).all()\n"}),
    Good(  # the table is made by SQL, with its keys
        _files() | {"sql/shop.sql": "CREATE TABLE IF NOT EXISTS `orders` (\n  `id` int NOT NULL,\n  `number` text,\n"
                    "  PRIMARY KEY (`id`),\n  KEY `ix_number` (`number`)\n);\n"}),
    Bad(  # a foreign key of PostgreSQL makes no index, nor does one of another table
        _files() | {"sql/shop.sql": "CREATE TABLE orders (\n  id int PRIMARY KEY,\n  number text,\n"
                    "  FOREIGN KEY (number) REFERENCES numbers (number)\n);\n"
                    "CREATE TABLE parcels (number text, UNIQUE (number));\n"}, at=("models.py:12",)),
    Good(  # MySQL has an index for each foreign key by itself; the tests' engine is none of the application's
        _files(foreign="", test="Order.customer_id == int(number)")
        | {"db.py": "from sqlalchemy import create_engine\n\n"
           "engine = create_engine(\"mysql+pymysql://localhost/shop\")\n",
           "tests/conftest.py": "from sqlalchemy import create_engine\n\nengine = create_engine(\"sqlite://\")\n"}),
    Bad(  # but for no other column
        _files(foreign="")
        | {"db.py": "from sqlalchemy import create_engine\n\n"
           "engine = create_engine(\"mysql+pymysql://localhost/shop\")\n"}, at=("models.py:12",), severity="medium"),
    Good({"models.py": MODELS.format(foreign="", number="").replace("orders", "order_types"),
          "main.py": MAIN.format(test="Order.number == number")}, outcome="not_applicable"),
)
