"""Putting a series on top of the target's files, commit by commit, with ``git am`` in a repository of our own.

The repository holds only the files that patches touch and stands apart from the folder in which code runs, so nothing
that the audited code does can reach git.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from readybook.errors import PatchError
from readybook.gitpatch import SETTINGS, PatchRepository, diff_part, environment, git_program
from readybook.records import record
from readybook.verify.delivered import Piece

IDENTITY = ("user.name=Readybook", "user.email=readybook@localhost")


@record
class Step:
    """One patch after it was tried: ``reason`` why it does not apply (empty: it does), ``changes`` the bytes of all
    files that differ from the base once it and those before it are in, ``own`` the paths it changed itself."""

    piece: Piece
    reason: str
    changes: Mapping[str, bytes]
    own: tuple[str, ...]


def applied(pieces: Sequence[Piece], base: Path, folder: Path) -> tuple[Step, ...]:
    """Apply the pieces one after the other; one that does not apply is left out and the next is tried.

    ``base`` holds the files as they were audited; ``folder`` is made, used and left for the caller to remove.
    """
    git = _Git(folder)
    touched = sorted({path for piece in pieces for path in git.paths(piece.data)})
    for path in touched:
        source = base / path
        if source.is_file() and not source.is_symlink():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(source.read_bytes())
            (folder / path).chmod(source.stat().st_mode & 0o777)
    git.begin()
    steps, changes = list[Step](), dict[str, bytes]()
    for piece in pieces:
        reason = git.take(piece.data)
        own = () if reason else git.changed()
        gone = [path for path in own if not (folder / path).is_file()]
        if gone:
            reason, own = f"deletes or replaces {gone[0]}, which is not tried", ()
            git.back()
        changes = {**changes, **{path: (folder / path).read_bytes() for path in own}}
        steps.append(Step(piece, reason, changes, own))
    return tuple(steps)


def alone(pieces: Sequence[Piece], base: Path, folder: Path) -> dict[int, bool]:
    """Whether each single form applies to the base by itself, by number; pieces without one are left out."""
    singles = {piece.number: diff_part(piece.single) for piece in pieces if piece.single is not None}
    git = _Git(folder)
    touched = {path for piece in pieces if piece.single for path in git.paths(piece.single)}
    held = {p: (base / p).read_bytes() for p in sorted(touched)
            if (base / p).is_file() and not (base / p).is_symlink()}
    executable = frozenset(path for path in held if (base / path).stat().st_mode & 0o100)
    with PatchRepository(held, executable) as repository:
        return {number: repository.applies([diff]) for number, diff in singles.items()}


class _Git:
    """git on a folder of ours, with no configuration but ours."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._store = folder.with_name(folder.name + ".git")
        settings = [part for one in (*SETTINGS, *IDENTITY) for part in ("-c", one)]
        self._command = [git_program(), *settings, f"--git-dir={self._store}", f"--work-tree={folder}"]
        self._run("init", "--quiet", "--template=")
        (self._store / "info").mkdir(exist_ok=True)
        # what the target's .gitattributes say about line ends would change the bytes that were audited
        (self._store / "info" / "attributes").write_text("* -text !eol -filter -ident !working-tree-encoding\n")

    def begin(self) -> None:
        self._run("add", "--force", "--all")
        self._run("commit", "--quiet", "--allow-empty", "--no-verify", "--message", "base")

    def paths(self, mail: bytes) -> tuple[str, ...]:
        """The files that a patch touches; none when git cannot read it."""
        done = self._call("apply", "--numstat", "-z", "-", given=mail)
        rows = done.stdout.decode("utf-8", "surrogateescape").split("\0") if not done.returncode else []
        return tuple(row.split("\t", 2)[2] for row in rows if row.count("\t") >= 2)

    def take(self, mail: bytes) -> str:
        """Commit a patch; why it does not apply, empty when it does."""
        done = self._call("am", "--quiet", "--keep-cr", "--no-3way", given=mail)
        if not done.returncode:
            return ""
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().split("\n")
        self._call("am", "--abort")
        first = next((line for line in said if line.startswith(("error:", "fatal:"))), said[0])
        return "does not apply: " + first.removeprefix("error: ").removeprefix("fatal: ")

    def changed(self) -> tuple[str, ...]:
        """The paths that the last commit changed."""
        done = self._call("diff-tree", "--no-commit-id", "--name-only", "--no-renames", "-r", "-z", "HEAD")
        return tuple(path for path in done.stdout.decode("utf-8", "surrogateescape").split("\0") if path)

    def back(self) -> None:
        """Take the last commit away."""
        self._run("reset", "--quiet", "--hard", "HEAD~1")

    def _run(self, *arguments: str) -> None:
        done = self._call(*arguments)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            raise PatchError(f"git {arguments[0]} failed: {said}")

    def _call(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*self._command, *arguments], input=given, capture_output=True, check=False,
                              cwd=self._folder, env=environment(str(self._store)))
