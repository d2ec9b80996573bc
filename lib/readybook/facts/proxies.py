"""Reverse proxies and ingresses that a target ships: nginx, Caddy, Traefik, HAProxy, Apache, Envoy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

_NGINX = regex(r"^[ \t]*(?:proxy_pass|upstream\s+\S+\s*\{|fastcgi_pass|server\s*\{)", re.MULTILINE)
_NGINX_DIRECTIVES = (
    "proxy_pass", "client_max_body_size", "gzip", "limit_req", "limit_req_zone", "proxy_set_header", "listen",
    "proxy_read_timeout", "server_tokens", "ssl_certificate", "add_header", "location", "return", "proxy_buffering",
)
_NGINX_DIRECTIVE = regex(rf"^[ \t]*({'|'.join(_NGINX_DIRECTIVES)})\b[ \t]*([^;{{\n]*)", re.MULTILINE)
_CADDY_DIRECTIVE = regex(r"^[ \t]*(reverse_proxy|encode|request_body|header|rate_limit|respond|tls)\b"
                         r"[ \t]*([^\n{]*)", re.MULTILINE)


@record
class Directive:
    """One directive of a proxy's configuration with what follows it."""

    name: str
    value: str
    place: Place


@record
class Proxy:
    """One proxy: ``kind`` nginx, caddy, traefik, haproxy, apache, envoy, ingress; ``forwards`` requests or not."""

    kind: str
    place: Place
    directives: tuple[Directive, ...] = ()
    forwards: bool = True

    def directive(self, name: str) -> tuple[Directive, ...]:
        """All directives of that name."""
        return tuple(d for d in self.directives if d.name == name)


def proxies(project: Project) -> tuple[Proxy, ...]:
    """Every proxy that the target's files configure, by path and line."""
    found = [proxy for path, file in project.files.items() for proxy in _from_file(path, file.text)]
    for service in project.facts.compose_services:
        name = service.image.name.rpartition("/")[2] if service.image else ""
        kind = next((k for k in ("traefik", "haproxy", "caddy", "nginx", "envoy") if name.startswith(k)), "")
        if kind:
            labels = tuple(Directive(*_pair(c), service.place) for c in service.command or () if c.startswith("--"))
            found.append(Proxy(kind, service.place, labels, kind not in ("nginx", "caddy")))
    for item in project.facts.kubernetes:
        if item.kind in ("Ingress", "Gateway", "HTTPRoute", "IngressRoute", "VirtualService"):
            found.append(Proxy("ingress", item.place))
    return tuple(sorted(found, key=lambda p: (p.place.path, p.place.line, p.kind)))


def _pair(option: str) -> tuple[str, str]:
    name, _, value = option.lstrip("-").partition("=")
    return name, value


def _from_file(path: str, text: str) -> Iterator[Proxy]:
    name = path.rpartition("/")[2].lower()
    nginx_name = name.endswith((".conf", ".template", ".j2", ".conf.in", ".tpl"))
    if nginx_name and "[program:" not in text and _NGINX.search(text):
        yield Proxy("nginx", Place(path), tuple(_directives(path, text, _NGINX_DIRECTIVE)), "proxy_pass" in text)
    elif re.fullmatch(r"(?:[\w.-]+[._-])?caddyfile(?:[._-][\w-]+)?|.*\.caddyfile", name):
        yield Proxy("caddy", Place(path), tuple(_directives(path, text, _CADDY_DIRECTIVE)), "reverse_proxy" in text)
    elif re.fullmatch(r"traefik[\w.-]*\.(?:ya?ml|toml)", name) and re.search(r"entry[pP]oints|routers|providers", text):
        yield Proxy("traefik", Place(path))
    elif name.startswith("haproxy") and name.endswith((".cfg", ".conf")) and "backend" in text:
        yield Proxy("haproxy", Place(path))
    elif re.fullmatch(r"envoy[\w.-]*\.ya?ml", name) and "static_resources" in text:
        yield Proxy("envoy", Place(path))
    elif name.endswith(".conf") and re.search(r"(?m)^[ \t]*ProxyPass\b", text):
        yield Proxy("apache", Place(path))


def _directives(path: str, text: str, pattern: re.Pattern[str]) -> Iterator[Directive]:
    line, offset = 1, 0
    for match in pattern.finditer(text):
        line += text.count("\n", offset, match.start(1))
        offset = match.start(1)
        yield Directive(match[1], match[2].strip(), Place(path, line))
