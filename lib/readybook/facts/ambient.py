"""What a browser sends by itself: cookies, sessions and passwords it was asked for once.

A bearer token in a header is sent by a page's own script only; a cookie goes out with every request to its site, also
with those that another site's page makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.facts.closure import pulled_in
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.program import App

_AMBIENT = regex(r"\bset_cookie\b|\.cookies\b|\brequest\.session\b|\b(?:CookieTransport"
                 r"|APIKeyCookie|HTTPBasic|HTTPDigest|HTTPBasicCredentials)\b|\bCookie\(")
# a session that code looks into, under whatever name the request goes; OAuth packages keep no more than a state in it
_SESSION = regex(r"\.session(?:\[|\.(?:get|pop|update|clear|setdefault)\()")
# one of these is in whatever the pattern finds: plain searches, since every module is looked at
_WORDS = ("set_cookie", ".cookies", "request.session", "CookieTransport", "APIKeyCookie",
          "HTTPBasic", "HTTPDigest", "Cookie(")


def signs_in_by_cookie(facts: Facts, app: App) -> str:
    """The first file behind an application that reads or sets what browsers send by themselves; empty when none does.

    A session middleware of a package that is added under another name is not seen.
    """
    near = [m for path in sorted(pulled_in(facts.modules, app.place.path))
            if (m := facts.modules.by_path[path]).role == "application"]
    for module in near:
        if any(w in module.text for w in _WORDS) and _AMBIENT.search(module.text):
            return module.path
    if any("SessionMiddleware" in m.text for m in near):
        return next((m.path for m in near if ".session" in m.text and _SESSION.search(m.text)), "")
    return ""
