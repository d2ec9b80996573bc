"""Where something is in the audited code."""

from __future__ import annotations

from readybook.records import record



@record
class Place:
    """A span of one file of the target.

    ``path`` is posix and relative to the target; ``line`` is 1-based and counts lines as git does (``\\n`` only);
    ``column`` is 1-based and counts code points of the original text. ``symbol`` is the dotted name of the enclosing
    function or class inside its module, empty at module level. ``exact`` is false in a file that had to be lowered
    before it could be parsed: there the columns are approximate and a fix finds its node again by line and name.
    """

    path: str
    line: int = 1
    column: int = 1
    end_line: int | None = None
    symbol: str = ""
    exact: bool = True

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"
