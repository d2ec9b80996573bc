"""SEC016: webhooks that anybody may call."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import CannotTell, Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.authentication import guarding_middleware
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.callers import hint, opaque
from readybook.facts.program import App
from readybook.facts.schemas import models_in, route_bodies
from readybook.facts.signatures import calls_of, signature_check
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureImport, EnsureSetting, SetKeyword
from readybook.patterns import regex
from readybook_checks.architecture.app_module import free_module
from readybook_checks.devops.health_router import import_name
from readybook_checks.security.sec016_webhook_unsigned.examples import EXAMPLES
from readybook_checks.security.sec016_webhook_unsigned.senders import STANDARD, Sender, sender_of

NAMED = regex(r"(?i)web[-_]?hooks?(?:$|[^a-z])|web[-_]?hook_"
              r"|(?:^|[/_-])(?:ipn|hook|callback|notify_url)(?:$|[/_-])")
# a collection of subscriptions that users of this service keep: it sends webhooks, and takes none
KEEPS = regex(r"(?i)(?:^|_)(?:create|add|register|list|get|update|delete|remove|test|subscribe|enable|disable|trigger"
              r"|send|retry|replay|toggle|new|configure|set|setup)(?:_\w*)?web_?hook"
              r"|web_?hook\w*_(?:create|config|subscription)")
TARGETS = frozenset({"url", "target_url", "callback_url", "endpoint_url", "webhook_url", "endpoint", "target"})
READS = regex(r"(?:httpx|requests|aiohttp|niquests)\.")
LOOKED_UP = regex(r"(?i)^_?(?:get|fetch|retrieve|load|find|query|lookup|check)_\w*(?:payment|order|invoice|charge"
                  r"|transaction|checkout|subscription|intent|status)")
SIGN_IN = regex(r"(?i)oauth|sso|saml|(?:^|[/_-])(?:auth|login|oidc)(?:$|[/_-])|google|apple|microsoft|azure|okta")


class WebhookUnsigned(Check):
    """A webhook believes whoever calls it: nothing shows that the sender sent the request.

    Looked at: POST and PUT routes that are named webhook, hook or callback. Right are an HMAC compared in constant
    time, the check of the sender's package (Stripe's ``construct_event``, Svix, Twilio, Slack …) in the handler or what
    it depends on, a refusal with 401 or 403, and middleware that refuses. Where a token, a header or a name hints at a
    check that cannot be followed, the check cannot tell. Routes under which users keep the addresses of webhooks that
    this service sends are no webhooks, nor are callbacks of a sign-in.

    Fix: a dependency that checks the signature over the raw body, and its age, by the rules of the sender (Stripe,
    GitHub, Slack, Shopify, Meta) or those of Standard Webhooks; the secret comes from a setting.
    """

    id = "SEC016"
    name = "webhook-unsigned"
    category = "security"
    severity = "medium"
    hours = Hours(1, 2, 4, each=0.5)
    fix_kinds = ("scaffold", "codemod", "advice")
    attestable = True
    references = ("https://www.standardwebhooks.com", "https://docs.stripe.com/webhooks#verify-official-libraries")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each webhook."""
        found = False
        for app in (a for a in project.facts.apps if a.served):
            middleware = guarding_middleware(project.facts.behaviour, app)
            done: set[tuple[str, int]] = set()
            for route in project.facts.routes:
                key = (route.registered.path, route.registered.line)
                if route.app != app.spec or key in done or not _is_webhook(project, route):
                    continue
                done.add(key)
                found = True
                if middleware is not None:
                    yield Right(middleware.place, f"{middleware.path} refuses callers before {route.path}", app.spec)
                else:
                    yield _answer(project, app, route)
        if not found:
            yield NotApplicable("no route takes webhooks")


def _is_webhook(project: Project, route: Route) -> bool:
    name = route.endpoint.rpartition(".")[2]
    if route.method not in ("POST", "PUT") or opaque(route) or not (NAMED.search(route.path) or NAMED.search(name)):
        return False
    if KEEPS.search(name) or SIGN_IN.search(f"{route.path} {name}") and not re.search("(?i)hook", route.path):
        return False
    bodies = route_bodies(project.facts.behaviour.run, route)
    if not bodies and "{" in route.path and not _reads_request(route):
        return False  # it works on one of ours, and takes nothing of a sender
    models = [m for _, _, kind in bodies for m in models_in(kind)]
    fields = {f.name for s in project.facts.schemas if any(s.cls is m for m in models) for f in s.fields}
    return not fields & TARGETS


def _reads_request(route: Route) -> bool:
    """Whether a handler or one of its dependencies takes the request itself, or a header."""
    return any(p[1] is not None and re.search(r"\b(?:Request|Header|HTTPConnection)\b", unparse(p[1]) + unparse(p[2]))
               or p[3] in ("var", "keys") for t in (*route.targets, route.handler) for f in functions_behind(t)
               for p in f.params)


def _answer(project: Project, app: App, route: Route) -> Answer:
    behaviour = project.facts.behaviour
    what = f"{route.method} {route.path}"
    check = signature_check(behaviour, route)
    if check is not None:
        return Right(check.place, f"{what} checks its sender ({check.last})", app.spec)
    if project.facts.guarded(route):
        return Right(route.place, f"{what} refuses callers", app.spec)
    reason = hint(behaviour, route)
    if not reason and re.search(r"(?i)\{\w*(?:token|secret|key)\w*\}", route.path):
        reason = "its path carries a secret: whether it is compared is not seen"
    if reason:
        return CannotTell(f"{what}: {reason}", route.place, app.spec)
    asked = next(filter(_asks_back, calls_of(behaviour, route)), None)
    if asked is not None:
        return CannotTell(f"{what} asks the sender itself by {asked.function.rpartition('.')[2]}: whether it believes "
                          "more of the message than the id is not seen", route.place, app.spec)
    name = route.endpoint.rpartition(".")[2]
    sender, sent_by = sender_of(f"{route.path} {name} {route.place.path}")
    who = sent_by or "the sender"
    return Finding(
        route.place, f"{what} ({name}) checks no signature: anybody who knows the address can send what {who} would.",
        "medium", confidence="high" if sent_by else "medium", fix=_fix(project, app, route, sender, sent_by),
        app=app.spec)


def _asks_back(call: Call) -> bool:
    """Whether a call reads, at another service, the payment or the like that a message names: who forges a message
    changes nothing by that."""
    return call.last == "get" and READS.match(call.path) is not None and (
        LOOKED_UP.search(call.function.rpartition(".")[2]) is not None)


def _fix(project: Project, app: App, route: Route, sender: Sender, sent_by: str) -> Fix:
    title = f"Check the signature of {sent_by or 'the sender'}"
    if sent_by and sender is STANDARD:
        return advice(title, f"{sent_by} signs in a way of its own: its package, or its documentation, has the check")
    behaviour = project.facts.behaviour
    forms = [w for _, w, _ in route_bodies(behaviour.run, route) if w in ("form", "file")]
    handler = next(iter(functions_behind(route.handler)), None)
    at = behaviour.by_line.get((route.registered.path, route.registered.line), [])
    call = next((c for c in at if c.last == route.method.lower()), None)
    own = next((m.path for m in project.facts.modules.by_path.values() if f"def {sender.dependency}(" in m.text), "")
    home = (own, "") if own else free_module(project, app, sender.stem, f"{sender.stem}s")
    if forms or handler is None or call is None or home is None or any(
        k in (None, "dependencies") for k, _ in call.site.node[5]
    ):
        return advice(title, f"a dependency that compares the HMAC of the raw body ({sender.docs}) goes to the route; "
                      "its body or its registration is not one that it could be added to without a person")
    module = import_name(project, app, home[0], call.place.path)
    if not module:
        return advice(title, "the file of the route cannot import a new module beside the application")
    setting = EnsureSetting(sender.setting, "str", '""', sender.setting.upper(), secret=True,
                            meaning=f"shared secret of {sender.label}; without it they are refused")
    return Fix(
        title, (*(() if own else (setting, AddFile(home[0], sender.module()))), EnsureImport(
            call.place.path, "fastapi", "Depends"), EnsureImport(call.place.path, module, sender.dependency),
                SetKeyword(call.place, call.last, "dependencies", f"[Depends({sender.dependency})]")),
        kinds=("scaffold", "codemod"), safety="review" if sent_by else "sketch",
        reason=f"requests without a signature are refused, all of them until {sender.setting.upper()} is set" + (
            "" if sent_by else "; the rules are those of Standard Webhooks: a sender with others needs them put in"))
