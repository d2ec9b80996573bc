"""Redis clients and pools: how they are made, how long they wait, and which reads wait on purpose."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts import numbers
from readybook.facts.objects import Bound, ClassValue, Instance
from readybook.facts.values import Unknown, beginning, by_default
from readybook.patterns import regex
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.behaviour import Call
    from readybook.place import Place

_MADE = regex(
    r"(?P<package>redis(?P<later>\.asyncio)?|aioredis)(?:\.(?:client|connection|cluster))?\."
    r"(?:from_url|(?:(?:Strict)?Redis|RedisCluster|(?:Blocking)?ConnectionPool)(?:\.from_url|\.__init__)?)"
)
# Commands that wait for data: the argument that says how long, and the unit of it in seconds.
_TIMED = {"blpop": ("timeout", 1.0), "brpop": ("timeout", 1.0), "brpoplpush": ("timeout", 1.0),
          "blmove": ("timeout", 1.0), "bzpopmin": ("timeout", 1.0), "bzpopmax": ("timeout", 1.0),
          "xread": ("block", 0.001), "xreadgroup": ("block", 0.001)}
WAITS = frozenset((*_TIMED, "listen"))
_ABSENT = object()
DEFAULTS_SINCE = 8  # the major release of redis-py from which both time limits are five seconds by default
DEFAULT_SECONDS = 5.0


@record
class RedisClient:
    """One client or pool. ``limit`` is how many seconds a read may take: a number, None for no limit, Unknown.

    ``limited_by`` is ``argument``, ``address``, ``default`` (of the release) or empty. ``connecting`` tells whether a
    limit on connecting alone is given. ``retries``: whether a failed command is tried again, None when not known.
    ``lasting`` are the reads that wait longer than the limit, ``waits`` all reads that wait for data.
    """

    place: Place
    is_async: bool
    from_url: bool
    limit: Any
    limited_by: str
    connecting: bool
    retries: bool | None
    call: Call = field(repr=False, compare=False)
    waits: tuple[Call, ...] = field(default=(), repr=False, compare=False)
    lasting: tuple[Call, ...] = field(default=(), repr=False, compare=False)
    only_waits: bool = False


def redis_clients(facts: Facts) -> tuple[RedisClient, ...]:
    """Every Redis client and pool that application code makes, by place; a client over a pool is its pool's."""
    behaviour, found = facts.behaviour, []
    derived = {c.path for c in behaviour.run.classes if any(map(_MADE.fullmatch, c.external_bases()))}
    uses: dict[int, list[Call]] | None = None
    for call in behaviour.matching(lambda path: path in derived or _MADE.fullmatch(path)):
        match = _MADE.fullmatch(_path(call))
        if match is None or by_default(call.kwargs.get("connection_pool")) is not None:
            continue
        uses = uses or _uses(facts)
        found.append(_client(facts, call, match, _used(call, uses)))
    return tuple(sorted(found, key=lambda c: (c.place.path, c.place.line, c.place.column)))


def _path(call: Call) -> str:
    """The dotted callee; for a class of the project without a constructor of its own, the client's."""
    callee = call.site.callee
    if not isinstance(callee, ClassValue):
        return call.path
    if "__init__" in callee.scope.names:
        return ""  # its call of the client's constructor is what counts
    return next((b for b in callee.external_bases() if _MADE.fullmatch(b)), "")


def _client(facts: Facts, call: Call, match: re.Match[str], uses: list[Call]) -> RedisClient:
    package = match["package"].partition(".")[0]
    release = possible_releases(facts, package, call.place.path)
    limit, by = _limit(call, release)
    waits = tuple(u for u in uses if _wait(u) is not _ABSENT)
    lasting = tuple(u for u in waits if _longer(_wait(u), limit))
    pinged = {"ping", "aclose", "close", "pubsub", "subscribe", "__aenter__", "__init__", "listen"}
    own = [u for u in uses if u not in waits and u.path.rpartition(".")[2] not in pinged]
    connecting = by_default(call.kwargs.get("socket_connect_timeout")) is not None
    return RedisClient(
        call.place, bool(match["later"]) or package == "aioredis", "from_url" in match[0], limit, by, connecting,
        _retries(call, "from_url" in match[0], release), call, waits, lasting, not own and _listens(uses, waits),
    )


def _listens(uses: list[Call], waits: tuple[Call, ...]) -> bool:
    """Whether a client waits for data: by a read that does, or by a subscription, which others may read."""
    return bool(waits) or any(u.path.endswith(".subscribe") for u in uses)


def possible_releases(facts: Facts, package: str, path: str) -> tuple[int, int | None] | None:
    """(lowest, highest) major release that may be installed; highest None without a bound, None when not declared."""
    if package == "aioredis":
        return (2, 2)  # its last release; from 4.2 on redis-py holds it
    version = facts.version_of("redis", path)
    if version.exact and (exact := numbers(version.value)):
        return exact[0], exact[0]
    found = [r for r in facts.requirements if r.name == "redis" and (r.specifier or not r.constraint)]
    if not found:
        return None
    lowest = numbers(version.value)
    tops = [t for r in found if (t := _top(r.specifier)) is not None]
    return (lowest[0] if lowest else 0), (min(tops) if tops else None)


def _top(specifier: str) -> int | None:
    """The highest major release that a PEP 440 set allows; None when it has no upper bound."""
    tops = [int(m[1]) - (0 if m[2] and int(m[2]) else 1)
            for m in re.finditer(r"<(?!=)\s*(\d{1,4})(?:\.(\d{1,4}))?", specifier)]
    tops += [int(m[1]) for m in re.finditer(r"(?:<=|~=|==)\s*(\d{1,4})", specifier)]
    return min(tops, default=None)


def _limit(call: Call, release: tuple[int, int | None] | None) -> tuple[Any, str]:
    if "socket_timeout" in call.kwargs:
        return by_default(call.kwargs["socket_timeout"]), "argument"
    text = beginning(call.args[0] if call.args else call.kwargs.get("url")) or ""
    if match := re.search(r"[?&]socket_timeout=(\d+(?:\.\d+)?)", text):
        return float(match[1]), "address"
    if "**" in call.kwargs:
        return Unknown("its arguments come from a mapping", call.place), ""
    if release is None:
        return Unknown("no file declares which release of redis is installed", call.place), ""
    low, high = release
    if low >= DEFAULTS_SINCE:
        return DEFAULT_SECONDS, "default"
    if high is None or high >= DEFAULTS_SINCE:
        return Unknown("the release of redis is not pinned: from 8 on reads are limited by default", call.place), ""
    return None, ""


def _retries(call: Call, from_url: bool, release: tuple[int, int | None] | None) -> bool | None:
    """Pools made by ``from_url`` never retry by themselves; others do from release 6 on (redis-py, measured)."""
    given = [call.kwargs[k] for k in ("retry", "retry_on_timeout", "retry_on_error") if k in call.kwargs]
    if given:
        return any(by_default(v) not in (None, False) for v in given)
    if "**" in call.kwargs:
        return None
    if from_url:
        return False
    return None if release is None else release[0] >= 6 if release[0] == release[1] else None


def _uses(facts: Facts) -> dict[int, list[Call]]:
    """``id`` of an object → the calls of its methods."""
    index: dict[int, list[Call]] = defaultdict(list)
    for call in facts.behaviour.calls:
        callee = call.site.callee
        if callee.__class__ is Bound and isinstance(callee.self, Instance):
            index[id(callee.self)].append(call)
    return index


def _used(call: Call, uses: dict[int, list[Call]]) -> list[Call]:
    """The calls on what ``call`` makes, through a pub/sub of it too."""
    result = call.site.result
    callee = call.site.callee
    if isinstance(callee, Bound) and call.path.endswith(".__init__"):
        result = callee.self
    if not isinstance(result, Instance):
        return []
    own = [u for u in uses.get(id(result), ()) if u is not call]
    given = {id(u.site.result) for u in own if u.path.endswith(".pubsub") and isinstance(u.site.result, Instance)}
    return own + [u for g in given for u in uses.get(g, ())]


def _wait(call: Call) -> Any:
    """Seconds a read may wait for data, 0 for without end; ``_ABSENT`` when the call does not wait."""
    name = call.path.rpartition(".")[2]
    if name == "listen":
        return 0
    if name == "get_message":  # with None it waits like listen
        return 0 if "timeout" in call.kwargs and call.kwargs["timeout"] is None else _ABSENT
    if name not in _TIMED:
        return _ABSENT
    keyword, unit = _TIMED[name]
    position = {"blpop": 1, "brpop": 1, "bzpopmin": 1, "bzpopmax": 1, "brpoplpush": 2, "blmove": 2, "xread": 2,
                "xreadgroup": 4}[name]
    value = call.kwargs.get(keyword, call.args[position] if len(call.args) > position else None)
    value = by_default(value)
    if value is None:
        return _ABSENT if unit < 1 else 0  # XREAD without block returns at once; BLPOP without timeout waits
    return value * unit if isinstance(value, int | float) else Unknown("how long it waits")


def _longer(wait: Any, limit: Any) -> bool:
    if not isinstance(limit, int | float) or isinstance(wait, Unknown):
        return False
    return bool(wait == 0 or wait >= limit)
