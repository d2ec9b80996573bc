"""What is asked of a service that has all it needs: headers, CORS, documentation, health, ids, compression, limits."""

from __future__ import annotations

import re
import uuid

from readybook.facts.health import HealthRoute
from readybook.facts.liveness import liveness_route
from readybook.patterns import regex
from readybook.probe.asking import Answer
from readybook.probe.talk import BOTH, FAILED, PASSED, Question, Seen, Talk, unknown

FOREIGN = "https://foreign.example"
ID_HEADERS = ("x-request-id", "x-correlation-id", "request-id", "correlation-id", "x-trace-id", "traceparent")
SIGN_IN = regex(r"log-?_?in|sign-?_?in|token|auth|session|password", re.IGNORECASE)
LIVE = ("/health/live", "/livez", "/live", "/healthz", "/health", "/ping")
READY = ("/health/ready", "/readyz", "/ready", "/readiness")
BODY_LIMIT = 64 * 1024 * 1024  # bytes in chunks after which a body counts as not limited
SECONDS = 5.0  # within which readiness has to say that it is not ready
REQUESTS = 200  # at one go after which requests count as not limited


def security_headers(talk: Talk) -> Seen:
    """nosniff, a limit on framing and a referrer policy, on answers of every kind."""
    paths = [talk.own("ok"), "/readybook-probe-no-such-path"] + ([talk.own("fails")] if talk.service.own else [])
    missing: dict[str, list[str]] = {}
    for path in paths:
        answer = talk.get(path)
        if answer.status:
            for name in _lacking(answer):
                missing.setdefault(name, []).append(str(answer.status))
    if not missing:
        return Seen("passed", "all answers carry them")
    return Seen("failed", "; ".join(f"{name} is missing on {', '.join(dict.fromkeys(on))}"
                                    for name, on in missing.items()))


def _lacking(answer: Answer) -> list[str]:
    headers = answer.headers
    missing = [] if headers.get("x-content-type-options", "").lower() == "nosniff" else ["X-Content-Type-Options"]
    if "x-frame-options" not in headers and "frame-ancestors" not in headers.get("content-security-policy", ""):
        missing.append("X-Frame-Options or frame-ancestors")
    return missing + ([] if "referrer-policy" in headers else ["Referrer-Policy"])


def foreign_origin(talk: Talk) -> Seen:
    """A preflight and a request from a website that nobody knows, with credentials."""
    path = talk.own("ok") if talk.service.own else "/"
    asked = {"Origin": FOREIGN, "Access-Control-Request-Method": "GET",
             "Access-Control-Request-Headers": "authorization"}
    answers = (talk.get(path, method="OPTIONS", headers=asked),
               talk.get(path, headers={"Origin": FOREIGN, "Cookie": "session=probe"}))
    if not any(answer.status for answer in answers):
        return unknown("neither was answered")
    given = {a.headers.get("access-control-allow-origin", "") for a in answers} & {"*", FOREIGN}
    # an origin list that somebody set for this run says nothing about the default
    settles = None if not any("CORS" in name.upper() or "ORIGIN" in name.upper() for name in talk.service.values) \
        else frozenset[str]()
    if not given:
        return Seen("passed", "the foreign origin is not allowed", settles=settles)
    signed = any(a.headers.get("access-control-allow-credentials", "").lower() == "true" for a in answers)
    how = "the foreign origin itself" if FOREIGN in given else "any origin"
    if talk.project.public_api and not signed:
        return Seen("passed", f"{how} is allowed, without credentials, as the API is public", settles=settles)
    return Seen("failed", f"{how} is allowed, {'with' if signed else 'without'} credentials", settles=settles)


def documentation(talk: Talk) -> Seen:
    """The pages and the schema, asked by nobody in particular."""
    paths = ["/docs", "/redoc", "/openapi.json"]
    for name in ("docs_url", "redoc_url", "openapi_url"):
        value = talk.app.kwargs.get(name)
        if isinstance(value, str) and value not in paths:
            paths.append(value)
    answers = {path: talk.get(path) for path in paths}
    if not any(answer.status for answer in answers.values()):
        return unknown("none of them was answered")
    shown = [path for path, answer in answers.items() if answer.status == 200]
    if talk.project.public_api:
        return Seen("not_applicable", f"the API is public; {', '.join(shown) or 'nothing'} is shown")
    if shown and not talk.production:
        return unknown(f"{', '.join(shown)} {'are' if len(shown) > 1 else 'is'} shown, but it did not start as in "
                       "production")
    if shown:
        return Seen("failed", f"{', '.join(shown)} {'are' if len(shown) > 1 else 'is'} shown to everybody")
    return Seen("passed", "none of them is shown")


def liveness(talk: Talk) -> Seen:
    """The path that says whether the process lives."""
    path, answer = _first(talk, *_live_paths(talk))
    if not answer.status:
        return unknown(f"{path} {answer.shown}")
    return Seen("passed" if answer.status == 200 else "failed", _of(path, answer))


def readiness(talk: Talk) -> Seen:
    """The path that says whether the service can take work, while all it needs is there."""
    routes = _ready_routes(talk)
    if not routes and not talk.stores and not talk.down:
        return Seen("not_applicable", "it uses no database or Redis that is known here")
    path, answer = _first(talk, *_ready_paths(talk))
    if not routes and answer.status in (404, 405):
        return Seen("failed", f"no path answers for it: {path} {answer.shown}")
    if talk.down:
        return unknown(f"{path} {answer.shown}, but {' and '.join(talk.down)} could not be started here")
    return Seen("passed" if answer.status == 200 else "failed", _of(path, answer))


def readiness_without(talk: Talk) -> Seen:
    """The same path with the database and Redis gone: 503, and quickly."""
    gone = tuple(dict.fromkeys((*talk.stores, *talk.down)))
    routes = _ready_routes(talk)
    if not gone:
        return Seen("not_applicable", "it uses no database or Redis that can be stopped here")
    path, answer = _first(talk, *_ready_paths(talk), seconds=4 * SECONDS)
    if not routes and answer.status in (404, 405):
        return Seen("failed", f"no path answers for it: {path} {answer.shown}")
    asked = {kind for route in routes for kind in route.kinds}
    said = f"with {' and '.join(gone)} gone {_of(path, answer)}"
    if answer.status == 503 and answer.seconds <= SECONDS:
        return Seen("passed", said)
    if asked and not asked & {"database" if kind == "postgresql" else kind for kind in gone}:
        return unknown(f"{said}; the code shows that it asks only {', '.join(sorted(asked))}")
    return Seen("failed", said)


def liveness_without(talk: Talk) -> Seen:
    """The liveness path with the database and Redis gone: a restart cures neither, so it stays 200."""
    if not talk.stores and not talk.down:
        return Seen("not_applicable", "it uses no database or Redis that can be stopped here")
    path, answer = _first(talk, *_live_paths(talk), seconds=4 * SECONDS)
    if answer.status in (404, 405):
        return Seen("failed", f"no path answers for it: {path} {answer.shown}")
    good = answer.status == 200 and answer.seconds <= SECONDS
    return Seen("passed" if good else "failed", f"with {' and '.join((*talk.stores, *talk.down))} gone "
                                                f"{_of(path, answer)}")


def _live_paths(talk: Talk) -> tuple[list[str], tuple[str, ...]]:
    known = liveness_route(talk.project.facts, talk.app.spec)
    others = [h.route.path for h in talk.project.facts.health_routes if h.route.app == talk.app.spec and h.is_liveness]
    return ([known.route.path] if known else others[:1]), LIVE


def _ready_routes(talk: Talk) -> list[HealthRoute]:
    return [h for h in talk.project.facts.health_routes if h.route.app == talk.app.spec and h.asks]


def _ready_paths(talk: Talk) -> tuple[list[str], tuple[str, ...]]:
    routes = sorted(_ready_routes(talk), key=lambda h: ("ready" not in h.route.path, -len(h.kinds), h.route.path))
    return [h.route.path for h in routes[:1]], READY


def _first(talk: Talk, known: list[str], usual: tuple[str, ...], seconds: float = 0.0) -> tuple[str, Answer]:
    """The known path's answer; without one, that of the first usual path that there is."""
    tried = [(path, talk.get(path, seconds=seconds)) for path in known[:1]]
    if not tried:
        for path in usual:
            tried.append((path, talk.get(path, seconds=seconds)))
            if tried[-1][1].status not in (404, 405):
                return tried[-1]
        return tried[0]
    return tried[0]


def _of(path: str, answer: Answer) -> str:
    return f"{path} {answer.shown} after {answer.seconds:.1f} s"


def request_id(talk: Talk) -> Seen:
    """An id that the caller gives comes back, and a caller who gives none gets one."""
    given = uuid.uuid4().hex
    why = talk.reaches()
    path = talk.own("ok") if not why else "/readybook-probe-no-such-path"
    names = ("X-Request-ID", "X-Correlation-ID")
    echoed = any(given in talk.get(path, headers={name: given}).headers.get(h, "") for name in names
                 for h in ID_HEADERS)
    own = talk.get(path).headers
    made = next((own[h] for h in ID_HEADERS if own.get(h)), "")
    if echoed and made:
        return Seen("passed", "a given id comes back, and one is made where none is given")
    return Seen("failed", "no answer carries an id" if not echoed and not made else
                "a given id comes back, but none is made" if echoed else "an id is made, but a given one is not kept")


def compression(talk: Talk) -> Seen:
    """A large answer for a client that can take it compressed."""
    why = talk.reaches()
    if why:
        return unknown(why)
    answer = talk.get(talk.own("large"), headers={"Accept-Encoding": "gzip"})
    coding = answer.headers.get("content-encoding", "")
    return Seen("passed" if coding else "failed",
                f"{len(answer.body):,} bytes are sent {f'as {coding}' if coding else 'as they are'}")


def body_limit(talk: Talk) -> Seen:
    """A body that says it is far too large, and one in chunks that does not say."""
    why = talk.reaches()
    if why:
        return unknown(why)
    said = talk.client.announce(talk.own("body"), 1024 * BODY_LIMIT)
    talk.note(f"POST {talk.own('body')} with Content-Length {1024 * BODY_LIMIT}", said)
    poured = talk.client.pour(talk.own("body"), BODY_LIMIT)
    talk.note(f"POST {talk.own('body')} in chunks", poured)
    if said.status == 413 and poured.status == 413:
        return Seen("passed", f"413 before any byte of it, and 413 after {poured.sent:,} bytes in chunks")
    if poured.status == 413:
        return Seen("passed", f"413 after {poured.sent:,} bytes")
    if said.status == 413:
        return Seen("failed", f"413 when the length is told, but {poured.sent:,} bytes in chunks are taken")
    return Seen("failed", f"{poured.sent:,} bytes are taken and the answer is {poured.status}")


def rate_limit(talk: Talk) -> Seen:
    """Many requests of one client at one go: to a route of the probe, then to some of the service's own."""
    why = talk.reaches()
    targets = [] if why else [(talk.own("ok"), "GET")]
    tried = []
    for path, method in [*targets, *_limited_first(talk)]:
        body = b"{}" if method == "POST" else None
        for number in range(1, REQUESTS + 1):
            answer = talk.client.ask(path, method=method, body=body, headers={"Content-Type": "application/json"})
            if answer.status == 429:
                talk.note(f"request {number}: {method} {path}", answer)
                after = "" if "retry-after" in answer.headers else ", without Retry-After"
                return Seen("passed", f"429 at request {number} to {_shown(talk, path)}{after}")
            if not answer.status:
                break
        talk.note(f"request {number}: {method} {path}", answer)
        tried.append(_shown(talk, path))
    if not tried:
        return unknown(why)
    return Seen("failed", f"{REQUESTS} requests of one client at one go are all answered, to {' and '.join(tried)}")


def _shown(talk: Talk, path: str) -> str:
    return "a route of the probe" if talk.service.own and path.startswith(talk.service.own) else path


def _limited_first(talk: Talk) -> list[tuple[str, str]]:
    """Routes of the service that are most likely limited: where people sign in, then the others that are asked most."""
    health = {h.route.path for h in talk.project.facts.health_routes}
    rows = [r for r in talk.project.facts.routes if r.app == talk.app.spec and r.method in ("GET", "POST")
            and r.path not in health and "{" not in r.path]
    rows.sort(key=lambda r: (not SIGN_IN.search(r.path), r.method != "GET", r.path))
    return [(r.path, r.method) for r in rows[:2]]


WITH_ALL = (
    Question("security-headers", "Do answers tell browsers to be careful, those of errors too?",
             "nosniff, X-Frame-Options or frame-ancestors, and Referrer-Policy on 200, 404 and 500", ("SEC007",),
             PASSED, security_headers),
    Question("cors-foreign-origin", "May a website that nobody knows call it with credentials?",
             "no Access-Control-Allow-Origin for it", ("SEC001",), BOTH, foreign_origin),
    Question("docs", "Does it show its documentation to everybody?",
             "no 200 from the pages and the schema in production", ("SEC011",), BOTH, documentation),
    Question("liveness", "Does it say that it lives?", "200", ("OPS001",), BOTH, liveness),
    Question("readiness", "Does it say that it can take work?", "200", ("OPS002",), BOTH, readiness),
    Question("request-id", "Does every answer carry an id, the caller's where one was given?",
             "the id given, one made where none was", ("ARC009",), PASSED, request_id),
    Question("compression", "Are large answers compressed?", "a Content-Encoding", ("PER010",), PASSED, compression),
    Question("body-limit", "Does it refuse a body that is too large?", "413, told or in chunks", ("SEC010",), PASSED,
             body_limit),
)
WITHOUT_STORES = (
    Question("readiness-stores-down", "Does it say so when its database and Redis are gone?",
             f"503 within {SECONDS:g} seconds", ("OPS002", "OPS003"), BOTH, readiness_without),
    Question("liveness-stores-down", "Does it stay alive when its database and Redis are gone?",
             f"200 within {SECONDS:g} seconds", ("OPS001",), FAILED, liveness_without),
)
LAST = (
    Question("rate-limit", "Does it limit how often one client may ask?", f"429 within {REQUESTS} requests",
             ("SEC006",), PASSED, rate_limit),
)
