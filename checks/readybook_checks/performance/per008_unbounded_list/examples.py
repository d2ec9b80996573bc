"""Examples of PER008."""

from __future__ import annotations

from readybook import Bad, Good

MODELS = """from sqlalchemy import Column, ForeignKey, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customers.id"))
    title = Column(String)


class Role(Base):
    __tablename__ = "roles"
    id = Column(Integer, primary_key=True)
"""
HEAD = """from fastapi import Depends, FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Order, Role

app = FastAPI()


def get_db() -> Session: ...


"""
PAGED = """from typing import Annotated

from fastapi import Depends, FastAPI, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Order, Role

app = FastAPI()


def get_db() -> Session: ...


"""
ASYNC = """from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Order

app = FastAPI()


async def read(db: AsyncSession, title: str | None):
    stmt = select(Order)
    if title:
        stmt = stmt.where(Order.title == title)
    return (await db.scalars(stmt)).all()


@app.get("/orders")
async def orders(db: AsyncSession, title: str | None = None):
    return {"items": [o.title for o in await read(db, title)]}
"""


def _files(body: str, head: str = HEAD) -> dict[str, str]:
    return {"models.py": MODELS, "main.py": head + body}


def _documents(read: str, package: str = "beanie", base: str = "Document") -> dict[str, str]:
    """A route that answers with what a read through a model of documents gives."""
    return {"main.py": f"from fastapi import FastAPI\nfrom {package} import {base}\n\napp = FastAPI()\n\n\n"
                       f"class Order({base}):\n    title: str\n\n@app.get(\"/orders\")\nasync def orders():\n"
                       f"    return await {read}\n"}


def _collection(body: str) -> dict[str, str]:
    """A route that answers with documents of a collection."""
    return {"requirements.txt": "fastapi\nmotor\n",
            "main.py": "from fastapi import FastAPI\nfrom motor.motor_asyncio import AsyncIOMotorClient\n\n"
                       "app = FastAPI()\ndb = AsyncIOMotorClient(\"mongodb://db\")[\"shop\"]\n\n"
                       f"@app.get(\"/orders\")\nasync def orders():\n    {body}\n"}


EXAMPLES = (
    Bad(_files("@app.get(\"/orders\")\ndef orders(db: Session = Depends(get_db)):\n"  # sifted in Python: no page
               "    found = db.query(Order).all()\n    picked = [o for o in found if o.title]\n"
               "    return picked\n"), at=("main.py:15",), fixed={}),
    Bad(_files("@app.get(\"/orders\")\ndef orders(db: Session = Depends(get_db)):\n"
               "    return db.query(Order).all()\n"),
        at=("main.py:15",), severity="medium",
        fixed={"main.py": PAGED + "@app.get(\"/orders\")\ndef orders(\n    db: Session = Depends(get_db),\n"
               "    limit: Annotated[int, Query(ge=1, le=1000)] = 100,\n"
               "    offset: Annotated[int, Query(ge=0)] = 0,\n):\n"
               "    return db.query(Order).order_by(Order.id).offset(offset).limit(limit).all()\n"}),
    Bad(  # by its key, where a caller names one
        _files("@app.get(\"/orders\")\ndef orders(key: int | None = None, db: Session = Depends(get_db)):\n"
               "    query = select(Order)\n    if key:\n        query = query.where(Order.id == key)\n"
               "    return db.scalars(query).all()\n"), at=("main.py:18",), severity="medium"),
    Good(  # the path always names one
        _files("@app.get(\"/orders/{key}\")\ndef orders(key: int, db: Session = Depends(get_db)):\n"
               "    query = select(Order)\n    if key:\n        query = query.where(Order.id == key)\n"
               "    return db.scalars(query).all()\n"), outcome="not_applicable"),
    Good(  # by a key on each way
        _files("@app.get(\"/orders\")\ndef orders(key: int, b: list[int], db: Session = Depends(get_db)):\n"
               "    query = select(Order)\n    if key:\n        query = query.where(Order.id == key)\n"
               "    else:\n        query = query.where(Order.id.in_(b))\n"
               "    return db.scalars(query).all()\n"), outcome="not_applicable"),
    Bad({"models.py": MODELS, "main.py": ASYNC}, at=("main.py:14",), severity="medium"),
    Bad(  # one owner's rows, ordered already, one link a line
        _files("@app.get(\"/customers/{cid}/orders\")\ndef orders(cid: int, db: Session = Depends(get_db)):\n"
               "    found = (\n        db.query(Order)\n        .filter(Order.customer_id == cid)\n"
               "        .order_by(Order.title)\n        .all()\n    )\n    return found\n"),
        at=("main.py:16",), severity="low",
        fixed={"main.py": PAGED + "@app.get(\"/customers/{cid}/orders\")\ndef orders(\n    cid: int,\n"
               "    db: Session = Depends(get_db),\n"
               "    limit: Annotated[int, Query(ge=1, le=1000)] = 100,\n"
               "    offset: Annotated[int, Query(ge=0)] = 0,\n):\n    found = (\n        db.query(Order)\n"
               "        .filter(Order.customer_id == cid)\n        .order_by(Order.title)\n"
               "        .offset(offset)\n        .limit(limit)\n        .all()\n    )\n    return found\n"}),
    Bad(  # cut in Python
        _files("@app.get(\"/orders\")\ndef orders(skip: int = 0, limit: int = 10, db: Session = Depends(get_db)):\n"
               "    rows = db.scalars(select(Order)).all()\n    return rows[skip : skip + limit]\n"),
        at=("main.py:15",), severity="low"),
    Bad(  # written SQL
        {"main.py": "import sqlite3\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/orders\")\n"
         "def orders():\n    conn = sqlite3.connect(\"shop.db\")\n    cur = conn.cursor()\n"
         "    cur.execute(\"SELECT id, title FROM orders\")\n"
         "    return [{\"id\": r[0], \"title\": r[1]} for r in cur.fetchall()]\n"},
        at=("main.py:13",), severity="medium"),
    Bad(_documents("Order.find_all().to_list()"), at=("main.py:12",), severity="medium"),
    Bad(_documents("Order.filter(paid=True)", "tortoise.models", "Model"), at=("main.py:12",), severity="medium"),
    Bad(_collection("cursor = db.orders.find({})\n    return await cursor.to_list(None)"), at=("main.py:9",)),
    Good(_documents("Order.find(Order.title == \"x\").sort(\"title\").limit(10).to_list()"), outcome="passed"),
    Good(_documents("Order.find_all().to_list(20)"), outcome="passed"),
    Good(_documents("Order.filter(title=\"x\").offset(5).limit(10)", "tortoise.models", "Model"), outcome="passed"),
    Good(_documents("Order.find({\"_id\": 3}, projection_model=View).first_or_none()"), outcome="passed"),
    Good(_collection("return await db.orders.find({}).sort(\"at\").to_list(length=100)"), outcome="passed"),
    Good(_collection("cursor = db.orders.find({})\n    cursor = cursor.limit(3)\n"
                     "    return await cursor.to_list(None)"), outcome="passed"),
    Good(_files("@app.get(\"/orders\")\ndef orders(limit: int = 10, db: Session = Depends(get_db)):\n"
                "    return db.query(Order).limit(limit).all()\n")),
    Good(_files("@app.get(\"/orders\")\ndef orders(db: Session = Depends(get_db)):\n"
                "    return db.scalars(select(Order).order_by(Order.id.desc()).limit(20)).all()\n")),
    Good(  # pages through a dependency and a function of the project
        _files("class Pages:\n    def __init__(self, page: int = 1, per_page: int = 20):\n"
               "        self.page = page\n\n\n"
               "def cut(db, query, pages):\n    return query.limit(20).all()\n\n\n@app.get(\"/orders\")\n"
               "def orders(pages: Pages = Depends(), db: Session = Depends(get_db)):\n"
               "    return cut(db, db.query(Order), pages)\n")),
    Good(  # a table that does not grow with use, rows by key, a number, one row of many, an export
        _files("@app.get(\"/roles\")\ndef roles(db: Session = Depends(get_db)):\n    return db.query(Role).all()\n\n\n"
               "@app.get(\"/some\")\ndef some(ids: str, db: Session = Depends(get_db)):\n"
               "    return db.query(Order).filter(Order.id.in_(ids.split(\",\"))).all()\n\n\n"
               "@app.get(\"/number\")\ndef number(db: Session = Depends(get_db)):\n"
               "    return {\"number\": len(db.query(Order).all())}\n\n\n"
               "@app.get(\"/first\")\ndef first(db: Session = Depends(get_db)):\n"
               "    return db.query(Order).all()[0]\n\n\n"
               "@app.get(\"/orders/export.csv\")\ndef export(db: Session = Depends(get_db)):\n"
               "    return db.query(Order).all()\n"), outcome="not_applicable"),
    Good(_files("@app.post(\"/orders\")\ndef make(db: Session = Depends(get_db)):\n"
                "    return db.query(Order).all()\n"), outcome="not_applicable"),
)
