"""FastAPI applications and routers as the interpreter meets them: what was registered on each, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from readybook.facts.frames import Condition
from readybook.facts.known_routers import populate, ready
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, Native
from readybook.facts.values import UNKNOWN, External, possible
from readybook.place import Place

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

APPS = ("fastapi.FastAPI", "starlette.applications.Starlette")
ROUTERS = (
    "fastapi.APIRouter", "starlette.routing.Router", "fastapi_utils.inferring_router.InferringRouter",
    "fastapi_restful.inferring_router.InferringRouter"
)
METHODS = ("get", "post", "put", "delete", "patch", "options", "head", "trace")
# names of packages that end like a router's class but are none of FastAPI's
FOREIGN = ("rest_framework.", "django", "litestar.", "aiogram.", "flask", "tornado.", "sanic.", "celery", "kombu.")
CBV = ("fastapi_utils.cbv.cbv", "fastapi_restful.cbv.cbv", "fastapi_utils.cbv", "fastapi_restful.cbv")

_LISTS = ("tags", "dependencies")
# FastAPI's own values of what an application or router was not given (fastapi/applications.py, fastapi/routing.py)
_PLAIN: dict[str, Any] = {
    "prefix": "", "title": "FastAPI", "version": "0.1.0", "description": "", "docs_url": "/docs",
    "redoc_url": "/redoc", "openapi_url": "/openapi.json", "root_path": "", "debug": False,
    "swagger_ui_oauth2_redirect_url": "/docs/oauth2-redirect"
}


@dataclass(eq=False, slots=True)
class Registration:
    """One thing registered on an application or router: ``kind`` is route, websocket, include, mount, middleware,
    exception_handler or event; ``data`` its arguments by FastAPI's names. ``seen`` tells of each router that an include
    may mean (by the identity of its record) how much was registered on it by then; ``own`` is what the router gave of
    itself at that time (its prefix, tags, dependencies …, see ``RouterRecord.kwargs``)."""

    kind: str
    data: dict[str, Any]
    conditions: tuple[Condition, ...]
    place: Place
    seen: dict[int, int] = field(default_factory=dict)
    own: dict[str, Any] | None = None


@dataclass(eq=False, slots=True)
class RouterRecord:
    """What the workbook knows of one application (``kind`` app) or router (``kind`` router).

    ``kwargs`` is what it was made with and what was set on it since; it is replaced, never changed: a registration
    keeps what held when it was made, as FastAPI's do.
    """

    kind: str
    kwargs: dict[str, Any]
    place: Place | None
    module: str
    events: list[Registration] = field(default_factory=list)
    complete: bool = True
    flavour: str = "fastapi"

    def attribute(self, run: Interpreter, value: Instance, name: str) -> Any:
        """An attribute of the application or router that FastAPI gives it; NotImplemented: its class may define it."""
        if isinstance(value.cls, ClassValue):
            try:
                found = value.cls.find(name)
            except KeyError:
                found = None
            if isinstance(found, FunctionValue):
                return NotImplemented
        if name == "router" and self.kind == "app":
            return value
        if name in _LISTS:
            return self._list(run, name)
        if name in _PLAIN:
            return self.kwargs.get(name, _PLAIN[name] if value.arguments_known else UNKNOWN)
        if name in ("state", "extra"):
            return value.attrs.setdefault(name, Instance(External("starlette.datastructures.State")))
        if name == "dependency_overrides":
            return value.attrs.setdefault(name, {})
        if name == "routes":
            return Instance(External("fastapi.routes"), {"__of__": value})
        return Bound(External(f"{APPS[0] if self.kind == 'app' else ROUTERS[0]}.{name}"), value)

    def _list(self, run: Interpreter, name: str) -> Any:
        """The tags or dependencies, as a list of its own: what the code adds to it holds for what comes after."""
        held = self.kwargs.get(name)
        if run.symbolic or not (held is None or isinstance(held, list | tuple)):
            return [] if held is None else held
        self.kwargs = {**self.kwargs, name: [*(held or ())]}
        return self.kwargs[name]

    def put(self, name: str, value: Any) -> None:
        """``router.prefix = value`` and the like."""
        if name in _LISTS or name in ("prefix", "include_in_schema", "deprecated"):
            self.kwargs = {**self.kwargs, name: value}

    def method(self, run: Interpreter, value: Instance, name: str, args: Any, kwargs: Any, node: Any) -> Any:
        """Call a method of FastAPI's own; registrations are noted in concrete mode only."""
        handler = _METHODS.get(name)
        if handler is not None:
            return handler(run, value, self, name, args, kwargs, node)
        if name == "__init__":
            self.kwargs = dict(kwargs)
            return None
        if name == "__call__":
            return UNKNOWN
        return Instance(External(f"fastapi.{'FastAPI' if self.kind == 'app' else 'APIRouter'}.{name}()"))

    def register(self, run: Interpreter, kind: str, data: dict[str, Any], node: Any) -> None:
        """Note a registration where the call stands."""
        if not run.symbolic:
            meant = map(_record, possible(data.get("router"))) if kind == "include" else ()
            seen = {id(r): len(r.events) for r in meant if r is not None}
            self.events.append(Registration(kind, data, tuple(run.conditions), run.place(node), seen, self.kwargs))


def _record(value: Any) -> RouterRecord | None:
    return value.native if isinstance(value, Instance) and isinstance(value.native, RouterRecord) else None


def native_for(run: Interpreter, path: str, args: Any, kwargs: Any, node: Any) -> Any:
    """The object or decorator that calling one of FastAPI's own names gives; None for other names."""
    if path in APPS or is_router(path):
        value = Instance(External(path), args=args, kwargs=kwargs, module=run.frame.module, node=node)
        attach(run, value, path, args, kwargs, node)
        populate(run, value, node)
        return value
    if path in CBV and args:
        return Native("cbv", lambda a, k, site: _class_based_view(run, args[0], a[0] if a else UNKNOWN))
    return None


def is_router(path: str) -> bool:
    """Whether a class of a package is a router: FastAPI's own, or by its name one that a package derives from it."""
    return path in ROUTERS or (path.endswith("Router") and "." in path and not path.startswith(FOREIGN))


def attach(run: Interpreter, value: Instance, base: str, args: Any, kwargs: Any, node: Any) -> None:
    """Give an object of FastAPI's classes, or of a project class derived from them, its record."""
    if value.native is not None:
        return
    if value.is_a(*APPS):
        kind = "app"
    elif any(map(is_router, value.cls.external_bases() if isinstance(value.cls, ClassValue) else [value.path])):
        kind = "router"
    else:
        return
    place = run.place(node) if node is not None else None
    if kind == "app" and value.is_a("starlette.applications.Starlette"):
        flavour = "starlette"
    else:
        flavour = "fastapi"
    value.native = RouterRecord(kind, dict(kwargs), place, run.frame.module.name, flavour=flavour)
    if kind == "app" and not run.symbolic:
        run.applications.append(value)


def _class_based_view(run: Interpreter, router: Any, cls: Any) -> Any:
    record = _record(router)
    if record is not None and isinstance(cls, ClassValue):
        for event in record.events:
            endpoint = event.data.get("endpoint")
            if isinstance(endpoint, FunctionValue) and endpoint.owner is cls:
                event.data["view"] = cls
    return cls


def _decorator(run: Interpreter, register: Any) -> Native:
    def decorate(args: Any, kwargs: Any, site: Any) -> Any:
        endpoint = args[0] if args else UNKNOWN
        register(endpoint, site)
        return endpoint

    return Native("registration", decorate)


def _route(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
           node: Any) -> Any:
    path = args[0] if args else kwargs.get("path", UNKNOWN)
    options = {k: v for k, v in kwargs.items() if k != "path"}
    if name in METHODS:
        options["methods"] = [name.upper()]
        override = _override(value, "api_route") if record.kind == "router" and not run.symbolic else None
        if override is not None:  # APIRouter's own get() and the like go through it
            return run.call_function(override, (value,), {**_UNSAID, **options, "path": path}, value)
    elif name in ("api_route", "route"):
        options.setdefault("methods", args[1] if len(args) > 1 else ["GET"])
    return _decorator(run, lambda endpoint, site: add_route(run, value, path, endpoint, options, node, name))


# what FastAPI hands on to the methods of a router's class although nobody said it
_UNSAID = {**dict.fromkeys(("status_code", "tags", "dependencies", "summary", "description", "responses", "deprecated",
                            "operation_id", "name")), "include_in_schema": True}


def add_route(run: Interpreter, value: Instance, path: Any, endpoint: Any, options: dict[str, Any], node: Any,
              via: str) -> None:
    """Register a route, through the class's own ``add_api_route`` when it has one."""
    override = _override(value, "add_api_route")
    running = any(f.function is override for f in run.frames) if override is not None else True
    if override is not None and not running and not run.symbolic:
        run.call_function(override, (value, path, endpoint), options, value)
        return
    kind = "starlette" if via in ("route", "add_route") else "route"
    if value.path.startswith("fastapi_crudrouter.") and not run.symbolic:
        from readybook.facts import known_crud

        known_crud.removed(value, path, options.get("methods"))
    value.native.register(run, kind, {**options, "path": path, "endpoint": endpoint}, node)


def _override(value: Instance, name: str) -> FunctionValue | None:
    if not isinstance(value.cls, ClassValue):
        return None
    for c in value.cls.mro():
        if isinstance(c, ClassValue) and isinstance(c.scope.names.get(name), FunctionValue):
            return c.scope.names[name]
    return None


def _add_api_route(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
                   node: Any) -> Any:
    options = dict(kwargs)
    path = args[0] if args else options.pop("path", UNKNOWN)
    endpoint = args[1] if len(args) > 1 else options.pop("endpoint", options.pop("route", UNKNOWN))
    if name == "add_route" and len(args) > 2:
        options["methods"] = args[2]
    options.setdefault("methods", ["GET"])
    if options["methods"] is None:
        options["methods"] = ["GET"]
    record.register(run, "starlette" if name == "add_route" else "route",
                    {**options, "path": path, "endpoint": endpoint}, node)


def _websocket(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
               node: Any) -> Any:
    path = args[0] if args else kwargs.get("path", UNKNOWN)
    options = {k: v for k, v in kwargs.items() if k != "path"}
    kind = "websocket" if name == "websocket" else "starlette_websocket"
    return _decorator(run, lambda endpoint, site: record.register(
        run, kind, {**options, "path": path, "endpoint": endpoint}, node))


def _add_websocket(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
                   node: Any) -> Any:
    options = dict(kwargs)
    path = args[0] if args else options.pop("path", UNKNOWN)
    endpoint = args[1] if len(args) > 1 else options.pop("endpoint", options.pop("route", UNKNOWN))
    kind = "websocket" if name == "add_api_websocket_route" else "starlette_websocket"
    record.register(run, kind, {**options, "path": path, "endpoint": endpoint}, node)


def _include(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
             node: Any) -> Any:
    router = args[0] if args else kwargs.get("router", UNKNOWN)
    options = {k: v for k, v in kwargs.items() if k != "router"}
    if len(args) > 1:
        options.setdefault("prefix", args[1])
    record.register(run, "include", {**options, "router": ready(run, router, node)}, node)


def _mount(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
           node: Any) -> Any:
    path = args[0] if args else kwargs.get("path", "")
    app = args[1] if len(args) > 1 else kwargs.get("app", UNKNOWN)
    record.register(run, "mount", {"path": path, "app": app, "name": kwargs.get("name")}, node)


def _middleware(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
                node: Any) -> Any:
    if name == "add_middleware":
        cls = args[0] if args else kwargs.get("middleware_class", UNKNOWN)
        options = {k: v for k, v in kwargs.items() if k != "middleware_class"}
        record.register(run, "middleware", {"class": cls, "args": args[1:], "kwargs": options}, node)
        return None
    return _decorator(run, lambda endpoint, site: record.register(
        run, "middleware", {"class": endpoint, "args": (), "kwargs": {}}, site or node))


def _exception_handler(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
                       node: Any) -> Any:
    key = args[0] if args else kwargs.get("exc_class_or_status_code", UNKNOWN)
    if name == "add_exception_handler":
        handler = args[1] if len(args) > 1 else kwargs.get("handler", UNKNOWN)
        record.register(run, "exception_handler", {"key": key, "handler": handler}, node)
        return None
    return _decorator(run, lambda endpoint, site: record.register(
        run, "exception_handler", {"key": key, "handler": endpoint}, node))


def _event(run: Interpreter, value: Instance, record: RouterRecord, name: str, args: Any, kwargs: Any,
           node: Any) -> Any:
    kind = args[0] if args else kwargs.get("event_type", UNKNOWN)
    if name == "add_event_handler":
        handler = args[1] if len(args) > 1 else kwargs.get("func", UNKNOWN)
        record.register(run, "event", {"event": kind, "handler": handler, "via": name}, node)
        return None
    return _decorator(run, lambda endpoint, site: record.register(
        run, "event", {"event": kind, "handler": endpoint, "via": name}, site or node))


_METHODS: dict[str, Any] = {
    **{m: _route for m in METHODS}, "api_route": _route, "route": _route, "add_api_route": _add_api_route,
    "add_route": _add_api_route, "websocket": _websocket, "websocket_route": _websocket,
    "add_api_websocket_route": _add_websocket, "add_websocket_route": _add_websocket, "include_router": _include,
    "mount": _mount, "middleware": _middleware, "add_middleware": _middleware,
    "exception_handler": _exception_handler, "add_exception_handler": _exception_handler, "on_event": _event,
    "add_event_handler": _event,
}
