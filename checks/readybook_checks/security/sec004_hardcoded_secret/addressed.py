"""Passwords that stand beside the address of a machine on the Internet, in files that are no part of the service.

In scripts and tests most passwords are made up. One that a call hands over together with a public IP address is not:
somebody tried out or repaired the real machine with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from readybook import Finding, advice
from readybook.facts.nodes import nodes
from readybook.facts.secretvalues import kind_of, names_secret
from readybook.masking import hide
from readybook.patterns import regex
from readybook.place import Place
from readybook.project import Project

_ROLES = ("script", "test", "migration")
_TESTS = regex(r"\b(?:assert|pytest|unittest|mock|Mock|MagicMock|patch)\b")  # such code talks to no real machine
_ADDRESS = regex(r"[\"'](?:\d{1,3}\.){3}\d{1,3}[\"']")


def addressed_passwords(project: Project) -> Iterator[Finding]:
    """A finding for each call or mapping of a script, a migration or a test that holds a public address and the
    password for it."""
    for module in project.facts.modules.by_path.values():
        if module.role not in _ROLES or module.role == "test" and _TESTS.search(module.text):
            continue
        if "pass" not in module.text.lower() or not _ADDRESS.search(module.text):
            continue
        for node in nodes(module.body):
            given = _texts(node)
            host = next((v for v in given.values() if _public(v)), None)
            for name, value in given.items():
                if host and names_secret(name) and kind_of(value) in ("random", "chosen"):
                    start = hide(value)
                    shown = f" ({start!r})" if len(start) > 1 else ""
                    yield Finding(
                        Place(module.path, node[1]), f"{name}{shown} stands beside {host}, a machine on "
                        "the Internet: whoever reads the repository can connect.", "critical", confidence="medium",
                        fix=advice("Take the password out of the file", "give the machine a new one: the old one stays"
                                   " in the history of the repository"))


def _texts(node: Any) -> dict[str, str]:
    """The arguments of a call, or the entries of a mapping, that are plain texts."""
    pairs = node[5] if node[0] == "call" else ()
    if node[0] == "dict":
        pairs = [(k[3], v) for k, v in node[3] if k is not None and k[0] == "const"]
    return {k: v[3] for k, v in pairs if isinstance(k, str) and v[0] == "const" and isinstance(v[3], str)}


def _public(text: str) -> bool:
    """Whether a text is the address of a machine on the Internet; those that everybody writes in examples are none."""
    try:
        numbers = list(IPv4Address(text).packed)
    except AddressValueError:
        return False
    steps = {b - a for a, b in itertools.pairwise(numbers)}
    return IPv4Address(text).is_global and len(steps) > 1 and text not in ("8.8.4.4", "8.8.8.8")
