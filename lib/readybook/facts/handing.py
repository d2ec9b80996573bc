"""Whether what a call gives comes out of the function that makes it, as a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.nodes import is_node

if TYPE_CHECKING:
    from readybook.facts.objects import FunctionValue
    from readybook.facts.syntax import Node

REDUCING = frozenset(("len", "sum", "any", "all", "max", "min", "next", "bool", "int", "float", "isinstance", "round"))
TO_ONE = ("count", "index", "join", "format")
GROWING = frozenset(("append", "extend", "insert", "add", "update", "setdefault"))
STREAMS = ("StreamingResponse", "FileResponse", "EventSourceResponse")


def handed_out(function: FunctionValue, source: int) -> str:
    """How a function returns what the call with that node id gives: ``whole``, ``slice`` (a part of it, cut in
    Python), ``stream`` (inside a streamed answer) or empty: it does not."""
    if function.node[0] != "def":
        return ""
    flow = _Flow(source)
    flow.block(function.node[6], False)
    return flow.answer


class _Flow:
    def __init__(self, source: int) -> None:
        self.source = source
        self.names: dict[str, str] = {}
        self.answer = ""
        self.branches = 0  # blocks around the statement that may not run

    def block(self, body: Any, inside: bool) -> None:
        """Follow statements in order."""
        for s in body:
            self._statement(s, inside)

    def _branch(self, body: Any, inside: bool) -> None:
        self.branches += 1
        self.block(body, inside)
        self.branches -= 1

    def _statement(self, s: Node, inside: bool) -> None:
        """``inside``: in a loop over the rows, where what grows is made of them."""
        kind = s[0]
        if kind in ("assign", "ann", "aug"):
            value = s[5] if kind == "assign" else s[6]
            how = self.how(value) if value is not None else ""
            for target in s[4] if kind == "assign" else (s[4],):
                self._bind(target, how, inside, kind == "aug")
        elif kind == "for":
            over = bool(self.how(s[5]))
            self._bind(s[4], "", False, False)
            self.block(s[6], inside or over)
            self.block(s[7], inside)
        elif kind in ("if", "while"):
            self._branch(s[5], inside)
            self._branch(s[6], inside)
        elif kind == "with":
            self.block(s[5], inside)
        elif kind == "try":
            self.block(s[4], inside)
            for block in (*(h[2] for h in s[5]), s[6], s[7]):
                self._branch(block, inside)
        elif kind == "match":
            for case in s[5]:
                self._branch(case[4], inside)
        elif kind == "return" and s[4] is not None and not self.answer:
            self.answer = self._stream(s[4]) or self.how(s[4])
        elif kind == "expr":
            self._grown(s[4], inside)

    def _bind(self, target: Node, how: str, inside: bool, keep: bool) -> None:
        if target[0] == "name":
            if how:
                self.names[target[3]] = how
            elif not keep and not inside and not self.branches:
                self.names.pop(target[3], None)
        elif target[0] == "sub" and target[3][0] == "name" and (how or inside):
            self.names[target[3][3]] = how or "whole"
        elif target[0] in ("tuple", "list"):
            for part in target[3]:
                self._bind(part, how, inside, keep)

    def _grown(self, value: Node, inside: bool) -> None:
        if value[0] == "call" and value[3][0] == "attr" and value[3][4] in GROWING and value[3][3][0] == "name":
            how = next((h for a in value[4] if (h := self.how(a))), "")
            if how or inside:
                self.names.setdefault(value[3][3][3], how or "whole")

    def _stream(self, value: Node) -> str:
        if value[0] == "call":
            callee = value[3]
            name = callee[3] if callee[0] == "name" else callee[4] if callee[0] == "attr" else ""
            if name in STREAMS and self.how(value):
                return "stream"
        return ""

    def how(self, node: Any) -> str:
        """Whether an expression is made of the rows: ``whole`` or ``slice``; empty for what is not."""
        if not is_node(node):
            return ""
        kind = node[0]
        if kind == "name":
            return self.names.get(node[3], "")
        if kind in ("const", "cmp", "lambda", "fstring"):
            return ""
        if kind == "call":
            return self._called(node)
        if kind == "sub":
            inner = self.how(node[3])
            if inner and node[4][0] == "slice":
                return "slice"
            return "" if node[4][0] in ("const", "unary") and not isinstance(node[4][-1], str) else inner
        if kind == "comp":
            return next((h for _, source, _, _ in node[6] if (h := self.how(source))), "")
        if kind == "if":
            return self.how(node[4]) or self.how(node[5])
        if kind == "unary":
            return ""
        return self._parts(node[3:])

    def _called(self, node: Node) -> str:
        if id(node) == self.source:
            return "whole"
        callee = node[3]
        if callee[0] == "name" and callee[3] in REDUCING or callee[0] == "attr" and callee[4] in TO_ONE:
            return ""
        on = self.how(callee[3]) if callee[0] == "attr" else ""
        return on or self._parts((*node[4], *(v for _, v in node[5])))

    def _parts(self, parts: Any) -> str:
        for part in parts:
            if isinstance(part, tuple):
                found = self.how(part) if is_node(part) else self._parts(part)
                if found:
                    return found
        return ""
