"""Parser of `date,description,amount` lines, the text that banks export."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One transaction as the bank printed it."""

    booked_on: date
    description: str
    amount: Decimal


def parse_statement(text: str) -> list[Line]:
    """Return the transactions in printed order; headers and other lines are skipped."""
    lines = []
    for row in csv.reader(io.StringIO(text)):
        if len(row) != _COLUMNS:
            continue
        try:
            line = Line(date.fromisoformat(row[0].strip()), " ".join(row[1].split())[:255], Decimal(row[2].strip()))
        except (ValueError, InvalidOperation):
            continue
        if line.amount.is_finite():
            lines.append(line)
    return lines
