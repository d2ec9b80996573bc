"""Whose a row is: the columns that say so, and which code compares them with who asks.

Everything here leans to the careful side: a name that may stand for a rule about owners, tenants or roles counts as
one, and what is done with the signed-in user that cannot be followed counts as a rule too.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from readybook.facts.behaviour import functions_behind
from readybook.facts.objects import ClassValue, FunctionValue
from readybook.facts.scopes import argument_of
from readybook.facts.unparse import unparse
from readybook.facts.usage import is_node
from readybook.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.orm import OrmModel
    from readybook.facts.ormcolumns import Column
    from readybook.facts.queries import Query
    from readybook.facts.syntax import Node

OWNER = regex(r"(?i)^(?:owner|user|owned_by|customer|member|tenant|account|organi[sz]ation|org|workspace|company)"
              r"(?:_?(?:id|uuid|pk))?$")
# code with such a name decides who may do what
RULES = regex(
    r"(?i)super_?user|admin|\broles?\b|_roles?\b|\broles?_|permi(?:ssion|tted)|privilege|scopes?\b|owne[rd]|ownership"
    r"|tenant|organi[sz]ation|\borg_|workspace|company|\bteams?\b|_team|staff|\bacl\b|rbac|polic(?:y|ies)|authori[sz]e"
    r"|access_|_access|belongs|forbid|\bcan_|^can[A-Z]|_allowed|allow_|is_mine|require_|ensure_|enforce|manager_only"
    r"|with_loader_criteria|do_orm_execute|set_config|row_level|collaborat|\bshare[ds]?_|participant|membership")
TELLING = regex(r"(?i)^(?:log|logger|logging|print|warnings)\b|\.(?:debug|info|warning|error|exception)$")
ROW_RULE = regex(r"(?i)set_config\(|\bset (?:local|session)\b|\bset app\.")  # row rules of PostgreSQL
MAX_FUNCTIONS = 80


def owner_columns(model: OrmModel) -> tuple[Column, ...]:
    """The columns of a model that say whose a row is: by their name, when they are no key of the row itself."""
    return tuple(c for c in model.columns if OWNER.match(c.attribute) and c.primary_key is not True)


def words_in(body: Any) -> Iterator[str]:
    """Every name, attribute, keyword and short text that a body mentions, functions inside it included."""
    todo: list[Any] = [body]
    while todo:
        part = todo.pop()
        if is_node(part):
            if part[0] == "name":
                yield part[3]
            elif part[0] == "attr":
                yield part[4]
            elif part[0] == "const":
                if isinstance(part[3], str) and len(part[3]) < 60 and " " not in part[3]:
                    yield part[3]
                elif isinstance(part[3], str) and ROW_RULE.search(part[3]):
                    yield "set_config"
                continue
            elif part[0] == "call":
                yield from (k for k, _ in part[5] if k)
        todo.extend(p for p in part if isinstance(p, tuple))


class Ownership:
    """What the functions of a program mention, and what becomes of the signed-in user in them."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._words: dict[int, frozenset[str]] = {}
        self._calls: dict[int, dict[int, Call]] = defaultdict(dict)

    def words(self, function: FunctionValue) -> frozenset[str]:
        """The names that a function's body, parameters and decorators mention."""
        node = function.original.node
        if id(node) not in self._words:
            self._words[id(node)] = frozenset(words_in(node[4:] if node[0] == "def" else node[3:]))
        return self._words[id(node)]

    def behind(self, targets: list[Any]) -> list[FunctionValue] | None:
        """The project's functions that run when the targets do; None when they are too many to look at."""
        queue = [f.original for t in targets for f in functions_behind(t)]
        seen: dict[int, FunctionValue] = {}
        while queue:
            f = queue.pop()
            if id(f.node) in seen or f.module.role != "application":
                continue
            if len(seen) >= MAX_FUNCTIONS:
                return None
            seen[id(f.node)] = f
            for call in self.behaviour.calls_in(f):
                queue += [g.original for g in functions_behind(call.site.callee)]
                queue += [v.original for v in call.args if isinstance(v, FunctionValue)]
        return list(seen.values())

    def only_told(self, function: FunctionValue, users: frozenset[str], depth: int = 0) -> bool:
        """Whether what a function does with the signed-in user is at most to log it or to write it down.

        Handing it to a function of the project counts by what that one does; anything else may compare it.
        """
        node = function.original.node
        if not users or node[0] != "def":
            return not users
        return depth <= 4 and self._told(node[6], function.original, users, depth)

    def _told(self, part: Any, function: FunctionValue, users: frozenset[str], depth: int) -> bool:
        if not is_node(part):
            return all(self._told(p, function, users, depth) for p in part if isinstance(p, tuple))
        kind = part[0]
        if kind == "name":
            return part[3] not in users
        if kind == "assign" and part[4][0][0] == "attr" and _plain_use(part[5], users):
            return True
        if kind == "call":
            if TELLING.search(unparse(part[3])):
                return True
            if any(_plain_use(a, users) for a in (*part[4], *(v for _, v in part[5]))):
                return self._handed(part, function, users, depth)
        return all(self._told(p, function, users, depth) for p in part[3:] if isinstance(p, tuple))

    def _handed(self, node: Node, function: FunctionValue, users: frozenset[str], depth: int) -> bool:
        """A call that is handed the user: written down by the construction of a row, or told by the callee."""
        call = self.behaviour.by_node.get(id(node))
        if call is None:
            return False
        if isinstance(call.site.callee, ClassValue) and not functions_behind(call.site.callee):
            return not any(_plain_use(a, users) for a in node[4])
        behind = functions_behind(call.site.callee)
        for f in (g.original for g in behind):
            if f.node[0] != "def" or any(p[3] in ("var", "keys") for p in f.params):
                return False
            inner = frozenset(p[0] for p in f.params if _uses(argument_of(call, f, p[0], 0), users))
            if not inner or not self.only_told(f, inner, depth + 1):
                return False
        rest = [a for a in (*node[4], *(v for _, v in node[5])) if not _plain_use(a, users)]
        return bool(behind) and all(self._told(a, function, users, depth) for a in rest)

    @cached_property
    def comparing(self) -> dict[str, list[tuple[str, FunctionValue]]]:
        """Attribute name → (text of the object it is read of, function) of every comparison in application code."""
        found: dict[str, list[tuple[str, FunctionValue]]] = defaultdict(list)
        for f in self.behaviour.run.functions.values():
            if f.module.role != "application" or f.node[0] != "def":
                continue
            todo: list[Any] = [f.node[6]]
            while todo:
                part = todo.pop()
                if is_node(part):
                    if part[0] in ("def", "class"):
                        continue
                    if part[0] == "cmp":
                        for side in (part[3], *(r for _, r in part[4])):
                            if side[0] == "attr":
                                found[side[4]].append((unparse(side[3]).rpartition(".")[2], f))
                todo.extend(p for p in part if isinstance(p, tuple))
        return found

    def compared(self, model: OrmModel, column: Column, queries: tuple[Query, ...]) -> FunctionValue | None:
        """A function that compares an owner's column of a model: in a query, or on an object named like the model."""
        for query in queries:
            if any(f.model.path == model.path and f.attribute == column.attribute and f.operator == "=="
                   for f in query.filters) and query.call.site.function is not None:
                return query.call.site.function.original
        like = model.name.lower().replace("_", "")
        return next((f for base, f in self.comparing.get(column.attribute, ())
                     if base.lower().replace("_", "") in (like, f"db{like}", f"existing{like}")), None)


def _plain_use(node: Node | None, users: frozenset[str]) -> bool:
    """``user``, ``user.id``, ``str(user.id)``, ``user["id"]``."""
    while node is not None:
        if node[0] == "name":
            return node[3] in users
        if node[0] == "call" and node[3][0] == "name" and node[3][3] in ("str", "int") and len(node[4]) == 1:
            node = node[4][0]
        elif node[0] in ("attr", "sub"):
            node = node[3]
        else:
            return False
    return False


def _uses(node: Node | None, users: frozenset[str]) -> bool:
    return node is not None and bool(users & {w for w in words_in(node)})
