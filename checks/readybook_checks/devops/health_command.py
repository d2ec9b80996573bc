"""The health check that fixes write: Python's own standard library, so that the image needs nothing else."""

from __future__ import annotations

import json

from readybook.facts import Facts
from readybook.facts.liveness import accepts, allowed_hosts, liveness_route, redirects_to_https
from readybook.facts.program import App

TIMING = (("interval", "30s"), ("timeout", "5s"), ("start-period", "20s"), ("retries", "3"))


def health_command(facts: Facts, app: App | None, port: str, variable: str = "", python: str = "python") -> list[str]:
    """The words of a command that succeeds while the application lives.

    It asks the liveness route with a Host that the application accepts; without such a route it connects to the port.
    ``variable`` names the environment variable that sets the port, ``port`` is its default.
    """
    health = liveness_route(facts, app.spec) if app else None
    if health is None or app is None:
        number = f"int(os.environ.get('{variable}', '{port}'))" if variable else port
        names = "os, socket" if variable else "socket"
        return [python, "-c", f"import {names}; socket.create_connection(('127.0.0.1', {number}), timeout=3).close()"]
    headers = {}
    hosts = allowed_hosts(app)
    if hosts is not None and hosts and not accepts(hosts, "127.0.0.1"):
        headers["Host"] = "localhost" if accepts(hosts, "localhost") else _named(hosts[0])
    if redirects_to_https(app):
        headers["X-Forwarded-Proto"] = "https"
    start = "'http://127.0.0.1:" + (f"' + os.environ.get('{variable}', '{port}') + '" if variable else port)
    address = f"{start}{health.route.path}'"
    prefix = "import os; " if variable else ""
    if not headers:
        return [python, "-c", f"{prefix}from urllib.request import urlopen; urlopen({address}, timeout=3)"]
    return [python, "-c", f"{prefix}from urllib.request import Request, urlopen; "
            f"urlopen(Request({address}, headers={headers!r}), timeout=3)"]


def _named(pattern: str) -> str:
    """A host that a pattern of TrustedHostMiddleware lets pass."""
    return f"health{pattern[1:]}" if pattern.startswith("*.") else pattern


def instruction(argv: list[str]) -> str:
    """The HEALTHCHECK instruction of a Dockerfile that runs the words."""
    flags = " ".join(f"--{name}={value}" for name, value in TIMING)
    return f"HEALTHCHECK {flags} \\\n    CMD {json.dumps(argv)}"


def compose_block(argv: list[str], indent: str, step: str) -> str:
    """The ``healthcheck:`` of a compose service, indented for its place; the last line has no line break."""
    rows = [f"{indent}healthcheck:", f"{indent}{step}test: {compose_test(argv)}"]
    rows += [f"{indent}{step}{name.replace('-', '_')}: {value}" for name, value in TIMING]
    return "\n".join(rows)


def compose_test(argv: list[str]) -> str:
    """The words as the ``test`` of a compose health check; Compose reads a dollar sign only when doubled."""
    return json.dumps(["CMD", *argv]).replace("$", "$$")
