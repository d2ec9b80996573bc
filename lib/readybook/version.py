"""The version of the workbook."""

__version__ = "0.1.0"
