"""What becomes of a digest: it is kept or compared as a password, or it is a key to something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.nodes import holds, nodes, own_nodes, statements
from readybook.facts.scopes import scope_of
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.behaviour import Call

PASSWORD = regex(
    r"(?i)^(?:get_|make_|create_|compute_|generate_|_)*(?:hash|hashed|encrypt|encrypted|verify|check|crypt)_?"
    r"(?:user_?)?(?:password|passwd|pwd)$"
    r"|^(?:\w+_)?(?:password|passwd|pwd)(?:_?(?:hash|hashed|digest))?$")
# derived from a password on purpose, or of a thing that happens to have one: nobody signs in with it
KEY = regex(r"(?i)(?:^|_)(?:keys?|fernet|cipher|aes|iv|nonce|kdf|derived?|caches?|etag|seed|fingerprint)(?:_|$)")
CIPHER = regex(r"(?:^|\.)(?:Fernet|MultiFernet|AESGCM|AES|ChaCha20Poly1305|AESCCM|Cipher|SecretBox)(?:\.|$)")
CHANCE = regex(r"(?i)random|urandom|uuid|secrets\.|token|time\(|now\(")


def fate(call: Call) -> str:
    """``password``: the digest is kept, given back or compared as one; ``key``: as a key; empty: not seen."""
    names = list(_names(call))
    if any(PASSWORD.search(name) for name in names):
        return "password"
    ciphers = call.site.function is not None and any(
        n[0] == "call" and CIPHER.search(unparse(n[3])) for n in nodes(call.site.function.node[6:7]))
    return "key" if ciphers or any(KEY.search(name) for name in names) else ""


def by_chance(data: Node, call: Call) -> bool:
    """Whether what is hashed is drawn at random: the digest is made up, and no password is behind it."""
    values = [data, *(v for n in nodes(data) if n[0] == "name" for v in scope_of(call).bindings.bound(n[3], n))]
    return any(CHANCE.search(unparse(v)) for v in values)


def _names(call: Call) -> Iterator[str]:
    """The names that a digest gets where it is made: of its function when that gives it back, of targets, keywords,
    and the other side of comparisons; of what is made with a name that it is given, too."""
    node = call.site.node
    given: set[str] = set()
    for statement in statements(scope_of(call).body):
        uses = {n[3] for n in own_nodes(statement) if n[0] == "name"}
        if not holds(_head(statement), node) and not given & uses:
            continue
        yield from _labels(statement, node, given)
        if statement[0] == "return":
            yield call.function.rpartition(".")[2]
        if statement[0] == "assign" and holds(statement[5], node):
            given |= {t[3] for t in statement[4] if t[0] == "name"}


def _head(statement: Node) -> Node | tuple[()]:
    """A statement without the blocks in it."""
    return {"if": statement[4:5], "while": statement[4:5], "for": statement[5:6], "with": statement[4:5],
            "try": (), "def": (), "class": (), "match": statement[4:5]}.get(statement[0], statement)


def _labels(statement: Node, node: Node, given: set[str]) -> Iterator[str]:
    def carries(part: Node) -> bool:
        return holds(part, node) or any(n[0] == "name" and n[3] in given for n in nodes(part))

    if statement[0] == "assign" and carries(statement[5]):
        yield from (_last(t) for t in statement[4])
    for n in own_nodes(_head(statement)):
        if n[0] == "call":
            yield from (key for key, value in n[5] if key and carries(value))
        elif n[0] == "dict":
            yield from (str(key[3]) for key, value in n[3] if key is not None and key[0] == "const" and carries(value))
        elif n[0] == "cmp" and len(n[4]) == 1:
            left, right = n[3], n[4][0][1]
            yield from (_last(other) for own, other in ((left, right), (right, left)) if carries(own))


def _last(node: Node) -> str:
    if node[0] == "sub" and node[4][0] == "const":
        return str(node[4][3])
    return unparse(node).rpartition(".")[2]
