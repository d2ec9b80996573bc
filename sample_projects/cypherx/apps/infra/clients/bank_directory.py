"""Client of the bank directory, an HTTP service of another team."""

from __future__ import annotations

import logging
import time

import requests

from apps.core.config import settings

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2


def fetch_bank(name: str) -> dict[str, str] | None:
    """Ask the directory for one bank; None when it does not know the name or does not answer."""
    url = f"{settings.bank_directory_url}/banks"
    for attempt in range(1, settings.bank_directory_attempts + 1):
        try:
            response = requests.get(url, params={"name": name})
        except requests.RequestException as error:
            print(f"bank directory failed (attempt {attempt}): {error}")
            time.sleep(_PAUSE_SECONDS * attempt)
            continue
        if response.status_code == requests.codes.not_found:
            return None
        response.raise_for_status()
        return dict(response.json())
    logger.error("Bank directory gave no answer for %s", name)
    return None
