"""Whether code anywhere in the project can read its settings: by an object of a module or a plain function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from readybook.facts import Facts


def settings_at_hand(facts: Facts) -> bool:
    """Whether code anywhere can read the settings; many fixes ask."""
    return facts.settings_at_hand


def at_hand(facts: Facts) -> bool:
    """False where objects of the settings classes are only passed around, as dependency injection does.

    At hand is what a module holds, and what a function without parameters makes, or says that it returns.

    A class that nothing names yet is handed to nobody. Also False where the application's own file defines the classes:
    a module that it imports could not import them back.
    """
    classes = facts.settings_classes
    if classes and {c.place.path for c in classes} <= {a.place.path for a in facts.apps}:
        return False
    if not classes or any(c.instances for c in classes):
        return True
    plain = {c.path.rpartition(".")[2] for c in classes}
    names = "|".join(map(re.escape, sorted(plain)))
    made, named = re.compile(rf"\b(?:{names})\("), re.compile(rf"\b(?<!class )(?:{names})\b")
    given = re.compile(rf"^def \w+\(\)[ \t]*->[ \t]*[\"']?(?:\w+\.)*(?:{names})[\"']?[ \t]*:", re.M)
    handed = False
    for module in facts.modules.by_path.values():
        if module.role != "application" or not any(name in module.text for name in plain):
            continue
        handed = handed or named.search(module.text) is not None
        if given.search(module.text):
            return True
        if not made.search(module.text):
            continue
        lines = module.text.split("\n")
        for s in module.body:
            if s[0] == "def" and not s[5] and made.search("\n".join(lines[s[1] - 1 : s[3]])):
                return True
    return not handed
