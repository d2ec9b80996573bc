"""Records: the small immutable objects that facts, findings and edits are made of.

``@dataclass(frozen=True, slots=True)`` writes six methods for each class, which for some 270 classes is a third of the
command's start, and its ``__init__`` goes through ``object.__setattr__``, which is three times as slow: one audit
makes millions. A record is a dataclass whose comparison, hash and ``repr`` are one function for all classes. That
nobody sets an attribute of one is left to the type checker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

__all__ = ["field", "record"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a class of annotated fields a record: slots, and equality and hash by the fields that compare."""
    made = dataclass(eq=False, repr=False, slots=True)(cls)
    compared = [f.name for f in fields(made) if f.compare]  # type: ignore[arg-type]
    if compared:
        made.__eq__, made.__hash__ = _equality(attrgetter(*compared))  # type: ignore[method-assign, assignment]
    if made.__repr__ is object.__repr__:
        made.__repr__ = _repr  # type: ignore[method-assign]
    return made


def _equality(key: Callable[[Any], Any]) -> tuple[Callable[[Any, Any], Any], Callable[[Any], int]]:
    def equal(self: Any, other: Any) -> Any:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: Any) -> int:
        return hash(key(self))

    return equal, hashed


def _repr(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__qualname__}({shown})"
