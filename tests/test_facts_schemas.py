"""Facts about Pydantic models: fields and bounds as Pydantic itself builds them, configuration, use by routes."""

from __future__ import annotations

from typing import Any

import pytest

from readybook import Project
from readybook.facts.schemas import Schema, within

MODELS = '''
import enum
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, List, Literal, Optional, Union

from annotated_types import Ge, Len
from pydantic import (AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, PositiveInt, StringConstraints, condecimal,
                      conint, conlist, constr, field_validator)

Name = Annotated[str, StringConstraints(max_length=10)]
LIMIT = 7


class Color(str, enum.Enum):
    red = "red"


class Base(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    ident: int


class Part(Base):
    pass


class Item(Base):
    model_config = ConfigDict(extra="forbid")
    TABLE: ClassVar[str] = "items"
    plain: str
    field: str = Field(max_length=LIMIT, min_length=1)
    annotated: Annotated[str, Field(max_length=5, pattern="x")] = "x"
    default_inside: str = Field("a", max_length=3)
    factory: list[str] = Field(default_factory=list, max_length=4)
    con: constr(max_length=4) = ""
    number: conint(ge=1, le=3)
    price: condecimal(max_digits=6, decimal_places=2)
    named: Name
    maybe: Optional[Name] = None
    either: Union[int, str]
    explicit: str | None = Field(...)
    many: conlist(str, max_length=3)
    some: Annotated[List[int], Len(0, 4)]
    least: Annotated[int, Ge(1)]
    positive: PositiveInt
    color: Color
    word: Literal["a", "b"]
    link: HttpUrl
    day: date
    total: Decimal
    checked: str
    after: Annotated[str, AfterValidator(str.strip)]
    parts: dict[str, list[Part]]

    @field_validator("checked")
    @classmethod
    def check(cls, value):
        return value
'''


def schemas(files: dict[str, str]) -> dict[str, Schema]:
    return {s.name: s for s in Project.from_files(files).facts.schemas}


def real_bounds(info: Any) -> dict[str, Any]:
    """What pydantic keeps as metadata of a field, by the names of the facts."""
    names = ("max_length", "min_length", "ge", "gt", "le", "lt", "max_digits", "decimal_places", "pattern")
    found = {n: getattr(m, n) for m in info.metadata for n in names if getattr(m, n, None) is not None}
    return {n: v for n, v in found.items() if (n, v) != ("min_length", 0)}


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    """The models as Pydantic builds them; this file's own future import must not reach their annotations."""
    space: dict[str, Any] = {"__name__": "built"}
    exec(compile(MODELS, "models.py", "exec", dont_inherit=True), space)
    return space


class TestAgainstPydantic:
    @pytest.mark.parametrize("name", ["Base", "Part", "Item"])
    def test_fields_and_whether_they_are_required_are_the_same(self, built, name):
        found = schemas({"models.py": MODELS})[name]
        expected = {n: f.is_required() for n, f in built[name].model_fields.items()}
        assert {f.name: f.required for f in found.fields} == expected

    def test_bounds_are_the_same(self, built):
        found = schemas({"models.py": MODELS})["Item"]
        nested = {"maybe"}  # pydantic keeps the bounds of an alternative inside its annotation
        for f in found.fields:
            if f.name not in nested:
                own = {k: v for k, v in f.bounds.items() if k != "function" and (k, v) != ("min_length", 0)}
                assert own == real_bounds(built["Item"].model_fields[f.name]), f.name

    def test_options_in_force_are_the_same(self, built):
        for name, found in schemas({"models.py": MODELS}).items():
            assert found.config == dict(built[name].model_config), name


class TestTypes:
    def test_constrained_types_count_as_what_they_hold_and_none_is_no_alternative(self):
        item = schemas({"models.py": MODELS})["Item"]
        types = {f.name: f.types for f in item.fields}
        assert types["con"] == types["maybe"] == types["explicit"] == ("str",)
        assert types["either"] == ("int", "str") and types["price"] == ("decimal",)
        assert types["many"] == types["some"] == ("list",) and types["parts"] == ("dict",)
        assert types["color"] == ("models.Color",) and types["link"] == ("pydantic.HttpUrl",)
        assert {f.name for f in item.fields if f.nullable} == {"maybe", "explicit"}

    def test_bounds_of_an_alternative_and_of_functions_are_seen(self):
        bounds = {f.name: f.bounds for f in schemas({"models.py": MODELS})["Item"].fields}
        assert bounds["maybe"] == {"max_length": 10}
        assert bounds["checked"] == bounds["after"] == {"function": True} and bounds["plain"] == {}

    def test_inherited_fields_keep_the_class_and_the_line_that_declare_them(self):
        part = schemas({"models.py": MODELS})["Part"]
        line = 1 + MODELS.split("\n").index("    ident: int")
        assert [(f.owner, f.place.line) for f in part.fields] == [("models.Base", line)]


class TestVersionOne:
    def test_orm_mode_items_and_regex_are_known(self):
        one = schemas({"m.py": (
            "from pydantic import BaseModel, Field, validator\n\n\nclass Old(BaseModel):\n"
            "    names: list = Field([], max_items=3)\n    code: str = Field(..., regex='^a')\n    free: str\n\n"
            "    @validator('*', pre=True)\n    def strip(cls, v):\n        return v\n\n"
            "    class Config:\n        orm_mode = True\n")})["Old"]
        assert one.from_attributes is True
        assert one.own_config and one.own_config.style == "Config" and one.own_config.place.line == 13
        assert [f.bounds for f in one.fields] == [
            {"max_length": 3, "function": True}, {"pattern": "^a", "function": True}, {"function": True}]

    def test_settings_and_dataclasses_are_no_models(self):
        assert schemas({"m.py": "from dataclasses import dataclass\nfrom pydantic_settings import BaseSettings\n\n\n"
                        "class S(BaseSettings):\n    a: str\n\n\n@dataclass\nclass D:\n    a: str\n"}) == {}


class TestRoutes:
    FILES = {"main.py": (
        "from typing import Annotated\n\nfrom fastapi import Body, Depends, FastAPI\n"
        "from schemas import Item, Many, Part\n\napp = FastAPI()\n\n\n"
        "def given(part: Part):\n    return part\n\n\n"
        "@app.post('/items', response_model=list[Item])\ndef add(items: Annotated[list[Item], Body()]): ...\n\n\n"
        "@app.put('/parts')\ndef put(part: Part = Depends(given)) -> Many[Item] | None: ...\n\n\n"
        "@app.get('/none')\ndef none(): ...\n"),
        "schemas.py": (
        "from typing import Generic, TypeVar\n\nfrom pydantic import BaseModel\n\nT = TypeVar('T')\n\n\n"
        "class Part(BaseModel):\n    a: str\n\n\nclass Item(BaseModel):\n    parts: list['Part']\n\n\n"
        "class Many(BaseModel, Generic[T]):\n    items: list[T]\n")}

    def test_bodies_and_answers_are_found_through_lists_generics_and_dependencies(self):
        found = schemas(self.FILES)
        assert {n: [r.path for r in s.body_of] for n, s in found.items()} == {
            "Part": ["/parts"], "Item": ["/items"], "Many": []}
        assert {n: [r.path for r in s.returned_by] for n, s in found.items()} == {
            "Part": [], "Item": ["/items", "/parts"], "Many": ["/parts"]}

    def test_what_a_body_holds_is_found_through_its_fields(self):
        found = schemas(self.FILES)
        assert [s.name for s in within(found.values(), [found["Item"]])] == ["Item", "Part"]
        assert found["Item"].parts == ("schemas.Part",)


def test_sqlmodel_tables_are_told_and_read_objects():
    found = schemas({"m.py": "from sqlmodel import Field, SQLModel\n\n\nclass HeroBase(SQLModel):\n"
                     "    name: str = Field(index=True, max_length=9)\n\n\nclass Hero(HeroBase, table=True):\n"
                     "    id: int | None = Field(default=None, primary_key=True)\n\n\nclass HeroOut(HeroBase):\n"
                     "    id: int\n"})
    assert [(s.name, s.table, s.from_attributes) for s in found.values()] == [
        ("HeroBase", False, True), ("Hero", True, True), ("HeroOut", False, True)]
    assert [f.bounds for f in found["Hero"].fields] == [{"max_length": 9}, {}]


def test_a_model_that_holds_itself_and_an_endless_type_end():
    deep = "list[" * 40 + "int" + "]" * 40
    found = schemas({"m.py": "from pydantic import BaseModel\n\n\nclass Node(BaseModel):\n    next: 'Node | None'\n"
                     f"    deep: {deep}\n\n\nclass A(A, BaseModel):\n    a: str\n"})
    assert [s.name for s in within(found.values(), [found["Node"]])] == ["Node"]
