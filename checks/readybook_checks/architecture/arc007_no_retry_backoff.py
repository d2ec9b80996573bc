"""ARC007: one lost connection to another service fails the whole request."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Behaviour, Call
from readybook.facts.nodes import statements
from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.reach import first_reached
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import Decorate, EnsureImport, EnsureRequirement
from readybook.patterns import regex

# methods that may be sent twice without harm (RFC 9110, 9.2.2); POST and PATCH need an idempotency key for that
METHODS = ("get", "head", "put", "delete", "options")
LIBRARIES = {"httpx": ("httpx", "httpx.Client", "httpx.AsyncClient"), "requests": ("requests", "requests.Session"),
             "aiohttp": ("aiohttp.ClientSession",)}
CALLS = {f"{client}.{method}": library for library, clients in LIBRARIES.items() for client in clients
         for method in METHODS}
LOST = {"httpx": "httpx.TransportError", "requests": "requests.ConnectionError",
        "aiohttp": "aiohttp.ClientConnectionError"}
# what a lost connection is caught as: its own classes and those above them
CAUGHT = regex(r"\b(?:BaseException|Exception|OSError|IOError|RequestException|HTTPError|RequestError|TransportError|"
               r"NetworkError|ConnectError|ConnectionError|ClientError|ClientConnectionError|ClientConnectorError)\b")
RETRYING = regex(r"retry|backoff|tenacity|stamina|resilient", re.IGNORECASE)
CHANGING = frozenset({"commit", "flush", "add", "delete", "execute", "publish", "send", "apply_async", "delay", "write",
                      "post", "patch", "set", "append", "insert_one", "update_one"})


class NoRetryBackoff(Check):
    """One lost connection to another service fails the request, though asking again would have helped.

    Looked at: HTTP calls of application code that requests reach, of methods that may be sent twice (GET, HEAD, PUT,
    DELETE). Retries count wherever they are: a decorator of tenacity, stamina or backoff on the function or on one that
    leads to it, retries of an httpx transport or of a requests adapter, an own loop around the call. POST and PATCH are
    left out: sent twice they do things twice. A limit of time comes first: without one a retry only waits again.

    Fix: a function that does nothing but ask is retried three times with growing pauses by stamina, for lost
    connections only; otherwise advice.
    """

    id = "ARC007"
    name = "no-retry-backoff"
    category = "architecture"
    severity = "medium"
    hours = Hours(1, 3, 6, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://stamina.hynek.me/en/stable/", "https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each function that asks another service for a request."""
        behaviour = project.facts.behaviour
        calls = behaviour.calls_to(*CALLS)
        reached = first_reached(behaviour, calls)
        told: set[int] = set()
        for call in calls:
            function = call.site.function
            if function is None or id(call) not in reached or id(function.original.node) in told:
                continue
            told.add(id(function.original.node))
            around = [function, *(s.call.site.function for s in reached[id(call)].chain if s.call.site.function)]
            if any(_retried(f) for f in around) or _by_client(behaviour, call) or _looped(call, function):
                yield Right(call.place, "it is tried again")
            else:
                yield _finding(behaviour, call, function)
        if not told:
            yield NotApplicable("no request asks another service by a method that may be sent twice")


def _retried(function: FunctionValue) -> bool:
    """Whether a decorator, or the code of the function itself, retries."""
    node = function.original.node
    if node[0] != "def":
        return False
    first = min([node[1], *(d[1] for d in node[7])])
    return bool(RETRYING.search(function.original.module.lines_of(first, node[3])))


def _by_client(behaviour: Behaviour, call: Call) -> bool:
    """Whether the client that makes the call retries: a transport or adapter that says so, or one that is not known."""
    client = getattr(call.site.callee, "self", None)
    if isinstance(client, Instance) and ("transport" in client.kwargs or "**" in client.kwargs):
        return True
    return any(c.place.path == call.place.path for c in behaviour.by_last.get("mount", ()))


def _looped(call: Call, function: FunctionValue) -> bool:
    """Whether a loop with a ``try`` in it stands around the call: somebody's own retries."""
    line = call.place.line
    return any(s[0] in ("for", "while") and s[1] <= line <= s[3] and any(
        inner[0] == "try" for inner in statements(s[6] if s[0] == "for" else s[5])) for s in statements(
            function.original.node[6])) if function.original.node[0] == "def" else False


def _catches(function: FunctionValue, call: Call) -> bool:
    """Whether a ``try`` of the function itself ends a lost connection there: a handler that does not raise it again."""
    line = call.place.line
    for s in statements(function.node[6]):
        if s[0] != "try" or not s[4] or not s[4][0][1] <= line <= s[4][-1][3]:
            continue
        for kind, _, block, _ in s[5]:
            again = any(inner[0] == "raise" and inner[4] is None for inner in statements(block))
            if not again and (kind is None or CAUGHT.search(unparse(kind))):
                return True
    return False


def _finding(behaviour: Behaviour, call: Call, function: FunctionValue) -> Finding:
    return Finding(
        call.place, f"{function.name}() asks once by {call.path}(): a connection that is lost for a moment fails the "
        "request.", "medium", confidence="medium", fix=_fix(behaviour, call, function))


def _fix(behaviour: Behaviour, call: Call, function: FunctionValue) -> Fix:
    library = CALLS[call.path]
    title = f"Try {function.name}() three times, with growing pauses"
    own = function.original
    served = {id(e.function.node) for e in behaviour.entries}
    if library == "requests" and "timeout" not in call.kwargs:
        return advice(f"{title}, once the call has a timeout", "without a limit of time a retry only waits again")
    if id(own.node) in served or own.node[0] != "def" or own.node[7] or own.owner is not None:
        return advice(f"{title}: move the call to a function of its own and decorate that one "
                      f"(@stamina.retry(on={LOST[library]}, attempts=3))",
                      "retrying the whole handler, or a method with state, would repeat more than the call")
    if _catches(own, call):
        return advice(f"{title}: inside of its try, around the call alone",
                      f"{function.name}() catches the error itself, so that nothing around it would see one to retry")
    others = [c for c in behaviour.calls_in(own) if c.path not in CALLS]
    if any(c.last in CHANGING or c.path.endswith((".post", ".patch")) for c in others):
        return advice(title, f"{function.name}() also changes something, which would be done again")
    place = own.module.place(own.node, own.qualname)
    return Fix(title, (
        EnsureRequirement("stamina", ">=24.3,<27"), EnsureImport(place.path, "stamina"),
        EnsureImport(place.path, library), Decorate(place, own.name, f"stamina.retry(on={LOST[library]}, attempts=3)"),
    ), safety="review", reason="while the other service is away, callers wait for three tries instead of one")


HTTP = "import httpx\n\n\ndef stock() -> dict:\n    return httpx.get(\"https://stock.example/items\").json()\n"
MAIN = ("from fastapi import FastAPI\n\nfrom stock import stock\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
        "def home() -> dict:\n    return stock()\n")
NEEDS = {"requirements.txt": "fastapi\nhttpx\n"}
DECORATED = ("import httpx\nimport stamina\n\n\n@stamina.retry(on=httpx.TransportError, attempts=3)\n"
             + HTTP.partition("\n\n\n")[2])
NoRetryBackoff.examples = (
    Bad({"stock.py": HTTP, "main.py": MAIN, **NEEDS}, at=("stock.py:5",), severity="medium",
        fixed={"stock.py": DECORATED, "requirements.txt": "fastapi\nhttpx\nstamina>=24.3,<27\n"}),
    Bad({"main.py": "import requests as http\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/\")\n"
         "def home() -> str:\n    return http.get(\"https://a.example\", timeout=2).text\n"}, at=("main.py:9",)),
    Bad({"stock.py": "import aiohttp\n\n\nasync def stock() -> str:\n"
         "    async with aiohttp.ClientSession() as session:\n"
         "        answer = await session.get(\"https://stock.example\")\n        return await answer.text()\n",
         "main.py": MAIN.replace("def home() -> dict:\n    return ", "async def home() -> str:\n    return await "),
         **NEEDS}, at=("stock.py:6",)),
    Bad(  # it answers for itself: a decorator would never see an error
        {"stock.py": "import httpx\n\n\ndef stock() -> dict:\n    try:\n"
         "        return httpx.get(\"https://stock.example/items\").json()\n    except httpx.HTTPError:\n"
         "        return {}\n", "main.py": MAIN, **NEEDS}, at=("stock.py:6",), fixed={}),
    Bad(  # it hands the error on
        {"stock.py": "import httpx\n\n\ndef stock() -> dict:\n    try:\n"
         "        return httpx.get(\"https://stock.example/items\").json()\n    except httpx.HTTPError:\n"
         "        print(\"lost\")\n        raise\n", "main.py": MAIN, **NEEDS}, at=("stock.py:6",),
        fixed={"stock.py": "import httpx\nimport stamina\n\n\n@stamina.retry(on=httpx.TransportError, attempts=3)\n"
               "def stock() -> dict:\n    try:\n        return httpx.get(\"https://stock.example/items\").json()\n"
               "    except httpx.HTTPError:\n        print(\"lost\")\n        raise\n",
               "requirements.txt": "fastapi\nhttpx\nstamina>=24.3,<27\n"}),
    Good({"stock.py": DECORATED, "main.py": MAIN, **NEEDS}),
    Good({"stock.py": "import httpx\n\nclient = httpx.Client(transport=httpx.HTTPTransport(retries=3))\n\n\n"
          "def stock() -> dict:\n    return client.get(\"https://stock.example\").json()\n", "main.py": MAIN}),
    Good(  # sent twice it would order twice
        {"stock.py": HTTP.replace("httpx.get", "httpx.post"), "main.py": MAIN}, outcome="not_applicable"),
    Good({"stock.py": HTTP, "main.py": "from fastapi import FastAPI\n\napp = FastAPI()\n"}, outcome="not_applicable"),
)
