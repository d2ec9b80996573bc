"""What the checks of background work share: which files serve, and by which route clients ask how work is doing."""

from __future__ import annotations

import re

from readybook import Project
from readybook.facts.application import Route
from readybook.facts.closure import pulled_in
from readybook.patterns import regex

STATUS = regex(r"/[\w-]*(job|task|status|state|progress|result)s?(?=/|$)", re.IGNORECASE)
ROOT = regex(r"(/api|/v\d+)+", re.IGNORECASE)


def behind_apps(project: Project) -> frozenset[str]:
    """Files that the served applications pull in."""
    paths = {a.place.path for a in project.facts.apps if a.served}
    paths |= {a.spec.partition(":")[0].replace(".", "/") + ".py" for a in project.facts.apps if a.served}
    found: set[str] = set()
    for path in paths & set(project.facts.modules.by_path):
        found |= pulled_in(project.facts.modules, path)
    return frozenset(found | {r.place.path for r in project.facts.routes})


def polling_route(project: Project, route: Route | None) -> Route | None:
    """The route by which clients ask how the work that ``route`` starts is doing; None when there is none."""
    if route is None or route.method in ("GET", "WEBSOCKET"):
        return None
    path = route.path.rstrip("/")
    folders = [f for f in (path, path.rpartition("/")[0]) if f and not ROOT.fullmatch(f)]
    for other in project.facts.routes:
        if other.method == "GET" and other.app == route.app and "{" in other.path:
            below = next((other.path[len(f):] for f in folders if other.path.startswith(f + "/")), "")
            if STATUS.search(below):
                return other
    return None
