"""Database models as facts: tables, columns, indexes and relationships of each style."""

from __future__ import annotations

import pytest

from readybook import Project

CLASSIC = """from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import declarative_base, relationship, backref

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    __table_args__ = (Index("ix_city_name", "city", "name"), UniqueConstraint("tenant", "email"))

    id = Column(Integer, primary_key=True)
    email = Column("email_address", String(320), unique=True, nullable=False)
    name = Column(String(length=80))
    city = Column(String)
    tenant = Column(Integer)
    items = relationship("Item", backref=backref("owner", lazy="joined"))


class Item(Base):
    __tablename__ = "items"

    id = Column(Integer, primary_key=True)
    owner_id = Column(Integer, ForeignKey("users.id"), index=True)
    title = Column(String(200))


Index("ix_title", Item.title.desc())
"""
MODERN = """from __future__ import annotations

from typing import Annotated, Optional

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

pk = Annotated[int, mapped_column(primary_key=True)]


class Base(DeclarativeBase):
    pass


class Stamped:
    created: Mapped[str] = mapped_column(index=True)


class Team(Stamped, Base):
    __tablename__ = "teams"

    id: Mapped[pk]
    name: Mapped[Optional[str]] = mapped_column(String(50))
    note: Mapped[str | None]
    parent_id: Mapped[int] = mapped_column(ForeignKey("teams.id"))
    members: Mapped[list["Member"]] = relationship(lazy="selectin")


class Member(Base):
    __tablename__ = "members"

    id: Mapped[pk]
    team: Mapped["Team | None"] = relationship(lazy=False)
"""
SQLMODEL = """import uuid

from sqlmodel import Field, Relationship, SQLModel


class HeroBase(SQLModel):
    email: str = Field(unique=True, index=True, max_length=255)
    age: int | None = None


class Hero(HeroBase, table=True):
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    team_id: int = Field(foreign_key="team.id", nullable=False)
    team: "Team" = Relationship(back_populates="heroes", sa_relationship_kwargs={"lazy": "selectin"})


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    heroes: list[Hero] = Relationship(back_populates="team")


class HeroRead(HeroBase):
    id: uuid.UUID
"""


def models(text: str):
    return {m.name: m for m in Project.from_files({"app/models.py": text}).facts.orm_models}


def test_a_column_tells_its_name_type_length_nullability_and_keys():
    user = models(CLASSIC)["User"]
    email = user.column("email")
    assert (email.name, email.type, email.length, email.nullable, email.unique) == (
        "email_address", "String", 320, False, True)
    assert (user.column("name").length, user.column("name").nullable) == (80, True)
    assert user.column("id").primary_key is True and user.column("id").nullable is False
    assert user.column("email_address") is email, "the name in the table finds it too"
    assert str(email.place) == "app/models.py:12" and email.call == "Column"


def test_an_index_helps_the_column_it_begins_with_only():
    user = models(CLASSIC)["User"]
    found = {c.attribute: user.leads_index(c) for c in user.columns}
    assert found == {"id": True, "email": True, "name": False, "city": True, "tenant": True}


def test_an_index_beside_the_class_belongs_to_its_model():
    item = models(CLASSIC)["Item"]
    assert [i.columns for i in item.indexes] == [("title",)]
    assert item.leads_index(item.column("owner_id")) is True


def test_foreign_keys_and_backrefs_link_models():
    found = models(CLASSIC)
    assert found["Item"].column("owner_id").foreign_key == "users.id"
    items, owner = found["User"].relationship("items"), found["Item"].relationship("owner")
    assert (items.target, items.lazy, items.many) == ("Item", "select", True)
    assert (owner.target, owner.lazy, owner.many) == ("User", "joined", False)


def test_mapped_annotations_declare_columns():
    team = models(MODERN)["Team"]
    assert [c.attribute for c in team.columns] == ["created", "id", "name", "note", "parent_id"]
    assert team.column("id").primary_key is True
    assert (team.column("name").nullable, team.column("name").length) == (True, 50)
    assert team.column("note").nullable is True and team.column("note").call == ""
    assert team.column("parent_id").nullable is False and team.column("parent_id").foreign_key == "teams.id"
    assert team.column("created").index is True
    assert set(models(MODERN)) == {"Team", "Member"}, "neither the base nor a mixin is a table"


def test_relationships_read_their_annotation():
    found = models(MODERN)
    members, team = found["Team"].relationship("members"), found["Member"].relationship("team")
    assert (members.target, members.many, members.lazy) == ("Member", True, "selectin")
    assert (team.target, team.many, team.lazy) == ("Team", False, "joined")


def test_sqlmodel_tables_take_the_fields_of_their_bases():
    found = models(SQLMODEL)
    hero = found["Hero"]
    assert set(found) == {"Hero", "Team"} and hero.table == "hero"
    assert (hero.column("email").length, hero.column("email").unique, hero.column("age").nullable) == (255, True, True)
    assert hero.column("team_id").foreign_key == "team.id" and hero.leads_index(hero.column("team_id")) is False
    assert hero.relationship("team").lazy == "selectin" and found["Team"].relationship("heroes").many is True


@pytest.mark.parametrize(("text", "orm"), [
    ("from tortoise.models import Model\n\n\nclass User(Model):\n    pass\n", "tortoise"),
    ("from beanie import Document\n\n\nclass User(Document):\n    pass\n", "beanie"),
    ("import peewee\n\n\nclass User(peewee.Model):\n    pass\n", "peewee"),
])
def test_models_of_other_orms_are_named(text, orm):
    assert models(text)["User"].orm == orm


@pytest.mark.parametrize("text", [
    "from sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n",
    "from pydantic import BaseModel\n\n\nclass User(BaseModel):\n    __tablename__ = 'users'\n    id: int\n",
    CLASSIC.replace("__tablename__ = \"users\"", "__abstract__ = True").split("class Item")[0],
])
def test_what_is_no_table_is_no_model(text):
    assert models(text) == {}


def test_what_the_code_does_not_show_is_none():
    text = "import os\nINDEXED = os.environ['X'] == '1'\n" + CLASSIC.replace("index=True", "index=INDEXED")
    item = models(text)["Item"]
    assert item.column("owner_id").index is None and item.leads_index(item.column("owner_id")) is None


@pytest.mark.parametrize(("path", "text"), [
    ("migrations/versions/1.py", "from alembic import op\n\n\ndef upgrade():\n"
     "    op.create_index(op.f('ix'), 'users', ['email', 'name'])\n"),
    ("migrations/versions/1.py", "from alembic import op\n\n\ndef upgrade():\n"
     "    with op.batch_alter_table('users', schema=None) as batch_op:\n"
     "        batch_op.create_index('ix', ['email'], unique=True)\n"),
    ("migrations/versions/1.py", "from alembic import op\nimport sqlalchemy as sa\n\n\ndef upgrade():\n"
     "    op.create_table('users', sa.Column('email', sa.String(), unique=True))\n"),
    ("migrations/versions/1.py", "from alembic import op\nimport sqlalchemy as sa\n\n\ndef upgrade():\n"
     "    op.create_table('users', sa.Column('email', sa.String()), sa.UniqueConstraint('email'))\n"),
    ("migrations/versions/1.py", "from alembic import op\n\n\ndef upgrade():\n"
     "    op.execute('CREATE INDEX CONCURRENTLY ix ON public.users USING btree (email)')\n"),
    ("sql/1.sql", "create unique index if not exists ix on \"users\" (\"email\");\n"),
])
def test_indexes_that_migrations_make_are_seen(path, text):
    assert Project.from_files({path: text}).facts.made_indexes == {("users", "email")}


def test_a_base_that_renames_the_tables_of_its_subclasses_leaves_their_names_unknown():
    text = """from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from settings import PREFIX


class Base(DeclarativeBase):
    def __init_subclass__(cls) -> None:
        cls.__tablename__ = PREFIX + cls.__tablename__
        super().__init_subclass__()


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
    plain = text.replace("        cls.__tablename__ = PREFIX + cls.__tablename__\n", "")
    tables = {}
    for source in (text, plain):
        models = Project.from_files({"models.py": source}).facts.orm_models
        tables[source] = [m.table for m in models if m.name == "User"]
    assert tables == {text: [""], plain: ["users"]}


def test_of_columns_that_a_condition_chooses_among_what_they_share_is_known() -> None:
    chosen = ("mapped_column(primary_key=True, index=True) if KIND == 'a' "
              "else mapped_column(primary_key=True, index=False)]")
    text = MODERN.replace("mapped_column(primary_key=True)]", chosen).replace(
        "pk =", "import os\n\nKIND = os.environ['KIND']\npk =")
    column = models(text)["Team"].column("id")
    assert column is not None and (column.primary_key, column.index) == (True, None)


def test_where_something_else_may_be_chosen_nothing_is_known() -> None:
    text = MODERN.replace("mapped_column(primary_key=True)]",
                          "mapped_column(primary_key=True) if 1 in pk_of() else other()]")
    column = models(text)["Team"].column("id")
    assert column is not None and (column.primary_key, column.index) == (None, None)


@pytest.mark.parametrize("base, names", [
    ("fastapi_users.db.SQLAlchemyBaseUserTableUUID", "city id email hashed_password is_superuser is_verified"),
    ("fastapi_users_db_sqlalchemy.SQLAlchemyBaseUserTable[int]", "city email hashed_password is_superuser is_verified"),
    ("advanced_alchemy.base.UUIDAuditBase", "city id created_at updated_at is_active"),
    ("elsewhere.SQLAlchemyBaseUserTable", "city is_active"),
])
def test_columns_of_well_known_bases(base: str, names: str) -> None:
    package, _, name = base.rpartition(".")
    text = (f"from {package} import {name.partition('[')[0]}\nfrom sqlalchemy import Boolean, Column, String\n"
            "from sqlalchemy.orm import DeclarativeBase\n\n\nclass Base(DeclarativeBase):\n    pass\n\n\n"
            f"class Member({name}, Base):\n    __tablename__ = 'members'\n    city = Column(String)\n"
            "    is_active = Column(Boolean, index=True)\n")
    model = Project.from_files({"models.py": text}).facts.orm_models.named("Member")
    assert {c.attribute for c in model.columns} == {*names.split(), "is_active"}
    assert model.column("is_active").index is True
    email = model.column("email")
    assert email is None or (email.length, email.unique, email.nullable, email.place.symbol) == (320, True, False, "")
