"""The state of one application of intents: drafts by path, imports asked for, and what the edits need of the target."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from readybook.edits.drafts import Clash, Draft, Splice
from readybook.edits.modules import Modules
from readybook.edits.python_source import PythonSource, parse
from readybook.edits.style import Style, house_style, indented, requoted
from readybook.errors import PatchError
from readybook.intents import EnsureImport, EnsureModuleStatement
from readybook.place import Place
from readybook.project import Project


class Work:
    """Drafts over a project. ``fork()`` before a finding's intents, keep the fork when all of them succeed."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.drafts: dict[str, Draft] = {}
        self.wants: tuple[EnsureImport, ...] = ()
        self.statements: tuple[EnsureModuleStatement, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.chosen: dict[str, str] = {}
        self.near = ""  # a file of the part of the target that the present intents are about

    def fork(self) -> Work:
        """A copy whose changes leave this one as it is."""
        other = Work(self.project)
        other.drafts, other.wants, other.notes = dict(self.drafts), self.wants, self.notes
        other.statements, other.near = self.statements, self.near
        other.chosen = dict(self.chosen)
        if "modules" in self.__dict__:
            other.__dict__["modules"] = self.modules
        return other

    def text(self, path: str) -> str | None:
        """The text of a path with all that is planned; None when there is no such text file."""
        if path in self.drafts:
            return self.drafts[path].text
        file = self.project.files.get(path)
        return file.text if file else None

    def draft(self, path: str) -> Draft:
        """The draft of an existing text file; raises PatchError when there is none."""
        if path not in self.drafts:
            text = self.text(path)
            if text is None:
                raise PatchError(f"{path}: there is no such text file")
            self.drafts[path] = Draft(path, text, text)
        return self.drafts[path]

    def create(self, path: str, text: str) -> None:
        """Plan a new file; raises PatchError when the path is unusable or taken."""
        parts = path.split("/")
        if path.startswith("/") or "\\" in path or set(parts) & {"", ".", "..", ".git"} or not path.isprintable():
            raise PatchError(f"{path!r}: not a path inside the target")
        if self.text(path) is not None or path in self.project.present:
            raise PatchError(f"{path}: exists already")
        self.drafts[path] = Draft(path, None, text)
        self.__dict__.pop("modules", None)

    def exists(self, path: str) -> bool:
        """Whether the target has the path, or will have it."""
        return path in self.drafts or path in self.project.files or path in self.project.present

    @property
    def paths(self) -> set[str]:
        """All paths of text files, planned ones among them."""
        return set(self.project.files) | set(self.drafts)

    @cached_property
    def modules(self) -> Modules:
        """The target's Python files as modules; the paths are those of the start, planned files are added by name."""
        return Modules(self.paths, self.text, self.project.app_dir)

    def source(self, path: str) -> PythonSource:
        """The parsed base of a Python file's draft."""
        return parse(path, self.draft(path).base)

    def plan(self, path: str, planner: Callable[[PythonSource, Draft], list[Splice]]) -> None:
        """Plan the splices that ``planner`` works out for the file, on a settled base when they meet earlier ones."""
        draft = self.draft(path)
        try:
            self.drafts[path] = draft.plan(planner(parse(path, draft.base), draft))
        except Clash:
            draft = draft.settled()
            self.drafts[path] = draft.plan(planner(parse(path, draft.base), draft))

    def plan_text(self, path: str, planner: Callable[[str, Draft], list[Splice]]) -> None:
        """The same for a file that is no Python: the planner reads the settled text."""
        draft = self.draft(path).settled()
        self.drafts[path] = draft.plan(planner(draft.base, draft))

    def style(self, path: str) -> Style:
        """The house style that governs a path."""
        return house_style(path, self.text)

    def quote(self, path: str) -> str:
        """The quote that new strings in a Python file get."""
        return self.source(path).quote or self.style(path).quote

    def fitted(self, path: str, code: str, indent: str = "", *, first: bool = False) -> str:
        """Code in the file's quotes, line breaks and steps, its further lines at ``indent``."""
        source = self.source(path)
        code = requoted(code.replace("\r\n", "\n"), self.quote(path))  # a check may hand on text of the file
        return indented(code, indent, step=source.indent, newline=source.newline, first=first)

    def note(self, text: str) -> None:
        """Keep a remark for the commit message."""
        if text not in self.notes:
            self.notes = (*self.notes, text)


def spot(place: Place) -> str:
    """``path:line`` for a message."""
    return f"{place.path}:{place.line}"


def line_span(source: PythonSource, draft: Draft, place: Place) -> tuple[int, int]:
    """Where the line that a place of the first text is on begins and ends now."""
    at = draft.now(place.line)
    end = source.text.find("\n", at)
    return source.text.rfind("\n", 0, at) + 1, len(source.text) + 1 if end < 0 else end + 1
