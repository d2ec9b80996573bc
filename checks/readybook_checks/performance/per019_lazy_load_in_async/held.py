"""Objects that a handler has loaded, with their relationship, before another query gives the same ones."""

from __future__ import annotations

import re

from readybook import Project
from readybook.facts.behaviour import Call, functions_behind
from readybook.facts.nodes import statements
from readybook.facts.unparse import unparse
from readybook.facts.values import by_default
from readybook_checks.performance.lazy_reads import UNLOADED, LazyRead


def held(project: Project, read: LazyRead, made: list[Call]) -> bool:
    """Whether the session holds the one object of a route's answer with the relationship already.

    An identity map gives the object itself back, with what was loaded, as long as the handler holds it and no commit
    expires it: a ``get`` with load options first, by a part of the address, then an update that selects the row again.
    """
    rows, route = read.rows, read.route
    keeps = bool(made) and all(by_default(c.kwargs.get("expire_on_commit", True)) is False for c in made)
    if route is None or rows.many or rows.path or not keeps:
        return False
    parts = set(re.findall(r"{(\w+)", route.path))
    behaviour, function = project.facts.behaviour, read.function
    kept = {id(s[5][3] if s[5][0] == "await" else s[5]) for s in statements(function.node[6]) if s[0] == "assign"}
    for call in behaviour.calls_in(function):
        given = {unparse(n) for n in (*call.site.node[4], *(v for _, v in call.site.node[5]))}
        if id(call.site.node) not in kept or not parts & given:
            continue
        for other in functions_behind(call.site.callee):
            first = project.facts.row_flow.returned_by(other.original, 0)
            if first is None or first.model is not rows.model or first.many or first.query is rows.query:
                continue
            if any(w.strategy not in UNLOADED and w.path[:1] == (read.relationship,) for w in first.query.loadings):
                return True
    return False
