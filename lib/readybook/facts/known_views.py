"""Class-based views and versioning of well-known packages, registered as the package would."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from readybook.facts.fastapi_objects import METHODS, RouterRecord, attach
from readybook.facts.frames import Condition
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, Native
from readybook.facts.values import UNKNOWN, External, Unknown, by_default, text_of

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

ROUTABLE = ("classy_fastapi.Routable", "classy_fastapi.routable.Routable")
CLASSY = {f"{m}.{n}": n for m in ("classy_fastapi", "classy_fastapi.decorators") for n in METHODS}
APIS = ("fastapi_utils.Api.add_resource", "fastapi_restful.Api.add_resource",
        "fastapi_utils.resource.Api.add_resource")
VERSIONED = ("fastapi_versioning.VersionedFastAPI", "fastapi_versioning.versioning.VersionedFastAPI")
PAGINATED = ("fastapi_pagination.add_pagination", "fastapi_pagination.api.add_pagination")
NOOP = "fastapi_versioning.versioning.VersionedFastAPI.<locals>.noop"
METRICS = "prometheus_fastapi_instrumentator.instrumentation.PrometheusFastApiInstrumentator.expose.<locals>.metrics"
VERSION = ("fastapi_versioning.version", "fastapi_versioning.versioning.version")


def called(run: Interpreter, path: str, args: Any, kwargs: Any, node: Any) -> Any:
    """The value of calling a name of one of these packages; None for other names."""
    if path in CLASSY:
        return _marked("__classy__", (CLASSY[path], args, kwargs))
    if path in VERSION:
        major = args[0] if args else kwargs.get("major", 1)
        minor = args[1] if len(args) > 1 else kwargs.get("minor", 0)
        return _marked("__version__", (major, minor))
    if path in PAGINATED and args and isinstance(args[0], Instance) and isinstance(args[0].native, RouterRecord):
        args[0].native.register(run, "pagination", {}, node)
        return args[0]
    if path in VERSIONED:
        return _versioned(run, args, kwargs, node)
    return None


def _marked(name: str, mark: Any) -> Native:
    """A decorator that leaves a mark on the function."""
    def mark_it(args: Any, kwargs: Any, site: Any) -> Any:
        if args and isinstance(args[0], FunctionValue):
            args[0].attrs[name] = mark
        return args[0] if args else UNKNOWN

    return Native(name, mark_it)


def made(run: Interpreter, value: Instance, node: Any) -> None:
    """What making an object of a project class sets up, when the class is one of classy-fastapi's views."""
    if run.symbolic or not isinstance(value.cls, ClassValue) or not value.is_a(*ROUTABLE) or "router" in value.attrs:
        return
    router = Instance(External("fastapi.APIRouter"), module=value.module, node=node)
    attach(run, router, "", (), value.attrs.pop(ROUTABLE[0], value.kwargs), node)
    seen: set[str] = set()
    for cls in value.cls.mro():
        for name, f in list(cls.scope.names.items()) if isinstance(cls, ClassValue) else []:
            if isinstance(f, FunctionValue) and "__classy__" in f.attrs and name not in seen:
                method, args, kwargs = f.attrs["__classy__"]
                path = args[0] if args else kwargs.get("path", UNKNOWN)
                router.native.register(run, "route", {
                    "response_model": None, **kwargs, "path": path, "methods": [method.upper()],
                    "endpoint": Bound(f, value)}, f.node)
            seen.add(name)
    value.attrs["router"] = router


def add_resource(run: Interpreter, api: Instance, args: Any, node: Any) -> None:
    """``Api(app).add_resource(Resource(), "/path", …)`` of fastapi-utils."""
    app = api.args[0] if api.args else api.kwargs.get("app")
    resource = args[0] if args else None
    if not isinstance(app, Instance) or not isinstance(app.native, RouterRecord) or not isinstance(resource, Instance):
        return
    if not isinstance(resource.cls, ClassValue):
        return
    for path in args[1:]:
        for method in METHODS:
            f = resource.cls.scope.names.get(method)
            if isinstance(f, FunctionValue):
                app.native.register(run, "route", {"path": path, "methods": [method.upper()],
                                                   "endpoint": Bound(f, resource)}, node)


def expose(run: Interpreter, exposed: Any, args: Any, kwargs: Any, node: Any) -> None:
    """``Instrumentator().instrument(app).expose(app)``: the page of the metrics, where its options say so."""
    app = args[0] if args else kwargs.get("app")
    maker = exposed
    while isinstance(maker, Instance) and "__on__" in maker.attrs:
        maker = maker.attrs["__on__"]
    asks = isinstance(maker, Instance) and maker.kwargs.get("should_respect_env_var") is True
    if isinstance(app, Instance) and isinstance(app.native, RouterRecord):
        data = {"path": kwargs.get("endpoint", "/metrics"), "endpoint": External(METRICS), "name": "metrics",
                **{k: kwargs[k] for k in ("include_in_schema", "tags") if k in kwargs}}
        with run.under(Condition("ENABLE_METRICS", False)) if asks else nullcontext():
            app.native.register(run, "route", data, node)


def mount_app(run: Interpreter, path: str, args: Any, node: Any) -> None:
    """An admin site of a package that mounts itself: its pages are made from the models when it is imported."""
    app = args[0] if args else None
    if isinstance(app, Instance) and isinstance(app.native, RouterRecord):
        reason = Unknown(f"{path} mounts routes that the package makes")
        app.native.register(run, "unknown_routes", {"value": reason, "as": "mount"}, node)


def _versioned(run: Interpreter, args: Any, kwargs: Any, node: Any) -> Any:
    """``VersionedFastAPI(app)``: an application for each version, each with the routes of those before it."""
    app = args[0] if args else kwargs.get("app")
    if not isinstance(app, Instance) or not isinstance(app.native, RouterRecord):
        return UNKNOWN
    from readybook.facts.route_lists import routes_in

    template = text_of(kwargs.get("prefix_format", "/v{major}_{minor}"))
    parent = _application(run, node, {k: v for k, v in kwargs.items() if k.endswith("_url")})
    by_version: dict[tuple[int, int], list[Any]] = {}
    first = by_default(kwargs.get("default_version", (1, 0)))
    for route in routes_in(Instance(External("fastapi.routes"), {"__of__": app})):
        if "endpoint" in route.attrs:
            marks = getattr(route.attrs["endpoint"], "attrs", {})
            version = marks.get("__version__", first)
            if not isinstance(version, tuple) or not all(isinstance(n, int) for n in version):
                return UNKNOWN
            by_version.setdefault(version, []).append(route.attrs["__event__"])
    unique: dict[tuple[Any, ...], Any] = {}
    inner = app
    for version in sorted(by_version):
        for event in by_version[version]:
            unique[text_of(event.data["path"]), str(event.data.get("methods"))] = event
        inner = _application(run, node, {})
        inner.native.events = list(unique.values())
        prefix = _prefix(template, version)
        for page in ("openapi.json", "docs") if isinstance(prefix, str) else ():
            parent.native.register(run, "route", {"path": f"{prefix}/{page}", "endpoint": External(NOOP)}, node)
        parent.native.register(run, "mount", {"path": prefix, "app": inner}, node)
    if kwargs.get("enable_latest") is True:
        parent.native.register(run, "mount", {"path": "/latest", "app": inner}, node)
    for event in app.native.events:
        if event.kind in ("middleware", "event", "exception_handler"):
            parent.native.events.append(event)
    return parent


def _prefix(template: str | None, version: tuple[Any, ...]) -> Any:
    """The path of a version; only the two names that the package documents are filled in."""
    if template is None:
        return UNKNOWN
    return template.replace("{major}", str(version[0])).replace("{minor}", str(version[1]))


def _application(run: Interpreter, node: Any, kwargs: dict[str, Any]) -> Instance:
    value = Instance(External("fastapi.FastAPI"), kwargs=kwargs, module=run.frame.module, node=node)
    attach(run, value, "", (), kwargs, node)
    return value
