"""Routes that take the credential itself, and whether anything is done with it: a sign-in asks nobody who calls yet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import functions_behind
from readybook.facts.nodes import own_nodes
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.parameters import body_inputs, field_names, is_model
from readybook.facts.unparse import unparse
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.application import Route
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.interpreter import Interpreter

FORMS = ("fastapi.security.oauth2.OAuth2PasswordRequestForm", "fastapi.security.OAuth2PasswordRequestForm",
         "fastapi.security.oauth2.OAuth2PasswordRequestFormStrict", "fastapi.security.OAuth2PasswordRequestFormStrict")
# what somebody who is not signed in yet shows; a token or a secret in a body may be what guards a webhook
SHOWN = regex(r"(?i)^(?:\w+_)?(?:password|passwd|passcode|pwd|otp|totp)(?:_?(?:code|hash))?$"
              r"|^(?:refresh|reset|id|verification|activation|confirmation)_?token$|^(?:mfa|2fa)_?code$")
NAMED = regex(r"(?i)log[-_]?in|sign[-_]?(?:in|up)|regist|(?:^|[/_-])(?:token|auth|refresh)|authenticate|password"
              r"|forgot|recover|verif|activat|confirm|otp|totp|mfa|2fa|session")
# how somebody becomes known by a proof that was mailed, or that another service gave
ENTERS = regex(r"(?i)log[-_]?in|sign[-_]?(?:in|up)|regist|verif|activat|confirm|forgot|reset|recover|magic|password"
               r"|(?:^|[/_-])(?:o?auth|sso|google|github|facebook|apple|microsoft|discord|telegram)(?:$|[/_-])|invit")
HOOK = regex(r"(?i)hook")
PROOF = regex(r"(?i)^(?:\w+_)?(?:token|credentials?|code|e_?mail|assertion|init_?data)$")
# what tries nothing: texts, times, answers, the log
IDLE = regex(r"(?:builtins\.)?(?:dict|str|int|list|print|len|bool|float|tuple|set|isinstance|round|repr)"
             r"|(?:logging|loguru|structlog|datetime|uuid|time)\..*"
             r"|(?:fastapi|starlette)\.(?:exceptions|responses|HTTPException|Response|JSONResponse).*"
             r"|str\.\w+|asyncio\.sleep|.*\.(?:model_dump|dict|model_dump_json)")


def takes_credential(run: Interpreter, targets: Iterable[Any]) -> bool:
    """Whether what FastAPI hands to these callables holds the caller's password, code or token, in form or body."""
    callables = list(targets)
    if any(getattr(t, "path", "") in FORMS for t in callables):
        return True
    return any(SHOWN.search(name) for name in body_names(run, callables))


def body_names(run: Interpreter, targets: Iterable[Any]) -> tuple[str, ...]:
    """The names of what these callables read from form and body, and of the fields of models among it."""
    return tuple(name for parameter, given in body_inputs(run, list(targets), frozenset())
                 for name in (parameter.name, *(field_names(given.kind) if is_model(given.kind) else ())))


def tries(behaviour: Behaviour, route: Route) -> bool:
    """Whether a handler, a dependency or what they call compares anything, or asks something that is no code here.

    A sign-in that does neither is a stub: it knows nobody. A handler that is not seen is taken to try.
    """
    queue = [f.original for t in (route.handler, *route.targets) for f in functions_behind(t)]
    if not functions_behind(route.handler):
        return True
    seen: set[int] = set()
    while queue and len(seen) < 200:
        function = queue.pop()
        if id(function.node) in seen:
            continue
        seen.add(id(function.node))
        if function.node[0] != "def" or any(n[0] in ("cmp", "sub", "with", "for") for n in own_nodes(function.node[6])):
            return True
        for call in behaviour.calls_in(function):
            behind = [g.original for g in functions_behind(call.site.callee)]
            if not behind and not _idle(call):
                return True
            queue += behind
    return False


def _idle(call: Call) -> bool:
    return IDLE.fullmatch(call.path) is not None or isinstance(call.site.callee, ClassValue)


def empty(function: FunctionValue) -> bool:
    """Whether a function's body holds nothing to run: a docstring, ``...``, ``pass``, or that it is not written yet."""
    body = function.original.node[6] if function.original.node[0] == "def" else ()
    return bool(body) and all(s[0] == "pass" or s[0] == "expr" and s[4][0] == "const"
                              or s[0] == "raise" and "NotImplementedError" in str(s[4]) for s in body)


def is_sign_in(behaviour: Behaviour, route: Route) -> bool:
    """Whether a route takes the credential itself: by the password form, or in its body where its name says that it is
    a sign-in or where nothing else of the request tells it who calls."""
    if any(getattr(t, "path", "") in FORMS for t in route.targets):
        return True
    if _proves(behaviour.run, route):
        return True
    if not NAMED.search(f"{route.path} {route.endpoint.rpartition('.')[2]}") and _reads_request(route):
        return False
    return takes_credential(behaviour.run, (*route.targets, route.handler))


def _proves(run: Interpreter, route: Route) -> bool:
    """Whether a route that is named for it takes a token, code or address and nothing else that tells who calls."""
    said = f"{route.path} {route.endpoint.rpartition('.')[2]}"
    if not ENTERS.search(said) or HOOK.search(said) or _reads_request(route):
        return False
    sent = (p.alias or p.name for p in route.parameters if p.where in ("query", "path"))
    return any(PROOF.search(name) for name in (*sent, *body_names(run, (*route.targets, route.handler))))


def _reads_request(route: Route) -> bool:
    """Whether a handler may look for the caller in the request: in a header, a cookie or all of it."""
    annotations = [unparse(p[1]) for f in functions_behind(route.handler) for p in f.params if p[1] is not None]
    return any(p.where in ("header", "cookie") for p in route.parameters) or any(
        re.search(r"\bRequest\b", text) for text in annotations)

