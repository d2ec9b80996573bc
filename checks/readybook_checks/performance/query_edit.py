"""Edits at the end of a query's chain: one more step, laid out as the others are."""

from __future__ import annotations

import re

from readybook import Project
from readybook.facts.queries import Query
from readybook.facts.unparse import unparse
from readybook.intents import EnsureImport, Intent, ReplaceExpression, SetKeyword
from readybook.patterns import regex

LONGEST = 120
_END = regex(r"(\s*)\.(?:all|first|one|one_or_none|scalar|get)\([^()]{0,200}\)$")
UNFIT = frozenset(("union", "union_all", "with_for_update", "slice", "yield_per", "intersect", "except_"))


def extended(project: Project, query: Query, steps: list[str]) -> ReplaceExpression | None:
    """The edit that ends a query's chain with more steps (``.limit(5)``); None where the chain is no plain text."""
    site = query.call.site
    if query.model is None or UNFIT & {link.name for link in query.links}:
        return None
    if query.style == "query":
        text = site.module.source(site.node)
        match = _END.search(text or "")
        if text is None or match is None:
            return None
        head, gap, tail, place = text[: match.start()], match[1], text[match.start():], query.place
    else:
        if not site.node[4]:
            return None
        node = site.node[4][0]
        text = node[3] if node[0] == "name" else site.module.source(node) if node[0] == "call" else None
        if text is None:
            return None
        gaps = re.findall(r"(\n[ \t]*)\.\w+\(", text)
        head, gap, tail, place = text, gaps[-1] if gaps else "", "", site.module.place(node)
    line = project.line(place.path, place.line)
    if not gap and len(line) + sum(map(len, steps)) > LONGEST:
        return None
    indent = "\n" + line[: len(line) - len(line.lstrip())]
    gap, head, tail = (part.replace(indent, "\n") for part in (gap, head, tail))
    return ReplaceExpression(place, text, head + "".join(gap + s for s in steps) + tail)


def written_model(query: Query) -> str:
    """The queried model as the query's code names it; empty when it selects more, or not by a name."""
    first = query.links[0]
    if not first.nodes or len(first.nodes) != 1 and query.style != "get" or first.nodes[0][0] not in ("name", "attr"):
        return ""
    return unparse(first.nodes[0])


def loading(project: Project, query: Query, relationship: str) -> tuple[Intent, ...]:
    """The intents that make a query load a relationship of its model with it; none where that is no plain edit."""
    model = written_model(query)
    if not model:
        return ()
    given = f"selectinload({model}.{relationship})"
    place = query.place
    needs = EnsureImport(place.path, "sqlalchemy.orm", "selectinload")
    if query.style == "get":
        held = {k for k, _ in query.call.site.node[5]}
        return () if held & {"options", None} else (SetKeyword(place, query.call.last, "options", f"[{given}]"), needs)
    edit = extended(project, query, [f".options({given})"])
    return (edit, needs) if edit is not None else ()
