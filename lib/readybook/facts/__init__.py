"""Facts: what the target is, by static reading. Facts know neither findings nor checks and hold no syntax nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from readybook.facts.surroundings import Surroundings

if TYPE_CHECKING:
    from readybook.cache import Cache
    from readybook.facts.application import Route, Unresolved
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.celeryapps import CeleryApp
    from readybook.facts.engines import Engine
    from readybook.facts.health import HealthMiddleware, HealthRoute
    from readybook.facts.loweredfiles import Lowered, Lowering
    from readybook.facts.modules import Module, Modules
    from readybook.facts.schemas import Schema
    from readybook.facts.orm import Models
    from readybook.facts.queries import Query
    from readybook.facts.queryrows import RowFlow
    from readybook.facts.origins import Origins
    from readybook.facts.readings import Readings
    from readybook.facts.servedimages import ServedImage
    from readybook.facts.settings import SettingsClass, Variable
    from readybook.facts.program import App, Program
    from readybook.facts.stores import Store
    from readybook.place import Place
    from readybook.project import Project
    from readybook.source import SourceFile


def numbers(version: str) -> tuple[int, ...] | None:
    """The release numbers of a version, ``0.115.2`` as (0, 115, 2); None when it has none."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(n) for n in match[0].split(".")[:4] if len(n) < 9) if match else None


class Facts(Surroundings):
    """Everything known about one project; each family is worked out when first asked for."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._headers: dict[str, dict[str, Place]] = {}
        self._guarded: dict[int, bool] = {}  # by the identity of a route of the program
        self._begun: Lowering | None = None

    @cached_property
    def modules(self) -> Modules:
        """Every Python file, lowered, and the import system over them; read from the cache where nothing changed."""
        from readybook.facts.modules import Modules

        before = self._same_python()
        if before is not None:
            return before.modules
        python, begun, self._begun = self._python(), self._begun, None
        return Modules(python, self.project.app_dir, self._declared, self._unchanged(python), self._cache(), begun)

    def _python(self) -> dict[str, SourceFile]:
        return {p: s for p, s in self.project.files.items() if p.endswith(".py")}

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Have the other cores read the code from here on, where there is much of it and none of it in the cache.

        What nobody has asked for at the end is dropped.
        """
        from readybook.facts.loweredfiles import Lowering, is_large

        python = self._python()
        if self.project.base is None and is_large(python.values()) and not self._is_kept():
            self._begun = Lowering(python)
        try:
            yield
        finally:
            if self._begun is not None:
                self._begun.drop()
                self._begun = None

    def _is_kept(self) -> bool:
        from readybook.cache import analyser_digest, pack_path

        folder = self.project.folder
        path = pack_path(str(folder), analyser_digest(), target=folder) if folder is not None else None
        return path is not None and path.exists()

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset(r.name.replace("-", "_").lower() for r in self.requirements)

    def _same_python(self) -> Facts | None:
        """The facts of the project this one was made from, when all Python files and what they may import are alike."""
        base = self.project.base
        before = base.__dict__.get("facts") if base is not None else None
        if base is None or before is None or "modules" not in before.__dict__ or before._declared != self._declared:
            return None
        files, old = self.project.files, base.files
        if any(p.endswith(".py") and s is not old.get(p) for p, s in files.items()):
            return None
        return before if sum(p.endswith(".py") for p in old) == sum(p.endswith(".py") for p in files) else None

    def _same_program(self) -> Facts | None:
        """The facts of the project this one was made from, when its Python does the same and was followed whole."""
        before = self._same_python()
        if before is None or self.project.base is None or "behaviour" not in before.__dict__:
            return None
        if before._commands != self._commands or before._releases != self._releases:
            return None
        files, old = self.project.files, self.project.base.files
        changed = {p for p, s in files.items() if s is not old.get(p)}
        return before if before.program.run.files.unmoved_by(changed, not changed <= set(old)) else None

    def take_over(self) -> None:
        """Take what still holds from the project this one was made from, so that its own facts may be let go."""
        for name in ("modules", "program", "behaviour") if self._same_program() is not None else ():
            getattr(self, name)

    def _cache(self) -> Cache | None:
        folder = self.project.folder
        if folder is None or self.project.base is not None:
            return None
        from readybook.cache import Cache, analyser_digest

        return Cache.open(str(folder), analyser_digest(), target=folder)

    def _unchanged(self, python: dict[str, SourceFile]) -> dict[str, Lowered | str]:
        """What the project this one was made from already lowered or could not, for the files still the same."""
        base = self.project.base
        if base is None or "facts" not in base.__dict__ or "modules" not in base.facts.__dict__:
            return {}
        before = base.facts.modules
        known: dict[str, Lowered | str] = {p: (m.lowered, m.exact, m.told) for p, m in before.by_path.items()}
        known |= before.unparsed
        return {p: known[p] for p, s in python.items() if p in known and base.files.get(p) is s}

    @cached_property
    def problems(self) -> tuple[tuple[str, str], ...]:
        """(path, reason) of files that could not be understood, Python and others."""
        from readybook.facts.problems import problems

        stumbles = self.behaviour.run.stumbles.items()
        return (*self.modules.unparsed, *problems(self.project, self.packages),
                *((place.path, f"line {place.line} could not be followed ({kind})") for place, kind in stumbles))

    @cached_property
    def program(self) -> Program:
        """The project's Python followed as one program."""
        from readybook.facts.program import Program

        before = self._same_program()
        if before is not None:
            return before.program
        return Program(self.project, self.modules, self._releases, self._commands)

    @cached_property
    def _releases(self) -> dict[str, tuple[int, ...] | None]:
        """The versions that decide which routes there are, and of what Python shows of a member of an enum."""
        from readybook.facts.pythonversion import python_version

        found = {package: self.release(package) for package in ("fastapi", "fastcrud")}
        lowest = numbers(self.version_of("fastapi").value)  # the version itself, or the first that may be installed
        return {**found, "fastapi from": lowest, "python": numbers(python_version(self, "").value)}

    @property
    def _commands(self) -> tuple[tuple[str, str | None, str], ...]:
        from readybook.facts.servercommands import specs_in

        found = []
        for c in self.serve_commands:
            named = [c.app] if c.app else specs_in(self.project.text(c.file)) if c.file and c.server == "python" else []
            found += [(app, c.root, c.purpose) for app in named if c.purpose != "document"]
        return tuple(found)

    def release(self, package: str, near: str = "") -> tuple[int, ...] | None:
        """The version of a package as numbers when a lock or a pin names it, else None."""
        found = self.version_of(package, near)
        return numbers(found.value) if found.exact else None

    def prepare(self) -> None:
        """Work out what most questions start from: the applications, every call and what serves requests."""
        behaviour = self.behaviour
        for _ in (behaviour.by_path, behaviour.by_last, behaviour.by_node, behaviour.callers, behaviour.by_function,
                  behaviour.entries, self.problems):
            pass
        from readybook.facts.closure import pulled_in

        for app in self.apps:
            pulled_in(self.modules, app.place.path)

    @property
    def apps(self) -> tuple[App, ...]:
        """The applications found, the chosen or served ones first."""
        return self.program.apps

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route of every application that is not mounted in another, in order of registration."""
        return self.program.routes

    @property
    def unresolved(self) -> tuple[Unresolved, ...]:
        """Registrations whose path or router the code does not show."""
        return self.program.unresolved

    @cached_property
    def behaviour(self) -> Behaviour:
        """Every call of application code with its resolved name, the call graph, what serves requests."""
        from readybook.facts.behaviour import Behaviour

        before = self._same_program()
        return before.behaviour if before is not None and self.program is before.program else Behaviour(self.program)

    @cached_property
    def origins(self) -> Origins:
        """Where the parts of an expression come from."""
        from readybook.facts.origins import Origins

        return Origins(self.behaviour)

    @cached_property
    def settings_classes(self) -> tuple[SettingsClass, ...]:
        """Classes that read their fields from the environment."""
        from readybook.facts.settings import settings_classes

        return settings_classes(self.program.everything)

    @cached_property
    def settings_at_hand(self) -> bool:
        """Whether code anywhere in the project can read its settings."""
        from readybook.facts.settingsaccess import at_hand

        return at_hand(self)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Every environment variable that application code reads."""
        from readybook.facts.settings import variables

        return variables(self.settings_classes, self.behaviour)

    @cached_property
    def engines(self) -> tuple[Engine, ...]:
        """SQLAlchemy engines of application code."""
        from readybook.facts.engines import engines

        hints = frozenset(r.name.lower().replace("_", "-") for r in self.requirements)
        return engines(self.behaviour, self.release("sqlalchemy"), hints)

    @cached_property
    def schemas(self) -> tuple[Schema, ...]:
        """Pydantic models of application code: fields, bounds, configuration, and the routes that use them."""
        from readybook.facts.schemas import schemas

        return schemas(self.behaviour, self.routes)

    def guarded(self, route: Route) -> bool:
        """Whether a route authenticates who calls it."""
        if id(route) not in self._guarded:
            from readybook.facts.authentication import guarded

            self._guarded[id(route)] = guarded(self.behaviour, route)
        return self._guarded[id(route)]

    @cached_property
    def health_routes(self) -> tuple[HealthRoute, ...]:
        """Routes that answer as health, those that a container probe asks for included."""
        from readybook.facts.health import health_routes

        return health_routes(self.behaviour, self.routes, self.probed_paths)

    @cached_property
    def served_images(self) -> tuple[ServedImage, ...]:
        """Images that serve an application when they are deployed."""
        from readybook.facts.servedimages import served_images

        return served_images(self)

    @cached_property
    def health_middleware(self) -> tuple[HealthMiddleware, ...]:
        """Middleware that answers a health path itself."""
        from readybook.facts.health import health_middleware

        return health_middleware(self.behaviour, self.apps)

    @cached_property
    def probed_paths(self) -> frozenset[str]:
        """Paths that probes outside the code ask for, without their last slash."""
        from readybook.facts.probes import probed_paths

        return probed_paths(self)

    def response_headers(self, app: App) -> dict[str, Place]:
        """Which security headers every answer of an application gets, in small letters, and what sets each."""
        if app.spec not in self._headers:
            from readybook.facts.responseheaders import headers_of

            self._headers[app.spec] = headers_of(self, app)
        return self._headers[app.spec]

    @cached_property
    def handed_on(self) -> dict[int, list[Call]]:
        """``id`` of an application's object → the calls that are given it."""
        index: dict[int, list[Call]] = {id(app.instance): [] for app in self.apps}
        for call in self.behaviour.calls if index else ():
            for given in (*call.args, *call.kwargs.values()) if call.args or call.kwargs else ():
                if id(given) in index:
                    index[id(given)].append(call)
        return index

    @cached_property
    def header_modules(self) -> tuple[Module, ...]:
        """Application modules, by path, whose text names a security header."""
        from readybook.facts.responseheaders import NAMES

        return tuple(m for _, m in sorted(self.modules.by_path.items())
                     if m.role == "application" and any(n in m.low for n in NAMES))

    def stores(self, app: App) -> tuple[Store, ...]:
        """The databases, Redis and MongoDB clients and brokers that the code behind an application sets up."""
        from readybook.facts.closure import pulled_in

        near = pulled_in(self.modules, app.place.path)
        return tuple(s for s in self.all_stores if s.place.path in near)

    @cached_property
    def all_stores(self) -> tuple[Store, ...]:
        """Those of all application code."""
        from readybook.facts.stores import all_stores

        return all_stores(self.behaviour, self.engines)

    @cached_property
    def celery_apps(self) -> tuple[CeleryApp, ...]:
        """Every Celery application of the code."""
        from readybook.facts.celeryapps import celery_apps

        return celery_apps(self)

    @cached_property
    def pooler(self) -> str:
        """What pools connections outside the process, or why none can be kept; empty when nothing shows it."""
        from readybook.facts.poolers import pooler

        return pooler(self)

    @cached_property
    def orm_models(self) -> Models:
        """The database models of application code, with columns, indexes and relationships."""
        from readybook.facts.orm import orm_models

        return orm_models(self.behaviour.run)

    @cached_property
    def queries(self) -> tuple[Query, ...]:
        """The queries that application code runs through SQLAlchemy or SQLModel."""
        from readybook.facts.queries import queries

        return queries(self.behaviour, self.orm_models)

    @cached_property
    def lookups(self) -> tuple[Query, ...]:
        """The reads of application code through Tortoise models and Beanie documents, and of MongoDB's collections."""
        from readybook.facts.collectionreads import DRIVERS, collection_reads
        from readybook.facts.lookups import lookups

        mongo = any(r.name.lower() in DRIVERS for r in self.requirements)
        plain = collection_reads(self.behaviour, self.orm_models) if mongo else ()
        return (*lookups(self.behaviour, self.orm_models), *plain)

    @cached_property
    def row_flow(self) -> RowFlow:
        """Loops over the rows of queries, and the relationships that are read on them."""
        from readybook.facts.queryrows import RowFlow

        return RowFlow(self.behaviour, self.orm_models, (*self.queries, *self.lookups))

    @cached_property
    def readings(self) -> Readings:
        """Reads of many rows, and which of them functions return."""
        from readybook.facts.readings import Readings

        return Readings(self)

    @cached_property
    def made_indexes(self) -> frozenset[tuple[str, str]]:
        """(table, first column), in small letters, of every index that migrations and SQL of the target make."""
        from readybook.facts.dbindexes import made_indexes

        return made_indexes(self.project)
