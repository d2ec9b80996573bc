"""Regular expressions that are compiled when they are first used.

The checks and facts hold some five hundred patterns; compiling all of them takes a quarter of the time that a command
needs to start, and the audit of a small codebase uses fewer than half.
"""

from __future__ import annotations

import re
from typing import Any, cast


class _Pattern:
    """What stands for a pattern until one of its methods is asked for."""

    def __init__(self, text: str, flags: int) -> None:
        self._source = text, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copying and pickling look for
            raise AttributeError(name)
        compiled = re.compile(*self._source)
        self.__dict__.update({method: getattr(compiled, method) for method in dir(compiled) if method[0] != "_"})
        return getattr(compiled, name)

    def __repr__(self) -> str:
        return repr(re.compile(*self._source))


def regex(text: str, flags: int = 0) -> re.Pattern[str]:
    """Like ``re.compile``, for module-level patterns; a faulty pattern raises ``re.error`` at its first use."""
    return cast("re.Pattern[str]", _Pattern(text, flags))
