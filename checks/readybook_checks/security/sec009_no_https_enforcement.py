"""SEC009: requests that come over plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.closure import pulled_in
from readybook.facts.program import App
from readybook.facts.signins import is_sign_in
from readybook.facts.transport import REDIRECT, distrustful, open_ports, secured
from readybook.finding import Answer
from readybook.intents import EnsureComposeVariable
from readybook.patterns import regex

PRIVATE = "172.16.0.0/12,192.168.0.0/16"
BUILDS = regex(r"\brequest\.(?:base_url|url_for\()")


class NoHttpsEnforcement(Check):
    """Passwords and tokens of requests over plain HTTP can be read on their way.

    Looked at: what makes requests of each served application come over TLS: a redirect or Strict-Transport-Security of
    its own, a certificate of its server, proxies, ingresses and tunnels that are configured here, and platforms that
    always do. Where none does, a port or proxy that the repository opens is the finding; where nothing here opens one,
    TLS is decided elsewhere, which is said of a service that is deployed from here and takes passwords or tokens.
    Second, a proxy with TLS on another host whose word on scheme and client address the
    server does not believe: uvicorn trusts 127.0.0.1 alone, so that redirects lead back to http and every client has
    the proxy's address.

    Fix: the compose service is told to believe the networks of its containers, where its port is not published; TLS
    and the redirect belong to the proxy, since a redirect in the application answers health probes with 307.
    """

    id = "SEC009"
    name = "no-https-enforcement"
    category = "security"
    severity = "medium"
    hours = Hours(0.5, 1, 2)
    fix_kinds = ("config", "advice")
    attestable = True
    references = ("https://fastapi.tiangolo.com/deployment/https/",
                  "https://www.uvicorn.org/deployment/#running-behind-nginx")

    def find(self, project: Project) -> Iterator[Answer]:
        """The answers for each served application."""
        apps = [a for a in project.facts.apps if a.served and any(r.app == a.spec for r in project.facts.routes)]
        if not apps:
            yield NotApplicable("no route is served")
        for app in apps:
            yield from _answers(project, app)


def _answers(project: Project, app: App) -> Iterator[Answer]:
    means = list(secured(project.facts, app))
    own = [m for m in means if not m.platform]
    for one in {str(m.place): m for m in own}.values():
        yield Right(one.place, one.what, app.spec)
    if own:
        yield from _disbelieved(project, app)
    elif means:
        yield NotApplicable(f"{means[0].what} ends TLS in front of whatever it serves")
    else:
        opened = sorted(open_ports(project.facts, app), key=lambda o: not o[2])
        if not opened:
            yield _elsewhere(project, app)
            return
        what, place, public = opened[0]
        yield Finding(
            place, f"{_capital(what)}, and nothing here brings TLS or sends clients to https: "
            f"{_carried(project, app)} {app.spec} can be read on their way.",
            "medium" if public else "low", confidence="medium", app=app.spec,
            fix=advice("Put a proxy with a certificate in front that redirects http to https, and publish that alone",
                       "which proxy and which name it has is for a person to say"))


def _elsewhere(project: Project, app: App) -> Answer:
    """Nothing here opens a port. The question stands only where the service is deployed from here and has secrets."""
    facts = project.facts
    deployed = bool(facts.served_images) or any(c.purpose == "deploy" for c in facts.serve_commands)
    if not deployed:
        return NotApplicable("nothing here deploys the service: where it runs, TLS is decided")
    if not _has_credentials(project, app):
        return NotApplicable("no passwords and tokens travel, and nothing here opens a port to other machines")
    return CannotTell("where TLS ends is not in the repository", app.place, app.spec)


def _has_credentials(project: Project, app: App) -> bool:
    return any(project.facts.guarded(r) or is_sign_in(project.facts.behaviour, r)
               for r in project.facts.routes if r.app == app.spec)


def _carried(project: Project, app: App) -> str:
    """What travels in the open, in words that go before the application's name."""
    return "passwords and tokens of" if _has_credentials(project, app) else "the requests and answers of"


def _capital(what: str) -> str:
    """A sentence's first word; a service keeps its name as it is written."""
    return f"T{what[1:]}" if what.startswith("the ") else what


def _disbelieved(project: Project, app: App) -> Iterator[Answer]:
    found = distrustful(project.facts, app)
    if found is None:
        return
    served, tls = found
    service = served.service
    grave = any(m.path == REDIRECT for m in app.middleware)
    builds = grave or any(BUILDS.search(project.facts.modules.by_path[p].text)
                          for p in pulled_in(project.facts.modules, app.place.path))
    effect = ("every request is redirected without end" if grave else "addresses that it builds and its redirects are "
              "http, and every client has the proxy's address")
    yield Finding(
        service.place,
        f"{_capital(tls.what)} ends TLS for {service.name}, whose server believes 127.0.0.1 alone: {effect}.",
        "high" if grave else "medium" if builds else "low", confidence="medium", app=app.spec, chain=(tls.place,),
        fix=_fix(project, served.service.name, service.path, bool(service.ports), app))


def _fix(project: Project, name: str, path: str, published: bool, app: App) -> Fix:
    title = "Let the server believe the proxy's network (FORWARDED_ALLOW_IPS)"
    release = project.facts.release("uvicorn", app.place.path)
    if published:
        return advice(title, f"{name} publishes its port, so that others could write the headers too: close it first")
    if release is not None and release < (0, 31):
        return advice(title, "the pinned uvicorn takes single addresses only; networks from 0.31 on")
    return Fix(title, (EnsureComposeVariable(path, name, "FORWARDED_ALLOW_IPS", PRIVATE),), kinds=("config",),
               safety="review", reason="the ranges that Docker gives to networks by default: where the proxy is in "
               "another one, name that")


HEAD = ("from fastapi import Body, FastAPI\n\napp = FastAPI()\n\n\n@app.post(\"/login\")\n"
        "def login(password: str = Body()) -> str:\n    return \"\"\n")
DOCKERFILE = "FROM python:3.12-slim\nCOPY main.py .\nCMD [\"uvicorn\", \"main:app\", \"--host\", \"0.0.0.0\"]\n"
NGINX = "server {\n    listen 443 ssl;\n    location / {\n        proxy_pass http://api:8000;\n    }\n}\n"
COMPOSE = "services:\n  api:\n    build: .\n"
NoHttpsEnforcement.examples = (
    Bad(  # the proxy of the web, without TLS
        {"main.py": HEAD, "Dockerfile": DOCKERFILE, "nginx.conf": NGINX.replace("443 ssl", "80"),
         "compose.yml": COMPOSE}, at=("nginx.conf:1",), severity="medium"),
    Bad({"main.py": HEAD, "Dockerfile": DOCKERFILE, "compose.yml": COMPOSE + "    ports:\n      - \"8000:8000\"\n"},
        at=("compose.yml:5",), severity="low"),
    Bad(  # TLS ends at a proxy that the server does not believe
        {"main.py": HEAD, "Dockerfile": DOCKERFILE, "nginx.conf": NGINX,
         "compose.yml": COMPOSE + "    environment:\n      DEBUG: \"0\"\n  proxy:\n    image: nginx:1.28\n"},
        at=("compose.yml:2",), severity="low",
        fixed={"compose.yml": COMPOSE + "    environment:\n      DEBUG: \"0\"\n"
               f"      FORWARDED_ALLOW_IPS: \"{PRIVATE}\"\n  proxy:\n    image: nginx:1.28\n"}),
    Bad(  # and redirects to https by itself: without end
        {"main.py": HEAD.replace("app = FastAPI()\n", "app = FastAPI()\napp.add_middleware(HTTPSRedirectMiddleware)\n")
         .replace("\n\napp", "\nfrom fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware\n\napp"),
         "Dockerfile": DOCKERFILE, "nginx.conf": NGINX, "compose.yml": COMPOSE},
        at=("compose.yml:2",), severity="high",
        fixed={"compose.yml": COMPOSE + f"    environment:\n      FORWARDED_ALLOW_IPS: \"{PRIVATE}\"\n"}),
    Good({"main.py": HEAD, "Dockerfile": DOCKERFILE, "nginx.conf": NGINX,
          "compose.yml": COMPOSE + "    environment:\n      - FORWARDED_ALLOW_IPS=172.30.0.0/24\n"}),
    Good({"main.py": HEAD, "Dockerfile": DOCKERFILE, "Caddyfile": "shop.example.com {\n    reverse_proxy api:8000\n}\n",
          ".env.example": "FORWARDED_ALLOW_IPS=172.30.0.0/24\n"}),
    Good({"main.py": HEAD, "Dockerfile": DOCKERFILE}, outcome="unknown"),
    Good({"main.py": HEAD, "render.yaml": "services:\n  - type: web\n    startCommand: uvicorn main:app\n"},
         outcome="not_applicable"),
    Good({"main.py": HEAD}, outcome="not_applicable"),  # nothing is deployed from here
    Good(  # nothing secret travels
        {"main.py": HEAD.replace("password: str = Body()", ""), "Dockerfile": DOCKERFILE}, outcome="not_applicable"),
    Good(  # the platform of the pages is not the API's
        {"api/main.py": HEAD, "api/Dockerfile": DOCKERFILE, "pages/vercel.json": "{}"}, outcome="unknown"),
    Good(  # only this machine reaches the port
        {"main.py": HEAD, "Dockerfile": DOCKERFILE,
         "compose.yml": COMPOSE + "    ports:\n      - \"127.0.0.1:8000:8000\"\n"}, outcome="unknown"),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
    Good({"main.py": HEAD, "Dockerfile": DOCKERFILE, "Caddyfile": " {$DOMAIN} {\n    reverse_proxy api:8000\n}\n",
          ".env.example": "FORWARDED_ALLOW_IPS=172.30.0.0/24\n"}),
    Good(  # the server's configuration names a certificate
        {"main.py": HEAD, "serving.py": "bind = \"0.0.0.0:443\"\ncertfile = \"cert.pem\"\n",
         "Dockerfile": DOCKERFILE.replace("\"uvicorn\", \"main:app\", \"--host\", \"0.0.0.0\"",
                                          "\"hypercorn\", \"main:app\", \"--config\", \"python:serving\""),
         "compose.yml": COMPOSE + "    ports:\n      - \"443:443\"\n"}),
)
