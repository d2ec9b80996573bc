"""What an application does when it starts: the lifespan up to its ``yield``, and the startup events."""

from __future__ import annotations

from typing import Any

from readybook.facts.fastapi_objects import RouterRecord
from readybook.facts.frames import Suspended
from readybook.facts.interpreter import Interpreter, is_generator
from readybook.facts.objects import Awaitable, Bound, FunctionValue, Instance, PartialValue
from readybook.facts.values import by_default

BUDGET = 1_000_000  # steps that one application's start may take: a large one takes 350,000


def start(run: Interpreter, app: Instance) -> bool:
    """Follow the start of an application, for the routes and the state that it sets up; False when it was cut short."""
    limit, run.limit = run.limit, min(run.limit, run.steps + BUDGET)
    run.starting, run.cut_short = len(run.frames), False
    try:
        for record in _records(app, set()):
            _run(run, record.kwargs.get("lifespan"), (app,), app)
            listed = by_default(record.kwargs.get("on_startup"))
            for handler in listed if isinstance(listed, list | tuple) else ():
                _run(run, handler, (), app)
            for event in list(record.events):
                if event.kind == "event" and by_default(event.data["event"]) == "startup":
                    _run(run, event.data["handler"], (), app)
        return run.steps <= run.limit and not run.cut_short
    finally:
        run.starting = None
        run.limit = limit


def _records(router: Instance, seen: set[int]) -> list[RouterRecord]:
    """The application's record and those of the routers it includes, in order."""
    record = router.native
    if id(record) in seen:
        return []
    seen.add(id(record))
    found = [record]
    for event in list(record.events):
        inner = by_default(event.data.get("router")) if event.kind == "include" else None
        if isinstance(inner, Instance) and isinstance(inner.native, RouterRecord):
            found += _records(inner, seen)
    return found


def _run(run: Interpreter, handler: Any, args: tuple[Any, ...], app: Instance) -> None:
    handler = by_default(handler)
    kwargs: dict[str, Any] = {}
    receiver = None
    while isinstance(handler, PartialValue | Bound):
        if isinstance(handler, Bound):
            args, receiver = (handler.self, *args), handler.self
        else:
            args, kwargs = (*handler.args, *args), {**handler.kwargs, **kwargs}
        handler = handler.function
    if not isinstance(handler, FunctionValue):
        return
    frames, conditions = len(run.frames), len(run.conditions)
    try:
        value = run.run_function(handler, args, kwargs, receiver, suspends=is_generator(handler.node))
        if isinstance(value, Awaitable):
            run.awaited(value)
    except Suspended:
        pass
    finally:
        del run.frames[frames:], run.conditions[conditions:]
