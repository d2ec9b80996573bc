"""Functions of the standard library over values: itertools, functools, operator, collections, inspect."""

from __future__ import annotations

import ast
import itertools
import json
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, ModuleValue, Native, PartialValue
from readybook.facts.operators import MAX_TEXT, lift
from readybook.facts.values import UNKNOWN, External, SetValue, by_default, known

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

MAX_ITEMS = 2_000


class DefaultDict(dict[Any, Any]):
    """``collections.defaultdict``: ``factory`` makes what is missing."""

    factory: Any = None


def _items(run: Interpreter, value: Any) -> list[Any] | None:
    from readybook.facts.expressions import iterate

    return iterate(run, value)


def _from_keys(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``dict.fromkeys``: every key has the very same value."""
    keys = _items(run, args[0]) if args else None
    try:
        return UNKNOWN if keys is None else dict.fromkeys(keys, args[1] if len(args) > 1 else None)
    except TypeError:  # a key that cannot be hashed
        return UNKNOWN


def _chain(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    lists = [_items(run, a) for a in args]
    return [v for items in lists for v in items or []] if None not in lists else UNKNOWN


def _chain_from(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    outer = _items(run, args[0]) if args else None
    return _chain(run, e, tuple(outer), {}, node) if outer is not None else UNKNOWN


def _product(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    lists = [_items(run, a) for a in args]
    size = 1
    for items in lists:
        size *= len(items) if items is not None else MAX_ITEMS + 1
    return [tuple(t) for t in itertools.product(*[x for x in lists if x is not None])] if size <= MAX_ITEMS else UNKNOWN


def _reduce(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.calls import call

    items = _items(run, args[1]) if len(args) > 1 else None
    if items is None or (not items and len(args) < 3):
        return UNKNOWN
    value, rest = (args[2], items) if len(args) > 2 else (items[0], items[1:])
    for item in rest:
        value = call(run, args[0], (value, item), {}, node)
    return value


def _getter(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.attributes import get_attribute, get_item

    names = [by_default(a) for a in args]

    def get(values: Any, options: Any, site: Any) -> Any:
        found = []
        for name in names:
            value = values[0] if values else UNKNOWN
            if e.path.endswith("itemgetter"):
                value = get_item(run, value, name, node)
            else:
                for part in str(name).split("."):
                    value = get_attribute(run, value, part, node)
            found.append(value)
        return found[0] if len(found) == 1 else tuple(found)

    return Native(e.path, get)


def _accumulate(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    items = _items(run, args[0]) if len(args) == 1 and not kwargs else None
    return list(itertools.accumulate(items)) if items is not None and known(items) and all(
        isinstance(v, int | float) for v in items) else UNKNOWN


def _chain_map(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return {k: v for a in reversed(args) for k, v in a.items()} if all(isinstance(a, dict) for a in args) else UNKNOWN


def _written(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``json.dumps`` of plain data."""
    if len(args) != 1 or not _is_data(args[0], 0) or not set(kwargs) <= {"indent", "sort_keys", "ensure_ascii"}:
        return UNKNOWN
    try:
        text = json.dumps(args[0], **kwargs)
    except (TypeError, ValueError, RecursionError):
        return UNKNOWN
    return text if len(text) <= MAX_TEXT else UNKNOWN


def _is_data(value: Any, depth: int) -> bool:
    if isinstance(value, SetValue) or depth > 20:
        return False
    if isinstance(value, dict):
        return len(value) <= MAX_ITEMS and all(isinstance(k, str) and _is_data(v, depth + 1) for k, v in value.items())
    if isinstance(value, list | tuple):
        return len(value) <= MAX_ITEMS and all(_is_data(v, depth + 1) for v in value)
    return value is None or isinstance(value, str | int | float)


def _literal(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``ast.literal_eval`` of a text that is known, or of a variable's."""
    def read(value: Any) -> Any:
        if not isinstance(value, str) or len(value) > MAX_ITEMS:
            return UNKNOWN
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return run.doubt()

    return lift(read, args[0]) if args else UNKNOWN


def _default_dict(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    made = DefaultDict(args[1] if len(args) > 1 and isinstance(args[1], dict) else {})
    made.factory = args[0] if args else None
    return made


def _ordered(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.builtin_calls import call_builtin

    return call_builtin(run, "dict", args, kwargs)


def _deque(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return list(_items(run, args[0]) or []) if args else []


def _namespace(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return Instance(External("types.SimpleNamespace"), dict(kwargs), args, kwargs, run.frame.module, node)


def _named_tuple(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """A class made by ``namedtuple("Name", "a b")`` or ``NamedTuple("Name", [("a", int)])``."""
    fields = by_default(args[1]) if len(args) > 1 else by_default(kwargs.get("field_names"))
    if isinstance(fields, str):
        fields = fields.replace(",", " ").split()
    if not isinstance(fields, list | tuple):
        return UNKNOWN
    names = [f[0] if isinstance(f, tuple) and f else f for f in fields]
    if not all(isinstance(n, str) for n in names):
        return UNKNOWN

    usual = by_default(kwargs.get("defaults"))
    usual = usual if isinstance(usual, list | tuple) else ()
    defaults = dict(zip(names[len(names) - len(usual):], usual, strict=False))

    def make(values: Any, options: Any, site: Any) -> Any:
        fields = {**defaults, **dict(zip(names, values, strict=False)), **options}
        return Instance(External("collections.namedtuple()"), fields)

    return Native(e.path, make)


def _members(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.calls import call
    from readybook.facts.values import truth

    from readybook.facts.attributes import get_attribute
    from readybook.facts.builtin_calls import call_builtin

    if not args or not isinstance(args[0], ModuleValue | ClassValue | Instance):
        return UNKNOWN
    test = args[1] if len(args) > 1 else kwargs.get("predicate")
    if isinstance(args[0], Instance):
        names = call_builtin(run, "dir", args[:1], {})
        found = [(n, get_attribute(run, args[0], n)) for n in names] if isinstance(names, list) else []
    else:
        found = sorted(args[0].scope.names.items())
    return [(n, v) for n, v in found if test is None or truth(call(run, test, (v,), {}, node))]


def _kind(*kinds: type) -> Any:
    """``inspect.isclass`` and its like."""
    def is_kind(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
        value = args[0] if args else UNKNOWN
        if isinstance(value, External):
            return value.path.rpartition(".")[2][:1].isupper() if ClassValue in kinds else UNKNOWN
        known = isinstance(value, FunctionValue | ClassValue | ModuleValue | Instance | Bound | str | int | list | dict
                           | tuple | None)
        return isinstance(value, kinds) if known else UNKNOWN

    return is_kind


def _module_of(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    value = args[0] if args else None
    if isinstance(value, PartialValue):
        value = value.function
    return run.loaded.get(value.module.path, UNKNOWN) if isinstance(value, FunctionValue | ClassValue) else UNKNOWN


def _new(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.construction import new

    return new(args, kwargs, node)


CALLS: dict[str, Any] = {
    "dict.fromkeys": _from_keys, "collections.OrderedDict.fromkeys": _from_keys,
    "itertools.chain": _chain, "itertools.chain.from_iterable": _chain_from, "itertools.product": _product,
    "itertools.accumulate": _accumulate, "collections.ChainMap": _chain_map, "json.dumps": _written,
    "ast.literal_eval": _literal, "functools.reduce": _reduce,
    "operator.attrgetter": _getter, "operator.itemgetter": _getter,
    "collections.defaultdict": _default_dict, "collections.OrderedDict": _ordered, "types.MappingProxyType": _ordered,
    "collections.deque": _deque, "collections.namedtuple": _named_tuple, "typing.NamedTuple": _named_tuple,
    "types.SimpleNamespace": _namespace, "object.__new__": _new, "type.__new__": _new,
    "inspect.getmembers": _members, "inspect.isclass": _kind(ClassValue), "inspect.ismodule": _kind(ModuleValue),
    "inspect.isfunction": _kind(FunctionValue), "inspect.ismethod": _kind(Bound), "inspect.getmodule": _module_of,
}
