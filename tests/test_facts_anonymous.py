"""Routes whose dependencies go on without credentials: they ask who calls only where what they give is refused."""

from __future__ import annotations

import pytest

from readybook import Project

HEAD = ("from typing import Annotated\n\nfrom fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Request\n"
        "from fastapi.responses import JSONResponse, RedirectResponse\n"
        "from fastapi.security import HTTPBearer, OAuth2PasswordBearer\nimport jwt\n\nfrom store import db\n\n"
        "app = FastAPI()\nhard = OAuth2PasswordBearer('token')\n"
        "soft = OAuth2PasswordBearer('token', auto_error=False)\n\n\ndef find(token):\n    return db.one(token)\n\n\n")
MAYBE = "def maybe(token=Depends(soft)):\n    if not token:\n        return None\n    return find(token)\n\n\n"
ROUTE = "@app.post('/')\ndef add(user=Depends(maybe), page: int = 1):\n%s"


def asks(text: str) -> bool:
    facts = Project.from_files({"main.py": HEAD + text}).facts
    return facts.guarded(facts.routes[-1])


@pytest.mark.parametrize("text", [
    "@app.post('/')\ndef add(token=Depends(soft)):\n    return 1\n",
    "@app.post('/', dependencies=[Depends(soft)])\ndef add():\n    return 1\n",
    MAYBE + ROUTE % "    return {'name': user.name if user else 'nobody'}\n",
    # caught whatever it is
    "def user(token=Depends(hard)):\n    raise HTTPException(401)\n\n\ndef maybe(token=Depends(soft)):\n    try:\n"
    "        return jwt.decode(token, 'k')\n    except Exception:\n        return None\n\n\n"
    + ROUTE % "    return 1\n",
    # only a wrong token is refused, a header or cookie that is not sent is not
    "def maybe(authorization: str = Header(None)):\n    if authorization is None:\n        return None\n"
    "    raise HTTPException(401)\n\n\n" + ROUTE % "    return 1\n",
    "def maybe(request: Request):\n    token = request.cookies.get('session')\n    if token and token != 'a':\n"
    "        raise HTTPException(403)\n    return token or None\n\n\n" + ROUTE % "    return 1\n",
    # a chain of them, and one that gives False
    MAYBE + "def known(user=Depends(maybe)):\n    return bool(user)\n\n\n@app.post('/')\n"
    "def add(is_known=Depends(known)):\n    return is_known\n",
    # what else is refused hangs on the thing that is asked for
    MAYBE + ROUTE % "    item = db.item(page)\n    if item.draft:\n        if user is None:\n"
    "            raise HTTPException(403)\n    return item\n",
    # a scheme of one's own that takes the header apart as FastAPI does
    "from fastapi.security import OAuth2\nfrom fastapi.security.utils import get_authorization_scheme_param\n\n\n"
    "class Words(OAuth2):\n    async def __call__(self, request: Request):\n"
    "        scheme, word = get_authorization_scheme_param(request.headers.get('Authorization'))\n"
    "        if not word or scheme.lower() != 'token':\n            return None\n        return word\n\n\n"
    "def must(token=Depends(Words())):\n    if token is None:\n        raise HTTPException(401)\n    return token\n\n\n"
    "def maybe(token=Depends(Words())):\n    try:\n        return must(token)\n    except HTTPException:\n"
    "        return None\n\n\n" + ROUTE % "    return 1\n",
    # handed on to code that takes a None
    MAYBE + "def listed(user):\n    rows = db.all()\n    if user is not None:\n        rows = rows.of(user.id)\n"
    "    return rows\n\n\n" + ROUTE % "    return listed(user)\n",
])
def test_what_serves_everybody_asks_nobody(text):
    assert not asks(text)


@pytest.mark.parametrize("text", [
    "@app.post('/')\ndef add(token=Depends(hard)):\n    return 1\n",
    "@app.post('/')\ndef add(token=Depends(soft)):\n    if not token:\n"
    "        raise HTTPException(401)\n    return 1\n",
    MAYBE + ROUTE % "    if user is None:\n        return JSONResponse({}, status_code=403)\n    return 1\n",
    MAYBE + ROUTE % "    if user is None:\n        return RedirectResponse('/login')\n    return 1\n",
    MAYBE + ROUTE % "    return user.name\n",  # breaks on the None
    MAYBE + "class Missing(Exception):\n    pass\n\n\n"
    + ROUTE % "    if not user:\n        raise Missing\n    return 1\n",
    # a later dependency, a helper and a decorator refuse what the first one gives
    MAYBE + "def must(user=Depends(maybe)):\n    if not user:\n        raise HTTPException(401)\n    return user\n\n\n"
    "@app.post('/')\ndef add(user=Depends(must)):\n    return 1\n",
    MAYBE + "def check(user):\n    if user is None:\n        raise HTTPException(401)\n\n\n"
    + ROUTE % "    check(user)\n    return 1\n",
    "def tell(given):\n    if given is None:\n        raise HTTPException(401)\n    return find(given)\n\n\n"
    "bearer = HTTPBearer(auto_error=False)\n\n\ndef user(given=Depends(bearer)):\n    return tell(given)\n\n\n"
    "@app.post('/')\ndef add(user=Depends(user)):\n    return 1\n",
    # a switch that stands in the code, and what is counted
    "class Items:\n    public = False\n\n\ndef claims(token):\n    if token is None:\n        return {}\n"
    "    return jwt.decode(token, 'k')\n\n\ndef check(public, token):\n    if public is True:\n        return {}\n"
    "    found = claims(token)\n    if found is None or len(found) == 0:\n        raise HTTPException(401)\n"
    "    return found\n\n\n@app.post('/')\ndef add(token=Depends(soft)):\n"
    "    return check(Items.public, token)\n",
    # not to be told: a key of the settings decides, unseen code is given the None, the result of a test on it decides
    "def maybe(token=Depends(soft)):\n    if db.open:\n        return None\n    raise HTTPException(401)\n\n\n"
    + ROUTE % "    return 1\n",
    "def maybe(token=Depends(soft)):\n    return jwt.decode(token, 'k')\n\n\n" + ROUTE % "    return 1\n",
    MAYBE + ROUTE % "    if not db.may(user):\n        raise HTTPException(403)\n    return 1\n",
    "from gate import enter\n\n\n@app.post('/')\ndef add(request: Request, token=Depends(soft)):\n"
    "    return unknown(request)\n",
    MAYBE + "def check(user):\n    if user is None:\n        raise HTTPException(401)\n\n\n"
    + ROUTE % "    def inner():\n        check(user)\n\n    return inner()\n",
    # what takes a password is no sign-in where it asks who calls
    "@app.put('/users')\ndef add(request: Request, password: str, token=Depends(soft)):\n"
    "    if request.user.id != db.id:\n        raise HTTPException(403)\n    return 1\n",
    # a subclass of a scheme that looks for itself
    "class Bearer(HTTPBearer):\n    async def __call__(self, request: Request):\n"
    "        found = await super().__call__(request)\n        return found\n\n\n@app.post('/')\n"
    "def add(user=Depends(Bearer())):\n    return 1\n",
])
def test_what_refuses_or_may_refuse_asks(text):
    assert asks(text)


@pytest.mark.parametrize(("test", "asked"), [
    ("request.url.path in FREE", [False, True, True]), ("path in {'/login'}", [False, True, True]),
    ("path.startswith('/log')", [False, True, True]), ("path.startswith(tuple(FREE))", [False, True, True]),
    ("any(path.startswith(p) for p in FREE)", [False, True, True]), ("path not in ('/items', '/items/{n}')",
                                                                      [False, True, True]),
    ("request.scope['path'] == '/login'", [False, True, True]),
    ("path.startswith('/items/1')", [True, True, True]),  # may be, may be not
    ("path.endswith('x')", [True, True, True]), ("path in db.free()", [True, True, True]),
    ("path in FREE and db.free", [True, True, True])])
def test_a_guard_that_lets_some_paths_through_guards_the_others(test, asked):
    text = ("FREE = ['/login', '/docs']\n\n\ndef must(request: Request):\n    path = request.url.path\n"
            f"    if {test}:\n        return None\n    if not request.headers.get('Authorization'):\n"
            "        raise HTTPException(401)\n    return 1\n\n\napp = FastAPI(dependencies=[Depends(must)])\n\n\n"
            "@app.post('/login')\ndef login(): ...\n\n\n@app.get('/items')\ndef items(): ...\n\n\n"
            "@app.get('/items/{n}')\ndef item(n: int): ...\n")
    facts = Project.from_files({"main.py": HEAD + text}).facts
    assert [facts.guarded(r) for r in facts.routes] == asked


def test_a_view_is_given_what_its_attributes_depend_on():
    view = (MAYBE + "from fastapi import APIRouter\nfrom fastapi_utils.cbv import cbv\n\nrouter = APIRouter()\n\n\n"
            "@cbv(router)\nclass Items:\n    user: object = Depends(maybe)\n\n    @router.post('/items')\n"
            "    def add(self):\n        return %s\n\n\napp.include_router(router)\n")
    assert not asks(view % "self.user.name if self.user else 1")
    assert asks(view % "self.user.name")
