"""The four severities, their order and what they weigh in the score."""

from __future__ import annotations

SEVERITIES = ("critical", "high", "medium", "low")
WEIGHTS = {"critical": 10.0, "high": 7.5, "medium": 5.0, "low": 2.5}


def gravest(severities: list[str] | tuple[str, ...]) -> str | None:
    """The most severe of the given severities, or None when there is none."""
    return min(severities, key=SEVERITIES.index, default=None)


def at_least(severity: str, threshold: str) -> bool:
    """Whether ``severity`` is as grave as ``threshold`` or graver."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(threshold)
