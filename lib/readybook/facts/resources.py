"""Clients, pools and engines that are kept for longer than one call, how each is closed, and whether code does so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from readybook.facts.closure import pulled_in
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance
from readybook.facts.redisclients import possible_releases
from readybook.facts.stores import Access, access
from readybook.facts.values import by_default
from readybook.patterns import regex
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.behaviour import Call

CLOSERS = ("aclose", "close", "dispose", "disconnect", "shutdown", "close_all", "closeall", "stop", "quit", "cleanup")
_REDIS = r"(?:redis|redis\.asyncio|aioredis)(?:\.(?:client|cluster|connection))?\."
# What is made, the dotted callee, the method that closes it, and whether that is awaited.
_KINDS = (
    ("database engine", r"sqlalchemy\.ext\.asyncio\.(?:create_async_engine|async_engine_from_config)", "dispose", True),
    ("database engine", r"sqlalchemy\.(?:create_engine|engine_from_config)|sqlmodel\.create_engine", "dispose", False),
    ("Redis client", _REDIS + r"(?:from_url|(?:(?:Strict)?Redis|RedisCluster)(?:\.from_url)?)", "close", False),
    ("Redis pool", _REDIS + r"(?:Blocking)?ConnectionPool(?:\.from_url)?", "disconnect", False),
    ("HTTP client", r"httpx2?\.AsyncClient", "aclose", True),
    ("HTTP client", r"httpx2?\.Client", "close", False),
    ("HTTP session", r"aiohttp\.(?:client\.)?ClientSession", "close", True),
    ("MongoDB client", r"motor\.motor_asyncio\.AsyncIOMotorClient", "close", False),
    ("MongoDB client", r"pymongo\.(?:asynchronous\.mongo_client\.)?AsyncMongoClient", "close", True),
    ("MongoDB client", r"pymongo\.(?:mongo_client\.)?MongoClient", "close", False),
)
_ANY = regex("|".join(f"(?:{pattern})" for _, pattern, _, _ in _KINDS))
_COMPILED = tuple((what, regex(pattern), method, waits) for what, pattern, method, waits in _KINDS)


@record
class Resource:
    """One client, pool or engine. ``close`` is the expression that closes it, without its object, and ``awaited``
    tells whether that is awaited. ``owner`` is the class whose ``__init__`` makes it, None at the level of a module.
    ``access`` is how other code reaches it, None when nothing leads to it. ``closed``: whether code closes it, in a
    method of its class that nobody calls (``closer``) or not at all.
    """

    what: str
    close: str
    awaited: bool
    owner: ClassValue | None
    access: Access | None
    closed: bool
    closer: str
    call: Call = field(repr=False, compare=False)


def resources(facts: Facts, paths: frozenset[str]) -> tuple[Resource, ...]:
    """What the code of these files keeps open: made at module level, in a class body, in ``__init__`` or in a cached
    function."""
    found = []
    known = [path for path in facts.behaviour.by_path if _ANY.fullmatch(path)]
    closing = facts.behaviour.written_as(*CLOSERS) if known else []
    for call in facts.behaviour.calls_to(*known):
        kind = _kind(facts, call)
        if call.place.path not in paths or kind is None or _keeps_nothing(call):
            continue
        reached = access(facts.behaviour, call)
        owner = _owner(call)
        if call.site.function is not None and owner is None and reached is None:
            continue  # a local object: whether it is closed is a question for PER011 and the like
        closed, closer = _closed(facts, closing, call, reached, owner)
        found.append(Resource(*kind, owner, reached, closed, closer, call))
    return tuple(found)


def near(facts: Facts, path: str) -> frozenset[str]:
    """The files that serving the application of ``path`` loads."""
    return pulled_in(facts.modules, path)


def _kind(facts: Facts, call: Call) -> tuple[str, str, bool] | None:
    for what, pattern, method, waits in _COMPILED:
        if not pattern.fullmatch(call.path):
            continue
        if what.startswith("Redis"):
            waits = "asyncio" in call.path or call.path.startswith("aioredis")
            release = possible_releases(facts, "redis", call.place.path)
            if waits and method == "close" and release is not None and release[0] > 5:
                method = "aclose"
        return what, method, waits
    return None


def _keeps_nothing(call: Call) -> bool:
    """A client over a pool is its pool's; an engine without a pool, or in memory, has nothing to give back."""
    if by_default(call.kwargs.get("connection_pool")) is not None:
        return True
    pool = getattr(by_default(call.kwargs.get("poolclass")), "path", "")
    return pool.endswith(("NullPool", "StaticPool"))


def _owner(call: Call) -> ClassValue | None:
    function = call.site.function
    if function is not None and function.name == "__init__" and function.owner is not None:
        return function.owner
    return None


def _closed(facts: Facts, closing: list[Call], call: Call, reached: Access | None,
            owner: ClassValue | None) -> tuple[bool, str]:
    """Whether code closes what a call makes; and where not, the method of its class that would."""
    result = call.site.result
    for one in closing:
        callee = one.site.callee
        if isinstance(callee, Bound) and isinstance(result, Instance) and callee.self is result:
            return _runs(facts, one.site.function, owner)
    names = [n for n in (_attribute(call), reached.expression.rpartition(".")[2].removesuffix("()") if reached else "")
             if n]
    for name in names:
        for function in _named(facts, name, call.place.path, reached):
            return _runs(facts, function, owner)
    return False, ""


def _attribute(call: Call) -> str:
    """The attribute or name that a statement binds the result to, as far as its line shows it."""
    line = call.site.module.lines_of(call.place.line, call.place.line)
    match = re.match(r"\s*(?:self\.)?(\w+)\s*(?::[^=]{0,200})?=", line)
    return match[1] if match else ""


def _named(facts: Facts, name: str, path: str, reached: Access | None) -> Iterator[FunctionValue | None]:
    """The first function of each file whose text closes, enters or hands on for closing something of that name (None:
    module level)."""
    home = reached.path if reached is not None else path
    handing = ("enter_async_context", "enter_context", "callback", "closing")
    # each begins with a plain word, for which a text is searched much faster than for one of several
    ends = [re.compile(begin + rest) for begin, rest in (
        (name, rf"(?<!\w{name})(?:\(\))?\.(?:{'|'.join(CLOSERS)}|sync_engine\.dispose|wait_closed)\b"),
        ("with", rf"(?<!\wwith)\s+(?:\w+\.)*{name}\b"),
        *((word, rf"\((?:\w+\.)*{name}\b") for word in handing))]
    for file in sorted(facts.modules.by_path):
        module = facts.modules.by_path[file]
        if module.role != "application" or name not in module.text:
            continue
        starts = [match.start() for end in ends if (match := end.search(module.text))]
        if starts and (file in (home, path) or {home, path} & pulled_in(facts.modules, file)):
            line = module.text.count("\n", 0, min(starts)) + 1
            yield next((c.site.function for c in facts.behaviour.by_line.get((file, line), ())), None)


def _runs(facts: Facts, function: FunctionValue | None, owner: ClassValue | None) -> tuple[bool, str]:
    """Whether the function that closes is used: outside the owning class it is taken to be; a method of it must be
    called, entered by ``with``, or run by a framework."""
    if function is None or owner is None or function.owner is not owner:
        return True, ""
    name = function.original.name
    if name == "__call__":  # middleware, or a dependency: who registers it runs it
        return True, ""
    if name in ("__aexit__", "__exit__", "__aenter__", "__enter__", "__del__"):
        used = any(re.search(r"\bwith\b", m.text) for m in facts.modules.by_path.values()
                   if m.role == "application" and re.search(rf"\b{re.escape(owner.name)}\b", m.text))
        return used or name == "__del__", "" if used else name
    for module in facts.modules.by_path.values():
        if module.role == "application" and re.search(rf"\.{re.escape(name)}\b(?!\s*=)", module.text):
            own = len(re.findall(rf"\.{re.escape(name)}\b", module.text))
            inside = len(re.findall(rf"(?:self\.\w+)\.{re.escape(name)}\b", module.text))
            if own > inside or module is not owner.module:
                return True, ""
    return False, name
