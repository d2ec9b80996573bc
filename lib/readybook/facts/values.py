"""What an expression is worth, as far as it can be known without running it.

A value is plain Python (str, int, float, bool, None, bytes, Ellipsis), a ``list``/``tuple``/``dict``/``set`` of values,
or one of the types below. ``Unknown`` is an answer: it says why. Never guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from readybook.place import Place


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that cannot be known; ``reason`` and ``place`` say why and where knowledge ends."""

    reason: str = "not known"
    place: Place | None = None

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false: use known(), or truth()")


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class FromEnv:
    """A value read from the environment variable ``name``; ``default`` is its value when unset.

    ``default`` is ``Unknown`` when there is none and the variable is required. ``place`` is where the default stands.
    """

    name: str
    default: Any
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values; each comes with the source text of the condition that selects it."""

    options: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class External:
    """A name of a package outside the project, by its dotted path (``fastapi.FastAPI``)."""

    path: str


def known(value: Any) -> bool:
    """Whether the value itself, and everything in it, is known whatever the environment says."""
    if isinstance(value, Unknown | FromEnv | Choice):
        return False
    if isinstance(value, list | tuple | set | frozenset):
        return all(known(v) for v in value)
    if isinstance(value, dict):
        return all(known(k) and known(v) for k, v in value.items())
    return True


def by_default(value: Any) -> Any:
    """The value when no environment variable is set: defaults are taken, unknown parts stay."""
    if isinstance(value, FromEnv):
        return by_default(value.default)
    if isinstance(value, list):
        return [by_default(v) for v in value]
    if isinstance(value, tuple):
        return tuple(by_default(v) for v in value)
    if isinstance(value, dict):
        return {k: by_default(v) for k, v in value.items()}
    return value
