"""Engines, settings, environment variables and authentication as facts."""

from __future__ import annotations

import pytest

from readybook import Project
from readybook.facts.values import FromEnv, Unknown

HEAD = "from sqlalchemy import create_engine\nfrom sqlalchemy.ext.asyncio import create_async_engine\nimport os\n"


def facts(files: dict[str, str]):
    return Project.from_files(files).facts


@pytest.mark.parametrize(("line", "files", "expected"), [
    ("create_engine('postgresql+psycopg2://a@b/c')", {}, ("postgresql", "psycopg2")),
    ("create_engine('sqlite:///./x.db')", {}, ("sqlite", "pysqlite")),
    ("create_async_engine(f\"postgresql+asyncpg://{os.environ['U']}@db/x\")", {}, ("postgresql", "asyncpg")),
    ("create_async_engine(os.environ['URL'])", {"requirements.txt": "asyncpg==0.30.0\n"}, ("postgresql", "asyncpg")),
    ("create_async_engine(os.environ['URL'])", {"requirements.txt": "asyncpg\naiomysql\n"}, (None, None)),
    ("create_engine('postgresql://a@b/c')", {"requirements.txt": "sqlalchemy==2.1.9\n"}, ("postgresql", "psycopg")),
    ("create_engine('postgresql://a@b/c')", {"requirements.txt": "sqlalchemy==2.0.36\n"}, ("postgresql", "psycopg2")),
    ("create_engine('postgres://a@b/c'.replace('postgres://', 'postgresql+psycopg://'))", {},
     ("postgresql", "psycopg")),
    ("create_engine(os.environ['URL'])", {}, (None, None)),
])
def test_backend_and_driver_of_an_engine(line, files, expected):
    engine, = facts({"app/db.py": f"{HEAD}engine = {line}\n", **files}).engines
    assert (engine.backend, engine.driver) == expected
    assert engine.is_async == line.startswith("create_async")


def test_an_engine_behind_settings_in_another_module():
    files = {
        "app/config.py": "from pydantic import PostgresDsn, computed_field\n"
        "from pydantic_settings import BaseSettings\n\n\n"
        "class Settings(BaseSettings):\n    host: str\n\n    @computed_field\n    @property\n"
        "    def dsn(self) -> PostgresDsn:\n"
        "        return PostgresDsn.build(scheme='postgresql+psycopg', host=self.host)\n\n\nsettings = Settings()\n",
        "app/db.py": f"{HEAD}from app.config import settings\nengine = create_engine(str(settings.dsn), pool_size=7)\n",
    }
    engine, = facts(files).engines
    assert (engine.backend, engine.driver, engine.kwargs) == ("postgresql", "psycopg", {"pool_size": 7})


def test_fields_of_settings_classes_and_their_variables():
    files = {"app/config.py": "from pydantic import Field, SecretStr\n"
        "from pydantic_settings import BaseSettings, SettingsConfigDict\n\n\n"
             "class Base(BaseSettings):\n"
             "    model_config = SettingsConfigDict(env_prefix='shop_', env_file='.env')\n    debug: bool = False\n\n\n"
             "class Settings(Base):\n    key: SecretStr\n"
             "    url: str = Field('redis://x', validation_alias='REDIS_URL')\n\n\n"
             "settings = Settings()\n"}
    found = facts(files)
    cls = next(c for c in found.settings_classes if c.path.endswith(".Settings"))
    assert [(f.name, f.env, f.required) for f in cls.fields] == [
        ("debug", "SHOP_DEBUG", False), ("key", "SHOP_KEY", True), ("url", "REDIS_URL", False)]
    assert cls.instances == ("config:settings",) or cls.instances == ("app.config:settings",)
    assert {(v.name, v.secret) for v in found.variables} == {
        ("SHOP_DEBUG", False), ("SHOP_KEY", True), ("REDIS_URL", False)}


def test_plain_reads_of_the_environment():
    found = facts({"main.py": "import os\nA = os.getenv('A', 'x')\nB = os.environ['B']\n"
        "C = os.environ.get('C')\n"}).variables
    assert [(v.name, v.required) for v in found] == [("A", False), ("B", True), ("C", False)]
    assert [v.default for v in found if v.name != "B"] == ["x", None]
    assert isinstance(next(v for v in found if v.name == "B").default, Unknown)


def test_a_setting_is_followed_to_where_it_is_used():
    files = {"app/config.py": "import os\nORIGINS = os.getenv('ORIGINS', 'a,b').split(',')\n",
             "app/main.py": "from fastapi import FastAPI\nfrom app.config import ORIGINS\n"
             "app = FastAPI(title=ORIGINS)\n"}
    title = facts(files).apps[0].kwargs["title"]
    assert isinstance(title, FromEnv) and (title.name, title.default) == ("ORIGINS", ["a", "b"])


GUARDS = """
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer

scheme = OAuth2PasswordBearer(tokenUrl="token")


class Forbidden(HTTPException):
    def __init__(self) -> None:
        super().__init__(status_code=403, detail="no")


def session():
    yield 1


def user(token: str = Depends(scheme)) -> str:
    return token


def check(request: Request) -> None:
    verify(request)


def verify(request: Request) -> None:
    if not request.headers:
        raise Forbidden()


def found(number: int) -> int:
    raise HTTPException(status_code=404)


app = FastAPI()


@app.get("/open", dependencies=[Depends(session)])
def open_(): ...


@app.get("/user")
def by_scheme(u: str = Depends(user)): ...


@app.get("/check", dependencies=[Depends(check)])
def by_refusal(): ...


@app.get("/found")
def not_found(n: int = Depends(found)): ...


@app.get("/self")
def by_itself(request: Request):
    if not request.headers.get("x"):
        raise HTTPException(401)
"""


def test_a_session_is_no_authentication_but_a_scheme_and_a_refusal_are():
    found = facts({"main.py": GUARDS})
    assert {r.path: found.guarded(r) for r in found.routes} == {
        "/open": False, "/user": True, "/check": True, "/found": False, "/self": True}
