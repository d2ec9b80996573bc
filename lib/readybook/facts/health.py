"""Health routes: what answers as liveness, what as readiness, and what each reaches."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from readybook.facts.behaviour import Behaviour, Entry, functions_behind
from readybook.facts.blocking import blocking

if TYPE_CHECKING:
    from readybook.facts.application import Route

NAME = re.compile(
    r"^_?(health|healthz|healthy|health[-_]?check|livez?|liveness|alive|ready|readyz|readiness|ping|status|heartbeat|up|"
    r"livecheck|lbheartbeat|__heartbeat__|__lbheartbeat__|monitoring|detailed|db|database)$", re.IGNORECASE)
DECISIVE = re.compile(r"health|live|ready|readiness|ping|heartbeat|status|^_?up$|alive", re.IGNORECASE)
STORES = (
    "sqlalchemy.", "redis.", "motor.", "pymongo.", "asyncpg.", "psycopg", "aiomysql.", "tortoise.", "beanie.",
    "databases.", "aiosqlite.", "sqlmodel.", "elasticsearch.", "aio_pika.", "kombu.", "celery.", "httpx.", "requests.",
)
ASKS = re.compile(
    r"\.(execute|scalar|scalars|connect|begin|ping|command|server_info|fetchval|fetchrow|fetch|fetch_one|exec|get|head|"
    r"post|request|acquire|inspect|admin|query|info)(\(\))?(\.|$)")


@dataclass(frozen=True, slots=True)
class HealthRoute:
    """A GET route that answers as health: ``asks`` are the dotted calls by which it reaches a store or another service."""

    route: Route
    asks: tuple[str, ...]

    @property
    def is_liveness(self) -> bool:
        """Whether it answers without asking anything else."""
        return not self.asks


def is_health_path(path: str) -> bool:
    """Whether a path names health by its last segments: ``/health``, ``/api/v1/health/live``, ``/healthz/``."""
    segments = [s for s in path.split("/") if s]
    if not segments or "{" in segments[-1] or not NAME.match(segments[-1]):
        return False
    return any(DECISIVE.search(s) for s in segments[-2:])


def health_routes(behaviour: Behaviour, routes: tuple[Route, ...], probed: frozenset[str] = frozenset()
                  ) -> tuple[HealthRoute, ...]:
    """Health routes in order of registration. ``probed`` are paths that a probe outside the code asks for."""
    entries = {id(e.function.node): e for e in behaviour.entries}
    found = []
    for route in routes:
        if route.method != "GET" or not (is_health_path(route.path) or route.path.rstrip("/") in probed):
            continue
        functions = [f for t in (route.handler, *route.targets) for f in functions_behind(t)]
        asks = [a for f in functions if (e := entries.get(id(f.original.node))) for a in _asks(behaviour, e)]
        found.append(HealthRoute(route, tuple(dict.fromkeys(asks))))
    return tuple(found)




def _asks(behaviour: Behaviour, entry: Entry) -> list[str]:
    """The calls through which an entry reaches a store or another service."""
    paths = [r.call.path for r in behaviour.reached(entry)]
    return [p for p in paths if p and (
        (p.startswith(STORES) and ASKS.search(p)) or ((b := blocking(p)) is not None and b.kind in ("database", "http", "network"))
    )]
