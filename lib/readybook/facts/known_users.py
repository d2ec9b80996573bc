"""Routers that fastapi-users builds: the routes they serve, what these ask for, answer with and depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.known_dependencies import OLD, strategy_of
from readybook.facts.objects import Instance
from readybook.facts.parameters import Parameter
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
# By the endpoint's last name, from the same documentation: its status, the factory's argument (name, position) that is
# the model it answers with, the one that it reads, and other inputs (name, where, type; ``?``: may be left out).
_MODEL, _CREATE, _UPDATE = ("user_schema", 0), ("user_create_schema", 1), ("user_update_schema", 1)
STATUS = {"register": 201, "forgot_password": 202, "request_verify_token": 202, "delete_user": 204}
RESPONSES = dict.fromkeys(("register", "verify", "me", "update_me", "get_user", "update_user"), _MODEL)
BODIES = {"register": _CREATE, "update_me": _UPDATE, "update_user": _UPDATE}
INPUTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "forgot_password": (("email", "body", "EmailStr"),), "request_verify_token": (("email", "body", "EmailStr"),),
    "reset_password": (("token", "body", "str"), ("password", "body", "str")), "verify": (("token", "body", "str"),),
    **dict.fromkeys(("get_user", "update_user", "delete_user"), (("id", "path", "str"),)),
    "authorize": (("scopes", "query", "list[str]?"),),
    "callback": tuple((name, "query", "str?") for name in ("code", "code_verifier", "state", "error")),
}


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
        if path == "/logout" and backend is not None and backend.path.endswith(OLD):
            if backend.path.endswith(OLD[0]):
                continue  # a token in a header could not be taken back: no route before fastapi-users 9
            wants = ("user", "manager")
        markers = [Instance(External("fastapi.Depends"), args=(d,)) for d in _wanted(run, users, router, wants)]
        router.native.register(run, "route", {
            "path": path, "methods": [method], "endpoint": External(f"{_USERS}.{endpoint}"), "dependencies": markers,
            "name": name.replace("{}", text_of(given) or "…"), **_asked(router, endpoint.rpartition(".")[2]),
        }, node)


def _asked(router: Instance, endpoint: str) -> dict[str, Any]:
    """What one route answers with and asks for, as a registration holds it."""
    inputs = [Parameter(name, where, not kind.endswith("?"), kind.rstrip("?"), name)
              for name, where, kind in INPUTS.get(endpoint, ())]
    if endpoint in BODIES:
        kind = _argument(router, *BODIES[endpoint])
        inputs.append(Parameter("user", "body", True, getattr(kind, "name", ""), "user"))
    found: dict[str, Any] = {"inputs": tuple(inputs)}
    if endpoint in RESPONSES:
        found["response_model"] = _argument(router, *RESPONSES[endpoint])
    if endpoint in STATUS:
        found["status_code"] = STATUS[endpoint]
    return found


def _argument(router: Instance, name: str, position: int) -> Any:
    """An argument of the factory, None when the call does not give it."""
    return router.kwargs.get(name, router.args[position] if len(router.args) > position else None)


def _backend(router: Instance) -> Instance | None:
    return next((a for a in (*router.args, *router.kwargs.values())
                 if isinstance(a, Instance) and a.path.endswith(("AuthenticationBackend", *OLD))), None)


def _wanted(run: Interpreter, users: Any, router: Instance, wants: tuple[str, ...]) -> list[Any]:
    """The values behind the names of the table, for one call of the router's factory."""
    backend = _backend(router)
    manager = (users.args[0] if users.args else users.kwargs.get("get_user_manager")) if isinstance(
        users, Instance) else None
    made = {
        "manager": manager, "strategy": strategy_of(backend),
        "user": Instance(External("fastapi_users.FastAPIUsers.authenticator.current_user()"), {"__on__": users}),
        "token": Instance(External("fastapi_users.FastAPIUsers.authenticator.current_user_token()"), {"__on__": users}),
        **_EXTERNAL,
    }
    return [made[w] for w in wants if made[w] is not None]
