"""SEC024: routes that change data for anybody, in an application that knows its users."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from readybook import CannotTell, Check, Finding, Fix, Hours, NotApplicable, Project, Right, advice
from readybook.facts.application import Route
from readybook.facts.authentication import authenticates, guarding_middleware, is_scheme
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.callers import hint, opaque
from readybook.facts.closure import pulled_in
from readybook.facts.dependencies import name_of
from readybook.facts.nodes import nodes, statements
from readybook.facts.objects import FunctionValue
from readybook.facts.program import App
from readybook.facts.signins import body_names, is_sign_in
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import EnsureImport, SetKeyword
from readybook.patterns import regex
from readybook_checks.security.sec024_unprotected_write_route.examples import EXAMPLES

WRITES = ("POST", "PUT", "PATCH", "DELETE")
# what nobody can be signed in for yet, and what other machines call
OPEN = regex(
    r"(?i)log[-_]?in|log[-_]?out|sign[-_]?(?:in|up|out)|regist|token|refresh|auth(?!or)|oauth|sso|saml|otp|mfa|2fa"
    r"|password|passwd|forgot|reset|recover|verif|confirm|activat|invit|web[-_]?hook|callback|(?:^|[/_-])hooks?(?:$|[/_-])"
    r"|health|ping|csrf|captcha|subscri|session|setup|onboard|bootstrap|initiali[sz]e"
    r"|graphql|telemetry|metric|(?:^|[/_.-])track|beacon|demo|guest|public|anonymous|trial|slack|stripe"
    r"|telegram|twilio|github|callback|notify|cron|dev(?:$|[/_-])|debug|(?:^|[/_.])test"
)
# what visitors send by a form; only a POST is one
FORMS = regex(r"(?i)contact|newsletter|feedback|waitlist|inquir|enquir|appl(?:y|ications?)(?:$|[/_-])"
              r"|(?:ingest|record|log|collect|push)[-_]?events?$"
              r"|\}/(?:views?|impressions?|clicks?|hits?|visits?)/?(?: |$)")
REACHED = regex(r"(?i)^(?:\w+_)?(?:e_?mail(?:_?address)?|phone(?:_?number)?|mobile)$")
# what a method of a service is named for that changes what is there
SAYS = regex(r"(?i)^(?:delete|remove|destroy|update|edit|patch|replace|change|deactivate|cancel|archive)_\w+$")
PEOPLE = regex(r"(?i)/(?:users?|accounts?|members?|customers?|profiles?|people|patients?)/?(?:create)?/?$")
PERSONAL = regex(r"(?i)^(?:\w+_)?(?:e_?mail|phone(?:_?number)?|mobile|(?:first|last|full|sur)_?name|birth\w*|dob"
                 r"|ssn|passport|iban|card_?number|street|postal_?code|zip_?code|home_address|username)$")
# a POST that asks a question
ASKING = regex(
    r"(?i)(?:^|[/_.-])(?:search|query|queries|find|filter|list|get|read|fetch|lookup|validate|check|preview|calculate"
    r"|compute|estimate|quote|predict|classify|detect|analy[sz]e|convert|translate|summari[sz]e|compare|echo|parse"
    r"|embed(?:ding)?s?|chat|ask|complet\w*|generate|infer\w*|recommend\w*|score|render|export|download|format)"
    r"(?:$|[/_-])"
)
CHANGING = frozenset("""
    add add_all commit delete delete_one delete_many insert insert_one insert_many update update_one update_many save
    create bulk_create bulk_write replace_one find_one_and_update find_one_and_delete remove unlink rmtree write
    write_text write_bytes put_object upload_file upload_fileobj delete_object hset set rpush lpush send_task merge
    bulk_save_objects execute executemany flush soft_delete upsert patch destroy append pop
""".split())
# what moves money, or ends what is paid for; a checkout that anybody may begin is none
MONEY = regex(r"stripe\.(?:(?:Refund|Transfer|Payout)\.create|Subscription\.(?:modify|cancel|delete)"
              r"|PaymentIntent\.(?:capture|cancel))$")
AT_SURE = frozenset("""
    commit delete_one delete_many insert_one insert_many update_one update_many add_all bulk_create bulk_write
    replace_one find_one_and_update find_one_and_delete unlink rmtree put_object delete_object upload_fileobj
""".split())


class UnprotectedWriteRoute(Check):
    """A route changes data for anybody, in an application that asks elsewhere who calls.

    Looked at: POST, PUT, PATCH and DELETE routes of served applications of which some route authenticates, with the
    dependencies of route, router, inclusion and application, the handler's own refusals (401, 403, errors of one's own
    that say so) and middleware that refuses. Sign-in, registration, recovery, webhooks and the like are left aside, and
    so are routes under a condition. Where a name, a header or an unknown dependency hints that the caller is asked in
    a way that cannot be followed, the check cannot tell; nor can it where an application authenticates nobody at all
    and takes data of people.

    Fix: the dependency that the other routes use is added to the route. It is made only when asked for: callers that
    send no credentials today are refused from then on.
    """

    id = "SEC024"
    name = "unprotected-write-route"
    category = "security"
    severity = "high"
    hours = Hours(0.5, 2, 4, each=0.25)
    fix_kinds = ("codemod", "advice")
    attestable = True
    references = ("https://owasp.org/API-Security/editions/2023/en/0xa5-broken-function-level-authorization/",)
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each route that changes data, one for an application that asks nobody."""
        if project.public_api:
            yield NotApplicable("the API is public by its configuration")
            return
        found = False
        for app in (a for a in project.facts.apps if a.served):
            routes = [r for r in project.facts.routes if r.app == app.spec and r.method in WRITES and not opaque(r)]
            found = found or bool(routes)
            yield from self._answers(project, app, routes)
        if not found:
            yield NotApplicable("no served route changes data")

    def _answers(self, project: Project, app: App, routes: list[Route]) -> Iterator[Answer]:
        behaviour = project.facts.behaviour
        middleware = guarding_middleware(behaviour, app)
        if middleware is not None:
            yield Right(middleware.place, f"{middleware.path} refuses callers before they reach a route", app.spec)
            return
        asking = [r for r in project.facts.routes if r.app == app.spec and asks(project, r)]
        judged = [r for r in routes if not _aside(r) and not is_sign_in(behaviour, r)]
        if not asking:
            if judged and _of_people(project, routes):
                yield CannotTell(f"no route of {app.spec} asks who calls, and {len(judged)} change data: whether a "
                                 "gateway does, or anybody may, is not in the code", app.place, app.spec)
            elif judged:
                yield NotApplicable(f"no route of {app.spec} asks who calls, and none takes data of people")
            return
        usual = _usual(project, asking)
        seen: set[tuple[object, ...]] = set()
        for route in judged:
            # one registration of several methods, one router included twice, one address with and without a slash
            address, handlers = route.path.rstrip("/"), functions_behind(route.handler)
            keys = {(route.registered.path, route.registered.line),
                    *((id(f.original.node), route.method, address) for f in handlers)}
            if not keys & seen:
                yield _answer(project, app, route, usual)
            seen |= keys


def _of_people(project: Project, routes: list[Route]) -> bool:
    """Whether some route takes a credential, or data by which a person is known."""
    run = project.facts.behaviour.run
    return any(is_sign_in(project.facts.behaviour, r) or PEOPLE.search(r.path) or any(
        PERSONAL.search(name) for name in body_names(run, (*r.targets, r.handler))) for r in routes)


def asks(project: Project, route: Route) -> bool:
    """Whether a route authenticates who calls; a sign-in that refuses wrong passwords does not."""
    behaviour = project.facts.behaviour
    if any(authenticates(behaviour, t) for t in route.targets):
        return True
    return not OPEN.search(_said(route)) and project.facts.guarded(route)


def _said(route: Route) -> str:
    return f"{route.path} {route.endpoint.rpartition('.')[2]}"


def _aside(route: Route) -> bool:
    if OPEN.search(_said(route)) or route.method == "POST" and FORMS.search(_said(route)):
        return True
    if route.condition and route.by_default is not True:
        return True
    if route.condition and re.search(r"(?i)env|debug|local|dev|prod|test", route.condition):
        return True
    name = route.endpoint.rpartition(".")[2]
    return route.method == "POST" and bool(ASKING.search(route.path) or ASKING.search(name))


def _answer(project: Project, app: App, route: Route, usual: tuple[str, int, FunctionValue | None] | None) -> Answer:
    behaviour = project.facts.behaviour
    what = f"{route.method} {route.path}"
    if project.facts.guarded(route):
        return Right(route.place, f"{what} asks who calls", app.spec)
    reason = hint(behaviour, route)
    if route.method == "POST" and PEOPLE.search(route.path):
        reason = reason or "it may be how people register"
    if any(map(_grows, behaviour.by_last.get("include_router", ()))):
        reason = reason or "what its router depends on is put together under a condition"
    if reason:
        return CannotTell(f"{what}: {reason}", route.place, app.spec)
    change, told = _change(project, route), ""
    if change is None:
        change, told = _said_change(project, route), ", by its name"
    if change is None:
        return CannotTell(f"{what} asks nobody who calls; that it changes data is not seen", route.place, app.spec)
    name = route.endpoint.rpartition(".")[2]
    other = f"; {usual[1]} other routes ask {usual[0]}" if usual else ""
    other = "".join(f"; FastAPI does not run what {u.parameter} depends on: {u.reason}" for u in route.unread
                    if u.depends) or other
    form = _form(project, route)
    money = MONEY.match(change.path) is not None
    grade = "high" if (change.last in AT_SURE or money) and not form else "medium"
    does = f"moves money ({change.path})" if money else f"changes data ({change.last}{told})"
    perhaps = "; what it takes may come from a form for visitors" if form else ""
    return Finding(
        route.place, f"{what} ({name}) {does} and asks nobody who calls{other}: anybody "
        f"who reaches the service can do it{perhaps}.", grade, confidence=grade,
        fix=_fix(project, route, usual), app=app.spec,
        chain=(change.place,) if change.place.path != route.place.path else (),
    )


def _grows(call: Call) -> bool:
    """Whether a router is included with a list of dependencies that an ``if`` adds to: a setting says who is asked."""
    given = next((v for k, v in call.site.node[5] if k == "dependencies"), None)
    function = call.site.function
    body = function.node[6] if function is not None else call.site.module.body
    return given is not None and given[0] == "name" and any(
        unparse(n[3]) == f"{given[3]}.append" for s in statements(body) if s[0] == "if" for n in nodes(s[5])
        if n[0] == "call")


def _change(project: Project, route: Route) -> Call | None:
    """The first call of a handler, or of what it calls, that changes stored data; the surest one."""
    behaviour = project.facts.behaviour
    queue, seen, found = [f.original for f in functions_behind(route.handler)], set[int](), list[Call]()
    while queue and len(seen) < 60:
        f = queue.pop(0)
        if id(f.node) in seen:
            continue
        seen.add(id(f.node))
        for call in behaviour.calls_in(f):
            if MONEY.match(call.path) or call.last in CHANGING and not _harmless(call):
                found.append(call)
            queue += [g.original for g in functions_behind(call.site.callee) if g.module.role == "application"]
    return next((c for c in found if c.last in AT_SURE or MONEY.match(c.path)), found[0] if found else None)


def _said_change(project: Project, route: Route) -> Call | None:
    """The call by which a handler of a PUT, PATCH or DELETE changes something, as its name says, where what is called
    is not seen: a method of a service that comes as an abstract class."""
    if route.method == "POST":
        return None
    behaviour = project.facts.behaviour
    return next((c for f in functions_behind(route.handler) for c in behaviour.calls_in(f.original)
                 if SAYS.search(c.last) and c.site.node[3][0] == "attr"
                 and all(map(_abstract, functions_behind(c.site.callee)))), None)


def _abstract(function: FunctionValue) -> bool:
    """Whether a method has no body of its own: what derives from its class does the work."""
    return function.node[0] == "def" and all(
        s[0] in ("pass", "raise") or s[0] == "expr" and s[4][0] == "const" for s in function.node[6])


def _form(project: Project, route: Route) -> bool:
    """Whether a route takes, by a POST to no row in particular, how the sender can be reached."""
    return route.method == "POST" and "{" not in route.path and any(
        REACHED.search(n) for n in body_names(project.facts.behaviour.run, (*route.targets, route.handler)))


def _harmless(call: Call) -> bool:
    """Whether a method of a container, a text, a response or a project's function is meant, not one of a store."""
    if call.path.startswith(("list.", "dict.", "set.", "str.", "re.", "copy.", "starlette.", "logging.", "fastapi.",
                             "stripe.")):
        return True  # a Session of Stripe's is no database's
    if functions_behind(call.site.callee):
        return True  # its body is looked at
    owner = call.site.node[3]
    text = owner[3][-1] if owner[0] == "attr" and owner[3][0] in ("name", "attr") else ""
    stored = re.search(r"(?i)db|session|repo|crud|collection|redis|client|conn|cursor|s3|bucket|table|uow|dao|store"
                       r"|service|manager|queue|broker|storage|mongo", str(text))
    return call.last not in AT_SURE and (not stored or call.last in ("append", "pop", "set", "write", "get"))


def _usual(project: Project, asking: list[Route]) -> tuple[str, int, FunctionValue | None] | None:
    """What most routes authenticate by: its name, how many do, and itself when it is a function of a module."""
    behaviour = project.facts.behaviour
    votes: Counter[str] = Counter()
    by_path: dict[str, FunctionValue | None] = {}
    told: dict[int, str | None] = {}  # many routes have the same dependencies
    for route in asking:
        for target in {id(t): t for t in route.targets}.values() if project.facts.guarded(route) else ():
            if id(target) not in told:
                asks_who = not is_scheme(target) and authenticates(behaviour, target)
                told[id(target)] = name_of(target) if asks_who else None
            name = told[id(target)]
            if name is None or name not in route.direct_dependencies:
                continue
            plain = isinstance(target, FunctionValue) and target.owner is None and target.qualname == target.name
            votes[name] += 1
            by_path[name] = target.original if plain else None
    if not votes:
        return None
    best = min(votes, key=lambda p: (-votes[p], p))
    return best.removesuffix("()").rpartition(".")[2], votes[best], by_path[best]


def _fix(project: Project, route: Route, usual: tuple[str, int, FunctionValue | None] | None) -> Fix:
    name, dependency = (usual[0], usual[2]) if usual else ("", None)
    title = f"Ask {name} who calls" if usual else "Ask who calls"
    if dependency is None:
        return advice(title, f"the route gets the dependency that others have for it: {name}" if name else
                      "no dependency of the project's own does it that could be added here")
    shown = f"dependencies=[Depends({dependency.name})]"
    handler = next(iter(functions_behind(route.handler)), None)
    at = project.facts.behaviour.by_line.get((route.registered.path, route.registered.line), [])
    call = next((c for c in at if c.last == route.method.lower()), None)
    if handler is None or call is None or any(k in (None, "dependencies") for k, _ in call.site.node[5]):
        return advice(title, f"the route's registration is not one that {shown} could be added to without a person")
    path = call.place.path
    if dependency.module.path == path:
        if dependency.original.node[1] > call.place.line:
            return advice(title, f"{shown} stands before {dependency.name} is defined: move one of both")
        own: tuple[EnsureImport, ...] = ()
    elif path in pulled_in(project.facts.modules, dependency.module.path) or (
        dependency.module.root != call.site.module.root
    ):
        return advice(title, f"{shown}; importing {dependency.name} here would import in a circle")
    else:
        own = (EnsureImport(path, dependency.module.name, dependency.name),)
    return Fix(title, (EnsureImport(path, "fastapi", "Depends"), *own,
                       SetKeyword(call.place, call.last, "dependencies", f"[Depends({dependency.name})]")),
               safety="review", unsafe=True, reason="callers that send no credentials to this route are refused from "
               "now on; whether each signed-in user may do it is for a person to say")
