"""Where code believes the Host header: addresses built from it, reads of it, and proxies that fix it before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.alone import alone
from readybook.facts.closure import pulled_in
from readybook.facts.probes import GIVEN
from readybook.patterns import regex
from readybook.place import Place

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.modules import Module
    from readybook.facts.program import App

_REQUEST = r"\b(?:\w{0,30}request|req|websocket|conn|connection)"
USES = regex(
    rf"{_REQUEST}\.(base_url|url_for(?=\()|url\.(?:netloc|hostname)\b|"
    r"headers(?:\.get\(|\[)\s*[\"'](?:x-forwarded-)?host[\"'])", re.IGNORECASE)
SAID = (".base_url", ".url_for", ".netloc", ".hostname", "host\"", "host'")  # one of them is in all that USES finds
LOGGED = regex(r"\b(?:log(?:ger|ging)?\.\w+|print)\(", re.IGNORECASE)
# a proxy that serves named hosts only
NAMED = {
    "nginx": regex(r"^[ \t]*server_name[ \t]+(?!_|localhost|\"\")[\w$*{}.-]+", re.MULTILINE),
    "traefik": regex(r"Host(?:Regexp|SNI)?\(`"),
    "ingress": regex(r"^[ \t-]*host:[ \t]*[\"']?[\w{$*-]", re.MULTILINE),
    "caddy": regex(r"^(?:https?://)?(?:[\w*-]+\.)+[a-z]{2,}|^\{\$[A-Z_]+\}", re.MULTILINE),
    "apache": regex(r"^[ \t]*ServerName[ \t]+\S", re.MULTILINE),
}
SCRAPED = regex(r"(?:^|/)prometheus[\w.-]*\.ya?ml$")


def host_uses(facts: Facts, app: App) -> Iterator[tuple[str, Place]]:
    """What code behind an application reads of the Host header, and where; lines that only log it are left out."""
    for path in sorted(pulled_in(facts.modules, app.place.path)):
        if facts.modules.by_path[path].role == "application":
            yield from ((what, Place(path, number)) for what, number in alone(facts.modules.by_path[path], "hosts"))


def host_lines(module: Module) -> tuple[tuple[str, int], ...]:
    """What one file reads of the Host header, and in which lines."""
    found: list[tuple[str, int]] = []
    if not any(word in module.low for word in SAID):
        return ()
    for number, (line, low) in enumerate(zip(module.text.split("\n"), module.low.split("\n"), strict=True), 1):
        match = USES.search(line) if len(line) < 2_000 and any(word in low for word in SAID) else None
        if match and not line.lstrip().startswith("#") and not LOGGED.search(line):
            found.append(("the Host header" if "headers" in match[1] else match[0], number))
    return tuple(found)


def named_hosts(facts: Facts) -> Iterator[Place]:
    """Proxies that are configured here and pass on requests for the hosts they name."""
    for proxy in facts.proxies:
        pattern, path = NAMED.get(proxy.kind), proxy.place.path
        if pattern is not None and proxy.forwards and path in facts.project.files:
            match = pattern.search(facts.project.text(path))
            if match:
                yield Place(path, facts.project.text(path).count("\n", 0, match.start()) + 1)


def outside_askers(facts: Facts) -> str:
    """What asks the application under another host's name or by address: probes and scrapers; empty when nothing."""
    for thing in facts.kubernetes:
        for container in thing.containers:
            probes = (container.liveness, container.readiness, container.startup)
            if any(p is not None and p.path for p in probes) and "httpHeaders" not in facts.project.text(
                    thing.place.path):
                return f"the probes of {thing.place.path} ask by the pod's address"
    for path, file in sorted(facts.project.files.items()):
        if SCRAPED.search(path) and "targets" in file.text:
            return f"the scraper of {path} asks under the service's own name"
        if any(name.search(path) and given.search(file.text) for name, given in GIVEN.items()):
            return f"the health check of {path} asks under a name of the platform"
    return ""
