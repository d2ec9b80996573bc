"""Hints that a route asks who calls in a way that facts cannot follow: names, headers, unknown dependencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import functions_behind
from readybook.facts.comparisons import SAME_TIME
from readybook.facts.dependencies import name_of, signature
from readybook.facts.objects import FunctionValue
from readybook.facts.unparse import unparse
from readybook.facts.values import Choice, External, Unknown, by_default
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.application import Route
    from readybook.facts.behaviour import Behaviour

ASKS = regex(
    r"(?i)(?:^|_)(?:auth\w*|authenticat\w*|login_required|requires?_\w+|require|protected|permission\w*|permit\w*"
    r"|jwt\w*|logged_in\w*|verify_\w+|check_(?:access|user|token|api_?key|permission\w*|admin|role\w*|auth\w*)"
    r"|(?:get_|current_|active_|get_current_|get_active_)(?:user|admin|account|principal|identity|member|client|customer"
    r"|actor|caller|superuser|staff|tenant)\w*|current_\w+|validate_(?:token|api_?key|session|user|request|signature)"
    r"|decode_(?:token|jwt)|(?:has|ensure|assert|enforce)_(?:access|role|permission|user|admin|owner|auth)\w*"
    r"|api_?key\w*|acl|rbac|guard\w*|session_user|user_from_\w+|security)$"
    r"|Auth(?:enticat|oriz|oris)?\w*|Permission|JWT|LoginManager|CurrentUser|Principal")
CARRIED = regex(r"(?i)^(?:authori[sz]ation|token|access_token|id_token|auth_token|jwt|x[-_]?api[-_]?key"
                r"|api[-_]?key|x[-_]?token|session(?:_?id|_token)?|.*[-_]signature|x[-_]?.*[-_]?(?:secret|token|key)|secret"
                r"|admin_(?:key|token|secret|password)|password|pin|code)$")
# what looks a person up whose id it is given, and makes what does: it asks nobody who calls where the code shows it
LOOKS_UP = regex(r"(?i)^_?(?:get|find|fetch|load|read)_(?:user|admin|account|member|client|customer|tenant|staff)"
                 r"(?!_from)\w*$")
GIVEN = regex(r"(?i)token|credential|authori[sz]ation|api_?key|request|cookie|jwt|header|bearer|websocket")
# what reads a signed text, or compares one with a secret
PROVING = frozenset({*SAME_TIME, "jwt.decode", "jwt.api_jwt.decode", "jose.jwt.decode", "authlib.jose.jwt.decode",
                     "google.oauth2.id_token.verify_oauth2_token", "firebase_admin.auth.verify_id_token"})
MAX_FUNCTIONS = 40


def hint(behaviour: Behaviour, route: Route) -> str:
    """Why a route that no fact shows guarded may yet ask who calls; empty when nothing hints at it."""
    run = behaviour.run
    for unread in route.unread:
        if not unread.served:
            return unread.reason
    for target in (route.handler, *route.targets):
        for dependency, _ in signature(run, target).dependencies:
            if isinstance(by_default(dependency), Unknown | Choice):
                return "what one of its dependencies does is not known"
    if route.unknown_dependency:
        return "what one of its dependencies does is not known"
    for target in route.targets:
        last = (name_of(target) or "").removesuffix("()").rpartition(".")[2]
        if ASKS.search(last) and not _looks_up(last, target):
            return f"whether {last} refuses callers is not seen"
    carried = next((p for p in route.parameters if p.where in ("header", "cookie", "query")
                    and CARRIED.match(p.alias or p.name)), None)
    if carried is not None:
        return f"it reads {carried.alias or carried.name} from the request: what becomes of it is not seen"
    return _by_what_runs(behaviour, route)


def _by_what_runs(behaviour: Behaviour, route: Route) -> str:
    """Decorators, and calls with a telling name that the handler, or what it calls, makes."""
    handler = route.handler
    functions = functions_behind(handler)
    for f in functions:
        for node in f.original.node[7] if f.original.node[0] == "def" else ():
            text = unparse(node[3] if node[0] == "call" else node)
            if ASKS.search(text.rpartition(".")[2]):
                return f"the decorator {text} may refuse callers"
    queue, seen = [f.original for f in functions], set[int]()
    while queue and len(seen) < MAX_FUNCTIONS:
        f = queue.pop(0)
        if id(f.node) in seen:
            continue
        seen.add(id(f.node))
        for call in behaviour.calls_in(f):
            if ASKS.search(call.last) and not call.path.startswith(("starlette.", "fastapi.")) and not _looks_up(
                    call.last, call.site.callee):
                return f"whether {call.last} refuses callers is not seen"
            if call.path in PROVING:
                return f"{call.last} proves something about what it is given: whether that is who calls is not seen"
            if _carrier(call.path, call.args):
                return "it reads credentials from the request itself: what becomes of them is not seen"
            queue += [g.original for g in functions_behind(call.site.callee)]
    return ""


def _looks_up(name: str, called: Any) -> bool:
    """Whether a callable of the project only looks somebody up, by its name and by what it takes: its body is followed,
    and nothing in it can tell who calls."""
    functions = functions_behind(called)
    return bool(functions) and LOOKS_UP.search(name) is not None and not any(
        GIVEN.search(p[0]) for f in functions for p in f.params)


def _carrier(path: str, args: tuple[Any, ...]) -> bool:
    """Whether a call reads a header, cookie or session value that carries credentials."""
    read = path.endswith(".get") and bool(args) and isinstance(args[0], str)
    return read and path.startswith("starlette.") and bool(CARRIED.match(args[0]))


def opaque(route: Route) -> bool:
    """Whether a route's handler is no function of the project."""
    return isinstance(route.handler, External) or not any(
        isinstance(f, FunctionValue) for f in functions_behind(route.handler))
