"""A model for a body, from the keys that its handler reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from keyword import iskeyword
from typing import Any

from readybook import Fix, Project, advice
from readybook.facts.application import Route
from readybook.facts.behaviour import functions_behind
from readybook.facts.nodes import nodes
from readybook.facts.objects import FunctionValue
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.intents import EnsureImport, EnsureModuleStatement, Intent, ReplaceDefault, ReplaceExpression
from readybook.place import Place
from readybook.records import record

TEXT = frozenset({"strip", "lower", "upper", "split", "startswith", "endswith", "replace", "encode", "title", "lstrip"})
CONVERTED = {"int": "int", "float": "float", "str": "str", "bool": "bool"}
OWN = frozenset({"copy", "json", "dict", "schema", "construct", "validate", "fields", "model_config"})


@record
class Read:
    """One place where a handler reads a key: ``node`` the expression, ``default`` what ``get`` gives instead."""

    key: str
    node: Node
    required: bool
    default: Node | None
    kind: str


def cure(project: Project, route: Route, name: str) -> Fix:
    """The model and the handler that takes it; advice with the keys where more than known keys are read."""
    handler = next(iter(functions_behind(route.handler)), None)
    model = _model_name(route)
    if handler is None or not name or handler.original.node[0] != "def":
        return advice(f"Take a Pydantic model, {model}, in place of the raw body",
                      "which keys are meant, and of which types, is for a person to say")
    handler = handler.original
    parameter = next((p for p in handler.params if p[0] == name), None)
    reads = _reads(handler.node, name)
    if parameter is None or not reads:
        keys = sorted({r.key for r in _loose(handler.node, name)})
        known = f"; the handler reads {', '.join(keys[:8])}" if keys else ""
        return advice(f"Take a Pydantic model, {model}, in place of {name}",
                      f"the body is also used as a whole, so its keys are not all seen{known}")
    text = handler.module.text
    intents = _intents(project, handler, parameter, reads, model) if not re.search(rf"\b{model}\b", text) else None
    if intents is None:
        keys = ", ".join(dict.fromkeys(r.key for r in reads))
        return advice(f"Take a Pydantic model in place of {name}", f"with {keys}: a key, a name or a "
                      "default here is not one that could be moved by itself")
    return Fix(f"Take a model, {model}, in place of {name}", intents, safety="review", unsafe=True,
               reason="requests that lack a key the handler reads are answered with 422 from now on; narrow each Any "
               "to the type that is meant")


def _model_name(route: Route) -> str:
    words = re.split(r"[_\W]+", route.endpoint.rpartition(".")[2])
    return "".join(w[:1].upper() + w[1:] for w in words if w) + "Body"


def _intents(project: Project, handler: FunctionValue, parameter: Node, reads: list[Read], model: str
             ) -> tuple[Intent, ...] | None:
    fields: dict[str, str] = {}
    for key in dict.fromkeys(r.key for r in reads):
        line = _field(key, [r for r in reads if r.key == key])
        if line is None or not key.isidentifier() or iskeyword(key) or key in OWN or key.startswith(("_", "model_")):
            return None
        fields[key] = line
    path, name = handler.module.path, parameter[0]
    body = "".join(f"    {line}\n" for line in sorted(fields.values(), key=lambda f: "=" in f))
    statement = f"class {model}(BaseModel):\n    \"\"\"What {handler.name} reads of its body.\"\"\"\n\n{body}"
    default = unparse(parameter[2]) if parameter[2] is not None else None
    if default is not None and "…" in default or parameter[1] is None or not _plain(parameter[1]):
        return None
    place = handler.module.place(("name", parameter[4], parameter[5]))
    edits: list[Intent] = [EnsureImport(path, "pydantic", "BaseModel"),
                           EnsureModuleStatement(path, model, statement.rstrip()),
                           ReplaceDefault(place, name, default, model)]
    if any(": Any" in f for f in fields.values()):
        edits.insert(0, EnsureImport(path, "typing", "Any"))
    for read in reads:
        at = handler.module.place(read.node)
        old = _written(project, at, read, name, handler)
        if old is None:
            return None
        edits.append(ReplaceExpression(at, old, f"{name}.{read.key}"))
    return tuple(edits)


def _plain(annotation: Node) -> bool:
    """Whether an annotation may be replaced as a whole: no None in it, no Annotated around it."""
    text = unparse(annotation)
    return "None" not in text and "Optional" not in text and "Annotated" not in text and "…" not in text


def _field(key: str, reads: list[Read]) -> str | None:
    """The line of one field; None when the reads do not agree."""
    kinds = {r.kind for r in reads if r.kind}
    kind = kinds.pop() if len(kinds) == 1 else "Any"
    if any(r.required for r in reads):
        return f"{key}: {kind}"
    defaults = {unparse(r.default) if r.default is not None else "None" for r in reads}
    if len(defaults) != 1:
        return None
    default = defaults.pop()
    if not re.fullmatch(r"None|True|False|-?[\d.]+|'[^'\\\n]*'|\[\]|\{\}", default):
        return None
    default = default.replace("'", '"') if default.startswith("'") else default
    if default == "None":
        return f"{key}: Any = None"  # ``str | None`` is not for every Python that Pydantic runs on
    return f"{key}: {kind} = {default}"


def _reads(function: Node, name: str) -> list[Read]:
    """Every read of a key of the body; none when the body is used in another way too, or set."""
    reads = _loose(function, name)
    counted = sum(1 for n in nodes(function[6]) if n[0] == "name" and n[3] == name)
    stored = {(n[1], n[2]) for n in _targets(function[6])}
    if counted != len(reads) or any((r.node[1], r.node[2]) in stored for r in reads):
        return []
    return reads


def _targets(body: Any) -> Iterator[Node]:
    for n in nodes(body):
        if n[0] in ("assign", "del") and len(n) > 4:
            yield from (t for t in n[4] if t[0] == "sub")
        elif n[0] in ("aug", "ann", "for") and len(n) > 4 and isinstance(n[4], tuple) and n[4] and n[4][0] == "sub":
            yield n[4]


def _loose(function: Node, name: str) -> list[Read]:
    kinds = _kinds(function, name)
    found = []
    for n in nodes(function[6]):
        if n[0] == "sub" and n[3][0] == "name" and n[3][3] == name and n[4][0] == "const" and isinstance(n[4][3], str):
            found.append(Read(n[4][3], n, True, None, kinds.get((n[1], n[2]), "")))
        elif n[0] == "call" and n[3][0] == "attr" and n[3][4] == "get" and n[3][3][0] == "name" and (
            n[3][3][3] == name
        ) and n[4] and n[4][0][0] == "const" and isinstance(n[4][0][3], str) and not n[5]:
            default = n[4][1] if len(n[4]) > 1 else None
            kind = kinds.get((n[1], n[2]), "") or _kind_of(default)
            found.append(Read(n[4][0][3], n, False, default, kind))
    return found


def _kinds(function: Node, name: str) -> dict[tuple[int, int], str]:
    """The type of a read by what is done with it: ``int(…)`` around it, a method of text."""
    found: dict[tuple[int, int], str] = {}
    for n in nodes(function[6]):
        if n[0] != "call":
            continue
        if n[3][0] == "name" and n[3][3] in CONVERTED and len(n[4]) == 1:
            found[n[4][0][1], n[4][0][2]] = CONVERTED[n[3][3]]
        if n[3][0] == "attr" and n[3][4] in TEXT and n[3][3][0] in ("sub", "call"):
            found[n[3][3][1], n[3][3][2]] = "str"
    return found


def _kind_of(default: Node | None) -> str:
    if default is None or default[0] != "const" or default[3] is None:
        return {"list": "list[Any]", "dict": "dict[str, Any]"}.get(default[0], "") if default is not None else ""
    return type(default[3]).__name__ if isinstance(default[3], str | bool | int | float) else ""


def _written(project: Project, at: Place, read: Read, name: str, handler: FunctionValue) -> str | None:
    """The read as it stands in the file, on one line."""
    if read.node[0] == "call":
        text = handler.module.source(read.node)
        return text if text is not None and "\n" not in text else None
    line = project.line(at.path, at.line)[at.column - 1:]
    match = re.match(rf"{re.escape(name)}\s?\[\s?(['\"]){re.escape(read.key)}\1\s?\]", line)
    return match[0] if match and at.exact else None
