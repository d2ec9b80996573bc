"""The Alembic revision that makes the missing indexes without stopping writes."""

from __future__ import annotations

import hashlib
import posixpath
from string import Template

from readybook import Project
from readybook.facts.alembic import AlembicEnvironment
from readybook.facts.values import by_default
from readybook.intents import AddFile
from readybook.patterns import regex
from readybook_checks.performance.per009_missing_index.wanting import Want

LONGEST = 88  # characters of a line, as most formatters have it
WHY = "    # PostgreSQL builds an index while writes go on only outside of a transaction."
BLOCK = "    with op.get_context().autocommit_block():"
OUTSIDE = regex(r"\.begin\(\)|attributes(?:\.get\(|\[)[\s]*[\"']connection[\"']")
CONVENTIONS = ("sqlalchemy.MetaData", "sqlalchemy.schema.MetaData", "sqlalchemy.sql.schema.MetaData")


def revision(project: Project, missing: list[Want], template: str) -> AddFile | None:
    """The revision file for all missing indexes; None where there is not one history with one head to follow."""
    homes = [e for e in project.facts.alembic if e.revisions and e.env is not None]
    backends = {b for e in project.facts.engines for b in e.backends}
    names = index_names(project, missing)
    if len(homes) != 1 or len(homes[0].heads) != 1 or names is None or backends - {"postgresql", "sqlite"}:
        return None
    concurrently = backends == {"postgresql"} and not _begun_outside(project, homes[0])
    identifier = hashlib.sha256(f"{homes[0].heads[0]} {' '.join(names)}".encode()).hexdigest()[:12]
    made, dropped = _options(project, concurrently)
    step = 8 if concurrently else 4
    pairs = list(zip(names, missing, strict=True))
    make = [_call("op.create_index", (f'"{n}"', f'"{w.model.table}"', f'["{w.column.name}"]', *made), step)
            for n, w in pairs]
    drop = [_call("op.drop_index", (f'"{n}"', f'table_name="{w.model.table}"', *dropped), step)
            for n, w in reversed(pairs)]
    text = Template(template).substitute(
        revision=identifier, down=homes[0].heads[0], create="\n".join([WHY, BLOCK] * concurrently + make),
        drop="\n".join([BLOCK] * concurrently + drop))
    return AddFile(f"{_folder(homes[0])}/{identifier}_index_queried_columns.py", text)


def _begun_outside(project: Project, home: AlembicEnvironment) -> bool:
    """Whether a transaction may be open that Alembic did not begin: it cannot leave that one for a while."""
    return home.env is not None and bool(OUTSIDE.search(project.text(home.env.path)))


def _call(name: str, arguments: tuple[str, ...], indent: int) -> str:
    """A call at an indentation, over several lines when it is too long for one."""
    outer = " " * indent
    line = f"{outer}{name}({', '.join(arguments)})"
    if len(line) <= LONGEST:
        return line
    inner = f"{outer}    {', '.join(arguments)}"
    if len(inner) > LONGEST:
        inner = "\n".join(f"{outer}    {a}," for a in arguments)
    return f"{outer}{name}(\n{inner}\n{outer})"


def _folder(home: AlembicEnvironment) -> str:
    return posixpath.dirname(home.revisions[-1].place.path)


def _options(project: Project, concurrently: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keywords of create_index and drop_index; the guard against an index that exists came with Alembic 1.12."""
    known = project.facts.release("alembic")
    guarded = known is not None and known >= (1, 12)
    how = ("postgresql_concurrently=True",) * concurrently
    return ("if_not_exists=True",) * guarded + how, ("if_exists=True",) * guarded + how


def index_names(project: Project, missing: list[Want]) -> list[str] | None:
    """The names that SQLAlchemy gives to the columns' indexes, by the naming convention of the project's metadata;
    None when a name cannot be worked out."""
    pattern = "ix_%(column_0_label)s"
    for call in project.facts.behaviour.calls_to(*CONVENTIONS):
        given = by_default(call.kwargs.get("naming_convention"))
        if given is None:
            continue
        chosen = by_default(given.get("ix", pattern)) if isinstance(given, dict) else None
        if not isinstance(chosen, str):
            return None
        pattern = chosen
    names = []
    for want in missing:
        table, column = want.model.table, want.column.name
        words = {"column_0_label": f"{table}_{column}", "table_name": table, "column_0_name": column,
                 "column_0_N_name": column, "column_0_N_label": f"{table}_{column}",
                 "column_0_key": want.column.attribute}
        try:
            name = pattern % words
        except (KeyError, ValueError, TypeError):
            return None
        if not table or not name.isidentifier() or not column.isidentifier() or len(name) > 63:
            return None
        names.append(name)
    return names if len(set(names)) == len(names) else None
