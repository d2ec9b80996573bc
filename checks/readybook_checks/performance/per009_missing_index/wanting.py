"""Which columns the queries of a project want an index on."""

from __future__ import annotations

import re

from readybook import Project
from readybook.facts.ormcolumns import Column
from readybook.facts.orm import OrmModel
from readybook.facts.queries import Query
from readybook.facts.querychains import ColumnUse
from readybook.facts.tablesizes import grows
from readybook.patterns import regex
from readybook.records import record

EQUAL = ("==", "in")
RANGE = ("<", "<=", ">", ">=", "between")
# a B-tree over few different values, or over values that have no order, helps no query
UNFIT = frozenset(("Boolean", "bool", "BOOLEAN", "Enum", "ENUM", "JSON", "JSONB", "ARRAY", "LargeBinary", "Vector",
                   "dict", "list", "BLOB", "PickleType", "TSVECTOR", "Geometry", "BooleanField", "CharEnumField",
                   "IntEnumField", "JSONField", "BinaryField", "TextField"))
MYSQL = frozenset(("asyncmy", "aiomysql"))  # drivers of a database that indexes foreign keys by itself
FEW = regex(r"^(?:is|has|can|was)_|(?:^|_)(?:status|state|type|kind|role|gender|active|deleted|enabled|disabled"
            r"|category|level|priority|visibility|visible|hidden|archived|approved|blocked|locked|banned|language"
            r"|currency|locale|mode|verified|published|method|provider)$")


@record
class Want:
    """A column that wants an index. ``query`` is the one that would use it (None: a foreign key that joins and deletes
    use), ``order``: it sorts by the column; ``indexed`` whether one begins with it, None when that is not shown."""

    model: OrmModel
    column: Column
    query: Query | None
    order: bool
    indexed: bool | None


def wants(project: Project) -> list[Want]:
    """Every column that a query or a foreign key wants an index on, each once, queries first."""
    found: dict[tuple[str, int, int], Want] = {}
    # a collection may have indexes that no code makes: it is judged where the code makes some
    made = any(table == "*" for table, _ in project.facts.made_indexes)
    read = [q for q in project.facts.lookups if q.style != "mongo" or made]
    for query in (*project.facts.queries, *read):
        want = _of_query(project, query)
        if want is not None:
            key = _key(want.column)
            if key not in found or found[key].order and not want.order:
                found[key] = want
    for model in project.facts.orm_models:
        for column in model.columns if grows(model.table or model.name) else ():
            together = any({column.name, column.attribute} & set(key) for key in model.composite_keys)
            if column.foreign_key and not column.primary_key and not together and _key(column) not in found:
                found[_key(column)] = Want(model, column, None, False, has_index(project, model, column))
    return sorted(found.values(), key=lambda w: _key(w.column))


def _key(column: Column) -> tuple[str, int, int]:
    return column.place.path, column.place.line, column.place.column


def has_index(project: Project, model: OrmModel, column: Column) -> bool | None:
    """Whether an index begins with the column: one that the model declares, that a migration makes, or that MySQL and
    MariaDB make for each foreign key by themselves."""
    mysql = _by_driver(project) if model.orm == "tortoise" else _backends(project) in (
        {"mysql"}, {"mariadb"}, {"mysql", "mariadb"})
    if column.foreign_key and mysql:
        return True
    made = project.facts.made_indexes
    tables = (*_tables(model), "*") if model.orm in ("beanie", "mongo") else _tables(model)
    if any((table, column.name.lower()) in made for table in tables):
        return True
    found = model.leads_index(column)
    return None if found is False and "*" in tables and ("*", "?") in made else found


def _backends(project: Project) -> set[str]:
    """What the application's own engines connect to; those of its tests do not count."""
    facts = project.facts
    return {b for e in facts.engines if facts.role(e.place.path) == "application" for b in e.backends}


def _by_driver(project: Project) -> bool:
    """Whether a driver of MySQL is declared: Tortoise has no engine in the code, and its tables may well be there."""
    return any(r.name in MYSQL or MYSQL & set(r.extras) for r in project.facts.requirements)


def _tables(model: OrmModel) -> tuple[str, ...]:
    """The model's table, or the names that a rule may give it where the class does not say."""
    if model.table:
        return (model.table.lower(),)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", model.name).lower()
    plain = model.name.lower()
    return tuple(f"{name}{end}" for name in (snake, plain) for end in ("", "s", "es"))


def _of_query(project: Project, query: Query) -> Want | None:
    """The column by which the query would find its rows, or else sorts them."""
    model = query.model
    if model is None or query.style == "get" or not grows(model.table or model.name):
        return None
    if any(u.model == model and u.operator in EQUAL and not u.wrapped and model.column(u.attribute) is None
           and model.relationship(u.attribute) is None for u in query.filters):
        return None  # a column that the class does not show may be the one that finds the rows
    uses = [(u, c) for u in query.filters if u.model == model and not u.wrapped
            and u.operator in (*EQUAL, *RANGE) and u.other not in ("None", "True", "False")
            and (c := model.column(u.attribute)) is not None]
    known = [(u, c, has_index(project, model, c)) for u, c in uses]
    helped = [c for u, c, indexed in known if indexed and u.operator in EQUAL]
    if helped:
        return Want(model, helped[0], query, False, True)
    fit = [(u, c, indexed) for u, c, indexed in known if _fit(c)]
    if fit:
        _, column, indexed = min(fit, key=_rank)
        return Want(model, column, query, False, indexed)
    if query.limited and query.many and query.order and not query.filters:
        first = query.order[0]
        column = model.column(first.attribute) if first.model == model and not first.wrapped else None
        if column is not None and column.type not in UNFIT:
            return Want(model, column, query, True, has_index(project, model, column))
    return None


def _fit(column: Column) -> bool:
    return column.type not in UNFIT and not FEW.search(column.attribute)


def _rank(item: tuple[ColumnUse, Column, bool | None]) -> tuple[int, int]:
    use, column, _ = item
    return (0 if column.foreign_key else 1, 0 if use.operator in EQUAL else 1)
