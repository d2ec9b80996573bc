"""Running checks: ask each one, derive its outcome, leave out what is waived, and make the report.

What a check yields decides its outcome. Nothing, or only NotApplicable: not_applicable. Only Rights: passed. Only
Findings: failed. Both: partial, with the share that is right. CannotTell without a finding: unknown; beside findings it
is mentioned in the reason. A check that raises: error, and the run goes on.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from readybook import registry
from readybook.check import Check, Result
from readybook.config import Config
from readybook.effort import counted_once, estimate
from readybook.errors import ReadybookError
from readybook.evidence import complete, fingerprints
from readybook.finding import CannotTell, Finding, NotApplicable, Right
from readybook.forks import shared
from readybook.ignores import Excuses
from readybook.masking import mask
from readybook.project import Project
from readybook.records import record
from readybook.report import Report, ServedApp, Target, Waived
from readybook.service import Service
from readybook.unchecked import unchecked

WORTH_SHARING = 400_000  # characters of code: below, one process is as fast as two


@record
class Asked:
    """One check's answers: findings complete (evidence, severity), masked, sorted and without duplicates."""

    findings: tuple[Finding, ...] = ()
    rights: tuple[Right, ...] = ()
    unclear: tuple[CannotTell, ...] = ()
    reasons: tuple[str, ...] = ()
    error: str = ""


def open_target(target: Path, config: Config, name: str = "", *, cache: bool = True) -> Project:
    """The project at ``target`` as its configuration wants it read; raises TargetError."""
    return Project.open(
        target, app=config.app, app_dir=config.app_dir, exclude=(*config.exclude, *config.caller_exclude), name=name,
        public_api=config.public_api, cache=cache,
    )


def audit(
    project: Project,
    checks: Iterable[Check] | None = None,
    *,
    only: Iterable[str] = (),
    skip: Iterable[str] = (),
    config: Config | None = None,
    today: date | None = None,
) -> Report:
    """Run the checks (all installed ones by default) on a project.

    ``only`` and ``skip`` take ids, prefixes and names, and raise ConfigError for one that fits no check. ``today``
    decides which waivers still hold.
    """
    config = config or Config()
    known = registry.load() if checks is None else tuple(checks)
    chosen = registry.select(known, only, skip)
    excuses = Excuses(project, config, known, today or date.today())
    results, waived, reported = dict[str, Result](), list[Waived](), Reported()
    with without_collector():
        asked = ask_all(chosen, project)
        for check in _suppressors_first(chosen):
            result, own = _result(check, asked[check.id], excuses, reported)
            reported.add(result)
            results[check.id] = result
            waived += own
        ready = counted_once((results[check.id] for check in chosen), {check.id: check.hours for check in chosen})
        ordered, unmet = _with_reach(project, ready)
        left_out = sorted({check.id for check in known} - set(results))
        apps, served, problems = _facts(project)
    return Report(
        _target(project), apps, ordered, tuple(waived),
        tuple(unchecked(project, ordered, config, excuses, left_out, [*problems, *unmet])), served,
    )


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the cyclic collector away: facts are millions of tuples that live as long as the run does."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def ask_all(checks: Sequence[Check], project: Project) -> dict[str, Asked]:
    """Put each check's question to a project, on all cores when there is enough code to make that worth it."""
    if sum(len(s.text) for p, s in project.files.items() if p.endswith(".py")) < WORTH_SHARING or len(checks) < 4:
        return {check.id: ask(check, project) for check in checks}
    try:
        project.facts.prepare()  # once, before this process is copied
    except ReadybookError:
        raise
    except Exception:
        pass  # each check that needs the facts says so itself
    answers = shared(len(checks), lambda number: ask(checks[number], project))
    return {check.id: asked for check, asked in zip(checks, answers, strict=True)}


def ask(check: Check, project: Project) -> Asked:
    """Put one check's question to a project."""
    findings: list[Finding] = []
    rights, unclear, reasons = list[Right](), list[CannotTell](), list[str]()
    try:
        for answer in check.find(project):
            if isinstance(answer, Finding):
                findings.append(answer)
            elif isinstance(answer, Right):
                rights.append(answer)
            elif isinstance(answer, CannotTell):
                unclear.append(answer)
            elif isinstance(answer, NotApplicable):
                reasons.append(answer.reason)
            else:
                raise TypeError(f"find() yielded {type(answer).__name__}, which is no answer")
        if not (findings or rights or unclear) and (hidden := _hidden_application(project)):
            unclear.append(CannotTell(f"{hidden} does not parse, and no other application is served"))
        whole = complete(project, check.severity, findings)
        return Asked(whole, tuple(rights), tuple(unclear), tuple(dict.fromkeys(reasons)))
    except ReadybookError:  # what the caller asked for cannot be, such as an --app that does not exist
        raise
    except Exception as error:
        return Asked(error=described(error))


def _hidden_application(project: Project) -> str:
    """A file that makes an application and does not parse, where none is served that does; empty without one."""
    unparsed = [path for path, _ in project.facts.modules.unparsed
                if path in project.files and "FastAPI(" in project.text(path)]
    return unparsed[0] if unparsed and not any(app.served for app in project.facts.apps) else ""


def described(error: BaseException) -> str:
    """An exception's type and first line, without absolute paths and secrets."""
    first = (str(error).strip() or "no message").splitlines()[0]
    first = re.sub(r"(?<![\w.:])/(?:[^\s/'\":]{1,255}/){1,40}", "", first)
    return f"{type(error).__name__}: {mask(first)[:240]}"


def _suppressors_first(checks: Sequence[Check]) -> Iterator[Check]:
    """The checks in an order in which those that suppress others come before them (a cycle is cut at its first)."""
    by_id = {check.id: check for check in checks}
    begun: set[str] = set()

    def visit(check: Check) -> Iterator[Check]:
        if check.id not in begun:
            begun.add(check.id)
            for other in check.suppressed_by:
                if other in by_id:
                    yield from visit(by_id[other])
            yield check

    for check in checks:
        yield from visit(check)


def _result(check: Check, asked: Asked, excuses: Excuses, reported: Reported) -> tuple[Result, list[Waived]]:
    remaining, waived = list[tuple[Finding, str]](), list[Waived]()
    elsewhere: dict[str, int] = {}
    for finding, print_ in zip(asked.findings, fingerprints(check.id, asked.findings), strict=True):
        excuse = excuses.excuse(check, finding)
        other = None if excuse else reported.by(check.suppressed_by, finding)
        if excuse:
            waived.append(Waived(check.id, finding, print_, *excuse))
        elif other:
            elsewhere[other] = elsewhere.get(other, 0) + 1
        else:
            remaining.append((finding, print_))
    outcome, ratio, notes = _outcome(asked, len(remaining), len(waived), bool(elsewhere))
    notes += [f"{_count(number, 'finding')} told by {other} instead" for other, number in sorted(elsewhere.items())]
    attestation = excuses.attestation(check) if outcome in ("failed", "partial", "unknown") else None
    if attestation:
        said = mask(f"attested by {attestation.who} on {attestation.when}: {attestation.evidence}")
        waived += [Waived(check.id, finding, print_, said, attestation.by) for finding, print_ in remaining]
        outcome, ratio, notes, remaining = "attested", 1.0, [said], []
    findings = tuple(finding for finding, _ in remaining)
    result = Result(
        check.id, check.name, check.category, check.severity, check.title(), outcome, ratio, "; ".join(notes),
        estimate(check.hours, findings), findings, tuple(print_ for _, print_ in remaining), check.attestable,
    )
    return result, waived


class Reported:
    """The open findings so far, to tell which place another check has told of already."""

    def __init__(self) -> None:
        self._spans: dict[tuple[str, str], list[tuple[int, int]]] = {}

    def add(self, result: Result) -> None:
        """Take in the open findings of a result."""
        for place in (finding.place for finding in result.findings):
            self._spans.setdefault((result.id, place.path), []).append((place.line, place.end_line or place.line))

    def by(self, ids: Iterable[str], finding: Finding) -> str | None:
        """The first of the checks ``ids`` that has an open finding at this path on one of these lines."""
        first, last = finding.place.line, finding.place.end_line or finding.place.line
        for id_ in ids:
            if any(a <= last and first <= b for a, b in self._spans.get((id_, finding.place.path), ())):
                return id_
        return None


def _outcome(asked: Asked, findings: int, waived: int, covered: bool) -> tuple[str, float | None, list[str]]:
    """(outcome, ratio, what the reason says) from what is left of a check's answers."""
    if asked.error:
        return "error", None, [asked.error]
    rights = len(asked.rights)
    notes = [f"cannot tell: {_first(asked.unclear)}"] if asked.unclear else []
    if findings:
        return ("partial", rights / (rights + findings), notes) if rights else ("failed", 0.0, notes)
    if waived:
        return "waived", None, [f"{_count(waived, 'finding')} waived", *notes]
    if asked.unclear:
        return "unknown", None, notes
    if rights:
        return "passed", 1.0, notes
    reason = "; ".join(mask(r) for r in asked.reasons) or ("" if covered else "nothing here that the check looks at")
    return "not_applicable", None, [reason] if reason else []


def _first(unclear: Sequence[CannotTell]) -> str:
    rows = list(dict.fromkeys(f"{u.place}: {u.reason}" if u.place else u.reason for u in unclear))
    more = f"; and {len(rows) - 3} more" if len(rows) > 3 else ""
    return mask("; ".join(rows[:3])) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _target(project: Project) -> Target:
    lines = sum(_lines(source.text) for path, source in project.files.items() if path.endswith((".py", ".pyi")))
    return Target(project.name, project.commit, len(project.files), lines, project.unreadable)


def _lines(text: str) -> int:
    return text.count("\n") + (1 if text and not text.endswith("\n") else 0)


def _with_reach(project: Project, results: list[Result]) -> tuple[tuple[Result, ...], list[tuple[str, str]]]:
    """The results, each finding with who meets it, and why that could not be worked out."""
    from readybook.exposure import exposed

    try:
        reaches = iter(exposed(project, [f for r in results for f in r.findings]))
        return tuple(
            replace(r, findings=tuple(replace(f, reach=next(reaches)) for f in r.findings)) if r.findings else r
            for r in results
        ), []
    except ReadybookError:
        raise
    except Exception as error:
        return tuple(results), [("Which routes meet a finding", f"could not be worked out: {described(error)}")]


def _facts(project: Project) -> tuple[tuple[ServedApp, ...], Service, list[tuple[str, str]]]:
    """The served applications, what they serve, and what the facts could not be made of."""
    from readybook.service import service

    try:
        facts = project.facts
        routes = list(getattr(facts, "routes", ()))
        apps = tuple(
            ServedApp(app.spec, app.place.path, app.place.line, sum(route.app == app.spec for route in routes))
            for app in getattr(facts, "apps", ()) if app.served
        )
        return apps, service(facts), [(what, mask(why)) for what, why in getattr(facts, "problems", ())]
    except ReadybookError:
        raise
    except Exception as error:
        return (), Service(), [("the application model", f"could not be worked out: {described(error)}")]
