"""``os.path``, ``pathlib``, listings and loaders over the target's own files."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from math import inf
from types import FunctionType
from typing import TYPE_CHECKING, Any

from readybook.facts.objects import Instance
from readybook.facts.targetfiles import PATHS, ROOT, load_data, make_path, path_text
from readybook.facts.values import UNKNOWN, External, by_default

if TYPE_CHECKING:
    from readybook.facts.interpreter import Interpreter

MAX_PATH = 4_096
CO_VARARGS = 4  # as in ``inspect``
LOADERS = {"json": "json", "orjson": "json", "ujson": "json", "simplejson": "json", "tomllib": "toml",
           "tomli": "toml", "toml": "toml", "rtoml": "toml", "tomlkit": "toml", "yaml": "yaml"}
LOADS = ("load", "loads", "safe_load", "full_load", "parse")


def is_path(value: Any) -> bool:
    """Whether a value is a pathlib object."""
    return isinstance(value, Instance) and value.path in PATHS


def joined(left: Any, right: Any) -> Any:
    """``left / right`` of pathlib."""
    head, tail = path_text(left), path_text(right)
    if head is None or tail is None or len(head) + len(tail) > MAX_PATH:
        return Instance(External("pathlib.Path"), args=(UNKNOWN,))
    return make_path(posixpath.join(head, tail) if tail else head)


def path_attribute(run: Interpreter, value: Instance, name: str) -> Any:
    """An attribute of a pathlib object; None for what is not known or is a method."""
    text = path_text(value)
    if name == "parent":
        return make_path(posixpath.dirname(text) or ".") if text is not None else value
    if text is None:
        return None
    stem, suffix = posixpath.splitext(posixpath.basename(text))
    if name == "parents":
        above = []
        while text not in ("/", ".", ""):
            text = posixpath.dirname(text) or "."
            above.append(make_path(text))
        return above
    if name == "parts":
        return tuple((["/"] if text.startswith("/") else []) + [p for p in text.split("/") if p])
    return {"name": stem + suffix, "stem": stem, "suffix": suffix, "path": text}.get(name)


def path_method(run: Interpreter, value: Instance, name: str, args: Any, kwargs: Any) -> Any:
    """What a method of a pathlib object gives; None for what is not known."""
    text = path_text(value)
    if text is None:
        return None
    given = [path_text(a) for a in args]
    if name in ("resolve", "absolute", "expanduser", "readlink"):
        return make_path(run.files.absolute(text))
    if name == "joinpath" and None not in given:
        return make_path(posixpath.join(text, *[g for g in given if g is not None]))
    if name in ("as_posix", "__str__", "__fspath__"):
        return text
    if name in ("exists", "is_file", "is_dir"):
        return {"exists": run.files.exists, "is_file": run.files.is_file, "is_dir": run.files.is_folder}[name](text)
    if name in ("iterdir", "glob", "rglob"):
        return _listing(run, text, name, given)
    if name == "read_text" and not run.symbolic:
        return run.files.text(text)
    if len(given) == 1 and given[0] is not None:
        return _changed(run, text, name, given[0])
    return None


def _listing(run: Interpreter, text: str, name: str, given: list[str | None]) -> Any:
    if name == "iterdir":
        names = run.files.children(text)
        return [make_path(posixpath.join(text, n)) for n in names] if names is not None else UNKNOWN
    pattern = given[0] if given else None
    found = run.files.glob(text, pattern, name == "rglob") if pattern is not None else None
    return [make_path(p) for p in found] if found is not None else UNKNOWN


def _changed(run: Interpreter, text: str, name: str, given: str) -> Any:
    if name == "with_suffix":
        return make_path(posixpath.splitext(text)[0] + given)
    if name == "with_name":
        return make_path(posixpath.join(posixpath.dirname(text), given))
    if name == "relative_to":
        base = given.rstrip("/") + "/"
        return make_path(text[len(base) :]) if text.startswith(base) else UNKNOWN
    return None


def file_method(run: Interpreter, value: Instance, name: str) -> Any:
    """What reading an open file of the target gives; None when its text is not known."""
    path = value.attrs.get("__path__")
    text = run.files.text(path) if isinstance(path, str) and not run.symbolic else None
    if text is None:
        return None
    return {"read": text, "readlines": text.splitlines(True)}.get(name)


def opened(run: Interpreter, made: Instance, target: Any) -> Instance:
    """A file object that remembers which file of the target it reads."""
    text = path_text(target)
    if text is not None:
        made.attrs["__path__"] = text
    return made


def loader(path: str) -> Callable[..., Any] | None:
    """The handler of ``json.load`` and its like, None for other names."""
    package, _, name = path.rpartition(".")
    return _load if package in LOADERS and name in LOADS else None


def _load(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    package, _, name = e.path.rpartition(".")
    source = by_default(args[0]) if args and not run.symbolic else None
    text: Any = None
    if isinstance(source, Instance) and "__path__" in source.attrs:
        path = source.attrs["__path__"]
        text = run.files.text(path) if isinstance(path, str) else None
    elif is_path(source) or (package in ("toml", "rtoml") and name == "load" and isinstance(source, str)):
        found = path_text(source)
        text = run.files.text(found) if found is not None else None
    elif isinstance(source, str):
        text = source
    return load_data(LOADERS[package], text) if isinstance(text, str) else UNKNOWN


def _over_text(function: FunctionType) -> Any:
    """A call of ``os.path`` over known texts; Unknown when there are more or fewer than the function takes."""
    named = function.__code__.co_argcount - 1
    least = max(1, named - len(function.__defaults__ or ()))
    most = inf if function.__code__.co_flags & CO_VARARGS else named

    def handle(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
        texts = [path_text(a) for a in args]
        if None in texts or not least <= len(texts) <= most:
            return UNKNOWN
        return function(run, *texts)

    return handle


def _walk(run: Interpreter, path: str) -> Any:
    rows = run.files.under(path)
    return [(folder, list(folders), list(names)) for folder, folders, names in rows] if rows is not None else UNKNOWN


def _list(run: Interpreter, path: str = ".") -> Any:
    names = run.files.children(path)
    return names if names is not None else UNKNOWN


def _scan(run: Interpreter, path: str = ".") -> Any:
    names = run.files.children(path)
    return [make_path(posixpath.join(path, n)) for n in names] if names is not None else UNKNOWN


def _glob(run: Interpreter, pattern: str, *rest: Any) -> Any:
    fixed = pattern.split("*")[0].rpartition("/")[0]
    folder = run.files.absolute(fixed) if fixed else run.files.absolute(".")
    found = run.files.glob(folder, pattern[len(fixed) :].lstrip("/"))
    if found is None:
        return UNKNOWN
    return [posixpath.join(fixed, p[len(folder) + 1 :]) for p in found]


def _relative(run: Interpreter, path: str, start: str = ".") -> str:
    return posixpath.relpath(run.files.absolute(path), run.files.absolute(start))


def _here(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    return run.files.folder or ROOT


def _path(run: Interpreter, e: External, args: Any, kwargs: Any, node: Any) -> Any:
    made = Instance(External("pathlib.Path"), args=args or (".",), module=run.frame.module if run.frames else None,
                    node=node)
    made.attrs["__callee__"] = e
    return made


CALLS: dict[str, Any] = {
    **{p: _path for p in PATHS},
    "os.path.join": _over_text(lambda run, *p: posixpath.join(*p)),
    "os.path.dirname": _over_text(lambda run, p: posixpath.dirname(p)),
    "os.path.basename": _over_text(lambda run, p: posixpath.basename(p)),
    "os.path.splitext": _over_text(lambda run, p: posixpath.splitext(p)),
    "os.path.split": _over_text(lambda run, p: posixpath.split(p)),
    "os.path.normpath": _over_text(lambda run, p: posixpath.normpath(p)),
    "os.path.isabs": _over_text(lambda run, p: posixpath.isabs(p)),
    "os.path.abspath": _over_text(lambda run, p: run.files.absolute(p)),
    "os.path.realpath": _over_text(lambda run, p: run.files.absolute(p)),
    "os.path.relpath": _over_text(_relative), "os.fspath": _over_text(lambda run, p: p),
    "os.path.exists": _over_text(lambda run, p: run.files.exists(p)),
    "os.path.isfile": _over_text(lambda run, p: run.files.is_file(p)),
    "os.path.isdir": _over_text(lambda run, p: run.files.is_folder(p)),
    "os.listdir": _over_text(_list), "os.walk": _over_text(_walk), "os.scandir": _over_text(_scan),
    "glob.glob": _over_text(_glob), "glob.iglob": _over_text(_glob),
    "os.getcwd": _here,
    "pathlib.Path.cwd": lambda run, e, args, kwargs, node: make_path(run.files.folder or ROOT),
}
