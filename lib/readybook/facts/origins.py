"""Where the parts of an expression come from: constants, a request, the network, files, the environment.

A trace follows names to their assignments, parameters to the arguments of every caller, and text operations to their
operands. What cannot become harmful text (numbers, UUIDs, members of enums, quoted arguments) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import functions_behind
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.values import External, FromEnv, by_default, known

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.modules import Module
    from readybook.place import Place

MAX_DEPTH = 6
HARMLESS_TYPES = frozenset({"int", "float", "bool", "UUID", "UUID4", "Decimal", "date", "datetime", "timedelta",
                            "PositiveInt", "NonNegativeInt", "Literal", "None", "IPv4Address", "IPv6Address"})
ENUMS = ("enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.IntFlag", "enum.Flag")
HARMLESS_CALLS = frozenset({"int", "float", "bool", "len", "abs", "round", "ord", "hash", "id", "shlex.quote",
                            "shlex.join", "pipes.quote", "uuid.uuid4", "uuid.uuid1", "time.time", "os.getpid", "range",
                            "datetime.datetime.now", "tempfile.mkdtemp", "tempfile.gettempdir",
                            "datetime.datetime.utcnow", "os.cpu_count", "sys.executable"})
OF_ARGUMENTS = frozenset({"str", "bytes", "bytearray", "repr", "os.path.join", "os.path.abspath", "os.path.basename",
                          "os.path.expanduser", "pathlib.Path", "textwrap.dedent", "base64.b64decode", "io.BytesIO",
                          "io.StringIO", "gzip.decompress", "zlib.decompress", "bytes.fromhex", "urllib.parse.unquote",
                          "open", "json.loads", "json.dumps", "shlex.split", "list", "tuple", "sorted", "dict",
                          "copy.copy", "copy.deepcopy", "html.unescape"})
HARMLESS_METHODS = frozenset({"hexdigest", "count", "index", "find", "isoformat", "timestamp"})
TEXT_METHODS = frozenset({"format", "join", "replace", "get", "pop", "setdefault", "format_map"})
KEYED = frozenset({"get", "pop", "setdefault"})
GROWING = frozenset({"append", "extend", "insert", "add", "update", "write", "appendleft"})
REQUEST = ("starlette.requests.", "fastapi.Request", "starlette.datastructures.UploadFile", "fastapi.UploadFile",
           "starlette.websockets.", "fastapi.WebSocket")
NETWORK = ("requests.", "httpx.", "aiohttp.", "urllib.request.", "websockets.", "socket.")
CHECKING = frozenset({"match", "fullmatch", "isalnum", "isdigit", "isidentifier", "isalpha", "isnumeric", "isdecimal"})
INJECTED = ("Depends(", "Security(")


@dataclass(frozen=True, slots=True)
class Origin:
    """One source of a value. ``kind``: request, network, file, environment, parameter (nobody's call shows it), checked
    (compared with something before use) or unknown. ``what`` is its text, ``chain`` the calls that hand it on."""

    kind: str
    what: str
    place: Place
    chain: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scope:
    module: Module
    function: FunctionValue | None
    depth: int
    seen: frozenset[tuple[int, str]]


class Origins:
    """Traces over one program's behaviour; made once for a question and asked for each expression."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.entries = {id(e.function.node) for e in behaviour.entries}
        self.by_node, self.callers = behaviour.by_node, behaviour.callers

    def of(self, call: Call, node: Node | None) -> tuple[Origin, ...]:
        """The sources of an argument of a call, each once; none when it is made of constants only."""
        scope = _Scope(call.site.module, call.site.function, 0, frozenset())
        return tuple(dict.fromkeys(self._trace(node, scope))) if node is not None else ()

    def _trace(self, node: Node | None, scope: _Scope) -> Iterator[Origin]:
        if node is None or node[0] in ("const", "lambda", "cmp"):
            return
        kind = node[0]
        if kind == "name":
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
        elif kind in ("format", "await", "star", "sub", "yield"):
            yield from self._trace(node[3], scope)
        elif kind == "dict":
            for _, value in node[3]:
                yield from self._trace(value, scope)
        elif kind == "bin":
            yield from self._trace(node[4], scope)
            yield from self._trace(node[5], scope)
        elif kind == "if":
            yield from self._trace(node[4], scope)
            yield from self._trace(node[5], scope)
        elif kind == "walrus":
            yield from self._trace(node[4], scope)
        elif kind != "unary":
            yield Origin("unknown", unparse(node), scope.module.place(node))

    def _call(self, node: Node, scope: _Scope) -> Iterator[Origin]:
        call = self.by_node.get(id(node))
        path, callee, place = call.path if call is not None else "", node[3], scope.module.place(node)
        if path in HARMLESS_CALLS or callee[0] == "name" and callee[3] in HARMLESS_CALLS:
            return
        text = callee[0] == "attr" and callee[4] == "join"  # of a list that may have grown
        if call is not None and not text and isinstance(call.site.result, str | int) and known(call.site.result):
            return
        if path.startswith(REQUEST):
            yield Origin("request", unparse(node), place)
        elif path.startswith(NETWORK):
            yield Origin("network", unparse(node), place)
        elif path in ("os.getenv", "os.environ.get"):
            yield Origin("environment", unparse(node), place)
        elif path in OF_ARGUMENTS:
            for origin in [o for a in node[4] for o in self._trace(a, scope)]:
                yield origin
            if path == "open":
                yield Origin("file", unparse(node), place)
        elif path and not path.startswith(("str.", "bytes.", "dict.", "list.")) and "." in path and (
            call is not None and functions_behind(call.site.callee)
        ):
            yield Origin("unknown", unparse(node), place)
        elif callee[0] == "attr" and isinstance(_lookup(callee[3], scope), External):  # a function of a package
            yield Origin("unknown", unparse(node), place)
        elif callee[0] == "attr" and callee[4] not in HARMLESS_METHODS:  # a method: of the text, of what was read
            yield from self._trace(callee[3], scope)
            given = (*node[4], *(v for _, v in node[5])) if callee[4] in TEXT_METHODS else ()
            for argument in given[1:] if callee[4] in KEYED else given:
                yield from self._trace(argument, scope)
        elif callee[0] == "attr":
            return
        else:
            yield Origin("unknown", unparse(node), place)

    def _attribute(self, node: Node, scope: _Scope) -> Iterator[Origin]:
        base = node[3]
        if base[0] == "name" and scope.function is not None:
            parameter = next((p for p in scope.function.params if p[0] == base[3]), None)
            owner = _named(parameter[1], scope.function) if parameter is not None else None
            if isinstance(owner, ClassValue) and node[4] in owner.annotations and (
                harmless_type(owner.annotations[node[4]], owner)
            ):
                return
        value = _lookup(node, scope)
        if isinstance(value, FromEnv):
            yield Origin("environment", unparse(node), scope.module.place(node))
        elif value is None or not known(by_default(value)) or not isinstance(by_default(value), str | int | float):
            for origin in self._trace(base, scope):
                yield origin if origin.what != unparse(base) else replace(origin, what=unparse(node))

    def _name(self, node: Node, scope: _Scope) -> Iterator[Origin]:
        name, function = node[3], scope.function
        key = (id(function.node) if function is not None else 0, name)
        if key in scope.seen:
            return
        inner = replace(scope, seen=scope.seen | {key})
        guard = _guard(name, function)
        if guard == "listed":
            return
        values = list(_bound(name, function.node[6])) if function is not None and function.node[0] == "def" else []
        parameter = next((p for p in function.params if p[0] == name), None) if function is not None else None
        found = [o for v in values for o in self._trace(v, inner)]
        if parameter is not None and function is not None:
            found += self._parameter(node, parameter, function, inner)
        elif not values:
            found += self._outer(node, scope)
        for origin in found:
            yield replace(origin, kind="checked") if guard == "checked" else origin

    def _outer(self, node: Node, scope: _Scope) -> list[Origin]:
        """A name of the module or of a function around."""
        value = _lookup(node, scope)
        if isinstance(value, FromEnv):
            return [Origin("environment", node[3], scope.module.place(node))]
        if value is not None and known(value) and not hasattr(value, "node"):
            return []
        return [Origin("unknown", node[3], scope.module.place(node))]

    def _parameter(self, node: Node, parameter: Node, function: FunctionValue, scope: _Scope) -> list[Origin]:
        name, annotation, default = parameter[0], parameter[1], parameter[2]
        place = scope.module.place(node)
        if harmless_type(annotation, function):
            return []
        if function.owner is not None and function.params and function.params[0][0] == name:
            return [Origin("unknown", name, place)]
        if id(function.original.node) in self.entries:
            injected = any(word in unparse(annotation) + unparse(default) for word in INJECTED)
            return [Origin("unknown" if injected else "request", name, place)]
        callers = self.callers.get(id(function.original.node), [])
        if not callers or scope.depth >= MAX_DEPTH:
            return [Origin("parameter", name, place)]
        found = []
        for call, shift in callers[:20]:
            argument = _argument(call, function, name, shift)
            outer = _Scope(call.site.module, call.site.function, scope.depth + 1, scope.seen)
            for origin in self._trace(argument, outer):
                found.append(replace(origin, chain=(*origin.chain, call.place)))
        return found


def _argument(call: Call, function: FunctionValue, name: str, shift: int) -> Node | None:
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


def harmless_type(annotation: Node | None, near: FunctionValue | ClassValue) -> bool:
    """Whether values of the annotated type cannot be harmful text: numbers, dates, UUIDs, members of an enum."""
    if annotation is None:
        return False
    if annotation[0] == "const":
        return annotation[3] is None or annotation[3] in HARMLESS_TYPES
    if annotation[0] == "bin":
        return harmless_type(annotation[4], near) and harmless_type(annotation[5], near)
    if annotation[0] == "sub":
        base, inner = unparse(annotation[3]).rpartition(".")[2], annotation[4]
        if base == "Literal":
            return True
        parts = inner[3] if inner[0] == "tuple" else (inner,)
        if base == "Annotated":
            return harmless_type(parts[0], near)
        return base in ("Optional", "Union", "list", "List", "set", "tuple", "Sequence") and all(
            harmless_type(p, near) for p in parts)
    if unparse(annotation).rpartition(".")[2] in HARMLESS_TYPES:
        return True
    value = _named(annotation, near)
    return isinstance(value, ClassValue) and value.is_a(*ENUMS)


def _named(annotation: Node | None, near: FunctionValue | ClassValue) -> Any:
    if annotation is None or annotation[0] != "name":
        return None
    try:
        return near.scope.find(annotation[3])
    except KeyError:
        return None


def _lookup(node: Node, scope: _Scope) -> Any:
    """The value of a module's name, or of an attribute of an object or module behind one; None when not found."""
    if node[0] == "name":
        if scope.function is None:
            return None
        try:
            return scope.function.scope.find(node[3])
        except KeyError:
            return None
    base = _lookup(node[3], scope) if node[0] == "attr" else None
    attributes = getattr(base, "attrs", None)
    if isinstance(attributes, dict) and node[4] in attributes:
        return attributes[node[4]]
    names = getattr(getattr(base, "scope", None), "names", None)
    return names.get(node[4]) if isinstance(names, dict) else None


def _bound(name: str, body: Any) -> Iterator[Node]:
    """Every expression that a function's body binds to a name, those of loops and with-statements too."""
    for s in statements(body):
        if s[0] == "assign" and any(_binds(t, name) for t in s[4]):
            yield s[5]
        elif s[0] == "aug" and _binds(s[4], name) or s[0] == "ann" and s[6] is not None and _binds(s[4], name):
            yield s[6]
        elif s[0] == "for" and _binds(s[4], name):
            yield s[5]
        elif s[0] == "expr" and s[4][0] == "call" and s[4][3][0] == "attr" and s[4][3][4] in GROWING:
            if _binds(s[4][3][3], name):
                yield from s[4][4]
        elif s[0] == "with":
            yield from (context for context, target in s[4] if target is not None and _binds(target, name))


def _binds(target: Node, name: str) -> bool:
    if target[0] in ("tuple", "list"):
        return any(_binds(t, name) for t in target[3])
    if target[0] in ("star", "sub"):
        return _binds(target[3], name)
    return bool(target[0] == "name" and target[3] == name)


def _guard(name: str, function: FunctionValue | None) -> str:
    """How a function turns bad values of a name away: ``listed`` by a list of good ones, ``checked``, or empty."""
    if function is None or function.node[0] != "def":
        return ""
    answer = ""
    for s in statements(function.node[6]):
        if s[0] != "if" or not s[5] or s[5][-1][0] not in ("raise", "return", "continue"):
            continue
        test = s[4]
        if test[0] == "cmp" and test[3] == ("name", *test[3][1:3], name) and test[4][0][0] == "NotIn":
            return "listed"
        text = unparse(test)
        if name in text and any(f"{word}(" in text for word in CHECKING):
            answer = "checked"
    return answer


def statements(body: Any) -> Iterator[Node]:
    """The statements of a body and of the blocks in it; not those of functions and classes defined there."""
    for s in body:
        yield s
        kind = s[0]
        blocks: tuple[Any, ...] = ()
        if kind in ("if", "while"):
            blocks = (s[5], s[6])
        elif kind == "for":
            blocks = (s[6], s[7])
        elif kind == "with":
            blocks = (s[5],)
        elif kind == "try":
            blocks = (s[4], *(h[2] for h in s[5]), s[6], s[7])
        elif kind == "match":
            blocks = tuple(case[4] for case in s[5])
        for block in blocks:
            yield from statements(block)
