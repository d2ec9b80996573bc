"""What the code does with one container: each use of it, rewritten for Redis where that means the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

READS = ("item", "get", "pop")


@dataclass(slots=True)
class Use:
    """One use: ``how`` is set, item, get, pop, has, hasnt, delete, add, discard or remove.

    ``node`` is the statement or expression that it makes, ``function`` the def around it.
    """

    how: str
    node: ast.AST
    function: ast.FunctionDef | ast.AsyncFunctionDef
    key: ast.expr
    value: ast.expr | None = None
    default: ast.expr | None = None


@dataclass(slots=True)
class Tree:
    """A parsed file: its text, and the parent of each node."""

    text: str
    module: ast.Module
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str) -> Tree:
        """Parse a text; raises SyntaxError or ValueError."""
        tree = cls(text, ast.parse(text))
        for node in ast.walk(tree.module):
            for child in ast.iter_child_nodes(node):
                tree.parents[child] = node
        return tree

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, the nearest first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def source(self, node: ast.AST) -> str:
        """The text of a node."""
        return ast.get_source_segment(self.text, node) or ""

    def function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The function whose body runs a node; None where a lambda, a generator or a class body does."""
        below = node
        for around in self.above(node):
            if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef):
                return around if below in around.body else None
            if isinstance(around, ast.Lambda | ast.GeneratorExp | ast.ClassDef):
                return None
            below = around
        return None


class Unsure(Exception):
    """A use that Redis would not serve as it is; ``line`` is where, the text says what."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def use_of(tree: Tree, node: ast.expr) -> Use:
    """The use that an expression of the container is part of; raises Unsure for what is none of the plain ones."""
    parent = tree.parents.get(node)
    function = tree.function(node)
    if function is None:
        raise Unsure(node.lineno, "it is used outside of a function's own statements")
    if isinstance(parent, ast.Subscript) and parent.value is node and not isinstance(parent.slice, ast.Slice):
        return _subscript(tree, parent, function)
    if isinstance(parent, ast.Compare) and len(parent.ops) == 1 and parent.comparators[0] is node:
        if isinstance(parent.ops[0], ast.In | ast.NotIn):
            return Use("has" if isinstance(parent.ops[0], ast.In) else "hasnt", parent, function, parent.left)
    if isinstance(parent, ast.Attribute) and parent.value is node:
        call = tree.parents.get(parent)
        if isinstance(call, ast.Call) and call.func is parent and not call.keywords and not any(
            isinstance(a, ast.Starred) for a in call.args
        ):
            return _method(tree, call, parent.attr, function)
        raise Unsure(node.lineno, f"its {parent.attr} is used")
    raise Unsure(node.lineno, "it is handed on, counted or gone through as a whole")


def _subscript(tree: Tree, sub: ast.Subscript, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Use:
    above = tree.parents.get(sub)
    if isinstance(sub.ctx, ast.Load):
        return Use("item", sub, function, sub.slice)
    if isinstance(sub.ctx, ast.Del) and isinstance(above, ast.Delete) and len(above.targets) == 1:
        return Use("delete", above, function, sub.slice)
    if isinstance(above, ast.Assign) and above.targets == [sub]:
        return Use("set", above, function, sub.slice, above.value)
    raise Unsure(sub.lineno, "an entry is changed in place, or together with others")


def _method(tree: Tree, call: ast.Call, name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Use:
    if name in ("get", "pop") and 1 <= len(call.args) <= 2:
        return Use(name, call, function, call.args[0], default=call.args[1] if len(call.args) > 1 else None)
    if name in ("add", "discard", "remove") and len(call.args) == 1:
        return Use(name, call, function, call.args[0])
    raise Unsure(call.lineno, f"{name}() has no counterpart in Redis that means the same")


def rewritten(tree: Tree, use: Use, store: str) -> str:
    """The text that takes the place of a use, for a store whose methods are awaited."""
    key = tree.source(use.key)
    if use.how == "set" and use.value is not None:
        return f"await {store}.set({key}, {tree.source(use.value)})"
    if use.how in ("has", "hasnt"):
        return f"{'not ' if use.how == 'hasnt' else ''}await {store}.has({key})"
    default = f", {tree.source(use.default)}" if use.default is not None else ""
    return f"await {store}.{use.how}({key}{default})"


def stays_as_read(tree: Tree, node: ast.AST, handler: bool, depth: int = 0) -> bool:
    """Whether nobody changes what an expression gives, a mutable value that was read, or keeps it for longer."""
    parent = tree.parents.get(node)
    if depth > 12 or parent is None:
        return False
    if isinstance(parent, ast.Attribute):
        above = tree.parents.get(parent)
        if not isinstance(parent.ctx, ast.Load):
            return False
        if isinstance(above, ast.Call) and above.func is parent:
            return parent.attr in SAFE_METHODS and stays_as_read(tree, above, handler, depth + 1)
        return stays_as_read(tree, parent, handler, depth + 1)
    if isinstance(parent, ast.Subscript):
        return parent.slice is node or isinstance(parent.ctx, ast.Load) and stays_as_read(
            tree, parent, handler, depth + 1)
    if isinstance(parent, ast.Compare | ast.FormattedValue | ast.Expr | ast.BinOp | ast.UnaryOp | ast.If | ast.While
                  | ast.Assert | ast.Raise):
        return True
    if isinstance(parent, ast.NamedExpr):
        return name_stays(tree, parent, parent.target.id, handler, depth + 1) and stays_as_read(
            tree, parent, handler, depth + 1)
    if isinstance(parent, ast.BoolOp | ast.IfExp | ast.Await | ast.Dict | ast.List | ast.Tuple):
        return isinstance(parent, ast.IfExp) and parent.test is node or stays_as_read(tree, parent, handler, depth + 1)
    if isinstance(parent, ast.Return):
        return handler
    if isinstance(parent, ast.Call) and node in parent.args and isinstance(parent.func, ast.Name):
        return parent.func.id in COPIES or parent.func.id[:1].isupper() and stays_as_read(
            tree, parent, handler, depth + 1)
    if isinstance(parent, ast.keyword):
        call = tree.parents.get(parent)
        named = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id[:1].isupper()
        return named and call is not None and stays_as_read(tree, call, handler, depth + 1)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        return name_stays(tree, parent, parent.targets[0].id, handler, depth + 1)
    return False


SAFE_METHODS = frozenset(("model_dump", "model_dump_json", "model_copy", "copy", "get", "items", "keys", "values",
                          "isoformat", "lower", "upper", "strip", "split", "startswith", "endswith"))
COPIES = frozenset(("str", "int", "float", "bool", "len", "repr", "sorted", "sum", "min", "max"))


def name_stays(tree: Tree, at: ast.AST, name: str, handler: bool, depth: int = 0) -> bool:
    """The same for every use of a local name in the function around a node."""
    function = tree.function(at)
    if function is None:
        return False
    for node in ast.walk(function):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            return False
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            if not stays_as_read(tree, node, handler, depth + 1):
                return False
    return True
