"""What the workbook reads of an application's data beside what the application holds once it is imported.

usage: app_data.py TARGET PYTHON --app MODULE:ATTRIBUTE [--app-dir DIR] [--show N]
PYTHON is the interpreter of an environment in which the application can be imported, with the variables it asks for:
unlike the workbook this imports it, so only for code that is trusted. Tables, columns, relationships, settings fields,
middleware and exception handlers are compared; for each kind it prints how many are right, not known, wrong, and not
read, and the first N differences.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from readybook.facts import Facts
from readybook.facts.dependencies import name_of
from readybook.facts.values import Unknown, by_default
from readybook.project import Project

Difference = tuple[str, str, str]  # kind, verdict, where and what


def verdicts(kind: str, where: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[Difference]:
    """One verdict a name of ``theirs``; None and empty texts of ``ours`` say that it is not known."""
    for name, want in theirs.items():
        got = ours.get(name)
        unknown = got is None or got == "" and want != "" or got == "?"
        verdict = "right" if got == want else "unknown" if unknown else "wrong"
        yield f"{kind} {name}", verdict, f"{where}: {want!r}, read as {got!r}"


def of_models(facts: Facts, built: list[dict[str, Any]]) -> Iterator[Difference]:
    """The models: their tables, columns and relationships."""
    known = {(m.place.path, m.cls.qualname): m for m in facts.orm_models}
    for one in built:
        model = known.get((one["file"], one["name"]))
        if model is None:
            yield "model", "missing", f"{one['file']} {one['name']}"
            continue
        yield from verdicts("model", str(model.place), {"table": one["table"]}, {"table": model.table})
        for attribute, want in one["columns"].items():
            column = next((c for c in model.columns if c.attribute == attribute), None)
            where = f"{model.place} {attribute}"
            if column is None:
                yield "column", "missing", where
                continue
            read = {k: getattr(column, k) for k in want if k != "leads"} | {"leads": model.leads_index(column)}
            yield from verdicts("column", where, want, read)
        for name, want in one["relationships"].items():
            link = model.relationship(name)
            if link is None:
                yield "relationship", "missing", f"{model.place} {name}"
            else:
                yield from verdicts("relationship", f"{model.place} {name}", want, {k: getattr(link, k) for k in want})


def of_settings(facts: Facts, built: list[dict[str, Any]]) -> Iterator[Difference]:
    """The settings classes: the variables of their fields, which are required, and plain defaults."""
    known = {(c.place.path, c.path.rpartition(".")[2]): c for c in facts.settings_classes}
    for one in built:
        cls = known.get((one["file"], one["name"].rpartition(".")[2]))
        for name, want in one["fields"].items():
            field = next((f for f in cls.fields if f.name == name), None) if cls is not None else None
            where = f"{one['file']} {one['name']}.{name}"
            if field is None:
                yield "setting", "missing", where
                continue
            named = field.env.lower() in [e.lower() for e in want["env"]]
            yield "setting env", "right" if named else "wrong", f"{where}: {want['env']}, read as {field.env}"
            yield from verdicts("setting", where, {"required": want["required"]}, {"required": field.required})
            if not want["required"] and want["default"] != "…":
                default = by_default(field.default)
                other = "unknown" if isinstance(default, Unknown) else "wrong"
                yield ("setting default", "right" if default == want["default"] else other,
                       f"{where}: {want['default']!r}, read as {default!r}")


def last(value: Any, path: str) -> str:
    """The last name of a middleware, an exception or a handler."""
    return (name_of(value) or path).removesuffix("()").rpartition(".")[2]


def of_app(facts: Facts, built: dict[str, Any]) -> Iterator[Difference]:
    """The middleware in order, the outermost first, and the exception handlers of the application."""
    app = facts.apps[0]
    around = [last(m.target, m.path) for m in app.middleware if m.by_default is not False]
    yield from verdicts("application", app.spec, {"middleware": built["middleware"]}, {"middleware": around})
    handlers = {h.key.rpartition(".")[2]: h.name.rpartition(".")[2] for h in app.exception_handlers}
    yield from verdicts("application", app.spec, {"handlers": built["handlers"]}, {"handlers": handlers})


def main() -> None:
    """Import the application in its environment, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("python")
    parser.add_argument("--app", required=True)
    parser.add_argument("--app-dir", default="")
    parser.add_argument("--show", type=int, default=20)
    asked = parser.parse_args()
    script = Path(__file__).resolve().with_name("built_data.py")
    command = [asked.python, str(script), str(asked.target.resolve()), asked.app]
    run = subprocess.run(command, cwd=asked.target / asked.app_dir, capture_output=True, text=True, check=False)
    if run.returncode:
        parser.error(f"the application could not be imported: {run.stderr[-2000:]}")
    built = json.loads(run.stdout.splitlines()[-1])
    facts = Project.open(asked.target, app=asked.app, app_dir=asked.app_dir).facts
    found = [*of_models(facts, built["models"]), *of_settings(facts, built["settings"]), *of_app(facts, built)]
    differences = [f"{kind}: {verdict}: {what}" for kind, verdict, what in found if verdict != "right"]
    print("\n".join(differences[: asked.show]))
    counts = Counter((kind, verdict) for kind, verdict, _ in found)
    for kind in dict.fromkeys(kind for kind, _ in counts):
        print(kind, *(f"{v} {counts[kind, v]}" for v in ("right", "unknown", "wrong", "missing") if counts[kind, v]))


if __name__ == "__main__":
    main()
