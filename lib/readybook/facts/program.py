"""The project's Python as one program: modules, the interpreter over them, and the applications it serves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from readybook.errors import ConfigError
from readybook.facts.application import Route, Routes, Unresolved
from readybook.facts.attributes import get_attribute
from readybook.facts.calls import call
from readybook.facts.factories import going_on, gone_on_with, included, is_application, outermost, wrapped_app
from readybook.facts.importing import entered, imported_names
from readybook.facts.frames import Condition, Frame
from readybook.facts.interpreter import MAX_ANALYSIS, Interpreter
from readybook.facts.loweredfiles import quiet_parsing
from readybook.facts.modules import Module, Modules
from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.facts.servercommands import strings_in
from readybook.facts.startup import start
from readybook.facts.statements import guarded
from readybook.facts.targetfiles import TargetFiles
from readybook.facts.values import Unknown, by_default, possible
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

CONVENTIONAL = ("main", "app", "asgi", "server", "application", "api", "run", "wsgi", "index", "__init__")
Command = tuple[str, str | None, str]  # import string, folder it is imported from, purpose
# what another module may have built: ``app = create()``, ``app = client.app``
BUILT = regex(r"^(?:app|application|api|asgi)[ \t]*(?::[^=\n]*)?=[ \t]*[\w.]+(?:\(|\.\w*(?:app|api)[ \t]*$)",
              re.MULTILINE)
SPEC = regex(r"([\w.]+):([\w.]+)(\(\))?$")


@record
class Middleware:
    """One middleware, in order of the request's way in: outermost first. ``path`` is its dotted class or function."""

    path: str
    kwargs: dict[str, Any]
    place: Place
    condition: str | None
    target: Any = field(default=None, repr=False, compare=False)
    by_default: bool | None = True


@record
class Handler:
    """An exception handler (``key`` the dotted exception or a status code) or an event (``key`` startup, shutdown)."""

    key: str
    name: str
    place: Place
    via: str = ""
    target: Any = field(default=None, repr=False, compare=False)


@record
class App:
    """An application: ``spec`` its import string, ``place`` its constructor call, ``served`` whether a server runs it.

    ``kwargs`` are the constructor's arguments as values. ``inside`` is the folder that stands before the import string
    in ``spec`` because another application of the target has the same one (services of one repository, each with an
    ``app.main:app``); empty for all others. ``imported`` is the import string that the server is given.
    """

    spec: str
    place: Place
    served: bool
    kwargs: dict[str, Any]
    middleware: tuple[Middleware, ...]
    exception_handlers: tuple[Handler, ...]
    events: tuple[Handler, ...]
    flavour: str
    complete: bool
    class_name: str
    instance: Instance = field(repr=False, compare=False)
    mounted: tuple[str, ...] = ()
    inside: str = ""

    @property
    def imported(self) -> str:
        """The import string without the folder that tells equal ones apart."""
        return self.spec.removeprefix(f"{self.inside.replace('/', '.')}.") if self.inside else self.spec


class Program:
    """Everything that following the code of one project gives."""

    def __init__(self, project: Project, modules: Modules, releases: Mapping[str, tuple[int, ...] | None],
                 commands: tuple[Command, ...] = ()) -> None:
        self.project = project
        self.modules = modules
        self.run = Interpreter(modules, TargetFiles(project.files, project.present, modules.app_dir))
        self._made: dict[Any, Any] = {}
        self._routers: dict[int, int] = {}  # ``id`` of an application that was read → routers it included then
        self.run.releases = releases
        fastapi = releases.get("fastapi")
        self.live = fastapi is None or fastapi >= (0, 137)
        self.routes: tuple[Route, ...] = ()
        self.unresolved: tuple[Unresolved, ...] = ()
        with quiet_parsing():
            found = self._chosen() if project.app else self._found(commands)
            self._build(found)

    def _chosen(self) -> list[tuple[str, Instance, bool]]:
        spec = self.project.app
        match = SPEC.match(spec)
        if match is None:
            raise ConfigError(f"app {spec!r} is not of the form module:attribute")
        module = self.modules.named(match[1])
        if module is None:
            where = f" under {self.project.app_dir}" if self.project.app_dir else ""
            raise ConfigError(f"app {spec!r}: the target has no module {match[1]}{where}")
        module.call_it(match[1])
        value: Any = entered(self.run, module)
        for part in match[2].split("."):
            value = get_attribute(self.run, value, part)
        app = self._application(value, module)
        if app is None:
            why = f" ({value.reason})" if isinstance(value, Unknown) else ""
            raise ConfigError(f"app {spec!r}: {match[2]} is not an application that can be followed{why}")
        return [(spec, app, True)]

    def _application(self, value: Any, module: Module) -> Instance | None:
        for option in possible(by_default(value)):
            if isinstance(option, FunctionValue | ClassValue):
                built = [wrapped_app(v) for v in possible(by_default(self._made_by(option, module)))]
            else:
                built = [wrapped_app(option)]
            app = next((b for b in built if is_application(b)), None)
            if app is not None:
                return app
        return None

    def _made_by(self, factory: FunctionValue | ClassValue, module: Module) -> Any:
        """What a factory gives; called once, however many commands name it."""
        if factory not in self._made:
            self.run.frames.append(Frame(module))
            try:
                self._made[factory] = self.run.awaited(call(self.run, factory, (), {}, factory.node))
            finally:
                self.run.frames.pop()
        return self._made[factory]

    def _found(self, commands: tuple[Command, ...]) -> Iterator[tuple[str, Instance, bool]]:
        """Applications that a server command names come first (deployed before others), then those whose factory the
        code hands to a server, then all that are bound."""
        seen: dict[int, Instance] = {}
        for spec, root, purpose in sorted(commands, key=lambda c: c[2] != "deploy"):
            named = self._by_spec(spec, root) if purpose in ("deploy", "development") else None
            if named is not None and (id(named[1]) not in seen or purpose == "deploy" and self._grown(named[1])):
                seen[id(named[1])] = named[1]
                yield named
        for spec in self._handed_to_servers():
            named = self._by_spec(spec, None)
            if named is not None and id(named[1]) not in seen:
                seen[id(named[1])] = named[1]
                yield f"{spec}()", named[1], False
        for module in self._candidates():
            value = entered(self.run, module)
            imported = imported_names(module)
            names = [(n, by_default(item)) for n, item in value.scope.names.items() if n not in imported]
            # ``client`` holds the application too, ``app = client.app`` names it
            for name, item in sorted(names, key=lambda named: not is_application(named[1])):
                app = wrapped_app(item)
                if is_application(app) and id(app) not in seen:
                    seen[id(app)] = app
                    home, bound = gone_on_with(self.run, self._ranked(), module, name) or (module, name)
                    yield f"{home.name}:{bound}", app, False
        for search in (self._factories, self._builders):
            for spec, app in search() if not seen else ():
                if id(app) not in seen:
                    seen[id(app)] = app
                    yield spec, app, False

    def _handed_to_servers(self) -> Iterator[str]:
        """Import strings of functions, as ``uvicorn.run("shop.api:create_app", factory=True)`` has them."""
        modules = [m for m in self.modules.by_path.values() if m.role == "application"]
        for spec in dict.fromkeys(spec for m in modules for spec in strings_in(m.text)):
            path, _, name = spec.partition(":")
            home = self.modules.named(path)
            if home is not None and any(s[0] == "def" and s[4] == name for s in home.body):
                yield spec

    def _by_spec(self, spec: str, root: str | None) -> tuple[str, Instance, bool] | None:
        match = SPEC.match(spec)
        if match is None:
            return None
        inner = match[1].replace(".", "/")
        stem = f"{root}/{inner}" if root else inner
        paths = (f"{stem}.py", f"{stem}/__init__.py")
        module = next((self.modules.by_path[p] for p in paths if p in self.modules.by_path), None)
        if module is None:
            module = self.modules.named(match[1])
        if module is None or module.role != "application":
            return None
        value: Any = entered(self.run, module, module.path.removesuffix(".py").rpartition(inner)[0].rstrip("/"))
        for part in match[2].split("."):
            value = get_attribute(self.run, value, part)
        app = self._application(value, module)
        return (spec, app, True) if app is not None else None

    def _candidates(self) -> Iterator[Module]:
        """Application modules that mention FastAPI, or name what a function of another module may have built.

        Conventional names come first, shallow ones before deep ones.
        """
        yield from (m for m in self._ranked() if "FastAPI" in m.text or BUILT.search(m.text))

    def _ranked(self) -> list[Module]:
        def rank(m: Module) -> tuple[int, int, str]:
            stem = m.path.rpartition("/")[2].removesuffix(".py")
            return (CONVENTIONAL.index(stem) if stem in CONVENTIONAL else len(CONVENTIONAL), m.path.count("/"), m.path)

        return sorted((m for m in self.modules.by_path.values() if m.role == "application"), key=rank)

    def _factories(self) -> Iterator[tuple[str, Instance]]:
        """Functions without required parameters that build an application nobody asked for yet."""
        for module in self._candidates():
            made: list[tuple[FunctionValue, Instance]] = []
            for name, item in list(self.run.load(module).scope.names.items()):
                if not isinstance(item, FunctionValue) or item.module is not module or item.is_async:
                    continue
                if any(p[2] is None and p[3] not in ("var", "keys") for p in item.params):
                    continue
                if "FastAPI" not in _text_between(module, item.node[1], item.node[3]) and "app" not in name:
                    continue
                app = self._application(item, module)
                made += [(item, app)] if app is not None else []
            names = self.run.load(module).scope.names
            made += going_on(made, names.values(), partial(self._application, module=module))
            yield from ((f"{module.name}:{item.name}()", app) for item, app in outermost(made))

    def _builders(self) -> Iterator[tuple[str, Instance]]:
        """Functions and classes that build an application from arguments which only their caller knows."""
        for module in self._candidates():
            value = self.run.load(module)
            for name, item in list(value.scope.names.items()):
                own = isinstance(item, FunctionValue | ClassValue) and item.module is module
                builds = own and "FastAPI(" in _text_between(module, item.node[1], item.node[3])
                app = self._application(item, module) if builds else None
                if app is not None:
                    yield f"{module.name}:{name}()", app

    def _build(self, found: Iterable[tuple[str, Instance, bool]]) -> None:
        """Read each application when it is found: what is imported later for another one is no part of it."""
        read = []
        for number, (spec, instance, by_command) in enumerate(found):
            again = id(instance) in self._routers
            whole = again or start(self.run, instance)
            collected = Routes(self.run, self.live)
            collected.collect(instance, f"{number} {spec}")  # two services may have the same import string
            if not whole and self.run.steps <= self.run.limit and instance.native.place is not None:
                collected.unresolved.append(Unresolved(
                    instance.native.place, "budget", "its start asks for more work than is done for it"))
            read.append((_app(self.run, f"{number} {spec}", instance, by_command), collected))
            self._routers[id(instance)] = included(instance)
        mounted = {id(e.data["app"]) for app, _ in read for e in app.instance.native.events
                   if e.kind == "mount" and isinstance(e.data["app"], Instance)}
        named = any(app.served for app, _ in read)
        apps, rows, unresolved = [], [], []
        for app, collected in read:
            inner = id(app.instance) in mounted
            apps.append(replace(app, served=app.served or (not named and not inner)))
            if app.served or not inner:
                rows += collected.rows
                unresolved += collected.unresolved
        if read and self.run.steps > self.run.limit:
            unresolved.append(Unresolved(read[0][0].place, "budget", "the code asks for more work than is done for it"))
        elif read:
            unresolved += [Unresolved(self.modules.by_path[path].place(("", 1, 0)), "budget",
                                      "its top level asks for more work than is done for one module")
                           for path in sorted(self.run.cut)[:1]]
        self.apps, self.routes = self._told_apart(apps, rows)
        self.unresolved = tuple(dict.fromkeys(unresolved))

    def _grown(self, app: Instance) -> bool:
        """Whether what a second service imports has put routers into the application of a first one since it was read,
        as an edition for customers does."""
        return included(app) > self._routers.get(id(app), 0)

    def _told_apart(self, apps: list[App], rows: list[Route]) -> tuple[tuple[App, ...], tuple[Route, ...]]:
        """Applications and routes under import strings, with the folder before those that several have."""
        plain = [a.spec.partition(" ")[2] for a in apps]
        named = {}
        for app, spec in zip(apps, plain, strict=True):
            folder = self._folder(app, spec) if plain.count(spec) > 1 else ""
            before = f"{folder.replace('/', '.')}." if folder else ""
            named[app.spec] = replace(app, spec=f"{before}{spec}", inside=folder)
        return tuple(named.values()), tuple(replace(r, app=named[r.app].spec) for r in rows)

    def _folder(self, app: App, spec: str) -> str:
        """The folder from which an import string leads to an application, nearest to where that is constructed."""
        inner = spec.partition(":")[0].replace(".", "/")
        roots = [path[: -len(end)].rstrip("/") for end in (f"{inner}.py", f"{inner}/__init__.py")
                 for path in self.modules.by_path if path == end or path.endswith(f"/{end}")]
        around = [r for r in roots if not r or app.place.path.startswith(f"{r}/")]
        return max(around, key=len, default="")

    @cached_property
    def everything(self) -> Interpreter:
        """The interpreter after every application module ran and every function's body was followed once."""
        from readybook.facts.symbols import analyse

        run = self.run
        with quiet_parsing():
            for module in list(self.modules.by_path.values()):
                if module.role == "application":
                    run.limit = run.steps + MAX_ANALYSIS  # no application needs it: a script, a generator of documents
                    entered(run, module)
            done = 0
            while done < len(run.functions):
                batch = list(run.functions.values())[done:]
                done += len(batch)
                for f in batch:
                    if f.module.role == "application":
                        run.limit = run.steps + MAX_ANALYSIS
                        guarded(run, f.module.place(f.node, f.qualname), partial(analyse, run, f))
        return run


def _root(app: Instance) -> str:
    return app.module.root if app.module is not None else ""


def _text_between(module: Module, first: int, last: int) -> str:
    return "\n".join(module.text.split("\n")[first - 1 : last])


def _app(run: Interpreter, spec: str, instance: Instance, served: bool) -> App:
    from readybook.facts.dependencies import name_of

    record = instance.native
    handlers, events, mounts = [], [], []
    for e in record.events:
        if e.kind == "exception_handler":
            key = by_default(e.data["key"])
            handlers.append(Handler(name_of(key) or str(key), name_of(e.data["handler"]) or "?", e.place,
                                    target=e.data["handler"]))
        elif e.kind == "event":
            events.append(Handler(str(by_default(e.data["event"])), name_of(e.data["handler"]) or "?", e.place,
                                  e.data["via"], e.data["handler"]))
        elif e.kind == "mount" and is_application(by_default(e.data["app"])):
            mounts.append(str(by_default(e.data["path"])))
    given = record.kwargs.get("exception_handlers")
    if isinstance(given, dict):
        for key, handler in given.items():
            handlers.append(Handler(name_of(key) or str(key), name_of(handler) or "?", record.place, target=handler))
    for kind in ("startup", "shutdown"):
        listed = record.kwargs.get(f"on_{kind}")
        for handler in listed if isinstance(listed, list) else []:
            events.append(Handler(kind, name_of(handler) or "?", record.place, f"on_{kind}", handler))
    return App(spec, record.place, served, record.kwargs, tuple(_middleware(run, record)), tuple(handlers),
               tuple(events), record.flavour, instance.arguments_known, instance.path, instance, tuple(mounts))


def _middleware(run: Interpreter, record: Any) -> Iterator[Middleware]:
    """Outermost first: what was added last, then the constructor's list in its order."""
    from readybook.facts.dependencies import name_of
    from readybook.facts.expressions import iterate

    for e in reversed(record.events):
        if e.kind == "middleware":
            condition = " and ".join(c.text for c in e.conditions) or None
            yield Middleware(name_of(e.data["class"]) or "?", e.data["kwargs"], e.place, condition, e.data["class"],
                             _truth(e.conditions))
    listed = record.kwargs.get("middleware")
    for item in iterate(run, listed) or [] if listed is not None else []:
        if isinstance(item, Instance) and item.is_a("starlette.middleware.Middleware") and item.args:
            place = run_place(item) or record.place
            yield Middleware(name_of(item.args[0]) or "?", item.kwargs, place, None, item.args[0])


def _truth(conditions: tuple[Condition, ...]) -> bool | None:
    truths = [c.default for c in conditions]
    return None if None in truths else all(truths)


def run_place(item: Instance) -> Place | None:
    """Where an object was made."""
    return item.module.place(item.node) if item.module is not None and item.node is not None else None


