"""Which values survive Redis unchanged: as JSON, or as a model or dataclass whose fields do."""

from __future__ import annotations

import ast
import re
from typing import Any

from readybook.facts.objects import ClassValue
from readybook.facts.unparse import unparse
from readybook.facts.values import External
from readybook.patterns import regex
from readybook_checks.architecture.arc002_in_memory_job_store.uses import Tree

SCALARS = frozenset(("str", "int", "float", "bool"))
LEAVES = SCALARS | {"None", "datetime", "date", "UUID", "Decimal", "EmailStr"}
HOLDERS = frozenset(("dict", "Dict", "list", "List", "Optional", "Union", "tuple", "Tuple"))
# what makes a model read back as another than the one that was written, or runs code once more
CHANGING = regex(r"alias|exclude|serializer|computed_field|PrivateAttr|validator|__post_init__|InitVar|Secret"
                 r"|init=False|extra|__init__|model_config|class Config")
TEXTS = regex(r"(?:str|repr)\(|f[\"']|uuid\.uuid4\(\)\.hex$|uuid4\(\)\.hex$|secrets\.token_(?:hex|urlsafe)\(")
NUMBERS = regex(r"(?:int|float|len|round|bool)\(|time\.time\(\)$")


class Kind:
    """The type of a container's values: ``text`` as the code names it, ``scalar`` whether nobody can change one."""

    def __init__(self, text: str, cls: ClassValue | None) -> None:
        self.text, self.cls = text, cls
        options = {part.strip() for part in text.removeprefix("Optional[").removesuffix("]").split("|")}
        self.scalar = bool(text) and options <= SCALARS | {"None"}
        self.json = cls is None and not self.scalar


def kind_of(annotation: str, names: dict[str, Any]) -> Kind | None:
    """The kind that an annotation ``dict[str, X]`` names; JSON without one; None where values may not survive."""
    if not annotation:
        return Kind("", None)
    found = re.fullmatch(r"(?:typing\.|t\.)?[dD]ict\[\s*str\s*,\s*(.+)\]", annotation)
    if not found:
        return Kind("", None) if annotation in ("dict", "Dict") else None
    text = found[1].strip()
    if Kind(text, None).scalar:
        return Kind(text, None)
    cls = names.get(text)
    if isinstance(cls, ClassValue):
        return Kind(text, cls) if survives(cls) else None
    written = set(re.findall(r"[A-Za-z_][\w.]*", text))
    return Kind("", None) if written <= SCALARS | HOLDERS | {"None", "Any", "object", "typing.Any"} else None


def survives(cls: ClassValue, depth: int = 0) -> bool:
    """Whether an object of a class, written as JSON and read again, is equal to what it was."""
    if depth > 4 or not _plain_class(cls):
        return False
    text = cls.module.lines_of(cls.node[1], cls.node[3])
    if CHANGING.search(text):
        return False
    if any(isinstance(b, ClassValue) and not survives(b, depth + 1) for b in cls.bases):
        return False
    loaded = cls.scope
    for node in cls.annotations.values():
        for word in set(re.findall(r"[A-Za-z_][\w.]*", re.sub(r"'[^']*'|\"[^\"]*\"", "", unparse(node)))):
            last = word.rpartition(".")[2]
            if last in LEAVES | HOLDERS:
                continue
            try:
                inner = loaded.find(last)
            except KeyError:
                return False
            if not isinstance(inner, ClassValue) or not (_is_enum(inner) or survives(inner, depth + 1)):
                return False
    return True


def _plain_class(cls: ClassValue) -> bool:
    """A pydantic model or a dataclass of the project."""
    bases = [b.path for b in cls.mro() if isinstance(b, External)]
    if bases:
        return all(b in ("pydantic.BaseModel", "pydantic.main.BaseModel") for b in bases)
    head = cls.module.lines_of(cls.node[-1], cls.node[1])
    return re.search(r"@(?:dataclasses\.)?dataclass\b", head) is not None


def _is_enum(cls: ClassValue) -> bool:
    return any(isinstance(b, External) and b.path.startswith("enum.") for b in cls.mro())


def fits(tree: Tree, node: ast.expr, function: ast.AST, kind: Kind, names: dict[str, Any], depth: int = 0) -> bool:
    """Whether an expression is known to give a value of the kind; one that is plain JSON where the kind is JSON."""
    if depth > 6:
        return False
    source = tree.source(node)
    if isinstance(node, ast.Name):
        return _named(tree, node, function, kind, names, depth)
    if kind.cls is not None:
        made = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == kind.text
        return made or source.endswith(")") and isinstance(node, ast.Call) and tree.source(node.func) == (
            f"{kind.text}.model_validate")
    if isinstance(node, ast.Constant):
        return node.value is None and (kind.json or "None" in kind.text or "Optional" in kind.text) or (
            isinstance(node.value, str | int | float) and (kind.json or type(node.value).__name__ in kind.text))
    if isinstance(node, ast.JoinedStr) or TEXTS.match(source):
        return kind.json or "str" in kind.text
    if NUMBERS.match(source) or isinstance(node, ast.Call) and source.endswith(".isoformat()"):
        return kind.json or any(word in kind.text for word in ("int", "float"))
    if isinstance(node, ast.Attribute):
        text = scalar_field(node, function, names)
        return bool(text) and (kind.json or text == kind.text)
    if kind.json and isinstance(node, ast.Dict):
        return all(isinstance(k, ast.Constant) and isinstance(k.value, str) for k in node.keys) and all(
            fits(tree, v, function, kind, names, depth + 1) for v in node.values)
    if kind.json and isinstance(node, ast.List):
        return all(fits(tree, v, function, kind, names, depth + 1) for v in node.elts)
    return False


def _named(tree: Tree, node: ast.Name, function: ast.AST, kind: Kind, names: dict[str, Any], depth: int) -> bool:
    """A parameter of the kind, or a name that is given such a value wherever it is given one."""
    assigned = [a for a in ast.walk(function) if isinstance(a, ast.Assign | ast.AnnAssign) and any(
        isinstance(t, ast.Name) and t.id == node.id for t in (a.targets if isinstance(a, ast.Assign) else [a.target]))]
    stored = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == node.id
              and not isinstance(n.ctx, ast.Load)]
    parameter = annotation_of(function, node.id)
    if parameter is not None:
        wanted = {kind.text} if kind.cls is not None or not kind.json else SCALARS
        return not stored and (parameter in wanted or kind.cls is None and scalar(parameter) and kind.json)
    return len(stored) == len(assigned) > 0 and all(
        a.value is not None and fits(tree, a.value, function, kind, names, depth + 1) for a in assigned)


def scalar_field(node: ast.Attribute, function: ast.AST, names: dict[str, Any]) -> str:
    """The annotation of a scalar field of a parameter that is a model of the project; empty for anything else."""
    owner = names.get(annotation_of(function, node.value.id) or "") if isinstance(node.value, ast.Name) else None
    for cls in owner.mro() if isinstance(owner, ClassValue) else ():
        if isinstance(cls, ClassValue) and node.attr in cls.annotations:
            text = unparse(cls.annotations[node.attr])
            return text if scalar(text) else ""
    return ""


def annotation_of(function: ast.AST, name: str) -> str | None:
    """The text of a parameter's annotation, empty without one; None where the function has no such parameter."""
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
        if argument.arg == name:
            return ast.unparse(argument.annotation) if argument.annotation is not None else ""
    return None


def scalar(text: str) -> bool:
    """Whether an annotation means texts, numbers and truth values only, or None."""
    return Kind(text, None).scalar


def is_text(tree: Tree, node: ast.expr, function: ast.AST, names: dict[str, Any]) -> bool:
    """Whether an expression is known to be a str."""
    return fits(tree, node, function, Kind("str", None), names)
