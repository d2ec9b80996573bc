"""What validators of a settings class make of a field: addresses put together, lists split, values that one sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.nodes import nodes
from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.facts.values import UNKNOWN, Choice, External, FromEnv, Unknown, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

OF_FIELDS = ("field_validator()", "validator()")
OF_MODELS = ("model_validator()", "root_validator()", "root_validator")
MADE = "default: what a validator makes of it"


def validated(run: Interpreter, cls: ClassValue, name: str, default: Any) -> Any:
    """The default of a field as an object of the class has it. Settings run their validators on defaults too.

    A validator that cannot be followed counts only where nothing is given (None, an empty text): it then fills it in.
    """
    known: dict[tuple[int, str], Any] = run.summaries.setdefault("validated", {})  # type: ignore[call-overload]
    key = (id(cls), name)
    if key not in known:
        known[key] = default
        known[key] = _validated(run, cls, name, default)
    return known[key]


def _validated(run: Interpreter, cls: ClassValue, name: str, default: Any) -> Any:
    value = by_default(default)
    if isinstance(value, Unknown | Choice):
        return default
    functions = list(_functions(cls))
    for f in functions:
        if _looks_at(f, name):
            made = by_default(_call(run, cls, f, name, value))
            if isinstance(made, Unknown | Choice):
                return Unknown(MADE, f.module.place(f.node)) if value in (None, "") else default
            value = made
    if value in (None, "") and any(_sets(f, name) for f in functions):
        return Unknown(MADE)
    same = value is by_default(default) or value == by_default(default)
    return default if same else FromEnv(default.name, value, default.place) if isinstance(default, FromEnv) else value


def _functions(cls: ClassValue) -> Iterator[FunctionValue]:
    for c in reversed([c for c in cls.mro() if isinstance(c, ClassValue)]):
        yield from (f for f in c.scope.names.values() if isinstance(f, FunctionValue) and f.decorators)


def _marks(f: FunctionValue, kinds: tuple[str, ...]) -> Iterator[External | Instance]:
    for d in f.decorators:
        if isinstance(d, External | Instance) and d.path.startswith("pydantic") and d.path.endswith(kinds):
            yield d


def _looks_at(f: FunctionValue, name: str) -> bool:
    return any(name in d.args for d in _marks(f, OF_FIELDS) if isinstance(d, Instance))


def _sets(f: FunctionValue, name: str) -> bool:
    """Whether a validator of the whole model assigns the field: ``self.url = …``, ``values["url"] = …``."""
    if not any(_marks(f, OF_MODELS)) or f.node[0] != "def":
        return False
    return any(t[0] == "attr" and t[4] == name or t[0] == "sub" and t[4][0] == "const" and t[4][3] == name
               for n in nodes(f.node[6]) if n[0] == "assign" for t in n[4])


def _call(run: Interpreter, cls: ClassValue, f: FunctionValue, name: str, value: Any) -> Any:
    names = [p[0] for p in f.params if p[3] not in ("var", "keys")]
    first = names if f.kind == "staticmethod" else names[1:]
    values = _before(run, cls, name) if len(first) > 1 else {}
    info = Instance(External("pydantic.ValidationInfo"), {"data": values, "field_name": name})
    given = {p: values if p == "values" and not _is_new(f) else info for p in first[1:]}
    calls, run.calls = run.calls, {}  # what it calls was noted, or is, where the class stands
    symbolic, run.symbolic = run.symbolic, False
    conditions, run.conditions = run.conditions, []
    try:
        return run.call_function(f, (value,) if f.kind == "staticmethod" else (cls, value), given, cls)
    finally:
        run.calls, run.symbolic, run.conditions = calls, symbolic, conditions


def _is_new(f: FunctionValue) -> bool:
    return any(d.path.endswith("field_validator()") for d in _marks(f, OF_FIELDS))


def _before(run: Interpreter, cls: ClassValue, name: str) -> dict[str, Any]:
    """The fields before one, as its validators are given them."""
    from readybook.facts.settings_values import settings_value

    every = [n for c in reversed(cls.mro()) if isinstance(c, ClassValue) for n in c.annotations]
    earlier = every[: every.index(name)] if name in every else every
    return {n: UNKNOWN if (v := settings_value(run, Instance(cls), n)) is None else v for n in earlier}
