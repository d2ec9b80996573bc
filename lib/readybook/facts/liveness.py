"""What a container can ask an application to know that it lives, and which requests it refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from readybook.facts.values import by_default
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.health import HealthRoute
    from readybook.facts.program import App

_ALIVE = regex(r"_*(?:health|healthz|healthy|health[-_]?check|livez?|livecheck|liveness|alive|ping|heartbeat|up"
               r"|lbheartbeat|status)_*", re.IGNORECASE)
# folders of a path that do not make its health that of one feature
_GENERAL = regex(r"api|v\d+|internal|health|healthz|health[-_]?checks?|system|monitoring|utils?|common|core|public"
                 r"|ops|app|meta|probes?|management|actuator|service|base|root", re.IGNORECASE)
TRUSTED_HOST = "starlette.middleware.trustedhost.TrustedHostMiddleware"
HTTPS_REDIRECT = "starlette.middleware.httpsredirect.HTTPSRedirectMiddleware"


def liveness_route(facts: Facts, spec: str | None) -> HealthRoute | None:
    """The route that best answers whether the application ``spec`` lives: it asks nothing else and needs no input."""
    found = [h for h in facts.health_routes if h.route.app == spec and h.is_liveness and _is_plain(facts, h)]
    return min(found, key=_rank, default=None)


def _is_plain(facts: Facts, health: HealthRoute) -> bool:
    """Whether the route is the service's own and answers everybody without input."""
    route = health.route
    *folders, last = [s for s in route.path.split("/") if s] or [""]
    if not _ALIVE.fullmatch(last) or not all(_GENERAL.fullmatch(f) for f in folders):
        return False
    if any(p.required for p in route.parameters) or route.body is not None or route.by_default is not True:
        return False
    if route.method != "GET":
        return False
    return not facts.guarded(route)


def _rank(health: HealthRoute) -> tuple[int, int, str]:
    last = health.route.path.rstrip("/").rpartition("/")[2].lower()
    order = 0 if last.strip("_").startswith(("live", "alive")) else 2 if last == "status" else 1
    return order, len(health.route.path), health.route.path


def allowed_hosts(app: App) -> tuple[str, ...] | None:
    """The Host values that the application answers; ``("*",)`` for any, None when the code does not show them."""
    for middleware in app.middleware:
        if middleware.path == TRUSTED_HOST and middleware.by_default is not False:
            hosts: Any = by_default(middleware.kwargs.get("allowed_hosts", ("*",)))
            if hosts is None:
                return ("*",)
            if not isinstance(hosts, list | tuple) or not all(isinstance(h, str) for h in hosts):
                return None
            return tuple(hosts)
    return ("*",)


def accepts(hosts: tuple[str, ...], host: str) -> bool:
    """Whether TrustedHostMiddleware lets a Host pass, by its own rules."""
    return any(h == "*" or h == host or (h.startswith("*.") and host.endswith(h[1:])) for h in hosts)


def redirects_to_https(app: App) -> bool:
    """Whether the application answers every plain request with a redirect."""
    return any(m.path == HTTPS_REDIRECT and m.by_default is True for m in app.middleware)
