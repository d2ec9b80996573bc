"""The application model: the routes that FastAPI would build, in order, with all that is inherited."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from readybook.facts.enums import enum_value
from readybook.facts.carriedsignatures import carried, signed_as
from readybook.facts.dependencies import (
    DEPENDS,
    View,
    chain,
    decided,
    evaluated_async,
    name_of,
    signature,
)
from readybook.facts.expressions import iterate
from readybook.facts.fastapi_objects import Registration, RouterRecord
from readybook.facts.frames import Condition, Frame
from readybook.facts.interpreter import Interpreter
from readybook.facts.known_dependencies import known_async
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, PartialValue, Subscripted
from readybook.facts.pages import PAGING, page_inputs
from readybook.facts.parameters import Parameter, route_parameters
from readybook.facts.route_lists import constructed
from readybook.facts.textannotations import Unread
from readybook.facts.values import UNKNOWN, Choice, External, Unknown, as_served, by_default, text_of, truth
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

RETURNS_READ = (0, 89)  # the first release of FastAPI that takes the annotation of a return for the response_model
MAX_ROWS = 20_000  # of one application: routers that include each other twice double at each level
TEMPLATE = regex(r"\{(\w+)(?::[^}]*)?\}")


@record
class Route:
    """One method of one registration, as FastAPI would serve it.

    ``dependencies`` are all, transitive, in order of evaluation; ``targets`` the values behind them, ``handler`` the
    value behind ``endpoint``, ``response`` the type behind ``response_model``: handles for other facts, not for
    printing. ``unknown_dependency``: one of its own or its routers' dependencies could not be followed.
    ``route_class``: what its router makes its routes of, None for FastAPI's own. ``unread``: parameters, its
    own or of what it depends on, whose annotations FastAPI cannot read.
    """

    app: str
    method: str
    path: str
    endpoint: str
    place: Place
    decorator_line: int | None
    is_async: bool | None
    dependencies: tuple[str, ...]
    direct_dependencies: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    body: str | None
    response_model: str | None
    status_code: int | None
    tags: tuple[str, ...]
    name: str
    include_in_schema: bool
    deprecated: bool
    condition: str | None
    registered: Place
    by_default: bool | None = True
    handler: Any = field(default=None, repr=False, compare=False)
    targets: tuple[Any, ...] = field(default=(), repr=False, compare=False)
    response: Any = field(default=None, repr=False, compare=False)
    unknown_dependency: bool = False
    route_class: Any = field(default=None, repr=False, compare=False)
    unread: tuple[Unread, ...] = ()


@record
class Unresolved:
    """A registration whose path or router cannot be known from the code."""

    place: Place
    kind: str
    reason: str


@record
class _Context:
    app: str
    prefix: Any = ""
    tags: tuple[str, ...] = ()
    dependencies: tuple[Any, ...] = ()
    conditions: tuple[Condition, ...] = ()
    in_schema: bool = True
    deprecated: bool = False
    live: bool = True
    inside: tuple[int, ...] = ()
    route_class: Any = None


class Routes:
    """Collects the routes of one application."""

    def __init__(self, run: Interpreter, live: bool) -> None:
        self.run = run
        self.live = live
        self.walks = 0
        self.paginated = False
        self.rows: list[Route] = []
        self.unresolved: list[Unresolved] = []

    def collect(self, app: Instance, spec: str) -> None:
        """All routes of an application, mounted ones included."""
        self.paginated = any(event.kind == "pagination" for event in app.native.events)
        self._walk(app, _Context(spec, live=self.live), len(app.native.events))
        self.rows = _served_first(self.rows)

    def _walk(self, router: Instance, outer: _Context, upto: int) -> None:
        record: RouterRecord = router.native
        self.walks += 1
        if id(record) in outer.inside or len(outer.inside) > 20 or max(self.walks, len(self.rows)) > MAX_ROWS:
            return
        own: dict[str, Any] | None = None
        events = record.events if self.live else record.events[:upto]
        for event in [*constructed(self.run, record), *events]:
            given = record.kwargs if event.own is None else event.own
            if given is not own:
                own, context = given, self._inside(outer, record, given)
            handler = getattr(self, f"_{event.kind}", None)
            if handler is not None:
                handler(event, context)

    def _inside(self, outer: _Context, record: RouterRecord, own: dict[str, Any]) -> _Context:
        return _Context(
            outer.app, _join(outer.prefix, own.get("prefix", "")), (*outer.tags, *_tags(own)),
            (*outer.dependencies, *self._markers(own.get("dependencies"))), outer.conditions,
            outer.in_schema and _shown(own),
            outer.deprecated or by_default(own.get("deprecated")) is True, outer.live, (*outer.inside, id(record)),
            by_default(own.get("route_class")),
        )

    def _markers(self, value: Any) -> tuple[Any, ...]:
        """The ``Depends`` of a list; one of an unknown target stands for each entry that is not known."""
        items = iterate(self.run, value) if value is not None else []
        unknown = Instance(External(DEPENDS[0]), args=(UNKNOWN,))
        found = [unknown if isinstance(m, Unknown) else m for m in ([UNKNOWN] if items is None else items)]
        return tuple(m for m in found if isinstance(m, Instance) and m.is_a(*DEPENDS))

    def _include(self, event: Registration, context: _Context) -> None:
        data = event.data
        for router, conditions in _options(data["router"]):
            if not isinstance(router, Instance) or not isinstance(router.native, RouterRecord):
                self._unknown(event, "include_router", router)
                continue
            inner = _Context(
                context.app, _join(context.prefix, data.get("prefix", "")), (*context.tags, *_tags(data)),
                (*context.dependencies, *self._markers(data.get("dependencies"))),
                (*context.conditions, *event.conditions, *conditions),
                context.in_schema and _shown(data),
                context.deprecated or by_default(data.get("deprecated")) is True, context.live, context.inside,
            )
            self._walk(router, inner, event.seen.get(id(router.native), 0))

    def _mount(self, event: Registration, context: _Context) -> None:
        app = by_default(event.data["app"])
        if isinstance(app, Instance) and isinstance(app.native, RouterRecord):
            conditions = (*context.conditions, *event.conditions)
            path = event.data["path"]
            self._walk(app, _Context(context.app, _join(context.prefix, _stripped(path)), conditions=conditions,
                                     live=context.live, inside=context.inside), len(app.native.events))

    def _route(self, event: Registration, context: _Context) -> None:
        methods = iterate(self.run, event.data.get("methods", ["GET"]))
        if methods is None:
            self._unknown(event, "methods", event.data["methods"])
            return
        for method in methods:
            text = text_of(method)
            text = enum_value(method) if text is None else text
            if isinstance(text, str):
                self._row(event, context, text.upper())

    def _websocket(self, event: Registration, context: _Context) -> None:
        self._row(event, context, "WEBSOCKET")

    def _unknown_routes(self, event: Registration, context: _Context) -> None:
        self._unknown(event, event.data.get("as", "routes"), event.data["value"])

    def _unknown(self, event: Registration, kind: str, value: Any) -> None:
        reason = value.reason if isinstance(value, Unknown) else "its value is not known"
        self.unresolved.append(Unresolved(event.place, kind, reason))

    def _row(self, event: Registration, context: _Context, method: str) -> None:
        data = event.data
        path = _join(context.prefix, data["path"])
        text = path_of(path)
        if text is None:
            self._unknown(event, "path", by_default(path))
            return
        endpoint = by_default(data["endpoint"])
        function = _function(endpoint)
        conditions = (*context.conditions, *event.conditions)
        response = self._response(data, function)
        page = page_inputs(response[1]) if self.paginated else ()
        markers = (*context.dependencies, *self._markers(data.get("dependencies")), *((PAGING,) if page else ()))
        view = data.get("view") or _view_of(endpoint)
        called = Bound(endpoint, UNKNOWN) if isinstance(view, ClassValue) else endpoint
        targets, direct = self._dependencies(called, markers, view)
        template = frozenset(TEMPLATE.findall(text))
        parameters = [*route_parameters(self.run, [*targets, called, *page], template), *data.get("inputs", ())]
        name = text_of(data.get("name"))
        unread = tuple(u for t in (*targets, called) for u in signature(self.run, t).unread)
        self.unresolved += [Unresolved(u.place, "dependency" if u.depends else "parameter", u.reason)
                            for u in unread if not u.served]
        truths = [c.default for c in conditions]
        self.rows.append(Route(
            app=context.app, method=method, path=text, endpoint=name_of(endpoint) or "?",
            place=_place(function, event), decorator_line=function.node[10] if _is_def(function) else None,
            is_async=evaluated_async(endpoint) if (known := known_async(endpoint)) is None else known,
            dependencies=tuple(dict.fromkeys(n for n in map(name_of, targets) if n)),
            direct_dependencies=tuple(dict.fromkeys(n for n in map(name_of, direct) if n)),
            parameters=tuple(p for p in parameters if p.where not in ("body", "form", "file")),
            body=_body(parameters), response_model=response[0],
            status_code=_status(data.get("status_code"), data.get("response_class")),
            tags=(*context.tags, *_tags(data)) if method != "WEBSOCKET" else (),
            name=name or (function.original.name if function else "?"),
            include_in_schema=context.in_schema and _shown(data)
            and method != "WEBSOCKET",
            deprecated=context.deprecated or by_default(data.get("deprecated")) is True,
            condition=" and ".join(dict.fromkeys(c.text for c in conditions)) or None, registered=event.place,
            by_default=None if None in truths else all(truths), handler=endpoint, targets=tuple(targets),
            response=response[1],
            unknown_dependency=any(isinstance(decided(d), Unknown | Choice) for d in direct)
            or any(not u.served for u in unread),
            route_class=context.route_class, unread=unread,
        ))

    def _dependencies(self, endpoint: Any, markers: tuple[Any, ...], view: Any) -> tuple[list[Any], list[Any]]:
        direct: list[Any] = []
        for marker in markers:
            direct.append(marker.args[0] if marker.args else marker.kwargs.get("dependency"))
        if isinstance(view, ClassValue):
            direct.append(View(view))
        elif isinstance(endpoint, FunctionValue) and "__signature__" in endpoint.attrs and (
                carried(endpoint) is None and signed_as(endpoint) is None):
            direct.append(Unknown("the signature is made when the module is imported"))
        direct += [target for target, _ in signature(self.run, endpoint).dependencies]
        seen: set[int] = set()
        targets = [t for d in direct for t in chain(self.run, d, seen)]
        return targets, direct

    def _response(self, data: dict[str, Any], function: FunctionValue | None) -> tuple[str | None, Any]:
        """The response's type as text and as a value, by ``response_model`` or the return annotation.

        FastAPI reads annotations of returns from 0.89 on; ``response_model=None`` says that there is no type.
        """
        from readybook.facts.symbols import annotation_value
        from readybook.facts.unparse import unparse

        if "response_model" in data:
            model = data["response_model"]
            return (type_text(model), model) if model is not None else (None, None)
        if (self.run.releases.get("fastapi") or RETURNS_READ) < RETURNS_READ:
            return None, None
        annotation = function.original.node[8] if function is not None and _is_def(function) else None
        if function is None or annotation is None:
            return None, None
        original = function.original
        self.run.frames.append(Frame(original.module, original, original.owner))
        try:
            return unparse(annotation), annotation_value(self.run, annotation, original.scope)
        finally:
            self.run.frames.pop()


def _served_first(rows: list[Route]) -> list[Route]:
    """The rows in order; of several for one method and path, those that no variable must ask for take the places first.

    The first answers a request: a row of a branch that is not taken by itself hides none.
    """
    places: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(rows):
        places.setdefault((row.method, row.path), []).append(i)
    out = list(rows)
    for several in places.values():
        for i, j in zip(several, sorted(several, key=lambda i: rows[i].by_default is False), strict=True):
            out[i] = rows[j]
    return out


def _view_of(endpoint: Any) -> ClassValue | None:
    """The class of an endpoint that takes ``self``: only a class-based view gives it one, whoever wrote its decorator.

    FastAPI by itself would ask each caller for a query parameter of that name.
    """
    if not isinstance(endpoint, FunctionValue) or endpoint.owner is None or endpoint.kind != "function":
        return None
    return endpoint.owner if endpoint.params and endpoint.params[0][0] == "self" else None


def _options(value: Any) -> list[tuple[Any, tuple[Condition, ...]]]:
    from readybook.facts.values import ABSENT, Choice, FromEnv

    if isinstance(value, Choice):
        return [(v, (Condition(text, None if value.default is None else i == value.default), *more))
                for i, (text, option) in enumerate(value.options) if option is not ABSENT and option is not None
                for v, more in _options(option)]
    return _options(value.default) if isinstance(value, FromEnv) else [(value, ())]


def _shown(given: dict[str, Any]) -> bool:
    """Whether OpenAPI shows what is registered with these arguments; a setting that hides it does so by its default."""
    return truth(by_default(given.get("include_in_schema", True))) is not False


def _join(prefix: Any, path: Any) -> Any:
    """The path under a prefix; Unknown, with the reason, when one of both is not known."""
    left, right = path_of(prefix), path_of(path)
    if path is None or left is None:
        return prefix
    if right is not None:
        return left + right
    return path if isinstance(path, Unknown) else Unknown("the path is not known from the code")


def path_of(value: Any) -> str | None:
    """A path as it is served, None when it is not known."""
    value = as_served(value)
    if isinstance(value, Instance):
        value = enum_value(value)
    return value if isinstance(value, str) else None


def _stripped(path: Any) -> Any:
    text = path_of(path)
    return text.rstrip("/") if text is not None else path


def _tags(data: dict[str, Any]) -> tuple[str, ...]:
    tags = by_default(data.get("tags"))
    if not isinstance(tags, list | tuple):
        return ()
    texts = [t if isinstance(t, str) else enum_value(t) for t in tags]
    return tuple(str(t) for t in texts if t is not None)


def _function(endpoint: Any) -> FunctionValue | None:
    if isinstance(endpoint, FunctionValue):
        return endpoint
    if isinstance(endpoint, Bound | PartialValue):
        return _function(endpoint.function)
    if isinstance(endpoint, Instance) and isinstance(endpoint.cls, ClassValue):
        found = endpoint.cls.scope.names.get("__call__")
        return found if isinstance(found, FunctionValue) else None
    return None


def _is_def(function: FunctionValue | None) -> bool:
    return function is not None and function.node[0] == "def"


def _place(function: FunctionValue | None, event: Registration) -> Place:
    if function is None:
        return event.place
    original = function.original
    return original.module.place(original.node, original.qualname)


def _body(parameters: list[Parameter]) -> str | None:
    found = [p for p in parameters if p.where in ("body", "form", "file")]
    return ", ".join(p.annotation or p.name for p in found) or None


def _status(value: Any, response_class: Any = None) -> int | None:
    value = by_default(value)
    if value is None and response_class == External("starlette.responses.RedirectResponse"):
        return 307
    value = enum_value(value) if isinstance(value, Instance) else value
    return value if isinstance(value, int) else None


def type_text(value: Any) -> str | None:
    """A type as text, by the last names of its classes; None when it is not known."""
    if isinstance(value, ClassValue):
        return value.name
    if isinstance(value, External):
        return value.path.rpartition(".")[2]
    if isinstance(value, Subscripted):
        base = type_text(value.base)
        return f"{base}[{', '.join(type_text(a) or '…' for a in value.args)}]"
    return "None" if value is None else None
