"""OPS002: no route that tells whether the service can serve."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from string import Template

from readybook import CannotTell, Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.engines import is_from_env
from readybook.facts.functionplatform import function_platform
from readybook.facts.health import LIBRARIES, HealthRoute
from readybook.facts.objects import FunctionValue
from readybook.facts.processes import deploys
from readybook.facts.program import App
from readybook.facts.stores import Store
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureImport, EnsureModuleStatement, EnsureRouter, Intent
from readybook_checks.devops.health_router import Home, existing_home, import_name, new_home, taken
from readybook_checks.devops.ops002_no_readiness.examples import BAD, GOOD
from readybook_checks.devops.ops002_no_readiness.questions import KINDS, NOUNS, Question, questions

LONGEST = 88  # characters of a line, as most formatters have it
TITLE = "Add a readiness route that asks what requests need"


class NoReadiness(Check):
    """No route tells a load balancer whether the service reaches what its requests need.

    Looked at: the databases, Redis and MongoDB clients and brokers that the code behind each served application sets
    up, and which of them its health routes ask, through dependencies and helpers. Without readiness a process that has
    lost its database stays in rotation and answers every request with an error. A route that always answers "ok" is
    liveness, and a SQLite file of the process needs no asking. Medium where one dependency is in use or nothing here
    deploys the service; low where the route asks without a time limit of its own.

    Fix: ``/health/ready`` asks each of them at once, each within a time limit, logs what fails and answers 503 with the
    state of each. It joins the health router that the application has.
    """

    id = "OPS002"
    name = "no-readiness"
    category = "devops"
    severity = "high"
    hours = Hours(0.5, 2, 3)
    fix_kinds = ("scaffold", "advice")
    references = ("https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each served application that needs something beside itself."""
        found = False
        own = {e.place for e in project.facts.engines if e.backend == "sqlite" and not is_from_env(e.url)}
        for app in project.facts.apps:
            platform = function_platform(project.facts, app)
            if platform and app.served:
                found = True
                yield NotApplicable(f"{platform} sends each request to a process that is free and asks no health route")
                continue
            stores = tuple(s for s in project.facts.stores(app) if s.kind in KINDS and s.place not in own
                           and not _is_file(s) and not _of_middleware(s)) if app.served else ()
            if stores and any(r.app == app.spec for r in project.facts.routes):
                found = True
                yield from self._answers(project, app, stores)
        if not found:
            yield NotApplicable("no served application uses a database, Redis, MongoDB or a broker")

    def _answers(self, project: Project, app: App, stores: tuple[Store, ...]) -> Iterator[Answer]:
        needed = certain_kinds(stores)
        if not needed:
            what = f"which of {_listed(needed_kinds(stores))} is used is decided outside the code"
            yield CannotTell(what, stores[0].place, app.spec)
            return
        routes = [h for h in project.facts.health_routes if h.route.app == app.spec and h.route.by_default is not False]
        best = max(routes, key=lambda h: len(h.kinds & set(needed)), default=None)
        missing = [k for k in needed if best is None or k not in best.kinds]
        if best is not None and best.kinds & set(needed) and not missing:
            yield Right(best.route.place, f"GET {best.route.path} asks {_listed(sorted(best.kinds))}", app.spec)
            if not best.limited:
                yield _unlimited(app, best)
            return
        unclear = next((h for h in routes if h.unclear), None)
        library = next(iter(project.facts.behaviour.matching(LIBRARIES.match)), None)
        if unclear is not None:
            what = f"what GET {unclear.route.path} asks ({', '.join(unclear.unclear)}) is not seen"
            yield CannotTell(what, unclear.route.place, app.spec)
        elif library is not None and not routes:
            package = library.path.partition(".")[0]
            yield CannotTell(f"{package} may register a readiness route", library.place, app.spec)
        elif best is not None and best.kinds & set(needed):
            yield Finding(
                best.route.place,
                f"GET {best.route.path} asks {_listed(sorted(best.kinds))} but not {_listed(missing)}, which requests "
                "need as well.", "medium", app=app.spec, confidence="medium",
                fix=advice("Ask the others in the same route", "how the route reports its checks is its author's"),
            )
        else:
            yield self._missing(project, app, stores, needed, routes)

    def _missing(self, project: Project, app: App, stores: tuple[Store, ...], needed: list[str],
                 routes: list[HealthRoute]) -> Finding:
        claims = next((h for h in routes if re.search("ready|readiness", h.route.path, re.IGNORECASE)), None)
        severity = "high" if len(needed) > 1 and deploys(project.facts) else "medium"
        if claims is not None:
            return Finding(claims.route.place, f"GET {claims.route.path} says that the service is ready without asking "
                           f"{_listed(needed)}.", severity, app=app.spec,
                           fix=advice("Ask the dependencies in that route", "its handler is rewritten by hand"))
        return Finding(
            app.place, f"No health route of {app.spec} asks {_listed(needed)}: a process that has lost "
            f"{'it' if len(needed) == 1 else 'one'} stays in rotation.", severity,
            confidence="medium" if project.facts.unresolved else "high",
            fix=_fix(project, app, stores, needed), app=app.spec, chain=tuple(s.place for s in stores[:5]),
        )


def _is_file(store: Store) -> bool:
    """Whether a client other than SQLAlchemy opens a SQLite file of the process."""
    return store.backend == "sqlite" and store.how != "sqlalchemy"


def _of_middleware(store: Store) -> bool:
    """Whether an ASGI middleware opened it for itself: no route reaches it, and the middleware says what happens
    without it."""
    function = store.call.site.function if store.call is not None and store.access is None else None
    owner = function.owner if function is not None and function.name == "__init__" else None
    call = owner.scope.names.get("__call__") if owner is not None else None
    return isinstance(call, FunctionValue) and [p[0] for p in call.params[1:]] == ["scope", "receive", "send"]


def needed_kinds(stores: tuple[Store, ...]) -> list[str]:
    """The kinds of store to ask; a Celery broker beside Redis is that Redis."""
    kinds = {s.kind for s in stores}
    if "redis" in kinds and all(s.how.startswith("celery") for s in stores if s.kind == "broker"):
        kinds.discard("broker")
    return [k for k in KINDS if k in kinds]


def certain_kinds(stores: tuple[Store, ...]) -> list[str]:
    """The kinds that are used whatever is configured: where a branch sets one up, another branch may set up another."""
    needed = needed_kinds(stores)
    chosen = [s for s in stores if s.access is None and s.call is not None and s.call.conditions]
    if len(needed) == 1 or not chosen:
        return needed
    sure = {s.kind for s in stores if s not in chosen
            and (s.access is not None or (s.call is not None and s.call.site.concrete))}
    return [k for k in needed if k in sure]


def _listed(kinds: list[str]) -> str:
    words = [NOUNS.get(k, "another service") for k in kinds]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _unlimited(app: App, health: HealthRoute) -> Finding:
    return Finding(
        health.route.place,
        f"GET {health.route.path} asks {_listed(sorted(health.kinds))} without a time limit: it hangs as long as the "
        "driver waits.", "low", confidence="medium", app=app.spec,
        fix=advice("Put a limit around what the route awaits", "where the limit goes depends on how the handler asks"),
    )


def _fix(project: Project, app: App, stores: tuple[Store, ...], needed: list[str]) -> Fix:
    home = existing_home(project, app) or new_home(project, app, "ready")
    asked = questions(project, app, stores, needed, home.path if home is not None else "")
    if isinstance(asked, str):
        return advice(TITLE, asked)
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    before = taken(project, app, home.full_path)
    if before:
        return advice(TITLE, f"the route {before} already answers {home.full_path}")
    imports = [(q, import_name(project, app, q.access.path, home.path)) for q in asked]
    if not all(module for _, module in imports):
        return advice(TITLE, "no import statement can name the module that opens the connection")
    intents = _new(app, home, imports) if home.new else _extension(project, home, imports)
    return Fix(TITLE, intents, kinds=("scaffold",), safety="review",
               reason=f"a new route; point the readiness probe at {home.full_path}")


def _new(app: App, home: Home, imports: list[tuple[Question, str]]) -> tuple[Intent, ...]:
    lines = ["from fastapi import APIRouter, Response, status"]
    if any(q.kind == "database" for q, _ in imports):
        lines.append("from sqlalchemy import text")
    own: dict[str, set[str]] = {}
    for module, name, alias in (q.imported(module) for q, module in imports):
        spelled = f"{name or module} as {alias}" if alias else name or module
        own.setdefault(f"from {module} import " if name else "import ", set()).add(spelled)
    written = [head + ", ".join(sorted(names, key=str.lower)) for head, names in sorted(own.items())]
    head = Template(_template("router.py.tmpl")).substitute(imports="\n".join([*lines, "", *written]))
    code = _code(home, [q for q, _ in imports], "ready")
    return AddFile(home.path, head + code + "\n"), EnsureRouter(app.place, home.module, home.router)


def _extension(project: Project, home: Home, imports: list[tuple[Question, str]]) -> tuple[Intent, ...]:
    """The same code at the end of the module that holds the health router."""
    path = home.path
    intents: list[Intent] = [
        EnsureImport(path, "asyncio"), EnsureImport(path, "logging"),
        EnsureImport(path, "collections.abc", "Awaitable"), EnsureImport(path, "typing", "Any"),
        EnsureImport(path, "fastapi", "Response"), EnsureImport(path, "fastapi", "status"),
    ]
    if any(q.kind == "database" for q, _ in imports):
        intents.append(EnsureImport(path, "sqlalchemy", "text"))
    for q, module in imports:
        if q.access.path != path:
            intents.append(EnsureImport(path, *q.imported(module)))
    loaded = project.facts.program.everything.loaded.get(path)
    names = loaded.scope.names if loaded else {}
    handler = next(n for n in ("ready", "readiness", "service_ready") if n not in names or n == "service_ready")
    intents.append(EnsureModuleStatement(path, "logger", "logger = logging.getLogger(__name__)"))
    code = _code(home, [q for q, _ in imports], handler)
    return (*intents, EnsureModuleStatement(path, handler, code, last=True))


def _code(home: Home, asked: list[Question], handler: str) -> str:
    given = (f'"{home.path_in_router}"', 'responses={503: {"description": "A dependency is down"}}')
    decorator = f"@{home.router}.get({', '.join(given)})"
    if len(decorator) > LONGEST:
        decorator = f"@{home.router}.get(\n" + "".join(f"    {part},\n" for part in given) + ")"
    return Template(_template("ready.py.tmpl")).substitute(
        decorator=decorator, handler=handler, checks=_checks(asked),
        asks="".join(q.code for q in asked).rstrip("\n"),
    ).rstrip("\n")


def _checks(asked: list[Question]) -> str:
    """The statements that ask: one question is awaited, several at once."""
    if len(asked) == 1:
        return f'    checks = {{"{asked[0].name}": await {asked[0].call}}}'
    names = ", ".join(f'"{q.name}"' for q in asked)
    calls = "".join(f"        {q.call},\n" for q in asked)
    return (f"    names = ({names})\n    states = await asyncio.gather(\n{calls}    )\n"
            "    checks = dict(zip(names, states))")


def _template(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


NoReadiness.examples = (*BAD, *GOOD)
