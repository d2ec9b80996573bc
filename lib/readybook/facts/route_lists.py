"""``app.routes`` as a list: read, appended to, filtered and put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.fastapi_objects import Registration, RouterRecord
from readybook.facts.objects import Instance
from readybook.facts.values import External, by_default, text_of
from readybook.place import Place

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

LIST = "fastapi.routes"
CLASSES = {
    "fastapi.routing.APIRoute": "route", "starlette.routing.Route": "starlette", "starlette.routing.Mount": "mount",
    "fastapi.routing.APIWebSocketRoute": "websocket", "starlette.routing.WebSocketRoute": "starlette_websocket",
}
BASES = {
    "fastapi.routing.APIRoute": ("starlette.routing.Route", "starlette.routing.BaseRoute"),
    "fastapi.routing.APIWebSocketRoute": ("starlette.routing.WebSocketRoute", "starlette.routing.BaseRoute"),
    "starlette.routing.Route": ("starlette.routing.BaseRoute",), "starlette.routing.Mount": (
        "starlette.routing.BaseRoute",), "starlette.routing.WebSocketRoute": ("starlette.routing.BaseRoute",),
}
POSITIONS = {"route": ("path", "endpoint"), "starlette": ("path", "endpoint"), "mount": ("path", "app", "routes"),
             "websocket": ("path", "endpoint"), "starlette_websocket": ("path", "endpoint")}


def is_route_list(value: Any) -> bool:
    """Whether a value is the route list of an application or router."""
    return isinstance(value, Instance) and value.path == LIST


def is_route(value: Instance, kind: str) -> bool | None:
    """Whether a route object is of a class of Starlette's or FastAPI's; None when one of both is none of them."""
    if value.path not in CLASSES or (kind not in CLASSES and kind != "starlette.routing.BaseRoute"):
        return None
    return kind == value.path or kind in BASES[value.path]


def routes_in(value: Instance) -> list[Instance]:
    """The route objects of a route list, those of included routers in their place."""
    return [_object(e) for _, e in _flat(value.attrs["__of__"].native, "", (), ())]


def contexts(value: Instance) -> list[Instance]:
    """What ``fastapi.routing.iter_route_contexts`` gives: each route as it is served, the one behind it beside it."""
    found = []
    for original, served in _flat(value.attrs["__of__"].native, "", (), ()):
        context = _object(served)
        attrs = {k: v for k, v in context.attrs.items() if k != "__event__"}
        found.append(Instance(External("fastapi.routing.RouteContext"), {**attrs, "original_route": _object(original)}))
    return found


def set_path(run: Interpreter, route: Instance, path: Any) -> None:
    """``route.path = ...``: where the route is served from then on."""
    event = route.attrs["__event__"]
    if not run.symbolic and not any(condition.default is False for condition in run.conditions):
        event.data["path"] = path


def _flat(record: RouterRecord, prefix: str, dependencies: tuple[Any, ...],
          inside: tuple[int, ...]) -> list[tuple[Registration, Registration]]:
    """Each route that is registered, here or below, with what it is by its prefixes and dependencies."""
    found: list[tuple[Registration, Registration]] = []
    if id(record) in inside or len(inside) > 20:
        return found
    for event in record.events:
        if len(found) > 5_000:
            break
        data = event.data
        own = text_of((record.kwargs if event.own is None else event.own).get("prefix", "")) or ""
        if event.kind == "include":
            inner = by_default(data["router"])
            if isinstance(inner, Instance) and isinstance(inner.native, RouterRecord):
                more = (*dependencies, *_listed(data.get("dependencies")),
                        *_listed(inner.native.kwargs.get("dependencies")))
                joined = f"{prefix}{own}{text_of(data.get('prefix', '')) or ''}"
                found += _flat(inner.native, joined, more, (*inside, id(record)))
        elif event.kind in POSITIONS:
            path = text_of(data["path"])
            if path is None or not (prefix or own or dependencies):
                found.append((event, event))
                continue
            changed = {**data, "path": prefix + own + path}
            if dependencies:
                changed["dependencies"] = [*dependencies, *_listed(data.get("dependencies"))]
            found.append((event, Registration(event.kind, changed, event.conditions, event.place)))
    return found


def _listed(value: Any) -> list[Any]:
    value = by_default(value)
    return list(value) if isinstance(value, list | tuple) else []


def _object(event: Registration) -> Instance:
    cls = next(c for c, kind in CLASSES.items() if kind == event.kind)
    attrs = {"methods": ["GET"], "tags": [], "dependencies": [], "include_in_schema": True, **event.data}
    if attrs.get("name") is None:
        attrs["name"] = getattr(attrs.get("endpoint"), "name", None)
    attrs["path_format"] = attrs["path"]
    return Instance(External(cls), {**attrs, "__event__": event})


def registration(run: Interpreter, value: Any) -> Registration | None:
    """What a route object registers; None for anything else."""
    if not isinstance(value, Instance):
        return None
    if "__event__" in value.attrs:
        return value.attrs["__event__"]
    base = next((c for c in CLASSES if value.is_a(c)), None)
    if base is None:
        return None
    kind = CLASSES[base]
    data = {**dict(zip(POSITIONS[kind], value.args, strict=False)), **value.kwargs}
    if kind == "mount" and data.get("app") is None and "routes" in data:
        data["app"] = _router(run, data["routes"], value)
    if "path" not in data or ("endpoint" not in data and "app" not in data):
        return None
    if kind in ("route", "starlette") and data.get("methods") is None:
        data["methods"] = ["GET"]
    place = value.module.place(value.node) if value.module is not None and value.node is not None else Place("", 1)
    return Registration(kind, data, tuple(run.conditions), place)


def _router(run: Interpreter, routes: Any, mount: Instance) -> Instance:
    """The router that ``Mount(path, routes=[…])`` makes."""
    record = RouterRecord("router", {"routes": routes}, None, mount.module.name if mount.module else "")
    return Instance(External("starlette.routing.Router"), module=mount.module, node=mount.node, native=record)


def constructed(run: Interpreter, record: RouterRecord) -> list[Registration]:
    """Routes given to a constructor as ``routes=[...]``."""
    from readybook.facts.expressions import iterate

    given = iterate(run, record.kwargs.get("routes")) if record.kwargs.get("routes") is not None else None
    found = [registration(run, route) for route in given or []]
    return [r for r in found if r is not None]


def change(run: Interpreter, value: Instance, method: str, args: Any) -> None:
    """``append``, ``extend``, ``insert``, ``remove`` and ``clear`` of a route list."""
    from readybook.facts.expressions import iterate

    record: RouterRecord = value.attrs["__of__"].native
    if run.symbolic or (method in ("clear", "remove") and is_left_out(run)):
        return
    if method == "clear":
        replace(run, value.attrs["__of__"], [])
        return
    last = args[-1] if args else None
    given = (iterate(run, last) or [] if last is not None else []) if method in ("extend", "__iadd__") else [last]
    events = [e for e in (registration(run, g) for g in given) if e is not None]
    if method == "remove":
        record.events = [e for e in record.events if e not in events]
    elif method == "insert" and args and isinstance(args[0], int):
        record.events[args[0] : args[0]] = events
    elif method in ("append", "extend", "__iadd__"):
        record.events += events


def is_left_out(run: Interpreter) -> bool:
    """Whether the code at hand runs in some starts only, as the handler of an error does: nothing is gone by it."""
    return any(condition.default is not True for condition in run.conditions)


def replace(run: Interpreter, router: Instance, routes: list[Any]) -> bool:
    """``app.routes = [...]``; False when one is not a known route object: the list then stays as it is."""
    if any(condition.default is False for condition in run.conditions):
        return True
    events = [registration(run, r) for r in routes]
    if run.symbolic or None in events:
        return run.symbolic
    if is_left_out(run) and all(e in router.native.events for e in events):
        return True
    _put(router.native, [e for e in events if e is not None])
    return True


def adopt(run: Interpreter, router: Instance, routes: Instance) -> None:
    """``app.router.routes = other.routes``: from then on, the routes that the other one has now."""
    other: RouterRecord = routes.attrs["__of__"].native
    if run.symbolic or other is router.native or any(condition.default is False for condition in run.conditions):
        return
    if any(other.kwargs.get(name) for name in ("prefix", "dependencies", "tags")):
        replace(run, router, routes_in(routes))
    else:
        _put(router.native, [*constructed(run, other), *(e for e in other.events if _is_listed(e))])


def _put(record: RouterRecord, events: list[Registration]) -> None:
    record.kwargs.pop("routes", None)
    record.events = [*events, *(e for e in record.events if not _is_listed(e))]


def _is_listed(event: Registration) -> bool:
    return event.kind in POSITIONS or event.kind == "include"
