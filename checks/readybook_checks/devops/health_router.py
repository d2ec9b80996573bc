"""Where health routes go in a target: its health router when it has one, else a new module beside its routers."""

from __future__ import annotations

import re
from collections import Counter

from readybook import Project
from readybook.facts.closure import pulled_in
from readybook.facts.health import ROOT, STRONG, HealthRoute
from readybook.facts.modules import Module, Modules
from readybook.facts.objects import Instance
from readybook.facts.program import App
from readybook.facts.syntax import Node
from readybook.patterns import regex
from readybook.records import record

LIVE = regex(r"(?:live|liveness|alive|is[-_]?alive|ping|status|up|probe)$", re.IGNORECASE)
VERSION = regex(r"/v\d+(?:/|$)")
# folders that are named for what a health router is, too
ROUTERS = regex(r"(?:^|/)(?:apis?|rest|web|http|routes?|routers?|routing|endpoints?|controllers?|handlers?|views?|"
                r"v\d+)$", re.IGNORECASE)
NAME = "health_router"
FILES = ("health", "health_routes", "probes", "health_checks", "service_health")


@record
class Home:
    """A router for health routes. ``module`` is how the application's file imports ``path``.

    ``path_in_router`` is what a decorator of ``router`` is given, so that ``full_path`` is served. ``new``: the file is
    yet to be made.
    """

    path: str
    module: str
    router: str
    path_in_router: str
    full_path: str
    new: bool


def new_home(project: Project, app: App, last: str) -> Home | None:
    """A new module for a router with the prefix ``/health``; None when its import name cannot be told."""
    folder = _folder(project, app)
    at = f"{folder}/" if folder else ""
    stems = [_suffixed(project, app, folder, stem) for stem in FILES]
    stem = next((s for s in stems if not _exists(project, f"{at}{s}")), None)
    if stem is None:
        return None
    path = f"{at}{stem}.py"
    module = import_name(project, app, path)
    return Home(path, module, NAME, f"/{last}", f"/health/{last}", True) if module else None


def existing_home(project: Project, app: App) -> Home | None:
    """The router that holds a liveness route of the application, in a module of its own; None when there is none."""
    found = [h for h in project.facts.health_routes if h.route.app == app.spec and _fits(project, app, h)]
    for health in sorted(found, key=lambda h: ("health" not in h.route.path.lower(), h.route.path)):
        home = _extended(project, app, health)
        if home is not None:
            return home
    return None


def taken(project: Project, app: App, path: str) -> str:
    """The path of a GET route that answers ``path`` already; empty when none does."""
    for route in project.facts.routes:
        if route.app == app.spec and route.method == "GET":
            pattern = re.sub(r"\\\{\w+\\?:path\\\}", ".*", re.escape(route.path))
            pattern = re.sub(r"\\\{\w+(?:\\?:\w+)?\\\}", "[^/]+", pattern)
            if re.fullmatch(pattern, path):
                return route.path
    return ""


def _fits(project: Project, app: App, health: HealthRoute) -> bool:
    route = health.route
    before = [s for s in route.path.split("/") if s][:-1]
    plain = all(ROOT.match(s) or STRONG.match(s) for s in before)  # the health of one feature is no home for all
    return (plain and health.is_liveness and route.by_default is not False and route.registered.path != app.place.path
            and not project.facts.guarded(route))


def _extended(project: Project, app: App, health: HealthRoute) -> Home | None:
    at = health.route.registered
    for call in project.facts.behaviour.calls:
        node = call.site.node
        if call.place.path != at.path or call.place.line != at.line or call.last != "get" or call.function:
            continue
        owner, given = node[3][3], call.args[0] if call.args else call.kwargs.get("path")
        if owner[0] != "name" or not isinstance(given, str) or not _is_router(project, call.site.module, owner[3]):
            continue
        inner = ready_path(given, health.route.path)
        outer = health.route.path.removesuffix(given) if given else health.route.path
        module = import_name(project, app, at.path)
        return Home(at.path, module or "", owner[3], inner, outer + inner, False)
    return None


def ready_path(given: str, full: str) -> str:
    """The readiness path beside a health path, as the same router writes it."""
    bare = given.rstrip("/")
    head, _, last = bare.rpartition("/")
    if not bare:
        return "/ready"
    if last.lower() in ("livez", "healthz"):
        return f"{head}/readyz"
    if LIVE.match(last) and not (head == "" and not full.removesuffix(given)):
        return f"{head}/ready"
    return "/health/ready" if LIVE.match(last) else f"{bare}/ready"


def _is_router(project: Project, module: Module, name: str) -> bool:
    loaded = project.facts.program.everything.loaded.get(module.path)
    value = loaded.scope.names.get(name) if loaded else None
    return isinstance(value, Instance) and value.native is not None and value.native.kind == "router"


def _route_files(project: Project, app: App) -> list[str]:
    """The files, other than the application's own, whose routes it serves; each once."""
    files = [r.place.path for r in project.facts.routes if r.app == app.spec and r.place.path != app.place.path]
    near = pulled_in(project.facts.modules, app.place.path)  # two applications may have one import string
    return [f for f in dict.fromkeys(files) if f in project.files and f in near]


def _folder(project: Project, app: App) -> str:
    """The folder that most router modules are in; the application's own when they are one to a feature.

    Of versions of the API the folder above: the health of a service has none.
    """
    own = app.place.path.rpartition("/")[0]
    counts = Counter(f.rpartition("/")[0] for f in _route_files(project, app))
    if not counts:
        return own
    folder, number = min(counts.items(), key=lambda item: (-item[1], item[0].count("/"), item[0]))
    above = folder.rpartition("/")[0]
    beside = [f for f in counts if f.rpartition("/")[0] == above]
    spread = len(counts) > 1 and number * 2 <= sum(counts.values())
    if above and above != own and len(beside) > 2 and spread:
        return above  # a folder to a feature: it belongs beside them, into none of them
    alone = len(counts) == 1 == number and not ROUTERS.search(folder)
    if spread or number == 1 < len(counts) or alone:
        return own  # the one module with routes may be a feature's
    version = VERSION.search(folder)
    return folder[:version.start()] if version and folder[:version.start()].startswith(own) else folder


def _suffixed(project: Project, app: App, folder: str, stem: str) -> str:
    """The stem with the ending that all router modules of the folder share, as ``users_router`` has it."""
    here = [f.rpartition("/")[2].removesuffix(".py") for f in _route_files(project, app)
            if f.rpartition("/")[0] == folder and not f.endswith("__init__.py")]
    for ending in ("_router", "_routes", "_api", "_endpoints", "_views"):
        if len(here) > 1 and all(s.endswith(ending) for s in here):
            return stem.removesuffix("_routes") + ending
    return stem


def _exists(project: Project, stem: str) -> bool:
    known = {*project.files, *project.present}
    return f"{stem}.py" in known or any(p.startswith(f"{stem}/") for p in known)


def import_name(project: Project, app: App, path: str, importer: str = "") -> str:
    """How ``importer`` (the application's file) imports a path of the project: the way the application's imports go.

    Empty when no import statement can name it.
    """
    modules = project.facts.modules
    main = modules.by_path.get(app.place.path)
    if main is None:
        return ""
    roots, relative = habits(modules, modules.by_path.get(importer, main))
    of_main, dots_of_main = habits(modules, main)
    if not roots and not relative:
        roots, relative = of_main, dots_of_main
    # where the application's imports start, a package ends that dots could lead out of
    top = of_main.most_common(1)[0][0] if of_main else _served_root(app, main)
    if relative and not roots and _below(top, importer or app.place.path, path):
        return _relative(importer or app.place.path, path)
    root = roots.most_common(1)[0][0] if roots else top
    if root and not path.startswith(f"{root}/"):
        return ""
    name = path[len(root) + 1 if root else 0:].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return name if all(part.isidentifier() for part in name.split(".")) else ""


def habits(modules: Modules, main: Module) -> tuple[Counter[str], int]:
    """The folders from which a module's absolute imports of the project start; how many of its imports are relative."""
    roots, relative = Counter[str](), 0
    for s in main.body:
        if s[0] == "from" and s[5]:
            relative += 1
        for name in _absolute(s):
            found = modules.find(name, main)
            where = found.path if isinstance(found, Module) else f"{found}/" if isinstance(found, str) else ""
            inner = name.replace(".", "/")
            for tail in (f"{inner}.py", f"{inner}/__init__.py", f"{inner}/"):
                if where == tail or where.endswith(f"/{tail}"):
                    roots[where.removesuffix(tail).rstrip("/")] += 1
    return roots, relative


def _absolute(s: Node) -> list[str]:
    """The modules that a statement imports by absolute names."""
    if s[0] == "import":
        return [name for name, _ in s[4]]
    return [s[4]] if s[0] == "from" and not s[5] and s[4] else []


def _served_root(app: App, main: Module) -> str:
    """The folder from which the server's command imports the application."""
    stem = app.imported.partition(":")[0].replace(".", "/")
    for tail in (f"{stem}.py", f"{stem}/__init__.py"):
        if main.path == tail or main.path.endswith(f"/{tail}"):
            return main.path.removesuffix(tail).rstrip("/")
    return main.root


def _below(root: str, *paths: str) -> bool:
    """Whether files share a package below the folder that imports start from: no dots lead out of it."""
    inner = [p[len(root) + 1:] if root and p.startswith(f"{root}/") else p if not root else "" for p in paths]
    tops = {p.partition("/")[0] for p in inner if "/" in p}
    return all("/" in p for p in inner) and len(tops) == 1


def _relative(start: str, path: str) -> str:
    mine, theirs = start.split("/")[:-1], path.split("/")[:-1]
    shared = 0
    while shared < min(len(mine), len(theirs)) and mine[shared] == theirs[shared]:
        shared += 1
    below = ".".join([*theirs[shared:], path.rpartition("/")[2].removesuffix(".py")])
    return "." * (len(mine) - shared + 1) + below
