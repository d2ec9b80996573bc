"""Functions that build an application, one inside another, and what an application is inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.importing import entered
from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.values import FromEnv, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter
    from readybook.facts.modules import Module


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


def gone_on_with(run: Interpreter, modules: Iterable[Module], home: Module, name: str) -> tuple[Module, str] | None:
    """The first module nobody imported that takes the application of ``home`` and includes routers in it, and its name
    there: ``from shop.app import app`` and ``app.include_router(…)`` in a ``main`` that a server is given.
    """
    app = by_default(run.load(home).scope.names.get(name))
    for module in modules:
        if module.role != "application" or module.path in run.loaded or ".include_router(" not in module.text:
            continue
        for s in module.body:
            taken = [alias or n for n, alias in s[6] if n == name] if s[0] == "from" else []
            if taken and f"\n{taken[0]}.include_router(" in module.text and (
                    (s[4] or "").rpartition(".")[2] in ("", home.name.rpartition(".")[2])):
                before = included(app)
                held = by_default(entered(run, module).scope.names.get(taken[0]))
                if held is app and included(app) > before:
                    return module, taken[0]
    return None


def included(app: Instance) -> int:
    """How many routers an application has included so far."""
    return sum(event.kind == "include" for event in app.native.events)
