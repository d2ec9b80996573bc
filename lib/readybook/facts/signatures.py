"""Which routes check that a request was signed by its sender: HMACs, public keys, and the packages of known senders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.behaviour import functions_behind
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.application import Route
    from readybook.facts.behaviour import Behaviour, Call

COMPARED = ("hmac.compare_digest", "hmac.new", "hmac.digest", "secrets.compare_digest", "hmac.HMAC")
# last names of calls that check a signature, whatever package they come from
CHECKING = regex(
    r"(?i)^(?:construct_event|parse_event_notification|verify_oauth2_token|verify_token"
    r"|verify_id_token|compare_digest|is_valid_request|check_webhook\w*|unwrap_webhook|verify_key"
    r"|(?:verify|validate|check|is_valid|assert|authenticate|ensure|require)_?\w*(?:signature|webhook|hmac|sender"
    r"|secret|callback|payload|event|sign)\w*"
    r"|(?:signature|webhook|hmac)_?\w*(?:verif|valid|check|match)\w*|verify_hash|check_sign|verify_sign)$")
# packages whose ``verify``/``validate`` is about signatures
PACKAGES = ("stripe.", "svix.", "standardwebhooks.", "twilio.request_validator.", "slack_sdk.signature.", "nacl.",
            "cryptography.", "jwt.", "jose.", "itsdangerous.", "gidgethub.", "linebot.", "clerk_backend_api.",
            "slack_bolt.", "google.oauth2.id_token", "google.auth.", "razorpay.", "square.", "shopify.", "paddle",
            "discord_interactions.", "mercadopago.", "rsa.", "ecdsa.", "Crypto.", "paypalrestsdk.", "authlib.")
METHODS = frozenset({"verify", "validate", "is_valid", "check", "decode", "handle", "unsign", "loads", "unwrap",
                     "is_valid_request", "verify_webhook_signature", "construct_event", "parse", "webhook"})
MAX_FUNCTIONS = 60


def signature_check(behaviour: Behaviour, route: Route) -> Call | None:
    """The call by which a route's handler, or what it depends on, checks the sender's signature; None when none."""
    return next((call for call in calls_of(behaviour, route) if checks_signature(call)), None)


def signs_body(behaviour: Behaviour, route: Route) -> bool:
    """Whether a route checks a signature over the bytes of its body."""
    calls = list(calls_of(behaviour, route))
    raw = any(c.last == "body" and c.path.startswith("starlette.") for c in calls)
    return raw and any(checks_signature(c) for c in calls)


def calls_of(behaviour: Behaviour, route: Route) -> Iterator[Call]:
    """The calls that a route's handler, what it depends on and what these call make."""
    queue = [f.original for target in (*route.targets, route.handler) for f in functions_behind(target)]
    seen: set[int] = set()
    while queue and len(seen) < MAX_FUNCTIONS:
        function = queue.pop(0)
        if id(function.node) in seen:
            continue
        seen.add(id(function.node))
        for call in behaviour.calls_in(function):
            yield call
            queue += [f.original for f in functions_behind(call.site.callee)]


def checks_signature(call: Call) -> bool:
    """Whether one call checks a signature, by its package or by its name."""
    if call.path in COMPARED or CHECKING.search(call.last):
        return True
    return call.last in METHODS and call.path.startswith(PACKAGES)
