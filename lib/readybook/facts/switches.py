"""Calls that stand under a parameter's test which no caller lets pass: ``if unlimited:`` where all leave it False."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.facts.bindings import bindings_of
from readybook.facts.objects import FunctionValue
from readybook.facts.scopes import argument_of
from readybook.facts.syntax import Node
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call

_PLAIN = regex(r"[a-z_]\w*")


def switched_off(behaviour: Behaviour, call: Call) -> bool:
    """Whether a test around a call is a parameter of its function that every call by requests leaves the other way.

    Told only where each of them gives a constant or leaves the parameter at a constant, and the body never changes it.
    What FastAPI calls itself is never switched off, nor what no call of the code leads to.
    """
    function = call.site.function
    if function is None or not call.conditions or function.node[0] != "def":
        return False
    known = behaviour.notes.setdefault(switched_off, {})  # many calls stand under the same tests
    key = (id(function), call.conditions)
    if key not in known:
        known[key] = any(_leaves_out(behaviour, function, condition) for condition in call.conditions)
    return bool(known[key])


def _leaves_out(behaviour: Behaviour, function: FunctionValue, condition: str) -> bool:
    """Whether a test in the body of a function is such a parameter, or one with ``not``."""
    wanted = not condition.startswith("not ")
    name = condition if wanted else condition[4:]
    parameter = next((p for p in function.params if p[0] == name), None)
    return (parameter is not None and _PLAIN.fullmatch(name) is not None
            and _never(behaviour, function.original, parameter, wanted))


def _never(behaviour: Behaviour, function: FunctionValue, parameter: Node, wanted: bool) -> bool:
    """Whether no call by requests gives the parameter a value that is ``wanted``: true, or false."""
    if parameter[3] not in ("pos", "any", "key") or bindings_of(function.module, function.node[6]).bound(parameter[0]):
        return False
    entries = behaviour.notes.get(_never)
    if entries is None:
        entries = behaviour.notes[_never] = frozenset(id(e.function) for e in behaviour.entries)
    if id(function) in entries:
        return False
    seen = False
    for call, shift in behaviour.callers.get(id(function.node), ()):
        body = call.site.function
        if body is None or id(body.original.node) not in behaviour.requested:
            continue
        if shift or any(k is None for k, _ in call.site.node[5]) or any(a[0] == "star" for a in call.site.node[4]):
            return False
        given = argument_of(call, function, parameter[0], 0)
        value = parameter[2] if given is None else given
        if value is None or value[0] != "const" or bool(value[3]) is wanted:
            return False
        seen = True
    return seen


def in_use(behaviour: Behaviour, calls: list[Call]) -> list[Call]:
    """Those of the calls that no parameter switches off."""
    return [c for c in calls if not switched_off(behaviour, c)]
