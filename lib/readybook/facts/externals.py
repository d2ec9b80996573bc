"""What calling the names of packages outside the target gives, and the attributes of their objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from readybook.facts.builtin_calls import call_builtin
from readybook.facts.carriedsignatures import CALLS as SIGNATURE_CALLS
from readybook.facts.externalnames import FACTORIES, RETURNS, SAME
from readybook.facts.interpreter import is_generator
from readybook.facts.objects import (
    Bound,
    ClassValue,
    FunctionValue,
    Instance,
    ModuleValue,
    Native,
    PackageValue,
    PartialValue,
)
from readybook.facts.pathcalls import CALLS as PATH_CALLS
from readybook.facts.pathcalls import file_method, loader, opened, path_attribute, path_method
from readybook.facts.route_lists import change, contexts, is_route_list
from readybook.facts.standard_calls import CALLS as STANDARD_CALLS
from readybook.facts.targetfiles import PATHS, ROOT, path_text
from readybook.facts.value_methods import call_builtin_method
from readybook.facts.values import UNKNOWN, External, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

def call_external(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any, complete: bool) -> Any:
    """The value of calling a name of a package."""
    path = e.path
    handler = CALLS.get(path)
    if handler is not None:
        return handler(run, e, args, kwargs, node)
    handler = loader(path)
    if handler is not None:
        return handler(run, e, args, kwargs, node)
    if path.startswith("str.") and args:
        return call_builtin_method(run, path[4:], args[0], args[1:], kwargs)
    if "." not in path:
        if path[0].isupper():
            return Instance(e, args=args, kwargs=kwargs, module=run.frame.module if run.frames else None, node=node)
        if path == "open":
            return opened(run, _made(run, "io.TextIOWrapper", e, args, kwargs, node), args[0] if args else None)
        return call_builtin(run, path, args, kwargs)
    from readybook.facts.fastapi_objects import native_for
    from readybook.facts.known_crud import called as called_crud
    from readybook.facts.known_views import called as called_view

    native = (native_for(run, path, args, kwargs, node) or called_view(run, path, args, kwargs, node)
              or called_crud(run, path, args, kwargs, node))
    if native is not None:
        if not complete and isinstance(native, Instance):
            native.arguments_known = False
        return native
    if path in SAME:
        return args[0] if args else Native(path, lambda a, k, site: a[0] if a else UNKNOWN)
    made = _made(run, RETURNS.get(path, path if _is_class(path) else f"{path}()"), e, args, kwargs, node)
    made.arguments_known = complete
    return made


def _is_class(path: str) -> bool:
    last = path.rpartition(".")[2]
    return last[:1].isupper() or last in ("sessionmaker", "async_sessionmaker", "scoped_session")


def _made(run: Interpreter, cls: str, callee: External, args: Any, kwargs: Any, node: Any) -> Instance:
    made = Instance(External(cls), args=args, kwargs=kwargs, module=run.frame.module if run.frames else None, node=node)
    made.attrs["__callee__"] = callee
    return made


def call_method(run: Interpreter, b: Bound, args: Any, kwargs: Any, node: Any) -> Any:
    """Calling a method that an object of a package, or a subclass of one, brings."""
    path = b.function.path
    value = b.self
    if isinstance(value, Instance):
        last = path.rpartition(".")[2]
        if value.native is None and last == "__init__":
            from readybook.facts.fastapi_objects import attach

            attach(run, value, path.rpartition(".")[0], args, kwargs, node)
            value.attrs[path.rpartition(".")[0]] = kwargs
        if value.native is not None:
            return value.native.method(run, value, last, args, kwargs, node)
        if is_route_list(value):
            return change(run, value, last, args)
        if last == "get_secret_value" and value.args:
            return value.args[0]
        found = path_method(run, value, last, args, kwargs) if value.path in PATHS else file_method(run, value, last)
        if found is not None:
            return found
        from readybook.facts.settings_values import config_call

        found = config_call(run, value, last, args, kwargs, node)
        if found is not None:
            return found
    if isinstance(value, ClassValue):
        from readybook.facts.construction import class_method

        return class_method(run, value, path.rpartition(".")[2], args, kwargs, node)
    from readybook.facts.known_users import built
    from readybook.facts.known_views import APIS, add_resource, expose, mount_app

    if path in APIS and isinstance(value, Instance):
        add_resource(run, value, args, node)
    if path.endswith(".mount_app"):
        mount_app(run, path, args, node)
    if path.startswith("prometheus_fastapi_instrumentator.") and path.endswith(".expose"):
        expose(run, value, args, kwargs, node)
    if path in RETURNS:
        made = _made(run, RETURNS[path], b.function, args, kwargs, node)
        return opened(run, made, value) if path == "pathlib.Path.open" else made
    if path.endswith(".__aenter__") or path.endswith(".__enter__"):
        return value
    made = _made(run, f"{path}()", b.function, args, kwargs, node)
    made.attrs["__on__"] = value
    built(run, made, node)
    return made


def call_instance(run: Interpreter, i: Instance, args: Any, kwargs: Any, node: Any) -> Any:
    """Calling an object of a package: a session factory, a settings reader, a decorator made with arguments."""
    from readybook.facts.settings_values import config_call

    found = config_call(run, i, "__call__", args, kwargs, node)
    if found is not None:
        return found
    if i.path in FACTORIES:
        made = FACTORIES[i.path]
        cls = i.kwargs.get("class_")
        if isinstance(cls, External):
            made = RETURNS.get(cls.path, cls.path)
        return _made(run, made, i.cls, args, kwargs, node)
    if len(args) == 1 and not kwargs and isinstance(args[0], FunctionValue | ClassValue):
        return args[0]  # a decorator of a package: taken to keep what it decorates
    return _made(run, f"{i.path}()", i.cls, args, kwargs, node)


def instance_attribute(run: Interpreter, value: Instance, name: str) -> Any:
    """An attribute of an object of a package."""
    if value.path in PATHS:
        found = path_attribute(run, value, name)
        if found is not None:
            return found
    if name == "value" and value.path == "pydantic.SecretStr" and value.args:
        return value.args[0]
    base = value.path
    return Bound(External(f"{base}.{name}"), value)


def _getenv(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.settings_values import environment, said

    name = args[0] if args else kwargs.get("key", UNKNOWN)
    default = args[1] if len(args) > 1 else kwargs.get("default")
    return environment(run, name, said(default, True), node)


def _environment_copied(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``os.environ.copy()`` and ``dict(os.environ)``: what is asked of the copy is asked of the environment."""
    if e.path == "os.environ.copy":
        return External("os.environ")
    return args[0] if args == (External("os.environ"),) and not kwargs else call_builtin(run, "dict", args, kwargs)


def _decouple(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    from readybook.facts.settings_values import as_cast, environment, said

    given = dict(zip(("default", "cast"), args[1:], strict=False)) | kwargs
    default = as_cast(run, given.get("cast"), said(given.get("default", UNKNOWN), "default" in given))
    return environment(run, args[0] if args else UNKNOWN, default, node)


def _partial(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    if not args:
        return UNKNOWN
    inner = args[0]
    if isinstance(inner, PartialValue):  # one in another is one: never deep
        return PartialValue(inner.function, (*inner.args, *args[1:])[:100], {**inner.kwargs, **kwargs})
    return PartialValue(inner, tuple(args[1:]), kwargs)


def _wraps(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    target = args[0] if args else None

    def wrap(wrapper_args: Any, wrapper_kwargs: Any, site: Any) -> Any:
        wrapper = wrapper_args[0] if wrapper_args else UNKNOWN
        if isinstance(wrapper, FunctionValue) and isinstance(target, FunctionValue):
            wrapper.wrapped = target
            wrapper.name = target.name
        return wrapper

    return Native("functools.wraps", wrap)


def _update_wrapper(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return _wraps(run, e, args[1:2], {}, node).call(args[:1], {}, node)


def _import_module(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    name = by_default(args[0]) if args else None
    if not isinstance(name, str):
        return UNKNOWN
    package = by_default(args[1]) if len(args) > 1 else by_default(kwargs.get("package"))
    if name.startswith(".") and isinstance(package, str):
        name = f"{package}.{name.lstrip('.')}"
    found = run.import_module(name)
    return found if isinstance(found, ModuleValue | PackageValue) else UNKNOWN


def _is_coroutine(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``inspect.iscoroutinefunction`` and its like."""
    f = args[0] if args else UNKNOWN
    while isinstance(f, Bound | PartialValue):
        f = f.function
    if not isinstance(f, FunctionValue):
        return False if isinstance(f, ClassValue) else UNKNOWN
    generator = is_generator(f.node)
    return f.is_async and generator is ("gen" in e.path) if "async" in e.path or "coroutine" in e.path else generator


def _is_async_callable(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """Starlette's question: of an object that can be called, its ``__call__`` answers."""
    f = args[0] if args else UNKNOWN
    while isinstance(f, Bound | PartialValue):
        f = f.function
    if isinstance(f, Instance) and isinstance(f.cls, ClassValue):
        try:
            f = f.cls.find("__call__")
        except KeyError:
            return False
    return _is_coroutine(run, e, (f,), kwargs, node)


def _contexts(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return contexts(args[0]) if args and is_route_list(args[0]) else UNKNOWN


def _second(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return args[1] if len(args) > 1 else UNKNOWN


def _first(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return run.awaited(args[0] if args else UNKNOWN)


def _new_type(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return args[1] if len(args) > 1 else UNKNOWN


def _iter_modules(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``pkgutil.iter_modules(package.__path__)``: the modules of the package, as objects with a name."""
    from readybook.facts.construction import package_modules

    prefix = kwargs.get("prefix", args[1] if len(args) > 1 else "")
    return package_modules(run, args[0] if args else kwargs.get("path"), prefix, e.path.endswith("walk_packages"))


def _module_spec(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """``importlib.util.spec_from_file_location(name, path)``."""
    path = path_text(args[1] if len(args) > 1 else kwargs.get("location", UNKNOWN))
    return Instance(External("importlib.machinery.ModuleSpec"), {"__path__": path} if path is not None else {})


def _module_from_spec(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    """The module itself, already loaded: ``exec_module`` has nothing left to do."""
    spec = by_default(args[0]) if args else None
    path = spec.attrs.get("__path__") if isinstance(spec, Instance) else None
    inside = run.files.absolute(path).removeprefix(f"{ROOT}/") if isinstance(path, str) else ""
    return run.load(run.modules.by_path[inside]) if inside in run.modules.by_path else UNKNOWN


CALLS: dict[str, Any] = {
    "importlib.util.spec_from_file_location": _module_spec, "importlib.util.module_from_spec": _module_from_spec,
    **PATH_CALLS, **STANDARD_CALLS, **SIGNATURE_CALLS,
    "os.getenv": _getenv, "os.environ.get": _getenv, "os.environ.setdefault": _getenv, "functools.partial": _partial,
    "functools.wraps": _wraps, "functools.update_wrapper": _update_wrapper, "importlib.import_module": _import_module,
    "os.environ.copy": _environment_copied, "dict": _environment_copied,
    "typing.cast": _second, "asyncio.run": _first, "typing.NewType": _new_type,
    **{f"{m}.iscoroutinefunction": _is_coroutine for m in ("inspect", "asyncio", "asgiref.sync")},
    "asyncio.coroutines.iscoroutinefunction": _is_coroutine, "starlette._utils.is_async_callable": _is_async_callable,
    "fastapi.routing.iter_route_contexts": _contexts,
    "inspect.isasyncgenfunction": _is_coroutine, "inspect.isgeneratorfunction": _is_coroutine,
    "pkgutil.iter_modules": _iter_modules, "pkgutil.walk_packages": _iter_modules, "decouple.config": _decouple,
}
