"""Parser of the text that banks export from a PDF statement: `date,description,debit,credit` lines.

Lines that are no transactions (page headers, balances brought forward, footers) are skipped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

_DATE_FORMATS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%b-%Y")
_COLUMNS = 4


class StatementFormatError(ValueError):
    """The text holds no transaction at all."""


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """One transaction as the bank printed it."""

    booked_on: date
    description: str
    amount: Decimal


def parse_statement(text: str) -> list[ParsedLine]:
    """Return the transactions of a statement in printed order."""
    lines = list(_parse_lines(text))
    if not lines:
        raise StatementFormatError("no transactions found")
    return lines


def _parse_lines(text: str) -> Iterator[ParsedLine]:
    for row in csv.reader(io.StringIO(text)):
        if len(row) != _COLUMNS:
            continue
        booked_on = _parse_date(row[0].strip())
        debit, credit = _parse_amount(row[2]), _parse_amount(row[3])
        if booked_on is None or debit is None or credit is None or debit == credit:
            continue
        yield ParsedLine(booked_on, " ".join(row[1].split()), credit - debit)


def _parse_date(text: str) -> date | None:
    for date_format in _DATE_FORMATS:
        try:
            return datetime.strptime(text, date_format).date()
        except ValueError:
            continue
    return None


def _parse_amount(text: str) -> Decimal | None:
    cleaned = text.strip().replace(",", "")
    try:
        return Decimal(cleaned) if cleaned else Decimal(0)
    except InvalidOperation:
        return None
