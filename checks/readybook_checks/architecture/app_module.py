"""Where a new module goes that sets the application up: beside the application's own file."""

from __future__ import annotations

from readybook import Project
from readybook.facts.program import App
from readybook_checks.devops.health_router import import_name


def free_module(project: Project, app: App, *stems: str) -> tuple[str, str] | None:
    """(path, import name) of the first free name beside the application's file; None when none can be imported."""
    folder = app.place.path.rpartition("/")[0]
    at = f"{folder}/" if folder else ""
    known = {*project.files, *project.present}
    for stem in stems:
        taken = f"{at}{stem}.py" in known or any(p.startswith(f"{at}{stem}/") for p in known)
        name = "" if taken else import_name(project, app, f"{at}{stem}.py")
        if name:
            return f"{at}{stem}.py", name
    return None
