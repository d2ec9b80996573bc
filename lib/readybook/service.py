"""What a target serves and stands on: routes and who may call them, data stores, packages. Read once, kept as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from readybook.masking import mask
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts

PACKAGES_KEPT = 400


@record
class ServedRoute:
    """One route; ``guarded`` tells whether it asks who calls, None when the code does not show its handler."""

    app: str
    method: str
    path: str
    file: str
    line: int
    guarded: bool | None


@record
class DataStore:
    """A database, cache or broker that the code sets up: ``how`` is the client, ``backend`` the database's kind."""

    kind: str
    how: str
    backend: str
    file: str
    line: int


@record
class Package:
    """A package that the service declares: ``certainty`` is locked, pinned, lower bound, any or unknown."""

    name: str
    version: str
    certainty: str


@record
class Service:
    """Everything of the target's facts that a report tells."""

    routes: tuple[ServedRoute, ...] = ()
    stores: tuple[DataStore, ...] = ()
    packages: tuple[Package, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The ``service`` object of the audit JSON."""
        return {name: list(rows) for name, rows in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Service:
        """Read it back."""
        return cls(
            tuple(ServedRoute(**row) for row in data["routes"]), tuple(DataStore(**row) for row in data["stores"]),
            tuple(Package(**row) for row in data["packages"]),
        )


def service(facts: Facts) -> Service:
    """What the facts say of the target, as data."""
    return Service(tuple(_routes(facts)), tuple(dict.fromkeys(_stores(facts))), tuple(_packages(facts)))


def _routes(facts: Facts) -> Iterator[ServedRoute]:
    from readybook.facts.behaviour import functions_behind

    for route in facts.routes:
        guarded = facts.guarded(route)
        known = guarded or bool(functions_behind(route.handler))
        yield ServedRoute(route.app, route.method, mask(route.path), route.place.path, route.place.line,
                          guarded if known else None)


def _stores(facts: Facts) -> Iterator[DataStore]:
    for app in facts.apps:
        if app.served:
            for store in facts.stores(app):
                yield DataStore(store.kind, store.how, store.backend, store.place.path, store.place.line)


def _packages(facts: Facts) -> Iterator[Package]:
    names = sorted({r.name for r in facts.requirements if r.group == "main" and not r.constraint})
    for name in names[:PACKAGES_KEPT]:
        version = facts.version_of(name)
        yield Package(name, mask(version.value), version.certainty)
