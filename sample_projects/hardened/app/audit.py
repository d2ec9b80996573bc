"""The audit log: who did what, as events of a logger of their own."""

from __future__ import annotations

import logging
from uuid import UUID

_logger = logging.getLogger("app.audit")


def record(event: str, actor: UUID | None, **fields: str | int) -> None:
    """Write one event; ids only, no addresses and no contents."""
    _logger.info(event, extra={"audit": True, "actor": str(actor) if actor else None, **fields})
