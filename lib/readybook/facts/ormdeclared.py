"""What a model's class says by functions and tables: ``declared_attr``, ``__table__``, arguments of ``sa_column``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from readybook.facts.calleepaths import path_of
from readybook.facts.expressions import evaluate
from readybook.facts.interpreter import Frame
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance
from readybook.facts.ormcolumns import COLUMN, Column, _core, foreign_key_of
from readybook.facts.symbols import annotation_value
from readybook.facts.values import External, by_default, text_of

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

DECLARED = ("sqlalchemy.orm.declared_attr", "sqlalchemy.ext.declarative.declared_attr",
            "sqlalchemy.orm.decl_api.declared_attr")
MAPPERS = (".map_imperatively", "sqlalchemy.orm.mapper")
TABLE = ("sqlalchemy.Table", "sqlalchemy.schema.Table", "sqlalchemy.sql.schema.Table", "sqlmodel.Table")


def is_declared(value: Any) -> bool:
    """Whether a class attribute is a function that SQLAlchemy asks once for each model."""
    return isinstance(value, FunctionValue) and any(
        isinstance(d, External | Instance) and d.path.removesuffix(".directive").removesuffix(".cascading") in DECLARED
        for d in value.decorators)


def given(run: Interpreter, cls: ClassValue, value: Any) -> Any:
    """What an attribute gives a model: the answer of a ``declared_attr`` function or of a class method, else itself."""
    value = value.function if isinstance(value, Bound) else value
    if not isinstance(value, FunctionValue) or not (is_declared(value) or value.kind == "classmethod"):
        return value
    calls, run.calls = run.calls, {}  # what it calls was noted before; it may be asked for many models
    symbolic, run.symbolic = run.symbolic, False
    conditions, run.conditions = run.conditions, []
    try:
        return run.call_function(value, (cls,), {}, cls)
    finally:
        run.calls, run.symbolic, run.conditions = calls, symbolic, conditions


def declared_kind(run: Interpreter, f: FunctionValue) -> Any:
    """What a ``declared_attr`` function says that it returns, None where it does not say."""
    if f.node[0] != "def" or f.node[8] is None:
        return None
    run.frames.append(Frame(f.module, f, f.owner))
    try:
        return annotation_value(run, f.node[8], f.scope)
    finally:
        run.frames.pop()


def declared_names(cls: ClassValue) -> Iterator[tuple[ClassValue, str, FunctionValue]]:
    """The attributes that ``declared_attr`` functions of a class and its bases make, base first, with their owners."""
    found: dict[str, tuple[ClassValue, str, FunctionValue]] = {}
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        for name, value in c.scope.names.items():
            found.pop(name, None)
            if not name.startswith("__") and is_declared(value):
                found[name] = (c, name, value)
    yield from found.values()


def own_table(cls: ClassValue) -> Instance | None:
    """The ``Table`` that a class is mapped to by ``__table__``."""
    for c in cls.mro():
        table = by_default(c.scope.names.get("__table__")) if isinstance(c, ClassValue) else None
        if isinstance(table, Instance) and table.path in TABLE:
            return table
    return None


def table_name(table: Instance) -> str:
    """The name of a ``Table``, empty when it is not known."""
    return text_of(table.args[0] if table.args else table.kwargs.get("name")) or ""


def table_columns(cls: ClassValue, table: Instance) -> Iterator[Column]:
    """The columns of a ``Table``, as attributes of the class that is mapped to it."""
    for item in map(by_default, table.args):
        if isinstance(item, Instance) and item.path in COLUMN:
            name = text_of(item.args[0] if item.args else item.kwargs.get("name"))
            if name:
                yield _core(cls, text_of(item.kwargs.get("key")) or name, item, None, None)


def referred(run: Interpreter, column: Column) -> tuple[ClassValue, str] | None:
    """The class and the attribute that a foreign key names by an attribute: ``ForeignKey(User.id)``."""
    item = foreign_key_of(column.value) if isinstance(column.value, Instance) else None
    node = item.node[4][0] if item is not None and item.node is not None and item.node[4] else None
    module = run.loaded.get(item.module.path) if item is not None and item.module is not None else None
    if node is None or node[0] != "attr" or module is None:
        return None
    run.frames.append(Frame(module.module))
    try:
        owner = by_default(evaluate(run, node[3], module.scope))
    finally:
        run.frames.pop()
    return (owner, node[4]) if isinstance(owner, ClassValue) else None


def composite_keys(items: list[Instance]) -> tuple[tuple[str, ...], ...]:
    """The columns of each foreign key of several columns."""
    found = []
    for item in items:
        if item.path.rpartition(".")[2] == "ForeignKeyConstraint":
            names = by_default(item.args[0] if item.args else item.kwargs.get("columns"))
            if isinstance(names, list | tuple) and len(names) > 1:
                found.append(tuple(text_of(by_default(n)) or "?" for n in names))
    return tuple(found)


def constrained(items: list[Instance], columns: list[Column]) -> list[Column]:
    """The columns with the keys that a ``ForeignKeyConstraint`` of one column, and a ``PrimaryKeyConstraint``, give."""
    keys: dict[str, str] = {}
    primary: set[str] = set()
    for item in items:
        if item.path.rpartition(".")[2] == "PrimaryKeyConstraint":
            primary.update(name for name in map(by_default, item.args) if isinstance(name, str))
        if item.path.rpartition(".")[2] == "ForeignKeyConstraint":
            sides = [by_default(v) for v in (*item.args, item.kwargs.get("columns"), item.kwargs.get("refcolumns"))]
            lists = [s for s in sides if isinstance(s, list | tuple) and len(s) == 1]
            if len(lists) == 2 and isinstance(lists[0][0], str):
                keys[lists[0][0]] = lists[1][0] if isinstance(lists[1][0], str) else "?"
    columns = [replace(c, primary_key=True, nullable=False) if c.name in primary else c for c in columns]
    return [replace(c, foreign_key=keys[c.name]) if c.name in keys and not c.foreign_key else c for c in columns]


def imperative(run: Interpreter) -> Iterator[tuple[ClassValue, Instance, dict[str, Any]]]:
    """The plain classes of application code that are mapped to a ``Table`` by a call, with the properties it adds."""
    for site in list(run.calls.values()):
        if not path_of(site.callee).endswith(MAPPERS) or not site.args or site.module.role != "application":
            continue
        cls, table = by_default(site.args[0]), by_default(site.args[1] if len(site.args) > 1 else
                                                          site.kwargs.get("local_table"))
        more = by_default(site.kwargs.get("properties", site.args[2] if len(site.args) > 2 else None))
        if isinstance(cls, ClassValue) and isinstance(table, Instance) and table.path in TABLE:
            yield cls, table, more if isinstance(more, dict) else {}
