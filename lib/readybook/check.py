"""A check: one question about a codebase, its metadata, its examples; and a result: one check's answer."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

from readybook.finding import Answer, Finding
from readybook.records import record

if TYPE_CHECKING:
    from readybook.project import Project

CATEGORIES = ("architecture", "security", "performance", "testing", "devops", "code_quality", "product")
OUTCOMES = ("passed", "partial", "failed", "not_applicable", "unknown", "waived", "attested", "error")


@record
class Hours:
    """Three-point effort to fix by hand: the first occurrence, and the likely hours each further one adds.

    ``once`` is the piece of work, and its likely hours, that the first occurrence has in common with the checks that
    name the same piece (one lifespan for several resources): a run with open findings of several counts it once.
    """

    low: float
    likely: float
    high: float
    each: float = 0.0
    once: tuple[str, float] = ("", 0.0)

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.likely <= self.high or self.each < 0:
            raise ValueError(f"hours must be 0 < low <= likely <= high and each >= 0, not {self}")
        if not 0 <= self.once[1] < self.likely or bool(self.once[0]) != bool(self.once[1]):
            raise ValueError(f"once must be a piece of work and less than the likely hours of all, not {self.once}")


@record
class Bad:
    """A project on which the check must find something.

    ``files`` is path → text. ``at`` lists the expected ``path:line`` of every finding, in order. ``fixed`` holds the
    exact text of the files that the fix changes (None: not compared). ``severity`` is the gravest expected severity.
    """

    files: Mapping[str, str]
    at: tuple[str, ...]
    fixed: Mapping[str, str] | None = None
    severity: str | None = None


@record
class Good:
    """A project on which the check must stay silent; ``outcome`` is the result it must give."""

    files: Mapping[str, str]
    outcome: str = "passed"


class Check(ABC):
    """One question. A subclass is one file under a check pack: docstring, metadata, ``find`` and examples.

    The first line of the docstring is the defect in one sentence: catalogue, tooltip, patch header and report all
    print that one text. The rest says what is looked at, why it matters and how it is fixed.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    category: ClassVar[str]
    severity: ClassVar[str]
    hours: ClassVar[Hours]
    fix_kinds: ClassVar[tuple[str, ...]]
    references: ClassVar[tuple[str, ...]] = ()
    attestable: ClassVar[bool] = False
    suppressed_by: ClassVar[tuple[str, ...]] = ()
    after: ClassVar[tuple[str, ...]] = ()
    examples: ClassVar[tuple[Bad | Good, ...]] = ()

    @abstractmethod
    def find(self, project: Project) -> Iterator[Answer]:
        """Yield what is found: a Finding for each bad place, a Right for each good one, CannotTell or NotApplicable.

        Yielding nothing means that the question does not apply.
        """

    @classmethod
    def title(cls) -> str:
        """The defect in one sentence."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0].strip()

    @classmethod
    def explanation(cls) -> str:
        """The docstring after its first line."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[2].strip()


@record
class Estimate:
    """Hours for one result: three points by hand, and ``automated``, the likely hours when the patches are taken."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0
    automated: float = 0.0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            self.low + other.low,
            self.likely + other.likely,
            self.high + other.high,
            self.automated + other.automated,
        )


@record
class Observed:
    """What ``readybook probe`` saw of a check's question in the running service.

    ``outcome`` is passed or failed; ``static`` what the check said of the code; ``said`` what was seen, in a sentence;
    ``probes`` the ids of the probes that saw it.
    """

    outcome: str
    static: str
    said: str
    probes: tuple[str, ...]


@record
class Result:
    """One check's answer about one target.

    ``findings`` are the open ones, each with its severity, evidence (masked) and fingerprint filled in; ``ratio`` is
    the share that is right, None when the result does not count in the score. ``observed``: what the running service
    showed, None when nobody asked it.
    """

    id: str
    name: str
    category: str
    severity: str
    title: str
    outcome: str
    ratio: float | None
    reason: str
    estimate: Estimate
    findings: tuple[Finding, ...] = ()
    fingerprints: tuple[str, ...] = ()
    attestable: bool = False
    observed: Observed | None = None

    @property
    def gravest(self) -> str:
        """The severity this result weighs by: its gravest finding's, or its base when it has none."""
        from readybook.severity import gravest

        return gravest([f.severity or self.severity for f in self.findings]) or self.severity

    def _repr_html_(self) -> str:
        from readybook.display import result_html

        return str(result_html(self))
