"""Database models: tables, their columns, indexes and relationships, as the classes of an ORM declare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from readybook.facts.frames import Frame
from readybook.facts.known_columns import inherited_columns, inherited_table
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance
from readybook.facts.ormcolumns import Column, Relationship, attribute_names, column, relationship
from readybook.facts.ormdeclared import (
    composite_keys,
    constrained,
    declared_kind,
    declared_names,
    given,
    imperative,
    own_table,
    referred,
    table_columns,
    table_name,
)
from readybook.facts.ormfields import (
    beanie_columns,
    beanie_indexes,
    document_table,
    tortoise_columns,
    tortoise_indexes,
    tortoise_table,
)
from readybook.facts.symbols import annotation_value
from readybook.facts.values import External, by_default, text_of
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

SQLMODEL = ("sqlmodel.SQLModel", "sqlmodel.main.SQLModel")
BASES = ("sqlalchemy.orm.DeclarativeBase", "sqlalchemy.orm.DeclarativeBaseNoMeta")
DECLARATIVE = (*BASES, "sqlalchemy.orm.MappedAsDataclass", "sqlalchemy.ext.asyncio.AsyncAttrs")
OTHERS = {
    "tortoise.models.Model": "tortoise", "tortoise.Model": "tortoise", "beanie.Document": "beanie",
    "beanie.odm.documents.Document": "beanie", "peewee.Model": "peewee", "mongoengine.Document": "mongoengine",
    "odmantic.Model": "odmantic", "ormar.Model": "ormar", "piccolo.table.Table": "piccolo",
    "edgy.Model": "edgy", "sqlalchemy_mixins.AllFeaturesMixin": "sqlalchemy",
    "beanie.DocumentWithSoftDelete": "beanie",
    **{f"{m}.TortoiseBaseUserModel": "tortoise" for m in ("fastapi_users.db", "fastapi_users_db_tortoise")},
}
INDEX = ("sqlalchemy.Index", "sqlalchemy.schema.Index", "sqlalchemy.sql.schema.Index", "sqlmodel.Index")
UNIQUE = ("sqlalchemy.UniqueConstraint", "sqlalchemy.schema.UniqueConstraint", "sqlmodel.UniqueConstraint",
          "sqlalchemy.sql.schema.UniqueConstraint")
PRIMARY = ("sqlalchemy.PrimaryKeyConstraint", "sqlalchemy.schema.PrimaryKeyConstraint")


@record
class Index:
    """One index that a model declares: names of its columns in order (``?``: an expression)."""

    columns: tuple[str, ...]
    unique: bool
    place: Place


@record
class OrmModel:
    """One mapped class. ``orm`` is sqlalchemy, sqlmodel, tortoise, beanie or another (peewee …: for these no columns
    are read). ``table``, of documents the collection, is empty when the code does not show its name."""

    name: str
    path: str
    orm: str
    table: str
    place: Place
    columns: tuple[Column, ...]
    relationships: tuple[Relationship, ...]
    indexes: tuple[Index, ...]
    cls: ClassValue = field(repr=False, compare=False)
    composite_keys: tuple[tuple[str, ...], ...] = ()  # the columns of each foreign key of several columns

    def column(self, attribute: str) -> Column | None:
        """The column behind an attribute, or with that name in the table."""
        return next((c for c in self.columns if c.attribute == attribute),
                    next((c for c in self.columns if c.name == attribute), None))

    def relationship(self, name: str) -> Relationship | None:
        """The relationship of that name."""
        return next((r for r in self.relationships if r.name == name), None)

    def leads_index(self, column: Column) -> bool | None:
        """Whether the model declares an index that begins with the column; None when the code does not show it."""
        flags = (column.index, column.unique, column.primary_key and self._first_of_key(column))
        if any(flags) or any(i.columns[:1] in ((column.attribute,), (column.name,)) for i in self.indexes):
            return True
        return None if None in flags else False

    def _first_of_key(self, column: Column) -> bool:
        keys = [c for c in self.columns if c.primary_key]
        return bool(keys) and keys[0].attribute == column.attribute


class Models(tuple[OrmModel, ...]):
    """All models, by path, with what they are asked for: by class, by name, by table."""

    def of_class(self, cls: Any) -> OrmModel | None:
        """The model of a class of the project."""
        return self._classes().get(id(cls))

    def _classes(self) -> dict[int, OrmModel]:
        if "by_class" not in self.__dict__:
            self.__dict__["by_class"] = {id(m.cls): m for m in self}
        found: dict[int, OrmModel] = self.__dict__["by_class"]
        return found

    def named(self, name: str, near: str = "") -> OrmModel | None:
        """The one model of that class name; of several the one in the same file as ``near`` (a path)."""
        found = [m for m in self if m.name == name]
        close = [m for m in found if m.place.path == near]
        return found[0] if len(found) == 1 else close[0] if len(close) == 1 else None


def orm_models(run: Interpreter) -> Models:
    """The models of application code."""
    found = []
    for cls in run.classes:
        orm = _orm(cls) if cls.module.role == "application" else ""
        if orm:
            found.append(_model(run, cls, orm))
    found += [_mapped(*each) for each in imperative(run)]
    found = list({(m.place.path, m.place.line): m for m in found}.values())  # a class body may run more than once
    found.sort(key=lambda m: (m.place.path, m.place.line))
    models = Models(_linked(Models(_keyed(run, Models(found)))))
    return Models(_with_outer_indexes(run, models))


def _orm(cls: ClassValue) -> str:
    bases = cls.external_bases()
    other = next((OTHERS[b] for b in bases if b in OTHERS), "")
    if other:
        meta = cls.scope.names.get("Meta")
        abstract = isinstance(meta, ClassValue) and by_default(meta.scope.names.get("abstract")) is True
        return "" if abstract else other
    if _is_base(cls):
        return ""
    if any(b in SQLMODEL for b in bases):
        return "sqlmodel" if by_default(cls.keywords.get("table")) is True else ""
    if by_default(cls.scope.names.get("__abstract__")) is True:
        return ""
    own = [c for c in cls.mro() if isinstance(c, ClassValue)]
    if "__tablename__" in cls.scope.names or "__table__" in cls.scope.names:
        return "sqlalchemy" if any(_declares(c) for c in own) and _is_declarative(cls) else ""
    if inherited_table(cls) and any(_is_base(c) for c in own[1:]):
        return "sqlalchemy"
    named = any("__tablename__" in c.scope.names for c in own)
    return "sqlalchemy" if named and _is_declarative(cls) and any(_declares(c) for c in own) else ""


def _is_base(cls: ClassValue) -> bool:
    """Whether a class is a declarative base itself, which has no table of its own whatever it declares."""
    return any(isinstance(b, External) and b.path in BASES for b in cls.bases) or any(
        getattr(d, "path", "").removesuffix("()").endswith("as_declarative") for d in cls.decorators)


def _declares(cls: ClassValue) -> bool:
    from readybook.facts.ormcolumns import COLUMN

    return "__table__" in cls.scope.names or any(
        isinstance(v, Instance) and v.path in COLUMN for v in cls.scope.names.values()) or any(
        "Mapped" in str(a[3][-1] if a[0] == "sub" else "") for a in cls.annotations.values())


def _is_declarative(cls: ClassValue) -> bool:
    """Whether a class derives from a declarative base; True too where a base is not known."""
    for base in cls.mro():
        if isinstance(base, ClassValue):
            if _is_base(base):
                return True
        elif not isinstance(base, External) or base.path in DECLARATIVE:
            return True
        elif base.path.startswith(("advanced_alchemy.", "litestar.", "fastapi_users", "flask_sqlalchemy", "databases")):
            return True
        elif base.path.rpartition(".")[2] in ("Base", "Model"):
            return True
    return False


def _model(run: Interpreter, cls: ClassValue, orm: str) -> OrmModel:
    columns: list[Column] = []
    relationships: list[Relationship] = []
    if orm in ("sqlalchemy", "sqlmodel"):
        for owner, name in attribute_names(cls):
            value = owner.scope.names.get(name)
            kind = _annotation(run, owner, name)
            found = relationship(owner, name, value, kind)
            if found is not None:
                relationships.append(found)
                continue
            declared = column(owner, name, value, kind, orm == "sqlmodel")
            if declared is not None:
                columns.append(declared)
        for owner, name, function in declared_names(cls):
            value, kind = given(run, cls, function), declared_kind(run, function)
            found = relationship(owner, name, value, kind)
            declared = column(owner, name, value, kind, False) if found is None else None
            relationships += [found] if found is not None else []
            columns += [declared] if declared is not None else []
        table = own_table(cls)
        columns += table_columns(cls, table) if table is not None else ()
        columns += inherited_columns(cls, columns)
    elif orm in ("tortoise", "beanie"):
        return _of_fields(run, cls, orm)
    items = list(_items(run, cls))
    columns = constrained(items, columns)
    place = cls.module.place(cls.node, cls.qualname)
    return OrmModel(cls.name, cls.path, orm, _table(run, cls, orm), place, tuple(columns), tuple(relationships),
                    tuple(filter(None, (index_of(i, columns, place) for i in items))), cls, composite_keys(items))


def _of_fields(run: Interpreter, cls: ClassValue, orm: str) -> OrmModel:
    """A Tortoise model or a Beanie document."""
    if orm == "tortoise":
        columns, links = tortoise_columns(cls)
        table, keys = tortoise_table(cls), tortoise_indexes(cls, columns, links)
    else:
        columns, links = beanie_columns(cls, lambda owner, name: _annotation(run, owner, name))
        table, keys = document_table(cls), beanie_indexes(cls)
    return OrmModel(cls.name, cls.path, orm, table, cls.module.place(cls.node, cls.qualname), tuple(columns),
                    tuple(links), tuple(Index(*key) for key in keys), cls)


def _mapped(cls: ClassValue, table: Instance, properties: dict[str, Any]) -> OrmModel:
    place = cls.module.place(cls.node, cls.qualname)
    items = [i for i in map(by_default, table.args) if isinstance(i, Instance)]
    columns = constrained(items, list(table_columns(cls, table)))
    links = [relationship(cls, str(name), value, None) for name, value in properties.items()]
    return OrmModel(cls.name, cls.path, "sqlalchemy", table_name(table), place, tuple(columns),
                    tuple(r for r in links if r is not None),
                    tuple(filter(None, (index_of(i, columns, place) for i in items))), cls)


def _annotation(run: Interpreter, owner: ClassValue, name: str) -> Any:
    node = owner.annotations.get(name)
    if node is None:
        return None
    run.frames.append(Frame(owner.module, None, owner))
    try:
        return annotation_value(run, node, owner.scope)
    finally:
        run.frames.pop()


def _table(run: Interpreter, cls: ClassValue, orm: str) -> str:
    if any(isinstance(c, ClassValue) and _renames(c) for c in cls.mro()):
        return ""
    table = own_table(cls)
    if table is not None:
        return table_name(table)
    for c in cls.mro():
        if isinstance(c, ClassValue) and "__tablename__" in c.scope.names:
            return text_of(given(run, cls, c.scope.names["__tablename__"])) or ""
    return cls.name.lower() if orm == "sqlmodel" else inherited_table(cls)


def _renames(base: ClassValue) -> bool:
    """Whether a class gives its subclasses other table names than they say, such as names with a prefix."""
    made = base.scope.names.get("__init_subclass__")
    made = made.function if isinstance(made, Bound) else made
    return isinstance(made, FunctionValue) and _speaks_of(made.node, "__tablename__")


def _speaks_of(part: Any, word: str) -> bool:
    """Whether a name or a text stands anywhere in lowered code."""
    return part == word if isinstance(part, str) else isinstance(part, tuple) and any(_speaks_of(p, word) for p in part)


def _items(run: Interpreter, cls: ClassValue) -> Iterator[Instance]:
    """The indexes and constraints that stand in ``__table_args__``, in a ``Table`` or in the body of a class."""
    table = own_table(cls)
    for c in cls.mro():
        if not isinstance(c, ClassValue):
            continue
        said = by_default(given(run, cls, c.scope.names.get("__table_args__")))
        if c is cls and table is not None:
            said = [by_default(a) for a in table.args]
        listed = said if isinstance(said, tuple | list) else ()
        yield from (i for i in (*listed, *c.scope.names.values()) if isinstance(i, Instance))


def index_of(item: Instance, columns: list[Column] | tuple[Column, ...], place: Place) -> Index | None:
    """The index that an ``Index``, a unique constraint or a primary key of several columns makes."""
    if item.path not in (*INDEX, *UNIQUE, *PRIMARY):
        return None
    parts = item.args[1:] if item.path in INDEX else item.args
    names = tuple(_column_name(p, columns) for p in parts)
    unique = item.path not in INDEX or by_default(item.kwargs.get("unique")) is True
    if item.module is not None and item.node is not None:
        place = item.module.place(item.node)
    return Index(names, unique, place) if names else None


def _column_name(part: Any, columns: list[Column] | tuple[Column, ...]) -> str:
    part = by_default(part)
    if isinstance(part, str):
        return part
    if isinstance(part, Instance) and part.path.endswith(".text()") and part.args:  # ``text("created DESC")``
        word = (text_of(part.args[0]) or "?").split(" ")[0].strip('"`')
        return next((c.attribute for c in columns if c.name == word), "?")
    for _ in range(4):  # ``created.desc()``, ``func.lower(name)`` stays an expression
        found = next((c.attribute for c in columns if c.value is not None and c.value is part), "")
        if found or not isinstance(part, Instance) or "__on__" not in part.attrs:
            return found or "?"
        part = part.attrs["__on__"]
    return "?"


def _keyed(run: Interpreter, models: Models) -> Iterator[OrmModel]:
    """The models with the tables and columns of those foreign keys that name an attribute of another model."""
    for model in models:
        columns = tuple(replace(c, foreign_key=_target(run, model, c, models)) if c.foreign_key == "?" else c
                        for c in model.columns)
        yield replace(model, columns=columns) if columns != model.columns else model


def _target(run: Interpreter, model: OrmModel, column: Column, models: Models) -> str:
    relation = model.relationship(column.attribute.removesuffix("_id")) if model.orm == "tortoise" else None
    if relation is not None:
        return _tortoise_target(column, models.named(relation.target, model.place.path))
    owner, attribute = referred(run, column) or (None, "")
    other = models.of_class(owner)
    there = other.column(attribute) if other is not None else None
    return f"{other.table}.{there.name}" if other is not None and there is not None and other.table else "?"


def _tortoise_target(column: Column, other: OrmModel | None) -> str:
    """The table and column that a Tortoise foreign key refers to: the primary key of the other end, or ``to_field``."""
    named = text_of(column.value.kwargs.get("to_field")) if isinstance(column.value, Instance) else None
    there = next((c for c in other.columns if c.attribute == named or not named and c.primary_key), None) if (
        other is not None and other.table) else None
    return f"{other.table}.{there.name}" if other is not None and there is not None else "?"


def _linked(models: Models) -> Iterator[OrmModel]:
    """The models with what only the other end shows: backrefs, and which relationships are collections."""
    back: dict[str, list[Relationship]] = {}
    for model in models:
        for r in model.relationships:
            target = models.named(r.target, model.place.path) if r.backref else None
            if target is not None:
                back.setdefault(target.path, []).append(
                    Relationship(r.backref, model.name, r.backref_lazy, None, r.place))
    for model in models:
        both = [*model.relationships, *back.get(model.path, [])]
        yield replace(model, relationships=tuple(
            r if r.many is not None else replace(r, many=_many(model, r, models)) for r in both))


def _many(model: OrmModel, r: Relationship, models: Models) -> bool | None:
    target = models.named(r.target, model.place.path)
    if target is model:
        one = next((o for o in model.relationships if o.backref == r.name), None)
        return None if one is None or one.many is None else not one.many
    if target is None:
        return None
    there = any(c.foreign_key.rpartition(".")[0] == model.table for c in target.columns if c.foreign_key)
    here = any(c.foreign_key.rpartition(".")[0] == target.table for c in model.columns if c.foreign_key)
    return there if there != here else None


def _with_outer_indexes(run: Interpreter, models: Models) -> Iterator[OrmModel]:
    """The models with the indexes that stand beside their class: ``Index("ix", User.email)``."""
    outer = [s.result for s in run.calls.values() if isinstance(s.callee, External) and s.callee.path in INDEX
             and isinstance(s.result, Instance) and s.owner is None]
    for model in models:
        found = [index_of(i, model.columns, model.place) for i in outer]
        shown = [f if f is not None and set(f.columns) != {"?"} else _written(i, model)
                 for i, f in zip(outer, found, strict=True)]
        extra = tuple(i for i in shown if i is not None)
        yield replace(model, indexes=(*model.indexes, *extra)) if extra else model


def _written(item: Instance, model: OrmModel) -> Index | None:
    """An index beside its class by how its columns are written, ``User.email.desc()``: those that are declared by an
    annotation alone have no value to be known by."""
    if item.node is None or item.module is None:
        return None
    names = []
    for node in item.node[4][1:]:
        while node[0] == "call" and node[3][0] == "attr":
            node = node[3][3]
        named = node[0] == "attr" and node[3][0] == "name" and node[3][3] == model.name
        column = model.column(node[4]) if named else None
        names.append(column.attribute if column is not None else "?")
    return Index(tuple(names), False, item.module.place(item.node)) if set(names) - {"?"} else None
