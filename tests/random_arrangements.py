"""Ways in which people put a module of routes together: its code, what main imports of it, what main does with it.

``$path``, ``$other`` are paths, ``$signature`` parameters, ``$options`` arguments of a registration, ``$included``
those of an inclusion, ``$extra`` a flag of the settings, ``$registered`` a registration on ``app``, ``$m`` the module
and ``$n`` its number.
"""

from __future__ import annotations

from typing import NamedTuple


class Arrangement(NamedTuple):
    """One way, as text of three places."""

    module: str
    imports: str
    main: str


HEAD = """
from functools import partial, wraps, reduce
from typing import Annotated, TYPE_CHECKING
import itertools
from enum import Enum
from fastapi import APIRouter, Depends, FastAPI, Query, Request, WebSocket, status
from http import HTTPStatus
"""

ARRANGEMENTS = (
    Arrangement("""
def setup(app: FastAPI, *, word: str = "w") -> None:
    app.add_api_route($path + "/" + word, lambda: 1, methods=["GET"], name="n$n")
$registered
""", "from .$m import setup as setup$n", "setup$n(app$choice)"),
    Arrangement("""
REGISTRY = []
def register(path, **options):
    def take(f):
        REGISTRY.append((path, f, options))
        return f
    return take
@register($path, methods=["GET"])
def first($signature): return 1
@register($other, methods=["POST", "PUT"])
async def second(): return 2
""", "from . import $m", """
for where, what, given in $m.REGISTRY:
    app.add_api_route(where, what, **given)
"""),
    Arrangement("""
class Crud:
    prefix = "/crud"
    verbs = {"list": "GET", "make": "POST"}
    def __init__(self, name, *, read_only=False):
        self.router = APIRouter(prefix=f"{self.prefix}/{name}", tags=[name])
        for action, verb in self.verbs.items():
            if read_only and verb != "GET":
                continue
            self.router.add_api_route("/" + action, getattr(self, action), methods=[verb])
    def list(self, $signature): return 1
    async def make(self): return 2
class Special(Crud):
    prefix = "/special"
    verbs = {**Crud.verbs, "drop": "DELETE"}
    def drop(self): return 3
cruds = [Crud("a$n"), Special("b$n", read_only=$flag), Special("c$n")]
""", "from .$m import cruds as cruds$n", """
for crud in cruds$n:
    app.include_router(crud.router$included)
"""),
    Arrangement("""
class Endpoint:
    known = []
    def __init_subclass__(cls, path=None, **kwargs):
        super().__init_subclass__(**kwargs)
        if path:
            cls.known.append((path, cls))
class One(Endpoint, path=$path):
    def get(self, $signature): return 1
class Two(Endpoint, path=$other):
    def get(self): return 2
    async def post(self): return 3
""", "from .$m import Endpoint as Endpoint$n", """
for where, kind in Endpoint$n.known:
    made = kind()
    for verb in ("get", "post"):
        if hasattr(made, verb):
            app.add_api_route(where, getattr(made, verb), methods=[verb.upper()])
"""),
    Arrangement("""
def routers():
    for word in ("x", "y"):
        router = APIRouter(prefix="/g$n" + word)
        @router.get($path$options)
        def of(): return word
        yield router
""", "from .$m import routers as routers$n", """
for each in routers$n():
    app.include_router(each)
"""),
    Arrangement("""
early = APIRouter(prefix="/early$n")
""", "from .$m import early as early$n", """
@early$n.get($path$options)
def before$n(): return 1
app.include_router(early$n)
"""),
    Arrangement("""
def build(): return {name: APIRouter(prefix=f"/{name}$n") for name in ("u", "v")}
made = build()
@made["u"].get($path$options)
def of_u($signature): return 1
@made["v"].post($other)
def of_v(): return 2
""", "from .$m import made as made$n", """
for key in sorted(made$n, reverse=True):
    app.include_router(made$n[key], tags=[key])
[app.include_router(v, prefix="/again") for k, v in made$n.items() if k == "v"]
"""),
    Arrangement("""
router = APIRouter(prefix="/prod$n")
for kind, version in itertools.product(("a", "b"), (1, 2)):
    if (kind, version) == ("b", 2): continue
    @router.get(f"/{kind}/v{version}")
    def handle($signature): return kind
""", "from .$m import router as product$n", "app.include_router(product$n)"),
    Arrangement("""
class Section(str, Enum):
    LEFT = "left"
    RIGHT = "right"
router = APIRouter(prefix="/sec$n")
for section in Section:
    router.add_api_route("/" + section.value, lambda: 1, methods=["GET"], name=section.name)
@router.post(f"/{Section.LEFT.value}-{Section.RIGHT.name.lower()}")
def both(): return 2
""", "from . import $m as section$n", "app.include_router(section$n.router)"),
    Arrangement("""
router = APIRouter(prefix="/part$n")
get = partial(router.get, status_code=202)
@get($path)
def got($signature): return 1
post = router.post
@post($other)
def posted(): return 2
""", "from .$m import router as partial$n", "app.include_router(partial$n)"),
    Arrangement("""
def one(): return 1
router = APIRouter(prefix="/list$n", routes=[])
router.add_api_route($path, one)
""", "from .$m import router as listed$n", "app.router.include_router(listed$n)"),
    Arrangement("""
class routes:
    router = APIRouter(prefix="/ns$n")
    @staticmethod
    @router.get($path$options)
    def shown($signature): return 1
    @router.post("/made")
    async def made(): return 2
""", "from .$m import routes as routes$n", "app.include_router(routes$n.router)"),
    Arrangement("""
class Builder:
    def __init__(self): self.made = APIRouter()
    def at(self, prefix):
        self.made = APIRouter(prefix=prefix)
        return self
    def get(self, path, f):
        self.made.add_api_route(path, f, methods=["GET"])
        return self
    def done(self): return self.made
router = Builder().at("/flu$n").get($path, lambda: 1).get($other, lambda: 2).done()
""", "from .$m import router as fluent$n", "app.include_router(fluent$n)"),
    Arrangement("""
def latest(router, *versions):
    for version in versions:
        yield version, router
router = APIRouter(prefix="/ver$n")
@router.get($path$options)
def handled($signature): return 1
""", "from .$m import router as ver$n, latest as latest$n", """
for version, each in latest$n(ver$n, 1, 2):
    app.include_router(each, prefix=f"/v{version}", tags=[f"v{version}"])
"""),
    Arrangement("""
def prefix_of(kind):
    match kind:
        case "a" | "b": return "/ab"
        case str() if kind.startswith("c"): return "/c"
        case _: return "/rest"
router = APIRouter(prefix=prefix_of($word) + "$n")
@router.get($path)
def matched($signature): return 1
""", "from .$m import router as matched$n", "app.include_router(matched$n)"),
    Arrangement("""
old, new = APIRouter(prefix="/old$n"), APIRouter(prefix="/new$n")
for each in (old, new):
    each.add_api_route($path, lambda: 1)
router = new if $extra else old
""", "from .$m import router as chosen$n", "app.include_router(chosen$n)"),
    Arrangement("""
parts = [APIRouter(prefix="/red$n"), APIRouter(prefix="/b"), APIRouter(prefix="/c")]
parts[-1].add_api_route($path, lambda: 1)
def into(outer, inner):
    inner.include_router(outer)
    return inner
router = reduce(into, parts[::-1])
""", "from .$m import router as reduced$n", "app.include_router(reduced$n)"),
    Arrangement("""
def audited(register):
    def take(path, *args, **kwargs):
        def decorate(f):
            @wraps(f)
            async def inner(*a, **k): return f(*a, **k)
            return register(path, *args, **kwargs)(inner)
        return decorate
    return take
router = APIRouter(prefix="/aud$n")
@audited(router.get)($path$options)
def seen($signature): return 1
@audited(router.post)($other)
def sent(): return 2
""", "from .$m import router as audited$n", "app.include_router(audited$n)"),
    Arrangement("""
first, second = APIRouter(prefix="/mem$n"), APIRouter(prefix="/mem${n}b")
first.add_api_route($path, lambda: 1)
second.add_api_route($other, lambda: 2)
not_a_router = 5
""", "from . import $m", """
for name in ("first", "second", "third", "not_a_router"):
    value = getattr($m, name, None)
    if isinstance(value, APIRouter):
        app.include_router(value)
"""),
    Arrangement("""
first, second = APIRouter(prefix="/var$n"), APIRouter(prefix="/var${n}b")
first.add_api_route($path, lambda: 1)
second.add_api_route($other, lambda: 2)
not_a_router = 5
""", "from . import $m", """
for name, value in vars($m).items():
    if isinstance(value, APIRouter):
        app.include_router(value)
"""),
)
