"""A page as PDF, printed by a Chromium that is found on this machine. The same page gives the same bytes."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from readybook.browser import find_browser
from readybook.ending import end
from readybook.patterns import regex

TIMEOUT = 120.0  # seconds
FLAGS = ("--headless", "--disable-gpu", "--no-pdf-header-footer", "--virtual-time-budget=15000", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
         "--host-resolver-rules=MAP * ~NOTFOUND")
_DATES = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}")
_BESIDE = regex(r' href="\./[^"]*"')  # would be written as a place on this machine
NO_BROWSER = "no Chromium was found, so there is no PDF: install one or name it by READYBOOK_BROWSER"


def print_pdf(page: Path, pdf: Path, date: str = "") -> str:
    """Print ``page`` into ``pdf``; returns why that was impossible, empty when it is there.

    ``date`` (2026-01-31) stands in the file as the day it was made; another text, or none, as 1970.
    """
    program = find_browser()
    if program is None:
        return NO_BROWSER
    with tempfile.TemporaryDirectory(prefix="readybook-") as profile:
        own = ("--no-sandbox",) if hasattr(os, "geteuid") and os.geteuid() == 0 else ()  # Chromium asks for it as root
        copy = Path(profile) / "page.html"
        copy.write_text(_BESIDE.sub("", page.read_text(encoding="utf-8")), encoding="utf-8", newline="")
        command = [program, *FLAGS, *own, f"--user-data-dir={profile}/browser", f"--print-to-pdf={pdf}", copy.as_uri()]
        problem = _run(command)
    if problem or not pdf.is_file():
        return f"the browser printed no PDF: {problem or 'it wrote no file'}"
    day = date.replace("-", "") if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else "19700101"
    pdf.write_bytes(_DATES.sub(rb"/\1 (D:" + day.encode() + b"000000", pdf.read_bytes()))
    return ""


def _run(command: list[str]) -> str:
    """Run a browser to its end, with all that it started; returns what went wrong."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        code = process.wait(TIMEOUT)
        return f"it left with code {code}" if code else ""
    except subprocess.TimeoutExpired:
        return f"it took longer than {TIMEOUT:g} seconds"
    finally:
        end(process)
