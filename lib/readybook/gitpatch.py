"""Patches made and tried by git in a throw-away repository of our own; the target's repository is never touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from readybook.errors import PatchError
from readybook.records import record

AUTHOR = "Readybook <readybook@localhost>"
# A fixed moment, so that the same target and checks give the same bytes.
MOMENT = "946684800 +0000"
SETTINGS = (
    "core.autocrlf=false", "core.eol=lf", "core.safecrlf=false", "core.fsmonitor=false", "core.quotePath=true",
    "commit.gpgsign=false", "gc.auto=0", f"core.hooksPath={os.devnull}", f"core.attributesFile={os.devnull}",
    "i18n.logOutputEncoding=utf-8", "format.signOff=false", "diff.algorithm=myers",
)
FORMAT = ("--zero-commit", "--no-signature", "--no-numbered", "--full-index", "--binary", "--no-renames",
          "--no-ext-diff", "--no-textconv", "--no-color", "--unified=3")


@record
class Commit:
    """A message and the bytes of the files that the commit leaves behind, by path; ``executable`` are those to run."""

    message: str
    files: Mapping[str, bytes]
    executable: frozenset[str] = frozenset()


def git_program() -> str:
    """The git program; raises PatchError when there is none."""
    program = shutil.which("git")
    if program is None:
        raise PatchError("patches are made by git, which is not installed: install git and run again")
    return program


def environment(home: str) -> dict[str, str]:
    """The environment of a git process that no configuration of the user or the machine reaches."""
    return {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": home, "LC_ALL": "C", "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
        **{k: v for k, v in os.environ.items() if k in ("SYSTEMROOT", "TMPDIR", "TEMP", "TMP")},
    }


class PatchRepository:
    """A bare repository in a temporary folder whose base holds the given files. Use as a context manager."""

    def __init__(self, base: Mapping[str, bytes], executable: frozenset[str] = frozenset()) -> None:
        self._program = git_program()
        self._base = Commit("base", base, executable)
        self._folder = tempfile.TemporaryDirectory(prefix="readybook-patch-")
        self._git_dir = Path(self._folder.name) / "patches.git"
        self._branches = 0

    def __enter__(self) -> PatchRepository:
        self._run("init", "--quiet", "--bare", "--template=", str(self._git_dir), bare=False)
        self._import("base", None, [self._base])
        self._run("read-tree", "refs/heads/base")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def formatted(self, commits: Sequence[Commit]) -> list[bytes]:
        """The commits, each on the one before it and the first on the base, as mails that ``git am`` takes."""
        if not commits:
            return []
        self._branches += 1
        branch = f"stack{self._branches}"
        self._import(branch, "base", commits)
        out = Path(self._folder.name) / branch
        self._run("format-patch", "--quiet", *FORMAT, "-o", str(out), f"refs/heads/base..refs/heads/{branch}")
        mails = [path.read_bytes() for path in sorted(out.iterdir())]
        if len(mails) != len(commits):
            raise PatchError(f"git made {len(mails)} patches of {len(commits)} commits: one of them changes nothing")
        return mails

    def applies(self, diffs: Sequence[bytes]) -> bool:
        """Whether the diffs apply to the base, one after the other."""
        done = self._call("apply", "--cached", "--check", "--whitespace=nowarn", "-", given=b"".join(diffs))
        return done.returncode == 0

    def _import(self, branch: str, parent: str | None, commits: Sequence[Commit]) -> None:
        stream = [b"feature done\n"]
        for number, commit in enumerate(commits):
            message = commit.message.encode("utf-8", "backslashreplace")
            stream.append(f"commit refs/heads/{branch}\ncommitter {AUTHOR} {MOMENT}\n".encode())
            stream.append(b"data %d\n%s\n" % (len(message), message))
            if number == 0 and parent:
                stream.append(f"from refs/heads/{parent}^0\n".encode())
            for path, data in sorted(commit.files.items()):
                mode = b"100755" if path in commit.executable else b"100644"
                stream.append(b"M %s inline %s\ndata %d\n%s\n" % (mode, _quoted(path), len(data), data))
        stream.append(b"done\n")
        self._run("fast-import", "--quiet", "--date-format=raw", given=b"".join(stream))

    def _run(self, *arguments: str, given: bytes = b"", bare: bool = True) -> bytes:
        done = self._call(*arguments, given=given, bare=bare)
        if done.returncode:
            reason = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            raise PatchError(f"git {arguments[0]} failed: {reason}")
        return done.stdout

    def _call(self, *arguments: str, given: bytes = b"", bare: bool = True) -> subprocess.CompletedProcess[bytes]:
        settings = [part for one in SETTINGS for part in ("-c", one)]
        where = [f"--git-dir={self._git_dir}"] if bare else []
        return subprocess.run(
            [self._program, *settings, *where, *arguments], input=given, capture_output=True, check=False,
            cwd=self._folder.name, env=environment(self._folder.name),
        )


def diff_part(mail: bytes) -> bytes:
    """The diff in a mail of ``git format-patch``."""
    at = mail.find(b"\ndiff --git ")
    return mail[at + 1:] if at >= 0 else b""


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return b'"' + escaped.encode("utf-8", "surrogateescape") + b'"'


LOOSE = frozenset(
    "a an the and or of in on at to by for from with as is are be its it that which than into not per every each all no"
    .split())


def short_subject(title: str, width: int = 59) -> str:
    """A fix's title as the subject of a commit: cut between words, and never after one that points to the next."""
    title = title.rstrip(".")
    if len(title) <= width:
        return title[:1].lower() + title[1:] if title[1:2].islower() else title
    cut = title[:width].rpartition(" ")[0].rstrip(",;:") or title[:width]
    while (last := cut.rpartition(" "))[0] and last[2].strip("(").lower() in LOOSE:  # "... one envelope and the"
        cut = last[0].rstrip(",;:")
    return short_subject(cut, len(cut))
