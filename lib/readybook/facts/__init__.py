"""Facts: what the target is, by static reading. Facts know neither findings nor checks and hold no syntax nodes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readybook.facts.application import Route, Unresolved
    from readybook.facts.modules import Modules
    from readybook.facts.program import App, Program
    from readybook.project import Project


class Facts:
    """Everything known about one project; each family is worked out when first asked for."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def modules(self) -> Modules:
        """Every Python file, lowered, and the import system over them."""
        from readybook.facts.modules import Modules

        python = {p: s for p, s in self.project.files.items() if p.endswith(".py")}
        return Modules(python, self.project.app_dir, frozenset(), {})

    @cached_property
    def program(self) -> Program:
        """The project's Python followed as one program."""
        from readybook.facts.program import Program

        return Program(self.project, self.modules, None)

    @property
    def apps(self) -> tuple[App, ...]:
        """The applications found, the chosen or served ones first."""
        return self.program.apps

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every route of every application that is not mounted in another, in order of registration."""
        return self.program.routes

    @property
    def unresolved(self) -> tuple[Unresolved, ...]:
        """Registrations whose path or router the code does not show."""
        return self.program.unresolved
