"""The target as an immutable set of text files, plus the facts that are known about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from readybook.source import SourceFile, made

if TYPE_CHECKING:
    from readybook.facts import Facts


@dataclass(frozen=True)
class Project:
    """A codebase to audit.

    ``files`` maps posix paths relative to the target to text files. ``present`` holds the paths of all files that were
    seen, read or not; ``tracked`` those that git tracks (None: the target is no git repository). ``unreadable`` holds
    (path, reason) of what could not be read. ``app`` and ``app_dir`` are the caller's choice of application and import
    root, empty to find them. ``public_api`` says that the API is meant to be called by anybody. ``folder`` is where the
    target lies, for the cache of facts; None keeps nothing on disk. It is never shown.
    """

    name: str
    files: Mapping[str, SourceFile]
    present: frozenset[str] = frozenset()
    tracked: frozenset[str] | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    commit: str | None = None
    app: str = ""
    app_dir: str = ""
    public_api: bool = False
    base: Project | None = field(default=None, repr=False, compare=False)
    folder: Path | None = field(default=None, repr=False, compare=False)

    @classmethod
    def open(
        cls,
        target: str | Path,
        *,
        app: str = "",
        app_dir: str = "",
        exclude: Iterable[str] = (),
        name: str = "",
        public_api: bool = False,
        cache: bool = True,
    ) -> Project:
        """Read a target folder; raises TargetError when there is nothing to read. Nothing in it is run."""
        from readybook.reading import read_target

        read = read_target(Path(target), tuple(exclude), app_dir)
        return cls(
            name=name or read.name, files=MappingProxyType(read.files), present=read.present, tracked=read.tracked,
            unreadable=read.unreadable, commit=read.commit, app=app, app_dir=read.app_dir, public_api=public_api,
            folder=Path(target).absolute() if cache else None,
        )

    @classmethod
    def from_files(cls, files: Mapping[str, str], *, name: str = "project", app: str = "", app_dir: str = "",
                   public_api: bool = False) -> Project:
        """A project from path → text, as tests and examples build it."""
        sources = {path: SourceFile(path, text) for path, text in files.items()}
        return cls(name=name, files=MappingProxyType(sources), present=frozenset(sources), app=app, app_dir=app_dir,
                   public_api=public_api)

    def with_files(self, files: Mapping[str, str]) -> Project:
        """A copy in which each of ``files`` has the given text; facts of unchanged files are taken over."""
        sources = dict(self.files)
        for path, text in files.items():
            old = sources.get(path)
            sources[path] = old.with_text(text) if old else made(path, text)
        return replace(self, files=MappingProxyType(sources), present=self.present | frozenset(files), base=self)

    def text(self, path: str) -> str:
        """The text of a file; raises KeyError when the target has no such text file."""
        return self.files[path].text

    def line(self, path: str, number: int) -> str:
        """Line ``number`` (1-based) of a file without its line end, empty when there is no such line."""
        lines = self.files[path].lines
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""

    def _repr_html_(self) -> str:
        from readybook.display import project_html

        return str(project_html(self))

    @cached_property
    def facts(self) -> Facts:
        """Everything that is known about the target, worked out when first asked for."""
        from readybook.facts import Facts

        return Facts(self)
