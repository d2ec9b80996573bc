"""What expressions are worth: folded where the code says so, else Unknown; values of the environment keep its names."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from readybook.facts.interpreter import Interpreter
from readybook.facts.modules import Module
from readybook.facts.values import Choice, FromEnv, Unknown, as_served, by_default
from readybook.project import Project


def value(text: str, files: dict[str, str] | None = None) -> Any:
    """What ``x`` is worth after a main.py ran."""
    project = Project.from_files({"main.py": dedent(text), **(files or {})})
    module = project.facts.modules.find("main", None)
    assert isinstance(module, Module)
    return Interpreter(project.facts.modules, project.facts.program.run.files).load(module).scope.names["x"]


@pytest.mark.parametrize(("text", "expected"), [
    ("x = 'a' + 'b' * 2", "abb"),
    ("x = f'{1 + 1}/{True}/{None}'", "2/True/None"),
    ("x = '{}-{b}'.format(1, b='c')", "1-c"),
    ("x = '%s/%d' % ('a', 2)", "a/2"), ("x = 'a,b'.split(',')", ["a", "b"]), ("x = '/'.join(['a', 'b'])", "a/b"),
    ("x = [i * 2 for i in range(4) if i % 2]", [2, 6]), ("x = {k: v for k, v in [('a', 1)]}", {"a": 1}),
    ("a, *b, c = 1, 2, 3, 4\nx = [a, b, c]", [1, [2, 3], 4]), ("x = (y := 3) + y", 6), ("x = 1 if [] else 2", 2),
    ("x = not 0 and 'b' or 'c'", "b"), ("x = {**{'a': 1}, 'b': 2}['b']", 2), ("x = [1, 2, 3][-1]", 3),
    ("x = 'abc'[1:]", "bc"), ("x = 1 < 2 < 3", True), ("x = 'a' in ['a']", True), ("x = len('abc') + max(1, 5)", 8),
    ("x = sum([[1], [2]], [])", [1, 2]), ("x = sorted({3, 1})", [1, 3]), ("x = dict(a=1).get('b', 7)", 7),
    ("x = [*map(str.upper, ['a'])]", ["A"]),
    ("def f(a, b=2, *c, d=4, **e):\n    return [a, b, c, d, e]\nx = f(1, 3, 5, d=6, g=7)", [1, 3, (5,), 6, {"g": 7}]),
    ("def f(n):\n    if n > 1:\n        return 'big'\n    return 'small'\nx = f(1) + f(2)", "smallbig"),
    ("class A:\n    B = 'b'\n    def m(self): return self.B + self.c\n    c = 'c'\nx = A().m()", "bc"),
    ("class A:\n    def __init__(self, n): self.n = n\n    @property\n"
     "    def double(self): return self.n * 2\nx = A(4).double", 8),
    ("class A:\n    @classmethod\n    def make(cls): return cls()\n    n = 5\nclass B(A):\n    n = 6\nx = B.make().n",
     6),
    ("class A:\n    def f(self): return 'a'\nclass B(A):\n    def f(self): return super().f() + 'b'\nx = B().f()",
     "ab"),
    ("from enum import Enum\nclass E(str, Enum):\n    A = 'a'\nx = f'{E.A.value}' + E('a').value + E['A'].name", "aaA"),
    ("from http import HTTPStatus\nx = HTTPStatus.NOT_FOUND.value", 404),
    ("x = (any([1, 0]), any([0]), any([]), all([1, 0]), all([1]), all([]))", (True, False, False, False, True, True)),
    ("from enum import Enum, IntEnum\nclass E(str, Enum):\n    A = 'a'\nclass N(IntEnum):\n    B = 2\n"
     "x = 'p:' + E.A + ':q' * N.B", "p:a:q:q"),
    ("from enum import Enum\nclass E(Enum):\n    A = 1\n    B = 2\nx = [e.value for e in E]", [1, 2]),
    ("from dataclasses import dataclass, field\n@dataclass\nclass D:\n    a: int\n"
     "    b: list = field(default_factory=list)\n"
     "x = [D(1).a, D(a=2, b=[3]).b, D(1).b]", [1, [3], []]),
    ("from collections import defaultdict\nd = defaultdict(list)\nd['a'].append(1)\nx = d['a']", [1]),
    ("from itertools import chain\nx = list(chain([1], (2,)))", [1, 2]),
    ("x = []\nfor i in range(3):\n    if i == 1:\n        continue\n    x.append(i)", [0, 2]),
    ("i = 0\nwhile i < 5:\n    i += 2\nx = i", 6),
    ("def g():\n    yield 1\n    yield from [2, 3]\nx = list(g())", [1, 2, 3]),
    ("try:\n    raise ValueError\nexcept ValueError:\n    x = 'caught'", "caught"),
    ("import functools\n@functools.lru_cache\ndef f(): return object()\nx = f() is f()", True),
    ("d = {'a': 1, 'b': 2}\nd.pop('a')\nx = list(d)", ["b"]), ("x = {1, 2} - {2}", [1]),
    ("match 'b':\n    case 'a': x = 1\n    case 'b': x = 2", 2), ("x = int('7') + bool('a')", 8),
    ("import os.path\nx = os.path.join('a', 'b') + os.path.basename('/c/d')", "a/bd"),
    ("from pathlib import Path\nx = (Path('a') / 'b.py').with_suffix('').name", "b"),
    ("x = getattr(__import__('other'), 'Y')", 9), ("from other import *\nx = Y", 9), ("import other as o\nx = o.Y", 9),
    ("try:\n    from other import Z as x\nexcept ImportError:\n    x = 'none'", "none"),
    ("from http import HTTPStatus\nfrom fastapi import status\nx = [status.HTTP_404_NOT_FOUND, HTTPStatus.CREATED]",
     [404, 201]),
    ("async def f(): return 3\nimport asyncio\nx = asyncio.run(f())", 3), ("x = (lambda a, b=2: a + b)(1)", 3),
    ("def deco(f): return lambda: f() + 1\n@deco\ndef f(): return 1\nx = f()", 2),
    ("def outer():\n    n = 5\n    def inner(): return n\n    return inner\nx = outer()()", 5),
    ("n = 1\ndef f():\n    global n\n    n = 4\nf()\nx = n", 4),
])
def test_known_values(text: str, expected: Any) -> None:
    assert value(text, {"other.py": "Y = 9\n_hidden = 1\n"}) == expected


@pytest.mark.parametrize("text", [
    "import os\nx = os.urandom(1)", "x = undefined_name", "import requests\nx = requests.get('u').json()['a']",
    "x = open('/etc/passwd').read()", "import random\nx = [1, 2][random.randint(0, 1)]", "x = eval('1 + 1')",
    "x = 10 ** 10 ** 10", "x = int('nine')", "x = [1][5]", "x = {'a': 1}['b']", "x = 'a' + 1",
    "import sys\nx = any('q' in a.lower() for a in sys.argv)", "import sys\nx = all(a for a in sys.argv)",
])
def test_what_is_not_known_is_unknown(text: str) -> None:
    found = value(text)
    assert not isinstance(found, str | int | float | list | dict | bool)


@pytest.mark.parametrize(("text", "name", "default"), [
    ("import os\nx = os.getenv('A', 'b')", "A", "b"), ("import os\nx = os.environ.get('A')", "A", None),
    ("from os import environ\nx = environ.get('A', '1')", "A", "1"),
    ("import os\nx = int(os.getenv('A', '5')) * 2", "A", 10),
    ("import os\nx = f\"/{os.getenv('A', 'v1')}/x\"", "A", "/v1/x"),
    ("import os\nx = os.getenv('A', 'a,b').split(',')", "A", ["a", "b"]),
    ("import os\nx = os.getenv('A', 'false').lower() == 'true'", "A", False),
    ("from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    a: str = 'z'\nx = S().a", "A", "z"),
    ("from pydantic_settings import BaseSettings, SettingsConfigDict\nclass S(BaseSettings):\n    port: int = 80\n"
     "    model_config = SettingsConfigDict(env_prefix='APP_')\nx = S().port", "APP_PORT", 80),
    ("from pydantic import BaseSettings, Field\nclass S(BaseSettings):\n    a: str = Field('q', env='OTHER')\n"
     "x = S().a", "OTHER", "q"),
    ("from starlette.config import Config\nconfig = Config('.env')\nx = config('A', cast=str, default='d')", "A", "d"),
    ("from decouple import config\nx = config('A', default='d')", "A", "d"),
    ("from environs import Env\nenv = Env()\nx = env('A', 'd')", "A", "d"),
])
def test_values_from_the_environment(text: str, name: str, default: Any) -> None:
    found = value(text)
    assert isinstance(found, FromEnv)
    assert (found.name, by_default(found)) == (name, default)


def test_a_required_variable_is_unknown_until_a_dotenv_file_gives_it() -> None:
    text = "import os\nx = os.environ['A'] + '/x'"
    assert isinstance(by_default(value(text)), Unknown)
    assert as_served(value(text, {".env": "A=/given\n"})) == "/given/x"


def test_a_condition_keeps_both_branches() -> None:
    found = value("import os\nx = 'a' if os.getenv('DEBUG') else 'b'")
    assert isinstance(found, Choice)
    assert [v for _, v in found.options] == ["a", "b"]
    assert by_default(found) == "b"


def test_files_of_the_target_are_read_and_others_are_not() -> None:
    files = {"conf/a.toml": "[t]\nk = 'v'\n", "conf/b.yaml": "k: [1, 2]\n"}
    text = """
        import os, tomllib, yaml
        from pathlib import Path
        here = Path(__file__).resolve().parent
        with open(here / "conf" / "a.toml", "rb") as f:
            a = tomllib.load(f)
        b = yaml.safe_load((here / "conf/b.yaml").read_text())
        x = [a["t"]["k"], b["k"], sorted(os.listdir(here / "conf")), [p.name for p in here.glob("*.py")]]
        """
    assert value(text, files) == ["v", [1, 2], ["a.toml", "b.yaml"], ["main.py"]]
    assert isinstance(value("import json\nx = json.load(open('/etc/hostname'))"), Unknown)
    assert isinstance(value("import os\nx = os.listdir('/')"), Unknown)
    assert isinstance(value("import os\nx = os.listdir('../..')"), Unknown)


def test_a_field_of_a_model_made_of_arguments_not_known_has_its_default_as_the_usual_value() -> None:
    text = ("import os\nfrom fastapi import FastAPI\nfrom pydantic import BaseModel\n\nclass Config(BaseModel):\n"
            "    debug: bool = False\n    prefix: str = '/api'\n    count: int\n\n"
            "c = Config(**{k: v for k, v in os.environ.items() if v})\napp = FastAPI()\n\ndef h(): ...\n\n"
            "app.get(f'{c.prefix}/a')(h)\nif c.debug:\n    app.get('/b')(h)\nif c.count:\n    app.get('/c')(h)\n")
    facts = Project.from_files({"main.py": text}).facts
    assert [(r.path, r.condition, r.by_default) for r in facts.routes] == [
        ("/api/a", None, True), ("/b", "c.debug", False), ("/c", "c.count", None)]
