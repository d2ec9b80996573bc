"""SEC027: TLS connections that accept every certificate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Right, advice
from readybook.facts.behaviour import Call
from readybook.facts.modules import Module
from readybook.facts.scopes import scope_of
from readybook.facts.unparse import unparse
from readybook.facts.values import Choice, External, FromEnv, Unknown, beginning, by_default
from readybook.finding import Answer
from readybook.intents import RemoveKeyword, ReplaceDefault, ReplaceExpression
from readybook.patterns import regex
from readybook.place import Place
from readybook.project import Project

# keyword → (packages whose calls take it, the values that switch verification off)
SWITCHES: dict[str, tuple[tuple[str, ...], tuple[Any, ...]]] = {
    "verify": (("requests.", "httpx.", "boto3.", "hvac."), (False,)),
    "ssl": (("aiohttp.",), (False,)),
    "verify_ssl": (("aiohttp.", "influxdb_client."), (False,)),
    "ssl_cert_reqs": (("redis.",), (None, "none", "CERT_NONE", External("ssl.CERT_NONE"))),
    "cert_reqs": (("urllib3.",), ("NONE", "CERT_NONE", External("ssl.CERT_NONE"))),
    "tlsAllowInvalidCertificates": (("pymongo.", "motor."), (True,)),
    "tlsInsecure": (("pymongo.", "motor."), (True,)),
    "verify_certs": (("elasticsearch.", "opensearchpy."), (False,)),
    "validate_certs": (("aiosmtplib.",), (False,)),
    "VALIDATE_CERTS": (("fastapi_mail.",), (False,)),
    "cert_check": (("minio.",), (False,)),
}
_PACKAGES = tuple({package for packages, _ in SWITCHES.values() for package in packages})
CLIENTS = regex(
    r"requests\.(?:get|post|put|patch|delete|head|options|request|Session|session)|httpx\.(?:get|post|put|patch|delete"
    r"|head|options|request|stream|Client|AsyncClient)|aiohttp\.(?:ClientSession|TCPConnector|request)"
    r"|ssl\.create_default_context|urllib3\.PoolManager|boto3\.client|(?:pymongo|motor\.motor_asyncio)\.\w*MongoClient"
)
_ASSIGNED = (".verify", ".check_hostname", "_create_default_https_context")  # what _assigned looks for
SESSIONS = frozenset({"requests.Session", "requests.session", "requests.sessions.Session"})
UNVERIFIED = ("ssl._create_unverified_context", "ssl._create_stdlib_context")
HERE = regex(r"(?i)http://|https?://(?:localhost|127\.|\[::1\]|0\.0\.0\.0)")
PROXIES = regex(r"(?:ProxyManager|proxy_from_url)$")  # their address is the proxy's: the servers lie behind it
DELIBERATE = regex(r"(?i)insecure|verif|skip|\bdev|debug|local|test")
WEAK_MODE = regex(r"[?&](sslmode=(?:disable|allow|prefer))\b")
HOST = regex(r"\w+(?:\+\w+)?://(?:[^@/]*@)?([^/:?\[\]]+)")
DATABASE = advice("Connect with sslmode=verify-full and the authority's certificate",
                  "which authority signs the server's certificate is not in the code")
PRIVATE = "a server whose certificate comes from a private authority is refused until its CA bundle is named"
NAMED_SO = regex(r"(?i)insecure|unverified|no_?verify")


class TlsVerifyOff(Check):
    """A TLS connection accepts every certificate, so whoever sits on the way can read and change what is sent.

    Looked at: ``verify=False`` of requests, httpx and boto3, ``ssl=False`` of aiohttp, the same switches of Redis,
    MongoDB, search, mail and object-store clients, contexts from ``ssl._create_unverified_context`` and contexts or
    sessions whose ``verify_mode``, ``check_hostname`` or ``verify`` is switched off. Values are followed through
    settings. Plain HTTP and the machine itself are left alone, and so is what only a condition named for it switches.

    Fix: the switch goes, so that certificates are verified; a private authority is named by its CA bundle instead.
    """

    id = "SEC027"
    name = "tls-verify-off"
    category = "security"
    severity = "high"
    hours = Hours(0.25, 0.5, 1, each=0.1)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.python.org/3/library/ssl.html#verifying-certificates",
                  "https://cwe.mitre.org/data/definitions/295.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each switch, and one for each client that is left to verify."""
        behaviour = project.facts.behaviour
        found = False
        switches = {f.place for c in project.facts.settings_classes for f in c.fields
                    if by_default(f.default) is False}
        for call in behaviour.matching(_speaks_tls):
            answer = _switched(call, switches) or _clients(call)
            if answer is not None:
                found = True
                yield answer
        for engine in project.facts.engines:
            text = beginning(engine.url) or ""
            if (mode := WEAK_MODE.search(text)) and (match := HOST.match(text)) and _remote(match[1]):
                found = True
                yield Finding(engine.place, f"The database at {match[1]} is reached with {mode[1]}: "
                              "whoever sits on the way can read and change what is sent.", fix=DATABASE)
        for path in sorted(project.facts.modules.by_path):
            module = project.facts.modules.by_path[path]
            if module.role == "application" and any(word in module.text for word in _ASSIGNED):
                sessions = {(c.place.line, c.place.column) for p in SESSIONS for c in behaviour.by_path.get(p, ())
                            if c.place.path == path}
                for answer in _assigned(module, sessions):
                    found = True
                    yield answer
        if not found:
            yield NotApplicable("no TLS client is used by the application's code")


def _speaks_tls(path: str) -> bool:
    """Whether a callable may be a client whose verification can be switched off."""
    return path.startswith(_PACKAGES) or path in UNVERIFIED or CLIENTS.fullmatch(path) is not None


def _remote(host: str) -> bool:
    """Whether a host is known to be another machine: a name with a dot that is no private address."""
    return "." in host and not re.match(r"(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.", host) \
        and not host.endswith((".local", ".internal", ".svc", ".localhost"))


def _switched(call: Call, switches: set[Place]) -> Answer | None:
    """What a call says about verification, None when it says nothing."""
    if call.path in UNVERIFIED:
        return _finding(call, f"{call.path}() verifies no certificate", _unverified_fix(call))
    for keyword, (packages, off) in SWITCHES.items():
        if keyword in call.kwargs and call.path.startswith(packages):
            return _by_keyword(call, keyword, call.kwargs[keyword], off, switches)
    return None


def _by_keyword(call: Call, keyword: str, value: Any, off: tuple[Any, ...], switches: set[Place]) -> Answer | None:
    target = beginning(call.args[0]) if call.args else beginning(call.kwargs.get("url"))
    if target and HERE.match(target) and not PROXIES.search(call.path):
        return None
    default = by_default(value)
    chosen = _chosen_by(call, keyword)
    if chosen:
        return Right(call.place, f"switched off only when {chosen}")
    if isinstance(default, Unknown | Choice):
        return CannotTell(f"what {keyword} of {call.path}() is at run time is not in the code", call.place)
    if not any(default is o if isinstance(o, bool | None) else default == o for o in off):
        return Right(call.place, "certificates are verified")
    if isinstance(value, FromEnv):
        message = f"{call.path}() verifies no certificate unless {value.name} is set: that is the default"
        return _finding(call, message, _setting_fix(value, switches), (value.place,) if value.place else ())
    fix = Fix("Verify the server's certificate", (RemoveKeyword(call.place, call.last, keyword),), safety="review",
              reason=PRIVATE)
    return _finding(call, f"{call.path}({keyword}={_text(default)}) verifies no certificate", fix)


def _chosen_by(call: Call, keyword: str) -> str:
    """The test of a switch that is written ``False if insecure else context``; empty where no name says it is meant."""
    node = next((v for k, v in call.site.node[5] if k == keyword), None)
    values = scope_of(call).bindings.bound(node[3], node) if node is not None and node[0] == "name" else [node]
    one = values[0] if len(values) == 1 else None
    if one is None or one[0] != "if" or one[4][0] != "const":
        return ""
    test = unparse(one[3])
    return test if DELIBERATE.search(test) and not test.startswith("not ") else ""


def _finding(call: Call, what: str, fix: Fix, chain: tuple[Place, ...] = ()) -> Answer:
    deliberate = [c for c in call.conditions if DELIBERATE.search(c) and not c.startswith("except")]
    if deliberate:
        return Right(call.place, f"switched off only when {deliberate[0]}")
    named = _name_of(call)
    if named and NAMED_SO.search(named):
        return CannotTell(f"{named} says that it does not verify: who chooses it is not followed", call.place)
    message = f"{what}: whoever sits on the way can read and change what is sent."
    return Finding(call.place, message, fix=fix, chain=chain)


def _clients(call: Call) -> Answer | None:
    if CLIENTS.fullmatch(call.path) is None or "**" in call.kwargs:
        return None
    target = beginning(call.args[0]) if call.args else None
    return None if target and HERE.match(target) else Right(call.place, "certificates are verified")


def _name_of(call: Call) -> str:
    """The name that the module gives to the call's result, empty when it gives none."""
    for s in call.site.module.body:
        if s[0] == "assign" and s[5] is call.site.node and s[4][0][0] == "name":
            return str(s[4][0][3])
    return ""


def _text(value: Any) -> str:
    return value.path if isinstance(value, External) else repr(value)


def _unverified_fix(call: Call) -> Fix:
    if call.written is None or call.written[1]:
        return advice("Use ssl.create_default_context()", "the call has arguments of its own to carry over")
    callee = call.written[0]
    new = f"{callee.rpartition('.')[0]}.create_default_context()" if "." in callee else None
    if new is None:
        return advice("Use ssl.create_default_context()", "the function is imported under a name of its own")
    return Fix("Verify certificates with the default context", (ReplaceExpression(call.place, f"{callee}()", new),),
               safety="review", reason="a server with a certificate of a private authority is refused")


def _setting_fix(value: FromEnv, switches: set[Place]) -> Fix:
    """``switches`` are the fields that are false as they are written, not a name of a file or nothing."""
    if value.place is not None and value.place in switches and value.default is False:
        return Fix(f"Verify unless {value.name} says otherwise",
                   (ReplaceDefault(value.place, value.name.lower(), "True"),), safety="review",
                   reason="deployments that rely on the default must name their CA bundle")
    return advice(f"Let {value.name} verify by default",
                  "how the variable's text becomes the switch is the project's own")


def _assigned(module: Module, sessions: set[tuple[int, int]]) -> Iterator[Answer]:
    """Switches that are set as attributes: of a context, of a session, of the ssl module."""
    found: dict[tuple[int, str], tuple[Any, str, tuple[str, ...]]] = {}
    verified: set[tuple[int, str]] = set()
    for scope, s, conditions in _statements(module.body, 0, ()):
        if s[0] != "assign" or s[4][0][0] != "attr":
            continue
        what = _switch(s, module, sessions)
        key = (scope, unparse(s[4][0][3]))
        if s[4][0][4] == "verify_mode" and unparse(s[5]).endswith(("CERT_REQUIRED", "CERT_OPTIONAL")):
            verified.add(key)
        if what and (key not in found or what == "verify_mode"):
            found[key] = (s, what, conditions)
    for key, (s, what, conditions) in found.items():
        place = module.place(s)
        if key in verified:
            yield CannotTell(f"{key[1]} verifies in one mode and not in another", place)
            continue
        deliberate = [c for c in conditions if DELIBERATE.search(c)]
        if deliberate:
            yield Right(place, f"switched off only when {deliberate[0]}")
        else:
            text = f"{unparse(s[4][0])} = {unparse(s[5])}"
            if what == "check_hostname":  # the chain is still verified: verify_mode would have taken its place
                yield Finding(place, f"{text}: a certificate for any other host passes, if an authority that is "
                              "trusted here signed it.", "medium", fix=_assigned_fix(module, s, what))
                continue
            yield Finding(place, f"{text} switches the check of certificates off: whoever sits on the way can read and "
                          "change what is sent.", fix=_assigned_fix(module, s, what))


def _switch(s: Any, module: Module, sessions: set[tuple[int, int]]) -> str:
    """Which switch an assignment turns off, empty when none."""
    attribute, value = s[4][0][4], s[5]
    if attribute == "verify_mode" and unparse(value).endswith("CERT_NONE"):
        return "verify_mode"
    if attribute == "check_hostname" and value[0] == "const" and value[3] is False:
        return "check_hostname"
    if attribute == "_create_default_https_context" and unparse(value).endswith("_create_unverified_context"):
        return "https context"
    base = s[4][0][3]
    if attribute == "verify" and value[0] == "const" and value[3] is False and base[0] == "name":
        if any(t[0] == "assign" and t[5] and (t[5][1], t[5][2] + 1) in sessions and unparse(t[4][0]) == base[3]
               for _, t, _ in _statements(module.body, 0, ())):
            return "session"
    return ""


def _assigned_fix(module: Module, s: Any, what: str) -> Fix:
    place, value = module.place(s[5]), unparse(s[5])
    new = {"verify_mode": value.replace("CERT_NONE", "CERT_REQUIRED"), "check_hostname": "True", "session": "True"}
    if what not in new or what == "verify_mode" and "." not in value:
        return advice("Take the assignment out and name a CA bundle where one is needed",
                      "it changes every HTTPS request of the process, those of other packages too")
    intents = [ReplaceExpression(place, value, new[what])]
    if what == "verify_mode":
        base = unparse(s[4][0][3])
        intents += [
            ReplaceExpression(module.place(t[5]), "False", "True") for _, t, _ in _statements(module.body, 0, ())
            if t[0] == "assign" and unparse(t[4][0]) == f"{base}.check_hostname" and unparse(t[5]) == "False"
            and abs(t[1] - s[1]) < 4
        ]
    return Fix("Verify the server's certificate", tuple(reversed(intents)), safety="review",
               reason=PRIVATE)


def _statements(body: Any, scope: int, conditions: tuple[str, ...]) -> Iterator[tuple[int, Any, tuple[str, ...]]]:
    """(line of the function around, statement, conditions around) of all statements, nested ones included."""
    for s in body:
        yield scope, s, conditions
        if s[0] == "if":
            test = unparse(s[4])
            yield from _statements(s[5], scope, (*conditions, test))
            yield from _statements(s[6], scope, (*conditions, f"not ({test})"))
        elif s[0] == "def":
            yield from _statements(s[6], s[1], conditions)
        elif s[0] == "class":
            yield from _statements(s[7], scope, conditions)
        elif s[0] == "try":
            for block in (s[4], *(h[2] for h in s[5]), s[6], s[7]):
                yield from _statements(block, scope, conditions)
        elif s[0] in ("for", "while", "with"):
            blocks = {"for": (6, 7), "while": (5, 6), "with": (5,)}[s[0]]
            for index in blocks:
                yield from _statements(s[index], scope, conditions)


API = "from fastapi import FastAPI\n\napp = FastAPI()\n"
TlsVerifyOff.examples = (
    Bad(
        {"main.py": "import httpx\n" + API + "\n\n@app.get(\"/\")\nasync def index() -> int:\n"
         "    async with httpx.AsyncClient(verify=False, timeout=5) as client:\n"
         "        return (await client.get(\"https://bank.example/rates\")).status_code\n"},
        at=("main.py:9",), severity="high",
        fixed={"main.py": "import httpx\n" + API + "\n\n@app.get(\"/\")\nasync def index() -> int:\n"
               "    async with httpx.AsyncClient(timeout=5) as client:\n"
               "        return (await client.get(\"https://bank.example/rates\")).status_code\n"},
    ),
    Bad(  # the setting's default, two modules away
        {"conf.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
         "    bank_verify: bool = False\n\n\nsettings = Settings()\n",
         "rates.py": "from requests import get as fetch\n\nfrom conf import settings\n\n\n"
         "def rates(url: str) -> bytes:\n"
         "    return fetch(url, timeout=5, verify=settings.bank_verify).content\n"},
        at=("rates.py:7",),
        fixed={"conf.py": "from pydantic_settings import BaseSettings\n\n\nclass Settings(BaseSettings):\n"
               "    bank_verify: bool = True\n\n\nsettings = Settings()\n"},
    ),
    Bad(  # one context, one finding
        {"mail.py": "import ssl\n\n\ndef context() -> ssl.SSLContext:\n"
         "    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
         "    ctx.check_hostname = False\n    ctx.verify_mode = ssl.CERT_NONE\n    return ctx\n"},
        at=("mail.py:7",),
        fixed={"mail.py": "import ssl\n\n\ndef context() -> ssl.SSLContext:\n"
               "    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)\n"
               "    ctx.check_hostname = True\n    ctx.verify_mode = ssl.CERT_REQUIRED\n    return ctx\n"},
    ),
    Bad(  # a session, and the process's own default
        {"a.py": "import ssl\nimport requests\n\nssl._create_default_https_context = ssl._create_unverified_context\n"
         "bank = requests.Session()\nbank.verify = False\n"},
        at=("a.py:4", "a.py:6"),
    ),
    Bad(
        {"db.py": "from sqlalchemy import create_engine\n\n"
         "engine = create_engine(\"postgresql+psycopg://a@db.shop.example/shop?sslmode=disable\")\n"
         "near = create_engine(\"postgresql+psycopg://a@db/shop?sslmode=disable\")\n"},
        at=("db.py:3",),
    ),
    Bad(  # the proxy is on this machine, the servers are not
        {"main.py": "import urllib3\n\npool = urllib3.ProxyManager(\"http://localhost:3128/\", "
         "cert_reqs=\"CERT_NONE\")\n"},
        at=("main.py:3",),
    ),
    Good({"main.py": "import httpx\n\nclient = httpx.Client(verify=\"/etc/ssl/company.pem\")\n"}),
    Good(  # plain HTTP, the machine itself, and an argument of the same name elsewhere
        {"main.py": "import requests\n\n\ndef probe(check) -> None:\n"
         "    requests.get(\"https://localhost:8443/health\", verify=False, timeout=1)\n"
         "    check(verify=False)\n    requests.get(\"https://api.example\", timeout=1)\n"},
    ),
    Good(  # only where somebody asked for it
        {"main.py": "import ssl\n\n\ndef context(insecure: bool) -> ssl.SSLContext:\n"
         "    ctx = ssl.create_default_context()\n    if insecure:\n        ctx.check_hostname = False\n"
         "        ctx.verify_mode = ssl.CERT_NONE\n    return ctx\n"},
    ),
    Good({"main.py": "import httpx\nfrom authority import context\n\n\n"
          "def ask(url: str, skip_tls_verify: bool = False) -> int:\n"
          "    verify = False if skip_tls_verify else context()\n"
          "    return httpx.Client(verify=verify).get(url).status_code\n"}),
    Good(  # the mode decides
        {"db.py": "import ssl\n\n\ndef context(mode: str) -> ssl.SSLContext:\n    ctx = ssl.SSLContext()\n"
         "    ctx.verify_mode = ssl.CERT_NONE\n    if mode == \"full\":\n"
         "        ctx.verify_mode = ssl.CERT_REQUIRED\n    return ctx\n"},
        outcome="unknown",
    ),
    Good({"main.py": API}, outcome="not_applicable"),
    Bad(  # the chain is verified, the host is not
        {"main.py": API + "\n\ndef client(ca: str):\n    import ssl\n\n    ctx = ssl.create_default_context()\n"
         "    ctx.load_verify_locations(cafile=ca)\n    ctx.check_hostname = False\n    return ctx\n"},
        at=("main.py:11",), severity="medium"),
)
