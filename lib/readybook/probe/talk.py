"""What a question is, what it gets to ask, and what it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from readybook.facts.program import App
from readybook.probe.asking import Answer, Client
from readybook.probe.service import Service
from readybook.project import Project
from readybook.records import record

BOTH, PASSED, FAILED, NEITHER = frozenset({"passed", "failed"}), frozenset({"passed"}), frozenset({"failed"}), \
    frozenset[str]()


@record
class Seen:
    """What was seen: ``outcome`` passed, failed, not_applicable or unknown; ``observed`` in one sentence; ``evidence``
    lines of the conversation. ``settles`` narrows the question's own where set."""

    outcome: str
    observed: str
    evidence: str = ""
    settles: frozenset[str] | None = None


@record
class Question:
    """One question to the running service.

    ``checks`` are the checks whose question it answers too; ``settles`` the outcomes that overrule what such a check
    said of the code. What a proxy may do in place of the application settles nothing when the application does not.
    """

    id: str
    text: str
    expected: str
    checks: tuple[str, ...]
    settles: frozenset[str]
    ask: Callable[[Talk], Seen]


@dataclass
class Talk:
    """The conversation with one started service. ``production``: it was told that this is production. ``down``: kinds
    of store that the target uses and that are not there; ``stores`` those that are."""

    project: Project
    app: App
    service: Service
    production: bool
    stores: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)

    @property
    def client(self) -> Client:
        """Asks the service."""
        return self.service.client

    def get(self, path: str, **options: object) -> Answer:
        """One request, noted as evidence."""
        answer = self.client.ask(path, **options)  # type: ignore[arg-type]
        self.note(f"{options.get('method', 'GET')} {path}", answer)
        return answer

    def own(self, name: str) -> str:
        """The path of one of the probe's own routes."""
        return f"{self.service.own}/{name}"

    def note(self, what: str, answer: Answer) -> None:
        """Keep what was said as evidence."""
        self.lines.append(f"{what.replace(self.service.own or '-', '/…')} {answer.shown}")

    def reaches(self) -> str:
        """Why the probe's own routes cannot be asked, empty when they can."""
        if not self.service.own:
            return "the application takes no routes, so none of the probe's own could be asked"
        answer = self.client.ask(self.own("ok"))
        return "" if answer.status == 200 else f"a route without any requirement {answer.shown}"


def unknown(why: str) -> Seen:
    """The question could not be put."""
    return Seen("unknown", why)
