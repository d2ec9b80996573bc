"""SEC010: request bodies of any size are read."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from readybook import Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts import numbers
from readybook.facts.bodylimits import BodyRoute, body_limits, body_routes, named_size, reads_bodies
from readybook.facts.program import App
from readybook.facts.settingsaccess import settings_at_hand
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureSetting, SetKeyword, SetUpApp
from readybook_checks.architecture.app_module import free_module
from readybook_checks.security.sec010_no_body_size_limit.examples import EXAMPLES

NATIVE = (0, 165)  # the FastAPI from which FastAPI(max_body_size=…) exists (tried: not in 0.155)
TITLE = "Answer 413 to bodies over a size from the settings"
DEFAULT = 10 * 1024 * 1024


class NoBodySizeLimit(Check):
    """One request may send a body without end, which fills the memory or the disk of the service.

    Looked at: routes of each served application that read a body, and what limits it: FastAPI's ``max_body_size``,
    middleware of its own that answers 413, the handlers' own checks of an upload's size, and reverse proxies and
    platforms that are configured here (nginx refuses more than a megabyte unless told otherwise). FastAPI and its
    servers have no limit by themselves. Medium where files or raw bytes are taken, low where all bodies are JSON.

    Fix: ``max_body_size`` from the settings, with FastAPI 0.165 or later; before, a pure ASGI middleware that counts
    the bytes as they come, so that a body without Content-Length is refused too.
    """

    id = "SEC010"
    name = "no-body-size-limit"
    category = "security"
    severity = "medium"
    hours = Hours(0.5, 1, 2, each=0.25)
    fix_kinds = ("scaffold", "codemod", "advice")
    attestable = True
    references = ("https://cwe.mitre.org/data/definitions/770.html",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """For each served application whose routes read bodies, the limits or one finding."""
        found = False
        for app in project.facts.apps:
            routes = body_routes(project.facts, app) if app.served else []
            if routes:
                found = True
                yield from _answers(project, app, routes)
        if not found:
            yield NotApplicable("no route reads a body")


def _answers(project: Project, app: App, routes: list[BodyRoute]) -> Iterator[Answer]:
    limits = list(body_limits(project.facts, app))
    for limit in {str(x.place): x for x in limits}.values():
        yield Right(limit.place, f"{limit.what} limits bodies", app.spec)
    if limits:
        return
    for one in routes:
        if one.checks:
            yield Right(one.route.place, f"{one.route.method} {one.route.path} looks at the size", app.spec)
    left = [r for r in routes if not r.checks]
    if not left:
        return
    heavy = [r for r in left if r.kind != "data"]
    sure = app.complete and not project.facts.unresolved
    yield Finding(app.place, _message(app, left, heavy), "medium" if heavy else "low",
                  confidence="high" if sure else "medium", fix=_fix(project, app), app=app.spec,
                  chain=tuple(r.route.place for r in heavy[:5]))


def _message(app: App, left: list[BodyRoute], heavy: list[BodyRoute]) -> str:
    shown = heavy or left
    names = [f"{r.route.method} {r.route.path}" for r in shown]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} more"]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    what = "files or raw bytes" if heavy else "bodies"
    verb = "takes" if len(shown) == 1 else "take"
    others = len(left) - len(heavy) if heavy else 0
    more = f", {others} more route{'s' if others > 1 else ''} JSON or forms" if others else ""
    return f"{app.spec} limits no body: {listed} {verb} {what} of any size{more}."


def _fix(project: Project, app: App) -> Fix:
    if not settings_at_hand(project.facts):
        return advice(TITLE, "settings are handed from function to function: a person says how they come here")
    size = max(DEFAULT, named_size(project.facts) + 1024 * 1024)
    setting = EnsureSetting("max_body_size", "int", f"{size:_}", "MAX_BODY_SIZE", example=str(size),
                            meaning="bytes that the body of a request may have")
    reason = f"bodies of more than {size:,} bytes, files among them, get 413: raise the setting where they are right"
    version = project.facts.version_of("fastapi", app.place.path)
    release = numbers(version.value)
    call = next((c for c in project.facts.behaviour.by_line.get((app.place.path, app.place.line), ())
                 if c.place.column == app.place.column), None)
    known = version.exact or version.certainty == "lower bound"
    if call is not None and call.last and known and release is not None and release >= NATIVE:
        keyword = SetKeyword(app.place, call.last, "max_body_size", "{setting:max_body_size}")
        return Fix(TITLE, (setting, keyword), safety="review", reason=reason)
    home = free_module(project, app, "body_limit", "body_size")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    text = files(__package__).joinpath("body_limit.py.tmpl").read_text(encoding="utf-8")
    # Inside other middleware, so that the answer gets their headers, unless one of them reads bodies itself.
    outermost = reads_bodies(project.facts, app)
    return Fix(TITLE, (setting, AddFile(home[0], text), SetUpApp(app.place, home[1], "add_body_limit", outermost)),
               kinds=("scaffold",), safety="review", reason=reason)
