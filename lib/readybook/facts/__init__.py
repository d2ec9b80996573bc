"""Facts: what the target is, by static reading. Facts know neither findings nor checks and hold no syntax nodes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from readybook.facts.surroundings import Surroundings

if TYPE_CHECKING:
    from readybook.facts.application import Route, Unresolved
    from readybook.facts.behaviour import Behaviour
    from readybook.facts.engines import Engine
    from readybook.facts.modules import Modules
    from readybook.facts.settings import SettingsClass, Variable
    from readybook.facts.syntax import Node
    from readybook.source import SourceFile
    from readybook.facts.program import App, Program
    from readybook.project import Project


class Facts(Surroundings):
    """Everything known about one project; each family is worked out when first asked for."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def modules(self) -> Modules:
        """Every Python file, lowered, and the import system over them."""
        from readybook.facts.modules import Modules

        python = {p: s for p, s in self.project.files.items() if p.endswith(".py")}
        return Modules(python, self.project.app_dir, frozenset(), self._unchanged(python))

    def _unchanged(self, python: dict[str, SourceFile]) -> dict[str, tuple[tuple[Node, ...], bool]]:
        """What the project this one was made from already lowered, for the files that are still the same."""
        base = self.project.base
        if base is None or "facts" not in base.__dict__ or "modules" not in base.facts.__dict__:
            return {}
        before = base.facts.modules.by_path
        return {p: (before[p].body, before[p].exact) for p, s in python.items()
                if p in before and base.files.get(p) is s}

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

    @cached_property
    def behaviour(self) -> Behaviour:
        """Every call of application code with its resolved name, the call graph, what serves requests."""
        from readybook.facts.behaviour import Behaviour

        return Behaviour(self.program)

    @cached_property
    def settings_classes(self) -> tuple[SettingsClass, ...]:
        """Classes that read their fields from the environment."""
        from readybook.facts.settings import settings_classes

        return settings_classes(self.program.everything)

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Every environment variable that application code reads."""
        from readybook.facts.settings import variables

        return variables(self.settings_classes, self.behaviour)

    @cached_property
    def engines(self) -> tuple[Engine, ...]:
        """SQLAlchemy engines of application code."""
        from readybook.facts.engines import engines

        return engines(self.behaviour, None, frozenset())

    def guarded(self, route: Route) -> bool:
        """Whether a route authenticates who calls it."""
        from readybook.facts.authentication import guarded

        return guarded(self.behaviour, route)
