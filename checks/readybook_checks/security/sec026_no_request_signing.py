"""SEC026: calls between own services that prove nothing about who calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from readybook import Bad, Check, Finding, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.objects import Instance
from readybook.facts.values import Begins, FromEnv, beginning, possible
from readybook.finding import Answer
from readybook.patterns import regex

VERBS = ("get", "post", "put", "patch", "delete", "request")
CLIENTS = ("requests", "requests.Session", "httpx", "httpx.Client", "httpx.AsyncClient", "aiohttp.ClientSession")
CALLS = tuple(f"{client}.{verb}" for client in CLIENTS for verb in VERBS)
HOST = regex(r"https?://(?:[^@/\s]{0,80}@)?([A-Za-z0-9_.-]{1,253})")
# names that only a cluster, a compose network or a private zone resolves
INTERNAL = regex(r"[a-z0-9_-]+|[\w.-]+\.(?:internal|local|svc|lan|svc\.cluster\.local|corp|intra)"
                 r"|10\.[\d.]+|192\.168\.[\d.]+|172\.(?:1[6-9]|2\d|3[01])\.[\d.]+", re.IGNORECASE)
PUBLIC_NAMES = frozenset({"localhost"})
PROOF = regex(r"auth|token|signature|api[-_]?key|bearer|cert|hmac|secret", re.IGNORECASE)
MESHES = regex(r"istio|linkerd|PeerAuthentication|consul-?connect|kuma\.io", re.IGNORECASE)


class NoRequestSigning(Check):
    """A service calls another one of its own network without anything that proves who is calling.

    Looked at: HTTP calls to hosts that only a private network resolves (a bare service name, ``.internal``, ``.svc``,
    private addresses), and whether they carry an ``Authorization`` or signature header, ``auth=`` or a client
    certificate, in the call or in the client that makes it. Everybody inside the network can make the same call. A
    service mesh that encrypts between services answers for all of them, and so does an attestation.

    Fix: advice, with the call. Signing needs the other service to check the signature.
    """

    id = "SEC026"
    name = "no-request-signing"
    category = "security"
    severity = "low"
    hours = Hours(2, 3, 6)
    fix_kinds = ("advice",)
    attestable = True
    references = ("https://cheatsheetseries.owasp.org/cheatsheets/Microservices_Security_Cheat_Sheet.html",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each call to a service of the same network."""
        mesh = next((k for k in project.facts.kubernetes if MESHES.search(project.text(k.place.path))), None)
        calls = [(c, host) for c in project.facts.behaviour.calls_to(*CALLS) if (host := internal_host(c))]
        if not calls:
            yield NotApplicable("no call to another service of the same network is seen")
        for call, host in calls:
            if mesh is not None:
                yield Right(call.place, f"{mesh.place.path} sets up a service mesh, which proves who calls")
            elif proves(call):
                yield Right(call.place, f"the call to {host} proves who makes it")
            else:
                yield _finding(call, host)


def internal_host(call: Call) -> str:
    """The host of a call when only a private network resolves it, else empty."""
    for address in [*call.args[:2], call.kwargs.get("url"), *_base(call)]:
        for value in possible(address):
            text = value.text if isinstance(value, Begins) else value if isinstance(value, str) else beginning(value)
            match = HOST.match(text) if text else None
            if match and INTERNAL.fullmatch(match[1]) and match[1].lower() not in PUBLIC_NAMES:
                return match[1]
    return ""


def _client(call: Call) -> Instance | None:
    receiver = getattr(call.site.callee, "self", None)
    return receiver if isinstance(receiver, Instance) else None


def _base(call: Call) -> list[Any]:
    client = _client(call)
    return [client.kwargs.get("base_url")] if client is not None else []


def proves(call: Call) -> bool:
    """Whether a call, or the client that makes it, carries proof of the caller; an unknown header may be one."""
    client = _client(call)
    for given in (call.kwargs, client.kwargs if client is not None else {}):
        if "auth" in given or "cert" in given or "**" in given:
            return True
        headers = given.get("headers")
        if headers is None:
            continue
        if not isinstance(headers, dict) or any(PROOF.search(str(k)) for k in headers):
            return True
        if any(isinstance(v, FromEnv) and PROOF.search(v.name) for v in headers.values()):
            return True
    return False


def _finding(call: Call, host: str) -> Finding:
    return Finding(
        call.place, f"{call.path}() calls {host} without credentials, signature or client certificate: whatever else "
        "runs in that network can make the same request.", confidence="medium", fix=advice(
            f"Give the call to {host} a short-lived token or an HMAC of method, path, body and time "
            "(headers={\"Authorization\": …}), or put both services behind mutual TLS",
            "the service that is called has to check the proof, and its code is not here"))


HEAD = "import httpx\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
NoRequestSigning.examples = (
    Bad({"main.py": HEAD + "@app.get(\"/\")\nasync def stock() -> dict:\n"
         "    async with httpx.AsyncClient() as client:\n"
         "        answer = await client.get(\"http://stock:8000/items\")\n    return answer.json()\n"},
        at=("main.py:10",)),
    Bad({"settings.py": "import os\n\nSTOCK_URL = os.getenv(\"STOCK_URL\", \"http://stock.internal\")\n",
         "main.py": "import requests\nfrom fastapi import FastAPI\nfrom settings import STOCK_URL\n\n"
         "app = FastAPI()\n\n\n"
         "@app.get(\"/\")\ndef stock() -> dict:\n    return requests.get(f\"{STOCK_URL}/items\", timeout=2).json()\n"},
        at=("main.py:10",)),
    Bad({"main.py": HEAD
         + "client = httpx.AsyncClient(base_url=\"http://billing.svc\", headers={\"Accept\": \"a/b\"})\n\n"
         "@app.get(\"/\")\nasync def bill() -> dict:\n    return (await client.post(\"/bills\")).json()\n"},
        at=("main.py:11",)),
    Good({"main.py": HEAD
          + "client = httpx.AsyncClient(base_url=\"http://billing\", headers={\"Authorization\": \"x\"})\n\n"
          "@app.get(\"/\")\nasync def bill() -> dict:\n    return (await client.post(\"/bills\")).json()\n"}),
    Good({"main.py": HEAD + "@app.get(\"/\")\ndef stock() -> dict:\n"
          "    return httpx.get(\"http://stock/items\", auth=(\"me\", app.title)).json()\n"}),
    Good({"main.py": HEAD + "@app.get(\"/\")\ndef rates() -> dict:\n"
          "    return httpx.get(\"https://api.example.com/rates\").json()\n"}, outcome="not_applicable"),
    Good({"main.py": HEAD + "@app.get(\"/\")\ndef own() -> dict:\n"
          "    return httpx.get(\"http://localhost:9000/\").json()\n"}, outcome="not_applicable"),
)
