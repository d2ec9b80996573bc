"""Dependencies that well-known packages build: the names they carry at run time, and what they depend on in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.objects import FunctionValue, Instance, Native
from readybook.facts.values import External, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

_CURRENT = "fastapi_users.authentication.authenticator.Authenticator.current_user"
_BEARER = f"{_CURRENT}_token.<locals>.current_user_token_dependency"
NAMES: dict[str, str] = {  # what calling the key's function gives, by its run-time name
    "fastapi_pagination.pagination_ctx()": "fastapi_pagination.api.pagination_ctx.<locals>._page_ctx_dependency",
    "fastapi_pagination.api.pagination_ctx()": "fastapi_pagination.api.pagination_ctx.<locals>._page_ctx_dependency",
    "fastapi_users.FastAPIUsers.current_user()": f"{_CURRENT}.<locals>.current_user_dependency",
    "fastapi_users.FastAPIUsers.authenticator.current_user()": f"{_CURRENT}.<locals>.current_user_dependency",
    "fastapi_users.FastAPIUsers.authenticator.current_user_token()": _BEARER,
}
DEFINED: dict[str, str] = {  # classes by the module that defines them
    "fastapi_oauth20.FastAPIOAuth20": "fastapi_oauth20.callback.FastAPIOAuth20",
    "fastapi_limiter.RateLimiter": "fastapi_limiter.depends.RateLimiter",
    **{f"fastapi_jwt.Jwt{kind}{by}": f"fastapi_jwt.jwt.Jwt{kind}{by}" for kind in ("Access", "Refresh")
       for by in ("Bearer", "Cookie", "BearerCookie")},
    **{f"{m}.AuthJWT": f"{m}.auth_jwt.AuthJWT" for m in (
        "fastapi_jwt_auth", "async_fastapi_jwt_auth", "fastapi_another_jwt_auth")},
    "fastapi_csrf_protect.CsrfProtect": "fastapi_csrf_protect.core.CsrfProtect",
    "fastapi_pagination.Params": "fastapi_pagination.default.Params",
    "fastapi_pagination.LimitOffsetParams": "fastapi_pagination.limit_offset.LimitOffsetParams",
    "sqlalchemy.orm.Session": "sqlalchemy.orm.session.Session",
    "sqlalchemy.ext.asyncio.AsyncSession": "sqlalchemy.ext.asyncio.session.AsyncSession",
}
HANDLERS: dict[str, bool] = {  # handlers that packages bring, by how their names begin: whether they are coroutines
    "fastapi_users.router.": True, "strawberry.fastapi.router.": True, "prometheus_fastapi_instrumentator.": False,
    "fastapi_crudrouter.core.mem.": False, "fastapi_crudrouter.core.sqlalchemy.": False, "fastapi_crudrouter.": True,
    "dockerflow.fastapi.views.heartbeat": True, "dockerflow.fastapi.views.": False,
}
WRAPPING_ASYNC = ("fastapi_cache.decorator.cache()",)  # decorators that make a coroutine of any function
TRANSPORTS = {
    "BearerTransport": "fastapi.security.oauth2.OAuth2PasswordBearer",
    "CookieTransport": "fastapi.security.api_key.APIKeyCookie",
    # before fastapi-users 9 a backend was a transport and a strategy in one
    "JWTAuthentication": "fastapi.security.oauth2.OAuth2PasswordBearer",
    "CookieAuthentication": "fastapi.security.api_key.APIKeyCookie",
}

OLD = ("JWTAuthentication", "CookieAuthentication")


def known_name(target: Instance) -> str | None:
    """The run-time name of a dependency that a package made; None when the package is not known."""
    if target.path in NAMES:
        return NAMES[target.path]
    return f"{DEFINED[target.path]}()" if target.path in DEFINED else None


def known_async(endpoint: Any) -> bool | None:
    """Whether FastAPI awaits a handler that a package brings, or wraps; None when this does not tell."""
    if isinstance(endpoint, External):
        return next((v for k, v in HANDLERS.items() if endpoint.path.startswith(k)), None)
    decorators = endpoint.decorators if isinstance(endpoint, FunctionValue) else ()
    registered = max((i for i, d in enumerate(decorators) if isinstance(d, Native)), default=-1)
    wrapping = any(isinstance(d, Instance) and d.path in WRAPPING_ASYNC for d in decorators[registered + 1 :])
    return True if wrapping else None


def known_dependencies(run: Interpreter, target: Any) -> list[Any]:
    """What a package's dependency depends on itself, in order."""
    if not isinstance(target, Instance):
        return []
    if target.path.endswith("pagination_ctx()"):
        return [External("fastapi_pagination.api._create_params_dependency.<locals>._pagination_params")]
    if target.path.startswith("fastapi_users.") and target.path.rpartition(".")[2].startswith("current_user"):
        enabled = target.kwargs.get("get_enabled_backends")
        return users_dependencies(run, target.attrs.get("__on__")) + ([] if enabled is None else [enabled])
    return []


def users_dependencies(run: Interpreter, users: Any) -> list[Any]:
    """What fastapi-users' current user depends on: the manager, then each backend's scheme and strategy."""
    from readybook.facts.expressions import iterate

    if not isinstance(users, Instance):
        return []
    found = [users.args[0] if users.args else users.kwargs.get("get_user_manager")]
    backends = users.args[1] if len(users.args) > 1 else users.kwargs.get("auth_backends")
    for backend in iterate(run, backends) or [] if backends is not None else []:
        found += backend_dependencies(backend)
    return [f for f in found if f is not None]


def backend_dependencies(backend: Any) -> list[Any]:
    """The scheme and the strategy of a fastapi-users backend."""
    if not isinstance(backend, Instance):
        return []
    transport = by_default(backend.kwargs.get("transport", backend.args[1] if len(backend.args) > 1 else None))
    transport = backend if backend.path.startswith("fastapi_users.") and backend.path.endswith(OLD) else transport
    name = transport.path.rpartition(".")[2] if isinstance(transport, Instance) else ""
    scheme = [Instance(External(TRANSPORTS[name]))] if name in TRANSPORTS else []
    return [d for d in (*scheme, strategy_of(backend)) if d is not None]


def strategy_of(backend: Any) -> Any:
    """What gives a backend of fastapi-users its strategy; None where it has none of its own."""
    if not isinstance(backend, Instance) or backend.path.endswith(OLD):
        return None
    return backend.kwargs.get("get_strategy", backend.args[2] if len(backend.args) > 2 else None)
