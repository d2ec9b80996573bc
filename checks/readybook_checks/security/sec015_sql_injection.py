"""SEC015: SQL text that values are written into."""

from __future__ import annotations

import re
from collections.abc import Iterator

from readybook import Bad, CannotTell, Check, Finding, Fix, Good, Hours, NotApplicable, Project, Right, advice
from readybook.facts.behaviour import Call, functions_behind, in_order
from readybook.facts.formatting import Hole, Piece, pieces
from readybook.facts.origins import Origins
from readybook.facts.scopes import Origin, argument_of, scope_of
from readybook.facts.syntax import Node
from readybook.facts.unparse import unparse
from readybook.finding import Answer
from readybook.intents import ReplaceExpression
from readybook.patterns import regex

METHODS = frozenset({"execute", "executemany", "executescript", "exec_driver_sql", "fetch", "fetchrow", "fetchval",
                     "fetch_all", "fetch_one", "fetch_val", "fetchall", "fetchone", "fetchmany", "cursor", "prepare",
                     "raw", "execute_sql", "execute_query", "read_sql", "read_sql_query", "scalar", "scalars", "exec",
                     "query", "iterate", "run_sql", "sql", "copy_from_query", "query_df", "from_statement",
                     "callproc", "mogrify", "execute_async", "run", "extra", "execute_many", "stream_scalars"})
TEXT = regex(r"sqlalchemy(?:\.\w+)*\.text|sqlmodel(?:\.\w+)*\.text|databases\.core\.text")
SQL = regex(r"(?is)(?:^|[\s(;'\"])(?:select\s.*?\sfrom\b|select\s+\S+\s*$|insert\s+(?:ignore\s+)?(?:into\s)?|"
            r"replace\s+into\s|update\s+\S*.*?\bset\b|"
            r"delete\s+from\b|merge\s+into\b|with\s+\w+\s+as\b|create\s+(?:\w+\s+)*(?:table|index|database|schema|"
            r"role|user|view|extension)\b|drop\s+(?:table|index|database|schema|role|user|view)\b|alter\s+\w+\s|"
            r"truncate\s|call\s+\w+\s*\(|grant\s|copy\s+\S|explain\s|set\s+\w+(?:\.\w+)?\s*=?|"
            r"exec(?:ute)?\s+\w|pragma\s|refresh\s+materialized|listen\s|notify\s|vacuum\b)")
PLAIN = regex(r"(?is)^\s*(?:set|alter|create|drop|truncate|grant|revoke|copy|pragma|listen|notify|vacuum|refresh|"
              r"use|lock|analyze|comment|reindex|attach)\b")
VALUE = regex(r"(?is)(?:'|\"|%|[=<>]|\blike|\bilike|\bvalues\s*\(|\bin\s*\(|\(\s*|,|\blimit|\boffset|\bbetween|"
              r"\band|\binterval|\bnot|\bthen|\belse|->>?|\|\|)\s*$")
NAMED = regex(r"(?is)\b(?:from|into|join|update|table|order\s+by|group\s+by|by|as|select|distinct|index|schema|"
              r"database|user|role|collate|asc|desc|only|on|using)\s+[\w.\"`\[]*$")
OWN = frozenset({"environment", "file", "console"})
STRICT = regex(r"(?is)\bselect\s.*?\sfrom\b|\binsert\s+into\b|\bupdate\s+\S+\s+set\b|\bdelete\s+from\b")
STYLES = {"sqlite3": "?", "aiosqlite": "?", "psycopg": "%s", "psycopg2": "%s", "pymysql": "%s", "MySQLdb": "%s",
          "aiomysql": "%s", "mysql": "%s", "aiopg": "%s", "asyncpg": "$"}


class SqlInjection(Check):
    """SQL is put together from values that do not belong in its text, so a value can become a command.

    Looked at: the text given to SQLAlchemy's ``text()`` and to ``execute``, ``fetch`` and the like of drivers, followed
    through names, formatting and helpers. A part that comes from a request or another server is critical.
    A value of unknown source written where a bound parameter belongs (after ``=``, inside quotes) is medium: an
    apostrophe breaks it, and the next caller may be a request. Constants, numbers, members of enums, names checked
    against a list, migrations, and bound parameters are no injection; names of tables from elsewhere cannot be told.

    Fix: the value becomes a bound parameter. The name of a table or column, which cannot be bound, needs a list.
    """

    id = "SEC015"
    name = "sql-injection"
    category = "security"
    severity = "critical"
    hours = Hours(0.5, 1, 3, each=0.5)
    fix_kinds = ("codemod", "advice")
    references = ("https://docs.sqlalchemy.org/en/20/core/sqlelement.html#sqlalchemy.sql.expression.text",
                  "https://cwe.mitre.org/data/definitions/89.html")

    def find(self, project: Project) -> Iterator[Answer]:
        """One answer for each SQL text that is executed."""
        behaviour, found = project.facts.behaviour, False
        texts = behaviour.matching(TEXT.fullmatch)
        named = [c for c in behaviour.written_as(*METHODS) if not TEXT.fullmatch(c.path)]
        for call in in_order([*texts, *named]):
            node = _statement(call)
            if node is None:
                continue
            answer = _answer(project.facts.origins, call, node)
            if answer is not None:
                found = True
                yield answer
        if not found:
            yield NotApplicable("the application's code executes no SQL text of its own")


def _certain(call: Call) -> bool:
    """Whether the call surely takes SQL, whatever its argument looks like."""
    return TEXT.fullmatch(call.path) is not None or call.last.startswith("execute") and call.path.partition(".")[0] in (
        *STYLES, "databases", "pymssql", "pyodbc", "duckdb", "clickhouse_driver")


def _statement(call: Call) -> Node | None:
    """The expression of the SQL text that a call is given, None when it is no such call."""
    if call.last not in METHODS and not TEXT.fullmatch(call.path) or functions_behind(call.site.callee):
        return None  # a function of the project's own: what it calls is asked
    named = dict(call.site.node[5])
    first = next((named[k] for k in ("query", "sql", "statement", "operation", "text") if k in named), None)
    if call.site.node[4] and call.site.node[4][0][0] != "star":
        first = call.site.node[4][0]
    return first


def _answer(origins: Origins, call: Call, node: Node) -> Answer | None:
    """The gravest answer over the ways in which the text reaches the call."""
    parts = pieces(node, scope_of(call))
    if len(parts) == 1 and isinstance(parts[0], Hole):
        handed = [a for p in _handed(origins, parts[0]) if (a := _judged(origins, call, node, p)) is not None]
        whole = _whole(origins, call, node) if not handed and _certain(call) else None
        answers = handed or ([whole] if whole is not None else [])
    else:
        answers = [a for a in (_judged(origins, call, node, parts),) if a is not None]
    return next((a for kind in (Finding, CannotTell, Right) for a in answers if isinstance(a, kind)), None)


def _handed(origins: Origins, hole: Hole) -> Iterator[list[Piece]]:
    """The texts that callers hand in, where the text is a parameter."""
    function, name = hole.scope.function, hole.node[3] if hole.node[0] == "name" else ""
    if function is None or not any(p[0] == name for p in function.params):
        return
    for caller, shift in origins.callers.get(id(function.original.node), [])[:20]:
        given = argument_of(caller, function, name, shift)
        if given is not None:
            yield pieces(given, scope_of(caller))


def _judged(origins: Origins, call: Call, node: Node, parts: list[Piece]) -> Answer | None:
    constant = "".join(p if isinstance(p, str) else " ? " for p in parts)
    holes = [(n, p) for n, p in enumerate(parts) if isinstance(p, Hole)]
    if len(holes) == len(parts) or not any(isinstance(p, str) and p.strip() for p in parts):
        return None
    if not _certain(call) and not (STRICT if call.last == "run" else SQL).search(constant):
        return None
    worst: tuple[int, Origin, Hole, bool] | None = None
    unsure: Origin | None = None
    for number, hole in holes:
        traced = origins.traced(hole.node, hole.scope)
        value = _takes_value(parts, number, constant)
        for origin in traced:
            grade = _grade(origin, value)
            if grade and (worst is None or grade > worst[0]):
                worst = (grade, origin, hole, value)
            elif not grade and origin.kind not in OWN:
                unsure = unsure or origin
    if worst is not None:
        return _finding(call, node, parts, worst)
    if unsure is not None:
        return CannotTell(f"where {unsure.what} in the SQL of {call.last}() comes from is not seen", call.place)
    return Right(call.place, "the SQL is a constant, or what varies in it is harmless")


def _whole(origins: Origins, call: Call, node: Node) -> Answer | None:
    """SQL that is no text of the code at all: only a caller's own SQL is told."""
    given = next((o for o in origins.of(call, node) if o.kind == "request" and not o.chain), None)
    if given is None:
        return None
    return Finding(call.place, f"{call.last}() runs {given.what}, SQL that a caller of the API writes: it reads and "
                   "changes whatever the database user may.", "critical", chain=(*given.chain, given.place)[:6],
                   fix=advice("Offer the queries that callers need as routes with parameters",
                              "which queries callers need is not in the code"))


def _takes_value(parts: list[Piece], number: int, constant: str) -> bool:
    """Whether a bound parameter could stand where the hole is."""
    before = "".join(p if isinstance(p, str) else "?" for p in parts[:number])[-2_000:]
    if PLAIN.match(constant) or NAMED.search(before) or before.rstrip().endswith((".", "`", '"')):
        return False
    return before.count("'") % 2 == 1 or VALUE.search(before) is not None


def _grade(origin: Origin, value: bool) -> int:
    """How bad an origin is: 3 critical, 2 medium, 1 low, 0 not known to be bad."""
    if origin.kind in ("request", "network"):
        return 3
    if origin.kind in ("parameter", "unbound", "console"):
        return 2 if value else 1 * (origin.kind != "console")
    return 2 if value and origin.kind == "unknown" and origin.what != "…" else 0


def _finding(call: Call, node: Node, parts: list[Piece], worst: tuple[int, Origin, Hole, bool]) -> Finding:
    grade, origin, hole, value = worst
    way = f", through {len(origin.chain)} call{'s' if len(origin.chain) > 1 else ''}," if origin.chain else ""
    if grade == 3:
        who = "a caller of the API chooses" if origin.kind == "request" else "another server sends"
        message = (f"{origin.what}{way} which {who}, is written into the SQL of {call.last}(): with a quote in it, the "
                   "database runs another command.")
    elif grade == 2:
        message = (f"{unparse(hole.node)} is written into the SQL of {call.last}() where a bound parameter belongs: a "
                   "quote in it breaks the statement, or changes what it does.")
    else:
        message = (f"{origin.what} names a part of the SQL of {call.last}(), and nothing checks it against a list: who "
                   "calls this is not seen.")
    return Finding(call.place, message, {3: "critical", 2: "medium", 1: "low"}[grade],
                   confidence={3: "high", 2: "medium", 1: "low"}[grade], fix=_fix(call, node, parts, value),
                   chain=(*origin.chain, origin.place)[:6])


def _fix(call: Call, node: Node, parts: list[Piece], value: bool) -> Fix:
    """Bound parameters for what an f-string of the call itself puts where values belong; advice otherwise."""
    bind = "Bind the values as parameters"
    if not value:
        return advice("Check the name against a list of the tables or columns that may be asked for",
                      "a name cannot be bound as a parameter, and which names are allowed is not in the code")
    constant = "".join(p if isinstance(p, str) else " ? " for p in parts)
    holes = [(n, p) for n, p in enumerate(parts) if isinstance(p, Hole)]
    written = call.written
    if node[0] != "fstring" or written is None or len(call.site.node[4]) != 1 or call.site.node[5] or not all(
        h.written and h.node[0] in ("name", "attr") and _takes_value(parts, n, constant) for n, h in holes
    ):
        return advice(bind, "the text takes shape over several expressions")
    style = ":" if TEXT.fullmatch(call.path) else STYLES.get(call.path.partition(".")[0], "")
    rewritten = _bound(written[1], [unparse(h.node) for _, h in holes], style)
    if rewritten is None:
        return advice(bind, "how the text is written leaves no plain place for a parameter")
    text, values = rewritten
    if style == ":":
        new = f"{written[0]}({text}).bindparams({', '.join(f'{k}={v}' for k, v in values)})"
    elif style == "$":
        new = f"{written[0]}({text}, {', '.join(v for _, v in values)})"
    else:
        comma = "," if len(values) == 1 else ""
        new = f"{written[0]}({text}, ({', '.join(v for _, v in values)}{comma}))"
    return Fix(bind, (ReplaceExpression(call.place, f"{written[0]}({written[1]})", new),), safety="review",
               reason="values are compared as the type they have: text that stood for a number must be converted")


def _bound(source: str, names: list[str], style: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The f-string as a plain one with parameters, and (parameter, expression) of each; None where it is not plain."""
    match = re.fullmatch(r"[fF](\"\"\"|'''|\"|')(.*)\1", source, re.S)
    if not style or match is None or "{{" in match[2] or "\\" in match[2] or match[2].count("{") != len(names):
        return None
    body, values = match[2], []
    if style == "%s" and "%" in body or match[1] == "'" and "'" in body:
        return None
    for name in names:
        spot = re.search(r"'(%?)\{" + re.escape(name) + r"\}(%?)'|\{" + re.escape(name) + r"\}", body)
        if spot is None or spot[0][0] == "{" and (body[spot.start() - 1 : spot.start()] in ("'", "%") or (
            body[spot.end() : spot.end() + 1] in ("'", "%"))):
            return None
        key = re.sub(r"\W", "_", name.rpartition(".")[2])
        while any(key == k and name != v for k, v in values):
            key += "_"
        wild = (spot[1] or "", spot[2] or "")
        value = f'f"{wild[0]}{{{name}}}{wild[1]}"' if any(wild) else name
        mark = {":": f":{key}", "$": f"${len(values) + 1}"}.get(style, style)
        body = body[: spot.start()] + mark + body[spot.end() :]
        if style != ":" or (key, value) not in values:
            values.append((key, value))
    return f"{match[1]}{body}{match[1]}", values


API = "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
SESSION = ("from fastapi import Depends, FastAPI\nfrom sqlalchemy import create_engine, text\n"
           "from sqlalchemy.orm import Session, sessionmaker\n\n"
           "engine = create_engine(\"postgresql+psycopg://localhost/shop\")\nmake = sessionmaker(engine)\n"
           "app = FastAPI()\n\n\ndef get_db():\n    with make() as db:\n        yield db\n\n\n")
SqlInjection.examples = (
    Bad(
        {"main.py": SESSION + "@app.get(\"/users\")\ndef users(name: str, db: Session = Depends(get_db)) -> list:\n"
         "    return list(db.scalars(text(f\"SELECT email FROM users WHERE name = '{name}'\")))\n"},
        at=("main.py:17",), severity="critical",
        fixed={"main.py": SESSION + "@app.get(\"/users\")\n"
               "def users(name: str, db: Session = Depends(get_db)) -> list:\n"
               "    return list(db.scalars(text(\"SELECT email FROM users WHERE name = :name\")"
               ".bindparams(name=name)))\n"},
    ),
    Bad(  # a driver, a helper in another module, a pattern
        {"store.py": "import sqlite3\n\n\ndef find(word: str) -> list[tuple[str]]:\n"
         "    con = sqlite3.connect(\"shop.db\")\n"
         "    return con.execute(f\"SELECT name FROM goods WHERE name LIKE '%{word}%'\").fetchall()\n",
         "main.py": "from store import find as look\n" + API + "@app.get(\"/goods\")\ndef goods(q: str) -> int:\n"
         "    return len(look(q))\n"},
        at=("store.py:6",), severity="critical",
        fixed={"store.py": "import sqlite3\n\n\ndef find(word: str) -> list[tuple[str]]:\n"
               "    con = sqlite3.connect(\"shop.db\")\n"
               "    return con.execute(\"SELECT name FROM goods WHERE name LIKE ?\", (f\"%{word}%\",)).fetchall()\n"},
    ),
    Bad(  # a column that callers name, by concatenation over several statements
        {"main.py": SESSION + "@app.get(\"/users\")\ndef users(sort: str, db: Session = Depends(get_db)) -> list:\n"
         "    sql = \"SELECT email FROM users\"\n    sql += \" ORDER BY \" + sort\n"
         "    return list(db.scalars(text(sql)))\n"},
        at=("main.py:19",), severity="critical",
    ),
    Bad(  # nobody's call shows what it is
        {"store.py": "import psycopg2\n\n\ndef user(name):\n    cur = psycopg2.connect(\"dbname=shop\").cursor()\n"
         "    cur.execute(\"SELECT id FROM users WHERE name = '%s'\" % name)\n    return cur.fetchone()\n"},
        at=("store.py:6",), severity="medium",
    ),
    Bad(  # the text is made in the handler and executed by a helper; one that is all constants and marks is right
        {"store.py": "import sqlite3\n\n\ndef run(sql, values=()):\n"
         "    return sqlite3.connect(\"shop.db\").execute(sql, values).fetchall()\n",
         "main.py": "from store import run\n" + API + "@app.get(\"/a\")\ndef a(name: str) -> int:\n"
         "    return len(run(f\"SELECT id FROM users WHERE name = '{name}'\"))\n"},
        at=("store.py:5",), severity="critical",
    ),
    Good(  # conditions with marks, put together in the handler
        {"store.py": "import sqlite3\n\n\ndef run(sql, values):\n"
         "    return sqlite3.connect(\"shop.db\").execute(sql, values).fetchall()\n",
         "main.py": "from store import run\n" + API + "@app.get(\"/a\")\ndef a(name: str) -> int:\n"
         "    where = []\n    if name:\n        where.append(\"name = ?\")\n"
         "    return len(run(\"SELECT id FROM users WHERE \" + \" AND \".join(where), [name]))\n"},
    ),
    Good(  # numbers, enums, a list of columns, bound parameters, tables by their constants
        {"main.py": "from enum import Enum\nfrom fastapi import HTTPException\n" + SESSION
         + "class Order(str, Enum):\n    up = \"ASC\"\n    down = \"DESC\"\n\n\nTABLE = \"users\"\n"
         "COLUMNS = {\"name\": \"name\", \"age\": \"age\"}\n\n\n"
         "@app.get(\"/users\")\ndef users(sort: str, by: str, order: Order, limit: int, name: str,\n"
         "          db: Session = Depends(get_db)) -> list[str]:\n"
         "    if sort not in COLUMNS:\n        raise HTTPException(422)\n"
         "    column = COLUMNS.get(by, \"age\")\n"
         "    sql = f\"SELECT email FROM {TABLE} WHERE name = :name ORDER BY {sort} {order.value}, {column} \"\n"
         "    sql += f\"LIMIT {limit}\"\n"
         "    return list(db.scalars(text(sql), {\"name\": name}))\n"},
    ),
    Good(  # marks of bound parameters that are counted out
        {"store.py": "import sqlite3\n\n\ndef names(ids: list[str], changes: dict[str, str]) -> None:\n"
         "    marks = \", \".join(\"?\" for _ in ids)\n    con = sqlite3.connect(\"shop.db\")\n"
         "    con.execute(f\"SELECT name FROM goods WHERE id IN ({marks})\", ids)\n"
         "    con.execute(\"SELECT name FROM goods WHERE a = ?\", (changes[\"a\"],))\n"},
    ),
    Bad(  # inside quotes that hold more than the value; what runs no SQL stays silent
        {"store.py": "import sqlite3\n\n\ndef user(name, shell):\n    shell.run(\"copy \" + name)\n"
         "    con = sqlite3.connect(\"shop.db\")\n"
         "    con.execute(\"SELECT id FROM users WHERE name = 'user_\" + name + \"_x'\")\n"},
        at=("store.py:7",), severity="medium",
    ),
    Good(  # the query builder makes the parameters itself
        {"main.py": "from sqlalchemy import select\n" + SESSION + "@app.get(\"/users\")\n"
         "def users(name: str, db: Session = Depends(get_db)) -> int:\n"
         "    return len(list(db.execute(select(User).where(User.name == name))))\n"},
        outcome="not_applicable",
    ),
    Good(  # the keys of a mapping that callers write out are columns, whatever its values are
        {"main.py": "import sqlite3\n\nfrom fastapi import Request\n" + API + "def insert(row: dict) -> None:\n"
         "    values = {k: v for k, v in row.items() if k != \"id\"}\n"
         "    names, marks = \", \".join(values.keys()), \", \".join([\"?\"] * len(values))\n"
         "    con = sqlite3.connect(\"shop.db\")\n"
         "    con.execute(f\"INSERT INTO users ({names}) VALUES ({marks})\", list(values.values()))\n\n\n"
         "@app.post(\"/users\")\nasync def add(request: Request) -> None:\n    body = await request.json()\n"
         "    insert({\"name\": body[\"name\"], \"id\": 1})\n"}),
    Good(  # keys that are all columns, or an error
        {"main.py": "import sqlite3\n\nfrom fastapi import Request\n" + API + "COLUMNS = {\"name\", \"age\"}\n\n\n"
         "def insert(row: dict) -> None:\n    if not set(row.keys()).issubset(COLUMNS):\n"
         "        raise ValueError(row)\n"
         "    values = {k: v for k, v in row.items() if k != \"id\"}\n    con = sqlite3.connect(\"shop.db\")\n"
         "    con.execute(f\"INSERT INTO users ({', '.join(values.keys())}) VALUES (1)\")\n\n\n"
         "@app.post(\"/users\")\nasync def add(request: Request) -> None:\n    insert(await request.json())\n"}),
    Bad(  # the caller's own keys
        {"main.py": "import sqlite3\n\nfrom fastapi import Request\n" + API + "def insert(row: dict) -> None:\n"
         "    names = \", \".join(row.keys())\n    con = sqlite3.connect(\"shop.db\")\n"
         "    con.execute(f\"INSERT INTO users ({names}) VALUES (1)\")\n\n\n"
         "@app.post(\"/users\")\nasync def add(request: Request) -> None:\n    insert(await request.json())\n"},
        at=("main.py:12",), severity="critical"),
    Good(  # a dependency, under a name of its own, fills the parameter
        {"main.py": "from typing import Annotated\n\n" + SESSION + "class Options:\n    column = \"name\"\n\n\n"
         "def options() -> Options:\n    return Options()\n\n\nChosen = Annotated[Options, Depends(options)]\n\n\n"
         "@app.get(\"/users\")\ndef users(chosen: Chosen, db: Session = Depends(get_db)) -> int:\n"
         "    return len(list(db.execute(text(f\"SELECT {chosen.column} FROM users\"))))\n"},
        outcome="unknown"),
    Good({"migrations/versions/a1_add.py": "from alembic import op\n\nrevision = \"a1\"\n\n\ndef upgrade(name):\n"
          "    op.execute(f\"UPDATE users SET name = '{name}'\")\n", "main.py": API}, outcome="not_applicable"),
    Good(  # a field of a model in another module: its type is an enum, or one that is not here
        {"forms/__init__.py": "from .search import *\n", "forms/search.py": "from enum import Enum\n"
         "from typing import Literal\n\nfrom pydantic import BaseModel\n\n\nclass Order(str, Enum):\n    UP = \"ASC\"\n"
         "    DOWN = \"DESC\"\n\n\nclass Base(BaseModel):\n    order: Order = Order.UP\n"
         "    way: Literal[\"asc\", \"desc\"] = \"asc\"\n\n\nclass Search(Base):\n    text: str\n",
         "main.py": "import sqlite3\n\nimport forms\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "def rows(data: forms.Search) -> list:\n    with sqlite3.connect(\"x\") as db:\n        return db.execute("
         "f\"SELECT * FROM t ORDER BY a {data.order}, b {data.way}\").fetchall()\n\n\n@app.post(\"/rows\")\n"
         "def found(data: forms.Search) -> list:\n    return rows(data)\n"}),
    Bad(  # and one whose type is a text
        {"forms/__init__.py": "from .search import *\n", "forms/search.py": "from pydantic import BaseModel\n\n\n"
         "class Search(BaseModel):\n    text: str\n",
         "main.py": "import sqlite3\n\nimport forms\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
         "@app.post(\"/rows\")\ndef found(data: forms.Search) -> list:\n    with sqlite3.connect(\"x\") as db:\n"
         "        return db.execute(f\"SELECT * FROM t WHERE a = '{data.text}'\").fetchall()\n"},
        at=("main.py:12",), severity="critical"),
)
