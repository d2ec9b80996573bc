"""What a browser sends by itself: cookies, sessions and passwords it was asked for once.

A bearer token in a header is sent by a page's own script only; a cookie goes out with every request to its site, also
with those that another site's page makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readybook.facts.closure import pulled_in
from readybook.facts.values import by_default
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts import Facts
    from readybook.facts.behaviour import Call
    from readybook.facts.program import App

_AMBIENT = regex(r"\bset_cookie\b|\.cookies\b|\brequest\.session\b|\b(?:CookieTransport"
                 r"|APIKeyCookie|HTTPBasic|HTTPDigest|HTTPBasicCredentials)\b|\bCookie\(")
# a session that code looks into, under whatever name the request goes; OAuth packages keep no more than a state in it
_SESSION = regex(r"\.session(?:\[|\.(?:get|pop|update|clear|setdefault)\()")
# one of these is in whatever the pattern finds: plain searches, since every module is looked at
_WORDS = ("set_cookie", ".cookies", "request.session", "CookieTransport", "APIKeyCookie",
          "HTTPBasic", "HTTPDigest", "Cookie(")


# passwords that a browser was asked for go to their site whoever asks; a cookie's flag says where it goes
_PASSWORDS = regex(r"\b(?:HTTPBasic|HTTPDigest|HTTPBasicCredentials)\b")
_KEPT = ("lax", "strict")
_SETTERS = {"set_cookie": "samesite", "CookieTransport": "cookie_samesite", "add_middleware": "same_site",
            "Middleware": "same_site"}


def kept_from_other_sites(facts: Facts, app: App) -> bool:
    """Whether every cookie that the code behind an application sets is SameSite lax or strict, as Starlette, its
    sessions and fastapi-users have it unless they are told otherwise: browsers send those with requests of the same
    site only, and with a visitor's own way there. No where something else sets cookies, or passwords are asked for.
    """
    near = pulled_in(facts.modules, app.place.path)
    if any(_PASSWORDS.search(m.text) for path in near if (m := facts.modules.by_path[path]).role == "application"):
        return False
    found = False
    for last, keyword in _SETTERS.items():
        for call in facts.behaviour.by_last.get(last, ()):
            if call.place.path not in near or keyword == "same_site" and not _is_session(call):
                continue
            if "**" in call.kwargs or len(call.site.node[4]) > 8:
                return False
            same = by_default(call.kwargs.get(keyword, "lax"))
            if not isinstance(same, str) or same.lower() not in _KEPT:
                return False
            found = True
    return found


def _is_session(call: Call) -> bool:
    cls = call.args[0] if call.args else call.kwargs.get("middleware_class", call.kwargs.get("cls"))
    return str(getattr(cls, "path", "")).rpartition(".")[2] == "SessionMiddleware"


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
