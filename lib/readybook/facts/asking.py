"""Tests that only good values answer well: what a body asks of a name before it uses it."""

from __future__ import annotations

import re

from readybook.patterns import regex

CHECKING = frozenset({"match", "fullmatch", "isalnum", "isdigit", "isidentifier", "isalpha", "isnumeric", "isdecimal",
                      "is_relative_to", "relative_to", "commonpath", "startswith", "search"})
SAFE_NAME = regex(r"(?i)(?:^|_)(?:is|has|check|validate|verify)_?\w*(?:safe|valid|allow|permit|trusted|internal|inside"
                  r"|within|(?:in|of)_?(?:dir|folder|root|base))"
                  r"|allowed|(?:^|_)(?:safe|valid)|(?:^|_)(?:contains|known|registered|inside|within)$|^(?:inside|within)_")
# what takes a path or an address apart
PARTS = regex(r"\b(?:commonpath|urlparse|urlsplit|URL)\(")
HOST = r"\.(?:hostname|netloc|host)\b"
COMPARED = regex(
    rf"{HOST}(?:\.\w+\(\))* (?:not in|in|==|!=) |{HOST}(?:\.\w+\(\))*\.endswith\("  # parsed.hostname not in HOSTS
    rf"|^\(?(?:not )?\w+ (?:not in|in|==|!=) .* (?:urlparse|urlsplit|URL)\(.*\){HOST}[^ ]*$")  # host not in HOSTS


def mentions(text: str, name: str) -> bool:
    """Whether a text has the name, or the dotted name, as a whole word that is no attribute of another.

    No pattern: each would be compiled for one name only.
    """
    at = text.find(name)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
        if not (before.isalnum() or before in ("_", ".")) and not (after.isalnum() or after == "_"):
            return True
        at = text.find(name, at + 1)
    return False


def looks_at(text: str, test: str) -> bool:
    """Whether a test asks a question about the name that only good values answer well."""
    if not mentions(test, text):
        return False
    return any(f"{word}(" in test for word in CHECKING) or any(
        SAFE_NAME.search(function.rpartition(".")[2]) for function in re.findall(r"([\w.]+)\(", test)
    ) or f" in {text}.parents" in test or re.search(r"['\"](?:\.\.|/|\\\\)['\"] in ", test) is not None or _host(test)


def _host(test: str) -> bool:
    """Whether a test compares the host that an address names: ``urlparse(url).hostname not in HOSTS``."""
    return PARTS.search(test) is not None and COMPARED.search(test) is not None
