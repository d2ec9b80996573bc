"""Errors a caller can act on: each names the bad input."""

from __future__ import annotations


class ReadybookError(Exception):
    """Base of the errors below; the command line prints its text and leaves with code 2."""


class TargetError(ReadybookError):
    """The target cannot be read: it does not exist, is no folder, or holds nothing to audit."""


class ConfigError(ReadybookError):
    """A configuration key, waiver, attestation or option is wrong; the text names the file and the key."""


class PatchError(ReadybookError):
    """A patch cannot be made or applied; the text names the check and the file."""


class PackError(ReadybookError):
    """A check pack cannot be loaded; the text names the pack, the module or class, and what is wrong."""


class NotebookError(Exception):
    """A notebook did not run to its end; the text names the notebook and the first line of what went wrong.

    Not the caller's doing, so no ReadybookError: the command line leaves with code 3.
    """
