"""Members of enums: which there are, what each is worth, and how it is written as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.facts.values import CONSTANTS, UNKNOWN, Unknown

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

ENUMS = ("enum.Enum", "enum.StrEnum", "enum.IntEnum", "enum.Flag", "enum.IntFlag")
_PLAIN = ("enum.Enum", "enum.Flag", "object")
_AS_VALUE = ("enum.StrEnum", "enum.IntEnum", "enum.IntFlag", "enum.ReprEnum")  # whose text is that of the value
_NAMED = (3, 11)  # from this Python on, a field of an f-string shows a member as ``str`` does


def enum_member(cls: ClassValue, name: str) -> Instance | None:
    """The member of an enum class, the same object each time."""
    if not cls.is_a(*ENUMS) or name not in cls.scope.names or name.startswith("__"):
        return None
    raw = cls.scope.names[name]
    if isinstance(raw, FunctionValue | ClassValue):
        return None
    if isinstance(raw, Instance) and raw.cls is cls:
        return raw
    if isinstance(raw, Instance) and raw.is_a("enum.auto"):
        raw = name.lower() if cls.is_a("enum.StrEnum") else UNKNOWN
    member = Instance(cls, {"name": name, "value": raw, "_value_": raw})
    cls.scope.names[name] = member
    return member


def enum_members(run: Interpreter, value: Any) -> list[Any] | None:
    """The members of an enum class in order, None for anything else."""
    if not isinstance(value, ClassValue) or not value.is_a(*ENUMS):
        return None
    return [m for m in (enum_member(value, n) for n in list(value.scope.names)) if m is not None]


def enum_value(value: Any) -> Any:
    """The plain value of a member of a text or number enum, None for anything else."""
    if isinstance(value, Instance) and isinstance(value.cls, ClassValue) and "value" in value.attrs:
        if value.cls.is_a(*ENUMS) and isinstance(value.attrs["value"], str | int):
            return value.attrs["value"]
    return None


def plain_member(value: Any) -> Any:
    """The plain value of a member that is itself text or a number (``class E(str, Enum)``), None for anything else."""
    plain = enum_value(value)
    return plain if plain is not None and any(b not in _PLAIN for b in value.cls.external_bases()) else None


def text_of_member(run: Interpreter, value: Any, *, formatted: bool = False) -> Any:
    """``str(member)``, or what an f-string shows of it when ``formatted``; None for what is no member of an enum.

    Before Python 3.11 a field shows the value of a member that is text or a number, since then what ``str`` gives.
    """
    if not isinstance(value, Instance) or not isinstance(value.cls, ClassValue) or "name" not in value.attrs:
        return None
    cls = value.cls
    if not cls.is_a(*ENUMS):
        return None
    own = next((c.scope.names["__str__"] for c in cls.mro()
                if isinstance(c, ClassValue) and "__str__" in c.scope.names), None)
    if isinstance(own, FunctionValue):
        text = run.call_function(own, (value,), {}, value)
        return text if isinstance(text, str) else Unknown("the text of a member")
    inner = value.attrs["value"]
    bases = cls.external_bases()
    python = run.releases.get("python")
    if any(b in _AS_VALUE for b in bases) or (
            formatted and python is not None and python < _NAMED and plain_member(value) is not None):
        return str(inner) if isinstance(inner, CONSTANTS) else UNKNOWN
    if any(b not in (*_PLAIN, "str", "int") for b in bases):  # a base that may write it in its own way
        return str(inner) if isinstance(inner, str | int) else UNKNOWN
    return f"{cls.name}.{value.attrs['name']}"
