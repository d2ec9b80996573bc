"""Which values sign, encrypt or verify: the keys handed to token, cookie and MAC libraries, wrappers followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import in_order
from readybook.facts.objects import Instance
from readybook.facts.syntax import Node
from readybook.facts.values import Choice, FromEnv, possible
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.place import Place

# dotted name of a callable → (position of the key, its keyword)
KEYS: dict[str, tuple[int, str]] = {
    "jwt.encode": (1, "key"), "jwt.decode": (1, "key"), "jwt.api_jwt.encode": (1, "key"), "jwt.api_jwt.decode": (1,
    "key"),
    "jose.jwt.encode": (1, "key"), "jose.jwt.decode": (1, "key"), "jose.jws.sign": (1, "key"), "jose.jws.verify": (1,
    "key"),
    "jose.jwe.encrypt": (1, "key"), "authlib.jose.jwt.encode": (2, "key"), "authlib.jose.jwt.decode": (1, "key"),
    "joserfc.jwt.encode": (2, "key"), "joserfc.jwt.decode": (1, "key"),
    "hmac.new": (0, "key"), "hmac.digest": (0, "key"), "hmac.HMAC": (0, "key"),
    "cryptography.fernet.Fernet": (0, "key"),
    "itsdangerous.URLSafeTimedSerializer": (0, "secret_key"), "itsdangerous.URLSafeSerializer": (0, "secret_key"),
    "itsdangerous.TimestampSigner": (0, "secret_key"), "itsdangerous.Signer": (0, "secret_key"),
    "itsdangerous.TimedSerializer": (0, "secret_key"), "itsdangerous.Serializer": (0, "secret_key"),
    "fastapi_users.authentication.JWTStrategy": (0, "secret"), "fastapi_users.jwt.generate_jwt": (1, "secret"),
    "fastapi_users.jwt.decode_jwt": (1, "secret"), "fastapi_login.LoginManager": (0, "secret"),
    "starlette.middleware.sessions.SessionMiddleware": (1, "secret_key"),
}
_TEXT_METHODS = frozenset({"encode", "get_secret_value", "strip"})
_MAX_ROUNDS = 4


@record
class Signing:
    """One key handed to a library: by its ``value`` when it is text, by the environment's ``variable`` and the place of
    its read or field when it comes from there; ``callee`` and ``place`` are those of the library's call."""

    value: str
    variable: str
    origin: Place | None
    callee: str
    place: Place


@record
class KeyLiteral:
    """A literal written into the signing call itself: path, line and byte column, and the call's name."""

    path: str
    line: int
    column: int
    callee: str


def signing_keys(behaviour: Behaviour) -> tuple[tuple[Signing, ...], tuple[KeyLiteral, ...]]:
    """Every key value that reaches a signing call, and the literals in such calls, by place."""
    found: list[Signing] = []
    literals: list[KeyLiteral] = []
    for call, callee, key, node in _uses(behaviour):
        for value in possible(_unwrapped(key)):
            value = _unwrapped(value)
            if isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            if isinstance(value, str):
                found.append(Signing(value, "", None, callee, call.place))
        found += [Signing("", e.name, e.place, callee, call.place) for e in _environment(key)]
        inner = _inner(node)
        if inner is not None and inner[0] == "const" and isinstance(inner[3], str | bytes):
            literals.append(KeyLiteral(call.place.path, inner[1], inner[2], callee))
    return tuple(dict.fromkeys(found)), tuple(dict.fromkeys(literals))


def _uses(behaviour: Behaviour) -> Iterator[tuple[Call, str, Any, Node | None]]:
    """(call, name of the library's callable, key value, its node) of every signing call, own wrappers included."""
    parameters: dict[tuple[int, str], str] = {}
    wanted: list[tuple[Call, str, int, str]] = []
    for path, (position, keyword) in KEYS.items():
        wanted += [(call, path, position, keyword) for call in behaviour.by_path.get(path, ())]
    for call in behaviour.by_last.get("add_middleware", ()):
        if call.args and _path(call.args[0]) in KEYS:
            wanted.append((call, _path(call.args[0]), 1, "secret_key"))
    seen: set[tuple[int, str]] = set()
    for _ in range(_MAX_ROUNDS):
        for call, callee, position, keyword in wanted:
            key, node = _argument(call, position, keyword)
            yield call, callee, key, node
            function = call.site.function
            inner = _inner(node)
            if function is not None and inner is not None and inner[0] == "name":
                if any(p[0] == inner[3] for p in function.params):
                    parameters[id(function.node), inner[3]] = callee
        new = {k: v for k, v in parameters.items() if k not in seen}
        if not new:
            return
        seen |= set(new)
        wanted = list(_callers(behaviour, new))


def _callers(behaviour: Behaviour, parameters: dict[tuple[int, str], str]) -> Iterator[tuple[Call, str, int, str]]:
    functions = {function for function, _ in parameters}
    calls = {id(c): c for f in functions for c, shift in behaviour.callers.get(f, ()) if not shift}
    for call in in_order(calls.values()):
        for function in call.runs:
            own = [p for p in function.params if p[3] in ("pos", "any", "key")]
            bound = function.kind != "staticmethod" and function.owner is not None
            for index, parameter in enumerate(own[1:] if bound else own):
                callee = parameters.get((id(function.node), parameter[0]))
                if callee:
                    yield call, callee, index, parameter[0]


def _argument(call: Call, position: int, keyword: str) -> tuple[Any, Node | None]:
    node = next((v for k, v in call.site.node[5] if k == keyword), None)
    if keyword in call.kwargs:
        return call.kwargs[keyword], node
    arguments = call.site.node[4]
    if position < len(call.args) and not any(a[0] == "star" for a in arguments):
        return call.args[position], arguments[position] if position < len(arguments) else None
    return None, None


def _inner(node: Node | None) -> Node | None:
    """The expression whose text is the key: ``key`` in ``key.encode()``, ``bytes(key, "utf8")``, ``str(key)``."""
    for _ in range(4):
        if node is None or node[0] != "call":
            return node
        callee = node[3]
        if callee[0] == "attr" and callee[4] in _TEXT_METHODS:
            node = callee[3]
        elif callee[0] == "name" and callee[3] in ("bytes", "str", "SecretStr") and node[4]:
            node = node[4][0]
        else:
            return node
    return node


def _unwrapped(value: Any) -> Any:
    """The text inside ``SecretStr("…")`` and the like."""
    wrapped = isinstance(value, Instance) and value.path.rpartition(".")[2] in ("SecretStr", "SecretBytes", "Secret")
    if wrapped and value.args:
        return value.args[0]
    return value


def _environment(value: Any) -> Iterator[FromEnv]:
    if isinstance(value, FromEnv):
        yield value
    elif isinstance(value, Choice):
        for _, option in value.options:
            yield from _environment(option)


def _path(value: Any) -> str:
    return getattr(value, "path", "") or ""
