"""Functions that build an application, one inside another, and what an application is inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.values import FromEnv


def outermost(made: list[tuple[FunctionValue, Instance]]) -> Iterator[tuple[FunctionValue, Instance]]:
    """The factories of one module, without those that another one calls to go on with what they made.

    A factory for tests takes nothing from the one that it calls.
    """
    def goes_on(outer: FunctionValue, inner: FunctionValue) -> bool:
        text = outer.module.lines_of(outer.node[1], outer.node[3])
        return outer is not inner and f"{inner.name}(" in text and "test" not in outer.name

    for item, app in made:
        if not any(goes_on(other, item) and another.native.place == app.native.place for other, another in made):
            yield item, app


def going_on(made: list[tuple[FunctionValue, Instance]], values: Iterable[Any],
             build: Callable[[FunctionValue], Instance | None]) -> list[tuple[FunctionValue, Instance]]:
    """Functions of a module that need arguments and go on with what a private factory of it makes.

    ``values``: what the module's names hold; ``build`` calls a function with arguments that nobody knows.
    """
    private = {f.name: f.module for f, _ in made if f.name.startswith("_")}
    found = []
    for item in list(values) if private else ():
        if not isinstance(item, FunctionValue) or item.is_async or any(item is f for f, _ in made):
            continue
        text = item.module.lines_of(item.node[1], item.node[3])
        app = build(item) if any(f"{n}(" in text and m is item.module for n, m in private.items()) else None
        found += [(item, app)] if app is not None else []
    return found


def is_application(value: Any) -> bool:
    """Whether a value is a FastAPI or Starlette application that the interpreter built."""
    return isinstance(value, Instance) and value.native is not None and value.native.kind == "app"


def wrapped_app(value: Any) -> Any:
    """The application inside raw ASGI wrapping: ``Middleware(app, …)``, ``socketio.ASGIApp(sio, app)``."""
    for _ in range(5):
        if not isinstance(value, Instance) or value.native is not None:
            return value
        inner = [a for a in (*value.args, *value.kwargs.values(), *_own_attributes(value)) if is_application(a)]
        if not inner:
            nested = [a for a in (*value.args, *value.kwargs.values())
                      if isinstance(a, Instance) and a is not value and not isinstance(a, FromEnv)]
            inner = [w for w in map(wrapped_app, nested) if is_application(w)]
        if not inner:
            return value
        value = inner[0]
    return value


def _own_attributes(value: Instance) -> list[Any]:
    return [v for name, v in value.attrs.items() if not name.startswith("__")]


def included(app: Instance) -> int:
    """How many routers an application has included so far."""
    return sum(event.kind == "include" for event in app.native.events)
