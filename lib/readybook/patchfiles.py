"""A series as files in a folder, and a series committed to the target on a branch of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from readybook.errors import PatchError
from readybook.gitpatch import AUTHOR, git_program
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.patch import Series

OURS = regex(r"\d{4,}-[\w.-]+\.patch")
README = """\
# Patches for {name}

Each file is one commit: what it changes, why, which findings it cures, how safe it is. The numbered files build on each
other; take them together, from the folder that was audited:

    git am --keep-cr {out}/*.patch

When that folder lies below the top of its repository, name it: `git am --keep-cr --directory=FOLDER …`.

The files in `single/` hold each patch alone, against the code as it was audited:

    git apply {out}/single/FILE.patch

`series.json` says which patches need others (`requires`) and which single ones exclude each other (`conflicts`). To
take only some, make a series of those: `readybook fix TARGET --only ID,ID --out DIR`.
"""


def write_series(made: Series, out: Path) -> list[Path]:
    """Write the patches, ``single/``, a README and last series.json; each file appears whole or not at all.

    Patch files that an earlier series left in the folder are removed; other files stay.
    """
    files = {patch.file: patch.data for patch in made.patches}
    files |= {f"single/{patch.file}": patch.data for patch in made.single}
    if made.patches:
        files["README.md"] = README.format(name=made.target, out="PATCHES").encode()
    files["series.json"] = (json.dumps(made.to_dict(), indent=1, ensure_ascii=False) + "\n").encode()
    (out / "single").mkdir(parents=True, exist_ok=True)
    for folder, prefix in ((out, ""), (out / "single", "single/")):
        for old in folder.iterdir():
            if OURS.fullmatch(old.name) and prefix + old.name not in files and old.is_file():
                old.unlink()
    written = []
    for name, data in files.items():
        _write(out / name, data)
        written.append(out / name)
    return written


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".readybook-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def branch_name(made: Series) -> str:
    """The branch a series is applied on: the same series gives the same name."""
    digest = hashlib.sha256("".join(patch.sha256 for patch in made.patches).encode()).hexdigest()
    return f"readybook/{digest[:12]}"


def apply_series(target: Path, made: Series) -> str:
    """Commit the series on a new branch; raises PatchError, with nothing left behind, when it cannot be.

    Refused: no git repository, a tree that is not clean, a branch of that name, files that changed since the audit.
    """
    if not made.patches:
        raise PatchError("there is no patch to apply")
    git = _Git(target)
    if git.ask("rev-parse", "--is-inside-work-tree") != "true":
        raise PatchError("the target is no git work tree: apply the patch files by hand")
    if git.ask("rev-parse", "--verify", "--quiet", "HEAD") is None:
        raise PatchError("the target's repository has no commit yet")
    if git.ask("status", "--porcelain", "--untracked-files=normal") != "":
        raise PatchError("the target's tree has uncommitted changes: commit or stash them first")
    branch = branch_name(made)
    if git.ask("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}") is not None:
        raise PatchError(f"the branch {branch} exists already")
    prefix = git.ask("rev-parse", "--show-prefix") or ""
    start = git.ask("symbolic-ref", "--quiet", "--short", "HEAD") or git.ask("rev-parse", "HEAD") or "HEAD"
    with tempfile.TemporaryDirectory(prefix="readybook-apply-") as folder:
        paths = []
        for patch in made.patches:
            path = Path(folder) / patch.file
            path.write_bytes(patch.data)
            paths.append(str(path))
        git.run("switch", "--quiet", "--create", branch)
        where = [f"--directory={prefix.rstrip('/')}"] if prefix else []
        try:
            git.run("am", "--quiet", "--keep-cr", "--no-3way", *where, *paths)
        except PatchError:
            git.ask("am", "--abort")
            git.run("switch", "--quiet", *(["--detach"] if re.fullmatch(r"[0-9a-f]{40,64}", start) else []), start)
            git.run("branch", "--quiet", "-D", branch)
            raise
    return branch


class _Git:
    """git in the target, as its owner asked for; hooks, the file watcher and signing are left out."""

    def __init__(self, target: Path) -> None:
        self._command = [
            git_program(), "-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false",
            "-c", "commit.gpgsign=false", "-c", "gc.auto=0", "-c", "advice.detachedHead=false",
        ]
        self._target = target
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        self._environment |= {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        if self.ask("var", "GIT_COMMITTER_IDENT") is None:
            name, _, mail = AUTHOR.rstrip(">").partition(" <")
            self._environment |= {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail}

    def ask(self, *arguments: str) -> str | None:
        """The answer of a git command without its last line break, None when it fails."""
        done = self._call(arguments)
        return None if done.returncode else done.stdout.rstrip("\n")

    def run(self, *arguments: str) -> None:
        """Run a git command; raises PatchError with its first line of complaint."""
        done = self._call(arguments)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).partition("\n")[0]
            raise PatchError(f"git {arguments[0]} failed: {said}")

    def _call(self, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments], cwd=self._target, env=self._environment, capture_output=True, check=False,
            encoding="utf-8", errors="surrogateescape",
        )
