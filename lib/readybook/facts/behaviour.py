"""What the code does when it runs: every call with its resolved name, the call graph, what runs in the event loop."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from readybook.facts.calleepaths import path_of
from readybook.facts.dependencies import evaluated_async
from readybook.facts.frames import CallSite
from readybook.facts.interpreter import is_generator
from readybook.facts.looptasks import run_by_loop
from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, PartialValue
from readybook.facts.streaming import handed_on, sent_in_pieces
from readybook.facts.switches import in_use
from readybook.facts.values import Choice
from readybook.facts.wrappers import in_place
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.application import Route
    from readybook.facts.backgroundwork import Work
    from readybook.facts.memory import Key, Made, Memory
    from readybook.facts.program import App, Program
    from readybook.facts.queues import Queue
    from readybook.facts.stores import Access


@dataclass(eq=False, slots=True)
class Call:
    """One call expression. ``path`` is the dotted name of what is called where it is known (``requests.get``,
    ``app.services.send``, ``logging.Logger.info``), else empty. ``args`` and ``kwargs`` are values; the key ``**``
    means that more keywords may be given. ``function`` is the dotted name of the enclosing function."""

    path: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    function: str
    awaited: bool
    in_loop: bool
    conditions: tuple[str, ...]
    role: str
    site: CallSite = field(repr=False)
    number: int = field(repr=False)  # grows with path, line and column

    @property
    def place(self) -> Place:
        """Where the call stands."""
        return self.site.place

    @property
    def runs(self) -> tuple[FunctionValue, ...]:
        """The project functions whose bodies run in place; kept, since every walk over calls asks for them."""
        if self.site.runs is None:
            self.site.runs = tuple(map(in_place, functions_behind(self.site.callee)))
        return self.site.runs

    @property
    def last(self) -> str:
        """The last name of the callee as it is written in the code."""
        node = self.site.node[3]
        return node[4] if node[0] == "attr" else node[3] if node[0] == "name" else ""

    @property
    def written(self) -> tuple[str, str] | None:
        """The callee and the arguments as the code writes them; None where a patch could not find them again."""
        text = self.site.module.source(self.site.node)
        if text is None or _has_call(self.site.node[3]):
            return None
        callee, parenthesis, arguments = text.partition("(")
        return (callee, arguments[:-1].strip().rstrip(",").rstrip()) if parenthesis and text.endswith(")") else None


def _has_call(node: Any) -> bool:
    """Whether a callee has a parenthesis of its own."""
    while node[0] in ("attr", "sub"):
        if node[0] == "sub":
            return True
        node = node[3]
    return node[0] != "name"


@record
class Step:
    """One link of a call chain: the call at ``place`` made by ``function``."""

    function: str
    place: Place
    call: Call = field(repr=False, compare=False)


@record
class Entry:
    """A function that FastAPI calls while it serves a request: ``kind`` is handler, dependency, middleware,
    exception handler or websocket; ``in_loop`` tells whether it runs in the event loop (async) or the thread pool."""

    kind: str
    name: str
    place: Place
    in_loop: bool
    route: Route | None
    function: FunctionValue = field(repr=False, compare=False)


class Reached(NamedTuple):
    """A call that runs when an entry runs, and the calls that lead to it (empty: the entry makes it itself)."""

    entry: Entry
    call: Call
    chain: tuple[Step, ...]


class Way(NamedTuple):
    """A body that runs when an entry runs: the way to the body before it, and the call there that leads to it."""

    function: FunctionValue
    before: Way | None
    call: Call | None
    length: int

    @property
    def chain(self) -> tuple[Step, ...]:
        """The calls that lead to the body, from the entry on."""
        steps = []
        way: Way | None = self
        while way is not None and way.before is not None and way.call is not None:
            steps.append(Step(way.before.function.path, way.call.place, way.call))
            way = way.before
        return tuple(reversed(steps))


_RUNNING = frozenset((FunctionValue, Bound, PartialValue, Choice, ClassValue, Instance))


def functions_behind(callee: Any) -> list[FunctionValue]:
    """The project functions whose bodies run when the callee is called in place."""
    if callee.__class__ not in _RUNNING:  # most values that are asked about
        return []
    if isinstance(callee, FunctionValue):
        return [callee]
    if isinstance(callee, (Bound, PartialValue)):
        return functions_behind(callee.function)
    if isinstance(callee, Choice):
        return [f for _, v in callee.options for f in functions_behind(v)]
    if isinstance(callee, ClassValue):
        init = callee.scope.names.get("__init__")
        return [init] if isinstance(init, FunctionValue) else []
    if isinstance(callee, Instance) and isinstance(callee.cls, ClassValue):
        call = callee.cls.scope.names.get("__call__")
        return [call] if isinstance(call, FunctionValue) else []
    return []


def in_order(calls: Iterable[Call]) -> list[Call]:
    """Calls by path, line and column."""
    return sorted(calls, key=attrgetter("number"))


def by_body(calls: Iterable[Call]) -> dict[int, list[Call]]:
    """Calls by the ``id`` of the node of the function whose body makes them, each list in the order given."""
    index: dict[int, list[Call]] = defaultdict(list)
    for call in calls:
        if call.site.function is not None:
            index[id(call.site.function.node)].append(call)
    return index


class Behaviour:
    """The calls of a program, indexed."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.run = program.everything
        self.notes: dict[Any, Any] = {}  # what families of facts found out about it
        self.memories: dict[Callable[[str, str], bool], tuple[Memory, ...]] = {}  # by the test that chose them

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every call in application code, by path and line."""
        found: list[Call] = []
        places: dict[tuple[str, int, int], int] = {}
        for key, site in sorted(self.run.calls.items(), key=itemgetter(0)):
            if site.module.role != "application":
                continue
            number = places.setdefault(key[:3], len(places))
            function = site.function.path if site.function is not None else ""
            found.append(Call(path_of(site.callee), site.args, site.kwargs, function, site.awaited,
                              site.in_loop, tuple([c.text for c in site.conditions]), site.module.role, site,
                              number))
        return tuple(found)

    @cached_property
    def by_path(self) -> dict[str, list[Call]]:
        """Calls by the dotted name of what is called."""
        index: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            index[call.path].append(call)
        return index

    @cached_property
    def by_last(self) -> dict[str, list[Call]]:
        """Calls by the last name of the callee as it is written in the code, each list by path and line."""
        index: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            index[call.last].append(call)
        return index

    @cached_property
    def by_function(self) -> dict[int, list[Call]]:
        """Calls by the function whose body makes them."""
        return by_body(self.calls)

    @cached_property
    def leading(self) -> dict[int, list[tuple[Call, FunctionValue]]]:
        """``id`` of a function's node → the calls in its body that run functions of application code, and those."""
        index: dict[int, list[tuple[Call, FunctionValue]]] = {}
        for body, calls in self.by_function.items():
            runs = [(c, f) for c in in_use(self, calls) for f in c.runs if f.module.role == "application"]
            if runs:
                index[body] = runs
        return index

    @cached_property
    def by_node(self) -> dict[int, Call]:
        """``id`` of a call's lowered node → the call."""
        return {id(call.site.node): call for call in self.calls}

    @cached_property
    def callers(self) -> dict[int, list[tuple[Call, int]]]:
        """``id`` of a function's node → (call that runs it, number of arguments that are not the function's own).

        Also calls that are handed the function with its arguments: ``add_task(f, x)``, ``to_thread(f, x)``.
        """
        index: dict[int, list[tuple[Call, int]]] = defaultdict(list)
        for call in self.calls:
            for function in call.runs:
                index[id(function.node)].append((call, 0))
            for number, value in enumerate(call.args[:2]):
                if isinstance(value, FunctionValue):
                    index[id(value.original.node)].append((call, number + 1))
        return index

    @cached_property
    def holders(self) -> dict[int, list[Access]]:
        """``id`` of an object → the module-level names through which code reaches it."""
        from readybook.facts.stores import holders

        return holders(self.run)

    @cached_property
    def requested(self) -> frozenset[int]:
        """Identities of the bodies that requests, and what they start, can run; start-up and shutdown are none."""
        from readybook.facts.reach import requested

        return requested(self)

    @cached_property
    def containers(self) -> dict[Key, Made]:
        """The dicts, lists and sets that live as long as the process."""
        from readybook.facts.memory import containers

        return containers(self)

    @cached_property
    def queues(self) -> tuple[Queue, ...]:
        """Every task queue and broker that the code sets up, by place."""
        from readybook.facts.queues import queues

        return queues(self)

    @cached_property
    def background_work(self) -> tuple[Work, ...]:
        """Every start of work that outlives what starts it, by place."""
        from readybook.facts.backgroundwork import background_work

        return background_work(self)

    @cached_property
    def by_line(self) -> dict[tuple[str, int], list[Call]]:
        """Calls by the path and line where they begin."""
        index: dict[tuple[str, int], list[Call]] = defaultdict(list)
        for call in self.calls:
            index[call.site.module.path, call.site.node[1]].append(call)
        return index

    @cached_property
    def by_number(self) -> dict[int, list[Call]]:
        """Calls by the whole numbers among their first three arguments and their keywords: statuses, sizes."""
        index: dict[int, list[Call]] = defaultdict(list)
        for call in self.calls:
            if call.args or call.kwargs:
                numbers = [v for v in (*call.args[:3], *call.kwargs.values()) if v.__class__ is int]
                for number in {*numbers} if numbers else ():
                    index[number].append(call)
        return index

    def calls_to(self, *paths: str) -> list[Call]:
        """Calls of any of these dotted names, in order of path and line."""
        return in_order(c for p in paths for c in self.by_path.get(p, ()))

    def written_as(self, *names: str) -> list[Call]:
        """Calls whose callee's last name is one of these as the code writes it, in order of path and line."""
        return in_order(c for n in names for c in self.by_last.get(n, ()))

    def matching(self, test: Callable[[str], object]) -> list[Call]:
        """Calls whose dotted name passes a test, in order of path and line; each name is tested once."""
        return self.calls_to(*(path for path in self.by_path if test(path)))

    def calls_in(self, function: FunctionValue) -> list[Call]:
        """The calls a function's own body makes."""
        return self.by_function.get(id(function.original.node), [])

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Everything FastAPI calls to serve requests, each function once."""
        seen: set[int] = set()
        found = []
        for kind, target, route in _served(self.program):
            for f in functions_behind(target):
                f = f.original
                if id(f.node) in seen or f.node[0] != "def":
                    continue
                seen.add(id(f.node))
                in_loop = bool(evaluated_async(f)) or kind == "middleware"
                found.append(Entry(kind, f.path, f.module.place(f.node, f.qualname), in_loop, route, f))
        return tuple(found)

    @cached_property
    def led_to(self) -> dict[int, set[int]]:
        """``id`` of a function's node → those of the functions whose bodies run it."""
        index: dict[int, set[int]] = defaultdict(set)
        for body, runs in self.leading.items():
            for _, f in runs:
                index[id(f.node)].add(body)
        return index

    def ways(self, entry: Entry, within: Container[int] | None = None, *, in_place: bool = True) -> Iterator[Way]:
        """Every body that runs, in place, when the entry runs: breadth first, each once, by the shortest way.

        Only bodies ``within`` are entered, where it is given.
        """
        queue: deque[Way] = deque((Way(entry.function, None, None, 0),))
        seen = {id(entry.function.node)}
        while queue:
            way = queue.popleft()
            yield way
            for call, f in self.leading.get(id(way.function.original.node), ()) if way.length <= 12 else ():
                if id(f.node) not in seen and (within is None or id(f.node) in within):
                    if not in_place or self._runs_in_place(call, f):
                        seen.add(id(f.node))
                        queue.append(Way(f, way, call, way.length + 1))


    def _runs_in_place(self, call: Call, f: FunctionValue) -> bool:
        """Whether the body of what is called runs in the thread that calls it, as far as is seen."""
        if is_generator(f.node):
            return f.is_async or id(call.site.node) not in self.streamed and not handed_on(call)
        # a coroutine that is handed on to something else: whether and where it runs is not seen here
        return call.awaited or not f.is_async or id(call.site.node) in self.run_by_loop

    @cached_property
    def run_by_loop(self) -> frozenset[int]:
        """``id`` of the nodes of the calls whose coroutines are waited for by ``gather``, ``wait_for`` and the like."""
        return run_by_loop(self)

    @cached_property
    def streamed(self) -> frozenset[int]:
        """``id`` of the nodes of the calls whose results an answer streams."""
        return sent_in_pieces(self)


def _served(program: Program) -> Iterator[tuple[str, Any, Route | None]]:
    for route in program.routes:
        kind = "websocket" if route.method == "WEBSOCKET" else "handler"
        yield kind, route.handler, route
    for route in program.routes:
        for target in route.targets:
            yield "dependency", target, route
    for app in program.apps:
        yield from _around(app)


def _around(app: App) -> Iterator[tuple[str, Any, None]]:
    for middleware in app.middleware:
        target = middleware.target
        if isinstance(target, ClassValue):
            for name in ("dispatch", "__call__"):
                found = target.scope.names.get(name)
                if isinstance(found, FunctionValue):
                    yield "middleware", found, None
        else:
            yield "middleware", target, None
    for handler in app.exception_handlers:
        yield "exception handler", handler.target, None
