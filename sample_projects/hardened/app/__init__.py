"""Tally: bank statements in, transactions out."""

__version__ = "1.0.0"
