"""PER005: Redis clients that wait without a limit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.closure import pulled_in
from readybook.facts.redisclients import WAITS, RedisClient, redis_clients
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.values import Unknown
from readybook.finding import Answer
from readybook.intents import EnsureImport, EnsureSetting, Intent, SetKeyword

LIMITS = (
    ("socket_timeout", EnsureSetting(
        "redis_socket_timeout", "float", "5.0", "REDIS_SOCKET_TIMEOUT", example="5.0",
        meaning="seconds Redis may take to answer")),
    ("socket_connect_timeout", EnsureSetting(
        "redis_connect_timeout", "float", "2.0", "REDIS_CONNECT_TIMEOUT", example="2.0",
        meaning="seconds to wait for a new Redis connection")),
)
TITLE = "Limit connecting and each answer, from settings, and retry"


class RedisNoTimeout(Check):
    """A Redis that does not answer holds every request that asks it.

    Looked at: Redis clients and connection pools of what the served applications load: ``socket_timeout`` as an
    argument or in the address, and the release of redis-py, which sets five seconds from 8 on and nothing before.
    ``socket_timeout`` covers connecting too. A client that only waits for data (BLPOP, a pub/sub) may do so without a
    limit; one whose limit is shorter than such a wait breaks it off. That nothing is retried (always so with
    ``from_url``) is told as low, and never fails a client by itself.

    Fix: both limits from settings, and three retries with growing pauses from the module that fits the client.
    """

    id = "PER005"
    name = "redis-no-timeout"
    category = "performance"
    severity = "high"
    hours = Hours(0.25, 0.5, 1, each=0.25)
    fix_kinds = ("codemod", "advice")
    references = (
        "https://redis.readthedocs.io/en/stable/connections.html",
        "https://redis.readthedocs.io/en/stable/retry.html",
    )

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each client; beside a right one, a low finding when it never retries."""
        facts = project.facts
        near = [pulled_in(facts.modules, app.place.path) for app in facts.apps if app.served]
        found = False
        for client in redis_clients(facts):
            if not near or any(client.place.path in files for files in near):
                found = True
                yield from _answers(project, client)
        if not found:
            yield NotApplicable("no Redis client is made")


def _answers(project: Project, client: RedisClient) -> Iterator[Answer]:
    if client.lasting:
        for read in client.lasting:
            yield Finding(
                read.place, f"{read.last} waits longer for data than the {client.limit:g} seconds after which its "
                f"client ({client.place.path}:{client.place.line}) gives up: it ends in a TimeoutError.",
                chain=(client.place, read.place),
                fix=advice("Give reads that wait a client of their own, with socket_timeout=None",
                           "which other code shares the client is for a person to say"))
    elif isinstance(client.limit, Unknown):
        if client.limited_by:
            yield Right(client.place, "it has a limit, which is decided elsewhere")
        else:
            yield CannotTell(client.limit.reason, client.place)
    elif client.limit is None and client.only_waits:
        yield Right(client.place, "it only waits for data")
    elif client.limit is None:
        yield _unlimited(project, client)
    else:
        yield Right(client.place, f"limited to {client.limit} seconds ({client.limited_by})")
        if client.retries is False:
            yield Finding(client.place, "The client never retries: one lost connection fails the request.", "low",
                          fix=_fix(project, client))


def _unlimited(project: Project, client: RedisClient) -> Finding:
    made = "pool" if "Pool" in client.call.path else "client"
    if client.connecting:
        message = (f"The Redis {made} limits only connecting: a server that hangs after that holds the request "
                   "for ever.")
    elif client.limited_by == "argument":
        message = f"The Redis {made} is told to wait without a limit: a server that hangs holds the request for ever."
    else:
        message = (f"The Redis {made} sets no time limit, and its release of {_package(client)} has none: a server "
                   "that hangs holds the request for ever.")
    return Finding(client.place, message, fix=_fix(project, client))


def _package(client: RedisClient) -> str:
    return "aioredis" if client.call.path.startswith("aioredis") else "redis-py"


def _fix(project: Project, client: RedisClient) -> Fix:
    call = client.call
    if client.waits or any(c.last in WAITS for c in project.facts.behaviour.by_path.get("", ())):
        return advice(TITLE, "it may also wait for data, which a limit would break off: such reads get a client "
                             "of their own first")
    if any(key is None for key, _ in call.site.node[5]):
        return advice(TITLE, "further arguments come from a mapping")
    if not settings_at_hand(project.facts):
        return advice(TITLE, "settings are handed from function to function: a person says how they come here")
    if not call.last:
        return advice(TITLE, "the call has no name by which an edit could find it")
    intents: list[Intent] = []
    if client.limit is None:
        for keyword, setting in LIMITS:
            if keyword == "socket_timeout" or not client.connecting:
                intents += [setting, SetKeyword(call.place, call.last, keyword, f"{{setting:{setting.name}}}")]
    retried = _retry(project, client)
    if not intents and not retried:
        return advice(TITLE, f"{_package(client)} is retried in a way that fits its release: for a person to say")
    reason = "commands that take longer than the settings raise TimeoutError"
    if retried:
        reason += "; a command whose answer was lost is sent again, so that INCR and the like may count twice"
    return Fix(TITLE, (*intents, *retried), safety="review", reason=reason)


def _retry(project: Project, client: RedisClient) -> list[Intent]:
    """Three retries, where nothing else says how and the module has no other ``Retry``."""
    call, path = client.call, client.place.path
    text = project.facts.modules.by_path[path].text
    if client.retries is not False or {"retry", "retry_on_timeout", "retry_on_error"} & set(call.kwargs):
        return []
    if _package(client) == "aioredis" or re.search(r"\b(?:Retry|ExponentialBackoff)\b", text):
        return []
    if "Cluster" in call.path or (project.facts.release("redis", path) or (5,)) < (4, 5):
        return []
    return [
        EnsureImport(path, "redis.asyncio.retry" if client.is_async else "redis.retry", "Retry"),
        EnsureImport(path, "redis.backoff", "ExponentialBackoff"),
        SetKeyword(call.place, call.last, "retry", "Retry(ExponentialBackoff(), 3)"),
    ]


MAIN = "from fastapi import FastAPI\n\nimport cache\n\napp = FastAPI()\n"
CONFIG = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    redis_url: str\n"
END = "\n\nsettings = Settings()\n"
FIELDS = "    redis_socket_timeout: float = 5.0\n    redis_connect_timeout: float = 2.0\n"
RedisNoTimeout.examples = (
    Bad(
        {"main.py": MAIN, "requirements.txt": "redis==5.0.1\n", "config.py": CONFIG + END,
         "cache.py": "from redis import asyncio as aioredis\n\nfrom config import settings\n\n"
         "client = aioredis.from_url(settings.redis_url, decode_responses=True)\n"},
        at=("cache.py:5",), severity="high",
        fixed={"config.py": CONFIG + FIELDS + END,
               "cache.py": "from redis import asyncio as aioredis\nfrom redis.asyncio.retry import Retry\n"
               "from redis.backoff import ExponentialBackoff\n\nfrom config import settings\n\n"
               "client = aioredis.from_url(\n    settings.redis_url,\n    decode_responses=True,\n"
               "    socket_timeout=settings.redis_socket_timeout,\n"
               "    socket_connect_timeout=settings.redis_connect_timeout,\n"
               "    retry=Retry(ExponentialBackoff(), 3),\n)\n"},
    ),
    Bad(  # the pool is what counts; a caret keeps release 8 out
        {"main.py": MAIN, "pyproject.toml": "[tool.poetry.dependencies]\npython = \"^3.12\"\nredis = \"^7.1\"\n",
         "cache.py": "import redis\n\npool = redis.ConnectionPool(host=\"localhost\", socket_connect_timeout=2)\n"
         "client = redis.Redis(connection_pool=pool)\n"},
        at=("cache.py:3",), severity="high",
    ),
    Bad(  # a read that waits longer than the default of release 8
        {"main.py": MAIN, "requirements.txt": "redis==8.1.0\n",
         "cache.py": "from redis.asyncio import Redis\n\nclient = Redis(host=\"localhost\")\n\n\n"
         "async def take():\n    return await client.blpop([\"jobs\"], timeout=7)\n"},
        at=("cache.py:7",), severity="high",
    ),
    Bad(  # limited, and never tried again
        {"main.py": MAIN, "requirements.txt": "redis==8.1.0\n",
         "cache.py": "import redis\n\nclient = redis.Redis.from_url(\"redis://localhost\")\n"},
        at=("cache.py:3",), severity="low",
    ),
    Good({"main.py": MAIN, "requirements.txt": "redis>=8\n",
          "cache.py": "import redis\n\nclient = redis.Redis(host=\"localhost\")\n"}),
    Good({"main.py": MAIN, "requirements.txt": "redis==5.0.1\n",
          "cache.py": "import redis\nfrom redis.retry import Retry\nfrom redis.backoff import ExponentialBackoff\n\n"
          "client = redis.from_url(\"redis://localhost/0?socket_timeout=3\", retry=Retry(ExponentialBackoff(), 3))\n"}),
    Good(  # one client for requests, one that waits
        {"main.py": MAIN, "requirements.txt": "redis==7.1.0\n",
         "cache.py": "from redis.asyncio import Redis\n\nclient = Redis(host=\"localhost\", socket_timeout=2)\n"
         "waiting = Redis(host=\"localhost\", socket_timeout=None, socket_connect_timeout=2)\n\n\n"
         "async def take():\n    return await waiting.blpop([\"jobs\"], timeout=30)\n"}),
    Good(  # a subscription, which whoever it is handed to reads
        {"main.py": MAIN, "requirements.txt": "redis==7.1.0\n",
         "cache.py": "from redis.asyncio import Redis\n\n\nasync def subscription(name: str):\n"
         "    client = Redis(host=\"localhost\", socket_connect_timeout=2)\n    pubsub = client.pubsub()\n"
         "    await pubsub.subscribe(name)\n    return pubsub\n"}),
    Good(  # a class of the project's own
        {"main.py": MAIN, "requirements.txt": "redis==7.1.0\n",
         "cache.py": "from redis.asyncio import Redis\n\n\nclass Cache(Redis):\n"
         "    def __init__(self, wait: int = 3):\n        super().__init__(host=\"localhost\", socket_timeout=wait)\n"
         "\n\nclient = Cache()\n"}),
    Good(  # nothing keeps release 8 out
        {"main.py": MAIN, "requirements.txt": "redis>=5\n",
         "cache.py": "import redis\n\nclient = redis.Redis(host=\"localhost\")\n"}, outcome="unknown"),
    Good({"main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
)
