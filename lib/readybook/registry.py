"""Which checks there are: found by the entry point group ``readybook.checks``, validated, chosen by the caller.

An entry point names a package. Every module under it is imported, and each concrete Check subclass defined there is
taken. A pack that is broken in any way is an error that names the pack and what is wrong.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from types import ModuleType

from readybook.check import CATEGORIES, Check, Hours
from readybook.errors import ConfigError, PackError
from readybook.finding import KINDS
from readybook.patterns import regex
from readybook.severity import SEVERITIES

GROUP = "readybook.checks"
_ID = regex(r"[A-Z]{3}\d{3}")
_NAME = regex(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# What importing a module that is written wrong raises; a pack's own exotic exception is an internal error.
_IMPORT_ERRORS = (ImportError, SyntaxError, NameError, AttributeError, TypeError, ValueError, LookupError, OSError,
                  RuntimeError, ArithmeticError, AssertionError)


def load() -> tuple[Check, ...]:
    """Every check of every installed pack, by id; raises PackError."""
    return validated((f"check pack {pack!r}", cls) for pack, cls in _installed())


def validated(found: Iterable[tuple[str, type[Check]]]) -> tuple[Check, ...]:
    """One instance of each class, by id, after its metadata were validated; raises PackError.

    ``found`` holds (what the class comes from, class).
    """
    checks: dict[str, Check] = {}
    origins: dict[str, str] = {}
    names: dict[str, str] = {}
    for origin, cls in found:
        problem = next(problems(cls), None)
        if problem:
            raise PackError(f"{origin}: {cls.__module__}.{cls.__name__}: {problem}")
        if cls.id in checks:
            raise PackError(f"check id {cls.id} is defined twice, by {origins[cls.id]} and by {origin}")
        if cls.name in names:
            raise PackError(f"{origin}: check name {cls.name!r} is that of {names[cls.name]} and of {cls.id}")
        checks[cls.id], origins[cls.id], names[cls.name] = cls(), origin, cls.id
    return tuple(checks[key] for key in sorted(checks))


def problems(cls: type[Check]) -> Iterator[str]:
    """What is wrong with a check's metadata."""
    for name in ("id", "name", "category", "severity", "hours", "fix_kinds"):
        if not hasattr(cls, name):
            yield f"has no {name}"
            return
    if not isinstance(cls.id, str) or not _ID.fullmatch(cls.id):
        yield f"id {cls.id!r} is not three capitals and three digits"
    if not isinstance(cls.name, str) or not _NAME.fullmatch(cls.name):
        yield f"name {cls.name!r} is not lower-case words joined by hyphens"
    if cls.category not in CATEGORIES:
        yield f"category {cls.category!r} is not one of {', '.join(CATEGORIES)}"
    if cls.severity not in SEVERITIES:
        yield f"severity {cls.severity!r} is not one of {', '.join(SEVERITIES)}"
    if not isinstance(cls.hours, Hours):
        yield f"hours {cls.hours!r} is not Hours(low, likely, high, each)"
    if not isinstance(cls.fix_kinds, tuple) or not cls.fix_kinds or not set(cls.fix_kinds) <= set(KINDS):
        yield f"fix_kinds {cls.fix_kinds!r} is not a tuple out of {', '.join(KINDS)}"
    if "__doc__" not in vars(cls) or not cls.title().endswith("."):
        yield "its docstring does not start with one sentence that ends in a full stop"
    for name in ("references", "suppressed_by", "examples"):
        if not isinstance(getattr(cls, name), tuple):
            yield f"{name} is not a tuple"


def select(checks: Iterable[Check], only: Iterable[str] = (), skip: Iterable[str] = ()) -> tuple[Check, ...]:
    """The checks that ``only`` names (all when empty) without those that ``skip`` names; raises ConfigError."""
    checks, only, skip = tuple(checks), tuple(only), tuple(skip)
    for word in (*only, *skip):
        if not any(names(word, check) for check in checks):
            raise ConfigError(f"no check is named {word!r}{_hint(word, checks)}")
    return tuple(
        check for check in checks
        if (not only or any(names(word, check) for word in only)) and not any(names(word, check) for word in skip)
    )


def names(word: str, check: Check | type[Check]) -> bool:
    """Whether ``word`` is the check's id, the start of it (``SEC``), or its name."""
    if word == check.name:
        return True
    return bool(re.fullmatch(r"[A-Za-z]{3}\d{0,3}", word)) and check.id.startswith(word.upper())


def _hint(word: str, checks: tuple[Check, ...]) -> str:
    import difflib

    known = {known for check in checks for known in (check.id, check.id[:3], check.name)}
    close = difflib.get_close_matches(word, known, 1) or difflib.get_close_matches(word.upper(), known, 1)
    return f"; did you mean {close[0]!r}?" if close else "; `readybook checks` lists them"


def _installed() -> Iterator[tuple[str, type[Check]]]:
    from importlib.metadata import entry_points

    seen = set()
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.value)):
        if (point.name, point.value) in seen:  # an editable and a built installation of one pack side by side
            continue
        seen.add((point.name, point.value))
        for module in _modules(point.name, point.value):
            for cls in dict.fromkeys(value for value in vars(module).values() if inspect.isclass(value)):
                own = cls.__module__ == module.__name__
                if own and issubclass(cls, Check) and not inspect.isabstract(cls):
                    yield point.name, cls


def _modules(pack: str, package_name: str) -> Iterator[ModuleType]:
    name = package_name
    try:
        package = importlib.import_module(name)
        yield package
        for info in pkgutil.walk_packages(getattr(package, "__path__", ()), package.__name__ + ".", onerror=_reraise):
            name = info.name
            yield importlib.import_module(name)
    except _IMPORT_ERRORS as error:
        raise PackError(f"check pack {pack!r}: cannot import {name}: {type(error).__name__}: {error}") from error


def _reraise(name: str) -> None:
    raise  # noqa: PLE0704 - walk_packages calls this while the import error is being handled
