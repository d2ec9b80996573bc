"""PER012: metrics that leave the database pool out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.enginepurpose import purpose
from readybook.facts.engines import Engine
from readybook.facts.values import External, possible
from readybook.finding import Answer
from readybook.intents import AddFile, EnsureImport, EnsureModuleStatement
from readybook.patterns import regex

PROMETHEUS = ("prometheus_client.", "prometheus_fastapi_instrumentator.", "starlette_exporter.",
              "starlette_prometheus.", "aioprometheus.")
OTHERS = ("opentelemetry.metrics.", "opentelemetry.sdk.metrics.", "statsd.", "datadog.", "aws_embedded_metrics.")
EXPORTING = ("opentelemetry.instrumentation.sqlalchemy.",)  # counts the connections of an engine's pool itself
READ = regex(r"\.\s{0,9}(?:checkedout|checkedin|overflow)\s{0,9}\(|pool\.(?:status|size)\(|"
             r"listens?(?:_for)?\([^()\n]{0,200}[\"'](?:checkout|checkin)[\"']")
UNPOOLED = ("NullPool", "StaticPool", "AssertionPool")
TITLE = "Export the pool's connections as gauges"


class NoPoolMetrics(Check):
    """The service exports metrics, but none tells how many database connections are in use.

    Looked at: engines with a pool, in services that export metrics (Prometheus, OpenTelemetry, StatsD), and code that
    reads the pool or listens to its events. A pool that runs empty shows as slow requests everywhere, and nothing
    says why. Services without metrics, and engines without a pool, are no concern of this check.

    Fix, for Prometheus: a module that counts open and used connections from the pool's events, in every worker.
    """

    id = "PER012"
    name = "no-pool-metrics"
    category = "performance"
    severity = "low"
    hours = Hours(0.5, 1, 2)
    fix_kinds = ("scaffold", "advice")
    attestable = True
    references = ("https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.PoolEvents",)

    def find(self, project: Project) -> Iterator[Answer]:
        """A finding for each pooled engine of a service with metrics that nothing watches; a Right for the others."""
        engines = [e for e in project.facts.engines if purpose(project.facts, e) == "requests" and pooled(e)]
        kind = metrics(project)
        if not engines or not kind:
            yield NotApplicable("no engine with a pool" if not engines else "the service exports no metrics")
            return
        watched = watching(project)
        for engine in engines:
            if not engine.backends and engine.driver is None and not any(k.startswith("pool_") for k in engine.kwargs):
                yield CannotTell("whether the engine keeps connections to a server is not in the code", engine.place)
            elif watched:
                yield Right(engine.place, f"{watched} exports its pool")
            else:
                yield Finding(engine.place, f"The pool of {engine.callee}() is in no metric: when its connections run "
                              "out, requests wait and nothing shows why.", fix=fix(project, engine, kind))


def pooled(engine: Engine) -> bool:
    """Whether the engine keeps connections to a server."""
    if engine.backends and set(engine.backends) == {"sqlite"}:
        return False
    return not any(isinstance(v, External) and v.path.rpartition(".")[2] in UNPOOLED
                   for v in possible(engine.kwargs.get("poolclass")))


def metrics(project: Project) -> str:
    """How the service exports metrics: prometheus, other, or empty when it does not."""
    paths = project.facts.behaviour.by_path
    if any(path.startswith(PROMETHEUS) for path in paths):
        return "prometheus"
    return "other" if any(path.startswith(OTHERS) for path in paths) else ""


def watching(project: Project) -> str:
    """The code or the package that exports a pool's state; empty when none does."""
    if any(path.startswith(EXPORTING) for path in project.facts.behaviour.by_path):
        return "OpenTelemetry's instrumentation of SQLAlchemy"
    return next((path for path, module in sorted(project.facts.modules.by_path.items())
                 if module.role == "application" and READ.search(module.text)), "")


def fix(project: Project, engine: Engine, kind: str) -> Fix:
    """A module beside the engine's, and one line after the engine; advice where the engine has no name of its own."""
    site = engine.call.site
    name = engine_name(project, engine)
    if kind != "prometheus" or not name:
        return advice(TITLE, "the engine is made inside a function" if kind == "prometheus"
                      else "how the service registers its instruments is for a person to see")
    release = project.facts.release("sqlalchemy", engine.place.path)
    if release is not None and release < (2,):
        return advice(TITLE, "the module is written for SQLAlchemy 2.0")
    folder = engine.place.path.rpartition("/")[0]
    path = f"{folder}/pool_metrics.py" if folder else "pool_metrics.py"
    if path in project.present or path in project.files:
        return advice(TITLE, f"{path} is taken")
    package = site.module.name if site.module.is_package else site.module.name.rpartition(".")[0]
    module = f"{package}.pool_metrics" if package else "pool_metrics"
    text = files(__package__).joinpath("pool_metrics.py.tmpl").read_text("utf-8")
    label = f", {name!r}" if name not in ("engine", "async_engine") else ""
    statement = f"pool_metrics = export_pool_metrics({name}{label})"
    return Fix(TITLE, (AddFile(path, text), EnsureImport(engine.place.path, module, "export_pool_metrics"),
                       EnsureModuleStatement(engine.place.path, "pool_metrics", statement, last=True)),
               ("scaffold",), "review", "the metrics endpoint shows two more gauges")


def engine_name(project: Project, engine: Engine) -> str:
    """The name of the module that holds the engine; empty when none does."""
    site = engine.call.site
    loaded = project.facts.behaviour.run.loaded.get(site.module.path)
    if site.function is not None or site.owner is not None or loaded is None:
        return ""
    return next((n for n, v in loaded.scope.names.items() if v is site.result), "")


APP = ("from fastapi import FastAPI\nfrom prometheus_fastapi_instrumentator import Instrumentator\n\nimport db\n\n"
       "app = FastAPI()\nInstrumentator().instrument(app).expose(app)\n")
PLAIN = "from fastapi import FastAPI\n\nimport db\n\napp = FastAPI()\n"
ENGINE = ("from sqlalchemy.ext.asyncio import create_async_engine\n{more}\n"
          "engine = create_async_engine(\"postgresql+asyncpg://db/shop\"{given})\n")
TEXT = files(__package__).joinpath("pool_metrics.py.tmpl").read_text("utf-8")
NoPoolMetrics.examples = (
    Bad({"main.py": APP, "db.py": ENGINE.format(more="", given="")}, at=("db.py:3",), severity="low",
        fixed={"pool_metrics.py": TEXT,
               "db.py": ENGINE.format(more="\nfrom pool_metrics import export_pool_metrics\n", given="")
               + "\n\npool_metrics = export_pool_metrics(engine)\n"}),
    Bad(  # made in a function
        {"main.py": APP, "db.py": "from sqlalchemy import create_engine\n\n\ndef connect():\n"
         "    return create_engine(\"postgresql://db/shop\", pool_size=5)\n"}, at=("db.py:5",)),
    Bad({"main.py": PLAIN + "from opentelemetry import metrics\n\nmeter = metrics.get_meter(\"shop\")\n",
         "db.py": ENGINE.format(more="", given="")}, at=("db.py:3",)),
    Good({"main.py": APP + "from prometheus_client import Gauge\n\nused = Gauge(\"used\", \"Connections in use\")\n"
          "used.set_function(lambda: db.engine.pool.checkedout())\n", "db.py": ENGINE.format(more="", given="")}),
    Good({"main.py": APP + "from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor\n\n"
          "SQLAlchemyInstrumentor().instrument(engine=db.engine.sync_engine)\n",
          "db.py": ENGINE.format(more="", given="")}),
    Good({"main.py": PLAIN, "db.py": ENGINE.format(more="", given="")}, outcome="not_applicable"),
    Good({"main.py": APP, "db.py": ENGINE.format(more="from sqlalchemy.pool import NullPool\n",
                                                 given=", poolclass=NullPool")}, outcome="not_applicable"),
)
