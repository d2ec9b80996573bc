"""Where application code turns passwords into something to store, and where it compares them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts.bindings import bindings_of
from readybook.facts.alone import alone
from readybook.facts.comparisons import compared
from readybook.facts.digests import by_chance, fate
from readybook.facts.modules import Module
from readybook.facts.nodes import nodes, statements
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.values import text_of
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call

FAST = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512",
        "blake2b", "blake2s", "md4")
SLOW = regex(r"(?i)bcrypt|argon2|scrypt|pwdlib|passlib|pbkdf2|password_?hasher|CryptContext")
NAME = regex(r"(?i)(?:^|_)(?:password|passwd|passphrase|passcode|pwd)[0-9]?$|^(?:plain|raw|user)_?pass$")
# what is derived from a password, or asks something about one, is none
NOT = regex(r"(?i)hash|encrypt|token|digest|reset|crypted|length|policy|field|label|column|changed|expire|hint"
            r"|salt|strength|valid|error|url|key$|min_|max_|has_|is_|must_|require|must_change|rule|pattern")
WORD = regex(r"(?i)password|passwd|passphrase|passcode|pwd")
ALIKE = regex(r"(?i)confirm|repeat|again|retype|re_?enter|(?:^|_)(?:new|old|current|previous|last|default|second"
              r"|verify|same|initial|temp\w*)_|_(?:new|old|again|verify)|2$")
ELSEWHERE = regex(r"(?i)settings|config|conf|env|environ|secrets?|constants?")


@record
class FastHash:
    """A general hash over a password: ``algorithm``, the ``call`` to it, the password's text, ``prehash`` when the
    same function hands the digest to a password hash."""

    algorithm: str
    password: str
    prehash: bool
    call: Call = field(repr=False, compare=False)

    @property
    def place(self) -> Place:
        """Where the call stands."""
        return self.call.place


@record
class Comparison:
    """A stored password compared with a given one as they are; ``query``: inside a database query."""

    place: Place
    stored: str
    given: str
    query: bool
    function: str


def names_password(text: str) -> bool:
    """Whether a name or attribute holds a password: ``password``, ``form.password``; not ``password_hash``."""
    key = re.search(r"\[['\"](\w{1,60})['\"]\]$", text)
    last = key[1] if key else text.rpartition(".")[2]
    return bool(NAME.search(last)) and not NOT.search(last)


def fast_hashes(behaviour: Behaviour) -> tuple[FastHash, ...]:
    """General hashes over passwords, and those kept or compared as a password, by place.

    Left out: hashes that ask a list of leaked passwords, and keys that are derived from a password.
    """
    found = []
    for name in (*FAST, "new"):
        for call in behaviour.by_path.get(f"hashlib.{name}", ()):
            arguments = call.site.node[4]
            algorithm, data = name, arguments[0] if arguments else None
            if name == "new":
                algorithm = (text_of(call.args[0]) if call.args else None) or ""
                data = arguments[1] if len(arguments) > 1 else None
            password = password_of(data, call) if algorithm.lower().replace("-", "") in FAST else ""
            if password and not _leak_check(call):
                found.append(FastHash(algorithm, password, _handed_on(behaviour, call), call))
    return tuple(sorted(found, key=lambda f: (f.place.path, f.place.line)))


def password_of(data: Node | None, call: Call) -> str:
    """The text of what a call hashes where that is a password, by its name or by what becomes of the digest."""
    if data is None:
        return ""
    password, becomes = _password_in(data, call), fate(call)
    if password:
        return password if becomes != "key" else ""
    return unparse(data) if becomes == "password" and not by_chance(data, call) else ""


def _password_in(data: Node | None, call: Call) -> str:
    """The password among the parts of what is hashed; empty when there is none."""
    for node in nodes(data):
        if node[0] in ("name", "attr", "sub"):
            text = unparse(node)
            if names_password(text):
                return text
    function = call.site.function
    if function is None or function.node[0] != "def":
        return ""
    bindings = bindings_of(function.module, function.node[6])
    for value in (v for name in nodes(data) if name[0] == "name" for v in bindings.bound(name[3], name)):
        for node in nodes(value):
            if node[0] in ("name", "attr") and names_password(unparse(node)):
                return unparse(node)
    return ""


def _leak_check(call: Call) -> bool:
    function = call.site.function
    text = call.function + (str(function.node) if function is not None else "")
    return bool(re.search(r"(?i)pwned|hibp|breach|realm|nonce|md5_digest_auth", text))


def _handed_on(behaviour: Behaviour, call: Call) -> bool:
    function = call.site.function
    others = behaviour.calls_in(function) if function is not None else ()
    return any(SLOW.search(c.path) or SLOW.search(unparse(c.site.node[3])) for c in others if c is not call)


def comparisons(behaviour: Behaviour) -> Iterator[Comparison]:
    """Comparisons of two passwords of which one comes from a record, in the functions of application code."""
    for module in behaviour.program.modules.by_path.values():
        lines = alone(module, "signs") if module.role == "application" else []
        if lines and _names_one(module):
            for function, node in _functions(module.body, ""):
                yield from _in_function(module, function, node, lines)


def _names_one(module: Module) -> bool:
    """Whether ``WORD`` is found: plain searches first, since every module is looked at."""
    return any(word in module.low for word in ("passw", "passphrase", "passcode", "pwd")) and bool(
        WORD.search(module.text))


def _functions(body: Any, prefix: str) -> Iterator[tuple[str, Node]]:
    for s in body:
        if s[0] == "def":
            yield f"{prefix}{s[4]}", s
        elif s[0] == "class":
            yield from _functions(s[7], f"{prefix}{s[4]}.")


def _in_function(module: Module, name: str, function: Node, lines: list[int]) -> Iterator[Comparison]:
    if name.rpartition(".")[2] in ("__eq__", "__ne__"):
        return  # whether two objects are the same, nobody signs in
    for node, _, _ in compared(function[6], lines):
        sides = [_side(node[3]), _side(node[4][0][1])]
        stored = next((s for s in sides if _stored(s)), "")
        given = next((s for s in sides if s != stored), "")
        if not stored or not given or any(ALIKE.search(s.rpartition(".")[2]) for s in sides):
            continue
        if stored.partition(".")[0] == given.partition(".")[0] or _worked_out(given, module, function, node):
            continue
        if _written_back(stored, given, function):
            continue
        query = stored[:1].isupper()
        place = module.place(node)
        yield Comparison(place, stored, given, query, f"{module.name}.{name}")


def _side(node: Node) -> str:
    """The text of one side when it names a password, else empty; ``record["password"]`` reads ``record.password``."""
    if node[0] == "sub" and node[4][0] == "const" and isinstance(node[4][3], str):
        text = f"{unparse(node[3])}.{node[4][3]}"
    else:
        text = unparse(node) if node[0] in ("name", "attr") else ""
    return text if text and names_password(text) else ""


def _stored(text: str) -> bool:
    """Whether a password is a record's attribute, not a setting, the request's or the object's own."""
    base, _, name = text.rpartition(".")
    if name.isupper():  # a constant: what the deployment gives the service, nobody's record
        return False
    request = re.search(r"(?i)^(?:self|cls)$|form|payload|request|body|data|credential|schema|input|login|args|params"
                        r"|dto|_in$|_create$|command|info$|values", base)
    return bool(base) and not ELSEWHERE.search(base) and not request and not base.isupper()


def _written_back(stored: str, given: str, function: Node) -> bool:
    """Whether the function puts the one into the other: it asks whether a record is up to date, not who comes."""
    return any(s[0] == "assign" and len(s[4]) == 1 and {unparse(s[4][0]), unparse(s[5])} == {stored, given}
               for s in statements(function[6]))


def _worked_out(given: str, module: Module, function: Node, use: Node) -> bool:
    """Whether the given side is a local name that some call made: a hash, perhaps."""
    if "." in given:
        return False
    values = bindings_of(module, function[6]).bound(given, use)
    return any(inner[0] == "call" for value in values for inner in nodes(value))
