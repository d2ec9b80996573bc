"""The application: `uvicorn app.main:app`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from prometheus_fastapi_instrumentator import Instrumentator

from app import __version__
from app.api import auth, health, rates, statements
from app.dependencies import limit_rate, require_metrics_token
from app.errors import add_error_handlers
from app.middleware import RequestContextMiddleware, UnexpectedErrorMiddleware
from app.observability import configure_error_tracking, configure_logging, configure_tracing
from app.resources import Resources, open_resources
from app.settings import Settings, get_settings

Connect = Callable[[Settings], AbstractAsyncContextManager[Resources]]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the resources open while the application runs."""
    async with app.state.connect(app.state.settings) as resources:
        app.state.resources = resources
        yield


def create_app(settings: Settings | None = None, connect: Connect = open_resources) -> FastAPI:
    """Build the application; tests pass settings and a `connect` of their own."""
    settings = settings or get_settings()
    configure_logging(settings.log_level)
    configure_error_tracking(settings)
    configure_tracing(settings)

    app = FastAPI(
        title="Tally",
        version=__version__,
        description="Bank statements in, transactions out. All but registration and sign-in takes a bearer token.",
        contact={"name": "Tally team", "email": "team@tally.example"},
        license_info={"name": "MIT", "identifier": "MIT"},
        docs_url=None if settings.environment == "production" else "/docs",
        redoc_url=None if settings.environment == "production" else "/redoc",
        openapi_url=None if settings.environment == "production" else "/openapi.json",
        lifespan=lifespan,
        max_body_size=settings.max_body_bytes,
        telemetry={"tracing": settings.otlp_endpoint is not None},
    )
    app.state.settings = settings
    app.state.connect = connect
    add_error_handlers(app)

    # The last one added is the outermost; only the answer to a body over the limit is made outside of all.
    app.add_middleware(UnexpectedErrorMiddleware)
    metrics = Instrumentator(excluded_handlers=["/health", "/metrics"]).instrument(app)
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*settings.allowed_hosts, "localhost", "127.0.0.1"])
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID"],
        expose_headers=["X-Request-ID"],
        max_age=600,
    )
    app.add_middleware(RequestContextMiddleware)

    v1 = APIRouter(prefix="/api/v1", dependencies=[Depends(limit_rate)])
    v1.include_router(auth.router)
    v1.include_router(auth.account_router)
    v1.include_router(statements.router)
    v1.include_router(rates.router)
    app.include_router(v1)
    app.include_router(health.router)
    metrics.expose(app, include_in_schema=False, dependencies=[Depends(require_metrics_token)])
    return app


app = create_app()
