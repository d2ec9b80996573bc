"""The builtin functions that make, order and combine sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.objects import Generated
from readybook.facts.operators import first_read, lift
from readybook.facts.values import (
    ABSENT,
    UNKNOWN,
    Choice,
    FromEnv,
    Unknown,
    by_default,
    known,
    set_of,
    truth,
    truth_in,
)

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter


def _sequence(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if not args:
        return []
    if isinstance(args[0], FromEnv | Choice):
        return lift(lambda v: _sequence(run, (v,), {}), args[0])
    if isinstance(args[0], list | tuple):
        return [v for v in args[0] if v is not ABSENT]
    from readybook.facts.expressions import iterate

    items = iterate(run, args[0])
    return items if items is not None else UNKNOWN


def _set(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if args and isinstance(args[0], FromEnv | Choice):
        return lift(lambda v: _set(run, (v,), {}), args[0])
    items = _sequence(run, args, kwargs)
    return set_of(items) if isinstance(items, list) else items


def _tuple(run: Interpreter, args: Any, kwargs: Any) -> Any:
    items = _sequence(run, args, kwargs)
    return tuple(items) if isinstance(items, list) else items


def _enumerate(run: Interpreter, args: Any, kwargs: Any) -> Any:
    items = _sequence(run, args[:1], {})
    start = kwargs.get("start", args[1] if len(args) > 1 else 0)
    numbered = isinstance(items, list) and isinstance(start, int)
    return [(i, v) for i, v in enumerate(items, start)] if numbered else UNKNOWN


def _zip(run: Interpreter, args: Any, kwargs: Any) -> Any:
    lists = [_sequence(run, (a,), {}) for a in args]
    return [tuple(t) for t in zip(*lists, strict=False)] if all(isinstance(x, list) for x in lists) else UNKNOWN


def _range(run: Interpreter, args: Any, kwargs: Any) -> Any:
    args = tuple(by_default(a) for a in args)
    if len(args) not in (1, 2, 3) or not all(isinstance(a, int) for a in args) or args[2:] == (0,):
        return UNKNOWN
    numbers = range(*args)
    return UNKNOWN if numbers[2000:] else list(numbers)


def in_order(run: Interpreter, items: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    """What ``sorted`` makes of these; as they stand where the order cannot be known."""
    from readybook.facts.calls import call

    key, reverse = kwargs.get("key"), by_default(kwargs.get("reverse", False))
    keys = items if key is None else [by_default(call(run, key, (v,), {})) for v in items]
    if not known(keys) or not isinstance(reverse, bool | int):
        return list(items)
    try:
        order = sorted(range(len(items)), key=keys.__getitem__, reverse=bool(reverse))
    except TypeError:
        return list(items)
    return [items[i] for i in order]


def _sorted(run: Interpreter, args: Any, kwargs: Any) -> Any:
    items = _sequence(run, args, {})
    return in_order(run, items, kwargs) if isinstance(items, list) else items


def _reversed(run: Interpreter, args: Any, kwargs: Any) -> Any:
    items = _sequence(run, args, {})
    return items[::-1] if isinstance(items, list) else UNKNOWN


def _any_all(which: bool) -> Any:
    def answer(run: Interpreter, args: Any, kwargs: Any) -> Any:
        items = args[0] if args else []
        if isinstance(items, FromEnv | Choice):
            return lift(lambda v: answer(run, (v,), {}), items)
        if not isinstance(items, list | tuple):
            return UNKNOWN
        truths = [truth_in(v, which) for v in items]
        if which in truths or None not in truths:
            return which is (which in truths)
        first = first_read(items)
        usual = answer(run, (by_default(list(items)),), {}) if first is not None else UNKNOWN
        return usual if first is None or isinstance(usual, Unknown) else FromEnv(first.name, usual, first.place)

    return answer


def _map(run: Interpreter, args: Any, kwargs: Any) -> Any:
    from readybook.facts.calls import call

    items = _sequence(run, args[1:2], {}) if len(args) == 2 else UNKNOWN
    return [call(run, args[0], (v,), {}) for v in items] if isinstance(items, list) else UNKNOWN


def _filter(run: Interpreter, args: Any, kwargs: Any) -> Any:
    from readybook.facts.calls import call

    items = _sequence(run, args[1:2], {}) if len(args) == 2 else UNKNOWN
    if not isinstance(items, list):
        return UNKNOWN
    kept = [(v, truth(v if args[0] is None else call(run, args[0], (v,), {}))) for v in items]
    return UNKNOWN if any(t is None for _, t in kept) else [v for v, t in kept if t]


def _sum(run: Interpreter, args: Any, kwargs: Any) -> Any:
    from readybook.facts.operators import binary

    items = _sequence(run, args[:1], {})
    if not isinstance(items, list):
        return UNKNOWN
    total = args[1] if len(args) > 1 else kwargs.get("start", 0)
    for item in items:
        total = binary(run, "Add", total, item)
    return total


def _next(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if args and isinstance(args[0], Generated):
        return args[0].first
    items = _sequence(run, args[:1], {})
    if isinstance(items, list):
        return items[0] if items else (args[1] if len(args) > 1 else UNKNOWN)
    return UNKNOWN


def _extreme(which: Any) -> Any:
    def answer(run: Interpreter, args: Any, kwargs: Any) -> Any:
        items = list(args) if len(args) > 1 else _sequence(run, args, {})
        if not isinstance(items, list) or not items or kwargs or not known(items):
            return UNKNOWN
        try:
            return which(items)
        except TypeError:
            return UNKNOWN

    return answer


SEQUENCES: dict[str, Any] = {
    "list": _sequence, "iter": _sequence, "set": _set, "frozenset": _set, "tuple": _tuple, "enumerate": _enumerate,
    "zip": _zip, "range": _range, "sorted": _sorted, "reversed": _reversed, "any": _any_all(True),
    "all": _any_all(False), "map": _map, "filter": _filter, "sum": _sum, "next": _next, "anext": _next,
    "min": _extreme(min), "max": _extreme(max),
}
