"""Which tables grow with use, judged by their name."""

from __future__ import annotations

import re

from readybook.patterns import regex

FIXED = regex(r"(?:^|_)(?:roles?|permissions?|scopes?|settings?|configs?|configurations?|countr(?:y|ies)|regions?|"
              r"currenc(?:y|ies)|languages?|locales?|time_?zones?|plans?|statuse?s?|types?|categor(?:y|ies)|"
              r"kinds?|units?|feature_flags?|flags?|levels?|priorit(?:y|ies)|genders?|states?|alembic_version|"
              r"polic(?:y|ies)|menus?|apis?|buttons?|migrations?|models?|providers?|templates?|departments?)$")


def grows(table: str) -> bool:
    """Whether a table may grow with use; False for what the code or an administrator fixes: roles, settings, plans."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", table).lower().rpartition(".")[2]
    return not FIXED.search(words)
