"""A query as the chain of calls that builds it: ``select(User).where(…).options(…)``, also over several statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import Bound, ClassValue, FunctionValue, Instance, ModuleValue
from readybook.facts.unparse import unparse
from readybook.facts.values import External, possible
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Call
    from readybook.facts.modules import Module
    from readybook.facts.orm import Models, OrmModel
    from readybook.facts.syntax import Node
    from readybook.place import Place

SELECTS = frozenset(f"{m}.select()" for m in ("sqlalchemy", "sqlalchemy.future", "sqlalchemy.sql", "sqlmodel",
                                             "sqlmodel.sql.expression", "sqlalchemy.sql.expression", "sqlalchemy.orm"))
MAX_LINKS = 40
_ORDER = {"Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Is": "is", "IsNot": "is not",
          "In": "in"}
_METHODS = {"in_": "in", "like": "like", "ilike": "like", "contains": "like", "startswith": "like", "endswith": "like",
            "is_": "is", "is_not": "is not", "isnot": "is not", "between": "between", "notin_": "not in",
            "not_in": "not in", "any": "any", "has": "any", "icontains": "like"}


@record
class Link:
    """One call of a chain: the method's name (``select``, ``where``, ``query`` …), its arguments as values and as
    code, and the module and function whose names the code uses."""

    name: str
    args: tuple[Any, ...]
    nodes: tuple[Node, ...]
    keywords: tuple[tuple[str | None, Node], ...]
    module: Module
    node: Node = field(repr=False)

    @property
    def place(self) -> Place:
        """Where the call stands."""
        return self.module.place(self.node)


@record
class ColumnUse:
    """A column in a query: ``operator`` is ``==``, ``in``, ``like`` …, ``order`` or ``descending``, empty when it is
    used otherwise. ``wrapped``: a function stands around it (``func.lower``), so a plain index does not help.
    ``other`` is the text of what it is compared with."""

    model: OrmModel
    attribute: str
    operator: str
    wrapped: bool
    place: Place
    other: str = ""


@record
class Loading:
    """An eager load: ``selectinload``, ``joinedload`` …, and the attributes from the queried model on."""

    strategy: str
    path: tuple[str, ...]
    place: Place


def chains(value: Any) -> Iterator[tuple[Link, ...]]:
    """Every chain that a value may stand for, innermost call first; none for what is no query of SQLAlchemy."""
    for option in possible(value):
        links = []
        for _ in range(MAX_LINKS):
            if not isinstance(option, Instance) or not isinstance(option.cls, External):
                break
            if option.node is None or option.node[0] != "call":  # what a decorator gives
                break
            name = option.path.removesuffix("()").rpartition(".")[2]
            if option.module is not None:
                links.append(Link(name, option.args, option.node[4], option.node[5], option.module, option.node))
            if option.path in SELECTS:
                yield tuple(reversed(links))
                break
            if name == "query" and isinstance(option.attrs.get("__on__"), Instance):
                yield tuple(reversed(links))
                break
            inner = option.attrs.get("__on__")
            options = possible(inner)  # ``if flag: stmt = stmt.where(…)``: the longest way tells most
            option = max(options, key=_length) if options else None


def _length(value: Any) -> int:
    return len(value.path) if isinstance(value, Instance) else -1


def written_chain(call: Call, by_node: dict[int, Call]) -> tuple[Link, ...]:
    """The chain that one expression writes, where the object it begins at is not known: ``db.query(User).all()``."""
    links: list[Link] = []
    node = call.site.node
    while node[0] == "call" and len(links) < MAX_LINKS:
        inner = by_node.get(id(node))
        callee = node[3]
        name = callee[4] if callee[0] == "attr" else ""
        if inner is None or not name:
            return ()
        links.append(Link(name, inner.args, node[4], node[5], inner.site.module, node))
        if name == "query":
            return tuple(reversed(links))
        node = callee[3]
    return ()


class Names:
    """What the names in the code of a query stand for."""

    def __init__(self, models: Models, function: FunctionValue | None, module: Module, scope: Any) -> None:
        self.models = models
        self.function = function
        self.module = module
        self.scope = scope

    def model(self, node: Node, among: tuple[OrmModel, ...] = ()) -> OrmModel | None:
        """The model that an expression names: ``User``, ``models.User``, ``aliased(User)`` bound to a name."""
        value = self._value(node)
        found = self.models.of_class(value) if isinstance(value, ClassValue) else None
        if found is not None:
            return found
        text = node[3] if node[0] == "name" else node[4] if node[0] == "attr" else ""
        if isinstance(value, Instance) and value.path.endswith("aliased()") and value.args:
            return self.models.of_class(value.args[0])
        return next((m for m in among if m.name == text), None)

    def _value(self, node: Node) -> Any:
        if node[0] == "name":
            for scope in (self.function.scope if self.function is not None else None, self.scope):
                try:
                    return scope.find(node[3]) if scope is not None else None
                except KeyError:
                    continue
        base = self._value(node[3]) if node[0] == "attr" else None
        return base.scope.names.get(node[4]) if isinstance(base, ModuleValue | ClassValue) else None


def columns_in(node: Node, names: Names, among: tuple[OrmModel, ...], operator: str = "", wrapped: bool = False,
               other: str = "") -> Iterator[ColumnUse]:
    """Every column of a model in an expression of a query, with what is done with it."""
    kind = node[0]
    if kind == "attr":
        model = names.model(node[3], among)
        if model is not None:
            yield ColumnUse(model, node[4], operator, wrapped, names.module.place(node), other)
        elif node[3][0] == "attr":  # ``table.c.name``, ``User.address.city``
            yield from columns_in(node[3], names, among, "", True)
    elif kind == "cmp":
        parts = (node[3], *(right for _, right in node[4]))
        for i, part in enumerate(parts):
            word = _ORDER.get(node[4][max(i - 1, 0)][0], "")
            yield from columns_in(part, names, among, word, wrapped, unparse(parts[i - 1 if i else 1]))
    elif kind == "call":
        yield from _columns_in_call(node, names, among, operator, wrapped, other)
    elif kind == "unary":
        yield from columns_in(node[4], names, among, operator, wrapped, other)
    elif kind == "bin":
        bit = node[3] in ("BitAnd", "BitOr")
        for part in node[4:6]:
            yield from columns_in(part, names, among, "" if bit else operator, wrapped or not bit, other)
    elif kind in ("tuple", "list", "bool", "star", "if"):
        parts = node[4] if kind == "bool" else node[3] if kind in ("tuple", "list") else node[3:]
        for part in parts if kind != "star" else (node[3],):
            yield from columns_in(part, names, among, operator, wrapped, other)


def _columns_in_call(node: Node, names: Names, among: tuple[OrmModel, ...], operator: str, wrapped: bool,
                     other: str) -> Iterator[ColumnUse]:
    callee = node[3]
    method = callee[4] if callee[0] == "attr" else callee[3] if callee[0] == "name" else ""
    if method in ("and_", "or_", "not_", "asc", "desc", "nullslast", "nullsfirst", "nulls_last", "nulls_first", "col"):
        inner = "descending" if method == "desc" else operator
        on = (callee[3],) if callee[0] == "attr" else ()
        for part in (*on, *node[4]):
            yield from columns_in(part, names, among, inner, wrapped, other)
    elif method in _METHODS and callee[0] == "attr":
        text = unparse(node[4][0]) if node[4] else ""
        yield from columns_in(callee[3], names, among, _METHODS[method], wrapped, text)
        for part in node[4]:
            yield from columns_in(part, names, among, "", True)
    else:  # a function of SQL around it, a subquery
        on = (callee[3],) if callee[0] == "attr" else ()
        for part in (*on, *node[4]):
            yield from columns_in(part, names, among, operator, True, other)


def loadings(link: Link, names: Names) -> Iterator[Loading]:
    """The eager loads of one ``.options(…)``."""
    for node in link.nodes:
        yield from _loadings(node[3] if node[0] == "star" else node, names)


def _loadings(node: Node, names: Names, depth: int = 0) -> Iterator[Loading]:
    """A load and those that it takes: ``joinedload(User.team).options(selectinload(Team.members))``."""
    inner: tuple[Node, ...] = ()
    if node[0] == "call" and node[3][0] == "attr" and node[3][4] == "options" and depth < 6:
        inner, node = node[4], node[3][3]
    found = _loading(node, names)
    if found is not None:
        yield found
        for part in inner:
            for one in _loadings(part, names, depth + 1):
                yield Loading(one.strategy, (*found.path, *one.path), one.place)


def _loading(node: Node, names: Names) -> Loading | None:
    """``selectinload(User.items).joinedload(Item.tags)``: the strategy is that of the last step."""
    steps: list[str] = []
    strategy = ""
    place = names.module.place(node)
    while node[0] == "call" and len(steps) < 12:
        callee = node[3]
        name = callee[4] if callee[0] == "attr" else callee[3] if callee[0] == "name" else ""
        if name.endswith("load") or name in ("raiseload", "contains_eager", "options", "subqueryload", "lazyload"):
            strategy = strategy or name
            here = [_attribute(a) for a in node[4]]
            steps = [s for s in here if s] + steps
        if callee[0] != "attr":
            break
        node = callee[3]
    return Loading(strategy, tuple(steps), place) if strategy and steps else None


def _attribute(node: Node) -> str:
    if node[0] == "attr":
        return str(node[4])
    if node[0] == "call" and node[3][0] == "attr":  # ``User.items.and_(…)``, ``User.items.of_type(…)``
        return _attribute(node[3][3])
    return str(node[3]) if node[0] == "const" and isinstance(node[3], str) else ""


def receivers(call: Call) -> list[Any]:
    """The objects that a call's method may belong to: several where an ``if`` before it chose one."""
    bound = [b for b in possible(call.site.callee) if isinstance(b, Bound)]
    return [v for b in bound for v in possible(b.self)]
