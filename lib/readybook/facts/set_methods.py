"""Methods of sets over values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.values import UNKNOWN, SetValue, known, set_of

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

ASKING = frozenset(("issubset", "issuperset", "isdisjoint"))
CHANGING = {"update": "union", "difference_update": "difference", "intersection_update": "intersection",
            "symmetric_difference_update": "symmetric_difference"}


def set_method(run: Interpreter, name: str, value: SetValue, args: Any) -> Any:
    """``value.name(*args)`` for a set."""
    if name == "copy":
        return set_of(value)
    if name in ASKING and len(args) == 1:
        return _asked(run, name, value, args[0])
    if name in ("union", "difference", "intersection", "symmetric_difference"):
        return _combined(run, name, value, args)
    if run.symbolic:
        return UNKNOWN
    if name in CHANGING:
        new = _combined(run, CHANGING[name], value, args)
        value[:] = _possibly(run, new, value) if isinstance(new, SetValue) else [*value, UNKNOWN]
    elif name == "add" and len(args) == 1:
        value[:] = _possibly(run, set_of([*value, args[0]]), value)
    elif name in ("discard", "remove") and len(args) == 1 and not run.conditions and known((args[0],)):
        value[:] = [v for v in value if v is not args[0] and not (known(v) and v == args[0])]
    elif name == "clear" and not run.conditions:
        value.clear()
    elif name == "pop" and value and not run.conditions:
        if len(value) == 1:
            return value.pop()
        value[:] = [UNKNOWN]  # which one goes depends on the hashes
        return UNKNOWN
    return None


def _possibly(run: Interpreter, new: SetValue, old: SetValue) -> list[Any]:
    """The elements after a change; those that came under a condition may not be there."""
    from readybook.facts.value_methods import conditional

    if not run.conditions:
        return list(new)
    return [v if any(v is o for o in old) else conditional(run, v) for v in new]


def _asked(run: Interpreter, name: str, value: SetValue, other: Any) -> Any:
    from readybook.facts.expressions import iterate

    items = iterate(run, other)
    if items is None or not known(value) or not known(items):
        return UNKNOWN
    try:
        return getattr(set(value), name)(items)
    except TypeError:  # an element that cannot be hashed
        return UNKNOWN


def _combined(run: Interpreter, name: str, value: SetValue, args: Any) -> Any:
    from readybook.facts.expressions import iterate

    out: list[Any] = list(value)
    for arg in args:
        items = iterate(run, arg)
        if items is None:
            return UNKNOWN
        if name == "union":
            out += items
        elif name == "symmetric_difference":
            out = [v for v in out if v not in items] + [v for v in items if v not in out]
        else:
            out = [v for v in out if (v in items) is (name == "intersection")]
    return set_of(out)
