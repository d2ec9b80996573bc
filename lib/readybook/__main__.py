"""``python -m readybook`` and the ``readybook`` command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from types import TracebackType


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a command line; returns the exit code. An error of the workbook itself leaves with 3."""
    from readybook.commands.arguments import call, parser
    from readybook.errors import ReadybookError

    sys.excepthook = _internal_error
    arguments = parser().parse_args(argv)
    try:
        return call(arguments)
    except ReadybookError as error:
        _complain(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130


def _internal_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What the interpreter calls when nothing caught an exception: a short message instead of a traceback."""
    from readybook.run import described

    if os.environ.get("READYBOOK_TRACEBACK"):
        sys.__excepthook__(kind, error, trace)
    else:
        _complain(f"internal error: {described(error)} (READYBOOK_TRACEBACK=1 shows where)")
    sys.exit(3)


def _complain(text: str) -> None:
    from readybook.markup import visible

    print("readybook: " + visible(text), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
