"""PER009: columns that queries look up, or that refer to another table, without an index."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from readybook import CannotTell, Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.objects import ClassValue, Instance
from readybook.facts.reach import first_reached
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureImport, Intent, ReplaceDefault, SetKeyword
from readybook_checks.performance.per009_missing_index.examples import EXAMPLES
from readybook_checks.performance.per009_missing_index.revision import revision
from readybook_checks.performance.per009_missing_index.wanting import Want, wants


class MissingIndex(Check):
    """A query looks rows up by a column without an index, or a foreign key has none.

    Looked at: the columns of SQLAlchemy, SQLModel and Tortoise models and the fields of Beanie documents that queries
    compare (``==``, ``in``, ranges) or sort a page by, and foreign keys; an index may stand in the model (``index``,
    ``unique``, ``__table_args__``, ``Meta``, ``Indexed``, ``Settings``) or in a migration. One column a query: the one
    that finds its rows; of a collection of MongoDB without a class, only where the code makes indexes of collections.
    Columns of few values (flags, status), wrapped in a function, and tables that do not grow with use are left out.
    Without the index each such query reads the whole table, and deleting a parent row reads the children's.

    Medium where a request runs the query, else low. Fix: ``index=True``, and where Alembic keeps one history of a
    PostgreSQL database, a revision that makes all missing indexes concurrently. Too many indexes slow writing down:
    drop from it what is not worth one.
    """

    id = "PER009"
    name = "missing-index"
    category = "performance"
    severity = "medium"
    hours = Hours(0.5, 2, 4, each=0.25)
    fix_kinds = ("codemod", "scaffold", "advice")
    references = ("https://docs.sqlalchemy.org/en/20/core/constraints.html#indexes",
                  "https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each column that wants an index and has none; a Right for each that has one."""
        wanted = wants(project)
        missing = [w for w in wanted if w.indexed is False]
        template = files(__package__).joinpath("revision.py.tmpl").read_text("utf-8")
        sql = [w for w in missing if w.model.orm in ("sqlalchemy", "sqlmodel") and _declared_here(w)]
        made = revision(project, sql, template)
        reached = first_reached(project.facts.behaviour, [w.query.call for w in missing if w.query is not None])
        for want in wanted:
            if want.indexed is None:
                yield CannotTell("whether the column has an index depends on a value that is not in the code",
                                 want.column.place)
            elif want.indexed:
                yield Right(want.column.place, "an index begins with it")
            else:
                served = want.query is not None and id(want.query.call) in reached
                yield _finding(project, want, served, made)
        if not wanted:
            yield NotApplicable("no column of a model is looked up, and none refers to another table")


def _finding(project: Project, want: Want, served: bool, made: AddFile | None) -> Finding:
    model, column, query = want.model, want.column, want.query
    name = f"{model.table or model.name}.{column.name}"
    if query is None:
        other = "another table" if column.foreign_key == "?" else column.foreign_key
        message = (f"{name} refers to {other} without an index: joins, and deleting a row there, read all of "
                   f"{model.table or model.name}.")
        severity = "low"
    else:
        where = f"{query.function.rpartition('.')[2] or 'the query'} ({query.place})"
        table = "collection" if model.orm in ("beanie", "mongo") else "table"
        does = "sorts its pages by it" if want.order else "looks rows up by it"
        message = f"{name} has no index: {where} {does}, and reads the whole {table} each time."
        severity = "medium" if served and not want.order else "low"
    chain = (query.place,) if query is not None else ()
    fix = _field_fix(project, want) if model.orm in ("tortoise", "beanie", "mongo") else _fix(want, made)
    chain = tuple(p for p in chain if p != column.place)
    return Finding(column.place, message, severity, confidence="medium" if model.orm == "mongo" else "high", fix=fix,
                   chain=chain)


def _declared_here(want: Want) -> bool:
    """Whether the model's own class declares the column: in a mixin the index would come to other tables too."""
    place, cls = want.column.place, want.model.cls
    elsewhere = {c.module.path for c in cls.mro() if isinstance(c, ClassValue)} - {want.model.place.path}
    return place.symbol == cls.qualname and place.path not in elsewhere


def _field_fix(project: Project, want: Want) -> Fix:
    """What gives a field of a Tortoise model or of a Beanie document its index."""
    column, model = want.column, want.model
    if model.orm == "mongo":
        return advice(f'Make it where the others are made: create_index("{column.name}") of {model.name}',
                      "MongoDB builds an index of a large collection for a while; one that no code makes may be there")
    if model.orm == "beanie":
        return advice(f'Add "{column.name}" to the list indexes in Settings of {model.name}',
                      "Beanie builds the index when the service starts, which takes its time on a large collection")
    known = project.facts.release("tortoise-orm")
    word = "db_index" if known is not None and known >= (0, 21) else "index"
    if not _declared_here(want) or not isinstance(column.value, Instance) or isinstance(column.value.cls, ClassValue):
        return advice(f'Add ("{column.attribute}",) to indexes in Meta of {model.name}',
                      "the field is declared in a class that other tables share, or by a class of the project's own")
    return Fix("Index the field", (SetKeyword(column.place, column.call, word, "True"),), ("codemod",), "review",
               "a table that exists gets it from a migration only (aerich migrate, then aerich upgrade); "
               "an index costs space and a little time on every write")


def _fix(want: Want, made: AddFile | None) -> Fix:
    column = want.column
    if not _declared_here(want):
        return advice(f"Add Index(None, \"{column.name}\") to __table_args__ of {want.model.name}",
                      "the column is declared in a class that other tables share")
    intents: tuple[Intent, ...]
    if column.call:
        intents = (SetKeyword(column.place, column.call, "index", "True"),)
    elif want.model.orm == "sqlmodel":
        default = "default=None, " if column.nullable is not False else ""
        intents = (ReplaceDefault(column.place, column.attribute, f"Field({default}index=True)"),
                   EnsureImport(column.place.path, "sqlmodel", "Field"))
    else:
        intents = (ReplaceDefault(column.place, column.attribute, "mapped_column(index=True)"),
                   EnsureImport(column.place.path, "sqlalchemy.orm", "mapped_column"))
    table = want.model.table or "<table>"
    if made is not None:
        concurrently = "autocommit_block" in made.text
        reason = "the revision makes all missing indexes at once; each costs space and a little time on every write"
        reason += "" if concurrently else "; writes to a table wait while its index is built"
        title = "Index the column, by a revision" + " that lets writes go on" * concurrently
        return Fix(title, (*intents, made), ("codemod", "scaffold"), "review", reason)
    return Fix("Index the column", intents, ("codemod",), "review",
               "a table that exists gets it from a migration only: CREATE INDEX CONCURRENTLY "
               f"ix_{table}_{column.name} ON {table} ({column.name})")
