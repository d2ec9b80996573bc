"""Child processes for code that is not ours: limits of time and memory, a clean environment, a guard, a certain end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from importlib.resources import files
from pathlib import Path

from readybook.ending import end
from readybook.masking import mask
from readybook.records import record

KEPT_OUTPUT = 200_000  # bytes of a child's output that are looked at, from its end
MEMORY = 4 * 1024**3  # bytes of private data of one process
FILE_SIZE = 1024**3  # bytes of one file that a child writes
GUARD_NAME = "sitecustomize.py"
SCRIPTS = ("start_app", "compile_files", "serve_app")
# Sets the limits in the child itself and becomes the command: no Python code runs between fork and exec of ours.
LAUNCHER = """\
import os, sys
try:
    import resource as r
    for name, value in (("RLIMIT_DATA" if sys.platform == "linux" else "RLIMIT_AS", int(sys.argv[1])),
                        ("RLIMIT_FSIZE", int(sys.argv[2])), ("RLIMIT_CORE", 0)):
        hard = r.getrlimit(getattr(r, name))[1]
        value = value if hard == r.RLIM_INFINITY else min(value, hard)
        r.setrlimit(getattr(r, name), (value, value))
except ImportError:
    pass
try:
    os.execvp(sys.argv[3], sys.argv[3:])
except OSError as error:
    sys.exit("cannot be started: %s" % error.strerror)
"""


@record
class Limits:
    """Seconds for each kind of step, and bytes of memory for each process."""

    start: float = 60.0
    tests: float = 900.0
    compile: float = 120.0
    memory: int = MEMORY


@record
class Ran:
    """How a child ended: ``code`` its exit code (negative: the signal that ended it), ``output`` the end of what it
    said. ``timed_out``: it was ended for taking too long."""

    code: int
    output: str
    timed_out: bool
    seconds: float


@record
class Child:
    """A child that runs, and the file that takes what it prints."""

    process: subprocess.Popen[bytes]
    said: Path

    def output(self) -> str:
        """The end of what it printed so far."""
        return _tail(self.said)


@record
class Room:
    """The scratch folder in which children run, with the guard that is loaded by every Python among them.

    ``folder`` is wiped by whoever made it. ``network`` lifts the guard's refusal of connections elsewhere. ``python``
    is the interpreter that children find as ``python``.
    """

    folder: Path
    target: Path
    python: Path
    network: bool = False
    limits: Limits = field(default_factory=Limits)

    @property
    def guard(self) -> Path:
        """The folder that stands first on every child's PYTHONPATH."""
        return self.folder / "guard"

    @property
    def log(self) -> Path:
        """What the guard notes: loaded, refused connections, uses of the audited folder."""
        return self.folder / "guard.log"

    @property
    def run(self) -> Path:
        """Where the copy stands while something runs in it; the same path for every state."""
        return self.folder / "run" / (self.target.resolve().name or "target")

    def prepare(self) -> None:
        """Write the guard and the scripts, and the shim that keeps ``python`` under the guard."""
        self.guard.mkdir(parents=True, exist_ok=True)
        text = template("sitecustomize")
        target = os.path.join(os.path.realpath(self.target), "")
        values = {"HERE": str(self.guard), "LOG": str(self.log), "SCRATCH": str(self.folder), "TARGET": target,
                  "NETWORK": self.network}
        for name, value in values.items():
            text = text.replace(f"@{name}@", repr(value))
        (self.guard / GUARD_NAME).write_text(text, encoding="utf-8")
        for name in SCRIPTS:
            (self.folder / f"{name}.py").write_text(template(name), encoding="utf-8")
        self.run.parent.mkdir(exist_ok=True)
        (self.folder / "bin").mkdir(exist_ok=True)
        # a command that sets PYTHONPATH itself keeps the guard when it starts Python by one of these names
        shim = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(self.guard))}${{PYTHONPATH:+:$PYTHONPATH}}\n' \
               f'export PYTHONPATH\nexec {shlex.quote(str(self.python))} "$@"\n'
        for name in ("python", "python3"):
            (self.folder / "bin" / name).write_text(shim, encoding="utf-8")
            (self.folder / "bin" / name).chmod(0o755)

    def environment(self, extra: Mapping[str, str], roots: Sequence[Path] = ()) -> dict[str, str]:
        """The whole environment of a child: nothing of the caller's comes along but the search path of programs."""
        home, temporary = self.folder / "home", self.folder / "tmp"
        path = [str(self.folder / "bin"), str(self.python.parent), os.environ.get("PATH", os.defpath)]
        made = {
            **extra, "PATH": os.pathsep.join(path), "HOME": str(home), "TMPDIR": str(temporary), "LANG": "C.UTF-8",
            # no compiled modules are kept: two states of a file may have the same size and time
            "PYTHONPATH": os.pathsep.join([str(self.guard), *map(str, roots)]), "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1", "PYTHONIOENCODING": "utf-8",
        }
        if (self.python.parent.parent / "pyvenv.cfg").is_file():
            made["VIRTUAL_ENV"] = str(self.python.parent.parent)
        return made | {k: v for k, v in os.environ.items() if k in ("SYSTEMROOT", "PATHEXT")}

    def call(self, command: Sequence[str], cwd: Path, seconds: float, extra: Mapping[str, str] | None = None,
             roots: Sequence[Path] = ()) -> Ran:
        """Run a command in a session of its own; whatever it started is ended with it."""
        begun, timed_out = time.monotonic(), False
        with self.begun(command, cwd, extra, roots) as child:
            try:
                child.process.wait(seconds)
            except subprocess.TimeoutExpired:
                timed_out = True
        return Ran(child.process.returncode, child.output(), timed_out, time.monotonic() - begun)

    @contextlib.contextmanager
    def begun(self, command: Sequence[str], cwd: Path, extra: Mapping[str, str] | None = None,
              roots: Sequence[Path] = (), said: str = "output") -> Iterator[Child]:
        """The same, running while the block does; ``said`` names the file that takes what it prints."""
        for name in ("home", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(self.limits.memory), str(FILE_SIZE), *command]
        with (self.folder / said).open("wb") as output:
            process = subprocess.Popen(
                launched, cwd=cwd, env=self.environment(extra or {}, roots), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )
        try:
            yield Child(process, self.folder / said)
        finally:
            end(process)

    def noted(self, word: str) -> tuple[str, ...]:
        """What the guard noted under a word, each once."""
        if not self.log.is_file():
            return ()
        lines = self.log.read_bytes()[:1_000_000].decode("ascii", "replace").split("\n")
        return tuple(dict.fromkeys(rest for line in lines for head, _, rest in [line.partition("\t")] if head == word))

    def shown(self, text: str) -> str:
        """A line of a child's output without absolute paths and secrets, bounded."""
        for known in (self.run, self.folder, self.target.resolve(), self.python.parent.parent):
            text = text.replace(f"{known}{os.sep}", "").replace(str(known), "…")
        text = re.sub(r"(?<![\w.:/])/(?:[^\s/'\":]{1,255}/){1,40}", "", text)
        return mask(" ".join(text.split())[:600])[:300]


def template(name: str) -> str:
    """The text of a script that children run."""
    return (files("readybook") / "templates" / "verify" / f"{name}.py.tmpl").read_text(encoding="utf-8")


def read_answer(path: Path, limit: int = 64 * 1024 * 1024) -> object:
    """The JSON that a child left; None when it left none. The child is not ours: anything may stand there."""
    try:
        if path.is_symlink() or path.stat().st_size > limit:
            return None
        return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
    except (OSError, ValueError, RecursionError):
        return None


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - KEPT_OUTPUT))
        return file.read().decode("utf-8", "replace")
