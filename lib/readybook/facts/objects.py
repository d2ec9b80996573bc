"""The objects that the interpreter builds while it follows the target's code: what a name stands for.

Plain Python values stand for themselves, also ``list``, ``tuple``, ``dict`` and ``set`` of values. ``values`` holds
Unknown, FromEnv, Choice and External. Here are the rest. Identity matters: two names for one router are one object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from readybook.facts.values import External, Unknown
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.modules import Module
    from readybook.facts.syntax import Node


class Namespace:
    """Where names live: the names of one module, class body or call, and the scope around it.

    ``rebound`` tells of names that a ``def`` took over: its line, and what the name meant before, ``...`` for nothing.
    """

    __slots__ = ("globals_", "names", "nonlocal_", "outer", "rebound")

    def __init__(self, names: dict[str, Any], outer: Namespace | None = None, globals_: frozenset[str] = frozenset()):
        self.names = names
        self.outer = outer
        self.globals_ = globals_
        self.nonlocal_: frozenset[str] = frozenset()
        self.rebound: dict[str, list[tuple[int, Any]]] | None = None

    def as_of(self, line: int) -> Namespace:
        """The scope as a ``def`` on this line meets it: what it and those below took over means what it did before."""
        if self.rebound is None:
            return self
        earlier = {name: min((c for c in changes if c[0] >= line), key=itemgetter(0))[1]
                   for name, changes in self.rebound.items() if any(at >= line for at, _ in changes)}
        if not earlier:
            return self
        names = {k: v for k, v in {**self.names, **earlier}.items() if v is not ...}
        return Namespace(names, self.outer, self.globals_)

    def find(self, name: str) -> Any:
        """The value of a name here or in a scope around; raises KeyError when no scope binds it."""
        scope: Namespace | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        raise KeyError(name)


@dataclass(eq=False, slots=True)
class ModuleValue:
    """A module of the project, its namespace filled as its statements run."""

    module: Module
    scope: Namespace
    state: str = "new"  # new, running, done


@dataclass(eq=False, slots=True)
class PackageValue:
    """A package folder without ``__init__.py``."""

    name: str
    folder: str


@dataclass(eq=False, slots=True)
class FunctionValue:
    """A function of the project. ``wrapped`` is the function that ``functools.wraps`` names, where it was used."""

    module: Module
    node: Node = field(repr=False)
    scope: Namespace = field(repr=False)
    name: str
    qualname: str
    owner: ClassValue | None = None
    wrapped: FunctionValue | None = None
    decorators: tuple[Any, ...] = ()
    kind: str = "function"  # function, staticmethod, classmethod, property
    attrs: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] | None = None

    @property
    def is_async(self) -> bool:
        """Whether calling it gives a coroutine (or an async generator)."""
        return self.node[0] == "def" and self.node[9]

    @property
    def params(self) -> tuple[Node, ...]:
        """Its parameters as lowered by ``syntax``."""
        return self.node[5] if self.node[0] == "def" else self.node[3]

    @property
    def path(self) -> str:
        """Module and qualified name."""
        return f"{self.module.name}.{self.qualname}"

    @property
    def original(self) -> FunctionValue:
        """The innermost function behind ``functools.wraps``."""
        f = self
        for _ in range(100):  # a wrapper may name itself
            if f.wrapped is None:
                break
            f = f.wrapped
        return f


MAX_BASES = 50


@dataclass(eq=False, slots=True)
class ClassValue:
    """A class of the project."""

    module: Module
    node: Node = field(repr=False)
    name: str
    qualname: str
    bases: tuple[Any, ...] = field(repr=False)
    scope: Namespace = field(repr=False)
    keywords: dict[str, Any] = field(default_factory=dict)
    decorators: tuple[Any, ...] = ()
    annotations: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    order: tuple[Any, ...] | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """Module and qualified name."""
        return f"{self.module.name}.{self.qualname}"

    def mro(self) -> tuple[Any, ...]:
        """This class and its bases, depth first, each once; external bases as External."""
        if self.order is None:
            self.order = self._order()
        return self.order

    def _order(self) -> tuple[Any, ...]:
        bases = [b.base if isinstance(b, Subscripted) else b for b in self.bases]
        if len(bases) < 2 or len(bases) > MAX_BASES:
            return self._depth_first()
        lines = [list(b.mro()) if isinstance(b, ClassValue) else [b] for b in bases]
        return (self, *_merged([*lines, bases]))

    def _depth_first(self) -> tuple[Any, ...]:
        order: list[Any] = []
        seen: set[Any] = set()
        stack: list[Any] = [self]
        while stack:
            cls = stack.pop(0)
            if isinstance(cls, Subscripted):
                cls = cls.base
            key = cls.path if isinstance(cls, External) else id(cls)
            if key in seen:
                continue
            seen.add(key)
            order.append(cls)
            if isinstance(cls, ClassValue):
                stack[:0] = cls.mro()[1:] if cls is not self else cls.bases
        return tuple(order)

    def find(self, name: str) -> Any:
        """A class attribute along the bases; Unknown when an external base may hold it, None-like KeyError if not."""
        external = None
        for cls in self.mro():
            if isinstance(cls, ClassValue):
                if name in cls.scope.names:
                    return cls.scope.names[name]
            elif isinstance(cls, External):
                external = external or cls
            else:
                return Unknown("a base class is not known")
        if external is not None and external.path not in ("object", "abc.ABC", "typing.Generic", "typing.Protocol"):
            return External(f"{external.path}.{name}")
        raise KeyError(name)

    def external_bases(self) -> list[str]:
        """Dotted paths of the bases outside the project."""
        return [c.path for c in self.mro() if c.__class__ is External]

    def is_a(self, *paths: str) -> bool:
        """Whether one of the external bases has one of these dotted paths."""
        for c in self.mro():
            if c.__class__ is External and c.path in paths:
                return True
        return False


def _merged(lines: list[list[Any]]) -> list[Any]:
    """The orders of several bases in one, as Python's C3 has it; where none fits, the first that is left goes on."""
    order: list[Any] = []
    lines = [line for line in lines if line]
    while lines:
        free = (line[0] for line in lines if not any(line[0] in other[1:] for other in lines))
        head = next(free, lines[0][0])
        order.append(head)
        # by identity too: what is not equal to itself, as NaN, would stay for ever
        lines = [rest for rest in ([c for c in line if c is not head and c != head] for line in lines) if rest]
    return order


@dataclass(eq=False, slots=True)
class Instance:
    """An object made by calling a class of the project or one of a package (``cls`` is then External).

    ``native`` holds what the workbook knows more of: a router's routes, for one.
    """

    cls: Any
    attrs: dict[str, Any] = field(default_factory=dict)
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    module: Module | None = None
    node: Node | None = None
    native: Any = None
    arguments_known: bool = True

    @property
    def path(self) -> str:
        """Dotted path of its class."""
        cls = self.cls  # asked for hundreds of thousands of times
        return cls.path if cls.__class__ is External or cls.__class__ is ClassValue else "?"

    def is_a(self, *paths: str) -> bool:
        """Whether its class is, or derives from, one of these dotted paths."""
        if isinstance(self.cls, External):
            return self.cls.path in paths
        return isinstance(self.cls, ClassValue) and (self.cls.path in paths or self.cls.is_a(*paths))


@dataclass(eq=False, slots=True)
class Bound:
    """A method with its object: of the project (``function`` a FunctionValue) or built in (a name)."""

    function: Any
    self: Any


@dataclass(eq=False, slots=True)
class Super:
    """``super()`` in a method: attributes are looked up after ``cls`` in the order of ``obj``'s class."""

    cls: ClassValue
    obj: Any


@dataclass(eq=False, slots=True)
class Native:
    """A callable that the workbook plays itself: ``call(args, kwargs, site)``."""

    name: str
    call: Any


@record
class Subscripted:
    """``base[args]``: a generic, an Annotated, a union. ``size`` counts the types in it."""

    base: Any
    args: tuple[Any, ...]
    size: int = field(default=1, compare=False)


MAX_TYPES = 300


def generic(base: Any, args: tuple[Any, ...]) -> Subscripted | Unknown:
    """A subscripted type; Unknown for one of a size that only a hostile text has."""
    size = 1 + sum(a.size if isinstance(a, Subscripted) else 1 for a in (base, *args))
    return Subscripted(base, args, size) if size <= MAX_TYPES else Unknown("a type of too many parts")


@dataclass(eq=False, slots=True)
class PartialValue:
    """``functools.partial(function, …)``."""

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(eq=False, slots=True)
class Awaitable:
    """What calling an ``async def`` of the project gives, before it is awaited.

    ``pending`` is the call (function, args, kwargs, receiver) whose body runs when it is awaited in concrete mode.
    """

    value: Any
    pending: tuple[Any, ...] | None = None


@dataclass(eq=False, slots=True)
class Generated:
    """What calling a generator function of the project gives: its elements, None when they cannot be counted."""

    elements: list[Any] | None
    first: Any
