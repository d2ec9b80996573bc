"""The application served from a copy in a guarded child, started with the first variables with which it comes up."""

from __future__ import annotations

import contextlib
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import field

from readybook.probe.asking import Client
from readybook.probe.stores import free_port, listens, until
from readybook.records import record
from readybook.verify.children import Child, Room
from readybook.verify.copying import Copy, fresh
from readybook.verify.starting import Served


@record
class Service:
    """A service that takes connections. ``own`` is the folder of the probe's own paths, empty where none were added."""

    client: Client
    own: str
    values: Mapping[str, str]
    child: Child = field(repr=False)

    def terminate(self) -> None:
        """Send it SIGTERM, as whoever stops a container does."""
        with contextlib.suppress(ProcessLookupError):
            self.child.process.send_signal(signal.SIGTERM)

    def ended(self, seconds: float) -> int | None:
        """The exit code, None when it still runs after that time."""
        try:
            return self.child.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


@contextlib.contextmanager
def serving(room: Room, copy: Copy, app: Served, values: Mapping[str, str], host: str) -> Iterator[Service | str]:
    """A running service, ended after the block; a text that says why there is none."""
    fresh(copy, room.run, {})
    port, folder = free_port(), f"/readybook-probe-{secrets.token_hex(4)}"
    root = room.run / app.root
    command = [str(room.python), str(room.folder / "serve_app.py"), app.string, str(root), str(port), folder]
    with room.begun(command, root, values, [root], "served") as child:
        process = child.process
        up = until(lambda: process.poll() is not None or listens(port), room.limits.start)
        if not up:
            yield f"does not take connections within {room.limits.start:g} seconds"
        elif process.poll() is not None:
            lines = [line for line in child.output().splitlines() if line.strip()]
            last = next((line for line in reversed(lines) if "Error" in line), lines[-1] if lines else "no output")
            yield f"ended with code {process.returncode}: {room.shown(last)}"
        else:
            own = "" if "readybook: no routes could be added" in child.output() else folder
            yield Service(Client(port, host), own, values, child)
