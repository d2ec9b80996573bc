"""One envelope for all errors: {"error": {"code", "message", "request_id"}}."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from app.observability import request_id

logger = logging.getLogger(__name__)


class ApiError(Exception):
    """An error that the client may read: status, a code for programs, a message for people."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


def envelope(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> JSONResponse:
    """Build the response to an error."""
    body = {"code": code, "message": message, "request_id": request_id.get(), **more}
    return JSONResponse({"error": body}, status_code=status, headers=headers)


async def api_error(request: Request, error: ApiError) -> JSONResponse:
    """Answer as the error says."""
    return envelope(error.status, error.code, error.message, error.headers)


async def http_error(request: Request, error: HTTPException) -> JSONResponse:
    """Answer errors of the framework, such as 404 and 405."""
    code = HTTPStatus(error.status_code).name.lower()
    return envelope(error.status_code, code, str(error.detail), error.headers)


async def validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
    """Name the fields that are wrong, without repeating what was sent: it may be a password."""
    fields = [{"field": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in error.errors()]
    return envelope(422, "validation_error", "The request is not valid", fields=fields)


async def database_error(request: Request, error: SQLAlchemyError | OSError) -> JSONResponse:
    """Log the cause, tell the client to come back; asyncpg leaves a refused connection an OSError."""
    logger.error("Database error", exc_info=error)
    return envelope(503, "database_error", "The service cannot reach its data; try again", {"Retry-After": "5"})


async def unexpected_error(request: Request, error: Exception) -> JSONResponse:
    """Log the cause, tell the client nothing but the id of the request."""
    logger.error("Unexpected error", exc_info=error)
    return envelope(500, "internal_error", "Something went wrong on our side")


def add_error_handlers(app: FastAPI) -> None:
    """Register the handlers above."""
    handlers: dict[type[Exception], Any] = {
        ApiError: api_error,
        HTTPException: http_error,
        RequestValidationError: validation_error,
        SQLAlchemyError: database_error,
        OSError: database_error,
        Exception: unexpected_error,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
