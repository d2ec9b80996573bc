"""SEC001: CORS that lets every website call the API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from readybook import CannotTell, Check, Finding, Fix, Hours, NotApplicable, Right
from readybook.facts.ambient import kept_from_other_sites, signs_in_by_cookie
from readybook.facts.authentication import own_functions, refuses
from readybook.facts.deployedvariables import set_by_deployment
from readybook.facts.program import App, Middleware
from readybook.facts.scopes import scope_of
from readybook.facts.unparse import unparse
from readybook.facts.values import Choice, FromEnv, Unknown, by_default
from readybook.finding import Answer
from readybook.intents import EnsureSetting, Intent, RemoveKeyword, ReplaceDefault, ReplaceLineText, SetKeyword
from readybook.patterns import regex
from readybook.place import Place
from readybook.project import Project
from readybook_checks.security.sec001_cors_any_origin.examples import EXAMPLES
from readybook_checks.security.sec001_cors_any_origin.left_over import left_over

CORS = "starlette.middleware.cors.CORSMiddleware"
# what is left of a regular expression that matches every origin, once anchors and groups are taken off
MATCHES_ALL = frozenset((".*", ".+", "https?://.*", "https?://.+", r"https?:\/\/.*", "http.*", "https?.*", r"[\s\S]*"))
ORIGINS = regex(r"(?:\w+_)?(?:CORS|ALLOW(?:ED)?)_(?:\w+_)?ORIGINS?|ORIGINS")
READS_ORIGIN = regex(r"(?i)headers(?:\.get\(|\[)\s*b?[\"']origin[\"']")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
# lists that are written otherwise than by comma
OTHERWISE = regex(r"\bloads\([^\n]*(?:cors|origin)|(?:cors|origin)[^\n]*\.split\((?:\)|[\"'][^,\"'])",
                  re.IGNORECASE)


DEVELOPED = regex(r"(?i)(?:^|[^a-z])(?:dev|develop\w*|debug|local\w*|test\w*)(?:$|[^a-z])")
DEPLOYED = regex(r"(?i)(?:^|[^a-z])(?:prod|production|release|live)(?:$|[^a-z])")


class CorsAnyOrigin(Check):
    """CORS lets any website call this API from its visitors' browsers.

    Looked at: every CORSMiddleware of a served application, its ``allow_origins`` and ``allow_origin_regex``, followed
    through names, settings and environment defaults, list arithmetic and conditions. With ``allow_credentials=True`` a
    wildcard is critical where the application reads cookies or passwords that browsers send by themselves: Starlette
    answers with the caller's own origin, so any site reads what a signed-in visitor may read. It is high where all
    cookies that the code sets are SameSite, which keeps them from other sites' requests, and where nothing of that is
    seen: a gateway's cookie, or the first one of its own, opens the API. Without credentials it is medium
    where routes authenticate, and low where none does. Under a condition that names development it is low, and medium
    where that is what the settings say by default; low, too, where the wildcard is a default and the environment that
    lies in the target, a deployment's or a dotenv file, sets other origins.

    A required variable without a default is no defect: what it holds is not in the code.

    Fix: the origins come from a settings field that is empty until somebody lists the sites that may call; it reads the
    variable that the code read before, if there is one.
    """

    id = "SEC001"
    name = "cors-any-origin"
    category = "security"
    severity = "critical"
    hours = Hours(0.5, 1, 2, each=0.25)
    fix_kinds = ("codemod",)
    references = ("https://fastapi.tiangolo.com/tutorial/cors/", "https://cwe.mitre.org/data/definitions/942.html")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each CORSMiddleware of each served application."""
        cors = [(app, m) for app in project.facts.apps if app.served for m in app.middleware if m.path == CORS]
        if not cors:
            yield NotApplicable("no CORSMiddleware: browsers keep other sites out")
        told: set[tuple[Place | None, str]] = set()  # a factory makes several applications alike
        for app, middleware in cors:
            answer = self._answer(project, app, middleware)
            key = (answer.place, answer.message if isinstance(answer, Finding) else app.spec)
            if key not in told:
                told.add(key)
                yield answer

    def _answer(self, project: Project, app: App, middleware: Middleware) -> Answer:
        if "**" in middleware.kwargs:
            return CannotTell("the arguments of CORSMiddleware are spread from a mapping", middleware.place, app.spec)
        origins = wildcard(middleware.kwargs.get("allow_origins", ()))
        pattern = matches_all(middleware.kwargs.get("allow_origin_regex"))
        if True in (origins, pattern) or "possible" in (origins, pattern):
            asking = _asking_origin(project, app)
            if asking is not None:
                return CannotTell(f"{asking.path} looks at the origin and refuses: which sites get on is up to it",
                                  middleware.place, app.spec)
            return self._finding(project, app, middleware, pattern is True)
        if None in (origins, pattern):
            return CannotTell("which origins are allowed is decided outside the code", middleware.place, app.spec)
        return Right(middleware.place, "the origins are listed", app.spec)

    def _finding(self, project: Project, app: App, middleware: Middleware, by_pattern: bool) -> Finding | Right:
        credentials = by_default(middleware.kwargs.get("allow_credentials", False)) is True
        credentials = credentials and not (not by_pattern and _withheld(project, middleware))
        if not credentials and _public(project, app):
            return Right(middleware.place, "any site may read what everybody may: no route authenticates or changes "
                         "anything, and no credentials are sent", app.spec)
        what = "allow_origin_regex matches every origin" if by_pattern else "allow_origins holds '*'"
        source = origin_of_wildcard(middleware.kwargs.get("allow_origins"))
        where = f" (the default of {source[0]} at {source[1]})" if source else ""
        if credentials and not signs_in_by_cookie(project.facts, app):
            severity = "high"
            effect = ("with allow_credentials any website gets the answers to requests with its visitors' cookies; "
                      "nothing here signs in by cookie, but a proxy may, or the next release")
        elif credentials and kept_from_other_sites(project.facts, app):
            severity = "high"
            effect = ("with allow_credentials any page of the same site gets the answers to requests with its "
                      "visitors' cookies, and any website once one is not SameSite")
        elif credentials:
            severity = "critical"
            effect = "with allow_credentials any website can read what a signed-in visitor may read"
        elif any(project.facts.guarded(r) for r in project.facts.routes if r.app == app.spec):
            severity, effect = "medium", "any website can call it from its visitors' browsers"
        else:
            severity, effect = "low", "any website can call it; no route here authenticates"
        condition = f" when {middleware.condition}" if middleware.condition else ""
        if severity in ("critical", "high") and for_development(middleware.condition or ""):
            usual = middleware.by_default is True
            severity = "medium" if usual else "low"
            effect = (f"with allow_credentials any website reads what a developer may read"
                      f"{', and a visitor of a deployment that sets no environment' * usual}")
        closed = closed_by(project, source[0]) if source and severity != "low" else None
        if closed is not None and source is not None:
            severity = "low"
            effect = f"{closed} sets it; a deployment that does not lets any website call the API"
        certain = middleware.by_default is True and wildcard(middleware.kwargs.get("allow_origins")) != "possible"
        return Finding(
            middleware.place, f"{what}{where}{condition}: {effect}.", severity,
            confidence="high" if certain or by_pattern else "medium",
            fix=self._fix(project, middleware, source, by_pattern), app=app.spec, chain=(source[1],) if source else (),
        )

    def _fix(self, project: Project, middleware: Middleware, source: tuple[str, Place] | None, by_pattern: bool) -> Fix:
        calls = project.facts.behaviour.calls_to("starlette.middleware.Middleware")
        call = next((c.last for c in calls if c.place.line == middleware.place.line
                     and c.place.path == middleware.place.path), "add_middleware")
        variable = variable_of_origins(project) or "CORS_ORIGINS"
        intents: tuple[Intent, ...]
        intents = (
            EnsureSetting(variable.lower(), "list[str]", "[]", variable, example="https://app.example.com",
                          meaning="sites that may call the API from a browser, by comma"),
            SetKeyword(middleware.place, call, "allow_origins", f"{{setting:{variable.lower()}}}"),
            *left_over(project, middleware.place),
        )
        told = "the setting" if variable == "CORS_ORIGINS" else f"{variable}, and where that holds '*' all still may"
        source = source if source is not None and source[1].symbol else _held(project, variable)
        if source is not None:
            empty = '""' if _is_text(project, source[1]) else "[]"
            intents = (ReplaceDefault(source[1], source[0].lower(), empty), *_examples(project, source[0]))
            told = "the setting"
        if by_pattern:
            intents = (*intents, RemoveKeyword(middleware.place, call, "allow_origin_regex"))
        return Fix(
            "Take the allowed origins from settings, none by default", intents, safety="review",
            reason=f"websites on other origins that call the API today must be listed in {told}",
        )


def closed_by(project: Project, variable: str) -> Place | None:
    """Where the target's own environment sets a variable of origins: a deployment, or a dotenv file that is no example.
    None where none does, or where one of them holds ``*`` too."""
    facts = project.facts
    held = [(d, v) for d in facts.dotenvs if not d.test and (v := d.get(variable)) is not None]
    place = set_by_deployment(facts, variable)
    lines = [project.line(place.path, n) for n in (place.line, place.line + 1)] if place is not None else []
    if any("*" in v.value for _, v in held) or any("*" in line for line in lines):
        return None
    return place or next((v.place for d, v in held if not d.example and v.value), None)


def _asking_origin(project: Project, app: App) -> Middleware | None:
    """A middleware of the project's own that reads where a request comes from, and refuses some."""
    for middleware in app.middleware:
        for f in own_functions(middleware):
            text = f.module.lines_of(f.original.node[1], f.original.node[3])
            if READS_ORIGIN.search(text) and refuses(project.facts.behaviour, f):
                return middleware
    return None


def _held(project: Project, variable: str) -> tuple[str, Place] | None:
    """(variable, place) of the one field of the settings that holds the origins, ``*`` by default, in whatever way the
    code takes it apart afterwards."""
    found = [f for cls in project.facts.settings_classes for f in cls.fields
             if f.name.upper() == variable.upper() and "*" in (by_default(f.default) or ())]
    return (found[0].name, found[0].place) if len(found) == 1 and found[0].place.symbol else None


def _withheld(project: Project, middleware: Middleware) -> bool:
    """Whether credentials are allowed only where the origins hold no ``*``: ``"*" not in origins``."""
    for call in project.facts.behaviour.by_last.get("add_middleware", ()):
        if (call.place.path, call.place.line) != (middleware.place.path, middleware.place.line):
            continue
        named, scope = dict(call.site.node[5]), scope_of(call)
        node = named.get("allow_credentials")
        if node is not None and node[0] == "name":
            values = scope.bindings.bound(node[3], node)
            node = values[0] if len(values) == 1 else None
        turned = node is not None and node[0] == "unary" and node[3] == "Not"
        test = node[4] if turned else node
        if test is None or test[0] != "cmp" or len(test[4]) != 1 or "allow_origins" not in named:
            return False
        operator, other = test[4][0]
        left = test[3][3] if test[3][0] == "const" else project.facts.origins.value_of(test[3], scope)
        return operator == ("In" if turned else "NotIn") and left == "*" and unparse(other) == unparse(
            named["allow_origins"])
    return False


def for_development(condition: str) -> bool:
    """Whether a condition, its parts joined by ``and``, holds in development only, by the words in it."""
    for part in condition.split(" and "):
        negated = part.startswith("not ") or "!=" in part
        if DEPLOYED.search(part) if negated else DEVELOPED.search(part) and not DEPLOYED.search(part):
            return True
    return False


def _public(project: Project, app: App) -> bool:
    """Whether an application only gives out what everybody may read: its routes change nothing, and none authenticates.

    Another site learns no more from a visitor's browser than it would by asking itself.
    """
    routes = [r for r in project.facts.routes if r.app == app.spec]
    return bool(routes) and all(r.method in READING and not project.facts.guarded(r) for r in routes)


def _is_text(project: Project, place: Place) -> bool:
    """Whether the settings field of a default holds one text that code takes apart, not a list."""
    fields = (f for cls in project.facts.settings_classes for f in cls.fields)
    return any(isinstance(by_default(f.default), str) for f in fields
               if (f.place.path, f.place.line) == (place.path, place.line))


def _examples(project: Project, variable: str) -> tuple[ReplaceLineText, ...]:
    """The lines of example files that show the ``*`` as the value of a variable."""
    found = [v for e in project.facts.dotenvs if e.example for v in e.variables if v.name.upper() == variable.upper()]
    return tuple(ReplaceLineText(v.place, "*", "https://app.example.com") for v in found
                 if "*" in v.value and project.line(v.place.path, v.place.line).count("*") == 1)


def variable_of_origins(project: Project) -> str:
    """The one variable that code reads allowed origins from already; empty without one, or where no commas part them.

    What a deployment has set there goes on to count. Settings fields are left to their own class.
    """
    facts = project.facts
    found = {v.name for v in facts.variables if not v.through and ORIGINS.fullmatch(v.name)
             and facts.role(v.place.path) == "application"}
    if len(found) != 1:
        return ""
    modules = [m.text for m in facts.modules.by_path.values() if m.role == "application"]
    return "" if any(OTHERWISE.search(text) for text in modules) else next(iter(found))


def wildcard(value: Any) -> bool | str | None:
    """Whether a list of origins holds ``*``: True, False, ``"possible"`` (a branch does), None when not known."""
    if value is None:
        return False
    if isinstance(value, FromEnv):
        return wildcard(value.default)
    if isinstance(value, Choice):
        if value.default is not None:
            chosen = wildcard(value.options[value.default][1])
            others = [wildcard(v) for _, v in value.options]
            return chosen if chosen is not False else "possible" if True in others else chosen
        answers = [wildcard(v) for _, v in value.options]
        return "possible" if True in answers or "possible" in answers else None if None in answers else False
    if isinstance(value, Unknown):
        return None
    if isinstance(value, str):
        return value.strip() == "*"
    if isinstance(value, list | tuple):
        answers = [wildcard(v) for v in value]
        for answer in (True, "possible", None):
            if answer in answers:
                return answer
    return False


def matches_all(value: Any) -> bool | None:
    """Whether an origin pattern matches every origin; None when the pattern is not known."""
    if value is None:
        return False
    text = by_default(value)
    if not isinstance(text, str):
        return None if isinstance(value, FromEnv | Choice | Unknown) else False
    return text.strip("^$").strip("()").removeprefix("?:") in MATCHES_ALL


def origin_of_wildcard(value: Any) -> tuple[str, Place] | None:
    """The variable whose default brings the ``*``, and where that default stands."""
    if isinstance(value, FromEnv) and value.place is not None and wildcard(value.default) is True:
        return value.name, value.place
    if isinstance(value, Choice):
        found = [origin_of_wildcard(v) for _, v in value.options]
        return next((f for f in found if f), None)
    if isinstance(value, list | tuple):
        found = [origin_of_wildcard(v) for v in value]
        return next((f for f in found if f), None)
    return None
