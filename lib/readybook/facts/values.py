"""What an expression is worth, as far as it can be known without running it.

A value is plain Python (str, int, float, bool, None, bytes, Ellipsis), a ``list``/``tuple``/``dict``/``set`` of values,
one of the types below, or an object of ``objects``. ``Unknown`` is an answer: it says why. Never guess.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any

from readybook.place import Place
from readybook.records import record

MAX_NESTING = 60
MAX_WEIGHT = 200_000
MAX_OPTIONS = 32  # values that a choice may hold, nested ones counted
CONSTANTS = (str, int, float, bool, bytes, type(None), complex)


@record
class Unknown:
    """A value that cannot be known; ``reason`` and ``place`` say why and where knowledge ends."""

    reason: str = "not known"
    place: Place | None = None

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false: use truth()")


UNKNOWN = Unknown()


@record
class FromEnv:
    """A value that comes from the environment variable ``name``; ``default`` is its value when that is unset.

    ``default`` is Unknown when the variable is required; ``given`` is then its value in a dotenv file beside the code.
    ``place`` is where the default, or the read, stands.
    """

    name: str
    default: Any
    place: Place | None = None
    given: Any = UNKNOWN


@record
class Choice:
    """One of several values, each with the source text of the condition that selects it.

    ``default`` is the index of the option that is taken when no environment variable is set, None if that is unknown.
    """

    options: tuple[tuple[str, Any], ...]
    default: int | None = None


@record
class External:
    """A name of a package outside the project, by its dotted path (``fastapi.FastAPI``)."""

    path: str


@record
class Begins:
    """Text whose beginning is known and whose rest is not: ``postgresql+asyncpg://`` and what follows."""

    text: str


@record
class Absent:
    """An element that is not there: the other side of a conditional append."""


ABSENT = Absent()
SEVERAL = External("…")
# made once: a union costs more than the question that is asked with it, and these are asked all the time
CHOOSING = (FromEnv, Choice)
_VARYING = (FromEnv, Choice, list, tuple, dict)
_UNSURE = (Unknown, FromEnv, Choice, Begins)
_HOLDING = (list, tuple, set, frozenset, dict)


class SetValue(list[Any]):
    """A set of the code: each element once, in the order of the source; what cannot be hashed may stand in it."""


def set_of(items: Iterable[Any]) -> SetValue:
    """A set of these values."""
    found, seen = SetValue(), set[Any]()
    for item in items:
        try:
            key = item if isinstance(item, CONSTANTS) or isinstance(item, tuple) and known(item) else id(item)
            if key in seen:
                continue
            seen.add(key)
        except TypeError:  # a tuple with something in it that cannot be hashed
            pass
        found.append(item)
    return found


def known(value: Any) -> bool:
    """Whether the value, and everything in it, is the same whatever the environment says; False for huge ones."""
    if isinstance(value, _UNSURE):
        return False
    if isinstance(value, _HOLDING):
        return _weight(value, {}, 0) <= MAX_WEIGHT
    return True


def _weight(value: Any, weights: dict[int, float], depth: int) -> float:
    """How many values a container holds, shared ones counted each time; infinite when one is not known."""
    if isinstance(value, _UNSURE) or depth > MAX_NESTING:
        return inf
    if not isinstance(value, _HOLDING):
        return 1
    if id(value) not in weights:
        weights[id(value)] = inf  # what holds itself is endless
        items = [*value, *value.values()] if isinstance(value, dict) else value
        total = 1.0
        for item in items:
            total += _weight(item, weights, depth + 1)
            if total > MAX_WEIGHT:
                total = inf
                break
        weights[id(value)] = total
    return weights[id(value)]


def by_default(value: Any) -> Any:
    """The value when no environment variable is set; what stays unknown is Unknown or an undecided Choice."""
    if value.__class__ is not str and isinstance(value, _VARYING):
        return _by_default(value, {}, 0)
    return value


def _by_default(value: Any, done: dict[int, Any], depth: int) -> Any:
    if depth > MAX_NESTING:
        return Unknown("nested too deeply")
    if isinstance(value, FromEnv):
        return _by_default(value.default, done, depth + 1)
    if isinstance(value, Choice):
        return _by_default(value.options[value.default][1], done, depth + 1) if value.default is not None else value
    if not isinstance(value, list | tuple | dict) or hasattr(value, "_make"):
        return value
    if id(value) not in done:
        done[id(value)] = Unknown("contains itself")
        if isinstance(value, dict):
            inner = {k: _by_default(v, done, depth + 1) for k, v in value.items()}
            done[id(value)] = {k: v for k, v in inner.items() if v is not ABSENT}
        else:
            items = [v if v.__class__ is str else _by_default(v, done, depth + 1) for v in value]
            kept = [v for v in items if v is not ABSENT]
            made = set_of if isinstance(value, SetValue) else list if isinstance(value, list) else tuple
            done[id(value)] = made(kept)
    return done[id(value)]


def as_served(value: Any) -> Any:
    """``by_default``, with what a dotenv file gives to a required variable."""
    if isinstance(value, FromEnv):
        default = as_served(value.default)
        return as_served(value.given) if isinstance(default, Unknown) else default
    if isinstance(value, Choice) and value.default is not None:
        return as_served(value.options[value.default][1])
    return by_default(value)


def possible(value: Any) -> list[Any]:
    """Every value that the code itself names: all branches of a choice, the default of a variable."""
    if isinstance(value, FromEnv):
        return possible(value.default)
    if isinstance(value, Choice):
        return [v for _, option in value.options for v in possible(option) if v is not ABSENT]
    return [value]


# an object known as one of these only by its type may be false
_PLAIN_TYPES = frozenset((
    "bool", "str", "int", "float", "complex", "bytes", "list", "dict", "tuple", "set", "frozenset"))


def truth(value: Any) -> bool | None:
    """Whether the value is true, None when that cannot be known."""
    if isinstance(value, CONSTANTS):
        return bool(value)
    if isinstance(value, _HOLDING):
        if not value:
            return False
        return True if any(not isinstance(v, Unknown | Choice) and not is_one_of_several(v) for v in value) else None
    if isinstance(value, Choice):
        answers = {truth(v) for _, v in value.options}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(value, Begins):
        return bool(value.text) or None
    if isinstance(value, Unknown | FromEnv | External | Absent):
        return None
    path = getattr(value, "path", None)
    if path in _PLAIN_TYPES or is_one_of_several(value):
        return None
    if path.__class__ is str and path.endswith("()") and _may_be_anything(path):
        return None
    return None if _answers_itself(value) else True


def _may_be_anything(path: str) -> bool:
    """Whether what a function gave may be false, as the matches of ``re.findall`` may; an engine is not."""
    return path.partition(".")[0] in _LIBRARY


_LIBRARY = frozenset((
    "re", "json", "os", "itertools", "string", "shutil", "subprocess", "platform", "socket", "random", "importlib",
    "inspect", "ast", "math", "time", "glob", "fnmatch", "shlex", "textwrap", "operator",
))


def _answers_itself(value: Any) -> bool:
    """Whether the class of an object says itself whether it is true."""
    cls = getattr(value, "cls", None)
    order = cls.mro() if hasattr(cls, "mro") else ()
    return any("__bool__" in c.scope.names or "__len__" in c.scope.names for c in order if hasattr(c, "scope"))


def is_one_of_several(value: Any) -> bool:
    """Whether an element stands for those of several that pass a test which is not known: there may be none."""
    return getattr(value, "base", None) == SEVERAL


def truth_in(value: Any, which: bool) -> bool | None:
    """The truth of an element where it is asked whether one (``which`` True), or each, is true: as none of those may be
    there that one element stands for, they may be what decides nothing, and else are not known."""
    if not is_one_of_several(value):
        return truth(value)
    return not which if truth(value.args[0]) is (not which) else None


def text_of(value: Any) -> str | None:
    """The value as text when it is text by default, else None."""
    value = by_default(value)
    return value if isinstance(value, str) else None


def beginning(value: Any) -> str | None:
    """How the value begins as text by default: all of it, or the part that is known; None when that is nothing."""
    value = by_default(value)
    return value.text if isinstance(value, Begins) else value if isinstance(value, str) else None


def choose(options: list[tuple[str, Any]], default: int | None) -> Any:
    """A Choice over the options, or the value itself when all options are the same one."""
    first = options[0][1]
    if all(_same(first, v) for _, v in options[1:]):
        return first
    if sum(_leaves(v) for _, v in options) > MAX_OPTIONS:
        return Unknown("one of too many values")
    return Choice(tuple(options), default)


def _leaves(value: Any) -> int:
    return sum(_leaves(v) for _, v in value.options) if isinstance(value, Choice) else 1


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    return type(a) is type(b) and isinstance(a, (*CONSTANTS, External, FromEnv)) and a == b
