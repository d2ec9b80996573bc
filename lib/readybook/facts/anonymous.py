"""What code gives to a caller who shows no credentials: a walk over a body in which they are None.

A dependency may look for a token and go on without one. It guards nothing then, unless what it gives is refused later.
The walk follows tests of what is known to be None or empty and both branches of all others, enters the project's own
functions, and notes how bodies end. Where the code does not show that, it says so (``UNSURE``): nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.anonymousvalues import (
    ANY,
    ASKED,
    EMPTY,
    FALSY,
    NO,
    NONE,
    PARTS,
    REQUESTS,
    TRUTH,
    TRUTHY,
    Names,
    caught_by,
    either,
    joined,
    of_default,
    rebound,
    switch,
)
from readybook.facts.behaviour import functions_behind
from readybook.facts.nodes import names_in
from readybook.facts.objects import FunctionValue
from readybook.facts.pathtests import PATH, any_starts, equals, is_path, starts
from readybook.facts.values import by_default
from readybook.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from readybook.facts.behaviour import Behaviour, Call

REFUSAL, RAISED, UNSURE = "refusal", "raised", "unsure"  # how a body may end besides giving a value
CATCHING = ("Exception", "BaseException")
HTTP = "HTTPException"
# what neither refuses nor breaks on a None
IDLE = regex(r"(?:logging|loguru|structlog)\..*|builtins\.(?:str|print|repr|isinstance)")
SENT = ("headers", "cookies")  # of a request: what an anonymous caller leaves out
MAX_DEPTH, MAX_NODES = 5, 4_000


class _Ended(Exception):
    """An expression that cannot give a value: an attribute of None, a call that always refuses."""


class Walk:
    """How a function may end, called by somebody anonymous. ``refusal`` tells whether a raised value, or the answer
    that a call makes, refuses; ``strict``: what no code here shows may refuse too, when it is given a None; ``path``:
    that of the route, ``by_path`` whether it decided anything."""

    def __init__(self, behaviour: Behaviour, refusal: Callable[[Any], bool], answer: Callable[[Call], bool],
                 strict: bool = True, path: str = "") -> None:
        self.behaviour, self.refusal, self.answer, self.strict = behaviour, refusal, answer, strict
        self.path, self.by_path = path, False
        self.functions: list[FunctionValue] = []
        self.budget = MAX_NODES
        self.depth = 0
        self.events: set[str] = set()
        self.given: set[str] = set()
        self.loops: list[Names] = []
        self.calls: dict[int, Call] = {}
        self.raises: dict[int, Any] = {}

    def ends(self, function: FunctionValue, names: Names) -> tuple[set[str], set[str]]:
        """(what the function gives, how else it may end) with these values for parameters; others are not known."""
        f = function.original
        if f.node[0] != "def" or function.wrapped is not None or self.depth >= MAX_DEPTH:
            return {ANY}, {UNSURE}
        outer = self.events, self.given, self.loops, self.calls, self.raises
        self.events, self.given, self.loops, self.depth = set(), set(), [], self.depth + 1
        self.functions.append(f)
        self.calls = {id(c.site.node): c for c in self.behaviour.calls_in(f)}
        self.raises = {id(s): value for value, s in raised(self.behaviour, f)}
        try:
            left = self._block(f.node[6], {p[0]: of_default(p) for p in f.params} | names)
            if left is not None:
                self.given.add(NONE)
            return self.given, self.events
        finally:
            self.events, self.given, self.loops, self.calls, self.raises = outer
            self.depth -= 1
            self.functions.pop()

    def _block(self, body: Iterable[Any], names: Names) -> Names | None:
        """The names after the statements; None where none of the ways through them goes on."""
        known: Names | None = names
        for statement in body:
            if known is None:
                break
            known = self._guarded(statement, known)
        return known

    def _guarded(self, s: Any, names: Names) -> Names | None:
        self.budget -= 1
        if self.budget < 0:
            self.events.add(UNSURE)
            return None
        try:
            return self._statement(s, names)
        except _Ended:
            return None

    def _statement(self, s: Any, names: Names) -> Names | None:
        kind = s[0]
        if kind in ("assign", "ann", "aug"):
            value = s[5] if kind == "assign" else s[6]
            if value is not None:
                found = self._value(value, names)
                for target in s[4] if kind == "assign" else (s[4],):
                    names = rebound(target, found if kind != "aug" else ANY, names)
        elif kind == "expr":
            self._value(s[4], names)
            if s[4][0] in ("yield", "yieldfrom"):
                return None
        elif kind == "return":
            value = NONE if s[4] is None else self._value(s[4], names)
            if value == NO:
                self.events.add(REFUSAL)
            else:
                self.given.add(value)
            return None
        elif kind == "raise":
            value = self.raises.get(id(s))
            self.events.add(REFUSAL if self.refusal(value) else RAISED)
            return None
        elif kind == "if":
            return self._branches(s[4], names, s[5], s[6])
        elif kind in ("for", "while"):
            return self._loop(s, names)
        elif kind == "try":
            return self._try(s, names)
        elif kind == "with":
            for item, target in s[4]:
                self._value(item, names)
                names = rebound(target, ANY, names) if target is not None else names
            return self._block(s[5], names)
        elif kind == "match":
            return self._told(self._value(s[4], names), lambda: joined(names, *(
                self._block(case[4], dict(names)) for case in s[5])))
        elif kind in ("break", "continue"):
            self.loops.append(names)
            return None
        elif kind in ("def", "class") and any(names.get(n) in (NONE, ASKED) for n in names_in(s)):
            self.events.add(UNSURE)  # what is defined here may refuse what it finds around it
        elif kind == "assert":
            if self._truth(s[4], names) is not True:
                self.events.add(RAISED)
        return names

    def _branches(self, test: Any, names: Names, yes: Any, no: Any) -> Names | None:
        value = self._value(test, names)
        if value in TRUTH:
            return self._block(yes if TRUTH[value] else no, names)
        return self._told(value, lambda: joined(self._block(yes, dict(names)), self._block(no, dict(names))))

    def _told(self, tested: str, ways: Callable[[], Names | None]) -> Names | None:
        """What follows where a test is not decided: a refusal that hangs on the caller may meet everybody anonymous."""
        before, self.events = self.events, set()
        left = ways()
        self.events |= before | ({UNSURE} if tested == ASKED and self.events else set())
        return left

    def _loop(self, s: Any, names: Names) -> Names | None:
        outer, self.loops = self.loops, []
        if s[0] == "while":
            truth, body, last = self._truth(s[4], names), s[5], s[6]
            if truth is False:
                return self._block(last, names)
        else:
            self._value(s[5], names)
            names, body, last = rebound(s[4], ANY, names), s[6], s[7]
        after = joined(names, self._block(body, dict(names)), *self.loops)
        self.loops = outer
        return self._block(last, after) if after is not None else None

    def _try(self, s: Any, names: Names) -> Names | None:
        before, self.events = self.events, set()
        after = self._block(s[4], dict(names))
        raised, self.events = self.events, before
        ways = [self._block(s[6], after) if after is not None else None]
        for kind, bound, body, _ in s[5] if raised else ():
            written = caught_by(kind)
            ways.append(self._block(body, {**names, **({bound: TRUTHY} if bound else {})}))
            if kind is None or written & set(CATCHING):
                raised = set()
                break
            if HTTP in written:
                raised -= {REFUSAL}
        self.events |= raised
        left = joined(*ways)
        final = self._block(s[7], left if left is not None else dict(names))
        return final if left is not None else None

    def _truth(self, node: Any, names: Names) -> bool | None:
        return TRUTH.get(self._value(node, names))

    def _maybe(self, node: Any, names: Names) -> str:
        """The value of what may not be evaluated: that it ends there is no end of the whole."""
        try:
            return self._value(node, names)
        except _Ended:
            return ANY

    def _value(self, node: Any, names: Names) -> str:
        kind = node[0]
        if kind == "name":
            return names.get(node[3], ANY)
        if kind == "const":
            return NONE if node[3] is None else TRUTHY if node[3] else FALSY
        if kind in ("list", "tuple", "set", "dict", "fstring"):
            parts = [i for p in node[3] for i in (p if isinstance(p[0], tuple) or p[0] is None else (p,)) if i]
            asked = ASKED in [self._value(p, names) for p in parts]
            return ASKED if asked else TRUTHY if node[3] else FALSY
        if kind == "await":
            return self._value(node[3], names)
        if kind in ("yield", "yieldfrom"):
            self.given.add(self._value(node[3], names) if node[3] is not None else NONE)
            return ANY
        if kind == "walrus":
            found = self._value(node[4], names)
            names[node[3][3]] = found
            return found
        method = getattr(self, f"_of_{kind}", None)
        return method(node, names) if method is not None else ANY

    def _of_bool(self, node: Any, names: Names) -> str:
        found, sure = ANY, True
        for number, part in enumerate(node[4]):
            value = self._value(part, names) if sure else self._maybe(part, names)
            found = value if number == 0 else either(found, value) if not sure else value
            truth = TRUTH.get(value)
            if truth is (node[3] == "or") and truth is not None:  # decided here
                return found if sure else either(found, value)
            sure = sure and truth is not None
        return found

    def _of_unary(self, node: Any, names: Names) -> str:
        value = self._value(node[4], names)
        if value == ASKED or node[3] != "Not" or value not in TRUTH:
            return ASKED if value == ASKED else ANY
        return FALSY if TRUTH[value] else TRUTHY

    def _of_if(self, node: Any, names: Names) -> str:
        truth = self._truth(node[3], names)
        if truth is not None:
            return self._value(node[4] if truth else node[5], names)
        return either(self._maybe(node[4], names), self._maybe(node[5], names))

    def _of_cmp(self, node: Any, names: Names) -> str:
        left = self._value(node[3], names)
        operator, other = node[4][0]
        right = self._value(other, names)
        if len(node[4]) > 1:
            return ASKED
        if left == PATH:
            return self._decided(equals(self.behaviour.run, self.functions[-1], self.path, operator, other))
        counted = node[3][0] == "call" and node[3][3][-1] == "len" and node[3][4]
        if counted and other[0] == "const" and other[3] == 0 and operator in ("Eq", "NotEq", "Gt"):
            truth = self._truth(node[3][4][0], names)
            return ANY if truth is None else TRUTHY if truth is (operator != "Eq") else FALSY
        if other[0] == "const" and other[3] is True and left in (NONE, FALSY):
            return FALSY if operator in ("Is", "Eq") else TRUTHY
        if operator in ("In", "NotIn") and other[0] == "attr" and other[4] in SENT:
            return FALSY if operator == "In" else TRUTHY
        if operator in ("Is", "IsNot", "Eq", "NotEq") and NONE in (left, right) and ANY not in (left, right):
            same = left == right
            return TRUTHY if same is (operator in ("Is", "Eq")) else FALSY
        return ASKED if {NONE, ASKED} & {left, right} and other != ("const", *other[1:3], None) else ANY

    def _decided(self, truth: bool | None) -> str:
        """What a test of the path gives on this route."""
        self.by_path = True
        return ANY if truth is None else TRUTHY if truth else FALSY

    def _of_attr(self, node: Any, names: Names) -> str:
        if is_path(node):
            return PATH
        if node[3][0] == "name" and node[3][3] == "self":
            return names.get(f"self.{node[4]}", ANY)
        value = self._value(node[3], names)
        if value == NONE:
            self.events.add(RAISED)
            raise _Ended
        return ASKED if value == ASKED else ANY

    def _of_sub(self, node: Any, names: Names) -> str:
        if is_path(node):
            return PATH
        value = self._value(node[3], names)
        if value == NONE or node[3][0] == "attr" and node[3][4] in SENT:
            self.events.add(RAISED)
            raise _Ended
        return ASKED if ASKED in (value, self._value(node[4], names)) else ANY

    def _of_star(self, node: Any, names: Names) -> str:
        return self._value(node[3], names)

    def _of_bin(self, node: Any, names: Names) -> str:
        return ASKED if ASKED in (self._value(node[4], names), self._value(node[5], names)) else ANY

    def _of_comp(self, node: Any, names: Names) -> str:
        return ASKED if any(names.get(n) in (NONE, ASKED) or n in REQUESTS for n in names_in(node)) else ANY

    def _of_format(self, node: Any, names: Names) -> str:
        return self._value(node[3], names)

    def _of_call(self, node: Any, names: Names) -> str:
        callee = node[3]
        of = ANY
        every = any_starts(node, names)
        if every is not None:
            return self._decided(starts(self.behaviour.run, self.functions[-1], self.path, every))
        if callee[0] == "attr":
            of = self._value(callee[3], names)
            if of == PATH and callee[4] == "startswith" and len(node[4]) == 1:
                return self._decided(starts(self.behaviour.run, self.functions[-1], self.path, node[4][0]))
            if callee[4] == "get" and callee[3][0] == "attr" and callee[3][4] in SENT:
                return self._value(node[4][1], names) if len(node[4]) > 1 else NONE
        args = [self._value(a, names) for a in node[4]]
        kwargs = {k: self._value(v, names) for k, v in node[5]}
        if callee[0] == "name" and callee[3] == "bool" and args:
            return FALSY if args[0] in (NONE, FALSY) else args[0]
        asked = {NONE, ASKED} & {of, *args, *kwargs.values()}
        call = self.calls.get(id(node))
        if call is not None and len(call.args) == len(args):
            args = [switch(given, found) for given, found in zip(call.args, args, strict=True)]
        functions = functions_behind(call.site.callee) if call is not None else []
        if len(functions) == 1:
            return self._entered(functions[0], node, args, kwargs, names)
        if call is not None and self.answer(call):
            return NO
        if call is not None and call.path == PARTS:
            return EMPTY if args == [NONE] else ASKED
        if self._may_refuse(node, call, NONE in (*args, *kwargs.values())):
            self.events.add(UNSURE)
        unseen = call is None or not call.path or call.path.startswith("contextvars.")
        return ASKED if asked or unseen else ANY

    def _may_refuse(self, node: Any, call: Call | None, none: bool) -> bool:
        """Whether a call that leads to no code here may refuse, or break on the None that it is given."""
        path = call.path if call is not None else ""
        if IDLE.fullmatch(path) or node[3][0] == "name" and node[3][3] in ("str", "print", "repr", "isinstance"):
            return False
        asks = path.startswith("fastapi.security.") or any(
            a[0] == "name" and a[3] in REQUESTS for a in (*node[4], *(v for _, v in node[5])))
        if self.strict:
            return not path or none or asks
        return (none or asks) and (not path or path.startswith("fastapi.security."))

    def _entered(self, f: FunctionValue, node: Any, args: list[str], kwargs: Names, around: Names) -> str:
        """What a call of the project's own function gives; it ends what is evaluated where it gives nothing."""
        own = f.original
        first = 1 if own.owner is not None and own.kind != "staticmethod" else 0
        names = {p[0]: self._value(p[2], {}) for p in own.params if p[2] is not None and p[2][0] == "const"}
        if first:
            names |= {n: v for n, v in around.items() if n.startswith("self.")}
        if not any(a[0] == "star" for a in node[4]) and None not in kwargs:
            names |= dict(zip([p[0] for p in own.params[first:]], args, strict=False)) | kwargs
        else:
            names = {}
        given, events = self.ends(f, names)
        self.events |= events
        if not given:
            raise _Ended
        if own.name == "__init__":
            return TRUTHY
        found = given.pop()
        for other in given:
            found = either(found, other)
        return ASKED if found == ANY and {NONE, ASKED} & {*args, *kwargs.values()} else found


def raised(behaviour: Behaviour, function: FunctionValue) -> list[tuple[Any, Any]]:
    """(value, statement) of what a function raises. Closures that one factory makes share a body, which is followed in
    one of them: the others raise what that one does."""
    if "__raises__" not in function.attrs and function.node[0] == "def":
        key = (function.module.path, function.node[1], function.qualname)
        function = behaviour.run.functions.get(key, function)
    return function.attrs.get("__raises__", [])  # type: ignore[no-any-return]


def soft(scheme: Any) -> bool:
    """Whether a security scheme of FastAPI is told to give None instead of refusing."""
    return by_default(getattr(scheme, "kwargs", {}).get("auto_error")) is False
