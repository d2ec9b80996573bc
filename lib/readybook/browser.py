"""Finding a Chromium that can open reports without a screen."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


def find_browser() -> str | None:
    """The path of a Chromium: READYBOOK_BROWSER if set, else the first known name on the path; None without one."""
    chosen = os.environ.get("READYBOOK_BROWSER")
    names = (chosen,) if chosen else NAMES
    return next((path for name in names if (path := shutil.which(name))), None)
