"""Random applications: FastAPI says what their routes, dependencies and inputs are, and the facts read the same."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute, Mount, iter_route_contexts
from random_applications import application

from readybook.project import Project

RELEASE = f"fastapi=={importlib.import_module('fastapi').__version__}\n"
METHODS = ("get", "post", "put", "patch", "delete")


def imported(files: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The application of these files, which are written to the folder and imported."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.syspath_prepend(str(folder))
    package = next(iter(files)).partition("/")[0]
    before = set(sys.modules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(f"{package}.main").app
        finally:
            for name in set(sys.modules) - before:
                if name.partition(".")[0] == package:
                    del sys.modules[name]


def unwrapped(f: Any) -> Any:
    """The function whose body runs."""
    while not inspect.isfunction(f) or hasattr(f, "__wrapped__"):
        if isinstance(f, functools.partial):
            f = f.func
        elif inspect.ismethod(f):
            f = f.__func__
        elif hasattr(f, "__wrapped__"):
            f = f.__wrapped__
        else:
            f = type(f).__call__
    return f


def place(f: Any, folder: Path) -> str:
    """Path and line of the ``def`` or ``lambda`` of a handler."""
    code = unwrapped(f).__code__
    lines, start = inspect.getsourcelines(code)
    at = next((i for i, line in enumerate(lines) if line.lstrip().startswith(("def ", "async def "))), 0)
    return f"{Path(code.co_filename).relative_to(folder)}:{start + at}"


def name_of(f: Any) -> str:
    """A dependency as the facts call it."""
    if inspect.isclass(f) or hasattr(f, "__qualname__"):
        return f"{f.__module__}.{f.__qualname__}"
    return f"{type(f).__module__}.{type(f).__qualname__}()"


def needed(dependant: Any) -> Iterator[str]:
    """Everything that a dependant depends on, transitively."""
    for inner in dependant.dependencies:
        yield name_of(inner.call)
        yield from needed(inner)


def served(routes: Any, folder: Path, prefix: str = "") -> Iterator[tuple[Any, ...]]:
    """What is compared of each route of an application that was imported."""
    for context in iter_route_contexts(routes):
        route = getattr(context, "original_route", None) or context.route
        if isinstance(route, APIRoute | APIWebSocketRoute):
            own = getattr(context, "starlette_route", None)
            dependant = getattr(context, "dependant", None) or getattr(own, "dependant", None) or route.dependant
            path = prefix + (context.path or getattr(own, "path", None) or route.path)
            needs = tuple(sorted(set(needed(dependant))))
            at = place(route.endpoint, folder)
            if isinstance(route, APIWebSocketRoute):
                yield "WEBSOCKET", path, at, needs, (), None, None
                continue
            status = getattr(context, "status_code", None)
            for method in getattr(context, "methods", None) or route.methods:
                yield (method, path, at, needs, tuple(getattr(context, "tags", None) or ()),
                       int(status) if status else None, bool(context.include_in_schema))
        elif isinstance(route, Mount):
            yield from served(route.app.routes, folder, prefix + route.path)


def read(files: dict[str, str]) -> Iterator[tuple[Any, ...]]:
    """The same of each route that the facts read and that is there by default."""
    for r in Project.from_files({**files, "requirements.txt": RELEASE}).facts.routes:
        if r.by_default:
            socket = r.method == "WEBSOCKET"
            yield (r.method, r.path, f"{r.place.path}:{r.place.line}", tuple(sorted(set(r.dependencies))),
                   () if socket else r.tags, None if socket else r.status_code, None if socket else r.include_in_schema)


@pytest.mark.parametrize("start", range(0, 40, 10))
def test_routes_are_those_that_fastapi_registers(start: int, long: bool, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    routes = 0
    for seed in range(start, start + (600 if long else 10)):
        files = application(seed + (10_000 if long else 0))
        real = sorted(served(imported(files, tmp_path, monkeypatch).routes, tmp_path), key=repr)
        assert sorted(read(files), key=repr) == real, f"application({seed})"
        routes += len(real)
    assert routes > 80


@pytest.mark.parametrize("start", range(0, 24, 6))
def test_inputs_are_those_that_openapi_tells(start: int, long: bool, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    for seed in range(start, start + (300 if long else 6)):
        files = application(seed, inputs=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of operations with one id
                paths = imported(files, tmp_path, monkeypatch).openapi()["paths"]
        except Exception:  # a combination that FastAPI refuses
            continue
        real = {(method.upper(), path): (
            {(p["in"], p["name"], p.get("required", False)) for p in operation.get("parameters", ())},
            "requestBody" in operation)
            for path, item in paths.items() for method, operation in item.items() if method in METHODS}
        ours: dict[tuple[str, str], Any] = {}
        facts = Project.from_files({**files, "requirements.txt": RELEASE}).facts
        mounted = tuple(f"{m}/" for m in facts.apps[0].mounted)
        for r in facts.routes:
            if r.by_default and r.include_in_schema and r.method != "WEBSOCKET" and not r.path.startswith(mounted):
                given = {(p.where, p.alias, p.required) for p in r.parameters
                         if p.where in ("path", "query", "header", "cookie")}
                ours.setdefault((r.method, r.path.replace(":path}", "}")), (given, r.body is not None))
        assert ours == real, f"application({seed}, inputs=True)"
        compared += len(real)
    assert compared > 30
