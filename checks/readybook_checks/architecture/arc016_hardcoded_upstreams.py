"""ARC016: addresses of other services that only hold on one machine or in one network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.settingsaccess import settings_at_hand
from readybook.facts.values import FromEnv, known, possible
from readybook.finding import Answer
from readybook.intents import EnsureSetting, ReplaceExpression
from readybook.patterns import regex

VERBS = ("get", "post", "put", "patch", "delete", "head", "request", "stream", "ws_connect")
CLIENTS = ("requests", "requests.Session", "httpx", "httpx.Client", "httpx.AsyncClient", "httpx2", "httpx2.Client",
           "httpx2.AsyncClient", "aiohttp.ClientSession")
MAKERS = ("httpx.Client", "httpx.AsyncClient", "aiohttp.ClientSession", "httpx2.AsyncClient", "redis.from_url",
          "redis.Redis.from_url", "redis.asyncio.from_url", "redis.asyncio.Redis.from_url", "pymongo.MongoClient",
          "motor.motor_asyncio.AsyncIOMotorClient", "elasticsearch.Elasticsearch", "elasticsearch.AsyncElasticsearch",
          "grpc.insecure_channel", "grpc.aio.insecure_channel", "celery.Celery")
CALLS = (*(f"{client}.{verb}" for client in CLIENTS for verb in VERBS), *MAKERS)
ADDRESSES = ("url", "base_url", "host", "broker", "backend", "target")
ADDRESS = regex(r"(?:(?:https?|wss?|redis|rediss|mongodb|amqp|postgres(?:ql)?)://)(?:[^@/\s\"']{0,80}@)?"
                r"(?P<host>[A-Za-z0-9_.-]{1,253})(?P<port>:\d{1,5})?")
# hosts that mean something in one place only: this machine, private networks, a compose or cluster network
LOCAL = regex(r"localhost|127\.[\d.]+|0\.0\.0\.0|10\.[\d.]+|192\.168\.[\d.]+|172\.(?:1[6-9]|2\d|3[01])\.[\d.]+|"
              r"[a-z][a-z0-9_-]*|[\w.-]+\.(?:internal|local|lan|svc|svc\.cluster\.local)|host\.docker\.internal")


class HardcodedUpstreams(Check):
    """The address of another service is written into the code: a second environment needs another build.

    Looked at: addresses given to HTTP clients, Redis, MongoDB, message brokers and gRPC channels, followed through
    constants, whose host holds on one machine or in one private network only: ``localhost``, private addresses, bare
    service names. Values that the environment can change, with whatever default, are right; public hosts of other
    companies are the same everywhere.

    Fix: a settings field with today's address as its default, read where the literal stood, and a line in
    ``.env.example``.
    """

    id = "ARC016"
    name = "hardcoded-upstreams"
    category = "architecture"
    severity = "low"
    hours = Hours(0.5, 1, 2, each=0.25, once=("settings", 0.25))
    fix_kinds = ("codemod", "advice")
    references = ("https://12factor.net/backing-services",)
    suppressed_by = ("SEC004",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each call that is given the address of a service."""
        told: set[tuple[str, str]] = set()
        looked = False
        for call in project.facts.behaviour.calls_to(*CALLS):
            for value, node in _addresses(call):
                if isinstance(value, FromEnv):
                    looked = True
                    yield Right(call.place, "the environment decides the address")
                    continue
                found = next((m for v in possible(value) if isinstance(v, str) and (m := ADDRESS.match(v))), None)
                if found is None or not known(value) or not LOCAL.fullmatch(found["host"].lower()):
                    continue
                looked = True
                if (call.place.path, found[0]) not in told:
                    told.add((call.place.path, found[0]))
                    yield _finding(project, call, found, node)
        if not looked:
            yield NotApplicable("no call is given the address of a service of its own network")


def _addresses(call: Call) -> Iterator[tuple[Any, Any]]:
    """(value, node) of the arguments that hold an address."""
    nodes = call.site.node
    for number, value in enumerate(call.args[:2]):
        if number < len(nodes[4]) and nodes[4][number][0] != "star":
            yield value, nodes[4][number]
    named = dict(nodes[5])
    yield from ((call.kwargs[name], named.get(name)) for name in ADDRESSES if name in call.kwargs)


def _finding(project: Project, call: Call, found: re.Match[str], node: Any) -> Finding:
    host = f"{found['host']}{found['port'] or ''}"
    return Finding(
        call.place, f"{call.path}() is given {host}, which is right in one environment only: elsewhere the code has to "
        "change.", fix=_fix(project, call, found[0], node))


def _fix(project: Project, call: Call, address: str, node: Any) -> Fix:
    title = f"Read {address} from the settings"
    parts = urlsplit(address)
    if node is None or node[0] != "const" or not isinstance(node[3], str) or not node[3].startswith(address):
        return advice(title, "the address is put together elsewhere")
    if parts.password or parts.username:
        return advice(title, "it holds credentials: they need a secret of their own")
    if not settings_at_hand(project.facts) or not project.facts.settings_classes:
        return advice(f"{title}: a field of a settings class with {address} as its default",
                      "the project has no settings object that this code could read")
    host = re.sub(r"\W+", "_", parts.hostname or "upstream").strip("_").lower()
    local = host in ("localhost", "127_0_0_1", "0_0_0_0") or host[:1].isdigit()
    name = f"{'upstream' if local else host}_{parts.port or ''}_url".replace("__", "_")
    rest = node[3][len(address):]
    # keep the quotes that the literal has
    text = call.written[1] if call.written is not None else ""
    old = next((q + node[3] + q for q in ('"', "'") if q + node[3] + q in text), "")
    if not old or "{" in rest or "\\" in node[3]:
        return advice(title, "the literal is written over several parts")
    new = f"f{old[0]}{{{{setting:{name}}}}}{rest}{old[0]}" if rest else f"{{setting:{name}}}"
    setting = EnsureSetting(name, "str", f'"{address}"', name.upper(), example=address,
                            meaning=f"where {parts.hostname} is reached")
    place = call.site.module.place(node)
    return Fix(title, (setting, ReplaceExpression(place, old, new)), safety="safe",
               reason="the default is the address of today")


CONF = "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n    name: str = \"shop\"\n"
MAIN = ("import httpx\nfrom fastapi import FastAPI\n\nfrom conf import settings\n\napp = FastAPI()\n\n\n"
        "@app.get(\"/\")\n")
HardcodedUpstreams.examples = (
    Bad({"conf.py": CONF + "\n\nsettings = Settings()\n", "main.py": MAIN
         + "def home() -> str:\n    return httpx.get(\"http://stock:8000\").text\n"}, at=("main.py:11",),
        fixed={"conf.py": CONF + "    stock_8000_url: str = \"http://stock:8000\"\n\n\nsettings = Settings()\n",
               "main.py": MAIN + "def home() -> str:\n    return httpx.get(settings.stock_8000_url).text\n"}),
    Bad({"main.py": "import redis\nfrom fastapi import FastAPI\n\napp = FastAPI()\n"
         "store = redis.Redis.from_url(\"redis://127.0.0.1:6379/0\")\n"}, at=("main.py:5",)),
    Bad(  # through a constant of another module
        {"urls.py": "STOCK = \"http://10.0.0.7:9000\"\n", "main.py": "import requests as http\n"
         "from fastapi import FastAPI\n"
         "from urls import STOCK\n\napp = FastAPI()\n\n\n@app.get(\"/\")\ndef home() -> str:\n"
         "    return http.get(f\"{STOCK}/items\", timeout=2).text\n"}, at=("main.py:10",)),
    Good({"main.py": "import os\nimport httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
          "def home() -> str:\n    return httpx.get(os.getenv(\"STOCK_URL\", \"http://localhost:8000\")).text\n"}),
    Good({"main.py": "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
          "def home() -> str:\n    return httpx.get(\"https://api.stripe.com/v1/charges\").text\n"},
         outcome="not_applicable"),
    Good({"tests/test_main.py": "import httpx\n\n\ndef test_it():\n"
         "    assert httpx.get(\"http://localhost:8000\").text\n",
          "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
)
