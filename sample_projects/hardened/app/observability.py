"""Logs as JSON lines, error tracking, traces and metrics."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from logging.config import dictConfig

import sentry_sdk
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Gauge
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app import __version__
from app.settings import Settings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

UPLOADS = Counter("tally_uploads", "Statements accepted for parsing")
CONNECTIONS = Gauge("tally_database_connections", "Checked-out connections", multiprocess_mode="livesum")


class RequestIdFilter(logging.Filter):
    """Puts the id of the current request on every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.request_id = request_id.get()
        return True


def configure_logging(level: str) -> None:
    """Send everything, the server's own lines too, to standard error as JSON."""
    dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"request_id": {"()": RequestIdFilter}},
            "formatters": {
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "format": "%(levelname)s %(name)s %(message)s %(request_id)s",
                    "rename_fields": {"levelname": "level", "name": "logger"},
                    "timestamp": True,
                }
            },
            "handlers": {
                "stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request_id"]},
            },
            "root": {"level": level, "handlers": ["stderr"]},
            "loggers": {
                "uvicorn": {"handlers": [], "propagate": True},
                "uvicorn.access": {"handlers": [], "propagate": False},
                "httpx": {"level": "WARNING"},
            },
        }
    )


def configure_error_tracking(settings: Settings) -> None:
    """Report errors to Sentry when it has an address; never personal data."""
    if settings.sentry_dsn is not None:
        sentry_sdk.init(
            dsn=settings.sentry_dsn.get_secret_value(),
            environment=settings.environment,
            release=__version__,
            send_default_pii=False,
        )


def configure_tracing(settings: Settings) -> None:
    """Export traces when there is a collector; FastAPI records its own spans with the global provider."""
    if settings.otlp_endpoint is None:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": "tally", "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=str(settings.otlp_endpoint))))
    trace.set_tracer_provider(provider)
    RedisInstrumentor().instrument()
    HTTPXClientInstrumentor().instrument()


def observe_engine(engine: AsyncEngine) -> None:
    """Trace the queries of an engine and count its connections in use."""
    SQLAlchemyInstrumentor().instrument(engine=engine.sync_engine)
    event.listen(engine.sync_engine, "checkout", lambda *_: CONNECTIONS.inc())
    event.listen(engine.sync_engine, "checkin", lambda *_: CONNECTIONS.dec())
