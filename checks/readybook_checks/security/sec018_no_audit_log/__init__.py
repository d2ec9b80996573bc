"""SEC018: nothing records who changed what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.behaviour import functions_behind, in_order
from readybook.facts.program import App
from readybook.facts.signins import empty, tries
from readybook.finding import Answer
from readybook.intents import AddFile, SetUpApp
from readybook.patterns import regex
from readybook.place import Place
from readybook_checks.architecture.app_module import free_module

SENSITIVE = regex(
    r"(?i)log[-_]?in|sign[-_]?in|log[-_]?out|password|(?:^|[/_-])roles?(?:$|[/_-])|permission|grant|revoke|promot|admin"
    r"|impersonat|api[-_]?keys?|export|access[-_]token|(?:de)?activat|(?:un)?ban(?:$|[/_-])|(?:un)?block(?:$|[/_-])")
AUDIT = regex(r"(?i)audit|activity_?logs?|opera(?:tion|te)?_?logs?|security_?(?:event|log)|event_?log(?!g)"
              r"|log_activity|log_action|record_(?:event|action|activity)|user_?activit|action_?logs?|change_?log|login_?log"
              r"|(?:login|access|change)_?history|loginattempt|login_?attempt")
SIGN_IN = regex(r"(?i)log[-_]?in|sign[-_]?in|token")
PACKAGES = ("sqlalchemy_continuum.", "postgresql_audit.", "sqlalchemy_history.", "sqlalchemy_audit", "auditlog.")
LOGGED = ("info", "warning", "error", "critical", "notice", "success", "exception", "log")
TITLE = "Record who changes or exports data"


class NoAuditLog(Check):
    """People sign in, change rights and delete data, and nothing records who did it.

    Looked at: routes for sign-in, passwords, roles, permissions, keys and exports, and DELETE routes, of applications
    that know their users. Right is an audit event in a table, a logger or a service, by its name (audit, activity log,
    operation log, login history …), middleware of that kind, or a versioning package. Left out: handlers that hold
    nothing yet, and sign-ins that neither compare nor look anything up. Where half of these handlers
    write to the ordinary log, the check cannot tell whether that is meant.

    Fix: a logger for audit events and middleware that writes one for each request that changes or exports data,
    without bodies. Who the actor is has to be said where users are authenticated: that is left to a person.
    """

    id = "SEC018"
    name = "no-audit-log"
    category = "security"
    severity = "medium"
    hours = Hours(2, 4, 8)
    fix_kinds = ("scaffold", "advice")
    attestable = True
    references = ("https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each served application with routes that an audit would ask about."""
        asked = False
        for app in (a for a in project.facts.apps if a.served):
            routes = [r for r in project.facts.routes if r.app == app.spec]
            sensitive = [r for r in routes if _is_sensitive(r) and _acts(project, r)]
            if not sensitive or not any(project.facts.guarded(r) or re.search(r"(?i)log[-_]?in|token", r.path)
                                        for r in routes):
                continue
            asked = True
            yield _answer(project, app, sensitive)
        if not asked:
            yield NotApplicable("no route signs people in, changes rights or deletes what users have")


def _is_sensitive(route: Route) -> bool:
    if route.method == "DELETE":
        return True
    said = f"{route.path} {route.endpoint.rpartition('.')[2]}"
    changing = route.method in ("POST", "PUT", "PATCH")
    return bool(SENSITIVE.search(said)) and (changing or re.search("(?i)export", said) is not None)


def _acts(project: Project, route: Route) -> bool:
    """Whether a route does what it says: its handler is written, and a sign-in compares or looks something up."""
    if all(empty(f) for f in functions_behind(route.handler)) and functions_behind(route.handler):
        return False
    return not SIGN_IN.search(route.path) or tries(project.facts.behaviour, route)


def _answer(project: Project, app: App, sensitive: list[Route]) -> Answer:
    found = _audited(project, app)
    if found is not None:
        return Right(found[0], f"{found[1]} records what is done", app.spec)
    logging = [r for r in sensitive if _logs(project, r)]
    if 2 * len(logging) >= len(sensitive):
        return CannotTell(f"{len(logging)} of {len(sensitive)} sensitive handlers of {app.spec} write to the ordinary "
                          "log: whether that serves as an audit log is not seen", logging[0].place, app.spec)
    shown = ", ".join(f"{r.method} {r.path}" for r in sensitive[:3]) + (" …" if len(sensitive) > 3 else "")
    many = f"{len(sensitive)} routes" if len(sensitive) > 1 else "a route"
    return Finding(
        app.place, f"{app.spec}: {many} for sign-in, rights, deletion or export ({shown}) and no audit event: who did "
        "it cannot be said afterwards.", "medium", confidence="medium", fix=_fix(project, app), app=app.spec)


def _audited(project: Project, app: App) -> tuple[Place, str] | None:
    """Where something that is named like an audit log stands, and its name; None when nothing is."""
    middleware = next((m for m in app.middleware if AUDIT.search(m.path.rpartition(".")[2])), None)
    if middleware is not None:
        return middleware.place, middleware.path
    for model in project.facts.orm_models:
        if AUDIT.search(model.name) or AUDIT.search(model.table):
            return model.place, model.name
    behaviour = project.facts.behaviour
    named = behaviour.written_as(*(name for name in behaviour.by_last if AUDIT.search(name)))
    named += behaviour.matching(lambda p: p.startswith(PACKAGES) or AUDIT.search(p.rpartition(".")[2]))
    if named:
        call = in_order(named)[0]
        return call.place, call.last
    for call in behaviour.written_as("getLogger", "get_logger", "bind"):
        if any(isinstance(a, str) and AUDIT.search(a) for a in (*call.args, *call.kwargs.values())):
            return call.place, "its logger"
    return None


def _logs(project: Project, route: Route) -> bool:
    """Whether a handler, or a function that it calls, writes to a log."""
    behaviour = project.facts.behaviour
    first = [f.original for f in functions_behind(route.handler)]
    second = [f.original for f in first for c in behaviour.calls_in(f) for f in functions_behind(c.site.callee)]
    return any(c.last in LOGGED and re.search(r"(?i)log", str(c.site.node[3])) for f in (*first, *second)
               for c in behaviour.calls_in(f))


def _fix(project: Project, app: App) -> Fix:
    home = free_module(project, app, "audit_log", "audit_events")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    text = files(__package__).joinpath("audit_log.py.tmpl").read_text(encoding="utf-8")
    return Fix(
        TITLE, (AddFile(home[0], text), SetUpApp(app.place, home[1], "add_audit_log")), kinds=("scaffold",),
        safety="sketch", reason="call set_actor(request, user.id) where users are authenticated, and audit_event where "
        "more than the route says is known; keep the lines where those who act cannot change them")


NEW = files(__package__).joinpath("audit_log.py.tmpl").read_text(encoding="utf-8")
HEAD = "from fastapi import Depends, FastAPI\nfrom fastapi.security import HTTPBearer\n{0}\napp = FastAPI()\n{1}" \
    "\n\n"
DROP = "@app.delete(\"/users/{user_id}\", dependencies=[Depends(HTTPBearer())])\n" \
    "def drop(user_id: int) -> None:\n    {0}\n"
NoAuditLog.examples = (
    Bad(
        {"app/__init__.py": "", "app/main.py": HEAD.format("\nfrom app import items\n", "")
         + DROP.replace("{0}", "items.drop(user_id)"),
         "app/items.py": "def drop(user_id: int) -> None: ...\n"},
        at=("app/main.py:6",), severity="medium",
        fixed={"app/audit_log.py": NEW, "app/main.py": HEAD.format(
            "\nfrom app import items\nfrom app.audit_log import add_audit_log\n", "add_audit_log(app)\n")
            + DROP.replace("{0}", "items.drop(user_id)")},
    ),
    Bad(  # a sign-in; a catalogue and a changed time are no audit
        {"main.py": "from fastapi import FastAPI, Form\n\napp = FastAPI()\n\n\n@app.post(\"/login\")\n"
         "def login(name: str = Form()) -> str:\n    return catalog(name)\n\n\ndef catalog(name: str) -> str:\n"
         "    return name if name == \"ada\" else \"\"\n"},
        at=("main.py:3",), severity="medium",
    ),
    Bad(  # many routes, one of which logs
        {"main.py": HEAD.format("import logging\n", "") + DROP.replace("{0}", "logging.info(\"gone\")")
         + "\n\n@app.post(\"/admin/roles\")\ndef grant(role: str) -> None:\n    print(role)\n\n\n"
         "@app.post(\"/password\")\ndef change(new: str) -> None:\n    print(len(new))\n"},
        at=("main.py:5",), severity="medium",
    ),
    Good(  # a table, written by a service
        {"main.py": HEAD.format("from audit import record_event\n", "") + DROP.replace("{0}", "record_event(user_id)"),
         "audit.py": "def record_event(user_id: int) -> None:\n    print(user_id)\n"}),
    Good(  # a logger of that name, through a helper
        {"main.py": HEAD.format("import logging\n\ntrail = logging.getLogger(\"shop.audit\")", "")
         + DROP.replace("{0}", "trail.info(\"%s\", user_id)")}),
    Good(  # the ordinary log, in every such handler
        {"main.py": HEAD.format("import logging\n", "")
         + DROP.replace("{0}", "logging.info(\"%s is gone\", user_id)")},
        outcome="unknown"),
    Good(  # stubs: a sign-in that knows nobody, a deletion that is not written yet
        {"main.py": HEAD.format("\nfrom fastapi.security import OAuth2PasswordRequestForm\n", "")
         + DROP.replace("{0}", "raise NotImplementedError")
         + "\n\ndef issue(name: str) -> dict:\n    return {\"access_token\": f\"token-{name}\"}\n\n\n"
         "@app.post(\"/token\")\ndef login(form: OAuth2PasswordRequestForm = Depends()) -> dict:\n"
         "    return issue(form.username)\n"}, outcome="not_applicable"),
    Good(  # nobody signs in
        {"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef index() -> int:\n"
         "    return 1\n"}, outcome="not_applicable"),
)
