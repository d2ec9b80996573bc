"""What FastAPI injects: dependencies in order of evaluation, and the inputs of a route by where they come from."""

from __future__ import annotations

from textwrap import dedent

import pytest

from readybook.facts.application import Route
from readybook.project import Project

HEAD = "from typing import Annotated\nfrom fastapi import *\nfrom fastapi import Security\napp = FastAPI()\n"


def route(text: str, **files: str) -> Route:
    """The one route of a main.py."""
    others = {name.replace("__", "/") + ".py": dedent(code) for name, code in files.items()}
    (found,) = Project.from_files({"main.py": HEAD + dedent(text), **others}, app="main:app").facts.routes
    return found


@pytest.mark.parametrize(("text", "expected"), [
    ("def a(): ...\n@app.get('/')\ndef h(x=Depends(a)): ...", ["main.a"]),
    ("def a(): ...\n@app.get('/')\ndef h(x: Annotated[int, Depends(a)]): ...", ["main.a"]),
    ("def a(): ...\nA = Annotated[int, Depends(a)]\n@app.get('/')\ndef h(x: A): ...", ["main.a"]),
    ("def a(): ...\nA = Annotated[int, Depends(a)]\n@app.get('/')\ndef h(x: 'A'): ...", ["main.a"]),
    ("def a(): ...\nB = Annotated[Annotated[int, Depends(a)], 'more']\n@app.get('/')\ndef h(x: B): ...", ["main.a"]),
    ("def a(): ...\ndef b(x=Depends(a)): ...\n@app.get('/')\ndef h(x=Depends(b), y=Depends(a)): ...", ["main.a",
     "main.b"]),
    ("class A:\n    def __init__(self, q: int = 1): ...\n@app.get('/')\ndef h(x: A = Depends()): ...", ["main.A"]),
    ("class A:\n    def __init__(self, q: int = 1): ...\n@app.get('/')\ndef h(x: Annotated[A, Depends()]): ...",
     ["main.A"]),
    ("class A:\n    def __call__(self, q: int = 1): ...\na = A()\n@app.get('/')\ndef h(x=Depends(a)): ...",
     ["main.A()"]),
    ("class A:\n    def m(self, q: int = 1): ...\n@app.get('/')\ndef h(x=Depends(A().m)): ...", ["main.A.m"]),
    ("def make(role):\n    def check(): ...\n    return check\n@app.get('/')\ndef h(x=Depends(make('a'))): ...",
     ["main.make.<locals>.check"]),
    ("def a(): ...\n@app.get('/', dependencies=[Depends(a)])\ndef h(): ...", ["main.a"]),
    ("def a(): ...\nONE = [Depends(a)]\n@app.get('/', dependencies=[*ONE])\ndef h(): ...", ["main.a"]),
    ("from functools import partial\ndef a(x): ...\n@app.get('/')\ndef h(x=Depends(partial(a, 1))): ...", ["main.a"]),
    ("from fastapi.security import HTTPBearer\ns = HTTPBearer()\n@app.get('/')\ndef h(x=Security(s)): ...",
     ["fastapi.security.http.HTTPBearer()"]),
    ("from fastapi.security import OAuth2PasswordBearer as O\ndef user(t: str = Depends(O(tokenUrl='t'))): ...\n"
     "@app.get('/')\ndef h(u=Security(user, scopes=['a'])): ...",
     ["fastapi.security.oauth2.OAuth2PasswordBearer()", "main.user"]),
    ("from fastapi.security import HTTPBearer\nclass B(HTTPBearer):\n"
     "    async def __call__(self, request: Request): ...\n"
     "@app.get('/')\ndef h(x=Depends(B())): ...", ["main.B()"]),
    ("async def a():\n    yield 1\n@app.get('/')\ndef h(x=Depends(a)): ...", ["main.a"]),
    ("from dataclasses import dataclass\ndef a(): ...\n@dataclass\nclass D:\n    x: int = Depends(a)\n"
     "@app.get('/')\ndef h(d: D = Depends()): ...", ["main.a", "main.D"]),
    ("class Base:\n    def __init__(self, x=Depends(lambda: 1)): ...\nclass C(Base): ...\n"
     "@app.get('/')\ndef h(c=Depends(C)): ...", ["main.Base.<lambda>", "main.C"]),
    ("import functools\ndef a(): ...\ndef w(f):\n    @functools.wraps(f)\n    def g(*x, **y): ...\n    return g\n"
     "@w\ndef b(x=Depends(a)): ...\n@app.get('/')\ndef h(c=Depends(b)): ...", ["main.a", "main.b"]),
    ("def a(): ...\ndef b(): ...\nAB = Depends(a) if True else Depends(b)\n@app.get('/')\ndef h(c=AB): ...",
     ["main.a"]),
])
def test_dependencies(text: str, expected: list[str]) -> None:
    assert list(route(text).dependencies) == expected


def test_two_results_of_one_factory_keep_their_own_dependencies() -> None:
    text = """
        from fastapi import APIRouter, Depends, FastAPI
        def one(): ...
        def two(): ...
        def make(path, dep):
            r = APIRouter()
            @r.get(path)
            def handler(x=Depends(dep)): ...
            return r
        app = FastAPI()
        app.include_router(make("/one", one))
        app.include_router(make("/two", two))
        """
    routes = Project.from_files({"main.py": dedent(text)}).facts.routes
    assert [(r.path, r.dependencies) for r in routes] == [("/one", ("main.one",)), ("/two", ("main.two",))]


def test_aliases_in_other_files() -> None:
    found = route(
        "from deps import Session, CurrentUser\n@app.get('/')\ndef h(s: Session, u: CurrentUser): ...",
        deps="""
            from __future__ import annotations
            from typing import Annotated
            from fastapi import Depends
            from db import get_session
            Session = Annotated[object, Depends(get_session)]
            def user(s: Session): ...
            CurrentUser = Annotated[object, Depends(user)]
            """,
        db="def get_session():\n    yield 1\n")
    assert found.dependencies == ("db.get_session", "deps.user")
    assert found.direct_dependencies == ("db.get_session", "deps.user")
    assert found.parameters == () and found.body is None


@pytest.mark.parametrize(("signature", "path", "expected"), [
    ("id: int", "/{id}", [("id", "path", True)]),
    ("p: str", "/{p:path}", [("p", "path", True)]),
    ("q: str", "/", [("q", "query", True)]),
    ("q: str | None = None", "/", [("q", "query", False)]),
    ("q: list[str] = Query([])", "/", [("q", "query", False)]),
    ("q: Annotated[str, Query(alias='quest')]", "/", [("quest", "query", True)]),
    ("q: Annotated[str, Query()] = 'x'", "/", [("q", "query", False)]),
    ("user_agent: str = Header(None)", "/", [("user-agent", "header", False)]),
    ("x_y: str = Header(..., convert_underscores=False)", "/", [("x_y", "header", True)]),
    ("s: str = Cookie()", "/", [("s", "cookie", True)]),
    ("r: Request, w: Response, b: BackgroundTasks", "/", []),
    ("q: int = Query(1, include_in_schema=False)", "/", [("q", "hidden", False)]),
    ("kind: Kind = Kind.A", "/", [("kind", "query", False)]),
    ("f: Annotated[Filters, Query()]", "/", [("limit", "query", False), ("text", "query", True)]),
    ("*args, **kwargs", "/", []),
    ("a, b=1, /, *, c", "/", [("a", "query", True), ("b", "query", False), ("c", "query", True)]),
])
def test_parameters(signature: str, path: str, expected: list[tuple[str, str, bool]]) -> None:
    text = f"""
        from enum import Enum
        from pydantic import BaseModel
        class Kind(str, Enum):
            A = "a"
        class Filters(BaseModel):
            limit: int = 10
            text: str
        @app.get("{path}")
        def h({signature}): ...
        """
    assert [(p.alias, p.where, p.required) for p in route(text).parameters] == expected


@pytest.mark.parametrize(("signature", "has_body"), [
    ("item: Item", True), ("items: list[Item]", True), ("d: dict", True), ("item: Item | None = None", True),
    ("n: int = Body()", True), ("name: str = Form()", True), ("f: UploadFile", True), ("f: bytes = File()", True),
    ("p: Point", True), ("n: int", False), ("when: datetime", False), ("i: Item = Depends()", False),
    ("f: OAuth2PasswordRequestForm = Depends()", True),
])
def test_bodies(signature: str, has_body: bool) -> None:
    text = f"""
        from dataclasses import dataclass
        from datetime import datetime
        from fastapi.security import OAuth2PasswordRequestForm
        from pydantic import BaseModel
        class Item(BaseModel):
            a: int
        @dataclass
        class Point:
            x: int
        @app.post("/")
        def h({signature}): ...
        """
    assert (route(text).body is not None) is has_body


@pytest.mark.parametrize(("text", "is_async"), [
    ("@app.get('/')\nasync def h(): ...", True), ("@app.get('/')\ndef h(): ...", False),
    ("import functools\ndef w(f):\n    @functools.wraps(f)\n    async def g(*a): ...\n    return g\n"
     "@app.get('/')\n@w\ndef h(): ...", True),
    ("import asyncio, functools\ndef w(f):\n    if asyncio.iscoroutinefunction(f):\n        @functools.wraps(f)\n"
     "        async def g(*a): ...\n    else:\n        @functools.wraps(f)\n        def g(*a): ...\n    return g\n"
     "@app.get('/')\n@w\ndef h(): ...", False),
    *((f"import functools\nfrom starlette._utils import is_async_callable\ndef w(f):\n    if is_async_callable(f):\n"
       f"        @functools.wraps(f)\n        async def g(*a): ...\n        return g\n    @functools.wraps(f)\n"
       f"    def k(*a): ...\n    return k\nclass C:\n    {word}def __call__(self): ...\n{handler}", bool(word))
      for word in ("async ", "") for handler in (f"@app.get('/')\n@w\n{word}def h(): ...", "app.get('/')(w(C()))")),
    ("class C:\n    async def __call__(self): ...\napp.get('/')(C())", True),
    ("app.get('/')(lambda: 1)", False),
])
def test_handlers_that_are_awaited(text: str, is_async: bool) -> None:
    assert route(text).is_async is is_async


def test_a_dependency_that_stands_where_an_optional_package_is_installed() -> None:
    text = ("from fastapi import Depends, FastAPI\ntry:\n    from redis.asyncio import Redis\nexcept ImportError:\n"
            "    Redis = None\n\ndef settings(): ...\n\nif Redis is not None:\n"
            "    def store(s=Depends(settings)): ...\nelse:\n    def store(): ...\n\napp = FastAPI()\n\n"
            "@app.get('/a')\ndef a(s=Depends(store)): ...\n\nif Redis is None:\n    app.get('/b')(a)\n")
    facts = Project.from_files({"main.py": text}).facts
    assert [(r.path, r.dependencies, r.by_default) for r in facts.routes] == [
        ("/a", ("main.settings", "main.store"), True), ("/b", ("main.settings", "main.store"), False)]


CHECKERS = """
from __future__ import annotations
from typing import TYPE_CHECKING, Annotated
from fastapi import Depends, FastAPI, Header
def guard(x_token: str = Header("")): ...
if TYPE_CHECKING:
    from people import User
app = FastAPI()
"""


def checked(text: str, release: str = ">=0.128", head: str = CHECKERS) -> tuple[list[str], bool, list[str]]:
    """Of the one route: its dependencies, whether one is not known, and what is not resolved."""
    files = {"main.py": head + text, "requirements.txt": f"fastapi{release}\n"}
    facts = Project.from_files(files, app="main:app").facts
    (found,) = facts.routes
    return list(found.dependencies), found.unknown_dependency, [u.kind for u in facts.unresolved]


GET = "@app.get('/')\ndef h(user: {}): ...\n"
ASKED = "Annotated[User, Depends(guard)]"


@pytest.mark.parametrize(("text", "release", "expected"), [
    # answered without it, as FastAPI 0.125 and later do (measured up to 0.165)
    (GET.format(f"{ASKED} = None"), ">=0.128", ([], False, [])),
    # refused each time, or not to be imported before 0.125
    (GET.format(ASKED), ">=0.128", ([], True, ["dependency"])),
    (GET.format(f"{ASKED} = None"), "==0.115.6", ([], True, ["dependency"])),
    (GET.format(f"{ASKED} = None"), "", ([], True, ["dependency"])),
    (GET.format("User"), ">=0.128", ([], True, ["parameter"])),
    ("def one(user: Annotated[User, Depends(guard)] = None): ...\n" + GET.format("Annotated[int, Depends(one)]"),
     ">=0.128", (["main.one"], False, [])),
    # asked for by the default, by a text inside, or named where it is bound after all
    (GET.format("User = Depends(guard)"), ">=0.128", (["main.guard"], False, [])),
    (GET.format("Annotated['User', Depends(guard)]"), ">=0.128", (["main.guard"], False, [])),
    ("try:\n    from people import User\nexcept ImportError:\n    pass\n" + GET.format(ASKED), ">=0.128",
     (["main.guard"], False, [])),
    ("def late():\n    global User\n    from people import User\n" + GET.format(ASKED), ">=0.128",
     (["main.guard"], False, [])),
    ("from people import *\n" + GET.format(ASKED), ">=0.128", (["main.guard"], False, [])),
    ("from kit import inject\n" + GET.format(ASKED).replace("def h", "@inject\ndef h"), ">=0.128",
     (["main.guard"], False, [])),
])
def test_annotations_that_only_type_checkers_can_read(text: str, release: str, expected: object) -> None:
    assert checked(text, release) == expected


def test_annotations_that_are_evaluated_are_read() -> None:
    head = CHECKERS.replace("from __future__ import annotations\n", "")
    assert checked(GET.format(ASKED), head=head) == (["main.guard"], False, [])
    assert checked(GET.format(f"'{ASKED}'"), head=head) == ([], True, ["dependency"])
