"""All that a project's code does with one container, file by file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from readybook import Project
from readybook.facts.closure import pulled_in
from readybook.facts.memory import Memory
from readybook.facts.modules import Module
from readybook.facts.objects import ClassValue
from readybook_checks.architecture.arc002_in_memory_job_store.uses import Tree, Unsure, Use, use_of


class Reason(Exception):
    """Why there is no patch, in words."""


@dataclass(slots=True)
class Seen:
    """One file that uses a container: how it names it there, and each use."""

    module: Module
    tree: Tree
    name: str
    uses: list[Use]


class Reader:
    """All that the project's code says of one container."""

    def __init__(self, project: Project, memory: Memory, module: Module) -> None:
        self.project, self.memory, self.module = project, memory, module
        self.tree = _tree(module)

    def definition(self) -> ast.Assign | ast.AnnAssign:
        """The one statement that makes it, empty."""
        wanted = f"self.{self.memory.name}" if self.memory.owner else self.memory.name
        found = [n for n in ast.walk(self.tree.module) if isinstance(n, ast.Assign | ast.AnnAssign)
                 and n.lineno == self.memory.place.line and n.value is not None]
        if len(found) != 1 or self.tree.source(target_of(found[0])) != wanted:
            raise Reason(f"{self.module.path}:{self.memory.place.line}: it is not made by a statement of its own")
        if self.tree.source(found[0].value or found[0]) not in ("{}", "dict()", "set()"):
            raise Reason(f"{self.module.path}:{self.memory.place.line}: it does not begin empty")
        if not self.memory.owner and found[0] not in self.tree.module.body:
            raise Reason(f"{self.module.path}:{self.memory.place.line}: it is made under a condition")
        return found[0]

    def files(self, definition: ast.AST) -> Iterator[Seen]:
        """Every file that names it, the one that makes it first."""
        if self.memory.owner:
            self._one_object()
        word = re.compile(rf"\b{re.escape(self.memory.name)}\b")
        yield self._seen(self.module, self.tree, self.memory.name, definition)
        for module in self.project.facts.modules.by_path.values():
            if module is self.module or self.memory.name not in module.text or not word.search(module.text):
                continue
            tree = _tree(module)
            if self.memory.owner:
                self._no_attribute(module, tree)
                continue
            alias = self._imported(module, tree)
            if alias and module.role != "application":
                raise Reason(f"{module.path} uses it too: a test or a script that needs a dict")
            if alias:
                yield self._seen(module, tree, alias, None)

    def _seen(self, module: Module, tree: Tree, name: str, definition: ast.AST | None) -> Seen:
        uses: list[Use] = []
        target = target_of(definition) if isinstance(definition, ast.Assign | ast.AnnAssign) else None
        expression = f"self.{name}" if self.memory.owner else name
        try:
            for node in ast.walk(tree.module):
                if node is target or not isinstance(node, ast.Attribute if self.memory.owner else ast.Name):
                    continue
                if isinstance(node, ast.Attribute) and node.attr == name:
                    if tree.source(node) != expression or not self._in_class(tree, node):
                        raise Unsure(node.lineno, "it is reached from outside of its class")
                    uses.append(use_of(tree, node))
                elif isinstance(node, ast.Name) and node.id == name and not _is_local(tree, node):
                    uses.append(use_of(tree, node))
        except Unsure as unsure:
            raise Reason(f"{module.path}:{unsure.line}: {unsure}") from None
        return Seen(module, tree, expression, uses)

    def _in_class(self, tree: Tree, node: ast.AST) -> bool:
        around = next((a for a in tree.above(node) if isinstance(a, ast.ClassDef)), None)
        return around is not None and around.name == self.memory.owner.rpartition(".")[2]

    def _one_object(self) -> None:
        """Raises Reason where its class is not built exactly once, at the level of a module, or is derived from."""
        run = self.project.facts.behaviour.run
        cls = next((c for c in run.classes if c.module.path == self.module.path
                    and c.qualname == self.memory.owner), None)
        made = self.project.facts.behaviour.calls_to(cls.path) if cls is not None else []
        built = [c for c in made if c.site.callee is cls]
        heirs = [c for c in run.classes if c is not cls and cls in c.mro()]
        if not isinstance(cls, ClassValue) or len(built) != 1 or built[0].site.function is not None or heirs:
            raise Reason(f"{self.memory.owner} is not built once, at the level of a module, and derived from by none")
        owner = re.compile(rf"\b{re.escape(self.memory.owner)}\b")
        elsewhere = [m for m in self.project.facts.modules.by_path.values()
                     if m.role != "application" and self.memory.owner in m.text and owner.search(m.text)]
        if elsewhere:
            raise Reason(f"{elsewhere[0].path} uses {self.memory.owner} too: a test or a script that needs no Redis")

    def _no_attribute(self, module: Module, tree: Tree) -> None:
        if any(isinstance(n, ast.Attribute) and n.attr == self.memory.name for n in ast.walk(tree.module)):
            raise Reason(f"{module.path} may reach into {self.memory.owner} for {self.memory.name}")

    def _imported(self, module: Module, tree: Tree) -> str:
        """The name under which a file has the container; empty when it has not."""
        modules, name = self.project.facts.modules, self.memory.name
        for node in ast.walk(tree.module):
            if isinstance(node, ast.Attribute) and node.attr == name:
                raise Reason(f"{module.path}:{node.lineno}: it may be reached as {tree.source(node)}")
            if isinstance(node, ast.ImportFrom) and any(a.name in (name, "*") for a in node.names):
                if self.module.path not in pulled_in(modules, module.path):
                    continue
                alias = next((a.asname or a.name for a in node.names if a.name in (name, "*")), "")
                if alias == "*" or node not in tree.module.body:
                    raise Reason(f"{module.path}:{node.lineno}: how it comes here is not seen")
                return alias
        return ""


def _tree(module: Module) -> Tree:
    try:
        return Tree.of(module.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Reason(f"{module.path} cannot be read by this Python") from None


def target_of(statement: ast.Assign | ast.AnnAssign) -> ast.expr:
    return statement.targets[0] if isinstance(statement, ast.Assign) else statement.target


def _is_local(tree: Tree, node: ast.Name) -> bool:
    """Whether the function around a name binds it itself."""
    for around in tree.above(node):
        if isinstance(around, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = around.args
            own = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
            own |= {n.id for n in ast.walk(around) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            named = any(isinstance(n, ast.Global) and node.id in n.names for n in ast.walk(around))
            if node.id in own and not named:
                return True
    return False
