"""Import statements, and the imports that a ``try`` is prepared to miss."""

from __future__ import annotations

from typing import Any

from readybook.facts.bindings import bindings_of
from readybook.facts.interpreter import Interpreter, absolute_name
from readybook.facts.modules import Module
from readybook.facts.objects import FunctionValue, ModuleValue, Namespace, PackageValue
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.facts.values import UNKNOWN, External, Unknown, by_default


def entered(run: Interpreter, module: Module, root: str | None = None) -> ModuleValue:
    """A module loaded as a server loads it: the packages around it run first, up to the folder ``root`` of the path."""
    root = module.root if root is None else root
    folder, around = module.path.rpartition("/")[0], []
    while len(folder) > len(root):
        around.append(f"{folder}/__init__.py")
        folder = folder.rpartition("/")[0]
    for path in reversed(around):
        if path in run.modules.by_path:
            run.load(run.modules.by_path[path])
    return run.load(module)


def imported_names(module: Module) -> frozenset[str]:
    """Names that the module's top level only imports: what they stand for lives elsewhere."""
    names: set[str] = set()
    for s in module.body:
        if s[0] == "from":
            names.update(alias or name for name, alias in s[6])
        elif s[0] == "import":
            names.update(alias or name.partition(".")[0] for name, alias in s[4])
    own = bindings_of(module, module.body)  # ``import app.models`` above ``app = FastAPI()``
    return frozenset(name for name in names if not own.bound(name))


def import_names(run: Interpreter, s: Node, scope: Namespace) -> None:
    """``import a.b, c as d``."""
    for name, alias in s[4]:
        if alias:
            scope.names[alias] = run.import_module(name)
        else:
            run.import_module(name)
            scope.names[name.partition(".")[0]] = run.import_module(name.partition(".")[0])


def import_from(run: Interpreter, s: Node, scope: Namespace) -> None:
    """``from a import b``."""
    module = run.import_module(s[4], s[5])
    for name, alias in s[6]:
        if name == "*":
            _star(run, module, scope)
        else:
            scope.names[alias or name] = imported(run, module, name)


def imported(run: Interpreter, module: Any, name: str) -> Any:
    """What ``from module import name`` gives."""
    from readybook.facts.externalnames import canonical

    if isinstance(module, ModuleValue):
        if name in module.scope.names:
            return module.scope.names[name]
        found = run.submodule(module, name)
        if found is not None:
            return found
        if "__getattr__" in module.scope.names:
            return on_demand(run, module, name)
        if module.state == "running":
            return Unknown(f"circular import of {name} from {module.module.name}")
        return Unknown(f"{module.module.name} has no {name}")
    if isinstance(module, PackageValue):
        return run.submodule(module, name) or External(f"{module.name}.{name}")
    if isinstance(module, External):
        return canonical(f"{module.path}.{name}")
    return UNKNOWN


def on_demand(run: Interpreter, module: ModuleValue, name: str) -> Any:
    """What the module's own ``__getattr__`` gives for a name."""
    maker = module.scope.names["__getattr__"]
    value = run.call_function(maker, (name,), {}) if isinstance(maker, FunctionValue) else UNKNOWN
    if isinstance(value, Unknown) or value is None:
        return Unknown(f"{module.module.name} makes {name} on demand")
    return value


def _star(run: Interpreter, module: Any, scope: Namespace) -> None:
    if not isinstance(module, ModuleValue):
        if isinstance(module, External):
            from readybook.facts.externalnames import star_names

            scope.names.update(star_names(module.path))
        return
    listed = by_default(module.scope.names.get("__all__"))
    for name in list(module.scope.names):
        if (isinstance(listed, list | tuple) and name in listed) or (listed is None and not name.startswith("_")):
            scope.names[name] = module.scope.names[name]
    if isinstance(listed, list | tuple):
        for name in listed:
            if isinstance(name, str) and name not in module.scope.names:
                scope.names[name] = imported(run, module, name)


def missing_import(run: Interpreter, body: Any) -> int | None:
    """Which of the statements is an import of something of the project's own that is not there; None without one."""
    for at, s in enumerate(body):
        if s[0] == "from" and run.frames:
            importer = run.frame.module
            name = absolute_name(s[4], s[5], importer) if s[5] else s[4]
            own = s[5] or run.modules.find(name.partition(".")[0], importer) is not None
            if own and (run.modules.find(name, importer) is None or _lacks(run, name, s[6])):
                return at
        elif s[0] == "import" and run.frames:
            for name, _ in s[4]:
                top = run.modules.find(name.partition(".")[0], run.frame.module)
                if top is not None and run.modules.find(name, run.frame.module) is None:
                    return at
    return None


def _lacks(run: Interpreter, name: str, names: Any) -> bool:
    """Whether a module of the project surely has none of one of the names."""
    module = run.import_module(name)
    if not isinstance(module, ModuleValue) or module.state != "done" or "__getattr__" in module.scope.names:
        return False
    if any(s[0] == "from" and any(n == "*" for n, _ in s[6]) for s in module.module.body):
        return False
    return any(n != "*" and n not in module.scope.names and run.submodule(module, n) is None for n, _ in names)


def catches_import(kind: Node | None) -> bool:
    """Whether an ``except`` of this type takes a failed import."""
    return kind is None or any(n in unparse(kind) for n in ("ImportError", "ModuleNotFoundError", "Exception"))
