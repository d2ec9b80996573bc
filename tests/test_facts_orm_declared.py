"""Database models by what their classes make of themselves: functions, tables, arguments for the column."""

from __future__ import annotations

from readybook import Project

HEAD = """from sqlalchemy import JSON, Column, DateTime, ForeignKey, Index, Integer, MetaData, String, Table
from sqlalchemy.ext.declarative import as_declarative
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, declarative_base, declared_attr, mapped_column, relationship
from sqlmodel import Field, SQLModel

Base = declarative_base()
"""


def models(text: str):
    return {m.name: m for m in Project.from_files({"app/models.py": HEAD + text}).facts.orm_models}


def test_a_name_of_the_table_that_the_class_makes_is_known():
    found = models("""

class Named(DeclarativeBase):
    @declared_attr.directive
    def __tablename__(cls) -> str:
        return f"{cls.__name__.lower()}s"

    id: Mapped[int] = mapped_column(primary_key=True)


class Tree(Named):
    height: Mapped[int]


class Leaf(Named):
    tree_id: Mapped[int] = mapped_column(ForeignKey("trees.id"))
    tree: Mapped[Tree] = relationship()
""")
    assert {n: m.table for n, m in found.items()} == {"Tree": "trees", "Leaf": "leafs"}, "the base itself is no table"
    assert [c.attribute for c in found["Leaf"].columns] == ["id", "tree_id"]


def test_the_base_of_a_decorator_is_no_table():
    found = models("""

@as_declarative()
class Root:
    @classmethod
    @declared_attr
    def __tablename__(cls):
        return cls.__name__.lower()

    id = Column(Integer, primary_key=True)


class Tree(Root):
    height = Column(Integer)
""")
    assert {n: m.table for n, m in found.items()} == {"Tree": "tree"}


def test_columns_and_relationships_of_functions_belong_to_each_model():
    found = models("""

class Owned:
    @declared_attr
    def owner_id(cls) -> Mapped[int | None]:
        return mapped_column(ForeignKey("owners.id"), index=True)

    @declared_attr
    def owner(cls):
        return relationship("Owner", lazy="joined")


class Owner(Base):
    __tablename__ = "owners"
    id = Column(Integer, primary_key=True)


class Boat(Owned, Base):
    __tablename__ = "boats"
    id = Column(Integer, primary_key=True)


class Car(Owned, Base):
    __tablename__ = "cars"
    id = Column(Integer, primary_key=True)
    owner_id = Column(Integer)
""")
    column = found["Boat"].column("owner_id")
    assert (column.nullable, column.index, column.foreign_key, column.type) == (True, True, "owners.id", "int")
    assert found["Boat"].relationship("owner").lazy == "joined" and found["Boat"].relationship("owner").many is False
    assert found["Car"].column("owner_id").index is False, "the class's own column wins"
    assert len(found["Car"].columns) == 2


def test_a_table_that_a_class_is_mapped_to_gives_its_columns_and_indexes():
    found = models("""

class Tree(Base):
    __table__ = Table("trees", Base.metadata, Column("id", Integer, primary_key=True),
                      Column("kind", String(20), index=True), Column("height", Integer), Index("ix_height", "height"))
""")["Tree"]
    assert found.table == "trees" and [(c.attribute, c.type) for c in found.columns] == [
        ("id", "Integer"), ("kind", "String"), ("height", "Integer")]
    assert [found.leads_index(c) for c in found.columns] == [True, True, True]


def test_arguments_for_the_column_win_over_those_of_the_field():
    column = models("""

class Tree(SQLModel, table=True):
    id: int = Field(primary_key=True)
    kind: str = Field(index=False, sa_column_kwargs={"index": True, "unique": True, "name": "sort"})
    wood_id: int = Field(sa_column_args=[ForeignKey("wood.id")])
    bark: str = Field(sa_column_kwargs=ELSEWHERE)
""")["Tree"].column
    assert (column("kind").index, column("kind").unique, column("kind").name) == (True, True, "sort")
    assert column("wood_id").foreign_key == "wood.id"
    assert (column("bark").index, column("bark").nullable) == (None, None), "what is not known may say anything"


def test_an_index_in_the_body_of_a_class_leads_its_column():
    found = models("""

class Tree(Base):
    __tablename__ = "trees"
    id = Column(Integer, primary_key=True)
    kind = Column(String(20))
    height = Column(Integer)
    ix_kind = Index("ix_kind", kind)
""")["Tree"]
    assert [found.leads_index(c) for c in found.columns] == [True, True, False]


def test_a_foreign_key_may_name_an_attribute():
    found = models("""

class Tree(Base):
    __tablename__ = "trees"
    id = Column("tree_id", Integer, primary_key=True)
    leaves = relationship("Leaf")


class Leaf(Base):
    __tablename__ = "leaves"
    id = Column(Integer, primary_key=True)
    tree_id = Column(ForeignKey(Tree.id))
    wood_id = Column(ForeignKey(SOMETHING.id))
""")
    assert found["Leaf"].column("tree_id").foreign_key == "trees.tree_id"
    assert found["Leaf"].column("wood_id").foreign_key == "?"
    assert found["Tree"].relationship("leaves").many is True


def test_a_type_with_variants_is_the_one_of_other_databases():
    column = models("""

class Tree(Base):
    __tablename__ = "trees"
    id = Column(Integer, primary_key=True)
    cut = Column(DateTime().with_variant(String(30), "sqlite"))
    kind = Column(String(9).with_variant(String(30), "sqlite").with_variant(String(40), "mysql"))
    notes = Column(MutableDict.as_mutable(JSON))
""")["Tree"].column
    assert (column("cut").type, column("kind").type, column("kind").length) == ("DateTime", "String", 9)
    assert column("notes").type == "JSON"


def test_a_constraint_of_one_column_is_its_key():
    column = models("""
from sqlalchemy import ForeignKeyConstraint


class Leaf(Base):
    __tablename__ = "leaves"
    __table_args__ = (ForeignKeyConstraint(["tree_id"], ["trees.id"]),
                      ForeignKeyConstraint(["bough", "twig"], ["twigs.bough", "twigs.number"]))
    id = Column(Integer, primary_key=True)
    tree_id = Column(Integer)
    bough = Column(Integer)
    twig = Column(Integer)
""")["Leaf"].column
    assert (column("tree_id").foreign_key, column("bough").foreign_key) == ("trees.id", "")


def test_an_annotation_says_whether_a_relationship_holds_many():
    link = models("""
from sqlalchemy.orm import DynamicMapped, WriteOnlyMapped


class Tree(Base):
    __tablename__ = "trees"
    id = Column(Integer, primary_key=True)
    one: Mapped["Leaf"] = relationship(secondary="links")
    several = relationship("Leaf", secondary="links")
    asked: DynamicMapped["Leaf"] = relationship()
    written: WriteOnlyMapped["Leaf"] = relationship()
""")["Tree"].relationship
    assert [(link(n).many, link(n).lazy) for n in ("one", "several", "asked", "written")] == [
        (False, "select"), (True, "select"), (True, "dynamic"), (True, "write_only")]


def test_a_base_made_with_a_class_has_what_that_class_declares():
    found = models("""

class Common:
    @declared_attr
    def __tablename__(cls):
        return cls.__name__.lower()

    made = Column(DateTime, index=True)


Root = declarative_base(cls=Common)


class Tree(Root):
    id = Column(Integer, primary_key=True)
""")
    assert found["Tree"].table == "tree" and [c.attribute for c in found["Tree"].columns] == ["made", "id"]


def test_a_plain_class_that_a_call_maps_is_a_model():
    found = models("""
from sqlalchemy.orm import registry

trees = Table("trees", MetaData(), Column("id", Integer, primary_key=True), Column("wood_id", ForeignKey("wood.id")))


class Tree:
    pass


def start_mappers():
    registry().map_imperatively(Tree, trees, properties={"leaves": relationship("Leaf", lazy="selectin")})
""")["Tree"]
    assert (found.table, found.column("wood_id").foreign_key) == ("trees", "wood.id")
    assert found.relationship("leaves").lazy == "selectin"


def test_a_spatial_column_has_an_index_of_its_own():
    found = models("""
from geoalchemy2 import Geography, Geometry


class Tree(Base):
    __tablename__ = "trees"
    id = Column(Integer, primary_key=True)
    at = Column(Geography("POINT"))
    near = Column(Geometry("POINT", spatial_index=False))
""")["Tree"]
    assert [found.leads_index(c) for c in found.columns] == [True, True, False]


def test_the_ends_of_a_table_that_refers_to_itself_are_told_apart():
    found = models("""
from sqlalchemy.orm import backref


class Note(Base):
    __tablename__ = "notes"
    id = Column(Integer, primary_key=True)
    parent_id = Column(ForeignKey("notes.id"))
    parent = relationship("Note", remote_side=[id], backref="replies")


class Area(Base):
    __tablename__ = "areas"
    id = Column(Integer, primary_key=True)
    outer_id = Column(ForeignKey("areas.id"))
    inner = relationship("Area", backref=backref("outer", remote_side=[id]))
""")
    assert [(r.name, r.many) for r in found["Note"].relationships] == [("parent", False), ("replies", True)]
    assert [(r.name, r.many) for r in found["Area"].relationships] == [("inner", True), ("outer", False)]


def test_private_attributes_are_no_columns_and_a_plain_type_that_is_none_may_be_null():
    found = models("""

class Tree(SQLModel, table=True):
    id: int = Field(primary_key=True)
    _leaves: list = []
    kind: str
    note: str | None
    mark: str = None
""")["Tree"]
    assert [(c.attribute, c.nullable) for c in found.columns] == [
        ("id", False), ("kind", False), ("note", True), ("mark", None)], "pydantic 1 lets it be null, 2 does not"
