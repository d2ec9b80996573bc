"""Pure ASGI middleware: streams and context variables pass through untouched."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import unexpected_error
from app.observability import request_id

logger = logging.getLogger(__name__)

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_DOCS = ("/docs", "/redoc")
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Cache-Control": "no-store",
}
_API_POLICY = "default-src 'none'; frame-ancestors 'none'"


class RequestContextMiddleware:
    """Gives each request an id, each response the id and the security headers, and the log a line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is no HTTP passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        offered = Headers(scope=scope).get("X-Request-ID", "")
        current = offered if _ACCEPTED_ID.fullmatch(offered) else uuid.uuid4().hex
        token = request_id.set(current)
        started = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = current
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                # The documentation pages, which production does not serve, load scripts.
                if not scope["path"].startswith(_DOCS):
                    headers.setdefault("Content-Security-Policy", _API_POLICY)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1_000, 1)
            fields = {"method": scope["method"], "path": scope["path"], "status": status, "ms": milliseconds}
            logger.info("request", extra=fields)
            request_id.reset(token)


class UnexpectedErrorMiddleware:
    """Answers 500 inside the other middleware, so that the answer carries their headers.

    Starlette calls a handler for Exception outside of all added middleware.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an error after the response has started is the server's to end."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:
            if started:
                raise
            response = await unexpected_error(Request(scope), error)
            await response(scope, receive, send)
