"""Where an expression stands, and what its parts come from: the shapes that traces of values share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.bindings import Bindings, bindings_of
from readybook.facts.objects import FunctionValue
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Call
    from readybook.facts.modules import Module
    from readybook.place import Place


@record
class Origin:
    """One source of a value. ``kind``: request, network, file, environment, console, parameter (nobody's call shows
    it), unbound (a name that nothing binds), checked (something looks at it before use) or unknown. ``what`` is its
    text, ``chain`` the calls that hand it on. ``segment``: one part of the request's path, without a slash."""

    kind: str
    what: str
    place: Place
    chain: tuple[Place, ...] = ()
    segment: bool = False


@record
class Scope:
    """Where an expression stands: its module and function, the loops of comprehensions around it, the tests around
    the place of use, the call that led in, where only that one counts, and the one key that a mapping is asked for."""

    module: Module
    function: FunctionValue | None
    depth: int = 0
    seen: frozenset[tuple[int, str]] = frozenset()
    loops: tuple[tuple[Node, Node], ...] = ()
    conditions: tuple[str, ...] = ()
    given: tuple[Call, Scope] | None = None
    key: object = None

    @property
    def body(self) -> Any:
        """The statements among which a name may be bound."""
        if self.function is None:
            return self.module.body
        return self.function.node[6] if self.function.node[0] == "def" else ()

    @property
    def bindings(self) -> Bindings:
        """What binds names there."""
        return bindings_of(self.module, self.body)


def scope_of(call: Call) -> Scope:
    """The scope that the arguments of a call stand in."""
    return Scope(call.site.module, call.site.function, conditions=call.conditions)


def only_listed(node: Node) -> bool:
    """``x if x in LIST else y``."""
    test = node[3]
    return bool(test[0] == "cmp" and test[4][0][0] == "In" and unparse(test[3]) == unparse(node[4]))


def counts(name: str, target: Node) -> bool:
    """Whether a loop's target holds the name."""
    return target[0] == "tuple" and any(t[0] == "name" and t[3] == name for t in target[3]) or (
        target[0] == "name" and target[3] == name)


def targeted(name: str, scope: Scope) -> bool:
    """Whether a loop of the body counts with the name (``for i, x in enumerate(…)``)."""
    return any(s[0] == "for" and counts(name, s[4]) for s in scope.bindings.statements)


def rebinds(name: str, value: Node, body: Any, use: Node) -> bool:
    """Whether a statement that always runs before the use gives the name this value."""
    return any(s[0] == "assign" and s[5] is value and s[3] < use[1] and len(s[4]) == 1 and s[4][0][0] == "name"
               and s[4][0][3] == name for s in body)


def parameter_of(name: str, scope: Scope) -> Node | None:
    """The parameter of that name of the function around, None when it has none."""
    return next((p for p in scope.function.params if p[0] == name), None) if scope.function is not None else None


def argument_of(call: Call, function: FunctionValue, name: str, shift: int) -> Node | None:
    """What a call hands to a parameter; None when it leaves the parameter at its default."""
    for keyword, value in call.site.node[5]:
        if keyword == name:
            return value  # type: ignore[no-any-return]
    names = [p[0] for p in function.params if p[3] in ("pos", "any")]
    if function.owner is not None and function.kind != "staticmethod":
        names = names[1:]
    arguments = call.site.node[4][shift:]
    index = names.index(name) if name in names else len(arguments)
    return arguments[index] if index < len(arguments) else None
