"""Containers named as state that hold none: names worked out from their key, counts, locks, who listens where."""

from __future__ import annotations

import re

from readybook.facts.memory import Memory, Touch
from readybook.facts.nodes import nodes, statements
from readybook.facts.syntax import Node
from readybook.patterns import regex

TEXTS = frozenset(("sub", "replace", "lower", "upper", "strip", "join", "format", "str", "quote", "casefold", "title"))
PLAIN = frozenset(("const", "name", "fstring", "format", "bin", "call", "attr"))
TAKES = regex(r"(?i)(?:^|_)(?:acquire|claim|lock)(?:_|$)")
GIVES = regex(r"(?i)(?:^|_)(?:release|unlock|free)(?:_|$)")
RECEIVERS = regex(r"(?i)(?:^|_)(?:rooms?|channels?|groups?|topics?|subscriptions?)(?:_|$)")
SHARED = regex(r"(?i)self\._?\w*(?:kv|redis|nats|jetstream|memcached?|etcd)\w*\.(?:put|set|setex|hset|publish|xadd)\(")
SOCKETS = regex(r"[:=][^\n#]*\[[^\n#]*\bWebSocket\b[^\n#]*\]")  # connections: dict[str, WebSocket]


def of_its_own(memory: Memory, text: str) -> bool:
    """Whether what a container holds is nothing that a restart loses; ``text`` is the module that makes it."""
    stores = [t for t in memory.touches if t.how == "stores"]
    reads = [t for t in memory.touches if t.how == "reads"]
    drops = [t for t in memory.touches if t.how == "drops"]
    if all(map(_worked_out, stores)) or reads and all(_counted(t, memory.name) for t in reads):
        return True
    if memory.kind == "set" and drops and all(TAKES.search(t.function.name) for t in stores) and all(
            GIVES.search(t.function.name) for t in drops):
        return True  # who works on what, in this process
    return bool(memory.owner and RECEIVERS.search(memory.name) and SOCKETS.search(text))


def also_shared(memory: Memory) -> str:
    """The first line of a container's own class that writes to a store outside of the process; empty without one."""
    for touch in memory.touches:
        cls = touch.function.owner
        if memory.owner and cls is not None and cls.qualname == memory.owner:
            found = SHARED.search(cls.module.lines_of(cls.node[1], cls.node[3]))
            return found[0].strip() if found else ""
    return ""


def _worked_out(touch: Touch) -> bool:
    """Whether the value is a text made of its key: ``names[key] = "shop_" + key.lower()``."""
    for s in statements(touch.function.node[6]):
        if s[0] == "assign" and s[1] == touch.place.line:
            keys = [t[4] for t in s[4] if t[0] == "sub"]
            names = {n[3] for k in keys for n in nodes(k) if n[0] == "name"}
            return bool(keys) and s[5][0] != "name" and _of(s[5], names)
    return False


def _of(value: Node, names: set[str]) -> bool:
    """Whether an expression makes a text of these names and nothing else."""
    called = {id(c[3]) for c in nodes(value) if c[0] == "call"}
    owners = {id(a[3]) for a in nodes(value) if a[0] == "attr" and id(a) in called}
    for part in nodes(value):
        if part[0] not in PLAIN or part[0] == "call" and part[3][-1] not in TEXTS:
            return False
        if part[0] == "attr" and id(part) not in called:
            return False
        if part[0] == "name" and part[3] not in names and id(part) not in called | owners:
            return False
    return any(part[0] == "name" and part[3] in names for part in nodes(value))


def _counted(touch: Touch, name: str) -> bool:
    """Whether only the number of elements is asked for."""
    line = touch.function.module.lines_of(touch.place.line, touch.place.line)
    asked = re.findall(rf"\blen\([\w.]*\b{re.escape(name)}\)", line)
    return bool(asked) and len(asked) == len(re.findall(rf"\b{re.escape(name)}\b", line))
