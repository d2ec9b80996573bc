"""Who meets each finding: the routes whose requests run the code at its place, and how many of them are open to all."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import field
from typing import TYPE_CHECKING

from readybook.facts.behaviour import functions_behind
from readybook.facts.reach import startup_functions
from readybook.finding import Finding, Reach
from readybook.project import Project
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.objects import FunctionValue

WHOLE = ("application", "test")  # what stands in a test is about the tests of the whole
MAX_VISITED = 4000  # functions looked at for one finding


@record
class _Span:
    first: int
    last: int
    node: int
    function: FunctionValue = field(repr=False)


class Exposure:
    """The way back from a line of a project to the routes that lead to it."""

    def __init__(self, project: Project) -> None:
        self.facts = project.facts
        behaviour = self.facts.behaviour
        self.routes = self.facts.routes
        self.guarded = [self.facts.guarded(route) for route in self.routes]
        self._spans: dict[str, list[_Span]] = defaultdict(list)
        for function in behaviour.run.functions.values():
            node = function.node
            if node[0] == "def":
                first = min(node[1], node[10])  # its decorators included
                self._spans[function.module.path].append(_Span(first, node[3], id(node), function))
        self._entries: dict[int, set[int]] = defaultdict(set)
        for number, route in enumerate(self.routes):
            for target in (route.handler, *route.targets):
                for behind in functions_behind(target):
                    self._entries[id(behind.original.node)].add(number)
        self._always = {id(e.function.original.node) for e in behaviour.entries if e.route is None}
        self._starting = {id(f.original.node) for f in startup_functions(behaviour)}
        self._known: dict[int, Reach] = {}

    def of(self, finding: Finding) -> Reach:
        """Who meets a finding."""
        path = finding.place.path
        if path.endswith(".py"):
            if self.facts.role(path) not in WHOLE:
                return Reach("none")
            span = self._enclosing(path, finding.place.line)
            if span is not None:
                reach = self._of_function(span)
                # an application's own shortcoming stands where the application is built
                return self._whole() if reach.scope == "unclear" and finding.app else reach
        return self._whole()

    def _whole(self) -> Reach:
        return Reach("service", len(self.routes), self.guarded.count(False))

    def _enclosing(self, path: str, line: int) -> _Span | None:
        around = [s for s in self._spans.get(path, ()) if s.first <= line <= s.last]
        return min(around, key=lambda s: s.last - s.first, default=None)

    def _of_function(self, span: _Span) -> Reach:
        if span.node not in self._known:
            self._known[span.node] = self._walk(span)
        return self._known[span.node]

    def _walk(self, span: _Span) -> Reach:
        """Backwards over the calls: routes that lead here, or set-up code, or nothing that the code shows."""
        met, set_up = set[int](), False
        queue, seen = deque([id(span.function.original.node)]), {id(span.function.original.node)}
        while queue and len(seen) < MAX_VISITED:
            here = queue.popleft()
            if here in self._always:  # middleware and exception handlers see every request
                return self._whole()
            met |= self._entries.get(here, set())
            set_up = set_up or here in self._starting
            for call, _ in self.facts.behaviour.callers.get(here, ()):
                caller = call.site.function
                if caller is None:  # at module level: while the service starts
                    set_up = True
                elif (node := id(caller.original.node)) not in seen:
                    seen.add(node)
                    queue.append(node)
        if met:
            return Reach("routes", len(met), sum(not self.guarded[n] for n in met))
        return self._whole() if set_up or self._sets_up(span) else Reach("unclear")

    def _sets_up(self, span: _Span) -> bool:
        """Whether a function builds an application or runs while a module is loaded."""
        places = [app.place for app in self.facts.apps]
        return any(p.path == span.function.module.path and span.first <= p.line <= span.last for p in places)


def exposed(project: Project, findings: Iterable[Finding]) -> list[Reach]:
    """Who meets each of the findings, in their order."""
    exposure: Exposure | None = None
    found = []
    for finding in findings:
        exposure = exposure or Exposure(project)
        found.append(exposure.of(finding))
    return found
