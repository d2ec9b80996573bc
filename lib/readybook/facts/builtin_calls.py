"""The builtin functions over values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.objects import (
    Bound,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleValue,
    Native,
    PartialValue,
)
from readybook.facts.operators import lift
from readybook.facts.route_lists import is_route
from readybook.facts.sequence_calls import SEQUENCES
from readybook.facts.values import (
    CONSTANTS,
    UNKNOWN,
    Begins,
    Choice,
    External,
    FromEnv,
    SetValue,
    Unknown,
    by_default,
    is_one_of_several,
)

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

PLAIN = ("object", "abc.ABC", "typing.Generic", "typing.Protocol")


def call_builtin(run: Interpreter, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call of a builtin function; Unknown when it has no known answer."""
    handler = BUILTIN.get(name)
    if handler is None:
        return UNKNOWN
    try:
        return handler(run, args, kwargs)
    except IndexError:  # fewer arguments than it takes
        return UNKNOWN


def _cast(kind: Any) -> Any:
    def cast(run: Interpreter, args: Any, kwargs: Any) -> Any:
        if not args:
            return kind()
        value = args[0]
        if isinstance(value, FromEnv | Choice):
            return lift(lambda v: cast(run, (v,), {}), value)
        if kind is str and isinstance(value, Begins | Instance):
            from readybook.facts.expressions import _text

            return _text(run, value)
        if not isinstance(value, str | int | float | bool):
            from readybook.facts.enums import enum_value

            value = enum_value(value)
            if value is None:
                return UNKNOWN
        try:
            return kind(value)
        except (TypeError, ValueError, OverflowError):
            return run.doubt()

    return cast


def _bool(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if args and isinstance(args[0], FromEnv):
        return lift(lambda v: _bool(run, (v,), {}), args[0])
    t = run.decides(args[0]) if args else False
    return UNKNOWN if t is None else t


def _dict(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if args and isinstance(args[0], dict):
        return {**args[0], **kwargs}
    if args and isinstance(args[0], list | tuple) and all(isinstance(p, tuple) and len(p) == 2 for p in args[0]):
        try:
            return {**dict(args[0]), **kwargs}
        except TypeError:
            return UNKNOWN
    return dict(kwargs) if not args else UNKNOWN


def _len(run: Interpreter, args: Any, kwargs: Any) -> Any:
    value = args[0] if args else UNKNOWN
    if isinstance(value, FromEnv | Choice):
        return lift(lambda v: _len(run, (v,), {}), value)
    if isinstance(value, list | tuple) and any(is_one_of_several(v) for v in value):
        return UNKNOWN
    return len(value) if isinstance(value, str | list | tuple | dict) else UNKNOWN


def _getattr(run: Interpreter, args: Any, kwargs: Any) -> Any:
    from readybook.facts.attributes import get_attribute

    name = by_default(args[1]) if len(args) > 1 else None
    if not isinstance(name, str):
        return UNKNOWN
    if len(args) > 2 and _lacks(run, args[0], name):
        return args[2]
    value = get_attribute(run, args[0], name)
    if isinstance(value, Unknown) and len(args) > 2:
        known_object = isinstance(args[0], ModuleValue | ClassValue) and "has no" in value.reason
        return args[2] if known_object else UNKNOWN
    return value


def _setattr(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if len(args) == 3 and isinstance(args[1], str) and not run.symbolic:
        if isinstance(args[0], Instance | FunctionValue):
            args[0].attrs[args[1]] = args[2]
        elif isinstance(args[0], ClassValue | ModuleValue):
            args[0].scope.names[args[1]] = args[2]


def _hasattr(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if len(args) != 2:
        return UNKNOWN
    if _lacks(run, args[0], args[1]):
        return False
    value = _getattr(run, args, {})
    if isinstance(value, Unknown):
        return False if isinstance(args[0], ModuleValue | ClassValue) and "has no" in value.reason else UNKNOWN
    return True if not isinstance(value, External) else UNKNOWN


def _lacks(run: Interpreter, value: Any, name: Any) -> bool:
    """Whether an object of the project, a function of it or a router surely has no attribute of this name now."""
    if not isinstance(name, str) or run.symbolic:
        return False
    if isinstance(value, Instance):
        return _is_plain(value) and not _finds(value, name) if isinstance(value.cls, ClassValue) else (
            value.native is not None and name.startswith("_") and name not in value.attrs and not hasattr(object, name))
    function = value.function if isinstance(value, Bound) else value
    if not isinstance(function, FunctionValue) or hasattr(_lacks, name):
        return False
    behind = [function, function.original]
    foreign = any(isinstance(d, External | Instance | Unknown) for f in behind for d in f.decorators)
    return not any(name in f.attrs for f in behind) and (name.startswith("_") or not foreign)


def _is_plain(value: Instance) -> bool:
    return value.native is None and value.arguments_known and all(b in PLAIN for b in value.cls.external_bases())


def _finds(value: Instance, name: str) -> bool:
    if name in value.attrs or hasattr(object, name):
        return True
    wanted = {name, "__getattr__", "__getattribute__"}
    return any(not isinstance(c, ClassValue | External) or (isinstance(c, ClassValue) and (
        not wanted.isdisjoint(c.scope.names) or name in c.annotations)) for c in value.cls.mro())


def _isinstance(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if len(args) != 2:
        return UNKNOWN
    value, kinds = by_default(args[0]), args[1] if isinstance(args[1], tuple) else (args[1],)
    if isinstance(value, External | FunctionValue | ClassValue | ModuleValue) and all(map(_is_router_class, kinds)):
        last = value.path.rpartition(".")[2] if isinstance(value, External) else "Own"
        return False if last[:1].isupper() and not last.isupper() else UNKNOWN  # a class by its name, so no router
    if isinstance(value, Unknown | Choice | External):
        return UNKNOWN
    answers = [_is_one(value, k) for k in kinds]
    return True if True in answers else (UNKNOWN if None in answers else False)


def _is_router_class(kind: Any) -> bool:
    from readybook.facts.fastapi_objects import APPS, is_router

    paths = kind.external_bases() if isinstance(kind, ClassValue) else [kind.path] if isinstance(kind, External) else []
    return any(p in APPS or is_router(p) for p in paths)


def _is_one(value: Any, kind: Any) -> bool | None:
    names = {"str": str, "int": int, "list": list, "dict": dict, "tuple": tuple, "float": float, "bool": bool,
             "bytes": bytes, "set": SetValue, "frozenset": SetValue}
    if isinstance(kind, External):
        if kind.path in names and (isinstance(value, (*CONSTANTS, list, dict, tuple))):
            return isinstance(value, names[kind.path]) and (kind.path != "list" or not isinstance(value, SetValue))
        if isinstance(value, Instance):
            if is_route(value, kind.path) is not None:
                return is_route(value, kind.path)
            return True if value.is_a(kind.path) else (None if kind.path not in names else False)
        if isinstance(value, FunctionValue | ClassValue):
            return None
        return False if isinstance(value, CONSTANTS) else None
    if isinstance(kind, ClassValue):
        if isinstance(value, Instance):
            return isinstance(value.cls, ClassValue) and any(c is kind for c in value.cls.mro())
        return False if isinstance(value, CONSTANTS) else None
    return None


def _type(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if len(args) == 1 and isinstance(args[0], Instance):
        return args[0].cls
    return UNKNOWN


def _vars(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if args and isinstance(args[0], ModuleValue | ClassValue):
        return dict(args[0].scope.names)
    return _globals(run, args, kwargs) if not args and run.frame.function is None else UNKNOWN


def _globals(run: Interpreter, args: Any, kwargs: Any) -> Any:
    return run.loaded[run.frame.module.path].scope.names


def _import(run: Interpreter, args: Any, kwargs: Any) -> Any:
    return run.import_module(args[0]) if args and isinstance(args[0], str) else UNKNOWN


def _dir(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if args and isinstance(args[0], ModuleValue):
        return sorted(n for n in args[0].scope.names if isinstance(n, str))
    if args and isinstance(args[0], Instance | ClassValue):
        cls = args[0].cls if isinstance(args[0], Instance) else args[0]
        names = {n for c in cls.mro() if isinstance(c, ClassValue) for n in c.scope.names} if isinstance(
            cls, ClassValue) else set()
        found = names | set(args[0].attrs) if isinstance(args[0], Instance) else names
        return sorted(n for n in found if isinstance(n, str))
    return UNKNOWN


def _callable(run: Interpreter, args: Any, kwargs: Any) -> Any:
    value = args[0] if args else UNKNOWN
    if isinstance(value, FunctionValue | ClassValue | Bound | Native | PartialValue):
        return True
    return False if isinstance(value, (*CONSTANTS, list, dict, tuple)) else UNKNOWN


def _issubclass(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if len(args) != 2 or not isinstance(args[0], ClassValue):
        return UNKNOWN
    answers = []
    for kind in args[1] if isinstance(args[1], tuple) else (args[1],):
        if isinstance(kind, ClassValue):
            answers.append(any(c is kind for c in args[0].mro()))
        else:
            answers.append(True if isinstance(kind, External) and args[0].is_a(kind.path) else None)
    if True in answers:
        return True
    foreign = [b for b in args[0].external_bases() if b not in ("object", "abc.ABC", "typing.Generic")]
    return UNKNOWN if None in answers and foreign else False


def _property(run: Interpreter, args: Any, kwargs: Any) -> Any:
    if args and isinstance(args[0], FunctionValue):
        args[0].kind = "property"
        return args[0]
    return UNKNOWN


def _object(run: Interpreter, args: Any, kwargs: Any) -> Any:
    return Instance(External("object"))


BUILTIN: dict[str, Any] = {
    **SEQUENCES, "str": _cast(str), "int": _cast(int), "float": _cast(float), "bool": _bool, "dict": _dict,
    "len": _len, "getattr": _getattr, "setattr": _setattr, "hasattr": _hasattr, "isinstance": _isinstance,
    "type": _type, "vars": _vars, "globals": _globals, "locals": _vars, "__import__": _import, "dir": _dir,
    "callable": _callable, "issubclass": _issubclass, "property": _property, "object": _object,
}
