"""The store in Redis that ARC002 puts in the place of a container, where every use of it then means the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Any

from readybook import Fix, Project, advice
from readybook.facts.memory import Memory
from readybook.facts.program import App
from readybook.facts.redisclients import possible_releases
from readybook.facts.settingsaccess import settings_at_hand
from readybook.intents import (
    AddFile,
    EnsureImport,
    EnsureSetting,
    Intent,
    RemoveUnusedImport,
    ReplaceExpression,
    ReplaceStatement,
)
from readybook_checks.architecture.app_module import free_module, name_of_reader
from readybook_checks.architecture.arc002_in_memory_job_store.kinds import Kind, fits, is_text, kind_of, scalar_field
from readybook_checks.architecture.arc002_in_memory_job_store.reader import Reader, Reason, Seen
from readybook_checks.architecture.arc002_in_memory_job_store.uses import READS, Tree, Use, rewritten, stays_as_read
from readybook_checks.architecture.arc013_resources_not_closed import at_shutdown
from readybook_checks.architecture.redis_setting import old_redis, redis_address, redis_requirement

TITLE = "Keep it in Redis behind the same operations"
BY_HAND = "Keep it in Redis or the database behind the same methods"
URL = EnsureSetting("state_redis_url", "str", '"redis://localhost:6379/0"', "STATE_REDIS_URL",
                    meaning="where state that requests share is kept")
KEEP = EnsureSetting("state_keep_seconds", "int", "2592000", "STATE_KEEP_SECONDS",
                     meaning="seconds for which state is kept after it was written last")
DICT = frozenset(("set", "item", "get", "pop", "has", "hasnt", "delete"))
SET = frozenset(("add", "discard", "remove", "has", "hasnt"))


@dataclass(slots=True)
class Target:
    """One container with all that is needed to move it."""

    memory: Memory
    definition: ast.Assign | ast.AnnAssign
    kind: Kind
    files: list[Seen]

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """The functions that use it."""
        return [u.function for f in self.files for u in f.uses]


def cure(project: Project, found: Sequence[Memory], once: frozenset[int], in_loop: frozenset[int]) -> Fix:
    """The store for the containers of one finding, all or none; advice that names the use that stands in the way.

    ``once``: identities of what runs at start-up and shutdown; ``in_loop``: of what runs in the event loop.
    """
    app = next((a for a in project.facts.apps if a.served), None)
    try:
        targets = [_target(project, memory, once) for memory in found]
        waits = _waits(project, targets, in_loop)
    except Reason as reason:
        return advice(BY_HAND, str(reason))
    if app is None:
        return advice(BY_HAND, "no application is served")
    if not settings_at_hand(project.facts):
        return advice(BY_HAND, "settings are handed from function to function: a person says how they come here")
    if old_redis(project, app):
        return advice(BY_HAND, "the pinned release of redis is older than 5.2, which the store needs")
    pydantic = possible_releases(project.facts, "pydantic", app.place.path)
    if pydantic and pydantic[1] is not None and pydantic[1] < 2:
        return advice(BY_HAND, "the store needs pydantic 2")
    return _fix(project, app, targets, waits)


def _fix(project: Project, app: App, targets: list[Target], waits: bool) -> Fix:
    home = free_module(project, app, "state_store" if waits else "state_dict")
    if home is None:
        return advice(BY_HAND, "no name for a new module is free there that the application's file could import")
    closing: tuple[Intent, ...] | str = ()
    if waits:
        closing = at_shutdown(project, app, home[0], "close_state_store", "await close_state_store()")
        if isinstance(closing, str):
            return advice(BY_HAND, closing)
    address, settings = redis_address(project, URL)
    text = Template(_text("store" if waits else "dict")).substitute(address=address)
    moved: list[Intent] = []
    for target in targets:
        module = name_of_reader(project, app, home[0], target.memory.place.path)
        if not module:
            return advice(BY_HAND, f"{target.memory.place.path} could not import a new module with the settings")
        moved += _moved(target, module, waits)
    names = ", ".join(t.memory.name for t in targets)
    return Fix(TITLE, (KEEP, *settings, AddFile(home[0], text), *moved, *closing, *redis_requirement(project)),
               kinds=("scaffold",), safety="review",
               reason=f"requests that use {names} need Redis from now on and fail while it is away; what was not "
               f"written for 30 days goes{'; other requests can run between two uses of it' if waits else ''}")


def _moved(target: Target, module: str, waits: bool) -> Iterator[Intent]:
    """The construction swapped, and each use awaited where the store is awaited."""
    home = target.files[0]
    cls = "RedisSet" if target.memory.kind == "set" else "RedisStore" if waits else "RedisDict"
    label = ".".join(filter(None, (home.module.name, target.memory.owner, target.memory.name)))
    kind = f", {target.kind.text or 'Any'}" if target.memory.kind != "set" else ""
    assigned = target.definition
    name = home.tree.source(assigned.targets[0] if isinstance(assigned, ast.Assign) else assigned.target)
    yield EnsureImport(home.module.path, module, cls)
    if kind == ", Any":
        yield EnsureImport(home.module.path, "typing", "Any")
    yield ReplaceStatement(target.memory.place, home.tree.source(assigned), f'{name} = {cls}("{label}"{kind})')
    if isinstance(assigned, ast.AnnAssign):
        for word in sorted(set(re.findall(r"\b(Dict|Any|Set|Optional)\b", ast.unparse(assigned.annotation)))):
            if word not in kind:
                yield RemoveUnusedImport(home.module.path, word)
    for seen in target.files if waits else ():
        for use in seen.uses:
            node: Any = use.node
            place = seen.module.place(("name", node.lineno, node.col_offset), use.function.name)
            old, new = seen.tree.source(node), rewritten(seen.tree, use, seen.name)
            whole = isinstance(node, ast.stmt)
            yield ReplaceStatement(place, old, _flush(seen.tree, node, new)) if whole else ReplaceExpression(
                place, old, new)


def _flush(tree: Tree, node: Any, text: str) -> str:
    """A text of several lines without the indentation of its statement, which an edit gives it again."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(row.removeprefix(" " * node.col_offset) for row in rest)])


def _waits(project: Project, targets: list[Target], in_loop: frozenset[int]) -> bool:
    """Whether the uses are awaited; raises Reason where some could be and others not."""
    functions = [(t, f, u.function) for t in targets for f in t.files for u in f.uses]
    waits = {isinstance(function, ast.AsyncFunctionDef) for _, _, function in functions}
    if len(waits) != 1:
        raise Reason("plain functions and coroutines use it: the former could not wait for Redis as the latter do")
    if not waits.pop():
        for _, file, function in functions:
            if (file.module.path, function.lineno) in _lines(project, in_loop):
                raise Reason(f"{file.module.path}:{function.lineno}: {function.name}() runs in the event loop, which "
                              "would wait for Redis")
        return False
    for target, file, function in functions:
        hows = {u.how for f in target.files for u in f.uses if u.function is function}
        if hows & {"set", "add"} and hows & {"item", "get", "has"}:
            raise Reason(f"{file.module.path}:{function.lineno}: {function.name}() looks before it stores, and "
                          "another request could come between: Redis does that in one step, with SET NX or a script")
    return True


def _lines(project: Project, wanted: frozenset[int]) -> set[tuple[str, int]]:
    """(path, line of the def) of functions by identity."""
    return {(f.module.path, f.node[1]) for f in project.facts.behaviour.run.functions.values() if id(f.node) in wanted}


def _target(project: Project, memory: Memory, once: frozenset[int]) -> Target:
    if memory.kind not in ("dict", "set") or memory.owner == "app.state":
        raise Reason(f"{memory.name} is {'kept on the application' if memory.owner else 'a list'}: what it means, and "
                      "how long it must live, decide its form in the store")
    modules = project.facts.modules
    module = modules.by_path[memory.place.path]
    seen = Reader(project, memory, module)
    definition = seen.definition()
    files = [s for s in seen.files(definition) if s.uses or s.module is module]
    names = project.facts.behaviour.run.loaded[module.path].scope.names
    kind = Kind("str", None) if memory.kind == "set" else kind_of(memory.annotation, names)
    if kind is None:
        raise Reason(f"{module.path}:{memory.place.line}: {memory.annotation} does not say that its keys are texts "
                      "and its values survive JSON")
    if kind.text and kind.cls is not None and not _bound_before(seen.tree, definition, kind.text):
        raise Reason(f"{module.path}:{memory.place.line}: {kind.text} is not imported where it runs")
    target = Target(memory, definition, kind, files)
    for file in files:
        for use in file.uses:
            _judge(project, target, file, use, once)
    return target


def _bound_before(tree: Tree, definition: ast.AST, name: str) -> bool:
    """Whether the module binds a name at its top level, before its own line where that stands there too."""
    for statement in tree.module.body:
        if statement is definition:
            return False
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            return True
        if isinstance(statement, ast.Import | ast.ImportFrom) and any(
            (a.asname or a.name) == name for a in statement.names
        ):
            return True
    return False


def _judge(project: Project, target: Target, file: Seen, use: Use, once: frozenset[int]) -> None:
    """Raises Reason where a use of Redis would not mean the same."""
    at = f"{file.module.path}:{getattr(use.node, 'lineno', 0)}"
    names = project.facts.behaviour.run.loaded[file.module.path].scope.names
    allowed = SET if target.memory.kind == "set" else DICT
    if use.how not in allowed:
        raise Reason(f"{at}: {use.how}() has no counterpart in Redis")
    if (file.module.path, use.function.lineno) in _lines(project, once):
        raise Reason(f"{at}: {use.function.name}() runs at start-up or shutdown, for each process anew")
    keyed = re.match(r"(?:typing\.)?(?:[dD]ict|[sS]et)\[\s*str\b", target.memory.annotation)
    if not keyed and not is_text(file.tree, use.key, use.function, names):
        raise Reason(f"{at}: whether {file.tree.source(use.key)} is a text is not seen")
    if target.memory.kind == "set":
        return
    if use.how == "set" and use.value is not None:
        if not fits(file.tree, use.value, use.function, target.kind, names):
            raise Reason(f"{at}: what is stored is not seen to survive JSON")
        if isinstance(use.value, ast.Name) and not target.kind.scalar and not _left_alone(file, use, names):
            raise Reason(f"{at}: {use.value.id} may be changed after it was stored, which Redis would not see")
    if use.how in READS and not target.kind.scalar:
        handler = _serves(project, file, use.function)
        if not stays_as_read(file.tree, use.node, handler):
            raise Reason(f"{at}: what is read may be changed in place, which Redis would not see")


def _left_alone(file: Seen, use: Use, names: dict[str, Any]) -> bool:
    """Whether the name that is stored is used in no way that could change what it stands for."""
    assert isinstance(use.value, ast.Name)
    stored = {u.value for u in file.uses}
    name, tree = use.value.id, file.tree
    for node in ast.walk(use.function):
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) and node not in stored:
            parent = tree.parents[node]
            field = isinstance(parent, ast.Attribute) and scalar_field(parent, use.function, names)
            if not field and not stays_as_read(tree, node, True):
                return False
    return name_is_own(use.function, name)


def name_is_own(function: ast.AST, name: str) -> bool:
    """Whether no statement makes a name that of the module."""
    return not any(isinstance(n, ast.Global | ast.Nonlocal) and name in n.names for n in ast.walk(function))


def _serves(project: Project, file: Seen, function: ast.AST) -> bool:
    """Whether FastAPI calls a function as a handler, so that what it returns goes to the client and nowhere else."""
    line = getattr(function, "lineno", 0)
    return any(e.kind == "handler" and e.function.module.path == file.module.path and e.function.node[1] == line
               and not project.facts.behaviour.callers.get(id(e.function.node))
               for e in project.facts.behaviour.entries)


def _text(name: str) -> str:
    return files(__package__).joinpath(f"{name}.py.tmpl").read_text(encoding="utf-8")


