"""What is known of values that somebody anonymous meets in a body: none, empty, or hanging on who calls."""

from __future__ import annotations

from typing import Any

from readybook.patterns import regex

# what is known of a value: ASKED is one that may depend on who calls
NONE, FALSY, TRUTHY, ANY, ASKED = "none", "falsy", "truthy", "any", "asked"
NO = "no"  # an answer that refuses
EMPTY = "empty"  # two empty texts: FastAPI's way of taking a header apart that was not sent
PARTS = "fastapi.security.utils.get_authorization_scheme_param"
TRUTH = {NONE: False, FALSY: False, TRUTHY: True}
REQUESTS = ("request", "req", "conn", "websocket")
CREDENTIAL = regex(r"(?i)token|key|secret|signature|passw|auth")

Names = dict[str, str]


def switch(given: Any, found: str) -> str:
    """A True or False that stands in the code decides what is called; one that is set elsewhere does not."""
    return (TRUTHY if given else FALSY) if found == ANY and isinstance(given, bool) else found


def of_default(parameter: Any) -> str:
    """A header or cookie that need not be sent is not; of other parameters nothing is known."""
    default = parameter[2]
    if default is not None and default[0] == "call" and default[3][-1] in ("Header", "Cookie"):
        first = default[4][0] if default[4] else next((v for k, v in default[5] if k == "default"), None)
        return NONE if first is not None and first[0] == "const" and first[3] is None else ASKED
    sent = parameter[1] is not None and any(w in str(parameter[1]) for w in ("'Header'", "'Cookie'"))
    if sent and default is not None and default[0] == "const" and default[3] is None:
        return NONE
    return ASKED if sent or parameter[0] in REQUESTS or CREDENTIAL.search(parameter[0]) else ANY


def either(one: str, other: str) -> str:
    if one == other:
        return one
    return ASKED if ASKED in (one, other) else FALSY if {one, other} == {NONE, FALSY} else ANY


def joined(*ways: Names | None) -> Names | None:
    """The names where several ways meet; None where none goes on."""
    open_ = [w for w in ways if w is not None]
    if not open_:
        return None
    found = dict(open_[0])
    for way in open_[1:]:
        for name in {*found, *way}:
            found[name] = either(found.get(name, ANY), way.get(name, ANY))
    return found


def rebound(target: Any, value: str, names: Names) -> Names:
    if target[0] == "name":
        return {**names, target[3]: value}
    for inner in target[3] if target[0] in ("tuple", "list") else ():
        names = rebound(inner, FALSY if value == EMPTY else ANY, names)
    return names


def caught_by(kind: Any) -> set[str]:
    """The last names of what a handler catches."""
    parts = kind[3] if kind is not None and kind[0] == "tuple" else (kind,)
    return {p[-1] for p in parts if p is not None and p[0] in ("name", "attr")}
