"""SEC035: the caller's address taken from whoever says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.reach import first_reached
from readybook.facts.serving import ServeCommand
from readybook.facts.values import by_default, possible
from readybook.finding import Answer
from readybook.patterns import regex

FORWARDED = frozenset({"x-forwarded-for", "x-real-ip", "forwarded", "true-client-ip", "x-client-ip"})
SERVERS = ("uvicorn.run", "uvicorn.Config", "hypercorn.run")
TRUSTING = regex(r"trusted|allowed_prox|known_prox|proxy_networks?|\bip_network\(|\bipaddress\.", re.IGNORECASE)
LOOPBACK = ("127.", "localhost", "[::1]", "::1")
VARIABLE = "FORWARDED_ALLOW_IPS"


class ProxyTrust(Check):
    """The service believes what any caller writes into X-Forwarded-For.

    Looked at: ``--forwarded-allow-ips '*'`` and ``FORWARDED_ALLOW_IPS=*`` of the deployed server, beside what publishes
    its port; and code that reads ``X-Forwarded-For`` or a header like it while a request is served. A caller who
    reaches the port directly writes any address there: limits by address, audit entries and allow-lists then
    show what the caller wants. Behind a proxy whose port alone is open, trusting everybody is right; code that
    compares the sender with a list of proxies is right too.

    Fix: advice. The proxy's network is not in the code: ``--forwarded-allow-ips 10.0.0.0/8`` (its real range), and
    ``request.client.host`` instead of the header, which the server then fills in itself.
    """

    id = "SEC035"
    name = "proxy-trust"
    category = "security"
    severity = "medium"
    hours = Hours(0.25, 0.5, 1)
    fix_kinds = ("advice",)
    attestable = True
    references = ("https://www.uvicorn.org/deployment/#running-behind-nginx", "https://cwe.mitre.org/data/definitions/348.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """An answer for each server that trusts every sender, and for each place that reads such a header."""
        answers = [*_servers(project), *_environments(project), *_readers(project)]
        yield from answers or [NotApplicable("nothing trusts or reads the address that a proxy hands on")]


def _servers(project: Project) -> Iterator[Answer]:
    for command in project.facts.serve_commands:
        if command.purpose != "deploy":
            continue
        allowed = command.option("--forwarded-allow-ips")
        if allowed == "*":
            yield _judged(project, command.place, f"{command.server} --forwarded-allow-ips '*'", command)
        elif allowed:
            yield Right(command.place, f"{command.server} trusts {allowed} only")
    for call in project.facts.behaviour.calls_to(*SERVERS):
        value = call.kwargs.get("forwarded_allow_ips")
        if value is not None and "*" in [v for v in possible(value) if isinstance(v, str)]:
            yield _judged(project, call.place, f"{call.path}(forwarded_allow_ips=\"*\")", None)
        elif isinstance(by_default(value), str):
            yield Right(call.place, f"{call.path} trusts {by_default(value)} only")


def _environments(project: Project) -> Iterator[Answer]:
    for service in project.facts.compose_services:
        for variable in service.environment:
            if variable.name == VARIABLE and variable.value == "*" and not service.development:
                if published(service.ports):
                    port = service.ports[0].published or service.ports[0].target
                    yield _finding(variable.place, f"{VARIABLE}=* of the service {service.name}",
                                   f"compose publishes its port {port}")
                else:
                    yield Right(variable.place, f"{service.name} publishes no port: only the proxy reaches it")


def _judged(project: Project, place: Place, what: str, command: ServeCommand | None) -> Answer:
    """Trust in everybody, judged by whether somebody other than a proxy can reach the port."""
    service = command.service if command is not None else ""
    services = [s for s in project.facts.compose_services if not s.development and (
        s.name == service or (not service and s.build is not None))]
    if command is not None and command.host.startswith(LOOPBACK):
        return Right(place, f"{what}, on an address that only this machine reaches")
    for one in services:
        if published(one.ports):
            return _finding(place, what, f"compose publishes the port of {one.name} on every address")
    if services:
        return Right(place, f"{what}: no port of {services[0].name} is published, only the proxy reaches it")
    return CannotTell(f"{what}: whether only the proxy reaches the port is not shown here", place)


def published(ports: tuple) -> bool:
    """Whether a port mapping is open to more than this machine."""
    return any(p.published and not p.host.startswith(LOOPBACK) for p in ports)


def _finding(place: Place, what: str, open_to: str) -> Finding:
    return Finding(
        place, f"{what} trusts every sender and {open_to}: whoever connects writes the address that limits and logs "
        "then take for the caller's.", fix=advice(
            "Name the proxy's network, for example --forwarded-allow-ips 10.0.0.0/8, or stop publishing the port",
            "the network that the proxy connects from is not in the code"))


def _readers(project: Project) -> Iterator[Answer]:
    """Code that reads the header while it serves a request."""
    calls = [c for c in project.facts.behaviour.by_last.get("get", ()) if c.args and _header(c)]
    reached = first_reached(project.facts.behaviour, calls)
    told: set[tuple[str, str]] = set()  # one answer a function: it asks one header after the other
    for call in calls:
        if id(call) not in reached or (call.place.path, call.function) in told:
            continue
        told.add((call.place.path, call.function))
        text = _function_text(call)
        if TRUSTING.search(text):
            yield Right(call.place, "the sender is compared with the proxies that are trusted")
            continue
        name = str(by_default(call.args[0]))
        used = f"{call.place.path}\n{call.function}\n{text}"
        yield Finding(
            call.place, f"{call.function.rpartition('.')[2] or 'this code'} takes the caller's address from {name}, "
            "which every caller can write: limits by address can be passed and log entries forged.",
            severity="medium" if re.search(r"limit|audit|allow|block|ban|throttl|login", used, re.I) else "low",
            confidence="medium", fix=advice(
                "Read request.client.host, and let the server take the header from the proxy's network only "
                "(--forwarded-allow-ips with that network)", "which proxies stand in front is not in the code"))


def _header(call: Call) -> bool:
    """Whether a ``get`` asks the headers of a request for such a header; response headers are only written."""
    name = by_default(call.args[0])
    node = call.site.node[3]
    receiver = node[3] if node[0] == "attr" else None
    of_headers = receiver is not None and (receiver[4] if receiver[0] == "attr" else receiver[3]
                                           if receiver[0] == "name" else "") == "headers"
    return of_headers and isinstance(name, str) and name.lower() in FORWARDED


def _function_text(call: Call) -> str:
    function = call.site.function
    if function is None:
        return ""
    node = function.original.node
    lines = call.site.module.text.split("\n")[node[1] - 1 : node[3]]
    return "\n".join(lines)[:20_000]


HEAD = "from fastapi import FastAPI, Request\n\napp = FastAPI()\n\n\n"
COMPOSE = "services:\n  api:\n    build: .\n    command: uvicorn main:app --host 0.0.0.0 --forwarded-allow-ips '*'\n"
FILES = {"main.py": HEAD, "Dockerfile": "FROM python:3.12-slim\nCOPY . .\nRUN pip install fastapi uvicorn\n"}
ProxyTrust.examples = (
    Bad({**FILES, "compose.yml": COMPOSE + "    ports:\n      - \"8000:8000\"\n"}, at=("compose.yml:4",)),
    Bad(
        {**FILES, "compose.yml": "services:\n  api:\n    build: .\n    command: uvicorn main:app --host 0.0.0.0\n"
         "    ports: [\"80:8000\"]\n    environment:\n      FORWARDED_ALLOW_IPS: \"*\"\n"},
        at=("compose.yml:7",), severity="medium"),
    Bad(  # a limit by an address that the caller chooses
        {"limits.py": "from fastapi import Request\n\n\ndef limit_key(request: Request) -> str:\n"
         "    sent = request.headers.get(\"X-Forwarded-For\")\n"
         "    return sent.split(\",\")[0] if sent else request.client.host\n",
         "main.py": "from fastapi import Depends, FastAPI\nfrom limits import limit_key\n\napp = FastAPI()\n\n\n"
         "@app.get(\"/\")\nasync def home(key: str = Depends(limit_key)) -> str:\n    return key\n"},
        at=("limits.py:5",), severity="medium"),
    Bad(  # only shown: low
        {"main.py": HEAD + "@app.get(\"/ip\")\nasync def ip(request: Request) -> str | None:\n"
         "    return request.headers.get(\"x-real-ip\")\n"},
        at=("main.py:8",), severity="low"),
    Good({**FILES, "compose.yml": COMPOSE + "    expose: [\"8000\"]\n"
          "  proxy:\n    image: nginx:1.27\n    ports: [\"80:80\"]\n"}),
    Good({**FILES, "compose.yml": COMPOSE.replace("'*'", "10.0.0.0/8") + "    ports: [\"8000:8000\"]\n"}),
    Good(  # the header counts from a proxy only
        {"main.py": HEAD + "TRUSTED = {\"10.0.0.2\"}\n\n\n@app.get(\"/ip\")\n"
         "async def ip(request: Request) -> str | None:\n"
         "    if request.client.host not in TRUSTED:\n        return request.client.host\n"
         "    return request.headers.get(\"x-forwarded-for\")\n"}),
    Good(  # who reaches the port is not shown
        {**FILES, "Procfile": "web: uvicorn main:app --forwarded-allow-ips '*'\n"}, outcome="unknown"),
    Good({"main.py": HEAD + "@app.get(\"/ip\")\nasync def ip(request: Request) -> str:\n"
          "    return request.client.host\n"}, outcome="not_applicable"),
)
