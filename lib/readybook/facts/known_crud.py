"""Routes that packages make of a model or of a chain: fastcrud, fastapi-crudrouter, LangServe. From their sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.fastapi_objects import RouterRecord, attach
from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.facts.ormcolumns import attribute_names, column
from readybook.facts.parameters import Parameter
from readybook.facts.values import UNKNOWN, External, Unknown, by_default, text_of

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

Row = tuple[str, str, str, str]  # operation, method, path after the prefix, endpoint

FASTCRUD = ("fastcrud.crud_router", "fastcrud.endpoint.crud_router.crud_router")
_CREATOR = "fastcrud.endpoint.endpoint_creator.EndpointCreator"
# fastcrud 0.15 and later; before it, the paths of the first five had words of their own (see BEFORE)
CRUD: tuple[Row, ...] = (
    ("create", "POST", "", "_create_item"), ("read", "GET", "{key}", "_read_item"),
    ("read_multi", "GET", "", "_read_items"), ("update", "PATCH", "{key}", "_update_item"),
    ("delete", "DELETE", "{key}", "_delete_item"), ("db_delete", "DELETE", "{key}", "_db_delete"),
)
NAMES = {"db_delete": "db_delete"}
BEFORE = {"create": "create", "read": "get", "read_multi": "get_multi", "update": "update", "delete": "delete", **NAMES}
SHORT = (0, 15)
OVERRIDES = ("__init__", "add_routes_to_router", "_get_endpoint_path")

_ROUTERS = "fastapi_crudrouter.core"
# fastapi-crudrouter: class → (module of its endpoints, the argument that names the table: its place and its keyword)
CRUD_ROUTERS = {
    "MemoryCRUDRouter": ("mem", None), "SQLAlchemyCRUDRouter": ("sqlalchemy", (1, "db_model")),
    "GinoCRUDRouter": ("gino_starlette", (1, "db_model")), "DatabasesCRUDRouter": ("databases", (1, "table")),
    "OrmarCRUDRouter": ("ormar", (0, "schema")), "TortoiseCRUDRouter": ("tortoise", (1, "db_model")),
}
ROUTES: tuple[Row, ...] = (
    ("get_all_route", "GET", "", "_get_all"), ("create_route", "POST", "", "_create"),
    ("delete_all_route", "DELETE", "", "_delete_all"), ("get_one_route", "GET", "/{item_id}", "_get_one"),
    ("update_route", "PUT", "/{item_id}", "_update"), ("delete_one_route", "DELETE", "/{item_id}", "_delete_one"),
)

LANGSERVE = ("langserve.add_routes", "langserve.server.add_routes")
_HANDLER = "langserve.api_handler.APIHandler"
CHAIN: tuple[Row, ...] = (
    *((name, "POST", name, f"langserve.server.add_routes.<locals>.{name}")
      for name in ("invoke", "batch", "stream", "stream_log", "stream_events")),
    *((name, "GET", name, f"langserve.server.add_routes.<locals>.{name}")
      for name in ("input_schema", "output_schema", "config_schema")),
    ("playground", "GET", "playground/{file_path:path}", f"{_HANDLER}.playground"),
    ("token_feedback", "POST", "token_feedback", f"{_HANDLER}.create_feedback_from_token"),
)
PLAIN_ONLY = ("token_feedback",)  # operations without a route for settings of their own


def called(run: Interpreter, path: str, args: Any, kwargs: Any, node: Any) -> Any:
    """The value of calling a name of one of these packages; None for other names."""
    if path in FASTCRUD:
        return _fastcrud(run, args, kwargs, node)
    if path in LANGSERVE:
        _chain(run, args, kwargs, node)
        return UNKNOWN
    return None


def removed(router: Instance, path: Any, methods: Any) -> None:
    """Take away the route that a decorator of a fastapi-crudrouter's router stands in for: the package does so."""
    record = router.native
    if router.path.rpartition(".")[2] in CRUD_ROUTERS and isinstance(methods, list | tuple):
        record.events = [e for e in record.events if e.kind != "route" or e.data.get("path") != path
                         or e.data.get("methods") != list(methods)]


def populate(run: Interpreter, router: Instance, node: Any) -> None:
    """Register what a router class of fastapi-crudrouter registers on itself when it is made."""
    package, _, name = router.path.rpartition(".")
    if not package.startswith("fastapi_crudrouter") or name not in CRUD_ROUTERS:
        return
    module, table = CRUD_ROUTERS[name]
    args, kwargs, record = router.args, router.kwargs, router.native
    schema = args[0] if args else kwargs.get("schema")
    given = by_default(kwargs.get("prefix"))
    prefix = _prefix(given or _table(schema, _argument(args, kwargs, table)))
    tags = kwargs.get("tags") or ([prefix.strip("/").capitalize()] if isinstance(prefix, str) else [])
    record.kwargs = {**record.kwargs, "prefix": prefix, "tags": tags}
    asks = [kwargs["db"]] if isinstance(kwargs.get("db"), FunctionValue) else []
    for operation, method, path, endpoint in ROUTES:
        wanted = by_default(kwargs.get(operation, True))
        if wanted is False or (isinstance(wanted, list | tuple) and not wanted):
            continue
        own = list(wanted) if isinstance(wanted, list | tuple) else []
        pages = [External(f"{_ROUTERS}._utils.pagination_factory.<locals>.pagination")]
        record.register(run, "route", {
            "path": path, "methods": [method], "name": "route",
            "endpoint": External(f"{_ROUTERS}.{module}.{name}.{endpoint}.<locals>.route"),
            "dependencies": [*own, *_depends(asks + (pages if operation == "get_all_route" else []))],
            "inputs": tuple(_inputs(operation, module, getattr(schema, "name", ""))),
        }, node)


def _inputs(operation: str, module: str, schema: str) -> Iterator[Parameter]:
    """What one route of fastapi-crudrouter asks for; its body is the schema, or a model that is made of it."""
    if operation == "get_all_route":
        yield Parameter("skip", "query", False, "int", "skip")
        yield Parameter("limit", "query", False, "int", "limit")
    if operation in ("get_one_route", "update_route", "delete_one_route"):
        yield Parameter("item_id", "path", True, "int", "item_id")
    if operation in ("create_route", "update_route"):
        name = "schema" if module == "databases" else "model"
        yield Parameter(name, "body", True, schema, name)


def _argument(args: Any, kwargs: Any, place: tuple[int, str] | None) -> Any:
    if place is None:
        return None
    number, name = place
    return kwargs.get(name, args[number] if len(args) > number else None)


def _table(schema: Any, model: Any) -> Any:
    """What a router without a prefix is called by: its model's table, or its schema's class."""
    if isinstance(model, ClassValue):
        for name, inner in (("__tablename__", None), ("Meta", "tablename"), ("Meta", "table")):
            try:
                found = model.find(name)
            except KeyError:
                continue
            if inner is not None:
                found = found.scope.names.get(inner) if isinstance(found, ClassValue) else None
            if text_of(found):
                return text_of(found)
        return Unknown(f"the table of {model.name}")
    if model is not None or not isinstance(schema, ClassValue):
        return Unknown("the name of the table that the router is called by")
    return schema.name


def _prefix(name: Any) -> Any:
    return f"/{name.lower().strip('/')}" if isinstance(name, str) else name


def _fastcrud(run: Interpreter, args: Any, kwargs: Any, node: Any) -> Instance:
    """``crud_router(session, model, …)``: a router with a route for each operation that is not left out."""
    router = Instance(External("fastapi.APIRouter"), module=run.frame.module, node=node)
    attach(run, router, "", (), {}, node)
    given = dict(zip(("session", "model", "create_schema", "update_schema", "crud", "delete_schema", "path", "tags"),
                     args, strict=False)) | kwargs
    creator = by_default(given.get("endpoint_creator"))
    if isinstance(creator, ClassValue) and any(isinstance(creator.scope.names.get(n), FunctionValue)
                                               for n in OVERRIDES):
        router.native.register(run, "unknown_routes", {
            "value": Unknown(f"{creator.name} makes its routes in its own way"), "as": "route"}, node)
        return router
    release = run.releases.get("fastcrud")
    own = given.get("endpoint_names")
    names = {**(BEFORE if release is not None and release < SHORT else NAMES), **(own if isinstance(own, dict) else {})}
    path, key = given.get("path", ""), _key(given.get("model"))
    for operation, method, suffix, endpoint in CRUD:
        if not _wanted(operation, given) or (operation == "db_delete" and given.get("delete_schema") is None):
            continue
        deps = by_default(given.get(f"{operation}_deps"))
        router.native.register(run, "route", {
            "path": _joined(path, names.get(operation, ""), key if suffix else ""), "methods": [method],
            "endpoint": External(f"{_CREATOR}.{endpoint}.<locals>.endpoint"), "tags": given.get("tags"),
            "dependencies": _depends([given["session"]] if "session" in given else []) + _depends(
                list(deps) if isinstance(deps, list | tuple) else []),
        }, node)
    return router


def _key(model: Any) -> Any:
    """The part of a path for the primary key of a model."""
    if not isinstance(model, ClassValue):
        return Unknown("the primary key of a model that is not known")
    sqlmodel = model.is_a("sqlmodel.SQLModel", "sqlmodel.main.SQLModel")
    found = [column(owner, name, owner.scope.names.get(name), None, sqlmodel)
             for owner, name in attribute_names(model)]
    keys = [c.name for c in found if c is not None and c.primary_key]
    return "/".join(f"{{{name}}}" for name in keys) if keys else Unknown(f"the primary key of {model.name}")


def _joined(*parts: Any) -> Any:
    """A path of its parts; the empty ones are left out, and one that is not known makes it unknown."""
    known = []
    for number, part in enumerate(parts):
        text = part if isinstance(part, str) else text_of(part)
        if text is None:
            return part if isinstance(part, Unknown) else UNKNOWN
        known += [text if number == 0 else f"/{text}"] if text else []
    return "".join(known)


def _wanted(operation: str, given: dict[str, Any]) -> bool:
    included, left_out = by_default(given.get("included_methods")), by_default(given.get("deleted_methods"))
    if isinstance(included, list | tuple):
        return operation in included
    return not (isinstance(left_out, list | tuple) and operation in left_out)


def _depends(targets: list[Any]) -> list[Any]:
    """Dependencies as FastAPI is given them; what is one already stays."""
    return [t if isinstance(t, Instance) and t.is_a("fastapi.Depends", "fastapi.Security")
            else Instance(External("fastapi.Depends"), args=(t,)) for t in targets]


def _chain(run: Interpreter, args: Any, kwargs: Any, node: Any) -> None:
    """``add_routes(app, chain, path="/x")``: what calls, streams and describes the chain, plain and by its settings."""
    app = args[0] if args else kwargs.get("app")
    if not isinstance(app, Instance) or not isinstance(app.native, RouterRecord):
        return
    enabled, disabled = by_default(kwargs.get("enabled_endpoints")), by_default(kwargs.get("disabled_endpoints"))

    def on(name: str) -> bool:
        if isinstance(enabled, list | tuple):
            return name in enabled
        return not (isinstance(disabled, list | tuple) and name in disabled)

    deps = by_default(kwargs.get("dependencies"))
    for name, method, path, endpoint in CHAIN:
        by_settings = endpoint if endpoint.startswith(_HANDLER) else f"{endpoint}_with_config"
        both = on("config_hashes") and name not in PLAIN_ONLY
        rows = [(path, endpoint), *([(f"c/{{config_hash}}/{path}", by_settings)] if both else [])]
        for inner, target in rows if on(name) else ():
            app.native.register(run, "route", {
                "path": _joined(kwargs.get("path", ""), inner), "methods": [method], "endpoint": External(target),
                "dependencies": list(deps) if isinstance(deps, list | tuple) else [],
            }, node)
