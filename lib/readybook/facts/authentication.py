"""Which dependencies authenticate: they reach a security scheme, or refuse with 401 or 403. A session is neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.anonymous import CATCHING, UNSURE, Walk, raised, soft
from readybook.facts.anonymousvalues import ANY, NONE, caught_by
from readybook.facts.behaviour import functions_behind
from readybook.facts.bindings import statements
from readybook.facts.dependencies import View, chain, decided, own_method, signature
from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.facts.signins import is_sign_in, takes_credential
from readybook.facts.values import External, by_default
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.application import Route
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.program import App, Middleware

SCHEMES = ("OAuth2", "OAuth2PasswordBearer", "OAuth2AuthorizationCodeBearer", "HTTPBearer", "HTTPBasic", "HTTPDigest",
           "APIKeyHeader", "APIKeyQuery", "APIKeyCookie", "OpenIdConnect")
REFUSALS = (401, 403)
NOTHING: frozenset[str] = frozenset()
# closing codes of web sockets: unauthorized and forbidden by IANA's registry, the same by custom, and 1008, a policy
# that was violated, which FastAPI's documentation takes for them: where the code around it speaks of credentials
CLOSED = (3000, 3003, 4401, 4403)
POLICY = 1008
SPEAKS = regex(r"(?i)token|auth|credential|api_?key|cookie|session|jwt|password")
CREDENTIAL = regex(r"(?i)(?:^|_)(?:token|api_?key|secret|signature)$")
# errors of one's own that say so by their name; a handler elsewhere gives them their status
REFUSED = regex(r"(?i)unauthori[sz]ed|unauthenticated|not_?authenticated|forbidden|not_?authori[sz]ed"
                r"|(?<![a-zA-Z])auth_?(?:error|failed|exception)"
                r"|authentication_?(?:error|failed|exception)|authori[sz]ation_?(?:error|failed|exception)"
                r"|(?:permission|access)_?denied|invalid_?(?:token|credential|api_?key)|not_?enough_?permission")


def is_scheme(target: Any) -> bool:
    """Whether a dependency is one of FastAPI's security schemes, or derives from one."""
    cls = target.cls if isinstance(target, Instance) else target
    paths = cls.external_bases() if isinstance(cls, ClassValue) else [cls.path] if isinstance(cls, External) else []
    return any(p.startswith("fastapi.security.") and p.rpartition(".")[2] in SCHEMES for p in paths)


def refuses(behaviour: Behaviour, function: FunctionValue) -> bool:
    """Whether the function, or what it calls in place, refuses: by an error or an answer with status 401 or 403, or by
    any error of the client's where a token or key that it was given is not the right one."""
    seen: set[tuple[int, frozenset[str]]] = set()
    queue = [(function.original, NOTHING)]
    for layer in _decorated(behaviour, function):
        skipped = _translations(layer)
        errors = [v for v, s in raised(behaviour, layer) if s[1] not in skipped]
        if any(_refusal(behaviour, layer, value) for value in errors):
            return True
        for call in behaviour.by_function.get(id(layer.node), ()):  # its own, not those of what it was put around
            if call.place.line not in skipped:
                queue += [(g.original, NOTHING) for g in functions_behind(call.site.callee) if not _inner(layer, g)]
    while queue and len(seen) < 200:
        f, around = queue.pop()
        if (id(f.node), around) in seen:
            continue
        seen.add((id(f.node), around))
        held = _held(f)
        if _compares(behaviour, f) or any(_refusal(behaviour, f, v) and not _kinds(v) & (
                around | held.get(s[1], NOTHING)) for v, s in raised(behaviour, f)):
            return True
        for call in behaviour.calls_in(f):
            if _answers_refusal(f, call) or _by_helper(behaviour, call):
                return True
            inner = around | held.get(call.place.line, NOTHING)
            queue += [(g.original, inner) for g in functions_behind(call.site.callee)]
    return False


def _held(function: FunctionValue) -> dict[int, frozenset[str]]:
    """The lines of ``try`` bodies → the last names of what their handlers catch by name and raise nothing for."""
    lines: dict[int, frozenset[str]] = {}
    if function.node[0] != "def" or "except" not in function.module.text:
        return lines
    for s in statements(function.node[6]):
        names = frozenset(n for kind, _, body, _ in s[5] if not any(b[0] == "raise" for b in statements(body))
                          for n in caught_by(kind)) - {*CATCHING} if s[0] == "try" else NOTHING
        if names and s[4]:
            for line in range(s[4][0][1], s[4][-1][3] + 1):
                lines[line] = lines.get(line, NOTHING) | names
    return lines


def _kinds(value: Any) -> set[str]:
    """The last names of the classes of an error."""
    cls = value.cls if isinstance(value, Instance) else value
    if isinstance(cls, ClassValue):
        own = {c.name for c in cls.mro() if isinstance(c, ClassValue)}
        return own | {path.rpartition(".")[2] for path in cls.external_bases()}
    return {cls.path.rpartition(".")[2]} if isinstance(cls, External) else set()


def _decorated(behaviour: Behaviour, function: FunctionValue) -> list[FunctionValue]:
    """What decorators put around a function, outermost first: of closures with one body, the one that was read."""
    layers = []
    while function.wrapped is not None and len(layers) < 20:
        key = (function.module.path, function.node[1], function.qualname)
        layers.append(behaviour.run.functions.get(key, function))
        function = function.wrapped
    return layers


def _inner(layer: FunctionValue, called: FunctionValue) -> bool:
    """Whether a wrapper's call is that of the function that it was put around: it says nothing about other ones."""
    return called.original.node is layer.original.node


def _translations(layer: FunctionValue) -> set[int]:
    """The lines where a wrapper gives errors of the function inside another form: these refuse nobody."""
    inner = [f"{name}(" for name, value in (layer.scope.names.items() if layer.scope else ())
             if isinstance(value, FunctionValue) and _inner(layer, value)]
    lines: set[int] = set()
    for s in statements(layer.node[6]):
        if s[0] == "try" and s[4]:
            body = layer.module.lines_of(s[4][0][1], s[4][-1][3])
            if any(call in body for call in inner):
                lines.update(n for h in s[5] for b in h[2] for n in range(b[1], b[3] + 1))
    return lines


def _compares(behaviour: Behaviour, function: FunctionValue) -> bool:
    """Whether a parameter named for a credential is compared, and a client's error raised where it differs."""
    raises = {id(s): value for value, s in raised(behaviour, function)}
    given = {p[0] for p in function.params if CREDENTIAL.search(p[0])}
    if not raises or not given:
        return False
    for s in statements(function.node[6]):
        if s[0] == "if" and any(n[0] == "name" and n[3] in given for n in _sides(s[4])):
            status = next((status_of(behaviour, raises[id(b)]) for b in s[5] if id(b) in raises), None)
            if status is not None and 400 <= status < 500:
                return True
    return False


def _sides(test: Any) -> tuple[Any, ...]:
    """What ``a != b`` or ``not compare_digest(a, b)`` compares."""
    if test[0] == "cmp" and [op for op, _ in test[4]] == ["NotEq"]:
        return test[3], test[4][0][1]
    inner = test[4] if test[0] == "unary" and test[3] == "Not" else None
    called = inner is not None and inner[0] == "call" and inner[3][-1] == "compare_digest"
    return inner[4] if inner is not None and called else ()


def _refusal(behaviour: Behaviour, function: FunctionValue | None, value: Any) -> bool:
    """Whether an error that the function raises says that the caller may not do this."""
    cls = value.cls if isinstance(value, Instance) else value
    named = isinstance(cls, ClassValue) and bool(REFUSED.search(cls.name))
    if isinstance(value, Instance) and value.is_a("fastapi.exceptions.WebSocketException"):
        return named or _closes(function, value.kwargs.get("code", value.args[0] if value.args else None))
    return status_of(behaviour, value) in REFUSALS or named


def _answers_refusal(function: FunctionValue | None, call: Call) -> bool:
    """Whether a call of the function makes a response with status 401 or 403, or closes a web socket like that."""
    if call.path == "starlette.websockets.WebSocket.close":
        return _closes(function, call.kwargs.get("code", call.args[0] if call.args else None))
    if not call.path.startswith("starlette.responses."):
        return False
    status = by_default(call.kwargs.get("status_code", call.args[1] if len(call.args) > 1 else None))
    return isinstance(status, int) and status in REFUSALS


def _by_helper(behaviour: Behaviour, call: Call) -> bool:
    """Whether a call gives 401 or 403 to a function of the project that makes an answer with the status it is given."""
    given = [v for v in (*call.args, *call.kwargs.values()) if (s := by_default(v)) in REFUSALS and type(s) is int]
    for function in functions_behind(call.site.callee) if given else ():
        names = {p[0] for p in function.params}
        for made in behaviour.calls_in(function.original):
            if made.path.startswith("starlette.responses."):
                second = made.site.node[4][1] if len(made.site.node[4]) > 1 else None
                status = next((n for k, n in made.site.node[5] if k == "status_code"), second)
                if status is not None and status[0] == "name" and status[3] in names:
                    return True
    return False


def _closes(function: FunctionValue | None, code: Any) -> bool:
    """Whether a web socket that is closed with a code refuses its client; what speaks of no credentials in a
    function does not."""
    code = by_default(code)
    if code != POLICY:
        return isinstance(code, int) and code in CLOSED
    if function is None:
        return True
    node = function.node
    return bool(SPEAKS.search(function.module.lines_of(node[1], node[3])))


def status_of(behaviour: Behaviour, value: Any) -> int | None:
    """The status code of a raised HTTP error, None when it is none or not known."""
    if isinstance(value, ClassValue):
        value = Instance(value)
    if not isinstance(value, Instance):
        return None
    if not value.is_a("fastapi.exceptions.HTTPException", "starlette.exceptions.HTTPException"):
        return None
    status = by_default(value.kwargs.get("status_code", value.args[0] if value.args else None))
    if isinstance(status, int):
        return status
    if isinstance(value.cls, ClassValue):
        for c in value.cls.mro():
            if not isinstance(c, ClassValue):
                continue
            own = by_default(c.scope.names.get("status_code"))
            if isinstance(own, int):
                return own
            init = c.scope.names.get("__init__")
            for call in behaviour.calls_in(init) if isinstance(init, FunctionValue) else []:
                inner = by_default(call.kwargs.get("status_code"))
                if isinstance(inner, int):
                    return inner
    return None


def authenticates(behaviour: Behaviour, target: Any) -> bool:
    """Whether a dependency authenticates: it is a scheme, depends on one, or refuses with 401 or 403.

    One that takes the password itself is the sign-in.
    """
    known: dict[int, bool] = behaviour.notes.setdefault("authenticating", {})
    if id(target) not in known:
        below = list(chain(behaviour.run, target))
        known[id(target)] = any(is_scheme(t) for t in below) or any(
            refuses(behaviour, f) for t in below for f in functions_behind(t)
        ) and not takes_credential(behaviour.run, below)
    return known[id(target)]


def guarded(behaviour: Behaviour, route: Route) -> bool:
    """Whether a route asks who calls: a dependency authenticates, or its handler or its class of route refuses.

    A sign-in that refuses a wrong password is open to all: whoever calls it is not known yet.
    """
    asking = [t for t in route.targets if authenticates(behaviour, t)]
    if any(without_credentials(behaviour, t, route.path) is None for t in asking) or any(
            refuses(behaviour, f) for f in _around(behaviour, route.route_class)) and not is_sign_in(behaviour, route):
        return True
    if asking:
        return not _serves_anybody(behaviour, route)
    return any(refuses(behaviour, f) for f in functions_behind(route.handler)) and not is_sign_in(behaviour, route)


def without_credentials(behaviour: Behaviour, target: Any, path: str = "") -> str | None:
    """What a dependency gives on a path to a caller who shows no credentials, as `anonymousvalues` names values; None
    where it refuses or where the code does not show it."""
    known = behaviour.run.summaries.setdefault("anonymous", {})  # type: ignore[call-overload]
    target = decided(target)
    for key in ((id(target), ""), (id(target), path)):
        if key in known:
            return known[key][0]
    known[id(target), path] = None, target  # one that depends on itself; kept, so that no id is used again
    found, by_path = _optional(behaviour, target, path)
    known[id(target), path if by_path else ""] = found, target
    return found


def _optional(behaviour: Behaviour, target: Any, path: str) -> tuple[str | None, bool]:
    """(what it gives, whether that hangs on the path)"""
    functions = functions_behind(target)
    if is_scheme(target) and not functions:
        return NONE if soft(target) else None, False
    names, by_path = _injected(behaviour, target, path)
    if isinstance(target, View):
        return None if None in names.values() else ANY, by_path
    if len(functions) != 1 or None in names.values():
        return None, by_path
    walk = _walk(behaviour, True, path)
    given, events = walk.ends(functions[0], {n: v for n, v in names.items() if v})
    found = None if events or not given else given.pop() if len(given) == 1 else ANY
    return found, by_path or walk.by_path


def _injected(behaviour: Behaviour, target: Any, path: str) -> tuple[dict[str, str | None], bool]:
    """What dependencies that look for credentials give to the parameters of a callable when there are none, and whether
    one of them looks at the path."""
    asking = {name: decided(t) for name, t in signature(behaviour.run, target).injected.items()
              if authenticates(behaviour, decided(t))}
    found = {name: without_credentials(behaviour, t, path) for name, t in asking.items()}
    known = behaviour.run.summaries.get("anonymous", {})  # type: ignore[call-overload]
    return found, any((id(t), "") not in known for t in asking.values())


def _serves_anybody(behaviour: Behaviour, route: Route) -> bool:
    """Whether a handler answers where its dependencies found no credentials; no where the code does not show it."""
    functions = functions_behind(route.handler)
    if len(functions) != 1:
        return False
    names, _ = _injected(behaviour, route.handler, route.path)
    for view in route.targets:
        if isinstance(view, View):
            names |= {f"self.{n}": v for n, v in _injected(behaviour, view, route.path)[0].items()}
    given, events = _walk(behaviour, False, route.path).ends(functions[0], {n: v or ANY for n, v in names.items()})
    return bool(given) and UNSURE not in events


def _walk(behaviour: Behaviour, strict: bool, path: str) -> Walk:
    return Walk(behaviour, lambda value: _refusal(behaviour, None, value), lambda call: (
        _answers_refusal(None, call) or call.path == "starlette.responses.RedirectResponse"), strict, path)


def _around(behaviour: Behaviour, route_class: Any) -> list[FunctionValue]:
    """What a class of route puts around its handlers: the function that its ``get_route_handler`` makes."""
    maker = own_method(route_class, "get_route_handler") if isinstance(route_class, ClassValue) else None
    if maker is None:
        return []
    keys = [(maker.module.path, s[1], f"{maker.qualname}.<locals>.{s[4]}") for s in maker.node[6] if s[0] == "def"]
    return [behaviour.run.functions[key] for key in keys if key in behaviour.run.functions]


def guarding_middleware(behaviour: Behaviour, app: App) -> Middleware | None:
    """The middleware around an application that refuses callers, None when there is none."""
    for middleware in app.middleware:
        if middleware.path.rpartition(".")[2] == "AuthenticationMiddleware":
            return middleware
        if any(refuses(behaviour, f) or _turns_away(behaviour, f) for f in own_functions(middleware)):
            return middleware
    return None


def _turns_away(behaviour: Behaviour, function: FunctionValue) -> bool:
    """Whether a middleware catches its own refusals of credentials and answers with them, without the route."""
    f = function.original
    if f.node[0] != "def" or not SPEAKS.search(f.module.lines_of(f.node[1], f.node[3])):
        return False
    errors = [(s[1], v) for v, s in raised(behaviour, f)]
    for s in statements(f.node[6]):
        answers = s[0] == "try" and any(
            handling[-1][0] == "return" and "call_next" not in f.module.lines_of(line, handling[-1][3])
            for _, _, handling, line in s[5])
        if not answers or not s[4]:
            continue
        lines = range(s[4][0][1], s[4][-1][3] + 1)
        if any(line in lines and _refusal(behaviour, f, value) for line, value in errors):
            return True
        if any(refuses(behaviour, g) for call in behaviour.calls_in(f) if call.place.line in lines
               for g in functions_behind(call.site.callee)):
            return True
    return False


def own_functions(middleware: Middleware) -> list[FunctionValue]:
    """What a middleware of the project runs for each request: itself, or its class's ``dispatch`` and ``__call__``."""
    target = middleware.target
    methods = [own_method(target, n) for n in ("dispatch", "__call__")] if isinstance(target, ClassValue) else []
    return [m for m in methods if m is not None] or functions_behind(target)
