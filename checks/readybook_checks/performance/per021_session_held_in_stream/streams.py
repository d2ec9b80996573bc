"""Routes that answer with a stream, or keep a WebSocket open, and what they do with a database session."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import Project
from readybook.facts.application import Route
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.dependencies import yields
from readybook.facts.interpreter import is_generator
from readybook.facts.nodes import nodes, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.queries import session_kind
from readybook.facts.querychains import receivers
from readybook.facts.streaming import is_stream
from readybook.place import Place
from readybook.records import record

RELEASING = frozenset(("commit", "rollback", "close", "expunge_all"))


@record
class Stream:
    """One route that streams. ``place`` is where the stream is answered, ``source`` the generator (None for a
    WebSocket); ``endless``: it goes on until somebody stops it."""

    route: Route
    handler: FunctionValue
    place: Place
    source: FunctionValue | None
    endless: bool


@record
class Session:
    """The session a route gets from a dependency with ``yield``. ``name`` is the handler's parameter, empty when only
    another dependency takes it; ``depends`` the place of its ``Depends(…)`` when the handler writes it itself.
    ``shared``: another dependency takes it too, and does not let it go. ``early``: it is asked to close when the
    handler returns."""

    dependency: FunctionValue
    name: str
    depends: Place | None
    shared: bool
    early: bool


def streams(project: Project) -> Iterator[Stream]:
    """Every route of the project that streams what a generator gives, and every WebSocket, each handler once."""
    seen: set[int] = set()
    for route in project.facts.routes:
        for handler in (f.original for f in functions_behind(route.handler)):
            if id(handler.node) in seen or handler.node[0] != "def" or handler.module.role != "application":
                continue
            seen.add(id(handler.node))
            if route.method == "WEBSOCKET":
                yield Stream(route, handler, route.place, None, _loops(handler))
            elif is_generator(handler.node):
                yield Stream(route, handler, route.place, handler, _loops(handler))
            else:
                for call in project.facts.behaviour.calls_in(handler):
                    source = _source(project, handler, call) if is_stream(call.path) else None
                    if source is not None:
                        yield Stream(route, handler, call.place, source, _loops(source))


def _source(project: Project, handler: FunctionValue, call: Call) -> FunctionValue | None:
    """The generator of the project that a streamed answer is made of; None for text in memory and files."""
    node = call.site.node[4][0] if call.site.node[4] else dict(call.site.node[5]).get("content")
    if node is not None and node[0] == "name":
        made = [s[5] for s in statements(handler.node[6]) if s[0] == "assign"
                and any(t[0] == "name" and t[3] == node[3] for t in s[4])]
        node = made[0] if len(made) == 1 else None
    for inner in project.facts.behaviour.calls_in(handler):
        if node is not None and inner.site.node is node:
            found = [f.original for f in functions_behind(inner.site.callee) if is_generator(f.original.node)]
            return found[0] if found else None
    return None


def _loops(function: FunctionValue) -> bool:
    return any(s[0] == "while" or s[0] == "for" and s[8] for s in statements(function.node[6]))


def session(project: Project, stream: Stream) -> Session | None:
    """The session that the route's dependencies open and close around it; None when there is none."""
    run = project.facts.behaviour.run
    opened = [t.original for t in stream.route.targets
              if isinstance(t, FunctionValue) and yields(t) and session_kind(run.summary(t))]
    if not opened:
        return None
    dependency = opened[0]
    name, depends, early = _parameter(stream.handler, dependency)
    takers = [t for t in stream.route.targets if isinstance(t, FunctionValue) and t.original is not dependency
              and _takes(t.original, dependency) and not _lets_go(project, t.original)]
    return Session(dependency, name, depends, bool(takers) or len(opened) > 1, early)


def _takes(function: FunctionValue, dependency: FunctionValue) -> bool:
    return _parameter(function, dependency)[0] != ""


def _lets_go(project: Project, function: FunctionValue) -> bool:
    """Whether the last that a function does with its session is to give the connection back."""
    used = [c for c in project.facts.behaviour.calls_in(function) if any(session_kind(on) for on in receivers(c))]
    return bool(used) and used[-1].last in RELEASING


def _parameter(function: FunctionValue, dependency: FunctionValue) -> tuple[str, Place | None, bool]:
    """The parameter that gets the dependency, its ``Depends(…)`` in the signature (an alias has no place here), and
    whether that says ``scope="function"``."""
    for name, annotation, default, *_ in function.params:
        for node in (n for part in (default, annotation) if part is not None for n in nodes(part)):
            if node[0] == "call" and node[4] and _names(node[4][0], function) is dependency:
                scope = dict(node[5]).get("scope")
                return name, function.module.place(node), scope is not None and scope[-1] == "function"
        kind = _names(annotation, function) if annotation is not None else None
        for marker in getattr(kind, "args", ())[1:]:
            target = next(iter(getattr(marker, "args", ())), None)
            if isinstance(target, FunctionValue) and target.original is dependency:
                return name, None, marker.kwargs.get("scope") == "function"
    return "", None, False


def _names(node: Any, function: FunctionValue) -> Any:
    if node[0] != "name":
        return None
    try:
        value = function.scope.find(node[3])
    except KeyError:
        return None
    return value.original if isinstance(value, FunctionValue) else value


def used_in_stream(stream: Stream, name: str) -> bool:
    """Whether what runs while the stream goes on uses the session: the generator itself, or what it is given."""
    if stream.source is None or stream.source is stream.handler:
        return True
    inner = any(n[0] == "name" and n[3] == name for n in nodes(stream.source.node[6]))
    return inner if stream.source.qualname.startswith(f"{stream.handler.qualname}.<locals>") else any(
        p[0] == name for p in stream.source.params)


def holds(project: Project, stream: Stream, given: Session) -> bool:
    """Whether the session has a connection when the stream begins: it was used, and not let go since."""
    if given.early and not given.shared and stream.source not in (None, stream.handler):
        return False
    behaviour = project.facts.behaviour
    used = [c for c in behaviour.calls_in(stream.handler) if any(session_kind(on) for on in receivers(c))]
    if used and used[-1].last in RELEASING and not used_in_stream(stream, given.name):
        return False
    handed = any(n[0] == "name" and n[3] == given.name for s in stream.handler.node[6] for n in nodes(s))
    return given.shared or bool(used) or handed and bool(given.name)
