"""What the workbook knows of packages outside the target: their names, and what calling them gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.builtin_calls import call_builtin
from readybook.facts.interpreter import is_generator
from readybook.facts.objects import (
    Bound,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleValue,
    Native,
    PartialValue,
)
from readybook.facts.pathcalls import CALLS as PATH_CALLS
from readybook.facts.pathcalls import file_method, loader, opened, path_attribute, path_method
from readybook.facts.route_lists import change, is_route_list
from readybook.facts.standard_calls import CALLS as STANDARD_CALLS
from readybook.facts.targetfiles import PATHS
from readybook.facts.values import UNKNOWN, External, Unknown, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

PARAMETERS = ("Depends", "Security", "Query", "Path", "Body", "Header", "Cookie", "Form", "File")
RESPONSES = (
    "Response", "JSONResponse", "HTMLResponse", "PlainTextResponse", "RedirectResponse", "StreamingResponse",
    "FileResponse",
)
SECURITY = {
    "oauth2": ("OAuth2", "OAuth2PasswordBearer", "OAuth2AuthorizationCodeBearer", "OAuth2PasswordRequestForm",
               "OAuth2PasswordRequestFormStrict", "SecurityScopes"),
    "http": ("HTTPBearer", "HTTPBasic", "HTTPDigest", "HTTPAuthorizationCredentials", "HTTPBasicCredentials",
             "HTTPBase"),
    "api_key": ("APIKeyHeader", "APIKeyQuery", "APIKeyCookie"),
    "open_id_connect_url": ("OpenIdConnect",),
}
ALIASES: dict[str, str] = {
    "fastapi.applications.FastAPI": "fastapi.FastAPI",
    "fastapi.routing.APIRouter": "fastapi.APIRouter",
    **{f"fastapi.{m}.{n}": f"fastapi.{n}" for n in PARAMETERS for m in ("params", "param_functions")},
    **{f"fastapi.responses.{n}": f"starlette.responses.{n}" for n in RESPONSES},
    "fastapi.Response": "starlette.responses.Response",
    "fastapi.Request": "starlette.requests.Request",
    "fastapi.requests.Request": "starlette.requests.Request",
    "fastapi.WebSocket": "starlette.websockets.WebSocket",
    "fastapi.websockets.WebSocket": "starlette.websockets.WebSocket",
    "fastapi.WebSocketDisconnect": "starlette.websockets.WebSocketDisconnect",
    "fastapi.BackgroundTasks": "fastapi.background.BackgroundTasks",
    "starlette.background.BackgroundTasks": "fastapi.background.BackgroundTasks",
    "fastapi.UploadFile": "fastapi.datastructures.UploadFile",
    "starlette.datastructures.UploadFile": "fastapi.datastructures.UploadFile",
    "fastapi.HTTPException": "fastapi.exceptions.HTTPException",
    "fastapi.testclient.TestClient": "starlette.testclient.TestClient",
    "fastapi.staticfiles.StaticFiles": "starlette.staticfiles.StaticFiles",
    "fastapi.templating.Jinja2Templates": "starlette.templating.Jinja2Templates",
    "fastapi.concurrency.run_in_threadpool": "starlette.concurrency.run_in_threadpool",
    "fastapi.encoders.jsonable_encoder": "fastapi.jsonable_encoder",
    "sqlalchemy.engine.create_engine": "sqlalchemy.create_engine",
    "sqlmodel.create_engine": "sqlalchemy.create_engine",
    "sqlalchemy.ext.asyncio.engine.create_async_engine": "sqlalchemy.ext.asyncio.create_async_engine",
    "sqlalchemy.ext.asyncio.session.AsyncSession": "sqlalchemy.ext.asyncio.AsyncSession",
    "sqlalchemy.orm.session.Session": "sqlalchemy.orm.Session",
    "sqlalchemy.orm.session.sessionmaker": "sqlalchemy.orm.sessionmaker",
    "sqlalchemy.sql.text": "sqlalchemy.text", "sqlalchemy.sql.expression.text": "sqlalchemy.text",
    "sqlmodel.text": "sqlalchemy.text",
    "pydantic_settings.main.BaseSettings": "pydantic_settings.BaseSettings",
    "pydantic.env_settings.BaseSettings": "pydantic.BaseSettings",
    "pydantic.v1.BaseSettings": "pydantic.BaseSettings",
    "pydantic.main.BaseModel": "pydantic.BaseModel",
    "pydantic.fields.Field": "pydantic.Field",
    "redis.client.Redis": "redis.Redis", "redis.StrictRedis": "redis.Redis",
    "redis.asyncio.client.Redis": "redis.asyncio.Redis", "redis.asyncio.StrictRedis": "redis.asyncio.Redis",
    "typing_extensions.Annotated": "typing.Annotated",
    "requests.api.get": "requests.get", "requests.api.post": "requests.post",
    "requests.sessions.Session": "requests.Session",
    "starlette.middleware.Middleware": "starlette.middleware.Middleware",
    "fastapi.middleware.Middleware": "starlette.middleware.Middleware",
    "collections.abc.Callable": "typing.Callable",
    "starlette.config.Config": "starlette.config.Config",
    "uvicorn.main.run": "uvicorn.run",
    **{f"fastapi.security.{n}": f"fastapi.security.{m}.{n}" for m, names in SECURITY.items() for n in names},
}
PREFIXES = (
    ("fastapi.middleware.", "starlette.middleware."),
    ("typing_extensions.", "typing."),
)
CONSTANT_NAMES: dict[str, Any] = {
    "typing.TYPE_CHECKING": False, "sys.platform": Unknown("the platform"), "os.sep": "/", "math.inf": float("inf"),
    "fastapi.status.WS_1008_POLICY_VIOLATION": 1008, "os.name": Unknown("the platform"),
}
# what a function of a package gives, by the class of its result
RETURNS: dict[str, str] = {
    "sqlalchemy.create_engine": "sqlalchemy.engine.Engine",
    "sqlalchemy.engine_from_config": "sqlalchemy.engine.Engine",
    "sqlalchemy.ext.asyncio.create_async_engine": "sqlalchemy.ext.asyncio.AsyncEngine",
    "sqlalchemy.ext.asyncio.async_engine_from_config": "sqlalchemy.ext.asyncio.AsyncEngine",
    "logging.getLogger": "logging.Logger", "dataclasses.field": "dataclasses.field",
    "open": "io.TextIOWrapper",
    "redis.from_url": "redis.Redis", "redis.Redis.from_url": "redis.Redis",
    "redis.asyncio.from_url": "redis.asyncio.Redis", "redis.asyncio.Redis.from_url": "redis.asyncio.Redis",
    "aioredis.from_url": "redis.asyncio.Redis",
    "asyncpg.connect": "asyncpg.Connection", "asyncpg.create_pool": "asyncpg.Pool",
    "psycopg2.connect": "psycopg2.Connection", "psycopg.connect": "psycopg.Connection",
    "psycopg.Connection.connect": "psycopg.Connection", "psycopg.AsyncConnection.connect": "psycopg.AsyncConnection",
    "sqlite3.connect": "sqlite3.Connection", "pymysql.connect": "pymysql.Connection",
    "mysql.connector.connect": "mysql.connector.Connection", "aiosqlite.connect": "aiosqlite.Connection",
    "requests.session": "requests.Session", "boto3.client": "boto3.client()", "boto3.resource": "boto3.resource()",
    "boto3.session.Session.client": "boto3.client()", "boto3.Session.client": "boto3.client()",
    "boto3.Session.resource": "boto3.resource()",
    "sqlalchemy.orm.Session": "sqlalchemy.orm.Session", "sqlmodel.Session": "sqlalchemy.orm.Session",
    "sqlmodel.ext.asyncio.session.AsyncSession": "sqlalchemy.ext.asyncio.AsyncSession",
    "psycopg2.Connection.cursor": "psycopg2.Cursor", "psycopg.Connection.cursor": "psycopg.Cursor",
    "sqlite3.Connection.cursor": "sqlite3.Cursor", "pymysql.Connection.cursor": "pymysql.Cursor",
    "sqlalchemy.engine.Engine.connect": "sqlalchemy.engine.Connection",
    "sqlalchemy.engine.Engine.begin": "sqlalchemy.engine.Connection",
    "sqlalchemy.ext.asyncio.AsyncEngine.connect": "sqlalchemy.ext.asyncio.AsyncConnection",
    "sqlalchemy.ext.asyncio.AsyncEngine.begin": "sqlalchemy.ext.asyncio.AsyncConnection",
    "pathlib.Path.open": "io.TextIOWrapper", "pathlib.Path.cwd": "pathlib.Path", "pathlib.Path.home": "pathlib.Path",
    "pathlib.Path.resolve": "pathlib.Path", "pathlib.Path.absolute": "pathlib.Path",
    "pathlib.Path.joinpath": "pathlib.Path", "pathlib.Path.with_suffix": "pathlib.Path",
    "pathlib.Path.with_name": "pathlib.Path", "pathlib.Path.expanduser": "pathlib.Path",
    "asyncio.get_event_loop": "asyncio.AbstractEventLoop", "asyncio.get_running_loop": "asyncio.AbstractEventLoop",
    "asyncio.new_event_loop": "asyncio.AbstractEventLoop",
    "structlog.get_logger": "structlog.BoundLogger", "structlog.stdlib.get_logger": "structlog.BoundLogger",
    "smtplib.SMTP.__enter__": "smtplib.SMTP",
}
FACTORIES: dict[str, str] = {  # calling an object of the key gives an object of the value
    "sqlalchemy.orm.sessionmaker": "sqlalchemy.orm.Session",
    "sqlalchemy.orm.scoped_session": "sqlalchemy.orm.Session",
    "sqlalchemy.ext.asyncio.async_sessionmaker": "sqlalchemy.ext.asyncio.AsyncSession",
    "sqlalchemy.ext.asyncio.async_scoped_session": "sqlalchemy.ext.asyncio.AsyncSession",
}
SAME = frozenset((
    "functools.lru_cache", "functools.cache", "contextlib.asynccontextmanager", "contextlib.contextmanager",
    "dataclasses.dataclass", "functools.total_ordering", "typing.cast_to", "typing.overload", "typing.final",
    "copy.deepcopy", "copy.copy", "typing.override", "async_lru.alru_cache", "enum.unique",
))


def canonical(path: str) -> Any:
    """The value of a dotted name of a package: a known constant, or External under its defining name."""
    if path in CONSTANT_NAMES:
        return CONSTANT_NAMES[path]
    if path in ALIASES:
        return External(ALIASES[path])
    if path.startswith(("fastapi.status.", "starlette.status.")):
        return _status(path)
    if path.startswith(("http.HTTPStatus.",)):
        return _http_status(path.rpartition(".")[2])
    for old, new in PREFIXES:
        if path.startswith(old):
            return External(new + path[len(old) :])
    return External(path)


def _status(path: str) -> Any:
    parts = path.rpartition(".")[2].split("_")
    if len(parts) > 1 and parts[0] in ("HTTP", "WS") and parts[1].isdigit():
        return int(parts[1])
    return External(path)


def _http_status(name: str) -> Any:
    from http import HTTPStatus

    return int(HTTPStatus[name]) if name in HTTPStatus.__members__ else External(f"http.HTTPStatus.{name}")


def star_names(path: str) -> dict[str, Any]:
    """Names that ``from package import *`` brings, for packages whose star is in common use."""
    names = {
        "fastapi": ("FastAPI", "APIRouter", "Request", "Response", "HTTPException", "status", "UploadFile",
                    "WebSocket", "BackgroundTasks", *PARAMETERS),
        "typing": ("Any", "Optional", "List", "Dict", "Union", "Annotated", "Tuple", "Set", "Callable", "Type"),
        "pydantic": ("BaseModel", "Field", "validator"),
        "sqlalchemy": ("Column", "Integer", "String", "ForeignKey", "create_engine", "text", "select", "Boolean",
                       "DateTime", "Text", "Float"),
    }.get(path, ())
    return {n: canonical(f"{path}.{n}") for n in names}


def call_external(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    """The value of calling a name of a package."""
    path = e.path
    handler = CALLS.get(path)
    if handler is not None:
        return handler(run, e, args, kwargs, node)
    handler = loader(path)
    if handler is not None:
        return handler(run, e, args, kwargs, node)
    if "." not in path:
        if path[0].isupper():
            return Instance(e, args=args, kwargs=kwargs, module=run.frame.module if run.frames else None, node=node)
        if path == "open":
            return opened(run, _made(run, "io.TextIOWrapper", e, args, kwargs, node), args[0] if args else None)
        return call_builtin(run, path, args, kwargs)
    from readybook.facts import known_views
    from readybook.facts.fastapi_objects import native_for

    native = native_for(run, path, args, kwargs, node) or known_views.called(run, path, args, kwargs, node)
    if native is not None:
        return native
    if path in SAME:
        return args[0] if args else Native(path, lambda a, k, site: a[0] if a else UNKNOWN)
    made = _made(run, RETURNS.get(path, path if _is_class(path) else f"{path}()"), e, args, kwargs, node)
    made.arguments_known = complete
    return made


def _is_class(path: str) -> bool:
    last = path.rpartition(".")[2]
    return last[:1].isupper() or last in ("sessionmaker", "async_sessionmaker", "scoped_session")


def _made(run: Interpreter, cls: str, callee: External, args: Any, kwargs: Any, node: Any) -> Instance:
    made = Instance(External(cls), args=args, kwargs=kwargs, module=run.frame.module if run.frames else None, node=node)
    made.attrs["__callee__"] = callee
    return made


def call_method(run: Interpreter, b: Bound, args: Any, kwargs: Any, node: Any) -> Any:
    """Calling a method that an object of a package, or a subclass of one, brings."""
    path = b.function.path
    value = b.self
    if isinstance(value, Instance):
        last = path.rpartition(".")[2]
        if value.native is None and last == "__init__":
            from readybook.facts.fastapi_objects import attach

            attach(run, value, path.rpartition(".")[0], args, kwargs, node)
        if value.native is not None:
            return value.native.method(run, value, last, args, kwargs, node)
        if is_route_list(value):
            return change(run, value, last, args)
        if last == "get_secret_value" and value.args:
            return value.args[0]
        found = path_method(run, value, last, args, kwargs) if value.path in PATHS else file_method(run, value, last)
        if found is not None:
            return found
        from readybook.facts.settings_values import config_call

        found = config_call(run, value, last, args, kwargs, node)
        if found is not None:
            return found
    if isinstance(value, ClassValue):
        from readybook.facts.construction import class_method

        return class_method(run, value, path.rpartition(".")[2], args, kwargs, node)
    from readybook.facts.known_views import APIS, add_resource

    if path in APIS and isinstance(value, Instance):
        add_resource(run, value, args, node)
    if path in RETURNS:
        made = _made(run, RETURNS[path], b.function, args, kwargs, node)
        return opened(run, made, value) if path == "pathlib.Path.open" else made
    if path.endswith(".__aenter__") or path.endswith(".__enter__"):
        return value
    made = _made(run, f"{path}()", b.function, args, kwargs, node)
    made.attrs["__on__"] = value
    return made


def call_instance(run: Interpreter, i: Instance, args: Any, kwargs: Any, node: Any) -> Any:
    """Calling an object of a package: a session factory, a settings reader, a decorator made with arguments."""
    from readybook.facts.settings_values import config_call

    found = config_call(run, i, "__call__", args, kwargs, node)
    if found is not None:
        return found
    if i.path in FACTORIES:
        made = FACTORIES[i.path]
        cls = i.kwargs.get("class_")
        if isinstance(cls, External):
            made = RETURNS.get(cls.path, cls.path)
        return _made(run, made, i.cls, args, kwargs, node)
    if len(args) == 1 and not kwargs and isinstance(args[0], FunctionValue | ClassValue):
        return args[0]  # a decorator of a package: taken to keep what it decorates
    return _made(run, f"{i.path}()", i.cls, args, kwargs, node)


def instance_attribute(run: Interpreter, value: Instance, name: str) -> Any:
    """An attribute of an object of a package."""
    if value.path in PATHS:
        found = path_attribute(run, value, name)
        if found is not None:
            return found
    if name == "value" and value.path == "pydantic.SecretStr" and value.args:
        return value.args[0]
    base = value.path
    return Bound(External(f"{base}.{name}"), value)


def _getenv(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.settings_values import environment

    name = args[0] if args else kwargs.get("key", UNKNOWN)
    default = args[1] if len(args) > 1 else kwargs.get("default")
    return environment(run, name, default, node)


def _decouple(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.settings_values import environment

    return environment(run, args[0] if args else UNKNOWN, kwargs.get("default", UNKNOWN), node)


def _partial(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    if not args:
        return UNKNOWN
    inner = args[0]
    if isinstance(inner, PartialValue):  # one in another is one: never deep
        return PartialValue(inner.function, (*inner.args, *args[1:])[:100], {**inner.kwargs, **kwargs})
    return PartialValue(inner, tuple(args[1:]), kwargs)


def _wraps(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    target = args[0] if args else None

    def wrap(wrapper_args: Any, wrapper_kwargs: Any, site: Any) -> Any:
        wrapper = wrapper_args[0] if wrapper_args else UNKNOWN
        if isinstance(wrapper, FunctionValue) and isinstance(target, FunctionValue):
            wrapper.wrapped = target
            wrapper.name = target.name
        return wrapper

    return Native("functools.wraps", wrap)


def _update_wrapper(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return _wraps(run, e, args[1:2], {}, node).call(args[:1], {}, node)


def _import_module(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    name = by_default(args[0]) if args else None
    if not isinstance(name, str):
        return UNKNOWN
    package = by_default(args[1]) if len(args) > 1 else by_default(kwargs.get("package"))
    if name.startswith(".") and isinstance(package, str):
        name = f"{package}.{name.lstrip('.')}"
    found = run.import_module(name)
    return found if isinstance(found, ModuleValue) else UNKNOWN


def _is_coroutine(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``inspect.iscoroutinefunction`` and its like."""
    f = args[0] if args else UNKNOWN
    while isinstance(f, Bound | PartialValue):
        f = f.function
    if not isinstance(f, FunctionValue):
        return False if isinstance(f, ClassValue) else UNKNOWN
    generator = is_generator(f.node)
    return f.is_async and generator is ("gen" in e.path) if "async" in e.path or "coroutine" in e.path else generator


def _second(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return args[1] if len(args) > 1 else UNKNOWN


def _first(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return run.awaited(args[0] if args else UNKNOWN)


def _new_type(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return args[1] if len(args) > 1 else UNKNOWN


def _iter_modules(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``pkgutil.iter_modules(package.__path__)``: the modules of the package, as objects with a name."""
    from readybook.facts.construction import package_modules

    prefix = kwargs.get("prefix", args[1] if len(args) > 1 else "")
    return package_modules(run, args[0] if args else kwargs.get("path"), prefix, e.path.endswith("walk_packages"))


CALLS: dict[str, Any] = {
    **PATH_CALLS, **STANDARD_CALLS,
    "os.getenv": _getenv, "os.environ.get": _getenv, "os.environ.setdefault": _getenv, "functools.partial": _partial,
    "functools.wraps": _wraps, "functools.update_wrapper": _update_wrapper, "importlib.import_module": _import_module,
    "typing.cast": _second, "asyncio.run": _first, "typing.NewType": _new_type,
    **{f"{m}.iscoroutinefunction": _is_coroutine for m in ("inspect", "asyncio", "asgiref.sync")},
    "inspect.isasyncgenfunction": _is_coroutine, "inspect.isgeneratorfunction": _is_coroutine,
    "pkgutil.iter_modules": _iter_modules, "pkgutil.walk_packages": _iter_modules, "decouple.config": _decouple,
}
