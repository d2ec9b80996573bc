"""Assignments: what each binds, and to what."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from readybook.facts.expressions import evaluate, iterate
from readybook.facts.fastapi_objects import RouterRecord
from readybook.facts.interpreter import Interpreter
from readybook.facts.objects import ClassValue, FunctionValue, Instance, ModuleValue, Namespace
from readybook.facts.route_lists import adopt, change, is_route_list, replace, set_path
from readybook.facts.syntax import Node
from readybook.facts.value_methods import conditional, happens, take_out
from readybook.facts.values import ABSENT, CONSTANTS, UNKNOWN, Choice, Unknown, by_default, choose

STATE = ".state."  # what applications and requests carry: its attributes are declared nowhere


def assign(run: Interpreter, target: Node, value: Any, scope: Namespace) -> None:
    """Bind a target to a value."""
    kind = target[0]
    if kind == "name":
        name = target[3]
        if name in scope.globals_:
            run.loaded[run.frame.module.path].scope.names[name] = value
        elif name in scope.nonlocal_ and not run.symbolic:
            _around(scope, name).names[name] = value
        else:
            scope.names[name] = value
    elif kind == "attr":
        owner = evaluate(run, target[3], scope)
        if target[4] == "routes" and isinstance(owner, Instance) and isinstance(owner.native, RouterRecord):
            if is_route_list(value):
                adopt(run, owner, value)
            elif not (isinstance(value, list) and replace(run, owner, value)):
                owner.native.register(run, "unknown_routes", {"value": value}, target)
            return
        if target[4] == "path" and isinstance(owner, Instance) and "__event__" in owner.attrs:
            set_path(run, owner, value)
        if not run.symbolic and isinstance(owner, Instance) and isinstance(owner.native, RouterRecord):
            owner.attrs.setdefault("prefix", owner.native.kwargs.get("prefix", ""))
            value = _switched(run, owner, target[4], value)
            owner.native.put(target[4], value)
        if isinstance(owner, Instance | FunctionValue) and not (run.symbolic and owner is not run.frame.receiver):
            owner.attrs[target[4]] = value if run.symbolic else _switched(run, owner, target[4], value)
        elif isinstance(owner, ClassValue) and not run.symbolic:
            owner.scope.names[target[4]] = value
        elif isinstance(owner, ModuleValue) and not run.symbolic:
            owner.scope.names[target[4]] = value
    elif kind in ("tuple", "list"):
        _unpack(run, target[3], value, scope)
    elif kind == "star":
        assign(run, target[3], UNKNOWN, scope)
    elif kind == "sub":
        owner = evaluate(run, target[3], scope)
        key = evaluate(run, target[4], scope)
        set_item(run, owner, key, value)


def set_item(run: Interpreter, owner: Any, key: Any, value: Any) -> None:
    """``owner[key] = value`` for dicts and lists; under a condition what stood there before may still do."""
    if run.symbolic:
        return
    if isinstance(owner, dict):
        try:
            owner[key] = conditional(run, value, owner.get(key, ABSENT))
        except TypeError:
            owner[Unknown("key is not known")] = value
    elif isinstance(owner, list):
        key = by_default(key)
        if isinstance(key, slice) and happens(run):
            items = iterate(run, value)
            try:
                owner[key] = items if items is not None else [UNKNOWN]
            except ValueError:  # a slice with steps, of another length
                owner[:] = [UNKNOWN]
        elif isinstance(key, int) and -len(owner) <= key < len(owner):
            owner[key] = conditional(run, value, owner[key])


def remove_item(run: Interpreter, owner: Any, key: Any) -> None:
    """``del owner[key]``; under a condition the element stays where no variable asks for it to go."""
    key = by_default(key)
    if run.symbolic or not isinstance(owner, dict | list):
        return
    if isinstance(key, slice):
        if isinstance(owner, list) and happens(run):
            del owner[key]
        return
    try:
        take_out(run, owner, key)
    except (KeyError, IndexError, TypeError):
        run.doubt()


def _switched(run: Interpreter, owner: Instance | FunctionValue, name: str, value: Any) -> Any:
    """What an attribute holds once a plain value is put over another one where the code does not come by itself.

    ``self.paid = True`` in a branch that a variable must ask for leaves the value from before the usual one; in a
    branch that nothing decides, either may be there.
    """
    if name not in owner.attrs and not run.conditions:
        return value
    written = run.summaries.setdefault("written", {})  # type: ignore[call-overload]
    key, under = (id(owner), name), tuple(run.conditions)
    first = written.get(key, (owner, ()))[1]
    declared = UNKNOWN if name in owner.attrs else _declared(owner, name)
    more = under[sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, under, strict=False))):]
    before = owner.attrs.get(name, declared)
    before = by_default(before) if isinstance(before, Choice) else before
    if any(c.default is False for c in more) or (
            under[: len(first)] == first and any(c.default is not True for c in more)):
        asked = any(c.default is False for c in more)
        plain = isinstance(value, CONSTANTS) or (not isinstance(declared, Unknown) and _is_data(value))
        if isinstance(by_default(before), CONSTANTS) and plain and (asked or declared is not UNKNOWN):
            text = " and ".join(c.text for c in more)
            return choose([(text, value), (f"not ({text})", before)], 1 if asked else None)
    written[key] = (owner, under)  # kept with its object, so that no id is used again
    return value


def _declared(owner: Instance | FunctionValue, name: str) -> Any:
    """The plain default of a field that the object's class declares; UNKNOWN without one."""
    if isinstance(owner, Instance) and isinstance(owner.cls, ClassValue):
        for c in owner.cls.mro():
            if isinstance(c, ClassValue) and name in c.annotations:
                return c.scope.names[name] if isinstance(c.scope.names.get(name, UNKNOWN), CONSTANTS) else UNKNOWN
    return UNKNOWN


def _is_data(value: Any) -> bool:
    """Whether a value is unknown, or an object of a package that the workbook knows nothing more of."""
    return isinstance(value, Unknown) or (isinstance(value, Instance) and value.native is None
                                          and not isinstance(value.cls, ClassValue))


def _around(scope: Namespace, name: str) -> Namespace:
    """The scope around that binds a ``nonlocal`` name."""
    outer = scope.outer
    while outer is not None and name not in outer.names:
        outer = outer.outer
    return outer or scope


def _unpack(run: Interpreter, targets: tuple[Node, ...], value: Any, scope: Namespace) -> None:
    items = list(value) if isinstance(value, tuple) else iterate(run, value)
    stars = [i for i, t in enumerate(targets) if t[0] == "star"]
    if items is None or (not stars and len(items) != len(targets)) or (stars and len(items) < len(targets) - 1):
        for t in targets:
            assign(run, t, UNKNOWN, scope)
        return
    if stars:
        at, extra = stars[0], len(items) - len(targets) + 1
        items = [*items[:at], list(items[at : at + extra]), *items[at + extra :]]
        targets = tuple(t[3] if t[0] == "star" else t for t in targets)
    for t, item in zip(targets, items, strict=True):
        assign(run, t, item, scope)


def assignment(run: Interpreter, s: Node, scope: Namespace) -> None:
    """``a = b = value``."""
    value = evaluate(run, s[5], scope)
    for target in s[4]:
        assign(run, target, value, scope)
    _note_line(run, s[4][0], s[1])


def _note_line(run: Interpreter, target: Node, line: int) -> None:
    owner = run.frame.owner
    if owner is not None and run.frame.function is None and target[0] == "name":
        owner.lines[target[3]] = line


def annotated_assignment(run: Interpreter, s: Node, scope: Namespace) -> None:
    """``a: kind = value``; inside a function what the type says, where there is no value or nothing is known of it."""
    target = s[4]
    owner = run.frame.owner
    if owner is not None and run.frame.function is None and target[0] == "name":
        owner.annotations[target[3]] = s[5]
        owner.lines[target[3]] = s[1]
    if s[6] is not None:
        value = evaluate(run, s[6], scope)
        if run.symbolic and (isinstance(value, Unknown) or STATE in getattr(value, "path", "")):
            value = _by_annotation(run, s[5], value, scope)
        assign(run, target, value, scope)
    elif target[0] == "name" and run.frame.function is not None:
        from readybook.facts.symbols import symbol

        scope.names.setdefault(target[3], symbol(run, s[5], scope))


def _by_annotation(run: Interpreter, annotation: Node, value: Any, scope: Namespace) -> Any:
    """What the type says of a value that is not known, where the type is a class of the project or of a package."""
    from readybook.facts.symbols import symbol

    typed = symbol(run, annotation, scope)
    named = isinstance(typed, Instance) and "." in typed.path and not typed.path.startswith(("typing.", "collections."))
    return typed if named else value


def augmented_assignment(run: Interpreter, s: Node, scope: Namespace) -> None:
    """``a += value``; a list stays the same object."""
    from readybook.facts.operators import binary

    old = evaluate(run, s[4], scope)
    value = evaluate(run, s[6], scope)
    if is_route_list(old) and s[5] == "Add":
        change(run, old, "extend", (value,))
        return
    if isinstance(old, list) and s[5] == "Add" and not run.symbolic:
        items = iterate(run, value)
        old.extend([conditional(run, v) for v in items] if items is not None else [UNKNOWN])
        return
    new = binary(run, s[5], old, value)
    if not run.symbolic and happens(run) and isinstance(old, list | dict) and type(new) is type(old):
        old.clear()
        if isinstance(old, dict):
            old.update(new)
        else:
            old.extend(new)
        return
    assign(run, s[4], new, scope)
