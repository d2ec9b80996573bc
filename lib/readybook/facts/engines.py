"""Database engines: what they connect to, with which driver, and how they are pooled."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from readybook.facts.expressions import URLS, url_text
from readybook.facts.nodes import nodes, statements
from readybook.facts.objects import Instance
from readybook.facts.values import FromEnv, Unknown, beginning, by_default, possible
from readybook.patterns import regex
from readybook.place import Place
from readybook.records import record

if TYPE_CHECKING:
    from readybook.facts.behaviour import Behaviour, Call
    from readybook.facts.syntax import Node

SYNC = ("sqlalchemy.create_engine", "sqlalchemy.engine_from_config")
ASYNC = ("sqlalchemy.ext.asyncio.create_async_engine", "sqlalchemy.ext.asyncio.async_engine_from_config")
DEFAULT_DRIVERS = {"mysql": "mysqldb", "mariadb": "mysqldb", "oracle": "cx_oracle", "mssql": "pyodbc",
                   "sqlite": "pysqlite"}
# a branch that is taken for SQLite: ``url == "sqlite://"``, ``url.startswith("sqlite")``, ``is_sqlite``
_FOR_SQLITE = regex(r"(?i)^(?!not\b)(?!.*(?:!=|\bnot\b|\bor\b)).*sqlite")


@record
class Engine:
    """One engine. ``backend`` (postgresql, mysql, sqlite …) and ``driver`` (asyncpg, psycopg …) are None when the code
    does not tell; ``backends`` holds every one that the code names. ``kwargs`` are the call's keywords as values."""

    place: Place
    is_async: bool
    url: Any
    backend: str | None
    driver: str | None
    backends: tuple[str, ...]
    kwargs: dict[str, Any]
    function: str
    call: Call = field(repr=False, compare=False)

    @property
    def callee(self) -> str:
        """The name that is called, as the code writes it."""
        return self.call.last

    def sometimes(self, key: str) -> bool:
        """Whether a keyword comes from a mapping that gets it under a condition: ``options["poolclass"] = x``."""
        spread = {v[3] for k, v in self.call.site.node[5] if k is None and v[0] == "name"}
        return any(held[0] == "sub" and held[3][0] == "name" and held[3][3] in spread and held[4][:1] == ("const",)
                   and held[4][3] == key for s in (self._around if spread else ()) if s[0] == "if"
                   for inner in statements((*s[5], *s[6])) if inner[0] == "assign" for held in inner[4])

    def put_into(self, keyword: str) -> str:
        """The source text of the statements that put something into the mapping that a keyword takes by its name."""
        given = next((v for k, v in self.call.site.node[5] if k == keyword), None)
        if given is None or given[0] != "name":
            return ""
        lines = (s for s in self._around if s[0] in ("assign", "expr"))
        puts = (s for s in lines if any(n[0] in ("sub", "attr") and n[3][0] == "name" and n[3][3] == given[3]
                                        for n in nodes(s[4] if s[0] == "assign" else s[4:])))
        return "\n".join(self.call.site.module.lines_of(s[1], s[3]) for s in puts)

    @property
    def _around(self) -> tuple[Node, ...]:
        """The statements of the function, or of the module, around the call."""
        function = self.call.site.function
        inside = function is not None and function.node[0] == "def"
        return tuple(statements(function.node[6] if inside and function is not None else self.call.site.module.body))

    @property
    def only_sqlite(self) -> bool:
        """Whether it can be nothing but SQLite: its addresses, an argument no other driver takes, or the branch."""
        given = self.kwargs.get("connect_args")
        written = next((v for k, v in self.call.site.node[5] if k == "connect_args"), None)
        here = written is not None and written[0] == "dict"  # one that is put together before may not hold it always
        if isinstance(given, dict) and "check_same_thread" in given and (here or not self.backends):
            return True
        if self.backends and "sqlite" not in self.backends:
            return False
        return set(self.backends) == {"sqlite"} or any(map(_FOR_SQLITE.search, self.call.conditions))


def engines(behaviour: Behaviour, sqlalchemy: tuple[int, ...] | None, hints: frozenset[str]) -> tuple[Engine, ...]:
    """The SQLAlchemy engines of application code. ``hints`` are the database drivers the project declares."""
    hints = frozenset(h.removesuffix("-binary") for h in hints)
    found = []
    for call in behaviour.calls_to(*SYNC, *ASYNC):
        is_async = call.path in ASYNC
        url = call.args[0] if call.args else call.kwargs.get("url", Unknown("no url"))
        texts = [t for t in map(_text, possible(url)) if t]
        backends = tuple(dict.fromkeys(b for b in map(_backend, texts) if b))
        backend, driver = _driver(texts, backends, is_async, sqlalchemy, hints)
        found.append(Engine(call.place, is_async, url, backend, driver, backends, call.kwargs, call.function, call))
    return tuple(found)


def _text(value: Any) -> str | None:
    value = by_default(value)
    if isinstance(value, Instance) and value.path in URLS:
        value = url_text(value)
    if isinstance(value, Instance) and value.args and isinstance(value.args[0], str):
        return value.args[0]  # PostgresDsn("postgresql://…") and the like
    return beginning(value)


def backend_of(value: Any) -> str | None:
    """The kind of database that an address names; None where it is not known or names several."""
    texts = [t for t in map(_text, possible(value)) if t]
    names = {b for b in map(_backend, texts) if b}
    return names.pop() if len(names) == 1 else None


def _backend(url: str) -> str | None:
    scheme = url.partition("://")[0] if "://" in url else url.partition(":")[0] if url.startswith("sqlite:") else ""
    name = scheme.partition("+")[0].lower()
    return {"postgres": "postgresql"}.get(name, name) or None


def _driver(texts: list[str], backends: tuple[str, ...], is_async: bool, sqlalchemy: tuple[int, ...] | None,
            hints: frozenset[str]) -> tuple[str | None, str | None]:
    backend = backends[0] if len(backends) == 1 else None
    servers = [b for b in backends if b != "sqlite"]
    if "sqlite" in backends and len(servers) == 1:  # SQLite on one branch: the driver asked for is the server's
        return backend, _driver([t for t in texts if _backend(t) != "sqlite"], (servers[0],), is_async, sqlalchemy,
                                hints)[1]
    drivers = {t.partition("://")[0].partition("+")[2].lower() for t in texts} - {""}
    if is_async:
        hints -= {"psycopg2", "pymysql"}
    if len(drivers) == 1:
        return backend, {"psycopg_async": "psycopg"}.get(d := drivers.pop(), d)
    if backend == "postgresql" and not drivers:
        if sqlalchemy is not None and sqlalchemy >= (2, 1):
            return backend, "psycopg"
        if not is_async and sqlalchemy is not None:
            return backend, "psycopg2"
        known = [d for d in ("asyncpg", "psycopg", "psycopg2") if d in hints]
        return backend, known[0] if len(known) == 1 else None
    if backend is None and not backends:
        pairs = [(b, d) for d, b in (("asyncpg", "postgresql"), ("psycopg", "postgresql"), ("psycopg2", "postgresql"),
                                     ("aiomysql", "mysql"), ("pymysql", "mysql"), ("asyncmy", "mysql")) if d in hints]
        return pairs[0] if len(pairs) == 1 else (None, None)
    return backend, DEFAULT_DRIVERS.get(backend or "")


def is_from_env(value: Any) -> bool:
    """Whether a value is decided by the environment."""
    return isinstance(value, FromEnv)
