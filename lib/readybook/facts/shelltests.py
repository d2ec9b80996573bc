"""Under which test of a shell script a command runs."""

from __future__ import annotations

import re


def shell_test(text: str, line: int) -> str:
    """The tests of every ``if`` or ``elif`` around a line of a script, innermost first, joined by ``&&``; those whose
    ``else`` it stands in are left out."""
    depth, found, otherwise = 0, [], False
    for row in reversed(text.split("\n")[:line]):
        word = re.match(r"\s*(if|elif|else|fi)\b(.*)", row)
        if word is None or row.rstrip().endswith(":"):  # that of Python, handed to it in the script
            continue
        depth += {"fi": 1, "if": -1}.get(word[1], 0)
        if depth < 0 or depth == 0 and word[1] == "elif":
            if not otherwise:
                found.append(word[2].partition("; then")[0].strip())
            depth, otherwise = (0, False) if depth < 0 else (0, True)
        elif depth == 0 and word[1] == "else":
            otherwise = True
    return " && ".join(found)
