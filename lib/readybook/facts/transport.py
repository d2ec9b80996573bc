"""Where TLS ends: in the application, at a proxy that is configured here, on a platform; what is open without it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.compose import ComposeService
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.servedimages import ServedService
from readybook.facts.serving import ServeCommand
from readybook.facts.wrapping import around, source_texts
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.program import App
    from readybook.project import Project

REDIRECT = "starlette.middleware.httpsredirect.HTTPSRedirectMiddleware"
_NOTHING = regex(r"(?!)")
# by kind of proxy: what in its configuration says that it speaks TLS
TLS = {
    "nginx": regex(r"^[ \t]*(?:listen[ \t]+[^;\n]*\b(?:443|ssl)\b|ssl_certificate\b|"
                   r"return[ \t]+30[1278][ \t]+https)", re.MULTILINE),
    "caddy": regex(r"^(?:https://)?(?:[\w*-]+\.)+[a-z]{2,}\b|^\{\$\w+\}|^[ \t]*\{\$\w+\}[ \t]*\{"
                   r"|^[ \t]*tls\b", re.MULTILINE),
    "traefik": regex(r"certresolver|websecure|acme\b|\.tls\b|^[ \t]*tls:", re.IGNORECASE | re.MULTILINE),
    "haproxy": regex(r"^[ \t]*bind\b[^\n]*\bssl\b|redirect[ \t]+scheme[ \t]+https", re.MULTILINE),
    "apache": regex(r"SSLEngine[ \t]+on|:443>", re.IGNORECASE),
    "envoy": regex(r"DownstreamTlsContext|transport_sockets?\.tls"),
    "ingress": regex(r"^[ \t]*tls:|cert-manager\.io|ssl-redirect|certificate|managed-cert", re.MULTILINE),
}
# images that do nothing but bring TLS to what stands behind them
TUNNELS = ("cloudflared", "acme-companion", "letsencrypt-nginx-proxy-companion", "nginx-proxy-manager", "swag", "ngrok",
           "tailscale", "https-portal")
PLATFORMS = regex(r"(?:^|/)(?:render\.ya?ml|railway\.(?:json|toml)|vercel\.json|netlify\.toml|serverless\.ya?ml|"
                  r"samconfig\.toml|\.do/app\.ya?ml|\.platform\.app\.yaml|zeabur\.json)$")
SWITCHED = {regex(r"(?:^|/)fly(?:\.\w+)?\.toml$"): regex(r"^[ \t]*force_https[ \t]*=[ \t]*true",
                                                                   re.MULTILINE),
            regex(r"(?:^|/)app\.yaml$"): regex(r"^[ \t-]*secure:[ \t]*always", re.MULTILINE)}
CLOUD_RUN = regex(r"gcloud\s+(?:beta\s+)?run\s+deploy|google-github-actions/deploy-cloudrun")
BALANCED = regex(r"certificate_arn|aws_acm_certificate|google_compute_managed_ssl|ssl_policy")
TRUST = regex(r"forwarded[_-]allow[_-]ips|proxyheadersmiddleware")  # in small letters
UPSTREAM = regex(r"(?:proxy_pass[ \t]+https?://|^[ \t]*server[ \t]+|reverse_proxy[ \t]+(?:https?://)?)([\w.-]{1,80})",
                 re.MULTILINE)
CERTIFICATE = regex(r"^certfile\s*=\s*(?!None\b|[\"']{2})", re.MULTILINE)
LOCAL = ("localhost", "127.", "unix", "0.0.0.0")


@record
class Secured:
    """One thing that makes requests come over TLS; ``platform``: it stands in front whatever the target says."""

    what: str
    place: Place
    platform: bool = False


def secured(facts: Facts, app: App) -> Iterator[Secured]:
    """What makes requests of an application come over TLS, the application's own means first."""
    for target, path, place in around(facts, app, _NOTHING):
        if path == REDIRECT:
            yield Secured("HTTPSRedirectMiddleware", place)
        elif isinstance(target, ClassValue | FunctionValue):
            text = source_texts(facts, target)
            if "https" in text and re.search(r"Redirect|30[1278]", text) and re.search("scheme|forwarded-proto", text):
                yield Secured(f"{path or 'a dependency'} redirects", place)
    hsts = facts.response_headers(app).get("strict-transport-security")
    if hsts is not None:
        yield Secured("Strict-Transport-Security", hsts)
    for command in facts.serve_commands:
        if command.purpose == "deploy" and (command.option("--ssl-certfile") or command.option("--certfile")):
            yield Secured(f"{command.server} with a certificate", command.place)
        elif command.purpose == "deploy" and (configured := _certificate(facts, command)) is not None:
            yield Secured(f"{command.server} with a certificate", configured)
    yield from proxies_with_tls(facts)
    yield from _platforms(facts, app)


def _certificate(facts: Facts, command: ServeCommand) -> Place | None:
    """Where the Python file that configures a server (gunicorn, hypercorn) names a certificate, None when none does."""
    given = command.option("--config") or command.option("-c") or "gunicorn.conf.py"
    name = given.removeprefix("file:").removeprefix("./")
    name = f"{name.removeprefix('python:').replace('.', '/')}.py" if name.startswith("python:") else name
    for path in sorted(facts.project.files):
        if name.endswith(".py") and f"/{path}".endswith(f"/{name}"):
            match = CERTIFICATE.search(facts.project.text(path))
            return Place(path, facts.project.text(path).count("\n", 0, match.start()) + 1) if match else None
    return None


def proxies_with_tls(facts: Facts) -> Iterator[Secured]:
    """Proxies, ingresses and tunnels of the target that speak TLS to clients."""
    files = facts.project.files
    for proxy in facts.proxies:
        path = proxy.place.path
        text = files[path].text if path in files else ""
        match = TLS.get(proxy.kind, _NOTHING).search(text)
        if match:
            yield Secured(f"the {proxy.kind} at {path}", Place(path, text.count("\n", 0, match.start()) + 1))
    for service in facts.compose_services:
        if service.image is not None and service.image.name.rpartition("/")[2] in TUNNELS:
            yield Secured(f"the service {service.name}", service.place)


def _platforms(facts: Facts, app: App) -> Iterator[Secured]:
    for path in facts.tls_platforms:
        folder = path.rpartition("/")[0].removesuffix(".do").rstrip("/")
        if not folder or app.place.path.startswith(f"{folder}/") or path.endswith((".tf", ".sh")) or (
                path.startswith(".github/")):  # else of another part, the pages for one
            yield Secured(f"the platform of {path}", Place(path), True)


def tls_platforms(project: Project) -> tuple[str, ...]:
    """Files by which a platform that ends TLS by itself runs something, by path."""
    told = sorted(path for path in project.files if path.endswith((".yml", ".yaml", ".json", ".toml", ".tf", ".sh")))
    return tuple(path for path in told if _is_platform(path, project.text(path)))


def _is_platform(path: str, text: str) -> bool:
    if PLATFORMS.search(path) or any(name.search(path) and on.search(text) for name, on in SWITCHED.items()):
        return True
    if path.endswith(".tf"):
        return bool(BALANCED.search(text))
    return path.endswith((".yml", ".yaml", ".sh")) and "cloud" in text and bool(CLOUD_RUN.search(text))


def open_ports(facts: Facts, app: App) -> Iterator[tuple[str, Place, bool]]:
    """(what, place, public) of plain HTTP that is open to other machines: ``public`` when it is the port of the web."""
    for service in _deployed(facts, app):
        for port in service.ports:
            if port.published and not port.host.startswith(LOCAL[:2]):
                yield f"{service.name} publishes port {port.published}", port.place, port.published == "80"
    for proxy in facts.proxies:
        text = facts.project.text(proxy.place.path) if proxy.place.path in facts.project.files else ""
        if proxy.forwards and proxy.kind in ("nginx", "ingress") and ("proxy_pass" in text or proxy.kind == "ingress"):
            yield f"the {proxy.kind} passes on plain HTTP", proxy.place, True


def _deployed(facts: Facts, app: App) -> Iterator[ComposeService]:
    for served in _served(facts, app):
        yield served.service


def _served(facts: Facts, app: App) -> Iterator[ServedService]:
    for image in facts.served_images:
        if image.app in (app.spec, None):
            yield from (s for s in image.services if not s.service.development)


def distrustful(facts: Facts, app: App) -> tuple[ServedService, Secured] | None:
    """A service that a proxy with TLS on another host passes requests to, and that nothing tells to believe it."""
    tls = next((s for s in proxies_with_tls(facts) if not s.platform), None)
    if tls is None:
        return None
    texts = [facts.project.text(p.place.path) for p in facts.proxies if p.place.path in facts.project.files]
    names = {n for text in texts for n in UPSTREAM.findall(text) if not n.startswith(LOCAL)}
    for served in _served(facts, app):
        labelled = any(label.startswith("traefik.http.") for label in served.service.labels)
        if (served.service.name in names or labelled) and served.command.server in (
                "uvicorn", "fastapi", "fastapi run", "gunicorn", "python"):
            return None if facts.believes_proxies else (served, tls)
    return None


def believes_proxies(project: Project) -> bool:
    """Whether anything here says whose forwarded headers to believe."""
    return any(TRUST.search(text) for path, file in project.files.items() if not path.endswith(".md")
               for text in (file.text.lower(),) if "forwarded" in text or "proxyheaders" in text)
