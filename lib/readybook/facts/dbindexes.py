"""Indexes that migrations and SQL of the target make, whether the models declare them or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.alone import alone
from readybook.facts.comparisons import STATEMENTS, has_line
from readybook.facts.nodes import LEAVES, is_node
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts.modules import Module
    from readybook.facts.syntax import Node
    from readybook.project import Project

# in small letters, as the text is that it is searched in: to ignore their case takes ten times as long
_SQL = regex(
    r"create\s{1,20}(?:unique\s{1,20})?index\s{1,20}(?:concurrently\s{1,20})?(?:if\s{1,20}not\s{1,20}exists\s{1,20})?"
    r"[\"`\w.{}]{1,120}\s{1,20}on\s{1,20}(?:only\s{1,20})?[\"`]?(?:\w{1,80}[\"`]?\.[\"`]?)?(\w{1,80})[\"`]?\s{0,20}"
    r"(?:using\s{1,20}\w{1,20}\s{0,20})?\(\s{0,20}[\"`]?(\w{1,80})")
_TABLE = regex(r"create\s{1,20}table\s{1,20}(?:if\s{1,20}not\s{1,20}exists\s{1,20})?[\"`]?(?:\w{1,80}[\"`]?\.[\"`]?)?"
               r"(\w{1,80})[\"`]?\s{0,20}\(([^;]{1,20000})")
# inside: KEY ix (a), UNIQUE INDEX ix (a), CONSTRAINT c UNIQUE (a), PRIMARY KEY (a, b); a foreign key makes none
_KEY = regex(r"(?<!foreign )\b(?:key|index|unique)\b(?:[ \t]{1,20}(?!key\b|index\b)[\"`]?\w{1,80}[\"`]?)?"
             r"[ \t]{0,20}\([ \t]{0,20}[\"`]?(\w{1,80})")
_MAKING = ("create_index", "create_indexes", "create_unique_constraint", "create_primary_key")


def made_indexes(project: Project) -> frozenset[tuple[str, str]]:
    """(table, first column) of every index that a migration or a SQL text makes; the table is ``*`` for one that is
    made on a collection of MongoDB, the column ``?`` where that one is not written out. What a later one drops still
    counts: the answer errs on the side of an index that is there."""
    modules = project.facts.modules.by_path
    found: set[tuple[str, str]] = set()
    for path, file in project.files.items():
        if path.endswith(".sql") or path.endswith(".py") and path not in modules:
            found.update(_in_text(file.text))
    for module in modules.values():
        found.update(alone(module, "indexes"))
    return frozenset(found)


def indexes_in(module: Module) -> frozenset[tuple[str, str]]:
    """The indexes that one file makes, by SQL or by calls of a migration."""
    found = set(_in_text(module.text))
    if "create_" in module.text and any(word in module.text for word in (*_MAKING, "create_table")):
        lines = [n for n, line in enumerate(module.text.split("\n"), 1) if "create_" in line]
        found.update((t.lower(), c.lower()) for t, c in _of_module(module, lines))
    return frozenset(found)


def _in_text(text: str) -> Iterator[tuple[str, str]]:
    if any(word in text for word in ("INDEX", "index", "Index", "KEY", "Key", "key", "UNIQUE", "unique")):
        low = text.lower()
        if "create" in low:
            yield from ((m[1], m[2]) for m in _SQL.finditer(low))
            yield from ((table[1], m[1]) for table in _TABLE.finditer(low) for m in _KEY.finditer(table[2]))


def _of_module(module: Module, lines: list[int]) -> Iterator[tuple[str, str]]:
    """The indexes of one migration, from the statements with one of ``lines``; ``batch_alter_table`` names the table
    of the calls below it."""
    todo: list[tuple[Any, str]] = [(module.body, "")]
    while todo:
        part, table = todo.pop()
        if is_node(part):
            if part[0] == "with":
                table = next((_text(c[4][0]) for c, _ in part[4] if c[0] == "call" and c[4]
                              and _last(c) == "batch_alter_table"), table)
            elif part[0] in LEAVES or part[0] in STATEMENTS and (
                part[3].__class__ is int and not has_line(lines, part[1], part[3])):
                continue
            elif part[0] == "call":
                name = _last(part)
                if name in _MAKING:
                    yield from _made(part, table)
                elif name == "create_table" and part[4]:
                    yield from _table(part, _text(part[4][0]))
                    continue
        todo += [(p, table) for p in part if p.__class__ is tuple]


def _made(call: Node, table: str) -> Iterator[tuple[str, str]]:
    keywords = dict(call[5])
    if len(call[4]) < 2 and "table_name" not in keywords:  # a collection's: which one is not asked
        keys = call[4][0] if call[4] else keywords.get("keys") or keywords.get("indexes")
        yield from (("*", name) for name in (_leading(keys) if keys is not None else ()) if name)
    lists = [a for a in (*call[4], *keywords.values()) if a[0] in ("list", "tuple")]
    texts = [_text(a) for a in call[4]]
    named = table or _text(keywords.get("table_name") or keywords.get("source")) or (texts[1] if len(texts) > 1 else "")
    first = _text(lists[0][3][0]) if lists and lists[0][3] else ""
    if named and first:
        yield named, first


def _leading(keys: Node) -> Iterator[str]:
    """The first field of an index of MongoDB: ``"a"``, ``[("a", 1), …]``, ``["a", "b"]``, ``[IndexModel("a")]``."""
    if keys[0] == "list":
        models = [k for k in keys[3] if k[0] == "call"]
        for key in models or keys[3][:1]:
            yield from _leading(key)
    elif keys[0] == "call":
        yield from (name for a in keys[4][:1] for name in _leading(a))
    else:
        yield _text(keys[3][0] if keys[0] == "tuple" and keys[3] else keys) or "?"


def _table(call: Node, table: str) -> Iterator[tuple[str, str]]:
    for argument in call[4][1:]:
        if argument[0] != "call" or not argument[4]:
            continue
        name = _last(argument)
        keywords = {k for k, v in argument[5] if k in ("index", "unique", "primary_key") and v[0] == "const" and v[3]}
        if name == "Column" and keywords or name in ("PrimaryKeyConstraint", "UniqueConstraint"):
            yield table, _text(argument[4][0])
        elif name == "Index" and len(argument[4]) > 1:
            yield table, _text(argument[4][1])


def _last(call: Node) -> str:
    callee = call[3]
    return str(callee[4] if callee[0] == "attr" else callee[3] if callee[0] == "name" else "")


def _text(node: Node | None) -> str:
    return node[3] if node is not None and node[0] == "const" and isinstance(node[3], str) else ""
