"""Methods of text, lists and dicts over values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.operators import MAX_TEXT, WIDE, lift
from readybook.facts.values import ABSENT, CONSTANTS, UNKNOWN, Begins, Choice, FromEnv, Unknown, by_default, known

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
    if isinstance(value, list):
        return _list_method(run, name, value, args)
    if isinstance(value, dict):
        return _dict_method(run, name, value, args, kwargs)
    if isinstance(value, tuple) and name in ("index", "count") and known(value) and known(args):
        return UNKNOWN
    if isinstance(value, bytes) and name == "decode":
        return value.decode("utf-8", "replace")
    return UNKNOWN


def _text_method(name: str, value: str, args: Any, kwargs: Any) -> Any:
    if name == "get_secret_value":
        return value
    if name == "join" and len(args) == 1:
        items = by_default(args[0])
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


def _list_method(run: Interpreter, name: str, value: list[Any], args: Any) -> Any:
    if name in ("copy", "union", "difference", "intersection"):
        return _set_method(run, name, value, args)
    if name == "index" and known(value) and known(args):
        return value.index(args[0]) if len(args) == 1 and args[0] in value else UNKNOWN
    if run.symbolic or name in ("index", "count"):
        return UNKNOWN
    if name in ("append", "add", "appendleft") and len(args) == 1:
        if name == "add" and any(v is args[0] for v in value):
            return None
        value.insert(0 if name == "appendleft" else len(value), _conditional(run, args[0]))
    elif name in ("extend", "update") and len(args) == 1:
        from readybook.facts.expressions import iterate

        items = iterate(run, args[0])
        value.extend([_conditional(run, v) for v in items] if items is not None else [UNKNOWN])
    elif name == "insert" and len(args) == 2:
        at = min(max(args[0], -len(value)), len(value)) if isinstance(args[0], int) else 0
        value.insert(at, _conditional(run, args[1]))
    elif name in ("pop", "popleft") and value:
        at = by_default(args[0]) if args else (0 if name == "popleft" else -1)
        return value.pop(at) if isinstance(at, int) and -len(value) <= at < len(value) else UNKNOWN
    elif name in ("remove", "discard") and len(args) == 1 and not run.conditions:
        at = next((i for i, v in enumerate(value) if v is args[0] or (known((v, args[0])) and v == args[0])), None)
        if at is not None:
            del value[at]
    elif name == "clear" and not run.conditions:
        value.clear()
    elif name == "reverse":
        value.reverse()
    elif name == "sort" and known(value) and not args:
        try:
            value.sort()
        except TypeError:
            return None
    return None


def _set_method(run: Interpreter, name: str, value: list[Any], args: Any) -> Any:
    """Sets are kept as lists in the order of the source."""
    from readybook.facts.expressions import iterate

    out = list(value)
    for arg in args:
        items = iterate(run, arg)
        if items is None:
            return UNKNOWN
        if name == "union":
            out += [v for v in items if v not in out]
        else:
            out = [v for v in out if (v in items) is (name == "intersection")]
    return out


def _conditional(run: Interpreter, value: Any) -> Any:
    """An element added under a condition may not be there."""
    open_ = [c for c in run.conditions if c.default is not True or c.text]
    if not open_ or any(c.text.startswith(("for ", "while ")) for c in open_):
        return value
    defaults = [c.default for c in open_]
    default = None if None in defaults else (0 if all(defaults) else 1)
    text = " and ".join(c.text for c in open_)
    return Choice(((text, value), (f"not ({text})", ABSENT)), default)


def _dict_method(run: Interpreter, name: str, value: dict[Any, Any], args: Any, kwargs: Any) -> Any:
    if name in ("get", "pop", "setdefault") and args:
        key = by_default(args[0])
        fallback = args[1] if len(args) > 1 else None
        try:
            if key in value:
                return value.pop(key) if name == "pop" and not run.symbolic else value[key]
        except TypeError:
            return UNKNOWN
        if isinstance(key, Unknown) or any(isinstance(k, Unknown) for k in value):
            return UNKNOWN
        if name == "setdefault" and not run.symbolic:
            value[key] = fallback
        return fallback
    if name == "items":
        return [(k, v) for k, v in value.items()]
    if name == "keys":
        return list(value)
    if name == "values":
        return list(value.values())
    if name == "copy":
        return dict(value)
    if name == "update" and not run.symbolic:
        if args and isinstance(args[0], dict):
            value.update(args[0])
        elif args:
            value[Unknown("updated")] = UNKNOWN
        value.update(kwargs)
        return None
    return UNKNOWN
