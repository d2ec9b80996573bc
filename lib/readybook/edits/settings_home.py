"""The settings class of the target: where it is, how it is written, and how other files reach it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import libcst as cst

from readybook.edits.python_imports import bindings
from readybook.edits.python_source import PythonSource, last_name
from readybook.edits.work import Work
from readybook.errors import PatchError
from readybook.patterns import regex
from readybook.records import record

CLASS = regex(r"^class[ \t]+(\w+)[ \t]*\(([^)]*)\)[ \t]*:", re.M)
NAME = regex(r"[\w.]+")
NOT_SERVED = regex(
    r"(?:^|/)(?:tests?|docs?|examples?|scripts?|migrations?|alembic)/|(?:^|/)(?:test_[^/]*|conftest)\.py$"
)


@record
class SettingsHome:
    """One settings class. ``version`` is that of Pydantic's interface it uses (1 or 2).

    ``instance`` and ``factory`` are (path, name) of a module-level object, and of a function that returns one.
    """

    path: str
    name: str
    version: int
    instance: tuple[str, str] | None
    factory: tuple[str, str] | None


def find_settings(work: Work, path: str = "") -> SettingsHome | None:
    """The settings class that most of the code imports, or None when the target has none.

    Where several programs have one each, it is that of the part which the present intents, or ``path``, are about.
    """
    near = work.near or path
    key = "settings home"
    if key not in work.chosen:
        candidates = list(settings_classes(work))
        if not candidates:
            return None
        work.chosen["settings classes"] = "\n".join(map("::".join, candidates))
        work.chosen[key] = "::".join(_most_used(work, candidates))
    first = work.chosen[key]
    folder, other = service_folder(work, near), service_folder(work, first)
    if folder and other not in ("", folder):  # a sister service's: nothing here can import it
        key = f"settings home of {folder}"
        if key not in work.chosen:
            own = [c for c in settings_classes(work) if c[0].startswith(f"{folder}/")]
            if not own:
                return None
            work.chosen[key] = "::".join(_most_used(work, own))
        found, _, name = work.chosen[key].partition("::")
        return describe(work, found, name)
    several = work.chosen.get("settings classes", "").split("\n")
    if len(several) > 1:
        first = _in_use(work, near, first, several)
    if near and len(several) > 1 and not _importable(work, near, first):
        key = f"settings home of {near.rpartition('/')[0]}"
        if key not in work.chosen:
            own = [one for one in several if one != first and _importable(work, near, one)]
            classes = [(where, name) for where, _, name in (one.partition("::") for one in own)]
            work.chosen[key] = "::".join(_most_used(work, classes)) if classes else first
        first = work.chosen[key]
    found, _, name = first.partition("::")
    return describe(work, found, name)


def _in_use(work: Work, near: str, first: str, several: list[str]) -> str:
    """Of several classes, one a subject, that which a file reads already; for a new file, the application's own."""
    for path in dict.fromkeys((near, *(a.place.path for a in work.project.facts.apps))):
        key = f"settings used by {path}"
        if key not in work.chosen:
            used = [one for one in several if _reads(work, path, one)]
            work.chosen[key] = first if first in used or not used else "::".join(
                _most_used(work, [(where, name) for where, _, name in (one.partition("::") for one in used)]))
            if not used:
                work.chosen[key] = ""
        if work.chosen[key]:
            return work.chosen[key]
    return first


def _reads(work: Work, path: str, one: str) -> bool:
    """Whether a file imports the object of a settings class, or the function that gives one."""
    if not path.endswith(".py") or work.text(path) is None:
        return False
    home = describe(work, *one.split("::"))
    names = {target[1]: target[0] for target in (home.instance, home.factory) if target}
    return any(origin.name in names and _means(work, path, origin.module, names[origin.name])
               for origin in bindings(work.source(path)).values() if origin.module and origin.name)


def service_folder(work: Work, near: str) -> str:
    """The folder of the service that a file belongs to, where several have the same import string; else empty."""
    return next((a.inside for a in work.project.facts.apps if a.inside and near.startswith(f"{a.inside}/")), "")


def _importable(work: Work, near: str, settings: str) -> bool:
    """Whether the code shows that a file can import the module of ``path::class``."""
    target = settings.partition("::")[0]
    return near == target or work.modules.share_a_root(near, target)


def _most_used(work: Work, candidates: list[tuple[str, str]]) -> tuple[str, str]:
    users = _imports_of(work, {path for path, _ in candidates})
    return min(candidates, key=lambda c: (
        bool(NOT_SERVED.search(c[0])), -2 * users[c[0]] - _is_made(work, *c), c[0].count("/"), c,
    ))


def settings_classes(work: Work) -> Iterator[tuple[str, str]]:
    """(path, class) of every class that derives from BaseSettings, directly or through classes of the target."""
    found: dict[str, list[tuple[str, set[str]]]] = {}
    for path in sorted(work.paths):
        text = work.text(path) if path.endswith(".py") else None
        if text and "class " in text:
            for name, bases in CLASS.findall(text):
                direct = {b.rpartition(".")[2] for b in NAME.findall(bases)}
                if "BaseSettings" not in direct or "pydantic" in text:
                    found.setdefault(name, []).append((path, direct))
    known = {"BaseSettings"}
    yielded: set[tuple[str, str]] = set()
    while True:
        new = {(path, name) for name, places in found.items() for path, bases in places if bases & known} - yielded
        if not new:
            return
        yield from sorted(new)
        yielded |= new
        known |= {name for _, name in new}


def _imports_of(work: Work, paths: set[str]) -> Counter[str]:
    """How many files import each of the given ones, as a module or for something in it."""
    found: Counter[str] = Counter()
    for path in work.paths:
        if path.endswith(".py"):
            found.update(work.modules.imported_files(path) & paths - {path})
    return found


def _is_made(work: Work, path: str, name: str) -> bool:
    """Whether a class's own module makes an object of it."""
    return bool(re.search(rf"(?<!class ){re.escape(name)}\(", work.text(path) or ""))


def describe(work: Work, path: str, name: str) -> SettingsHome:
    """What is known about a settings class by reading its file and those that make an object of it."""
    text = work.text(path) or ""
    modern = bool(re.search(r"pydantic_settings", text)) or _inherits_modern(work, path)
    instance, factory = _made_in(work, path, name)
    if instance is None and factory is None:
        for other in sorted(work.paths):
            if other.endswith(".py") and not NOT_SERVED.search(other) and re.search(
                rf"\b{re.escape(name)}\b", work.text(other) or ""
            ) and other != path:
                instance, factory = _made_in(work, other, name)
                if instance or factory:
                    break
    return SettingsHome(path, name, 2 if modern else 1, instance, factory)


def _inherits_modern(work: Work, path: str) -> bool:
    """Whether a base class in another file of the target comes from pydantic-settings."""
    files = (work.modules.file_of(path, module) for module in work.modules.imported(path))
    return any("pydantic_settings" in (work.text(f) or "") for f in files if f)


def _made_in(work: Work, path: str, name: str) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """The module-level object and the function of one file that hold or return an object of the class."""
    try:
        source = _current(work, path)
    except PatchError:
        return None, None
    factory: tuple[str, str] | None = None
    makers = {name}
    for node in source.module.body:
        if isinstance(node, cst.FunctionDef) and _returns(source, node, name):
            factory = (path, node.name.value)
            makers.add(node.name.value)
    instance: tuple[str, str] | None = None
    for node in source.module.body:
        if not isinstance(node, cst.SimpleStatementLine):
            continue
        for small in node.body:
            if isinstance(small, cst.Assign | cst.AnnAssign) and isinstance(small.value, cst.Call):
                target = small.target if isinstance(small, cst.AnnAssign) else small.targets[0].target
                said = isinstance(small, cst.AnnAssign) and _says(source, small.annotation, name)
                if (said or last_name(small.value.func) in makers) and isinstance(target, cst.Name):
                    instance = (path, target.value)
    return instance, factory


def _returns(source: PythonSource, function: cst.FunctionDef, name: str) -> bool:
    """Whether a plain function without parameters says or shows that it returns an object of the class."""
    if function.asynchronous is not None or function.params.params or function.params.kwonly_params:
        return False
    if _says(source, function.returns, name):
        return not any(_asks_another(r.value, name) for r in source.nodes(cst.Return) if source.scope(r) is function)
    held = {name}
    for assign in source.nodes(cst.Assign):
        if source.scope(assign) is function and last_name(assign.value) == name and isinstance(assign.value, cst.Call):
            held.add(source.code(assign.targets[0].target))
    return any(
        (isinstance(r.value, cst.Call) and last_name(r.value.func) == name)
        or (isinstance(r.value, cst.Name) and r.value.value in held - {name})
        for r in source.nodes(cst.Return) if source.scope(r) is function
    )


def _asks_another(value: cst.BaseExpression | None, name: str) -> bool:
    """Whether a function hands on what another object has for the moment, as ``context.get()`` does: not at import."""
    if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Attribute):
        return False
    base: cst.BaseExpression = value.func
    while isinstance(base, cst.Attribute):
        base = base.value
    return value.func.attr.value == "get" and not (isinstance(base, cst.Name) and base.value == name)


def _says(source: PythonSource, annotation: cst.Annotation | None, name: str) -> bool:
    """Whether an annotation is the class, written out or as a text."""
    return annotation is not None and source.code(annotation.annotation).strip("\"'").rpartition(".")[2] == name


def _current(work: Work, path: str) -> PythonSource:
    from readybook.edits.python_source import parse

    return parse(path, work.text(path) or "")


@record
class Field:
    """One field of the class: ``extra`` holds the keyword arguments of its ``Field(…)``."""

    name: str
    statement: cst.SimpleStatementLine
    extra: tuple[str, ...] = ()


def find_class(source: PythonSource, home: SettingsHome) -> cst.ClassDef:
    """The node of the settings class; raises PatchError when it is gone.

    It stands at the top of its module: a class inside of another may bear the same name, as Pydantic's ``Config`` does.
    """
    for node in source.module.body:
        if isinstance(node, cst.ClassDef) and node.name.value == home.name:
            return node
    raise PatchError(f"{home.path}: there is no class {home.name}")


def fields(source: PythonSource, node: cst.ClassDef) -> list[Field]:
    """The fields of a settings class in the order of the text; its configuration is none."""
    found = []
    for statement in getattr(node.body, "body", ()):
        if not isinstance(statement, cst.SimpleStatementLine):
            continue
        small = statement.body[0]
        if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name):
            name, value = small.target.value, small.value
        elif isinstance(small, cst.Assign) and isinstance(small.targets[0].target, cst.Name):
            name, value = small.targets[0].target.value, small.value
        else:
            continue
        annotation = source.code(small.annotation) if isinstance(small, cst.AnnAssign) else ""
        if name == "model_config" or name.startswith("__") or "ClassVar" in annotation:
            continue
        is_field = isinstance(value, cst.Call) and last_name(value.func) == "Field"
        extra = tuple(a.keyword.value for a in value.args if a.keyword) if is_field else ()  # type: ignore[union-attr]
        found.append(Field(name, statement, extra))
    return found


def class_option(source: PythonSource, node: cst.ClassDef, option: str) -> str | None:
    """The source text of an option of the class's configuration (``model_config``, inner ``Config``, class keyword)."""
    for keyword in node.keywords:
        if keyword.keyword is not None and keyword.keyword.value == option:
            return source.code(keyword.value)
    for inner in source.nodes(cst.Arg):
        if inner.keyword is not None and inner.keyword.value == option and node in source.ancestors(inner):
            call = source.parent(inner)
            if isinstance(call, cst.Call) and last_name(call.func) in ("SettingsConfigDict", "ConfigDict", "dict"):
                return source.code(inner.value)
    for pair in source.nodes(cst.DictElement):
        key = pair.key.evaluated_value if isinstance(pair.key, cst.SimpleString) else None
        if key == option and node in source.ancestors(pair):
            return source.code(pair.value)
    for assign in source.nodes(cst.Assign):
        if last_name(assign.targets[0].target) == option and node in source.ancestors(assign):
            above = source.scope(assign)
            if isinstance(above, cst.ClassDef) and above.name.value == "Config":
                return source.code(assign.value)
    return None


def field_case(names: list[str]) -> str:
    """``upper`` or ``lower``: how most fields are spelled."""
    counts = Counter("upper" if n.isupper() else "lower" for n in names)
    return counts.most_common(1)[0][0] if counts else "lower"


def access(work: Work, home: SettingsHome, path: str) -> tuple[str, tuple[str, str] | None]:
    """How code of ``path`` names the settings object, and the (module, name) it must import for that, if any.

    Raises PatchError when an import would go in a circle.
    """
    source = work.source(path)
    bound = bindings(source)
    for target in (home.instance, home.factory):
        if target is None:
            continue
        call = "" if target == home.instance else "()"
        if target[0] == path:
            return target[1] + call, None
        for name, origin in bound.items():
            if not origin.module:  # bound by an assignment or a definition, not by an import
                continue
            if origin.name == target[1] and _means(work, path, origin.module, target[0]):
                return name + call, None
            if origin.name is None and _means(work, path, origin.module, target[0]) and not name.startswith("import "):
                return f"{name}.{target[1]}{call}", None
            joined = f"{origin.module}{'' if origin.module.endswith('.') else '.'}{origin.name}"
            if origin.name is not None and work.modules.file_of(path, joined) == target[0]:
                return f"{name}.{target[1]}{call}", None
    target = home.instance or home.factory
    if target is None:
        raise PatchError(f"{home.path}: no object of {home.name} can be reached from other files")
    already = target[0] in work.modules.imported_files(path)
    if not already and work.modules.reaches(target[0], path):
        raise PatchError(f"{path}: {target[0]} imports this file, so it cannot import the settings from there")
    if not already and not work.modules.share_a_root(path, target[0]):
        raise PatchError(f"{path}: the code does not show whether {target[0]} can be imported from there")
    return target[1] + ("" if target == home.instance else "()"), (work.modules.name_for(path, target[0]), target[1])


def _means(work: Work, path: str, module: str, target: str) -> bool:
    """Whether ``module``, as ``path`` imports it, is the file or a package whose __init__ passes its names on."""
    found = work.modules.file_of(path, module)
    if found == target:
        return True
    return bool(found and found.endswith("__init__.py") and work.modules.passes_on(found, target))
