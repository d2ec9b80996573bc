"""OPS017: tables that nothing can change once they hold data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import CannotTell, Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts import Facts
from readybook.facts.behaviour import Behaviour, Call, functions_behind, in_order
from readybook.facts.closure import pulled_in
from readybook.facts.engines import Engine, is_from_env
from readybook.facts.orm import OrmModel
from readybook.facts.reach import startup_functions
from readybook.facts.values import External
from readybook.finding import Answer
from readybook.patterns import regex
from readybook.place import Place
from readybook_checks.devops.ops017_no_migrations.examples import BAD, GOOD
from readybook_checks.devops.ops017_no_migrations.scaffold import guards, scaffold

OWN = regex(r"(?:^|/)(?:db_)?migrations?/|(?:^|/)migrat(?:e|ions?)(?:_\w+)?\.(?:py|sql)$", re.IGNORECASE)
ALTERS = regex(r"\bALTER TABLE\b[^\n;]{1,80}\bADD\b")


class NoMigrations(Check):
    """Nothing carries the tables from one release to the next: a changed model fails against the database that exists.

    Looked at: SQLAlchemy and SQLModel models behind the served applications, Alembic environments and other migration
    tools, and ``create_all`` in what runs at start-up. ``create_all`` makes tables that are missing and changes none:
    the first new column ends in errors, and is added by hand on each database. Without migrations high, medium where
    the database is SQLite unless configured or nothing here makes the tables; beside migrations, an unconditional
    ``create_all`` at start-up is low: it makes tables that the next migration then fails to make. ``drop_all`` at
    start-up is critical.

    Fix: an Alembic environment that asks the application's own engine for the address and its models for the target,
    sync or async as that engine is; ``create_all`` stays for development. A person has the first revision written.
    """

    id = "OPS017"
    name = "no-migrations"
    category = "devops"
    severity = "high"
    hours = Hours(1, 3, 6)
    fix_kinds = ("scaffold", "codemod", "advice")
    references = ("https://alembic.sqlalchemy.org/en/latest/tutorial.html",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for the target, and one for each start that makes tables beside its migrations."""
        facts = project.facts
        behind = [pulled_in(facts.modules, a.place.path) for a in facts.apps if a.served]
        near = frozenset(p for paths in [b for b in behind if not own_file(facts, b)] or behind for p in paths)
        models = [m for m in facts.orm_models if m.orm in ("sqlalchemy", "sqlmodel") and m.place.path in near]
        tool = migrated(project)
        if not models and (tool is None or not near):
            yield NotApplicable("no served application has SQLAlchemy models")
            return
        made, dropped = started(facts.behaviour, near, "create_all"), started(facts.behaviour, near, "drop_all")
        yield from (emptied(call) for call in dropped if not call.conditions)
        if tool is not None:
            yield Right(tool[0], tool[1])
            for call in made:
                if not call.conditions:
                    yield beside(project, call, dropped)
            return
        engines = [e for e in facts.engines if e.place.path in near]
        if own_file(facts, near):
            yield NotApplicable("the database is a SQLite file that belongs to the process")
            return
        own = next((p for p in sorted(project.present | set(project.files)) if OWN.search(p)), None)
        if own is not None:
            yield CannotTell("what these scripts migrate is not known", Place(own) if own in project.files else None)
            return
        altering = next((m for m in (facts.modules.by_path[p] for p in sorted(near)) if m.role == "application"
                         and "ALTER TABLE" in m.text and ALTERS.search(m.text)), None)
        if altering is not None:
            line = altering.text[:altering.text.index("ALTER TABLE")].count("\n") + 1
            yield CannotTell("the code adds columns by ALTER TABLE: whether it does so for each change is not known",
                             altering.place(("name", line, 0)))
            return
        apart = frozenset().union(*behind) - near
        making = any(of_metadata(c, "create_all") and c.place.path not in apart for c in facts.behaviour.calls)
        yield missing(project, models, engines, made, dropped, bool(made) or making)


def own_file(facts: Facts, paths: frozenset[str]) -> bool:
    """Whether all engines of these modules, one at least, open a SQLite file that belongs to the process."""
    engines = [e for e in facts.engines if e.place.path in paths]
    return bool(engines) and all(e.backend == "sqlite" and not is_from_env(e.url) for e in engines)


def migrated(project: Project) -> tuple[Place, str] | None:
    """(where, what) of the tool that migrates the database; None when there is none."""
    for environment in project.facts.alembic:
        place = environment.env or environment.config
        if place is not None:
            return place, f"Alembic in {environment.folder}"
    for other in project.facts.migration_tools:
        return other.place, f"{other.name} migrates the database"
    prisma = next((p for p in sorted(project.files) if p.endswith("schema.prisma")), None)
    return (Place(prisma), "Prisma migrates the database") if prisma else None


def started(behaviour: Behaviour, near: frozenset[str], what: str) -> list[Call]:
    """Calls of ``create_all`` or ``drop_all`` that run when the application is imported or starts, by place."""
    named = [*behaviour.written_as(what, "run_sync"), *behaviour.matching(lambda path: path.endswith(f".{what}"))]
    calls = [c for c in in_order({id(c): c for c in named}.values()) if c.place.path in near and of_metadata(c, what)
             and "__main__" not in " ".join(c.conditions)]
    if not calls:
        return []
    todo, at_start = list(startup_functions(behaviour)), set[int]()
    while todo:
        function = todo.pop()
        if id(function.original.node) in at_start:
            continue
        at_start.add(id(function.original.node))
        todo += [f for c in behaviour.calls_in(function) for f in functions_behind(c.site.callee)]
    imported = [c for c in behaviour.calls if not c.function and c.place.path in near
                and "__main__" not in " ".join(c.conditions)]
    todo = [f for c in imported for f in functions_behind(c.site.callee)]
    while todo:
        function = todo.pop()
        if id(function.original.node) not in at_start:
            at_start.add(id(function.original.node))
            todo += [f for c in behaviour.calls_in(function) for f in functions_behind(c.site.callee)]
    return [c for c in calls if c.site.function is None or id(c.site.function.original.node) in at_start]


def of_metadata(call: Call, what: str) -> bool:
    """Whether a call is ``metadata.create_all`` (or what ``what`` names), or hands it to ``run_sync``."""
    if call.path.endswith(f".{what}") or (call.last == what and "metadata" in str(call.site.node[3])):
        return True
    given = call.args[0] if call.last == "run_sync" and call.args else None
    if isinstance(given, External):
        return given.path.endswith(f".{what}")
    return call.last == "run_sync" and bool(call.site.node[4]) and call.site.node[4][0][-1] == what


def emptied(call: Call) -> Finding:
    """``drop_all`` at start-up."""
    return Finding(
        call.place, "drop_all() deletes every table, with its rows, each time the application starts.", "critical",
        fix=advice("Take it out, and let migrations change the tables",
                   "whether anything relies on empty tables at each start is for a person to say"))


def beside(project: Project, call: Call, dropped: list[Call]) -> Finding:
    """``create_all`` at the start of an application that has migrations."""
    title = "Make tables at start-up in development only"
    fix = advice(title, "drop_all() at start-up would leave no tables") if dropped else Fix(
        title, guards(project, [call]), safety="review",
        reason="where the tables are made today, the migrations must run before the service starts")
    return Finding(
        call.place, "create_all() makes at each start what the migrations have not made yet: the next migration that "
        "makes such a table fails.", "low", fix=fix)


def missing(project: Project, models: list[OrmModel], engines: list[Engine], made: list[Call],
            dropped: list[Call], making: bool) -> Finding:
    """No migrations at all; ``making``: code of this repository makes the tables, at start-up or elsewhere."""
    names = list(dict.fromkeys(m.table or m.name for m in models))
    place = made[0].place if made else engines[0].place if engines else models[0].place
    unused = any(r.name.lower() == "alembic" for r in project.facts.requirements)
    how = ("create_all() makes what is missing when the application starts, and changes no table that exists" if made
           else "nothing in the code changes them" if making
           else "nothing in this repository makes or changes them")
    listed = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    what = f"{len(names)} table{'s' if len(names) > 1 else ''} ({listed})"
    lite = bool(engines) and all(e.backend == "sqlite" for e in engines)
    return Finding(
        place, f"{what} and no migrations{' (alembic is declared, and not set up)' if unused else ''}: {how}.",
        "medium" if lite or not making else "high", confidence="high" if making else "medium",
        fix=scaffold(project, models, engines, made, dropped), chain=(models[0].place,),
    )


NoMigrations.examples = (*BAD, *GOOD)
