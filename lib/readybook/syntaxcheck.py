"""Whether a changed file is still Python: compiled, never run."""

from __future__ import annotations

import warnings


def parse_error(path: str, text: str, before: str | None) -> str:
    """Why a Python file does not parse after a change; empty when it does, or when it is no Python.

    A file that the running Python refused before (newer syntax) is read by libcst instead.
    """
    if not path.endswith((".py", ".pyi")):
        return ""
    error = _compiled(path, text)
    if not error or (before is not None and not _compiled(path, before)):
        return error
    from readybook.edits.python_source import parse
    from readybook.errors import PatchError

    try:
        parse(path, text)
    except PatchError as problem:
        return str(problem)
    return ""


def _compiled(path: str, text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return type(error).__name__
    return ""
