"""Columns and relationships as a model's class declares them: Column, mapped_column, Mapped, SQLModel's Field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field, replace
from typing import Any

from readybook.facts.objects import ClassValue, FunctionValue, Instance, PartialValue, Subscripted
from readybook.facts.values import Choice, External, Unknown, by_default, text_of
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

COLUMN = ("sqlalchemy.Column", "sqlalchemy.schema.Column", "sqlalchemy.sql.schema.Column", "sqlmodel.Column",
          "sqlalchemy.orm.mapped_column()")
RELATIONSHIP = ("sqlalchemy.orm.relationship()", "sqlalchemy.orm.relation()", "sqlmodel.Relationship",
                "sqlalchemy.orm.relationships.relationship()", "sqlalchemy.orm.dynamic_loader()")
MAPPED = ("sqlalchemy.orm.Mapped", "sqlalchemy.orm.base.Mapped", "sqlalchemy.orm.DynamicMapped",
          "sqlalchemy.orm.WriteOnlyMapped")
COLLECTIONS = ("list", "set", "List", "Set", "Sequence", "Iterable", "Collection", "InstrumentedList")
SIZED = frozenset(("String", "Unicode", "VARCHAR", "NVARCHAR", "CHAR", "AutoString", "LargeBinary", "CIText"))
NO_TYPES = ("ForeignKey", "Identity", "Sequence", "Computed", "CheckConstraint", "FetchedValue", "DefaultClause")
_WORD = regex(r"[A-Za-z_][\w.]*")


@record
class Column:
    """One column. ``attribute`` is its name in the class, ``name`` in the table; ``type`` the last name of its SQL or
    Python type, empty when not known. None in ``nullable``, ``primary_key``, ``index`` or ``unique`` means that the
    code does not show it; ``foreign_key`` is ``table.column``. ``call`` is the name of the call that declares it
    (``Column``, ``mapped_column``, ``Field``; empty: an annotation alone), ``place`` that call or the attribute."""

    attribute: str
    name: str
    type: str
    length: int | None
    nullable: bool | None
    primary_key: bool | None
    index: bool | None
    unique: bool | None
    foreign_key: str
    place: Place
    call: str
    value: Any = field(default=None, repr=False, compare=False)


@record
class Relationship:
    """One relationship. ``target`` is the class name at its other end, empty when not known; ``lazy`` how it loads
    (``select`` unless said: a query at first touch); ``many`` whether it is a collection, None when not shown."""

    name: str
    target: str
    lazy: str
    many: bool | None
    place: Place
    backref: str = ""
    backref_lazy: str = "select"


def attribute_names(cls: ClassValue) -> Iterator[tuple[ClassValue, str]]:
    """Every attribute a class and its bases in the project declare, base first, each name once with its last owner."""
    found: dict[str, ClassValue] = {}
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        for name in {**c.annotations, **c.lines}:
            if not name.startswith("__"):
                found[name] = c
    for name, owner in found.items():
        yield owner, name


def column(owner: ClassValue, name: str, value: Any, kind: Any, sqlmodel: bool) -> Column | None:
    """The column that an attribute declares; ``kind`` is its annotation as a value. None when it declares none."""
    inner, optional, mapped = unwrapped(kind)
    marker = _marked(kind)
    if isinstance(value, Instance) and value.path in COLUMN:
        return _core(owner, name, _with_marker(value, marker), inner, optional if mapped else None)
    if sqlmodel and not isinstance(value, FunctionValue):
        return _sqlmodel(owner, name, value, inner, optional)
    if mapped and (value is None or not isinstance(value, Instance) or value.path not in RELATIONSHIP):
        if isinstance(value, Instance) and not value.path.endswith("mapped_column()"):
            return None  # an association proxy, a synonym, a composite
        place = Place(owner.module.path, owner.lines.get(name, owner.node[1]), symbol=owner.qualname)
        if marker is not None:
            return replace(_core(owner, name, marker, inner, optional), place=place, call="", value=None)
        return Column(name, name, type_name(inner), None, optional, False, False, False, "", place, "")
    return None


def _with_marker(value: Instance, marker: Instance | None) -> Instance:
    """A ``mapped_column`` with what an ``Annotated`` one of its annotation adds."""
    if marker is None:
        return value
    merged = Instance(value.cls, value.attrs, (*value.args, *marker.args), {**marker.kwargs, **value.kwargs},
                      value.module, value.node, arguments_known=value.arguments_known and marker.arguments_known)
    merged.attrs = {**value.attrs, "__declared__": value}
    return merged


def _core(owner: ClassValue, name: str, value: Instance, inner: Any, optional: bool | None) -> Column:
    args = [by_default(a) for a in value.args]
    named = args[0] if args and isinstance(args[0], str) else text_of(value.kwargs.get("name"))
    kind = next((a for a in [*args, by_default(value.kwargs.get("type_"))] if _is_type(a)), None)
    primary = flag(value, "primary_key", False)
    nullable = flag(value, "nullable", None)
    if nullable is None and "nullable" not in value.kwargs:
        nullable = False if primary else optional if optional is not None else True
    module = value.module or owner.module
    place = module.place(value.node, owner.qualname) if value.node is not None else Place(module.path)
    declared = value.attrs.get("__declared__", value)
    return Column(
        name, named or name, type_name(kind) if kind is not None else type_name(inner), length_of(kind), nullable,
        primary, _is_spatial(kind) or flag(value, "index", False), flag(value, "unique", False),
        _foreign_key(args, value.kwargs), place,
        "mapped_column" if "mapped_column" in value.path else "Column", declared)


def _is_spatial(kind: Any) -> bool:
    """Whether a type of GeoAlchemy makes an index of its own, as it does unless it is told not to."""
    return (isinstance(kind, Instance) and kind.path.startswith("geoalchemy2.")
            and by_default(kind.kwargs.get("spatial_index", True)) is True)


def _sqlmodel(owner: ClassValue, name: str, value: Any, inner: Any, optional: bool) -> Column | None:
    is_field = isinstance(value, Instance) and value.path in ("sqlmodel.Field", "pydantic.Field", "sqlmodel.main.Field")
    if isinstance(value, Instance) and value.path in RELATIONSHIP or name not in owner.annotations:
        return None
    if name.startswith("_"):  # pydantic keeps it to itself
        return None
    if "ClassVar" in str(getattr(getattr(inner, "base", None), "path", "")) or name in ("model_config", "metadata"):
        return None
    given = by_default(value.kwargs.get("sa_column")) if is_field else None
    if isinstance(given, Instance) and given.path in COLUMN:
        return replace(_core(owner, name, given, inner, None), attribute=name)
    place = Place(owner.module.path, owner.lines.get(name, owner.node[1]), symbol=owner.qualname)
    if not is_field:
        optional = None if value is None and name in owner.scope.names and not optional else optional
        return Column(name, name, type_name(inner), None, optional, False, False, False, "", place, "")
    named, value = value, _with_column_arguments(value)
    primary = flag(value, "primary_key", False)
    nullable = flag(value, "nullable", None) if "nullable" in value.kwargs else optional and not primary
    size = by_default(value.kwargs.get("max_length"))
    given_type = by_default(value.kwargs.get("sa_type"))
    more = by_default(value.kwargs.get("sa_column_args", ()))
    key = text_of(value.kwargs.get("foreign_key")) or _foreign_key(
        list(more) if isinstance(more, list | tuple) else [], {})
    if value.module is not None and value.node is not None:
        place = value.module.place(value.node, owner.qualname)
    return Column(
        name, text_of(value.kwargs.get("name")) or name, type_name(given_type if given_type is not None else inner),
        size if isinstance(size, int) else length_of(given_type), nullable, primary, flag(value, "index", False),
        flag(value, "unique", False), key, place, "Field", named)


def _with_column_arguments(value: Instance) -> Instance:
    """A ``Field`` with what its ``sa_column_kwargs`` say, which win; where they are not known, nothing of it is."""
    if "sa_column_kwargs" not in value.kwargs:
        return value
    more = by_default(value.kwargs["sa_column_kwargs"])
    if not isinstance(more, dict | None):
        more = dict.fromkeys(("primary_key", "nullable", "index", "unique"), more)
    return replace(value, kwargs={**value.kwargs, **(more or {})})


def relationship(owner: ClassValue, name: str, value: Any, kind: Any) -> Relationship | None:
    """The relationship that an attribute declares, None when it declares none."""
    if not isinstance(value, Instance) or value.path not in RELATIONSHIP:
        return None
    inner, _, mapped = unwrapped(kind)
    given = by_default(value.kwargs.get("sa_relationship"))
    options = dict(value.kwargs)
    more = by_default(value.kwargs.get("sa_relationship_kwargs"))
    options.update(more if isinstance(more, dict) else {})
    first = value.args[0] if value.args else options.get("argument")
    if isinstance(given, Instance):
        options, first = {**options, **given.kwargs}, given.args[0] if given.args else first
    target = class_name(first) or class_name(_element(inner))
    uselist = by_default(options.get("uselist"))
    shown = True if kind_of_mapped(kind) else _is_collection(inner)
    by_table = "secondary" in options and not (mapped and shown is False)
    many = uselist if isinstance(uselist, bool) else by_table or shown
    if many is None and target == owner.name:  # of a table that refers to itself only this tells which end it is
        many = "remote_side" not in options
    back = by_default(options.get("backref"))
    lazy = "dynamic" if value.path.endswith("dynamic_loader()") else lazy_of(options.get("lazy", kind_of_mapped(kind)))
    module = value.module or owner.module
    place = module.place(value.node, owner.qualname) if value.node is not None else Place(module.path)
    if isinstance(back, Instance) and back.args and isinstance(back.args[0], str):
        return Relationship(name, target, lazy, many, place, back.args[0], lazy_of(back.kwargs.get("lazy")))
    return Relationship(name, target, lazy, many, place, back if isinstance(back, str) else "")


def lazy_of(value: Any) -> str:
    """A ``lazy=`` argument by its present name; empty when it is not known."""
    value = by_default(value)
    if isinstance(value, Unknown):
        return ""
    if isinstance(value, str):
        return {"immediate": "selectin"}.get(value, value)
    return {None: "select", True: "select", False: "joined"}.get(value, "select") if not isinstance(value, Instance) \
        else ""


def kind_of_mapped(kind: Any) -> str | None:
    """How ``DynamicMapped`` and ``WriteOnlyMapped`` load what they hold, which is always many; None for others."""
    path = kind.base.path if isinstance(kind, Subscripted) and isinstance(kind.base, External) else ""
    return {"DynamicMapped": "dynamic", "WriteOnlyMapped": "write_only"}.get(path.rpartition(".")[2])


def unwrapped(kind: Any) -> tuple[Any, bool, bool]:
    """An annotation without ``Mapped``, ``Annotated`` and ``Optional``: (type, optional, whether it was Mapped)."""
    optional = mapped = False
    for _ in range(8):
        if isinstance(kind, str):
            text = kind.strip()
            bare = re.sub(r"\s*\|\s*None\b|\bNone\s*\|\s*", "", text)
            match = re.fullmatch(r"(?:typing\.)?Optional\[(.+)\]", bare)
            return (match[1] if match else bare), optional or bare != text or bool(match), mapped
        if not isinstance(kind, Subscripted) or not kind.args:
            break
        path = kind.base.path if isinstance(kind.base, External | ClassValue) else ""
        if path in MAPPED:
            mapped, kind = True, kind.args[0]
        elif path == "typing.Annotated":
            kind = kind.args[0]
        elif path in ("typing.Optional", "typing.Union"):
            optional = optional or path.endswith("Optional") or None in kind.args
            rest = [a for a in kind.args if a is not None]
            kind = rest[0] if rest else None
        else:
            break
    return kind, optional, mapped


def _marked(kind: Any) -> Instance | None:
    """The ``mapped_column`` inside an ``Annotated``; of several that a condition chooses among, what they share."""
    todo, seen = [kind], 0
    while todo and seen < 30:
        part, seen = todo.pop(), seen + 1
        if isinstance(part, Subscripted):
            todo += part.args
        elif isinstance(part, Instance) and part.path == "sqlalchemy.orm.mapped_column()":
            return part
        elif isinstance(part, Choice):
            options = [o for _, o in part.options
                       if isinstance(o, Instance) and o.path == "sqlalchemy.orm.mapped_column()"]
            if options:
                return _shared(options, len(options) == len(part.options))
    return None


def _shared(options: list[Any], whole: bool) -> Instance:
    """One ``mapped_column`` with the arguments that all have alike; the others are not known, and none is where
    something else may be chosen (``whole`` false)."""
    first = options[0]
    kept: dict[str, Any] = {}
    for name in dict.fromkeys(k for o in options for k in o.kwargs):
        values = [o.kwargs.get(name) for o in options]
        kept[name] = values[0] if whole and all(v == values[0] for v in values) else Unknown("a condition decides")
    return Instance(first.cls, first.attrs, first.args, kept, first.module, first.node,
                    arguments_known=whole and all(o.arguments_known for o in options))


def _is_type(value: Any) -> bool:
    """Whether an argument of Column is its type: neither a key, a constraint, a default nor a name."""
    if isinstance(value, Instance):
        return value.path.rpartition(".")[2] not in NO_TYPES
    return isinstance(value, External | ClassValue | PartialValue) and "ForeignKey" not in getattr(value, "path", "")


def type_name(kind: Any) -> str:
    """The last name of a type, empty when it is not known."""
    kind = kind.base if isinstance(kind, Subscripted) else kind
    if isinstance(kind, str):
        word = _WORD.match(kind)
        return word[0].rpartition(".")[2] if word else ""
    kind = _without_variants(kind)
    if isinstance(kind, Instance) and kind.path.endswith(".as_mutable()") and kind.args:
        return type_name(kind.args[0])
    if isinstance(kind, Instance | External | ClassValue):
        return kind.path.rpartition(".")[2].removesuffix("()")
    return ""


def _without_variants(kind: Any) -> Any:
    """A type as other databases have it than those that ``with_variant`` names."""
    while isinstance(kind, Instance) and kind.path.endswith(".with_variant()") and "__on__" in kind.attrs:
        kind = kind.attrs["__on__"]
    return kind


def length_of(kind: Any) -> int | None:
    """How many characters a sized type holds; None when it has no limit or the code does not show it."""
    kind = _without_variants(kind)
    if not isinstance(kind, Instance) or type_name(kind) not in SIZED:
        return None
    size = by_default(kind.args[0] if kind.args else kind.kwargs.get("length"))
    return size if isinstance(size, int) and not isinstance(size, bool) else None


def flag(value: Instance, name: str, default: bool | None) -> bool | None:
    """A keyword that is true or false, ``default`` where it is not given; None when the code does not show it."""
    if name not in value.kwargs:
        return default if value.arguments_known else None
    given = by_default(value.kwargs[name])
    return bool(given) if isinstance(given, bool | int) or given is None else None


def _foreign_key(args: list[Any], kwargs: dict[str, Any]) -> str:
    item = _key_among((*args, *kwargs.values()))
    if item is None:
        return ""
    target = by_default(item.args[0] if item.args else item.kwargs.get("column"))
    return target if isinstance(target, str) else "?"


def _key_among(values: Iterable[Any]) -> Instance | None:
    return next((v for v in values if isinstance(v, Instance) and v.path.rpartition(".")[2] == "ForeignKey"), None)


def foreign_key_of(value: Instance) -> Instance | None:
    """The ``ForeignKey`` among the arguments of a column's call."""
    inner = by_default(value.kwargs.get("sa_column"))
    value = inner if isinstance(inner, Instance) else value
    return _key_among(map(by_default, (*value.args, *value.kwargs.values())))


def class_name(value: Any) -> str:
    """The last name of the class that a relationship names, by itself or as a text; empty when it is not known."""
    value = by_default(value)
    if isinstance(value, FunctionValue):  # ``lambda: Item``
        body = value.node[4] if value.node[0] == "lambda" else None
        return str(body[3]) if body is not None and body[0] == "name" else ""
    if isinstance(value, str):
        word = _WORD.fullmatch(value.strip().strip("\"'"))
        return word[0].rpartition(".")[2] if word else ""
    if isinstance(value, Unknown):
        match = re.match(r"(\w+) is not defined", value.reason)
        return match[1] if match else ""
    return value.name if isinstance(value, ClassValue) else ""


def _element(kind: Any) -> Any:
    """What a collection's annotation holds, or the annotation itself."""
    if isinstance(kind, Subscripted) and type_name(kind.base) in COLLECTIONS:
        return unwrapped(kind.args[0])[0]
    if isinstance(kind, str):
        match = re.fullmatch(r"(?:typing\.)?(\w+)\[\s*[\"']?([\w.]+)[\"']?\s*\]", kind)
        return match[2] if match and match[1] in COLLECTIONS else kind
    return kind


def _is_collection(kind: Any) -> bool | None:
    if isinstance(kind, Subscripted):
        return type_name(kind.base) in COLLECTIONS
    if isinstance(kind, str):
        return any(kind.startswith((f"{c}[", f"typing.{c}[")) for c in COLLECTIONS)
    return False if isinstance(kind, ClassValue) else None
