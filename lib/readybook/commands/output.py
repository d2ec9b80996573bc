"""Where output goes: results to stdout, everything said to people to stderr."""

from __future__ import annotations

import os
import sys


def emit(text: str) -> None:
    """Write a result to stdout as it is, in UTF-8; a reader that has gone away (``| head``) is no error."""
    try:
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            sys.stdout.write(text)
        else:
            sys.stdout.flush()
            stream.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError:
        # what is still buffered must not be written at exit: the interpreter would complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(f"readybook: {text}", file=sys.stderr)
