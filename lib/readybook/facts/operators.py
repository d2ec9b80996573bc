"""Operators over values; what comes from the environment stays so, with the result its default gives."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import Instance, generic
from readybook.facts.pathcalls import is_path, joined
from readybook.facts.values import (
    ABSENT,
    CHOOSING,
    CONSTANTS,
    UNKNOWN,
    Begins,
    Choice,
    External,
    FromEnv,
    SetValue,
    Unknown,
    by_default,
    choose,
    known,
    set_of,
)
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

MAX_TEXT = 100_000
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "Div": operator.truediv,
    "FloorDiv": operator.floordiv, "Mod": operator.mod, "BitOr": operator.or_, "BitAnd": operator.and_,
    "BitXor": operator.xor, "LShift": operator.lshift, "RShift": operator.rshift,
}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq, "NotEq": operator.ne, "Lt": operator.lt, "LtE": operator.le, "Gt": operator.gt,
    "GtE": operator.ge,
}


def lift(function: Callable[[Any], Any], value: Any) -> Any:
    """Apply a function below FromEnv and Choice."""
    if isinstance(value, FromEnv):
        given = UNKNOWN if isinstance(value.given, Unknown) else function(value.given)
        return FromEnv(value.name, function(value.default), value.place, given)
    if isinstance(value, Choice):
        return choose([(text, lift(function, v)) for text, v in value.options], value.default)
    return function(value)


def binary(run: Interpreter, op: str, left: Any, right: Any) -> Any:
    """The value of ``left op right``."""
    if isinstance(left, CHOOSING):
        return lift(lambda v: binary(run, op, v, right), left)
    if isinstance(right, CHOOSING):
        return lift(lambda v: binary(run, op, left, v), right)
    if isinstance(left, Instance) or isinstance(right, Instance):
        from readybook.facts.enums import plain_member

        left = left if plain_member(left) is None else plain_member(left)
        right = right if plain_member(right) is None else plain_member(right)
    if op == "BitOr" and not isinstance(left, int | dict | set | list):
        return generic(External("typing.Union"), (left, right))
    if op == "Add" and isinstance(left, Begins):
        return left
    if op == "Add" and isinstance(left, str) and left and isinstance(right, Begins | Unknown):
        return Begins(left + (right.text if isinstance(right, Begins) else ""))
    if op == "Add" and isinstance(left, list) and isinstance(right, list):
        return left + right if len(left) + len(right) <= MAX_TEXT else UNKNOWN
    if op == "Add" and isinstance(left, list | tuple) and isinstance(right, Unknown):
        return [*left, right]
    if op in ("Sub", "BitAnd", "BitXor") and isinstance(left, list) and isinstance(right, list):
        if not (known(left) and known(right)):
            return UNKNOWN
        both = [v for v in left if (v in right) is (op == "BitAnd")]
        return set_of(both if op != "BitXor" else [*both, *(v for v in right if v not in left)])
    if op == "BitOr" and isinstance(left, dict) and isinstance(right, dict):
        return left | right
    if op == "BitOr" and isinstance(left, list) and isinstance(right, list):
        return set_of([*left, *right])
    if op == "Div" and (is_path(left) or is_path(right)):
        return joined(left, right)
    if op == "Mod" and isinstance(left, str):
        return _percent(left, right)
    if not (_plain(left) and _plain(right)) or op not in BINARY or _too_large(op, left, right):
        return UNKNOWN
    try:
        return BINARY[op](left, right)
    except (TypeError, ValueError, ArithmeticError):
        return run.doubt()


def _plain(value: Any) -> bool:
    return isinstance(value, CONSTANTS) or (isinstance(value, tuple | list) and known(value))


def _too_large(op: str, left: Any, right: Any) -> bool:
    sizes = [len(v) for v in (left, right) if hasattr(v, "__len__")]
    if op == "Mult" and sizes:
        count = right if isinstance(right, int) else left
        return not isinstance(count, int) or sizes[0] * count > MAX_TEXT
    if op in ("Mult", "LShift"):
        far = op == "LShift" and not (isinstance(right, int) and right <= 64)
        return far or any(isinstance(v, int) and abs(v) > 10**12 for v in (left, right))
    return sum(sizes) > MAX_TEXT


WIDE = regex(r"[0-9]{4}|\*")  # a width that pads to thousands of characters, or one that is computed


def _can_be_shown(value: Any) -> bool:
    """Whether every value that ``%`` puts into a text is plain."""
    if isinstance(value, dict):
        return all(isinstance(v, CONSTANTS) for v in value.values())
    return all(isinstance(v, CONSTANTS) for v in (value if isinstance(value, tuple) else (value,)))


def _percent(left: str, right: Any) -> Any:
    if WIDE.search(left) or not _can_be_shown(right):
        return UNKNOWN
    try:
        text = left % right
    except (TypeError, ValueError, KeyError):
        return UNKNOWN
    return text if len(text) <= MAX_TEXT else UNKNOWN


def unary(run: Interpreter, op: str, value: Any) -> Any:
    """The value of ``op value``."""
    if isinstance(value, FromEnv | Choice):
        return lift(lambda v: unary(run, op, v), value)
    if op == "Not":
        t = run.decides(value)
        return UNKNOWN if t is None else not t
    if isinstance(value, int | float):
        return {"USub": operator.neg, "UAdd": operator.pos, "Invert": operator.invert}[op](value) if (
            op != "Invert" or isinstance(value, int)
        ) else UNKNOWN
    return UNKNOWN


SAMENESS = ("Is", "IsNot", "Eq", "NotEq")
_SENTINEL = External("inspect.Parameter.empty")  # nothing else of a signature is that class


def compare(run: Interpreter, op: str, left: Any, right: Any) -> Any:
    """The value of one comparison."""
    if isinstance(left, CHOOSING):
        return lift(lambda v: compare(run, op, v, right), left)
    if isinstance(right, CHOOSING):
        return lift(lambda v: compare(run, op, left, v), right)
    if op in ("In", "NotIn") and isinstance(right, list | dict | tuple) and not right:
        return op == "NotIn"
    if isinstance(left, Unknown | Begins) or isinstance(right, Unknown | Begins):
        return UNKNOWN
    if run.symbolic and (isinstance(left, Instance) or isinstance(right, Instance)):
        return UNKNOWN  # an object known by type may be None, and is no particular one
    from readybook.facts.enums import enum_value, plain_member

    one, other = enum_value(left), enum_value(right)
    if op in SAMENESS and (one is not None or other is not None):
        members = [v for v, plain in ((left, one), (right, other)) if plain is not None]
        if len(members) == 2 and members[0].cls is members[1].cls:
            return (one == other) is (op in ("Is", "Eq"))
        if any(plain_member(v) is None for v in members) and isinstance(left, (*CONSTANTS, Instance)) and isinstance(
                right, (*CONSTANTS, Instance)):
            return op in ("IsNot", "NotEq")  # a member that is no text itself is equal to no text
    left, right = left if one is None else one, right if other is None else other
    if op in SAMENESS and _SENTINEL in (left, right):
        return (left == right) is (op in ("Is", "Eq"))
    if op in ("Is", "IsNot"):
        same = left is right if not isinstance(left, CONSTANTS) else (type(left) is type(right) and left == right)
        if not (isinstance(left, CONSTANTS) and isinstance(right, CONSTANTS)) and _opaque(left, right):
            return _installed(left, op == "IsNot") if right is None and isinstance(left, External) else UNKNOWN
        return same if op == "Is" else not same
    if op in ("In", "NotIn"):
        return _contains(left, right, op == "In")
    if not (_plain(left) and _plain(right)):
        return UNKNOWN
    if isinstance(left, SetValue) or isinstance(right, SetValue):
        return _compare_sets(op, left, right)
    try:
        return COMPARE[op](left, right)
    except TypeError:
        return UNKNOWN


def _compare_sets(op: str, left: Any, right: Any) -> Any:
    if not (isinstance(left, SetValue) and isinstance(right, SetValue)):
        return op == "NotEq" if op in ("Eq", "NotEq") else UNKNOWN
    try:
        return COMPARE[op](set(left), set(right))
    except TypeError:  # an element that cannot be hashed
        return UNKNOWN


def _installed(name: External, present: bool) -> Any:
    """Whether a package's module or class is there, as ``if Client is not None`` asks after an import that may fail.

    Usually it is; without the package the code would have put None in its place.
    """
    last = name.path.rpartition(".")[2]
    if "." in name.path and (last[:1].islower() or last.isupper()):
        return UNKNOWN
    return Choice(((f"{last} is there", present), (f"{last} is not there", not present)), 0)


def _opaque(left: Any, right: Any) -> bool:
    return isinstance(left, External) or isinstance(right, External)


def _contains(item: Any, container: Any, positive: bool) -> Any:
    read = first_read(container)
    answer = _is_in(item, container, positive)
    return answer if read is None or isinstance(answer, Unknown) else FromEnv(read.name, answer, read.place)


def first_read(items: Any) -> FromEnv | None:
    """The first element of a container that comes from the environment, on which an answer about all depends."""
    return next((v for v in items if isinstance(v, FromEnv)), None) if isinstance(items, list | tuple) else None


def _is_in(item: Any, container: Any, positive: bool) -> Any:
    if isinstance(container, str) and isinstance(item, str):
        return (item in container) is positive
    if isinstance(container, dict) and isinstance(item, str):  # data of many keys: no walk over them to find one
        if item in container:
            return positive
        return (not positive) if all(k.__class__ is str for k in container) else _among(item, container, positive)
    if isinstance(container, list | tuple | dict) and isinstance(item, CONSTANTS):
        return _among(item, container, positive)
    return UNKNOWN


def _among(item: Any, elements: Iterable[Any], positive: bool) -> Any:
    unsure = False
    for element in elements:
        if isinstance(element, FromEnv | Choice):
            element = by_default(element)
        if not isinstance(element, CONSTANTS):
            unsure = unsure or element is not ABSENT
        elif element.__class__ is item.__class__ and element == item:
            return positive
    return UNKNOWN if unsure else not positive
