"""Tortoise models and Beanie documents as facts, and what reads through them look up."""

from __future__ import annotations

import pytest

from readybook import Project
from readybook.facts.dbindexes import made_indexes
from readybook.facts.orm import OrmModel

TORTOISE = """from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Stamped(Model):
    made = fields.DatetimeField(db_index=True)

    class Meta:
        abstract = True
        indexes = [("made",)]


class Team(Model):
    slug = fields.CharField(30, unique=True)
    name = fields.CharField(max_length=80)

    class Meta:
        table = "teams"


class Player(Stamped):
    number = fields.UUIDField(pk=True)
    team = fields.ForeignKeyField("models.Team", related_name="players")
    second = fields.ForeignKeyField("models.Team", null=True, index=True, to_field="slug", source_field="by_slug")
    profile = fields.OneToOneField("models.Team", related_name=False)
    friends = fields.ManyToManyField("models.Player")
    email = fields.CharField(100, source_field="e_mail")
    age = fields.IntField()
    city = fields.CharField(100)

    class Meta:
        indexes = [("team", "age"), Index(fields=["city"])]
        unique_together = ("email", "age")
"""
BEANIE = """from typing import Annotated, Optional

import pymongo
from beanie import Document, Indexed, Link
from pydantic import BaseModel, Field
from pymongo import IndexModel


class Made(Document):
    made: Annotated[int, Indexed()]


class Team(Document):
    name: Indexed(str, unique=True)
    note: Optional[Indexed(str)] = None
    place: Annotated[str, Indexed(index_type=pymongo.GEOSPHERE)]

    class Settings:
        name = "teams"


class Player(Made):
    team: Link[Team]
    others: list[Link[Team]] = []
    email: str = Field(alias="mail")
    age: int
    city: str
    bio: str

    class Settings:
        indexes = ["age", [("city", pymongo.ASCENDING), ("age", pymongo.DESCENDING)], [("bio", pymongo.TEXT)],
                   IndexModel([("team.$id", 1)], unique=True)]
"""
FILES = {"tortoise": TORTOISE, "beanie": BEANIE}


def models(kind: str) -> dict[str, OrmModel]:
    """The models of one of the files, by name."""
    return {m.name: m for m in Project.from_files({"models.py": FILES[kind]}).facts.orm_models}


def led(model: OrmModel) -> dict[str, bool | None]:
    """Of each column, by its name in the table, whether an index begins with it."""
    return {c.name: model.leads_index(c) for c in model.columns}


def test_columns_of_tortoise_models() -> None:
    found = models("tortoise")
    assert list(found) == ["Team", "Player"] and found["Team"].table == "teams" and found["Player"].table == "player"
    assert led(found["Team"]) == {"id": True, "slug": True, "name": False}
    assert led(found["Player"]) == {
        "made": True, "number": True, "team_id": True, "by_slug": True, "profile_id": True, "e_mail": True,
        "age": False, "city": True}
    keys = {c.attribute: c.foreign_key for c in found["Player"].columns if c.foreign_key}
    assert keys == {"team_id": "teams.id", "second_id": "teams.slug", "profile_id": "teams.id"}
    assert {r.name: r.many for r in found["Player"].relationships} == {
        "team": False, "second": False, "profile": False, "friends": True}
    assert [(r.name, r.target, r.many) for r in found["Team"].relationships] == [("players", "Player", True)]
    second = found["Player"].column("second_id")
    assert second is not None and second.nullable and second.place.line == 25


def test_fields_of_beanie_documents() -> None:
    found = models("beanie")
    assert found["Team"].table == "teams" and found["Player"].table == "Player"
    assert led(found["Team"]) == {"_id": True, "name": True, "note": None, "place": False}
    assert led(found["Player"]) == {
        "_id": True, "made": True, "team.$id": True, "others.$id": False, "mail": False, "age": True, "city": True,
        "bio": False}
    assert {r.name: r.many for r in found["Player"].relationships} == {"team": False, "others": True}


@pytest.mark.parametrize(("kind", "code", "expected"), [
    ("tortoise", "await Player.get_or_none(email=x)", ["email =="]),
    ("tortoise", "await Player.filter(team=x, age__gte=3).order_by('-made').limit(5)",
     ["team_id ==", "age >=", "-made"]),
    ("tortoise", "await Player.filter(team__id=x, pk=x).first()", ["team_id ==", "number =="]),
    ("tortoise", "await Player.filter(team__name=x, friends=x, **x).all()", ["? ==", "? ==", "? =="]),
    ("tortoise", "await Player.filter(Q(age=1) | Q(age=2)).exclude(city=x)", ["? =="]),
    ("tortoise", "[p async for p in Player.filter(city__in=x)]", ["city in"]),
    ("tortoise", "await page(Player.filter(city=x))", ["? ==", "city =="]),
    ("tortoise", "await other.filter(city=x)", None),
    ("beanie", "await Player.find_one(Player.email == x, fetch_links=True)", ["email =="]),
    ("beanie", "await Player.find({'mail': x, 'age': {'$gt': 3}}).sort(-Player.made).to_list(5)",
     ["email ==", "age >", "-made"]),
    ("beanie", "await Player.find(Player.team.id == x, In(Player.city, x)).to_list()", ["team.id ==", "city in"]),
    ("beanie", "await Player.find({'$or': [x]}, x).count()", ["? ==", "? =="]),
    ("beanie", "await Player.find(sort='-made', limit=3).to_list()", ["-made"]),
    ("beanie", "await Player.get(x)", ["id =="]),
])
def test_what_reads_look_up(kind: str, code: str, expected: list[str] | None) -> None:
    main = ("from beanie.operators import In\nfrom tortoise.expressions import Q\nfrom models import Player\n\n\n"
            f"async def f(x, other, page):\n    {code}\n")
    found = Project.from_files({"models.py": FILES[kind], "main.py": main}).facts.lookups
    assert len(found) == (expected is not None)
    for query in found:
        assert query.model is not None and query.model.name == "Player"
        sorts = [f"{'-' * (u.operator == 'descending')}{u.attribute}" for u in query.order]
        assert [f"{u.attribute} {u.operator}" for u in query.filters] + sorts == expected


def test_reads_of_a_class_method_are_its_own_class_s() -> None:
    code = TORTOISE + "\n    @classmethod\n    async def by(cls, x):\n        return await cls.filter(city=x).first()\n"
    (found,) = Project.from_files({"models.py": code}).facts.lookups
    assert found.model is not None and found.model.name == "Player" and found.many is False


@pytest.mark.parametrize(("call", "expected"), [
    ("create_index('email', unique=True)", "email"), ("create_index([('email', 1), ('age', -1)])", "email"),
    ("create_indexes([IndexModel('email')])", "email"), ("create_index(['email', 'age'])", "email"),
    ("create_index(key)", "?"),
])
def test_indexes_that_code_makes_on_a_collection(call: str, expected: str) -> None:
    project = Project.from_files({"start.py": f"async def start(db):\n    await db.users.{call}\n"})
    assert ("*", expected) in made_indexes(project)


def test_reads_of_collections() -> None:
    code = """from motor.motor_asyncio import AsyncIOMotorClient
db = AsyncIOMotorClient("mongodb://db").shop
async def f(x, text):
    await db.users.find_one({"email": x, "age": {"$gte": 3}})
    cursor = db["orders"].find({"$or": [x]}).limit(5)
    async for row in cursor:
        print(row)
    await db.get_collection("items").count_documents({"name": x})
    return text.find("a"), text.split()
"""
    files = {"main.py": code, "requirements.txt": "motor\n"}
    facts = Project.from_files(files).facts
    assert [(q.model.name if q.model else "", q.many, q.page, bool(q.consumed)) for q in facts.lookups] == [
        ("users", False, "", True), ("orders", True, "5", False), ("items", False, "", True)]
    assert [[f"{u.attribute} {u.operator}" for u in q.filters] for q in facts.lookups] == [
        ["email ==", "age >="], ["? =="], ["name =="]]
    assert [loop.rows.model.name for loop in facts.row_flow.loops] == ["orders"]
    assert not Project.from_files({"main.py": code}).facts.lookups  # what ``find`` means is not known without a driver


SQL = """from fastapi_users.db import SQLAlchemyBaseUserTableUUID
from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, PrimaryKeyConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class Abstract(SQLAlchemyBaseUserTableUUID):
    pass


class Line(Base):
    __tablename__ = "lines"
    __table_args__ = (ForeignKeyConstraint(["tenant", "number"], ["orders.tenant", "orders.number"]),
                      PrimaryKeyConstraint("user_id", "team_id"), Index("ix", text("made DESC")))
    tenant: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    number: Mapped[int]
    user_id: Mapped[int]
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    made: Mapped[int]
    seen: Mapped[int]
    note: Mapped[str]


Index("ix_seen", Line.seen.desc(), Line.note)
"""


def test_keys_and_indexes_of_several_columns() -> None:
    found = {m.name: m for m in Project.from_files({"models.py": SQL}).facts.orm_models}
    assert list(found) == ["User", "Line"] and found["User"].table == "user"
    assert led(found["User"])["email"] and not led(found["User"])["hashed_password"]
    line = found["Line"]
    assert led(line) == {"tenant": False, "number": False, "user_id": True, "team_id": False, "made": True,
                         "seen": True, "note": False}
    assert line.composite_keys == (("tenant", "number"),)
    assert [c.name for c in line.columns if c.primary_key] == ["user_id", "team_id"]
