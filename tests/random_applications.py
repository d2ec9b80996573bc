# ruff: noqa: E501 - what is written stands on one line, as in the application
"""Random FastAPI applications of several modules, in many of the ways in which people put theirs together.

``application(seed)`` gives the files of one package; what its routes are is what FastAPI says when it is imported.
"""

from __future__ import annotations

import random
from string import Template
from textwrap import indent

from random_arrangements import ARRANGEMENTS, HEAD

METHODS = ("get", "post", "put", "delete", "patch")
WORDS = ("users", "items", "orders", "carts", "files", "reports", "teams", "notes")


INPUTS = ["from ..inputs import *", "from typing import *", "from fastapi import *", "from starlette.requests import HTTPConnection", "from uuid import UUID", "from datetime import datetime", "from decimal import Decimal"]
DECLARED = """
from enum import Enum
from typing import *
from fastapi import *
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from dataclasses import dataclass
__all__ = ["Item", "Order", "Page", "Filters", "Paging", "Kind", "Limit", "Paged", "Token", "Number", "paged", "nested", "checker", "bare"]
T = TypeVar("T")
Number = NewType("Number", int)
class Kind(str, Enum):
    A = "a"
    B = "b"
class Item(BaseModel):
    name: str
    size: int = 1
class Order(Item):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    unit_price: float
class Page(BaseModel, Generic[T]):
    rows: list[T]
class Filters(BaseModel):
    first_name: str | None = None
    min_size: int = Field(alias="minSize")
    kinds: list[Kind] = []
class Paging:
    def __init__(self, page: int = 1, size: int = Query(10, le=100), order_by: str | None = None): ...
def paged(offset: int = 0, *, limit: Annotated[int, Query(le=10)] = 5): ...
def nested(base=Depends(paged), x_token: str = Header(), session: str | None = Cookie(None)): ...
class Checker:
    def __call__(self, scope: str, paging: Paging = Depends(Paging)): ...
checker = Checker()
async def bare(request: Request, q: str = ""): yield q
Limit = Annotated[int, Query(alias="max", ge=1)]
Paged = Annotated[Paging, Depends()]
Token = Annotated[str, Header(alias="X-Secret-Token")]
"""


class Application:
    """Writes the files of one application from a seed."""

    def __init__(self, seed: int, inputs: bool = False) -> None:
        self.random = random.Random(seed)
        self.package = f"shop{seed}"
        self.files: dict[str, list[str]] = {"__init__": [], "config": [], "deps": [], "main": []}
        self.count = 0
        self.paths: set[str] = set()
        self.dependencies: list[str] = []
        self.inputs = inputs

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def written(self) -> dict[str, str]:
        self.config()
        self.deps()
        routers = [self.router(n) for n in range(self.random.randint(1, 4))]
        self.main(routers)
        return {f"{self.package}/{name.replace('.', '/')}.py": "\n".join(lines) + "\n"
                for name, lines in self.files.items()}

    # settings

    def config(self) -> None:
        r = self.random
        out = self.files["config"]
        style = r.choice(("constants", "class", "dataclass", "pydantic", "environment", "enum", "mapping"))
        self.names = {}
        values = {"PREFIX": r.choice(("/api", "/api/v1", "/v2")), "SEGMENT": r.choice(("admin", "internal", "x")), "EXTRA": r.choice((True, False))}
        if style == "constants":
            out += [f"{k} = {v!r}" for k, v in values.items()]
            self.use, self.read = "from ..config import PREFIX, SEGMENT, EXTRA", {k: k for k in values}
        elif style == "class":
            out += ["class Settings:", *[f"    {k} = {v!r}" for k, v in values.items()], "settings = Settings()"]
            self.use, self.read = "from ..config import settings", {k: f"settings.{k}" for k in values}
        elif style == "dataclass":
            out += ["from dataclasses import dataclass", "@dataclass(frozen=True)", "class Settings:",
                    *[f"    {k}: {type(v).__name__} = {v!r}" for k, v in values.items()],
                    "def get_settings(): return Settings()"]
            self.use, self.read = "from ..config import get_settings", {k: f"get_settings().{k}" for k in values}
        elif style == "pydantic":
            out += ["from functools import lru_cache", "from pydantic_settings import BaseSettings", "class Settings(BaseSettings):",
                    *[f"    {k.lower()}_unset: {type(v).__name__} = {v!r}" for k, v in values.items()],
                    "@lru_cache", "def get_settings() -> Settings:", "    return Settings()", "conf = get_settings()"]
            self.use, self.read = "from .. import config", {k: f"config.conf.{k.lower()}_unset" for k in values}
        elif style == "environment":
            out += ["import os", f"PREFIX = os.getenv('NEVER_SET_PREFIX', {values['PREFIX']!r})",
                    f"SEGMENT = os.environ.get('NEVER_SET_SEGMENT') or {values['SEGMENT']!r}",
                    f"EXTRA = os.getenv('NEVER_SET_EXTRA', {str(values['EXTRA'])!r}).lower() in ('1', 'true')"]
            self.use, self.read = "from ..config import *", {k: k for k in values}
        elif style == "enum":
            out += ["from enum import Enum", "class Place(str, Enum):", f"    PREFIX = {values['PREFIX']!r}", f"    SEGMENT = {values['SEGMENT']!r}", f"EXTRA = {values['EXTRA']}"]
            self.use, self.read = "from ..config import Place, EXTRA", {"PREFIX": "Place.PREFIX.value", "SEGMENT": "Place.SEGMENT.value", "EXTRA": "EXTRA"}
        else:
            out += [f"CONFIG = {{'prefix': {values['PREFIX']!r}, **dict(segment={values['SEGMENT']!r})}}", f"CONFIG.update(extra={values['EXTRA']})"]
            self.use, self.read = "from ..config import CONFIG", {k: f'CONFIG["{k.lower()}"]' for k in values}

    # dependencies

    def deps(self) -> None:
        r = self.random
        out = self.files["deps"]
        out += ["from typing import Annotated", "from fastapi import Depends, Header, HTTPException, Query, Request", "from functools import partial"]
        for _ in range(r.randint(2, 5)):
            name = self.fresh("dep")
            below = f"Depends({r.choice(self.dependencies)})" if self.dependencies and self.chance(0.5) else ""
            kind = r.choice(("function", "async", "yield", "class", "instance", "factory", "alias", "method"))
            param = f"below=({below})" if below else f"q{self.count}: str | None = None"
            annotated = f"below: Annotated[object, {below}]" if below else param
            param = r.choice((param, annotated))
            if kind in ("function", "async"):
                out += [f"{'async ' if kind == 'async' else ''}def {name}({param}): return 1"]
            elif kind == "yield":
                out += [f"def {name}({param}):", "    try:", "        yield 1", "    finally:", "        pass"]
            elif kind == "class":
                out += [f"class {name}:", f"    def __init__(self, {param}): self.value = 1"]
            elif kind == "instance":
                out += [f"class Of{name}:", "    def __init__(self, level=1): self.level = level", f"    def __call__(self, {param}): return self.level", f"{name} = Of{name}(level=2)"]
            elif kind == "factory":
                out += [f"def make_{name}(role):", f"    def check({param}): return role", "    return check", f"{name} = make_{name}('admin')"]
            elif kind == "method":
                out += [f"class Of{name}:", f"    def get(self, {param}): return 1", f"{name} = Of{name}().get"]
            else:
                out += [f"def for_{name}({param}): return 1", f"{name} = for_{name}"]
            self.dependencies.append(name)
        name = r.choice(self.dependencies)
        out += [f"Current = Annotated[object, Depends({name})]"]

    def marker(self) -> str:
        return f"Depends({self.random.choice(self.dependencies)})"

    def markers(self) -> str:
        return "[" + ", ".join(self.marker() for _ in range(self.random.randint(1, 2))) + "]"

    # routers

    def path(self) -> str:
        """An expression whose value is a path."""
        r = self.random
        while True:
            word = r.choice(WORDS) + str(r.randint(1, 99))
            if word not in self.paths:
                break
        self.paths.add(word)
        tail = r.choice(("", "/{item_id}", "/{name:path}", "/"))
        return r.choice((
            repr(f"/{word}{tail}"), f"'/' + '{word}{tail}'", f"f'/{{{self.read['SEGMENT']}}}/{word}{tail.replace('{', '{{').replace('}', '}}')}'",
            f"'/{{}}{tail.replace('{', '{{').replace('}', '}}')}'.format('{word}')", f"'/%s{tail}' % '{word}'", f"'/'.join(['', '{word}']) + '{tail}'",
            f"BASE + '/{word}{tail}'",
        ))

    def signature(self) -> str:
        r = self.random
        if self.inputs:
            return self.input_signature()
        parts = [p for p, share in ((f"a: object = {self.marker()}", 0.3), (f"limit{self.count}: int = Query(10)", 0.3), ("request: Request = None", 0.1)) if r.random() < share]
        if self.chance(0.2):
            parts.insert(0, "user: Current")
        return ", ".join(parts)

    def input_signature(self) -> str:
        """Parameters of a handler in many of the ways in which inputs are declared; needs ``inputs``."""
        r = self.random
        without, given = [], []
        for _ in range(r.randint(0, 4)):
            name = self.fresh("p")
            kind = r.choice(("plain", "default", "optional", "query", "annotated", "header", "cookie", "list", "model", "query_model", "form", "file", "body", "enum", "depends",
                             "class", "alias", "hidden", "literal", "union", "new", "upload", "path", "underscore", "dict", "embed", "ellipsis", "annotated_default", "special"))
            if kind == "path":
                name = r.choice(("item_id", "name"))
                if any(p.startswith(name) for p in without):
                    continue
            text = {
                "plain": f"{name}: {r.choice(('int', 'str', 'bool', 'float', 'UUID', 'datetime', 'Decimal'))}", "default": f"{name}: {r.choice(('int = 1', 'bool = False', 'float = 1.5', 'str = BASE'))}",
                "optional": f"{name}: {r.choice(('str | None = None', 'Optional[int] = None', 'Union[int, None] = 3', 'Optional[str]'))}",
                "query": f"{name}: {r.choice(('int = Query(5, ge=1)', 'str = Query(...)', 'str = Query()', 'str | None = Query(default=None, max_length=5)', 'list[int] = Query([])'))}",
                "annotated": f"{name}: Annotated[int, Query(ge=1{r.choice(('', ', alias=' + repr('n-' + name)))})]", "annotated_default": f"{name}: Annotated[str, Query(max_length=3)] = 'x'",
                "header": f"{name}_x: {r.choice(('str = Header()', 'str | None = Header(None)', 'str = Header(default=' + repr('d') + ', convert_underscores=False)'))}",
                "cookie": f"{name}: {r.choice(('str | None = Cookie(None)', 'Annotated[str, Cookie()]'))}", "list": f"{name}: {r.choice(('list[str] = Query()', 'set[int] = Query(default=set())', 'list[Item]', 'list[int]'))}",
                "model": f"{name}: {r.choice(('Item', 'Order', 'Item | None = None', 'Annotated[Item, Body()]', 'Page[Item]'))}", "query_model": f"{name}: Annotated[{r.choice(('Filters', 'Paging'))}, {r.choice(('Query()', 'Depends()'))}]",
                "form": f"{name}: {r.choice(('str = Form()', 'Annotated[int, Form()]', 'str | None = Form(None)'))}", "file": f"{name}: {r.choice(('bytes = File()', 'UploadFile = File(...)'))}", "upload": f"{name}: {r.choice(('UploadFile', 'UploadFile | None = None', 'list[UploadFile]'))}",
                "body": f"{name}: {r.choice(('int = Body()', 'Annotated[dict, Body()]', 'Any = Body(None)'))}", "embed": f"{name}: Annotated[Item, Body(embed=True)]", "enum": f"{name}: {r.choice(('Kind', 'Kind = Kind.A', 'list[Kind] = Query([Kind.A])'))}",
                "depends": f"{name}: object = Depends({r.choice(('paged', 'Paging', 'nested', 'checker', 'bare'))})", "class": f"{name}: Paging = Depends()", "alias": f"{name}: {r.choice(('Limit', 'Paged', 'Token'))}",
                "hidden": f"{name}: int = Query(1, include_in_schema=False)", "literal": f"{name}: Literal['a', 'b']{r.choice(('', ' = ' + repr('a')))}", "union": f"{name}: int | str = 0", "new": f"{name}: Number",
                "path": f"{name}: {r.choice(('str', 'Annotated[str, Path()]'))}", "underscore": f"_{name}: int = 1", "dict": f"{name}: dict[str, int]", "ellipsis": f"{name}: int = ...",
                "special": f"{name}: {r.choice(('Request', 'Response', 'BackgroundTasks', 'HTTPConnection'))}",
            }[kind]
            (given if " = " in text else without).append(text)
        return ", ".join([*without, *given])

    def options(self) -> str:
        r = self.random
        given = []
        if self.chance(0.25):
            given.append(f"dependencies={self.markers()}")
        if self.chance(0.2):
            given.append(f"tags=['{r.choice(WORDS)}']")
        if self.chance(0.15):
            given.append(f"status_code={r.choice(('201', '202', 'status.HTTP_204_NO_CONTENT', 'HTTPStatus.ACCEPTED'))}")
        if self.chance(0.1):
            given.append(f"include_in_schema={r.choice(('False', 'True', self.read['EXTRA']))}")
        return "".join(f", {g}" for g in given)

    def router(self, number: int) -> tuple[str, str]:
        """A module with a router: its name and the expression for the router inside it."""
        r = self.random
        module = f"routers.r{number}"
        self.files.setdefault("routers.__init__", [])
        out = self.files[module] = ["from functools import partial, wraps", "from http import HTTPStatus", "from typing import Annotated",
                                    "from fastapi import APIRouter, Depends, Query, Request, WebSocket, status", f"from ..deps import {', '.join(self.dependencies)}, Current", self.use, "BASE = '/base'", *self.declared("..")]
        given = []
        if self.chance(0.6):
            shown = "f'/p/{" + self.read["SEGMENT"] + "}'"
            prefix = r.choice((repr("/" + r.choice(WORDS)), self.read["PREFIX"], "BASE", "BASE + '/sub'", shown))
            given.append(f"prefix={prefix}")
        if self.chance(0.4):
            given.append(f"tags=['{r.choice(WORDS)}']")
        if self.chance(0.4):
            given.append(f"dependencies={self.markers()}")
        made = f"APIRouter({', '.join(given)})"
        style = r.choice(("plain", "plain", "plain", "function", "class", "subclass", "mapping", "holder"))
        if style == "function":
            out.append(f"def build(extra={r.choice(('True', 'False'))}):")
            out.append(f"    router = {made}")
            self.routes(out, "router", "    ", nested=True)
            out += ["    if extra:", f"        @router.get({self.path()})", "        def only_extra(): return 1", "    return router"]
            return module, r.choice(("build()", "build(extra=False)", "build(True)"))
        if style == "class":
            out += ["class Views:", "    def __init__(self, word):", "        self.word = word", f"        self.router = {made}",
                    f"        self.router.add_api_route({self.path()} + '/' + word, self.show, methods=['GET']{self.options()})",
                    f"        self.router.post({self.path()}{self.options()})(self.make)",
                    f"    def show(self, {self.signature()}): return self.word", "    async def make(self): return self.word", f"views = Views('{r.choice(WORDS)}')"]
            return module, "views.router"
        if style == "subclass":
            out += ["class Own(APIRouter):", "    def __init__(self, *args, **kwargs):", f"        kwargs.setdefault('prefix', '/{r.choice(WORDS)}own')", "        super().__init__(*args, **kwargs)",
                    "    def both(self, path, **kwargs):", "        def take(f):", "            self.add_api_route(path, f, methods=['GET', 'POST'], **kwargs)", "            return f", "        return take",
                    f"router = Own({', '.join(given)})", f"@router.both({self.path()}{self.options()})", f"def handled({self.signature()}): return 1"]
        elif style == "mapping":
            out += [f"routers = {{'main': {made}, 'other': APIRouter()}}", "router = routers['main']"]
        elif style == "holder":
            out += ["class Holder: pass", "holder = Holder()", f"holder.router = {made}", "router = holder.router"]
        else:
            out.append(f"router = {made}")
        self.routes(out, "router", "", nested=False)
        if self.chance(0.3):
            out += [f"inner = APIRouter(prefix='/inner{number}')", f"@inner.get({self.path()})", f"def inside({self.signature()}): return 1", f"router.include_router(inner{self.included()})"]
        if self.chance(0.2):
            out.append("__all__ = ['router']")
        return module, "router"

    def included(self) -> str:
        r = self.random
        given = []
        if self.chance(0.4):
            given.append(f"prefix={r.choice((repr('/inc'), self.read['PREFIX']))}")
        if self.chance(0.3):
            given.append(f"tags=['{r.choice(WORDS)}']")
        if self.chance(0.3):
            given.append(f"dependencies={self.markers()}")
        return "".join(f", {g}" for g in given)

    def routes(self, out: list[str], router: str, indent: str, *, nested: bool) -> None:
        for _ in range(self.random.randint(1, 4)):
            for line in self.registered(router):
                out.append(indent + line)

    def registered(self, router: str) -> list[str]:
        r = self.random
        name, method = self.fresh("h"), r.choice(METHODS)
        how = r.choice(("decorator", "decorator", "decorator", "async", "api_route", "add", "call", "loop", "several", "wrapped", "partial", "socket",
                        "mapping", "condition", "ternary", "table", "comprehension", "lambda", "getattr", "try", "for_else", "while"))
        path, options, signature = self.path(), self.options(), self.signature()
        read = self.read
        plain = f"def {name}({signature}): return 1"
        if how == "async":
            return [f"@{router}.{method}({path}{options})", f"async {plain}"]
        if how == "api_route":
            return [f"@{router}.api_route({path}, methods={r.choice((['GET'], ['PUT', 'POST'], ['DELETE']))}{options})", plain]
        if how == "add":
            return [plain, f"{router}.add_api_route({path}, {name}{r.choice((', methods=[' + repr(method.upper()) + ']', ''))}{options})"]
        if how == "call":
            return [plain, f"{router}.{method}({path}{options})({name})"]
        if how == "loop":
            return [f"for word in {r.choice((('a', 'b'), ['c'], ('d', 'e', 'f')))}:", f"    @{router}.{method}({path} + '-' + word{options})", f"    {plain}"]
        if how == "several":
            return [f"@{router}.get({path}{options})", f"@{router}.{r.choice(('post', 'put'))}({self.path()})", plain]
        if how == "wrapped":
            return [f"def logged{name}(f):", "    @wraps(f)", "    def inner(*args, **kwargs): return f(*args, **kwargs)", "    return inner", f"@{router}.{method}({path}{options})", f"@logged{name}", plain]
        if how == "partial":
            return [f"def base_{name}(kind, {signature}): return kind", f"{router}.add_api_route({path}, partial(base_{name}, 'k'), name='part', methods=['GET'])"]
        if how == "socket":
            return [f"@{router}.websocket({path})", f"async def {name}(socket: WebSocket, {signature.replace('request: Request = None', '')}): pass"]
        if how == "mapping":
            return [plain, "for kind, verbs in {'x': ['GET'], 'y': ['POST', 'PUT']}.items():", f"    {router}.add_api_route({path} + '/' + kind, {name}, methods=verbs)"]
        if how == "condition":
            return [f"if {r.choice((read['EXTRA'], 'not ' + read['EXTRA']))}:", f"    @{router}.{method}({path}{options})", f"    {plain}", "else:", f"    @{router}.{method}({self.path()})", f"    def {name}_else(): return 2"]
        if how == "ternary":
            return [f"@{router}.{method}({path} if {read['EXTRA']} else {self.path()}{options})", plain]
        if how == "table":
            other = self.fresh("h")
            return [plain, f"async def {other}(): return 2", f"TABLE = [({path}, {name}, 'GET'), ({self.path()}, {other}, 'POST')]", "for where, what, verb in TABLE:", f"    {router}.add_api_route(where, what, methods=[verb])"]
        if how == "comprehension":
            return [plain, f"[{router}.add_api_route({path} + str(n), {name}, methods=['GET']) for n in range({r.randint(1, 3)})]"]
        if how == "lambda":
            return [f"register{name} = lambda where, f: {router}.add_api_route(where, f, methods=['POST'])", plain, f"register{name}({path}, {name})"]
        if how == "getattr":
            return [f"@getattr({router}, '{method}')({path}{options})", plain]
        if how == "try":
            return ["try:", f"    {r.choice(('raise RuntimeError', 'pass'))}", "except ValueError:", "    kind = 'value'", "except RuntimeError:", "    kind = 'run'", "else:", "    kind = 'none'", f"@{router}.{method}({path} + '-' + kind{options})", plain]
        if how == "for_else":
            return [f"for candidate in {r.choice((('x', 'y'), ('z', 'w')))}:", "    if candidate == 'y':", "        break", "else:", "    candidate = 'last'", f"@{router}.{method}({path} + '-' + candidate{options})", plain]
        if how == "while":
            return ["n = 2", "while n:", "    n -= 1", f"    @{router}.{method}({path} + str(n){options})", f"    {plain}"]
        return [f"@{router}.{method}({path}{options})", plain]

    # the application

    def main(self, routers: list[tuple[str, str]]) -> None:
        r = self.random
        out = self.files["main"]
        use = self.use.replace("from ..", "from .")
        out += ["import importlib", "from functools import partial, wraps", "from fastapi import APIRouter, Depends, FastAPI, Query, Request, WebSocket, status", "from http import HTTPStatus", "from typing import Annotated", f"from .deps import {', '.join(self.dependencies)}, Current", use, "BASE = '/main'", *self.declared(".")]
        if self.inputs:
            self.files["inputs"] = DECLARED.strip().splitlines()
        given = ["title='Shop'"]
        if self.chance(0.25):
            given.append(f"dependencies={self.markers()}")
        if self.chance(0.2):
            given.append("docs_url=None")
        style = r.choice(("plain", "plain", "factory", "class"))
        indent = "    " if style == "factory" else ""
        lines: list[str] = []
        imports, names = [], []
        for number, (module, expression) in enumerate(routers):
            name = f"router{number}"
            how = r.choice(("module", "alias", "import_module"))
            short = module.rpartition(".")[2]
            if how == "alias" and "(" not in expression and "." not in expression:
                imports.append(f"from .{module} import {expression} as {name}")
                names.append(name)
            elif how == "import_module":
                imports.append(f"{name} = importlib.import_module('{self.package}.{module}').{expression}")
                names.append(name)
            else:
                imports.append(f"from .routers import {short}")
                names.append(f"{short}.{expression}")
        out += imports
        way = r.choice(("each", "loop", "nested", "enumerate", "api"))
        if way == "each":
            lines += [f"app.include_router({n}{self.included()})" for n in names]
        elif way == "loop":
            lines += [f"for each in [{', '.join(names)}]:", f"    app.include_router(each{self.included()})"]
        elif way == "enumerate":
            lines += [f"for number, each in enumerate(({', '.join(names)},), start=1):", "    app.include_router(each, prefix=f'/n{number}')"]
        elif way == "nested":
            lines += [f"api = APIRouter(prefix='/api'{', dependencies=' + self.markers() if self.chance(0.4) else ''})", *[f"api.include_router({n}{self.included()})" for n in names], f"app.include_router(api{self.included()})"]
        else:
            lines += ["def attach(target, *several, **options):", "    for one in several:", "        target.include_router(one, **options)", f"attach(app, {', '.join(names)}{self.included()})"]
        lines += self.registered("app")
        for _ in range(r.randint(0, 3)):
            imported, more = self.arranged()
            out += imported
            lines += more
        if self.chance(0.3):
            lines += [f"sub = FastAPI({'dependencies=' + self.markers() if self.chance(0.4) else ''})", f"@sub.get({self.path()})", f"def in_sub({self.signature()}): return 1", "app.mount('/sub', sub)"]
        if style == "factory":
            out += ["def create_app(debug: bool = False) -> FastAPI:", f"    app = FastAPI({', '.join(given)})", *[indent + line for line in lines], "    return app", "app = create_app()"]
        elif style == "class":
            out += ["class Shop(FastAPI):", "    def __init__(self, **kwargs):", "        super().__init__(**kwargs)", "        self.add_api_route('/own', self.own, methods=['GET'])", "    def own(self): return 1", f"app = Shop({', '.join(given)})", *lines]
        else:
            out += [f"app = FastAPI({', '.join(given)})", *lines]


    def arranged(self) -> tuple[list[str], list[str]]:
        """A module put together in a way of its own: what main imports, and what it then does to ``app``."""
        r = self.random
        module, n = self.fresh("m"), self.count
        arrangement = r.choice(ARRANGEMENTS)
        given = {
            "m": module, "n": n, "path": self.path(), "other": self.path(), "signature": self.signature(),
            "options": self.options(), "included": self.included(), "extra": self.read["EXTRA"],
            "flag": r.choice((True, False)), "word": repr(r.choice(("a", "b", "cat", "zoo"))),
            "choice": r.choice(("", ", word='other'")), "registered": indent("\n".join(self.registered("app")), "    "),
        }
        body, imports, main = (Template(text.strip()).substitute(given).splitlines() for text in arrangement)
        future = ["from __future__ import annotations"] if self.chance(0.2) else []
        self.files[module] = [*future, *HEAD.strip().splitlines(), *self.near(), "BASE = '/b'", *self.declared("."), *body]
        return imports, main

    def near(self) -> list[str]:
        """What a module beside main imports of the package."""
        return [f"from .deps import {', '.join(self.dependencies)}, Current", self.use.replace("from ..", "from .")]

    def declared(self, dots: str) -> list[str]:
        """The imports of what inputs are declared with."""
        return [line.replace("from ..", f"from {dots}") for line in INPUTS] if self.inputs else []


def application(seed: int, *, inputs: bool = False) -> dict[str, str]:
    """The files of the application of a seed; ``shop<seed>.main:app`` serves it.

    ``inputs`` gives its handlers parameters of all kinds.
    """
    return Application(seed, inputs).written()
