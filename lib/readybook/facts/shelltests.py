"""Under which test of a shell script a command runs."""

from __future__ import annotations

import re


def shell_test(text: str, line: int) -> str:
    """The test of the ``if`` or ``elif`` around a line of a script; empty where there is none, and in ``else``."""
    depth = 0
    for row in reversed(text.split("\n")[:line]):
        word = re.match(r"\s*(if|elif|else|fi)\b(.*)", row)
        if word is None:
            continue
        depth += {"fi": 1, "if": -1}.get(word[1], 0)
        if depth < 0 or (depth == 0 and word[1] in ("elif", "else")):
            return "" if word[1] == "else" else word[2].partition("; then")[0].strip()
    return ""
