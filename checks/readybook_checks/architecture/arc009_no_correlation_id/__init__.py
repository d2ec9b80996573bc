"""ARC009: requests without an id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.program import App, Middleware
from readybook.finding import Answer
from readybook.intents import AddFile, SetUpApp
from readybook.patterns import regex
from readybook.place import Place
from readybook_checks.architecture.app_module import free_module, with_mounted

ID = regex(
    r"(request|correlation|trace|req)[-_ ]?id$|^(x[-_])?(request|correlation|trace|req)[-_ ]?id|traceparent",
    re.IGNORECASE,
)
LIBRARIES = (
    "asgi_correlation_id.", "starlette_context.", "fastapi_correlation", "starlette_correlation", "asgi_request_id",
)
WRAPPED = ("asgi_correlation_id.CorrelationIdMiddleware", "asgi_correlation_id.middleware.CorrelationIdMiddleware")
TRACING = ("opentelemetry.instrumentation.fastapi.FastAPIInstrumentor.instrument_app",
           "opentelemetry.instrumentation.fastapi.FastAPIInstrumentor.instrument",
           "opentelemetry.instrumentation.asgi.OpenTelemetryMiddleware")
IN_LOGS = regex(r"LoggingInstrumentor|\btrace_?id\b|otelTraceID", re.IGNORECASE)
SAID = ("logginginstrumentor", "trace_id", "traceid")  # one of them is in all that it finds
TITLE = "Give each request an id, in its response and in every log record"


class NoCorrelationId(Check):
    """Requests carry no id, so the lines they leave in logs cannot be told apart, nor followed from service to service.

    Looked at: middleware of each served application that takes or makes an ``X-Request-ID``, a correlation id or a
    ``traceparent``: known packages, its own classes and functions, and what those call. OpenTelemetry counts only where
    the trace id reaches the logs.

    Fix: a pure ASGI middleware, outermost, that takes a well-formed ``X-Request-ID`` or makes one, answers with it, on
    unexpected errors too, and puts it on every log record.
    """

    id = "ARC009"
    name = "no-correlation-id"
    category = "architecture"
    severity = "medium"
    hours = Hours(1, 3, 6)
    fix_kinds = ("scaffold", "advice")
    attestable = True
    references = ("https://www.w3.org/TR/trace-context/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each served application that has routes."""
        apps = [a for a in project.facts.apps if a.served and any(r.app == a.spec for r in project.facts.routes)]
        if not apps:
            yield NotApplicable("no route is served")
        for app in apps:
            yield self._answer(project, app)

    def _answer(self, project: Project, app: App) -> Answer:
        around = [m for a in with_mounted(project, app) for m in a.middleware]
        middleware = next((m for m in around if gives_id(project, m)), None)
        if middleware is not None:
            return Right(middleware.place, f"{middleware.path} gives requests an id", app.spec)
        wrapped = project.facts.behaviour.calls_to(*WRAPPED, "logfire.instrument_fastapi")
        if wrapped:
            return Right(wrapped[0].place, f"{wrapped[0].path} gives requests an id", app.spec)
        traced = tracing(project, app)
        if traced is not None and any(
                any(word in m.low for word in SAID) and IN_LOGS.search(m.text)
                for m in project.facts.modules.by_path.values() if m.role == "application"):
            return Right(traced, "traces requests, and the trace id reaches the logs", app.spec)
        what = ("requests are traced, but no log line carries the trace's id" if traced is not None
                else "no middleware gives requests an id: log lines of one request cannot be found together")
        return Finding(app.place, f"{app.spec}: {what}.", confidence="high" if app.complete else "medium",
                       fix=fix(project, app), app=app.spec)


def gives_id(project: Project, middleware: Middleware) -> bool:
    """Whether a middleware deals with a request's id: by its package, or by the names and texts in its code."""
    if middleware.path.startswith(LIBRARIES) or ID.search(middleware.path.rpartition(".")[2]):
        return True
    run, target = project.facts.behaviour.run, middleware.target
    todo: list[Any] = [target] if isinstance(target, ClassValue) else functions_behind(target)
    seen: set[int] = set()
    while todo and len(seen) < 40:
        thing = todo.pop()
        if id(thing.node) in seen:
            continue
        seen.add(id(thing.node))
        loaded = run.loaded.get(thing.module.path)
        names = loaded.scope.names if loaded is not None else {}
        if any(ID.search(text) for text in _texts(thing.node, names)):
            return True
        methods = [f for f in thing.scope.names.values() if isinstance(f, FunctionValue)] if isinstance(
            thing, ClassValue) else [thing]
        todo += [f.original for m in methods for c in project.facts.behaviour.calls_in(m)
                 if not any(x.startswith("except") for x in c.conditions)
                 for f in functions_behind(c.site.callee) if f.module.role == "application"]
    return False


def _texts(node: Any, names: dict[str, Any]) -> Iterator[str]:
    """The short texts, keywords and names in a piece of code; a name that stands for a text gives that.

    What handles exceptions is left out: an id that only errors get is none that requests have.
    """
    todo = [node]
    while todo:
        part = todo.pop()
        for item in (*part[:5], *part[6:]) if part and part[0] == "try" else part:
            if isinstance(item, tuple):
                todo.append(item)
            elif isinstance(item, str) and len(item) < 40 and "\n" not in item:
                yield item
                if isinstance(names.get(item), str):
                    yield names[item]


def tracing(project: Project, app: App) -> Place | None:
    """Where the application is traced by OpenTelemetry; None when it is not."""
    if "telemetry" in app.kwargs and app.kwargs["telemetry"] not in (None, False):
        return app.place
    calls: list[Call] = project.facts.behaviour.calls_to(*TRACING)
    return calls[0].place if calls else None


def fix(project: Project, app: App) -> Fix:
    """A new module with the middleware, around everything else."""
    for call in project.facts.behaviour.calls:
        extra = call.kwargs.get("extra")
        if isinstance(extra, dict) and "request_id" in extra:
            return advice(TITLE, f"the log record of {call.place} has a request_id of its own already")
    home = free_module(project, app, "request_id", "request_ids")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    text = files(__package__).joinpath("request_id.py.tmpl").read_text(encoding="utf-8")
    return Fix(TITLE, (AddFile(home[0], text), SetUpApp(app.place, home[1], "add_request_id", outermost=True)),
               kinds=("scaffold",), safety="safe",
               reason="responses get one header more; %(request_id)s in the log format shows the id")


HEAD = "from fastapi import FastAPI\n\n"
ROUTE = "\n\n@app.get(\"/\")\ndef index() -> int:\n    return 1\n"
NEW = files(__package__).joinpath("request_id.py.tmpl").read_text(encoding="utf-8")
CORS = "app.add_middleware(CORSMiddleware, allow_origins=[\"https://a.example\"])\n"
NoCorrelationId.examples = (
    Bad(
        {"app/__init__.py": "", "app/items.py": "",
         "app/main.py": "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n\n"
         "from app import items\n\napp = FastAPI()\n" + CORS + "app.state.items = items\n" + ROUTE},
        at=("app/main.py:6",), severity="medium",
        fixed={"app/request_id.py": NEW,
               "app/main.py": "from fastapi import FastAPI\nfrom fastapi.middleware.cors import CORSMiddleware\n\n"
               "from app import items\nfrom app.request_id import add_request_id\n\napp = FastAPI()\n" + CORS
               + "add_request_id(app)\napp.state.items = items\n" + ROUTE},
    ),
    Bad(  # a factory
        {"main.py": HEAD + "\ndef create() -> FastAPI:\n    app = FastAPI()\n\n    @app.get(\"/\")\n"
         "    def index() -> int:\n        return 1\n\n    return app\n\n\napp = create()\n"},
        at=("main.py:5",),
        fixed={"request_id.py": NEW,
               "main.py": "from fastapi import FastAPI\n\nfrom request_id import add_request_id\n\n"
               "\ndef create() -> FastAPI:\n    app = FastAPI()\n    add_request_id(app)\n\n    @app.get(\"/\")\n"
               "    def index() -> int:\n        return 1\n\n    return app\n\n\napp = create()\n"},
    ),
    Bad(  # a middleware for something else; traces that logs know nothing of
        {"main.py": "from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor\n" + HEAD
         + "app = FastAPI()\n" + ROUTE + "\n\n@app.middleware(\"http\")\nasync def timing(request, call_next):\n"
         "    response = await call_next(request)\n    response.headers[\"X-Process-Time\"] = \"1\"\n"
         "    return response\n\n\n"
         "FastAPIInstrumentor.instrument_app(app)\n"},
        at=("main.py:4",),
    ),
    Good({"main.py": "from asgi_correlation_id import CorrelationIdMiddleware as Ids\n" + HEAD
          + "app = FastAPI()\napp.add_middleware(Ids)\n" + ROUTE}),
    Good(  # its own, the header's name in a constant of another module, read by a helper
        {"ids.py": "HEADER = \"X-Correlation-ID\"\n\n\ndef ensure(request):\n    return request.headers.get(HEADER)\n",
         "main.py": HEAD + "from ids import ensure\n\napp = FastAPI()\n" + ROUTE + "\n\n@app.middleware(\"http\")\n"
         "async def note(request, call_next):\n    ensure(request)\n    return await call_next(request)\n"}),
    Good(  # on the application that is mounted and serves the routes
        {"main.py": "from starlette_context.middleware import RawContextMiddleware\n" + HEAD + "app = FastAPI()\n"
         "api = FastAPI()\napi.add_middleware(RawContextMiddleware)\napp.mount(\"/api\", api)\n"
         + ROUTE.replace("@app", "@api")}),
    Good(  # traces, and logs that carry their id
        {"main.py": "from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor\n"
         "from opentelemetry.instrumentation.logging import LoggingInstrumentor\n" + HEAD + "app = FastAPI()\n" + ROUTE
         + "\n\nLoggingInstrumentor().instrument()\nFastAPIInstrumentor.instrument_app(app)\n"}),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
