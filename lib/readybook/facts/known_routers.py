"""Routers that well-known packages build: the routes each is documented to serve, and what they depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.objects import Instance
from readybook.facts.values import External, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

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
    markers = [Instance(External("fastapi.Depends"), args=(by_default(w),)) for w in wanted]
    for kind, method, endpoint in GRAPHQL[1]:
        data = {"path": path, "methods": [method], "endpoint": External(endpoint), "dependencies": markers}
        router.native.register(run, kind, data, node)
