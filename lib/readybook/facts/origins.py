"""Where the parts of an expression come from: constants, a request, the network, files, the environment.

A trace follows names to their assignments, parameters to the arguments of every caller, calls of the project's own
functions to what they return, and text operations to their operands. What cannot become harmful text (numbers, UUIDs,
members of enums, quoted arguments) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from readybook.facts.attributes import get_attribute
from readybook.facts.behaviour import functions_behind
from readybook.facts.bindings import bindings_of, iterated
from readybook.facts.dependencies import signature
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.scopes import (
    Origin,
    Scope,
    argument_of,
    counts,
    only_listed,
    parameter_of,
    rebinds,
    scope_of,
    targeted,
)
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.textflow import (
    CONFIGURATION,
    CONSOLE,
    FIELDS,
    HARMLESS_CALLS,
    HARMLESS_METHODS,
    INJECTED,
    KEYED,
    NETWORK,
    OF_ARGUMENTS,
    PATTERN,
    REQUEST,
    SERVER_SIDE,
    TEXT_METHODS,
    field_type,
    harmless_type,
    lost,
    named_class,
    refused_by_model,
)
from readybook.facts.values import External, FromEnv, Unknown, by_default, known

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.modules import Module

MAX_DEPTH = 6
MAX_STEPS = 4_000  # nodes looked at for one expression
Clean = Callable[[Node, str], bool]


class Origins:
    """Traces over one program's behaviour; made once for a project and asked for each expression."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.run = behaviour.run
        self.entries = {id(e.function.node): e for e in behaviour.entries}
        self.by_node, self.callers = behaviour.by_node, behaviour.callers
        self.steps = 0
        self.clean: Clean | None = None

    def of(self, call: Call, node: Node | None, clean: Clean | None = None) -> tuple[Origin, ...]:
        """The sources of an argument of a call, each once; none when it is made of constants only."""
        return self.traced(node, scope_of(call), clean)

    def traced(self, node: Node | None, scope: Scope, clean: Clean | None = None) -> tuple[Origin, ...]:
        """The sources of an expression that stands in a scope, each once.

        ``clean`` says of a call or an attribute, and the dotted name of what is called, whether its value is harmless
        for the question at hand.
        """
        self.steps, self.clean = 0, clean
        return tuple(dict.fromkeys(self._trace(node, scope))) if node is not None else ()

    def _trace(self, node: Node | None, scope: Scope) -> Iterator[Origin]:
        if node is None or node[0] in ("const", "lambda", "cmp"):
            return
        kind = node[0]
        self.steps += 1
        wanted = scope.key
        if wanted is not None and kind != "name":  # only what a name holds is known by its keys
            scope = replace(scope, key=None)
        if self.steps > MAX_STEPS:
            yield Origin("unknown", "…", scope.module.place(node))
        elif kind == "name":
            yield from self._name(node, scope)
        elif kind == "call":
            yield from self._call(node, scope)
        elif kind == "attr":
            yield from self._attribute(node, scope)
        elif kind in ("fstring", "list", "tuple", "set", "bool"):
            for part in node[4] if kind == "bool" else node[3]:
                yield from self._trace(part, scope)
        elif kind == "sub" and unparse(node[3]).rpartition(".")[2] == "environ":
            yield Origin("environment", unparse(node), scope.module.place(node))
        elif kind == "sub" and node[3][0] == "name" and node[4][0] == "const" and isinstance(node[4][3], str):
            yield from self._name(node[3], replace(scope, key=node[4][3]))
        elif kind in ("format", "await", "star", "sub", "yield"):
            yield from self._trace(node[3], scope)
        elif kind == "dict":
            for key, value in node[3]:
                if wanted is None or key is None or key[0] != "const" or key[3] == wanted:
                    yield from self._trace(value, scope)
        elif kind == "bin":
            yield from self._trace(node[4], scope)
            if node[3] != "Mult":
                yield from self._trace(node[5], scope)
        elif kind == "if":
            if not only_listed(node):
                yield from self._trace(node[4], scope)
            yield from self._trace(node[5], scope)
        elif kind == "walrus":
            yield from self._trace(node[4], scope)
        elif kind == "comp":
            yield from self._comprehension(node, scope)
        elif kind == "keyof":
            yield from self._keys(node[3], scope)
        elif kind == "item":
            yield from self._item(node, scope)
        elif kind != "unary":
            yield Origin("unknown", node[3] if kind == "opaque" else unparse(node), scope.module.place(node))

    def _comprehension(self, node: Node, scope: Scope) -> Iterator[Origin]:
        tests = tuple(unparse(test) for _, _, tests, _ in node[6] for test in tests)
        inner = replace(scope, loops=(*scope.loops, *((t, i) for t, i, _, _ in node[6])),
                        conditions=(*scope.conditions, *tests))
        for part in (node[4], node[5]) if node[3] != "dict" else (node[5],):
            yield from self._trace(part, inner)

    def _keys(self, node: Node, scope: Scope) -> Iterator[Origin]:
        """The sources of the keys of a mapping."""
        if node[0] == "name" and "listed" in (scope.bindings.guard(f"{node[3]}.keys()"), scope.bindings.guard(node[3])):
            return
        if node[0] == "dict":
            for key, value in node[3]:
                yield from self._trace(key, scope) if key is not None else self._keys(value, scope)
        elif node[0] == "comp" and node[3] == "dict":
            yield from self._comprehension((*node[:5], node[4], node[6]), scope)
        elif node[0] == "call" and (
            node[3][0] == "attr" and node[3][4] in FIELDS or node[3][0] == "name" and node[3][3] in ("vars", "asdict")
        ):
            return
        elif node[0] == "name" and parameter_of(node[3], scope) is None and (
            values := scope.bindings.bound(node[3], node)
        ):
            for value in values:
                yield from self._keys(value, scope)
        elif node[0] == "name" and (handed := self._handed(node[3], scope)):
            for argument, outer in handed:
                yield from self._keys(argument, outer)
        else:
            yield from self._trace(node, scope)

    def _handed(self, name: str, scope: Scope) -> list[tuple[Node, Scope]]:
        """The arguments that callers hand to a parameter which the body leaves as it is, each with its scope."""
        function, key = scope.function, (id(scope.body), f"keys of {name}")
        if function is None or parameter_of(name, scope) is None or scope.bindings.bound(name) or key in scope.seen:
            return []
        calls = [scope.given] if scope.given is not None else [
            (c, replace(scope_of(c), depth=scope.depth + 1)) for c, shift in self.callers.get(
                id(function.original.node), ()) if scope.depth < MAX_DEPTH and not shift]
        found = [(argument_of(c, function, name, 0), replace(outer, seen=outer.seen | scope.seen | {key}))
                 for c, outer in calls[:20]]
        return [(a, outer) for a, outer in found if a is not None] if all(a is not None for a, _ in found) else []

    def _item(self, node: Node, scope: Scope) -> Iterator[Origin]:
        """The sources of one part of a tuple that is written out, bound to a name or given back by a function."""
        value, index = node[3], node[4]
        while value[0] == "await":
            value = value[3]
        if value[0] in ("tuple", "list"):
            rows = [v for v in value[3] if v[0] == "tuple" and len(v[3]) > index]
            if rows and len(rows) == len(value[3]):
                for row in rows:
                    yield from self._trace(row[3][index], scope)
                return
            if value[0] == "tuple" and len(value[3]) > index:
                yield from self._trace(value[3][index], scope)
                return
        elif value[0] == "name" and parameter_of(value[3], scope) is None:
            key = (id(scope.body), value[3])
            values = scope.bindings.bound(value[3], value) if key not in scope.seen else []
            if values:
                inner = replace(scope, seen=scope.seen | {key})
                for v in values:
                    yield from self._trace(("item", v[1], v[2], v, index), inner)
                return
        elif value[0] == "call" and (call := self.by_node.get(id(value))) is not None:
            functions = functions_behind(call.site.callee)
            if functions:
                yield from self._returned(value, call, functions, scope, index)
                return
        yield from self._trace(value, scope)

    def _call(self, node: Node, scope: Scope) -> Iterator[Origin]:
        call = self.by_node.get(id(node))
        path, callee, place = call.path if call is not None else "", node[3], scope.module.place(node)
        name = callee[3] if callee[0] == "name" else ""
        if path in HARMLESS_CALLS or name in HARMLESS_CALLS or self.clean is not None and self.clean(node, path):
            return
        text = callee[0] == "attr" and callee[4] == "join"  # of a list that may have grown
        if call is not None and not text and isinstance(call.site.result, str | int) and known(call.site.result):
            return
        if path.startswith(REQUEST) and path.partition("Request.")[2].partition(".")[0] in SERVER_SIDE:
            yield Origin("unknown", unparse(node), place)
        elif path.startswith(REQUEST):
            yield Origin("request", unparse(node), place)
        elif path.startswith(NETWORK):
            yield Origin("network", unparse(node), place)
        elif path in ("os.getenv", "os.environ.get"):
            yield Origin("environment", unparse(node), place)
        elif path in CONSOLE or name in CONSOLE:
            yield Origin("console", unparse(node), place)
        elif path in OF_ARGUMENTS or not path and name in OF_ARGUMENTS:
            for argument in node[4]:
                yield from self._trace(argument, scope)
            if path == "open":
                yield Origin("file", unparse(node), place)
        elif call is not None and (functions := functions_behind(call.site.callee)) and not path.startswith(
            ("str.", "bytes.", "dict.", "list.")
        ):
            yield from self._returned(node, call, functions, scope)
        elif callee[0] == "attr" and isinstance(self.value_of(callee[3], scope), External):  # a function of a package
            yield Origin("unknown", unparse(node), place)
        elif callee[0] == "attr" and callee[4] == "keys" and not node[4]:
            yield from self._keys(callee[3], scope)
        elif callee[0] == "attr" and callee[4] not in HARMLESS_METHODS:  # a method: of the text, of what was read
            yield from self._trace(callee[3], scope)
            given = (*node[4], *(v for _, v in node[5])) if callee[4] in TEXT_METHODS else ()
            for argument in given[1:] if callee[4] in KEYED else given:
                yield from self._trace(argument, scope)
        elif callee[0] != "attr":
            yield Origin("unknown", unparse(node), place)

    def _returned(self, node: Node, call: Call, functions: list[FunctionValue], scope: Scope,
                  index: int | None = None) -> Iterator[Origin]:
        """What the project's own functions give back (of a tuple one part), with this call's arguments."""
        for function in functions[:4]:
            function = function.original
            key = (id(function.node), "return")
            if harmless_type(function.node[8] if function.node[0] == "def" else None, function):
                continue
            if function.node[0] != "def" or function.name == "__init__" or key in scope.seen or (
                scope.depth >= MAX_DEPTH or function.module.role != "application"
            ):
                yield Origin("unknown", unparse(node), scope.module.place(node))
                continue
            inner = Scope(function.module, function, scope.depth + 1, scope.seen | {key}, given=(call, scope))
            returns = bindings_of(function.module, function.node[6]).returns
            for value, tests in returns:
                part = value if index is None or value is None else ("item", value[1], value[2], value, index)
                yield from self._trace(part, replace(inner, conditions=tests))
            if not returns:
                yield Origin("unknown", unparse(node), scope.module.place(node))

    def _attribute(self, node: Node, scope: Scope) -> Iterator[Origin]:
        base, text = node[3], unparse(node)
        if self.clean is not None and self.clean(node, ""):
            return
        owner = None
        if base[0] == "name" and scope.function is not None:
            parameter = next((p for p in scope.function.params if p[0] == base[3]), None)
            if parameter is not None and node[4] in SERVER_SIDE and unparse(parameter[1]).rpartition(".")[2] in (
                    "Request", "WebSocket", "HTTPConnection"):
                yield Origin("unknown", text, scope.module.place(node))
                return
            owner = named_class(parameter[1], scope.function) if parameter is not None else None
            if parameter is not None and lost(parameter[1], scope.function):
                yield Origin("unknown", text, scope.module.place(node))
                return
            if isinstance(owner, ClassValue) and (typed := field_type(owner, node[4]))[0] is not None:
                if harmless_type(*typed):
                    return
                if lost(*typed):
                    yield Origin("unknown", text, scope.module.place(node))
                    return
        guarded = scope.bindings.guard(text, scope.conditions)
        if guarded == "listed":
            return
        if not guarded and base[0] == "name" and isinstance(owner, ClassValue) and refused_by_model(owner, node[4]):
            guarded = "checked"
        value = self.value_of(node, scope)
        if isinstance(value, FromEnv) or CONFIGURATION.search(unparse(base)):
            yield Origin("environment", text, scope.module.place(node))
        elif text.startswith("sys.argv") or text == "sys.stdin":
            yield Origin("console", text, scope.module.place(node))
        elif value is None or not known(by_default(value)) or not isinstance(by_default(value), str | int | float):
            for origin in self._trace(base, scope):
                named = origin if origin.what != unparse(base) else replace(origin, what=text)
                yield replace(named, kind="checked") if guarded else named

    def _name(self, node: Node, scope: Scope) -> Iterator[Origin]:
        name, function = node[3], scope.function
        key = (id(function.node) if function is not None else id(scope.module), name)
        if key in scope.seen:
            return
        inner = replace(scope, seen=scope.seen | {key})
        looped = [(i, t) for t, i in scope.loops if any(True for _ in iterated(name, t, i)) or counts(name, t)]
        guarded = scope.bindings.guard(name, scope.conditions)
        if guarded == "listed":
            return
        if looped:
            found = [o for i, t in looped for v in iterated(name, t, i) for o in self._trace(v, inner)]
            for origin in found:
                yield replace(origin, kind="checked") if guarded else origin
            return
        values = scope.bindings.bound(name, node) if function is not None or not self._constant(node, scope) else []
        if scope.key is not None and values:
            others = scope.bindings.under_other_keys(name, scope.key)
            values = [v for v in values if id(v) not in others]
        parameter = parameter_of(name, scope)
        whole = parameter is not None and len(values) == 1 and rebinds(name, values[0], scope.body, node)
        found = [o for v in values for o in self._trace(v, scope if whole else inner)]
        if whole:
            pass  # what the caller gave is only in the new value, as far as that has it
        elif parameter is not None and function is not None:
            found += self._parameter(node, parameter, function, inner)
        elif not values and not targeted(name, scope):
            found += self._outer(node, inner)
        for origin in found:
            yield replace(origin, kind="checked") if guarded else origin

    def _constant(self, node: Node, scope: Scope) -> bool:
        value = self.value_of(node, scope)
        return value is not None and known(value) and isinstance(value, str | int | float | bool)

    def _outer(self, node: Node, scope: Scope) -> list[Origin]:
        """A name of the module or of a function around."""
        value, place = self.value_of(node, scope), scope.module.place(node)
        if isinstance(value, FromEnv):
            return [Origin("environment", node[3], place)]
        if value is not None and known(value) and not hasattr(value, "node") and not isinstance(value, External):
            return []
        if scope.function is not None and not isinstance(value, ClassValue | FunctionValue):
            module = replace(scope, function=None, loops=(), conditions=(), given=None)
            values = module.bindings.bound(node[3])
            if values and node[3] not in ("self", "cls"):
                return [o for v in values for o in self._trace(v, module)]
        missing = value is None and not self._star(scope.module)
        return [Origin("unbound" if missing else "unknown", node[3], place)]

    def _star(self, module: Module) -> bool:
        return any(s[0] == "from" and any(n == "*" for n, _ in s[6]) for s in module.body)

    def _parameter(self, node: Node, parameter: Node, function: FunctionValue, scope: Scope) -> list[Origin]:
        name, annotation, default = parameter[0], parameter[1], parameter[2]
        place = scope.module.place(node)
        if harmless_type(annotation, function):
            return []
        if function.owner is not None and function.params and function.params[0][0] == name:
            return [Origin("unknown", name, place)]
        if scope.given is not None:
            call, outer = scope.given
            argument = argument_of(call, function, name, 0)
            return list(self._trace(argument if argument is not None else default, replace(outer, key=scope.key)))
        written = unparse(annotation) + unparse(default)
        if id(function.original.node) in self.entries:
            if any(word in written for word in INJECTED) or name in signature(self.run, function).injected:
                return [Origin("unknown", name, place)]
            route = self.entries[id(function.original.node)].route
            segment = route is not None and f"{{{name}}}" in route.path
            return [Origin("checked" if PATTERN.search(written) else "request", name, place, segment=segment)]
        callers = self.callers.get(id(function.original.node), [])
        if not callers or scope.depth >= MAX_DEPTH:
            return [Origin("parameter", name, place)]
        found = []
        for call, shift in callers[:20]:
            argument = argument_of(call, function, name, shift)
            outer = replace(scope_of(call), depth=scope.depth + 1, seen=scope.seen, key=scope.key)
            for origin in self._trace(argument, outer):
                found.append(replace(origin, chain=(*origin.chain, call.place)))
        return found

    def value_of(self, node: Node, scope: Scope) -> Any:
        """The value of a module's name, or of an attribute of an object or module behind one; None when not found."""
        if node[0] == "name":
            around = scope.function.scope if scope.function is not None else self.run.load(scope.module).scope
            try:
                return around.find(node[3])
            except KeyError:
                return None
        base = self.value_of(node[3], scope) if node[0] == "attr" else None
        if base is None or isinstance(base, Unknown | External):
            return None
        value = get_attribute(self.run, base, node[4])
        return None if isinstance(value, Unknown) else value
