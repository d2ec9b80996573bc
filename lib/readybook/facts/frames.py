"""What the interpreter keeps of the code that it is in: activations, conditions, calls, attempts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.modules import Module
    from readybook.facts.objects import ClassValue, FunctionValue, Namespace
    from readybook.facts.syntax import Node


class Suspended(Exception):
    """A generator that is followed to its first ``yield`` only has come there."""


@record
class Condition:
    """The test of an ``if`` that is not known; ``default`` is its truth when no environment variable is set."""

    text: str
    default: bool | None


@dataclass(eq=False, slots=True)
class Frame:
    """One activation: of a module's top level, a class body or a function."""

    module: Module
    function: FunctionValue | None = None
    owner: ClassValue | None = None
    receiver: Any = None
    returns: list[tuple[tuple[Condition, ...], Any]] = field(default_factory=list)
    yields: list[tuple[tuple[Condition, ...], Any]] = field(default_factory=list)
    base: int = 0
    loops: int = 0
    suspends: bool = False
    site: Node | None = None  # the call expression that is being followed


@dataclass(eq=False, slots=True)
class CallSite:
    """One call expression in the target and what is known of it."""

    callee: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    module: Module
    node: Node
    function: FunctionValue | None
    owner: ClassValue | None
    conditions: tuple[Condition, ...]
    concrete: bool
    in_loop: bool
    awaited: bool
    result: Any = None
    _place: Place | None = field(default=None, repr=False)
    runs: tuple[FunctionValue, ...] | None = field(default=None, repr=False)  # kept by Call.runs

    @property
    def place(self) -> Place:
        """Where the call stands; kept, since many checks ask for it."""
        if self._place is None:
            self._place = self.module.place(self.node, symbol_of(self.function, self.owner))
        return self._place


def symbol_of(function: FunctionValue | None, owner: ClassValue | None = None) -> str:
    """The dotted name of the enclosing function or class inside its module."""
    if function is not None:
        return function.qualname
    return owner.qualname if owner is not None else ""


@dataclass(eq=False, slots=True)
class Attempt:
    """The body of a ``try``; ``names`` are those of its scope where it first asked for what is surely not there.

    ``depth`` is the number of conditions around the ``try``: what is raised under more of them may not be raised.
    """

    scope: Namespace
    depth: int
    names: dict[str, Any] | None = None
