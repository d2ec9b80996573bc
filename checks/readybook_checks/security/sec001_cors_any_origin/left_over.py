"""The list of origins that nothing reads any more once the middleware takes them from the settings."""

from __future__ import annotations

import re

from readybook.intents import Intent, RemoveStatement
from readybook.patterns import regex
from readybook.place import Place
from readybook.project import Project

ARGUMENT = regex(r"\ballow_origins[ \t]*=[ \t]*([A-Za-z_]\w*)[ \t]*(?:,|\)|#|\r?$)", re.M)
ONLY_STAR = r"[ \t]*\[\s*[\"']\*[\"']\s*,?\s*\][ \t]*\r?$"  # a list with addresses besides tells what to set
REACH = 15  # lines that a call of add_middleware takes at most


def left_over(project: Project, call: Place) -> tuple[Intent, ...]:
    """What takes the list away where that call alone reads it: left behind, it would go on saying ``*``."""
    text = project.text(call.path)
    given = ARGUMENT.search("\n".join(text.split("\n")[call.line - 1 : call.line - 1 + REACH]))
    if given is None:
        return ()
    name = given[1]
    bound = re.search(rf"^[ \t]*{name}[ \t]*(?::[^=\n]+)?={ONLY_STAR}", text, re.M)
    # in code, a text or a comment: whoever names it may need it
    if bound is None or len(re.findall(rf"\b{name}\b", text)) != 2:
        return ()
    imported = re.compile(rf"\bimport\b[^\n]*\b{name}\b|^[ \t]+{name},?[ \t]*\r?$|\.{name}\b", re.M)
    if any(imported.search(m.text) for p, m in project.facts.modules.by_path.items() if p != call.path):
        return ()
    return (RemoveStatement(Place(call.path, text.count("\n", 0, bound.start()) + 1), name),)
