"""The application: `uvicorn apps.main:app`."""

from __future__ import annotations

import logging

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from apps.api.routers import auth, entities, reports, statements
from apps.core.config import settings
from apps.infra.jobs.store import job_store

logging.basicConfig(level=logging.DEBUG if settings.debug else logging.INFO)
logger = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """Build the application with its middleware and routers."""
    app = FastAPI(title=settings.api_title, version=settings.api_version, debug=settings.debug)

    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_credentials=settings.cors_allow_credentials,
        allow_methods=["*"],
        allow_headers=["*"],
    )

    app.include_router(auth.router)
    app.include_router(statements.router)
    app.include_router(entities.router)
    app.include_router(reports.router)

    @app.on_event("startup")
    async def announce() -> None:
        print(f"{settings.api_title} {settings.api_version} starting ({settings.api_env})")

    @app.on_event("shutdown")
    async def forget_jobs() -> None:
        await job_store.clear()
        logger.info("Stopped")

    return app


app = create_app()
