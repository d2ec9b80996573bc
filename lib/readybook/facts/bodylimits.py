"""Request bodies: which routes read one, and what limits how large it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.application import TEMPLATE
from readybook.facts.behaviour import functions_behind
from readybook.facts.leading import leading_to, of_own_accord
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.parameters import body_inputs
from readybook.facts.values import by_default
from readybook.facts.wrapping import around, source_texts
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.application import Route
    from readybook.facts.behaviour import Call
    from readybook.facts.program import App

LIBRARY = regex(r"(?:body|content|upload|payload|request)_?(?:size)?_?limit|limit_?(?:body|upload|request_?size|"
                r"content)|max_?(?:body|content|upload)", re.IGNORECASE)
READS = ("body", "stream", "form", "json")
REQUESTS = tuple(f"starlette.requests.Request.{name}" for name in READS)
# what code does that looks at how large an upload is before it takes it, in small letters; each begins with a plain
# letter and then asks what is before it, for which a text is searched ten times as fast as for \b
SIZED = regex(r"content[-_]length|4(?<!\w.)13\b|too_large|\.size\b\s*>|l(?<!\w.)en\(\w+\)\s*>|"
              r"m(?<!\w.)ax_?\w{0,20}_?(?:size|bytes|mb)\b")
REFUSES = regex(r"\b413\b|TOO_LARGE")
PROXIES = regex(r"client_max_body_size\s+[1-9]|\bmax_size\s+[1-9]|max_?request_?body_?bytes|"
                r"LimitRequestBody\s+[1-9]|proxy-body-size:\s*[\"']?[1-9]", re.IGNORECASE)
PLATFORMS = regex(r"(?:^|/)(?:vercel\.json|serverless\.ya?ml|app\.yaml|samconfig\.toml)$")


@record
class BodyRoute:
    """A route that reads a body: ``kind`` is file, raw (the bytes as they come) or data; ``checks`` its own size."""

    route: Route
    kind: str
    checks: bool


@record
class BodyLimit:
    """What limits all bodies of an application."""

    what: str
    place: Place


def body_routes(facts: Facts, app: App) -> list[BodyRoute]:
    """The routes of an application that read a body, in order."""
    behaviour = facts.behaviour
    raw = leading_to(behaviour, behaviour.calls_to(*REQUESTS))
    refusing = leading_to(behaviour, of_own_accord(behaviour, 413))
    routers = {c.place.path for c in behaviour.calls_to("fastapi.APIRouter") if _bounds(c)}
    found = []
    sized: dict[int, bool] = {}  # many routes have the same dependencies
    for route in facts.routes:
        if route.app != app.spec or route.method in ("GET", "HEAD", "OPTIONS", "WEBSOCKET"):
            continue
        functions = [f.original for t in (route.handler, *route.targets) for f in functions_behind(t)]
        template = frozenset(TEMPLATE.findall(route.path))
        given = body_inputs(behaviour.run, [*route.targets, route.handler], template)
        files = any(p.where == "file" or p.annotation == "bytes" for p, _ in given)
        kind = "file" if files else "raw" if any(id(f.node) in raw for f in functions) else "data" if given else ""
        if kind:
            at = route.registered
            limited = at.path in routers or any(map(_bounds, behaviour.by_line.get((at.path, at.line), ())))
            checks = limited or any(id(f.node) in refusing for f in functions) or (
                kind != "data" and any(_asks_size(facts, f, sized) for f in functions))
            found.append(BodyRoute(route, kind, checks))
    return found


def _asks_size(facts: Facts, function: FunctionValue, known: dict[int, bool]) -> bool:
    """Whether a function, or one that it calls, asks how large something is; ``known``: the answers so far."""
    key = id(function.node)
    if key not in known:
        known[key] = SIZED.search(source_texts(facts, function).lower()) is not None
    return known[key]


def _bounds(call: Call) -> bool:
    """Whether a call, of a route's decorator or of a router, sets FastAPI's ``max_body_size``."""
    return by_default(call.kwargs.get("max_body_size")) is not None


def body_limits(facts: Facts, app: App) -> Iterator[BodyLimit]:
    """What limits all bodies of an application: itself, middleware, proxies and platforms that are set up here."""
    if "max_body_size" in app.kwargs and app.kwargs["max_body_size"] is not None:
        yield BodyLimit("max_body_size", app.place)
    for target, path, place in around(facts, app, LIBRARY):
        if path and LIBRARY.search(path.rpartition(".")[2]):
            yield BodyLimit(path, place)
        elif isinstance(target, ClassValue | FunctionValue) and REFUSES.search(source_texts(facts, target)):
            yield BodyLimit(path or "a dependency", place)
    for call in facts.behaviour.calls_to("mangum.Mangum", "mangum.adapter.Mangum"):
        yield BodyLimit("the platform", call.place)
    yield from _outside(facts, app)


def _outside(facts: Facts, app: App) -> Iterator[BodyLimit]:
    files = facts.project.files
    for proxy in facts.proxies:
        path = proxy.place.path
        text = files[path].text if path in files else ""
        if not proxy.forwards or not text:
            continue
        # nginx, and the ingress made of it, refuse more than a megabyte unless they are told otherwise
        unset = "proxy_pass" in text and not re.search(r"client_max_body_size\s+0", text)
        ingress = "nginx" in text and "proxy-body-size" not in text
        if {"nginx": unset, "ingress": ingress}.get(proxy.kind) or PROXIES.search(text):
            yield BodyLimit(f"the {proxy.kind} at {path}", proxy.place)
    for path in sorted(files):
        if PLATFORMS.search(path) and app.place.path.startswith(path.rpartition("/")[0]):
            yield BodyLimit(f"the platform of {path}", Place(path))


def reads_bodies(facts: Facts, app: App) -> bool:
    """Whether a middleware of the application reads bodies, before anything inside it could refuse them."""
    reading = leading_to(facts.behaviour, facts.behaviour.calls_to(*REQUESTS))
    for middleware in app.middleware:
        methods = [middleware.target.scope.names.get(n) for n in ("dispatch", "__call__")] if isinstance(
            middleware.target, ClassValue) else functions_behind(middleware.target)
        if any(isinstance(m, FunctionValue) and id(m.original.node) in reading for m in methods):
            return True
    return False


# ``len(content) > 10 * 1024 * 1024`` and the default of ``max_size_mb: int = 10``, each in files with its text alone
COMPARED = {
    "1024": regex(r"(?:\blen\(\w+\)|\.size)\s*>=?\s*(\d{1,4})\s*\*\s*1024\s*\*\s*1024\b"),
    "mb": regex(r"\bmax_(?:\w+_)?mb(?:\s*:\s*(?:int|float))?\s*=\s*(\d{1,4})\b"),
}


def named_size(facts: Facts) -> int:
    """The largest size in bytes that the application names, or compares with, for files or bodies; 0 without any.

    Found once: each read of an upload asks for it.
    """
    notes = facts.behaviour.notes
    if named_size not in notes:
        notes[named_size] = _named_size(facts)
    kept: int = notes[named_size]
    return kept


def _named_size(facts: Facts) -> int:
    found = [0]
    for cls in facts.settings_classes:
        found += [_bytes(f.name, by_default(f.default)) for f in cls.fields]
    for path, loaded in facts.program.everything.loaded.items():
        module = facts.modules.by_path.get(path)
        if module is not None and module.role == "application":
            found += [_bytes(name, value) for name, value in loaded.scope.names.items()]
            found += [int(size) * 1024 * 1024 for part, pattern in COMPARED.items() if part in module.text
                      for size in pattern.findall(module.text)]
    return max(found)


def _bytes(name: str, value: Any) -> int:
    words = name.lower()
    if value.__class__ not in (int, float) or "max" not in words or not re.search(
            r"size|bytes|_mb|length|upload|body", words) or re.search("pool|batch|page|queue|cache|log|len$", words):
        return 0
    size = value * 1024 * 1024 if re.search(r"mb$|_mb_|megabyte", words) else value
    return int(size) if 100_000 <= size <= 5_000_000_000 else 0
