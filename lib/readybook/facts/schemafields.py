"""Fields of Pydantic models: type, default and bounds, set by Field, Annotated, constrained types or validators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from readybook.facts.frames import Frame
from readybook.facts.objects import ClassValue, FunctionValue, Instance, Subscripted
from readybook.facts.settings_values import FIELDS
from readybook.facts.symbols import annotation_value
from readybook.facts.unparse import unparse
from readybook.facts.values import External, by_default
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

BOUNDS = {"max_length": "max_length", "min_length": "min_length", "max_items": "max_length", "min_items": "min_length",
          "ge": "ge", "gt": "gt", "le": "le", "lt": "lt", "multiple_of": "multiple_of", "pattern": "pattern",
          "regex": "pattern", "max_digits": "max_digits", "decimal_places": "decimal_places"}
# annotated_types: the bound that each positional argument gives
MARKERS = {"Len": ("min_length", "max_length"), "MaxLen": ("max_length",), "MinLen": ("min_length",), "Ge": ("ge",),
           "Gt": ("gt",), "Le": ("le",), "Lt": ("lt",), "MultipleOf": ("multiple_of",), "Predicate": ("function",)}
FUNCTIONS = ("AfterValidator", "BeforeValidator", "PlainValidator", "WrapValidator")
CONSTRAINED = {f"con{n}()": n for n in ("str", "int", "float", "decimal", "bytes", "list", "set", "frozenset", "date")}
SIGNED: dict[str, tuple[str, str, Any]] = {
    "PositiveInt": ("int", "gt", 0), "NonNegativeInt": ("int", "ge", 0), "NegativeInt": ("int", "lt", 0),
    "NonPositiveInt": ("int", "le", 0), "PositiveFloat": ("float", "gt", 0), "NonNegativeFloat": ("float", "ge", 0),
    "NegativeFloat": ("float", "lt", 0), "NonPositiveFloat": ("float", "le", 0)}
STRICT = {"StrictStr": "str", "StrictInt": "int", "StrictFloat": "float", "StrictBytes": "bytes", "StrictBool": "bool"}
LISTS = {f"typing.{n}": n.lower() for n in ("List", "Dict", "Set", "FrozenSet", "Tuple")} | {
    "typing.Sequence": "list", "collections.abc.Sequence": "list", "typing.Iterable": "list", "typing.Mapping": "dict",
    "collections.abc.Mapping": "dict"}
ANNOTATED, LITERAL, NONE = External("typing.Annotated"), External("typing.Literal"), External("None")
UNIONS = ("typing.Optional", "typing.Union", "types.UnionType")
VALIDATORS = ("field_validator()", "validator()")


@record
class SchemaField:
    """One field. ``annotation`` is its source text, ``types`` the dotted names of its alternatives without None.

    Constrained and strict types count as what they hold (``constr`` as ``str``), ``list[X]`` as ``list``. ``bounds``
    maps max_length, min_length, ge, gt, le, lt, multiple_of, pattern, max_digits, decimal_places to their values (the
    names of version 1 are translated), ``function`` to True when a validator looks at the field. ``owner`` is the
    dotted name of the class that declares it, ``place`` the line there. ``kind`` is the type as a value, Annotated
    included.
    """

    name: str
    annotation: str
    types: tuple[str, ...]
    required: bool
    default: Any = field(compare=False)
    bounds: dict[str, Any] = field(compare=False)
    owner: str
    place: Place
    kind: Any = field(repr=False, compare=False)

    @property
    def nullable(self) -> bool:
        """Whether None is one of the alternatives."""
        return any(part is None or part == NONE for part in alternatives(self.kind))


class OwnFields:
    """The fields that each class itself declares, read once however many classes inherit them."""

    def __init__(self, run: Interpreter) -> None:
        self.run = run
        self._known: dict[ClassValue, tuple[dict[str, SchemaField], frozenset[str]]] = {}

    def of(self, cls: ClassValue) -> tuple[dict[str, SchemaField], frozenset[str]]:
        """The class's own fields, and the names that its validators look at."""
        if cls not in self._known:
            self._known[cls] = dict(self._read(cls)), frozenset(_validated(cls))
        return self._known[cls]

    def _read(self, cls: ClassValue) -> Iterator[tuple[str, SchemaField]]:
        run = self.run
        known: dict[str, _Type] = {}  # most fields of a class have one of a few types
        run.frames.append(Frame(cls.module, None, cls))
        try:
            for name, annotation in cls.annotations.items():
                text = unparse(annotation)
                if name.startswith("_") or name == "model_config" or "ClassVar" in text or "PrivateAttr" in text:
                    continue
                if text not in known or "…" in text:
                    known[text] = _type_of(_resolved(run, annotation_value(run, annotation, cls.scope), cls))
                yield name, _field(name, text, known[text], cls)
        finally:
            run.frames.pop()


def schema_fields(own: OwnFields, cls: ClassValue) -> list[SchemaField]:
    """The fields of a model, inherited ones first; a field declared anew counts where it is declared last."""
    found: dict[str, SchemaField] = {}
    validated: set[str] = set()
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        fields, looked_at = own.of(c)
        found.update(fields)
        validated |= looked_at
    return [replace(f, bounds={**f.bounds, "function": True}) if n in validated or "*" in validated else f
            for n, f in found.items()]


def _resolved(run: Interpreter, kind: Any, cls: ClassValue) -> Any:
    """A type with the names that stand as text in it (``list["Part"]``) looked up; Literal's texts stay."""
    if isinstance(kind, str):
        return annotation_value(run, ("const", cls.node[1], 0, kind), cls.scope)
    if not isinstance(kind, Subscripted) or kind.base == LITERAL:
        return kind
    types = kind.args[:1] if kind.base == ANNOTATED else kind.args
    args = (*(_resolved(run, a, cls) for a in types), *kind.args[len(types):])
    return Subscripted(kind.base, args, kind.size) if args != kind.args else kind


class _Type(NamedTuple):
    """What an annotation says: the type as a value, the names of its alternatives, and what it bounds."""

    kind: Any
    names: tuple[str, ...]
    bounds: dict[str, Any]


def _type_of(kind: Any) -> _Type:
    bounds: dict[str, Any] = {}
    types = [_type(part, bounds) for part in alternatives(kind) if part is not None and part != NONE]
    bounds.update(_marked(kind))
    return _Type(kind, tuple(dict.fromkeys(types)), bounds)


def _field(name: str, text: str, known: _Type, cls: ClassValue) -> SchemaField:
    raw = cls.scope.names.get(name, ...)
    marker = raw if isinstance(raw, Instance) and raw.path in FIELDS else None
    bounds = {**known.bounds, **(_given(marker) if marker is not None else {})}
    default, required = _default(known.kind, raw, marker)
    place = cls.module.place(("name", cls.lines.get(name, cls.node[1]), 0), cls.qualname)
    return SchemaField(name, text, known.names, required, default, bounds, cls.path, place, known.kind)


def _default(kind: Any, raw: Any, marker: Instance | None) -> tuple[Any, bool]:
    """The default (``...`` for none) and whether the field is required."""
    if raw is not ... and marker is None:
        return raw, False
    inner = [m for m in _markers(kind) if isinstance(m, Instance) and m.path in FIELDS]
    for one in ([marker] if marker is not None else []) + inner:
        if "default_factory" in one.kwargs:
            return one.kwargs["default_factory"], False
        default = one.kwargs.get("default", one.args[0] if one.args else ...)
        if default is not ...:
            return default, False
    return ..., True


def alternatives(kind: Any) -> list[Any]:
    """The members of a union, those of unions inside and of their Annotated; the type itself when it is none."""
    found: list[Any] = []
    stack = [kind]
    while stack and len(found) < 100:
        part = stack.pop(0)
        path = part.base.path if isinstance(part, Subscripted) and isinstance(part.base, External) else ""
        if path in UNIONS:
            stack[:0] = [*part.args, *([None] if path == "typing.Optional" else [])]
        elif path == "typing.Annotated" and part.args and _is_union(part.args[0]):
            stack.insert(0, part.args[0])
        else:
            found.append(part)
    return found


def _is_union(kind: Any) -> bool:
    return isinstance(kind, Subscripted) and isinstance(kind.base, External) and kind.base.path in UNIONS


def _markers(kind: Any) -> tuple[Any, ...]:
    annotated = isinstance(kind, Subscripted) and kind.base == ANNOTATED
    return (*_markers(kind.args[0]), *kind.args[1:]) if annotated and kind.args else ()


def _type(kind: Any, bounds: dict[str, Any]) -> str:
    """The dotted name of one alternative; what it bounds is added to ``bounds``."""
    while isinstance(kind, Subscripted) and kind.base == ANNOTATED and kind.args:
        bounds.update(_marked(kind))
        kind = kind.args[0]
    if isinstance(kind, Subscripted):
        kind = kind.base
    path = str(getattr(kind, "path", ""))
    last = path.rpartition(".")[2]
    if not isinstance(kind, ClassValue) and path.startswith("pydantic."):
        if isinstance(kind, Instance) and last in CONSTRAINED:
            bounds.update(_given(kind))
            return CONSTRAINED[last]
        if last in SIGNED:
            base, bound, value = SIGNED[last]
            bounds[bound] = value
            return base
        return STRICT.get(last, path)
    return LISTS.get(path, path)


def _marked(kind: Any) -> dict[str, Any]:
    """The bounds in the markers of an Annotated type."""
    bounds: dict[str, Any] = {}
    for marker in _markers(kind):
        last = str(getattr(marker, "path", "")).removesuffix("()").rpartition(".")[2]
        if last in FUNCTIONS:
            bounds["function"] = True
        if isinstance(marker, Instance):
            names = MARKERS.get(last, ())
            given = {**dict(zip(names, marker.args, strict=False)), **_given(marker)}
            bounds.update({n: v for n, v in given.items() if by_default(v) is not None})
        elif isinstance(marker, FunctionValue):
            bounds["function"] = True
    return bounds


def _given(marker: Instance) -> dict[str, Any]:
    """The bounds among the keywords of ``Field``, ``constr`` and the like."""
    return {BOUNDS[n]: v for n, v in marker.kwargs.items() if n in BOUNDS and by_default(v) is not None}


def _validated(cls: ClassValue) -> Iterator[str]:
    """The names of the fields that a class's validators look at; ``*`` for all."""
    for value in cls.scope.names.values():
        for decorator in getattr(value, "decorators", ()) if isinstance(value, FunctionValue) else ():
            if isinstance(decorator, Instance) and decorator.path.rpartition(".")[2] in VALIDATORS:
                yield from (a for a in map(by_default, decorator.args) if isinstance(a, str))
