"""Who is asked before a route runs: refusals in code, in middleware, by name, and hints of what cannot be followed."""

from __future__ import annotations

import pytest

from readybook import Project
from readybook.facts.authentication import guarding_middleware
from readybook.facts.callers import hint

HEAD = ("from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Request, Response\n"
        "from fastapi.responses import JSONResponse\n\napp = FastAPI()\n\n\n")


def the_route(text: str, **more: str):
    facts = Project.from_files({"main.py": HEAD + text, **{f"{k}.py": v for k, v in more.items()}}).facts
    return facts, facts.routes[-1]


@pytest.mark.parametrize("text", [
    "@app.post('/')\ndef add(request: Request):\n    if not request.headers:\n"
    "        return JSONResponse({}, status_code=401)\n",
    "class NotAuthenticatedError(Exception):\n    pass\n\n\ndef must(user=None):\n    if not user:\n"
    "        raise NotAuthenticatedError\n\n\n@app.post('/', dependencies=[Depends(must)])\ndef add(): ...\n",
    "class PermissionDenied(Exception):\n    pass\n\n\ndef service():\n    raise PermissionDenied('no')\n\n\n"
    "@app.post('/')\ndef add():\n    service()\n",
    "@app.post('/')\ndef add(x_token: str = Header()):\n    if x_token != 'a':\n"
    "        raise HTTPException(400, 'no')\n",
    "import hmac\n\n\ndef key(api_key: str = Header()):\n    if not hmac.compare_digest(api_key, 'a'):\n"
    "        raise HTTPException(404)\n\n\n@app.post('/', dependencies=[Depends(key)])\ndef add(): ...\n",
])
def test_answers_and_errors_of_ones_own_refuse_too(text):
    facts, route = the_route(text)
    assert facts.guarded(route)


ROUTE_CLASS = ("from fastapi import APIRouter\nfrom fastapi.routing import APIRoute\n\n\nclass AuthError(Exception):\n"
               "    pass\n\n\nclass Asking(APIRoute):\n    def session(self, request):\n"
               "        if not request.cookies.get('s'):\n            %s\n\n    def get_route_handler(self):\n"
               "        inner = super().get_route_handler()\n\n        async def handler(request: Request):\n"
               "            request.state.session = self.session(request)\n            return await inner(request)\n\n"
               "        return handler\n\n\nclass Own(Asking):\n    pass\n\n\nrouter = APIRouter(route_class=Own)\n"
               "@router.post('/')\ndef add(): ...\n\n\nouter = APIRouter()\nouter.include_router(router)\n"
               "@app.get('/open')\ndef free(): ...\n\n\napp.include_router(outer)\n")


@pytest.mark.parametrize(("line", "asked"), [("raise AuthError('no')", True), ("raise HTTPException(401)", True),
                                             ("raise OAuthError()", False), ("print('nobody')", False)])
def test_a_class_of_route_refuses_around_its_handlers(line, asked):
    text = ROUTE_CLASS.replace("class Asking", "class OAuthError(Exception):\n    pass\n\n\nclass Asking") % line
    facts, route = the_route(text)
    assert facts.guarded(route) is asked
    assert not facts.guarded(facts.routes[0])


DECORATOR = ("from functools import wraps\n\n\ndef log(func):\n    @wraps(func)\n"
             "    async def wrapper(*args, **kwargs):\n        return await func(*args, **kwargs)\n"
             "    return wrapper\n\n\n@app.delete('/')\n@log\ndef drop():\n    raise HTTPException(403)\n\n\n"
             "def around(func):\n    @wraps(func)\n    async def wrapper(*args, **kwargs):\n%s    return wrapper\n\n\n"
             "@app.post('/')\n@log\n@around\n@log\nasync def add(request: Request): ...\n")


def test_a_decorator_of_the_handler_refuses():
    facts, route = the_route(DECORATOR % (
        "        if not kwargs['request'].headers:\n            raise HTTPException(401)\n"
        "        return await func(*args, **kwargs)\n"))
    assert facts.guarded(route)


@pytest.mark.parametrize("body", [
    "        return await func(*args, **kwargs)\n",
    "        try:\n            return await func(*args, **kwargs)\n        except PermissionError:\n"
    "            raise HTTPException(403)\n",
])
def test_a_decorator_that_refuses_nobody_by_itself_guards_no_handler(body):
    facts, route = the_route(DECORATOR % body)
    assert not facts.guarded(route)
    assert facts.guarded(facts.routes[0])  # the one that refuses in its own body, under the same decorator


@pytest.mark.parametrize(("caught", "asked"), [
    ("except InvalidTokenError:\n        return None", False), ("except Known:\n        return None", False),
    ("except InvalidTokenError:\n        raise", True), ("except Exception:\n        return None", True),
    ("except KeyError:\n        return None", True)])
def test_a_refusal_that_a_caller_catches_by_its_name_refuses_nobody(caught, asked):
    text = ("class Known(Exception):\n    pass\n\n\nclass InvalidTokenError(Known):\n    pass\n\n\n"
            "def parsed(text):\n    if '.' not in text:\n        raise InvalidTokenError\n    return text\n\n\n"
            f"def clean(text):\n    try:\n        return parsed(text)\n    {caught}\n\n\n"
            "@app.get('/')\ndef read(text: str):\n    return clean(text)\n")
    facts, route = the_route(text)
    assert facts.guarded(route) is asked


@pytest.mark.parametrize(("status", "asked"), [("401", True), ("422", False), ("code", False)])
def test_an_error_that_a_helper_makes_keeps_its_status_whatever_the_annotation(status, asked):
    text = ("def failed(text: str, code: int = 0) -> HTTPException:\n"
            f"    return HTTPException(status_code={status}, detail=text)\n\n\n"
            "@app.get('/')\ndef read(request: Request):\n    if not request.headers:\n        raise failed('no')\n")
    facts, route = the_route(text)
    assert facts.guarded(route) is asked


@pytest.mark.parametrize("test", ["any(request.url.path.startswith(p) for p in FREE)", "request.url.path in FREE"])
def test_what_follows_a_test_of_several_texts_is_read(test):
    text = ("FREE = ['/a', '/b']\n\n\n@app.get('/')\ndef read(request: Request):\n"
            f"    if {test}:\n        return 1\n    raise HTTPException(401)\n")
    facts, route = the_route(text)
    assert facts.guarded(route)


@pytest.mark.parametrize(("path", "takes", "asked"), [
    ("/auth/google", "credential: str = Body(embed=True)", False), ("/verify-email/{token}", "token: str", False),
    ("/magic-link", "token: str", False), ("/oauth/callback", "code: str, state: str", False),
    ("/password/reset", "email: str = Body(embed=True)", False),
    ("/webhook/verify", "token: str", True), ("/jobs", "token: str", True), ("/verify", "secret: str", True),
    ("/verify", "token: str, x_user: str = Header()", True), ("/verify", "token: str, request: Request", True)])
def test_who_shows_a_proof_that_was_mailed_is_not_known_yet(path, takes, asked):
    text = f"from fastapi import Body\n\n\n@app.post('{path}')\ndef enter({takes}):\n    raise HTTPException(401)\n"
    facts, route = the_route(text)
    assert facts.guarded(route) is asked


def test_what_another_handler_under_the_same_decorator_calls_guards_none_but_that_one():
    text = ("from functools import wraps\n\n\ndef log(func):\n    @wraps(func)\n"
            "    async def wrapper(*args, **kwargs):\n        return await func(*args, **kwargs)\n"
            "    return wrapper\n\n\ndef owned(request):\n    raise HTTPException(403)\n\n\n"
            "@app.post('/')\n@log\nasync def add(request: Request):\n    return owned(request)\n\n\n"
            "@app.get('/')\n@log\nasync def read(request: Request):\n    return 1\n")
    facts, _ = the_route(text)
    assert [facts.guarded(r) for r in facts.routes] == [True, False]


@pytest.mark.parametrize("status", [401, 409])
def test_every_closure_of_a_factory_refuses_what_the_first_one_refuses(status):
    text = ("def role(*wanted):\n    async def checker(request: Request):\n"
            "        found = request.headers.get('role')\n        if found not in wanted:\n"
            f"            raise HTTPException({status})\n        return found\n\n    return checker\n\n\n"
            "@app.get('/a', dependencies=[Depends(role('a'))])\ndef one(): ...\n\n\n"
            "@app.get('/b')\ndef two(found=Depends(role('a', 'b'))): ...\n")
    facts, _ = the_route(text)
    assert [facts.guarded(r) for r in facts.routes] == [status == 401] * 2


@pytest.mark.parametrize("text", [
    "@app.post('/')\ndef add():\n    raise HTTPException(404)\n",
    "class OutOfStock(Exception):\n    pass\n\n\n@app.post('/')\ndef add():\n    raise OutOfStock\n",
    "@app.post('/')\ndef add():\n    return JSONResponse({}, 201)\n",
    "@app.post('/')\ndef add(version: str):\n    if version != 'a':\n        raise HTTPException(400)\n",
    "@app.post('/')\ndef add(n: int, cursor_token: int = 0):\n    if cursor_token != n:\n        n = 1\n",
])
def test_other_errors_and_answers_refuse_nobody(text):
    facts, route = the_route(text)
    assert not facts.guarded(route) and hint(facts.behaviour, route) == ""


@pytest.mark.parametrize(("text", "words"), [
    ("from elsewhere import *\n\n\n@app.post('/', dependencies=[maker('x')])\ndef add(): ...\n", "not known"),
    ("def get_current_user(): ...\n\n\n@app.post('/')\ndef add(u=Depends(get_current_user)): ...\n", "current_user"),
    ("from web import login_required\n\n\n@app.post('/')\n@login_required\ndef add(): ...\n", "login_required"),
    ("@app.post('/')\ndef add(x_api_key: str = Header()): ...\n", "x-api-key"),
    ("@app.post('/')\ndef add(session_id: str = Cookie()): ...\n", "session_id"),
    ("@app.post('/')\ndef add(request: Request):\n    return request.headers.get('Authorization')\n", "credentials"),
    ("from acl import enforce_access\n\n\n@app.post('/')\ndef add():\n    enforce_access()\n", "enforce_access"),
])
def test_what_may_ask_is_said(text, words):
    facts, route = the_route(text)
    assert not facts.guarded(route)
    assert words in hint(facts.behaviour, route)


@pytest.mark.parametrize("text", [
    "def get_db(): ...\n\n\n@app.post('/')\ndef add(db=Depends(get_db)):\n    db.add(1)\n    db.commit()\n",
    "@app.post('/')\ndef add(request: Request, page: int = 1):\n    return request.headers.get('User-Agent')\n",
])
def test_sessions_and_plain_headers_are_no_hint(text):
    facts, route = the_route(text)
    assert hint(facts.behaviour, route) == ""


def test_middleware_that_refuses_is_found_and_other_middleware_is_not():
    timing = "@app.middleware('http')\nasync def timing(request, call_next):\n    return await call_next(request)\n"
    asking = ("\n\n@app.middleware('http')\nasync def ask(request, call_next):\n    if not request.headers:\n"
              "        return Response('', 403)\n    return await call_next(request)\n")
    plain, _ = Project.from_files({"main.py": HEAD + timing}).facts, None
    assert guarding_middleware(plain.behaviour, plain.apps[0]) is None
    both = Project.from_files({"main.py": HEAD + timing + asking}).facts
    found = guarding_middleware(both.behaviour, both.apps[0])
    assert found is not None and found.path.endswith("ask")


@pytest.mark.parametrize(("asked", "status", "answer", "guards"), [
    ("not request.headers.get('authorization')", 401, "return JSONResponse({}, error.status_code)", True),
    ("not read(request.headers.get('x-token'))", 400, "return JSONResponse({}, error.status_code)", True),
    ("not request.headers.get('authorization')", 401, "return await call_next(request)", False),
    ("request.headers.get('host') != 'a'", 403, "return JSONResponse({}, error.status_code)", False),  # asks nobody
])
def test_middleware_that_answers_with_what_it_caught_refuses(asked, status, answer, guards):
    text = ("def read(value):\n    if value != 'a':\n        raise HTTPException(403)\n    return value\n\n\n"
            "@app.middleware('http')\nasync def ask(request, call_next):\n    try:\n"
            f"        if {asked}:\n            raise HTTPException({status})\n        return await call_next(request)\n"
            f"    except HTTPException as error:\n        {answer}\n")
    facts = Project.from_files({"main.py": HEAD + text}).facts
    assert (guarding_middleware(facts.behaviour, facts.apps[0]) is not None) is guards


@pytest.mark.parametrize(("made", "call"), [
    ("JSONResponse({}, status_code=code)", "answer(401, request)"),
    ("Response('', code)", "answer(code=403, request=request)"),
    ("Response('', 200)", ""), ("JSONResponse({}, status_code=code)", ""),
])
def test_an_answer_by_a_function_that_is_given_the_status_refuses(made, call):
    text = (f"def answer(code: int, request: Request):\n    return {made}\n\n\n@app.middleware('http')\n"
            "async def ask(request, call_next):\n    if not request.headers:\n"
            f"        return {call or 'answer(302, request)'}\n    return await call_next(request)\n")
    facts = Project.from_files({"main.py": HEAD + text}).facts
    assert (guarding_middleware(facts.behaviour, facts.apps[0]) is not None) is bool(call)


@pytest.mark.parametrize(("body", "guarded"), [
    ("    if ws.headers.get('authorization') is None:\n        raise WebSocketException(code=1008)\n", True),
    ("    if not ws.headers:\n        raise WebSocketException(4403)\n", True),
    ("    if not ws.headers:\n        raise WebSocketException(code=1008)\n", False),
    ("    if ws.query_params.get('token') is None:\n        await ws.close(code=1000)\n", False),
])
def test_a_web_socket_that_is_closed_to_who_may_not_use_it(body, guarded):
    text = ("from fastapi import Depends, FastAPI, WebSocket, WebSocketException\napp = FastAPI()\n\n\n"
            f"async def asked(ws: WebSocket):\n{body}\n\n@app.websocket('/ws')\n"
            "async def ws(ws: WebSocket, who=Depends(asked)): ...\n")
    facts = Project.from_files({"main.py": text}).facts
    assert [facts.guarded(r) for r in facts.routes] == [guarded]
