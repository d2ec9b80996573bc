"""Where the parts of an expression come from."""

from __future__ import annotations

import pytest

from readybook.facts.origins import Origins
from readybook.project import Project

HEAD = (
    "import os, shlex, httpx\nfrom enum import Enum\nfrom fastapi import Depends, FastAPI, Request\n"
    "from starlette.concurrency import run_in_threadpool\n\napp = FastAPI()\nNAME = \"fixed\"\n\n\n"
    "class Size(Enum):\n    small = \"s\"\n\n\ndef who(name: str) -> str:\n    return name\n\n\n"
)


def kinds(body: str, extra: str = "", signature: str = "q: str, n: int, size: Size, user=Depends(who)") -> set[str]:
    """Kinds of origins of the argument of ``sink`` in a handler with this body."""
    handler = f"@app.get(\"/\")\nasync def handler({signature}):\n    {body}\n"
    project = Project.from_files({"main.py": f"{HEAD}{extra}{handler}"})
    behaviour = project.facts.behaviour
    call = next(c for c in behaviour.calls if c.last == "sink")
    return {o.kind for o in Origins(behaviour).of(call, call.site.node[4][0])}


@pytest.mark.parametrize(("body", "expected"), [
    ("sink('a' + NAME)", set()),
    ("sink(q)", {"request"}),
    ("sink(f'{n} {size.value} {shlex.quote(q)}')", set()),
    ("x = 'a'; x += q.strip(); sink(x)", {"request"}),
    ("sink('%s' % (q,))", {"request"}),
    ("sink(os.environ['A'])", {"environment"}),
    ("sink(user)", {"unknown"}),
    ("answer = await httpx.AsyncClient().get('u'); sink(answer.text)", {"network"}),
    ("sink(open('a').read())", {"file"}),
    ("sink('a' if q else 'b')", set()),
    ("d = {'a': q, 'b': 'c'}; sink(d['b'])", set()),
    ("d = {'a': q, 'b': 'c'}; sink(d['a'])", {"request"}),
    ("d = {'b': 'c'}; d['a'] = q; sink(d['b'])", set()),
    ("d = {'b': 'c'}; d['a'] = q; sink(d['a'])", {"request"}),
    ("d = {'b': 'c'}; d['a']['x'] = q; sink(d['a']['y'])", {"request"}),
    ("d = {'b': 'c'}; d[NAME] = q; sink(d['b'])", {"request"}),
    ("d = {'a': 'c'}; d['a'] = q; sink(d)", {"request"}),
])
def test_a_handler(body: str, expected: set[str]) -> None:
    assert kinds(body) == expected


def test_guards_by_a_list_and_by_a_pattern() -> None:
    assert kinds("if q not in ('a', 'b'):\n        raise ValueError\n    sink(q)") == set()
    assert kinds("if not q.isalnum():\n        raise ValueError\n    sink(q)") == {"checked"}
    assert kinds("if not is_in_dir(q, NAME):\n        raise ValueError\n    sink(q)") == {"checked"}
    assert kinds("if q in ('a', 'b'):\n        raise ValueError\n    sink(q)") == {"request"}
    assert kinds("if not inside(q):\n        raise ValueError\n    sink(q)") == {"checked"}
    assert kinds("try:\n        UUID(q)\n    except ValueError:\n        return\n    sink(q)") == {"checked"}


@pytest.mark.parametrize(("test", "expected"), [
    ("urlparse(q).hostname not in HOSTS", "checked"),
    ("parsed.scheme != 'https' or parsed.netloc.lower() not in HOSTS", "checked"),
    ("not parsed.hostname.endswith('.example.com')", "checked"),
    ("host not in HOSTS", "checked"),
    ("parsed.scheme not in ('http', 'https') or not parsed.netloc", "request"),
    ("not host", "request"),
])
def test_guards_by_the_host_of_an_address(test: str, expected: str) -> None:
    body = "parsed = urlparse(q); host = urlparse(q).hostname\n    "
    assert kinds(f"{body}if {test}:\n        raise ValueError\n    sink(q)") == {expected}


def test_a_mapping_that_is_handed_on_is_known_by_its_keys() -> None:
    inner = "def inner(config):\n    sink(config['folder'])\n\n\n"
    assert kinds("config = {'folder': 'a'}; config['name'] = q; inner(config)", inner) == set()
    assert kinds("config = {'folder': 'a'}; config['folder'] = q; inner(config)", inner) == {"request"}


def test_what_a_validator_gives_back_under_the_same_name_is_checked() -> None:
    extra = "def {0}(text):\n    if '..' in text:\n        raise ValueError\n    return text\n\n\n"
    assert kinds("q = _validate_name(q); sink(q)", extra.format("_validate_name")) == {"checked"}
    assert kinds("ok = check_name(q); sink(q)", "def check_name(text):\n    return True\n\n\n") == {"request"}


def test_through_calls_and_hand_overs() -> None:
    inner = "def inner(kind, *, text='x'):\n    sink(text)\n\n\n"
    assert kinds("inner(1, text=q)", inner) == {"request"}
    assert kinds("inner(q)", inner) == set()
    handed = "def inner(text):\n    sink(text)\n\n\n"
    assert kinds("await run_in_threadpool(inner, q)", handed) == {"request"}
    assert kinds("pass", handed) == {"parameter"}


def test_fields_of_a_body_by_their_patterns() -> None:
    model = "from pydantic import BaseModel, Field, constr\n\n\nclass Body(BaseModel):\n" \
        "    name: str = Field(pattern='^[a-z]+$')\n    kind: constr(pattern='^a$')\n" \
        "    free: str = Field(max_length=9)\n\n\n"
    assert kinds("sink(body.name)", model, "body: Body") == {"checked"}
    assert kinds("sink(body.kind)", model, "body: Body") == {"checked"}
    assert kinds("sink(body.free)", model, "body: Body") == {"request"}


def test_fields_of_a_body_by_their_types() -> None:
    model = "from pydantic import BaseModel\n\n\nclass Body(BaseModel):\n    text: str\n    size: Size | None\n\n\n"
    assert kinds("sink(body.text)", model, "body: Body") == {"request"}
    assert kinds("sink(body.size)", model, "body: Body") == set()


def test_a_function_that_calls_itself_ends() -> None:
    assert kinds("turn(q)", "def turn(text):\n    sink(text)\n    turn(text + text)\n\n\n") == {"request"}


@pytest.mark.parametrize(("body", "expected"), [
    ("for part in q:\n        sink(part)", {"request"}),
    ("x = q\n    x = 'a'\n    sink(x)", set()),
    ("x = 'a'\n    sink(x)\n    x = q", set()),
    ("x = 'a'\n    if n:\n        x = q\n    sink(x)", {"request"}),
    ("sink(', '.join(f':p{i}' for i, part in enumerate(q)))", set()),
    ("sink(', '.join(part for part in q.split() if part in ('a', 'b')))", set()),
    ("sink(q if q in ('a', 'b') else 'a')", set()),
    ("sink(who(q))", {"request"}),
    ("sink(who('a'))", set()),
    ("if q in ('a', 'b'):\n        sink(q)", set()),
    ("check_name(q)\n    sink(q)", {"checked"}),
    ("sink(nobody)", {"unbound"}),
    ("a, b = 'x', q\n    sink(a)", set()),
    ("rows = [(q, 'a = %s'), (n, 'b = %s')]\n    sink([text for value, text in rows if value])", set()),
    ("rows = [(q, 'a = %s'), (n, 'b = %s')]\n    sink([value for value, text in rows])", {"request"}),
    ("sink(input())", {"console"}),
    ("values = {'a': q}\n    for k in values:\n        pass\n    sink(list(k for k in values.keys()))", set()),
])
def test_ways_inside_a_body(body: str, expected: set[str]) -> None:
    assert kinds(body) == expected


def test_one_part_of_a_tuple_that_a_function_gives_back() -> None:
    pair = "def pair(text):\n    return 'DELETE', [text]\n\n\n"
    assert kinds("sql, values = pair(q)\n    sink(sql)", pair) == set()
    assert kinds("sql, values = pair(q)\n    sink(values)", pair) == {"request"}
