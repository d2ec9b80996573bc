"""Names of packages outside the target: under which they are known, and what class calling them gives."""

from __future__ import annotations

from typing import Any

from readybook.facts.values import External, Unknown

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
    "fastapi.requests.HTTPConnection": "starlette.requests.HTTPConnection",
    "fastapi.WebSocketException": "fastapi.exceptions.WebSocketException",
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
    "sqlmodel.Session": "sqlalchemy.orm.Session", "sqlmodel.orm.session.Session": "sqlalchemy.orm.Session",
    "sqlmodel.ext.asyncio.session.AsyncSession": "sqlalchemy.ext.asyncio.AsyncSession",
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
    "inspect.Signature.empty": "inspect.Parameter.empty", "inspect._empty": "inspect.Parameter.empty",
    **{f"fastapi.security.{n}": f"fastapi.security.{m}.{n}" for m, names in SECURITY.items() for n in names},
}
PREFIXES = (
    ("fastapi.middleware.", "starlette.middleware."),
    ("typing_extensions.", "typing."),
)
CONSTANT_NAMES: dict[str, Any] = {
    "typing.TYPE_CHECKING": False, "sys.platform": Unknown("the platform"), "os.sep": "/", "math.inf": float("inf"),
    "fastapi.status.WS_1008_POLICY_VIOLATION": 1008, "os.name": Unknown("the platform"),
    **{f"inspect.{of}{name}": number for of in ("Parameter.", "_ParameterKind.") for number, name in enumerate((
        "POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD", "VAR_POSITIONAL", "KEYWORD_ONLY", "VAR_KEYWORD"))},
}
# what a function of a package gives, by the class of its result
RETURNS: dict[str, str] = {
    "sqlalchemy.create_engine": "sqlalchemy.engine.Engine",
    "sqlalchemy.engine_from_config": "sqlalchemy.engine.Engine",
    "sqlalchemy.ext.asyncio.create_async_engine": "sqlalchemy.ext.asyncio.AsyncEngine",
    "sqlalchemy.ext.asyncio.async_engine_from_config": "sqlalchemy.ext.asyncio.AsyncEngine",
    "logging.getLogger": "logging.Logger", "dataclasses.field": "dataclasses.field",
    **{n: "attrs.field" for n in ("attrs.field", "attr.field", "attr.ib", "attr.attrib")},
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
    if path.startswith("http.HTTPMethod."):
        return path.split(".")[2]
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
