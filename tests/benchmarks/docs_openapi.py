"""FastAPI's documentation examples as the oracle of the application model.

usage: docs_openapi.py CHECKOUT [--python EXE] [--show N]
CHECKOUT is a checkout of fastapi/fastapi. Each example under docs_src that EXE (default: this interpreter) can import
is asked for ``app.openapi()``, in a process of its own; its operations, their parameters, bodies, tags and statuses are
compared with what the workbook reads from the text alone. Prints the shares that agree and the first N differences;
exits 1 when operations or parameters agree below 0.99.
Runs the examples: not part of ``make test``, and for that repository only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from readybook.facts.program import Program
from readybook.project import Project

ORACLE = """
import importlib, json, os, sys
sys.path.insert(0, sys.argv[1])
from fastapi import FastAPI
for name in sys.stdin.read().split():
    sys.stdout.flush()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    real, sys.stdout = sys.stdout, sys.stderr
    answer = {"module": name, "apps": {}}
    try:
        module = importlib.import_module(name)
        for key, value in list(vars(module).items()):
            if isinstance(value, FastAPI):
                answer["apps"][key] = value.openapi().get("paths", {})
    except BaseException as error:
        answer["error"] = f"{type(error).__name__}: {error}"
    os.write(1, (json.dumps(answer) + "\\n").encode())
    os._exit(0)
"""
METHODS = ("get", "post", "put", "patch", "delete", "options", "head", "trace")


def oracle(checkout: Path, python: str) -> list[dict[str, Any]]:
    """What each example's applications say of themselves; ``error`` for one that cannot be imported."""
    names = [".".join(p.relative_to(checkout).with_suffix("").parts) for p in sorted(checkout.glob("docs_src/**/*.py"))
             if p.name != "__init__.py" and not p.name.startswith("test_")]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("static", "dist", "templates"):
            Path(folder, name).mkdir()
            Path(folder, name, "index.html").touch()
        Path(folder, "openapi.json").write_text('{"paths": {}}')
        done = subprocess.run([python, "-c", ORACLE, str(checkout)], input="\n".join(names), cwd=folder, text=True,
                              capture_output=True, check=True, env={**os.environ, "ADMIN_EMAIL": "a@example.com"})
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Operation(NamedTuple):
    """What is compared of one operation; ``parameters`` are (location, name)."""

    parameters: frozenset[tuple[str, str]]
    required: frozenset[tuple[str, str]]
    body: bool
    tags: tuple[str, ...]
    status: str


def told(paths: dict[str, Any]) -> dict[tuple[str, str], Operation]:
    """The operations of an OpenAPI ``paths`` object."""
    found = {}
    for path, item in paths.items():
        for method, operation in item.items():
            if method in METHODS:
                given = [((p["in"], p["name"]), p.get("required", False)) for p in operation.get("parameters", ())]
                found[method.upper(), path] = Operation(
                    frozenset(p for p, _ in given), frozenset(p for p, required in given if required),
                    "requestBody" in operation, tuple(operation.get("tags", ())), next(iter(operation["responses"])))
    return found


def read(project: Project, spec: str) -> dict[tuple[str, str], Operation]:
    """The operations as the workbook reads them."""
    program = Program(replace(project, app=spec), project.facts.modules, {})
    mounted = tuple(f"{m.rstrip('/')}/" for m in program.apps[0].mounted)
    found: dict[tuple[str, str], Operation] = {}
    for route in program.routes:
        shown = route.include_in_schema and route.by_default is not False and route.method.lower() in METHODS
        if shown and not route.path.startswith(mounted):
            given = [p for p in route.parameters if p.where in ("path", "query", "header", "cookie")]
            found.setdefault((route.method, _template(route.path)), Operation(
                frozenset((p.where, p.alias) for p in given),
                frozenset((p.where, p.alias) for p in given if p.required), route.body is not None, route.tags,
                str(route.status_code or 200)))
    return found


def _template(path: str) -> str:
    parts = path.split("{")
    return "{".join([parts[0], *(p.split("}")[0].split(":")[0] + "}" + p.split("}", 1)[1] for p in parts[1:])])


def compared(checkout: Path, python: str) -> Iterator[tuple[str, dict[Any, Operation], dict[Any, Operation]]]:
    """For each application of each example: its name, what it says, what is read."""
    texts = {str(p.relative_to(checkout)): p.read_text("utf-8") for p in checkout.glob("docs_src/**/*.py")}
    project = Project.from_files(texts, name="docs_src")
    for answer in oracle(checkout, python):
        if "error" in answer:
            print(f"left out {answer['module']}: {answer['error'][:150]}", file=sys.stderr)
        for name, paths in answer["apps"].items():
            spec = f"{answer['module']}:{name}"
            yield spec, told(paths), read(project, spec)


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--show", type=int, default=20)
    asked = parser.parse_args()
    apps = operations = read_operations = right = parameters = read_parameters = right_parameters = 0
    details = dict.fromkeys(Operation._fields[1:], 0)
    differences: list[str] = []
    for spec, said, found in compared(asked.checkout.resolve(), asked.python):
        apps += 1
        operations += len(said)
        read_operations += len(found)
        right += len(said.keys() & found.keys())
        differences += [f"{spec}: {k} not read" for k in said.keys() - found.keys()]
        differences += [f"{spec}: {k} read, but is not there" for k in found.keys() - said.keys()]
        for key in said.keys() & found.keys():
            theirs, ours = said[key], found[key]
            parameters += len(theirs.parameters)
            read_parameters += len(ours.parameters)
            right_parameters += len(theirs.parameters & ours.parameters)
            for name in Operation._fields:
                agrees = getattr(theirs, name) == getattr(ours, name)
                if not agrees:
                    differences.append(f"{spec}: {key} {name} {getattr(theirs, name)} read as {getattr(ours, name)}")
                if name in details:
                    details[name] += agrees
    print("\n".join(differences[: asked.show]))
    shares = [right / max(operations, 1), right / max(read_operations, 1), right_parameters / max(parameters, 1),
              right_parameters / max(read_parameters, 1)]
    print(f"{apps} applications; operations {right} of {operations} (read {read_operations}), "
          f"parameters {right_parameters} of {parameters} (read {read_parameters}); "
          f"recall {shares[0]:.4f} and {shares[2]:.4f}, precision {shares[1]:.4f} and {shares[3]:.4f}")
    print("of operations in both: " + ", ".join(f"{name} {n / max(right, 1):.4f}" for name, n in details.items()))
    return 0 if min(shares) >= 0.99 else 1


if __name__ == "__main__":
    sys.exit(main())
