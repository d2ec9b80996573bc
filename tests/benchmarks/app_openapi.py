"""One application's own OpenAPI description beside what the workbook reads from its code.

usage: app_openapi.py TARGET OPENAPI_JSON [--app SPEC] [--app-dir DIR] [--show N]
OPENAPI_JSON is what ``app.openapi()`` gives, or what the running service serves. Operations, their parameters by the
names of clients, which of these are required, bodies, tags and statuses are compared; the shares that agree and the
first N differences are printed. Nothing of the target is run. Of two operations for one method and path the description
holds the last, while the first is served: such differences are none of the reading.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from docs_openapi import Operation, read, told

from readybook.project import Project


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("openapi", type=Path)
    parser.add_argument("--app", default="")
    parser.add_argument("--app-dir", default="")
    parser.add_argument("--show", type=int, default=20)
    asked = parser.parse_args()
    project = Project.open(asked.target, app=asked.app, app_dir=asked.app_dir)
    if not project.facts.program.apps:
        parser.error(f"no application was found in {asked.target}: name it by --app")
    said = told(json.loads(asked.openapi.read_text(encoding="utf-8"))["paths"])
    found = read(project, asked.app or project.facts.program.apps[0].imported)
    both = said.keys() & found.keys()
    differences = [f"{k}: not read" for k in said.keys() - both] + [f"{k}: not there" for k in found.keys() - both]
    differences += [f"{k} {name}: {getattr(said[k], name)} read as {getattr(found[k], name)}" for k in sorted(both)
                    for name in Operation._fields if getattr(said[k], name) != getattr(found[k], name)]
    print("\n".join(differences[: asked.show]))
    theirs, ours = (sum(len(each[k].parameters) for k in both) for each in (said, found))
    right = sum(len(said[k].parameters & found[k].parameters) for k in both)
    print(f"operations {len(both)} of {len(said)} (read {len(found)}), parameters {right} of {theirs} (read {ours})")
    for name in Operation._fields[1:]:
        print(f"{name} {sum(getattr(said[k], name) == getattr(found[k], name) for k in both)} of {len(both)}")


if __name__ == "__main__":
    main()
