"""Queries as facts: what they read, how they are bounded and consumed, and where their rows go."""

from __future__ import annotations

from time import perf_counter

import pytest

from readybook import Project

MODELS = """from sqlalchemy import Column, ForeignKey, Integer, String
from sqlalchemy.orm import declarative_base, relationship

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String)
    items = relationship("Item", back_populates="owner")


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    owner_id = Column(ForeignKey("users.id"))
    owner = relationship("User", back_populates="items")
"""
HEAD = """from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, joinedload, selectinload

from models import Item, User


"""


def facts(body: str, signature: str = "def run(db: Session):"):
    lines = "\n".join(f"    {line}" if line else "" for line in body.split("\n"))
    return Project.from_files({"models.py": MODELS, "code.py": f"{HEAD}{signature}\n{lines}\n"}).facts


def only(body: str, signature: str = "def run(db: Session):"):
    query, = facts(body, signature).queries
    return query


def test_a_select_tells_model_columns_order_and_bounds():
    q = only("return db.execute(select(User).where(User.email == x, User.id > 3).order_by(User.email.desc())"
             ".limit(20).offset(2)).scalars().all()")
    assert (q.model.name, q.style, q.session, q.many, q.limited, q.page, q.offset) == (
        "User", "select", "sync", True, True, "20", True)
    assert [(c.attribute, c.operator) for c in q.filters] == [("email", "=="), ("id", ">")]
    assert [(c.attribute, c.operator) for c in q.order] == [("email", "descending")]
    assert q.consumed == {"all"} and q.function == "code.run"


def test_a_statement_built_over_several_lines_is_one_query():
    q = only("stmt = select(User)\nif x:\n    stmt = stmt.where(User.email.ilike(x))\nstmt = stmt.limit(5)\n"
             "result = await db.execute(stmt)\nreturn result.scalars().first()", "async def run(db: AsyncSession):")
    assert (q.session, q.many, q.limited) == ("async", False, True)
    assert [(c.attribute, c.operator) for c in q.filters] == [("email", "like")]


@pytest.mark.parametrize(("body", "consumed", "many"), [
    ("q = db.query(User)\nif x:\n    q = q.filter(User.id == x)\nreturn q.all()", "all", True),
    ("return db.query(User).filter_by(email=x).first()", "first", False),
    ("return db.query(User).count()", "count", False),
    ("return db.get(User, 1)", "get", False),
    ("return db.scalars(select(User)).all()", "all", True),
    ("return db.scalar(select(User))", "scalar", False),
    ("return db.execute(select(User)).unique().scalars().all()", "all", True),
])
def test_how_a_query_ends_tells_whether_rows_or_one_come(body, consumed, many):
    q = only(body)
    assert q.consumed == {consumed} and q.many is many and q.entities


def test_a_session_without_a_type_still_has_its_query():
    q = only("return db.query(User).filter(User.email == x).all()", "def run(db):")
    assert (q.model.name, q.session, q.many) == ("User", "", True)


def test_an_aggregate_reads_no_objects():
    q = only("return db.execute(select(func.count(User.id)).where(func.lower(User.email) == x)).scalar_one()")
    assert not q.entities and q.rows == {} and q.filters[0].wrapped


def test_alternatives_and_lists_are_filters_too():
    q = only("return db.query(User).filter(or_(User.id.in_(ids), User.email == x) & (User.id != 3)).all()")
    assert [(c.attribute, c.operator, c.wrapped) for c in q.filters] == [
        ("id", "in", False), ("email", "==", False), ("id", "!=", False)]


def test_eager_loads_tell_their_path():
    q = only("return db.query(User).options(selectinload(User.items).joinedload(Item.owner)).all()")
    assert [(x.strategy, x.path) for x in q.loadings] == [("joinedload", ("items", "owner"))]


def test_a_query_in_a_loop_over_rows_is_seen_with_the_rows():
    found = facts("users = db.query(User).all()\nfor user in users:\n"
                  "    db.query(Item).filter(Item.owner_id == user.id).all()\n")
    loop, = found.row_flow.loops
    assert loop.rows.model.name == "User" and str(loop.place) == "code.py:10"
    assert any(q.call in loop.calls for q in found.queries) and found.queries[1].in_loop


@pytest.mark.parametrize(("body", "mixed"), [
    ("rows = db.execute(select(User, Item)).all()\nfor user, item in rows:\n    print(user.items)\n", [True]),
    ("for user, item in db.query(User, Item).all():\n    print(user.items)\n", [True]),
    ("for user in db.execute(select(User, Item)).scalars().all():\n    print(user.items)\n", []),
    ("for kind, n in db.execute(select(User.email, func.count(User.id)).group_by(User.email)):\n    print(n)\n", []),
])
def test_loops_go_over_tuples_too_of_whose_parts_nothing_is_told(body, mixed):
    found = facts(body).row_flow
    assert [loop.rows.mixed for loop in found.loops] == mixed and not found.touches


def test_a_query_tells_its_filters_on_each_way_to_it():
    q = only("q = select(User)\nif x:\n    q = q.where(User.id == x)\nreturn db.scalars(q).all()\n")
    assert sorted([c.attribute for c in way] for way in q.ways) == [[], ["id"]]
    assert only("return db.scalars(select(User).where(User.id == 1)).all()").ways == ()


@pytest.mark.parametrize(("body", "expected"), [
    ("for u in db.query(User).all():\n    print(u.items)", [("User", "items", True)]),
    ("u = db.get(User, 1)\nreturn [i.owner for i in u.items]", [("User", "items", False), ("Item", "owner", True)]),
    ("us = db.scalars(select(User)).all()\nreturn {u.id: len(u.items) for u in us}", [("User", "items", True)]),
    ("us = db.query(User).all()\nreturn us[0].items", [("User", "items", False)]),
    ("us = db.query(User).all()\nreturn [u.email for u in us]", []),
    ("u = db.query(User).first()\nu = other()\nreturn u.items", []),
    ("return [r.items for r in db.execute(select(User)).all()]", []),
])
def test_relationships_read_on_rows_are_touches(body, expected):
    assert [(t.rows.model.name, t.relationship, t.repeated) for t in facts(body).row_flow.touches] == expected


def test_rows_are_followed_through_functions_that_return_them():
    text = f"{HEAD}def listed(db: Session):\n    return db.query(User).all()\n\n\ndef run(db: Session):\n" \
        "    for u in listed(db):\n        print(u.items)\n"
    found = Project.from_files({"models.py": MODELS, "code.py": text}).facts
    touch, = found.row_flow.touches
    assert touch.repeated and str(touch.rows.query.place) == "code.py:9" and str(touch.rows.through[0]) == "code.py:13"


@pytest.mark.parametrize("body", [
    "return db.query(User).filter(" + "or_(" * 60 + "User.id == 1" + ")" * 60 + ").all()",
    "q = db.query(User)\n" + "if x:\n    q = q.filter(User.id == x)\n" * 60 + "return q.all()",
    "return db.query(User)" + ".filter(User.id == 1)" * 300 + ".all()",
    "u = db.get(User, 1)\nreturn u" + ".items[0].owner" * 60,
    "for a in db.query(User).all():\n" + "".join(
        f"{'    ' * (n + 1)}for v{n} in {'a' if not n else f'v{n - 1}'}.items:\n" for n in range(15))
    + "    " * 16 + "pass",
    "us = " + "list(" * 80 + "db.query(User).all()" + ")" * 80 + "\nreturn us",
])
def test_hostile_queries_are_read_in_bounded_time(body):
    found = facts(body)
    start = perf_counter()
    assert len(found.queries) <= 1 and found.row_flow is not None
    assert perf_counter() - start < 30  # without a bound it would be hours


def test_what_a_subscript_gives_is_no_query():
    text = f"{HEAD}from typing import TypedDict\n\n\nclass Kept(TypedDict):\n    rows: list\n\n\n" \
        "def run(kept: Kept):\n    return kept['rows'].count(3), kept['rows'].all()\n"
    assert Project.from_files({"models.py": MODELS, "code.py": text}).facts.queries == ()
