"""Methods of text, lists and dicts over values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.enums import plain_member
from readybook.facts.operators import MAX_TEXT, WIDE, lift
from readybook.facts.set_methods import set_method
from readybook.facts.values import (
    ABSENT,
    CONSTANTS,
    UNKNOWN,
    Begins,
    Choice,
    FromEnv,
    SetValue,
    Unknown,
    by_default,
    known,
    set_of,
)

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

TEXT_METHODS = frozenset(
    "capitalize casefold center count endswith find format index isalnum isalpha isdigit islower isspace "
    "istitle isupper join ljust lower lstrip partition removeprefix removesuffix replace rfind rindex rjust rpartition "
    "rsplit rstrip split splitlines startswith strip swapcase title upper zfill encode".split()
)


def call_builtin_method(run: Interpreter, name: str, value: Any, args: Any, kwargs: Any) -> Any:
    """``value.name(*args)`` for text, lists, dicts, and values from the environment."""
    if isinstance(value, FromEnv | Choice):
        if name == "get_secret_value":
            return value
        return lift(lambda v: call_builtin_method(run, name, v, args, kwargs), value)
    if isinstance(value, str):
        return _text_method(name, value, args, kwargs)
    if isinstance(value, Begins):
        return _begins_method(name, value, args)
    if isinstance(value, SetValue):
        return set_method(run, name, value, args)
    if isinstance(value, list):
        return _list_method(run, name, value, args, kwargs)
    if isinstance(value, dict):
        return _dict_method(run, name, value, args, kwargs)
    if isinstance(value, tuple) and name in ("index", "count"):
        return _list_method(run, name, list(value), args, kwargs)
    if isinstance(value, bytes) and name == "decode":
        return value.decode("utf-8", "replace")
    return UNKNOWN


def _text_method(name: str, value: str, args: Any, kwargs: Any) -> Any:
    if name == "get_secret_value":
        return value
    if name == "join" and len(args) == 1:
        items = by_default(args[0])
        items = [plain_member(v) or v for v in items] if isinstance(items, list | tuple) else items
        if not isinstance(items, list | tuple) or not all(isinstance(v, str) for v in items):
            return UNKNOWN
        size = sum(map(len, items)) + len(value) * len(items)
        return value.join(items) if size <= MAX_TEXT else UNKNOWN
    args = tuple(by_default(a) for a in args)
    if name not in TEXT_METHODS or not known(args) or not known(kwargs):
        return UNKNOWN
    if name == "format" and not all(isinstance(v, CONSTANTS) for v in [*args, *kwargs.values()]):
        return UNKNOWN
    if any(isinstance(a, int) and abs(a) > 10_000 for a in args):
        return UNKNOWN
    longest = max((len(str(a)) for a in (*args, *kwargs.values())), default=1)
    if name in ("format", "replace") and ((len(value) + 1) * (longest + 1) > 10 * MAX_TEXT or
                                          (name == "format" and WIDE.search(value))):
        return UNKNOWN
    try:
        return getattr(value, name)(*args, **kwargs)
    except (TypeError, ValueError, KeyError, IndexError, LookupError, AttributeError):
        return UNKNOWN


def _begins_method(name: str, value: Begins, args: Any) -> Any:
    texts = all(isinstance(a, str) for a in args)
    if name == "startswith" and len(args) == 1 and texts:
        known_part = value.text[: len(args[0])]
        long_enough = len(value.text) >= len(args[0]) or not args[0].startswith(known_part)
        return known_part == args[0] if long_enough else UNKNOWN
    if name == "replace" and len(args) >= 2 and all(isinstance(a, str) for a in args[:2]):
        return Begins(value.text.replace(args[0], args[1], *args[2:3]))
    if name in ("strip", "rstrip", "lstrip", "unicode_string", "render_as_string"):
        return value
    return UNKNOWN


def _list_method(run: Interpreter, name: str, value: list[Any], args: Any, kwargs: Any) -> Any:
    if name == "copy":
        return list(value)
    if name == "index" and known(value) and known(args):
        return value.index(args[0]) if len(args) == 1 and args[0] in value else UNKNOWN
    if name == "count" and known(value) and known(args) and len(args) == 1:
        return value.count(args[0])
    if run.symbolic or name in ("index", "count"):
        return UNKNOWN
    if name in ("append", "appendleft") and len(args) == 1:
        value.insert(0 if name == "appendleft" else len(value), conditional(run, args[0]))
    elif name in ("extend", "extendleft") and len(args) == 1:
        from readybook.facts.expressions import iterate

        items = iterate(run, args[0])
        value.extend([conditional(run, v) for v in items] if items is not None else [UNKNOWN])
    elif name == "insert" and len(args) == 2:
        at = min(max(args[0], -len(value)), len(value)) if isinstance(args[0], int) else 0
        value.insert(at, conditional(run, args[1]))
    elif name in ("pop", "popleft") and value:
        at = by_default(args[0]) if args else (0 if name == "popleft" else -1)
        if not isinstance(at, int) or not -len(value) <= at < len(value):
            return run.doubt()
        found = value[at]
        take_out(run, value, at)
        return found
    elif name == "remove" and len(args) == 1:
        at = next((i for i, v in enumerate(value) if v is args[0] or (known((v, args[0])) and v == args[0])), None)
        if at is not None:
            take_out(run, value, at)
    elif name == "clear":
        for at in reversed(range(len(value))):
            take_out(run, value, at)
    elif name == "reverse" and happens(run):
        value.reverse()
    elif name == "sort" and not args and happens(run):
        from readybook.facts.sequence_calls import in_order

        value[:] = in_order(run, value, kwargs)
    return None


def happens(run: Interpreter) -> bool:
    """Whether what is being followed is done by default: every condition on the way holds, or a loop is around."""
    return by_default(conditional(run, True, False)) is True


def take_out(run: Interpreter, owner: Any, key: Any) -> None:
    """Remove an element of a list or dict; under a condition that nothing decides it may still be there."""
    rest = conditional(run, ABSENT, owner[key])
    if rest is ABSENT or by_default(rest) is ABSENT:
        del owner[key]
    elif isinstance(rest, Choice) and rest.default is None:
        owner[key] = rest


def conditional(run: Interpreter, value: Any, before: Any = ABSENT) -> Any:
    """What is put into a container under a condition may not be there: then it is what stood there ``before``."""
    open_ = [c for c in run.conditions if c.default is not True or c.text]
    if not open_ or any(c.text.startswith(("for ", "while ")) for c in open_):
        return value
    defaults = [c.default for c in open_]
    default = None if None in defaults else (0 if all(defaults) else 1)
    text = " and ".join(c.text for c in open_)
    return Choice(((text, value), (f"not ({text})", before)), default)


def _dict_method(run: Interpreter, name: str, value: dict[Any, Any], args: Any, kwargs: Any) -> Any:
    if name in ("get", "pop", "setdefault") and args:
        return _looked_up(run, name, value, by_default(args[0]), args[1] if len(args) > 1 else None)
    if name == "items":
        return [(k, v) for k, v in value.items() if v is not ABSENT]
    if name == "keys":
        return set_of(value)
    if name == "values":
        return list(value.values())
    if name == "copy":
        return dict(value)
    if name == "update" and not run.symbolic:
        return _update(run, value, args, kwargs)
    if name == "popitem" and value and not run.symbolic:
        last = next(reversed(value))
        found = (last, value[last])
        take_out(run, value, last)
        return found
    if name == "clear" and not run.symbolic:
        for key in list(value):
            take_out(run, value, key)
        return None
    return UNKNOWN


def _looked_up(run: Interpreter, name: str, value: dict[Any, Any], key: Any, fallback: Any) -> Any:
    try:
        if key in value:
            found = value[key]
            if name == "pop" and not run.symbolic:
                take_out(run, value, key)
            return lift(lambda v: fallback if v is ABSENT else v, found) if isinstance(found, Choice) else found
    except TypeError:
        return UNKNOWN
    if isinstance(key, Unknown) or any(isinstance(k, Unknown) for k in value):
        return UNKNOWN
    if name == "setdefault" and not run.symbolic:
        value[key] = conditional(run, fallback)
    return fallback


def _update(run: Interpreter, value: dict[Any, Any], args: Any, kwargs: Any) -> None:
    given = by_default(args[0]) if args and isinstance(args[0], Choice) else args[0] if args else {}
    if isinstance(given, list | tuple) and all(isinstance(p, tuple) and len(p) == 2 for p in given):
        given = dict(given) if known([k for k, _ in given]) else None
    if not isinstance(given, dict):
        value[Unknown("updated")] = UNKNOWN
        given = {}
    for key, item in {**given, **kwargs}.items():
        value[key] = conditional(run, item, value.get(key, ABSENT))
