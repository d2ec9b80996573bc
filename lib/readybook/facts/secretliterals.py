"""Literals that stand where a secret stands: beside a secret's name, as a key that signs, or in a key's own shape."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from itertools import accumulate, groupby
from operator import itemgetter

from readybook.facts.literalnodes import is_statement, name_of, parts, sum_of
from readybook.facts.modules import Module
from readybook.facts.secretvalues import SHAPES, kind_of, names_secret, provider_of, words_of
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

# values under these names are shown to readers of the API's documentation
_SHOWN = frozenset({
    "example", "examples", "json_schema_extra", "schema_extra", "openapi_examples", "openapi_extra", "responses",
    "description",
    "help", "title", "alias", "validation_alias", "serialization_alias", "env", "metavar", "pattern", "regex",
    "tokenUrl",
})
_WRAPPERS = frozenset({"SecretStr", "SecretBytes", "Secret", "str", "bytes", "Field", "Settings", "field"})
_READS = frozenset({"getenv", "get", "config", "Config", "str", "env", "get_secret", "get_env", "setdefault", "pop"})
_HANDLED = frozenset({"const", "call", "dict", "cmp", "bool", "if", "fstring"})  # kinds with a method of their own
# what a telling line has, in small letters; plain searches, since every line of every file is looked at
_TELLING = ("secret", "passw", "passphrase", "pwd", "token", "credential", "passcode", "apikey", "_key", "-key",
            "_pass", "authorization", "jwt", "hmac", "fernet", "serializer", "private key-",
            *(s.lower() for s in SHAPES))
# the words by their first letters: a pattern that begins with a plain one is found as fast as a word
_BEGINNING = tuple(regex(re.escape(first) + f"(?:{'|'.join(re.escape(word[1:]) for word in words)})")
                   for first, words in groupby(sorted(_TELLING), itemgetter(0)))
_STR = regex(r"str\s*\(\s*\w{0,2}[\"']")
_URL = regex(r"://[^\s/@'\"]{0,128}:[^\s/'\"]{1,256}@")
_TYPE = regex(r"[A-Z]+[0-9]*(?:[A-Z][a-z]+)+")  # V1SecretSource: a class between a prefix and a kind
PHRASES = 3  # keys with blanks that tell a table of translations, in which the name of a password stands beside a label
_LITERAL = regex(
    r"[rRbBuU]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')",
    re.DOTALL,
)


@record
class SecretLiteral:
    """One literal. ``name`` is what it stands beside (empty: nothing), ``kind`` as in `secretvalues`.

    ``context``: assigned (a variable, attribute or class field), argument, parameter (its default), entry (of a
    mapping), compared, fallback (when a variable of the environment is unset) or bare. ``place`` is where the literal
    begins, ``text`` its source text (empty when it spans pieces). ``holder`` is the place of the assignment, ``target``
    its plain name, ``in_class`` whether that is a class's own field. For a fallback ``variable`` is the environment's
    name, ``read`` the source text of the whole read and ``read_place`` its place, ``keyword`` the argument that gives
    the fallback.
    """

    name: str
    value: str
    kind: str
    context: str
    place: Place
    text: str
    holder: Place
    target: str = ""
    annotation: str = ""
    in_class: bool = False
    variable: str = ""
    read: str = ""
    read_place: Place | None = None
    reader: str = ""
    keyword: str = ""
    callee: str = ""


def walked(module: Module, signing: Collection[str], keys: Mapping[tuple[int, int], str],
           ) -> tuple[list[SecretLiteral], frozenset[int]]:
    """``keptliterals.secret_literals``, and the sums of the texts that the walk left out and that stand in no one line
    of the file as they are."""
    walk = _Walk(module, signing, keys)
    return list(walk.block(module.body)) if walk.lines else [], frozenset(walk.hidden)


def may_read(module: Module) -> bool:
    """Whether a module's text has what a read of the environment has: a module without it holds no fallback."""
    return any(word in module.low for word in ("env", "config", "get_secret")) or _STR.search(module.text) is not None


@record
class _Around:
    """What the walk knows of the statement it is in."""

    name: str = ""
    holder: Place | None = None
    target: str = ""
    annotation: str = ""
    in_class: bool = False
    context: str = "bare"
    callee: str = ""


class _Walk:
    """One walk over the statements of a module that have a telling line."""

    def __init__(self, module: Module, signing: Collection[str], keys: Mapping[tuple[int, int], str]) -> None:
        self.module, self.keys, self.signing = module, keys, signing
        self.symbol: list[str] = []
        self.hidden: set[int] = set()
        self.lines = sorted({line for line, _ in keys} | self._telling_lines())

    @cached_property
    def rows(self) -> list[str]:
        """The lines of the file."""
        return self.module.text.split("\n")

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins, and where the next would."""
        return [0, *accumulate([len(row) + 1 for row in self.rows])]

    def _telling_lines(self) -> set[int]:
        text, low = self.module.text, self._low
        found = self._lines(
            lambda at, find=pattern.search: m.start() if (m := find(low, at)) else -1 for pattern in _BEGINNING)
        if "://" in text:
            found |= {bisect_right(self.starts, match.start()) for match in _URL.finditer(text)}
        return found | self._lines(partial(low.find, v.lower()) for v in self.signing if "\n" not in v)

    @property
    def _low(self) -> str:
        """The text in small letters; as it is where one of these is longer, since offsets would not fit."""
        return self.module.low if len(self.module.low) == len(self.module.text) else self.module.text

    def _lines(self, finds: Iterable[Callable[[int], int]]) -> set[int]:
        """The lines of what each of ``finds`` gives, which look for something from an offset on."""
        found: set[int] = set()
        for find in finds:
            at = find(0)
            while at >= 0:
                line = bisect_right(self.starts, at)
                found.add(line)
                at = find(self.starts[line])
        return found

    def block(self, body: tuple[Node, ...], in_class: bool = False) -> Iterator[SecretLiteral]:
        for statement in body:
            first = {"def": 10, "class": 9}.get(statement[0], 1)  # the line of the first decorator, or of the statement
            if self._telling(statement[first], statement[3]):
                yield from self._statement(statement, in_class)

    def _telling(self, first: int, last: int) -> bool:
        at = bisect_left(self.lines, first)
        return at < len(self.lines) and self.lines[at] <= last

    def _statement(self, s: Node, in_class: bool) -> Iterator[SecretLiteral]:
        kind = s[0]
        if kind == "expr" and s[4][0] == "const":
            return  # a docstring
        if kind not in ("def", "class", "if", "for", "while", "try", "with", "match") and not self._quoted(s[1], s[3]):
            return
        if kind in ("def", "class"):
            yield from self._definition(s)
        elif kind == "if" and any(inner[0] in ("raise", "return") and _refuses(inner) for inner in s[5]):
            yield from self.block(s[5])
            yield from self.block(s[6])
        elif kind in ("assign", "ann"):
            yield from self._assignment(s, in_class)
        else:
            for part in s[4:]:
                yield from self._part(part)

    def _quoted(self, first: int, last: int) -> bool:
        return any("'" in row or '"' in row for row in self.rows[first - 1:last])

    def _part(self, part: object) -> Iterator[SecretLiteral]:
        """A piece of a statement: a block, an expression, or a tuple of such."""
        if not isinstance(part, tuple) or not part:
            return
        if isinstance(part[0], str) and len(part) > 2 and isinstance(part[1], int) and isinstance(part[2], int):
            yield from self.value(part, _Around(holder=self._place(part)))
        elif isinstance(part[0], tuple) and is_statement(part[0]):
            yield from self.block(part)
        else:
            for inner in part:
                yield from self._part(inner)

    def _definition(self, s: Node) -> Iterator[SecretLiteral]:
        self.symbol.append(s[4])
        if s[0] == "def":
            for name, annotation, default, _, line, column in s[5]:
                if default is not None:
                    place = self._place(("name", line, column))
                    around = _Around(name, place, name, unparse(annotation), context="parameter")
                    yield from self.value(default, around)
            yield from self.block(s[6])
        elif not (s[4] == "Config" and len(self.symbol) > 1):
            enumeration = any(unparse(b).rpartition(".")[2].endswith(("Enum", "Choices", "Flag")) for b in s[5])
            if not enumeration:
                yield from self.block(s[7], True)
        self.symbol.pop()
        for decorator in s[7] if s[0] == "def" else s[8]:
            yield from self.value(decorator, _Around(holder=self._place(decorator)))

    def _assignment(self, s: Node, in_class: bool) -> Iterator[SecretLiteral]:
        targets = s[4] if s[0] == "assign" else (s[4],)
        value = s[5] if s[0] == "assign" else s[6]
        if value is None or any(name_of(t) in ("model_config", "__all__", "__slots__") for t in targets):
            return
        if value[0] == "dict" and _SHOWN.intersection(w for t in targets for w in words_of(name_of(t))):
            return  # USER_EXAMPLE = {…}, which documentation shows
        told = next((t for t in targets if names_secret(name_of(t))), targets[-1])
        name = name_of(told)
        plain = name if told[0] == "name" else ""
        annotation = unparse(s[5]) if s[0] == "ann" else ""
        around = _Around(name, self._place(("stmt", s[1], s[2])), plain, annotation, in_class, "assigned")
        yield from self.value(value, around)

    def value(self, node: Node, around: _Around) -> Iterator[SecretLiteral]:
        """The literals in an expression that stands beside ``around.name``."""
        kind = node[0]
        if kind == "name":
            return
        if kind in _HANDLED:
            yield from getattr(self, f"_{kind}")(node, around)
        else:
            bare = _Around(holder=around.holder)
            for part in parts(node[3:]):
                yield from self.value(part, around if kind in ("await", "walrus") else bare)

    def _const(self, node: Node, around: _Around) -> Iterator[SecretLiteral]:
        value = node[3].decode("utf-8", "replace") if isinstance(node[3], bytes) else node[3]
        if not isinstance(value, str) or not value:
            return
        name, context, callee = around.name, around.context, around.callee
        if (node[1], node[2]) in self.keys:
            name, context, callee = name or "key", "argument", self.keys[node[1], node[2]]
        elif value not in self.signing and not names_secret(name) and not provider_of(value):
            if kind_of(value) not in ("dsn", "private key"):
                end = node[2] + len(value) + 5  # a prefix and quotes stand before it
                if not any(value in row[node[2]:end] for row in self.rows[node[1] - 1:node[1]]):
                    self.hidden.add(sum_of(value))
                return
        place = self._place(node)
        yield SecretLiteral(name, value, kind_of(value), context, place, self._literal(place), around.holder or place,
                            around.target, around.annotation, around.in_class, callee=callee)

    def _call(self, node: Node, around: _Around) -> Iterator[SecretLiteral]:
        last = name_of(node[3])
        read = self._read(node, around, last)
        if read is not None:
            yield from read
            return
        wraps = last in _WRAPPERS and around.name
        yield from self.value(node[3], _Around(holder=around.holder))
        inside = _Around(holder=around.holder, callee=last)
        for position, argument in enumerate(node[4]):
            yield from self.value(argument, around if wraps and position == 0 else inside)
        for key, argument in node[5]:
            if key in _SHOWN:
                continue
            if wraps and key == "default":
                yield from self.value(argument, around)
            else:
                beside = _Around(key or "", around.holder, context="argument", callee=last)
                yield from self.value(argument, beside)

    def _read(self, node: Node, around: _Around, last: str) -> Iterator[SecretLiteral] | None:
        """The fallback of a read of the environment; None when the call is no such read."""
        if last not in _READS or not node[4] or node[4][0][0] != "const" or not isinstance(node[4][0][3], str):
            return None
        if last in ("get", "setdefault", "pop") and "env" not in unparse(node[3]).lower():
            return None
        defaults = [(v, k) for k, v in node[5] if k == "default"] + [(v, "") for v in node[4][1:2]]
        variable = node[4][0][3]
        found = []
        for default, keyword in defaults:
            name = variable if names_secret(variable) else around.name
            for literal in self.value(default, _Around(name, around.holder, around.target, around.annotation,
                                                       around.in_class, "fallback", last)):
                found.append(self._as_fallback(literal, node, variable, last, keyword))
        return iter(found)

    def _as_fallback(
        self, literal: SecretLiteral, read: Node, variable: str, reader: str, keyword: str
    ) -> SecretLiteral:
        end = self._offset(read[6], read[7])
        text = self.module.text[self._offset(read[1], read[2]):end]
        return replace(literal, context="fallback", variable=variable, read=text, read_place=self._place(read),
                       reader=unparse(read[3]), keyword=keyword, callee=reader)

    def _bool(self, node: Node, around: _Around) -> Iterator[SecretLiteral]:
        """``os.getenv("X") or "literal"`` is a fallback; other operands stand beside the same name."""
        first = node[4][0]
        read = first if first[0] == "call" and name_of(first[3]) in ("getenv", "get") and first[4] else None
        variable = read[4][0][3] if read and read[4][0][0] == "const" and isinstance(read[4][0][3], str) else ""
        environment = read is not None and ("environ" in unparse(read[3]) or name_of(read[3]) == "getenv")
        for operand in node[4]:
            if operand[0] == "const" and variable and environment:
                name = variable if names_secret(variable) else around.name
                for literal in self._const(operand, _Around(name, around.holder, around.target, around.annotation,
                                                            around.in_class, "fallback")):
                    yield self._whole(literal, node, variable, read)
            else:
                yield from self.value(operand, around)

    def _whole(self, literal: SecretLiteral, node: Node, variable: str, read: Node | None) -> SecretLiteral:
        start = self._offset(node[4][0][1], node[4][0][2])
        last = node[4][-1]
        simple = last[0] == "const" and len(node[4]) == 2 and literal.text
        end = self._offset(last[1], last[2]) + len(literal.text)
        return replace(literal, variable=variable, read=self.module.text[start:end] if simple else "",
                       read_place=self._place(node[4][0]), reader=unparse(read[3]) if read else "", callee="or")

    def _dict(self, node: Node, around: _Around) -> Iterator[SecretLiteral]:
        keys = [k[3] if k is not None and k[0] == "const" and isinstance(k[3], str) else "" for k, _ in node[3]]
        translates = sum(" " in key for key in keys) >= PHRASES
        for text, (_, value) in zip(keys, node[3], strict=True):
            if text in _SHOWN:
                continue
            named = "" if translates or _names_type(text, value) else text
            yield from self.value(value, _Around(named, around.holder, context="entry"))

    def _cmp(self, node: Node, around: _Around) -> Iterator[SecretLiteral]:
        name = name_of(node[3])
        for operator, right in node[4]:
            if operator in ("Eq", "NotEq") and right[0] == "const":
                yield from self._const(right, _Around(name, around.holder, context="compared"))
            elif right[0] != "const":
                yield from self.value(right, _Around(holder=around.holder))
        if node[3][0] != "const":
            yield from self.value(node[3], _Around(holder=around.holder))

    def _if(self, node: Node, around: _Around) -> Iterator[SecretLiteral]:
        yield from self.value(node[3], _Around(holder=around.holder))
        for branch in node[4:6]:
            yield from self.value(branch, around)

    def _fstring(self, node: Node, around: _Around) -> Iterator[SecretLiteral]:
        """Only keys of a known shape are looked for in a text with holes."""
        for part in node[3]:
            if part[0] == "const" and isinstance(part[3], str) and provider_of(part[3]):
                yield from self._const(part, _Around(around.name, around.holder, context="bare"))

    def _place(self, node: Node) -> Place:
        return self.module.place(node, ".".join(self.symbol))

    def _offset(self, line: int, column: int) -> int:
        row = self.rows[line - 1] if line <= len(self.rows) else ""
        if not row.isascii():
            column = len(row.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))
        return self.starts[line - 1] + column

    def _literal(self, place: Place) -> str:
        if not place.exact:
            return ""
        match = _LITERAL.match(self.module.text, self.starts[place.line - 1] + place.column - 1)
        return match[0] if match else ""


def _names_type(key: str, value: Node) -> bool:
    """Whether an entry gives the type of a field, as generated clients have them: the field's words inside a class."""
    if value[0] != "const" or not isinstance(value[3], str) or not _TYPE.fullmatch(value[3]):
        return False
    wanted, inside = words_of(key), words_of(value[3])
    return any(inside[i : i + len(wanted)] == wanted for i in range(1, len(inside) - len(wanted)))


def _refuses(statement: Node) -> bool:
    """Whether a statement turns something away: ``raise``, or ``return`` of False, None or nothing."""
    value = statement[4]
    return statement[0] == "raise" or value is None or (value[0] == "const" and not value[3])
