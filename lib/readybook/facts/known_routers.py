"""Routers that well-known packages build: the routes each is documented to serve, and what they depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.known_dependencies import backend_dependencies
from readybook.facts.objects import Instance
from readybook.facts.values import External, text_of

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

_USERS = "fastapi_users.router"
# fastapi-users 10 to 14, from its documentation: method, path, endpoint, the route's name, what it depends on
FASTAPI_USERS: dict[str, tuple[tuple[str, str, str, str, tuple[str, ...]], ...]] = {
    "get_auth_router": (
        ("POST", "/login", "auth.get_auth_router.<locals>.login", "auth:{}.login", ("form", "manager", "strategy")),
        ("POST", "/logout", "auth.get_auth_router.<locals>.logout", "auth:{}.logout", ("token", "strategy")),
    ),
    "get_register_router": (
        ("POST", "/register", "register.get_register_router.<locals>.register", "register:register", ("manager",)),
    ),
    "get_reset_password_router": (
        ("POST", "/forgot-password", "reset.get_reset_password_router.<locals>.forgot_password",
         "reset:forgot_password", ("manager",)),
        ("POST", "/reset-password", "reset.get_reset_password_router.<locals>.reset_password", "reset:reset_password",
         ("manager",)),
    ),
    "get_verify_router": (
        ("POST", "/request-verify-token", "verify.get_verify_router.<locals>.request_verify_token",
         "verify:request-token", ("manager",)),
        ("POST", "/verify", "verify.get_verify_router.<locals>.verify", "verify:verify", ("manager",)),
    ),
    "get_users_router": (
        ("GET", "/me", "users.get_users_router.<locals>.me", "users:current_user", ("user",)),
        ("PATCH", "/me", "users.get_users_router.<locals>.update_me", "users:patch_current_user", ("user", "manager")),
        ("GET", "/{id}", "users.get_users_router.<locals>.get_user", "users:user", ("user", "manager", "or404")),
        ("PATCH", "/{id}", "users.get_users_router.<locals>.update_user", "users:patch_user",
         ("user", "manager", "or404")),
        ("DELETE", "/{id}", "users.get_users_router.<locals>.delete_user", "users:delete_user",
         ("user", "manager", "or404")),
    ),
    "get_oauth_router": (
        ("GET", "/authorize", "oauth.get_oauth_router.<locals>.authorize", "oauth:{}.authorize", ()),
        ("GET", "/callback", "oauth.get_oauth_router.<locals>.callback", "oauth:{}.callback",
         ("callback", "manager", "strategy")),
    ),
    "get_oauth_associate_router": (
        ("GET", "/authorize", "oauth.get_oauth_associate_router.<locals>.authorize", "oauth-associate:{}.authorize",
         ("user",)),
        ("GET", "/callback", "oauth.get_oauth_associate_router.<locals>.callback", "oauth-associate:{}.callback",
         ("user", "callback", "manager")),
    ),
}
_EXTERNAL = {
    "form": External("fastapi.security.oauth2.OAuth2PasswordRequestForm"),
    "or404": External(f"{_USERS}.users.get_users_router.<locals>.get_user_or_404"),
    "callback": Instance(External("httpx_oauth.integrations.fastapi.OAuth2AuthorizeCallback")),
}


_GRAPHQL = "strawberry.fastapi.router.GraphQLRouter.__init__.<locals>"
GRAPHQL = (("strawberry.fastapi.GraphQLRouter", "strawberry.fastapi.router.GraphQLRouter"), (
    ("route", "GET", f"{_GRAPHQL}.handle_http_get"), ("route", "POST", f"{_GRAPHQL}.handle_http_post"),
    ("websocket", "WEBSOCKET", f"{_GRAPHQL}.websocket_endpoint"),
))


# routers that packages hold ready made, from their documentation: methods, path, endpoint
READY: dict[str, tuple[tuple[tuple[str, ...], str, str], ...]] = {
    "dockerflow.fastapi.router": (
        (("GET", "HEAD"), "/__lbheartbeat__", "dockerflow.fastapi.views.lbheartbeat"),
        (("GET", "HEAD"), "/__heartbeat__", "dockerflow.fastapi.views.heartbeat"),
        (("GET",), "/__version__", "dockerflow.fastapi.views.version"),
        (("GET",), "/__error__", "dockerflow.fastapi.views.error"),
    ),
}


def ready(run: Interpreter, router: Any, node: Any) -> Any:
    """The router itself, or with its routes the one of a package that the name stands for."""
    from readybook.facts.fastapi_objects import RouterRecord

    if not isinstance(router, External) or router.path not in READY:
        return router
    made = Instance(router)
    made.native = RouterRecord("router", {}, None, run.frame.module.name)
    for methods, path, endpoint in READY[router.path]:
        data = {"path": path, "methods": list(methods), "endpoint": External(endpoint)}
        made.native.register(run, "route", data, node)
    return made


def built(run: Interpreter, router: Instance, node: Any) -> None:
    """Make what a method of fastapi-users gives the router that it is, with its routes."""
    from readybook.facts.fastapi_objects import RouterRecord

    head, _, last = router.path.removesuffix("()").rpartition(".")
    if head != "fastapi_users.FastAPIUsers" or last not in FASTAPI_USERS:
        return
    router.native = RouterRecord("router", {}, None, run.frame.module.name)
    users = router.attrs.get("__on__")
    backend = _backend(router)
    given = backend.kwargs.get("name", backend.args[0] if backend.args else None) if backend is not None else None
    for method, path, endpoint, name, wants in FASTAPI_USERS[last]:
        markers = [Instance(External("fastapi.Depends"), args=(d,)) for d in _wanted(run, users, router, wants)]
        router.native.register(run, "route", {
            "path": path, "methods": [method], "endpoint": External(f"{_USERS}.{endpoint}"), "dependencies": markers,
            "name": name.replace("{}", text_of(given) or "…"),
        }, node)


def _backend(router: Instance) -> Instance | None:
    return next((a for a in (*router.args, *router.kwargs.values())
                 if isinstance(a, Instance) and a.path.endswith("AuthenticationBackend")), None)


def _wanted(run: Interpreter, users: Any, router: Instance, wants: tuple[str, ...]) -> list[Any]:
    """The values behind the names of the table, for one call of the router's factory."""
    backend = _backend(router)
    manager = (users.args[0] if users.args else users.kwargs.get("get_user_manager")) if isinstance(
        users, Instance) else None
    made = {
        "manager": manager, "strategy": next(reversed(backend_dependencies(backend)), None),
        "user": Instance(External("fastapi_users.FastAPIUsers.authenticator.current_user()"), {"__on__": users}),
        "token": Instance(External("fastapi_users.FastAPIUsers.authenticator.current_user_token()"), {"__on__": users}),
        **_EXTERNAL,
    }
    return [made[w] for w in wants if made[w] is not None]


def populate(run: Interpreter, router: Instance, node: Any) -> None:
    """Register what a package's router class registers on itself when it is made."""
    if router.path.startswith("fastapi_crudrouter."):
        from readybook.facts import known_crud

        known_crud.populate(run, router, node)
    if router.path not in GRAPHQL[0]:
        return
    path = router.kwargs.get("path", router.args[1] if len(router.args) > 1 else "")
    owner = _GRAPHQL.removesuffix(".__init__.<locals>")
    wanted = [
        router.kwargs.get("context_getter", External(f"{_GRAPHQL}.<lambda>")),
        External(f"{owner}.__get_context_getter.<locals>.dependency"),
        router.kwargs.get("root_value_getter", External(f"{owner}.__get_root_value")),
    ]
    markers = [Instance(External("fastapi.Depends"), args=(w,)) for w in wanted]
    for kind, method, endpoint in GRAPHQL[1]:
        data = {"path": path, "methods": [method], "endpoint": External(endpoint), "dependencies": markers}
        router.native.register(run, kind, data, node)
