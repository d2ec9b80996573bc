"""Whether a service is right with one process only, because of what that process keeps to itself."""

from __future__ import annotations

import re

from readybook import Project
from readybook.facts.behaviour import Call
from readybook.facts.processes import once_only
from readybook.facts.secretvalues import names_signing_key
from readybook_checks.architecture.arc002_in_memory_job_store import own_connections, own_state

DRAWS = ("secrets.token_hex", "secrets.token_urlsafe", "secrets.token_bytes", "os.urandom", "uuid.uuid4",
         "cryptography.fernet.Fernet.generate_key")


def keeps_to_itself(project: Project) -> bool:
    """Whether a second process would miss, or do again, what the first one has: state, sockets, a key, a scheduler."""
    return bool(once_only(project.facts) or own_state(project) or own_connections(project) or own_key(project))


def own_key(project: Project) -> Call | None:
    """The first call that draws a signing key as a module is imported; None when keys come from elsewhere.

    Each process then has a key of its own, and refuses the sessions and tokens that another one has signed.
    """
    return next((c for c in project.facts.behaviour.calls_to(*DRAWS) if not c.function and c.role == "application"
                 and _is_kept_as_key(project, c)), None)


def _is_kept_as_key(project: Project, call: Call) -> bool:
    """Whether a call alone is the value of a name, or of an argument, that means a signing key."""
    if call.written is None:
        return False
    line = project.line(call.place.path, call.place.line)[:call.place.column - 1]
    kept = re.search(r"(?:^(\w+)[ \t]*(?::[ \t]*\w+)?[ \t]*=[ \t]*|[(,\s](\w+)[ \t]*=[ \t]*)(?:str\()?$", line)
    if kept is None:
        return False
    indented = line[:1].isspace() and "(" not in line
    return not indented and names_signing_key(kept[1] or kept[2])
