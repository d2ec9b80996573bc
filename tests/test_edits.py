"""Python edits: the smallest text change, in the file's own style, and nothing else touched."""

from __future__ import annotations

import ast
import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readybook.edits import apply, apply_each
from readybook.errors import PatchError
from readybook.intents import (
    EnsureImport,
    EnsureModuleStatement,
    MakeSync,
    RemoveKeyword,
    RemoveUnusedImport,
    ReplaceDefault,
    ReplaceExpression,
    SetKeyword,
)
from readybook.place import Place
from readybook.project import Project

PATH = "app/main.py"


def edited(text: str, *intents: object, **others: str) -> str:
    """The text of PATH after the intents."""
    project = Project.from_files({PATH: text, **{k.replace("__", "/") + ".py": v for k, v in others.items()}})
    return apply(project, intents).get(PATH, text)  # type: ignore[arg-type]


def at(line: int, column: int = 1) -> Place:
    return Place(PATH, line, column)


def docs_off(line: int = 1) -> SetKeyword:
    return SetKeyword(at(line), "FastAPI", "docs_url", "None")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("app = FastAPI()\n", "app = FastAPI(docs_url=None)\n"),
        ("app = FastAPI(title='x')\n", "app = FastAPI(title='x', docs_url=None)\n"),
        ("app = FastAPI(title='x',)\n", "app = FastAPI(title='x', docs_url=None)\n"),
        ("app = FastAPI(docs_url='/d', a=1)  # c\n", "app = FastAPI(docs_url=None, a=1)  # c\n"),
        ("app = FastAPI(\n\ttitle='x',  # t\n)\n", "app = FastAPI(\n\ttitle='x',  # t\n\tdocs_url=None,\n)\n"),
        ("app = FastAPI(\n    title='x'  # t\n)\n", "app = FastAPI(\n    title='x',  # t\n    docs_url=None\n)\n"),
        (
            "app = FastAPI(title='x',\n              a=1)\n",
            "app = FastAPI(title='x',\n              a=1,\n              docs_url=None)\n",
        ),
        ("app = FastAPI(\r\n    a=1,\r\n)\r\n", "app = FastAPI(\r\n    a=1,\r\n    docs_url=None,\r\n)\r\n"),
        ("app = FastAPI(\n    a=1, b=2\n)\n", "app = FastAPI(\n    a=1, b=2, docs_url=None\n)\n"),
        (
            f"app = FastAPI(\n    title='{'t' * 60}', a=1\n)\n",
            f"app = FastAPI(\n    title='{'t' * 60}',\n    a=1,\n    docs_url=None,\n)\n",
        ),
        ("app = FastAPI()", "app = FastAPI(docs_url=None)"),
        ("app = FastAPI(docs_url=None)\n", "app = FastAPI(docs_url=None)\n"),
        (
            f"app = FastAPI(title='{'t' * 60}', version=3)\n",
            f"app = FastAPI(\n    title='{'t' * 60}',\n    version=3,\n    docs_url=None,\n)\n",
        ),
    ],
)
def test_a_keyword_is_set_in_the_layout_of_its_call(before: str, after: str) -> None:
    assert edited(before, docs_off()) == after


def test_a_package_named_like_a_library_does_not_draw_the_librarys_imports_to_the_local_ones() -> None:
    text = "from fastapi.responses import Response\n\nfrom app.fastapi import extras\n\napp = FastAPI()\n"
    wanted = EnsureImport(PATH, "fastapi.middleware.gzip", "GZipMiddleware")
    packages = {"app/__init__.py": "", "app/fastapi/__init__.py": "", "app/fastapi/extras.py": ""}
    found = apply(Project.from_files({PATH: text, **packages}), [wanted])[PATH]
    assert found.startswith("from fastapi.middleware.gzip import GZipMiddleware\nfrom fastapi.responses")


def test_a_neighbour_named_like_a_library_does_not_draw_its_imports_either() -> None:
    path = "app/core/redis/client.py"
    text = "from redis.asyncio import Redis\n\nfrom app.core.config import settings\n\nclient = Redis()\n"
    packages = {f"app/{name}": "" for name in ("__init__.py", "core/__init__.py", "core/config.py",
                                              "core/redis/__init__.py")}
    found = apply(Project.from_files({path: text, **packages}), [EnsureImport(path, "redis.backoff", "NoBackoff")])
    assert found[path].startswith("from redis.asyncio import Redis\nfrom redis.backoff import NoBackoff\n\n")


def test_several_keywords_of_one_call_compose() -> None:
    both = (docs_off(), SetKeyword(at(1), "FastAPI", "redoc_url", "None"))
    assert edited("app = FastAPI()\n", *both) == "app = FastAPI(docs_url=None, redoc_url=None)\n"
    assert edited("app = FastAPI(a=1,)\n", *both) == "app = FastAPI(a=1, docs_url=None, redoc_url=None)\n"


def test_the_line_length_and_quotes_of_the_target_count() -> None:
    project = Project.from_files(
        {PATH: "app = FastAPI(title='t', aaaaaaaaaaaaaa=1)\n", "pyproject.toml": "[tool.ruff]\nline-length = 50\n"}
    )
    text = apply(project, [SetKeyword(at(1), "FastAPI", "docs_url", '"/d"')])[PATH]
    assert text == "app = FastAPI(\n    title='t',\n    aaaaaaaaaaaaaa=1,\n    docs_url='/d',\n)\n"


@pytest.mark.parametrize("text", ["app = FastAPI(**options)\n", "app = other()\n", "a, b = FastAPI(), FastAPI()\n"])
def test_a_keyword_that_cannot_be_set_is_refused_by_file_and_line(text: str) -> None:
    with pytest.raises(PatchError, match="app/main.py:1"):
        edited(text, docs_off())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(debug=True)\n", "f()\n"),
        ("f(1, debug=True)\n", "f(1)\n"),
        ("f(debug=True, b=2)\n", "f(b=2)\n"),
        ("f(\n    1,\n    debug=True,  # why\n    b=2,\n)\n", "f(\n    1,\n    b=2,\n)\n"),
        ("f(1,\n  debug=True)\n", "f(1)\n"),
        ("f(1)\n", "f(1)\n"),
    ],
)
def test_a_keyword_is_removed_with_its_line(before: str, after: str) -> None:
    assert edited(before, RemoveKeyword(at(1), "f", "debug")) == after


@pytest.mark.parametrize(
    ("before", "old", "new", "after"),
    [
        ("x = sleep(1)\n", "sleep(1)", "await nap(1)", "x = await nap(1)\n"),
        (
            "x = get( a ).json()\n",
            "get(a)",
            "await get(a)",
            "x = (await get( a )).json()\n".replace("get( a )", "get(a)"),
        ),
        ("x = a * b\n", "b", "c + d", "x = a * (c + d)\n"),
        ("x = (a)\n", "a", "b if c else d", "x = (b if c else d)\n"),
        ("x = f'{name}'\n", "name", 'd["k"]', "x = f'{d[\"k\"]}'\n"),
        ("x = b  # a\n", "b", "b", "x = b  # a\n"),
        ("f(\n    a,\n)\n", "f(a)", "g(a)", "g(a)\n"),
    ],
)
def test_an_expression_is_replaced_and_stays_one(before: str, old: str, new: str, after: str) -> None:
    assert edited(before, ReplaceExpression(at(1), old, new)) == after


def test_two_expressions_on_a_line_are_told_apart_by_column() -> None:
    text = "x = a + a\n"
    assert edited(text, ReplaceExpression(at(1, 9), "a", "b")) == "x = a + b\n"
    with pytest.raises(PatchError, match="more than once"):
        edited(text, ReplaceExpression(Place(PATH, 1, exact=False), "a", "b"))


@pytest.mark.parametrize(
    ("before", "value", "annotation", "after"),
    [
        ("debug = True\n", "False", None, "debug = False\n"),
        ("debug: bool = True  # c\n", "False", None, "debug: bool = False  # c\n"),
        ("debug: str = 'x'\n", None, None, "debug: str\n"),
        ("debug = 'x'\n", None, "str", "debug: str\n"),
        ("debug = 'x'\n", '"y"', "str", "debug: str = 'y'\n"),
        ("debug: bool\n", "False", None, "debug: bool = False\n"),
        ("debug: bool = Field(True, env='D')\n", "False", None, "debug: bool = Field(False, env='D')\n"),
        ("debug: str = Field(default='x', env='D')\n", None, None, "debug: str = Field(env='D')\n"),
        ("debug: str = Field('x', env='D')\n", None, None, "debug: str = Field(..., env='D')\n"),
    ],
)
def test_a_default_is_replaced(before: str, value: str | None, annotation: str | None, after: str) -> None:
    assert edited(before, ReplaceDefault(at(1), "debug", value, annotation)) == after


def test_an_async_function_that_awaits_nothing_becomes_sync() -> None:
    text = "@get('/')\nasync  def f():\n    async def g():\n        await x\n    return g\n"
    assert edited(text, MakeSync(at(2), "f")) == text.replace("async  def f", "def f")
    with pytest.raises(PatchError, match="awaits"):
        edited("async def f():\n    async with x:\n        pass\n", MakeSync(at(1), "f"))


IMPORTS = [
    (
        "import os\n\nfrom fastapi import FastAPI, Query\n\nfrom app.x import y\n\napp = 1\n",
        [
            ("asyncio", None),
            ("fastapi", "Depends"),
            ("app.config", "settings"),
            ("httpx", None),
            ("contextlib", "suppress"),
        ],
        "import asyncio\nimport os\nfrom contextlib import suppress\n\nimport httpx\n"
        "from fastapi import Depends, FastAPI, Query\n\n"
        "from app.config import settings\nfrom app.x import y\n\napp = 1\n",
    ),
    (
        '"""Doc."""\nx = 1\n',
        [("asyncio", None), ("httpx", None)],
        '"""Doc."""\n\nimport asyncio\n\nimport httpx\n\nx = 1\n',
    ),
    (
        "# licence\n\nfrom __future__ import annotations\n\nx = 1\n",
        [("asyncio", None)],
        "# licence\n\nfrom __future__ import annotations\n\nimport asyncio\n\nx = 1\n",
    ),
    (
        "#!/bin/env python\n# coding: utf-8\n\ndef f(): pass\n",
        [("os", None)],
        "#!/bin/env python\n# coding: utf-8\n\nimport os\n\n\ndef f(): pass\n",
    ),
    (
        "from fastapi import FastAPI\n\nif TYPE_CHECKING:\n    import httpx\n",
        [("httpx", None)],
        "import httpx\nfrom fastapi import FastAPI\n\nif TYPE_CHECKING:\n    import httpx\n",
    ),
    (
        "from fastapi import (\n    APIRouter,\n    Query,\n)\n",
        [("fastapi", "Depends")],
        "from fastapi import (\n    APIRouter,\n    Depends,\n    Query,\n)\n",
    ),
    ("try:\n    import ujson\nexcept ImportError:\n    ujson = None\n", [("ujson", None)], None),
    ("import asyncio, os\n", [("asyncio", None)], None),
    ("from fastapi import FastAPI as F\n", [("fastapi", "FastAPI")], "from fastapi import FastAPI as F, FastAPI\n"),
    ("import os\r\nx = 1\r\n", [("asyncio", None)], "import asyncio\r\nimport os\r\nx = 1\r\n"),
    ("import os.path\n", [("os", None), ("os.path", None)], None),
    ("from starlette.responses import Response\n", [("fastapi", "Response")], None),
    ("import xml.dom\n", [("xml.sax", None)], "import xml.dom\nimport xml.sax\n"),
    ("import os", [("httpx", None)], "import os\n\nimport httpx"),
    ("", [("os", None)], "import os\n"),
    (  # a comment tells of the import below it; the run of the same package is where it belongs
        "import os\n\nfrom fastapi import FastAPI\nfrom fastapi.responses import Response\n\n# for admins\n"
        "from sqladmin import Admin\n",
        [("fastapi.middleware.gzip", "GZipMiddleware"), ("httpx", None)],
        "import os\n\nfrom fastapi import FastAPI\nfrom fastapi.middleware.gzip import GZipMiddleware\n"
        "from fastapi.responses import Response\n\nimport httpx\n# for admins\nfrom sqladmin import Admin\n",
    ),
    (  # a name goes to those that keep theirs
        "from sqlalchemy.orm import Session as S\nfrom sqlalchemy.orm import sessionmaker\n",
        [("sqlalchemy.orm", "selectinload")],
        "from sqlalchemy.orm import Session as S\nfrom sqlalchemy.orm import selectinload, sessionmaker\n",
    ),
    (  # without an order
        "from fastapi.staticfiles import StaticFiles\nfrom fastapi import FastAPI\nfrom mangum import Mangum\n",
        [("fastapi.middleware.gzip", "GZipMiddleware")],
        "from fastapi.staticfiles import StaticFiles\nfrom fastapi import FastAPI\n"
        "from fastapi.middleware.gzip import GZipMiddleware\nfrom mangum import Mangum\n",
    ),
]


@pytest.mark.parametrize(("before", "wanted", "after"), IMPORTS)
def test_imports_go_where_they_belong(before: str, wanted: list[tuple[str, str | None]], after: str | None) -> None:
    intents = [EnsureImport(PATH, module, name) for module, name in wanted]
    text = edited(before, *intents, app__x="")
    assert text == (before if after is None else after)
    assert edited(text, *intents, app__x="") == text


def test_a_merged_import_keeps_to_the_line_length() -> None:
    text = f"from fastapi import {'A' * 70}\n"
    assert edited(text, EnsureImport(PATH, "fastapi", "Depends")) == text + "from fastapi import Depends\n"


def test_an_import_under_a_taken_name_is_refused() -> None:
    with pytest.raises(PatchError, match="the name settings is taken"):
        edited("settings = 1\n", EnsureImport(PATH, "app.config", "settings"))
    with pytest.raises(PatchError, match="the name httpx is taken"):
        edited("def httpx(): pass\n", EnsureImport(PATH, "httpx"))


def test_an_import_stands_before_the_line_that_needs_it() -> None:
    text = "import os\nprint('a')\nfrom sys import argv\n"
    intents = [
        ReplaceExpression(at(2), "print('a')", "log.info('a')"),
        EnsureImport(PATH, "httpx"),
        EnsureModuleStatement(PATH, "log", "log = 1"),
    ]
    assert edited(text, *intents) == "import os\n\nimport httpx\n\nlog = 1\n\nlog.info('a')\nfrom sys import argv\n"


def test_an_import_that_nothing_uses_goes() -> None:
    gone = RemoveUnusedImport(PATH, "time")
    assert edited("import os\nimport time\nos\n", gone) == "import os\nos\n"
    assert edited("from a import os, time\nos\n", gone) == "from a import os\nos\n"
    assert edited("import time\nx = 'time'\n", gone) == "import time\nx = 'time'\n"
    sleep = ReplaceExpression(at(3), "time.sleep(1)", "await asyncio.sleep(1)")
    text = edited("import time\nasync def f():\n    time.sleep(1)\n", sleep, EnsureImport(PATH, "asyncio"), gone)
    assert text == "import asyncio\nasync def f():\n    await asyncio.sleep(1)\n"


def test_a_module_statement_stands_after_the_imports() -> None:
    logger = EnsureModuleStatement(PATH, "logger", 'logger = logging.getLogger("a")')
    assert edited("import os\n\n\ndef f(): return 'x'\n", logger) == (
        "import os\n\nlogger = logging.getLogger('a')\n\n\ndef f(): return 'x'\n"
    )
    assert edited("logger = 1\n", logger) == "logger = 1\n"
    assert edited("x = 'a'\n", logger, logger) == "logger = logging.getLogger('a')\n\nx = 'a'\n"


def test_a_failing_group_leaves_no_trace() -> None:
    project = Project.from_files({PATH: "import os\nx = f(a=1)\n"})
    bad = [EnsureImport(PATH, "httpx"), SetKeyword(at(2), "f", "b", "2"), SetKeyword(at(1), "g", "b", "2")]
    applied = apply_each(project, [bad, [SetKeyword(at(2), "f", "c", "3")]])
    assert applied.texts == {PATH: "import os\nx = f(a=1, c=3)\n"}
    assert list(applied.failed) == [0] and "app/main.py:1" in applied.failed[0]


def test_many_edits_of_one_file_keep_their_places() -> None:
    text = "".join(f"print({n})\n" for n in range(30))
    intents = [ReplaceExpression(at(n + 1), f"print({n})", f"log(\n    {n},\n)") for n in reversed(range(30))]
    assert edited(text, *intents) == "".join(f"log(\n    {n},\n)\n" for n in range(30))


def test_code_newer_than_the_running_python_is_edited() -> None:
    text = "try:\n    x = f'{a['b']}'\nexcept A, B:\n    app = FastAPI()\n"
    assert edited(text, docs_off(4)) == text.replace("FastAPI()", "FastAPI(docs_url=None)")


BREAKS = st.sampled_from(["\n", "\r\n"])
FILLERS = st.sampled_from(
    [
        "",
        "# é comment",
        "x = 'it''s'  # odd   spaces",
        "y = (1,\n     2)",
        "\x0c",
        "def g(a , b):\n\treturn a",
        "@dec\nclass A: pass",
        "z = '''one\n two\u2028'''",
    ]
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(FILLERS, max_size=5), st.lists(FILLERS, max_size=5), BREAKS, st.booleans())
def test_no_untouched_line_changes(above: list[str], below: list[str], newline: str, ended: bool) -> None:
    goal = "app = FastAPI( title = 't' )  # app"
    text = newline.join("\n".join([*above, goal, *below]).split("\n")) + (newline if ended else "")
    line = text.split("\n").index(next(x for x in text.split("\n") if x.rstrip("\r") == goal)) + 1
    new = edited(text, docs_off(line), EnsureImport(PATH, "asyncio"))
    removed = [x[2:] for x in difflib.ndiff(text.split("\n"), new.split("\n")) if x.startswith("- ")]
    assert [x.rstrip("\r") for x in removed if x] in ([goal], [text.split("\n")[0].rstrip("\r"), goal])
    assert new.endswith(("\n", "\r\n")) == text.endswith(("\n", "\r\n"))
    if newline == "\r\n" and text.count("\n") > 0:
        assert new.replace("\r\n", "").count("\n") == 0
    ast.parse(new)


@pytest.mark.parametrize(("before", "after"), [
    ("def f():\n    pass\n", "def f(limit: int = 5):\n    pass\n"),
    ("def f(a, b=1,):\n    pass\n", "def f(a, b=1, limit: int = 5):\n    pass\n"),
    ("def f(a, *, b: int = (1)):\n    pass\n", "def f(a, *, b: int = (1), limit: int = 5):\n    pass\n"),
    ("def f(a, **more):\n    pass\n", "def f(a, limit: int = 5, **more):\n    pass\n"),
    ("def f(\n    a: int,\n    b: str = 'x',\n) -> None:\n    pass\n",
     "def f(\n    a: int,\n    b: str = 'x',\n    limit: int = 5,\n) -> None:\n    pass\n"),
    ("def f(limit):\n    pass\n", "def f(limit):\n    pass\n"),
    ("@get\nasync def f(first_argument: int, second_argument: str, third_argument: float, fourth: int) -> int:\n"
     "    pass\n",
     "@get\nasync def f(\n    first_argument: int,\n    second_argument: str,\n    third_argument: float,\n"
     "    fourth: int,\n    limit: int = 5,\n) -> int:\n    pass\n"),
])
def test_a_parameter_is_added_where_it_changes_no_call(before, after):
    from readybook.edits import apply
    from readybook.intents import EnsureParameter

    project = Project.from_files({"a.py": before})
    line = 2 if before.startswith("@") else 1
    changed = apply(project, [EnsureParameter(Place("a.py", line), "f", "limit", "int", "5")])
    assert changed.get("a.py", before) == after


@pytest.mark.parametrize("before", ["def f(*args):\n    pass\n", "def f(a, /):\n    pass\n"])
def test_a_parameter_is_refused_where_arguments_go_by_position(before):
    from readybook.edits import apply
    from readybook.intents import EnsureParameter

    with pytest.raises(PatchError, match="by position"):
        apply(Project.from_files({"a.py": before}), [EnsureParameter(Place("a.py", 1), "f", "limit", "int", "5")])


def test_a_statement_is_put_before_another_once() -> None:
    from readybook.edits import apply
    from readybook.intents import EnsureBefore
    from readybook.place import Place

    project = Project.from_files({"m.py": "def f():\n    try:\n        g()\n    except ValueError:\n        raise\n"})
    intent = EnsureBefore(Place("m.py", 5, 9), "log.exception(\"f failed\")")
    once = apply(project, [intent])
    assert once["m.py"].endswith("    except ValueError:\n        log.exception(\"f failed\")\n        raise\n")
    moved = EnsureBefore(Place("m.py", 6, 9), intent.statement)
    assert apply(project.with_files(once), [moved]) == {}


def test_a_statement_goes_into_a_block_once_and_what_it_calls_changes_with_it():
    from readybook.intents import GuardStatement

    text = "def f(a):\n    if a:\n        x = get(\n            a,\n        )  # c\n    return x\n"
    intents = (ReplaceExpression(at(3, 13), "get(\n            a,\n        )", "saw(get(\n    a,\n))"),
               GuardStatement(at(3, 9), "get", "held(a) as saw", "with"))
    after = edited(text, *intents)
    assert after == ("def f(a):\n    if a:\n        with held(a) as saw:\n            x = saw(get(\n"
                     "                a,\n            ))  # c\n    return x\n")
    ast.parse(after)
    again = GuardStatement(at(4, 13), "get", "held(a) as saw", "with")
    assert edited(after, again) == after
    with pytest.raises(PatchError, match="other statements"):
        edited("x = get(1); y = 2\n", GuardStatement(at(1), "get", "held()"))


def test_a_statement_reads_otherwise_whatever_its_layout():
    from readybook.intents import ReplaceStatement

    text = "def f(a):\n    if a: D[a] = 1; D[2] = 2\n    D[a] = {\n        1: 2,\n    }  # c\n"
    first = ReplaceStatement(at(2, 11), "D[a] = 1", "put(a, 1)")
    second = ReplaceStatement(at(3, 5), "D[a]={1: 2,}", "put(a, {\n    1: 2,\n})")
    after = edited(text, first, second)
    assert after == ("def f(a):\n    if a: put(a, 1); D[2] = 2\n    put(a, {\n        1: 2,\n    })  # c\n")
    assert edited(after, first, second) == after
    with pytest.raises(PatchError, match="not there"):
        edited(text, ReplaceStatement(at(2), "D[3] = 1", "pass"))


def test_a_statement_is_put_after_another_once() -> None:
    from readybook.intents import EnsureAfter

    text = "def f():\n    if a:\n        g(\n            1,\n        )  # c\n    h()\n"
    after = edited(text, EnsureAfter(at(3, 9), "k()"), EnsureAfter(at(3, 9), "k()"), EnsureAfter(at(6, 5), "k()"))
    assert after == "def f():\n    if a:\n        g(\n            1,\n        )  # c\n        k()\n    h()\n    k()\n"
    assert edited(after, EnsureAfter(at(3, 9), "k()"), EnsureAfter(at(7, 5), "k()")) == after
    assert edited("g()", EnsureAfter(at(1), "k()")) == "g()\nk()"
    assert edited("g()\nk().x\n", EnsureAfter(at(1), "k()")) == "g()\nk()\nk().x\n", "another statement"
    with pytest.raises(PatchError, match="no statement of its own"):
        edited("if a: g()\n", EnsureAfter(at(1, 7), "k()"))


def test_an_entry_is_laid_out_like_the_others_of_its_dict() -> None:
    from readybook.intents import EnsureEntry

    def entry(column: int, *keys: str, value: str = "[\"x\"]") -> EnsureEntry:
        return EnsureEntry(at(1, column), keys[:-1], keys[-1], value)

    assert edited("A = {}\n", entry(5, "k")) == "A = {\"k\": [\"x\"]}\n"
    assert edited("A = {'a': {'b': 1,},}\n", entry(5, "a", "k"), entry(5, "a", "k"), entry(5, "k")) == (
        "A = {'a': {'b': 1, 'k': ['x']}, 'k': ['x']}\n")
    rows = "A = {\n    'a': 1,  # c\n    'b': {\n        'c': []\n    }\n}\n"
    after = edited(rows, entry(5, "b", "c"), entry(5, "b", "k"), entry(5, "k", value="1"))
    assert after == ("A = {\n    'a': 1,  # c\n    'b': {\n        'c': ['x'],\n        'k': ['x']\n    },\n"
                     "    'k': 1\n}\n")
    assert edited(after, entry(5, "b", "c"), entry(5, "b", "k"), entry(5, "k", value="2")) == after, "it is there"
    long = "f({\"a\": 1, \"b\": \"" + "b" * 90 + "\"})\n"
    assert edited(long, entry(3, "k")) == (
        "f({\n    \"a\": 1,\n    \"b\": \"" + "b" * 90 + "\",\n    \"k\": [\"x\"],\n})\n")
    for text, wanted in (("A = {**B}\n", entry(5, "k")), ("A = B\n", entry(5, "k")), ("A = {}\n", entry(5, "a", "k"))):
        with pytest.raises(PatchError, match="no dict display"):
            edited(text, wanted)
