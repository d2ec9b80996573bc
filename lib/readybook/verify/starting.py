"""Starting the application in a child, and comparing what it says about itself before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from readybook.facts import Facts
from readybook.project import Project
from readybook.records import record
from readybook.verify.children import Room, read_answer

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
LISTED = 60


@record
class Served:
    """An application to start: ``spec`` its name, ``root`` the folder it is imported from, in the target.

    ``imported`` is the import string from there, where ``spec`` holds more to tell it apart from another application.
    """

    spec: str
    root: str
    imported: str = ""

    @property
    def string(self) -> str:
        """The import string for a server that runs in ``root``."""
        return self.imported or self.spec


@record
class Start:
    """How a start went. ``started`` None: it could not be tried, as ``missing`` names a module that is not installed.

    ``openapi`` maps what the application describes, such as ``GET /items``, to its description as text; None when it
    describes nothing. ``reason`` says what went wrong.
    """

    started: bool | None
    missing: str
    reason: str
    openapi: Mapping[str, str] | None


def served_apps(facts: Facts) -> tuple[Served, ...]:
    """The applications that servers run, each with the folder from which its import string leads to its module."""
    found = []
    for app in facts.apps:
        if app.served and app.inside:
            found.append(Served(app.spec, app.inside, app.imported))
        elif app.served:
            inner = app.spec.partition(":")[0].replace(".", "/")
            endings = (f"{inner}.py", f"{inner}/__init__.py")
            fits = [(path != app.place.path, len(path), path[: -len(e)].rstrip("/")) for e in endings
                    for path in facts.modules.by_path if path == e or path.endswith("/" + e)]
            found += [Served(app.spec, root) for _, _, root in sorted(fits)[:1]]
    return tuple(found)


def own_names(project: Project, roots: Sequence[str]) -> frozenset[str]:
    """The names that an import from one of the roots, from the top or from src finds in the target itself."""
    starts = {f"{root}/" if root else "" for root in (*roots, "", "src")}
    return frozenset(path.removeprefix(begin).partition("/")[0].removesuffix(".py") for path in project.files
                     if path.endswith(".py") for begin in starts if path.startswith(begin))


def start(room: Room, served: Served, own: frozenset[str], extra: Mapping[str, str]) -> Start:
    """Start and stop an application of the copy that stands in the room; ``own`` are the target's top-level names."""
    root = room.run / served.root
    out = room.folder / "started.json"
    out.unlink(missing_ok=True)
    limit = room.limits.start
    command = [str(room.python), str(room.folder / "start_app.py"), served.string, str(root), str(out),
               str(max(1, int(limit / 3)))]
    ran = room.call(command, root, limit, extra, [root])
    answer = read_answer(out)
    if not isinstance(answer, dict):
        last = next((line for line in reversed(ran.output.splitlines()) if line.strip()), "")
        why = f"did not start within {limit:g} seconds" if ran.timed_out else \
            f"the process ended with code {ran.code}: {room.shown(last)}"
        return Start(False, "", why, None)
    reason = room.shown(str(answer.get("error") or ""))
    missing = str(answer.get("missing") or "").partition(".")[0]
    if missing and missing not in own:
        return Start(None, missing, f"the module {missing} is not installed for the given Python", None)
    document = answer.get("openapi")
    described = described_parts(document) if isinstance(document, dict) else None
    return Start(answer.get("started") is True and answer.get("stopped") is True, "", reason, described)


def described_parts(document: Mapping[str, Any]) -> dict[str, str]:
    """An OpenAPI document in parts that can be compared: each operation, each schema, the rest."""
    parts: dict[str, str] = {}
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        for method, operation in item.items() if isinstance(item, dict) else ():
            if method in METHODS:
                parts[f"{method.upper()} {path}"] = _text(operation)
    components = document.get("components")
    for kind, named in components.items() if isinstance(components, dict) else ():
        for name, value in named.items() if isinstance(named, dict) else ():
            parts[f"{kind} {name}"] = _text(value)
    parts["document"] = _text({k: v for k, v in document.items() if k not in ("paths", "components")})
    return parts


@record
class Differences:
    """How two descriptions differ; each entry such as ``added GET /live`` or ``changed schemas Item``."""

    added: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()

    @property
    def all(self) -> list[str]:
        """Every difference, those that break somebody first, bounded."""
        rows = [*self.altered, *self.added]
        return rows[:LISTED] + ([f"and {len(rows) - LISTED} more"] if len(rows) > LISTED else [])


def differences(before: Mapping[str, str] | None, after: Mapping[str, str] | None) -> Differences:
    """What was added, and what that was there before changed or went."""
    if before is None or after is None:
        return Differences()
    added = tuple(f"added {name}" for name in after if name not in before)
    gone = [f"removed {name}" for name in before if name not in after]
    changed = [f"changed {name}" for name in before if name in after and before[name] != after[name]]
    return Differences(added, tuple(gone + changed))


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
