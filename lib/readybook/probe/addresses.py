"""Which variables of the target say where its database and Redis are, and what they are set to for a run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from readybook.facts.settings import Variable
from readybook.patterns import regex
from readybook.probe.stores import NAME, STORES, USER, Store
from readybook.project import Project

_SCHEME = regex(r"(?P<scheme>[a-z][a-z0-9+.]*)://", re.IGNORECASE)
_ADDRESS = regex(r"(?:URL|URI|DSN|BROKER|BACKEND|STORAGE|CONNECTION(?:_STRING)?)$")
_PARTS = (("HOST|SERVER|HOSTNAME", "host"), ("PORT", "port"), ("USER(?:NAME)?", "user"),
          ("PASS(?:WORD|WD)?", "password"), ("DB|DATABASE|NAME|DB_?NAME|DATABASE_?NAME", "name"))
_NAMED = {"redis": "REDIS|CELERY|BROKER", "postgresql": "POSTGRES(?:QL)?|PG|DATABASE|DB|SQL(?:ALCHEMY)?"}


def wanted(project: Project) -> tuple[type[Store], ...]:
    """The kinds of store that the target's variables or engines name."""
    kinds = {kind for v in project.facts.variables if (kind := kind_of(v))}
    if not any("postgresql" in engine.backends for engine in project.facts.engines):
        texts = " ".join(str(v.default) for v in project.facts.variables)
        drivers = any(r.name in ("asyncpg", "psycopg", "psycopg2", "psycopg2-binary")
                      for r in project.facts.requirements)
        if "postgres" not in texts and not drivers:
            kinds.discard("postgresql")
    return tuple(store for store in STORES if store.kind in kinds)


def kind_of(variable: Variable) -> str:
    """``redis`` or ``postgresql`` when a variable says where such a server is, else empty."""
    scheme = _SCHEME.match(variable.default) if isinstance(variable.default, str) else None
    if scheme is not None:
        word = scheme["scheme"].lower()
        return "redis" if word.startswith("redis") else "postgresql" if word.startswith("postgres") else ""
    name = variable.name.upper()
    return next((kind for kind, words in _NAMED.items() if re.search(rf"(?:^|_)(?:{words})(?:_|$)", name)
                 and (_ADDRESS.search(name) or _part(name))), "")


def values(project: Project, stores: Sequence[Store]) -> dict[str, str]:
    """What to set the target's variables to, so that it finds the stores."""
    found = {}
    ports = {store.kind: store.port for store in stores}
    for variable in project.facts.variables:
        kind = kind_of(variable)
        if kind in ports:
            value = _value(project, variable, kind, ports[kind])
            if value:
                found[variable.name] = value
    return found


def _value(project: Project, variable: Variable, kind: str, port: int) -> str:
    name, default = variable.name.upper(), variable.default if isinstance(variable.default, str) else ""
    scheme = _SCHEME.match(default)
    if scheme is not None or _ADDRESS.search(name):
        if kind == "redis":
            return f"redis://127.0.0.1:{port}/0"
        known = scheme["scheme"] if scheme is not None else _driver(project)
        return f"{known}://{USER}:{USER}@127.0.0.1:{port}/{NAME}"
    values = {"host": "127.0.0.1", "port": str(port), "user": USER if kind == "postgresql" else "",
              "password": USER if kind == "postgresql" else "", "name": NAME if kind == "postgresql" else "0"}
    return values.get(_part(name), "")


def _driver(project: Project) -> str:
    """The scheme of a database address where the code gives none."""
    for engine in project.facts.engines:
        if engine.backend in (None, "postgresql") and engine.driver in ("asyncpg", "psycopg"):
            return f"postgresql+{engine.driver}"
    return "postgresql"


def _part(name: str) -> str:
    return next((part for words, part in _PARTS if re.search(rf"(?:^|_)(?:{words})$", name)), "")
