"""Fields of Tortoise models and Beanie documents as columns, with the keys, indexes and links that they declare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from readybook.facts.known_columns import inherited_columns
from readybook.facts.objects import ClassValue, Instance, Subscripted
from readybook.facts.ormcolumns import Column, Relationship, class_name, flag, type_name, unwrapped
from readybook.facts.values import External, by_default, text_of
from readybook.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable

FIELDS = "tortoise.fields."
RELATIONS = {"ForeignKeyField": False, "OneToOneField": False, "ManyToManyField": True}
LINKS = ("Link", "BackLink")
INDEXED = ("beanie.Indexed", "beanie.odm.fields.Indexed")
ALIASES = ("pydantic.Field", "pydantic.fields.Field")
# of the directions of a key of MongoDB those whose index finds a value: not those of texts and of places
ORDERED = (1, -1, "pymongo.ASCENDING", "pymongo.DESCENDING")
Key = tuple[tuple[str, ...], bool, Place]  # the columns of an index in order, whether it is unique, and where it stands


def tortoise_columns(cls: ClassValue) -> tuple[list[Column], list[Relationship]]:
    """The columns and relationships of a Tortoise model: a foreign key's column has the field's name and ``_id``."""
    columns: list[Column] = []
    links: list[Relationship] = []
    for owner, name, value, kind in _fields(cls):
        place = value.module.place(value.node, owner.qualname) if value.module is not None and (
            value.node is not None) else Place(owner.module.path)
        if kind not in RELATIONS:
            columns.append(_data(name, value, kind, place))
            continue
        target = class_name(value.args[0] if value.args else value.kwargs.get("model_name"))
        back = text_of(value.kwargs.get("related_name", value.args[1] if len(value.args) > 1 else None))
        links.append(Relationship(name, target, "raise", RELATIONS[kind], place, back or "", "raise"))
        if kind == "ManyToManyField":
            continue
        made = _data(f"{name}_id", value, kind, place)
        bound = by_default(value.kwargs.get("db_constraint", True)) is not False
        columns.append(replace(made, type="", length=None, foreign_key="?" if bound else "",
                               unique=True if kind == "OneToOneField" else made.unique))
    columns += inherited_columns(cls, columns)
    if not any(c.primary_key is not False for c in columns):
        at = cls.module.place(cls.node)
        place = Place(at.path, at.line)
        columns.insert(0, Column("id", "id", "IntField", None, False, True, True, True, "", place, ""))
    return columns, links


def _fields(cls: ClassValue) -> Iterator[tuple[ClassValue, str, Instance, str]]:
    """The fields of a model and its bases, base first, each once: their owner, name, value and kind."""
    found: dict[str, tuple[ClassValue, str, Instance, str] | None] = {}
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        for name, value in c.scope.names.items():
            value = by_default(value)
            kind = _kind(value)
            if kind:
                found[name] = c, name, value, kind
            elif name in found:
                found[name] = None
    yield from (f for f in found.values() if f is not None)


def _kind(value: Any) -> str:
    """The last name of a Tortoise field's class, the package's own where a class of the project derives from it."""
    if not isinstance(value, Instance):
        return ""
    paths = value.cls.external_bases() if isinstance(value.cls, ClassValue) else [value.path.removesuffix("()")]
    path = next((p for p in paths if p.startswith(("tortoise.fields.", "tortoise.contrib."))), "")
    return path.rpartition(".")[2] if path.endswith("Field") else ""


def _data(name: str, value: Instance, kind: str, place: Place) -> Column:
    """A field as a column; the options had other names before Tortoise 0.21 (``pk``, ``index``)."""
    options = {new: _either(value, old, new) for old, new in (("pk", "primary_key"), ("index", "db_index"))}
    key = options["primary_key"]
    index, unique = (True, True) if key else (options["db_index"], flag(value, "unique", False))
    size = by_default(value.kwargs.get("max_length", value.args[0] if value.args and kind == "CharField" else None))
    call = value.path.removesuffix("()").rpartition(".")[2]
    return Column(
        name, text_of(value.kwargs.get("source_field")) or name, kind, size if isinstance(size, int) else None,
        flag(value, "null", False), key, index, unique, "", place, call, value)


def _either(value: Instance, *names: str) -> bool | None:
    flags = [flag(value, name, False) for name in names]
    return True if True in flags else None if None in flags else False


def tortoise_indexes(cls: ClassValue, columns: list[Column], links: list[Relationship]) -> Iterator[Key]:
    """The indexes that ``Meta`` of a Tortoise model makes: ``indexes`` and ``unique_together``; a base's Meta does not
    hold for a model."""
    meta = cls.scope.names.get("Meta")
    if not isinstance(meta, ClassValue):
        return
    related = {r.name for r in links}
    place = cls.module.place(cls.node, cls.qualname)
    for option, unique in (("indexes", False), ("unique_together", True)):
        listed = by_default(_held(meta, option))
        if not isinstance(listed, tuple | list):
            continue
        flat = bool(listed) and all(isinstance(by_default(i), str) for i in listed)
        for item in (listed,) if flat else map(by_default, listed):
            if isinstance(item, Instance):
                given = item.kwargs.get("fields", item.args[-1] if item.args else ())
                item = () if "condition" in item.kwargs or "Partial" in item.path else by_default(given)
            if isinstance(item, tuple | list):
                names = [text_of(by_default(n)) or "?" for n in item]
                yield tuple(f"{n}_id" if n in related else n for n in names), unique, place


def _held(cls: ClassValue, name: str) -> Any:
    try:
        return cls.find(name)
    except KeyError:
        return None


def beanie_columns(cls: ClassValue,
                   kind_of: Callable[[ClassValue, str], Any]) -> tuple[list[Column], list[Relationship]]:
    """The fields of a document as columns, by the names that the collection has for them; of a link the identifier is
    the column. ``kind_of`` gives the type that an annotation names."""
    at = cls.module.place(cls.node)
    columns = [Column("id", "_id", "", None, False, True, True, True, "", Place(at.path, at.line), "")]
    links: list[Relationship] = []
    owners: dict[str, ClassValue] = {}
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        owners.update(dict.fromkeys((n for n in c.annotations if not n.startswith("_") and n != "model_config"), c))
    for name, owner in owners.items():
        place = Place(owner.module.path, owner.lines.get(name, owner.node[1]), symbol=owner.qualname)
        kind, value = kind_of(owner, name), by_default(owner.scope.names.get(name))
        if "ClassVar" in str(getattr(getattr(kind, "base", None), "path", "")) or name == "id":
            continue
        target, many = _linked(kind)
        alias = text_of(value.kwargs.get("alias")) if isinstance(value, Instance) and value.path in ALIASES else None
        marker, sure = _marker(kind)
        indexed = bool(marker) if sure else None
        if marker is not None and "?" in index_keys([("x", marker.kwargs.get("index_type", 1))]):
            indexed = False
        unique = flag(marker, "unique", False) if marker is not None and sure else False
        inner = unwrapped(marker.args[0] if marker is not None and marker.args else kind)[0]
        made = Column(name, alias or name, type_name(inner), None, None, False, indexed, unique, "", place, "")
        if target is not None:
            links.append(Relationship(name, target, "raise", many, place))
            made = replace(made, attribute=f"{name}.id", name=f"{made.name}.$id", type="", index=False)
        columns.append(made)
    columns += inherited_columns(cls, columns)
    return columns, links


def _linked(kind: Any) -> tuple[str | None, bool]:
    """The class at the other end of a link, and whether there are many; None for what is no link."""
    inner, many = unwrapped(kind)[0], False
    if isinstance(inner, Subscripted) and type_name(inner.base) in ("list", "List") and inner.args:
        inner, many = unwrapped(inner.args[0])[0], True
    if isinstance(inner, Subscripted) and type_name(inner.base) in LINKS and inner.args:
        return class_name(inner.args[0]), many
    return None, False


def _marker(kind: Any) -> tuple[Instance | None, bool]:
    """The ``Indexed`` of an annotation; False where it stands inside of another type: Beanie does not see it there with
    Pydantic 2 (measured with 1.26 and 2.0), and may with Pydantic 1."""
    if isinstance(kind, Instance) and kind.path.removesuffix("()") in INDEXED:
        return kind, True
    if isinstance(kind, Subscripted):
        outer = isinstance(kind.base, External) and kind.base.path == "typing.Annotated"
        found = [_marker(part) for part in kind.args]
        one = next((marker for marker, _ in found if marker is not None), None)
        return one, outer and one is not None and (one, True) in found or one is None
    return None, True


def beanie_indexes(cls: ClassValue) -> Iterator[Key]:
    """The indexes that ``Settings`` of a document, its own or a base's, lists."""
    settings = next((s for n in ("Settings", "Collection") if isinstance(s := _held(cls, n), ClassValue)), None)
    listed = by_default(_held(settings, "indexes")) if settings is not None else None
    place = cls.module.place(cls.node, cls.qualname)
    for item in map(by_default, listed) if isinstance(listed, tuple | list) else ():
        unique = False
        if isinstance(item, Instance):
            unique = by_default(item.kwargs.get("unique")) is True
            partial = "partialFilterExpression" in item.kwargs
            item = "?" if partial else by_default(item.args[0] if item.args else item.kwargs.get("keys"))
        names = index_keys(item)
        if names:
            yield names, unique, place


def index_keys(keys: Any) -> tuple[str, ...]:
    """The fields of an index of MongoDB in order, ``?`` for one that is not known or finds no value."""
    keys = by_default(keys)
    listed = keys if isinstance(keys, list) else list(keys.items()) if isinstance(keys, dict) else [keys]
    names = []
    for key in map(by_default, listed):
        pair = key if isinstance(key, tuple) and len(key) == 2 else (key, 1)
        direction = by_default(pair[1])
        ordered = getattr(direction, "path", direction) in ORDERED
        names.append((text_of(by_default(pair[0])) or "?") if ordered else "?")
    return tuple(names)


def document_table(cls: ClassValue) -> str:
    """The collection of a document: what its Settings name it, else the name of its class."""
    settings = next((s for n in ("Settings", "Collection") if isinstance(s := _held(cls, n), ClassValue)), None)
    named = _held(settings, "name") if settings is not None else None
    return cls.name if named is None else text_of(named) or ""


def tortoise_table(cls: ClassValue) -> str:
    """The table of a Tortoise model: what its own Meta names it, else the name of its class in small letters."""
    meta = cls.scope.names.get("Meta")
    named = _held(meta, "table") if isinstance(meta, ClassValue) else None
    return cls.name.lower() if named is None else text_of(named) or ""
