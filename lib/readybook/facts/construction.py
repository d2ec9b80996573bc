"""Objects of the project's own classes: how they come to be, and which fields they get."""

from __future__ import annotations

from pkgutil import ModuleInfo
from typing import TYPE_CHECKING, Any

from readybook.facts.enums import ENUMS, enum_members, enum_value
from readybook.facts.objects import ClassValue, FunctionValue, Instance
from readybook.facts.operators import lift
from readybook.facts.targetfiles import path_text
from readybook.facts.values import UNKNOWN, Choice, External, FromEnv, by_default
from readybook.facts.workshares import CLASSES, limit_of_class

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter


MAX_HOOK = 1_000  # steps that making one class may take: a metaclass that registers a view of 50 methods takes 700
POST_INIT = ("__post_init__", "__attrs_post_init__", "model_post_init")


def _member(run: Interpreter, cls: ClassValue, wanted: Any) -> Any:
    """The member of an enum class for a value; one that variables choose stays theirs, where the usual one is known."""
    if isinstance(wanted, FromEnv | Choice):
        usual = by_default(wanted)
        if isinstance(usual, FromEnv | Choice):  # nothing decides between its options
            return Instance(cls)
        usual = _member(run, cls, usual)
        return usual if enum_value(usual) is None else lift(lambda v: _member(run, cls, v), wanted)
    members = enum_members(run, cls) or [] if wanted is not None else []
    return next((m for m in members if enum_value(m) == wanted), Instance(cls))


def construct(run: Interpreter, cls: ClassValue, args: tuple[Any, ...], kwargs: dict[str, Any], node: Any,
              complete: bool) -> Any:
    """The value of calling a class of the project."""
    if cls.is_a(*ENUMS):
        return _member(run, cls, args[0] if args else UNKNOWN)
    if cls.is_a("Exception", "BaseException", "fastapi.exceptions.HTTPException") and run.symbolic:
        return Instance(cls, args=args, kwargs=kwargs)
    if run.symbolic:
        from readybook.facts.symbols import symbolic_instance

        return symbolic_instance(run, cls)
    value = Instance(cls, args=args, kwargs=kwargs, module=run.frame.module if run.frames else None, node=node,
                     arguments_known=complete)
    from readybook.facts.fastapi_objects import attach
    from readybook.facts.known_views import made

    maker = _method(cls, "__new__")
    if isinstance(maker, FunctionValue):
        made_by = run.call_function(maker, (cls, *args), kwargs, cls)
        if isinstance(made_by, Instance) and made_by.cls is cls:
            value = made_by
        elif isinstance(made_by, Instance | ClassValue):
            return made_by
    init = _method(cls, "__init__")
    if isinstance(init, FunctionValue):
        first = cls if init.kind == "classmethod" else value
        run.call_function(init, (first, *args), kwargs, first)
        if value.native is None:
            attach(run, value, "", (), {}, node)
        made(run, value, node)
        return value
    attach(run, value, "", args, kwargs, node)
    if value.native is None:
        _fill(run, value, args, kwargs)
        _post_init(run, value)
    made(run, value, node)
    return value


def _method(cls: ClassValue, name: str) -> Any:
    try:
        return cls.find(name)
    except KeyError:
        return None


class ClassNames(dict[str, Any]):
    """The namespace that a metaclass is given, and the class that is being made of it."""

    cls: ClassValue


def new(args: Any, kwargs: Any, site: Any) -> Any:
    """``object.__new__(cls)`` and ``type.__new__(mcs, name, bases, namespace)``."""
    names = next((a for a in args if isinstance(a, ClassNames)), None)
    if names is not None:
        names.cls.scope.names.update(names)
        return names.cls
    return Instance(args[0], node=site) if args and isinstance(args[0], ClassValue) else UNKNOWN


# classes that calls make to be derived from, by what they are themselves derived from
MADE_MODELS = {
    **{f"tortoise.contrib.pydantic.{m}pydantic_{n}_creator()": f"tortoise.contrib.pydantic.base.Pydantic{kind}Model"
       for m in ("", "creator.") for n, kind in (("model", ""), ("queryset", "List"))},
    "pydantic.create_model()": "pydantic.main.BaseModel", "pydantic.main.create_model()": "pydantic.main.BaseModel",
}


def with_given_base(bases: tuple[Any, ...]) -> tuple[Any, ...]:
    """The bases of a class; before one that ``declarative_base(cls=Own)`` made stands the class that it was given, and
    for a model that a call made stands what such models derive from: its fields are not known."""
    found: list[Any] = []
    for base in bases:
        if isinstance(base, Instance) and base.path in MADE_MODELS:
            base = External(MADE_MODELS[base.path])
        if isinstance(base, Instance) and base.path.endswith(("declarative_base()", "generate_base()")):
            given = base.kwargs.get("cls")
            found += [c for c in (given if isinstance(given, tuple) else (given,)) if isinstance(c, ClassValue)]
        found.append(base)
    return tuple(found)


def class_made(run: Interpreter, cls: ClassValue) -> None:
    """What Python calls when a class has been made: its metaclass, and ``__init_subclass__`` of the next base."""
    if run.symbolic or not (cls.bases or cls.keywords):
        return
    bases = [c for c in cls.mro()[1:] if isinstance(c, ClassValue)]
    kind = next((c.keywords["metaclass"] for c in (cls, *bases) if "metaclass" in c.keywords), None)
    told = next((c.scope.names["__init_subclass__"] for c in bases if "__init_subclass__" in c.scope.names), None)
    if not isinstance(kind, ClassValue) and not isinstance(told, FunctionValue):
        return
    given = {k: v for k, v in cls.keywords.items() if k != "metaclass"}
    limit, run.limit, before = run.limit, min(limit_of_class(run), run.steps + MAX_HOOK), run.steps
    try:
        if isinstance(kind, ClassValue):
            _call_metaclass(run, cls, kind, given)
        if isinstance(told, FunctionValue):
            run.call_function(told, (cls,), given, cls)
    finally:
        run.spent[CLASSES] = run.spent.get(CLASSES, 0) + run.steps - before
        run.limit = limit


def _call_metaclass(run: Interpreter, cls: ClassValue, kind: ClassValue, given: dict[str, Any]) -> None:
    names = ClassNames(cls.scope.names)
    names.cls = cls
    for hook in ("__new__", "__init__"):
        found = _method(kind, hook)
        if isinstance(found, FunctionValue):
            first = kind if hook == "__new__" else cls
            run.call_function(found, (first, cls.name, cls.bases, names), given, first)


def _fill(run: Interpreter, value: Instance, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Fields of dataclasses, models and named tuples: arguments by position and by name."""
    from readybook.facts.settings_values import field_default, is_settings

    if is_settings(value.cls):
        return
    fields = _fields(value.cls)
    positional = [n for n, raw in fields.items()
                  if not (_is_field(raw) and by_default(raw.kwargs.get("init")) is False)]
    for name, arg in zip(positional, args, strict=False):
        value.attrs[name] = arg
    for name, arg in kwargs.items():
        if name in fields:
            value.attrs[name] = arg
    for name, raw in fields.items() if value.arguments_known else ():
        if name not in value.attrs and _is_field(raw) and ("default_factory" in raw.kwargs or "factory" in raw.kwargs):
            value.attrs[name] = field_default(run, raw)  # made once: what is added to it later stays in it


def _fields(cls: ClassValue) -> dict[str, Any]:
    """The annotated names of a class and its bases, in order, with what stands behind each ``=``; None for nothing."""
    found: dict[str, Any] = {}
    for c in reversed(list(cls.mro())):
        if isinstance(c, ClassValue):
            found.update({n: c.scope.names.get(n) for n in c.annotations})
    return found


def _is_field(raw: Any) -> bool:
    from readybook.facts.settings_values import FIELDS

    return isinstance(raw, Instance) and raw.is_a(*FIELDS)


def _post_init(run: Interpreter, value: Instance) -> None:
    """What dataclasses, attrs and pydantic call when the fields are set."""
    from readybook.facts.dependencies import has_fields
    from readybook.facts.unparse import unparse

    cls = value.cls
    found = {name: _method(cls, name) for name in POST_INIT}
    if isinstance(found["__post_init__"], FunctionValue) and has_fields(cls):
        own = [c for c in reversed(cls.mro()) if isinstance(c, ClassValue)]
        given = [value.attrs.get(n, c.scope.names.get(n, UNKNOWN)) for c in own
                 for n, kind in c.annotations.items() if unparse(kind).startswith(("InitVar", "dataclasses.InitVar"))]
        run.call_function(found["__post_init__"], (value, *given), {}, value)
    if isinstance(found["__attrs_post_init__"], FunctionValue):
        run.call_function(found["__attrs_post_init__"], (value,), {}, value)
    if isinstance(found["model_post_init"], FunctionValue) and cls.is_a("pydantic.BaseModel", "sqlmodel.SQLModel"):
        run.call_function(found["model_post_init"], (value, None), {}, value)


def truth_of(run: Interpreter, value: Instance) -> bool | None:
    """Whether an object is true by the ``__bool__`` or ``__len__`` of its class."""
    for name in ("__bool__", "__len__") if isinstance(value.cls, ClassValue) else ():
        found = _method(value.cls, name)
        if isinstance(found, FunctionValue):
            answer = by_default(run.call_function(found, (value,), {}, value))
            return bool(answer) if isinstance(answer, bool | int) else None
    return None


def class_method(run: Interpreter, cls: ClassValue, name: str, args: Any, kwargs: Any, node: Any) -> Any:
    """A class method that an external base brings: the model constructors give an object, the rest is not known."""
    if name in ("model_validate", "model_construct", "parse_obj", "from_orm", "construct", "model_validate_json",
                "parse_raw", "validate", "create", "get"):
        from readybook.facts.symbols import symbolic_instance

        return symbolic_instance(run, cls)
    return Instance(External(f"{next(iter(cls.external_bases()), 'object')}.{name}()"), {"__class__of__": cls})


def package_modules(run: Interpreter, paths: Any, prefix: Any = "", deep: bool = False) -> Any:
    """The modules inside the folders of a package's ``__path__``, of its sub-packages too when ``deep``."""
    if isinstance(paths, str | Instance):
        paths = [paths]
    folders = [path_text(p) for p in paths] if isinstance(paths, list) else []
    prefix = by_default(prefix)
    if not folders or None in folders or not isinstance(prefix, str):
        return UNKNOWN
    found: list[Any] = []
    for folder in folders:
        for name in run.files.children(str(folder)) or ():
            inside = run.files.children(f"{folder}/{name}")
            if inside is not None and "__init__.py" in inside:
                found.append(ModuleInfo(UNKNOWN, prefix + name, True))  # type: ignore[arg-type]
                if deep and len(found) < 2_000:
                    found += package_modules(run, [f"{folder}/{name}"], f"{prefix}{name}.", True)
            elif inside is None and name.endswith(".py") and name != "__init__.py":
                found.append(ModuleInfo(UNKNOWN, prefix + name.removesuffix(".py"), False))  # type: ignore[arg-type]
    return found
