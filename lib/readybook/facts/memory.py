"""What the process remembers by itself: containers that live as long as it does, and the functions that use them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import Behaviour
from readybook.facts.modules import Module
from readybook.facts.objects import ClassValue, FunctionValue, Instance, ModuleValue
from readybook.facts.reach import startup_functions
from readybook.facts.stores import is_cached
from readybook.facts.unparse import unparse
from readybook.facts.nodes import is_node, statements
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.syntax import Node

MAKERS = {"dict": "dict", "defaultdict": "dict", "OrderedDict": "dict", "list": "list", "deque": "list", "set": "set"}
DISPLAYS = {"dict": "dict", "list": "list", "set": "set"}
STORING = frozenset(("add", "append", "appendleft", "extend", "insert", "setdefault", "update"))
DROPPING = frozenset(("clear", "discard", "pop", "popitem", "popleft", "remove"))
USING = STORING | DROPPING
# what ends a word of code: names in it are told apart by characters of ASCII
ENDS = bytes(c if c > 127 or chr(c).isalnum() or c == ord("_") else 32 for c in range(256))
Key = tuple[str, str, str]  # path, class ("" at module level, "app.state" on an application), name
Made = tuple[str, Place, str, bool]  # kind, place, annotation, whether it belongs to the class and not to an object


@record
class Touch:
    """One use of a container by a function: ``how`` is stores, drops or reads; ``value`` the text of what is stored."""

    function: FunctionValue
    place: Place
    how: str
    value: str = ""


@record
class Memory:
    """A dict, list or set of a module, of a class, of an object that lives as long as the process, or of ``app.state``.

    ``owner`` is the class's name, ``app.state`` or empty; ``annotation`` the text of its annotation, empty without one.
    """

    name: str
    owner: str
    kind: str
    place: Place
    annotation: str
    touches: tuple[Touch, ...]


def memories(behaviour: Behaviour, named: Callable[[str, str], bool] = lambda name, owner: True) -> tuple[Memory, ...]:
    """Such containers of application code whose name and owner pass a test, by path and line, with each use that a
    function makes of them. Uses are looked for by name all over the code: the fewer names, the quicker.
    """
    if named in behaviour.memories:
        return behaviour.memories[named]
    kept = {k: v for k, v in behaviour.containers.items() if named(k[2], k[1])}
    touches = _touches(behaviour, kept) if kept else {}
    found = [Memory(key[2], key[1], kind, place, annotation, tuple(touches.get(key, ())))
             for key, (kind, place, annotation, _) in kept.items()]
    found.sort(key=lambda m: (m.place.path, m.place.line, m.place.column))
    return behaviour.memories.setdefault(named, tuple(found))


def containers(behaviour: Behaviour) -> dict[Key, Made]:
    """The containers that live as long as the process."""
    made = dict(_made(behaviour))
    lasting = _lasting(behaviour) if made else set()
    return {k: v for k, v in made.items() if k[1] in ("", "app.state") or v[3] or (k[0], k[1]) in lasting}


def _made(behaviour: Behaviour) -> Iterator[tuple[Key, Made]]:
    """Where containers are made."""
    for module in _modules(behaviour):
        yield from _bound(module, "", module.body, "")
    for cls in behaviour.run.classes:
        if cls.module.role == "application" and not cls.external_bases():
            yield from _bound(cls.module, cls.qualname, cls.node[7], cls.qualname)
    stateful = {m.path for m in _modules(behaviour) if ".state." in m.text}
    for function in _functions(behaviour):
        if function.owner is not None and function.name in ("__init__", "__post_init__"):
            yield from _on_object(function)
        if function.module.path in stateful:
            yield from _on_state(function.module, function.node[6], function.qualname)


def _bound(module: Module, owner: str, body: Any, symbol: str) -> Iterator[tuple[Key, Made]]:
    for s in statements(body):
        for target, value, annotation in _assigned(s):
            kind = _kind(value)
            if kind and target[0] == "name" and not target[3].startswith("__"):
                yield (module.path, owner, target[3]), (kind, module.place(s, symbol), unparse(annotation), bool(owner))
    if not owner and ".state." in module.text:
        yield from _on_state(module, body, "")


def _on_object(function: FunctionValue) -> Iterator[tuple[Key, Made]]:
    own, owner = function.params[0][0] if function.params else "self", function.owner
    for s in statements(function.node[6]):
        for target, value, annotation in _assigned(s):
            if target[0] == "attr" and target[3][0] == "name" and target[3][3] == own and owner is not None:
                if kind := _kind(value):
                    yield (function.module.path, owner.qualname, target[4]), (
                        kind, function.module.place(s, function.qualname), unparse(annotation), False)


def _on_state(module: Module, body: Any, symbol: str) -> Iterator[tuple[Key, Made]]:
    for s in statements(body):
        for target, value, annotation in _assigned(s):
            kind = _kind(value)
            if kind and target[0] == "attr" and _is_app_state(target[3]):
                yield ("", "app.state", target[4]), (kind, module.place(s, symbol), unparse(annotation), False)


def _assigned(s: Node) -> Iterator[tuple[Node, Node, Node | None]]:
    if s[0] == "assign":
        yield from ((t, s[5], None) for t in s[4])
    elif s[0] == "ann" and s[6] is not None:
        yield s[4], s[6], s[5]


def _kind(value: Node) -> str:
    if value[0] in DISPLAYS:
        return DISPLAYS[value[0]]
    if value[0] == "call":
        callee = value[3]
        return MAKERS.get(callee[3] if callee[0] == "name" else callee[4] if callee[0] == "attr" else "", "")
    return ""


def _is_app_state(node: Node) -> bool:
    """``app.state`` and ``request.app.state``, not the state of a request."""
    if node[0] != "attr" or node[4] != "state":
        return False
    base = node[3]
    return bool(base[0] == "name" and base[3].endswith("app")) or bool(base[0] == "attr" and base[4].endswith("app"))


def _lasting(behaviour: Behaviour) -> set[tuple[str, str]]:
    """(path, class) of the project's classes of which the process keeps an object: made at import, start-up or once."""
    once = {id(f.node): True for f in startup_functions(behaviour)}  # and whether each function makes a thing once
    lasting: dict[int, ClassValue] = {}
    for call in behaviour.calls:
        cls, function = call.site.callee, call.site.function
        if not isinstance(cls, ClassValue) or id(cls) in lasting:
            continue
        if function is not None and not call.site.concrete:
            node = id(function.original.node)
            if node not in once:
                once[node] = _keeps_one(function)
            if not once[node]:
                continue
        lasting[id(cls)] = cls
    return {(c.module.path, c.qualname) for cls in lasting.values() for c in cls.mro() if isinstance(c, ClassValue)}


def _keeps_one(function: FunctionValue) -> bool:
    """Whether what a function makes is made once: it is cached, or it fills a global."""
    if function.node[0] != "def":
        return False
    return is_cached(function) or "global " in function.module.text and any(
        s[0] == "global" for s in statements(function.node[6]))


def _modules(behaviour: Behaviour) -> list[Module]:
    return [m for m in behaviour.program.modules.by_path.values() if m.role == "application"]


def _functions(behaviour: Behaviour) -> list[FunctionValue]:
    return [f for f in behaviour.run.functions.values() if f.module.role == "application" and f.node[0] == "def"]


def _touches(behaviour: Behaviour, kept: dict[Key, Any]) -> dict[Key, list[Touch]]:
    """Each use of a kept container in the body of a function; what ``__init__`` does with its own does not count."""
    names = {key[2] for key in kept}
    by_value = {}
    for path, owner, name in kept:
        loaded = behaviour.run.loaded.get(path)
        value = loaded.scope.names.get(name) if loaded is not None and not owner else None
        if isinstance(value, dict | list | set | Instance):
            by_value[id(value)] = (path, owner, name)
    found: dict[Key, list[Touch]] = defaultdict(list)
    words = {name.encode("utf-8", "surrogatepass"): name for name in names}
    near = {path: {words[word] for word in words.keys() & _words(loaded.module.text)}
            | {n for n, v in loaded.scope.names.items() if id(v) in by_value}
            for path, loaded in behaviour.run.loaded.items() if loaded.module.role == "application"}
    for function in _functions(behaviour):
        here = near.get(function.module.path)
        if not here or not any(name in text for text in (_text(function),) for name in here):
            continue
        for root, how, value, at in uses(function.node[6], here):
            key = _resolved(behaviour, function, root, kept, by_value)
            made_here = key is not None and key[1] not in ("", "app.state") and function.name == "__init__"
            if key is not None and not made_here:
                found[key].append(Touch(function, function.module.place(at, function.qualname), how, value))
    return found


def _words(text: str) -> set[bytes]:
    """The words of a file's code; as bytes, in which they are told apart ten times as fast."""
    return {*text.encode("utf-8", "surrogatepass").translate(ENDS).split()}


def _text(function: FunctionValue) -> str:
    """The lines of a function, for a look whether a name stands in them at all."""
    return function.module.lines_of(function.node[1], function.node[3])


def uses(body: Any, names: set[str]) -> Iterator[tuple[Node, str, str, Node]]:
    """(container expression, how, stored value's text, node) of what looks like a use of a container so named."""
    todo: list[tuple[Any, str, Node | None]] = [(body, "reads", None)]
    while todo:
        part, how, value = todo.pop()
        if not is_node(part):
            todo += [(p, how if part and part[0] is p else "reads", value) for p in part if isinstance(p, tuple)]
            continue
        kind = part[0]
        if kind in ("name", "attr"):
            if part[3 if kind == "name" else 4] in names:
                yield part, how, unparse(value), part
            if kind == "attr":
                todo.append((part[3], "reads", None))
        elif kind not in ("def", "class"):
            todo += _inside(part, how, value)


def _inside(part: Node, how: str, value: Node | None) -> list[tuple[Any, str, Node | None]]:
    """What a node holds, each with how it is used there."""
    kind = part[0]
    if kind == "sub":
        return [(part[3], how, value), (part[4], "reads", None)]
    if kind == "assign":
        return [*((t, "stores", part[5]) for t in part[4] if t[0] == "sub"),
                *((t, "reads", None) for t in part[4] if t[0] not in ("sub", "name")), (part[5], "reads", None)]
    if kind == "aug":
        return [(part[4], "stores", part[6]), (part[6], "reads", None)]
    if kind == "del":
        return [(t, "drops", None) for t in part[4] if t[0] == "sub"]
    if kind == "call" and part[3][0] == "attr" and part[3][4] in USING:
        arguments = [*part[4], *(v for _, v in part[5])]
        stores = part[3][4] in STORING
        stored = arguments[-1] if arguments and stores else None
        return [(part[3][3], "stores" if stores else "drops", stored), *((a, "reads", None) for a in arguments)]
    return [(p, "reads", None) for p in part[3:] if isinstance(p, tuple)]


def _resolved(behaviour: Behaviour, function: FunctionValue, root: Node, kept: dict[Key, Any],
              by_value: dict[int, Key]) -> Key | None:
    """Which container an expression in a function's body means; None when it is something else."""
    loaded = behaviour.run.loaded.get(function.module.path)
    if loaded is None:
        return None
    names = loaded.scope.names
    if root[0] == "name":
        if _is_local(function, root[3]):
            return None
        key = (function.module.path, "", root[3])
        return key if key in kept else by_value.get(id(names.get(root[3])))
    if _is_app_state(root[3]):
        key = ("", "app.state", root[4])
        return key if key in kept else None
    if root[3][0] != "name":
        return None
    owner: Any = names.get(root[3][3])
    if function.owner is not None and function.params and root[3][3] == function.params[0][0]:
        owner = function.owner
    if isinstance(owner, ModuleValue):
        return by_value.get(id(owner.scope.names.get(root[4])))
    owner = owner.cls if isinstance(owner, Instance) else owner
    for cls in owner.mro() if isinstance(owner, ClassValue) else ():
        key = (cls.module.path, cls.qualname, root[4]) if isinstance(cls, ClassValue) else ("", "", "")
        if key in kept:
            return key
    return None


def _is_local(function: FunctionValue, name: str) -> bool:
    """Whether a function binds the name itself."""
    if any(p[0] == name for p in function.params):
        return True
    bound = False
    for s in statements(function.node[6]):
        if s[0] in ("global", "nonlocal") and name in s[4]:
            return False
        targets = s[4] if s[0] == "assign" else (s[4],) if s[0] in ("ann", "for") else ()
        bound = bound or any(t[0] == "name" and t[3] == name for t in targets)
        bound = bound or (s[0] == "with" and any(t is not None and t[0] == "name" and t[3] == name for _, t in s[4]))
    return bound
