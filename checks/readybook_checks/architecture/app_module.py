"""What the checks of one application share: those mounted in it, and where a module goes that sets it up."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Project
from readybook.facts.closure import pulled_in
from readybook.facts.fastapi_objects import Registration, RouterRecord
from readybook.facts.objects import Instance
from readybook.facts.program import App
from readybook.facts.values import by_default
from readybook_checks.devops.health_router import import_name


def free_module(project: Project, app: App, *stems: str, beside: str = "") -> tuple[str, str] | None:
    """(path, import name) of the first free name beside a file that imports it; None when it can import none.

    ``beside`` is the path of that file, the application's own when empty.
    """
    folder = (beside or app.place.path).rpartition("/")[0]
    at = f"{folder}/" if folder else ""
    known = {*project.files, *project.present}
    for stem in stems:
        taken = f"{at}{stem}.py" in known or any(p.startswith(f"{at}{stem}/") for p in known)
        name = "" if taken else import_name(project, app, f"{at}{stem}.py", beside)
        if name:
            return f"{at}{stem}.py", name
    return None


def name_of_reader(project: Project, app: App, path: str, importer: str) -> str:
    """How a file imports a new module that reads the settings; empty when it cannot, or when the settings would import
    that file."""
    modules = project.facts.modules
    if any(importer in pulled_in(modules, cls.place.path) for cls in project.facts.settings_classes):
        return ""
    return import_name(project, app, path, importer)


def served_root(app: App) -> str:
    """The folder from which the server, and whatever is started beside it, imports the application."""
    served = app.imported.partition(":")[0]
    own = app.place.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return own.removesuffix(served).strip(".").replace(".", "/") if own.endswith(served) else ""


def served_name(project: Project, app: App, path: str) -> str:
    """The name under which a process that is started where the server is imports a path; empty when there is none."""
    name = import_name(project, app, path)
    if not name.startswith("."):
        return name
    root = served_root(app)  # the application's modules import each other by dots: count from the served name
    inner = path[len(root) + 1 if root else 0:].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return inner if all(part.isidentifier() for part in inner.split(".")) else ""


def mounted(outer: Instance, depth: int = 0) -> Iterator[tuple[Registration, Instance]]:
    """(registration, application) of everything mounted in an application, at any depth."""
    for event in outer.native.events if isinstance(outer.native, RouterRecord) and depth < 5 else ():
        inner = by_default(event.data.get("app")) if event.kind == "mount" else None
        if isinstance(inner, Instance) and isinstance(inner.native, RouterRecord) and inner is not outer:
            yield event, inner
            yield from mounted(inner, depth + 1)
        router = by_default(event.data.get("router")) if event.kind == "include" else None
        if isinstance(router, Instance):
            yield from mounted(router, depth + 1)


def with_mounted(project: Project, app: App) -> list[App]:
    """The application, and those of the project that are mounted in it and serve routes of it."""
    inner = [instance for _, instance in mounted(app.instance)]
    return [app, *(a for a in project.facts.apps if a is not app and any(a.instance is i for i in inner))]
