"""How long a query may run: what the engine's arguments, its address, events and the database itself say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from readybook.facts.engines import Engine
from readybook.facts.values import ABSENT, Begins, Choice, FromEnv, Unknown, by_default, possible
from readybook.patterns import regex

if TYPE_CHECKING:
    from readybook.facts import Facts

# keywords of each driver's connect() that limit a query, and those that limit connecting only
QUERY = {
    "asyncpg": ("command_timeout",), "pymysql": ("read_timeout",), "mysqldb": ("read_timeout",),
    "asyncmy": ("read_timeout",), "mysqlconnector": ("read_timeout",), "oracledb": ("call_timeout",),
    "pymssql": ("timeout",), "psycopg": (), "psycopg2": (), "aiomysql": (), "pg8000": ("timeout",),
}
CONNECT = ("timeout", "connect_timeout", "connection_timeout", "login_timeout", "tcp_connect_timeout")
STATEMENT = regex(r"\b(?:statement_timeout|max_execution_time|max_statement_time|lock_timeout_and_statement)\b")
_EVENT = regex(r"\blisten(?:s_for)?\([^()\n]{0,200}[\"']"
               r"(?:connect|do_connect|first_connect|checkout|begin|after_begin)[\"']")
_FOR_ROLE = regex(r"ALTER\s{1,20}(?:ROLE|USER|DATABASE|SYSTEM)\b[^;\n]{0,200}\bSET\s{1,20}statement_timeout",
                  re.IGNORECASE)
_SERVER = regex(r"statement_timeout\s{0,5}=\s{0,5}['\"]?[1-9]|max_execution_time\s{0,5}=\s{0,5}[1-9]")
_TEXTS = (".py", ".sql", ".sh", ".conf", ".yml", ".yaml", ".cnf")


def limit_of(facts: Facts, engine: Engine) -> str | bool | None:
    """What limits the engine's queries, in words; False when nothing does, None when the code does not show it."""
    answers = [_in_arguments(engine, args) for args in connect_args(engine)]
    given = next((a for a in answers if isinstance(a, str)), None)
    if given and all(isinstance(a, str) for a in answers):
        return given
    elsewhere = _put_in(engine) or _in_address(engine) or _in_event(facts) or _in_database(facts)
    if elsewhere:
        return elsewhere
    if None in answers or given:
        return None
    return None if "**" in engine.kwargs and "connect_args" not in engine.kwargs else False


def connect_args(engine: Engine) -> list[Any]:
    """Every value that ``connect_args`` may have when the database is no SQLite; an empty dict when it is not given."""
    value = engine.kwargs.get("connect_args", {})
    options = [v for v in _branches(value) if not (isinstance(v, dict) and "check_same_thread" in v)]
    # beside a branch for SQLite the other one may be an empty dict: it is the server's
    return options or [{}]


def _branches(value: Any) -> list[Any]:
    if isinstance(value, FromEnv):
        return _branches(value.default)
    if isinstance(value, Choice):
        return [v for _, option in value.options for v in _branches(option) if v is not ABSENT]
    return [{} if value is None else value]


def limits_connecting(engine: Engine) -> bool:
    """Whether the arguments limit the time to connect."""
    return any(isinstance(a, dict) and any(k in a for k in CONNECT) for a in connect_args(engine))


def _in_arguments(engine: Engine, args: Any) -> str | bool | None:
    if not isinstance(args, dict):
        return None
    for key in QUERY.get(engine.driver or "", ("command_timeout", "read_timeout")):
        if key in args and by_default(args[key]) not in (None, 0, False):
            return str(key)
    settings = by_default(args.get("server_settings"))
    if isinstance(settings, dict) and any(isinstance(k, str) and STATEMENT.search(k) for k in settings):
        return "statement_timeout in server_settings"
    for key in ("options", "init_command"):
        for text in _texts(args.get(key)):
            if STATEMENT.search(text):
                return f"{STATEMENT.search(text)[0]} in {key}"  # type: ignore[index]
        if isinstance(args.get(key), Unknown):
            return None
    return None if any(isinstance(k, Unknown) for k in args) else False


def _put_in(engine: Engine) -> str:
    """A limit that the function puts into the arguments before: ``arguments["server_settings"] = {…}``."""
    text = engine.put_into("connect_args")
    words = QUERY.get(engine.driver or "", ())
    named = STATEMENT.search(text)
    return named[0] if named else next((w for w in words if re.search(rf"[\"']{w}[\"']", text)), "")


def _texts(value: Any) -> Iterator[str]:
    for option in possible(value):
        option = option.text if isinstance(option, Begins) else option
        if isinstance(option, str):
            yield option


def _in_address(engine: Engine) -> str:
    from readybook.facts.engines import _text

    texts = [t for t in map(_text, possible(engine.url)) if t]
    return "the address" if any(STATEMENT.search(t) or "command_timeout" in t for t in texts) else ""


def _in_event(facts: Facts) -> str:
    """An event, of whatever module sets up events, that sets the limit on each connection."""
    for path, module in sorted(facts.modules.by_path.items()):
        text = module.text
        if module.role == "application" and "listen" in text and _EVENT.search(text) and STATEMENT.search(text):
            return f"an event in {path}"
    return ""


def _in_database(facts: Facts) -> str:
    """A limit that the database itself has: ALTER ROLE in a migration, the server's command line or configuration."""
    for service in facts.compose_services:
        if service.command and _SERVER.search(" ".join(service.command)):
            return f"the server's command in {service.path}"
    for path, file in sorted(facts.project.files.items()):
        if path.endswith(_TEXTS) and "statement_timeout" in file.text and _FOR_ROLE.search(file.text):
            return f"the database role, in {path}"
        if path.endswith(("postgresql.conf", "my.cnf")) and _SERVER.search(file.text):
            return f"the server's configuration, {path}"
    return ""
