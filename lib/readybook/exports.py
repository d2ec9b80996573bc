"""The formats that a report is written in beside its pages, each as a text made of a finished audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from readybook.findings_csv import findings_csv
from readybook.one_page import one_page
from readybook.plan_tables import Team
from readybook.sarif import sarif
from readybook.seriesview import read_series

if TYPE_CHECKING:
    from readybook.rendering import Audited

Text = Callable[["Audited", Mapping[str, Any], Path], str]


def team_of(given: Mapping[str, Any]) -> Team:
    """The team that a notebook's parameters describe."""
    usual = Team()
    rate = given.get("hourly_rate", usual.rate)
    return Team(
        rate, max(rate, given.get("hourly_rate_high", usual.rate_high)), given.get("currency", usual.currency),
        given.get("engineers", usual.engineers), given.get("hours_per_week", usual.hours_per_week),
        given.get("hours_per_day", usual.hours_per_day), given.get("budget_hours", usual.budget),
    )


def _markdown(ran: Audited, given: Mapping[str, Any], patches: Path) -> str:
    return one_page(ran.report, team_of(given), read_series(patches).requires, str(given.get("date", "")))


def _csv(ran: Audited, given: Mapping[str, Any], patches: Path) -> str:
    return findings_csv(ran.report)


def _sarif(ran: Audited, given: Mapping[str, Any], patches: Path) -> str:
    return sarif(ran.report, ran.checks)


TEXTS: dict[str, Text] = {"markdown": _markdown, "csv": _csv, "sarif": _sarif}
