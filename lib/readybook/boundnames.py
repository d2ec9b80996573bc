"""Whether a changed file reads a name that nothing binds, or that the module binds only further down. Never run."""

from __future__ import annotations

import ast
import builtins
import symtable
import warnings
from collections.abc import Iterator

KNOWN = frozenset({*dir(builtins), "__file__", "__name__", "__path__", "__doc__", "__spec__", "__package__",
                   "__loader__", "__builtins__", "__annotations__", "__module__", "__qualname__", "__class__",
                   "__debug__", "__cached__", "WindowsError"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def unbound(path: str, text: str, before: str | None) -> str:
    """The first such name that was none before the change, in words; empty when there is none.

    Branches are read as if all of them ran, one after the other. A file that the running Python refuses, and names that
    ``from x import *`` may bring, are not judged.
    """
    if not path.endswith(".py") or text == before:
        return ""
    late = _late(text)
    if late:
        known = _late(before or "").keys()
        found = next((f"{name} is read in line {line} and bound only after it"
                      for name, line in late.items() if name not in known), "")
        if found:
            return found
    missing = _missing(text)
    new = sorted(missing - _missing(before or "")) if missing else []
    return f"nothing binds the name {new[0]}" if new else ""


def _missing(text: str) -> set[str]:
    """Names that code reads and no scope around it binds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree, table = ast.parse(text), symtable.symtable(text, "<text>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    if any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in ast.walk(tree)):
        return set()
    tables, bound, read = [table], set[str](), set[str]()
    while tables:
        one = tables.pop()
        tables += one.get_children()
        for symbol in one.get_symbols():
            of_module = one is table or symbol.is_declared_global()
            if of_module and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                bound.add(symbol.get_name())
            if symbol.is_referenced() and (one is table or symbol.is_global()):
                read.add(symbol.get_name())
    return read - bound - KNOWN


def _late(text: str) -> dict[str, int]:
    """Names that the module reads as it is imported, before the first statement that binds them: name → line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    postponed = any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body)
    begins: dict[str, int] = {}
    reads: dict[str, int] = {}
    for number, (name, line, stores) in enumerate(_in_order(tree.body, not postponed)):
        if stores:
            begins.setdefault(name, number)
        elif name not in begins:
            reads.setdefault(name, line)
    return {name: line for name, line in reads.items() if name in begins and name not in KNOWN}


def _in_order(body: list[ast.stmt], annotations: bool) -> Iterator[tuple[str, int, bool]]:
    """(name, line, whether it is bound) for what statements of a module read and bind as they run, in that order."""
    for statement in body:
        yield from _steps(statement, annotations, frozenset())


def _steps(node: ast.AST, annotations: bool, own: frozenset[str]) -> Iterator[tuple[str, int, bool]]:
    if isinstance(node, ast.Name):
        if node.id not in own:
            yield node.id, node.lineno, not isinstance(node.ctx, ast.Load)
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], node.lineno, True
        return
    if isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name, node.lineno, True
    inner = own | _inner(node)
    for child in _children(node, annotations):
        yield from _steps(child, annotations, inner)
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)) or (isinstance(node, ast.MatchAs | ast.MatchStar) and node.name):
        yield str(node.name), node.lineno, True


def _children(node: ast.AST, annotations: bool) -> list[ast.AST]:
    """What runs of a node when it runs, in that order: of a function its decorators, defaults and annotations."""
    if isinstance(node, FUNCTIONS):
        own = node.args
        arguments = [*own.posonlyargs, *own.args, *own.kwonlyargs, *(a for a in (own.vararg, own.kwarg) if a)]
        said = [a.annotation for a in arguments if a.annotation] + ([node.returns] if node.returns else [])
        generic = bool(getattr(node, "type_params", ()))  # its parameters bind names of their own
        defaults = [d for d in (*own.defaults, *own.kw_defaults) if d is not None]
        return [*node.decorator_list, *defaults, *(said if annotations and not generic else ())]
    if isinstance(node, ast.Lambda):
        return [d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None]
    if isinstance(node, ast.ClassDef):
        generic = bool(getattr(node, "type_params", ()))
        return [] if generic else [*node.decorator_list, *node.bases, *node.keywords, *node.body]
    if isinstance(node, ast.AnnAssign):
        return [*([node.annotation] if annotations else []), *([node.value] if node.value else []), node.target]
    if isinstance(node, ast.Assign):
        return [node.value, *node.targets]
    if isinstance(node, ast.AugAssign):
        return [node.value, node.target]
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter, node.target, *node.body, *node.orelse]
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return list(node.orelse)
    return list(ast.iter_child_nodes(node))


def _inner(node: ast.AST) -> frozenset[str]:
    """Names that belong to a node alone: what a comprehension's loops bind, and the body of a class."""
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return frozenset(n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name))
    if isinstance(node, ast.ClassDef):
        return frozenset(name for name, _, stores in _in_order(node.body, False) if stores)
    return frozenset()
