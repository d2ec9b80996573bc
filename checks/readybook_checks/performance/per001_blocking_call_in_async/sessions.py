"""Whether a query of a synchronous session runs on an asynchronous one: then it fails, and waits for nothing."""

from __future__ import annotations

from readybook.facts.behaviour import Behaviour, Call, Reached, functions_behind
from readybook.facts.nodes import statements
from readybook.facts.objects import FunctionValue
from readybook.facts.queries import session_kind
from readybook.facts.scopes import argument_of
from readybook.facts.syntax import Node

SESSIONS = ("sqlalchemy.orm.Session.", "sqlalchemy.orm.session.Session.", "sqlmodel.Session.")
Root = tuple[str, str]  # the name that an expression begins with, and the attribute of it, if any


def on_async_session(behaviour: Behaviour, way: Reached) -> bool:
    """Whether the session that is annotated as a synchronous one is an asynchronous one of a caller, or of whoever
    makes the object that keeps it."""
    if not way.call.path.startswith(SESSIONS):
        return False
    function, node = way.call.site.function, way.call.site.node[3]
    for step in (*reversed(way.chain), None):
        if function is None or function.original.node[0] != "def":
            return False
        name, attribute = _root(node, function.original, node[1])
        if attribute:
            own = function.owner is not None and bool(function.original.params) and (
                function.original.params[0][0] == name)
            return own and _kept_async(behaviour, function.original, attribute)
        called = next(iter(functions_behind(step.call.site.callee)), None) if step is not None else None
        if step is None or called is None or called.original is not function.original or not any(
                p[0] == name for p in function.original.params):
            return False
        handed = argument_of(step.call, function.original, name, 0)
        if handed is None:
            return False
        if session_kind(value_of(step.call, handed)) == "async":
            return True
        function, node = step.call.site.function, handed
    return False


def _root(node: Node, function: FunctionValue, line: int) -> Root:
    """What an expression begins with; a name that the function binds goes by what it is bound to."""
    for _ in range(6):
        attribute = ""
        while node[0] in ("attr", "call"):
            attribute = str(node[4]) if node[0] == "attr" and node[3][0] == "name" else attribute
            node = node[3]
        if node[0] != "name":
            return "", ""
        name = str(node[3])
        bound = next((s[5] for s in statements(function.node[6]) if s[0] == "assign" and s[1] < line
                      and any(t[0] == "name" and t[3] == name for t in s[4])), None)
        if bound is None:
            chained = any(p[0] == name for p in function.params[int(function.owner is not None):])
            return name, "" if chained else attribute
        node = bound
    return "", ""


def _kept_async(behaviour: Behaviour, function: FunctionValue, attribute: str) -> bool:
    """Whether all who make an object of the method's class hand it an asynchronous session for one attribute."""
    try:
        init = function.owner.find("__init__") if function.owner is not None else None
    except KeyError:
        return False
    if not isinstance(init, FunctionValue) or init.node[0] != "def" or not init.params:
        return False
    own, names = init.params[0][0], [p[0] for p in init.params[1:]]
    kept = next((s[5][3] for s in statements(init.node[6]) if s[0] == "assign" and s[5][0] == "name"
                 and s[5][3] in names and any(t[0] == "attr" and t[4] == attribute and t[3][:1] == ("name",)
                                              and t[3][3] == own for t in s[4])), None)
    makers = behaviour.callers.get(id(init.node), [])
    given = [(call, argument_of(call, init, kept, shift)) for call, shift in makers] if kept is not None else []
    return bool(given) and all(
        handed is not None and session_kind(value_of(call, handed)) == "async" for call, handed in given)


def value_of(call: Call, handed: object) -> object:
    """The value of one of a call's arguments, by its node; None when the call spreads its arguments."""
    for keyword, node in call.site.node[5]:
        if node is handed:
            return call.kwargs.get(keyword)
    index = next((i for i, node in enumerate(call.site.node[4]) if node is handed), len(call.args))
    return call.args[index] if index < len(call.args) else None
