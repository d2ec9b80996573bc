"""``value.name`` and ``value[key]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.enums import ENUMS, enum_member, enum_value, plain_member
from readybook.facts.externalnames import canonical
from readybook.facts.externals import instance_attribute
from readybook.facts.objects import (
    Bound,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleValue,
    Native,
    PackageValue,
    Subscripted,
    Super,
    generic,
)
from readybook.facts.operators import lift
from readybook.facts.route_lists import is_route_list, routes_in
from readybook.facts.standard_calls import DefaultDict
from readybook.facts.targetfiles import ROOT
from readybook.facts.values import (
    ABSENT,
    CONSTANTS,
    SEVERAL,
    UNKNOWN,
    Begins,
    Choice,
    External,
    FromEnv,
    Unknown,
    by_default,
    choose,
)

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter
    from readybook.facts.syntax import Node



def get_attribute(run: Interpreter, value: Any, name: str, node: Node | None = None) -> Any:
    """The value of ``value.name``."""
    handler = _HANDLERS.get(value.__class__)
    if handler is not None:
        return handler(run, value, name, node)
    if isinstance(value, tuple) and name in getattr(value, "_fields", ()):
        return getattr(value, name)
    if name == "value" and isinstance(value, str | int):
        return value  # a member of http.HTTPMethod or http.HTTPStatus
    if isinstance(value, Begins | str | bytes | int | float | list | tuple | dict | set):
        return Bound(name, value)
    return run.doubt() if value is None else UNKNOWN


def _module(run: Interpreter, value: ModuleValue, name: str, node: Any) -> Any:
    if name in value.scope.names:
        return value.scope.names[name]
    if name == "__dict__":
        return dict(value.scope.names)
    if name == "__path__" and value.module.is_package:
        return [f"{ROOT}/{value.module.path}".rpartition("/")[0]]
    found = run.submodule(value, name)
    if found is not None:
        return found
    if "__getattr__" in value.scope.names:
        from readybook.facts.importing import on_demand

        return on_demand(run, value, name)
    return run.unknown(f"{value.module.name} has no {name}", node)


def _package(run: Interpreter, value: PackageValue, name: str, node: Any) -> Any:
    if name == "__path__":
        return [f"{ROOT}/{value.folder}"]
    if name == "__name__":
        return value.name
    return run.submodule(value, name) or External(f"{value.name}.{name}")


def _external(run: Interpreter, value: External, name: str, node: Any) -> Any:
    return canonical(f"{value.path}.{name}")


def _function(run: Interpreter, value: FunctionValue, name: str, node: Any) -> Any:
    if name in value.attrs:
        return value.attrs[name]
    if name in ("__name__", "__qualname__"):
        return value.name
    if name == "__module__":
        return value.module.name
    if name == "__wrapped__" and value.wrapped is not None:
        return value.wrapped
    if value.kind == "property" and name in ("setter", "getter", "deleter"):
        return Native(name, lambda args, kwargs, site: value)
    if name in ("delay", "apply_async", "send", "s", "si") and is_task(value):
        return Bound(External(f"celery.Task.{name}"), Instance(External("celery.Task")))
    return Bound(name, value)


TASKS = ("celery.Celery.task", "celery.shared_task", "celery.app.shared_task", "celery.task.task")


def is_task(f: FunctionValue) -> bool:
    """Whether a function is a Celery task."""
    for decorator in f.decorators:
        found = decorator.function if isinstance(decorator, Bound) else decorator
        path = found.path if isinstance(found, External | Instance) else ""
        if path.removesuffix("()") in TASKS:
            return True
    return False


def _class(run: Interpreter, value: ClassValue, name: str, node: Any) -> Any:
    if name in ("__name__", "__qualname__"):
        return value.name
    if name == "__module__":
        return value.module.name
    if name == "__dict__":
        return dict(value.scope.names)
    if name == "__subclasses__":
        return Native(name, lambda args, kwargs, site: [c for c in run.classes if any(b is value for b in c.bases)])
    member = enum_member(value, name)
    if member is not None:
        return member
    try:
        found = value.find(name)
    except KeyError:
        return run.unknown(f"{value.name} has no {name}", node)
    if isinstance(found, FunctionValue) and found.kind == "classmethod":
        return Bound(found, value)
    if isinstance(found, External) and value.is_a(*ROUTERS):
        return Bound(found, value)
    return found


ROUTERS = ("fastapi.FastAPI", "fastapi.APIRouter", "starlette.applications.Starlette", "starlette.routing.Router")


def _instance(run: Interpreter, value: Instance, name: str, node: Any) -> Any:
    if name in value.attrs:
        return value.attrs[name]
    if value.native is not None:
        found = value.native.attribute(run, value, name)
        if found is not NotImplemented:
            return found
    cls = value.cls
    if isinstance(cls, External):
        return instance_attribute(run, value, name)
    if not isinstance(cls, ClassValue):
        return UNKNOWN
    if name == "__class__":
        return cls
    if name == "__dict__" and value.arguments_known and not run.symbolic:
        return value.attrs  # what is set in it is set on the object
    from readybook.facts.settings_values import FIELDS, is_settings, settings_value

    if is_settings(cls):
        found = settings_value(run, value, name)
        if found is not None:
            return found
    text = plain_member(value)
    if isinstance(text, str) and hasattr(str, name) and not _declares(cls, name):
        return Bound(name, text)
    try:
        found = cls.find(name)
    except KeyError:
        return _undeclared(run, value, name, node)
    if isinstance(_annotation(cls, name), tuple) and (
        isinstance(found, External) or (not value.arguments_known and (
            isinstance(found, CONSTANTS) or isinstance(found, Instance) and found.is_a(*FIELDS)))
    ):  # a field: its default says nothing of the value an object that is only known by type holds
        given = _undeclared(run, value, name, node)
        if isinstance(found, External) or run.symbolic or value.node is None:
            return given
        return choose([(f"{name} is given", given), (f"{name} is not given", bound(run, found, value))], 1)
    return bound(run, found, value)


def _declares(cls: ClassValue, name: str) -> bool:
    return any(isinstance(c, ClassValue) and name in c.scope.names for c in cls.mro())


def _annotation(cls: ClassValue, name: str) -> Any:
    for c in cls.mro():
        if isinstance(c, ClassValue) and name in c.annotations:
            return c.annotations[name]
    return None


def _undeclared(run: Interpreter, value: Instance, name: str, node: Any) -> Any:
    """An attribute that ``__getattr__``, an annotation, or ``__init__`` run with unknown arguments, tells of."""
    try:
        maker = value.cls.find("__getattr__") if not run.symbolic else None
    except KeyError:
        maker = None
    if isinstance(maker, FunctionValue):
        made = run.call_function(maker, (value, name), {}, value)
        if not isinstance(made, Unknown) and made is not None:
            return made
    from readybook.facts.symbols import attribute_symbol

    found = attribute_symbol(run, value.cls, name)
    return found if found is not None else run.unknown(f"{value.cls.name} object has no known {name}", node)


def bound(run: Interpreter, found: Any, value: Instance) -> Any:
    """A class attribute seen through an object: methods bound, properties worked out, model fields at their default."""
    if isinstance(found, FunctionValue):
        if found.kind == "property":
            return run.call_function(found, (value,), {}, value)
        if found.kind == "staticmethod":
            return found
        return Bound(found, value.cls if found.kind == "classmethod" else value)
    if isinstance(found, External):
        return Bound(found, value)
    from readybook.facts.settings_values import FIELDS, field_default

    if isinstance(found, Instance) and found.is_a(*FIELDS):
        return field_default(run, found)
    return found


def _super(run: Interpreter, value: Super, name: str, node: Any) -> Any:
    cls = value.obj.cls if isinstance(value.obj, Instance) else value.obj
    order = list(cls.mro()) if isinstance(cls, ClassValue) else []
    after = order[order.index(value.cls) + 1 :] if value.cls in order else order
    for c in after:
        if isinstance(c, ClassValue) and name in c.scope.names:
            found = c.scope.names[name]
            if isinstance(found, FunctionValue):
                return found if found.kind == "staticmethod" else Bound(found, value.obj)
            return found
        if isinstance(c, External) and name != "__new__" and c.path not in ("object", "abc.ABC", "typing.Generic"):
            return Bound(External(f"{c.path}.{name}"), value.obj)
    from readybook.facts.construction import new

    return Native(name, new if name == "__new__" else lambda args, kwargs, site: None)


def _bound(run: Interpreter, value: Bound, name: str, node: Any) -> Any:
    if isinstance(value.function, FunctionValue):
        return _function(run, value.function, name, node)
    if isinstance(value.function, External):
        return External(f"{value.function.path}.{name}")
    return UNKNOWN


def _lifted(run: Interpreter, value: Any, name: str, node: Any) -> Any:
    if isinstance(value, FromEnv):
        return _of_variable(run, value, name, node)
    # each option by itself: the method of a variable among them is that variable's, which can be called
    return choose([(text, get_attribute(run, v, name, node)) for text, v in value.options], value.default)


def _of_variable(run: Interpreter, value: FromEnv, name: str, node: Any) -> Any:
    """A method of a variable's text, or an attribute of the member of an enum that a field of settings holds."""
    text = enum_value(value.default)
    if text is None:
        return Bound(name, value)
    found = get_attribute(run, value.default, name, node)
    if isinstance(found, Unknown) or isinstance(found, Bound) and isinstance(found.function, str):
        return Bound(name, FromEnv(value.name, text, value.place)) if hasattr(str, name) else found
    return found if isinstance(found, Bound) else FromEnv(value.name, found, value.place)


def _subscripted(run: Interpreter, value: Subscripted, name: str, node: Any) -> Any:
    if value.base == SEVERAL:
        return get_attribute(run, value.args[0], name, node)
    return get_attribute(run, value.base, name, node)


def _same(run: Interpreter, value: Any, name: str, node: Any) -> Any:
    return value


_HANDLERS: dict[type, Any] = {
    ModuleValue: _module, PackageValue: _package, External: _external, FunctionValue: _function, ClassValue: _class,
    Instance: _instance, Super: _super, Bound: _bound, FromEnv: _lifted, Choice: _lifted, Subscripted: _subscripted,
    Unknown: _same,
}


def get_item(run: Interpreter, value: Any, key: Any, node: Node) -> Any:
    """The value of ``value[key]``."""
    if isinstance(value, External):
        if value.path == "os.environ":
            from readybook.facts.settings_values import environment

            found = environment(run, key, UNKNOWN, node)
            if isinstance(found, FromEnv) and found.place is not None:
                run.environment_reads.append((found.name, found.place, UNKNOWN))
            return found
        if value.path == "sys.modules":
            return next((m for m in run.loaded.values() if m.module.name == key), UNKNOWN)
        return generic(value, key if isinstance(key, tuple) else (key,))
    if isinstance(value, ClassValue):
        if value.is_a(*ENUMS) and isinstance(key, str):
            return enum_member(value, key) or UNKNOWN
        return generic(value, key if isinstance(key, tuple) else (key,))
    if isinstance(value, FromEnv | Choice):
        return lift(lambda v: get_item(run, v, key, node), value)
    key = by_default(key)
    if is_route_list(value):
        value = routes_in(value)
    if isinstance(value, dict):
        try:
            if key in value:
                found = value[key]
                return lift(lambda v: UNKNOWN if v is ABSENT else v, found) if isinstance(found, Choice) else found
            if isinstance(value, DefaultDict) and value.factory is not None and not run.symbolic:
                from readybook.facts.calls import call

                return value.setdefault(key, call(run, value.factory, (), {}))
        except TypeError:
            return UNKNOWN
        return run.doubt()
    if isinstance(value, str | list | tuple | bytes) and isinstance(key, int | slice) and not isinstance(key, bool):
        try:
            return value[key]
        except (IndexError, TypeError, ValueError):
            return run.doubt()
    if isinstance(value, Subscripted):
        return Subscripted(value.base, value.args)
    of = value.function if isinstance(value, Bound) else value.cls if isinstance(value, Instance) else None
    if isinstance(of, External) and of.path.startswith(("pymongo.", "motor.")):
        return Bound(External(f"{of.path}.get_{'database' if of.path.endswith('Client') else 'collection'}()"), value)
    if isinstance(value, Instance):
        from readybook.facts.calls import call

        if isinstance(value.cls, ClassValue):
            try:
                method = value.cls.find("__getitem__")
            except KeyError:
                return UNKNOWN
            return call(run, bound(run, method, value), (key,), {}, node)
    return UNKNOWN
