"""Which routes meet a finding, on a small service."""

from __future__ import annotations

import pytest

from readybook import Finding, Place, Project
from readybook.exposure import exposed
from readybook.finding import Reach
from readybook.service import service

FILES = {
    "app/main.py": """\
from fastapi import Depends, FastAPI
from fastapi.security import OAuth2PasswordBearer
from app.store import Store, save

scheme = OAuth2PasswordBearer(tokenUrl="token")
store = Store()


def user(token: str = Depends(scheme)):
    return token


def create():
    app = FastAPI()
    configure(app)
    return app


def configure(app):
    app.title = "t"


app = create()


@app.get("/open")
def open_():
    return save(1)


@app.get("/mine")
def mine(name: str = Depends(user)):
    return save(2)


@app.get("/other")
def other(name: str = Depends(user)):
    return only_here()


def only_here():
    return 1


def nobody_calls():
    return 2
""",
    "app/store.py": "class Store:\n    def __init__(self):\n        self.rows = {}\n\n\ndef save(n):\n    return n\n",
    "tests/test_app.py": "def test_it():\n    assert 1\n",
    "scripts/seed.py": "def seed():\n    return 1\n",
    "Dockerfile": "FROM python:3.12\n",
    "requirements.txt": "fastapi==0.115.0\nasyncpg>=0.29\n",
}
WHOLE = Reach("service", 3, 1)


@pytest.mark.parametrize(("path", "line", "reach"), [
    ("app/main.py", 1, WHOLE),                      # module level
    ("app/main.py", 13, WHOLE),                     # builds the application
    ("app/main.py", 20, WHOLE),                     # runs while the module is loaded
    ("app/main.py", 26, Reach("routes", 1, 1)),     # the decorator of a handler
    ("app/main.py", 33, Reach("routes", 1, 0)),
    ("app/main.py", 10, Reach("routes", 2, 0)),     # a dependency of two routes
    ("app/main.py", 42, Reach("routes", 1, 0)),
    ("app/main.py", 46, Reach("unclear")),
    ("app/store.py", 3, WHOLE),                     # made at module level
    ("app/store.py", 7, Reach("routes", 2, 1)),
    ("tests/test_app.py", 2, WHOLE),
    ("scripts/seed.py", 2, Reach("none")),
    ("Dockerfile", 1, WHOLE),
])
def test_who_meets_a_line(path, line, reach):
    project = Project.from_files(FILES)
    assert exposed(project, [Finding(Place(path, line), "m")]) == [reach]


def test_what_an_application_lacks_concerns_all_of_it():
    project = Project.from_files(FILES)
    assert exposed(project, [Finding(Place("app/main.py", 46), "m", app="app.main:app")]) == [WHOLE]


SIGN_INS = """
from fastapi import Body, Depends, FastAPI, Form, Header, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import BaseModel

app = FastAPI()
bearer = OAuth2PasswordBearer(tokenUrl="token")


class SignUp(BaseModel):
    name: str
    password: str


def check(name, password):
    if name != password:
        raise HTTPException(401)


def known(username: str = Form(), password: str = Form()):
    return check(username, password)


@app.post("/token")
def token(form: OAuth2PasswordRequestForm = Depends()):
    check(form.username, form.password)


@app.post("/register")
def register(body: SignUp, request: Request):
    raise HTTPException(403)


@app.post("/login")
def login(user: str = Depends(known)):
    return user


@app.post("/accounts")
def by_request(body: SignUp, request: Request):
    check(request.headers["x-key"], "a")


@app.post("/members")
def by_header(body: SignUp, key: str = Header()):
    check(key, "a")


@app.put("/password")
def change(body: SignUp, who: str = Depends(bearer)):
    return who


@app.post("/hook")
def hook(token: str = Body()):
    check(token, "a")
"""


def test_a_sign_in_is_open_to_all():
    found = service(Project.from_files({"main.py": SIGN_INS}).facts)
    assert {r.path: r.guarded for r in found.routes} == {
        "/token": False, "/register": False, "/login": False, "/accounts": True, "/members": True, "/password": True,
        "/hook": True}


def test_what_is_served():
    found = service(Project.from_files(FILES).facts)
    assert [(r.method, r.path, r.guarded) for r in found.routes] == [
        ("GET", "/open", False), ("GET", "/mine", True), ("GET", "/other", True)]
    assert [(p.name, p.version, p.certainty) for p in found.packages] == [
        ("asyncpg", "0.29", "lower bound"), ("fastapi", "0.115.0", "pinned")]
    assert type(found).from_dict(found.to_dict()) == found
