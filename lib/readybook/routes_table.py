"""The routes JSON and table of the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from readybook.facts.application import Route
    from readybook.project import Project

SCHEMA_VERSION = 1


def routes_dict(project: Project) -> dict[str, Any]:
    """The routes JSON of a project, as plain data."""
    facts = project.facts
    return {
        "schema_version": SCHEMA_VERSION,
        "apps": [{"app": a.spec, "file": a.place.path, "line": a.place.line, "served": a.served} for a in facts.apps],
        "routes": [_row(r) for r in facts.routes],
        "unresolved": [{"file": u.place.path, "line": u.place.line, "kind": u.kind, "reason": u.reason}
                       for u in facts.unresolved],
    }


def _row(r: Route) -> dict[str, Any]:
    return {
        "app": r.app, "method": r.method, "path": r.path, "endpoint": r.endpoint, "file": r.place.path,
        "line": r.place.line, "decorator_line": r.decorator_line, "is_async": r.is_async,
        "dependencies": list(r.dependencies), "direct_dependencies": list(r.direct_dependencies),
        "parameters": [{"name": p.name, "in": p.where, "required": p.required, "annotation": p.annotation}
                       for p in r.parameters],
        "body": r.body, "response_model": r.response_model, "status_code": r.status_code, "tags": list(r.tags),
        "name": r.name, "include_in_schema": r.include_in_schema, "deprecated": r.deprecated,
        "condition": r.condition,
    }


def routes_json(project: Project) -> str:
    """The routes JSON as text."""
    return json.dumps(routes_dict(project), indent=1, ensure_ascii=False) + "\n"


def routes_text(project: Project) -> str:
    """A table for people: method, path, handler place, dependencies."""
    rows = [(r.method, r.path, f"{r.place.path}:{r.place.line}",
             ", ".join(d.rpartition(".")[2] for d in r.dependencies)) for r in project.facts.routes]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    lines = [f"{m:<{widths[0]}}  {p:<{widths[1]}}  {w:<{widths[2]}}  {d}".rstrip() for m, p, w, d in rows]
    lines += [f"not resolved: {u.kind} at {u.place} ({u.reason})" for u in project.facts.unresolved]
    return "\n".join(lines) + "\n"
