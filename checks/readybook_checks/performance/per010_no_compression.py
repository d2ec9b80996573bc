"""PER010: answers that travel uncompressed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Place, Project, Right, advice
from readybook.facts.program import App
from readybook.facts.streaming import streamed_answers
from readybook.finding import Answer
from readybook.intents import EnsureMiddleware
from readybook.patterns import regex

COMPRESSING = regex(r"(?:^|\.)(?:GZip|Brotli|Zstd|Compress|Compression)\w*Middleware$|(?:^|\.)CompressMiddleware$",
                    re.IGNORECASE)
# the oldest Starlette in which GZipMiddleware was seen to leave event streams alone and to flush each chunk
STREAM_SAFE = (1, 10)
PROXY_WORDS = {"nginx": ("gzip",), "caddy": ("encode",), "traefik": ("compress",), "haproxy": ("compression",),
               "apache": ("deflate", "brotli"), "envoy": ("compressor",)}
FEW = 3


class NoCompression(Check):
    """JSON answers are sent uncompressed: lists of any length cost several times the bytes they need.

    Looked at: compressing middleware of each served application, and the proxies configured here (nginx ``gzip``, Caddy
    ``encode``, Traefik ``compress``). A gateway or CDN that is not in the repository may do it: an attestation answers.
    Services with a few routes only, or with websockets only, are left alone.

    Fix: ``GZipMiddleware`` with a minimum size. Where answers are streamed no patch is offered unless the installed
    Starlette passes each chunk on: older ones hold small chunks back.
    """

    id = "PER010"
    name = "no-compression"
    category = "performance"
    severity = "low"
    hours = Hours(0.1, 0.25, 0.5)
    fix_kinds = ("codemod", "advice")
    attestable = True
    references = ("https://fastapi.tiangolo.com/advanced/middleware/#gzipmiddleware",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each served application with more than a few routes."""
        found = False
        for app in project.facts.apps:
            routes = [r for r in project.facts.routes if r.app == app.spec and r.method != "WEBSOCKET"]
            if app.served and len(routes) >= FEW:
                found = True
                yield _answer(project, app)
        if not found:
            yield NotApplicable("no served application has more than a few routes")


def _answer(project: Project, app: App) -> Answer:
    middleware = next((m for m in app.middleware if COMPRESSING.search(m.path)), None)
    if middleware is not None:
        return Right(middleware.place, "a middleware compresses", app.spec)
    place = by_proxy(project)
    if place is not None:
        return Right(place, "the proxy compresses", app.spec)
    return Finding(app.place, f"{app.spec} sends every answer uncompressed, and no proxy here compresses: a list of "
                   "a hundred rows takes about five times the bytes.", app=app.spec,
                   confidence="medium", fix=_fix(project, app))


def by_proxy(project: Project) -> Place | None:
    """Where a proxy that passes requests on is told to compress; None when none is."""
    for proxy in project.facts.proxies:
        words = PROXY_WORDS.get(proxy.kind, ())
        for directive in proxy.directives:
            if proxy.forwards and directive.value.strip() != "off" and any(
                    directive.name == word or f".{word}" in directive.name for word in words):
                return directive.place
    for proxy in project.facts.proxies:
        text = project.files[proxy.place.path].text if proxy.place.path in project.files else ""
        if proxy.forwards and re.search(r"(?m)^[^#\n]*(?:middlewares\.\w+\.compress|gzip\s+on\b|\bbrotli\s+on\b|"
                                        r"use-gzip|enable-brotli)", text):
            return proxy.place
    return None


def _streams(project: Project) -> Place | None:
    return next((call.place for call in streamed_answers(project.facts.behaviour)), None)


def _fix(project: Project, app: App) -> Fix:
    title = "Compress answers from 1000 bytes on"
    stream = _streams(project)
    release = project.facts.release("starlette", app.place.path)
    if stream is not None and (release is None or release < STREAM_SAFE):
        return advice(f"{title}, with a Starlette from 1.10 on, or at the proxy",
                      f"answers are streamed at {stream}: GZipMiddleware of an older Starlette holds small chunks back")
    if app.flavour not in ("fastapi", "FastAPI", ""):
        return advice(title, "the application is no plain FastAPI object")
    intent = EnsureMiddleware(app.place, "fastapi.middleware.gzip", "GZipMiddleware", "minimum_size=1000")
    return Fix(title, (intent,), safety="safe",
               reason="only clients that say they accept gzip get it; the content is the same")


HEAD = "from fastapi import FastAPI\n"
ROUTES = "".join(f"\n\n@app.get(\"/{name}\")\nasync def {name}() -> list[str]:\n    return []\n" for name in "abc")
MAIN = HEAD + "\napp = FastAPI()\n" + ROUTES
FIXED = (HEAD + "from fastapi.middleware.gzip import GZipMiddleware\n\napp = FastAPI()\n"
         "app.add_middleware(GZipMiddleware, minimum_size=1000)\n" + ROUTES)
STREAMING = MAIN + ("\n\n@app.get(\"/events\")\nasync def events() -> StreamingResponse:\n"
                    "    return StreamingResponse(iter([b\"x\"]))\n")
STREAMING = STREAMING.replace("FastAPI\n\n", "FastAPI\nfrom fastapi.responses import StreamingResponse\n\n", 1)
PROXY = "server {\n    listen 80;\n    location / {\n        proxy_pass http://api:8000;\n    }\n"
NoCompression.examples = (
    Bad({"main.py": MAIN}, at=("main.py:3",), fixed={"main.py": FIXED}),
    Bad({"main.py": MAIN, "nginx.conf": PROXY + "    gzip off;\n}\n"}, at=("main.py:3",)),
    Bad({"main.py": STREAMING, "requirements.txt": "starlette==0.38.0\n"}, at=("main.py:4",)),
    Good({"main.py": FIXED}),
    Good({"main.py": HEAD + "from starlette.middleware import Middleware\n"
          "from starlette.middleware.gzip import GZipMiddleware as Squeeze\n\n"
          "app = FastAPI(middleware=[Middleware(Squeeze)])\n" + ROUTES}),
    Good({"main.py": MAIN, "nginx.conf": PROXY + "    gzip on;\n}\n"}),
    Good({"main.py": MAIN, "Caddyfile": "example.com {\n    encode zstd gzip\n    reverse_proxy api:8000\n}\n"}),
    Good({"main.py": HEAD + "\napp = FastAPI()\n"}, outcome="not_applicable"),
)
