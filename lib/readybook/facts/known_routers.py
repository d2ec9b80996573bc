"""Routers that well-known packages build: the routes each is documented to serve."""

from __future__ import annotations

from typing import Any

from readybook.facts.objects import Instance

_USERS = "fastapi_users.router"
# fastapi-users 10 to 14, from its documentation: method, path, endpoint
FASTAPI_USERS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "get_auth_router": (
        ("POST", "/login", f"{_USERS}.auth.get_auth_router.<locals>.login"),
        ("POST", "/logout", f"{_USERS}.auth.get_auth_router.<locals>.logout"),
    ),
    "get_register_router": (("POST", "/register", f"{_USERS}.register.get_register_router.<locals>.register"),),
    "get_reset_password_router": (
        ("POST", "/forgot-password", f"{_USERS}.reset.get_reset_password_router.<locals>.forgot_password"),
        ("POST", "/reset-password", f"{_USERS}.reset.get_reset_password_router.<locals>.reset_password"),
    ),
    "get_verify_router": (
        ("POST", "/request-verify-token", f"{_USERS}.verify.get_verify_router.<locals>.request_verify_token"),
        ("POST", "/verify", f"{_USERS}.verify.get_verify_router.<locals>.verify"),
    ),
    "get_users_router": (
        ("GET", "/me", f"{_USERS}.users.get_users_router.<locals>.me"),
        ("PATCH", "/me", f"{_USERS}.users.get_users_router.<locals>.update_me"),
        ("GET", "/{id}", f"{_USERS}.users.get_users_router.<locals>.get_user"),
        ("PATCH", "/{id}", f"{_USERS}.users.get_users_router.<locals>.update_user"),
        ("DELETE", "/{id}", f"{_USERS}.users.get_users_router.<locals>.delete_user"),
    ),
    "get_oauth_router": (
        ("GET", "/authorize", f"{_USERS}.oauth.get_oauth_router.<locals>.authorize"),
        ("GET", "/callback", f"{_USERS}.oauth.get_oauth_router.<locals>.callback"),
    ),
}


def routes_of(router: Any) -> tuple[tuple[str, str, str], ...] | None:
    """The routes of a router made by a package, None when the package is not known."""
    if not isinstance(router, Instance):
        return None
    head, _, last = router.path.removesuffix("()").rpartition(".")
    return FASTAPI_USERS.get(last) if head == "fastapi_users.FastAPIUsers" else None
