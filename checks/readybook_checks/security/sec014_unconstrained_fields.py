"""SEC014: request models whose texts, lists and numbers may be of any size."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.objects import ClassValue, Instance
from readybook.facts.orm import OrmModel
from readybook.facts.schemafields import SchemaField
from readybook.facts.schemas import Schema, within
from readybook.facts.settings_values import FIELDS
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import EnsureImport, Intent, ReplaceDefault, SetKeyword
from readybook.patterns import regex

WRITES = ("POST", "PUT", "PATCH", "DELETE")
BOUNDING = {  # what bounds a value of the type
    "str": ("max_length", "pattern", "function"), "bytes": ("max_length", "function"),
    "list": ("max_length", "function"), "set": ("max_length", "function"),
    "int": ("ge", "gt", "le", "lt", "multiple_of", "function"),
}
KEY = regex(r"(?i)(?:^|_)ids?$|(?:^|_)pk$|timestamp|version")
PART = regex(r"(?:Base|Create|Creation|Update|Patch|In|Input|Request|Schema|Dto|DTO|Payload|Body|Form|Model|New"
             r"|Add|Edit|Register|Data|Params)+$|^(?:Create|Update|New|Add|Base|Patch|Register|Upsert|Edit)")
SHOWN = 6


class UnconstrainedFields(Check):
    """A request model takes texts, lists or numbers of any size.

    Looked at: models that are bodies of POST, PUT, PATCH and DELETE routes, and the models in their fields. A text
    needs ``max_length`` or a pattern, a list ``max_length``, a number a bound on one side; keys to rows need none.
    Types that bound themselves (EmailStr, enum, Literal, UUID, URLs, dates, booleans) and fields that a validator
    looks at are right. A text that is longer than its column fails in the database, with 500 where 422 is meant.

    Fix: ``Field(max_length=…)`` with the length of the column of the same name. It is made only when asked for: longer
    values are refused from then on.
    """

    id = "SEC014"
    name = "unconstrained-fields"
    category = "security"
    severity = "low"
    hours = Hours(0.5, 2, 4, each=0.1)
    fix_kinds = ("codemod", "advice")
    suppressed_by = ("SEC013",)
    references = ("https://docs.pydantic.dev/latest/concepts/fields/#field-constraints",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each class that declares fields of a request model, two where columns give lengths."""
        everything = project.facts.schemas
        taken = [s for s in everything if not s.table and any(r.method in WRITES for r in s.body_of)]
        used = {s.path: s for s in within(everything, taken) if not s.table}
        owners = {f.owner for s in used.values() for f in s.fields}
        asked = False
        for schema in everything:
            if schema.path not in owners or schema.table:
                continue
            fields = [f for f in schema.fields if f.owner == schema.path and _matters(f)]
            asked = asked or bool(fields)
            yield from _answers(project, schema, fields)
        if not asked:
            yield NotApplicable("no route takes a model with texts, lists or numbers")


def _matters(one: SchemaField) -> bool:
    """Whether a field's values may be of any size unless it is bounded."""
    return any(t in BOUNDING for t in one.types) and not ("int" in one.types and KEY.search(one.name))


def _open(one: SchemaField) -> bool:
    wanted = {b for t in one.types for b in BOUNDING.get(t, ())}
    return not wanted & set(one.bounds)


def _answers(project: Project, schema: Schema, fields: list[SchemaField]) -> Iterator[Answer]:
    loose = [f for f in fields if _open(f)]
    if not loose:
        if fields:
            yield Right(schema.place, f"{schema.name} bounds what it takes")
        return
    model = _table_of(project, schema)
    sized = [(f, length) for f in loose if (length := _length(model, f)) is not None]
    cured = [(f, n, edits) for f, n in sized if (edits := _edits(project, schema, f, n)) is not None]
    if cured and model is not None:
        first = cured[0][0]
        names = ", ".join(f"{f.name} ({n})" for f, n, _ in cured[:SHOWN])
        intents = tuple(dict.fromkeys(i for _, _, edits in cured for i in edits))
        yield Finding(
            first.place, f"{schema.name} takes texts longer than their columns in {model.name}: {names}. The database "
            "refuses them with an error that answers 500.", "low",
            fix=Fix("Bound texts by the lengths of their columns", intents, safety="review", unsafe=True,
                    reason="texts that are longer are answered with 422 from now on"))
    done = {f.name for f, _, _ in cured}
    rest = [f for f in loose if f.name not in done]
    if rest:
        names = ", ".join(f.name for f in rest[:SHOWN])
        names += f" and {len(rest) - SHOWN} more" if len(rest) > SHOWN else ""
        what = f"{len(rest)} of {len(fields)} fields" if len(rest) > 1 else "a field"
        yield Finding(
            rest[0].place, f"{schema.name} has {what} without a bound: {names}. One request may carry a text, list or "
            "number of any size.", "low",
            fix=advice(f"Give {rest[0].name} a bound, e.g. {_example(rest[0])}", "how large a value may be is for a "
                       "person to say"))


def _example(one: SchemaField) -> str:
    if "int" in one.types:
        return "Field(ge=0, le=10_000)"
    return "Field(max_length=100)" if "list" in one.types or "set" in one.types else "Field(max_length=200)"


def _table_of(project: Project, schema: Schema) -> OrmModel | None:
    """The database model that a request model is about, by its name without Create, Update, Schema …"""
    name = schema.name
    for _ in range(3):
        found = project.facts.orm_models.named(name, schema.place.path)
        if found is not None and found.cls is not schema.cls:
            return found
        shorter = PART.sub("", name)
        if not shorter or shorter == name:
            return None
        name = shorter
    return None


def _length(model: OrmModel | None, one: SchemaField) -> int | None:
    column = model.column(one.name) if model is not None and one.types == ("str",) else None
    return column.length if column is not None else None


def _edits(project: Project, schema: Schema, one: SchemaField, length: int) -> tuple[Intent, ...] | None:
    """What bounds one field; None where the field is declared in a way that a person has to change."""
    statement = _statement(schema.cls, one.name)
    tables = [s.cls for s in project.facts.schemas if s.table]
    if statement is None or "Annotated" in one.annotation or "constr" in one.annotation or any(
        schema.cls in c.mro() for c in tables
    ):
        return None
    value = schema.cls.scope.names.get(one.name)
    if isinstance(value, Instance) and value.path in FIELDS and value.node is not None:
        call = statement[6]
        if call is None or call[0] != "call" or call[3][-1] != "Field":
            return None
        return (SetKeyword(schema.cls.module.place(call), "Field", "max_length", str(length)),)
    default = unparse(statement[6]) if statement[6] is not None else ""
    if "…" in default or isinstance(value, Instance):
        return None
    package = "sqlmodel" if schema.cls.is_a("sqlmodel.SQLModel") else "pydantic"
    new = f"Field({default}, max_length={length})" if default else f"Field(max_length={length})"
    return (EnsureImport(one.place.path, package, "Field"), ReplaceDefault(one.place, one.name, new))


def _statement(cls: ClassValue, name: str) -> Node | None:
    """The annotated assignment of a field, when the class has one."""
    found = [s for s in cls.node[7] if s[0] == "ann" and s[4][0] == "name" and s[4][3] == name]
    return found[0] if len(found) == 1 else None


HEAD = "from fastapi import FastAPI\n\nfrom schemas import {0}\n\napp = FastAPI()\n\n\n@app.post(\"/\")\n" \
    "def add(new: {0}) -> None: ...\n"
TABLE = "from sqlalchemy import Column, Integer, String, Text\nfrom sqlalchemy.orm import declarative_base\n\n" \
    "Base = declarative_base()\n\n\nclass Item(Base):\n    __tablename__ = \"items\"\n" \
    "    id = Column(Integer, primary_key=True)\n    name = Column(String(50))\n    code = Column(String(8))\n" \
    "    color = Column(String(20))\n    text = Column(Text)\n"
MODEL = "from pydantic import BaseModel{0}\n\n\nclass ItemCreate(BaseModel):\n    name: str{1}\n    code: str{2}\n" \
    "    color: str | None{3}\n"
UnconstrainedFields.examples = (
    Bad(
        {"main.py": HEAD.format("ItemCreate"), "models.py": TABLE,
         "schemas.py": MODEL.format(", Field", "", " = Field(\"x\", min_length=1)", " = None")},
        at=("schemas.py:5",), severity="low",
        fixed={"schemas.py": MODEL.format(", Field", " = Field(max_length=50)",
                                          " = Field(\"x\", min_length=1, max_length=8)",
                                          " = Field(None, max_length=20)")},
    ),
    Bad(  # lengths for some, none for others; the body is a list of the model
        {"main.py": HEAD.format("ItemCreate").replace("new: ItemCreate", "new: list[ItemCreate]"), "models.py": TABLE,
         "schemas.py": MODEL.format("", "", " = \"x\"", " = None") + "    text: str\n    tags: list[str]\n"
         "    n: int\n"},
        at=("schemas.py:5", "schemas.py:8"), severity="low",
    ),
    Bad(  # inside the body, and a minimum that bounds nothing
        {"main.py": HEAD.format("Order"),
         "schemas.py": "from pydantic import BaseModel, Field\n\n\nclass Line(BaseModel):\n    item_id: int\n"
         "    note: str = Field(min_length=1)\n\n\nclass Order(BaseModel):\n"
         "    lines: list[Line] = Field(max_length=100)\n"},
        at=("schemas.py:6",), severity="low",
    ),
    Good(  # bounds of every kind
        {"main.py": HEAD.format("Item"),
         "schemas.py": "import enum\nimport uuid\nfrom datetime import date\nfrom typing import Annotated, Literal\n\n"
         "from pydantic import BaseModel, EmailStr, Field, HttpUrl, PositiveInt, StringConstraints, conlist, "
         "field_validator\n\nName = Annotated[str, StringConstraints(max_length=10)]\n\n\nclass Color(enum.Enum):\n"
         "    red = \"red\"\n\n\nclass Item(BaseModel):\n    a: Name\n    b: EmailStr | None = None\n    c: Color\n"
         "    d: Literal[\"x\"]\n    e: HttpUrl\n    f: uuid.UUID\n    g: date\n    h: bool\n    i: PositiveInt\n"
         "    j: conlist(str, max_length=3)\n    k: str = Field(pattern=\"^a$\")\n    owner_id: int\n    free: str\n\n"
         "    @field_validator(\"free\")\n    @classmethod\n    def check(cls, value: str) -> str:\n"
         "        return value[:9]\n"}),
    Good(  # version 1, bounded in the base class
        {"main.py": HEAD.format("Item"),
         "schemas.py": "from pydantic import BaseModel, constr\n\n\nclass Base(BaseModel):\n"
         "    name: constr(max_length=9)\n\n\nclass Item(Base):\n    pass\n"}),
    Good(  # what is only answered may be long
        {"main.py": "from fastapi import FastAPI\n\nfrom schemas import Item\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/\")\ndef add() -> Item: ...\n",
         "schemas.py": "from pydantic import BaseModel\n\n\nclass Item(BaseModel):\n    name: str\n"},
        outcome="not_applicable"),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
