"""The statement parser."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from apps.domain.parsers.csv_statement import StatementFormatError, parse_statement
from apps.domain.services.statements import UNKNOWN_BANK, decode_statement, detect_bank


@pytest.mark.parametrize("printed", ["2025-03-01", "01/03/2025", "01-Mar-2025"])
def test_dates_as_banks_print_them(printed: str) -> None:
    assert parse_statement(f"{printed},Rent,1000.00,")[0].booked_on == date(2025, 3, 1)


def test_debit_is_negative_and_thousands_are_read() -> None:
    (line,) = parse_statement('2025-03-01,RENT   MARCH,"12,500.50",')
    assert line.amount == Decimal("-12500.50")
    assert line.description == "RENT MARCH"


def test_lines_that_are_no_transactions_are_skipped() -> None:
    text = "Axis Bank\nDate,Narration,Debit,Credit\nOPENING BALANCE,,,100.00\n2025-03-02,Salary,,900\nPage 1 of 1"
    assert [line.amount for line in parse_statement(text)] == [Decimal(900)]


def test_text_without_transactions_is_refused() -> None:
    with pytest.raises(StatementFormatError):
        parse_statement("nothing to see here")


def test_bank_is_read_from_the_head() -> None:
    assert detect_bank("Statement of HDFC Bank, branch Pune") == "HDFC"
    assert detect_bank("some other bank") == UNKNOWN_BANK


def test_old_exports_are_decoded() -> None:
    assert decode_statement("Café".encode("cp1252")) == "Café"
