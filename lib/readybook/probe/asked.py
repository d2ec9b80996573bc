"""All questions put to one application: stores and service started, asked, stopped; the result is probe.json."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readybook.errors import ConfigError, TargetError
from readybook.facts.liveness import allowed_hosts
from readybook.masking import mask
from readybook.probe.addresses import kind_of, wanted
from readybook.probe.failures import AT_THE_END, WHEN_WRONG
from readybook.probe.observed import observations
from readybook.probe.questions import LAST, WITH_ALL, WITHOUT_STORES
from readybook.probe.service import Service, serving
from readybook.probe.stores import Absent, Store, started
from readybook.probe.surroundings import candidates, is_production
from readybook.probe.talk import Question, Seen, Talk, unknown
from readybook.verify.children import Limits, Room
from readybook.verify.copying import Copy, copied
from readybook.verify.starting import Served, served_apps
from readybook.verify.verdicts import GUARD, python_version

if TYPE_CHECKING:
    from readybook.facts.program import App
    from readybook.project import Project
    from readybook.rendering import Audited

SCHEMA_VERSION = 1
LINES = 12  # of evidence for each question


def probe(ran: Audited, target: Path, *, python: Path, network: bool = False, given: Mapping[str, str] | None = None,
          limits: Limits | None = None, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Start the audited target's application from a copy and ask it; returns the content of probe.json.

    ``python`` is the interpreter that has the target's packages, ``given`` variables that win over those found. Runs
    the target's code. Raises ConfigError when there is no application or the Python does not run.
    """
    from readybook.patch import base_digest

    if ran.project is None:
        raise TargetError("there is no target to probe")
    apps = served_apps(ran.project.facts)
    if not apps:
        raise ConfigError("no application was found to start: name it with --app module:attribute")
    app = next(a for a in ran.project.facts.apps if a.spec == apps[0].spec)
    with tempfile.TemporaryDirectory(prefix="readybook-probe-", ignore_cleanup_errors=True) as scratch:
        room = Room(Path(scratch).resolve(), target, python, network, limits or Limits())
        room.prepare()
        version = python_version(room)
        copy = copied(target, room.folder / "copy", ran.project.tracked, room.folder)
        work = _Probing(ran.project, app, apps[0], room, copy, dict(given or {}), tell)
        work.run()
        document = {
            "schema_version": SCHEMA_VERSION, "app": apps[0].spec, "started": work.started, "reason": work.reason,
            "base_digest": base_digest(ran.project), "probes": work.rows(ran),
            "surroundings": {"production": work.production, "stores": work.provided, "not_provided": work.absent,
                             "variables": sorted(work.values)},
            "isolation": {
                "network": "allowed" if network else "this machine only", "guard": GUARD, "jail": False,
                "guarded": bool(room.noted("loaded")), "python": version,
                "refused": [mask(what) for what in room.noted("refused")[:40]],
            },
        }
    return document


@dataclass
class _Probing:
    project: Project
    app: App
    served: Served
    room: Room
    copy: Copy
    given: dict[str, str]
    tell: Callable[[str], None]
    started: bool = False
    reason: str = ""
    production: bool = False
    values: dict[str, str] = field(default_factory=dict)
    provided: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    seen: dict[str, tuple[Question, Seen, list[str]]] = field(default_factory=dict)

    def run(self) -> None:
        """Ask everything; what cannot be asked is unknown."""
        given = {kind_of(v) for v in self.project.facts.variables if v.name in self.given}
        kinds = [store for store in wanted(self.project) if store.kind not in given]
        self.tell(f"starting {', '.join(kind.kind for kind in kinds)}" if kinds else "no store is needed")
        with started(kinds) as stores:
            self.provided = [store.kind for store in stores if not isinstance(store, Absent)]
            self.absent = [store.kind for store in stores if isinstance(store, Absent)]
            self._with_all(stores)
            self._again(stores)
        for question in (*WITH_ALL, *WHEN_WRONG, *WITHOUT_STORES, *AT_THE_END, *LAST):
            self.seen.setdefault(question.id, (question, unknown(f"the application did not start: {self.reason}"), []))

    def _with_all(self, stores: list[Store]) -> None:
        """The first service: all questions but that which spoils a service for the others."""
        reasons = []
        for number, values in enumerate(candidates(self.project, stores, self.given)):
            self.tell(f"starting {self.served.spec}" + (" with other variables" if number else ""))
            with self._serving(values) as service:
                if isinstance(service, str):
                    reasons.append(service)
                    continue
                self.started, self.values, self.production = True, values, is_production(self.project, values)
                self._ask(service, (*WITH_ALL, *WHEN_WRONG))
                for store in stores:
                    store.stop()
                self._ask(service, WITHOUT_STORES)
                self._ask(service, AT_THE_END)
                return
        self.reason = reasons[0] if reasons else ""

    def _again(self, stores: list[Store]) -> None:
        """A second service, for the question that asks too much."""
        if not self.started:
            return
        for store in stores:
            store.start()
        with self._serving(self.values) as service:
            if isinstance(service, Service):
                self._ask(service, LAST)
            else:
                self.reason = service

    def _serving(self, values: dict[str, str]) -> Any:
        hosts = allowed_hosts(self.app) or ("localhost",)
        host = next((h for h in ("localhost", "127.0.0.1", "*", *hosts) if h in hosts), hosts[0])
        host = "localhost" if host == "*" else host.replace("*", "probe")
        return serving(self.room, self.copy, self.served, values, host)

    def _ask(self, service: Service, questions: Iterable[Question]) -> None:
        for question in questions:
            talk = Talk(self.project, self.app, service, self.production, tuple(self.provided), tuple(self.absent))
            if service.ended(0) is not None and question.id not in self.seen:
                seen = unknown(f"the service ended with code {service.child.process.returncode}")
            else:
                seen = question.ask(talk)
            self.seen[question.id] = question, seen, talk.lines
            self.tell(f"{question.id}: {seen.outcome.replace('_', ' ')}: {seen.observed}")

    def rows(self, ran: Audited) -> list[dict[str, Any]]:
        """The entries of probe.json, each with what the checks said of the code and which of them it overrules."""
        rows = [
            {"id": question.id, "question": question.text, "checks": list(question.checks),
             "observed": mask(seen.observed), "expected": question.expected, "outcome": seen.outcome,
             "evidence": mask("\n".join(lines[:LINES])),
             "settles": sorted(question.settles if seen.settles is None else seen.settles)}
            for question, seen, lines in self.seen.values()
        ]
        overruled = {o.check for o in observations(rows, ran.report, self.served.spec) if o.overrules}
        static = {result.id: result.outcome for result in ran.report.results}
        for row in rows:
            row["static"] = {check: static[check] for check in row["checks"] if check in static}
            row["overrules"] = [check for check in row["checks"] if check in overruled]
        return rows

