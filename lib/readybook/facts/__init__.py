"""Facts: what the target is, by static reading. Facts know neither findings nor checks and hold no syntax nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readybook.project import Project


class Facts:
    """Everything known about one project; each family is worked out when first asked for."""

    def __init__(self, project: Project) -> None:
        self.project = project
