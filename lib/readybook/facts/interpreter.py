"""Follows the target's code without running it: module by module, statement by statement, over values of ``values``.

Two modes. *Concrete*: the top level of each module runs as Python would run it, calls into project functions included,
so that routers built in factories, loops and helpers come out as FastAPI would see them. *Symbolic*: the body of each
function runs once with parameters known only by annotation, to learn what it calls; nothing outside it changes.
An ``if`` whose test is not known runs both ways, and what happens inside carries the condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from readybook.facts.frames import Attempt, Condition, Frame, CallSite, symbol_of
from readybook.facts.modules import Module, Modules, absolute_name
from readybook.facts.objects import (
    Awaitable,
    Bound,
    ClassValue,
    FunctionValue,
    Generated,
    Instance,
    ModuleValue,
    Namespace,
    PackageValue,
)
from readybook.facts.syntax import Node
from readybook.facts.targetfiles import ROOT, TargetFiles
from readybook.facts.values import UNKNOWN, External, Unknown, choose, truth
from readybook.facts.workshares import limit_of_call, note_work
from readybook.place import Place

MAX_FRAMES = 250  # modules that import one another and calls, together
MAX_DEPTH = 60  # calls inside calls
MAX_AGAIN = 6  # calls of one function inside itself
MAX_STEPS = 800_000  # evaluations and statements for all of a target's top levels …
STEPS_PER_LINE = 8  # … and for each line of code
MAX_ANALYSIS = 60_000  # for the body of one function with unknown arguments
MAX_RUNS = 4_000  # of one function's body: what grows with each call, such as a recursion over types, ends
MAX_LOOP = 2_000


CACHED = "__cached__"


class Interpreter:
    """The state of one walk over a project's modules."""

    def __init__(self, modules: Modules, files: TargetFiles | None = None) -> None:
        self.modules = modules
        self.files = files or TargetFiles({}, modules.by_path, modules.app_dir)
        self.loaded: dict[str, ModuleValue] = {}
        self.frames: list[Frame] = []
        self.conditions: list[Condition] = []
        self.functions: dict[tuple[str, int, str], FunctionValue] = {}
        self.classes: list[ClassValue] = []
        self.calls: dict[tuple[str, int, int, int, int], CallSite] = {}
        self.applications: list[Instance] = []
        self.symbolic = False
        self.steps = 0
        self.work = self.limit = MAX_STEPS + STEPS_PER_LINE * sum(m.text.count("\n") for m in modules.by_path.values())
        self.cut: set[str] = set()  # modules whose top level asked for more than its part of the work …
        self.parts: dict[str, int] = {}  # … what that part is …
        self.spent: dict[str, int] = {}  # … and the steps of what each called, by path
        self.summaries: dict[int, Any] = {}
        self.awaiting = False
        self.raised: Any = None  # what the ``raise`` that was followed last raises …
        self.pending = False  # … and whether it is on its way to an ``except``
        self.tries: list[Attempt] = []  # the bodies of ``try`` around what is being followed, innermost last
        self.starting: int | None = None  # frames below the start of an application that is being followed
        self.cut_short = False
        self.environment_reads: list[tuple[str, Place, Any]] = []
        self.imported: set[str] = set()
        self.runs: dict[int, int] = {}  # ``id`` of a function's node → how often its body ran
        self.releases: Mapping[str, tuple[int, ...] | None] = {}  # of packages whose routes depend on it
        self.stumbles: dict[Place, str] = {}  # statements that could not be followed, and the kind of error

    # Modules

    def load(self, module: Module) -> ModuleValue:
        """The module with its top level run (once; a module that is being run is returned as far as it got)."""
        value = self.loaded.get(module.path)
        if value is None:
            file = f"{ROOT}/{module.path}"
            package = module.name if module.is_package else module.name.rpartition(".")[0]
            names = {"__name__": module.name, "__file__": file, "__doc__": None, "__package__": package}
            if module.is_package:
                names["__path__"] = [file.rpartition("/")[0]]
            value = self.loaded[module.path] = ModuleValue(module, Namespace(names))
        if value.state == "new":
            value.state = "running"
            symbolic, self.symbolic = self.symbolic, False
            conditions, self.conditions = self.conditions, []
            tries, self.tries = self.tries, []
            try:
                self.run_frame(Frame(module), module.body, value.scope)
            finally:
                self.symbolic, self.conditions, self.tries = symbolic, conditions, tries
                value.state = "done"
        return value

    def run_frame(self, frame: Frame, body: tuple[Node, ...], scope: Namespace) -> str | None:
        """Run statements in a frame of their own; how they end (``return``, ``raise`` …) or None."""
        from readybook.facts.statements import block

        if len(self.frames) >= MAX_FRAMES:
            return None
        frame.base = len(self.conditions)
        self.frames.append(frame)
        try:
            return block(self, body, scope)
        finally:
            self.frames.pop()

    def import_module(self, name: str, level: int = 0) -> Any:
        """What ``import name`` gives: a module, a package folder, or External for what is not in the project."""
        importer = self.frame.module if self.frames else None
        if level and importer is not None:
            name = absolute_name(name, level, importer)
        found = self.modules.find(name, importer)
        if isinstance(found, Module):
            self._load_parents(name, importer)
            self.imported.add(found.path)
            found.call_it(name)
            return self.load(found)
        if isinstance(found, str):
            return PackageValue(name, found)
        return External(name)

    def _load_parents(self, name: str, importer: Module | None) -> None:
        parts = name.split(".")
        for count in range(1, len(parts)):  # the outermost first, as Python does
            found = self.modules.find(".".join(parts[:count]), importer)
            if isinstance(found, Module):
                self.load(found)

    def submodule(self, package: Any, name: str) -> Any:
        """Module ``name`` inside a package, or None."""
        full = f"{package.module.name if isinstance(package, ModuleValue) else package.name}.{name}"
        if isinstance(package, ModuleValue):
            if not package.module.is_package:
                return None
            folder = package.module.path.removesuffix("/__init__.py") if "/" in package.module.path else ""
        else:
            folder = package.folder
        stem = f"{folder}/{name}" if folder else name
        for path in (f"{stem}/__init__.py", f"{stem}.py"):
            if path in self.modules.by_path:
                self.imported.add(path)
                return self.load(self.modules.by_path[path])
        return PackageValue(full, stem) if stem in self.modules.folders else None

    # Frames and conditions

    @property
    def frame(self) -> Frame:
        """The running activation."""
        return self.frames[-1]

    @contextmanager
    def under(self, condition: Condition) -> Iterator[None]:
        """Run something under a condition."""
        self.conditions.append(condition)
        try:
            yield
        finally:
            self.conditions.pop()

    def place(self, node: Node | None) -> Place:
        """The place of a node in the running module; without one, of the call that is being followed."""
        frame = self.frame
        return frame.module.place(node or frame.site or ("", 1, 0), symbol_of(frame.function, frame.owner))

    def stumbled(self, place: Place, error: Exception) -> None:
        """Note what could not be followed. Only the kind of error is kept: its text is the target's."""
        self.stumbles.setdefault(place, type(error).__name__)

    def doubt(self) -> Unknown:
        """Unknown, since a key, an element or an attribute is missing: an ``except`` around may take over here."""
        if self.tries and self.tries[-1].names is None and not self.symbolic:
            self.tries[-1].names = dict(self.tries[-1].scope.names)
        return UNKNOWN

    def unknown(self, reason: str, node: Node | None = None) -> Unknown:
        """An Unknown that says why and where."""
        return Unknown(reason, self.place(node)) if node is not None and self.frames else Unknown(reason)

    def decides(self, test: Any) -> bool | None:
        """Whether a test is true; None both ways are possible, as for an object that is known only by its type."""
        if self.symbolic and isinstance(test, Instance | Bound | list | tuple | dict):
            return None
        answer = truth(test)
        if answer is None and isinstance(test, Instance) and not self.symbolic:
            from readybook.facts.construction import truth_of

            return truth_of(self, test)
        return answer

    # Functions

    def call_function(self, f: FunctionValue, args: tuple[Any, ...], kwargs: dict[str, Any],
                      receiver: Any = None) -> Any:
        """Call a project function: its body runs in concrete mode, its return type answers in symbolic mode."""
        if self.symbolic:
            return self.summary(f)
        inside = [fr.function.node for fr in self.frames if fr.function is not None]
        again = sum(1 for node in inside if node is f.node)
        if again >= MAX_AGAIN or len(inside) >= MAX_DEPTH or self.steps > self.limit:
            return UNKNOWN
        if f.is_async:
            return self.summary(f) if is_generator(f.node) else Awaitable(UNKNOWN, (f, args, kwargs, receiver))
        if CACHED not in f.attrs:
            return self.run_function(f, args, kwargs, receiver)
        key = (CACHED, *args, *kwargs.items())
        try:
            if key not in f.attrs[CACHED]:
                f.attrs[CACHED][key] = self.run_function(f, args, kwargs, receiver)
            return f.attrs[CACHED][key]
        except TypeError:  # an argument that cannot be hashed
            return self.run_function(f, args, kwargs, receiver)

    def run_function(self, f: FunctionValue, args: tuple[Any, ...], kwargs: dict[str, Any], receiver: Any = None,
                     suspends: bool = False) -> Any:
        """Run a function's body with these arguments; ``suspends`` to its first ``yield`` only."""
        limit, before = limit_of_call(self), self.steps
        if limit == self.limit:
            return self._run_function(f, args, kwargs, receiver, suspends)
        limit, self.limit = self.limit, limit
        try:
            return self._run_function(f, args, kwargs, receiver, suspends)
        finally:
            note_work(self, before)
            self.limit = limit

    def _run_function(self, f: FunctionValue, args: tuple[Any, ...], kwargs: dict[str, Any], receiver: Any,
                      suspends: bool) -> Any:
        ran = self.runs.get(id(f.node), 0) + 1
        if ran > MAX_RUNS // 20 and any(frame.function is f for frame in self.frames):
            ran += 4  # inside itself it may branch as well
        self.runs[id(f.node)] = ran
        if ran > MAX_RUNS:
            return UNKNOWN
        scope = Namespace(bind(self, f, args, kwargs), f.scope)
        frame = Frame(f.module, f, f.owner, receiver, suspends=suspends)
        if f.node[0] == "lambda":
            from readybook.facts.expressions import evaluate

            self.frames.append(frame)
            frame.base = len(self.conditions)
            try:
                return evaluate(self, f.node[4], scope)
            finally:
                self.frames.pop()
        ended = self.run_frame(frame, f.node[6], scope)
        if is_generator(f.node):
            values = [v for _, v in frame.yields]
            counted = not any(conditions for conditions, _ in frame.yields) and len(values) <= MAX_LOOP
            return Generated(values if counted else None, values[0] if values else UNKNOWN)
        return result_of(frame, ended)

    def awaited(self, value: Any) -> Any:
        """What ``await value`` gives; the body of a coroutine of the project runs now in concrete mode."""
        if not isinstance(value, Awaitable):
            return value
        if value.pending is not None:
            f, args, kwargs, receiver = value.pending
            value.pending = None
            value.value = UNKNOWN
            if self.symbolic:
                return self.awaited(self.summary(f))
            value.value = self.run_function(f, args, kwargs, receiver)
        return value.value

    def summary(self, f: FunctionValue) -> Any:
        """What a call of the function gives, by its annotation or by its symbolic run."""
        key = id(f.node)
        if key not in self.summaries:
            self.summaries[key] = UNKNOWN
            from readybook.facts.symbols import returned

            self.summaries[key] = returned(self, f)
        value = self.summaries[key]
        return Awaitable(value) if f.is_async and not is_generator(f.node) else value


def result_of(frame: Frame, ended: str | None) -> Any:
    """The value of a call from the returns its body collected."""
    returns = frame.returns
    if not returns:
        return None
    if len(returns) == 1 and ended == "return" and not returns[0][0]:
        return returns[0][1]
    options, default, blocked = [], None, False
    for conditions, value in returns:
        text = " and ".join(c.text for c in conditions)
        options.append((text, value))
        truths = [c.default for c in conditions]
        if all(truths) and default is None and not blocked:
            default = len(options) - 1
        blocked = blocked or None in truths
    if ended != "return":
        options.append(("otherwise", None))
        if default is None and not blocked:
            default = len(options) - 1
    return choose(options, default)


def bind(run: Interpreter, f: FunctionValue, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The names of a call: parameters bound to arguments, defaults evaluated where the function was defined."""
    names: dict[str, Any] = {}
    rest = list(args)
    left = dict(kwargs)
    for name, _, default, kind, *_ in f.params:
        if kind == "var":
            names[name] = tuple(rest)
            rest = []
        elif kind == "keys":
            names[name] = left
            left = {}
        elif kind != "key" and rest:
            names[name] = rest.pop(0)
        elif kind != "pos" and name in left:
            names[name] = left.pop(name)
        elif default is not None:
            names[name] = default_of(run, f, name, default)
        else:
            names[name] = UNKNOWN
    return names


def default_of(run: Interpreter, f: FunctionValue, name: str, default: Node) -> Any:
    """A parameter's default, evaluated once in the scope of the ``def``."""
    from readybook.facts.expressions import evaluate

    if f.defaults is None:
        f.defaults = {}
    if name not in f.defaults:
        f.defaults[name] = UNKNOWN
        run.frames.append(Frame(f.module, None, f.owner))
        try:
            f.defaults[name] = evaluate(run, default, (f.owner.scope if f.owner else f.scope).as_of(f.node[1]))
        finally:
            run.frames.pop()
    return f.defaults[name]


def is_generator(node: Node) -> bool:
    """Whether a ``def`` has a ``yield`` of its own."""
    return node[0] == "def" and node[11]
