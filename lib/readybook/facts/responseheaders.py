"""Security headers of an application's answers: set by middleware, by what wraps it, for all routes, or by a proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.wrapping import around, source_texts
from readybook.patterns import regex
from readybook.place import Place

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.program import App

NAMES = ("x-content-type-options", "x-frame-options", "content-security-policy", "referrer-policy",
         "strict-transport-security")
# what proxies call them in options of their own
_OPTIONS = {"contenttypenosniff": NAMES[0], "framedeny": NAMES[1], "customframeoptionsvalue": NAMES[1],
            "contentsecuritypolicy": NAMES[2], "referrerpolicy": NAMES[3], "stsseconds": NAMES[4]}
_LIBRARY = regex(r"^(?:secure|secweb|fastapi_?security_?headers|starlette_?security_?headers|helmet|"
                 r"fastapi_?helmet|fastapi_secure_headers)(?:\.|$)|security_?headers", re.IGNORECASE)
_WORD = regex(r"[A-Za-z_]\w*")
_QUOTED = {n: regex(rf"[\"']{n}[\"']", re.IGNORECASE) for n in NAMES}


def headers_of(facts: Facts, app: App) -> dict[str, Place]:
    """Which security headers every answer of an application gets, in small letters, and what sets each."""
    found = _own(facts, app)
    inner = {id(e.data["app"]) for e in app.instance.native.events if e.kind == "mount"} if app.mounted else set()
    inside = [a for a in facts.apps if id(a.instance) in inner]
    if inside:
        each = [_own(facts, a) for a in inside]
        for name in set.intersection(*(set(e) for e in each)):
            found.setdefault(name, each[0][name])
    for name, place in _proxies(facts, app):
        found.setdefault(name, place)
    return found


def _own(facts: Facts, app: App) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for target, path, place in around(facts, app, _LIBRARY):
        if _LIBRARY.search(path) and not isinstance(target, ClassValue | FunctionValue):
            return dict.fromkeys(NAMES[:4], place)
        code = source_texts(facts, target)
        text = "\n".join([code, *_tables(facts, set(_WORD.findall(code)))])
        if re.search(r"\bsecure_headers?\b|\bSecure\.with_|\bSecure\(", text):
            return dict.fromkeys(NAMES[:4], place)  # the library secure, called by a middleware of the project
        for name, pattern in _QUOTED.items():
            if pattern.search(text):
                found.setdefault(name, place)
    return found


def _tables(facts: Facts, words: set[str]) -> Iterator[str]:
    """Assignments of application modules, and of classes in them, to a name that the code uses."""
    for module in facts.header_modules:
        todo = list(module.body)
        while todo:
            s = todo.pop()
            if s[0] == "class":
                todo += [inner for part in s[4:] if isinstance(part, tuple) for inner in part
                         if isinstance(inner, tuple) and inner and inner[0] in ("assign", "ann")]
            elif s[0] in ("assign", "ann"):
                targets = s[4] if s[0] == "assign" else (s[4],)
                if any(t[0] == "name" and t[3] in words for t in targets):
                    yield module.lines_of(s[1], s[3])


def _proxies(facts: Facts, app: App) -> Iterator[tuple[str, Place]]:
    """What proxies that pass requests on add, by their own names for it too."""
    files = facts.project.files
    paths = {p.place.path for p in facts.proxies if p.forwards and p.place.path in files}
    paths |= {p for p in files if p.rpartition("/")[2] == "vercel.json" and app.place.path.startswith(p[:-11])}
    for path in sorted(paths):
        for number, line in enumerate(files[path].text.split("\n"), 1):
            low = line.lower()
            if low.lstrip().startswith(("#", "//")):
                continue
            for word, name in (*((n, n) for n in NAMES), *_OPTIONS.items()):
                if word in low and "proxy_hide_header" not in low:
                    yield name, Place(path, number)
