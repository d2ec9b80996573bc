"""What a check answers: findings, with the fix that would cure each, and the places where all is well."""

from __future__ import annotations

from dataclasses import field, replace

from readybook.intents import Intent
from readybook.place import Place
from readybook.records import record

SAFETIES = ("safe", "review", "sketch")
KINDS = ("codemod", "scaffold", "config", "advice")
SCOPES = ("service", "routes", "none", "unclear")


@record
class Fix:
    """A cure as data: intents that ``patch`` turns into text, or advice where no edit is safe without a person.

    ``safety`` is ``safe`` (behaviour kept, or only a defect removed), ``review`` (behaviour changes for somebody:
    ``reason`` says for whom) or ``sketch`` (a start that a person must finish). ``unsafe`` marks a fix that changes
    public behaviour: it is made only when asked for. ``on_request`` is a further-reaching cure of the same place, taken
    instead when such fixes are asked for. A fix without intents is advice; its ``reason`` says why no patch is offered.
    """

    title: str
    intents: tuple[Intent, ...] = ()
    kinds: tuple[str, ...] = ("codemod",)
    safety: str = "review"
    reason: str = ""
    unsafe: bool = False
    on_request: Fix | None = None

    def __post_init__(self) -> None:
        if self.safety not in SAFETIES:
            raise ValueError(f"fix {self.title!r}: safety {self.safety!r} is not one of {', '.join(SAFETIES)}")
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise ValueError(f"fix {self.title!r}: kinds {self.kinds!r} are not among {', '.join(KINDS)}")


def advice(title: str, reason: str) -> Fix:
    """A fix that only a person can make: ``title`` says what to do, ``reason`` why no patch is offered."""
    return Fix(title=title, kinds=("advice",), safety="sketch", reason=reason)


@record
class Reach:
    """Who meets a finding.

    ``scope``: ``service`` (all that the target serves: set-up, configuration, containers), ``routes`` (the requests of
    some routes run this code), ``none`` (no request does: a test, a script) or ``unclear`` (the code does not show who
    calls it). ``routes`` counts the routes met, ``open`` those of them that ask nobody who they are.
    """

    scope: str
    routes: int = 0
    open: int = 0

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise ValueError(f"reach {self.scope!r} is not one of {', '.join(SCOPES)}")


@record
class Finding:
    """One place where the answer to a check's question is bad.

    ``severity`` None means the check's base severity. ``evidence`` empty means the lines of ``place``. ``chain`` holds
    the steps that lead to the defect (a call chain, a value's way), outermost first. ``app`` names the served
    application (``module:attr``) the finding is about, or None when it is about the whole target. ``reach`` is filled
    in by the run, not by a check.
    """

    place: Place
    message: str
    severity: str | None = None
    evidence: str = ""
    confidence: str = "high"
    fix: Fix | None = None
    app: str | None = None
    chain: tuple[Place, ...] = field(default=())
    reach: Reach | None = None

    def _repr_html_(self) -> str:
        from readybook.display import finding_html

        return str(finding_html(self))


def further(finding: Finding) -> Finding:
    """A finding with the cure that is made on request only, where it has one."""
    fix = finding.fix.on_request if finding.fix else None
    return replace(finding, fix=fix) if fix else finding


@record
class Right:
    """One place where the answer is good; it counts in the share of a partial result."""

    place: Place
    why: str = ""
    app: str | None = None


@record
class CannotTell:
    """One place where the answer depends on what the code does not show; never counted as good or bad."""

    reason: str
    place: Place | None = None
    app: str | None = None


@record
class NotApplicable:
    """The question does not arise here: ``reason`` says why."""

    reason: str


Answer = Finding | Right | CannotTell | NotApplicable
