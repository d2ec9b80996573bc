"""Lowered expressions back to source text, for conditions, annotations and messages."""

from __future__ import annotations

from typing import Any

OPERATORS = {
    "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "MatMult": "@",
    "BitOr": "|", "BitAnd": "&", "BitXor": "^", "LShift": "<<", "RShift": ">>", "Eq": "==", "NotEq": "!=", "Lt": "<",
    "LtE": "<=", "Gt": ">", "GtE": ">=", "Is": "is", "IsNot": "is not", "In": "in", "NotIn": "not in", "Not": "not ",
    "USub": "-", "UAdd": "+", "Invert": "~",
}
PAIRS = {"list": "[]", "tuple": "()", "set": "{}", "generator": "()"}


def unparse(node: Any) -> str:
    """The text of a lowered expression on one line; parts without a short text become ``…``."""
    if node is None:
        return ""
    kind = node[0]
    writer = WRITERS.get(kind)
    return writer(node) if writer else "…"


def _join(nodes: Any) -> str:
    return ", ".join(unparse(n) for n in nodes)


def _call(n: Any) -> str:
    keywords = [f"{k}={unparse(v)}" if k else f"**{unparse(v)}" for k, v in n[5]]
    return f"{unparse(n[3])}({', '.join([*map(unparse, n[4]), *keywords])})"


def _sequence(n: Any) -> str:
    left, right = PAIRS[n[0]]
    comma = "," if n[0] == "tuple" and len(n[3]) == 1 else ""
    return f"{left}{_join(n[3])}{comma}{right}"


def _fstring(n: Any) -> str:
    parts = []
    for part in n[3]:
        inner = unparse(part[3] if part[0] == "format" else part)
        parts.append(str(part[3]) if part[0] == "const" else "{" + inner + "}")
    return "f" + repr("".join(parts))


def _operand(n: Any) -> str:
    return f"({unparse(n)})" if n and n[0] in ("bin", "bool", "cmp", "if", "lambda") else unparse(n)


def _cmp(n: Any) -> str:
    return _operand(n[3]) + "".join(f" {OPERATORS[op]} {_operand(right)}" for op, right in n[4])


def _comp(n: Any) -> str:
    left, right = PAIRS.get(n[3], "{}")
    element = f"{unparse(n[4])}: {unparse(n[5])}" if n[3] == "dict" else unparse(n[4])
    clauses = "".join(
        f" for {unparse(t)} in {unparse(i)}" + "".join(f" if {unparse(c)}" for c in ifs) for t, i, ifs, _ in n[6]
    )
    return f"{left}{element}{clauses}{right}"


def _index(n: Any) -> str:
    inner = n[4]
    return f"{unparse(n[3])}[{_join(inner[3]) if inner[0] == 'tuple' and inner[3] else unparse(inner)}]"


WRITERS: dict[str, Any] = {
    "const": lambda n: "..." if n[3] is ... else repr(n[3]),
    "name": lambda n: n[3],
    "attr": lambda n: f"{_operand(n[3])}.{n[4]}",
    "call": _call,
    "list": _sequence, "tuple": _sequence, "set": _sequence,
    "dict": lambda n: "{" + ", ".join(f"{unparse(k)}: {unparse(v)}" if k else f"**{unparse(v)}" for k, v in n[3]) + "}",
    "fstring": _fstring,
    "bin": lambda n: f"{_operand(n[4])} {OPERATORS[n[3]]} {_operand(n[5])}",
    "unary": lambda n: f"{OPERATORS[n[3]]}{_operand(n[4])}",
    "bool": lambda n: f" {n[3]} ".join(_operand(v) for v in n[4]),
    "cmp": _cmp,
    "if": lambda n: f"{_operand(n[4])} if {_operand(n[3])} else {_operand(n[5])}",
    "sub": _index,
    "slice": lambda n: f"{unparse(n[3])}:{unparse(n[4])}" + (f":{unparse(n[5])}" if n[5] else ""),
    "star": lambda n: f"*{unparse(n[3])}",
    "await": lambda n: f"await {unparse(n[3])}",
    "lambda": lambda n: f"lambda {', '.join(p[0] for p in n[3])}: {unparse(n[4])}",
    "comp": _comp,
    "walrus": lambda n: f"({unparse(n[3])} := {unparse(n[4])})",
}
