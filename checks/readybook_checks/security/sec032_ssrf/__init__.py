"""SEC032: requests to addresses that a caller names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.bindings import VALIDATOR
from readybook.facts.formatting import Hole, pieces
from readybook.facts.nodes import nodes
from readybook.facts.objects import ClassValue, Instance
from readybook.facts.origins import Clean, Origins
from readybook.facts.scopes import Origin, Scope, argument_of, parameter_of, scope_of
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureEnvExample, EnsureImport, Intent, ReplaceExpression
from readybook.patterns import regex
from readybook_checks.devops.health_router import import_name

CLIENTS = (r"(?:requests|httpx2?|urllib3|aiohttp|niquests|curl_cffi)(?:\.(?:api|sessions|client|requests|_client|"
           r"[A-Z]\w*(?:Session|Client|PoolManager)|Session|Client|session)(?:\(\))?)*")
FIRST = regex(
    CLIENTS + r"\.(?:get|post|put|patch|delete|head|options|ws_connect)"
    r"|urllib\.request\.(?:urlopen|urlretrieve|Request)|websockets(?:\.\w+)*\.connect|websocket\.create_connection"
    r"|socket\.create_connection|asyncio\.open_connection|asyncio\.streams\.open_connection|wget\.download")
SECOND = regex(CLIENTS + r"\.(?:request|stream|build_request)|urllib3\.request")
HOST = regex(r"(?i)^\s*(?:\w+:)?//[^/?#\s]+[/?#]|^/(?!/)")
OPEN_HOST = regex(r"(?i)\s*(?:\w+:)?//[^/?#\s]+")
ELSEWHERE = regex(r"\s*(?:[\w+.-]+:|//)")
ADDRESS_KIND = regex(r"\.is_(?:private|global|loopback|link_local|reserved)\b")
TITLE = "Call only the hosts of a list"
TEMPLATE = "outbound_urls.py.tmpl"


class Ssrf(Check):
    """The service calls an address that a caller of the API names, and so reaches what only it can reach.

    Looked at: the address of every request that requests, httpx, aiohttp, urllib and websockets send, followed through
    names, formatting and calls. One whose host comes from a request lets its sender read the cloud's metadata service
    and every port of the private network. A constant host with a path of the caller, a host of the settings, one of a
    list and an address that something checks before are no defect; a type like ``HttpUrl`` checks the form only.

    Fix: a function that lets only the hosts of a list through, around the address; the list is yours to fill.
    """

    id = "SEC032"
    name = "ssrf"
    category = "security"
    severity = "high"
    hours = Hours(1, 2, 4, each=0.5)
    fix_kinds = ("scaffold", "advice")
    references = ("https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html",
                  "https://cwe.mitre.org/data/definitions/918.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each address of a caller, a Right for each whose host is fixed or looked at before."""
        found = False
        for call in project.facts.behaviour.matching(_sends):
            node = _address(call)
            answer = _answer(project, call, node) if node is not None else None
            if answer is not None:
                found = True
                yield answer
        if not found:
            yield NotApplicable("no outbound request's address is seen to come from a request or from the code")


def _sends(path: str) -> bool:
    return FIRST.fullmatch(path) is not None or SECOND.fullmatch(path) is not None


def _address(call: Call) -> Node | None:
    """The expression of the address that a call sends to, None when it is given none."""
    index = 0 if FIRST.fullmatch(call.path) else 1
    named = next((v for k, v in call.site.node[5] if k in ("url", "uri", "fullurl", "host", "address")), None)
    arguments = call.site.node[4]
    return named if named is not None else arguments[index] if index < len(arguments) else None


def clean(node: Node, path: str) -> bool:
    """A function whose name says that it checks."""
    return node[0] == "call" and VALIDATOR.search(unparse(node[3]).rpartition(".")[2]) is not None


def _cleaning(origins: Origins) -> Clean:
    """``clean``, and a function of the project that turns private addresses away, itself or by what it calls."""

    def cleaning(node: Node, path: str) -> bool:
        if clean(node, path):
            return True
        text = "\n".join(_texts(origins, node, 2)) if node[0] == "call" else ""
        return ADDRESS_KIND.search(text) is not None and "raise " in text

    return cleaning


def _texts(origins: Origins, node: Node, depth: int) -> Iterator[str]:
    """The source of the project's functions that a call runs, and of those that they call."""
    call = origins.by_node.get(id(node))
    for function in functions_behind(call.site.callee) if call is not None else ():
        body = function.original.node
        if body[0] == "def":
            yield function.module.lines_of(body[1], body[3])
            for inner in nodes(body[6]) if depth else ():
                if inner[0] == "call":
                    yield from _texts(origins, inner, depth - 1)


def _transport(call: Call) -> ClassValue | None:
    """The transport of the project's own that a client sends through, which may refuse hosts; None without one."""
    client = getattr(call.site.callee, "self", None)
    given = client.kwargs.get("transport") if isinstance(client, Instance) else None
    cls = given.cls if isinstance(given, Instance) else None
    return cls if isinstance(cls, ClassValue) else None


def _answer(project: Project, call: Call, node: Node) -> Answer | None:
    origins = project.facts.origins
    host = _host(origins, call, node)
    given = next((o for o in host if o.kind == "request"), None)
    if given is not None and (transport := _transport(call)) is not None:
        return CannotTell(f"whether {transport.name} refuses private hosts is not followed", call.place)
    if given is not None:
        return _finding(project, call, node, given)
    if all(o.kind == "environment" for o in host):
        return Right(call.place, "the host is a constant or a setting")
    if any(o.kind == "checked" for o in host):
        return Right(call.place, "the address is looked at before")
    return None


def _host(origins: Origins, call: Call, node: Node) -> list[Origin]:
    """The sources of the part of an address that names the host."""
    if call.path.endswith(("create_connection", "open_connection")):
        return list(origins.of(call, node[3][0] if node[0] == "tuple" and node[3] else node, _cleaning(origins)))
    return _host_of(origins, node, scope_of(call), 0)


def _host_of(origins: Origins, node: Node, scope: Scope, depth: int) -> list[Origin]:
    """The same of an expression in a scope; what callers hand in is judged as they wrote it."""
    seen: str = ""
    found: list[Origin] = []
    for piece in pieces(node, scope):
        if isinstance(piece, Hole):
            if OPEN_HOST.fullmatch(seen) and _begins_path(origins, piece):
                break
            if not seen and _joins(piece.node) and _begins_inside(origins, piece.node[4][1], piece.scope):
                found += _host_of(origins, piece.node[4][0], piece.scope, depth + 1)
                break
            handed = _handed_in(origins, piece, depth) if not seen else None
            traced = origins.traced(piece.node, piece.scope, _cleaning(origins)) if handed is None else handed
            found += traced
            seen += "h"
            if seen == "h" and not any(o.kind == "request" for o in traced):
                seen = "//host"  # an address of the settings, as far as its host goes
        else:
            seen += piece
        if HOST.match(seen) and "\n" not in seen:
            break
    return found


def _begins_path(origins: Origins, hole: Hole) -> bool:
    """Whether a parameter begins with a slash in every call: behind a host, the rest is its path."""
    starts = _starts(origins, hole.node, hole.scope)
    return bool(starts) and all(start[:1] in ("/", "?") for start in starts)


def _joins(node: Node) -> bool:
    """Whether an expression is ``urljoin(base, rest)``."""
    return node[0] == "call" and unparse(node[3]).rpartition(".")[2] == "urljoin" and len(node[4]) > 1


def _begins_inside(origins: Origins, node: Node, scope: Scope) -> bool:
    """Whether what is joined to a base begins with text of the code that names no host."""
    first = pieces(node, scope)[:1]
    starts = [first[0]] if first and isinstance(first[0], str) else _starts(origins, node, scope)
    return bool(starts) and all(start.strip() and not ELSEWHERE.match(start) for start in starts)


def _starts(origins: Origins, node: Node, scope: Scope) -> list[str]:
    """The texts that every call's argument for a parameter begins with; none where one begins otherwise."""
    function = scope.function
    if function is None or node[0] != "name" or parameter_of(node[3], scope) is None:
        return []
    if scope.bindings.bound(node[3], node):
        return []
    given = [(argument_of(call, function, node[3], shift), scope_of(call))
             for call, shift in origins.callers.get(id(function.original.node), [])[:20]]
    firsts = [pieces(argument, outer)[:1] if argument is not None else [] for argument, outer in given]
    starts = [first[0] for first in firsts if first and isinstance(first[0], str)]
    return starts if len(starts) == len(given) else []


def _handed_in(origins: Origins, hole: Hole, depth: int) -> list[Origin] | None:
    """What every caller's address says of its host, where the whole address is a parameter; None where it is not."""
    scope, node = hole.scope, hole.node
    function = scope.function
    if function is None or node[0] != "name" or parameter_of(node[3], scope) is None or depth > 3 or scope.given:
        return None
    if id(function.original.node) in origins.entries or scope.bindings.bound(node[3], node):
        return None
    found: list[Origin] = []
    callers = origins.callers.get(id(function.original.node), [])
    for call, shift in callers[:20]:
        argument = argument_of(call, function, node[3], shift)
        if argument is not None:
            found += [replace(o, chain=(*o.chain, call.place))
                      for o in _host_of(origins, argument, scope_of(call), depth + 1)]
    if scope.bindings.guard(node[3], scope.conditions):
        found = [replace(o, kind="checked") for o in found]
    return found if callers else None


def _finding(project: Project, call: Call, node: Node, origin: Origin) -> Finding:
    way = f", through {len(origin.chain)} call{'s' if len(origin.chain) > 1 else ''}," if origin.chain else ""
    return Finding(
        call.place, f"{call.path}() calls the host in {origin.what}{way} which a caller of the API chooses: metadata "
        "services and the private network answer it too.", "high", fix=_fix(project, call, node),
        chain=(*origin.chain, origin.place)[:6],
    )


def _fix(project: Project, call: Call, node: Node) -> Fix:
    """The list of hosts in a module of its own, and its function around the address where it is a plain name."""
    app = next((a for a in project.facts.apps if a.served), None)
    if app is None or node[0] not in ("name", "attr"):
        return advice(TITLE, "the address is put together in the call: check its host before")
    folder = app.place.path.rpartition("/")[0]
    path = f"{folder}/outbound_urls.py" if folder else "outbound_urls.py"
    text = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
    module = import_name(project, app, path, call.place.path)
    if not module or project.files.get(path) is not None and project.text(path) != text:
        return advice(TITLE, "no name for a new module is free there that the file could import")
    address = unparse(node)
    intents: list[Intent] = [AddFile(path, text), EnsureImport(call.place.path, module, "allowed_url"),
                             ReplaceExpression(call.site.module.place(node), address, f"allowed_url({address})")]
    if ".env.example" in project.files:
        intents.append(EnsureEnvExample(".env.example", "OUTBOUND_HOSTS", "api.example.com",
                                        "hosts that callers may name, separated by commas"))
    return Fix(TITLE, tuple(intents), kinds=("scaffold",), safety="sketch",
               reason="until OUTBOUND_HOSTS names the hosts, every such address is refused with 422")


API = "from fastapi import FastAPI\n\napp = FastAPI()\n"
NEW = files(__package__).joinpath(TEMPLATE).read_text(encoding="utf-8")
ROUTE = "\n\n@app.get(\"/proxy\")\nasync def proxy(url: str) -> str:\n    async with httpx.AsyncClient() as client:\n"
Ssrf.examples = (
    Bad(
        {"main.py": "import httpx\n" + API + ROUTE + "        return (await client.get(url)).text\n"},
        at=("main.py:10",), severity="high",
        fixed={"outbound_urls.py": NEW,
               "main.py": "import httpx\nfrom fastapi import FastAPI\n\nfrom outbound_urls import allowed_url\n\n"
               "app = FastAPI()\n" + ROUTE + "        return (await client.get(allowed_url(url))).text\n"},
    ),
    Bad(  # the host inside a text, and a typed address that a helper fetches
        {"fetch.py": "import requests as web\n\n\ndef fetch(at):\n    return web.get(at, timeout=5).content\n",
         "main.py": "import urllib.request\n\nfrom pydantic import BaseModel, HttpUrl\nfrom fetch import fetch\n" + API
         + "\n\nclass Hook(BaseModel):\n    url: HttpUrl\n\n\n@app.post(\"/hook\")\ndef hook(body: Hook) -> int:\n"
         "    return len(fetch(str(body.url)))\n\n\n@app.get(\"/shop\")\ndef shop(host: str) -> int:\n"
         "    return urllib.request.urlopen(f\"https://{host}/stock\").status\n"},
        at=("fetch.py:5", "main.py:21"),
    ),
    Bad(
        {"main.py": "import httpx2\n" + API + ROUTE.replace("httpx", "httpx2")
         + "        return (await client.get(url)).text\n"}, at=("main.py:10",), severity="high"),
    Bad(  # the client's own address does not hold: a whole address replaces it
        {"main.py": "import httpx\n" + API + "\nclient = httpx.AsyncClient(base_url=\"https://a.example\")\n\n\n"
         "@app.get(\"/\")\nasync def index(path: str) -> int:\n"
         "    return (await client.request(\"GET\", path)).status_code\n"},
        at=("main.py:11",),
    ),
    Good(  # a constant host, one of the settings, one of a list, a path in a client's own address
        {"main.py": "import os\n\nimport httpx\nfrom fastapi import HTTPException\n" + API
         + "\nBASE = os.environ[\"STOCK_URL\"]\nclient = httpx.AsyncClient(base_url=\"https://a.example\")\n\n\n"
         "@app.get(\"/\")\nasync def index(q: str, host: str) -> None:\n"
         "    await client.get(f\"https://api.example/{q}\")\n"
         "    where = f\"https://{client.host}/items/{q}\"\n    await client.get(where)\n"
         "    await client.get(f\"{BASE}/{q}\")\n"
         "    await client.get(f\"/items/{q}\")\n    if host not in (\"a.example\", \"b.example\"):\n"
         "        raise HTTPException(422)\n    await client.get(f\"https://{host}/\")\n"},
    ),
    Good(  # the path of every call begins with a slash, behind a host that nobody chooses
        {"main.py": "import os\n\nimport requests\n" + API + "\n\nclass Bank:\n"
         "    base = os.environ[\"BANK_URL\"]\n\n    def ask(self, endpoint: str) -> int:\n"
         "        return requests.get(f\"{self.base}{endpoint}\", timeout=5).status_code\n\n"
         "    def customer(self, number: str) -> int:\n        return self.ask(f\"/customers/{number}\")\n\n\n"
         "@app.get(\"/\")\ndef index(number: str) -> int:\n    return Bank().customer(number)\n"},
        outcome="not_applicable",
    ),
    Bad(  # this one does not
        {"main.py": "import os\n\nimport requests\n" + API + "\n\n"
         "def ask(endpoint: str) -> int:\n"
         "    return requests.get(f\"https://bank.example{endpoint}\", timeout=5).status_code\n\n\n"
         "@app.get(\"/\")\ndef index(number: str) -> int:\n    return ask(number)\n"}, at=("main.py:10",),
    ),
    Good(  # only addresses that everybody reaches get on, by two functions
        {"main.py": "import ipaddress\nimport socket\n\nimport httpx\n" + API + "\n\ndef usable(ip: str) -> bool:\n"
         "    return ipaddress.ip_address(ip).is_global\n\n\ndef ip_of(host: str) -> str:\n"
         "    ip = socket.gethostbyname(host)\n    if not usable(ip):\n        raise ValueError(host)\n"
         "    return ip\n\n\n"
         "@app.get(\"/scan\")\ndef scan(target: str) -> int:\n"
         "    return httpx.get(f\"http://{ip_of(target)}/\").status_code\n"}),
    Bad(  # what it is, is told, and nothing is turned away
        {"main.py": "import ipaddress\nimport socket\n\nimport httpx\n" + API + "\n\ndef ip_of(host: str) -> str:\n"
         "    ip = socket.gethostbyname(host)\n    print(ipaddress.ip_address(ip).is_global)\n    return host\n\n\n"
         "@app.get(\"/scan\")\ndef scan(target: str) -> int:\n"
         "    return httpx.get(f\"http://{ip_of(target)}/\").status_code\n"}, at=("main.py:18",), severity="high"),
    Good(  # looked at before
        {"main.py": "import httpx\nfrom checks import ensure_public\n" + API + ROUTE
         + "        ensure_public(url)\n        return (await client.get(url)).text\n"},
    ),
    Good({"main.py": "config = {\"a\": \"https://a.example\"}\n" + API + "\n\n@app.get(\"/\")\n"
          "def index(url: str) -> str:\n    return config.get(url, \"\")\n"}, outcome="not_applicable"),
    Good(  # what an answer holds is no address
        {"main.py": "import httpx\n" + API + "\n\n@app.get(\"/\")\ndef index(key: str) -> str:\n"
         "    return httpx.get(\"https://a.example/\").json().get(key)\n"},
    ),
    Good(  # the client sends through a transport of the project's own
        {"main.py": "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "class Guarded(httpx.AsyncHTTPTransport):\n    pass\n\n\n@app.get(\"/\")\n"
         "async def index(url: str) -> int:\n    async with httpx.AsyncClient(transport=Guarded()) as client:\n"
         "        return (await client.get(url)).status_code\n"}, outcome="unknown"),
    Good(  # callers put the host there; one is looked up among what is known
        {"main.py": "import httpx\nfrom fastapi import FastAPI, HTTPException\n\nfrom known import links\n\n"
         "app = FastAPI()\n\n\ndef fetch(url: str) -> str:\n    return httpx.get(url).text\n\n\n"
         "@app.get(\"/repo\")\ndef repo(org: str) -> str:\n    return fetch(f\"https://api.example.com/{org}\")\n\n\n"
         "@app.get(\"/link\")\ndef link(address: str) -> str:\n"
         "    found = next((one for one in links() if one.address == address), None)\n    if not found:\n"
         "        raise HTTPException(404)\n    return fetch(address)\n"}),
    Good(  # joined to an address of the settings
        {"flows.py": "import os\nfrom urllib.parse import urljoin\n\nimport requests\n\n\n"
         "class Flows(requests.Session):\n    def request(self, method: str, rest: str):\n"
         "        url = urljoin(os.environ[\"FLOWS\"], rest)\n        return requests.request(method, url)\n\n"
         "    def logs(self, run: str):\n        rest = f\"/runs/{run}/logs\"\n"
         "        return self.request(\"get\", rest=rest)\n",
         "main.py": "from flows import Flows\n" + API + "\n\n@app.get(\"/logs\")\ndef logs(run: str) -> str:\n"
         "    return Flows().logs(run).text\n"}),
    Bad(  # joined, but what comes behind may be another address
        {"main.py": "from urllib.parse import urljoin\n\nimport requests\n" + API + "\n\n@app.get(\"/logs\")\n"
         "def logs(run: str) -> str:\n    return requests.get(urljoin(\"https://a.example\", run)).text\n"},
        at=("main.py:11",), severity="high"),
    Good(  # what the service keeps for itself
        {"main.py": "import httpx\nfrom fastapi import FastAPI, Request\n\napp = FastAPI()\n\n\n@app.get(\"/x\")\n"
         "def x(request: Request) -> str:\n    base = request.app.state.config.get_url()\n"
         "    return httpx.get(f\"{base.rstrip('/')}/auth\").text\n"}, outcome="not_applicable"),
)
