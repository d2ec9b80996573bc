"""SEC013: bodies that nothing checks before the handler reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from readybook import Check, Finding, Hours, NotApplicable, Project, Right
from readybook.facts.application import Route
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.callers import opaque
from readybook.facts.objects import ClassValue, Subscripted
from readybook.facts.schemafields import alternatives
from readybook.facts.schemas import route_bodies
from readybook.facts.signatures import signs_body
from readybook.facts.values import External, Unknown
from readybook.finding import Answer
from readybook.patterns import regex
from readybook_checks.security.sec013_unvalidated_body.curing import cure
from readybook_checks.security.sec013_unvalidated_body.examples import EXAMPLES

WRITES = ("POST", "PUT", "PATCH", "DELETE")
MAPPINGS = ("dict", "typing.Dict", "typing.Mapping", "collections.abc.Mapping", "typing.MutableMapping", "list", "set",
            "typing.List", "typing.Sequence", "tuple", "typing.Iterable")
ANYTHING = ("typing.Any", "object", "fastapi.types.JSON", "pydantic.JsonValue", "pydantic.types.JsonValue")
READS = ("starlette.requests.Request.json", "fastapi.Request.json")
VALIDATES = regex(r"^(?:model_validate\w*|parse_obj\w*|parse_raw|validate_python|validate_json|validate|structure"
                  r"|load|loads|from_dict|model_construct|validate_call)$")
SENDERS = regex(r"(?i)web[-_]?hook|callback|(?:^|[/_-])hooks?(?:$|[/_-])|ipn|event[-_]?grid|pub[-_]?sub|proxy"
                r"|graphql|rpc|mcp|relay|passthrough|forward")


class UnvalidatedBody(Check):
    """A route takes a body of any shape, so what is missing or of the wrong type fails, or is stored, further in.

    Looked at: POST, PUT, PATCH and DELETE routes that read a body. Untyped are ``dict``, ``list``, ``Any``, ``Body()``
    without a type and ``request.json()`` whose result no model checks. Models, dataclasses, scalars and containers of
    typed values are right, and so are bodies whose signature is checked; webhooks, whose shape the sender decides, and
    routes that hand the body on are left aside.

    Fix: a model with the keys that the handler reads, where it reads nothing else of the body. It is made only when
    asked for: requests that lack a key are answered with 422 from then on.
    """

    id = "SEC013"
    name = "unvalidated-body"
    category = "security"
    severity = "medium"
    hours = Hours(1, 3, 6, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://fastapi.tiangolo.com/tutorial/body/",
                  "https://cheatsheetseries.owasp.org/cheatsheets/Input_Validation_Cheat_Sheet.html")
    examples = EXAMPLES

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each route that reads a body, by its handler."""
        done: set[tuple[str, int]] = set()
        for route in project.facts.routes:
            key = (route.place.path, route.place.line)
            if route.method not in WRITES or opaque(route) or key in done:
                continue
            done.add(key)
            answer = _answer(project, route)
            if answer is not None:
                yield answer
        if not done:
            yield NotApplicable("no route takes a body")


def _answer(project: Project, route: Route) -> Answer | None:
    bodies = [(n, kind) for n, where, kind in route_bodies(project.facts.behaviour.run, route) if where == "body"]
    loose = [(n, kind) for n, kind in bodies if untyped(kind)]
    read = _raw_read(project, route)
    what = f"{route.method} {route.path}"
    if not loose and read is None:
        return Right(route.place, f"{what} checks its body", route.app) if bodies else None
    if SENDERS.search(f"{route.path} {route.endpoint.rpartition('.')[2]}"):
        return None
    if signs_body(project.facts.behaviour, route):
        return Right(route.place, f"{what} checks the signature of its body", route.app)
    if loose:
        name, kind = loose[0]
        message = f"{what} takes {name} as {_shown(kind)}: any JSON passes, and what is missing or of the wrong type " \
                  "fails, or is stored, further in."
        return Finding(route.place, message, "medium", fix=cure(project, route, name), app=route.app)
    assert read is not None
    if _checked(project, read):
        return Right(read.place, f"{what} gives its body to a model", route.app)
    return Finding(read.place, f"{what} reads request.json() and no model checks it: any JSON passes, and what is "
                   "missing or of the wrong type fails, or is stored, further in.", "medium",
                   fix=cure(project, route, ""), app=route.app)


def untyped(kind: Any) -> bool:
    """Whether a body type lets anything of a JSON kind pass."""
    return all(_untyped(part) for part in alternatives(kind) if part is not None and part != External("None"))


def _untyped(kind: Any) -> bool:
    if isinstance(kind, Unknown):
        return kind.reason == "not known"  # no annotation at all
    if isinstance(kind, Subscripted):
        base = getattr(kind.base, "path", "")
        if base == "typing.Annotated":
            return _untyped(kind.args[0])
        return base in MAPPINGS and bool(kind.args) and untyped(kind.args[-1])
    return isinstance(kind, External) and kind.path in (*MAPPINGS, *ANYTHING)


def _shown(kind: Any) -> str:
    from readybook.facts.application import type_text

    return "anything" if isinstance(kind, Unknown) else type_text(kind) or "a mapping"


def _raw_read(project: Project, route: Route) -> Call | None:
    """The call to ``request.json()`` in a handler itself."""
    for function in functions_behind(route.handler):
        for call in project.facts.behaviour.calls_in(function):
            if call.path in READS:
                return call
    return None


def _checked(project: Project, read: Call) -> bool:
    """Whether the function that reads the body gives something to a model, or asks a validator."""
    function = read.site.function
    calls = project.facts.behaviour.calls_in(function) if function is not None else []
    models = {s.path for s in project.facts.schemas}
    for call in calls:
        if VALIDATES.match(call.last) or call.path in models or call.path in ("jsonschema.validate",):
            return True
        if isinstance(call.site.callee, ClassValue) and any(k is None for k, _ in call.site.node[5]):
            return True  # Thing(**data)
        if any(p[0] == "star" for p in call.site.node[4]):
            return True
        if _hands_on(call):
            return True
    return False


def _hands_on(call: Call) -> bool:
    """Whether a call sends the body to another server, which checks it."""
    return call.path.startswith(("httpx.", "aiohttp.", "requests.")) and any(
        k in ("json", "data", "content") for k, _ in call.site.node[5])
