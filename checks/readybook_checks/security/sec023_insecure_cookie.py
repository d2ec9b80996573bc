"""SEC023: session cookies that scripts read or that travel without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.program import App, Middleware
from readybook.facts.unparse import unparse
from readybook.facts.values import Choice, FromEnv, Unknown, by_default, text_of
from readybook.finding import Answer
from readybook.intents import EnsureSetting, Intent, SetKeyword
from readybook.patterns import regex

SESSIONS = ("starlette.middleware.sessions.SessionMiddleware",)
TRANSPORTS = ("fastapi_users.authentication.CookieTransport",
              "fastapi_users.authentication.transport.CookieTransport")
ORDER = ("key", "value", "max_age", "expires", "path", "domain", "secure", "httponly", "samesite")
CARRIES = regex(r"(?i)session|(?:^|[_-])sid(?:$|[_-])|token|jwt|auth|refresh|access|remember|login|credential"
                r"|secret|api_?key|identity|user(?:name|_?id)?$")
# a page's script has to read these, or anybody may
SHOWN = regex(r"(?i)csrf|xsrf|consent|theme|lang|locale|(?:^|[_-])state$|flash|logged_?in|has_|is_|expir|timezone"
              r"|visitor|tracking|preference|sidebar|banner|experiment|variant")
DEVELOPMENT = regex(r"(?i)(?:^|[^a-z])(?:dev|develop\w*|debug|local\w*|test\w*)(?:$|[^a-z])")
SWITCH = regex(r"(?i)(?:cookies?_?)(?:secure|https_?only)|secure_?cookies?|session_?(?:secure|https_?only)")
MEANING = "whether cookies travel over TLS only; false for development without it"


class InsecureCookie(Check):
    """A cookie that signs people in can be read by scripts, or travels without TLS.

    Looked at: ``set_cookie`` of responses for cookies whose name or value says that they carry a session or a token,
    Starlette's SessionMiddleware (always httponly; ``https_only`` is off unless set) and the cookie transport of
    fastapi-users. ``samesite`` is ``lax`` unless it is set: only None, and ``none`` without ``secure``, are wrong. A
    flag that comes from a setting is right. Cookies for preferences, consent and CSRF, which scripts have to read, are
    left alone, and so are a cookie that is cleared and one that is set in development only.

    Fix: the missing flags; ``secure`` from a setting that is on unless development without TLS switches it off.
    """

    id = "SEC023"
    name = "insecure-cookie"
    category = "security"
    severity = "medium"
    hours = Hours(0.25, 0.5, 1, each=0.1)
    fix_kinds = ("codemod", "advice")
    references = ("https://developer.mozilla.org/docs/Web/HTTP/Headers/Set-Cookie",
                  "https://www.starlette.io/responses/#set-cookie")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each cookie that signs somebody in."""
        answers = [*_cookies(project), *_transports(project)]
        for app in project.facts.apps:
            answers += [_session(project, app, m) for m in app.middleware if m.path in SESSIONS]
        yield from answers or [NotApplicable("no cookie signs anybody in")]


def _cookies(project: Project) -> Iterator[Answer]:
    for call in project.facts.behaviour.by_last.get("set_cookie", ()):
        if call.path and not call.path.startswith(("starlette.", "fastapi.")):
            continue
        given = {**dict(zip(ORDER, call.args, strict=False)), **call.kwargs}
        written = {**dict(zip(ORDER, map(unparse, call.site.node[4]), strict=False)),
                   **{k: unparse(v) for k, v in call.site.node[5] if k}}
        if "key" not in given or "value" not in given and "**" not in given or _cleared(given):
            continue
        name = text_of(given["key"]) or written.get("key", "").rpartition(".")[2]
        said = f"{name} {written.get('value', '').rpartition('.')[2]}"
        if any(DEVELOPMENT.search(c) and not c.startswith("not ") for c in call.conditions):
            continue
        if SHOWN.search(name) or not any(CARRIES.search(word) for word in said.split()):
            continue
        yield _cookie(project, call, name, given)


def _cleared(given: dict[str, Any]) -> bool:
    return by_default(given.get("max_age")) == 0 or by_default(given.get("expires")) == 0 or given.get("value") == ""


def _cookie(project: Project, call: Call, name: str, given: dict[str, Any]) -> Answer:
    off = [flag for flag in ("httponly", "secure") if _off(given, flag)]
    same = by_default(given.get("samesite", "lax"))
    if "**" in given and off:
        return CannotTell(f"the flags of the cookie {name} come from a mapping that is not known", call.place)
    loose = "samesite" in given and same is None
    if not off and not loose:
        return Right(call.place, f"the cookie {name} is httponly and secure")
    effects = {"httponly": "a script that gets into a page can read it", "secure": "it travels without TLS too"}
    what = [f"no {flag}: {effects[flag]}" for flag in off]
    if loose:
        what.append("no samesite: other sites' forms send it along")
    if isinstance(same, str) and same.lower() == "none" and "secure" in off:
        what.append("samesite none needs secure: browsers drop the cookie")
    return Finding(call.place, f"The cookie {name} has {'; '.join(what)}.", "medium",
                   fix=_fix(project, call, off, loose))


def _off(given: dict[str, Any], flag: str) -> bool:
    """Whether a flag is off whatever the environment says; what is not known counts as set with care."""
    value = given.get(flag, False)
    if isinstance(value, FromEnv | Choice | Unknown):
        return False
    return value in (False, None, 0)


def _fix(project: Project, call: Call, off: list[str], loose: bool) -> Fix:
    title = "Add the flags that are missing"
    if len(call.args) > ORDER.index("secure") or any(a[0] == "star" for a in call.site.node[4]):
        return advice(title, "the flags are given by position here")
    intents: list[Intent] = []
    if "httponly" in off:
        intents.append(SetKeyword(call.place, call.last, "httponly", "True"))
    if "secure" in off:
        setting, value = _switch(project)
        intents += [*setting, SetKeyword(call.place, call.last, "secure", value)]
    if loose:
        intents.append(SetKeyword(call.place, call.last, "samesite", '"lax"'))
    return Fix(title, tuple(intents), safety="review", reason=_reason(off))


def _reason(off: list[str]) -> str:
    parts = []
    if "httponly" in off:
        parts.append("scripts of the page that read the cookie no longer can")
    if "secure" in off:
        parts.append("browsers no longer send it over plain http: switch the setting off for development without TLS")
    return "; ".join(parts) or "links from other sites keep the session, their forms do not"


def _switch(project: Project) -> tuple[tuple[EnsureSetting, ...], str]:
    """The setting that says whether cookies are secure: the project's own, else a new one that is on."""
    for cls in project.facts.settings_classes:
        for field in cls.fields:
            if SWITCH.search(field.name) and field.annotation == "bool" and cls.instances:
                return (), f"{{setting:{field.name}}}"
    made = EnsureSetting("cookie_secure", "bool", "True", "COOKIE_SECURE", example="false", meaning=MEANING)
    return (made,), "{setting:cookie_secure}"


def _session(project: Project, app: App, middleware: Middleware) -> Answer:
    if "**" in middleware.kwargs and "https_only" not in middleware.kwargs:
        return CannotTell("the options of the session cookie come from a mapping that is not known", middleware.place)
    if not _off(middleware.kwargs, "https_only"):
        return Right(middleware.place, "the session cookie is httponly and, by https_only, secure", app.spec)
    at = project.facts.behaviour.by_line.get((middleware.place.path, middleware.place.line), [])
    calls = [c for c in at if c.last in ("add_middleware", "Middleware") and c.args
             and getattr(c.args[0], "path", "") in SESSIONS]
    setting, value = _switch(project)
    title = "Send the session cookie over TLS only"
    fix = advice(title, "https_only=True goes where the middleware is built")
    if len(calls) == 1:
        fix = Fix(title, (*setting, SetKeyword(calls[0].place, calls[0].last, "https_only", value)), safety="review",
                  reason=_reason(["secure"]))
    return Finding(middleware.place, f"{app.spec}'s session cookie has no secure flag (https_only is off): it travels "
                   "without TLS too, and who sees it has the session.", "medium", fix=fix, app=app.spec)


def _transports(project: Project) -> Iterator[Answer]:
    for call in project.facts.behaviour.calls_to(*TRANSPORTS):
        off = [k for k in ("cookie_secure", "cookie_httponly") if call.kwargs.get(k, True) is False]
        if not off:
            yield Right(call.place, "the cookie is httponly and secure")
            continue
        setting, value = _switch(project)
        intents: list[Intent] = [SetKeyword(call.place, call.last, k, "True") for k in off if k == "cookie_httponly"]
        if "cookie_secure" in off:
            intents += [*setting, SetKeyword(call.place, call.last, "cookie_secure", value)]
        yield Finding(call.place, f"The sign-in cookie of fastapi-users has {' and '.join(off)} switched off.",
                      "medium", fix=Fix("Switch the flags on", tuple(intents), safety="review",
                              reason=_reason([k.removeprefix("cookie_") for k in off])))


CONFIG = ("from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n{0}    name: str = \"shop\"\n"
          "\n\nsettings = Settings()\n")
HEAD = "from fastapi import FastAPI, Response\n{0}\napp = FastAPI()\n\n\n"
SIGN_IN = "@app.post(\"/login\")\ndef login(response: Response) -> None:\n    token = make()\n" \
    "    response.set_cookie({0})\n"
SESSION = "from fastapi import FastAPI\nfrom starlette.middleware.sessions import SessionMiddleware as Sessions\n\n" \
    "{1}app = FastAPI()\napp.add_middleware(Sessions, secret_key=\"\"{0})\n"
InsecureCookie.examples = (
    Bad(
        {"config.py": CONFIG.format("    session_cookie_secure: bool = True\n"),
         "main.py": HEAD.format("\nfrom config import settings\n")
         + SIGN_IN.format("\"access_token\", token, max_age=600")},
        at=("main.py:11",), severity="medium",
        fixed={"main.py": HEAD.format("\nfrom config import settings\n") + SIGN_IN.format(
            "\n        \"access_token\",\n        token,\n        max_age=600,\n        httponly=True,\n"
            "        secure=settings.session_cookie_secure,\n    ")},
    ),
    Bad(  # a response that is made here, the name in a constant, a flag that is switched off
        {"main.py": "from fastapi import FastAPI\nfrom fastapi.responses import RedirectResponse as Redirect\n\n"
         "NAME = \"sid\"\napp = FastAPI()\n\n\n@app.get(\"/callback\")\ndef callback(code: str):\n"
         "    answer = Redirect(\"/\")\n"
         "    answer.set_cookie(key=NAME, value=code, httponly=False, secure=True, samesite=None)\n"
         "    return answer\n"},
        at=("main.py:11",), severity="medium",
        fixed={"main.py": "from fastapi import FastAPI\nfrom fastapi.responses import RedirectResponse as Redirect\n\n"
               "NAME = \"sid\"\napp = FastAPI()\n\n\n@app.get(\"/callback\")\ndef callback(code: str):\n"
               "    answer = Redirect(\"/\")\n    answer.set_cookie(key=NAME, value=code, httponly=True, secure=True, "
               "samesite=\"lax\")\n    return answer\n"},
    ),
    Bad(  # the session of the framework: no settings yet
        {"main.py": SESSION.format("", ""), "requirements.txt": "fastapi\npydantic-settings>=2.7\n"},
        at=("main.py:5",), severity="medium",
        fixed={"main.py": SESSION.format(", https_only=settings.cookie_secure",
                                         "from settings import settings\n\n"),
               "settings.py": "\"\"\"Settings of the service, read from the environment.\"\"\"\n\n"
               "from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\nclass Settings(BaseSettings):\n"
               "    \"\"\"What differs between environments, each from the variable of its name.\"\"\"\n\n"
               "    model_config = SettingsConfigDict(env_file=\".env\", extra=\"ignore\")\n\n"
               "    cookie_secure: bool = True\n\n\nsettings = Settings()\n"},
    ),
    Bad({"auth.py": "from fastapi_users.authentication import CookieTransport\n\n"
         "transport = CookieTransport(cookie_max_age=3600, cookie_secure=False)\n"}, at=("auth.py:3",)),
    Good(  # flags on, by hand and by setting; samesite is lax when nothing is said
        {"config.py": CONFIG.format("    secure: bool = False\n"),
         "main.py": HEAD.format("\nfrom config import settings\n")
         + SIGN_IN.format("\"session\", token, httponly=True, secure=settings.secure")}),
    Good({"main.py": SESSION.format(", https_only=True", "")}),
    Good(  # one way for development, one for production
        {"config.py": CONFIG.format("    stage: str = \"development\"\n"),
         "main.py": HEAD.format("\nfrom config import settings\n") + "@app.post(\"/login\")\n"
         "def login(response: Response, token: str) -> None:\n    if settings.stage == \"development\":\n"
         "        response.set_cookie(\"session\", token, httponly=True)\n    else:\n"
         "        response.set_cookie(\"session\", token, httponly=True, secure=True)\n"}),
    Good(  # what scripts must read, what anybody may read, what is cleared
        {"main.py": HEAD.format("") + SIGN_IN.format("\"csrf_token\", token")
         + "    response.set_cookie(\"theme\", \"dark\")\n    response.set_cookie(\"session\", \"\", max_age=0)\n"},
        outcome="not_applicable"),
    Good(  # a jar of a client is no response
        {"client.py": "import requests\n\n\ndef keep(jar: requests.Session, token) -> None:\n"
         "    jar.cookies.set_cookie(token)\n"}, outcome="not_applicable"),
    Good(  # the same flags for all cookies, from a mapping
        {"main.py": HEAD.format("\nfrom elsewhere import FLAGS\n") + SIGN_IN.format("\"session\", token, **FLAGS")},
        outcome="unknown"),
)
