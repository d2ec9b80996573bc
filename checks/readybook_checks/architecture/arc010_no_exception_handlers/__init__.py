"""ARC010: applications that leave unexpected errors to the server."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from readybook import Bad, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.nodes import statements
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.program import App
from readybook.finding import Answer
from readybook.intents import AddFile, SetUpApp
from readybook_checks.architecture.app_module import free_module, with_mounted

ALL = ("Exception", "BaseException", "builtins.Exception", "builtins.BaseException", "500")
TRACKERS = (
    "sentry_sdk.init", "rollbar.init", "rollbar.contrib.fastapi.add_to", "bugsnag.configure", "honeybadger.configure",
    "newrelic.agent.initialize", "elasticapm.contrib.starlette.make_apm_client", "ddtrace.patch_all",
    "logfire.instrument_fastapi", "airbrake.init",
)
TITLE = "Answer unexpected errors with one envelope and the request's id"


class NoExceptionHandlers(Check):
    """Unexpected errors are answered by the server's plain text, without an id to find the cause by.

    Looked at: the exception handlers of each served application, middleware of its own that answers errors, and error
    tracking. A handler for ``Exception`` is right; handlers for validation, database or domain errors alone leave the
    unexpected ones out, and count in part. FastAPI answers ``HTTPException`` and invalid requests by itself.

    Fix: a module that logs the error with the request's id and answers 500 as JSON with FastAPI's ``detail`` and that
    id. A handler for ``Exception`` runs outside of all middleware, so that its answers lack CORS and other headers: the
    module brings an innermost middleware that answers before.
    """

    id = "ARC010"
    name = "no-exception-handlers"
    category = "architecture"
    severity = "medium"
    hours = Hours(1, 3, 6)
    fix_kinds = ("scaffold", "advice")
    references = ("https://fastapi.tiangolo.com/tutorial/handling-errors/",)

    def find(self, project: Project) -> Iterator[Answer]:
        """For each served application, a Right or a finding; a Right besides for handlers of some errors."""
        apps = [a for a in project.facts.apps if a.served and any(r.app == a.spec for r in project.facts.routes)]
        if not apps:
            yield NotApplicable("no route is served")
        trackers = project.facts.behaviour.calls_to(*TRACKERS)
        for app in apps:
            family = with_mounted(project, app)
            handler = next((h for a in family for h in a.exception_handlers if h.key in ALL), None)
            middleware = next((m for a in family for m in a.middleware if answers_errors(m.target)), None)
            if handler is not None:
                yield Right(handler.place, "a handler for every error", app.spec)
            elif middleware is not None:
                yield Right(middleware.place, f"{middleware.path} answers every error", app.spec)
            elif trackers:
                yield Right(trackers[0].place, f"{trackers[0].path.partition('.')[0]} takes every error", app.spec)
            else:
                yield from self._missing(project, app)

    def _missing(self, project: Project, app: App) -> Iterator[Answer]:
        some = app.exception_handlers
        for handler in some[:1]:
            yield Right(handler.place, "handlers for some errors", app.spec)
        kinds = list(dict.fromkeys(h.key.rpartition(".")[2] for h in some))
        shown = ", ".join(kinds[:3]) + (f" and {len(kinds) - 3} more" if len(kinds) > 3 else "")
        besides = f" besides {shown}" if some else ""
        yield Finding(
            app.place, f"{app.spec} has no handler for unexpected errors{besides}: clients get the plain text "
            "\"Internal Server Error\" and no id to report.", confidence="high" if app.complete else "medium",
            fix=fix(project, app), app=app.spec,
        )


def answers_errors(target: Any) -> bool:
    """Whether a middleware catches every exception and does not raise it again."""
    if isinstance(target, ClassValue):
        methods = [target.scope.names.get(n) for n in ("dispatch", "__call__")]
        bodies = [f.node[6] for f in methods if isinstance(f, FunctionValue)]
    else:
        bodies = [target.original.node[6]] if isinstance(target, FunctionValue) and target.node[0] == "def" else []
    return any(
        _catches_all(kind) and not any(s[0] == "raise" for s in body)
        for outer in bodies for s in statements(outer) if s[0] == "try" and _runs_the_rest(s[4])
        for kind, _, body, _ in s[5]
    )


def _catches_all(kind: Any) -> bool:
    return kind is None or (kind[0] == "name" and kind[3] in ("Exception", "BaseException"))


def _runs_the_rest(part: Any) -> bool:
    """Whether a block awaits what the middleware is around: ``call_next``, or an application with three arguments."""
    if part[:1] == ("await",) and part[3][0] == "call":
        callee, arguments = part[3][3], part[3][4]
        if callee[0] == "name" and callee[3] in ("call_next", "next") or len(arguments) == 3:
            return True
    return any(_runs_the_rest(p) for p in part if isinstance(p, tuple))


def fix(project: Project, app: App) -> Fix:
    """A new module with the handler and the middleware, set up before anything else."""
    home = free_module(project, app, "error_handlers", "unexpected_errors")
    if home is None:
        return advice(TITLE, "no name for a new module is free there that the application's file could import")
    text = files(__package__).joinpath("error_handlers.py.tmpl").read_text(encoding="utf-8")
    return Fix(TITLE, (AddFile(home[0], text), SetUpApp(app.place, home[1], "add_error_handlers")), kinds=("scaffold",),
               safety="review", reason="clients that read the text of a 500 get JSON; tests that expect the exception "
               "itself from the test client get the answer")


HEAD = "from fastapi import FastAPI\n\n"
ROUTE = "\n\n@app.get(\"/\")\ndef index() -> int:\n    return 1\n"
NEW = files(__package__).joinpath("error_handlers.py.tmpl").read_text(encoding="utf-8")
NoExceptionHandlers.examples = (
    Bad(
        {"app/__init__.py": "", "app/items.py": "",
         "app/main.py": "from fastapi import FastAPI\n\nfrom app import items\n\n"
         "app = FastAPI()\napp.state.items = items\n" + ROUTE},
        at=("app/main.py:5",), severity="medium",
        fixed={"app/error_handlers.py": NEW,
               "app/main.py": "from fastapi import FastAPI\n\nfrom app import items\n"
               "from app.error_handlers import add_error_handlers\n\napp = FastAPI()\nadd_error_handlers(app)\n"
               "app.state.items = items\n" + ROUTE},
    ),
    Bad(  # some errors only
        {"main.py": HEAD + "from fastapi.exceptions import RequestValidationError\n\napp = FastAPI()\n" + ROUTE
         + "\n\n@app.exception_handler(RequestValidationError)\nasync def invalid(request, error):\n    return None\n"},
        at=("main.py:5",),
    ),
    Bad(  # a middleware that only notes the error
        {"main.py": HEAD + "app = FastAPI()\n" + ROUTE + "\n\n@app.middleware(\"http\")\n"
         "async def note(request, call_next):\n    try:\n        return await call_next(request)\n"
         "    except Exception:\n        print(\"failed\")\n        raise\n"},
        at=("main.py:3",),
    ),
    Bad(  # one catches what it does itself, another raises again
        {"main.py": HEAD + "app = FastAPI()\n" + ROUTE + "\n\nclass Around:\n    def __init__(self, app):\n"
         "        self.app = app\n\n    async def __call__(self, scope, receive, send):\n        try:\n"
         "            user = await find(scope)\n        except Exception:\n            user = None\n        try:\n"
         "            await self.app(scope, receive, send)\n        except Exception as error:\n"
         "            raise error\n\n\nasync def find(scope):\n    return 1\n\n\napp.add_middleware(Around)\n"},
        at=("main.py:3",),
    ),
    Good({"main.py": HEAD + "app = FastAPI()\n" + ROUTE + "\n\n@app.exception_handler(Exception)\n"
          "async def failed(request, error):\n    return None\n"}),
    Good(  # from another module, in a loop over a table
        {"errors.py": "from fastapi import FastAPI\n\n\ndef failed(request, error):\n    return None\n\n\n"
         "def add(app: FastAPI) -> None:\n    for kind, handler in {ValueError: failed, Exception: failed}.items():\n"
         "        app.add_exception_handler(kind, handler)\n",
         "main.py": HEAD + "from errors import add\n\napp = FastAPI()\nadd(app)\n" + ROUTE},
    ),
    Good(  # a middleware that answers
        {"main.py": "from fastapi import FastAPI\nfrom fastapi.responses import JSONResponse\n\napp = FastAPI()\n"
         + ROUTE + "\n\n@app.middleware(\"http\")\nasync def answer(request, call_next):\n    try:\n"
         "        return await call_next(request)\n    except Exception:\n        return JSONResponse({}, 500)\n"},
    ),
    Good({"main.py": "import sentry_sdk\n" + HEAD + "sentry_sdk.init(dsn=\"https://a@sentry.example/1\")\n"
          "app = FastAPI()\n" + ROUTE}),
    Good({"main.py": "print(\"no application\")\n"}, outcome="not_applicable"),
)
