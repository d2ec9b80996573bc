"""ARC017: an API that grows in one file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.finding import Answer

MOST = 15


class RoutesInMain(Check):
    """More than fifteen routes are declared on the application object itself, in one module and without routers.

    Looked at: routes of each served application whose decorator stands on the application, by module. Routers group
    routes by subject, carry their prefix, tags and dependencies once, and let two people work on two of them.

    Fix: advice with the groups that the paths suggest. Moving routes changes imports of tests and of other modules.
    """

    id = "ARC017"
    name = "routes-in-main"
    category = "architecture"
    severity = "low"
    hours = Hours(2, 4, 8)
    fix_kinds = ("advice",)
    references = ("https://fastapi.tiangolo.com/tutorial/bigger-applications/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each module that declares routes on a served application."""
        served = {app.spec: app for app in project.facts.apps if app.served}
        groups: dict[tuple[str, str], list[Route]] = defaultdict(list)
        for route in project.facts.routes:
            app = served.get(route.app)
            if app is not None and on_application(project, route):
                groups[route.app, route.place.path].append(route)
        if not groups:
            yield NotApplicable("no route is declared on an application itself")
        for (spec, path), routes in sorted(groups.items()):
            functions = {r.place for r in routes}
            if len(functions) <= MOST:
                yield Right(routes[0].place, f"{len(functions)} routes on the application", spec)
                continue
            subjects = Counter(subject(r.path) for r in routes)
            several = [name for name, count in subjects.most_common() if name and count > 1]
            named = ", ".join(f"/{name} ({subjects[name]})" for name in several[:6])
            yield Finding(
                served[spec].place, f"{path} declares {len(functions)} routes on {spec} itself: every change of any of "
                "them is a change of this file.", app=spec,
                evidence="\n".join(f"{r.method} {r.path}" for r in routes[:8]),
                fix=advice(f"Move them to an APIRouter for each subject: {named or 'by first path segment'}",
                           "tests and other modules import the functions from where they are"))


def on_application(project: Project, route: Route) -> bool:
    """Whether the registration stands on the application: its receiver is no router."""
    module = project.facts.modules.by_path.get(route.registered.path)
    if module is None:
        return False
    line = project.line(route.registered.path, route.registered.line).strip().lstrip("@")
    receiver = line.partition(".")[0]
    loaded = project.facts.program.run.loaded.get(module.path)
    value = loaded.scope.names.get(receiver) if loaded is not None else None
    return any(app.instance is value for app in project.facts.apps)


def subject(path: str) -> str:
    """The first segment of a path that is neither a version nor a parameter."""
    for part in path.strip("/").split("/"):
        if part and not part.startswith("{") and part != "api" and not (part[:1] == "v" and part[1:].isdigit()):
            return part
    return ""


HEAD = "from fastapi import FastAPI\n\napp = FastAPI()\n"
ROUTERS = "from fastapi import APIRouter, FastAPI\n\napp = FastAPI()\nrouter = APIRouter()\n"
END = "app.include_router(router)\n"


def _routes(on: str, number: int) -> str:
    return "".join(f"\n\n@{on}.get(\"/{'ab'[n % 2]}/{n}\")\ndef read_{n}() -> int:\n    return {n}\n"
                   for n in range(number))


RoutesInMain.examples = (
    Bad({"main.py": HEAD + _routes("app", 16)}, at=("main.py:3",), severity="low"),
    Bad({"shop/api.py": HEAD.replace("app =", "service =") + _routes("service", 20)}, at=("shop/api.py:3",)),
    Bad({"main.py": ROUTERS + _routes("app", 17) + _routes("router", 2).replace("read_", "other_") + END},
        at=("main.py:3",)),
    Good({"main.py": HEAD + _routes("app", 15)}),
    Good({"main.py": ROUTERS + _routes("router", 40) + END}, outcome="not_applicable"),
    Good({"main.py": HEAD}, outcome="not_applicable"),
)
