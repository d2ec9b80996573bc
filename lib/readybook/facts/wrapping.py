"""What is around every request of an application, and the source of each such piece."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import functions_behind
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.place import Place

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.program import App


def around(facts: Facts, app: App, library: re.Pattern[str]) -> Iterator[tuple[Any, str, Place]]:
    """(value, dotted path, place) of what every request passes: middleware, objects made of the application, and
    dependencies that all routes have. ``library`` matches packages that take the application in a plain call.
    """
    for middleware in app.middleware:
        if middleware.by_default is not False:
            yield middleware.target, middleware.path, middleware.place
    for call in facts.handed_on.get(id(app.instance), ()):
        if isinstance(call.site.callee, ClassValue) or library.search(call.path):
            yield call.site.callee, call.path, call.place
    stack = app.instance.attrs.get("build_middleware_stack")
    if isinstance(stack, FunctionValue):  # replaced: what it builds is around everything else
        for call in facts.behaviour.calls_in(stack):
            yield call.site.callee, call.path, call.place
    routes = [r for r in facts.routes if r.app == app.spec and r.method != "WEBSOCKET"]
    shared = set.intersection(*({id(t) for t in r.targets} for r in routes)) if routes else set()
    for target in routes[0].targets if shared else ():
        if id(target) in shared:
            yield target, "", routes[0].place


def source_texts(facts: Facts, target: Any) -> str:
    """The source of a middleware: its class or function, and the functions it calls."""
    todo: list[Any] = [target]
    seen: set[int] = set()
    own = []
    while todo and len(seen) < 40:
        value = todo.pop()
        functions = functions_behind(value)
        if isinstance(value, ClassValue):
            own.append(value.module.lines_of(value.node[1], value.node[3]))
            functions = [f for f in value.scope.names.values() if isinstance(f, FunctionValue)]
        for f in functions:
            f = f.original
            if id(f.node) in seen:
                continue
            seen.add(id(f.node))
            own.append(f.module.lines_of(f.node[1], f.node[3]))
            todo += [c.site.callee for line in range(f.node[1], f.node[3] + 1)  # those of functions inside it too
                     for c in facts.behaviour.by_line.get((f.module.path, line), ())
                     if isinstance(c.site.callee, FunctionValue)]
    return "\n".join(own)
