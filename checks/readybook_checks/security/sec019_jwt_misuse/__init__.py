"""SEC019: tokens that are read without a check, or that never end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import CannotTell, Check, Finding, Fix, Hours, NotApplicable, Right, advice
from readybook.facts.anonymousvalues import caught_by
from readybook.facts.behaviour import Behaviour, Call
from readybook.facts.nodes import holds, nodes, statements
from readybook.facts.objects import FunctionValue, Instance
from readybook.facts.reach import run_for
from readybook.facts.unparse import unparse
from readybook.facts.values import Begins, Choice, Unknown, by_default, possible
from readybook.finding import Answer
from readybook.intents import RemoveKeyword, SetKeyword
from readybook.patterns import regex
from readybook.project import Project
from readybook_checks.security.sec019_jwt_misuse.examples import EXAMPLES

ENCODE = ("jwt.encode", "jwt.api_jwt.encode", "jose.jwt.encode")
DECODE = ("jwt.decode", "jwt.api_jwt.decode", "jose.jwt.decode")
UNVERIFIED = ("jose.jwt.get_unverified_claims",)
DAY = 24.0
HOURS = {"weeks": 168.0, "days": 24.0, "hours": 1.0, "minutes": 1 / 60, "seconds": 1 / 3600}
LONG_LIVED = regex(r"(?i)refresh|reset|verif|confirm|email|invit|remember|service|api_?key")
OWN_END = regex(r"(?i)expir|valid_?(?:to|until)|ttl")
ENDED = regex(r"(?i)refresh|revok|blacklist|denylist|blocklist")
ON_PURPOSE = regex(r"(?i)unverified|insecure|peek|debug|expired|refresh|revok|logout|blacklist|denylist|blocklist")
API_KEY = regex(r"(?i)api_?key")
EXPIRED = frozenset({"ExpiredSignatureError", "ExpiredSignature"})
COMMAND = regex(r"(?:^|\.)(?:command|callback)(?:\(|$)")
RECORDS = regex(r"(?i)log(?:ger|ging)|access_?log|telemetry|tracing|metrics|analytics|profil|rate_?limit|throttl")
# which token it is, when and for whom; nobody's rights
NAMING = frozenset({"jti", "exp", "iat", "nbf", "iss", "aud", "kid"})
SIGNING = ("jose.", "jwt.", "cryptography.", "jwcrypto.", "joserfc.")
JOSE_HOLES = "the holes CVE-2024-33663 and CVE-2024-33664"
JOSE_MENDED = (3, 4)
JOSE_FIX = advice("Move to PyJWT", "exceptions and a few arguments differ, so callers change with it")


class JwtMisuse(Check):
    """Tokens are accepted without the check that makes them trustworthy, or stay good far too long.

    Looked at: PyJWT and python-jose. Critical: the signature is not checked, or the algorithm is ``none``. High:
    python-jose without ``algorithms``, which then takes the one that the token names (with a shared secret that is no
    way in by itself, with a public key it may be), tokens without ``exp``, or ``exp`` not looked at. Medium: more
    than a day without refresh or revocation, a ``sub`` that is no string (decoding refuses it), PyJWT without
    ``algorithms`` (decoding fails), and python-jose itself, of which releases are rare. Keys written into the code
    are SEC004's.

    Fix: the algorithms that the project signs with are named; options that switch checks off go.
    """

    id = "SEC019"
    name = "jwt-misuse"
    category = "security"
    severity = "critical"
    hours = Hours(0.5, 1, 3, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://pyjwt.readthedocs.io/en/stable/usage.html", "https://www.rfc-editor.org/rfc/rfc8725")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each token made or read, one for a long lifetime, one for the package."""
        behaviour = project.facts.behaviour
        made = [c for c in behaviour.calls_to(*ENCODE) if not _in_test(c)]
        read = [c for c in behaviour.calls_to(*DECODE, *UNVERIFIED) if not _in_test(c)]
        if not made and not read:
            yield NotApplicable("no PyJWT or python-jose call makes or reads a token")
            return
        for call in read:
            yield _read(project, call, made)
        for call in made:
            yield from _made(behaviour, call)
        if not _can_end(project):
            yield from _lifetimes(behaviour, made)
        if any(c.path.startswith("jose.") for c in (*made, *read)):
            declared = next((r for r in project.facts.requirements if r.name == "python-jose"), None)
            if declared is not None:
                release = project.facts.release("python-jose", declared.place.path)
                yield Finding(declared.place, _jose(release), "medium", fix=JOSE_FIX)


def _jose(release: tuple[int, ...] | None) -> str:
    """What is to be said of a release of python-jose; None: of one that is not known."""
    if release is not None and release < JOSE_MENDED:
        version = ".".join(map(str, release))
        return f"python-jose {version} reads and makes this project's tokens: it has {JOSE_HOLES}, which 3.4 mends."
    past = "" if release is not None else f", and before 3.4 it had {JOSE_HOLES}"
    return f"python-jose reads and makes this project's tokens: it has few releases{past}."


def _in_test(call: Call) -> bool:
    """Whether a call stands in a test that lies between application modules."""
    function = call.site.function
    owner = function.owner if function is not None else None
    return owner is not None and owner.is_a("unittest.TestCase", "unittest.case.TestCase")


def _read(project: Project, call: Call, made: list[Call]) -> Answer:
    options = by_default(call.kwargs.get("options", call.args[3] if len(call.args) > 3 else {}))
    off = {k for k, v in options.items() if v is False} if isinstance(options, dict) else set()
    if call.path in UNVERIFIED or "verify_signature" in off or by_default(call.kwargs.get("verify")) is False:
        return _unverified(project, call)
    algorithms = call.kwargs.get("algorithms", call.args[2] if len(call.args) > 2 else None)
    named = by_default(algorithms)
    if isinstance(named, list | tuple | set) and any(isinstance(a, str) and a.lower() == "none" for a in named):
        return Finding(call.place, f"{call.path}() accepts the algorithm none: a token that nobody signed is taken.",
                       "critical", fix=advice("Name the algorithms that are used", "other entries may be in use"))
    if algorithms is None and "**" not in call.kwargs and not _spread(call):
        return _no_algorithms(call, made, project.facts.release("pyjwt"))
    if "verify_exp" in off:
        if ON_PURPOSE.search(call.function):
            return CannotTell("tokens that have expired are read: what for is not seen", call.place)
        if _asks_itself(call):
            return Right(call.place, "the function looks at exp itself")
        if _refused_already(call):
            return Right(call.place, "read again once it was refused, to tell whose it was; it stays refused")
        if API_KEY.search(f"{call.function} {unparse(call.site.node[4][0]) if call.site.node[4] else ''}"):
            return CannotTell("an API key is read: whether its end is kept elsewhere is not seen", call.place)
        fix = advice("Let decoding refuse expired tokens", "callers that hold expired tokens must sign in again")
        return Finding(call.place, f"{call.path}() takes tokens that have expired.", "high", fix=fix)
    if isinstance(options, Unknown | Choice):
        return CannotTell("which checks the options of the decoding switch off is not known", call.place)
    return Right(call.place, "signature and algorithm are checked")


def _asks_itself(call: Call) -> bool:
    """Whether the function that reads a token compares or reads its ``exp``, beside the switch that leaves it out."""
    function = call.site.function
    body = function.node[6] if function is not None and function.node[0] == "def" else ()
    return any(n[0] == "attr" and n[4] == "exp" or n[0] == "const" and n[3] == "exp" for n in nodes(body))


def _refused_already(call: Call) -> bool:
    """Whether a call stands in the handler of a token that has expired, and that handler always ends in an error."""
    function = call.site.function
    body = function.node[6] if function is not None and function.node[0] == "def" else ()
    return any(EXPIRED & caught_by(kind) and handling[-1][0] == "raise" and holds(handling, call.site.node)
               and not any(inner[0] == "return" for inner in statements(handling))
               for s in statements(body) if s[0] == "try" for kind, _, handling, _ in s[5] if kind is not None)


def _unverified(project: Project, call: Call) -> Answer:
    behaviour, function = project.facts.behaviour, call.site.function
    body = function.node[6] if function is not None and function.node[0] == "def" else call.site.module.body
    if any(s[0] == "expr" and s[4] is call.site.node for s in statements(body)):
        return Right(call.place, "only whether the text has the shape of a token is asked")
    others = behaviour.calls_in(function) if function is not None else []
    if any(c.path in DECODE and c is not call and "options" not in c.kwargs for c in others):
        return Right(call.place, "read once to choose the key, then verified")
    if function is not None and any(c.last == "verify" and len(c.args) > 1 and c.path.startswith(SIGNING)
                                    for c in run_for(behaviour, (function,))):
        return Right(call.place, "its signature is verified by the function's own steps")
    if function is not None and (asked := _claims(body, call)) and asked <= NAMING:
        return CannotTell(f"only {', '.join(sorted(asked))} is read of a token that is not checked here", call.place)
    if ON_PURPOSE.search(call.function.rpartition(".")[2]):
        return CannotTell(f"{call.function} reads a token without a check: whether callers trust it is not seen",
                          call.place)
    if function is not None and _commands(function):
        return CannotTell(f"{call.function} is a command of a terminal, which reads its user's own token without a "
                          "check: whether anything trusts it is not seen", call.place)
    if _from_issuer(project, call):
        return CannotTell("the token comes from another service's answer, not from a caller: whether that is the one "
                          "that makes it is not seen", call.place)
    if RECORDS.search(call.function.rpartition(".")[2]):
        return CannotTell(f"{call.function} reads a token without a check, to count or to keep records by its name: "
                          "whether anything trusts it is not seen", call.place)
    callers = behaviour.callers.get(id(function.original.node), ()) if function is not None else ()
    if callers and all(RECORDS.search(c.function) for c, _ in callers):
        return CannotTell(f"{call.function} reads a token without a check for {callers[0][0].function}, which keeps "
                          "records: whether anything trusts it is not seen", call.place)
    fix = advice("Verify the signature before what the token says is used", "the key and algorithms must be known here")
    if "options" in call.kwargs and set(by_default(call.kwargs["options"])) == {"verify_signature"} and (
        len(call.args) > 1 or "key" in call.kwargs) and (len(call.args) > 2 or "algorithms" in call.kwargs):
        fix = Fix("Verify the signature", (RemoveKeyword(call.place, call.last, "options"),), safety="review",
                  reason="tokens that were not signed with this key are refused from now on")
    return Finding(call.place, f"{call.path}() reads a token without checking its signature: anybody can write one.",
                   "critical", confidence="medium", fix=fix)


def _from_issuer(project: Project, call: Call) -> bool:
    """Whether all that is read of a token comes over the network from a service that this one asked."""
    named = next((v for k, v in call.site.node[5] if k in ("jwt", "token")), None)
    node = call.site.node[4][0] if call.site.node[4] else named
    kinds = {o.kind for o in project.facts.origins.of(call, node)}
    return kinds == {"network"}


def _commands(function: FunctionValue) -> bool:
    """Whether a function is a command of click or Typer."""
    return any(COMMAND.search(unparse(d)) for d in function.node[7]) if function.node[0] == "def" else False


def _claims(body: Any, call: Call) -> frozenset[str]:
    """The claims that a function reads of what a call gives; empty when it uses that in another way as well."""
    name = next((s[4][0][3] for s in statements(body) if s[0] == "assign" and s[5] is call.site.node
                 and s[4][0][0] == "name"), "")
    read = [_claim(n, name) for n in nodes(body)]
    found = [claim for claim in read if claim is not None]
    uses = sum(n[0] == "name" and n[3] == name for n in nodes(body)) - 1  # without the assignment
    return frozenset(found) if name and len(found) == uses and "" not in found else frozenset()


def _claim(node: Any, name: str) -> str | None:
    """The claim in ``name["jti"]`` or ``name.get("jti")``; empty when it is not written, None where it is no read."""
    key = None
    if node[0] == "sub" and node[3][:1] == ("name",) and node[3][3] == name:
        key = node[4]
    elif node[0] == "call" and node[3][0] == "attr" and node[3][4] == "get" and node[3][3][:1] == ("name",) and (
            node[3][3][3] == name and node[4]):
        key = node[4][0]
    return None if key is None else key[3] if key[0] == "const" and isinstance(key[3], str) else ""


def _no_algorithms(call: Call, made: list[Call], pyjwt: tuple[int, ...] | None) -> Finding:
    key = _key(call)
    used = {_algorithm(c) for c in made if _key(c) == key} if key is not None else set()
    fix = advice("Name the algorithms that tokens may be signed with",
                 "who signs these tokens, and how, is not in the code")
    if len(used) == 1 and isinstance(algorithm := next(iter(used)), str):
        fix = Fix(f"Accept {algorithm} only", (SetKeyword(call.place, call.last, "algorithms", f'["{algorithm}"]'),),
                  safety="review", reason="tokens of other issuers that sign in another way are refused")
    if call.path.startswith("jose.") or pyjwt is not None and pyjwt < (2,):
        return Finding(call.place, f"{call.path}() names no algorithms: the token itself says how it is to be checked.",
                       "high", fix=fix)
    return Finding(call.place, f"{call.path}() names no algorithms: PyJWT 2 refuses every token with DecodeError.",
                   "medium", fix=fix)


def _algorithm(call: Call) -> Any:
    """What a token is signed with; None when that is not known."""
    value = by_default(call.kwargs.get("algorithm", call.args[2] if len(call.args) > 2 else "HS256"))
    return value if isinstance(value, str) else None


def _key(call: Call) -> Any:
    """The key of a call that makes or reads a token, None when it is not known."""
    value = call.kwargs.get("key", call.args[1] if len(call.args) > 1 else None)
    return None if isinstance(value, Unknown | Choice) else value


def _made(behaviour: Behaviour, call: Call) -> Iterator[Answer]:
    given = call.kwargs.get("algorithm", call.args[2] if len(call.args) > 2 else "HS256")
    algorithm = by_default(given)  # None from a variable is one that has no default: deployments set it
    if given is None or isinstance(algorithm, str) and algorithm.lower() == "none":
        yield Finding(call.place, f"{call.path}() makes tokens without a signature: anybody can write one.", "critical",
                      fix=advice("Sign with a key", "the readers of the tokens change with it"))
        return
    payload = call.args[0] if call.args else call.kwargs.get("payload", call.kwargs.get("claims"))
    if isinstance(payload, dict) and (kind := _no_text(payload.get("sub", ""))):
        yield Finding(call.place, f"sub is {kind}: PyJWT 2.10 and python-jose refuse the token when they read it.",
                      "medium", fix=advice("Put str(…) around the subject", "readers compare it with the number today"))
    if _sets_exp(call) or isinstance(payload, dict) and "exp" in payload:
        yield Right(call.place, "the token expires")
    elif isinstance(payload, dict) and any(isinstance(k, str) and OWN_END.search(k) for k in payload):
        yield CannotTell("the token ends by a claim of its own: whether readers look at it is not seen", call.place)
    elif isinstance(payload, dict) and payload and all(isinstance(k, str) for k in payload):
        fix = advice("Add exp from a setting", "how long a session may last is the product's choice")
        yield Finding(call.place, f"{call.path}() makes a token without exp: a stolen one is good for ever.", "high",
                      fix=fix)
    else:
        yield CannotTell("whether the token expires is decided where its claims are put together", call.place)


def _no_text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return "a number"
    return "a number" if isinstance(value, Instance) and value.path == "int" else ""


def _sets_exp(call: Call) -> bool:
    """Whether the function that makes the token writes an ``exp`` claim."""
    body: Any = call.site.function.node if call.site.function is not None else call.site.node
    return any(n[0] == "const" and n[3] == "exp" or n[0] == "call" and any(k == "exp" for k, _ in n[5])
               for n in nodes(body)) or "exp" in str(call.site.node)


def _spread(call: Call) -> bool:
    return any(a[0] == "star" for a in call.site.node[4]) or any(k is None for k, _ in call.site.node[5])


def _can_end(project: Project) -> bool:
    """Whether the project refreshes or revokes tokens, by the names of its functions and routes."""
    if any(ENDED.search(r.path) or ENDED.search(r.endpoint.rpartition(".")[2]) for r in project.facts.routes):
        return True
    names = {name for c in project.facts.behaviour.calls for name in (c.function.rpartition(".")[2], c.last)}
    return any(ENDED.search(n) and n not in ("refresh", "db_refresh") for n in names)


def _lifetimes(behaviour: Behaviour, made: list[Call]) -> Iterator[Finding]:
    """Lifetimes over a day, in the functions that make tokens and in those that call these."""
    makers = {id(c.site.function.node) for c in made if c.site.function is not None}
    paths = {c.function for c in made}
    callers = {id(c.site.function.node) for p in paths for c in behaviour.by_path.get(p, ()) if c.site.function}
    for call in behaviour.calls_to("datetime.timedelta"):
        function = call.site.function
        if function is None or id(function.node) not in makers | callers:
            continue
        hours = _hours(call)
        if hours is None or hours <= DAY or LONG_LIVED.search(f"{function.name} {_taker(call)} {call.site.node}"):
            continue
        yield Finding(
            call.place, f"A token is good for {hours / 24:.3g} days and nothing revokes or refreshes it: a stolen one "
            "works that long.", "medium", confidence="medium",
            fix=advice("Shorten the lifetime and add refresh tokens", "clients must learn to refresh"))


def _taker(call: Call) -> str:
    """The names that a call's value is bound to: ``refresh_lifetime = timedelta(days=30)``."""
    function = call.site.function
    body = function.node[6] if function is not None and function.node[0] == "def" else ()
    return " ".join(unparse(target) for s in statements(body) if s[0] == "assign" and s[5] is call.site.node
                    for target in s[4])


def _hours(call: Call) -> float | None:
    total = 0.0
    for name, value in (("days", call.args[0] if call.args else 0), *call.kwargs.items()):
        values = [by_default(v) for v in possible(value)] if not isinstance(value, Begins) else []
        if len(values) != 1 or not isinstance(values[0], int | float) or name not in HOURS:
            return None
        total += values[0] * HOURS[name]
    return total
