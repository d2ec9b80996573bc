"""Versions that do not work together: tried, one pair at a time, in fresh environments in November 2026."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook.facts import Facts, numbers
from readybook.facts.packages import PackageVersion
from readybook.facts.requirementtexts import Requirement
from readybook.facts.values import by_default
from readybook.place import Place
from readybook.records import record

# the first FastAPI that asks for a Python, from the packages' own metadata (0.162.0 and 0.163.0 differ, and so on)
PYTHON_FLOORS = (((0, 163), (3, 11)), ((0, 129), (3, 10)), ((0, 126), (3, 9)), ((0, 104), (3, 8)))
ROUTER_TREE = (0, 137)  # included routers are one object without a path
V1_REFUSED = (0, 128)  # pydantic.v1 models raise; 0.121 took them


@record
class Pair:
    """One defect: ``place`` is the line to change, ``wanted`` the requirement that would work (empty: no one edit)."""

    place: Place
    message: str
    severity: str
    package: str = ""
    old: str = ""
    wanted: str = ""
    effect: str = ""


def release(version: PackageVersion) -> tuple[int, ...] | None:
    """The numbers of a version that is exact, else None."""
    return numbers(version.value) if version.exact else None


def pairs(facts: Facts, near: str) -> Iterator[Pair]:
    """Every pair of the table that the service whose code is at ``near`` gets."""
    fastapi = facts.version_of("fastapi", near)
    known = release(fastapi)
    yield from _instrumentator(facts, near, fastapi, known)
    yield from _passlib(facts, near)
    yield from _limiter(facts, near)
    yield from _greenlet(facts, near)
    yield from _tracing(facts, near)
    if known is not None:
        yield from _pydantic_v1(facts, fastapi, known)
        yield from _python(facts, fastapi, known, near)


def _instrumentator(facts: Facts, near: str, fastapi: PackageVersion, known: tuple[int, ...] | None) -> Iterator[Pair]:
    found = facts.version_of("prometheus-fastapi-instrumentator", near)
    own = release(found)
    used = facts.behaviour.calls_to("prometheus_fastapi_instrumentator.Instrumentator")
    if own is None or known is None or found.place is None or not used:
        return
    if own < (8,) and known >= ROUTER_TREE:
        yield Pair(
            found.place, f"prometheus-fastapi-instrumentator {found.value} reads route.path, which the included "
            f"routers of FastAPI {fastapi.value} do not have: every request ends in an AttributeError.", "critical",
            "prometheus-fastapi-instrumentator", found.value, "8.1.0", "8 reads the router tree and needs Starlette 1")


def _passlib(facts: Facts, near: str) -> Iterator[Pair]:
    declared = [r for r in facts.packages.declared("passlib") if r.group == "main"]
    uses = _bcrypt_uses(facts)
    if not declared or not uses:
        return
    found = facts.version_of("bcrypt", near)
    own = release(found)
    severity, ends = ("high", "hashing and login raise ValueError") if "new" in uses else (
        "low", "whoever has a bcrypt hash of before cannot log in")
    broken = f"passlib 1.7.4 tests bcrypt with a password longer than bcrypt 5 takes: {ends}"
    if own is not None and own >= (5,) and found.place is not None:
        yield Pair(found.place, f"bcrypt {found.value} beside passlib: {broken}.", severity, "bcrypt", found.value,
                   "4.3.0", "a release that passlib works with")
    elif own is None and not found.bounded:
        brought = found.place is not None or any("bcrypt" in r.extras for r in declared)
        if facts.packages.locks and found.place is None:
            return  # the lock is not read whole: what it holds is not known
        if brought:
            yield Pair(found.place or declared[0].place, "passlib hashes with bcrypt and nothing keeps bcrypt below 5, "
                       f"so an installation of today gets it: {broken}.", severity)
        elif "new" in uses and _frozen(facts, declared[0]):
            yield Pair(declared[0].place, "passlib hashes with bcrypt here, which passlib brings only by its extra and "
                       f"{declared[0].place.path} does not name: hashing and login raise MissingBackendError.", "high")


def _bcrypt_uses(facts: Facts) -> set[str]:
    """What passlib takes bcrypt for: ``new`` hashes, ``old`` ones that it still reads; nothing where no code asks it
    to hash or verify. The first scheme of a context is the one of new hashes."""
    behaviour = facts.behaviour
    uses = {"new"} if behaviour.calls_to("passlib.hash.bcrypt.hash", "passlib.hash.bcrypt.verify") else set()
    asked = any(behaviour.by_last.get(name) for name in ("hash", "verify", "verify_and_update", "encrypt"))
    for call in behaviour.calls_to("passlib.context.CryptContext") if asked else ():
        if "bcrypt" not in repr((call.args, call.kwargs)):
            continue
        schemes = by_default(call.kwargs.get("schemes", call.args[0] if call.args else None))
        first = schemes[0] if isinstance(schemes, list | tuple) and schemes else schemes
        chosen = by_default(call.kwargs.get("default", first))
        uses.add("old" if isinstance(chosen, str) and "bcrypt" not in chosen else "new")
    return uses


def _frozen(facts: Facts, requirement: Requirement) -> bool:
    """Whether a requirement stands in a file that names all that is installed, each at its version."""
    listed = [r for r in facts.requirements if r.place.path == requirement.place.path]
    return all(r.exact for r in listed) and {r.name for r in listed} >= {"anyio", "idna", "starlette"}


def _limiter(facts: Facts, near: str) -> Iterator[Pair]:
    found = facts.version_of("fastapi-limiter", near)
    own = release(found)
    uses = facts.behaviour.matching(lambda path: path.startswith("fastapi_limiter.FastAPILimiter"))
    if own is not None and own >= (0, 2) and uses and found.place is not None:
        yield Pair(found.place, f"fastapi-limiter {found.value} has no FastAPILimiter any more, which {uses[0].place} "
                   "uses: the application does not start.", "critical", "fastapi-limiter", found.value, "0.1.6",
                   "the last release with the interface that the code uses")


def _greenlet(facts: Facts, near: str) -> Iterator[Pair]:
    found = facts.version_of("sqlalchemy", near)
    own = release(found)
    asyncio = any(e.is_async for e in facts.engines)
    extras = any("asyncio" in r.extras for r in facts.packages.declared("sqlalchemy"))
    if own is None or own < (2, 1) or not asyncio or extras or facts.packages.declares("greenlet"):
        return
    if found.place is not None and not facts.packages.declares("sqlmodel"):
        yield Pair(found.place, f"SQLAlchemy {found.value} brings greenlet only with its asyncio extra, and the "
                   "service has an async engine: the first query raises.", "high")


def _tracing(facts: Facts, near: str) -> Iterator[Pair]:
    engine, traced = facts.version_of("sqlalchemy", near), facts.version_of(
        "opentelemetry-instrumentation-sqlalchemy", near)
    own, version = release(traced), release(engine)
    if own is None or version is None or traced.place is None:
        return
    if own <= (0, 66) and version >= (2, 1):
        yield Pair(traced.place, f"opentelemetry-instrumentation-sqlalchemy {traced.value} says nothing and does "
                   f"nothing with SQLAlchemy {engine.value}: no query shows in a trace.", "medium")


def _pydantic_v1(facts: Facts, fastapi: PackageVersion, known: tuple[int, ...]) -> Iterator[Pair]:
    if known < V1_REFUSED:
        return
    for schema in facts.schemas:
        if any(base.startswith("pydantic.v1.") for base in schema.bases) and (schema.body_of or schema.returned_by):
            yield Pair(schema.place, f"{schema.name} is a pydantic.v1 model and FastAPI {fastapi.value} refuses "
                       "those: the application does not start.", "high")


def _python(facts: Facts, fastapi: PackageVersion, known: tuple[int, ...], near: str) -> Iterator[Pair]:
    floor = next((python for first, python in PYTHON_FLOORS if known >= first), None)
    if floor is None:
        return
    for image in facts.served_images:
        base = image.dockerfile.final.base
        match = re.match(r"(3)\.(\d+)", base.tag) if base.name.rpartition("/")[2] == "python" else None
        if match and (int(match[1]), int(match[2])) < floor:
            yield Pair(image.dockerfile.final.place, f"the image has Python {match[0]} and FastAPI {fastapi.value} "
                       f"asks for {floor[0]}.{floor[1]} or later: the installation fails.", "high")
